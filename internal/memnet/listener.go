package memnet

import "net"

// backlogMax is the number of connections that wait to be accepted; a dialler
// beyond them waits too, as with Linux's SYN queue. Redis's tcp-backlog.
const backlogMax = 511

type listener struct {
	host *Host
	port int

	// Guarded by host.net.mu.
	backlog []*end
	closed  bool
	wake    chan struct{} // closed and replaced when Accept should look again
}

func (l *listener) Accept() (net.Conn, error) {
	n := l.host.net
	n.mu.Lock()
	defer n.mu.Unlock()
	for {
		if l.closed {
			return nil, &net.OpError{Op: "accept", Net: "tcp", Addr: l.Addr(), Err: net.ErrClosed}
		}
		if len(l.backlog) > 0 && !l.host.frozen {
			e := l.backlog[0]
			l.backlog = l.backlog[1:]
			n.wakeDiallers()
			return &conn{e}, nil
		}
		own, all := l.wake, n.wake
		n.mu.Unlock()
		select {
		case <-own:
		case <-all:
		}
		n.mu.Lock()
	}
}

func (l *listener) Close() error {
	l.host.net.mu.Lock()
	defer l.host.net.mu.Unlock()
	if l.closed {
		return &net.OpError{Op: "close", Net: "tcp", Addr: l.Addr(), Err: net.ErrClosed}
	}
	l.shut()
	l.host.net.wakeDiallers()
	return nil
}

func (l *listener) Addr() net.Addr { return l.host.addr(l.port) }

// What follows is called with the network locked.

func (l *listener) shut() {
	l.closed = true
	delete(l.host.listeners, l.port)
	for _, e := range l.backlog {
		e.shut(rstSegment)
	}
	l.backlog = nil
	l.notify()
}

func (l *listener) notify() {
	close(l.wake)
	l.wake = make(chan struct{})
}

func (n *Network) wakeDiallers() {
	close(n.wake)
	n.wake = make(chan struct{})
}

package memnet

import (
	"io"
	"net"
	"os"
	"syscall"
	"time"
)

// conn is what a program holds of an end.
type conn struct{ end *end }

func (c *conn) Read(b []byte) (n int, err error) {
	e := c.end
	err = e.await(&e.readBy, func(time.Time) (bool, error) {
		if len(b) == 0 {
			return true, nil
		}
		n, err = e.read(b)
		return n > 0, err
	})
	if err == io.EOF {
		return 0, err
	}
	return n, c.opError("read", err)
}

func (c *conn) Write(b []byte) (n int, err error) {
	e := c.end
	err = e.await(&e.writeBy, func(now time.Time) (bool, error) {
		for { // a part that was sent may have brought a reset back already
			k, err := e.write(b[n:], now)
			n += k
			if n == len(b) || err != nil {
				return true, err
			}
			if k == 0 {
				return false, nil
			}
		}
	})
	return n, c.opError("write", err)
}

// Unread reports whether bytes have arrived that nobody has read.
func (c *conn) Unread() bool {
	e := c.end
	e.link.net.mu.Lock()
	defer e.link.net.mu.Unlock()
	e.link.settle(time.Now())
	return len(e.arrived) > 0
}

// Close closes both directions. What was written still arrives.
func (c *conn) Close() error {
	e := c.end
	e.link.net.mu.Lock()
	defer e.link.net.mu.Unlock()
	if e.closed {
		return c.opError("close", net.ErrClosed)
	}
	e.shut(finSegment)
	return nil
}

// CloseWrite tells the peer that no more bytes come; reading goes on.
func (c *conn) CloseWrite() error {
	e := c.end
	e.link.net.mu.Lock()
	defer e.link.net.mu.Unlock()
	if e.closed {
		return c.opError("close", net.ErrClosed)
	}
	if !e.wrote {
		e.wrote = true
		now := time.Now()
		e.send(segment{kind: finSegment}, now)
		e.link.settle(now)
		e.link.notify()
	}
	return nil
}

func (c *conn) LocalAddr() net.Addr { return c.end.host.addr(c.end.port) }

func (c *conn) RemoteAddr() net.Addr { return c.end.peer.host.addr(c.end.peer.port) }

func (c *conn) SetDeadline(t time.Time) error { return c.setDeadlines(&t, &t) }

func (c *conn) SetReadDeadline(t time.Time) error { return c.setDeadlines(&t, nil) }

func (c *conn) SetWriteDeadline(t time.Time) error { return c.setDeadlines(nil, &t) }

func (c *conn) setDeadlines(read, write *time.Time) error {
	e := c.end
	e.link.net.mu.Lock()
	defer e.link.net.mu.Unlock()
	if e.closed {
		return c.opError("set", net.ErrClosed)
	}
	if read != nil {
		e.readBy = *read
	}
	if write != nil {
		e.writeBy = *write
	}
	e.link.notify()
	return nil
}

func (c *conn) opError(op string, err error) error {
	if err == nil {
		return nil
	}
	if errno, ok := err.(syscall.Errno); ok {
		err = os.NewSyscallError(op, errno)
	}
	return &net.OpError{Op: op, Net: "tcp", Source: c.LocalAddr(), Addr: c.RemoteAddr(), Err: err}
}

// await calls try until it is done or fails, each time something has changed. A
// deadline that has passed comes first, as in package net. A frozen host waits for
// its thaw, whatever the deadline.
func (e *end) await(by *time.Time, try func(now time.Time) (done bool, err error)) error {
	n := e.link.net
	n.mu.Lock()
	defer n.mu.Unlock()
	for {
		now := time.Now()
		e.link.settle(now)
		if e.closed {
			return e.closedError()
		}
		until := e.link.nextDue()
		if !e.host.frozen {
			if !by.IsZero() && !now.Before(*by) {
				return os.ErrDeadlineExceeded
			}
			if done, err := try(now); done || err != nil {
				return err
			}
			until = earlier(e.link.nextDue(), *by)
		}
		wake := e.link.waiting()
		n.mu.Unlock()
		waitFor(wake, now, until)
		n.mu.Lock()
	}
}

func (e *end) closedError() error {
	if e.reset {
		return syscall.ECONNRESET
	}
	return net.ErrClosed
}

// read and write are called with the network locked.

func (e *end) read(b []byte) (n int, err error) {
	switch {
	case len(e.arrived) > 0:
		n = copy(b, e.arrived)
		e.arrived = e.arrived[n:]
		e.bytes -= n
		e.link.notify() // the peer has room
		return n, nil
	case e.eof:
		return 0, io.EOF
	case e.reset:
		return 0, syscall.ECONNRESET
	}
	return 0, nil
}

// write sends as much of b as there is room for.
func (e *end) write(b []byte, now time.Time) (n int, err error) {
	switch {
	case e.reset && !e.eof:
		return 0, syscall.ECONNRESET
	case e.reset, e.wrote:
		return 0, syscall.EPIPE
	}
	n = min(len(b), BufferBytes-e.peer.bytes)
	if n > 0 {
		e.send(segment{kind: dataSegment, data: append([]byte(nil), b[:n]...)}, now)
		e.link.settle(now)
		e.link.notify()
	}
	return n, nil
}

// earlier returns the earlier of two times of which zero means never.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// waitFor waits for wake, or until a time if that is not zero.
func waitFor(wake <-chan struct{}, now, until time.Time) {
	if until.IsZero() {
		<-wake
		return
	}
	t := time.NewTimer(until.Sub(now))
	defer t.Stop()
	select {
	case <-wake:
	case <-t.C:
	}
}

package memnet

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strconv"
	"syscall"
	"time"
)

// Host is a machine on the network. Safe for concurrent use.
type Host struct {
	net *Network
	ip  string

	// Guarded by net.mu.
	listeners map[int]*listener
	nextPort  int
	exists    bool // it was named with Network.Host, not just by a dialler or a cut
	frozen    bool // its programs do not run
	off       bool // nothing reaches or leaves it
}

const (
	firstEphemeral = 32768
	lastPort       = 65535
	// connectTimeout is how long Linux tries to connect before ETIMEDOUT.
	connectTimeout = 127 * time.Second
)

// IP returns the host's address.
func (h *Host) IP() string { return h.ip }

// Listen listens on "ip:port", ":port" or "0.0.0.0:port"; port 0 picks a free one.
// Whatever the ip, the listener takes what is sent to the host's own address and
// from itself to 127.0.0.1. The error is that of an address in use.
func (h *Host) Listen(addr string) (net.Listener, error) {
	_, port, err := splitAddr(addr)
	if err != nil {
		return nil, &net.OpError{Op: "listen", Net: "tcp", Err: err}
	}
	h.net.mu.Lock()
	defer h.net.mu.Unlock()
	if port == 0 {
		port = h.freePort()
	}
	if h.listeners[port] != nil {
		err := os.NewSyscallError("bind", syscall.EADDRINUSE)
		return nil, &net.OpError{Op: "listen", Net: "tcp", Addr: h.addr(port), Err: err}
	}
	l := &listener{host: h, port: port, wake: make(chan struct{})}
	h.listeners[port] = l
	return l, nil
}

// Dial connects to "ip:port" from this host. Its type fits the Dial functions that
// clients take; only TCP networks are known. Nobody listening: connection refused.
// Host unknown, switched off, cut off: it waits for ctx, at most as long as Linux
// does.
func (h *Host) Dial(ctx context.Context, network, addr string) (net.Conn, error) {
	c, err := h.dial(ctx, network, addr)
	if err != nil {
		return nil, &net.OpError{Op: "dial", Net: network, Addr: textAddr(addr), Err: err}
	}
	return c, nil
}

// Kill closes every connection and listener of the host, as the death of its
// processes would, frozen ones included: peers read what was sent and then the end.
// Dialling it is refused until something listens again.
func (h *Host) Kill() {
	h.net.change(func() {
		h.frozen = false
		h.closeListeners()
		for _, e := range h.ends() {
			e.shut(finSegment)
		}
	})
}

// Reset resets every connection of the host; its listeners stay.
func (h *Host) Reset() {
	h.net.change(func() {
		for _, e := range h.ends() {
			e.reset = true
			e.shut(rstSegment)
		}
	})
}

// PowerOff makes the host vanish without a word: its connections hang, dialling it
// hangs; what it sent and has not arrived is lost. Its own programs see closed
// connections and listeners at once.
func (h *Host) PowerOff() {
	h.net.change(func() {
		h.off, h.frozen = true, false
		h.closeListeners()
		for _, e := range h.ends() {
			e.peer.lose()
			e.vanish()
		}
	})
}

// PowerOn undoes PowerOff. Peers that still hold connections of before find them
// reset when they have written something.
func (h *Host) PowerOn() { h.net.change(func() { h.off = false }) }

// Freeze stops the host's programs at the network, as SIGSTOP would: their reads,
// writes, accepts and dials hang, deadlines included. Peers can connect, while the
// backlog has room, and write until the buffers are full.
func (h *Host) Freeze() { h.net.change(func() { h.frozen = true }) }

// Thaw undoes Freeze.
func (h *Host) Thaw() { h.net.change(func() { h.frozen = false }) }

func (h *Host) dial(ctx context.Context, network, addr string) (*conn, error) {
	switch network {
	case "tcp", "tcp4", "tcp6":
	default:
		return nil, net.UnknownNetworkError(network)
	}
	ip, port, err := splitAddr(addr)
	if err != nil {
		return nil, err
	}
	giveUp := time.NewTimer(connectTimeout)
	defer giveUp.Stop()
	h.net.mu.Lock()
	defer h.net.mu.Unlock()
	to := h
	if loopback := netip.MustParsePrefix("127.0.0.0/8"); !loopback.Contains(ip) {
		to = h.net.host(ip.String())
	}
	trip := h.net.travel(h, to) + h.net.travel(to, h)
	if err := h.pass(ctx, trip, giveUp.C); err != nil {
		return nil, err
	}
	for {
		c, err := h.connect(to, port)
		if c != nil || err != nil {
			return c, err
		}
		if err := h.await(ctx, h.net.wake, giveUp.C); err != nil {
			return nil, err
		}
	}
}

// connect makes a connection if it can be made now. Neither result: wait for a
// change of the network.
func (h *Host) connect(to *Host, port int) (*conn, error) {
	if h.frozen || !h.net.open(h, to) || !h.net.open(to, h) {
		return nil, nil
	}
	l := to.listeners[port]
	if l == nil {
		return nil, os.NewSyscallError("connect", syscall.ECONNREFUSED)
	}
	if len(l.backlog) >= backlogMax {
		return nil, nil
	}
	near, far := newLink(h.net, h, h.freePort(), to, port)
	l.backlog = append(l.backlog, far)
	l.notify()
	return &conn{near}, nil
}

// pass waits for d; it is called, and returns, with the network locked.
func (h *Host) pass(ctx context.Context, d time.Duration, giveUp <-chan time.Time) error {
	if d == 0 {
		return context.Cause(ctx)
	}
	arrived := make(chan struct{})
	t := time.AfterFunc(d, func() { close(arrived) })
	defer t.Stop()
	return h.await(ctx, arrived, giveUp)
}

// await waits for wake; it is called, and returns, with the network locked.
func (h *Host) await(ctx context.Context, wake <-chan struct{}, giveUp <-chan time.Time) error {
	h.net.mu.Unlock()
	defer h.net.mu.Lock()
	select {
	case <-wake:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-giveUp:
		return os.NewSyscallError("connect", syscall.ETIMEDOUT)
	}
}

// What follows is called with net.mu held.

// up reports whether the host takes part in the network.
func (h *Host) up() bool { return h.exists && !h.off }

// freePort returns a port nobody listens on. Ports of connections are not reused
// before all others have been.
func (h *Host) freePort() int {
	for range lastPort - firstEphemeral {
		port := h.nextPort
		if h.nextPort++; h.nextPort > lastPort {
			h.nextPort = firstEphemeral
		}
		if h.listeners[port] == nil {
			return port
		}
	}
	panic("memnet: " + h.ip + " listens on every port")
}

// ends returns the host's ends of connections, in the order of making.
func (h *Host) ends() (ends []*end) {
	for _, l := range h.net.links {
		for i := range l.ends {
			if e := &l.ends[i]; e.host == h && !e.closed {
				ends = append(ends, e)
			}
		}
	}
	return ends
}

func (h *Host) closeListeners() {
	for _, l := range h.listeners {
		l.shut()
	}
}

func (h *Host) addr(port int) *net.TCPAddr {
	return &net.TCPAddr{IP: net.ParseIP(h.ip), Port: port}
}

// textAddr is the address of a failed dial, as given.
type textAddr string

func (a textAddr) Network() string { return "tcp" }
func (a textAddr) String() string  { return string(a) }

func splitAddr(addr string) (netip.Addr, int, error) {
	host, portText, err := net.SplitHostPort(addr)
	if err != nil {
		return netip.Addr{}, 0, err
	}
	port, err := strconv.ParseUint(portText, 10, 16)
	if err != nil {
		return netip.Addr{}, 0, fmt.Errorf("port %q: %w", portText, err)
	}
	if host == "" {
		return netip.Addr{}, int(port), nil
	}
	ip, err := netip.ParseAddr(host)
	if err != nil {
		return netip.Addr{}, 0, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	return ip, int(port), nil
}

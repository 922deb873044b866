package endpoint

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/tidwall/redcon"
)

// ListenTCP opens a TCP listener on host:port. An empty host is every IPv4
// address, "::" or "*" every address of its family. The accept queue has the
// kernel's limit (net.core.somaxconn); backlog is applied where it is smaller.
func ListenTCP(ctx context.Context, host string, port, backlog int) (net.Listener, error) {
	network := "tcp4"
	switch {
	case host == "*":
		host = ""
	case strings.Contains(host, ":"):
		network = "tcp6"
	case host != "" && net.ParseIP(host) == nil:
		network = "tcp"
	}
	ln, err := new(net.ListenConfig).Listen(ctx, network, net.JoinHostPort(host, strconv.Itoa(port)))
	if err != nil {
		return nil, err
	}
	if tcp, ok := ln.(*net.TCPListener); ok {
		limitBacklog(tcp, backlog)
	}
	return ln, nil
}

// limitBacklog calls listen(2) again, which only changes the queue's length.
func limitBacklog(ln *net.TCPListener, backlog int) {
	rc, err := ln.SyscallConn()
	if err != nil || backlog <= 0 {
		return
	}
	_ = rc.Control(func(fd uintptr) { _ = syscall.Listen(int(fd), backlog) })
}

// ListenUnix opens a Unix socket at path with the given permission bits (0 keeps
// the umask's). A socket file left behind by a dead process is replaced.
func ListenUnix(path string, perm os.FileMode) (net.Listener, error) {
	if fi, err := os.Lstat(path); err == nil && fi.Mode()&os.ModeSocket != 0 {
		if err := os.Remove(path); err != nil {
			return nil, fmt.Errorf("remove the old socket %s: %w", path, err)
		}
	}
	ln, err := net.Listen("unix", path)
	if err != nil {
		return nil, err
	}
	if perm == 0 {
		return ln, nil
	}
	if err := os.Chmod(path, perm); err != nil {
		ln.Close()
		return nil, err
	}
	return ln, nil
}

// acceptBackoff spaces accepts that fail (out of descriptors, say), which would
// otherwise spin.
const acceptBackoff = 20 * time.Millisecond

// Serve accepts connections from ln until it is closed, and calls accept with
// each on the accepting goroutine; accept owns the connection from then on. A
// listener that was closed is not an error.
func Serve(ln net.Listener, accept func(net.Conn)) error {
	srv := redcon.NewServerNetwork(ln.Addr().Network(), ln.Addr().String(),
		func(redcon.Conn, redcon.Command) {},
		func(c redcon.Conn) bool {
			h := c.NetConn().(*handover)
			h.taken = true
			accept(h.Conn)
			return false // redcon now closes its side, a no-op on a taken handover
		}, nil)
	l := &listener{Listener: ln, closed: srv.Close}
	err := srv.Serve(l)
	if l.err != nil && !errors.Is(l.err, net.ErrClosed) {
		return l.err
	}
	if err != nil && !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}

// handover is a connection that leaves redcon: once taken, closing it here
// leaves the connection open for its new owner.
type handover struct {
	net.Conn
	taken bool
}

func (h *handover) Close() error {
	if h.taken {
		return nil
	}
	return h.Conn.Close()
}

// listener wraps accepted connections and slows failing accepts down.
type listener struct {
	net.Listener
	closed func() error // ends redcon's loop, which would retry a closed listener for ever
	err    error
}

func (l *listener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err == nil {
			return &handover{Conn: c}, nil
		}
		if errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) ||
			errors.Is(err, syscall.ECONNABORTED) || errors.Is(err, syscall.ENOBUFS) {
			time.Sleep(acceptBackoff)
			continue
		}
		l.err = err
		_ = l.closed()
		return nil, err
	}
}

package sim

import (
	"net"
	"sync"
)

// spy stands between a sentinel and the network: a test sees each write on the
// connections that the sentinel opened before it leaves, and decides what becomes of it.
type spy struct {
	mu   sync.Mutex // guards what follows
	meet intercept  // nil: everything passes
}

// intercept is asked instead of writing b to addr; write does it, wholly or in part. It
// is called from any goroutine of the sentinel.
type intercept func(addr string, b []byte, write func([]byte) (int, error)) (int, error)

// set puts f in the way, nil nothing.
func (s *spy) set(f intercept) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.meet = f
}

// spiedConn is a connection of a sentinel.
type spiedConn struct {
	net.Conn
	addr string // that was dialled
	spy  *spy
}

func (c *spiedConn) Unread() bool { return unread(c.Conn) }

func (c *spiedConn) Write(b []byte) (int, error) {
	c.spy.mu.Lock()
	meet := c.spy.meet
	c.spy.mu.Unlock()
	if meet == nil {
		return c.Conn.Write(b)
	}
	return meet(c.addr, b, c.Conn.Write)
}

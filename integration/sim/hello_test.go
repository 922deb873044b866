package sim

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"sync"
	"testing/iotest"
	"time"

	"github.com/vedette-ha/vedette/internal/resp"
)

// hellos is what befalls the hello messages that a sentinel reads on data nodes.
type hellos struct {
	mu   sync.Mutex // guards what follows
	lost bool
	late time.Duration
}

func (h *hellos) set(lost bool, late time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.lost, h.late = lost, late
}

func (h *hellos) fate() (lost bool, late time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.lost, h.late
}

// helloConn is a sentinel's connection to a data node. Once it has subscribed, its
// messages meet their fate; whatever else is read stays in its place among them.
type helloConn struct {
	net.Conn
	fate func() (lost bool, late time.Duration)

	mu         sync.Mutex // guards subscribed
	subscribed bool

	start   sync.Once
	reads   chan piece    // closed at the end of the connection
	closing chan struct{} // closed by Close
	closed  sync.Once
	rest    []byte // of the piece that is being read
}

// piece is one reply or message, to be read when it is due.
type piece struct {
	raw []byte
	due time.Time
}

// piecesMax is how many messages may be late at a time; the sender waits beyond that.
const piecesMax = 1024

func newHelloConn(conn net.Conn, h *hellos) net.Conn {
	return &helloConn{Conn: conn, fate: h.fate, reads: make(chan piece, piecesMax), closing: make(chan struct{})}
}

func (c *helloConn) Write(b []byte) (int, error) {
	if bytes.Contains(b, []byte("\r\nSUBSCRIBE\r\n")) {
		c.mu.Lock()
		c.subscribed = true
		c.mu.Unlock()
	}
	return c.Conn.Write(b)
}

// Unread is what a sentinel asks of the connection.
func (c *helloConn) Unread() bool { return unread(c.Conn) }

// unread reports whether bytes wait in a connection.
func unread(conn net.Conn) bool {
	u, ok := conn.(interface{ Unread() bool })
	return ok && u.Unread()
}

func (c *helloConn) Close() error {
	c.closed.Do(func() { close(c.closing) })
	return c.Conn.Close()
}

// Read keeps no deadlines once the connection has subscribed: links set none.
func (c *helloConn) Read(b []byte) (int, error) {
	c.mu.Lock()
	subscribed := c.subscribed
	c.mu.Unlock()
	if !subscribed {
		return c.Conn.Read(b)
	}
	c.start.Do(func() { go c.receive() })
	if len(c.rest) == 0 {
		p, ok := <-c.reads
		if !ok {
			return c.Conn.Read(b) // says why it ended
		}
		select {
		case <-time.After(time.Until(p.due)):
		case <-c.closing:
			return 0, net.ErrClosed
		}
		c.rest = p.raw
	}
	n := copy(b, c.rest)
	c.rest = c.rest[n:]
	return n, nil
}

// receive takes the stream apart until it ends.
func (c *helloConn) receive() {
	defer close(c.reads)
	var raw bytes.Buffer
	from := bufio.NewReader(c.Conn)
	one := resp.NewReader(iotest.OneByteReader(io.TeeReader(from, &raw)), resp.DefaultReaderLimits())
	for {
		v, err := one.Read()
		if err != nil {
			return
		}
		p := piece{bytes.Clone(raw.Bytes()), time.Now()}
		raw.Reset()
		if a := v.Array; len(a) == 3 && a[0].Text() == "message" {
			lost, late := c.fate()
			if lost {
				continue
			}
			p.due = p.due.Add(late)
		}
		select {
		case c.reads <- p:
		case <-c.closing:
			return
		}
	}
}

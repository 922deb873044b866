package endpoint

import (
	"io"
	"net"
	"sync"
	"time"
)

const (
	// goReadSize is one batch of a goroutine connection: at most one is in flight.
	goReadSize = 16 << 10
	// goWriteSize bounds what a goroutine connection takes beyond what its socket
	// has; the rest stays in the session's own, counted output.
	goWriteSize = 64 << 10
)

// goConn drives a net.Conn with one reading and one writing goroutine. The reader
// has at most one batch in flight: it reads again once the loop has taken it all.
type goConn struct {
	p     *Poller
	nc    net.Conn
	owner any

	mu       sync.Mutex // guards all below; never held during I/O
	in       []byte     // the batch, from inOff on not yet read by the loop
	inOff    int
	inErr    error
	paused   bool
	out      []byte // what the writer has still to write
	outErr   error
	wantW    bool
	closed   bool
	reported bool // queued at the poller and not yet taken
	readable bool
	writable bool

	taken *sync.Cond // the loop took the whole batch, or closed
	filed *sync.Cond // there is output, or closed

	buf [goReadSize]byte
}

func newGoConn(p *Poller, nc net.Conn, owner any) *goConn {
	c := &goConn{p: p, nc: nc, owner: owner}
	c.taken = sync.NewCond(&c.mu)
	c.filed = sync.NewCond(&c.mu)
	return c
}

// start begins both goroutines; Close ends them.
func (c *goConn) start() {
	go c.reader()
	go c.writer()
}

func (c *goConn) reader() {
	for {
		n, err := c.nc.Read(c.buf[:])
		c.mu.Lock()
		c.in, c.inOff, c.inErr = c.buf[:n], 0, err
		c.signal(true, false)
		for (c.inOff < len(c.in) || c.paused) && !c.closed {
			c.taken.Wait()
		}
		done := c.closed || err != nil
		c.mu.Unlock()
		if done {
			return
		}
	}
}

func (c *goConn) writer() {
	for {
		c.mu.Lock()
		for len(c.out) == 0 && !c.closed {
			c.filed.Wait()
		}
		out := c.out
		c.mu.Unlock()
		if len(out) == 0 {
			c.nc.Close() // closed, and everything written
			return
		}
		n, err := c.nc.Write(out)
		c.mu.Lock()
		c.out = c.out[n:]
		if err != nil {
			c.outErr, c.out = err, nil
		}
		if c.wantW || err != nil {
			c.signal(err != nil, true)
		}
		gone := c.closed && err != nil
		c.mu.Unlock()
		if gone {
			c.nc.Close()
			return
		}
	}
}

// signal notes what is ready and queues c once. The caller holds mu.
func (c *goConn) signal(readable, writable bool) {
	c.readable = c.readable || readable
	c.writable = c.writable || writable
	if c.reported || c.closed {
		return
	}
	c.reported = true
	c.p.report(c)
}

// take is called by the poller on the loop's goroutine.
func (c *goConn) take() Event {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reported = false
	ev := Event{Owner: c.owner, Readable: c.readable && !c.paused, Writable: c.writable && c.wantW}
	c.readable, c.writable = c.readable && c.paused, false
	if c.closed {
		return Event{}
	}
	return ev
}

func (c *goConn) Read(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.inOff == len(c.in) {
		switch {
		case c.inErr != nil:
			return 0, c.inErr
		case c.outErr != nil:
			return 0, c.outErr
		case c.closed:
			return 0, io.EOF
		}
		return 0, ErrAgain
	}
	n := copy(p, c.in[c.inOff:])
	c.inOff += n
	if c.inOff < len(c.in) || c.inErr != nil {
		c.signal(true, false) // level-triggered, as epoll is
		return n, nil
	}
	c.taken.Signal()
	return n, nil
}

func (c *goConn) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.outErr != nil {
		return 0, c.outErr
	}
	room := goWriteSize - len(c.out)
	if room <= 0 {
		return 0, ErrAgain
	}
	n := min(room, len(p))
	// A fresh slice: the writer may be in the middle of writing the old one.
	out := make([]byte, 0, len(c.out)+n)
	c.out = append(append(out, c.out...), p[:n]...)
	c.filed.Signal()
	return n, nil
}

func (c *goConn) WantWrite(on bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wantW = on
	if on && len(c.out) < goWriteSize {
		c.signal(false, true)
	}
}

func (c *goConn) PauseRead(on bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.paused = on
	if !on {
		c.taken.Signal()
		if c.readable || c.inOff < len(c.in) || c.inErr != nil {
			c.signal(true, false)
		}
	}
}

// closeLinger is how long a closed connection may take to write its last bytes.
const closeLinger = time.Second

func (c *goConn) Close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return
	}
	c.closed = true
	_ = c.nc.SetReadDeadline(time.Unix(1, 0))
	_ = c.nc.SetWriteDeadline(time.Now().Add(closeLinger))
	c.taken.Broadcast()
	c.filed.Broadcast()
}

func (c *goConn) RemoteAddr() string { return addrString(c.nc.RemoteAddr()) }
func (c *goConn) LocalAddr() string  { return addrString(c.nc.LocalAddr()) }
func (c *goConn) FD() int            { return -1 }
func (c *goConn) Unix() bool         { return c.nc.LocalAddr().Network() == "unix" }

func (c *goConn) SetKeepAlive(period time.Duration) { setKeepAlive(c.nc, period) }

func addrString(a net.Addr) string {
	if a == nil {
		return ""
	}
	return a.String()
}

func (c *goConn) SetNoDelay(on bool) {
	if tcp := tcpOf(c.nc); tcp != nil {
		_ = tcp.SetNoDelay(on)
	}
}

// tcpOf is the connection of TCP, also below TLS, or nil.
func tcpOf(nc net.Conn) *net.TCPConn {
	if t, ok := nc.(interface{ NetConn() net.Conn }); ok {
		nc = t.NetConn()
	}
	tcp, _ := nc.(*net.TCPConn)
	return tcp
}

func setKeepAlive(nc net.Conn, period time.Duration) {
	tcp := tcpOf(nc)
	if tcp == nil {
		return
	}
	_ = tcp.SetKeepAliveConfig(net.KeepAliveConfig{
		Enable: period > 0, Idle: period, Interval: max(period/3, time.Second), Count: 3,
	})
}

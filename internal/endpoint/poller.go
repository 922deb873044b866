package endpoint

import (
	"errors"
	"net"
	"sync"
	"time"
)

// ErrAgain says that a connection has nothing to read, or no room to write, now;
// the poller reports when that changes.
var ErrAgain = errors.New("endpoint: try again")

// Conn is a connection as an event loop sees it. No method blocks. All methods
// are for the loop's goroutine alone.
type Conn interface {
	// Read copies bytes that have arrived into p. ErrAgain when there are none;
	// io.EOF or another error when the connection has ended.
	Read(p []byte) (int, error)
	// Write takes as much of p as fits now; ErrAgain when nothing does. After a
	// short write or ErrAgain the caller asks for a Writable event.
	Write(p []byte) (int, error)
	// WantWrite switches Writable events on or off.
	WantWrite(on bool)
	// PauseRead stops Readable events (a client that sends faster than it is
	// served), or starts them again.
	PauseRead(on bool)
	// Close ends the connection. Its owner sees no event afterwards.
	Close()
	RemoteAddr() string
	LocalAddr() string
	// Unix tells a Unix socket, and TCP a network one, for INFO and CLIENT LIST.
	Unix() bool
	// FD is the descriptor's number, or -1 for a connection that has none.
	FD() int
	// SetKeepAlive sets TCP keep-alive probes every period; 0 switches them off.
	SetKeepAlive(period time.Duration)
	// SetNoDelay says whether small writes of TCP go out at once, as they do at first.
	SetNoDelay(on bool)
}

// Event tells that the connection added with owner is ready. A hang-up is
// reported as Readable: the read returns the error.
type Event struct {
	Owner    any
	Readable bool
	Writable bool
}

// Poller waits for connections to become ready, or to be woken. Wake and Add may
// be called from any goroutine, Wait and the Conns from the loop's alone.
type Poller struct {
	w waiter

	mu    sync.Mutex // guards ready; held for an append or a swap
	ready []*goConn  // goroutine connections with something to report
	spare []*goConn
}

// waiter is what a loop sleeps in: epoll with an eventfd, or a channel.
type waiter interface {
	// wait appends ready connections to evs; it returns at once when timeout is
	// zero, after a wake, or after the timeout; negative waits without limit.
	wait(evs []Event, timeout time.Duration) ([]Event, error)
	// rest sleeps, whatever happens.
	rest(time.Duration)
	// wake makes the current or the next wait return.
	wake()
	close()
}

// NewChannelPoller returns a poller that sleeps on a channel: for in-memory
// transports and for virtual time.
func NewChannelPoller() *Poller { return &Poller{w: newChannelWaiter()} }

// Wait appends what is ready to evs and returns it. A negative timeout waits
// until something happens. It may return early with nothing.
func (p *Poller) Wait(evs []Event, timeout time.Duration) ([]Event, error) {
	if p.hasReady() {
		timeout = 0
	}
	evs, err := p.w.wait(evs, timeout)
	if err != nil {
		return evs, err
	}
	p.mu.Lock()
	ready := p.ready
	p.ready = p.spare[:0]
	p.mu.Unlock()
	for i, c := range ready {
		evs = append(evs, c.take())
		ready[i] = nil
	}
	p.spare = ready
	return evs, nil
}

// Rest lets requests gather for d, some microseconds, where the system sleeps that
// exactly: nothing ends it early. Elsewhere it returns at once.
func (p *Poller) Rest(d time.Duration) { p.w.rest(d) }

func (p *Poller) hasReady() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.ready) > 0
}

// Wake makes Wait return soon.
func (p *Poller) Wake() { p.w.wake() }

// Close frees what the poller itself holds; connections are their owners' to close.
func (p *Poller) Close() { p.w.close() }

// report queues c for the next Wait.
func (p *Poller) report(c *goConn) {
	p.mu.Lock()
	p.ready = append(p.ready, c)
	p.mu.Unlock()
	p.w.wake()
}

// addGoroutine adds a connection that is driven by two goroutines.
func (p *Poller) addGoroutine(nc net.Conn, owner any) Conn {
	c := newGoConn(p, nc, owner)
	c.start()
	return c
}

// channelWaiter sleeps on a channel with room for one wake.
type channelWaiter struct{ woken chan struct{} }

func newChannelWaiter() *channelWaiter { return &channelWaiter{woken: make(chan struct{}, 1)} }

func (w *channelWaiter) wait(evs []Event, timeout time.Duration) ([]Event, error) {
	switch {
	case timeout < 0:
		<-w.woken
	case timeout == 0:
		select {
		case <-w.woken:
		default:
		}
	default:
		t := time.NewTimer(timeout)
		select {
		case <-w.woken:
		case <-t.C:
		}
		t.Stop()
	}
	return evs, nil
}

func (w *channelWaiter) rest(time.Duration) {} // goroutines hand over what has come

func (w *channelWaiter) wake() {
	select {
	case w.woken <- struct{}{}:
	default:
	}
}

func (w *channelWaiter) close() {}

package client

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/vedette-ha/vedette/internal/resp"
)

// Errors of a [Link].
var (
	// ErrBusy: the link has LinkOptions.PendingMax commands without a reply, or
	// over outMax bytes that the peer has not taken. The command was not sent.
	ErrBusy = errors.New("too many commands pending")
	// ErrLinkDown: Run has ended. Wrapped with the reason.
	ErrLinkDown = errors.New("link is down")
)

// Reply is the outcome of one command on a [Link].
type Reply struct {
	Value resp.Value
	// Err is why there is no reply: the link ended. It is nil for an error reply,
	// whose error is Value.Err().
	Err error
	// At is when the reply had arrived, or the link ended.
	At time.Time
}

// LinkOptions configure a [Link].
type LinkOptions struct {
	// PendingMax bounds the commands sent and not answered; 0 means 1024.
	PendingMax int
	// Push receives push messages, and in RESP2 what a subscribed connection is
	// sent: message, pmessage, smessage and the confirmations of SUBSCRIBE and its
	// relatives. It is called on Run's goroutine and must not block for long. nil
	// means they are dropped.
	Push func(v resp.Value, at time.Time)
}

const (
	pendingMaxDefault = 1024
	// outMax bounds the bytes that wait for a peer that does not read.
	outMax = 1 << 20
	// outKeep is how much of a buffer that grew is kept for the next commands: there
	// may be thousands of links.
	outKeep = 4 << 10
)

// Link is an asynchronous connection: [Link.Go] queues a command at once, and its
// callback gets the reply. It takes a [Conn] over, which must have no replies
// outstanding. Safe for concurrent use.
type Link struct {
	conn *Conn
	opts LinkOptions

	mu      sync.Mutex     // guards the rest; never held while writing or in a callback
	out     []byte         // encoded commands that the writer has not taken
	writing bool           // there is a writer, or none may begin: before Run, after a failure
	writers sync.WaitGroup // of the goroutine that writes, while there is something to write
	pending []pending      // commands without a reply, oldest first
	down    error          // why Run has ended
	subs    bool           // SUBSCRIBE or a relative was sent: arrays may be messages
}

// pending is a command sent and not answered.
type pending struct {
	done func(Reply)
	// confirms is how many confirmations are still to come for SUBSCRIBE and its
	// relatives, which have no reply; 0 for other commands.
	confirms int
}

// NewLink returns a link over c, which it owns from now on. [Link.Run] makes it
// work.
func NewLink(c *Conn, o LinkOptions) *Link {
	if o.PendingMax == 0 {
		o.PendingMax = pendingMaxDefault
	}
	return &Link{conn: c, opts: o, writing: true}
}

// Run carries commands and replies until the connection fails or ctx ends, whose
// cause it then returns. It closes the connection and gives every command without
// a reply that error, in order, before it returns. Callbacks run on its goroutine,
// so they must not block; they may call Go. Run may be called once.
//
// A server that refuses a subscription, or takes leave with an error nobody asked
// for ("ERR max number of clients reached"), ends Run with that [*resp.Error].
func (l *Link) Run(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() { l.conn.Close() })
	err := l.conn.nc.SetDeadline(time.Time{})
	if err == nil {
		l.begin()
		err = l.read()
	}
	stop()
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	l.conn.Close()
	l.fail(err)
	return err
}

// begin sends what was queued before Run.
func (l *Link) begin() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.writing = false
	l.startWriter()
}

// Go queues a command; it never waits. done is called once with the reply, in the
// order of the commands, unless Go returns an error. done may be nil. Commands may
// be queued before Run; they are sent when it begins.
func (l *Link) Go(done func(Reply), args ...any) error {
	return l.queue(pending{done: done}, args)
}

// Subscribe queues SUBSCRIBE, PSUBSCRIBE, or one of their relatives. It has no
// reply of its own: its confirmations go to LinkOptions.Push.
func (l *Link) Subscribe(args ...any) error {
	return l.queue(pending{confirms: max(len(args)-1, 1)}, args)
}

// Pending returns the number of commands without a reply.
func (l *Link) Pending() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.pending)
}

// Close ends Run.
func (l *Link) Close() error { return l.conn.Close() }

// NetConn returns the connection, for its addresses.
func (l *Link) NetConn() net.Conn { return l.conn.NetConn() }

func (l *Link) queue(p pending, args []any) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.down != nil:
		return fmt.Errorf("%w: %w", ErrLinkDown, l.down)
	case len(l.pending) >= l.opts.PendingMax, len(l.out) >= outMax:
		return ErrBusy
	}
	out, err := appendArgs(l.out, args)
	if err != nil {
		return err
	}
	l.out = out
	l.pending = append(l.pending, p)
	l.subs = l.subs || p.confirms > 0
	l.startWriter()
	return nil
}

// startWriter has what is queued written, by the goroutine that is at it or by a new
// one: an idle link has none. It is called with mu held.
func (l *Link) startWriter() {
	if !l.writing && len(l.out) > 0 {
		l.writing = true
		l.writers.Go(l.write)
	}
}

// lastWordsTimeout is how long replies are still awaited on a connection that can
// not be written: a server says why it closes.
const lastWordsTimeout = time.Second

// write writes until nothing is queued, or writing fails.
func (l *Link) write() {
	for out := l.take(nil); len(out) > 0; out = l.take(out) {
		if _, err := l.conn.nc.Write(out); err != nil {
			l.conn.nc.SetReadDeadline(time.Now().Add(lastWordsTimeout))
			return // still writing, so that nobody tries again
		}
	}
}

// take returns what is queued, and leaves spare for what comes; empty ends the writer.
func (l *Link) take(spare []byte) (out []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if cap(spare) > outKeep {
		spare = nil
	}
	if len(l.out) == 0 {
		l.writing = false
		if spare != nil {
			l.out = spare[:0]
		}
		return nil
	}
	out, l.out = l.out, spare[:0]
	return out
}

// read hands out replies until there are no more.
func (l *Link) read() error {
	for {
		v, err := l.conn.reader.Read()
		at := time.Now()
		if err != nil {
			return err
		}
		if l.isPush(v) {
			if l.opts.Push != nil {
				l.opts.Push(v, at)
			}
			continue
		}
		p, ok := l.next()
		switch {
		case (!ok || p.confirms > 0) && v.Err() != nil:
			return v.Err()
		case !ok || p.confirms > 0:
			return fmt.Errorf("%w: nobody asked for %q", resp.ErrBadReply, v.Kind)
		case p.done != nil:
			p.done(Reply{Value: v, At: at})
		}
	}
}

// next removes and returns the oldest command without a reply.
func (l *Link) next() (p pending, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.pending) == 0 {
		return pending{}, false
	}
	p, l.pending[0] = l.pending[0], pending{}
	l.pending = l.pending[1:]
	return p, true
}

// isPush tells messages from replies. A confirmation counts for the subscription
// that waits for it.
func (l *Link) isPush(v resp.Value) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if v.Kind != resp.KindPush && (v.Kind != resp.KindArray || !l.subs) || len(v.Array) == 0 {
		return v.Kind == resp.KindPush
	}
	switch string(v.Array[0].Str) {
	case "message", "pmessage", "smessage":
		return true
	case "subscribe", "psubscribe", "ssubscribe", "unsubscribe", "punsubscribe", "sunsubscribe":
		l.confirm()
		return true
	}
	return v.Kind == resp.KindPush
}

// confirm is called with mu held.
func (l *Link) confirm() {
	if len(l.pending) == 0 || l.pending[0].confirms == 0 {
		return
	}
	if l.pending[0].confirms--; l.pending[0].confirms == 0 {
		l.pending = l.pending[1:]
	}
}

// fail ends the link for Go, and once nothing is written any more gives what is pending
// its error.
func (l *Link) fail(err error) {
	l.mu.Lock()
	l.down = err
	l.mu.Unlock()
	l.writers.Wait()
	l.mu.Lock()
	left := l.pending
	l.pending, l.out = nil, nil
	l.mu.Unlock()
	at := time.Now()
	for _, p := range left {
		if p.done != nil {
			p.done(Reply{Err: err, At: at})
		}
	}
}

package sentinel

import (
	"errors"
	"io"
	"sync"
)

// Bounds of what waits to be written to one client of the sentinel port.
const (
	// outboxReplies is where a session stops executing commands until its client
	// has read some of its replies: whoever asks sets the pace.
	outboxReplies = 1 << 20
	// outboxEvents is where a subscriber that does not read is dropped, Redis's
	// hard limit for the class pubsub: nobody asked for the pace of events, and
	// whoever publishes never waits.
	outboxEvents = 32 << 20
)

// errSlowClient ends a session whose client does not read its events.
var errSlowClient = errors.New("output buffer limit reached")

// outbox collects what one client is to be sent. The session's goroutine and the
// event hub's append, one goroutine ([outbox.run]) writes. Safe for concurrent
// use.
type outbox struct {
	mu      sync.Mutex // guards what follows; never held while writing to the socket
	pending []byte     // not yet handed to the socket
	err     error      // why nothing can be written any more
	last    bool       // close once pending is written

	wake chan struct{} // holds a token when run has something to look at
	room chan struct{} // holds a token when pending was taken, or at the end
	gone chan struct{} // closed by close
}

func newOutbox() *outbox {
	return &outbox{wake: make(chan struct{}, 1), room: make(chan struct{}, 1), gone: make(chan struct{})}
}

// run writes to w what is appended, until the box is closed, w fails or the
// closing append was written.
func (o *outbox) run(w io.Writer) {
	var spare []byte
	for range o.wake {
		batch, done := o.take(spare)
		if len(batch) > 0 {
			if _, err := w.Write(batch); err != nil {
				o.close(err)
				return
			}
		}
		if done {
			o.close(io.EOF)
			return
		}
		signal(o.room)
		if spare = batch; cap(spare) > outboxReplies {
			spare = nil // one big reply must not be kept for an idle client
		}
	}
}

// take swaps the pending bytes for an empty buffer. done says nothing follows.
func (o *outbox) take(spare []byte) (batch []byte, done bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	batch, o.pending = o.pending, spare[:0]
	return batch, o.last || o.err != nil
}

// reply appends b. It waits while the client leaves more than outboxReplies
// unread, and answers the error that ended the connection, if any.
func (o *outbox) reply(b []byte) error {
	for {
		o.mu.Lock()
		if o.err != nil || len(o.pending) < outboxReplies {
			break
		}
		o.mu.Unlock()
		<-o.room
	}
	defer o.mu.Unlock()
	if o.err != nil {
		return o.err
	}
	o.pending = append(o.pending, b...)
	signal(o.wake)
	return nil
}

// push appends an event without ever waiting; a client too far behind answers
// errSlowClient and is to be dropped.
func (o *outbox) push(b []byte) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.err != nil {
		return o.err
	}
	if len(o.pending)+len(b) > outboxEvents {
		return errSlowClient
	}
	o.pending = append(o.pending, b...)
	signal(o.wake)
	return nil
}

// atomically appends what change returns; nothing else is appended while it runs,
// so the confirmation of a subscription precedes its first message. change must
// not block.
func (o *outbox) atomically(change func() []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	b := change()
	if o.err == nil {
		o.pending = append(o.pending, b...)
		signal(o.wake)
	}
}

// finish lets run end once everything appended so far is written.
func (o *outbox) finish() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.last = true
	signal(o.wake)
}

// close drops what is pending; appending answers err from now on.
func (o *outbox) close(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.err == nil {
		o.err = err
		close(o.gone)
	}
	o.pending = nil
	signal(o.wake)
	signal(o.room)
}

// size is the number of bytes that wait to be written.
func (o *outbox) size() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.pending)
}

// signal leaves a token in c unless one is there.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

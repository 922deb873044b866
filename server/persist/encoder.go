package persist

import (
	"context"
	"errors"
	"io"
	"sync"
	"sync/atomic"

	"github.com/vedette-ha/vedette/internal/rdb"
)

// Header is what a snapshot says before its first key.
type Header struct {
	Aux       []Aux    // in this order
	Functions [][]byte // sources of function libraries
	Sizes     []Size   // of the databases that hold keys
}

// Aux is a fact about the whole snapshot, such as redis-ver or repl-id.
type Aux struct{ Key, Value string }

// Size says how many keys a database holds as the snapshot begins. It is written
// as a hint and need not be exact.
type Size struct {
	DB             int
	Keys, Volatile uint64
}

// keys is how many keys the header announces in all.
func (h Header) keys() (n int64) {
	for _, s := range h.Sizes {
		n += int64(s.Keys)
	}
	return n
}

// writeTo writes the header. Errors stick to w.
func (h Header) writeTo(w *rdb.Writer) {
	w.Header()
	for _, a := range h.Aux {
		w.Aux(a.Key, a.Value)
	}
	for _, code := range h.Functions {
		w.Function(code)
	}
	for _, s := range h.Sizes {
		w.SelectDB(s.DB)
		w.ResizeDB(s.Keys, s.Volatile)
	}
}

// EncoderOptions bound an Encoder. The zero value is sensible, without spilling.
type EncoderOptions struct {
	RDB rdb.Options

	// Soft is how many bytes may wait before what writers add goes to a file in
	// SpillDir, if that is set; the walker holds back from half of it on.
	// 0: DefaultSoft.
	Soft int

	// Hard is how many bytes may wait before the snapshot is given up.
	// 0: DefaultHard.
	Hard int

	// SpillDir is where a file takes what writers add faster than the sink reads:
	// old values of keys that change during the snapshot. "": no such file; of use
	// only if the sink can be slower than the disk.
	SpillDir string

	// Room, if set, is called each time Ready has become true after it was false:
	// a loop that sleeps wakes up by it. It is called on other goroutines than the
	// loop's and must not wait.
	Room func()
}

// The bounds of what waits between the loop and the encoder's goroutine.
const (
	DefaultSoft = 8 << 20  // half of it feeds a disk for some milliseconds
	DefaultHard = 64 << 20 // bytes
	queueLength = 4096     // batches; full before Hard only if they are tiny
	freeLength  = 64       // batches kept for use; as many as wait while the walker holds back
)

// Errors that end a snapshot.
var (
	ErrOverrun = errors.New("persist: writers change keys faster than the snapshot can be written")
	ErrAborted = errors.New("persist: snapshot aborted")
)

// errFinished is what Send returns after Finish; sending then is the caller's bug.
var errFinished = errors.New("persist: the snapshot is finished")

// Encoder turns batches of records into one RDB stream. The loop calls Batch,
// Ready, Send, Finish and Abort; another goroutine calls Run, once. Progress may
// be read from anywhere.
type Encoder struct {
	Progress Progress

	header Header
	o      EncoderOptions
	queue  chan *Batch   // closed by Finish
	free   chan *Batch   // batches to use again; what does not fit is left to the collector
	queued atomic.Int64  // bytes sent and not yet written
	excess chan struct{} // wakes the spiller; holds one wake-up
	held   atomic.Bool   // Ready said no and the walker waits for room
	room   chan struct{} // wakes SendWait; holds one wake-up

	finished bool // the loop's own: Finish was called

	over     chan struct{} // closed when nothing more is taken
	overOnce sync.Once
	err      error // why; set before over is closed
}

// NewEncoder returns an Encoder of one snapshot.
func NewEncoder(h Header, o EncoderOptions) *Encoder {
	if o.Soft == 0 {
		o.Soft = DefaultSoft
	}
	if o.Hard == 0 {
		o.Hard = DefaultHard
	}
	e := &Encoder{
		header: h,
		o:      o,
		queue:  make(chan *Batch, queueLength),
		free:   make(chan *Batch, freeLength),
		excess: make(chan struct{}, 1),
		room:   make(chan struct{}, 1),
		over:   make(chan struct{}),
	}
	e.Progress.KeysTotal.Store(h.keys())
	return e
}

// Batch returns an empty batch to fill and send.
func (e *Encoder) Batch() *Batch {
	select {
	case b := <-e.free:
		return b
	default:
		return &Batch{buf: make([]byte, 0, BatchBytes+BatchBytes/16)} // a last record fits, too
	}
}

// Ready reports whether the walker may add more. It is false while enough waits
// to be written; old values of keys about to change are sent all the same. It is
// true when the snapshot is over, so that the next Send says so.
func (e *Encoder) Ready() bool {
	if e.hasRoom() || e.ended() {
		return true
	}
	e.held.Store(true)
	if e.hasRoom() || e.ended() { // just now: nobody may have seen held in time
		e.held.Store(false)
		return true
	}
	return false
}

func (e *Encoder) hasRoom() bool {
	return e.queued.Load() <= int64(e.o.Soft/2) && len(e.queue) < queueLength/2
}

// release tells a walker that waits that there is room.
func (e *Encoder) release() {
	if !e.held.CompareAndSwap(true, false) {
		return
	}
	select {
	case e.room <- struct{}{}:
	default: // woken already
	}
	if e.o.Room != nil {
		e.o.Room()
	}
}

// Send hands b over; it does not belong to the caller any more, whatever the
// result. It never waits. An error means that the snapshot is over: ErrOverrun if
// too much waits already, else what made Run return.
func (e *Encoder) Send(b *Batch) error {
	if err := e.admit(); err != nil {
		return err
	}
	// What waits decides, not b: a single value may be larger than any bound.
	if e.queued.Load() > int64(e.o.Hard) {
		return e.overrun()
	}
	waiting := e.queued.Add(int64(b.Size()))
	select {
	case e.queue <- b:
	default:
		return e.overrun()
	}
	if waiting > int64(e.o.Soft) {
		select {
		case e.excess <- struct{}{}:
		default: // woken already
		}
	}
	return nil
}

// SendWait is Send for a caller that is free to wait for room. Run must be running
// or about to.
func (e *Encoder) SendWait(b *Batch) error {
	for !e.Ready() {
		select {
		case <-e.room:
		case <-e.over:
		}
	}
	return e.Send(b)
}

// admit returns why nothing more is taken, if that is so.
func (e *Encoder) admit() error {
	if e.ended() {
		return e.err
	}
	if e.finished {
		return errFinished
	}
	return nil
}

func (e *Encoder) ended() bool {
	select {
	case <-e.over:
		return true
	default:
		return false
	}
}

func (e *Encoder) overrun() error {
	e.Abort(ErrOverrun)
	return e.err
}

// Finish says that the last batch was sent: Run writes the end of the snapshot
// and returns. Further calls do nothing.
func (e *Encoder) Finish() {
	if e.finished {
		return
	}
	e.finished = true
	close(e.queue)
}

// Abort makes Run return err (nil: ErrAborted) as soon as the sink lets it. It
// may be called from any goroutine, at any time, also after the end.
func (e *Encoder) Abort(err error) {
	if err == nil {
		err = ErrAborted
	}
	e.overOnce.Do(func() {
		e.err = err
		close(e.over)
		e.release()
	})
}

// Run writes the snapshot to w until Finish, and returns nil once w has taken the
// last byte. It returns early with w's first error, the cause of ctx's end, or
// what Abort was given; later calls of Send get the same error. Run cannot
// interrupt a Write: a sink that can block for long watches ctx too.
func (e *Encoder) Run(ctx context.Context, w io.Writer) error {
	defer e.Abort(errFinished) // after success: nothing more is taken
	stop := context.AfterFunc(ctx, func() { e.Abort(context.Cause(ctx)) })
	defer stop()

	s := spill{dir: e.o.SpillDir}
	defer s.close()
	drained := make(chan struct{})
	var wg sync.WaitGroup
	if s.dir != "" {
		wg.Go(func() { e.runSpill(&s, drained) })
	}
	out := rdb.NewWriter(&counted{w: w, n: &e.Progress.Bytes}, e.o.RDB)
	e.header.writeTo(out)
	err := e.drain(out)
	if err != nil {
		e.Abort(err)
	}
	close(drained)
	wg.Wait()
	if err == nil {
		err = s.copyTo(out)
	}
	if err == nil && e.ended() {
		err = e.err
	}
	if err == nil {
		err = out.End()
	}
	if err != nil {
		e.Abort(err)
	}
	return err
}

// drain writes batches until the queue is closed and empty.
func (e *Encoder) drain(out *rdb.Writer) error {
	for {
		select {
		case <-e.over:
			return e.err
		case b, ok := <-e.queue:
			if !ok {
				return out.Err()
			}
			if err := e.write(out, b); err != nil {
				return err
			}
		}
	}
}

// write writes one batch and makes it free.
func (e *Encoder) write(out *rdb.Writer, b *Batch) error {
	size, records := b.Size(), b.Records()
	b.writeTo(out)
	e.queued.Add(-int64(size))
	e.Progress.Keys.Add(int64(records))
	b.reset()
	select {
	case e.free <- b:
	default: // enough of them
	}
	if e.hasRoom() {
		e.release()
	}
	return out.Err()
}

// counted adds to n what w takes.
type counted struct {
	w io.Writer
	n *atomic.Int64
}

func (c *counted) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n.Add(int64(n))
	return n, err
}

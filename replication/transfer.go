package replication

import (
	"context"
	"errors"
	"io"
	"slices"
	"sync"
)

// transferLimit is how many bytes of a snapshot wait in memory for the slowest of
// the replicas that share it. The producer stands still beyond it.
const transferLimit = 4 << 20

// ErrNoReaders ends the production of a snapshot whose replicas have all gone.
var ErrNoReaders = errors.New("no replica left to receive the snapshot")

// Transfer carries a snapshot's bytes from the goroutine that produces them to the
// replicas that share it. It holds at most transferLimit bytes: Write waits for the
// slowest replica. Write and Finish are for the producer, the rest is the Node's.
type Transfer struct {
	wake func()

	mu       sync.Mutex // guards all below; held for copies, never during I/O
	room     *sync.Cond
	ring     ring
	readers  []*transferReader
	trailer  []byte // written after the last byte: the mark of an unsized transfer
	finished bool
	err      error // why the producer gave up
}

// transferReader is one replica's place in a Transfer.
type transferReader struct {
	t   *Transfer
	pos Offset
}

func newTransfer(wake func(), trailer []byte) *Transfer {
	t := &Transfer{wake: wake, trailer: trailer}
	t.room = sync.NewCond(&t.mu)
	return t
}

// Write queues p for every replica; it waits while the slowest has too much to
// read. It fails with ErrNoReaders when none is left.
func (t *Transfer) Write(p []byte) (int, error) {
	done := 0
	for done < len(p) {
		n, err := t.write(p[done:])
		done += n
		if err != nil {
			return done, err
		}
		t.wakeLoop()
	}
	return done, nil
}

func (t *Transfer) write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for {
		if len(t.readers) == 0 {
			return 0, ErrNoReaders
		}
		if room := transferLimit - int(t.ring.end-t.slowest()); room > 0 {
			n := min(room, len(p))
			t.ring.append(p[:n])
			return n, nil
		}
		t.room.Wait()
	}
}

// Finish ends the transfer: with nil all bytes were written, otherwise the replicas
// are dropped. To be called once by the producer.
func (t *Transfer) Finish(err error) {
	t.mu.Lock()
	if err == nil {
		t.ring.append(t.trailer)
	}
	t.finished, t.err = true, err
	t.mu.Unlock()
	t.wakeLoop()
}

// CopyFrom produces the transfer from r: a snapshot that was written to a file.
func (t *Transfer) CopyFrom(ctx context.Context, r io.Reader) {
	stop := context.AfterFunc(ctx, func() { t.detachAll() })
	defer stop()
	_, err := io.CopyBuffer(struct{ io.Writer }{t}, r, make([]byte, blockSize))
	t.Finish(err)
}

func (t *Transfer) wakeLoop() {
	if t.wake != nil {
		t.wake()
	}
}

// slowest is the position of the reader that is furthest behind. The caller holds mu.
func (t *Transfer) slowest() Offset {
	pos := t.ring.end
	for _, r := range t.readers {
		pos = min(pos, r.pos)
	}
	return pos
}

// attach adds a reader at the first byte.
func (t *Transfer) attach() *transferReader {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ring.first != 0 {
		panic("replication: joined a transfer that has begun")
	}
	r := &transferReader{t: t}
	t.readers = append(t.readers, r)
	return r
}

// detach takes a reader out; the producer may go on, or learn that it was the last.
func (r *transferReader) detach() {
	t := r.t
	t.mu.Lock()
	defer t.mu.Unlock()
	t.readers = slices.DeleteFunc(t.readers, func(o *transferReader) bool { return o == r })
	t.ring.trim(t.slowest())
	t.room.Signal()
}

func (t *Transfer) detachAll() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.readers = nil
	t.room.Signal()
}

// next returns the bytes that have come, at most a block.
func (r *transferReader) next() []byte {
	r.t.mu.Lock()
	defer r.t.mu.Unlock()
	return r.t.ring.at(r.pos)
}

func (r *transferReader) advance(n int) {
	t := r.t
	t.mu.Lock()
	defer t.mu.Unlock()
	r.pos += Offset(n)
	t.ring.trim(t.slowest())
	t.room.Signal()
}

// outcome tells whether all bytes have been read, or why they never will be.
func (r *transferReader) outcome() (done bool, err error) {
	t := r.t
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.finished && t.err == nil && r.pos == t.ring.end, t.err
}

package sentinel

import (
	"errors"
	"sync"
	"time"
)

// retryWrite is the pause before a write of Raft that failed is tried again.
const retryWrite = 250 * time.Millisecond

// writeWatch knows how writing to the store goes. A disk that hangs does not stop a Raft
// leader's heartbeats, so it would lead for ever while nothing can be committed: the
// transport asks and falls silent. A full disk is one that hangs until there is room,
// since the Raft library does not survive a failed write of its term, and is wrong about
// its log after others; so what Raft writes is written until it is there.
//
// Safe for concurrent use.
type writeWatch struct {
	delay time.Duration // before each write, to measure what a slow disk costs

	mu    sync.Mutex // guards what follows; not held while writing
	last  uint64
	begun map[uint64]time.Time // writes under way
	wrong [2]error             // why the newest writes of Raft, and of the meta, failed
}

const (
	raftWrites = iota
	metaWrites
)

// once writes.
func (w *writeWatch) once(write func() error) error {
	defer w.begin()()
	return w.note(metaWrites, write())
}

// insist writes until it succeeds, or stop is closed: then it returns the last error.
func (w *writeWatch) insist(stop <-chan struct{}, write func() error) error {
	defer w.begin()()
	for {
		err := w.note(raftWrites, write())
		if err == nil {
			return nil
		}
		select {
		case <-time.After(retryWrite):
		case <-stop:
			w.note(raftWrites, nil)
			return err
		}
	}
}

// begin counts a write as under way until the answer is called.
func (w *writeWatch) begin() (end func()) {
	w.mu.Lock()
	w.last++
	n := w.last
	if w.begun == nil {
		w.begun = map[uint64]time.Time{}
	}
	w.begun[n] = time.Now()
	w.mu.Unlock()
	if w.delay > 0 {
		time.Sleep(w.delay)
	}
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.begun, n)
	}
}

func (w *writeWatch) note(kind int, err error) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.wrong[kind] = err
	return err
}

// stalled is for how long a write has been under way, 0 if none is.
func (w *writeWatch) stalled() (longest time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, since := range w.begun {
		longest = max(longest, time.Since(since))
	}
	return longest
}

// failure is why the newest writes failed, nil if they did not.
func (w *writeWatch) failure() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return errors.Join(w.wrong[:]...)
}

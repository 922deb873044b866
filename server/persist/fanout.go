package persist

import (
	"errors"
	"io"
)

// ErrNoSink says that every sink of a Fanout has failed.
var ErrNoSink = errors.New("persist: no sink is left")

// Fanout is a sink that passes each byte to several. One that fails is left out
// from then on; the snapshot fails when none is left.
type Fanout struct {
	sinks  []io.Writer // nil: failed
	left   int
	failed func(i int, err error)
}

// NewFanout returns a Fanout to sinks. failed is told, on the goroutine that
// writes, which one failed and why; it may be nil.
func NewFanout(failed func(i int, err error), sinks ...io.Writer) *Fanout {
	return &Fanout{sinks: append([]io.Writer(nil), sinks...), left: len(sinks), failed: failed}
}

// Write implements io.Writer. Its only error is ErrNoSink.
func (f *Fanout) Write(p []byte) (int, error) {
	for i, w := range f.sinks {
		if w == nil {
			continue
		}
		if _, err := w.Write(p); err != nil {
			f.drop(i, err)
		}
	}
	if f.left == 0 {
		return 0, ErrNoSink
	}
	return len(p), nil
}

func (f *Fanout) drop(i int, err error) {
	f.sinks[i] = nil
	f.left--
	if f.failed != nil {
		f.failed(i, err)
	}
}

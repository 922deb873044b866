package persist

import (
	"fmt"
	"io"
	"os"

	"github.com/vedette-ha/vedette/internal/rdb"
)

// spill is the file that takes records while the sink is too slow for them. They
// are RDB already, so the file ends up in the stream as it is: the order of
// records does not matter, as each key comes once and names its database.
//
// The spiller owns it until it ends, then Run does.
type spill struct {
	dir string
	f   *os.File // nil until needed; has no name any more
	w   *rdb.Writer
}

// runSpill moves batches from the queue to the spill file whenever more than Soft
// bytes wait. It ends when drained is closed, because the queue is empty, or with
// the snapshot. If the file cannot be written the snapshot is over.
func (e *Encoder) runSpill(s *spill, drained <-chan struct{}) {
	for {
		select {
		case <-e.over:
			return
		case <-drained:
			return
		case <-e.excess:
		}
		for e.queued.Load() > int64(e.o.Soft) {
			select {
			case <-e.over:
				return
			case <-drained: // what still counts as waiting is being written
				return
			case b, ok := <-e.queue:
				if !ok {
					return
				}
				if err := e.spillBatch(s, b); err != nil {
					e.Abort(fmt.Errorf("spill snapshot to %s: %w", s.dir, err))
					return
				}
			}
		}
	}
}

// spillBatch writes one batch to the file.
func (e *Encoder) spillBatch(s *spill, b *Batch) error {
	if s.f == nil {
		if err := s.open(e.o.RDB); err != nil {
			return err
		}
	}
	return e.write(s.w, b)
}

// open creates the file and takes its name away, so that no crash leaves it.
func (s *spill) open(o rdb.Options) error {
	f, err := os.CreateTemp(s.dir, "temp-spill-*.rdb")
	if err != nil {
		return err
	}
	if err := os.Remove(f.Name()); err != nil {
		f.Close()
		return err
	}
	o.NoChecksum = true // the stream it goes into has one
	s.f, s.w = f, rdb.NewWriter(f, o)
	return nil
}

// copyTo appends what was spilled to out.
func (s *spill) copyTo(out *rdb.Writer) error {
	if s.f == nil {
		return nil
	}
	if err := s.w.Flush(); err != nil {
		return fmt.Errorf("spill snapshot to %s: %w", s.dir, err)
	}
	if _, err := s.f.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("read spilled snapshot in %s: %w", s.dir, err)
	}
	buf := make([]byte, BatchBytes)
	for {
		n, err := s.f.Read(buf)
		out.PutBytes(buf[:n])
		if out.Err() != nil {
			return out.Err()
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read spilled snapshot in %s: %w", s.dir, err)
		}
	}
}

func (s *spill) close() {
	if s.f != nil {
		s.f.Close()
	}
}

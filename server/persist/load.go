package persist

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/vedette-ha/vedette/internal/rdb"
)

// CorruptError says that a file is not a whole, sound snapshot of a version known
// here. The file is left as it is.
type CorruptError struct {
	Path string
	Err  *rdb.Error // where and why
}

func (e *CorruptError) Error() string { return fmt.Sprintf("load %s: %v", e.Path, e.Err) }

// Unwrap returns the *rdb.Error.
func (e *CorruptError) Unwrap() error { return e.Err }

// Loader reads a snapshot file event by event. One goroutine uses it; Progress
// may be read from anywhere.
type Loader struct {
	Progress Progress

	path string
	f    *os.File
	r    *rdb.Reader
}

// Open opens the snapshot at path. The error wraps fs.ErrNotExist if there is
// none. Its contents are not looked at before Next. o.Size is set from the file.
func Open(path string, o rdb.ReaderOptions) (*Loader, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("load %s: %w", path, err)
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = errors.New("it is not a regular file")
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("load %s: %w", path, err)
	}
	o.Size = info.Size()
	l := &Loader{path: path, f: f, r: rdb.NewReader(f, o)}
	l.Progress.BytesTotal.Store(o.Size)
	return l, nil
}

// Next returns the next event, as rdb.Reader.Next does: io.EOF at the end of a
// sound snapshot, a *CorruptError if it is none, another error if the file cannot
// be read.
func (l *Loader) Next() (rdb.Event, error) {
	ev, err := l.r.Next()
	l.Progress.Bytes.Store(l.r.Offset())
	if err != nil {
		return nil, l.explain(err)
	}
	switch ev := ev.(type) {
	case *rdb.Record:
		l.Progress.Keys.Add(1)
	case *rdb.ResizeDB:
		l.Progress.KeysTotal.Add(int64(min(ev.Keys, 1<<40)))
	}
	return ev, nil
}

// explain adds the file to an error of the reader.
func (l *Loader) explain(err error) error {
	var at *rdb.Error
	if !errors.As(err, &at) {
		return err // io.EOF
	}
	if at.Err != nil && !errors.Is(at.Err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("load %s: %w", l.path, at.Err)
	}
	return &CorruptError{Path: l.path, Err: at}
}

// Close closes the file.
func (l *Loader) Close() error { return l.f.Close() }

// Load reads the whole snapshot at path and gives apply each event. It stops at
// the first error, its own (as Open and Next have them) or apply's.
func Load(path string, o rdb.ReaderOptions, apply func(rdb.Event) error) error {
	l, err := Open(path, o)
	if err != nil {
		return err
	}
	defer l.Close()
	for {
		ev, err := l.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if err := apply(ev); err != nil {
			return err
		}
	}
}

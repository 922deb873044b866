package persist

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// FileOptions say how SaveFile writes.
type FileOptions struct {
	// FsyncEvery is after how many bytes the file is flushed to disk on the way, so
	// that the last flush is short; 0: only at the end. Redis has 4 MiB with
	// rdb-save-incremental-fsync.
	FsyncEvery int64
}

// SaveFile writes a file so that path holds either what it held before or all of
// the new contents, on disk. write fills temp-<pid>.rdb in the same directory;
// only if it and every step after it succeeds does that take the name. On an error
// the temporary file is removed. Nobody else may save to the same directory at
// the same time.
//
// A Write that fails fails the save, even if write does not return its error.
func SaveFile(path string, o FileOptions, write func(w io.Writer) error) error {
	dir := filepath.Dir(path)
	temp := filepath.Join(dir, fmt.Sprintf("temp-%d.rdb", os.Getpid()))
	if err := writeFile(temp, o, write); err != nil {
		os.Remove(temp)
		return fmt.Errorf("save %s: %w", path, err)
	}
	if err := os.Rename(temp, path); err != nil {
		os.Remove(temp)
		return fmt.Errorf("save %s: %w", path, err)
	}
	if err := syncDir(dir); err != nil {
		return fmt.Errorf("save %s: %w", path, err)
	}
	return nil
}

// writeFile creates the file temp, lets write fill it, and brings it to disk.
func writeFile(temp string, o FileOptions, write func(w io.Writer) error) error {
	f, err := os.OpenFile(temp, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	w := &syncingFile{f: f, every: o.FsyncEvery}
	err = write(w)
	if err == nil {
		err = w.err
	}
	if err == nil {
		err = f.Sync()
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	return err
}

// syncingFile flushes a file to disk after every so many bytes. Its first error
// sticks.
type syncingFile struct {
	f        *os.File
	every    int64 // 0: never
	unsynced int64
	err      error
}

func (w *syncingFile) Write(p []byte) (n int, err error) {
	for len(p) > 0 && w.err == nil {
		step := len(p)
		if w.every > 0 {
			step = int(min(int64(step), w.every-w.unsynced))
		}
		var wrote int
		wrote, w.err = w.f.Write(p[:step])
		n += wrote
		p = p[step:]
		w.wrote(int64(wrote))
	}
	return n, w.err
}

// wrote counts n bytes written, and flushes when it is time.
func (w *syncingFile) wrote(n int64) {
	w.unsynced += n
	if w.every > 0 && w.unsynced >= w.every && w.err == nil {
		w.err = w.f.Sync()
		w.unsynced = 0
	}
}

// syncDir brings a directory's entries to disk.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

package conf

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// WriteAtomic replaces the file at path by data so that a crash at any instant
// leaves the old text or the new one: a temporary file beside it, fsync, rename,
// fsync of the directory. An existing file keeps its mode; a new one gets perm.
// A symbolic link is followed and stays.
//
// Where the directory does not allow that but the file itself can be written
// (a single file mounted into a container), it is written in place and fsynced,
// which a crash may tear.
func WriteAtomic(path string, data []byte, perm os.FileMode) error {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
	if st, err := os.Stat(path); err == nil {
		perm = st.Mode().Perm()
	}
	err := replaceFile(path, data, perm)
	if err == nil || !onlyInPlace(err) {
		return err
	}
	return overwriteFile(path, data)
}

// onlyInPlace reports that a failed replacement is worth a try in place: the
// directory is not writable, or the file is a mount point.
func onlyInPlace(err error) bool {
	for _, e := range []error{syscall.EACCES, syscall.EPERM, syscall.EROFS,
		syscall.EBUSY, syscall.EXDEV} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

func replaceFile(path string, data []byte, perm os.FileMode) (err error) {
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, "."+filepath.Base(path)+".*.tmp")
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name()) // the error that matters is the first one
		}
	}()
	if err := fill(f, data, perm); err != nil {
		return fmt.Errorf("write %s: %w", f.Name(), err)
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return syncDir(dir)
}

// fill writes data to f, makes it durable and closes f.
func fill(f *os.File, data []byte, perm os.FileMode) error {
	_, err := f.Write(data)
	err = errors.Join(err, f.Chmod(perm))
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if errors.Is(err, os.ErrPermission) {
		return nil // a directory one may write to but not read: nothing more can be done
	}
	if err != nil {
		return fmt.Errorf("sync directory %s: %w", dir, err)
	}
	defer d.Close()
	if err := d.Sync(); err != nil && !errors.Is(err, syscall.EINVAL) {
		return fmt.Errorf("sync directory %s: %w", dir, err)
	}
	return nil
}

func overwriteFile(path string, data []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_TRUNC, 0)
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("write %s in place: %w", path, err)
	}
	return nil
}

package cli

import (
	"os"
	"strconv"
	"strings"
)

// pidFile is a file that holds the process id while the process lives. One
// without a path does nothing.
type pidFile struct {
	path    string
	written bool
}

func (f *pidFile) write() error {
	if f.path == "" {
		return nil
	}
	f.written = true
	return os.WriteFile(f.path, []byte(strconv.Itoa(os.Getpid())+"\n"), 0o644)
}

// remove deletes the file unless another process has taken it over.
func (f *pidFile) remove() {
	if !f.written {
		return
	}
	b, err := os.ReadFile(f.path)
	if err != nil || strings.TrimSpace(string(b)) != strconv.Itoa(os.Getpid()) {
		return
	}
	_ = os.Remove(f.path) // a stale one is harmless
}

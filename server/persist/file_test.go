package persist

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vedette-ha/vedette/internal/rdb"
)

// write returns a function for SaveFile that writes parts, then returns err.
func write(err error, parts ...string) func(io.Writer) error {
	return func(w io.Writer) error {
		for _, p := range parts {
			w.Write([]byte(p))
		}
		return err
	}
}

// listing returns the names in a directory.
func listing(t *testing.T, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return strings.Join(names, " ")
}

func TestSaveFileReplaces(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "dump.rdb")
	for _, o := range []FileOptions{{}, {FsyncEvery: 4}} {
		if err := SaveFile(path, o, write(nil, "first", " and much longer than that")); err != nil {
			t.Fatal(err)
		}
	}
	if got, _ := os.ReadFile(path); string(got) != "first and much longer than that" || listing(t, dir) != "dump.rdb" {
		t.Errorf("%q in %s", got, listing(t, dir))
	}
}

// While it is written the old contents are there, and the new under another name.
func TestSaveFileIsAtomic(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "dump.rdb")
	if err := SaveFile(path, FileOptions{}, write(nil, "old")); err != nil {
		t.Fatal(err)
	}
	temp := fmt.Sprintf("temp-%d.rdb", os.Getpid())
	err := SaveFile(path, FileOptions{}, func(w io.Writer) error {
		w.Write([]byte("new"))
		if got, _ := os.ReadFile(path); string(got) != "old" || listing(t, dir) != "dump.rdb "+temp {
			t.Errorf("%q in %s", got, listing(t, dir))
		}
		return nil
	})
	if got, _ := os.ReadFile(path); err != nil || string(got) != "new" {
		t.Errorf("%q, %v", got, err)
	}
}

func TestSaveFileFails(t *testing.T) {
	boom := errors.New("boom")
	dir := t.TempDir()
	path := filepath.Join(dir, "dump.rdb")
	if err := SaveFile(path, FileOptions{}, write(nil, "old")); err != nil {
		t.Fatal(err)
	}
	taken := filepath.Join(dir, "taken")
	if err := os.MkdirAll(filepath.Join(taken, "full"), 0o755); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, path string
		write      func(io.Writer) error
		want       error
	}{
		{"the writer fails", path, write(boom, "new"), boom},
		{"the directory is missing", filepath.Join(dir, "none", "dump.rdb"), write(nil), fs.ErrNotExist},
		{"the name is taken by a directory", taken, write(nil, "new"), nil},
		{"a write fails and the writer goes on", path, func(w io.Writer) error {
			w.(*syncingFile).f.Close()
			w.Write([]byte("new"))
			return nil
		}, fs.ErrClosed},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := SaveFile(tt.path, FileOptions{}, tt.write)
			if err == nil || tt.want != nil && !errors.Is(err, tt.want) {
				t.Errorf("%v, want %v", err, tt.want)
			}
			if got, _ := os.ReadFile(path); string(got) != "old" || listing(t, dir) != "dump.rdb taken" {
				t.Errorf("%q in %s", got, listing(t, dir))
			}
		})
	}
}

// save writes a snapshot of n keys to path, the way a server does.
func save(t *testing.T, path string, n int) {
	t.Helper()
	e := NewEncoder(Header{Sizes: []Size{{Keys: uint64(n)}}}, EncoderOptions{})
	done := make(chan error, 1)
	go func() {
		done <- SaveFile(path, FileOptions{FsyncEvery: 4 << 20}, func(w io.Writer) error { return e.Run(t.Context(), w) })
	}()
	for i := range n {
		b := e.Batch()
		b.AddString(0, rdb.NoMeta(), fmt.Appendf(nil, "key%d", i), []byte("value"))
		if err := e.SendWait(b); err != nil {
			t.Fatal(err)
		}
	}
	e.Finish()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

func TestSaveAndLoad(t *testing.T) {
	path := filepath.Join(t.TempDir(), "dump.rdb")
	save(t, path, 1000)
	l, err := Open(path, rdb.ReaderOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	keys := 0
	for {
		ev, err := l.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := ev.(*rdb.Record); ok {
			keys++
		}
	}
	p := &l.Progress
	if keys != 1000 || p.Keys.Load() != 1000 || p.KeysTotal.Load() != 1000 || p.Bytes.Load() != p.BytesTotal.Load() {
		t.Errorf("%d keys; progress %d/%d keys, %d/%d bytes", keys,
			p.Keys.Load(), p.KeysTotal.Load(), p.Bytes.Load(), p.BytesTotal.Load())
	}
}

// Records of databases in any order, behind all hints, are what Redis reads too.
func TestRedisAcceptsSnapshot(t *testing.T) {
	tool, err := exec.LookPath("redis-check-rdb")
	if err != nil {
		t.Skip("no redis-check-rdb to ask")
	}
	path := filepath.Join(t.TempDir(), "dump.rdb")
	e := NewEncoder(testHeader(), EncoderOptions{RDB: rdb.Options{Compress: true}})
	if err := sendKeys(e, 0, 50, 3000); err != nil {
		t.Fatal(err)
	}
	b := e.Batch()
	b.AddObject(9, rdb.Meta{ExpireAt: 4102444800000, IdleSeconds: 7, Freq: -1}, []byte("list"), pair{"a", "b"}, 0)
	e.Send(b)
	e.Finish()
	if err := SaveFile(path, FileOptions{}, func(w io.Writer) error { return e.Run(t.Context(), w) }); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(tool, path).CombinedOutput()
	if err != nil || !strings.Contains(string(out), "51 keys read") || !strings.Contains(string(out), "1 expires") {
		t.Errorf("%v\n%s", err, out)
	}
}

// A file that is missing, damaged or none of ours is told apart, and left alone.
func TestLoadErrors(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "dump.rdb")
	save(t, path, 10)
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	changed := bytes.Clone(good)
	changed[len(changed)/2] ^= 1
	refuse := errors.New("refused")
	tests := []struct {
		name     string
		contents []byte
		apply    error
		corrupt  string // what a CorruptError says
		want     error
	}{
		{"sound", good, nil, "", nil},
		{"empty", []byte{}, nil, "at offset 0: Unexpected EOF reading RDB file", nil},
		{"cut short", good[:len(good)-20], nil, "Unexpected EOF reading RDB file", nil},
		{"a byte changed", changed, nil, "at offset", nil},
		{"something else", []byte("*1\r\n$4\r\nPING\r\n"), nil, "at offset 0: Wrong signature trying to load DB from file", nil},
		{"a version to come", []byte("REDIS0099"), nil, "Can't handle RDB format version", nil},
		{"refused by the receiver", good, refuse, "", refuse},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(dir, "tested.rdb")
			if err := os.WriteFile(path, tt.contents, 0o644); err != nil {
				t.Fatal(err)
			}
			err := Load(path, rdb.ReaderOptions{}, func(rdb.Event) error { return tt.apply })
			var bad *CorruptError
			if errors.As(err, &bad) != (tt.corrupt != "") {
				t.Errorf("%v, want %q", err, tt.corrupt)
			}
			if bad != nil && (bad.Path != path || !strings.Contains(err.Error(), tt.corrupt)) {
				t.Errorf("%v, want %q", err, tt.corrupt)
			}
			if tt.corrupt == "" && !errors.Is(err, tt.want) {
				t.Errorf("%v, want %v", err, tt.want)
			}
			if after, _ := os.ReadFile(path); !bytes.Equal(after, tt.contents) {
				t.Error("the file was changed")
			}
		})
	}
	if err := Load(filepath.Join(dir, "none"), rdb.ReaderOptions{}, nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	if err := Load(dir, rdb.ReaderOptions{}, nil); err == nil {
		t.Error("a directory was loaded")
	}
}

package rdb_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/vedette-ha/vedette/internal/rdb"
)

// snapshot writes one with a bit of everything.
func snapshot(o rdb.Options) []byte {
	var out bytes.Buffer
	w := rdb.NewWriter(&out, o)
	w.Header()
	w.Aux("redis-ver", "7.2.0")
	w.Aux("repl-offset", "12345")
	w.Function([]byte("#!lua name=lib\n"))
	w.SelectDB(0)
	w.ResizeDB(3, 1)
	w.StringKey(rdb.NoMeta(), []byte("a"), []byte("1"))
	w.StringKey(rdb.Meta{ExpireAt: 1893456000000, IdleSeconds: 5, Freq: 9}, []byte("b"), []byte(strings.Repeat("b", 100)))
	w.StringKey(rdb.NoMeta(), []byte("big"), bytes.Repeat([]byte("0123456789abcdefg\x00\x01"), 20_000))
	w.SelectDB(3)
	for i, v := range oldValues() {
		w.RawKey(rdb.NoMeta(), v.t, fmt.Appendf(nil, "old%d", i), v.body)
	}
	if err := w.End(); err != nil {
		panic(err)
	}
	return out.Bytes()
}

// describe reads a snapshot to its end and tells what was in it.
func describe(r io.Reader, o rdb.ReaderOptions) (events []string, err error) {
	in := rdb.NewReader(r, o)
	for {
		ev, err := in.Next()
		if err != nil {
			return events, err
		}
		switch ev := ev.(type) {
		case *rdb.Aux:
			events = append(events, fmt.Sprintf("aux %s=%s", ev.Key, ev.Value))
		case *rdb.Function:
			events = append(events, fmt.Sprintf("function %q", ev.Code))
		case *rdb.SelectDB:
			events = append(events, fmt.Sprintf("db %d", ev.DB))
		case *rdb.ResizeDB:
			events = append(events, fmt.Sprintf("resize %d %d", ev.Keys, ev.Volatile))
		case *rdb.Record:
			events = append(events, fmt.Sprintf("%d/%s %v %.50s", ev.DB, ev.Key, ev.Meta, canonical(ev.Value)))
		}
	}
}

func TestReadWhatWasWritten(t *testing.T) {
	for _, o := range []rdb.Options{{}, {Compress: true}, {Version: 11, Compress: true}, {NoChecksum: true}, {Version: 4}} {
		t.Run(fmt.Sprintf("%+v", o), func(t *testing.T) {
			p := snapshot(o)
			// From a stream that gives single bytes, and from one of unknown size that goes on.
			got, err := describe(iotest.OneByteReader(bytes.NewReader(p)), rdb.ReaderOptions{Size: int64(len(p))})
			if err != io.EOF {
				t.Fatal(err)
			}
			same, err := describe(io.MultiReader(bytes.NewReader(p), strings.NewReader("*1\r\n$4\r\nPING\r\n")), rdb.ReaderOptions{})
			if err != io.EOF || fmt.Sprint(same) != fmt.Sprint(got) {
				t.Errorf("%v: %q\nwant %q", err, same, got)
			}
			want := []string{"aux redis-ver=7.2.0", "aux repl-offset=12345", `function "#!lua name=lib\n"`, "db 0", "resize 3 1",
				`0/a {-1 -1 -1} string "1"`, `0/b {1893456000000 5 9} string "` + strings.Repeat("b", 42),
				`0/big {-1 -1 -1} string "0123456789abcdefg\x00\x01`, "db 3", `3/old0 {-1 -1 -1} list "a" "-5"`}
			for i, w := range want {
				if !strings.HasPrefix(got[i], w) {
					t.Errorf("%d: %s\nwant %s", i, got[i], w)
				}
			}
		})
	}
}

// After the end Offset is the length of the snapshot, so that what follows it in a
// file can be found.
func TestOffsetAtEnd(t *testing.T) {
	p := snapshot(rdb.Options{Compress: true})
	r := rdb.NewReader(io.MultiReader(bytes.NewReader(p), strings.NewReader("more")), rdb.ReaderOptions{})
	for {
		if _, err := r.Next(); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if r.Offset() != int64(len(p)) {
		t.Errorf("offset %d of %d", r.Offset(), len(p))
	}
	if _, err := r.Next(); err != io.EOF {
		t.Errorf("after the end: %v", err)
	}
}

// A snapshot cut anywhere is refused as cut short; one with any byte changed is
// refused for something.
func TestDamagedSnapshots(t *testing.T) {
	var out bytes.Buffer
	w := rdb.NewWriter(&out, rdb.Options{Compress: true})
	w.Header()
	w.Aux("redis-ver", "7.2.0")
	w.SelectDB(0)
	w.ResizeDB(2, 0)
	w.StringKey(rdb.NoMeta(), []byte("k"), []byte(strings.Repeat("value ", 30)))
	w.RawKey(rdb.NoMeta(), rdb.TypeHashListpack, []byte("h"), blob(packOf("a", "1")))
	w.End()
	p := out.Bytes()
	for i := range p {
		_, err := describe(bytes.NewReader(p[:i]), rdb.ReaderOptions{})
		var at *rdb.Error
		if !errors.Is(err, io.ErrUnexpectedEOF) || !errors.As(err, &at) || at.Offset != int64(i) {
			t.Errorf("cut at %d: %v", i, err)
		}
		bad := bytes.Clone(p)
		bad[i] ^= 0x10
		if _, err := describe(bytes.NewReader(bad), rdb.ReaderOptions{}); err == io.EOF || !errors.As(err, &at) {
			t.Errorf("byte %d changed: %v", i, err)
		}
	}
}

func TestReaderRefuses(t *testing.T) {
	const huge = "\x81\x7f\xff\xff\xff\xff\xff\xff\xff"
	tests := []struct {
		name, in, want string
	}{
		{"another file", "*1\r\n$4\r\nPING\r\n", "at offset 0: Wrong signature trying to load DB from file: it does not begin with REDIS"},
		{"a version to come", "REDIS0013\xff", `at offset 0: Can't handle RDB format version "0013", only 1 to 12`},
		{"no version", "REDIS00ab\xff", "Can't handle RDB format version"},
		{"a negative version", "REDIS-001\xff", "Can't handle RDB format version"},
		{"an unknown opcode", "REDIS0010\xf0", "at offset 9: unknown type or opcode 240"},
		{"an unknown type", "REDIS0010\x08\x01k", "at offset 9: unknown type or opcode 8"},
		{"a length of an unknown form", "REDIS0010\xfe\x82", "at offset 10: unknown length form 0x82"},
		{"a string for a length", "REDIS0010\xfe\xc0", "at offset 10: a special string where a length belongs"},
		{"a database beyond any", "REDIS0010\xfe" + huge, "at offset 9: a database numbered"},
		{"an unknown string encoding", "REDIS0010\x00\xc4", "at offset 10: unknown string encoding 4"},
		{"a key longer than anything", "REDIS0010\x00" + huge, "at offset 10: a string of 9223372036854775807 bytes is longer than the limit"},
		{"a corrupt compressed string", "REDIS0010\x00\x01k\xc3\x04\x05\x00a\x20\x09", "at offset 12: a compressed string is corrupt"},
		{"a compressed string out of proportion", "REDIS0010\x00\x01k\xc3\x02\x81\x00\x00\x00\x00\x10\x00\x00\x00aa", "at offset 12: 2 compressed bytes announce"},
		{"a module's value", "REDIS0010\x07\x01k" + string(moduleID("ReJSON-RL", 3)), "at offset 9: a value of the module type ReJSON-RL"},
		{"a hash whose fields expire, before its time", "REDIS0012\x16\x01k", "at offset 9: a hash whose fields expire"},
		{"a hash whose fields expire too late", "REDIS0012\x18\x01k\x00\x00\x00\x00\x00\x00\x02\x00", "at offset 9: a hash whose fields expire too late"},
		{"a field that expires too late", "REDIS0012\x18\x01k\x01\x00\x00\x00\x00\x00\x00\x00\x01" + huge, "at offset 21: a field that expires too late"},
		{"a packed field without a time", "REDIS0012\x19\x01k\x01\x00\x00\x00\x00\x00\x00\x00\x0b\x0b\x00\x00\x00\x02\x00\x01\x01\x02\x01\xff", "at offset 9: a hash whose fields expire with a field that is not complete"},
		{"a function before its time", "REDIS0010\xf6", "at offset 9: a function of a Redis 7.0 release candidate"},
		{"a wrong checksum", "REDIS0010\xff\x01\x02\x03\x04\x05\x06\x07\x08", "at offset 10: RDB CRC error, wrong checksum: 0807060504030201 is stored"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := describe(strings.NewReader(tt.in), rdb.ReaderOptions{})
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v\nwant %s", err, tt.want)
			}
		})
	}
}

// moduleID is a length with the name and encoding version of a module type.
func moduleID(name string, version uint64) []byte {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	id := uint64(0)
	for _, c := range name {
		id = id<<6 | uint64(strings.IndexRune(letters, c))
	}
	return rdb.AppendLen(nil, id<<10|version)
}

// What modules store beside the keys, and what later servers say about slots, is
// skipped.
func TestReaderSkips(t *testing.T) {
	for _, in := range []string{
		"REDIS0010\xf7\x01\x02\x01" + "\x01\x05" + "\x02\x06" + "\x03abcd" + "\x04abcdefgh" + "\x05\x03abc" + "\x00" + "\x00\x01k\x01v\xff" + strings.Repeat("\x00", 8),
		"REDIS0012\xf4\x01\x02\x03\x00\x01k\x01v\xff" + strings.Repeat("\x00", 8),
	} {
		got, err := describe(strings.NewReader(in), rdb.ReaderOptions{})
		if err != io.EOF || len(got) != 1 || !strings.HasPrefix(got[0], "0/k") {
			t.Errorf("%q, %v", got, err)
		}
	}
}

// The oldest way to say when a key expires: in seconds.
func TestExpireInSeconds(t *testing.T) {
	got, err := describe(strings.NewReader("REDIS0003\xfe\x00\xfd\x00\x00\x00\x60\x00\x01k\x01v\xff"), rdb.ReaderOptions{})
	if err != io.EOF || len(got) != 2 || got[1] != `0/k {1610612736000 -1 -1} string "v"` {
		t.Errorf("%q, %v", got, err)
	}
}

// A short snapshot that announces long strings does not make the reader allocate
// them.
func TestLengthsAreNotTrusted(t *testing.T) {
	half := "\x80\x1f\xff\xff\xff" // 512 MiB less one
	for _, in := range []string{
		"REDIS0010\x00" + half + "k",
		"REDIS0010\x00\x01k" + half + "v",
		"REDIS0010\x00\x01k\xc3" + half + half + "v",
		"REDIS0010\x01\x01k" + half,
		"REDIS0010\x04\x01k" + half,
		"REDIS0010\x05\x01k" + half,
		"REDIS0010\x13\x01k\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x01g\x00\x00\x00" + half,
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := describe(strings.NewReader(in), rdb.ReaderOptions{})
		runtime.ReadMemStats(&after)
		if !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%q: %v", in, err)
		}
		if grew := after.TotalAlloc - before.TotalAlloc; grew > 4<<20 {
			t.Errorf("%q: %d bytes were allocated", in, grew)
		}
	}
}

// A string of OwnedSize belongs to the receiver; shorter ones are lent.
func TestLongStringsAreHandedOver(t *testing.T) {
	var out bytes.Buffer
	w := rdb.NewWriter(&out, rdb.Options{})
	w.Header()
	for i := range 3 {
		w.StringKey(rdb.NoMeta(), []byte{'a' + byte(i)}, bytes.Repeat([]byte{'0' + byte(i)}, rdb.OwnedSize+i*100_000))
	}
	w.End()
	r := rdb.NewReader(&out, rdb.ReaderOptions{Size: int64(out.Len())})
	var kept [][]byte
	for range 3 {
		ev, err := r.Next()
		if err != nil {
			t.Fatal(err)
		}
		kept = append(kept, ev.(*rdb.Record).Value.String)
	}
	for i, s := range kept {
		if len(s) != rdb.OwnedSize+i*100_000 || strings.Trim(string(s), string(rune('0'+i))) != "" {
			t.Errorf("string %d of %d bytes was overwritten", i, len(s))
		}
	}
}

// failingWriter takes n bytes.
type failingWriter struct{ n int }

func (w *failingWriter) Write(p []byte) (int, error) {
	if len(p) > w.n {
		return w.n, errors.New("no space")
	}
	w.n -= len(p)
	return len(p), nil
}

func TestWriterErrorSticks(t *testing.T) {
	w := rdb.NewWriter(&failingWriter{n: 100_000}, rdb.Options{})
	w.Header()
	for range 5 {
		w.StringKey(rdb.NoMeta(), []byte("k"), make([]byte, 60_000))
	}
	if err := w.End(); err == nil || w.Err() == nil || w.Flush() == nil {
		t.Errorf("End = %v, Err = %v", err, w.Err())
	}
}

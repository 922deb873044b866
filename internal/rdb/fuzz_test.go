package rdb_test

import (
	"bytes"
	"io"
	"testing"

	"github.com/vedette-ha/vedette/internal/rdb"
)

// Any bytes are refused, or read as events that mean the same after they have been
// written and read again.
func FuzzReader(f *testing.F) {
	f.Add(snapshot(rdb.Options{Compress: true})[:500])
	f.Add([]byte("REDIS0003\xfe\x00\xfd\x00\x00\x00\x60\x00\x01k\x01v\xff"))
	for _, v := range oldValues() {
		if len(v.body) < 500 {
			p := append([]byte("REDIS0011"), byte(v.t))
			f.Add(append(append(append(p, "\x01k"...), v.body...), "\xff\x00\x00\x00\x00\x00\x00\x00\x00"...))
		}
	}
	f.Fuzz(func(t *testing.T, p []byte) {
		o := rdb.ReaderOptions{SkipChecksum: true, MaxString: 1 << 20}
		r := rdb.NewReader(bytes.NewReader(p), o)
		var out bytes.Buffer
		w := rdb.NewWriter(&out, rdb.Options{Version: 11})
		w.Header()
		var want []string
		for {
			ev, err := r.Next()
			if err != nil {
				break
			}
			rec, ok := ev.(*rdb.Record)
			if !ok {
				continue
			}
			checkSound(t, rec.Value)
			want = append(want, string(rec.Key)+canonical(rec.Value))
			w.SelectDB(rec.DB)
			w.Key(rec.Meta, rec.Key, rec.Value)
		}
		if err := w.End(); err != nil {
			t.Fatal(err)
		}
		again := rdb.NewReader(&out, rdb.ReaderOptions{})
		for i := 0; ; {
			ev, err := again.Next()
			if err == io.EOF && i == len(want) {
				return
			}
			if err != nil {
				t.Fatalf("record %d of %d: %v", i, len(want), err)
			}
			if rec, ok := ev.(*rdb.Record); ok {
				if got := string(rec.Key) + canonical(rec.Value); got != want[i] {
					t.Fatalf("%q became %q", want[i], got)
				}
				i++
			}
		}
	})
}

// A value of any type, from a payload whose trailer is right: as RESTORE gets it.
func FuzzParseDump(f *testing.F) {
	for _, v := range oldValues() {
		if len(v.body) < 500 {
			f.Add(byte(v.t), v.body)
		}
	}
	f.Add(byte(rdb.TypeStreamListpacks3), []byte("\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, typ byte, body []byte) {
		v, err := rdb.ParseDump(rdb.AppendDumpRaw(nil, rdb.Type(typ), body, 11))
		if err != nil {
			return
		}
		checkSound(t, v)
		a := rdb.Appender{Compress: true}
		again, err := rdb.ParseDump(a.AppendDump(nil, v, 11))
		if err != nil || canonical(again) != canonical(v) {
			t.Fatalf("%s\nbecame %s, %v", canonical(v), canonical(again), err)
		}
	})
}

// A string dumped and parsed is the same string.
func FuzzDumpString(f *testing.F) {
	f.Add([]byte("-128"), true)
	f.Add(bytes.Repeat([]byte("abc"), 50), true)
	f.Fuzz(func(t *testing.T, s []byte, compress bool) {
		a := rdb.Appender{Compress: compress}
		v, err := rdb.ParseDump(a.AppendDumpString(nil, s, 10))
		if err != nil || !bytes.Equal(v.String, s) {
			t.Fatalf("%q became %q, %v", s, v.String, err)
		}
	})
}

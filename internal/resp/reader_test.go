package resp

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"
)

// encode writes v as a server that speaks RESP3 would.
func encode(w *Writer, v Value) {
	if v.Attr != nil {
		w.Attribute(len(v.Attr) / 2)
		for _, a := range v.Attr {
			encode(w, a)
		}
	}
	switch v.Kind {
	case KindStatus:
		w.Status(string(v.Str))
	case KindError:
		w.line('-', string(v.Str))
	case KindInt:
		w.Raw([]byte(":" + string(v.Str) + "\r\n"))
	case KindBulk, KindBulkError:
		if v.Null {
			w.Raw([]byte("$-1\r\n"))
			return
		}
		from := len(w.Buf)
		w.Bulk(v.Str)
		w.Buf[from] = byte(v.Kind)
	case KindVerbatim:
		w.Verbatim(v.Format, string(v.Str))
	case KindNull:
		w.Null()
	case KindBool:
		w.Bool(v.Int == 1)
	case KindDouble:
		w.Raw([]byte("," + string(v.Str) + "\r\n"))
	case KindBigNumber:
		w.BigNumber(string(v.Str))
	case KindArray, KindSet, KindPush, KindMap:
		encodeAggregate(w, v)
	}
}

func encodeAggregate(w *Writer, v Value) {
	n := len(v.Array)
	switch {
	case v.Null:
		w.Raw([]byte("*-1\r\n"))
	case v.Kind == KindMap:
		w.Map(n / 2)
	default:
		w.header(byte(v.Kind), int64(n))
	}
	for _, e := range v.Array {
		encode(w, e)
	}
}

func read(in string, lim ReaderLimits) (Value, error) {
	return NewReader(strings.NewReader(in), lim).Read()
}

func TestReader(t *testing.T) {
	bulk := func(s string) Value { return Value{Kind: KindBulk, Str: []byte(s)} }
	for _, tc := range []struct {
		in   string
		want Value
	}{
		{"+OK\r\n", Value{Kind: KindStatus, Str: []byte("OK")}},
		{"-ERR x\r\n", Value{Kind: KindError, Str: []byte("ERR x")}},
		{":-12\r\n", Value{Kind: KindInt, Str: []byte("-12"), Int: -12}},
		{"$3\r\na\r\n\r\n", bulk("a\r\n")},
		{"$-1\r\n", Value{Kind: KindBulk, Null: true}},
		{"*-1\r\n", Value{Kind: KindArray, Null: true}},
		{"_\r\n", Value{Kind: KindNull, Null: true}},
		{"#t\r\n", Value{Kind: KindBool, Int: 1}},
		{",-inf\r\n", Value{Kind: KindDouble, Str: []byte("-inf"), Float: math.Inf(-1)}},
		{",1e3\r\n", Value{Kind: KindDouble, Str: []byte("1e3"), Float: 1000}},
		{"(123456789012345678901234567890\r\n", Value{Kind: KindBigNumber, Str: []byte("123456789012345678901234567890")}},
		{"!5\r\nERR x\r\n", Value{Kind: KindBulkError, Str: []byte("ERR x")}},
		{"=6\r\ntxt:hi\r\n", Value{Kind: KindVerbatim, Str: []byte("hi"), Format: "txt"}},
		{"*2\r\n$1\r\na\r\n*0\r\n", Value{Kind: KindArray, Array: []Value{bulk("a"), {Kind: KindArray}}}},
		{"%1\r\n$1\r\nk\r\n$1\r\nv\r\n", Value{Kind: KindMap, Array: []Value{bulk("k"), bulk("v")}}},
		{"~1\r\n$1\r\nk\r\n", Value{Kind: KindSet, Array: []Value{bulk("k")}}},
		{">1\r\n$1\r\nk\r\n", Value{Kind: KindPush, Array: []Value{bulk("k")}}},
		{"|1\r\n$1\r\nk\r\n$1\r\nv\r\n$1\r\nx\r\n", Value{Kind: KindBulk, Str: []byte("x"), Attr: []Value{bulk("k"), bulk("v")}}},
	} {
		for name, r := range map[string]io.Reader{
			"at once":      strings.NewReader(tc.in),
			"byte by byte": iotest.OneByteReader(strings.NewReader(tc.in)),
		} {
			got, err := NewReader(r, DefaultReaderLimits()).Read()
			if err != nil || fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", tc.want) {
				t.Errorf("%q %s: %+v, %v; want %+v", tc.in, name, got, err, tc.want)
			}
		}
		var w Writer
		w.RESP3 = true
		encode(&w, tc.want)
		if string(w.Buf) != tc.in {
			t.Errorf("%+v encodes as %q, not %q", tc.want, w.Buf, tc.in)
		}
		for i := 1; i < len(tc.in); i++ {
			if _, err := read(tc.in[:i], DefaultReaderLimits()); err != io.ErrUnexpectedEOF {
				t.Errorf("%q cut off: %v", tc.in[:i], err)
			}
		}
	}
	if _, err := read("", DefaultReaderLimits()); err != io.EOF {
		t.Errorf("at the end: %v", err)
	}
}

func TestReaderRefuses(t *testing.T) {
	deep := strings.Repeat("*1\r\n", 40) + ":1\r\n"
	for _, tc := range []struct {
		in   string
		want error
	}{
		{"\r\n", ErrBadReply}, {"+OK\n", ErrBadReply}, {"x\r\n", ErrBadReply}, {":\r\n", ErrBadReply}, {":1x\r\n", ErrBadReply},
		{"$-2\r\n", ErrBadReply}, {"!-1\r\n", ErrBadReply}, {"$1\r\nabc", ErrBadReply}, {"$?\r\n", ErrBadReply},
		{"*-2\r\n", ErrBadReply}, {"%-1\r\n", ErrBadReply}, {"#x\r\n", ErrBadReply}, {",x\r\n", ErrBadReply}, {"(1.5\r\n", ErrBadReply},
		{"_x\r\n", ErrBadReply}, {"=3\r\ntxt\r\n", ErrBadReply}, {"*9223372036854775807\r\n", ErrBadReply},
		{"$9223372036854775807\r\n", ErrReplyTooBig}, {"$1001\r\n", ErrReplyTooBig},
		{"*2\r\n$600\r\n" + strings.Repeat("x", 600) + "\r\n$600\r\n", ErrReplyTooBig},
		{"*101\r\n", ErrReplyTooBig}, {"%51\r\n", ErrReplyTooBig}, {"*2\r\n*90\r\n", nil}, {"*50\r\n*51\r\n", ErrReplyTooBig},
		{deep, ErrReplyTooBig}, {strings.Repeat("|0\r\n", 40), ErrReplyTooBig},
		{"-" + strings.Repeat("x", 1<<20), ErrReplyTooBig}, {"+" + strings.Repeat("x", 1001) + "\r\n", ErrReplyTooBig},
	} {
		_, err := read(tc.in, ReaderLimits{BytesMax: 1000, ElemsMax: 100, DepthMax: 32})
		if tc.want == nil {
			tc.want = io.ErrUnexpectedEOF
		}
		if !errors.Is(err, tc.want) {
			t.Errorf("%.40q: %v, want %v", tc.in, err, tc.want)
		}
	}
}

// What the wire only claims costs nothing.
func TestReaderDoesNotBelieveLengths(t *testing.T) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for _, in := range []string{"$900000000\r\nabc", "*16000000\r\n", strings.Repeat("*10000\r\n", 30)} {
		if _, err := read(in, DefaultReaderLimits()); err == nil {
			t.Errorf("%.20q is no reply", in)
		}
	}
	runtime.ReadMemStats(&after)
	if used := after.TotalAlloc - before.TotalAlloc; used > 1<<20 {
		t.Errorf("%d bytes allocated", used)
	}
}

// A caller can take the stream over behind a reply.
func TestReaderLeavesTheRest(t *testing.T) {
	r := NewReader(strings.NewReader("+FULLRESYNC\r\nbytes"), DefaultReaderLimits())
	if _, err := r.Read(); err != nil {
		t.Fatal(err)
	}
	rest, _ := io.ReadAll(r.Buffered())
	if string(rest) != "bytes" {
		t.Errorf("%q", rest)
	}
}

func TestValueAccessors(t *testing.T) {
	v, err := read("*6\r\n$1\r\na\r\n:7\r\n$1\r\nb\r\n$2\r\n12\r\n$1\r\nc\r\n-ERR no\r\n", DefaultReaderLimits())
	if err != nil {
		t.Fatal(err)
	}
	a, _ := v.Lookup("a")
	b, _ := v.Lookup("b")
	c, _ := v.Lookup("c")
	if n, ok := a.Int64(); n != 7 || !ok || a.Text() != "7" {
		t.Error(a)
	}
	if n, ok := b.Int64(); n != 12 || !ok {
		t.Error(b)
	}
	if f, ok := b.Float64(); f != 12 || !ok {
		t.Error(b)
	}
	var re *Error
	if !errors.As(c.Err(), &re) || re.Error() != "ERR no" || a.Err() != nil {
		t.Error(c)
	}
	if _, ok := c.Int64(); ok {
		t.Error("an error is no number")
	}
	if _, ok := v.Lookup("d"); ok {
		t.Error("no such key")
	}
}

// A reply that decodes encodes to bytes that decode to it.
func FuzzReader(f *testing.F) {
	for _, seed := range []string{"+OK\r\n", "-ERR\r\n", ":1\r\n", "$1\r\na\r\n", "*2\r\n_\r\n#t\r\n", ",1.5\r\n", "(12\r\n",
		"=5\r\ntxt:x\r\n", "%1\r\n+a\r\n~1\r\n:1\r\n", ">1\r\n!1\r\nE\r\n", "|1\r\n+a\r\n+b\r\n$-1\r\n", "*-1\r\n", "*1000000\r\n"} {
		f.Add([]byte(seed))
	}
	lim := ReaderLimits{BytesMax: 1 << 16, ElemsMax: 1 << 10, DepthMax: 8}
	f.Fuzz(func(t *testing.T, in []byte) {
		first, err := NewReader(bytes.NewReader(in), lim).Read()
		if err != nil {
			return
		}
		w := Writer{RESP3: true}
		encode(&w, first)
		again, err := NewReader(bytes.NewReader(w.Buf), lim).Read()
		if err != nil || !reflect.DeepEqual(normal(first), normal(again)) {
			t.Errorf("%q\nfirst %+v\nthen  %+v, %v", in, first, again, err)
		}
	})
}

// normal makes values comparable: line ends in simple strings are not written, and
// NaN differs from itself.
func normal(v Value) Value {
	if v.Kind == KindDouble && math.IsNaN(v.Float) {
		v.Float = 0
	}
	if v.Kind == KindStatus || v.Kind == KindError {
		v.Str = bytes.ReplaceAll(v.Str, []byte("\r"), []byte(" "))
		v.Str = bytes.ReplaceAll(v.Str, []byte("\n"), []byte(" "))
	}
	for i := range v.Array {
		v.Array[i] = normal(v.Array[i])
	}
	for i := range v.Attr {
		v.Attr[i] = normal(v.Attr[i])
	}
	return v
}

package resp

import (
	"bytes"
	"math"
	"strconv"
	"testing"
)

func TestWriter(t *testing.T) {
	for _, tc := range []struct {
		name         string
		write        func(w *Writer)
		resp2, resp3 string
	}{
		{"status", func(w *Writer) { w.Status("OK") }, "+OK\r\n", ""},
		{"status with line end", func(w *Writer) { w.Status("a\r\nb") }, "+a  b\r\n", ""},
		{"error", func(w *Writer) { w.Error("ERR a\r\nb\n") }, "-ERR a  b\r\n", ""},
		{"error of line ends", func(w *Writer) { w.Error("\r\n") }, "-\r\n", ""},
		{"int", func(w *Writer) { w.Int(-12) }, ":-12\r\n", ""},
		{"smallest int", func(w *Writer) { w.Int(math.MinInt64) }, ":-9223372036854775808\r\n", ""},
		{"bulk", func(w *Writer) { w.Bulk([]byte("a\r\nb\x00")) }, "$5\r\na\r\nb\x00\r\n", ""},
		{"bulk string", func(w *Writer) { w.BulkString("") }, "$0\r\n\r\n", ""},
		{"bulk int", func(w *Writer) { w.BulkInt(-10) }, "$3\r\n-10\r\n", ""},
		{"null", func(w *Writer) { w.Null() }, "$-1\r\n", "_\r\n"},
		{"null array", func(w *Writer) { w.NullArray() }, "*-1\r\n", "_\r\n"},
		{"array", func(w *Writer) { w.Array(10) }, "*10\r\n", ""},
		{"map", func(w *Writer) { w.Map(10) }, "*20\r\n", "%10\r\n"},
		{"set", func(w *Writer) { w.Set(3) }, "*3\r\n", "~3\r\n"},
		{"push", func(w *Writer) { w.Push(3) }, "*3\r\n", ">3\r\n"},
		{"attribute", func(w *Writer) { w.Attribute(1) }, "|1\r\n", ""},
		{"double", func(w *Writer) { w.Double(3.5) }, "$3\r\n3.5\r\n", ",3.5\r\n"},
		{"true", func(w *Writer) { w.Bool(true) }, ":1\r\n", "#t\r\n"},
		{"false", func(w *Writer) { w.Bool(false) }, ":0\r\n", "#f\r\n"},
		{"verbatim", func(w *Writer) { w.Verbatim("txt", "hi") }, "$2\r\nhi\r\n", "=6\r\ntxt:hi\r\n"},
		{"big number", func(w *Writer) { w.BigNumber("-123") }, "$4\r\n-123\r\n", "(-123\r\n"},
		{"raw", func(w *Writer) { w.Raw([]byte("+x\r\n")) }, "+x\r\n", ""},
	} {
		if tc.resp3 == "" {
			tc.resp3 = tc.resp2
		}
		w2, w3 := Writer{}, Writer{RESP3: true}
		tc.write(&w2)
		tc.write(&w3)
		if string(w2.Buf) != tc.resp2 || string(w3.Buf) != tc.resp3 {
			t.Errorf("%s: %q, RESP3 %q", tc.name, w2.Buf, w3.Buf)
		}
	}
}

// The notation is that of Redis 7.2: its shortest digits, its choice between plain
// and scientific.
func TestAppendDouble(t *testing.T) {
	for _, tc := range []struct {
		f    float64
		want string
	}{
		{0, "0"}, {math.Copysign(0, -1), "-0"}, {1, "1"}, {-17, "-17"}, {3.5, "3.5"}, {-0.25, "-0.25"},
		{0.1, "0.1"}, {3.1, "3.1"}, {0.30000000000000004, "0.30000000000000004"},
		{0.0001, "0.0001"}, {0.000001, "0.000001"}, {1e-7, "1e-7"}, {1.5e-7, "1.5e-7"}, {1.2345e-5, "1.2345e-5"},
		{123456.789, "123456.789"}, {1e15, "1000000000000000"}, {1 << 53, "9007199254740992"},
		{1e17, "100000000000000000"}, {1e21, "1e+21"}, {1.5e20, "1.5e+20"}, {12345678901234567000, "12345678901234567000"},
		{1 << 62, "4611686018427387904"}, {5e18, "5e+18"},
		{1.7976931348623157e308, "1.7976931348623157e+308"}, {5e-324, "5e-324"}, {-1e100, "-1e+100"},
		{math.Inf(1), "inf"}, {math.Inf(-1), "-inf"}, {math.NaN(), "nan"},
	} {
		if got := string(AppendDouble(nil, tc.f)); got != tc.want {
			t.Errorf("%v: %s, want %s", tc.f, got, tc.want)
		}
	}
}

// What is printed reads back as the same number.
func FuzzDouble(f *testing.F) {
	for _, v := range []float64{0, 1, -1.5, 1e17, 1e-7, 1e300, 5e-324, 0.1} {
		f.Add(math.Float64bits(v))
	}
	f.Fuzz(func(t *testing.T, bits uint64) {
		v := math.Float64frombits(bits)
		text := AppendDouble(nil, v)
		back, err := strconv.ParseFloat(string(text), 64)
		if err != nil || back != v && !math.IsNaN(v) {
			t.Errorf("%v prints as %s, which reads as %v, %v", v, text, back, err)
		}
		if mine, ok := ParseFloat(text); ok == math.IsNaN(v) || ok && mine != v {
			t.Errorf("ParseFloat(%s) = %v, %v", text, mine, ok)
		}
	})
}

// ParseInt takes what strconv prints, and nothing else.
func FuzzParseInt(f *testing.F) {
	for _, s := range []string{"0", "-0", "-1", "+1", "007", "9223372036854775807", "-9223372036854775809", ""} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		v, err := strconv.ParseInt(string(b), 10, 64)
		want := err == nil && strconv.FormatInt(v, 10) == string(b)
		got, ok := ParseInt(b)
		if ok != want || ok && got != v {
			t.Errorf("ParseInt(%q) = %d, %v", b, got, ok)
		}
	})
}

// ParseFloat and the parser's numbers cost no memory.
func TestNumbersDoNotAllocate(t *testing.T) {
	text, hex := []byte("-123.456e7"), []byte("0x1.8p3")
	if n := testing.AllocsPerRun(100, func() { ParseFloat(text); ParseFloat(hex); ParseInt(text) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestError(t *testing.T) {
	err := Errorf("WRONGTYPE %s", "x")
	if err.Error() != "WRONGTYPE x" || err.Prefix() != "WRONGTYPE" {
		t.Error(err, err.Prefix())
	}
	if got := NewError("ERR").Prefix(); got != "ERR" {
		t.Error(got)
	}
}

// A command written is a command read.
func TestAppendCommand(t *testing.T) {
	args := [][]byte{[]byte("SET"), {}, []byte("a\r\nb"), bytes.Repeat([]byte("x"), 1000)}
	var p Parser
	lim := DefaultLimits()
	for _, in := range [][]byte{
		AppendCommand(nil, args...),
		AppendCommandString(nil, string(args[0]), string(args[1]), string(args[2]), string(args[3])),
	} {
		got, n, err := p.Next(in, &lim)
		if n != len(in) || err != nil || !bytes.Equal(bytes.Join(got, nil), bytes.Join(args, nil)) {
			t.Errorf("%q, %d, %v", got, n, err)
		}
	}
}

func BenchmarkWriterBulk(b *testing.B) {
	var w Writer
	text := bytes.Repeat([]byte("x"), 100)
	b.ReportAllocs()
	for b.Loop() {
		w.Buf = w.Buf[:0]
		w.Bulk(text)
	}
}

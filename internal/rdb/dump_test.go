package rdb_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/gomodule/redigo/redis"

	"github.com/vedette-ha/vedette/internal/rdb"
)

// stringShapes are strings at every border of the encodings, and of many textures.
func stringShapes() []string {
	all := []string{
		"", "0", "-0", "00", "1", "-1", "+1", " 1", "1 ", "-", "127", "128", "-128", "-129", "32767", "32768",
		"-32768", "-32769", "2147483647", "2147483648", "-2147483648", "-2147483649", "9223372036854775807",
		"-9223372036854775808", "9223372036854775808", "01", "1.5", "abc", "12345678901", "\x00\xff",
	}
	rnd := rand.New(rand.NewPCG(3, 4))
	for _, n := range []int{1, 19, 20, 21, 22, 23, 24, 25, 30, 44, 63, 64, 100, 300, 1000, 16383, 16384, 70_000, 200_000} {
		all = append(all, strings.Repeat("x", n), pattern(rnd, n, 256), pattern(rnd, n, 2), pattern(rnd, n, 12), words(rnd, n))
	}
	for range 300 {
		n := 21 + rnd.IntN(600)
		all = append(all, pattern(rnd, n, 2+rnd.IntN(20)), words(rnd, n), repeated(rnd, n))
	}
	return all
}

func pattern(rnd *rand.Rand, n, letters int) string {
	p := make([]byte, n)
	for i := range p {
		p[i] = byte(rnd.IntN(letters))
	}
	return string(p)
}

func words(rnd *rand.Rand, n int) string {
	var b strings.Builder
	for b.Len() < n {
		b.WriteString([]string{"user:", "name=", "alice ", "bob ", `{"id":`, "000000", "\r\n"}[rnd.IntN(7)])
	}
	return b.String()[:n]
}

// repeated is noise that comes again after a while.
func repeated(rnd *rand.Rand, n int) string {
	p := []byte(pattern(rnd, n, 256))
	for range 3 {
		from, to, m := rnd.IntN(n), rnd.IntN(n), rnd.IntN(40)
		copy(p[to:], p[from:min(from+m, n)])
	}
	return string(p)
}

// DUMP of a string is what redis-server answers, byte for byte, and goes back.
func TestDumpEqualsRedis(t *testing.T) {
	s := startRedis(t, t.TempDir())
	a := rdb.Appender{Compress: true}
	var different int
	for i, want := range stringShapes() {
		s.do("SET", "k", want)
		theirs, err := redis.Bytes(s.do("DUMP", "k"), nil)
		if err != nil {
			t.Fatal(err)
		}
		ours := a.AppendDumpString(nil, []byte(want), 10)
		if !bytes.Equal(ours, theirs) {
			different++
			t.Errorf("shape %d of %d bytes: %d bytes, redis-server has %d\n% x\n% x",
				i, len(want), len(ours), len(theirs), head(ours), head(theirs))
		}
		if different > 3 {
			t.FailNow()
		}
		if v, err := rdb.ParseDump(theirs); err != nil || string(v.String) != want {
			t.Errorf("shape %d: parsed as %.40q, %v", i, v.String, err)
		}
		s.do("RESTORE", "back", 0, string(ours), "REPLACE")
		if got, _ := redis.String(s.do("GET", "back"), nil); got != want {
			t.Errorf("shape %d: restored as %.40q", i, got)
		}
	}
}

func head(p []byte) []byte { return p[:min(len(p), 60)] }

func TestParseDumpRefuses(t *testing.T) {
	var a rdb.Appender
	good := a.AppendDumpString(nil, []byte("hello"), 10)
	if v, err := rdb.ParseDump(good); err != nil || string(v.String) != "hello" {
		t.Fatalf("%q, %v", v.String, err)
	}
	wrongSum := bytes.Clone(good)
	wrongSum[len(wrongSum)-1] ^= 1
	noSum := bytes.Clone(good)
	clear(noSum[len(noSum)-8:])
	tests := []struct {
		name    string
		payload []byte
		trailer bool
	}{
		{"nothing", nil, true},
		{"too short for a trailer", good[:9], true},
		{"a wrong checksum", wrongSum, true},
		{"a checksum left out", noSum, true},
		{"a version to come", a.AppendDumpString(nil, []byte("hello"), 12), true},
		{"no value", rdb.AppendDumpRaw(nil, 0, nil, 10), false},
		{"a value cut short", rdb.AppendDumpRaw(nil, rdb.TypeString, []byte("\x05hell"), 10), false},
		{"an unknown type", rdb.AppendDumpRaw(nil, 99, []byte("\x00"), 10), false},
		{"an opcode for a type", rdb.AppendDumpRaw(nil, 255, []byte("\x00"), 10), false},
		{"a list of 2^63 elements", rdb.AppendDumpRaw(nil, rdb.TypeList, []byte("\x81\x80\x00\x00\x00\x00\x00\x00\x00"), 10), false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := rdb.ParseDump(tt.payload)
			var at *rdb.Error
			if errors.Is(err, rdb.ErrDumpTrailer) != tt.trailer || errors.As(err, &at) == tt.trailer {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestCRC64(t *testing.T) {
	if got := rdb.CRC64(0, []byte("123456789")); got != 0xe9c6d914c4b8d9ca {
		t.Errorf("%x", got)
	}
	long := []byte(strings.Repeat("0123456789", 100))
	whole := rdb.CRC64(0, long)
	for _, cut := range []int{0, 1, 7, 8, 9, 500, 1000} {
		if got := rdb.CRC64(rdb.CRC64(0, long[:cut]), long[cut:]); got != whole {
			t.Errorf("cut at %d: %x, want %x", cut, got, whole)
		}
	}
}

func BenchmarkCRC64(b *testing.B) {
	p := make([]byte, 64<<10)
	b.SetBytes(int64(len(p)))
	for b.Loop() {
		rdb.CRC64(0, p)
	}
}

func BenchmarkDumpString(b *testing.B) {
	s := []byte(fmt.Sprintf("%032d", 17))
	a := rdb.Appender{Compress: true}
	var out []byte
	b.ReportAllocs()
	for b.Loop() {
		out = a.AppendDumpString(out[:0], s, 10)
	}
}

package bitpack

import (
	"bytes"
	"encoding/binary"
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// Runs of any numbers come back, and what is behind them is left alone.
func TestRunsComeBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		from := rapid.Int64().Draw(t, "from")
		spread := rapid.Int64Range(0, math.MaxInt64).Draw(t, "spread")
		run := rapid.SliceOf(rapid.Custom(func(t *rapid.T) int64 {
			return from + rapid.Int64Range(0, spread).Draw(t, "n") // may wrap around
		})).Draw(t, "run")
		if rapid.Bool().Draw(t, "sorted") {
			slices.Sort(run)
		}
		comesBack(t, run)
	})
}

func FuzzRunsComeBack(f *testing.F) {
	f.Add([]byte("\x00\x00\x00\x00\x00\x00\x00\x80\xff\xff\xff\xff\xff\xff\xff\x7f"))
	f.Fuzz(func(t *testing.T, b []byte) {
		var run []int64
		for ; len(b) >= 8; b = b[8:] {
			run = append(run, int64(binary.LittleEndian.Uint64(b)))
		}
		comesBack(t, run)
	})
}

func comesBack(t interface{ Fatalf(string, ...any) }, run []int64) {
	before, behind := []byte("before"), []byte("behind")
	out := append(Append(slices.Clone(before), run), behind...)
	got := make([]int64, len(run))
	rest := Decode(got, bytes.TrimPrefix(out, before))
	if !slices.Equal(got, run) || !bytes.Equal(rest, behind) {
		t.Fatalf("%v came back as %v, and %q behind it", run, got, rest)
	}
}

// What runs that are often met take.
func TestSizes(t *testing.T) {
	fill := func(f func(i int64) int64) []int64 {
		run := make([]int64, 100)
		for i := range run {
			run[i] = f(int64(i))
		}
		return run
	}
	for _, c := range []struct {
		name string
		run  []int64
		most int // bytes
	}{
		{"none", nil, 0},
		{"one", []int64{5}, 2},
		{"all the same", fill(func(int64) int64 { return -7 }), 2},
		{"counting", fill(func(i int64) int64 { return 1e12 + i }), 10},
		{"every 10 to 17 ms", fill(func(i int64) int64 { return 1.7e12 + 10*i + i*i%8 }), 70},
		{"up to 1000", fill(func(i int64) int64 { return i * 37 % 1000 }), 3 + 125},
		{"the widest", fill(func(i int64) int64 { return math.MinInt64 + i*i%2*math.MaxInt64 }), 11 + 800},
	} {
		if n := len(Append(nil, c.run)); n > c.most {
			t.Errorf("%s: %d bytes, more than %d", c.name, n, c.most)
		}
	}
}

func BenchmarkAppend(b *testing.B) {
	run := make([]int64, 100)
	for i := range run {
		run[i] = int64(i * 37 % 1000)
	}
	var out []byte
	for b.Loop() {
		out = Append(out[:0], run)
	}
}

func BenchmarkDecode(b *testing.B) {
	run := make([]int64, 100)
	for i := range run {
		run[i] = int64(i * 37 % 1000)
	}
	out := Append(nil, run)
	for b.Loop() {
		Decode(run, out)
	}
}

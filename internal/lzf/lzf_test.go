package lzf

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
)

// samples are inputs of different texture: repetitive, random, mixed.
func samples() [][]byte {
	rnd := rand.New(rand.NewPCG(1, 2))
	noise := make([]byte, 5000)
	for i := range noise {
		noise[i] = byte(rnd.Uint32())
	}
	few := make([]byte, 20000)
	for i := range few {
		few[i] = "abc"[rnd.IntN(3)]
	}
	return [][]byte{
		[]byte("a"), []byte("aa"), []byte("aaa"), []byte("aaaa"),
		[]byte(strings.Repeat("a", 21)),
		[]byte(strings.Repeat("a", 100_000)),
		[]byte(strings.Repeat("0123456789abcdef", 700)), // beyond the window
		noise, few,
		append(append(bytes.Clone(noise), noise...), few...),
	}
}

func TestRoundTrip(t *testing.T) {
	var c Compressor
	for i, s := range samples() {
		z, ok := c.Append([]byte("before"), s, 2*len(s)+16)
		if !ok || !bytes.HasPrefix(z, []byte("before")) {
			t.Fatalf("sample %d: not compressed", i)
		}
		out, err := AppendDecompress([]byte("kept"), z[len("before"):], len(s))
		if err != nil || string(out) != "kept"+string(s) {
			t.Errorf("sample %d: came back different (%v)", i, err)
		}
	}
}

// What a Compressor makes of an input does not depend on what it saw before.
func TestCompressorForgets(t *testing.T) {
	var used Compressor
	used.base = 1<<32 - 100_000 // the table is cleared on the way
	for i, s := range samples() {
		var fresh Compressor
		want, _ := fresh.Append(nil, s, 2*len(s)+16)
		got, _ := used.Append(nil, s, 2*len(s)+16)
		if !bytes.Equal(got, want) {
			t.Errorf("sample %d: a used compressor gives %d bytes, a fresh one %d", i, len(got), len(want))
		}
	}
}

func TestCompressKeepsToLimit(t *testing.T) {
	var c Compressor
	for i, s := range samples() {
		whole, _ := c.Append(nil, s, 2*len(s)+16)
		for _, limit := range []int{0, 1, len(whole) / 2, len(whole) - 1, len(whole), len(whole) + 8} {
			z, ok := c.Append(nil, s, limit)
			if ok && (len(z) > limit || !bytes.Equal(z, whole)) {
				t.Errorf("sample %d, limit %d: %d bytes", i, limit, len(z))
			}
			if !ok && z != nil {
				t.Errorf("sample %d, limit %d: refused, yet %d bytes were appended", i, limit, len(z))
			}
		}
	}
}

func TestDecompressRefuses(t *testing.T) {
	tests := []struct {
		name string
		in   string
		n    int
	}{
		{"a literal run cut short", "\x04abc", 5},
		{"more than announced", "\x02abc", 2},
		{"less than announced", "\x02abc", 4},
		{"a reference before the start", "\x00a\x20\x01", 4},
		{"a reference without its distance", "\x00a\x20", 4},
		{"a long reference without its length", "\x00a\xe0", 20},
		{"a reference beyond the announced length", "\x00a\xe0\xff\x00", 100},
		{"nothing where something is announced", "", 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			out, err := AppendDecompress([]byte("kept"), []byte(tt.in), tt.n)
			if !errors.Is(err, ErrCorrupt) || string(out) != "kept" {
				t.Errorf("got %q, %v", out, err)
			}
		})
	}
}

// Three bytes make 264 at the most, which MaxRatio promises.
func TestMaxRatio(t *testing.T) {
	out, err := AppendDecompress(nil, []byte("\x00a\xe0\xff\x00"), 1+264)
	if err != nil || len(out) != 265 || MaxRatio != 264/3 {
		t.Errorf("%d bytes, %v", len(out), err)
	}
}

func FuzzRoundTrip(f *testing.F) {
	for _, s := range samples()[:6] {
		f.Add(s)
	}
	var c Compressor
	f.Fuzz(func(t *testing.T, s []byte) {
		z, ok := c.Append(nil, s, len(s)+len(s)/16+16)
		if !ok {
			if len(s) > 0 {
				t.Fatal("no room, though even literals alone fit")
			}
			return
		}
		out, err := AppendDecompress(nil, z, len(s))
		if err != nil || !bytes.Equal(out, s) {
			t.Fatalf("came back as %q, %v", out, err)
		}
	})
}

func FuzzDecompress(f *testing.F) {
	f.Add([]byte("\x00a\xe0\xff\x00"), 265)
	f.Add([]byte("\x02abc\x20\x02"), 6)
	f.Fuzz(func(t *testing.T, z []byte, n int) {
		n = min(max(n, 0), MaxRatio*len(z))
		out, err := AppendDecompress(nil, z, n)
		if err == nil && len(out) != n {
			t.Fatalf("%d bytes, %d were announced", len(out), n)
		}
	})
}

func BenchmarkCompressShort(b *testing.B) {
	s := []byte(strings.Repeat("user:1000:name=alice;", 5))
	var c Compressor
	out := make([]byte, 0, 200)
	b.ReportAllocs()
	for b.Loop() {
		c.Append(out, s, len(s)-4)
	}
}

func BenchmarkCompressLong(b *testing.B) {
	s := samples()[8]
	var c Compressor
	out := make([]byte, 0, len(s))
	b.SetBytes(int64(len(s)))
	b.ReportAllocs()
	for b.Loop() {
		c.Append(out, s, len(s)-4)
	}
}

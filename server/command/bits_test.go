package command

import (
	"bytes"
	"testing"

	"pgregory.net/rapid"
)

// slowBits is a string of bits, one a byte: the twin of what bits.go does.
type slowBits []byte

func slowly(p []byte) slowBits {
	var s slowBits
	for _, c := range p {
		for i := 7; i >= 0; i-- {
			s = append(s, c>>i&1)
		}
	}
	return s
}

func TestBitsAgreeWithATwinThatCountsOneByOne(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var p []byte
		for range rapid.IntRange(1, 4).Draw(t, "runs") {
			c := rapid.SampledFrom([]byte{0, 0, 0xff, 0xff, 1, 0x80, 0x5a}).Draw(t, "byte")
			p = append(p, bytes.Repeat([]byte{c}, rapid.IntRange(1, 70).Draw(t, "times"))...)
		}
		slow := slowly(p)
		from := rapid.IntRange(0, len(slow)-1).Draw(t, "from")
		to := rapid.IntRange(from, len(slow)-1).Draw(t, "to")
		s := bitSpan{int64(from), int64(to)}
		want := [2]int64{}
		first := [2]int64{-1, -1}
		for i := to; i >= from; i-- {
			want[slow[i]]++
			first[slow[i]] = int64(i)
		}
		if got := s.count(p); got != want[1] {
			t.Fatalf("count %v of %x: %d, want %d", s, p, got, want[1])
		}
		for bit := range byte(2) {
			if got := s.find(p, bit); got != first[bit] {
				t.Fatalf("find %d in %v of %x: %d, want %d", bit, s, p, got, first[bit])
			}
		}
	})
}

func TestFieldsAgreeWithATwinThatWritesBitByBit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := rapid.SliceOfN(rapid.Byte(), 1, 24).Draw(t, "bytes")
		slow := slowly(p)
		width := rapid.IntRange(1, 64).Draw(t, "width")
		at := rapid.IntRange(0, len(slow)).Draw(t, "at")
		var want uint64
		for i := at; i < at+width; i++ {
			want <<= 1
			if i < len(slow) {
				want |= uint64(slow[i])
			}
		}
		if got := getField(p, int64(at), uint(width)); got != want {
			t.Fatalf("get %d bits at %d of %x: %x, want %x", width, at, p, got, want)
		}
		if at+width > len(slow) {
			return
		}
		v := rapid.Uint64().Draw(t, "value")
		for i := range width {
			slow[at+i] = byte(v >> (width - 1 - i) & 1)
		}
		setField(p, int64(at), uint(width), v)
		if string(slowly(p)) != string(slow) {
			t.Fatalf("set %d bits at %d to %x: %x", width, at, v, p)
		}
	})
}

func TestBitOpsAgreeWithATwin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := rapid.SliceOfN(rapid.Byte(), 0, 40).Draw(t, "a")
		b := rapid.SliceOfN(rapid.Byte(), 0, 40).Draw(t, "b")
		for op, slow := range map[bitOp]func(a, b byte) byte{
			bitAnd: func(a, b byte) byte { return a & b }, bitOr: func(a, b byte) byte { return a | b },
			bitXor: func(a, b byte) byte { return a ^ b }, bitNot: func(_, b byte) byte { return ^b },
		} {
			got := append([]byte(nil), a...)
			op.combine(got, b)
			for i := range got {
				want := a[i]
				if i < len(b) {
					want = slow(a[i], b[i])
				}
				if got[i] != want {
					t.Fatalf("op %d of %x and %x: %x", op, a, b, got)
				}
			}
		}
	})
}

// A number that does not fit is wrapped, limited or refused, for every width.
func TestFieldOverflow(t *testing.T) {
	for _, tc := range []struct {
		field       string
		verb        fieldVerb
		was, n      int64
		wrap, limit int64
		fits        bool
	}{
		{"u8", fieldIncr, 250, 10, 4, 255, false},
		{"u8", fieldIncr, 5, -10, 251, 0, false},
		{"u8", fieldIncr, 5, 10, 15, 15, true},
		{"i8", fieldIncr, 120, 10, -126, 127, false},
		{"i8", fieldIncr, -120, -10, 126, -128, false},
		{"i64", fieldIncr, 1<<63 - 1, 1, -1 << 63, 1<<63 - 1, false},
		{"i64", fieldIncr, -1 << 63, -1, 1<<63 - 1, -1 << 63, false},
		{"u63", fieldIncr, 1<<63 - 1, 1, 0, 1<<63 - 1, false},
		{"u63", fieldIncr, 0, -1 << 63, 0, 0, false},
		{"u8", fieldSet, 0, -1, 255, 255, false},
		{"i5", fieldSet, 0, 16, -16, 15, false},
		{"i5", fieldSet, 0, -17, 15, -16, false},
		{"i5", fieldSet, 0, -16, -16, -16, true},
		{"i53", fieldSet, 0, -1<<63 + 1, 1, 1<<52 - 1, false},
		{"i53", fieldSet, 0, -1 << 62, 0, -1 << 52, false},
	} {
		f, err := parseField([]byte(tc.field))
		if err != nil {
			t.Fatal(err)
		}
		for over, want := range map[overflow]int64{overflowWrap: tc.wrap, overflowSat: tc.limit} {
			op := fieldOp{verb: tc.verb, over: over, field: f, number: tc.n}
			if got, fits := op.result(tc.was); got != want || fits != tc.fits {
				t.Errorf("%+v, overflow %d: %d %v", tc, over, got, fits)
			}
		}
	}
}

func BenchmarkCountBits(b *testing.B) {
	p := make([]byte, 1<<20)
	b.SetBytes(int64(len(p)))
	for b.Loop() {
		countBits(p)
	}
}

func BenchmarkFindBit(b *testing.B) {
	p := make([]byte, 1<<20)
	b.SetBytes(int64(len(p)))
	for b.Loop() {
		findBit(p, 1)
	}
}

func BenchmarkBitOps(b *testing.B) {
	p, q := make([]byte, 1<<20), make([]byte, 1<<20)
	b.SetBytes(int64(len(p)))
	for b.Loop() {
		bitAnd.combine(p, q)
	}
}

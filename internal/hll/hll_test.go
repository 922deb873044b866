package hll

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func element(n uint64) []byte { return binary.LittleEndian.AppendUint64(nil, n) }

// A sketch holds, in every form it goes through, the registers that a plain array
// does.
func TestSketchAgreesWithAPlainArray(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sparseMax := rapid.SampledFrom([]int{0, 30, 100, 3000, 15000}).Draw(t, "sparseMax")
		spread := rapid.SampledFrom([]int{8, 100, Registers}).Draw(t, "spread")
		highest := rapid.SampledFrom([]int{2, 4, 32, 51}).Draw(t, "highest")
		var twin Union
		s := New()
		n := rapid.IntRange(1, 300).Draw(t, "n")
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		for range n {
			p := Place{r.IntN(spread), uint8(1 + r.IntN(highest))}
			was := twin[p.Register]
			twin[p.Register] = max(was, p.Rank)
			var changed bool
			var err error
			if s, changed, err = Set(s, p, sparseMax); err != nil || changed != (p.Rank > was) {
				t.Fatalf("set %+v: changed %v, %v", p, changed, err)
			}
			checkLength(t, s, sparseMax)
		}
		var got Union
		if err := got.Add(s); err != nil || got != twin {
			t.Fatalf("registers differ: %v", err)
		}
		if n, err := Count(s); err != nil || n != twin.Count() {
			t.Fatalf("count %d, %v, want %d", n, err, twin.Count())
		}
	})
}

func checkLength(t *rapid.T, s []byte, sparseMax int) {
	t.Helper()
	if !Valid(s) {
		t.Fatalf("not valid: %x", s[:headerBytes])
	}
	if !IsDense(s) && len(s) > max(sparseMax, len(New())) {
		t.Fatalf("sparse sketch of %d bytes", len(s))
	}
}

// Merging makes of a sparse sketch the very bytes that setting the registers one
// after the other makes.
func TestMergingIsSettingEach(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		sparseMax := rapid.SampledFrom([]int{100, 3000}).Draw(t, "sparseMax")
		spread := rapid.SampledFrom([]int{20, 400, Registers}).Draw(t, "spread")
		a, b := New(), New()
		var u Union
		for range rapid.IntRange(0, 200).Draw(t, "n") {
			p := Place{r.IntN(spread), uint8(1 + r.IntN(4))}
			if r.IntN(2) == 0 {
				a, _, _ = Set(a, p, sparseMax)
				b, _, _ = Set(b, p, sparseMax)
			} else {
				u[p.Register] = max(u[p.Register], p.Rank)
			}
		}
		for i, v := range u {
			if v > 0 {
				a, _, _ = Set(a, Place{i, v}, sparseMax)
			}
		}
		b, err := u.MergeInto(b, sparseMax)
		if err != nil || string(a) != string(b) {
			t.Fatalf("%v\n%s\n%s", err, Decode(nil, a), Decode(nil, b))
		}
	})
}

// The standard error over many sketches is at most what the documentation of Redis
// says: 0.81 %. It is looked at where linear counting ends and where it is far away.
func TestStandardError(t *testing.T) {
	const sketches = 60
	checks := []uint64{1000, 10_000, 40_000, 100_000}
	sum := make([]float64, len(checks))
	for k := range uint64(sketches) {
		var u Union
		for n, i := uint64(1), 0; i < len(checks); n++ {
			p := PlaceOf(element(n<<16 | k))
			u[p.Register] = max(u[p.Register], p.Rank)
			if n == checks[i] {
				off := float64(u.Count())/float64(n) - 1
				sum[i] += off * off
				i++
			}
		}
	}
	for i, n := range checks {
		// Of so few sketches the error is itself known to a tenth only.
		if got := math.Sqrt(sum[i] / sketches); got > 0.0081*1.15 {
			t.Errorf("%d elements: standard error %.4f", n, got)
		} else {
			t.Logf("%d elements: standard error %.4f", n, got)
		}
	}
}

func TestSelfTestPasses(t *testing.T) {
	if err := SelfTest(); err != nil {
		t.Fatal(err)
	}
}

func TestDecode(t *testing.T) {
	s := New()
	for _, p := range []Place{{100, 3}, {101, 3}, {102, 7}, {5000, 1}, {0, 2}} {
		s, _, _ = Set(s, p, 3000)
	}
	want := "v:2,1 Z:99 v:3,2 v:7,1 Z:4897 v:1,1 Z:11383"
	if got := string(Decode(nil, s)); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// Whatever the bytes are: an estimate or an error, and a sketch that stays one.
func FuzzForeignBytes(f *testing.F) {
	s := New()
	f.Add(s[headerBytes:], false, []byte("a"))
	for i := range uint64(50) {
		s, _, _ = Set(s, PlaceOf(element(i)), 3000)
	}
	f.Add(s[headerBytes:], false, []byte("b"))
	f.Add([]byte(strings.Repeat("\xff", 500)), true, []byte("c"))
	f.Add([]byte("\x7f\xff\x7f\xff"), false, []byte("d"))
	f.Add([]byte("\x7f"), false, []byte("e"))
	f.Fuzz(func(t *testing.T, registers []byte, isDense bool, el []byte) {
		b := append(append([]byte(nil), magic[:]...), make([]byte, headerBytes-len(magic))...)
		if !isDense {
			b[offEncoding] = sparse
			b = append(b, registers...)
		} else {
			b = append(b, make([]byte, DenseSize-headerBytes)...)
			copy(b[headerBytes:], registers)
		}
		if !Valid(b) {
			t.Fatal("not valid")
		}
		n, err := Count(b)
		var u Union
		if uErr := u.Add(b); (err == nil) != (uErr == nil) {
			t.Fatalf("count %v, union %v", err, uErr)
		}
		if _, dErr := ToDense(b); (err == nil) != (dErr == nil) {
			t.Fatalf("count %v, to dense %v", err, dErr)
		}
		if err == nil && n != u.Count() {
			t.Fatalf("count %d, union %d", n, u.Count())
		}
		Decode(nil, b)
		after, _, setErr := Set(b, PlaceOf(el), 3000)
		if err == nil && setErr != nil {
			t.Fatalf("a sound sketch is not after all: %v", setErr)
		}
		if setErr == nil {
			if _, after := Count(after); err == nil && after != nil {
				t.Fatalf("unsound after a change: %v", after)
			}
		}
		if _, err := u.MergeInto(New(), 3000); err != nil {
			t.Fatal(err)
		}
	})
}

func FuzzValid(f *testing.F) {
	f.Add(New())
	f.Add([]byte("HYLL"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if !Valid(b) {
			return
		}
		Cached(b)
		Count(b)
	})
}

func BenchmarkCountDense(b *testing.B) {
	d, _ := ToDense(New())
	for i := range uint64(100_000) {
		Set(d, PlaceOf(element(i)), 0)
	}
	for b.Loop() {
		Count(d)
	}
}

func BenchmarkSetSparse(b *testing.B) {
	s := New()
	for i := range uint64(700) {
		s, _, _ = Set(s, PlaceOf(element(i)), 3000)
	}
	for i := uint64(0); b.Loop(); i++ {
		Set(s, PlaceOf(element(i%700)), 3000)
	}
}

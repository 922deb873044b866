package intset

import (
	"bytes"
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// The bytes are Redis's: those of a DUMP of the same set.
func TestBytes(t *testing.T) {
	s := New()
	for _, v := range []int64{5, -1, 5, 300} {
		s, _ = Add(s, v)
	}
	if want := []byte("\x02\x00\x00\x00\x03\x00\x00\x00\xff\xff\x05\x00\x2c\x01"); !bytes.Equal(s, want) {
		t.Errorf("16 bits: % x", s)
	}
	s, _ = Add(s, 70000)
	if want := []byte("\x04\x00\x00\x00\x04\x00\x00\x00\xff\xff\xff\xff\x05\x00\x00\x00\x2c\x01\x00\x00\x70\x11\x01\x00"); !bytes.Equal(s, want) {
		t.Errorf("32 bits: % x", s)
	}
	s, _ = Remove(s, 70000)
	if Width(s) != 4 || Len(s) != 3 {
		t.Errorf("removal changed the width: % x", s)
	}
}

func integers() *rapid.Generator[int64] {
	return rapid.OneOf(
		rapid.Int64Range(-20, 20),
		rapid.Map(rapid.Int16(), func(v int16) int64 { return int64(v) }),
		rapid.Map(rapid.Int32(), func(v int32) int64 { return int64(v) }),
		rapid.Int64(),
		rapid.SampledFrom([]int64{math.MinInt16, math.MaxInt16, math.MinInt32, math.MaxInt32, math.MinInt64,
			math.MaxInt64, math.MinInt16 - 1, math.MaxInt16 + 1, math.MinInt32 - 1, math.MaxInt32 + 1}),
	)
}

// Random edits give what edits of a sorted slice give.
func TestModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, twin := New(), []int64(nil)
		for range rapid.IntRange(0, 200).Draw(t, "edits") {
			v := integers().Draw(t, "v")
			i, found := slices.BinarySearch(twin, v)
			if got, ok := Find(s, v); got != i || ok != found {
				t.Fatalf("Find(%d) = %d, %v; want %d, %v", v, got, ok, i, found)
			}
			var done bool
			if rapid.Bool().Draw(t, "add") {
				s, done = Add(s, v)
				if done == found {
					t.Fatalf("Add(%d) = %v", v, done)
				}
				if done {
					twin = slices.Insert(twin, i, v)
				}
			} else {
				s, done = Remove(s, v)
				if done != found {
					t.Fatalf("Remove(%d) = %v", v, done)
				}
				if done {
					twin = slices.Delete(twin, i, i+1)
				}
			}
			compare(t, s, twin)
		}
	})
}

func compare(t rapid.TB, s []byte, want []int64) {
	t.Helper()
	if err := Validate(s); err != nil {
		t.Fatalf("%v: % x", err, s)
	}
	got := make([]int64, Len(s))
	for i := range got {
		got[i] = At(s, i)
	}
	if !slices.Equal(got, want) {
		t.Fatalf("members %d, want %d", got, want)
	}
}

func TestValidateRefuses(t *testing.T) {
	for name, b := range map[string]string{
		"short":          "\x02\x00\x00\x00\x00\x00\x00",
		"no width":       "\x00\x00\x00\x00\x00\x00\x00\x00",
		"odd width":      "\x03\x00\x00\x00\x01\x00\x00\x00\x01\x01\x01",
		"wide width":     "\x02\x01\x00\x00\x00\x00\x00\x00",
		"cut":            "\x02\x00\x00\x00\x02\x00\x00\x00\x01\x00",
		"too long":       "\x02\x00\x00\x00\x01\x00\x00\x00\x01\x00\x02\x00",
		"twice the same": "\x02\x00\x00\x00\x02\x00\x00\x00\x01\x00\x01\x00",
		"descending":     "\x02\x00\x00\x00\x02\x00\x00\x00\x02\x00\x01\x00",
		"unsigned order": "\x02\x00\x00\x00\x02\x00\x00\x00\x01\x00\xff\xff",
		"count wraps":    "\x08\x00\x00\x00\x01\x00\x00\x20\x01\x00\x00\x00\x00\x00\x00\x00",
	} {
		if Validate([]byte(b)) == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// FuzzValidate: whatever is accepted can be read and edited, and reads ascending.
func FuzzValidate(f *testing.F) {
	s := New()
	f.Add(bytes.Clone(s), int64(1))
	for _, v := range []int64{1, -7, 300, 1 << 20, math.MinInt64} {
		s, _ = Add(s, v)
		f.Add(bytes.Clone(s), v+1)
	}
	f.Fuzz(func(t *testing.T, b []byte, v int64) {
		if Validate(b) != nil {
			return
		}
		for i := range Len(b) {
			if at, found := Find(b, At(b, i)); at != i || !found {
				t.Fatalf("member %d of % x is not found", i, b)
			}
		}
		n, had := Len(b), Has(b, v)
		added, isNew := Add(bytes.Clone(b), v)
		if isNew == had || Len(added) == n == isNew || Validate(added) != nil {
			t.Fatalf("Add(% x, %d) = % x, %v", b, v, added, isNew)
		}
		removed, was := Remove(added, v)
		if !was || Validate(removed) != nil || Has(removed, v) {
			t.Fatalf("Remove(%d) = % x, %v", v, removed, was)
		}
	})
}

func BenchmarkFind(b *testing.B) {
	s := New()
	for i := range int64(512) {
		s, _ = Add(s, i*3)
	}
	b.ReportAllocs()
	v := int64(0)
	for b.Loop() {
		v = (v + 7) % 1536
		Has(s, v)
	}
}

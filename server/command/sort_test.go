package command

import (
	"math"
	"testing"
)

// What SORT takes for a number, by the rules of C.
func TestSortNumbers(t *testing.T) {
	for _, tc := range []struct {
		s    string
		want float64
		ok   bool
	}{
		{"", 0, true}, {"\x00x", 0, true}, {"3\x00x", 3, true}, {" \t\n 7", 7, true}, {" ", 0, false},
		{"7 ", 0, false}, {"0x10", 16, true}, {"0x1.8", 1.5, true}, {"0x", 0, false}, {"1e5", 1e5, true},
		{"1e", 0, false}, {"inf", math.Inf(1), true}, {"-infinity", math.Inf(-1), true}, {"nan", 0, false},
		{"1e309", 0, false}, {"1e-400", 0, false}, {"1e-310", 0, false}, {"0x1p-1074", 0x1p-1074, true},
		{"4.9406564584124654e-324", 0, false}, {"2.2250738585072014e-308", 0x1p-1022, true}, {"1_0", 0, false},
		{"+5", 5, true}, {".5", .5, true}, {"5.", 5, true}, {".", 0, false}, {"--1", 0, false},
	} {
		if got, ok := sortNumber([]byte(tc.s)); got != tc.want && tc.ok || ok != tc.ok {
			t.Errorf("%q: %v %v, want %v %v", tc.s, got, ok, tc.want, tc.ok)
		}
	}
}

func TestKeyPatterns(t *testing.T) {
	for p, want := range map[string]string{
		"w_*": "w_|||", "*": "|||", "*->f": "||f|", "a*b->c->d": "a|b|c->d|", "*->": "|->||",
		"a->b*c": "a->b|c||", "**": "|*||", "a*\x00->b": "a|\x00->b||",
	} {
		k := parseKeyPattern([]byte(p))
		if got := string(k.before) + "|" + string(k.after) + "|" + string(k.field) + "|"; got != want || !k.star {
			t.Errorf("%q: %q, want %q", p, got, want)
		}
	}
	for _, p := range []string{"", "abc", "a->b", "\x00*"} {
		if k := parseKeyPattern([]byte(p)); k.star || k.self {
			t.Errorf("%q: %+v", p, k)
		}
	}
	if !parseKeyPattern([]byte("#")).self {
		t.Error("# is not the element itself")
	}
}

// A pattern is taken apart without losing a byte.
func FuzzKeyPattern(f *testing.F) {
	for _, p := range []string{"w_*", "*->f", "#", "a*\x00->", "*->->"} {
		f.Add([]byte(p))
	}
	f.Fuzz(func(t *testing.T, p []byte) {
		k := parseKeyPattern(p)
		if k.star != (hasStar(p)) {
			t.Fatalf("%q: star %v", p, k.star)
		}
		if !k.star {
			return
		}
		whole := string(k.before) + "*" + string(k.after)
		if k.field != nil {
			whole += "->" + string(k.field)
		}
		if whole != string(p) {
			t.Fatalf("%q became %q", p, whole)
		}
	})
}

func FuzzSortNumber(f *testing.F) {
	for _, s := range []string{"", " 1", "0x1p-1074", "1e-310", "nan(1)"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, s []byte) {
		if v, ok := sortNumber(s); ok && math.IsNaN(v) {
			t.Fatalf("%q is not a number", s)
		}
	})
}

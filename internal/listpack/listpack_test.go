package listpack

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func elements(lp []byte) (all []string) {
	for at := First(lp); at >= 0; at = Next(lp, at) {
		all = append(all, string(Get(lp, at).Append(nil)))
	}
	return all
}

func backwards(lp []byte) (all []string) {
	for at := Last(lp); at >= 0; at = Prev(lp, at) {
		all = append(all, string(Get(lp, at).Append(nil)))
	}
	slices.Reverse(all)
	return all
}

// Bytes as a listpack of Redis 7.0 has them, from `DUMP` of a small hash.
func TestBytesAsInRedis(t *testing.T) {
	lp := New()
	for _, s := range []string{"a", "1", "-1", "4096", "hello", "100000", "3000000000", "10000000000"} {
		lp = Append(lp, []byte(s))
	}
	want := "\x2f\x00\x00\x00\x08\x00" + "\x81a\x02" + "\x01\x01" + "\xdf\xff\x02" + "\xf1\x00\x10\x03" + "\x85hello\x06" +
		"\xf2\xa0\x86\x01\x04" + "\xf4\x00\x5e\xd0\xb2\x00\x00\x00\x00\x09" + "\xf4\x00\xe4\x0b\x54\x02\x00\x00\x00\x09" + "\xff"
	want = string([]byte{byte(len(want))}) + want[1:]
	if string(lp) != want {
		t.Errorf("got  %x\nwant %x", lp, want)
	}
}

// text draws strings of all the forms a listpack has.
func text(t *rapid.T) []byte {
	switch rapid.IntRange(0, 4).Draw(t, "form") {
	case 0:
		return strconv.AppendInt(nil, rapid.Int64().Draw(t, "int"), 10)
	case 1:
		return strconv.AppendInt(nil, int64(rapid.IntRange(-5000, 5000).Draw(t, "small")), 10)
	case 2:
		return []byte(rapid.SampledFrom([]string{"", "-", "-0", "00", "007", "+1", "-9223372036854775808",
			"9223372036854775807", "9223372036854775808", "99999999999999999999"}).Draw(t, "odd"))
	case 3:
		n := rapid.SampledFrom([]int{62, 63, 64, 124, 125, 126, 127, 128, 4094, 4095, 4096, 16376, 16377, 16378, 16379, 20000}).Draw(t, "len")
		return bytes.Repeat([]byte{'x'}, n)
	}
	return rapid.SliceOfN(rapid.Byte(), 0, 70).Draw(t, "bytes")
}

// A listpack and a slice of strings do the same under the same edits.
func TestEditsAgainstSlice(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		lp, twin := New(), []string{}
		for range rapid.IntRange(0, 30).Draw(t, "steps") {
			lp, twin = edit(t, lp, twin)
			if err := Validate(lp); err != nil {
				t.Fatalf("%v: %x", err, lp)
			}
			if got := elements(lp); !slices.Equal(got, twin) {
				t.Fatalf("got %q, want %q", got, twin)
			}
			if got := backwards(lp); !slices.Equal(got, twin) {
				t.Fatalf("backwards %q, want %q", got, twin)
			}
			look(t, lp, twin)
		}
	})
}

func edit(t *rapid.T, lp []byte, twin []string) ([]byte, []string) {
	s := text(t)
	i := rapid.IntRange(0, len(twin)).Draw(t, "index")
	at := Seek(lp, i)
	if i == len(twin) {
		at = len(lp) - 1
	}
	switch rapid.IntRange(0, 5).Draw(t, "edit") {
	case 0:
		return Prepend(lp, s), slices.Insert(twin, 0, string(s))
	case 1:
		return Append(lp, s), append(twin, string(s))
	case 2:
		if i == len(twin) {
			return lp, twin
		}
		twin[i] = string(s)
		return Replace(lp, at, s), twin
	case 3:
		n := rapid.IntRange(0, 4).Draw(t, "n")
		return Delete(lp, at, n), slices.Delete(twin, i, min(i+n, len(twin)))
	case 4:
		other := Append(Append(New(), s), []byte("tail"))
		return Merge(lp, other), append(twin, string(s), "tail")
	}
	return Insert(lp, at, s), slices.Insert(twin, i, string(s))
}

func look(t *rapid.T, lp []byte, twin []string) {
	if n := Len(lp); n != len(twin) {
		t.Fatalf("Len = %d, want %d", n, len(twin))
	}
	i := rapid.IntRange(-len(twin)-1, len(twin)).Draw(t, "seek")
	at, want := Seek(lp, i), i
	if i < 0 {
		want += len(twin)
	}
	if want < 0 || want >= len(twin) {
		if at != -1 {
			t.Fatalf("Seek(%d) = %d of %d", i, at, len(twin))
		}
		return
	}
	e := Get(lp, at)
	if got := string(e.Append(nil)); got != twin[want] || e.Len() != len(got) || !e.Equal([]byte(got)) {
		t.Fatalf("Seek(%d): %q, Len %d; want %q", i, got, e.Len(), twin[want])
	}
	if got := Find(lp, First(lp), []byte(twin[want]), 0); got < 0 || !Get(lp, got).Equal([]byte(twin[want])) || got > at {
		t.Fatalf("Find(%q) = %d, is at %d", twin[want], got, at)
	}
	if Find(lp, First(lp), []byte("not there"), 0) != -1 {
		t.Fatal("found what is not there")
	}
}

func TestFindSkips(t *testing.T) {
	lp := New()
	for _, s := range strings.Fields("a b b c c a") {
		lp = Append(lp, []byte(s))
	}
	if at := Find(lp, First(lp), []byte("b"), 1); at != Seek(lp, 2) {
		t.Errorf("Find = %d, want %d", at, Seek(lp, 2))
	}
	if at := Find(lp, First(lp), []byte("a"), 1); at != Seek(lp, 0) {
		t.Errorf("Find = %d, want %d", at, Seek(lp, 0))
	}
	if at := Find(lp, First(lp), []byte("zz"), 1); at != -1 {
		t.Errorf("Find = %d", at)
	}
}

// A string that foreign bytes hold as such is found, also if it could be an integer.
func TestFindStringThatIsANumber(t *testing.T) {
	lp := []byte("\x0a\x00\x00\x00\x01\x00\x8217\x03\xff")
	lp[0] = byte(len(lp))
	if err := Validate(lp); err != nil {
		t.Fatal(err)
	}
	if Find(lp, First(lp), []byte("17"), 0) != First(lp) {
		t.Error("not found")
	}
}

func TestMoreThanCanBeCounted(t *testing.T) {
	lp := New()
	for range 70000 {
		lp = AppendInt(lp, 1)
	}
	if n := Len(lp); n != 70000 {
		t.Errorf("Len = %d", n)
	}
	if err := Validate(lp); err != nil {
		t.Error(err)
	}
	if at := Seek(lp, 69999); at < 0 || Next(lp, at) != -1 {
		t.Errorf("Seek = %d", at)
	}
	if Seek(lp, 70000) != -1 || Seek(lp, -70001) != -1 {
		t.Error("sought beyond the ends")
	}
}

// What Validate passes can be read in both directions, and says the same.
func FuzzValidate(f *testing.F) {
	f.Add(New())
	f.Add(Append(AppendInt(Append(New(), []byte("abc")), math.MinInt64), bytes.Repeat([]byte("x"), 200)))
	f.Add([]byte("\x07\x00\x00\x00\xff\xff\xff")) // how many: not known
	f.Fuzz(func(t *testing.T, lp []byte) {
		if Validate(lp) != nil {
			return
		}
		there, back := elements(lp), backwards(lp)
		if !slices.Equal(there, back) {
			t.Fatalf("%q, backwards %q", there, back)
		}
		if n := Len(lp); n != len(there) {
			t.Fatalf("Len = %d, want %d", n, len(there))
		}
		if got := Delete(slices.Clone(lp), header, len(there)); Len(got) != 0 || len(got) != Empty || Validate(got) != nil {
			t.Fatalf("emptied: %x", got)
		}
	})
}

func BenchmarkAppend(b *testing.B) {
	s := []byte("some value")
	lp := make([]byte, 0, 4096)
	for b.Loop() {
		lp = AppendEmpty(lp[:0])
		for range 100 {
			lp = Append(lp, s)
		}
	}
}

func BenchmarkFind(b *testing.B) {
	lp := New()
	for i := range 128 {
		lp = Append(lp, fmt.Appendf(nil, "field:%d", i))
	}
	s := []byte("field:127")
	for b.Loop() {
		if Find(lp, First(lp), s, 1) == 0 {
			b.Fatal("found")
		}
	}
}

// What moves the begin makes the same listpacks as what moves all the rest.
func TestEditsThatMoveTheBegin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		lp := New()
		for range rapid.IntRange(0, 20).Draw(t, "elements") {
			lp = Append(lp, text(t))
		}
		s := text(t)
		mem := append(make([]byte, SizeOf(s)+rapid.IntRange(0, 3).Draw(t, "more room")), lp...)
		at := PrependBefore(mem, len(mem)-len(lp), s)
		want := Prepend(slices.Clone(lp), s)
		if !bytes.Equal(mem[at:], want) {
			t.Fatalf("PrependBefore(%q, %q) makes %q, want %q", lp, s, mem[at:], want)
		}
		n := rapid.IntRange(0, 25).Draw(t, "n")
		got := DeleteFirst(slices.Clone(want), n)
		if want := Delete(want, First(want), n); !bytes.Equal(got, want) {
			t.Fatalf("DeleteFirst %d makes %q, want %q", n, got, want)
		}
	})
}

// A listpack that is built from elements is the one that appending them makes.
func TestBuilt(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		before := []byte("before")
		want, built, n := New(), Begin(slices.Clone(before)), 0
		for _, s := range rapid.SliceOf(rapid.Custom(text)).Draw(t, "elements") {
			want, built = Append(want, s), AddElement(built, s)
			n++
		}
		for _, i := range rapid.SliceOf(rapid.Int64()).Draw(t, "integers") {
			want, built = AppendInt(want, i), AddInt(built, i)
			n++
		}
		built = Finish(built, len(before), n)
		if !bytes.Equal(built, append(before, want...)) {
			t.Fatalf("got  %x\nwant %x", built, want)
		}
	})
}

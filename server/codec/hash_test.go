package codec

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/vedette-ha/vedette/internal/listpack"
	"github.com/vedette-ha/vedette/internal/rdb"
	"github.com/vedette-ha/vedette/server/keyspace"
	"github.com/vedette-ha/vedette/server/keyspace/hash"
)

// hashText is all of a hash, with the times its fields expire at.
func hashText(v keyspace.Value) string {
	h, _ := v.Object.(*hash.Hash)
	if h == nil {
		h = hash.FromListpack(v.Bytes)
	}
	var all []string
	for field, val := range h.All() {
		all = append(all, fmt.Sprintf("%q %q %d\n", field, val, h.ExpireAt(field)))
	}
	slices.Sort(all)
	return strings.Join(all, "")
}

// Hashes of every form come back from their payload as they were, their form
// included.
func TestHashesComeBack(t *testing.T) {
	limits := Limits{HashMaxEntries: 512, HashMaxValue: 64}
	timed := func(n int, packed bool) keyspace.Value {
		h := hash.New()
		for i := range n {
			field := fmt.Appendf(nil, "f%d", i)
			h.Set(field, fmt.Append(nil, i))
			if i%3 > 0 {
				h.SetExpire(field, 1893456000000+int64(i*7919%1000))
			}
		}
		h.SetPacked(packed)
		return keyspace.Value{Kind: keyspace.Hash, Encoding: h.Encoding(), Object: h}
	}
	small := packed(keyspace.Hash, listpackOf([][]byte{[]byte("a"), []byte("1"), []byte("b"), []byte("two")}))
	for want, v := range map[rdb.Type]keyspace.Value{
		rdb.TypeHashListpack:   small,
		rdb.TypeHash:           timed(1, false), // the one field never expires
		rdb.TypeHashListpackEx: timed(200, true),
		rdb.TypeHashMetadata:   timed(1000, false),
	} {
		if got := Type(v, rdb.Version); got != want {
			t.Errorf("type %d, want %d", got, want)
		}
		read, err := rdb.ParseDump(payload(t, v))
		if err != nil {
			t.Fatal(err)
		}
		back, err := Read(&read, &limits)
		if err != nil {
			t.Fatal(err)
		}
		if hashText(back) != hashText(v) {
			t.Errorf("type %d came back as\n%.300s", want, hashText(back))
		}
		if want != rdb.TypeHash && back.Encoding != v.Encoding {
			t.Errorf("type %d came back as %v", want, back.Encoding)
		}
	}
}

// The packed form of fields that expire has the earliest first, and those that never
// do last.
func TestTimesArePackedInOrder(t *testing.T) {
	h := hash.New()
	for i, ms := range []int64{500, -1, 300, 400, -1} {
		field := fmt.Append(nil, "f", i)
		h.Set(field, []byte("v"))
		if ms > 0 {
			h.SetExpire(field, ms)
		}
	}
	var got []string
	for _, e := range listpackElements(packTimes(h)) {
		got = append(got, string(e))
	}
	if want := "f2 v 300 f3 v 400 f0 v 500 f1 v 0 f4 v 0"; strings.Join(got, " ") != want {
		t.Errorf("%q, want %s", got, want)
	}
}

// What a listpack is said to need at most is enough, whatever the elements: one that gets
// too long ends the process.
func TestPackedMax(t *testing.T) {
	for size := range 300 {
		h := hash.New()
		elements := [][]byte{[]byte("-9223372036854775808"), bytes.Repeat([]byte("x"), 100*size), bytes.Repeat([]byte("7"), size)}
		for i, e := range elements {
			h.Set(e, e)
			h.SetExpire(e, math.MaxInt64-1-int64(i))
		}
		if got, most := len(listpackOf(elements)), packedMax(elements); got > most {
			t.Fatalf("size %d: %d bytes, said to be at most %d", size, got, most)
		}
		if got, most := len(packTimes(h)), packedTimesMax(h); got > most {
			t.Fatalf("size %d: %d bytes with times, said to be at most %d", size, got, most)
		}
	}
}

// Whatever is taken from outside is written so that it is taken again, and then is the
// same.
func FuzzHash(f *testing.F) {
	f.Add(byte(16), []byte("\x11\x11\x00\x00\x00\x04\x00\x81a\x02\x01\x01\x81b\x02\x02\x01\xff"))
	f.Add(byte(4), []byte("\x02\x01a\x011\x01b\x012"))
	f.Add(byte(24), []byte("\xe8\x03\x00\x00\x00\x00\x00\x00\x02\x01\x01a\x011\x00\x01b\x012"))
	f.Add(byte(25), append([]byte("\xe8\x03\x00\x00\x00\x00\x00\x00\x11"),
		listpack.AppendInt(listpack.Append(listpack.Append(listpack.New(), []byte("a")), []byte("b")), 1000)...))
	f.Fuzz(func(t *testing.T, typ byte, body []byte) {
		v, err := rdb.ParseDump(rdb.AppendDumpRaw(nil, rdb.Type(typ), body, rdb.Version))
		if err != nil || v.Kind != rdb.KindHash {
			return
		}
		limits := Limits{HashMaxEntries: 3, HashMaxValue: 4}
		first, err := Read(&v, &limits)
		if err != nil {
			return
		}
		back, err := rdb.ParseDump(payload(t, first))
		if err != nil {
			t.Fatal(err)
		}
		second, err := Read(&back, &limits)
		if err != nil {
			t.Fatal(err)
		}
		if hashText(first) != hashText(second) {
			t.Fatalf("%s\n%s", hashText(first), hashText(second))
		}
	})
}

package codec

import (
	"fmt"
	"strings"
	"testing"

	"github.com/vedette-ha/vedette/internal/listpack"
	"github.com/vedette-ha/vedette/internal/rdb"
	"github.com/vedette-ha/vedette/server/keyspace"
	"github.com/vedette-ha/vedette/server/keyspace/list"
)

// listText is all of a list, and of which nodes it is made.
func listText(v keyspace.Value) string {
	l, _ := v.Object.(*list.List)
	if l == nil {
		l = list.Of(v.Bytes)
	}
	var b strings.Builder
	l.EachNode(func(data []byte, plain bool) {
		if plain {
			fmt.Fprintf(&b, "plain %q\n", data)
			return
		}
		for _, e := range listpackElements(data) {
			fmt.Fprintf(&b, "%q ", e)
		}
		b.WriteString("\n")
	})
	return b.String()
}

// Lists of every form come back from their payload as they were, node for node.
func TestListsComeBack(t *testing.T) {
	long := list.New(10)
	long.Large = 50
	for i := range 1000 {
		long.Push(fmt.Append(nil, "element ", i*i, strings.Repeat("x", i%60)), false)
	}
	small := packed(keyspace.List, listpackOf([][]byte{[]byte("a"), []byte("1"), []byte("-70000"), {}}))
	for _, v := range []keyspace.Value{small, {Kind: keyspace.List, Encoding: keyspace.Quicklist, Object: long}} {
		for _, depth := range []int{0, 2} {
			limits := Limits{ListMaxSize: 10, ListCompressDepth: depth}
			read, err := rdb.ParseDump(payload(t, v))
			if err != nil {
				t.Fatal(err)
			}
			back, err := Read(&read, &limits)
			if err != nil {
				t.Fatal(err)
			}
			if got, want := listText(back), listText(v); got != want || back.Encoding != v.Encoding {
				t.Errorf("came back as %v\n%.300s\nwant %v\n%.300s", back.Encoding, got, v.Encoding, want)
			}
		}
	}
}

// Whatever is taken from outside is written so that it is taken again, and then is the
// same.
func FuzzList(f *testing.F) {
	f.Add(byte(18), 2, []byte("\x02\x02\x0d\x0d\x00\x00\x00\x02\x00\x81a\x02\x01\x01\xff\x01\x05plain"))
	f.Add(byte(18), -1, append([]byte("\x01\x02\x0b"), listpack.Append(listpack.New(), []byte("ab"))...))
	f.Add(byte(1), 2, []byte("\x03\x01a\x011\x01b"))
	f.Add(byte(14), 1, []byte("\x01\x0f\x0f\x00\x00\x00\x0c\x00\x00\x00\x02\x00\x00\xf2\x02\xf3\xff"))
	f.Add(byte(10), 5, []byte("\x0f\x0f\x00\x00\x00\x0c\x00\x00\x00\x02\x00\x00\xf2\x02\xf3\xff"))
	f.Fuzz(func(t *testing.T, typ byte, fill int, body []byte) {
		v, err := rdb.ParseDump(rdb.AppendDumpRaw(nil, rdb.Type(typ), body, rdb.Version))
		if err != nil || v.Kind != rdb.KindList {
			return
		}
		limits := Limits{ListMaxSize: max(-5, min(fill, 1<<15)), ListCompressDepth: 1}
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
		if listText(first) != listText(second) {
			t.Fatalf("%s\n%s", listText(first), listText(second))
		}
	})
}

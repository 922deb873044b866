package codec

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/vedette-ha/vedette/internal/rdb"
	"github.com/vedette-ha/vedette/server/keyspace"
	"github.com/vedette-ha/vedette/server/keyspace/zset"
)

var zsetLimits = Limits{ZSetMaxEntries: 128, ZSetMaxValue: 64}

// payload is the DUMP payload of v.
func payload(t testing.TB, v keyspace.Value) []byte {
	t.Helper()
	var body bytes.Buffer
	w := rdb.NewWriter(&body, rdb.Options{Version: rdb.Version, NoChecksum: true})
	Write(w, v)
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	return rdb.AppendDumpRaw(nil, Type(v, rdb.Version), body.Bytes(), rdb.Version)
}

func zsetView(v keyspace.Value) zset.View {
	if v.Object != nil {
		return zset.ViewSet(v.Object.(*zset.Set))
	}
	return zset.ViewPacked(v.Bytes)
}

// zsetText is all of a sorted set, in order.
func zsetText(v keyspace.Value) string {
	var text []byte
	view := zsetView(v)
	for it, more := view.From(0); more; more = it.Next() {
		text = fmt.Appendf(text, "%q:%x ", it.Element().Append(nil), math.Float64bits(it.Score()))
	}
	return string(text)
}

// A sorted set comes back as it was, packed or not.
func TestZSetRoundTrip(t *testing.T) {
	for _, n := range []int{1, 2, 128, 129, 5000} {
		var members [][]byte
		var scores []float64
		for i := range n {
			members = append(members, fmt.Appendf(nil, "m%d", i*7919%n))
			scores = append(scores, float64(i%10)/4)
		}
		v, err := readZSet(&rdb.Value{Kind: rdb.KindZSet, Type: rdb.TypeZSet2, Elements: members, Scores: scores}, &zsetLimits)
		if err != nil {
			t.Fatal(err)
		}
		if packed := v.Object == nil; packed != (n <= 128) {
			t.Errorf("%d members: packed is %v", n, packed)
		}
		back, err := rdb.ParseDump(payload(t, v))
		if err != nil {
			t.Fatal(err)
		}
		again, err := Read(&back, &zsetLimits)
		if err != nil {
			t.Fatal(err)
		}
		if zsetText(again) != zsetText(v) || zsetView(v).Len() != n {
			t.Errorf("%d members came back as\n%.200s", n, zsetText(again))
		}
	}
}

func TestZSetWithAMemberTwiceIsRefused(t *testing.T) {
	for _, n := range []int{2, 200} {
		v := rdb.Value{Kind: rdb.KindZSet, Type: rdb.TypeZSet2, Scores: make([]float64, n)}
		for i := range n {
			v.Elements = append(v.Elements, fmt.Appendf(nil, "m%d", i/2))
		}
		if _, err := Read(&v, &zsetLimits); err == nil {
			t.Errorf("%d members, each twice: taken", n)
		}
	}
}

// Whatever is taken from outside is in order and is written so that it is taken
// again, and then is the same.
func FuzzZSet(f *testing.F) {
	f.Add(byte(17), []byte("\x11\x11\x00\x00\x00\x04\x00\x81a\x02\x01\x01\x81b\x02\x02\x01\xff"))
	f.Add(byte(5), []byte("\x02\x01b\x00\x00\x00\x00\x00\x00\x00@\x01a\x00\x00\x00\x00\x00\x00\xf0?"))
	f.Add(byte(3), []byte("\x01\x01b\x031.5"))
	f.Fuzz(func(t *testing.T, typ byte, body []byte) {
		v, err := rdb.ParseDump(rdb.AppendDumpRaw(nil, rdb.Type(typ), body, rdb.Version))
		if err != nil || v.Kind != rdb.KindZSet {
			return
		}
		limits := Limits{ZSetMaxEntries: 3, ZSetMaxValue: 4}
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
		if zsetText(first) != zsetText(second) {
			t.Fatalf("%s\n%s", zsetText(first), zsetText(second))
		}
		checkOrder(t, zsetView(second))
	})
}

func checkOrder(t *testing.T, v zset.View) {
	var scores []float64
	for it, more := v.From(0); more; more = it.Next() {
		scores = append(scores, it.Score())
	}
	if !slices.IsSorted(scores) {
		t.Fatalf("not in order: %v", scores)
	}
}

package command

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/vedette-ha/vedette/internal/resp"
	"github.com/vedette-ha/vedette/server/keyspace"
	"github.com/vedette-ha/vedette/server/keyspace/zset"
)

// smallZSets are options under which sorted sets outgrow their small form soon.
func smallZSets() *Options {
	o := smallSets()
	o.ZSetMaxEntries, o.ZSetMaxValue = 6, 10
	return o
}

func newZSetWorld(t rapid.TB) *setWorld {
	w := newSetWorld(t, smallZSets())
	w.table = NewTable(ZSetCommands(), GeoCommands(), SetCommands(), GenericCommands())
	return w
}

// zsetLine draws a command that changes sorted sets.
func zsetLine(r *rand.Rand) string {
	key := func() string { return string("kmn"[r.IntN(3)]) }
	member := func() string {
		if r.IntN(40) == 0 {
			return fmt.Sprintf("long-member-%d", r.IntN(5))
		}
		return fmt.Sprintf("m%d", r.IntN(12))
	}
	score := func() int { return r.IntN(9) - 3 }
	switch r.IntN(10) {
	case 0:
		return fmt.Sprintf("ZREM %s %s %s", key(), member(), member())
	case 1:
		return fmt.Sprintf("ZINCRBY %s %d.5 %s", key(), score(), member())
	case 2:
		return fmt.Sprintf("ZPOPMAX %s %d", key(), r.IntN(3))
	case 3:
		return fmt.Sprintf("ZMPOP 2 %s %s MIN COUNT %d", key(), key(), 1+r.IntN(3))
	case 4:
		return fmt.Sprintf("ZREMRANGEBYRANK %s %d %d", key(), r.IntN(4), r.IntN(8))
	case 5:
		return fmt.Sprintf("ZUNIONSTORE %s 2 %s %s WEIGHTS 1 %d AGGREGATE MAX", key(), key(), key(), score())
	case 6:
		return fmt.Sprintf("ZRANGESTORE %s %s -5 5 BYSCORE LIMIT 1 %d", key(), key(), 1+r.IntN(9))
	case 7:
		return fmt.Sprintf("GEOADD %s %d %d %s", key(), 10*score(), 5*score(), member())
	}
	return fmt.Sprintf("ZADD %s %d %s %d %s", key(), score(), member(), score(), member())
}

// What is propagated brings a second data set to where the first is, and small sets
// are packed until they have been too big.
func TestEffectsOfZSetsAreEnough(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newZSetWorld(t)
		w.replica = newZSetWorld(t)
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		for range 80 {
			line := zsetLine(r)
			w.run(line)
			for _, key := range []string{"k", "m", "n"} {
				all := "ZRANGE " + key + " 0 -1 WITHSCORES"
				a, b := w.run(all), w.replica.run(all)
				if a != b {
					t.Fatalf("%s: %s has %q here and %q there", line, key, a, b)
				}
				if a == "*0\r\n" {
					continue
				}
				if a, b := w.encoding(key), w.replica.encoding(key); a != b {
					t.Fatalf("%s: %s is a %s here and a %s there", line, key, a, b)
				}
			}
		}
	})
}

// A snapshot has sorted sets as they were when it began, whatever their form.
func TestSnapshotsOfZSetsStayAsTheyWere(t *testing.T) {
	w := newZSetWorld(t)
	for i := range 300 {
		w.run(fmt.Sprintf("ZADD big %d member:%d", i%7, i))
	}
	w.run("ZADD small 1 a 2 b")
	records := map[string]int{}
	sn, err := w.ctx.Space.BeginSnapshot(func(r keyspace.Record) {
		v := zset.ViewPacked(r.Value)
		if r.Object != nil {
			v = zset.ViewSet(r.Object.(*zset.Set))
		}
		n := 0
		for it, more := v.From(0); more; more = it.Next() {
			if it.Score() >= 100 {
				t.Errorf("%s: a score from later", r.Key)
			}
			n++
		}
		records[string(r.Key)] = n
	})
	if err != nil {
		t.Fatal(err)
	}
	w.run("ZREMRANGEBYRANK big 10 200")
	w.run("ZINCRBY big 100 member:5")
	w.run("ZADD small 100 a 100 c")
	w.run("ZADD new 100 x")
	sn.Step(nil)
	if fmt.Sprint(records) != "map[big:300 small:2]" {
		t.Errorf("the snapshot has %v", records)
	}
	if got := w.run("ZCARD big"); got != ":109\r\n" {
		t.Errorf("big has %q members", got)
	}
}

// A count that asks for more than a reply may hold is refused.
func TestRepeatedZSetMembersAreBounded(t *testing.T) {
	w := newZSetWorld(t)
	w.run("ZADD z 1 a")
	if got := w.run("ZRANDMEMBER z -9223372036854775807"); !strings.HasPrefix(got, "-ERR value is out of range") {
		t.Errorf("%.100q", got)
	}
}

// A ZSCAN to its end names every member that is there all the time.
func TestZScanMissesNothing(t *testing.T) {
	w := newZSetWorld(t)
	for i := range 3000 {
		w.run(fmt.Sprintf("ZADD z %d member:%d", i, i))
	}
	seen := map[string]bool{}
	cursor := "0"
	for round := 0; round == 0 || cursor != "0"; round++ {
		words := strings.Split(w.run("ZSCAN z "+cursor+" COUNT 50"), "\r\n")
		cursor = words[2]
		for i := 5; i < len(words); i += 4 {
			seen[words[i]] = true
		}
		w.run(fmt.Sprintf("ZINCRBY z 5000 member:%d", round*13))
		w.run(fmt.Sprintf("ZADD z 1 other:%d", round))
		w.run(fmt.Sprintf("ZREM z member:%d", 3000-1-round))
	}
	for i := range 2500 {
		if !seen[fmt.Sprintf("member:%d", i)] {
			t.Fatalf("member:%d was missed", i)
		}
	}
}

// Bounds of scores are what strtod takes: all that is a score, and more.
func FuzzScoreBound(f *testing.F) {
	for _, s := range []string{"1", "(1.5", "", "(", " 1", "1e400", "(-inf", "0x1p3", "nan", "1\x00x", "1_0", "0x", "infinity"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, arg []byte) {
		b, ok := parseScoreBound(arg)
		if ok && math.IsNaN(b.score) {
			t.Fatalf("%q is no number", arg)
		}
		if want, valid := resp.ParseFloat(arg); valid && (!ok || b.score != want || b.exclusive) {
			t.Fatalf("%q: %v %v, want %v", arg, b, ok, want)
		}
	})
}

package set

import (
	"fmt"
	"strconv"
	"testing"

	"pgregory.net/rapid"

	"github.com/vedette-ha/vedette/server/keyspace"
	"github.com/vedette-ha/vedette/server/keyspace/dict"
)

// Random changes, through freezing, give what they give to a map.
func TestModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, twin := New(), map[string]bool{}
		var frozen *Set
		var was map[string]bool
		for range rapid.IntRange(0, 300).Draw(t, "edits") {
			m := rapid.OneOf(rapid.Map(rapid.IntRange(0, 200), strconv.Itoa), rapid.StringN(0, 600, 700)).Draw(t, "m")
			switch n := rapid.IntRange(0, 20).Draw(t, "edit"); {
			case n == 0:
				frozen, was = s.Freeze().(*Set), map[string]bool{}
				for m := range twin {
					was[m] = true
				}
			case n < 13:
				if s.Add([]byte(m)) == twin[m] {
					t.Fatalf("Add(%.20q) = %v", m, twin[m])
				}
				twin[m] = true
			default:
				if s.Remove([]byte(m)) != twin[m] {
					t.Fatalf("Remove(%.20q) = %v", m, !twin[m])
				}
				delete(twin, m)
			}
			if s.Has([]byte(m)) != twin[m] {
				t.Fatalf("Has(%.20q) = %v", m, !twin[m])
			}
		}
		compare(t, s, twin)
		if frozen != nil {
			compare(t, frozen, was)
		}
	})
}

func compare(t *rapid.T, s *Set, want map[string]bool) {
	n := 0
	s.Each(func(m []byte) bool {
		if !want[string(m)] {
			t.Fatalf("%.20q is no member", m)
		}
		n++
		return true
	})
	if n != len(want) || s.Len() != n {
		t.Fatalf("%d members, Len %d, want %d", n, s.Len(), len(want))
	}
	if m := s.Random(new(dict.Draws)); n > 0 && !want[string(m)] || n == 0 && m != nil {
		t.Fatalf("Random = %.20q", m)
	}
}

// Scan passes every member that is there all the time while the set grows and
// shrinks, in steps of about the size asked for.
func TestScan(t *testing.T) {
	s := New()
	for i := range 1000 {
		s.Add([]byte(strconv.Itoa(i)))
	}
	seen := map[string]bool{}
	for cursor, step := uint64(0), 0; ; step++ {
		n := 0
		cursor = s.Scan(cursor, 20, func(m []byte) {
			seen[string(m)] = true
			n++
		})
		if n > 20+200 {
			t.Errorf("a step of %d members", n)
		}
		if cursor == 0 {
			break
		}
		for i := range 100 {
			m := []byte("other" + strconv.Itoa(i+100*step))
			if s.Add(m); step > 20 {
				s.Remove([]byte("other" + strconv.Itoa(i+100*(step-20))))
			}
		}
	}
	for i := range 1000 {
		if !seen[strconv.Itoa(i)] {
			t.Errorf("%d was passed over", i)
		}
	}
}

func TestMembersAreFoundWithoutAllocation(t *testing.T) {
	s := New()
	for i := range 1000 {
		s.Add([]byte(strconv.Itoa(i)))
	}
	m, draws := []byte("777"), new(dict.Draws)
	n := testing.AllocsPerRun(100, func() {
		s.Has(m)
		s.Add(m)
		s.Random(draws)
		s.Each(func([]byte) bool { return true })
	})
	if n > 0 {
		t.Errorf("%v allocations", n)
	}
}

// Warming finds its way whatever the members, and only large sets are worth it.
func TestWarm(t *testing.T) {
	sp := keyspace.New(keyspace.Options{Databases: 1})
	db, key := sp.DB(0), []byte("key")
	s := New()
	s.Warm([][]byte{[]byte("nobody")})
	if err := db.SetObject(key, s, keyspace.SetOpt{}); err != nil {
		t.Fatal(err)
	}
	if _, ok := db.Warmer(key); ok {
		t.Error("an empty set is worth warming")
	}
	var members [][]byte
	for i := range 5000 {
		members = append(members, fmt.Appendf(nil, "member:%d", 2*i))
		s.Add(members[i])
	}
	w, ok := db.Warmer(key)
	if !ok {
		t.Fatal("a large set is not worth warming")
	}
	for i := range members {
		w.Warm(append(members[i:min(i+20, len(members)):len(members)], []byte("odd"), nil))
	}
	w.(keyspace.DrawWarmer).WarmDraws(sp.Draws(), 20)
	if s.Len() != len(members) || !s.Has(members[17]) || s.Has([]byte("odd")) {
		t.Error("warming changed the set")
	}
	if _, ok := db.Warmer([]byte("no key")); ok {
		t.Error("no key is worth warming")
	}
}

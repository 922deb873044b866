package keyspace

import (
	"fmt"
	"slices"
	"strconv"
	"testing"

	"pgregory.net/rapid"
)

// evict evicts so many keys and returns those left.
func evict(t *testing.T, s *Space, p Eviction, n int) map[string]bool {
	t.Helper()
	e, db := NewEvictor(s), s.DB(0)
	for range n {
		n, key, ok := e.Choose(p)
		if !ok || n != 0 {
			t.Fatalf("nothing to evict from database 0 of %d keys (%d, %v)", db.Len(), n, ok)
		}
		if freed, ok := s.Evict(n, key, false); !ok || freed <= 0 {
			t.Fatalf("evicting %q freed %d bytes, %v", key, freed, ok)
		}
	}
	left := make(map[string]bool)
	db.Each(func(e Entry) bool {
		left[string(e.Key())] = true
		return true
	})
	return left
}

// Of keys half of which are hot, all but a few that LRU and LFU evict are cold, as
// are nearly all that are evicted by what expires first.
func TestEvictionFindsTheColdKeys(t *testing.T) {
	const keys = 10_000
	hot := func(i int) bool { return i%2 == 0 }
	for _, tc := range []struct {
		name string
		p    Eviction
		heat func(s *Space, db *DB)
	}{
		{"lru", Eviction{By: EvictOldest, Samples: 5}, func(s *Space, db *DB) {
			s.SetNow(s.Now() + 100_000)
			touchEach(db, keys, hot)
		}},
		{"lfu", Eviction{By: EvictRarest, Samples: 5}, func(s *Space, db *DB) {
			for range 100 {
				touchEach(db, keys, hot)
			}
		}},
		{"ttl", Eviction{By: EvictSoonest, Volatile: true, Samples: 5}, func(s *Space, db *DB) {
			for i := range keys {
				ttl := int64(1_000_000 + i)
				if hot(i) {
					ttl *= 10
				}
				db.SetExpire([]byte(strconv.Itoa(i)), s.Now()+ttl)
			}
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := New(Options{Seed: 7})
			s.SetNow(1_700_000_000_000)
			s.SetAccess(Access{Frequency: tc.p.By == EvictRarest, LogFactor: 10, DecayMinutes: 1})
			db := s.DB(0)
			for i := range keys {
				db.SetString([]byte(strconv.Itoa(i)), []byte("value"), Embstr, SetOpt{})
			}
			tc.heat(s, db)
			lost := 0
			left := evict(t, s, tc.p, keys/4)
			for i := range keys {
				if hot(i) && !left[strconv.Itoa(i)] {
					lost++
				}
			}
			if lost > keys/100 {
				t.Errorf("%d of %d hot keys were evicted", lost, keys/2)
			}
		})
	}
}

func touchEach(db *DB, n int, which func(int) bool) {
	for i := range n {
		if which(i) {
			db.Get([]byte(strconv.Itoa(i)))
		}
	}
}

// Among keys of ever greater age, what LRU keeps is on average much younger: this is
// the figure by which Redis judges its approximation.
func TestLRUComesCloseToTheTrueOrder(t *testing.T) {
	const keys = 4000
	for _, samples := range []int{5, 10} {
		s := New(Options{Seed: 3})
		s.SetNow(1_700_000_000_000)
		for i := range keys {
			s.SetNow(s.Now() + 1000)
			s.DB(0).SetString([]byte(strconv.Itoa(i)), nil, Raw, SetOpt{})
		}
		young := 0
		for key := range evict(t, s, Eviction{By: EvictOldest, Samples: samples}, keys/2) {
			if i, _ := strconv.Atoi(key); i >= keys/2 {
				young++
			}
		}
		if share := float64(young) / (keys / 2); share < 0.80 {
			t.Errorf("%d samples: only %.0f %% of the younger half were kept", samples, share*100)
		} else {
			t.Logf("%d samples: %.1f %% of the younger half were kept", samples, share*100)
		}
	}
}

// Whatever happens between two choices, what is chosen is there, and volatile
// policies never choose a key without an expiry; when nothing is left they say so.
func TestEvictionChoosesOnlyWhatMayGo(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := New(Options{Databases: 3, Seed: 1})
		s.SetNow(1_000_000)
		s.SetExpirePolicy(rapid.SampledFrom([]ExpirePolicy{ExpireDelete, ExpireHide, ExpireKeep}).Draw(t, "policy"))
		e := NewEvictor(s)
		volatile := make(map[string]bool) // "db key" of all keys
		for range rapid.IntRange(1, 120).Draw(t, "steps") {
			db := rapid.IntRange(0, 2).Draw(t, "db")
			key := strconv.Itoa(rapid.IntRange(0, 20).Draw(t, "key"))
			id := fmt.Sprint(db, " ", key)
			switch rapid.IntRange(0, 5).Draw(t, "what") {
			case 0, 1:
				s.SetNow(s.Now() + int64(rapid.IntRange(0, 5000).Draw(t, "pass")))
				s.DB(db).SetString([]byte(key), []byte("v"), Embstr, SetOpt{ExpireAt: s.Now() + 1_000_000_000})
				volatile[id] = true
			case 2:
				s.DB(db).SetString([]byte(key), []byte("v"), Embstr, SetOpt{})
				volatile[id] = false
			case 3:
				s.DB(db).Delete([]byte(key))
				delete(volatile, id)
			default:
				evictOne(t, s, e, volatile)
			}
			if err := s.check(); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func evictOne(t *rapid.T, s *Space, e *Evictor, volatile map[string]bool) {
	p := Eviction{
		By:       rapid.SampledFrom([]EvictBy{EvictOldest, EvictRarest, EvictSoonest, EvictAnything}).Draw(t, "by"),
		Volatile: rapid.Bool().Draw(t, "volatile"), Samples: rapid.IntRange(1, 8).Draw(t, "samples"),
	}
	p.Volatile = p.Volatile || p.By == EvictSoonest
	any := false
	for _, v := range volatile {
		any = any || v || !p.Volatile
	}
	db, key, ok := e.Choose(p)
	if ok != any {
		t.Fatalf("%+v: a key was chosen: %v; there are some: %v", p, ok, any)
	}
	if !ok {
		return
	}
	id := fmt.Sprint(db, " ", string(key))
	if v, there := volatile[id]; !there || p.Volatile && !v {
		t.Fatalf("%+v: chose %q, there %v, volatile %v", p, id, there, v)
	}
	if _, ok := s.Evict(db, key, rapid.Bool().Draw(t, "lazy")); !ok {
		t.Fatalf("%q was chosen but is not there", id)
	}
	delete(volatile, id)
}

// Keys whose time has come may be evicted like others, on a replica, too, which must
// not expire them by itself.
func TestExpiredKeysAreEvicted(t *testing.T) {
	for _, policy := range []ExpirePolicy{ExpireDelete, ExpireHide, ExpireKeep} {
		s := New(Options{Seed: 1})
		s.SetNow(1000)
		s.SetExpirePolicy(policy)
		s.DB(0).SetString([]byte("k"), nil, Raw, SetOpt{ExpireAt: 2000})
		s.SetNow(5000)
		e := NewEvictor(s)
		db, key, ok := e.Choose(Eviction{By: EvictOldest, Samples: 5})
		if !ok {
			t.Fatalf("policy %d: nothing chosen", policy)
		}
		if _, ok := s.Evict(db, key, false); !ok || s.DB(0).Len() != 0 {
			t.Errorf("policy %d: not evicted", policy)
		}
	}
}

// Random eviction takes from every database in turn.
func TestRandomEvictionVisitsEveryDatabase(t *testing.T) {
	s := New(Options{Databases: 4, Seed: 1})
	for db := range 4 {
		for i := range 10 {
			s.DB(db).SetString([]byte(strconv.Itoa(i)), nil, Raw, SetOpt{})
		}
	}
	e := NewEvictor(s)
	var seen []int
	for range 8 {
		db, key, _ := e.Choose(Eviction{By: EvictAnything})
		s.Evict(db, key, true)
		seen = append(seen, db)
	}
	slices.Sort(seen)
	if !slices.Equal(seen, []int{0, 0, 1, 1, 2, 2, 3, 3}) {
		t.Errorf("evicted from %v", seen)
	}
}

func BenchmarkEvict(b *testing.B) {
	s := New(Options{Databases: 16, Seed: 1})
	s.SetNow(1_700_000_000_000)
	e := NewEvictor(s)
	for i := range 100_000 {
		s.DB(0).SetString([]byte(strconv.Itoa(i)), []byte("some value"), Embstr, SetOpt{})
	}
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		db, key, _ := e.Choose(Eviction{By: EvictOldest, Samples: 5})
		s.Evict(db, key, false)
		s.DB(0).SetString([]byte(strconv.Itoa(100_000+n)), []byte("some value"), Embstr, SetOpt{})
		n++
	}
}

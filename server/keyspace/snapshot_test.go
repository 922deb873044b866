package keyspace

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// collect begins a snapshot and returns it with the map its records go to.
func collect(t *testing.T, s *Space) (*Snapshot, map[string]string) {
	t.Helper()
	got := map[string]string{}
	sn, err := s.BeginSnapshot(func(r Record) {
		id := fmt.Sprint(r.DB, string(r.Key))
		if _, twice := got[id]; twice {
			t.Errorf("%s is recorded twice", id)
		}
		v, _ := textOf(r.Value, r.Object)
		got[id] = v
	})
	if err != nil {
		t.Fatal(err)
	}
	return sn, got
}

func TestOneSnapshotAtATime(t *testing.T) {
	s := newTest(t, Options{})
	sn, _ := collect(t, s)
	if _, err := s.BeginSnapshot(nil); !errors.Is(err, ErrSnapshotOpen) {
		t.Errorf("a second one: %v", err)
	}
	sn.Abort()
	sn.Abort()
	sn, _ = collect(t, s)
	for range 2 {
		if !sn.Step(nil) {
			t.Error("an empty Space is not recorded at once")
		}
	}
	collect(t, s)
}

// The numbers recorded are those of the start, whatever is swapped and flushed.
func TestSnapshotKeepsDatabaseNumbers(t *testing.T) {
	s := newTest(t, Options{Databases: 3})
	for i := range 1000 {
		mustSet(t, s.DB(0), fmt.Sprint("a", i), "0", SetOpt{})
		mustSet(t, s.DB(1), fmt.Sprint("b", i), "1", SetOpt{ExpireAt: s.Now() + 1000})
	}
	sn, got := collect(t, s)
	if fmt.Sprint(sn.Sizes()) != "[{0 1000 0} {1 1000 1000}]" {
		t.Errorf("Sizes = %v", sn.Sizes())
	}
	sn.Step(func() bool { return false })
	s.SwapDB(0, 1)
	s.SwapDB(1, 2)
	mustSet(t, s.DB(0), "b7", "changed", SetOpt{})
	mustSet(t, s.DB(2), "new", "new", SetOpt{})
	sn.Step(func() bool { return false })
	s.FlushAll(true)
	mustSet(t, s.DB(0), "a7", "newer", SetOpt{})
	for !sn.Step(func() bool { return false }) {
	}
	for i := range 1000 {
		if got[fmt.Sprint("0a", i)] != "0" || got[fmt.Sprint("1b", i)] != "1" {
			t.Fatalf("key %d: %q and %q", i, got[fmt.Sprint("0a", i)], got[fmt.Sprint("1b", i)])
		}
	}
	if len(got) != 2000 {
		t.Errorf("%d records", len(got))
	}
	if st := s.Stats(); st.LazyPending != 0 || st.LazyFreed != 2001 {
		t.Errorf("%+v", st)
	}
}

// A flushed dataset gives its chunks back as the walk goes on, not at the end.
func TestDetachedDatasetShrinksBehindTheWalk(t *testing.T) {
	s := newTest(t, Options{})
	for i := range 10_000 {
		mustSet(t, s.DB(0), fmt.Sprint(i), strings.Repeat("v", 2000), SetOpt{})
	}
	sn, got := collect(t, s)
	before := s.Stats().Chunks
	s.FlushAll(false)
	for len(got) < 5000 {
		sn.Step(func() bool { return false })
	}
	if now := s.Stats().Chunks; now > before*6/10+1 {
		t.Errorf("half way through %d chunks of %d are held", now, before)
	}
	sn.Step(nil)
	if st := s.Stats(); st.Chunks != 0 || len(got) != 10_000 {
		t.Errorf("at the end %d chunks, %d records", st.Chunks, len(got))
	}
}

// Aborted snapshots leave entries of many epochs. However many they are, the next
// complete one shows all.
func TestEpochsWrapAround(t *testing.T) {
	for _, maintained := range []bool{false, true} {
		s := newTest(t, Options{})
		for i := range 500 {
			mustSet(t, s.DB(0), fmt.Sprint("k", i), "v", SetOpt{})
		}
		for round := range 700 {
			sn, _ := collect(t, s)
			for range round % 3 {
				sn.Step(func() bool { return false }) // stamps some entries
			}
			mustSet(t, s.DB(0), fmt.Sprint("k", round%500), "v", SetOpt{})
			sn.Abort()
			e := &s.DB(0).ds.epochs
			if e.now-e.oldest > epochsMax {
				t.Fatalf("round %d: epochs %d to %d", round, e.oldest, e.now)
			}
			if maintained {
				s.Maintain(func() bool { return false })
				if e.now-e.oldest > 2*epochsSpare {
					t.Fatalf("round %d: Maintain lets epochs run %d apart", round, e.now-e.oldest)
				}
			}
			if round%50 != 0 {
				continue
			}
			sn, got := collect(t, s)
			if round%100 == 0 {
				sn.Abort()
				continue
			}
			if sn.Step(nil); len(got) != 500 {
				t.Fatalf("round %d: %d records", round, len(got))
			}
		}
	}
}

// What a snapshot marks Keep stays as it was while the key goes on changing, and
// appending does not copy it.
func TestKeptValuesDoNotChange(t *testing.T) {
	s := newTest(t, Options{})
	db := s.DB(0)
	was := strings.Repeat("v", 100_000)
	mustSet(t, db, "k", was, SetOpt{})
	if _, err := db.Append([]byte("k"), []byte("more")); err != nil { // makes room behind
		t.Fatal(err)
	}
	was += "more"
	var kept []byte
	sn, err := s.BeginSnapshot(func(r Record) {
		if !r.Keep {
			t.Error("a big value is not marked Keep")
		}
		kept = r.Value
	})
	if err != nil {
		t.Fatal(err)
	}
	sn.Step(nil)
	before, _ := db.Peek([]byte("k"))
	room := &before.Bytes()[0]
	if _, err := db.Append([]byte("k"), []byte("tail")); err != nil {
		t.Fatal(err)
	}
	after, _ := db.Peek([]byte("k"))
	if &after.Bytes()[0] != room {
		t.Error("appending copied the value")
	}
	b, _, _ := db.Update([]byte("k"), 10, Raw)
	b[0] = 'X'
	db.Append([]byte("k"), []byte("YYYY"))
	if string(kept) != was {
		t.Errorf("the kept value changed: %.12s…", kept)
	}
	if e, _ := db.Peek([]byte("k")); string(e.Bytes()) != "XvvvvvvvvvYYYY" {
		t.Errorf("the key holds %q", e.Bytes())
	}
}

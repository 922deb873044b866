package keyspace

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
)

func TestEncodingOf(t *testing.T) {
	for val, want := range map[string]Encoding{
		"":                        Embstr,
		"0":                       Int,
		"-1":                      Int,
		"9223372036854775807":     Int,
		"9223372036854775808":     Embstr,
		"-9223372036854775808":    Int,
		"-9223372036854775809":    Embstr,
		"-0":                      Embstr,
		"00":                      Embstr,
		"01":                      Embstr,
		"+1":                      Embstr,
		"-":                       Embstr,
		" 1":                      Embstr,
		"1a":                      Embstr,
		"99999999999999999999999": Embstr,
		strings.Repeat("x", 44):   Embstr,
		strings.Repeat("x", 45):   Raw,
		strings.Repeat("1", 45):   Raw,
	} {
		if got := EncodingOf([]byte(val)); got != want {
			t.Errorf("EncodingOf(%q) = %v, want %v", val, got, want)
		}
	}
}

func TestNamesOfKindsAndEncodings(t *testing.T) {
	for got, want := range map[fmt.Stringer]string{
		String: "string", ZSet: "zset", Stream: "stream", Kind(0): "none", Kind(99): "none",
		Raw: "raw", Int: "int", Embstr: "embstr", Listpack: "listpack", StreamTree: "stream", Encoding(99): "unknown",
	} {
		if got.String() != want {
			t.Errorf("%#v is called %q, want %q", got, got, want)
		}
	}
}

// When the references are used up a write says so, changes nothing, and deleting
// makes room again.
func TestFullDatabaseRefusesAndRecovers(t *testing.T) {
	s := newTest(t, Options{ChunksMax: 2})
	db := s.DB(0)
	val := strings.Repeat("v", 1000)
	n := 0
	for {
		err := db.SetString(fmt.Append(nil, n), []byte(val), Raw, SetOpt{})
		if errors.Is(err, ErrFull) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	if n < 1800 || db.Len() != n {
		t.Fatalf("full with %d keys, Len %d", n, db.Len())
	}
	refused := map[string]error{}
	refused["append"] = second(db.Append([]byte("0"), []byte(strings.Repeat("x", 600))))
	refused["set"] = db.SetString([]byte("0"), []byte(val+"longer by more than a unit"), Raw, SetOpt{})
	refused["copy"] = second(db.Copy([]byte("0"), db, []byte("new")))
	refused["rename"] = second(db.Rename([]byte("0"), []byte("a longer name for the same key")))
	_, _, refused["update"] = db.Update([]byte("0"), 1100, Raw)
	for what, err := range refused {
		if !errors.Is(err, ErrFull) {
			t.Errorf("%s: %v, want ErrFull", what, err)
		}
	}
	for i := range n {
		if e, ok := db.Get(fmt.Append(nil, i)); !ok || string(e.Bytes()) != val {
			t.Fatalf("key %d was changed by a refused write", i)
		}
	}
	if err := s.check(); err != nil {
		t.Fatal(err)
	}
	db.Delete([]byte("1"))
	mustSet(t, db, "again", val, SetOpt{})
}

func second[T any](_ T, err error) error { return err }

// Cells of sizes nobody wants any more come back as whole chunks.
func TestCompactionGivesChunksBack(t *testing.T) {
	s := newTest(t, Options{})
	db := s.DB(0)
	const n = 40_000
	for i := range n {
		mustSet(t, db, fmt.Sprint("key", i), strings.Repeat("v", 300), SetOpt{ExpireAt: s.Now() + int64(i)})
	}
	full := s.Stats().Chunks
	for i := range n {
		if i%4 != 0 {
			db.Delete(fmt.Append(nil, "key", i))
		}
	}
	for s.Maintain(func() bool { return false }) {
	}
	st := s.Stats()
	if st.Chunks > full*4/10 || st.Compacting || st.Rehashing {
		t.Errorf("%d chunks of %d are left: %+v", st.Chunks, full, st)
	}
	if err := s.check(); err != nil {
		t.Fatal(err)
	}
	for i := 0; i < n; i += 4 {
		e, ok := db.Get(fmt.Append(nil, "key", i))
		if !ok || len(e.Bytes()) != 300 || e.ExpireAt() != s.Now()+int64(i) {
			t.Fatalf("key%d was damaged", i)
		}
	}
}

// Every key that is there all the time is seen by a scan, while others come and go
// by the thousand and the table grows and shrinks.
func TestScanSeesWhatIsThereAllTheTime(t *testing.T) {
	for name, wave := range map[string]func(step int) int{
		"growing":             func(step int) int { return step * 50 },
		"shrinking":           func(step int) int { return max(20_000-step*100, 0) },
		"growing and falling": func(step int) int { return int(10_000 * (1 + math.Sin(float64(step)/20))) },
	} {
		t.Run(name, func(t *testing.T) {
			s := newTest(t, Options{})
			db := s.DB(0)
			const n = 3000
			for i := range n {
				mustSet(t, db, fmt.Sprint("stays", i), "", SetOpt{})
			}
			others := 0
			resize := func(want int) {
				for ; others < want; others++ {
					mustSet(t, db, fmt.Sprint("other", others), "", SetOpt{})
				}
				for ; others > want; others-- {
					db.Delete(fmt.Append(nil, "other", others-1))
				}
			}
			resize(wave(0))
			seen := map[string]bool{}
			cursor, step := uint64(0), 0
			for {
				cursor = db.Scan(cursor, 20, func(e Entry) { seen[string(e.Key())] = true })
				if cursor == 0 {
					break
				}
				step++
				resize(wave(step))
				s.Maintain(func() bool { return false })
			}
			for i := range n {
				if !seen[fmt.Sprint("stays", i)] {
					t.Fatalf("stays%d was not seen in %d steps", i, step)
				}
			}
		})
	}
}

// COUNT may be as large as a client likes.
func TestScanTakesAnyCount(t *testing.T) {
	s := newTest(t, Options{})
	for i := range 1000 {
		mustSet(t, s.DB(0), fmt.Sprint(i), "", SetOpt{})
	}
	for _, count := range []int{math.MaxInt, 1000, 1, 0, -1} {
		seen := 0
		cursor := s.DB(0).Scan(0, count, func(Entry) { seen++ })
		if all := count >= 1000; (cursor == 0) != all || (seen == 1000) != all || seen == 0 {
			t.Errorf("COUNT %d: %d keys, cursor %d", count, seen, cursor)
		}
	}
}

// A cursor nobody gave out is no harm.
func TestScanTakesAnyCursor(t *testing.T) {
	s := newTest(t, Options{})
	for i := range 1000 {
		mustSet(t, s.DB(0), fmt.Sprint(i), "", SetOpt{})
	}
	for _, cursor := range []uint64{1, 12345, math.MaxUint64, math.MaxUint64 - 1, 1 << 63} {
		for steps := 0; cursor != 0; steps++ {
			cursor = s.DB(0).Scan(cursor, 100, func(Entry) {})
			if steps > 1000 {
				t.Fatal("a scan does not end")
			}
		}
	}
}

// Each key is drawn about as often as any other, also in the middle of a rehash.
func TestRandomKeyIsFair(t *testing.T) {
	s := newTest(t, Options{})
	db := s.DB(0)
	const n, draws = 83, 83 * 200
	for i := range n {
		mustSet(t, db, fmt.Sprint(i), "", SetOpt{})
	}
	if db.ds.keys.split == 0 {
		t.Error("the table is at rest: not the hard case")
	}
	count := map[string]int{}
	for range draws {
		e, _ := db.RandomKey()
		count[string(e.Key())]++
	}
	for key, c := range count {
		if c < 120 || c > 300 {
			t.Errorf("%q was drawn %d times of %d, want about 200", key, c, draws)
		}
	}
	if len(count) != n {
		t.Errorf("%d of %d keys were drawn", len(count), n)
	}
}

func TestSample(t *testing.T) {
	s := newTest(t, Options{})
	db := s.DB(0)
	if got := db.Sample(nil, 5, false); len(got) != 0 {
		t.Errorf("an empty database gave %d", len(got))
	}
	for i := range 100 {
		o := SetOpt{}
		if i%10 == 0 {
			o.ExpireAt = s.Now() + 1000
		}
		mustSet(t, db, fmt.Sprint(i), "", o)
	}
	if got := db.Sample(nil, 5, false); len(got) != 5 {
		t.Errorf("got %d of 5", len(got))
	}
	got := db.Sample(nil, 50, true)
	for _, e := range got {
		if e.ExpireAt() == NoExpire {
			t.Errorf("%q does not expire", e.Key())
		}
	}
	if len(got) != 10 {
		t.Errorf("got %d of the 10 volatile keys", len(got))
	}
}

// Every key is looked at about as often as any other, wherever it lies in its bucket:
// what never is looked at is never evicted.
func TestSampleIsFair(t *testing.T) {
	const n, draws, each = 1000, 40_000, 5
	s := newTest(t, Options{})
	db := s.DB(0)
	for i := range n {
		mustSet(t, db, fmt.Sprint(i), "", SetOpt{})
	}
	count := map[string]int{}
	for range draws {
		for _, e := range db.Sample(nil, each, false) {
			count[string(e.Key())]++
		}
	}
	for key, c := range count {
		if c < 60 {
			t.Errorf("%q was looked at %d times, the average is %d", key, c, draws*each/n)
		}
	}
	if len(count) != n {
		t.Errorf("%d of %d keys were looked at", len(count), n)
	}
}

// A hint makes room at once; a wrong one is corrected in time.
func TestReserve(t *testing.T) {
	s := newTest(t, Options{})
	db := s.DB(0)
	db.Reserve(100_000, 50)
	if n := db.ds.keys.buckets(); n*loadMax < 100_000 {
		t.Errorf("%d buckets are reserved", n)
	}
	mustSet(t, db, "k", "v", SetOpt{})
	s.Maintain(nil)
	if n := db.ds.keys.buckets(); n*loadMax < 100_000 {
		t.Errorf("during the load it shrank to %d buckets", n)
	}
	db.Reserve(0, 0)
	for s.Maintain(nil) {
	}
	if n := db.ds.keys.buckets(); n > 1 {
		t.Errorf("%d buckets for one key", n)
	}
	db.Reserve(math.MaxInt, -1) // keys are there: ignored
	if _, ok := db.Get([]byte("k")); !ok {
		t.Error("the key is gone")
	}
}

func TestMemoryUsage(t *testing.T) {
	s := newTest(t, Options{})
	db := s.DB(0)
	usage := func(key string) int64 {
		e, _ := db.Peek([]byte(key))
		return e.MemoryUsage(0)
	}
	mustSet(t, db, "small", strings.Repeat("v", 32), SetOpt{})
	mustSet(t, db, "big", strings.Repeat("v", 100_000), SetOpt{})
	mustSet(t, db, strings.Repeat("k", 20_000), "v", SetOpt{ExpireAt: 1 << 60})
	if err := db.SetObject([]byte("object"), &text{"12345"}, SetOpt{}); err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]int64{
		"small": 48 + tableShare, "big": 100_000 + 16 + tableShare,
		strings.Repeat("k", 20_000): 20_000 + 32 + 2*tableShare, "object": 5 + 32 + tableShare,
	} {
		if got := usage(key); got < want || got > want+want/20+16 {
			t.Errorf("%.10s takes %d, want about %d", key, got, want)
		}
	}
	st := s.Stats()
	if st.BigBytes < 120_000 || st.BigValues != 3 || st.Keys != 4 || st.Volatile != 1 {
		t.Errorf("Stats = %+v", st)
	}
}

// Flushing asynchronously counts the keys as pending until the memory is back.
func TestFlushInTheBackground(t *testing.T) {
	var work []func()
	s := newTest(t, Options{Databases: 2, Background: func(f func()) { work = append(work, f) }})
	for i := range 10 {
		mustSet(t, s.DB(i%2), fmt.Sprint(i), "v", SetOpt{})
	}
	if n := s.FlushAll(true); n != 10 {
		t.Errorf("FlushAll = %d", n)
	}
	if st := s.Stats(); st.Keys != 0 || st.LazyPending != 10 || st.LazyFreed != 0 {
		t.Errorf("before: %+v", st)
	}
	for _, f := range work {
		f()
	}
	if st := s.Stats(); st.LazyPending != 0 || st.LazyFreed != 10 {
		t.Errorf("after: %+v", st)
	}
}

// UNLINK counts what Redis would have freed in the background.
func TestUnlinkCountsBigObjects(t *testing.T) {
	s := newTest(t, Options{})
	db := s.DB(0)
	for key, obj := range map[string]*text{"big": {strings.Repeat("x", 100)}, "small": {"x"}} {
		if err := db.SetObject([]byte(key), obj, SetOpt{}); err != nil {
			t.Fatal(err)
		}
		db.Unlink([]byte(key))
	}
	if got := s.Stats().LazyFreed; got != 1 {
		t.Errorf("LazyFreed = %d", got)
	}
}

// A small collection keeps its kind; an access does not change it.
func TestBlobKeepsItsKind(t *testing.T) {
	s := newTest(t, Options{})
	db := s.DB(0)
	if err := db.SetBlob([]byte("h"), Hash, Listpack, []byte("blob"), SetOpt{}); err != nil {
		t.Fatal(err)
	}
	b, ok, err := db.Update([]byte("h"), 100, Listpack)
	if !ok || err != nil || string(b[:5]) != "blob\x00" {
		t.Fatalf("Update = %q %v %v", b, ok, err)
	}
	if e, _ := db.Get([]byte("h")); e.Kind() != Hash || e.Encoding() != Listpack || e.Object() != nil {
		t.Errorf("became %v %v", e.Kind(), e.Encoding())
	}
}

package keyspace

import (
	"fmt"
	"testing"
)

func newTest(t testing.TB, o Options) *Space {
	if o.Seed == 0 {
		o.Seed = 1
	}
	s := New(o)
	s.SetNow(1_700_000_000_000)
	t.Cleanup(s.Close)
	return s
}

func mustSet(t testing.TB, db *DB, key, val string, o SetOpt) {
	t.Helper()
	if err := db.SetString([]byte(key), []byte(val), EncodingOf([]byte(val)), o); err != nil {
		t.Fatalf("set %q: %v", key, err)
	}
}

// Many keys come and go, and each is found as long as it is there.
func TestManyKeysComeAndGo(t *testing.T) {
	s := newTest(t, Options{})
	db := s.DB(0)
	const n = 60_000
	key := func(i int) []byte { return fmt.Appendf(nil, "key:%d", i) }
	for i := range n {
		mustSet(t, db, string(key(i)), fmt.Sprint(i), SetOpt{})
	}
	for i := range n {
		if e, ok := db.Get(key(i)); !ok || string(e.Bytes()) != fmt.Sprint(i) {
			t.Fatalf("key %d: %v %v", i, e, ok)
		}
	}
	if db.Len() != n {
		t.Fatalf("Len = %d", db.Len())
	}
	for i := range n {
		if !db.Delete(key(i)) || db.Delete(key(i)) {
			t.Fatalf("delete %d", i)
		}
	}
	for s.Maintain(nil) {
	}
	if st := s.Stats(); st.Keys != 0 || st.CellBytes != 0 || db.ds.keys.buckets() > 2 {
		t.Errorf("after all is deleted: %+v, %d buckets", st, db.ds.keys.buckets())
	}
}

package keyspace

import (
	"fmt"
	"testing"
)

// Warming changes nothing, whatever the keys: there, missing, expired, too many.
func TestWarmChangesNothing(t *testing.T) {
	sp := New(Options{Databases: 1})
	db := sp.DB(0)
	var keys [][]byte
	db.Warm([][]byte{[]byte("nobody")})
	for i := range 2 * WarmMax {
		key := fmt.Appendf(nil, "key:%d", i)
		keys = append(keys, key)
		if i%2 == 0 {
			if err := db.SetString(key, key, Raw, SetOpt{}); err != nil {
				t.Fatal(err)
			}
		}
	}
	before := sp.Stats()
	db.Warm(keys)
	db.Warm(nil)
	if after := sp.Stats(); after != before {
		t.Errorf("Warm changed %+v to %+v", before, after)
	}
	for i, key := range keys {
		if e, ok := db.Peek(key); ok != (i%2 == 0) || ok && string(e.Bytes()) != string(key) {
			t.Errorf("%s: %v", key, ok)
		}
	}
}

package stream

import (
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// A tree behaves like a map with sorted keys, and copies made of it stay as they
// were.
func TestTreeIsASortedMap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := new(token)
		var tr tree[int]
		twin := map[ID]int{}
		var frozen []tree[int]
		var frozenTwins []map[ID]int
		span := rapid.SampledFrom([]uint64{8, 300, 5000}).Draw(t, "span")
		next := uint64(0)
		for i := range rapid.IntRange(1, 800).Draw(t, "steps") {
			id := ID{rapid.Uint64Range(0, span).Draw(t, "ms"), 0}
			switch op := rapid.IntRange(0, 99).Draw(t, "op"); {
			case op < 40:
				next++
				id = ID{span + next, 0}
				fallthrough
			case op < 60:
				_, there := twin[id]
				if isNew := tr.put(o, id, i); isNew == there {
					t.Fatalf("put %v: new %v, there %v", id, isNew, there)
				}
				twin[id] = i
			case op < 90:
				if len(twin) > 0 && op < 85 {
					keys := slices.SortedFunc(maps.Keys(twin), ID.Compare)
					id = keys[rapid.IntRange(0, min(len(keys)-1, 9)).Draw(t, "which")]
				}
				_, there := twin[id]
				if got := tr.remove(o, id); got != there {
					t.Fatalf("remove %v: %v, want %v", id, got, there)
				}
				delete(twin, id)
			case op < 97:
				v, ok := tr.edit(o, id)
				want, there := twin[id]
				if ok != there || ok && *v != want {
					t.Fatalf("edit %v", id)
				}
				if ok {
					*v++
					twin[id]++
				}
			default:
				frozen = append(frozen, tr)
				frozenTwins = append(frozenTwins, maps.Clone(twin))
				o = new(token)
			}
		}
		checkTree(t, &tr, twin)
		for i := range frozen {
			checkTree(t, &frozen[i], frozenTwins[i])
		}
	})
}

func checkTree(t *rapid.T, tr *tree[int], twin map[ID]int) {
	keys := slices.SortedFunc(maps.Keys(twin), ID.Compare)
	if tr.count != len(keys) {
		t.Fatalf("count %d, want %d", tr.count, len(keys))
	}
	i := 0
	for id, v := range tr.from(ID{}) {
		if id != keys[i] || *v != twin[id] {
			t.Fatalf("item %d is %v, want %v", i, id, keys[i])
		}
		i++
	}
	if i != len(keys) {
		t.Fatalf("%d items, want %d", i, len(keys))
	}
	for c := tr.last(); c.valid(); c.prev() {
		if i--; c.id() != keys[i] {
			t.Fatalf("backward: item %d is %v", i, c.id())
		}
	}
	if i != 0 {
		t.Fatalf("backward: %d items are missing", i)
	}
	for range 20 {
		id := ID{rapid.Uint64Range(0, 400).Draw(t, "probe"), 1}
		at, _ := slices.BinarySearchFunc(keys, id, ID.Compare)
		c, f := tr.seek(id), tr.floor(id)
		if c.valid() != (at < len(keys)) || c.valid() && c.id() != keys[at] {
			t.Fatalf("seek %v", id)
		}
		if f.valid() != (at > 0) || f.valid() && f.id() != keys[at-1] {
			t.Fatalf("floor %v", id)
		}
	}
}

package keyspace

import (
	"math/bits"

	"github.com/vedette-ha/vedette/server/keyspace/dict"
)

// WarmMax is how many keys [DB.Warm] takes.
const WarmMax = 16

// cacheLine is as much as the processor fetches at once; small entries take one or two.
const cacheLine = 64

// Warm brings what a lookup of each of keys will read into the processor's cache. A
// lookup waits for memory twice, for the bucket and for the cell; here the waits of
// all keys overlap. It changes nothing and its result means nothing: it keeps the
// compiler from leaving the reads out. Keys beyond WarmMax are left cold.
func (db *DB) Warm(keys [][]byte) (sink byte) {
	t := &db.ds.keys
	if t.count == 0 {
		return 0
	}
	var (
		hashes [WarmMax]uint64
		homes  [WarmMax]*bucket
	)
	keys = keys[:min(len(keys), WarmMax)]
	for i, key := range keys {
		h := db.space.hash.sum(key)
		b := t.at(t.home(h))
		hashes[i], homes[i] = h, b
		sink ^= b.tags[0]
	}
	for i := range keys {
		b := homes[i]
		m := b.match(tagOf(hashes[i]))
		if m == 0 {
			continue
		}
		ref := b.refs[bits.TrailingZeros32(m)]
		c := db.ds.arena.cell(ref)
		sink ^= c[0] ^ c[min(cacheLine, len(c)-1)]
	}
	return sink
}

// Warmer is an Object that can do for its elements what [DB.Warm] does for keys: Warm
// brings what it takes to find up to WarmMax of them into the processor's cache.
type Warmer interface {
	Object
	Warm(elements [][]byte) (sink byte)
}

// DrawWarmer is a Warmer that can do it for the next n elements drawn with r, too.
type DrawWarmer interface {
	Warmer
	WarmDraws(r *dict.Draws, n int) (sink byte)
}

// warmLen is how many elements a collection must have: a smaller one is in the cache
// anyhow.
const warmLen = 1 << 10

// Warmer returns the collection at key if its elements are worth warming. Nothing is
// changed, not even if the key has expired.
func (db *DB) Warmer(key []byte) (Warmer, bool) {
	b, k := db.ds.keys.find(db.space.hash.sum(key), key)
	if b == nil {
		return nil, false
	}
	o, _ := db.ds.entry(b.refs[k]).Object().(Warmer)
	return o, o != nil && o.Len() >= warmLen
}

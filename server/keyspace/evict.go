package keyspace

import (
	"math"
	"slices"
)

// EvictBy is what decides which key goes first when memory is short.
type EvictBy uint8

// The orders.
const (
	EvictOldest   EvictBy = iota // the longest without an access: LRU
	EvictRarest                  // the least frequently used: LFU
	EvictSoonest                 // the first to expire
	EvictAnything                // by lot
)

// Eviction is how keys to be evicted are chosen.
type Eviction struct {
	By       EvictBy
	Volatile bool // only among keys that have an expiry
	Samples  int  // keys looked at in each database for each one evicted
}

// poolSize is how many candidates are remembered between evictions: the sampling
// comes much closer to the true order that way.
const poolSize = 16

// Evictor chooses keys of a Space to be evicted, as Redis does: some keys are
// sampled, the best candidates are remembered, and the best of those goes. It
// belongs to the goroutine of the Space.
type Evictor struct {
	space   *Space
	policy  Eviction
	pool    []candidate // the best last
	sampled []Entry
	chosen  []byte
	nextDB  int
}

// candidate is a key that may be evicted, when it was looked at.
type candidate struct {
	merit uint64
	db    int
	key   []byte
}

// NewEvictor returns an Evictor for s.
func NewEvictor(s *Space) *Evictor {
	return &Evictor{space: s, pool: make([]candidate, 0, poolSize)}
}

// Choose returns a key to evict and the number of its database; false if there is
// none left. The key is good until the next call. Its time may have come already.
func (e *Evictor) Choose(p Eviction) (db int, key []byte, ok bool) {
	if p.By == EvictAnything {
		return e.draw(p.Volatile)
	}
	if p.By != e.policy.By || p.Volatile != e.policy.Volatile {
		e.pool = e.pool[:0] // merits of different orders do not compare
	}
	e.policy = p
	for e.sample() {
		for len(e.pool) > 0 {
			best := &e.pool[len(e.pool)-1]
			e.pool = e.pool[:len(e.pool)-1]
			if !e.stands(best) {
				continue
			}
			e.chosen, best.key = best.key, e.chosen[:0]
			return best.db, e.chosen, true
		}
	}
	return 0, nil, false
}

// draw picks a key by lot, from one database after the other.
func (e *Evictor) draw(volatile bool) (int, []byte, bool) {
	for range e.space.dbs {
		e.nextDB = (e.nextDB + 1) % len(e.space.dbs)
		ds := e.space.dbs[e.nextDB].ds
		if t := ds.among(volatile); t.count > 0 {
			e.chosen = append(e.chosen[:0], ds.arena.key(t.random(e.space.env.rand.Uint64))...)
			return e.nextDB, e.chosen, true
		}
	}
	return 0, nil, false
}

// among is the table of the keys that may go.
func (ds *dataset) among(volatile bool) *table {
	if volatile {
		return &ds.volatile
	}
	return &ds.keys
}

// sample looks at some keys of each database and remembers the best; false if there
// are none.
func (e *Evictor) sample() (any bool) {
	for _, db := range e.space.dbs {
		if db.ds.among(e.policy.Volatile).count == 0 {
			continue
		}
		any = true
		e.sampled = db.Sample(e.sampled[:0], max(e.policy.Samples, 1), e.policy.Volatile)
		for _, entry := range e.sampled {
			e.consider(db.index, entry)
		}
	}
	clear(e.sampled)
	return any
}

// merit is how much an entry deserves to go.
func (e *Evictor) merit(entry Entry) uint64 {
	switch e.policy.By {
	case EvictOldest:
		return uint64(entry.IdleSeconds())
	case EvictRarest:
		return uint64(lfuSaturate - entry.Freq())
	}
	return math.MaxUint64 - uint64(entry.ExpireAt())
}

// consider remembers an entry, if it is better than the worst that is remembered.
func (e *Evictor) consider(db int, entry Entry) {
	merit := e.merit(entry)
	at, _ := slices.BinarySearchFunc(e.pool, merit, func(c candidate, merit uint64) int {
		if c.merit < merit {
			return -1
		}
		return 1 // before its equals
	})
	var spare []byte
	if len(e.pool) == poolSize {
		if at == 0 {
			return
		}
		spare = e.pool[0].key
		copy(e.pool, e.pool[1:at])
		at--
	} else {
		e.pool = e.pool[:len(e.pool)+1]
		spare = e.pool[len(e.pool)-1].key
		copy(e.pool[at+1:], e.pool[at:])
	}
	e.pool[at] = candidate{merit, db, append(spare[:0], entry.Key()...)}
}

// stands reports whether a candidate is still there and has not been used since.
func (e *Evictor) stands(c *candidate) bool {
	db := e.space.dbs[c.db]
	b, k := db.ds.keys.find(e.space.hash.sum(c.key), c.key)
	if b == nil {
		return false
	}
	entry := db.ds.entry(b.refs[k])
	if e.policy.Volatile && !entry.cell.has(hasExpire) {
		return false
	}
	return e.merit(entry) >= c.merit
}

// Evict deletes a key that [Evictor.Choose] has chosen, whether its time has come
// or not, and returns how many bytes of [Space.Used] that saved. lazy counts a big
// value as freed in the background. It returns false if the key is not there.
func (s *Space) Evict(db int, key []byte, lazy bool) (freed int64, ok bool) {
	policy := s.env.policy
	s.env.policy = ExpireKeep
	defer func() { s.env.policy = policy }()
	before := s.Used()
	if d := s.DB(db); lazy {
		ok = d.Unlink(key)
	} else {
		ok = d.Delete(key)
	}
	return before - s.Used(), ok
}

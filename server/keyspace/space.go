package keyspace

import (
	"errors"
	"math/rand/v2"
	"sync/atomic"

	"github.com/vedette-ha/vedette/server/keyspace/dict"
)

// ErrFull means that a database has no reference left for another entry (they
// reach 64 GiB of small entries). Nothing was changed. Clients read -OOM.
var ErrFull = errors.New("keyspace: out of references")

// Options configure a Space. The zero value is a Space with one database.
type Options struct {
	// Databases is their number; at least one.
	Databases int
	// Seed keys the hash. Zero draws one: keys that collide by design are then
	// no use to anyone. Tests set it to be repeatable.
	Seed uint64
	// ChunksMax bounds the 1 MiB chunks of one database; zero means what 32-bit
	// references reach, 65536.
	ChunksMax int
	// OnExpire is called just before an expired key is deleted, lazily or by the
	// cycle, with the number of its database. The key is valid during the call,
	// which must not touch the Space. It may be nil.
	OnExpire func(db int, key []byte)
	// OnPerishable is called when a key is to hold a Perishable of which parts expire
	// and no key of its database did. It must not touch the Space. It may be nil.
	OnPerishable func()
	// Background runs work that may take milliseconds and touches nothing the
	// Space still uses (returning the memory of a flushed database). Nil runs it
	// at once, in the caller.
	Background func(work func())
}

// Space is all databases of a server. It belongs to one goroutine.
type Space struct {
	env      env
	hash     hasher
	chunks   int // bound for each database
	dbs      []*DB
	onExpire func(db int, key []byte)
	run      func(work func())
	snapshot *Snapshot // the open one
	cycleDB  int       // where the expire cycle goes on
	lazy     *lazyCounts
	draws    dict.Draws
}

// lazyCounts are written by background work too.
type lazyCounts struct{ pending, freed atomic.Int64 }

// New returns an empty Space.
func New(o Options) *Space {
	seed := o.Seed
	if seed == 0 {
		seed = rand.Uint64()
	}
	s := &Space{
		env:      env{rand: rand.NewPCG(seed, seed), onPerishable: o.OnPerishable},
		hash:     newHasher(seed),
		chunks:   chunksMax,
		onExpire: o.OnExpire,
		run:      o.Background,
		lazy:     new(lazyCounts),
	}
	if o.ChunksMax > 0 {
		s.chunks = min(o.ChunksMax, chunksMax)
	}
	if s.run == nil {
		s.run = func(work func()) { work() }
	}
	for i := range max(o.Databases, 1) {
		s.dbs = append(s.dbs, &DB{space: s, index: i, ds: s.newDataset()})
	}
	return s
}

func (s *Space) newDataset() *dataset { return newDataset(&s.env, s.hash, s.chunks) }

// Databases returns the number of databases.
func (s *Space) Databases() int { return len(s.dbs) }

// Draws is where the numbers for random elements of collections come from.
func (s *Space) Draws() *dict.Draws { return &s.draws }

// DB returns database i. It panics if there is no such database. The pointer
// stays good for the life of the Space: SWAPDB exchanges contents.
func (s *Space) DB(i int) *DB { return s.dbs[i] }

// SetNow sets the time for all that follows, in Unix milliseconds: the owner
// calls it once per event, so that one command sees one time.
func (s *Space) SetNow(ms int64) { s.env.now = ms }

// Now returns the time last set, in Unix milliseconds.
func (s *Space) Now() int64 { return s.env.now }

// SetExpirePolicy says what happens to expired keys from now on. The policy of
// a new Space is [ExpireDelete].
func (s *Space) SetExpirePolicy(p ExpirePolicy) { s.env.policy = p }

// ExpirePolicy returns the policy in force.
func (s *Space) ExpirePolicy() ExpirePolicy { return s.env.policy }

// SetAccess says how accesses to keys are remembered from now on. Marks made
// the other way are read as they are, as in Redis after a change of
// maxmemory-policy.
func (s *Space) SetAccess(a Access) { s.env.access = a }

// SwapDB exchanges the contents of databases i and j. An open snapshot keeps
// recording the numbers they had when it began.
func (s *Space) SwapDB(i, j int) {
	a, b := s.dbs[i], s.dbs[j]
	a.ds, b.ds = b.ds, a.ds
}

// Flush empties database i, and returns how many keys went. The memory is given
// back in the background whether async or not; async says whether the keys count
// as lazily freed. An open snapshot still gets what it has not yet seen.
func (s *Space) Flush(i int, async bool) int {
	db := s.dbs[i]
	n := db.ds.keys.count
	if n == 0 {
		return 0
	}
	old := db.ds
	db.ds = s.newDataset()
	if async {
		s.lazy.pending.Add(int64(n))
	}
	if old.unit != nil {
		old.unit.detach(async)
		return n
	}
	s.discard(old, n, async)
	return n
}

// discard gives back the memory of a dataset that had n keys.
func (s *Space) discard(ds *dataset, n int, async bool) {
	lazy := s.lazy
	s.run(func() {
		ds.free()
		if async {
			lazy.pending.Add(-int64(n))
			lazy.freed.Add(int64(n))
		}
	})
}

// FlushAll empties every database, as [Space.Flush] does.
func (s *Space) FlushAll(async bool) int {
	n := 0
	for i := range s.dbs {
		n += s.Flush(i, async)
	}
	return n
}

// Beside returns an empty Space like s (options, time, access) to load a data
// set into without disturbing s. It calls no OnExpire and keeps expired keys. If
// it is not used in the end, it wants [Space.Close].
func (s *Space) Beside() *Space {
	beside := New(Options{Databases: len(s.dbs), Seed: s.env.rand.Uint64(), ChunksMax: s.chunks, Background: s.run})
	beside.hash = s.hash
	beside.env.now, beside.env.access, beside.env.policy = s.env.now, s.env.access, ExpireKeep
	for _, db := range beside.dbs {
		db.ds = beside.newDataset()
	}
	return beside
}

// ReplaceAll puts the contents of other, made by [Space.Beside], in the place of
// those of s, which are given back as [Space.FlushAll] does. other is empty
// afterwards. An open snapshot of s still gets the old contents; other must not
// have one open.
func (s *Space) ReplaceAll(other *Space) {
	if other.snapshot != nil || other.hash != s.hash || len(other.dbs) != len(s.dbs) {
		panic("keyspace: ReplaceAll with a Space that was not made beside this one")
	}
	s.FlushAll(true)
	for i, db := range s.dbs {
		empty := db.ds
		db.ds, other.dbs[i].ds = other.dbs[i].ds, empty
		db.ds.env, empty.env = &s.env, &other.env
	}
}

// Close gives all memory back at once. A Space that lives as long as its process
// needs no Close; nothing else may be called after it.
func (s *Space) Close() {
	if s.snapshot != nil {
		s.snapshot.Abort()
	}
	for _, db := range s.dbs {
		db.ds.free()
	}
	s.dbs = nil
}

// Maintain does a slice of upkeep: finish growing or shrinking tables, compact
// the arena, re-stamp epochs. It returns whether there is more to do. The owner
// calls it from its timer; more is asked now and then whether there is time left
// (nil means always).
func (s *Space) Maintain(more func() bool) (busy bool) {
	more = orAlways(more)
	for _, db := range s.dbs {
		if db.ds.maintain(more) {
			return true
		}
	}
	return false
}

func orAlways(more func() bool) func() bool {
	if more == nil {
		return func() bool { return true }
	}
	return more
}

func (ds *dataset) maintain(more func() bool) (busy bool) {
	for _, t := range []*table{&ds.keys, &ds.volatile} {
		for n := 1; t.tidy(); n++ {
			if n%askEvery == 0 && !more() {
				return true
			}
		}
	}
	return ds.restamp(more) || ds.compact(more)
}

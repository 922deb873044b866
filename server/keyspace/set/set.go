// Package set is the form of a set that is too big, or has members too long, to be
// one blob in the keyspace: a hash table of members.
package set

import (
	"math/rand/v2"
	"unsafe"

	"github.com/vedette-ha/vedette/server/keyspace"
	"github.com/vedette-ha/vedette/server/keyspace/dict"
)

// Set is a set of byte strings; a [keyspace.Object]. Members passed in are copied and
// must not alias the set; those handed out alias it and are good until its next
// change. Not safe for concurrent use; see [Set.Freeze].
type Set struct{ members *dict.Dict }

// New returns an empty set.
func New() *Set { return &Set{dict.New()} }

// Kind implements [keyspace.Object].
func (s *Set) Kind() keyspace.Kind { return keyspace.Set }

// Encoding implements [keyspace.Object].
func (s *Set) Encoding() keyspace.Encoding { return keyspace.Hashtable }

// Len returns the number of members.
func (s *Set) Len() int { return s.members.Len() }

// MemoryUsage implements [keyspace.Object]. It is exact.
func (s *Set) MemoryUsage(samples int) int64 {
	return int64(unsafe.Sizeof(*s)) + s.members.MemoryUsage(samples)
}

// FreeEffort implements [keyspace.Object].
func (s *Set) FreeEffort() int { return s.members.FreeEffort() }

// Freeze implements [keyspace.Object]: the set as it is now, in constant time.
func (s *Set) Freeze() keyspace.Object { return &Set{s.members.Freeze()} }

// Has reports whether m is a member.
func (s *Set) Has(m []byte) bool { return s.members.Has(m) }

// Shape is that of the hash table: see [dict.Dict.Shape].
func (s *Set) Shape() (pages, places, depth int) { return s.members.Shape() }

// Warm implements [keyspace.Warmer].
func (s *Set) Warm(members [][]byte) byte { return s.members.Warm(members) }

// WarmDraws implements [keyspace.DrawWarmer].
func (s *Set) WarmDraws(r *dict.Draws, n int) byte { return s.members.WarmDraws(r, n) }

// Add makes m a member, and reports whether it was none.
func (s *Set) Add(m []byte) bool { return s.members.Set(m, nil) }

// Remove makes m no member, and reports whether it was one.
func (s *Set) Remove(m []byte) bool { return s.members.Delete(m) }

// Each visits every member once, in no order, until visit returns false. visit must
// not change the set.
func (s *Set) Each(visit func(m []byte) bool) {
	for m := range s.members.All() {
		if !visit(m) {
			return
		}
	}
}

// Random returns a member, each as likely as any other; nil if there is none.
func (s *Set) Random(r rand.Source) []byte {
	m, _ := s.members.Random(r)
	return m
}

// scanSparse is how many pages Scan looks at for each member asked for, when they are
// empty.
const scanSparse = 10

// Scan visits about count members, a page of them at least, and returns the cursor to
// go on with, zero at the end; start with zero. A member that is there from the first
// call to the last is visited at least once, whatever happens between the calls.
// visit must not change the set.
func (s *Set) Scan(cursor uint64, count int, visit func(m []byte)) uint64 {
	visited := 0
	for pages := scanSparse * min(count, s.Len()); ; pages-- {
		cursor = s.members.Scan(cursor, func(m, _ []byte) {
			visited++
			visit(m)
		})
		if cursor == 0 || visited >= count || pages <= 0 {
			return cursor
		}
	}
}

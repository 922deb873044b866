package hash

import (
	"iter"
	"math/rand/v2"
	"unsafe"

	"github.com/vedette-ha/vedette/internal/listpack"
	"github.com/vedette-ha/vedette/server/keyspace"
	"github.com/vedette-ha/vedette/server/keyspace/dict"
)

// Hash is a hash: a [keyspace.Object]. Fields and values passed in are copied and
// must not alias the Hash; those handed out are good until its next change.
type Hash struct {
	fields *dict.Dict
	times  times
	packed bool // Redis would have it in a listpack
}

// New returns an empty hash.
func New() *Hash { return &Hash{fields: dict.New(), times: noTimes()} }

// FromListpack returns the hash a listpack of fields and values stands for.
func FromListpack(lp []byte) *Hash {
	h := New()
	var room [2][20]byte
	for at := listpack.First(lp); at >= 0; at = listpack.Next(lp, at) {
		field := listpack.Get(lp, at).Bytes(room[0][:])
		at = listpack.Next(lp, at)
		h.fields.Set(field, listpack.Get(lp, at).Bytes(room[1][:]))
	}
	return h
}

// Kind returns [keyspace.Hash].
func (h *Hash) Kind() keyspace.Kind { return keyspace.Hash }

// Encoding returns how Redis would represent the hash: only one with fields that
// expire may be packed.
func (h *Hash) Encoding() keyspace.Encoding {
	if h.packed {
		return keyspace.ListpackEx
	}
	return keyspace.Hashtable
}

// SetPacked says whether Redis would have the hash in a listpack.
func (h *Hash) SetPacked(packed bool) { h.packed = packed }

// Len returns the number of fields, expired ones that are still there included.
func (h *Hash) Len() int { return h.fields.Len() }

// Shape is that of the hash table: see [dict.Dict.Shape].
func (h *Hash) Shape() (pages, places, depth int) { return h.fields.Shape() }

// Warm implements [keyspace.Warmer].
func (h *Hash) Warm(fields [][]byte) byte { return h.fields.Warm(fields) }

// Get returns the value of a field, expired or not.
func (h *Hash) Get(field []byte) (val []byte, ok bool) { return h.fields.Get(field) }

// Set sets a field, which keeps its time to live, and returns whether it is new.
func (h *Hash) Set(field, val []byte) (isNew bool) { return h.fields.Set(field, val) }

// Delete removes a field and returns whether it was there.
func (h *Hash) Delete(field []byte) bool {
	h.times.drop(field)
	return h.fields.Delete(field)
}

// All visits every field and its value, in no order. The loop's body must not
// change the hash.
func (h *Hash) All() iter.Seq2[[]byte, []byte] { return h.fields.All() }

// Scan visits some fields; see [dict.Dict.Scan].
func (h *Hash) Scan(cursor uint64, visit func(field, val []byte)) (next uint64) {
	return h.fields.Scan(cursor, visit)
}

// Random returns a field, each as likely as any other, and its value.
func (h *Hash) Random(r rand.Source) (field, val []byte) { return h.fields.Random(r) }

// Freeze returns the hash as it is now, in constant time.
func (h *Hash) Freeze() keyspace.Object {
	f := *h
	f.fields = h.fields.Freeze()
	f.times = h.times.freeze()
	return &f
}

// MemoryUsage returns the bytes the hash takes; all of it is counted.
func (h *Hash) MemoryUsage(samples int) int64 {
	n := int64(unsafe.Sizeof(*h)) + h.fields.MemoryUsage(samples)
	if h.times.at != nil {
		n += h.times.at.MemoryUsage(samples)
	}
	return n
}

// FreeEffort returns about how many pieces there are to free.
func (h *Hash) FreeEffort() int { return h.fields.FreeEffort() }

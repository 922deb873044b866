package hash

import (
	"encoding/binary"
	"math"

	"github.com/vedette-ha/vedette/server/keyspace"
	"github.com/vedette-ha/vedette/server/keyspace/dict"
)

// times is when the fields of a hash expire.
type times struct {
	at *dict.Dict // Unix milliseconds, eight bytes, by field; nil if there never were any
	// next is no later than the first of them; math.MaxInt64 without any. A walk
	// through all of them finds it anew: cursor is where it is, least the first time
	// it has seen.
	next   int64
	cursor uint64
	least  int64
}

func noTimes() times { return times{next: math.MaxInt64, least: math.MaxInt64} }

const timeBytes = 8

func (t *times) drop(field []byte) bool {
	return t.at != nil && t.at.Len() > 0 && t.at.Delete(field)
}

func (t *times) freeze() times {
	f := *t
	if t.at != nil {
		f.at = t.at.Freeze()
	}
	return f
}

// Expiring returns how many fields have a time to live.
func (h *Hash) Expiring() int {
	if h.times.at == nil {
		return 0
	}
	return h.times.at.Len()
}

// ExpireAt returns when a field expires, in Unix milliseconds, or
// [keyspace.NoExpire].
func (h *Hash) ExpireAt(field []byte) int64 {
	if h.times.at == nil {
		return keyspace.NoExpire
	}
	b, ok := h.times.at.Get(field)
	if !ok {
		return keyspace.NoExpire
	}
	return int64(binary.LittleEndian.Uint64(b))
}

// SetExpire sets when a field, which must be there, expires.
func (h *Hash) SetExpire(field []byte, ms int64) {
	t := &h.times
	if t.at == nil {
		t.at = dict.New()
	}
	var b [timeBytes]byte
	binary.LittleEndian.PutUint64(b[:], uint64(ms))
	t.at.Set(field, b[:])
	t.next, t.least = min(t.next, ms), min(t.least, ms)
}

// Persist removes the time to live of a field and returns whether it had one.
func (h *Hash) Persist(field []byte) bool { return h.times.drop(field) }

// NextExpire returns a time in Unix milliseconds before which no field expires:
// [keyspace.NoExpire] if none ever will.
func (h *Hash) NextExpire() int64 {
	if h.Expiring() == 0 {
		return keyspace.NoExpire
	}
	return h.times.next
}

// Due reports whether there may be fields that have expired by now.
func (h *Hash) Due(now int64) bool { return h.times.next < now && h.Expiring() > 0 }

// Expired reports whether a field has expired by now. At the very millisecond it
// has not.
func (h *Hash) Expired(field []byte, now int64) bool {
	if !h.Due(now) {
		return false
	}
	at := h.ExpireAt(field)
	return at != keyspace.NoExpire && at < now
}

// Live returns how many fields there are that have not expired by now.
func (h *Hash) Live(now int64) int {
	n := h.Len()
	if !h.Due(now) {
		return n
	}
	for _, b := range h.times.at.All() {
		if int64(binary.LittleEndian.Uint64(b)) < now {
			n--
		}
	}
	return n
}

// Reap looks at about so many of the fields with a time to live, going on where it
// stopped, deletes those that have expired by now, and calls gone with each, after
// that. It returns how many it has looked at, and whether it has come to the end of
// its walk.
func (h *Hash) Reap(now int64, looks int, gone func(field []byte)) (looked int, done bool) {
	t := &h.times
	if !h.Due(now) {
		return 0, true
	}
	var expired [][]byte
	for looked < looks {
		expired = expired[:0]
		t.cursor = t.at.Scan(t.cursor, func(field, b []byte) {
			looked++
			ms := int64(binary.LittleEndian.Uint64(b))
			if ms >= now {
				t.least = min(t.least, ms)
				return
			}
			expired = append(expired, append([]byte(nil), field...))
		})
		for _, field := range expired {
			h.Delete(field)
			gone(field)
		}
		if t.cursor == 0 {
			t.next, t.least = t.least, math.MaxInt64
			return looked, true
		}
	}
	return looked, false
}

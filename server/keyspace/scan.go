package keyspace

import "math/bits"

// The buckets of a linear hash table are ordered by the reversed bits of their
// numbers: then a bucket's two halves stay where it was when it is split, and a
// cursor that is a place in this order, not a bucket, passes every key that was
// there all the time, however the table grows and shrinks.

// next returns the bucket at cursor, and the cursor after it; zero at the end.
func (t *table) next(cursor uint64) (i, after uint64) {
	mask := uint64(1)<<t.level - 1
	i = cursor & mask
	if i < t.split {
		mask = mask<<1 | 1
		i = cursor & mask
	}
	return i, bits.Reverse64(bits.Reverse64(cursor|^mask) + 1)
}

// refs appends the references in the chain of bucket i.
func (t *table) refs(dst []uint32, i uint64) []uint32 {
	for b := t.at(i); ; b = t.over.at(b.next) {
		for _, ref := range b.refs {
			if ref != 0 {
				dst = append(dst, ref)
			}
		}
		if b.next == 0 {
			return dst
		}
	}
}

// scanSparse is how many buckets Scan looks at for each key asked for, when they
// are empty.
const scanSparse = 10

// Scan visits at least about count keys and returns the cursor to go on with,
// zero at the end; start with zero. A key that is there from the first call to
// the last is visited at least once, however the table is resized and whatever
// is deleted meanwhile. Expired keys are not visited unless the policy keeps
// them. fn must not change the Space; the entries it gets stay good after Scan,
// until the next change.
func (db *DB) Scan(cursor uint64, count int, fn func(Entry)) uint64 {
	return db.ScanMatch(cursor, count, func(Entry) bool { return true }, fn)
}

// ScanMatch is Scan for entries that match, which sees expired ones too: those that do
// not match are left alone.
func (db *DB) ScanMatch(cursor uint64, count int, match func(Entry) bool, fn func(Entry)) uint64 {
	t := &db.ds.keys
	if t.count == 0 {
		return 0
	}
	refs := make([]uint32, 0, 2*bucketSlots)
	visited := 0
	count = max(count, 1)
	for left := min(uint64(count), t.buckets()) * scanSparse; left > 0; left-- {
		var i uint64
		i, cursor = t.next(cursor)
		refs = t.refs(refs[:0], i)
		visited += len(refs)
		for _, ref := range refs {
			if match(db.ds.entry(ref)) && !db.expireAt(ref) {
				fn(db.ds.entry(ref))
			}
		}
		if cursor == 0 || visited >= count {
			break
		}
	}
	return cursor
}

// expireAt reports whether the entry at ref is to look missing, and deletes it
// if that is the policy.
func (db *DB) expireAt(ref uint32) bool {
	c := db.ds.arena.cell(ref)
	if !db.ds.hidden(c) {
		return false
	}
	if db.space.env.policy == ExpireDelete {
		h := db.ds.arena.hashOf(ref)
		b, k := db.ds.keys.findRef(h, ref)
		db.expire(h, b, k)
	}
	return true
}

// Each visits every key once, until fn returns false; fn must not change the
// Space. Expired keys are left out unless the policy keeps them; they are not
// deleted.
func (db *DB) Each(fn func(Entry) bool) {
	t := &db.ds.keys
	for i := range t.buckets() {
		for b := t.at(i); ; b = t.over.at(b.next) {
			for _, ref := range b.refs {
				if ref == 0 || db.ds.hidden(db.ds.arena.cell(ref)) {
					continue
				}
				if !fn(db.ds.entry(ref)) {
					return
				}
			}
			if b.next == 0 {
				break
			}
		}
	}
}

// randomTries is how often RandomKey looks for a key that is not expired.
const randomTries = 100

// RandomKey returns an entry, each as likely as any other; false if there is
// none. Like Redis it may return an expired one where expired keys are hidden
// and nothing else is found.
func (db *DB) RandomKey() (Entry, bool) {
	for try := 1; db.ds.keys.count > 0; try++ {
		ref := db.ds.keys.random(db.space.env.rand.Uint64)
		tired := try >= randomTries && db.space.env.policy != ExpireDelete
		if tired || !db.expireAt(ref) {
			return db.ds.entry(ref), true
		}
	}
	return Entry{}, false
}

// random returns one of the references, each as likely as any other: a place is
// drawn among all those there could be, until one is taken.
func (t *table) random(draw func() uint64) uint32 {
	if t.over.used == 0 {
		t.depth = 1
	}
	buckets := t.buckets()
	for {
		i, _ := bits.Mul64(draw(), buckets)
		place, _ := bits.Mul64(draw(), uint64(t.depth*bucketSlots))
		b := t.at(i)
		for ; place >= bucketSlots && b.next != 0; place -= bucketSlots {
			b = t.over.at(b.next)
		}
		if place < bucketSlots && b.refs[place] != 0 {
			return b.refs[place]
		}
	}
}

// Sample appends up to n entries from a random place of the table, for eviction;
// volatile restricts it to keys that expire. Expired keys are not left out. Of what
// lies there the entries are drawn: those that came first are at the front of a
// bucket, and would be all that is ever looked at.
func (db *DB) Sample(dst []Entry, n int, volatile bool) []Entry {
	t := &db.ds.keys
	if volatile {
		t = &db.ds.volatile
	}
	if t.count == 0 {
		return dst
	}
	refs := make([]uint32, 0, 2*bucketSlots)
	start, _ := bits.Mul64(db.space.env.rand.Uint64(), t.buckets())
	for i, left := start, t.buckets(); left > 0 && len(refs) < n; left-- {
		refs = t.refs(refs, i)
		if i++; i == t.buckets() {
			i = 0
		}
	}
	for i := range min(n, len(refs)) {
		far, _ := bits.Mul64(db.space.env.rand.Uint64(), uint64(len(refs)-i))
		other := i + int(far)
		refs[i], refs[other] = refs[other], refs[i]
		dst = append(dst, db.ds.entry(refs[i]))
	}
	return dst
}

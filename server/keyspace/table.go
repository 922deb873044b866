package keyspace

import (
	"encoding/binary"
	"math/bits"
)

const (
	bucketSlots = 12
	// loadMax keys in a bucket, on average, make the table grow; below loadMin
	// it shrinks. A table just grown has five keys in a bucket.
	loadMax = 10
	loadMin = 2
	// splitsPerInsert is how much an insertion helps a growing table along: it is
	// done before a twentieth more keys have come.
	splitsPerInsert = 2
	mergesPerRemove = 2
)

// bucket is one cache line: twelve references, a byte of each one's hash, and
// the number of a bucket it overflows into. Tag zero marks an empty place.
type bucket struct {
	refs [bucketSlots]uint32
	tags [bucketSlots]uint8
	next uint32 // overflow bucket, zero if none
}

const (
	bucketBytes    = 64
	segmentBuckets = pageBytes / bucketBytes
	segmentShift   = 14
	segmentMask    = segmentBuckets - 1
)

type segment [segmentBuckets]bucket

// table finds the cell of a key. It is a linear hash table: with level L and
// split s it has 2^L+s buckets; those below s have been split, so that for them
// one more bit of the hash counts. It belongs to the arena its references point
// into.
type table struct {
	arena    *arena
	segments []*segment
	level    uint
	split    uint64
	dir      int // +1 growing, -1 shrinking, 0 at rest
	count    int
	depth    int // buckets in the longest chain there has been
	over     overflow
	reserved bool       // for a load: does not shrink
	scratch  []entryRef // entries of buckets being split or merged
}

// entryRef is a reference and its tag, out of its bucket.
type entryRef struct {
	ref uint32
	tag uint8
}

// tagOf returns the tag of a hash; never zero, which means empty.
func tagOf(h uint64) uint8 {
	t := uint8(h >> 56)
	if t == 0 {
		return 1
	}
	return t
}

func (t *table) buckets() uint64 {
	if len(t.segments) == 0 {
		return 0
	}
	return 1<<t.level + t.split
}

func (t *table) at(i uint64) *bucket {
	return &t.segments[i>>segmentShift][i&segmentMask]
}

// home returns the number of the bucket a hash belongs to.
func (t *table) home(h uint64) uint64 {
	mask := uint64(1)<<t.level - 1
	i := h & mask
	if i < t.split {
		i = h & (mask<<1 | 1)
	}
	return i
}

// match returns the places of b with a tag, one bit each.
func (b *bucket) match(tag uint8) uint32 {
	const ones = 0x0101010101010101
	pattern := uint64(tag) * ones
	lo := zeroBytes(binary.LittleEndian.Uint64(b.tags[:8]) ^ pattern)
	hi := zeroBytes(uint64(binary.LittleEndian.Uint32(b.tags[8:])) ^ pattern&0xffffffff)
	return gather(lo) | gather(hi)&0xf<<8
}

// zeroBytes sets the top bit of each byte that is zero, and no other.
func zeroBytes(x uint64) uint64 {
	const low7 = 0x7f7f7f7f7f7f7f7f
	return ^((x&low7 + low7) | x | low7)
}

// gather makes the top bits of eight bytes one byte.
func gather(x uint64) uint32 { return uint32(x >> 7 * 0x0102040810204080 >> 56) }

// find returns where key is, or nil.
func (t *table) find(h uint64, key []byte) (*bucket, int) {
	if t.count == 0 {
		return nil, 0
	}
	tag := tagOf(h)
	for b := t.at(t.home(h)); ; b = t.over.at(b.next) {
		for m := b.match(tag); m != 0; m &= m - 1 {
			i := bits.TrailingZeros32(m)
			if t.arena.hasKey(b.refs[i], key) {
				return b, i
			}
		}
		if b.next == 0 {
			return nil, 0
		}
	}
}

// findRef returns where ref is, which must be there.
func (t *table) findRef(h uint64, ref uint32) (*bucket, int) {
	for b := t.at(t.home(h)); ; b = t.over.at(b.next) {
		for i, r := range b.refs {
			if r == ref {
				return b, i
			}
		}
		if b.next == 0 {
			panic("keyspace: an entry is missing from its table")
		}
	}
}

// repoint replaces a reference that must be there.
func (t *table) repoint(h uint64, from, to uint32) {
	b, i := t.findRef(h, from)
	b.refs[i] = to
}

// insert adds a reference that is not there.
func (t *table) insert(h uint64, ref uint32) {
	if len(t.segments) == 0 {
		t.addSegment()
	}
	t.place(t.home(h), entryRef{ref, tagOf(h)})
	t.count++
	if t.dir <= 0 && uint64(t.count) > t.buckets()*loadMax {
		t.dir = 1
	}
	for n := 0; t.dir > 0 && n < splitsPerInsert; n++ {
		t.splitNext()
	}
}

// place puts p into the chain of bucket i.
func (t *table) place(i uint64, p entryRef) {
	b := t.at(i)
	for depth := 1; ; depth++ {
		t.depth = max(t.depth, depth)
		if m := b.match(0); m != 0 {
			k := bits.TrailingZeros32(m)
			b.refs[k], b.tags[k] = p.ref, p.tag
			return
		}
		if b.next == 0 {
			b.next = t.over.alloc()
		}
		b = t.over.at(b.next)
	}
}

// remove takes out the reference at place k of b, in the chain its hash leads
// to. The last entry of the chain fills the gap, so that chains do not outlive
// what made them long.
func (t *table) remove(h uint64, b *bucket, k int) {
	t.fill(t.at(t.home(h)), b, k)
	t.count--
	if t.dir >= 0 && t.sparse() {
		t.dir = -1
	}
	for n := 0; t.dir < 0 && n < mergesPerRemove; n++ {
		t.mergeNext()
	}
}

// sparse reports whether the table is to shrink.
func (t *table) sparse() bool {
	return t.level > 0 && !t.reserved && uint64(t.count) < t.buckets()*loadMin
}

// fill closes the gap at place k of b with the last entry of its chain.
func (t *table) fill(head, b *bucket, k int) {
	last, before := head, head
	for last.next != 0 {
		before, last = last, t.over.at(last.next)
	}
	if last == head {
		b.refs[k], b.tags[k] = 0, 0
		return
	}
	j := bucketSlots - 1
	for last.tags[j] == 0 {
		j--
	}
	b.refs[k], b.tags[k] = last.refs[j], last.tags[j]
	last.refs[j], last.tags[j] = 0, 0
	if last.match(0) == 1<<bucketSlots-1 {
		t.over.release(before.next)
		before.next = 0
	}
}

// splitNext splits one bucket. A level that is complete ends the growth, unless
// the table is too full already.
func (t *table) splitNext() {
	from := t.split
	to := uint64(1)<<t.level + from
	if to>>segmentShift == uint64(len(t.segments)) {
		t.addSegment()
	}
	t.lift(from)
	t.split++
	if t.split == 1<<t.level {
		t.level++
		t.split = 0
		t.dir = 0
	}
	t.putDown()
	if t.dir == 0 && uint64(t.count) > t.buckets()*loadMax {
		t.dir = 1
	}
}

// mergeNext undoes one split.
func (t *table) mergeNext() {
	if t.split == 0 {
		if t.level == 0 {
			t.dir = 0
			return
		}
		t.level--
		t.split = 1 << t.level
	}
	t.split--
	from := uint64(1)<<t.level + t.split
	t.lift(from)
	t.putDown()
	if from&segmentMask == 0 {
		last := len(t.segments) - 1
		freePage(t.segments[last].asPage())
		t.segments = t.segments[:last]
	}
	if t.split == 0 && (t.level == 0 || uint64(t.count) >= t.buckets()*loadMin) {
		t.dir = 0
	}
}

// lift takes all entries out of the chain of bucket i.
func (t *table) lift(i uint64) {
	t.scratch = t.scratch[:0]
	head := t.at(i)
	t.scratch = head.appendTo(t.scratch)
	for n := head.next; n != 0; {
		b := t.over.at(n)
		t.scratch = b.appendTo(t.scratch)
		next := b.next
		t.over.release(n)
		n = next
	}
	*head = bucket{}
}

// appendTo appends the entries of b, but not of what it overflows into.
func (b *bucket) appendTo(dst []entryRef) []entryRef {
	for k, ref := range b.refs {
		if ref != 0 {
			dst = append(dst, entryRef{ref, b.tags[k]})
		}
	}
	return dst
}

// putDown puts what was lifted where it belongs now.
func (t *table) putDown() {
	for _, p := range t.scratch {
		t.place(t.home(t.arena.hashOf(p.ref)), p)
	}
}

// tidy does one step of resizing, and returns whether there was one to do.
func (t *table) tidy() bool {
	if t.dir == 0 && t.sparse() {
		t.dir = -1 // reserved for keys that never came
	}
	switch {
	case t.dir > 0:
		t.splitNext()
	case t.dir < 0:
		t.mergeNext()
	}
	return t.dir != 0
}

// reserveMax is the most keys a hint makes room for.
const reserveMax = 1 << 27

// reserve makes an empty table big enough for n keys, and keeps it from shrinking
// until it is told of zero.
func (t *table) reserve(n int) {
	t.reserved = n > 0
	if t.count > 0 || !t.reserved {
		return
	}
	t.free()
	t.level = 0
	for want := min(n, reserveMax); want > loadMax<<t.level; {
		t.level++
	}
	t.split, t.dir = 0, 0
	for uint64(len(t.segments))<<segmentShift < 1<<t.level {
		t.addSegment()
	}
}

func (t *table) addSegment() {
	t.segments = append(t.segments, newPage().asSegment())
}

// free gives the memory back. The table is not to be used again.
func (t *table) free() {
	for _, s := range t.segments {
		freePage(s.asPage())
	}
	t.segments = nil
	t.count = 0
	t.over.freeSegments()
}

// bytes counts the buckets there are; the rest of their pages is not touched.
func (t *table) bytes() int64 {
	return int64(t.buckets()+uint64(t.over.top)) * bucketBytes
}

// overflow is a stock of buckets for those that do not fit. They are numbered
// from one.
type overflow struct {
	segments []*segment
	free     uint32 // list through next
	top      uint32
	used     uint32
}

func (o *overflow) at(n uint32) *bucket {
	return &o.segments[(n-1)>>segmentShift][(n-1)&segmentMask]
}

func (o *overflow) alloc() uint32 {
	o.used++
	if n := o.free; n != 0 {
		b := o.at(n)
		o.free = b.next
		b.next = 0
		return n
	}
	if o.top>>segmentShift == uint32(len(o.segments)) {
		o.segments = append(o.segments, newPage().asSegment())
	}
	o.top++
	return o.top
}

// release takes bucket n back. With the last one in use a stock of more than a
// segment is given back.
func (o *overflow) release(n uint32) {
	*o.at(n) = bucket{next: o.free}
	o.free = n
	o.used--
	if o.used > 0 || len(o.segments) < 2 {
		return
	}
	o.freeSegments()
}

func (o *overflow) freeSegments() {
	for _, s := range o.segments {
		freePage(s.asPage())
	}
	*o = overflow{}
}

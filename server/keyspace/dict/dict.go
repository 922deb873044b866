package dict

import (
	"hash/maphash"
	"iter"
	"math/bits"
	"unsafe"
)

const (
	// loadMax entries in a page, on average, make the table grow; below loadMin it
	// shrinks. Pages that are yet to be split hold up to twice the average.
	loadMax = 16
	loadMin = 5
)

// Dict is a table. Keys and values passed in are copied and must not alias the
// table; those handed out alias it and are good until its next change.
type Dict struct {
	seed  maphash.Seed
	pages spine
	level uint // there are 2^level + split pages
	split uint64
	count int
	bytes int64 // of all pages, with what lies outside of them
}

// New returns an empty table, with a secret hash function of its own.
func New() *Dict {
	d := &Dict{seed: maphash.MakeSeed()}
	d.pages.push(page{})
	return d
}

// Len returns the number of entries.
func (d *Dict) Len() int { return d.count }

// Shape returns how many pages there are, how many entries they are meant for, and the
// entries in the fullest page. It looks at the count of each.
func (d *Dict) Shape() (pages, places, depth int) {
	for i := range d.size() {
		depth = max(depth, d.pages.group(i/groupPages).count(int(i%groupPages)))
	}
	return int(d.size()), int(d.size()) * loadMax, depth
}

func (d *Dict) hash(key []byte) uint64 { return maphash.Bytes(d.seed, key) }

// tagOf is the part of a hash that is kept with an entry.
func tagOf(h uint64) byte { return byte(h >> 56) }

// size returns the number of pages.
func (d *Dict) size() uint64 { return 1<<d.level + d.split }

// home returns the number of the page a hash belongs to.
func (d *Dict) home(h uint64) uint64 {
	mask := uint64(1)<<d.level - 1
	i := h & mask
	if i < d.split {
		i = h & (mask<<1 | 1)
	}
	return i
}

// Get returns the value of key; it may be empty.
func (d *Dict) Get(key []byte) (val []byte, ok bool) {
	h := d.hash(key)
	p := d.pages.at(d.home(h))
	e, _, ok := p.find(tagOf(h), key)
	if !ok {
		return nil, false
	}
	return p.val(e), true
}

// warmMax is how many pages are warmed at once.
const warmMax = 16

// Warm brings the pages of keys into the processor's cache: their waits for memory
// overlap. What it returns only keeps the reads from being left out.
func (d *Dict) Warm(keys [][]byte) (sink byte) {
	var pages [warmMax]*page
	keys = keys[:min(len(keys), warmMax)]
	for i, key := range keys {
		pages[i] = d.pages.at(d.home(d.hash(key)))
	}
	return warm(pages[:len(keys)])
}

// warm touches all of each page: what is looked for may be anywhere.
func warm(pages []*page) (sink byte) {
	const cacheLine = 64
	for _, p := range pages {
		for at := len(p.data) - 1; at >= 0; at -= cacheLine {
			sink ^= p.data[at]
		}
	}
	return sink
}

// Has reports whether there is such a key.
func (d *Dict) Has(key []byte) bool {
	_, ok := d.Get(key)
	return ok
}

// Ref returns the value of key to be overwritten in place, until the next change
// of the table. Its length stays what it is.
func (d *Dict) Ref(key []byte) (val []byte, ok bool) {
	h := d.hash(key)
	i := d.home(h)
	e, _, ok := d.pages.at(i).find(tagOf(h), key)
	if !ok {
		return nil, false
	}
	before := d.pages.at(i).bytes()
	p := d.pages.ownPage(i)
	if e.outside() {
		p.big.own(e.big)
	}
	d.bytes += p.bytes() - before
	return p.val(e), true
}

// Set makes val the value of key, and returns whether the key is new.
func (d *Dict) Set(key, val []byte) (isNew bool) {
	h := d.hash(key)
	i := d.home(h)
	e, index, ok := d.pages.at(i).find(tagOf(h), key)
	if ok && len(val) == 0 && len(d.pages.at(i).val(e)) == 0 {
		return false // a set's member
	}
	before := d.pages.at(i).bytes()
	p := d.pages.ownPage(i)
	if ok {
		p.replace(e, index, tagOf(h), key, val)
		d.bytes += p.bytes() - before
		return false
	}
	p.add(tagOf(h), key, val)
	d.bytes += p.bytes() - before
	d.pages.counted(i)
	d.count++
	if uint64(d.count) > d.size()*loadMax {
		d.splitNext()
	}
	return true
}

// Delete removes key and returns whether it was there.
func (d *Dict) Delete(key []byte) bool {
	h := d.hash(key)
	i := d.home(h)
	e, index, ok := d.pages.at(i).find(tagOf(h), key)
	if !ok {
		return false
	}
	before := d.pages.at(i).bytes()
	p := d.pages.ownPage(i)
	p.remove(e, index)
	p.trim()
	d.bytes += p.bytes() - before
	d.pages.counted(i)
	d.count--
	if d.size() > 1 && uint64(d.count) < d.size()*loadMin {
		d.mergeLast()
	}
	d.pages.look()
	return true
}

// splitNext makes two pages of one.
func (d *Dict) splitNext() {
	from := d.pages.at(d.split)
	bit := uint64(1) << d.level
	stay, move := from.divide(func(key []byte) bool { return d.hash(key)&bit != 0 })
	d.bytes += stay.bytes() + move.bytes() - from.bytes()
	d.pages.set(d.split, stay)
	d.pages.push(move)
	d.split++
	if d.split == bit {
		d.level++
		d.split = 0
	}
}

// mergeLast undoes the last split.
func (d *Dict) mergeLast() {
	if d.split == 0 {
		d.level--
		d.split = 1 << d.level
	}
	d.split--
	low, high := d.pages.at(d.split), d.pages.at(1<<d.level+d.split)
	both := join(low, high)
	d.bytes += both.bytes() - low.bytes() - high.bytes()
	d.pages.set(d.split, both)
	d.pages.pop()
}

// Scan visits some entries, those of one page, and returns the cursor to go on
// with, zero at the end; start with zero. An entry that is there from the first
// call to the last is visited at least once, however the table changes between
// the calls. visit must not change it.
func (d *Dict) Scan(cursor uint64, visit func(key, val []byte)) (next uint64) {
	mask := uint64(1)<<d.level - 1
	i := cursor & mask
	if i < d.split {
		mask = mask<<1 | 1
		i = cursor & mask
	}
	for key, val := range d.pages.at(i).all {
		visit(key, val)
	}
	return bits.Reverse64(bits.Reverse64(cursor|^mask) + 1)
}

// All visits every entry once, in no order. The loop's body must not change the
// table.
func (d *Dict) All() iter.Seq2[[]byte, []byte] {
	return func(yield func(key, val []byte) bool) {
		for i := range d.size() {
			for key, val := range d.pages.at(i).all {
				if !yield(key, val) {
					return
				}
			}
		}
	}
}

// Freeze returns the table as it is now, in constant time. Both may be changed
// from then on without the other showing it, and one may be read by another
// goroutine meanwhile.
func (d *Dict) Freeze() *Dict {
	f := *d
	f.pages.share()
	d.pages.share()
	return &f
}

// MemoryUsage returns the bytes of the whole table. It is exact, and takes
// constant time whatever the number of samples.
func (d *Dict) MemoryUsage(samples int) int64 {
	return int64(unsafe.Sizeof(*d)) + d.pages.bytes() + d.bytes
}

// FreeEffort returns about how many pieces of memory there are to free, as Redis
// counts: one for each entry.
func (d *Dict) FreeEffort() int { return d.count }

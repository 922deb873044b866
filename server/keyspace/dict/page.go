package dict

import (
	"encoding/binary"
	"math/bits"
	"slices"
	"unsafe"
)

const (
	// insideMax is how long an entry may be, key and value, to lie in its page.
	insideMax = 512
	// A length byte of an entry says up to shortMax itself; longByte means that two
	// more follow, outsideByte that the entry is elsewhere.
	shortMax    = 253
	longByte    = 254
	outsideByte = 255

	headBytes    = 2 // two lengths
	longBytes    = 2
	numberBytes  = 4
	outsideBytes = headBytes + numberBytes
	tagBytes     = 1
	countBytes   = 2
	// growShare is what part of a page it has in reserve when it was made bigger.
	growShare = 8
)

// page holds the entries of one bucket: each is the lengths of its key and its value,
// key, value. An entry that is outside has its number in big instead. Behind all of
// them come their tags, in the same order, and how many there are: a key that is not
// there is seldom looked for among the entries. A page without entries has no data.
type page struct {
	data []byte
	big  *outside
}

// outside is the entries of a page that are too long for it. Each is a length, the
// key, the value.
type outside struct{ blobs [][]byte }

// entry is where an entry is in its page.
type entry struct {
	at, keyAt, valAt, end int
	big                   int // number of what is outside, or -1
}

func (e entry) outside() bool { return e.big >= 0 }

// count returns how many entries there are.
func (p *page) count() int {
	if len(p.data) == 0 {
		return 0
	}
	return int(binary.LittleEndian.Uint16(p.data[len(p.data)-countBytes:]))
}

func (p *page) setCount(n int) {
	binary.LittleEndian.PutUint16(p.data[len(p.data)-countBytes:], uint16(n))
}

// tagsAt returns where the entries end and the tags begin.
func (p *page) tagsAt() int {
	if len(p.data) == 0 {
		return 0
	}
	return len(p.data) - countBytes - p.count()
}

const (
	wordBytes = 8
	lowBits   = 0x0101010101010101
	highBits  = 0x8080808080808080
)

// find returns where key is, and which of the entries it is.
func (p *page) find(tag byte, key []byte) (e entry, index int, ok bool) {
	n, tags := p.count(), p.tagsAt()
	passed, at := 0, 0 // so many entries, the next one is at at
	for from := 0; from < n; from += wordBytes {
		diff := p.word(tags+from) ^ uint64(tag)*lowBits
		// A byte that is zero, hence equal, gets its high bit set. So may others above
		// it, and what follows the tags: the keys tell.
		for hits := (diff - lowBits) &^ diff & highBits; hits != 0; hits &= hits - 1 {
			i := from + bits.TrailingZeros64(hits)/8
			if i >= n {
				break
			}
			for ; passed < i; passed++ {
				at = p.after(at)
			}
			if e := p.entryAt(at); string(p.key(e)) == string(key) {
				return e, i, true
			}
		}
	}
	return entry{}, 0, false
}

// word returns eight bytes of the page, with anything for those beyond its end.
func (p *page) word(at int) uint64 {
	if at+wordBytes <= len(p.data) {
		return binary.LittleEndian.Uint64(p.data[at:])
	}
	if beyond := at + wordBytes - len(p.data); len(p.data) >= wordBytes {
		return binary.LittleEndian.Uint64(p.data[len(p.data)-wordBytes:]) >> (8 * beyond)
	}
	var last [wordBytes]byte
	copy(last[:], p.data[at:])
	return binary.LittleEndian.Uint64(last[:])
}

// entryAt decodes any entry.
func (p *page) entryAt(at int) entry {
	e := entry{at: at, keyAt: at + headBytes, big: -1}
	k, v := int(p.data[at]), int(p.data[at+1])
	if k == outsideByte {
		e.big = int(binary.LittleEndian.Uint32(p.data[e.keyAt:]))
		e.end = at + outsideBytes
		return e
	}
	if k == longByte {
		k = int(binary.LittleEndian.Uint16(p.data[e.keyAt:]))
		e.keyAt += longBytes
	}
	if v == longByte {
		v = int(binary.LittleEndian.Uint16(p.data[e.keyAt:]))
		e.keyAt += longBytes
	}
	e.valAt = e.keyAt + k
	e.end = e.valAt + v
	return e
}

func (p *page) key(e entry) []byte {
	if e.outside() {
		blob, n := p.big.blob(e.big)
		return blob[:n:n]
	}
	return p.data[e.keyAt:e.valAt:e.valAt]
}

func (p *page) val(e entry) []byte {
	if e.outside() {
		blob, n := p.big.blob(e.big)
		return blob[n:]
	}
	return p.data[e.valAt:e.end:e.end]
}

// all visits each entry.
func (p *page) all(yield func(key, val []byte) bool) {
	for at, end := 0, p.tagsAt(); at < end; {
		if k, v := p.data[at], p.data[at+1]; k < longByte && v < longByte {
			keyAt := at + headBytes
			valAt := keyAt + int(k)
			at = valAt + int(v)
			if !yield(p.data[keyAt:valAt:valAt], p.data[valAt:at:at]) {
				return
			}
			continue
		}
		e := p.entryAt(at)
		if !yield(p.key(e), p.val(e)) {
			return
		}
		at = e.end
	}
}

// after returns where the entry behind the one at at is.
func (p *page) after(at int) int {
	if k, v := p.data[at], p.data[at+1]; k < longByte && v < longByte {
		return at + headBytes + int(k) + int(v)
	}
	return p.entryAt(at).end
}

// seek returns where entry n is.
func (p *page) seek(n int) int {
	at := 0
	for ; n > 0; n-- {
		at = p.after(at)
	}
	return at
}

// add appends an entry that is not there.
func (p *page) add(tag byte, key, val []byte) {
	if len(key)+len(val) > insideMax {
		p.addOutside(tag, newBlob(key, val))
		return
	}
	size := headBytes + len(key) + len(val)
	if len(key) > shortMax {
		size += longBytes
	}
	if len(val) > shortMax {
		size += longBytes
	}
	dst := append(p.room(tag, size), lengthByte(key), lengthByte(val))
	dst = appendLong(dst, key)
	dst = appendLong(dst, val)
	dst = append(dst, key...)
	copy(dst[len(dst):cap(dst)], val)
}

// room makes place for an entry of so many bytes, and returns it: empty, with just
// the capacity.
func (p *page) room(tag byte, size int) []byte {
	if len(p.data) == 0 {
		p.reserve(size + tagBytes + countBytes)
		p.data = append(p.data, 0, 0)
	} else {
		p.reserve(size + tagBytes)
	}
	n, at := p.count(), p.tagsAt()
	p.data = p.data[:len(p.data)+size+tagBytes]
	copy(p.data[at+size:], p.data[at:at+n])
	p.data[at+size+n] = tag
	p.setCount(n + 1)
	return p.data[at : at : at+size]
}

func lengthByte(s []byte) byte {
	if len(s) > shortMax {
		return longByte
	}
	return byte(len(s))
}

func appendLong(dst, s []byte) []byte {
	if len(s) > shortMax {
		return binary.LittleEndian.AppendUint16(dst, uint16(len(s)))
	}
	return dst
}

func (p *page) addOutside(tag byte, blob []byte) {
	if p.big == nil {
		p.big = new(outside)
	}
	dst := append(p.room(tag, outsideBytes), outsideByte, 0)
	binary.LittleEndian.PutUint32(dst[headBytes:outsideBytes], uint32(len(p.big.blobs)))
	p.big.blobs = append(p.big.blobs, blob)
}

// reserve makes room for n bytes more, and a little.
func (p *page) reserve(n int) {
	if n += len(p.data); n > cap(p.data) {
		p.data = append(makeData(n), p.data...)
	}
}

// replace gives an entry another value.
func (p *page) replace(e entry, index int, tag byte, key, val []byte) {
	if !e.outside() && len(val) == e.end-e.valAt {
		copy(p.data[e.valAt:], val)
		return
	}
	p.remove(e, index)
	p.add(tag, key, val)
	p.trim()
}

func (p *page) remove(e entry, index int) {
	n, tag := p.count(), p.tagsAt()+index
	copy(p.data[tag:], p.data[tag+tagBytes:])
	copy(p.data[e.at:], p.data[e.end:])
	p.data = p.data[:len(p.data)-tagBytes-(e.end-e.at)]
	p.setCount(n - 1)
	if n == 1 {
		p.data = p.data[:0]
	}
	if e.outside() {
		p.removeOutside(e.big)
	}
}

// removeOutside closes the gap at number n with the last blob.
func (p *page) removeOutside(n int) {
	last := len(p.big.blobs) - 1
	if last == 0 {
		p.big = nil
		return
	}
	for at, end := 0, p.tagsAt(); n != last && at < end; {
		e := p.entryAt(at)
		if e.big == last {
			binary.LittleEndian.PutUint32(p.data[e.keyAt:], uint32(n))
			p.big.blobs[n] = p.big.blobs[last]
			break
		}
		at = e.end
	}
	p.big.blobs[last] = nil
	p.big.blobs = p.big.blobs[:last]
}

// trim gives back what a page has much more than it needs.
func (p *page) trim() {
	if n := len(p.data); cap(p.data) > n+n/2+headBytes {
		p.data = append(makeData(n), p.data...)
	}
}

// clone returns a page that shares nothing with p that is ever changed.
func (p *page) clone() page {
	c := page{data: append(makeData(len(p.data)), p.data...)}
	if p.big != nil {
		c.big = &outside{slices.Clone(p.big.blobs)}
	}
	return c
}

// divide returns two pages with the entries of p: those that do not move, and
// those that do.
func (p *page) divide(moves func(key []byte) bool) (stay, move page) {
	moving := 0
	for i, at := 0, 0; i < p.count(); i++ {
		e := p.entryAt(at)
		if moves(p.key(e)) {
			moving += tagBytes + e.end - at
		}
		at = e.end
	}
	stay.data = makeData(len(p.data) - moving)
	move.data = makeData(moving + countBytes)
	for i, at := 0, 0; i < p.count(); i++ {
		e := p.entryAt(at)
		if moves(p.key(e)) {
			move.take(p, e, i)
		} else {
			stay.take(p, e, i)
		}
		at = e.end
	}
	return stay, move
}

// makeData returns an empty slice for n bytes, and a few more.
func makeData(n int) []byte { return slices.Grow([]byte(nil), n+n/growShare) }

// take appends an entry of another page.
func (p *page) take(from *page, e entry, index int) {
	tag := from.data[from.tagsAt()+index]
	if e.outside() {
		p.addOutside(tag, from.big.blobs[e.big])
		return
	}
	dst := p.room(tag, e.end-e.at)
	copy(dst[:cap(dst)], from.data[e.at:e.end])
}

// join returns a page with the entries of both.
func join(p, q *page) page {
	c := p.clone()
	c.reserve(len(q.data))
	for i, at := 0, 0; i < q.count(); i++ {
		e := q.entryAt(at)
		c.take(q, e, i)
		at = e.end
	}
	return c
}

// blobOverhead is what the list of blobs takes for each.
const blobOverhead = int64(unsafe.Sizeof([]byte{}))

// bytes returns what the page takes beside its place in the spine.
func (p *page) bytes() int64 {
	n := int64(cap(p.data))
	if p.big != nil {
		n += blobOverhead
		for _, b := range p.big.blobs {
			n += int64(cap(b)) + blobOverhead
		}
	}
	return n
}

func newBlob(key, val []byte) []byte {
	blob := slices.Grow([]byte(nil), binary.MaxVarintLen32+len(key)+len(val))
	blob = binary.AppendUvarint(blob, uint64(len(key)))
	blob = append(blob, key...)
	return append(blob, val...)
}

// blob returns key and value of blob i, and the length of the key.
func (o *outside) blob(i int) (kv []byte, keyLen int) {
	n, w := binary.Uvarint(o.blobs[i])
	return o.blobs[i][w:], int(n)
}

// own makes blob i fit to be changed.
func (o *outside) own(i int) { o.blobs[i] = slices.Clone(o.blobs[i]) }

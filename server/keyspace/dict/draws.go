package dict

import (
	"math/bits"
	"math/rand/v2"
)

// drawsAhead is how many numbers can be looked at: enough for some ten draws of an entry,
// each of which takes a few.
const drawsAhead = 128

// Draws is a [rand.Source] of the runtime's random numbers that can be looked at before
// they are drawn. The zero Draws is ready. Not safe for concurrent use.
type Draws struct {
	ring   [drawsAhead]uint64
	at     uint // of the next number in ring, if any
	looked uint // how many were looked at
}

// Uint64 implements [rand.Source].
func (d *Draws) Uint64() uint64 {
	if d.looked == 0 {
		return rand.Uint64()
	}
	x := d.ring[d.at%drawsAhead]
	d.at++
	d.looked--
	return x
}

// ahead returns the number that will be drawn after i others; i is below drawsAhead.
func (d *Draws) ahead(i uint) uint64 {
	for ; d.looked <= i; d.looked++ {
		d.ring[(d.at+d.looked)%drawsAhead] = rand.Uint64()
	}
	return d.ring[(d.at+i)%drawsAhead]
}

// Random returns an entry, each as likely as any other; nil, nil if there is none.
func (d *Dict) Random(r rand.Source) (key, val []byte) {
	if d.count == 0 {
		return nil, nil
	}
	for {
		if i, n, ok := d.drawn(r.Uint64()); ok {
			p := d.pages.at(i)
			e := p.entryAt(p.seek(n))
			return p.key(e), p.val(e)
		}
	}
}

// drawn makes of a random number a place, any of those there could be in a group of pages,
// and finds what is there. It hardly depends on how many pages there are, so that numbers
// looked at in advance mean the same when they are drawn.
func (d *Dict) drawn(x uint64) (page uint64, place int, taken bool) {
	groups := d.pages.groups()
	i := x & (1<<bits.Len64(groups-1) - 1)
	if i >= groups {
		return 0, 0, false
	}
	k, place, taken := d.pages.group(i).at(int(x >> 32 * uint64(d.pages.top) >> 32))
	return i*groupPages + uint64(k), place, taken
}

// WarmDraws does for the next n entries that Random returns what [Dict.Warm] does for
// keys, or for as many as it can foresee.
func (d *Dict) WarmDraws(r *Draws, n int) (sink byte) {
	var pages [warmMax]*page
	return warm(d.foresee(r, pages[:0:min(n, warmMax)]))
}

// foresee appends the pages of the entries that Random will return, as many as dst has
// room for or can be foreseen.
func (d *Dict) foresee(r *Draws, dst []*page) []*page {
	for i := uint(0); i < drawsAhead && len(dst) < cap(dst); i++ {
		if at, _, ok := d.drawn(r.ahead(i)); ok {
			dst = append(dst, d.pages.at(at))
		}
	}
	return dst
}

package zset

// pageSlots is how many elements a page has at most.
const pageSlots = 128

// paged is an array of slices in pages that two Sets may share. The zero value is
// empty.
type paged[T any] struct {
	gen uint64 // of dir itself
	dir []*page[T]
	n   int
}

type page[T any] struct {
	gen uint64
	at  [][]T // all but the last page have pageSlots
}

// get returns element i.
func (p *paged[T]) get(i int) []T { return p.dir[uint(i)/pageSlots].at[uint(i)%pageSlots] }

// set replaces element i, for the Set of generation gen.
func (p *paged[T]) set(i int, v []T, gen uint64) {
	p.mutable(i/pageSlots, gen).at[uint(i)%pageSlots] = v
}

// mutable returns page number n, to be written to.
func (p *paged[T]) mutable(n int, gen uint64) *page[T] {
	pg := p.dir[n]
	if pg.gen == gen {
		return pg
	}
	pg = &page[T]{gen: gen, at: append([][]T(nil), pg.at...)}
	p.own(gen)
	p.dir[n] = pg
	return pg
}

func (p *paged[T]) own(gen uint64) {
	if p.gen != gen {
		p.dir = append(make([]*page[T], 0, len(p.dir)+1), p.dir...)
		p.gen = gen
	}
}

// push adds an element.
func (p *paged[T]) push(v []T, gen uint64) {
	if p.n == len(p.dir)*pageSlots {
		p.own(gen)
		p.dir = append(p.dir, &page[T]{gen: gen})
	}
	pg := p.mutable(p.n/pageSlots, gen)
	pg.at = append(pg.at, v)
	p.n++
}

// pop drops the last element.
func (p *paged[T]) pop(gen uint64) {
	p.n--
	n := p.n / pageSlots
	if p.n%pageSlots == 0 {
		p.own(gen)
		p.dir[n] = nil
		p.dir = p.dir[:n]
		return
	}
	pg := p.mutable(n, gen)
	pg.at[p.n%pageSlots] = nil
	pg.at = pg.at[:p.n%pageSlots]
}

// bytes is what the pages take, without what their elements refer to.
func (p *paged[T]) bytes() int64 {
	const header, pointer = 24, 8
	return int64(p.n)*header + int64(cap(p.dir))*pointer
}

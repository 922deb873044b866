package keyspace

import (
	"fmt"
)

// check verifies what the parts of a Space promise one another.
func (s *Space) check() error {
	for _, db := range s.dbs {
		if err := db.ds.check(); err != nil {
			return fmt.Errorf("db %d: %w", db.index, err)
		}
	}
	return nil
}

func (ds *dataset) check() error {
	keys, err := ds.keys.check()
	if err != nil {
		return fmt.Errorf("keys: %w", err)
	}
	volatile, err := ds.volatile.check()
	if err != nil {
		return fmt.Errorf("volatile: %w", err)
	}
	aside, objects := 0, int64(0)
	for ref := range keys {
		c := ds.arena.cell(ref)
		if c.isFree() {
			return fmt.Errorf("ref %x points to a free cell", ref)
		}
		if c.has(hasExpire) != volatile[ref] {
			return fmt.Errorf("ref %x: expiry %v, indexed %v", ref, c.has(hasExpire), volatile[ref])
		}
		if c.has(keyAside) {
			aside++
		}
		if c.has(valueAside) {
			aside++
			if _, obj := ds.arena.valueOf(c, c.layout()); obj != nil {
				objects += obj.MemoryUsage(0)
			}
		}
	}
	for ref := range volatile {
		if !keys[ref] {
			return fmt.Errorf("ref %x expires but is not a key", ref)
		}
	}
	if aside != ds.arena.side.live {
		return fmt.Errorf("%d values aside, %d known", ds.arena.side.live, aside)
	}
	ds.arena.side.measure()
	if objects != ds.arena.side.objects {
		return fmt.Errorf("%d bytes of objects, %d counted", objects, ds.arena.side.objects)
	}
	return ds.arena.check(keys)
}

// check returns the references of t.
func (t *table) check() (map[uint32]bool, error) {
	refs := make(map[uint32]bool)
	over := uint32(0)
	for i := range t.buckets() {
		for b := t.at(i); ; b = t.over.at(b.next) {
			for k, ref := range b.refs {
				if (ref == 0) != (b.tags[k] == 0) {
					return nil, fmt.Errorf("bucket %d: ref %x with tag %x", i, ref, b.tags[k])
				}
				if ref == 0 {
					continue
				}
				h := t.arena.hashOf(ref)
				if refs[ref] || t.home(h) != i || tagOf(h) != b.tags[k] {
					return nil, fmt.Errorf("bucket %d: ref %x twice, misplaced or mistagged", i, ref)
				}
				refs[ref] = true
			}
			if b.next == 0 {
				break
			}
			over++
		}
	}
	if len(refs) != t.count || over != t.over.used {
		return nil, fmt.Errorf("%d keys of %d, %d overflows of %d", len(refs), t.count, over, t.over.used)
	}
	return refs, nil
}

// check walks all chunks and all free lists.
func (a *arena) check(live map[uint32]bool) error {
	free := make(map[uint32]bool)
	for units, ref := range a.lists {
		for prev := uint32(0); ref != 0; prev, ref = ref, a.cell(ref).next() {
			c := a.cell(ref)
			if !c.isFree() || c.freeUnits() != units || c.prev() != prev || free[ref] {
				return fmt.Errorf("free cell %x of %d units: broken list", ref, units)
			}
			free[ref] = true
		}
	}
	used, carved, cells := 0, 0, 0
	for n := range a.chunks {
		if a.chunks[n] == nil {
			continue
		}
		usedHere := 0
		at := firstUnitOf(uint32(n))
		for at < a.info[n].top {
			ref := uint32(n)<<chunkShift | uint32(at)
			switch {
			case live[ref]:
				cells++
				usedHere += a.unitsAt(ref)
			case !a.cell(ref).isFree():
				return fmt.Errorf("cell %x is live, but no key", ref)
			case !free[ref] && a.cell(ref).next() != ref:
				return fmt.Errorf("free cell %x is on no list", ref)
			}
			at += a.unitsAt(ref)
		}
		if at != a.info[n].top || usedHere != a.info[n].used {
			return fmt.Errorf("chunk %d: ends at %d of %d, %d used of %d", n, at, a.info[n].top, usedHere, a.info[n].used)
		}
		used += usedHere
		carved += a.info[n].top - firstUnitOf(uint32(n))
	}
	if used != a.used || carved != a.carved || cells != len(live) {
		return fmt.Errorf("%d units used of %d, %d carved of %d, %d cells of %d",
			used, a.used, carved, a.carved, cells, len(live))
	}
	return nil
}

package keyspace

// evacuee is the chunk that is being emptied so that it can be given back.
type evacuee struct {
	active bool
	chunk  uint32
	at     int // the unit the walk has come to
}

func (e *evacuee) has(ref uint32) bool { return e.active && ref>>chunkShift == e.chunk }

const (
	// wasteShift: compaction starts when 1/8 of what is carved is free. Below
	// that, copying costs more than it wins.
	wasteShift = 3
	// compactChunksMin: so few chunks are not worth it.
	compactChunksMin = 4
	// victimShift: only a chunk that is at least 1/8 free is emptied.
	victimShift = 3
	// askEvery is after how many small pieces of work the time is looked at.
	askEvery = 16
)

// compact empties the emptiest chunks, cell by cell, as long as there is waste
// and time, and returns whether there is more to do.
func (ds *dataset) compact(more func() bool) bool {
	a := &ds.arena
	if ds.keys.count == 0 && a.mapped > 0 && a.mapped < compactChunksMin {
		a.reset()
		return false
	}
	for {
		if !a.evacuee.active && !a.chooseEvacuee() {
			return false
		}
		for n := 0; a.evacuee.at < a.info[a.evacuee.chunk].top; n++ {
			if n%askEvery == askEvery-1 && !more() {
				return true
			}
			if !ds.evacuateNext() {
				a.evacuee = evacuee{} // no room to move to: its free cells stay lost until it is chosen again
				return false
			}
		}
		chunk := a.evacuee.chunk
		a.evacuee = evacuee{}
		a.dropChunk(chunk)
	}
}

// chooseEvacuee picks the chunk with the fewest live cells.
func (a *arena) chooseEvacuee() bool {
	if a.mapped < compactChunksMin || a.carved-a.used < a.carved>>wasteShift {
		return false
	}
	best, found := uint32(0), false
	for n := range a.chunks {
		if a.chunks[n] == nil || uint32(n) == a.bump {
			continue
		}
		if !found || a.info[n].used < a.info[best].used {
			best, found = uint32(n), true
		}
	}
	if !found || a.info[best].used > chunkUnits-chunkUnits>>victimShift {
		return false
	}
	a.evacuee = evacuee{active: true, chunk: best, at: firstUnitOf(best)}
	return true
}

// evacuateNext moves the cell the walk has come to, or takes it off the free
// list. It returns false if there is no room to move it to.
func (ds *dataset) evacuateNext() bool {
	a := &ds.arena
	ref := a.evacuee.chunk<<chunkShift | uint32(a.evacuee.at)
	units := a.unitsAt(ref)
	if c := a.cell(ref); c.isFree() {
		a.unlink(ref, units)
	} else if !ds.moveCell(ref, units) {
		return false
	}
	a.evacuee.at += units
	return true
}

// moveCell copies a live cell elsewhere and points the tables to the copy.
func (ds *dataset) moveCell(ref uint32, units int) bool {
	a := &ds.arena
	h := a.hashOf(ref)
	to, err := a.alloc(units)
	if err != nil {
		return false
	}
	c := a.cell(ref)
	copy(a.cell(to)[:units*unitBytes], c)
	ds.keys.repoint(h, ref, to)
	if c.has(hasExpire) {
		ds.volatile.repoint(h, ref, to)
	}
	a.release(ref, units)
	return true
}

package keyspace

// epochs number the snapshots of a dataset. A cell carries one byte: the epoch in
// which it was created or last recorded. While a snapshot is open the cells of
// an older epoch are those it has not recorded.
//
// One byte tells the epochs apart as long as no cell is 256 of them behind. A
// complete snapshot leaves every cell in its epoch; aborted ones do not. After
// many of them in a row all cells are re-stamped: a little at a time from
// Maintain, or at once if the next snapshot cannot wait.
type epochs struct {
	now    uint64 // epoch of the open or last snapshot
	oldest uint64 // no cell is of an earlier one
	pass   pass   // the re-stamping walk
}

type pass struct {
	active bool
	cursor uint64
	floor  uint64 // the epoch when it began: what every cell will have reached
}

const (
	epochsMax   = 255 // spread between now and oldest that a byte can tell apart
	epochsSpare = 128 // spread from which Maintain begins to re-stamp
)

func (e *epochs) current() uint8 { return uint8(e.now) }

// begin opens the next epoch, which must not be more than epochsMax from oldest.
func (e *epochs) begin() { e.now++ }

// complete notes that every cell is of the current epoch.
func (e *epochs) complete() {
	e.oldest = e.now
	e.pass = pass{}
}

// restamp brings cells up to the current epoch if they are many behind, and
// returns whether there is more to do. It waits while a snapshot is open.
func (ds *dataset) restamp(more func() bool) bool {
	e := &ds.epochs
	if ds.unit != nil || (!e.pass.active && e.now-e.oldest < epochsSpare) {
		return false
	}
	if !e.pass.active {
		e.pass = pass{active: true, floor: e.now}
	}
	for ds.keys.count > 0 {
		var i uint64
		i, e.pass.cursor = ds.keys.next(e.pass.cursor)
		ds.stampBucket(i)
		if e.pass.cursor == 0 {
			break
		}
		if !more() {
			return true
		}
	}
	e.oldest = e.pass.floor
	e.pass = pass{}
	return false
}

func (ds *dataset) stampBucket(i uint64) {
	t := &ds.keys
	for b := t.at(i); ; b = t.over.at(b.next) {
		for _, ref := range b.refs {
			if ref != 0 {
				ds.arena.cell(ref).setEpoch(ds.epochs.current())
			}
		}
		if b.next == 0 {
			return
		}
	}
}

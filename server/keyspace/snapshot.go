package keyspace

import "errors"

// ErrSnapshotOpen means that another snapshot is still open.
var ErrSnapshotOpen = errors.New("keyspace: a snapshot is open")

// Record is an entry as it was when the snapshot began. Key and Value are good
// during the call of the sink only; Value longer if Keep is set.
type Record struct {
	DB          int // number as of the start
	Key         []byte
	ExpireAt    int64 // Unix milliseconds or NoExpire
	Kind        Kind
	Encoding    Encoding
	Value       []byte // nil if Object is set
	Object      Object // frozen: may be kept and read by another goroutine
	Keep        bool   // Value never changes: may be kept and read by another goroutine
	IdleSeconds int64
	Freq        uint8
}

// Snapshot is the exact state of a Space at one moment, handed out record by
// record while the Space goes on changing. Every key that was there at the start
// is recorded once; the order is nobody's business.
type Snapshot struct {
	space *Space // nil when closed
	sink  func(Record)
	units []*unit // in order; those done are nil
	sizes []DBSize
}

// DBSize is the size of a database when the snapshot began.
type DBSize struct{ DB, Keys, Volatile int }

// unit is the part of a snapshot that is one dataset. It walks the table, bucket
// by bucket; once the dataset is detached (nobody else sees it any more) it walks
// the chunks instead, and gives each back when it is through.
type unit struct {
	snapshot *Snapshot
	ds       *dataset
	db       int
	cursor   uint64

	detached bool
	async    bool // the flush that detached it was
	keys     int  // it had then
	chunk    int  // walked to
	at       int  // unit in it
}

// BeginSnapshot opens a snapshot. sink is called from Step, and from whatever
// changes or deletes an entry that was not recorded yet, just before it does;
// it must not touch the Space. The only error is ErrSnapshotOpen.
func (s *Space) BeginSnapshot(sink func(Record)) (*Snapshot, error) {
	if s.snapshot != nil {
		return nil, ErrSnapshotOpen
	}
	sn := &Snapshot{space: s, sink: sink}
	for _, db := range s.dbs {
		ds := db.ds
		if ds.keys.count == 0 {
			continue
		}
		if ds.epochs.now-ds.epochs.oldest >= epochsMax {
			ds.restamp(orAlways(nil))
		}
		ds.epochs.begin()
		ds.unit = &unit{snapshot: sn, ds: ds, db: db.index}
		sn.units = append(sn.units, ds.unit)
		sn.sizes = append(sn.sizes, DBSize{db.index, ds.keys.count, ds.volatile.count})
	}
	s.snapshot = sn
	return sn, nil
}

// Sizes returns the non-empty databases as of the start.
func (sn *Snapshot) Sizes() []DBSize { return sn.sizes }

// Step records a slice, and returns whether the snapshot is complete; then it is
// closed. more is asked every dozen entries or so whether there is time left
// (nil means always); at least one bucket of entries is walked.
func (sn *Snapshot) Step(more func() bool) (done bool) {
	more = orAlways(more)
	for len(sn.units) > 0 {
		if !sn.units[0].step(more) {
			return false
		}
		sn.units = sn.units[1:]
	}
	if sn.space != nil {
		sn.space.snapshot = nil
		sn.space = nil
	}
	return true
}

// Abort closes the snapshot; the sink is not called again. Aborting a closed
// snapshot does nothing.
func (sn *Snapshot) Abort() {
	if sn.space == nil {
		return
	}
	for _, u := range sn.units {
		u.ds.unit = nil
		if u.detached {
			u.discard()
		}
	}
	sn.units = nil
	sn.space.snapshot = nil
	sn.space = nil
}

// step walks on, and returns whether the unit is done.
func (u *unit) step(more func() bool) bool {
	if u.detached {
		return u.stepChunks(more)
	}
	return u.stepBuckets(more)
}

func (u *unit) stepBuckets(more func() bool) bool {
	t := &u.ds.keys
	for t.count > 0 {
		var i uint64
		i, u.cursor = t.next(u.cursor)
		u.recordBucket(i)
		if u.cursor == 0 {
			break
		}
		if !more() {
			return false
		}
	}
	u.ds.epochs.complete()
	u.ds.unit = nil
	return true
}

func (u *unit) recordBucket(i uint64) {
	t := &u.ds.keys
	for b := t.at(i); ; b = t.over.at(b.next) {
		for _, ref := range b.refs {
			if ref != 0 {
				u.record(u.ds.arena.cell(ref))
			}
		}
		if b.next == 0 {
			return
		}
	}
}

// preserve lets an open snapshot have the entry in c as it is, if it has not.
// Whatever changes or deletes an entry calls it first.
func (ds *dataset) preserve(c cell) {
	if ds.unit != nil {
		ds.unit.record(c)
	}
}

// record hands c to the sink, unless that has been done or c is newer than the
// snapshot.
func (u *unit) record(c cell) {
	ds := u.ds
	if c.epoch() == ds.epochs.current() {
		return
	}
	c.setEpoch(ds.epochs.current())
	l := c.layout()
	r := Record{
		DB: u.db, Key: ds.arena.keyOf(c, l), Kind: c.kind(), Encoding: c.encoding(),
		ExpireAt: c.expireAt(), IdleSeconds: ds.env.idleSeconds(c.access()), Freq: ds.env.frequency(c.access()),
	}
	r.Value, r.Object = ds.arena.valueOf(c, l)
	if l.flags&valueAside != 0 {
		ds.freeze(c, l, &r)
	}
	u.snapshot.sink(r)
}

// freeze makes a value that is aside fit to be kept by whoever gets r.
func (ds *dataset) freeze(c cell, l layout, r *Record) {
	if r.Object != nil {
		r.Object = r.Object.Freeze()
		return
	}
	ds.arena.side.at(slotNumber(c.inCellValue(l))).frozen = true
	r.Value = r.Value[:len(r.Value):len(r.Value)]
	r.Keep = true
}

// share makes bytes that are aside fit to be held by two entries: neither has
// room to append to what it shares.
func (ds *dataset) share(c cell) {
	l := c.layout()
	if l.flags&valueAside == 0 {
		return
	}
	n := slotNumber(c.inCellValue(l))
	if b := ds.arena.side.at(n).bytes; b != nil {
		ds.arena.side.setBytes(n, b[:len(b):len(b)], true)
	}
}

// detach tells the unit that its dataset is nobody else's from now on. The table
// is not needed any more.
func (u *unit) detach(async bool) {
	u.detached, u.async, u.keys = true, async, u.ds.keys.count
	keys, volatile := u.ds.keys, u.ds.volatile
	u.ds.keys, u.ds.volatile = table{}, table{}
	u.snapshot.space.run(func() {
		keys.free()
		volatile.free()
	})
}

// stepChunks walks a detached dataset.
func (u *unit) stepChunks(more func() bool) bool {
	a := &u.ds.arena
	for ; u.chunk < len(a.chunks); u.chunk++ {
		if a.chunks[u.chunk] == nil {
			continue
		}
		if u.at == 0 {
			u.at = firstUnitOf(uint32(u.chunk))
		}
		for n := 1; u.at < a.info[u.chunk].top; n++ {
			u.recordNext()
			if n%askEvery == 0 && !more() {
				return false
			}
		}
		u.at = 0
		a.dropChunk(uint32(u.chunk))
	}
	u.ds.unit = nil
	u.discard()
	return true
}

// recordNext records the cell the walk through a chunk has come to, if it is
// live, and lets go of what it has aside.
func (u *unit) recordNext() {
	a := &u.ds.arena
	ref := uint32(u.chunk)<<chunkShift | uint32(u.at)
	c := a.cell(ref)
	u.at += a.unitsAt(ref)
	if c.isFree() {
		return
	}
	u.record(c)
	l := c.layout()
	if l.flags&valueAside != 0 {
		a.side.take(slotNumber(c.inCellValue(l)))
	}
}

// discard gives back what is left of a detached dataset.
func (u *unit) discard() { u.snapshot.space.discard(u.ds, u.keys, u.async) }

// addDetached counts what detached datasets still hold.
func (sn *Snapshot) addDetached(st *Stats) {
	for _, u := range sn.units {
		if u.detached {
			st.addArena(&u.ds.arena)
		}
	}
}

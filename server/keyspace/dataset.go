package keyspace

// dataset is the contents of a database: what SWAPDB exchanges, and what FLUSHDB
// takes away whole. Nothing outside points into it but the unit of a snapshot.
type dataset struct {
	env      *env
	arena    arena
	keys     table
	volatile table // the keys that expire
	perishes perishes

	epochs  epochs
	unit    *unit // of the open snapshot, nil if this dataset has no part in it (any more)
	cursor  uint64
	ttlMean int64 // milliseconds, estimated by the expire cycle
}

func newDataset(v *env, h hasher, chunks int) *dataset {
	ds := &dataset{env: v}
	ds.arena.hash = h
	ds.arena.max = chunks
	ds.keys.arena = &ds.arena
	ds.volatile.arena = &ds.arena
	return ds
}

func (ds *dataset) entry(ref uint32) Entry { return Entry{ds, ds.arena.cell(ref)} }

// expired reports whether the time of c has come. As in Redis a key lives through
// the millisecond it expires in.
func (ds *dataset) expired(c cell) bool {
	return c.has(hasExpire) && ds.env.now > c.expireAt()
}

// hidden reports whether the policy makes c, which is still there, look missing.
func (ds *dataset) hidden(c cell) bool {
	return ds.env.policy != ExpireKeep && ds.expired(c)
}

// content is what a cell is made from: a key, a value and their circumstances. A
// value that is aside already, or an Object, goes beside it as a *bigValue, so
// that a content holds nothing that outlives the call and stays on the stack.
type content struct {
	key      []byte
	kind     Kind
	enc      Encoding
	bytes    []byte
	expireAt int64 // zero or less: none
	mark     uint32

	pad   int    // zeros that follow bytes
	tail  []byte // follows them
	aside bool   // the value is to be aside
}

func (ct *content) layout() layout {
	return plan(len(ct.key), ct.valueLen(), ct.expireAt > 0, ct.aside)
}

func (ct *content) valueLen() int { return len(ct.bytes) + ct.pad + len(ct.tail) }

// writeTo writes the value to dst, which has its length.
func (ct *content) writeTo(dst []byte) {
	n := copy(dst, ct.bytes)
	clear(dst[n : n+ct.pad])
	copy(dst[n+ct.pad:], ct.tail)
}

// build allocates a cell and fills it from ct, with big as its value if that is
// not nil. Nothing points to the cell yet.
func (ds *dataset) build(ct *content, big *bigValue) (uint32, error) {
	ct.aside = ct.aside || big != nil
	l := ct.layout()
	ref, err := ds.arena.alloc(l.units())
	if err != nil {
		return 0, err
	}
	c := ds.arena.cell(ref)
	c.putLayout(l)
	c.setType(ct.kind, ct.enc)
	c.setEpoch(ds.epochs.current())
	c.setAccess(ct.mark)
	if ct.expireAt > 0 {
		c.setExpireAt(ct.expireAt)
	}
	ds.fillKey(c, l, ct.key)
	ds.fillValue(c, l, ct, big)
	return ref, nil
}

func (ds *dataset) fillKey(c cell, l layout, key []byte) {
	if l.flags&keyAside == 0 {
		copy(c.inCellKey(l), key)
		return
	}
	n := ds.arena.side.put(bigValue{bytes: append([]byte(nil), key...)})
	putSlotNumber(c.inCellKey(l), n)
}

func (ds *dataset) fillValue(c cell, l layout, ct *content, big *bigValue) {
	if l.flags&valueAside == 0 {
		ct.writeTo(c.inCellValue(l))
		return
	}
	if big == nil {
		big = &bigValue{bytes: make([]byte, ct.valueLen())}
		ct.writeTo(big.bytes)
	}
	putSlotNumber(c.inCellValue(l), ds.arena.side.put(*big))
}

// demolish frees the cell at ref and what it has aside, and returns its value if
// that was aside.
func (ds *dataset) demolish(ref uint32) (v bigValue) {
	c := ds.arena.cell(ref)
	l := c.layout()
	if l.flags&keyAside != 0 {
		ds.arena.side.take(slotNumber(c.inCellKey(l)))
	}
	if l.flags&valueAside != 0 {
		v = ds.arena.side.take(slotNumber(c.inCellValue(l)))
	}
	ds.arena.release(ref, l.units())
	return v
}

// insert adds a cell that no table points to.
func (ds *dataset) insert(h uint64, ref uint32) {
	ds.keys.insert(h, ref)
	if ds.arena.cell(ref).has(hasExpire) {
		ds.volatile.insert(h, ref)
	}
}

// replace puts the cell at to in the place of the one at k of b, which is
// demolished; its value is returned if that was aside.
func (ds *dataset) replace(h uint64, b *bucket, k int, to uint32) bigValue {
	from := b.refs[k]
	b.refs[k] = to
	had, has := ds.arena.cell(from).has(hasExpire), ds.arena.cell(to).has(hasExpire)
	switch {
	case had && has:
		ds.volatile.repoint(h, from, to)
	case had:
		ds.dropVolatile(h, from)
	case has:
		ds.volatile.insert(h, to)
	}
	return ds.demolish(from)
}

func (ds *dataset) dropVolatile(h uint64, ref uint32) {
	b, k := ds.volatile.findRef(h, ref)
	ds.volatile.remove(h, b, k)
}

// remove takes the entry at place k of b out and returns its value if that was
// aside.
func (ds *dataset) remove(h uint64, b *bucket, k int) bigValue {
	ref := b.refs[k]
	c := ds.arena.cell(ref)
	ds.preserve(c)
	if c.has(hasExpire) {
		ds.dropVolatile(h, ref)
	}
	ds.keys.remove(h, b, k)
	return ds.demolish(ref)
}

// free gives all memory back. The dataset is not to be used again. Nothing but
// memory is touched, so that another goroutine may do it.
func (ds *dataset) free() {
	ds.keys.free()
	ds.volatile.free()
	ds.arena.free()
}

package keyspace

// SetOpt are the circumstances of a write.
type SetOpt struct {
	// KeepTTL leaves the expiry of an overwritten key as it is; otherwise the
	// key gets ExpireAt.
	KeepTTL bool
	// ExpireAt is in Unix milliseconds; zero or less means none. A time in the
	// past is stored like any other.
	ExpireAt int64
	// Access, if not nil, restores the marks of a key from a file or RESTORE.
	Access *AccessMark
}

// SetString makes val the value of key. The only error is ErrFull.
func (db *DB) SetString(key, val []byte, enc Encoding, o SetOpt) error {
	return db.put(&content{key: key, kind: String, enc: enc, bytes: val}, nil, o)
}

// SetBlob makes a small collection, one pointer-free blob, the value of key.
// The only error is ErrFull.
func (db *DB) SetBlob(key []byte, k Kind, enc Encoding, blob []byte, o SetOpt) error {
	return db.put(&content{key: key, kind: k, enc: enc, bytes: blob}, nil, o)
}

// SetObject makes obj the value of key. The only error is ErrFull.
func (db *DB) SetObject(key []byte, obj Object, o SetOpt) error {
	ct := content{key: key, kind: obj.Kind(), enc: obj.Encoding()}
	return db.put(&ct, &bigValue{object: obj}, o)
}

func (v *env) markFor(m *AccessMark) uint32 {
	if m != nil {
		return v.restored(*m)
	}
	return v.newMark()
}

// put stores ct, completed from o and from the entry it overwrites.
func (db *DB) put(ct *content, big *bigValue, o SetOpt) error {
	env := &db.space.env
	h := db.space.hash.sum(ct.key)
	ct.expireAt = o.ExpireAt
	ct.mark = env.markFor(o.Access)
	b, k := db.locate(h, ct.key)
	if b == nil {
		return db.add(h, ct, big)
	}
	old := db.ds.arena.cell(b.refs[k])
	if o.KeepTTL {
		ct.expireAt = 0
		if !db.ds.hidden(old) {
			ct.expireAt = old.expireAt()
		}
	}
	if env.access.Frequency && o.Access == nil {
		ct.mark = old.access() // as Redis: overwriting does not make a key popular or forgotten
	}
	return db.overwrite(h, b, k, ct, big)
}

// store stores ct as it is.
func (db *DB) store(h uint64, ct *content, big *bigValue) error {
	b, k := db.locate(h, ct.key)
	if b == nil {
		return db.add(h, ct, big)
	}
	return db.overwrite(h, b, k, ct, big)
}

func (db *DB) add(h uint64, ct *content, big *bigValue) error {
	ref, err := db.ds.build(ct, big)
	if err != nil {
		return err
	}
	db.ds.insert(h, ref)
	db.ds.notePerishable(ct.key, big)
	return nil
}

// overwrite makes ct the entry at place k of b, in place where the layout is the
// same.
func (db *DB) overwrite(h uint64, b *bucket, k int, ct *content, big *bigValue) error {
	ds := db.ds
	c := ds.arena.cell(b.refs[k])
	ds.preserve(c)
	ct.aside = big != nil
	was, will := c.layout(), ct.layout()
	fits := was.flags == will.flags && was.keyAt == will.keyAt && was.units() == will.units()
	if fits && (will.flags&valueAside == 0 || big == nil && ds.reuse(c, was, ct)) {
		c.setType(ct.kind, ct.enc)
		c.setAccess(ct.mark)
		if will.flags&hasExpire != 0 {
			c.setExpireAt(ct.expireAt)
		}
		if will.flags&valueAside == 0 {
			c.putLayout(will)
			copy(c.inCellValue(will), ct.bytes)
		}
		return nil
	}
	ref, err := ds.build(ct, big)
	if err != nil {
		return err
	}
	ds.replace(h, b, k, ref)
	ds.notePerishable(ct.key, big)
	return nil
}

// reuse overwrites bytes that are aside with others of a like length.
func (ds *dataset) reuse(c cell, l layout, ct *content) bool {
	n := slotNumber(c.inCellValue(l))
	v := ds.arena.side.at(n)
	room, size := cap(v.bytes), len(ct.bytes)
	if v.object != nil || v.frozen || size > room || size < room/2 {
		return false
	}
	v.bytes = v.bytes[:size]
	copy(v.bytes, ct.bytes)
	return true
}

// contentOf takes an entry apart. Its key and bytes alias the cell; a value that
// is aside stays there.
func (ds *dataset) contentOf(c cell) (ct content, big *bigValue) {
	l := c.layout()
	ct = content{
		key: ds.arena.keyOf(c, l), kind: c.kind(), enc: c.encoding(),
		expireAt: c.expireAt(), mark: c.access(),
	}
	if l.flags&valueAside == 0 {
		ct.bytes = c.inCellValue(l)
		return ct, nil
	}
	return ct, ds.arena.side.at(slotNumber(c.inCellValue(l)))
}

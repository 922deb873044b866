package keyspace

import "slices"

// Update changes the value of a key that holds bytes, in place where the size
// allows, and keeps its expiry. It returns n bytes to write to, good until the
// next change: as much of the old value as fits, then zeros. The encoding
// becomes enc. No access is noted: whoever looked at the value did. It returns nil and false if there is no key,
// and panics if the value is an Object. The only error is ErrFull.
func (db *DB) Update(key []byte, n int, enc Encoding) ([]byte, bool, error) {
	h := db.space.hash.sum(key)
	b, k := db.seek(h, key)
	if b == nil {
		return nil, false, nil
	}
	c, err := db.ds.reshape(h, b, k, n, nil)
	if err != nil {
		return nil, true, err
	}
	c.setType(c.kind(), enc)
	v, _ := db.ds.arena.valueOf(c, c.layout())
	return v, true, nil
}

// Append adds suffix to the bytes of key and makes them Raw, or creates the key,
// with the encoding of a string that is set. It returns the new length. Growing
// a long value again and again costs constant time per byte. It panics if the
// value is an Object. The only error is ErrFull.
func (db *DB) Append(key, suffix []byte) (int, error) {
	h := db.space.hash.sum(key)
	b, k := db.seek(h, key)
	if b == nil {
		return len(suffix), db.SetString(key, suffix, EncodingOf(suffix), SetOpt{})
	}
	v, _ := db.ds.valueAt(b.refs[k])
	n := len(v) + len(suffix)
	c, err := db.ds.reshape(h, b, k, n, suffix)
	if err != nil {
		return 0, err
	}
	c.setType(c.kind(), Raw)
	return n, nil
}

func (ds *dataset) valueAt(ref uint32) ([]byte, Object) {
	c := ds.arena.cell(ref)
	return ds.arena.valueOf(c, c.layout())
}

// reshape makes the value at place k of b n bytes long: what fits of the old
// one, then zeros, with tail at the end. It returns the cell, which may be
// another. An open snapshot gets the old value first.
func (ds *dataset) reshape(h uint64, b *bucket, k, n int, tail []byte) (cell, error) {
	c := ds.arena.cell(b.refs[k])
	ds.preserve(c)
	l := c.layout()
	if l.flags&valueAside != 0 {
		ds.reshapeAside(slotNumber(c.inCellValue(l)), n, tail)
		return c, nil
	}
	keep := min(l.valueLen, n-len(tail))
	if will := l.withValue(n); will.keyAt == l.keyAt && will.units() == l.units() {
		c.putLayout(will)
		v := c.inCellValue(will)
		clear(v[keep:])
		copy(v[n-len(tail):], tail)
		return c, nil
	}
	ct, _ := ds.contentOf(c)
	ct.bytes, ct.tail, ct.pad = ct.bytes[:keep], tail, n-keep-len(tail)
	ct.aside = n > growInline && n > l.valueLen
	ref, err := ds.build(&ct, nil)
	if err != nil {
		return nil, err
	}
	ds.replace(h, b, k, ref)
	return ds.arena.cell(ref), nil
}

// reshapeAside is reshape for bytes that are aside. Bytes that are frozen are
// copied, unless all that happens to them is that others follow.
func (ds *dataset) reshapeAside(number uint32, n int, tail []byte) {
	v := ds.arena.side.at(number)
	if v.object != nil {
		panic("keyspace: an Object is not bytes")
	}
	old := len(v.bytes)
	if len(tail) > 0 {
		grown := append(v.bytes, tail...)
		ds.arena.side.setBytes(number, grown, v.frozen && cap(grown) == cap(v.bytes))
		return
	}
	b := v.bytes
	if v.frozen {
		b = slices.Clone(b[:min(n, old)])
	}
	if n > len(b) {
		b = slices.Grow(b, n-len(b))
	}
	b = b[:n]
	clear(b[min(n, old):])
	ds.arena.side.setBytes(number, b, false)
}

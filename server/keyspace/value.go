package keyspace

// Value is a value without its key: bytes, or an Object.
type Value struct {
	Kind     Kind
	Encoding Encoding
	Bytes    []byte // of a string or a small collection
	Object   Object // nil: Bytes
}

// Value returns the value of the entry. What it refers to aliases the data set: read
// only.
func (e Entry) Value() Value {
	b, o := e.ds.arena.valueOf(e.cell, e.cell.layout())
	return Value{Kind: e.Kind(), Encoding: e.Encoding(), Bytes: b, Object: o}
}

// Set makes v the value of key. Bytes are copied, an Object is not. The only error is
// ErrFull.
func (db *DB) Set(key []byte, v Value, o SetOpt) error {
	ct, big := v.content(key)
	return db.put(&ct, big, o)
}

// Insert is Set for loading: it leaves a key that is there alone and returns false.
func (db *DB) Insert(key []byte, v Value, o SetOpt) (bool, error) {
	h := db.space.hash.sum(key)
	if b, _ := db.locate(h, key); b != nil {
		return false, nil
	}
	ct, big := v.content(key)
	ct.expireAt = o.ExpireAt
	ct.mark = db.space.env.markFor(o.Access)
	return true, db.add(h, &ct, big)
}

func (v *Value) content(key []byte) (ct content, big *bigValue) {
	ct = content{key: key, kind: v.Kind, enc: v.Encoding, bytes: v.Bytes}
	if v.Object != nil {
		big = &bigValue{object: v.Object}
	}
	return ct, big
}

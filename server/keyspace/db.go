package keyspace

// DB is one database of a Space.
type DB struct {
	space *Space
	index int
	ds    *dataset
}

// Index returns the number of the database.
func (db *DB) Index() int { return db.index }

// Len returns the number of keys, expired ones that are still there included.
func (db *DB) Len() int { return db.ds.keys.count }

// Volatile returns the number of keys that have an expiry.
func (db *DB) Volatile() int { return db.ds.volatile.count }

// AvgTTL returns the average time to live in milliseconds of the keys that have
// one, as the expire cycle estimates it; zero if unknown.
func (db *DB) AvgTTL() int64 { return db.ds.ttlMean }

// Get returns the entry of key and touches it. An expired key is treated by the
// policy of the Space.
func (db *DB) Get(key []byte) (Entry, bool) {
	e, ok := db.Peek(key)
	if ok {
		e.touch()
	}
	return e, ok
}

// touch notes an access. In the same second there is nothing to note, and the
// cache line stays clean.
func (e Entry) touch() {
	was := e.cell.access()
	if now := e.ds.env.touched(was); now != was {
		e.cell.setAccess(now)
	}
}

// Peek is Get without the touch (OBJECT, TTL, CLIENT NO-TOUCH).
func (db *DB) Peek(key []byte) (Entry, bool) {
	b, k := db.seek(db.space.hash.sum(key), key)
	if b == nil {
		return Entry{}, false
	}
	return db.ds.entry(b.refs[k]), true
}

// locate returns where key is, or nil. An expired key is deleted if that is the
// policy, and otherwise found.
func (db *DB) locate(h uint64, key []byte) (*bucket, int) {
	b, k := db.ds.keys.find(h, key)
	if b == nil {
		return nil, 0
	}
	c := db.ds.arena.cell(b.refs[k])
	if c.has(hasExpire) && db.space.env.policy == ExpireDelete && db.ds.expired(c) {
		db.expire(h, b, k)
		return nil, 0
	}
	return b, k
}

// seek is locate for those to whom an expired key may look missing.
func (db *DB) seek(h uint64, key []byte) (*bucket, int) {
	b, k := db.locate(h, key)
	if b == nil || db.ds.hidden(db.ds.arena.cell(b.refs[k])) {
		return nil, 0
	}
	return b, k
}

// MutableObject returns the Object of key for the caller to change, after an
// open snapshot has its state. It returns false if there is no such key or its
// value is bytes.
func (db *DB) MutableObject(key []byte) (Object, bool) {
	b, k := db.seek(db.space.hash.sum(key), key)
	if b == nil {
		return nil, false
	}
	return db.ds.entry(b.refs[k]).MutableObject()
}

// Delete removes key and returns whether it was there.
func (db *DB) Delete(key []byte) bool {
	_, ok := db.take(key)
	return ok
}

// Unlink is Delete that counts a big value as lazily freed. Neither waits for
// the memory: the collector gets it.
func (db *DB) Unlink(key []byte) bool {
	v, ok := db.take(key)
	if v.object != nil && v.object.FreeEffort() > LazyFreeThreshold {
		db.space.lazy.freed.Add(1)
	}
	return ok
}

func (db *DB) take(key []byte) (bigValue, bool) {
	h := db.space.hash.sum(key)
	b, k := db.locate(h, key)
	if b == nil {
		return bigValue{}, false
	}
	return db.ds.remove(h, b, k), true
}

// SetExpire sets when key expires, in Unix milliseconds, and returns whether the
// key is there. A time in the past is stored like any other, one before 1970 as
// 1. The only error is ErrFull.
func (db *DB) SetExpire(key []byte, ms int64) (bool, error) {
	h := db.space.hash.sum(key)
	b, k := db.seek(h, key)
	if b == nil {
		return false, nil
	}
	ms = max(ms, 1)
	c := db.ds.arena.cell(b.refs[k])
	db.ds.preserve(c)
	if c.has(hasExpire) {
		c.setExpireAt(ms)
		return true, nil
	}
	return true, db.ds.addExpire(h, b, k, ms)
}

// Persist removes the expiry of key and returns whether there was one.
func (db *DB) Persist(key []byte) bool {
	h := db.space.hash.sum(key)
	b, k := db.seek(h, key)
	if b == nil {
		return false
	}
	c := db.ds.arena.cell(b.refs[k])
	if !c.has(hasExpire) {
		return false
	}
	db.ds.preserve(c)
	db.ds.dropExpire(h, b.refs[k])
	return true
}

// Rename makes what from holds, with its expiry, the value of to, overwriting
// it. It returns false if there is no from. The only error is ErrFull.
func (db *DB) Rename(from, to []byte) (bool, error) {
	h := db.space.hash.sum(from)
	b, k := db.seek(h, from)
	if b == nil {
		return false, nil
	}
	if string(from) == string(to) {
		return true, nil
	}
	return true, db.transfer(h, b.refs[k], db, to)
}

// Move moves key, with its expiry, to another database. It returns false if
// there is no key, or the key exists in to. The only error is ErrFull.
func (db *DB) Move(key []byte, to *DB) (bool, error) {
	h := db.space.hash.sum(key)
	b, k := db.seek(h, key)
	if b == nil || to == db {
		return false, nil
	}
	if there, _ := to.seek(h, key); there != nil {
		return false, nil
	}
	return true, db.transfer(h, b.refs[k], to, key)
}

// transfer moves the entry at ref to a key of another, or the same, database. A
// value that is aside is not copied.
func (db *DB) transfer(h uint64, ref uint32, to *DB, key []byte) error {
	c := db.ds.arena.cell(ref)
	db.ds.preserve(c) // freezes what a snapshot still holds, before it moves
	ct, big := db.ds.contentOf(c)
	ct.key = key
	if err := to.store(to.space.hash.sum(key), &ct, big); err != nil {
		return err
	}
	b, k := db.ds.keys.findRef(h, ref)
	db.ds.remove(h, b, k)
	return nil
}

// Copy copies what from holds, with its expiry, to a key of dst, overwriting it.
// An Object is shared frozen: see [Object]. It returns false if there is no from.
// The only error is ErrFull.
func (db *DB) Copy(from []byte, dst *DB, to []byte) (bool, error) {
	b, k := db.seek(db.space.hash.sum(from), from)
	if b == nil {
		return false, nil
	}
	if db == dst && string(from) == string(to) {
		return true, nil
	}
	c := db.ds.arena.cell(b.refs[k])
	db.ds.share(c)
	ct, big := db.ds.contentOf(c)
	ct.key = to
	ct.mark = db.space.env.newMark()
	if big != nil && big.object != nil {
		big = &bigValue{object: big.object.Freeze()}
	}
	return true, dst.store(dst.space.hash.sum(to), &ct, big)
}

// Reserve makes room for so many keys, so many of them with an expiry, before a
// load into an empty database. The counts are a hint; too large a hint is cut
// down. After the load Reserve(0, 0) lets go of what was too much.
func (db *DB) Reserve(keys, volatile int) {
	db.ds.keys.reserve(keys)
	db.ds.volatile.reserve(volatile)
}

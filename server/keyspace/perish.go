package keyspace

import "github.com/vedette-ha/vedette/server/keyspace/dict"

// Perishable is an Object whose parts may expire one by one: a hash with times to
// live of its fields. The keyspace deletes no parts; it knows which keys to look at.
type Perishable interface {
	Object
	// NextExpire returns a time in Unix milliseconds before which nothing in it
	// expires, or NoExpire if nothing ever will.
	NextExpire() int64
}

// perishes lists the keys that hold, or held, a Perishable with parts that expire.
// Keys that no longer do are found out when they are looked at.
type perishes struct {
	keys   *dict.Dict // nil: there never were any
	cursor uint64
}

// notePerishable lists key if its new value is to be looked at.
func (ds *dataset) notePerishable(key []byte, big *bigValue) {
	if big == nil || big.object == nil {
		return
	}
	if o, ok := big.object.(Perishable); ok && o.NextExpire() != NoExpire {
		ds.listPerishable(key)
	}
}

func (ds *dataset) listPerishable(key []byte) {
	p := &ds.perishes
	if p.keys == nil {
		p.keys = dict.New()
	}
	if p.keys.Len() == 0 && ds.env.onPerishable != nil {
		ds.env.onPerishable()
	}
	p.keys.Set(key, nil)
}

// Perishing reports whether any key holds a Perishable of which parts expire. Keys
// that are listed and do not are forgotten.
func (s *Space) Perishing() bool {
	for _, db := range s.dbs {
		p := &db.ds.perishes
		for db.Perishing() > 0 {
			var key []byte
			for key = range p.keys.All() {
				break
			}
			if db.nextPerish(key) != NoExpire {
				return true
			}
			p.keys.Delete(append([]byte(nil), key...))
		}
	}
	return false
}

// NotePerishable tells that parts of the Object at key, which is being changed in
// place, expire from now on.
func (db *DB) NotePerishable(key []byte) { db.ds.listPerishable(key) }

// Perishing returns how many keys there are to look at for parts that expire.
func (db *DB) Perishing() int {
	if db.ds.perishes.keys == nil {
		return 0
	}
	return db.ds.perishes.keys.Len()
}

// Perished looks at about n keys with parts that expire, going on where the last
// call stopped, and appends copies of those keys to dst of which something may have
// expired. It returns how many it looked at as well.
func (db *DB) Perished(dst [][]byte, n int) (due [][]byte, looked int) {
	p := &db.ds.perishes
	var keys [][]byte
	for p.keys != nil && looked < min(n, p.keys.Len()) {
		keys = keys[:0]
		p.cursor = p.keys.Scan(p.cursor, func(key, _ []byte) { keys = append(keys, append([]byte(nil), key...)) })
		for _, key := range keys {
			looked++
			next := db.nextPerish(key)
			if next == NoExpire {
				p.keys.Delete(key)
			} else if next < db.space.env.now {
				dst = append(dst, key)
			}
		}
	}
	return dst, looked
}

// nextPerish is NextExpire of what is at key; NoExpire if that is something else.
func (db *DB) nextPerish(key []byte) int64 {
	b, k := db.ds.keys.find(db.space.hash.sum(key), key)
	if b == nil {
		return NoExpire
	}
	_, obj := db.ds.valueAt(b.refs[k])
	if o, ok := obj.(Perishable); ok {
		return o.NextExpire()
	}
	return NoExpire
}

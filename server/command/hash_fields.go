package command

import (
	"strconv"

	"github.com/vedette-ha/vedette/server/keyspace"
	"github.com/vedette-ha/vedette/server/keyspace/hash"
)

// fieldEdit gives fields of one hash times to live, or takes them away, one after
// the other. Nothing of it is told before finish.
type fieldEdit struct {
	c   *Ctx
	key []byte
	v   hashView
	h   *hash.Hash // v to be changed; nil: not yet

	reply                     int // where it begins
	timed, persisted, deleted [][]byte
}

// editFields begins to edit the fields of the hash v at key, before the reply.
func (c *Ctx) editFields(key []byte, v hashView) *fieldEdit {
	return &fieldEdit{c: c, key: key, v: v, reply: len(c.Out.Buf)}
}

// mutable returns the hash to be changed. A listpack becomes an Object, which
// finish stores.
func (e *fieldEdit) mutable() *hash.Hash {
	if e.h != nil {
		return e.h
	}
	if e.v.big == nil {
		e.h = hash.FromListpack(e.v.lp)
		e.h.SetPacked(true)
		e.v.lp, e.v.big, e.v.now = nil, e.h, e.c.hiddenBefore()
		return e.h
	}
	e.h = e.v.mutable()
	return e.h
}

// expire makes a field expire, and returns what HEXPIRE replies for it.
func (e *fieldEdit) expire(field []byte, when int64, cond expireCondition) int64 {
	if _, ok := e.v.get(field); !ok {
		return fieldMissing
	}
	if !cond.allows(e.v.expireAt(field), when) {
		return fieldUnmet
	}
	if when <= e.c.Now && e.c.isMaster() {
		e.mutable().Delete(field)
		e.deleted = append(e.deleted, field)
		return fieldDeleted
	}
	e.mutable().SetExpire(field, when)
	e.timed = append(e.timed, field)
	return fieldDone
}

// persist takes the time to live of a field away, and returns what HPERSIST
// replies for it.
func (e *fieldEdit) persist(field []byte) int64 {
	if _, ok := e.v.get(field); !ok {
		return fieldMissing
	}
	if e.v.expireAt(field) == keyspace.NoExpire {
		return fieldNoTTL
	}
	e.mutable().Persist(field)
	e.persisted = append(e.persisted, field)
	return fieldDone
}

// finish stores what is not stored yet, and tells what was done; when is the time
// that fields were given. With an error there is no reply.
func (e *fieldEdit) finish(when int64) error {
	c := e.c
	if e.h == nil {
		return nil
	}
	if err := e.store(); err != nil {
		c.Out.Buf = c.Out.Buf[:e.reply]
		return err
	}
	c.tellFields(e.key, "hexpire", e.timed, wordHPEXPIREAT, strconv.AppendInt(nil, when, 10))
	c.tellFields(e.key, "hpersist", e.persisted, wordHPERSIST)
	if len(e.deleted) > 0 {
		c.Effect(append([][]byte{wordHDEL, e.key}, e.deleted...)...)
		c.hashDeleted(e.key, len(e.deleted))
	}
	return nil
}

func (e *fieldEdit) store() error {
	entry, _ := e.c.DB.Peek(e.key)
	if entry.Object() == nil {
		return e.c.StoreObject(e.key, e.h)
	}
	if len(e.timed) > 0 {
		e.c.DB.NotePerishable(e.key)
	}
	return nil
}

// tellFields tells that something was done to fields, if there are any.
func (c *Ctx) tellFields(key []byte, event string, fields [][]byte, word []byte, args ...[]byte) {
	if len(fields) == 0 {
		return
	}
	effect := append([][]byte{word, key}, args...)
	effect = append(effect, wordFIELDS, strconv.AppendInt(nil, int64(len(fields)), 10))
	c.Effect(append(effect, fields...)...)
	c.Changed(Hash, event, key)
	c.AddDirty(len(fields) - 1)
}

// hashSetEffect propagates a value that was computed. A replica's HSET would take
// the field's time to live away, so that is said again.
func (c *Ctx) hashSetEffect(key, field, val []byte, expireAt int64) {
	c.Effect(wordHSET, key, field, val)
	c.expireEffect(key, field, expireAt)
}

func (c *Ctx) expireEffect(key, field []byte, expireAt int64) {
	if expireAt != keyspace.NoExpire {
		c.Effect(wordHPEXPIREAT, key, strconv.AppendInt(nil, expireAt, 10), wordFIELDS, word1, field)
	}
}

// reapAtOnce is how many fields with a time to live a command looks through, to
// delete those that have expired, before it goes on. Bigger hashes are left to the
// expire cycle; their expired fields are not shown.
const reapAtOnce = 128

// reapHash deletes expired fields of the hash at key, and the hash with its last
// one. It returns whether there is a hash left.
func (c *Ctx) reapHash(key []byte, looks int) (left bool) {
	_, left = ReapHash(c.Host, c.DB, key, c.Now, looks)
	return left
}

// ReapHash deletes fields of the hash at key that have expired by now, and the hash
// if it lost its last one, and tells of it. It looks at about so many of those that
// have a time to live. It returns how many it looked at, and whether there is a hash
// left.
func ReapHash(host Host, db *keyspace.DB, key []byte, now int64, looks int) (looked int, left bool) {
	h, ok := mutableHash(db, key)
	if !ok {
		return 0, false
	}
	var gone [][]byte
	looked, _ = h.Reap(now, looks, func(field []byte) { gone = append(gone, field) })
	return looked, tellExpired(host, db, key, h, gone)
}

func mutableHash(db *keyspace.DB, key []byte) (*hash.Hash, bool) {
	obj, _ := db.MutableObject(key)
	h, ok := obj.(*hash.Hash)
	return h, ok
}

// expireFields deletes fields that have expired, as ReapHash does.
func (c *Ctx) expireFields(key []byte, fields [][]byte) (left bool) {
	h, ok := mutableHash(c.DB, key)
	if !ok {
		return false
	}
	for _, field := range fields {
		h.Delete(field)
	}
	return tellExpired(c.Host, c.DB, key, h, fields)
}

// tellExpired tells that fields were deleted because their time had come, and
// deletes the hash if none are left.
func tellExpired(host Host, db *keyspace.DB, key []byte, h *hash.Hash, fields [][]byte) (left bool) {
	if len(fields) > 0 {
		host.Effect(db.Index(), append([][]byte{wordHDEL, key}, fields...)...)
		host.Touch(db.Index(), key)
		host.Notify(Hash, "hexpired", key, db.Index())
	}
	if h.Len() > 0 {
		return true
	}
	db.Delete(key)
	host.Notify(Generic, "del", key, db.Index())
	return false
}

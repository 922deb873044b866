package command

import (
	"github.com/vedette-ha/vedette/internal/resp"
	"github.com/vedette-ha/vedette/server/keyspace"
)

// What the families of collections share. A small collection is a blob in the
// keyspace, edited in [Ctx.Scratch] and stored back; a big one is an Object,
// changed in place through DB.MutableObject.

// ReadKind finds a key for a command that reads a value of kind k: false without
// one, WRONGTYPE if the key holds something else. Hits and misses are counted.
func (c *Ctx) ReadKind(key []byte, k keyspace.Kind) (keyspace.Entry, bool, error) {
	e, ok := c.Read(key)
	return ofKind(e, ok, k)
}

// FindKind is ReadKind for a command that may change the key: nothing is counted.
func (c *Ctx) FindKind(key []byte, k keyspace.Kind) (keyspace.Entry, bool, error) {
	e, ok := c.Find(key)
	return ofKind(e, ok, k)
}

func ofKind(e keyspace.Entry, ok bool, k keyspace.Kind) (keyspace.Entry, bool, error) {
	if ok && e.Kind() != k {
		return keyspace.Entry{}, false, resp.ErrWrongType
	}
	return e, ok, nil
}

// StoreBlob makes a blob the value of key, which keeps its time to live. A new key
// is announced.
func (c *Ctx) StoreBlob(key []byte, k keyspace.Kind, enc keyspace.Encoding, blob []byte) error {
	isNew := c.isNew(c.DB, key)
	if err := c.DB.SetBlob(key, k, enc, blob, keyspace.SetOpt{KeepTTL: true}); err != nil {
		return err
	}
	if isNew {
		c.Host.Notify(NewKey, "new", key, c.DBIndex)
	}
	return nil
}

// StoreObject is StoreBlob of an Object.
func (c *Ctx) StoreObject(key []byte, o keyspace.Object) error {
	isNew := c.isNew(c.DB, key)
	if err := c.DB.SetObject(key, o, keyspace.SetOpt{KeepTTL: true}); err != nil {
		return err
	}
	if isNew {
		c.Host.Notify(NewKey, "new", key, c.DBIndex)
	}
	return nil
}

// DropEmpty deletes a collection that has become empty, after its change has been
// told, and tells that too.
func (c *Ctx) DropEmpty(key []byte) {
	c.DB.Delete(key)
	c.Host.Notify(Generic, "del", key, c.DBIndex)
}

// Replace deletes what key holds, whatever it is and whether its time has come, to
// make place for the result of a STORE; it reports whether there was something.
func (c *Ctx) Replace(key []byte) bool { return c.removeStored(key) }

package command

import (
	"github.com/vedette-ha/vedette/internal/resp"
	"github.com/vedette-ha/vedette/server/keyspace"
)

// Read finds a key for a command that reads it: the key is touched, hits and
// misses are counted and published.
func (c *Ctx) Read(key []byte) (keyspace.Entry, bool) {
	e, ok := c.find(key)
	c.count(key, ok)
	return e, ok
}

// Look is Read for what looks at a key and not at its value: it does not touch.
func (c *Ctx) Look(key []byte) (keyspace.Entry, bool) {
	e, ok := c.DB.Peek(key)
	c.count(key, ok)
	return e, ok
}

func (c *Ctx) count(key []byte, found bool) {
	if found {
		c.Lookups.Hits++
		return
	}
	c.Lookups.Misses++
	c.Host.Notify(KeyMiss, "keymiss", key, c.DBIndex)
}

// Find finds a key for a command that may change it: nothing is counted.
func (c *Ctx) Find(key []byte) (keyspace.Entry, bool) { return c.find(key) }

func (c *Ctx) find(key []byte) (keyspace.Entry, bool) {
	if c.NoTouch {
		return c.DB.Peek(key)
	}
	return c.DB.Get(key)
}

// warm gets the keys from argument at on, every step-th, into the cache all at once. Who
// walks over many keys calls it for each of them; it does something for every
// WarmMax-th.
func (c *Ctx) warm(at, step int) {
	if (at-1)/step%keyspace.WarmMax != 0 || len(c.Args)-at <= step {
		return
	}
	var keys [keyspace.WarmMax][]byte
	n := 0
	for ; n < len(keys) && at < len(c.Args); at += step {
		keys[n] = c.Args[at]
		n++
	}
	c.warmed ^= c.DB.Warm(keys[:n])
}

// ReadString is the string at key: nil and false without one, WRONGTYPE if the
// key holds something else. The bytes alias the data set.
func (c *Ctx) ReadString(key []byte) (val []byte, ok bool, err error) {
	e, ok := c.Read(key)
	if !ok {
		return nil, false, nil
	}
	if e.Kind() != keyspace.String {
		return nil, false, resp.ErrWrongType
	}
	return e.Bytes(), true, nil
}

// FindString is ReadString for a command that may change the key.
func (c *Ctx) FindString(key []byte) (e keyspace.Entry, ok bool, err error) {
	if e, ok = c.Find(key); ok && e.Kind() != keyspace.String {
		return keyspace.Entry{}, false, resp.ErrWrongType
	}
	return e, ok, nil
}

// Store makes val the string at key, in the encoding Redis would give it.
func (c *Ctx) Store(key, val []byte, o keyspace.SetOpt) error {
	return c.StoreAs(key, val, keyspace.EncodingOf(val), o)
}

// StoreAs is Store with a given encoding.
func (c *Ctx) StoreAs(key, val []byte, enc keyspace.Encoding, o keyspace.SetOpt) error {
	isNew := c.isNew(c.DB, key)
	if err := c.DB.SetString(key, val, enc, o); err != nil {
		return err
	}
	if isNew {
		c.Host.Notify(NewKey, "new", key, c.DBIndex)
	}
	return nil
}

// isNew reports whether a write to key is to be announced as a new key.
func (c *Ctx) isNew(db *keyspace.DB, key []byte) bool {
	if !c.Opt.NotifyNew {
		return false
	}
	_, there := db.Peek(key)
	return !there
}

// isMaster reports whether expiry is ours to decide.
func (c *Ctx) isMaster() bool { return c.Space.ExpirePolicy() == keyspace.ExpireDelete }

// remove deletes a key the way DEL or UNLINK would.
func (c *Ctx) remove(key []byte, lazy bool) bool {
	if lazy {
		return c.DB.Unlink(key)
	}
	return c.DB.Delete(key)
}

// removeStored deletes a key whether its time has come or not, to replace it.
func (c *Ctx) removeStored(key []byte) bool {
	policy := c.Space.ExpirePolicy()
	c.Space.SetExpirePolicy(keyspace.ExpireKeep)
	defer c.Space.SetExpirePolicy(policy)
	return c.remove(key, c.Opt.LazyServerDel)
}

// fold compares an argument with an upper-case keyword, in any case.
func fold(arg []byte, word string) bool {
	if len(arg) != len(word) {
		return false
	}
	for i := range arg {
		ch := arg[i]
		if 'a' <= ch && ch <= 'z' {
			ch -= 'a' - 'A'
		}
		if ch != word[i] {
			return false
		}
	}
	return true
}

// The words of effects.
var (
	wordSET       = []byte("SET")
	wordDEL       = []byte("DEL")
	wordUNLINK    = []byte("UNLINK")
	wordPXAT      = []byte("PXAT")
	wordKEEPTTL   = []byte("KEEPTTL")
	wordPERSIST   = []byte("PERSIST")
	wordPEXPIREAT = []byte("PEXPIREAT")

	wordHSET       = []byte("HSET")
	wordHDEL       = []byte("HDEL")
	wordHPEXPIREAT = []byte("HPEXPIREAT")
	wordHPERSIST   = []byte("HPERSIST")
	wordFIELDS     = []byte("FIELDS")
	word1          = []byte("1")
	wordLPOP       = []byte("LPOP")
	wordRPOP       = []byte("RPOP")
	wordLMOVE      = []byte("LMOVE")
	wordRPOPLPUSH  = []byte("RPOPLPUSH")
)

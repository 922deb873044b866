package keyspace

import "maps"

// twin is a Space as simple as can be. An expired key stays in its map: whether
// it is still in the Space depends on who met it.
type twin struct {
	now    int64
	policy ExpirePolicy
	dbs    []map[string]twinValue
}

type twinValue struct {
	val      string
	enc      Encoding
	expireAt int64
	object   bool
}

func (tw *twin) expired(v twinValue) bool { return v.expireAt > 0 && tw.now > v.expireAt }

func (tw *twin) get(db int, key string) (twinValue, bool) {
	v, ok := tw.dbs[db][key]
	if ok && tw.policy != ExpireKeep && tw.expired(v) {
		return twinValue{}, false
	}
	return v, ok
}

func (tw *twin) clone() []map[string]twinValue {
	var dbs []map[string]twinValue
	for _, db := range tw.dbs {
		dbs = append(dbs, maps.Clone(db))
	}
	return dbs
}

// text is an Object for tests: a mutable string.
type text struct{ s string }

func (x *text) Kind() Kind            { return Hash }
func (x *text) Encoding() Encoding    { return Hashtable }
func (x *text) Len() int              { return len(x.s) }
func (x *text) MemoryUsage(int) int64 { return int64(len(x.s)) }
func (x *text) FreeEffort() int       { return len(x.s) }
func (x *text) Freeze() Object        { c := *x; return &c }

// textOf returns the text of a value, and whether it was an Object.
func textOf(b []byte, o Object) (string, bool) {
	if o != nil {
		return o.(*text).s, true
	}
	return string(b), false
}

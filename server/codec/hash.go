package codec

import (
	"bytes"
	"cmp"
	"math"
	"slices"

	"github.com/vedette-ha/vedette/internal/listpack"
	"github.com/vedette-ha/vedette/internal/rdb"
	"github.com/vedette-ha/vedette/server/keyspace"
	"github.com/vedette-ha/vedette/server/keyspace/hash"
)

func hashType(v keyspace.Value) rdb.Type {
	switch h, _ := v.Object.(*hash.Hash); {
	case h == nil:
		return rdb.TypeHashListpack
	case h.Expiring() == 0:
		return rdb.TypeHash
	case packsTimes(h):
		return rdb.TypeHashListpackEx
	}
	return rdb.TypeHashMetadata
}

func writeHash(w *rdb.Writer, v keyspace.Value) {
	if v.Object == nil {
		w.PutString(v.Bytes)
		return
	}
	writeHashObject(w, v.Object)
}

// readHash keeps a hash packed that has few pairs and, unless it comes packed, only
// short strings.
func readHash(v *rdb.Value, l *Limits) (keyspace.Value, error) {
	switch v.Type {
	case rdb.TypeHashMetadata, rdb.TypeHashListpackEx:
		return readTimedHash(v, l)
	case rdb.TypeHashListpack:
		pairs := listpack.Len(v.Blob) / 2
		switch {
		case pairs == 0:
			return keyspace.Value{}, ErrEmpty
		case pairs > l.HashMaxEntries:
			return big(hash.FromListpack(v.Blob), nil)
		}
		return packed(keyspace.Hash, v.Blob), nil
	}
	pairs := len(v.Elements) / 2
	if pairs == 0 {
		return keyspace.Value{}, ErrEmpty
	}
	if pairs > l.HashMaxEntries || longest(v.Elements) > l.HashMaxValue || packedMax(v.Elements) > listpack.SizeMax {
		h, err := hashOfElements(v.Elements)
		return big(h, err)
	}
	lp := listpackOf(v.Elements)
	if twice(lp, 2) {
		return keyspace.Value{}, errTwice
	}
	return packed(keyspace.Hash, lp), nil
}

// writeHashObject writes the layout of the type hashType tells.
func writeHashObject(w *rdb.Writer, o keyspace.Object) {
	h := o.(*hash.Hash)
	if h.Expiring() > 0 {
		writeTimedHash(w, h)
		return
	}
	w.PutLen(uint64(h.Len()))
	for field, val := range h.All() {
		w.PutString(field)
		w.PutString(val)
	}
}

// eachOfHashObject visits the pairs in any order.
func eachOfHashObject(o keyspace.Object, visit func(field, value []byte)) {
	for field, val := range o.(*hash.Hash).All() {
		visit(field, val)
	}
}

func writeTimedHash(w *rdb.Writer, h *hash.Hash) {
	first := int64(math.MaxInt64)
	for field := range h.All() {
		if ms := h.ExpireAt(field); ms != keyspace.NoExpire {
			first = min(first, ms)
		}
	}
	w.PutFirstTime(first)
	if packsTimes(h) {
		w.PutString(packTimes(h))
		return
	}
	w.PutLen(uint64(h.Len()))
	for field, val := range h.All() {
		w.PutFieldTime(h.ExpireAt(field), first)
		w.PutString(field)
		w.PutString(val)
	}
}

// packsTimes reports whether a hash with times is written as a listpack: one that counts as
// packed, and does not hold too much for that all the same, with limits raised far.
func packsTimes(h *hash.Hash) bool {
	return h.Encoding() == keyspace.ListpackEx && packedTimesMax(h) <= listpack.SizeMax
}

// packedTimesMax is what packTimes makes at most, in bytes.
func packedTimesMax(h *hash.Hash) int {
	n := listpack.Empty
	for field, val := range h.All() {
		n += len(field) + len(val) + 3*elementOverhead
	}
	return n
}

// packTimes returns the listpack of field, value and time, the earliest first and
// those that never expire last, with a time of zero.
func packTimes(h *hash.Hash) []byte {
	type timed struct {
		field, val []byte
		at         int64
	}
	all := make([]timed, 0, h.Len())
	for field, val := range h.All() {
		all = append(all, timed{field, val, h.ExpireAt(field)})
	}
	never := func(t timed) uint64 { return uint64(t.at) } // NoExpire is the greatest
	slices.SortFunc(all, func(a, b timed) int {
		return cmp.Or(cmp.Compare(never(a), never(b)), bytes.Compare(a.field, b.field))
	})
	lp := listpack.New()
	for _, t := range all {
		lp = listpack.Append(listpack.Append(lp, t.field), t.val)
		lp = listpack.AppendInt(lp, max(t.at, 0))
	}
	return lp
}

// readTimedHash makes an Object of a hash whose fields expire.
func readTimedHash(v *rdb.Value, l *Limits) (keyspace.Value, error) {
	if len(v.Times) == 0 {
		return keyspace.Value{}, ErrEmpty
	}
	h, err := hashOfElements(v.Elements)
	if err != nil {
		return keyspace.Value{}, err
	}
	for i, ms := range v.Times {
		if ms >= 0 {
			h.SetExpire(v.Elements[2*i], ms)
		}
	}
	h.SetPacked(v.Type == rdb.TypeHashListpackEx && len(v.Times) <= l.HashMaxEntries)
	return big(h, nil)
}

// hashOfElements makes an Object of fields and values in turn; a field that is there
// twice is errTwice. It keeps nothing of the elements.
func hashOfElements(elements [][]byte) (*hash.Hash, error) {
	h := hash.New()
	for i := 0; i < len(elements); i += 2 {
		if !h.Set(elements[i], elements[i+1]) {
			return nil, errTwice
		}
	}
	return h, nil
}

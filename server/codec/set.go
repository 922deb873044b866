package codec

import (
	"strconv"

	"github.com/vedette-ha/vedette/internal/intset"
	"github.com/vedette-ha/vedette/internal/listpack"
	"github.com/vedette-ha/vedette/internal/rdb"
	"github.com/vedette-ha/vedette/server/keyspace"
	"github.com/vedette-ha/vedette/server/keyspace/set"
)

func setType(v keyspace.Value, version int) rdb.Type {
	switch {
	case v.Object != nil:
		return rdb.TypeSet
	case v.Encoding == keyspace.Intset:
		return rdb.TypeSetIntset
	}
	return rdb.TypeSetListpack.In(version)
}

func writeSet(w *rdb.Writer, v keyspace.Value) {
	switch {
	case v.Object != nil:
		writeSetObject(w, v.Object)
	case setType(v, w.Version()) == rdb.TypeSet:
		w.PutListpackElements(v.Bytes)
	default:
		w.PutString(v.Bytes)
	}
}

// readSet keeps a set packed that has few members and, unless it comes packed, only
// short ones.
func readSet(v *rdb.Value, l *Limits) (keyspace.Value, error) {
	switch v.Type {
	case rdb.TypeSetIntset:
		switch n := intset.Len(v.Blob); {
		case n == 0:
			return keyspace.Value{}, ErrEmpty
		case n > l.SetMaxIntset:
			return big(setOfElements(intsetElements(v.Blob)))
		}
		return keyspace.Value{Kind: keyspace.Set, Encoding: keyspace.Intset, Bytes: v.Blob}, nil
	case rdb.TypeSetListpack:
		switch n := listpack.Len(v.Blob); {
		case n == 0:
			return keyspace.Value{}, ErrEmpty
		case n > l.SetMaxEntries:
			return big(setOfElements(listpackElements(v.Blob)))
		}
		return packed(keyspace.Set, v.Blob), nil
	}
	return readPlainSet(v.Elements, l)
}

// readPlainSet packs a set as Redis does when it loads one: the integers it begins
// with become an intset, which goes over to a listpack when a string comes.
func readPlainSet(members [][]byte, l *Limits) (keyspace.Value, error) {
	n := len(members)
	if n == 0 {
		return keyspace.Value{}, ErrEmpty
	}
	if n > l.SetMaxIntset {
		return big(setOfElements(members))
	}
	ints, rest := leadingInts(members)
	if intset.Len(ints)+len(rest) < n {
		return keyspace.Value{}, errTwice
	}
	if len(rest) == 0 {
		return keyspace.Value{Kind: keyspace.Set, Encoding: keyspace.Intset, Bytes: ints}, nil
	}
	if n > l.SetMaxEntries || longest(members) > l.SetMaxValue || packedMax(members) > listpack.SizeMax {
		return big(setOfElements(members))
	}
	lp := listpack.New()
	for i := range intset.Len(ints) {
		lp = listpack.AppendInt(lp, intset.At(ints, i))
	}
	for _, m := range rest {
		lp = listpack.Append(lp, m)
	}
	if twice(lp, 1) {
		return keyspace.Value{}, errTwice
	}
	return packed(keyspace.Set, lp), nil
}

// leadingInts returns the integers that stand before the first member that is none,
// as an intset, and the other members.
func leadingInts(members [][]byte) (ints []byte, rest [][]byte) {
	ints = intset.New()
	for i, m := range members {
		if keyspace.EncodingOf(m) != keyspace.Int {
			return ints, members[i:]
		}
		n, _ := strconv.ParseInt(string(m), 10, 64)
		ints, _ = intset.Add(ints, n)
	}
	return ints, nil
}

// intsetElements returns the members of an intset as text.
func intsetElements(p []byte) [][]byte {
	all := make([][]byte, intset.Len(p))
	for i := range all {
		all[i] = strconv.AppendInt(nil, intset.At(p, i), 10)
	}
	return all
}

// The structure.

// writeSetObject writes the layout of TypeSet.
func writeSetObject(w *rdb.Writer, o keyspace.Object) {
	s := o.(*set.Set)
	w.PutLen(uint64(s.Len()))
	s.Each(func(m []byte) bool {
		w.PutString(m)
		return w.Err() == nil
	})
}

// setOfElements makes an Object of members; one that is there twice is errTwice.
func setOfElements(members [][]byte) (keyspace.Object, error) {
	s := set.New()
	for _, m := range members {
		if !s.Add(m) {
			return nil, errTwice
		}
	}
	return s, nil
}

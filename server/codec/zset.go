package codec

import (
	"github.com/vedette-ha/vedette/internal/listpack"
	"github.com/vedette-ha/vedette/internal/rdb"
	"github.com/vedette-ha/vedette/server/keyspace"
	"github.com/vedette-ha/vedette/server/keyspace/zset"
)

func zsetType(v keyspace.Value) rdb.Type {
	if v.Object == nil {
		return rdb.TypeZSetListpack
	}
	return rdb.TypeZSet2
}

func writeZSet(w *rdb.Writer, v keyspace.Value) {
	if v.Object == nil {
		w.PutString(v.Bytes)
		return
	}
	writeZSetObject(w, v.Object)
}

// readZSet keeps a sorted set packed that has few members and, unless it comes
// packed, only short ones.
func readZSet(v *rdb.Value, l *Limits) (keyspace.Value, error) {
	if v.Type == rdb.TypeZSetListpack {
		switch n := listpack.Len(v.Blob) / 2; {
		case n == 0:
			return keyspace.Value{}, ErrEmpty
		case n > l.ZSetMaxEntries:
			return big(zset.Unpack(v.Blob), nil)
		}
		return packed(keyspace.ZSet, v.Blob), nil
	}
	n := len(v.Elements)
	if n == 0 {
		return keyspace.Value{}, ErrEmpty
	}
	z, err := zsetOfElements(v.Elements, v.Scores)
	if err != nil {
		return keyspace.Value{}, err
	}
	if n > l.ZSetMaxEntries || longest(v.Elements) > l.ZSetMaxValue || packedMax(v.Elements) > listpack.SizeMax-n*zset.PackedScoreMax {
		return big(z, nil)
	}
	return packed(keyspace.ZSet, z.Pack(listpack.New())), nil
}

// The structure.

// writeZSetObject writes the layout of TypeZSet2, which begins with the highest score.
func writeZSetObject(w *rdb.Writer, o keyspace.Object) {
	z := o.(*zset.Set)
	w.PutLen(uint64(z.Len()))
	c := z.At(z.Len() - 1)
	for more := true; more && w.Err() == nil; more = c.Prev() {
		w.PutString(c.Member())
		w.PutScore(c.Score())
	}
}

// zsetOfElements makes an Object of members in any order; one that is there twice is
// errTwice.
func zsetOfElements(members [][]byte, scores []float64) (*zset.Set, error) {
	z := zset.New()
	for i, m := range members {
		p := z.Locate(m)
		if p.Found {
			return nil, errTwice
		}
		z.SetAt(p, m, scores[i])
	}
	return z, nil
}

package codec

import (
	"crypto/sha1"
	"encoding/binary"
	"math"
	"strconv"

	"github.com/vedette-ha/vedette/internal/intset"
	"github.com/vedette-ha/vedette/internal/listpack"
	"github.com/vedette-ha/vedette/server/keyspace"
	"github.com/vedette-ha/vedette/server/keyspace/set"
	"github.com/vedette-ha/vedette/server/keyspace/stream"
	"github.com/vedette-ha/vedette/server/keyspace/zset"
)

// Digest is what DEBUG DIGEST and DEBUG DIGEST-VALUE tell of values: equal for equal
// values, whatever their encoding, and equal to Redis's.
type Digest [sha1.Size]byte

// Xor takes p in; the order in which things are taken in does not matter.
func (d *Digest) Xor(p []byte) {
	for i, b := range sha1.Sum(p) {
		d[i] ^= b
	}
}

// Mix takes p in; the order matters.
func (d *Digest) Mix(p []byte) {
	d.Xor(p)
	*d = sha1.Sum(d[:])
}

// MixUint32 takes in a number.
func (d *Digest) MixUint32(n uint32) {
	var p [4]byte
	binary.BigEndian.PutUint32(p[:], n)
	d.Mix(p[:])
}

// kindNumbers are the numbers that stand for the kinds in a digest.
var kindNumbers = [...]uint32{
	keyspace.String: 0, keyspace.List: 1, keyspace.Set: 2, keyspace.ZSet: 3, keyspace.Hash: 4, keyspace.Stream: 6,
}

// MixValue takes in a value and whether its key expires.
func (d *Digest) MixValue(v keyspace.Value, expires bool) {
	d.MixUint32(kindNumbers[v.Kind])
	switch v.Kind {
	case keyspace.String:
		d.Mix(v.Bytes)
	case keyspace.List:
		eachOfList(v, d.Mix)
	case keyspace.Set:
		eachOfSet(v, d.Xor)
	case keyspace.ZSet:
		eachOfZSet(v, func(member []byte, score float64) {
			var text [32]byte
			d.xorPair(member, appendScore(text[:0], score))
		})
	case keyspace.Hash:
		eachOfHash(v, d.xorPair)
	case keyspace.Stream:
		d.mixStream(v.Object.(*stream.Stream))
	}
	if expires {
		d.Xor([]byte("!!expire!!"))
	}
}

// xorPair takes in two things that belong together.
func (d *Digest) xorPair(a, b []byte) {
	var pair Digest
	pair.Mix(a)
	pair.Mix(b)
	d.Xor(pair[:])
}

// appendScore appends a score with 17 digits, as C's %.17g has it.
func appendScore(dst []byte, score float64) []byte {
	switch {
	case math.IsInf(score, 1):
		return append(dst, "inf"...)
	case math.IsInf(score, -1):
		return append(dst, "-inf"...)
	}
	return strconv.AppendFloat(dst, score, 'g', 17, 64)
}

func (d *Digest) mixStream(s *stream.Stream) {
	var p stream.Packer
	var text []byte
	for it := s.Range(&p, stream.ID{}, stream.MaxID); it.Next(); {
		id := it.ID()
		text = append(strconv.AppendUint(text[:0], id.MS, 10), '.')
		d.Mix(strconv.AppendUint(text, id.Seq, 10))
		for range it.Pairs() {
			field, value := it.Pair()
			text = field.Append(text[:0])
			d.Mix(text)
			text = value.Append(text[:0])
			d.Mix(text)
		}
	}
}

// eachOfListpack visits the elements of a listpack as text, good until the next.
func eachOfListpack(lp []byte, visit func([]byte)) {
	var digits [20]byte
	for i := listpack.First(lp); i >= 0; i = listpack.Next(lp, i) {
		visit(listpack.Get(lp, i).Bytes(digits[:]))
	}
}

func eachOfList(v keyspace.Value, visit func([]byte)) {
	if v.Object == nil {
		eachOfListpack(v.Bytes, visit)
		return
	}
	eachOfListObject(v.Object, visit)
}

func eachOfSet(v keyspace.Value, visit func([]byte)) {
	switch {
	case v.Object != nil:
		v.Object.(*set.Set).Each(func(m []byte) bool {
			visit(m)
			return true
		})
	case v.Encoding == keyspace.Intset:
		var digits [20]byte
		for i := range intset.Len(v.Bytes) {
			visit(strconv.AppendInt(digits[:0], intset.At(v.Bytes, i), 10))
		}
	default:
		eachOfListpack(v.Bytes, visit)
	}
}

func eachOfZSet(v keyspace.Value, visit func(member []byte, score float64)) {
	view := zset.ViewPacked(v.Bytes)
	if v.Object != nil {
		view = zset.ViewSet(v.Object.(*zset.Set))
	}
	var digits [20]byte
	it, more := view.From(0)
	for ; more; more = it.Next() {
		visit(it.Element().Bytes(digits[:]), it.Score())
	}
}

func eachOfHash(v keyspace.Value, visit func(field, value []byte)) {
	if v.Object != nil {
		eachOfHashObject(v.Object, visit)
		return
	}
	var field []byte
	eachOfListpack(v.Bytes, func(e []byte) {
		if field == nil {
			field = append([]byte{}, e...)
			return
		}
		visit(field, e)
		field = nil
	})
}

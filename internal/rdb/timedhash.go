package rdb

import (
	"github.com/vedette-ha/vedette/internal/listpack"
)

// Hashes whose fields expire are of Redis 7.4 and later, in two forms. Both begin
// with the earliest time, in Unix ms. Unpacked, the number of fields follows, and
// for each its time, the field, the value; a time is counted from the earliest one,
// plus one, and zero if there is none. Packed, it is a listpack of field, value and
// time, as it is, in the order of the times.

// timeMax bounds a time in Unix ms: none that Redis takes needs as many bits.
const timeMax = 1 << 48

// timedHash reads a hash whose fields expire.
func (in *input) timedHash(at int64, t Type, v *Value) {
	v.Kind = KindHash
	first := in.uint64()
	if first > timeMax {
		in.fail(at, "a hash whose fields expire too late")
		return
	}
	if t == TypeHashListpackEx {
		in.packedTimes(at, v)
		return
	}
	n := in.count()
	v.Elements = in.room(n)
	v.Times = make([]int64, 0, atFirst(n))
	for ; n > 0 && in.err == nil; n-- {
		at, expire := in.offset(), int64(-1)
		if ms := in.count(); ms > timeMax {
			in.fail(at, "a field that expires too late")
		} else if ms > 0 {
			expire = max(int64(first+ms-1), 1)
		}
		v.Times = append(v.Times, expire)
		v.Elements = append(v.Elements, in.element(), in.element())
	}
	in.elems.all = v.Elements
}

// packedTimes reads the listpack of a hash whose fields expire, and unpacks it.
func (in *input) packedTimes(at int64, v *Value) {
	lp := in.listpack(nil)
	if in.err != nil {
		return
	}
	n := listpack.Len(lp)
	if n%3 != 0 {
		in.fail(at, "a hash whose fields expire with a field that is not complete")
		return
	}
	if !in.distinct(lp, n, 3) {
		in.fail(at, "a hash whose fields expire with the same element twice")
		return
	}
	for i := listpack.First(lp); i >= 0; i = listpack.Next(lp, i) {
		v.Elements = append(v.Elements, listpack.Get(lp, i).Bytes(nil))
		i = listpack.Next(lp, i)
		v.Elements = append(v.Elements, listpack.Get(lp, i).Bytes(nil))
		i = listpack.Next(lp, i)
		ms := listpack.Get(lp, i)
		if !ms.IsInt || ms.Int < 0 || ms.Int > timeMax {
			in.fail(at, "a field whose time is none")
			return
		}
		if ms.Int == 0 {
			ms.Int = -1
		}
		v.Times = append(v.Times, ms.Int)
	}
}

// PutFieldTime writes the time a field expires at in a hash of TypeHashMetadata, -1
// for never; first is the earliest.
func (w *Writer) PutFieldTime(ms, first int64) {
	if ms < 0 {
		w.PutLen(0)
		return
	}
	w.PutLen(uint64(ms - first + 1))
}

// PutFirstTime begins a hash whose fields expire.
func (w *Writer) PutFirstTime(ms int64) { w.PutTime(ms) }

// putTimedHash writes the layout of TypeHashMetadata.
func (w *Writer) putTimedHash(v *Value) {
	first := int64(timeMax)
	for _, ms := range v.Times {
		if ms >= 0 {
			first = min(first, ms)
		}
	}
	w.PutFirstTime(first)
	w.PutLen(uint64(len(v.Times)))
	for i, ms := range v.Times {
		w.PutFieldTime(ms, first)
		w.PutString(v.Elements[2*i])
		w.PutString(v.Elements[2*i+1])
	}
}

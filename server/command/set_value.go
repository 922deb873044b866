package command

import (
	"github.com/vedette-ha/vedette/internal/intset"
	"github.com/vedette-ha/vedette/internal/listpack"
	"github.com/vedette-ha/vedette/internal/resp"
	"github.com/vedette-ha/vedette/server/keyspace"
	"github.com/vedette-ha/vedette/server/keyspace/set"
)

// member is a member of a set as it is kept: an integer, or a string, which may be
// the text of an integer as well.
type member = listpack.Element

func intMember(n int64) member { return member{Int: n, IsInt: true} }

// integer returns the integer that m is or spells.
func integer(m member) (int64, bool) {
	if m.IsInt {
		return m.Int, true
	}
	return resp.ParseInt(m.Str)
}

// setValue is a set in one of its three forms. The zero value is a set without
// members to read. What setOf returns aliases the data set; see [Ctx.makeMutable].
type setValue struct {
	enc    keyspace.Encoding // Intset, Listpack or Hashtable
	blob   []byte            // unless Hashtable
	big    *set.Set          // if Hashtable
	stored bool              // big is what the key holds: it is changed in place
}

// setOf is the set that e holds, if it is there.
func setOf(e keyspace.Entry, there bool) setValue {
	if !there {
		return setValue{}
	}
	v := setValue{enc: e.Encoding()}
	if v.enc == keyspace.Hashtable {
		v.big = e.Object().(*set.Set)
	} else {
		v.blob = e.Bytes()
	}
	return v
}

// readSet finds the set at key for a command that reads it.
func (c *Ctx) readSet(key []byte) (v setValue, there bool, err error) {
	e, there, err := c.ReadKind(key, keyspace.Set)
	return setOf(e, there), there, err
}

// newSet is an empty set in the form that suits so many members, the first of which
// is given.
func (c *Ctx) newSet(first []byte, members int) setValue {
	if _, isInt := resp.ParseInt(first); isInt && members <= c.Opt.SetMaxIntset {
		return c.emptyIntset()
	}
	if members <= c.Opt.SetMaxEntries {
		return c.emptyListpack()
	}
	return setValue{enc: keyspace.Hashtable, big: set.New()}
}

func (c *Ctx) emptyIntset() setValue {
	return setValue{enc: keyspace.Intset, blob: intset.AppendEmpty(c.Scratch[:0])}
}

func (c *Ctx) emptyListpack() setValue {
	return setValue{enc: keyspace.Listpack, blob: listpack.AppendEmpty(c.Scratch[:0])}
}

// makeMutable prepares v, the set that e was just found to hold, for changes.
// [Ctx.storeSet] or a deletion of the key must follow.
func (c *Ctx) makeMutable(e keyspace.Entry, v *setValue) {
	if v.enc != keyspace.Hashtable {
		v.blob = append(c.Scratch[:0], v.blob...)
		return
	}
	o, _ := e.MutableObject()
	v.big, v.stored = o.(*set.Set), true
}

// storeSet makes v, which has members, the value at key, and keeps the expiry.
func (c *Ctx) storeSet(key []byte, v *setValue) error {
	switch {
	case v.stored:
		return nil
	case v.enc == keyspace.Hashtable:
		return c.StoreObject(key, v.big)
	}
	c.Scratch = v.blob
	return c.StoreBlob(key, keyspace.Set, v.enc, v.blob)
}

// len returns the number of members.
func (v *setValue) len() int {
	switch {
	case v.big != nil:
		return v.big.Len()
	case v.blob == nil:
		return 0
	case v.enc == keyspace.Intset:
		return intset.Len(v.blob)
	}
	return listpack.Len(v.blob)
}

// has reports whether m is a member.
func (v *setValue) has(m member) bool {
	var buf [20]byte
	switch {
	case v.big != nil:
		return v.big.Has(m.Bytes(buf[:]))
	case v.blob == nil:
		return false
	case v.enc == keyspace.Intset:
		n, isInt := integer(m)
		return isInt && intset.Has(v.blob, n)
	}
	return listpack.Find(v.blob, listpack.First(v.blob), m.Bytes(buf[:]), 0) >= 0
}

// each visits the members until visit returns false. They are good during the call.
func (v *setValue) each(visit func(member) bool) {
	switch {
	case v.big != nil:
		v.big.Each(func(m []byte) bool { return visit(member{Str: m}) })
	case v.blob == nil:
	case v.enc == keyspace.Intset:
		for i := range intset.Len(v.blob) {
			if !visit(intMember(intset.At(v.blob, i))) {
				return
			}
		}
	default:
		for at := listpack.First(v.blob); at >= 0; at = listpack.Next(v.blob, at) {
			if !visit(listpack.Get(v.blob, at)) {
				return
			}
		}
	}
}

// skipMembers leaves out what a small set has already, up to the first it has not.
func (v *setValue) skipMembers(names [][]byte) [][]byte {
	for v.big == nil && len(names) > 0 && v.has(member{Str: names[0]}) {
		names = names[1:]
	}
	return names
}

// skipStrangers leaves out what is no member, up to the first that is.
func (v *setValue) skipStrangers(names [][]byte) [][]byte {
	for len(names) > 0 && !v.has(member{Str: names[0]}) {
		names = names[1:]
	}
	return names
}

// add makes m a member, converting the set where it must be, and reports whether it
// was none.
func (v *setValue) add(o *Options, m member) bool {
	if v.big != nil {
		var buf [20]byte
		return v.big.Add(m.Bytes(buf[:]))
	}
	if v.has(m) {
		return false
	}
	v.insertNew(o, m)
	return true
}

// insertNew adds what is no member yet.
func (v *setValue) insertNew(o *Options, m member) {
	switch v.enc {
	case keyspace.Intset:
		v.addToIntset(o, m)
	case keyspace.Listpack:
		v.addToListpack(o, m)
	default:
		var buf [20]byte
		v.big.Add(m.Bytes(buf[:]))
	}
}

func (v *setValue) addToIntset(o *Options, m member) {
	if n, isInt := integer(m); isInt {
		v.blob, _ = intset.Add(v.blob, n)
		if intset.Len(v.blob) > maxIntset(o) {
			v.convertToBig()
		}
		return
	}
	if n := intset.Len(v.blob); n < o.SetMaxEntries && len(m.Str) <= o.SetMaxValue &&
		widest(v.blob) <= o.SetMaxValue && n*intElementMax+len(m.Str) < listpackMax {
		v.convertToListpack()
		v.blob = listpack.Append(v.blob, m.Str)
		return
	}
	v.convertToBig()
	v.big.Add(m.Str)
}

func (v *setValue) addToListpack(o *Options, m member) {
	var buf [20]byte
	text := m.Bytes(buf[:])
	if listpack.Len(v.blob) < o.SetMaxEntries && len(text) <= o.SetMaxValue && len(v.blob)+len(text) < listpackMax {
		v.blob = listpack.Append(v.blob, text)
		return
	}
	v.convertToBig()
	v.big.Add(text)
}

const (
	listpackMax   = listpack.SizeMax - 2*intElementMax // with room for what surrounds an element
	intElementMax = 10                                 // bytes an integer takes in a listpack
)

func maxIntset(o *Options) int { return min(o.SetMaxIntset, intset.MaxLen) }

// widest is the length of the longest text of a member: the first or the last.
func widest(s []byte) int {
	n := intset.Len(s)
	if n == 0 {
		return 0
	}
	return max(intMember(intset.At(s, 0)).Len(), intMember(intset.At(s, n-1)).Len())
}

// remove makes m no member, and reports whether it was one.
func (v *setValue) remove(m member) bool {
	var buf [20]byte
	switch v.enc {
	case keyspace.Hashtable:
		return v.big.Remove(m.Bytes(buf[:]))
	case keyspace.Intset:
		n, isInt := integer(m)
		if !isInt {
			return false
		}
		var was bool
		v.blob, was = intset.Remove(v.blob, n)
		return was
	}
	at := listpack.Find(v.blob, listpack.First(v.blob), m.Bytes(buf[:]), 0)
	if at < 0 {
		return false
	}
	v.blob = listpack.Delete(v.blob, at, 1)
	return true
}

// outgrown reports whether a small set is to be converted before so many are added.
func (v *setValue) outgrown(o *Options, n int) bool {
	return v.enc == keyspace.Listpack && n > o.SetMaxEntries || v.enc == keyspace.Intset && n > o.SetMaxIntset
}

func (v *setValue) convertToListpack() {
	lp := listpack.New()
	v.each(func(m member) bool {
		lp = listpack.AppendInt(lp, m.Int)
		return true
	})
	*v = setValue{enc: keyspace.Listpack, blob: lp}
}

func (v *setValue) convertToBig() {
	big := set.New()
	v.each(func(m member) bool {
		var buf [20]byte
		big.Add(m.Bytes(buf[:]))
		return true
	})
	*v = setValue{enc: keyspace.Hashtable, big: big}
}

// convertToIntset converts a set that has only integers, if it is not too large.
func (v *setValue) convertToIntset(o *Options) {
	if v.enc == keyspace.Intset || v.len() > maxIntset(o) {
		return
	}
	is := intset.New()
	v.each(func(m member) bool {
		n, _ := integer(m)
		is, _ = intset.Add(is, n)
		return true
	})
	*v = setValue{enc: keyspace.Intset, blob: is}
}

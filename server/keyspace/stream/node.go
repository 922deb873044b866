package stream

import (
	"errors"

	"github.com/vedette-ha/vedette/internal/listpack"
)

// A node's listpack begins with the master entry: how many entries are valid, how
// many are deleted, how many fields the first one had, those fields, and 0. Then
// come the entries: flags, milliseconds and sequence number as differences to the
// node's id, the number of fields (not with flagSameFields), fields and values in
// turn (with flagSameFields only the values), and how many elements these were, by
// which one walks backwards.
const (
	flagDeleted    = 1
	flagSameFields = 2
)

// master is what a node begins with.
type master struct {
	valid, deleted int64
	fields         int // how many
	fieldsAt       int
	end            int // the 0 behind them
}

// masterOf reads the master entry of lp.
func masterOf(lp []byte) (m master) {
	at := listpack.First(lp)
	m.valid, at = intAt(lp, at)
	m.deleted, at = intAt(lp, at)
	n, at := intAt(lp, at)
	m.fields, m.fieldsAt = int(n), at
	m.end = skip(lp, at, m.fields)
	return m
}

// intAt returns the integer at at and the next place.
func intAt(lp []byte, at int) (int64, int) {
	if b := lp[at]; b < 0x80 { // most are one byte, and the size behind it
		return int64(b), orEnd(lp, at+2)
	}
	return listpack.Get(lp, at).Int, listpack.Next(lp, at)
}

// endOfListpack is the byte behind the last element.
const endOfListpack = 0xff

func orEnd(lp []byte, at int) int {
	if lp[at] == endOfListpack {
		return -1
	}
	return at
}

// skip returns the place n elements on, -1 behind the last. The common sizes of
// elements are known here: skipping is what readers do most.
func skip(lp []byte, at, n int) int {
	for ; n > 0; n-- {
		switch b := lp[at]; {
		case b < 0x80: // an integer of seven bits
			at += 2
		case b < 0xc0: // a string of up to 63 bytes
			at += 2 + int(b&0x3f)
		default:
			if at = listpack.Next(lp, at); at < 0 {
				return -1
			}
		}
	}
	return orEnd(lp, at)
}

// setCounts writes how many entries are valid and deleted.
func setCounts(lp []byte, valid, deleted int64) []byte {
	at := listpack.First(lp)
	lp = listpack.ReplaceInt(lp, at, valid)
	return listpack.ReplaceInt(lp, listpack.Next(lp, at), deleted)
}

// newNode returns a node's listpack with the fields of the pairs it begins with and
// no entry yet.
func newNode(pairs [][]byte) []byte {
	lp := listpack.AppendEmpty(make([]byte, 0, 64))
	lp = listpack.AppendInt(lp, 0)
	lp = listpack.AppendInt(lp, 0)
	lp = listpack.AppendInt(lp, int64(len(pairs)/2))
	for i := 0; i < len(pairs); i += 2 {
		lp = listpack.Append(lp, pairs[i])
	}
	return listpack.AppendInt(lp, 0)
}

// hasFields reports whether the fields of pairs are those of the master entry.
func (m *master) hasFields(lp []byte, pairs [][]byte) bool {
	if m.fields != len(pairs)/2 {
		return false
	}
	at := m.fieldsAt
	for i := 0; i < len(pairs); i += 2 {
		if !listpack.Get(lp, at).Equal(pairs[i]) {
			return false
		}
		at = listpack.Next(lp, at)
	}
	return true
}

// appendEntry appends an entry to the node of id first.
func appendEntry(lp []byte, first, id ID, pairs [][]byte) []byte {
	m := masterOf(lp)
	fields := int64(len(pairs) / 2)
	same := m.hasFields(lp, pairs)
	lp = listpack.ReplaceInt(lp, listpack.First(lp), m.valid+1)
	flags := int64(0)
	if same {
		flags = flagSameFields
	}
	lp = listpack.AppendInt(lp, flags)
	lp = listpack.AppendInt(lp, int64(id.MS-first.MS))
	lp = listpack.AppendInt(lp, int64(id.Seq-first.Seq))
	if same {
		for i := 1; i < len(pairs); i += 2 {
			lp = listpack.Append(lp, pairs[i])
		}
		return listpack.AppendInt(lp, fields+3)
	}
	lp = listpack.AppendInt(lp, fields)
	for _, s := range pairs {
		lp = listpack.Append(lp, s)
	}
	return listpack.AppendInt(lp, 2*fields+4)
}

// entry is an entry of a node.
type entry struct {
	id     ID
	at     int // where its flags are
	flags  int64
	pairs  int // of fields and values
	dataAt int // its first field, or value if the fields are the master's
}

func (e *entry) deleted() bool { return e.flags&flagDeleted != 0 }
func (e *entry) same() bool    { return e.flags&flagSameFields != 0 }

// elements is how many elements hold the entry's fields and values.
func (e *entry) elements() int {
	if e.same() {
		return e.pairs
	}
	return 2 * e.pairs
}

// entryAt reads the entry that begins at at.
func entryAt(lp []byte, m *master, first ID, at int) (e entry) {
	e.at = at
	e.flags, at = intAt(lp, at)
	ms, at := intAt(lp, at)
	seq, at := intAt(lp, at)
	e.id = ID{first.MS + uint64(ms), first.Seq + uint64(seq)}
	e.pairs = m.fields
	if !e.same() {
		var n int64
		n, at = intAt(lp, at)
		e.pairs = int(n)
	}
	e.dataAt = at
	return e
}

// after returns where the entry behind e is, -1 if there is none.
func (e *entry) after(lp []byte) int { return skip(lp, e.dataAt, e.elements()+1) }

// before returns where the entry before the one at at (or before the end) is, -1 if
// there is none.
func before(lp []byte, at int) int {
	at = listpack.Prev(lp, at)
	n := listpack.Get(lp, at).Int
	if n == 0 {
		return -1 // the end of the master entry
	}
	for ; n > 0; n-- {
		at = listpack.Prev(lp, at)
	}
	return at
}

// findIn returns the entry of that id in a node, from the one at at on, if it is
// valid.
func findIn(lp []byte, m *master, first, id ID, at int) (entry, bool) {
	for at >= 0 {
		e := entryAt(lp, m, first, at)
		if !e.id.Less(id) {
			return e, e.id == id && !e.deleted()
		}
		at = e.after(lp)
	}
	return entry{}, false
}

// lastID is the id of the last entry, deleted or not, of a node.
func lastID(lp []byte, first ID) ID {
	at := before(lp, len(lp)-1)
	if at < 0 {
		return first
	}
	e := entryAt(lp, &master{}, first, at)
	return e.id
}

var errNode = errors.New("a node of a stream is corrupt")

// checkNode checks a node from outside from end to end. What passes is safe for all
// functions here. It returns how many entries are valid, and the id of the last, be it
// valid or not.
func checkNode(lp []byte, first ID) (valid int64, last ID, err error) {
	if listpack.Validate(lp) != nil {
		return 0, ID{}, errNode
	}
	c := checker{lp: lp, at: listpack.First(lp), left: listpack.Len(lp)}
	valid, deleted, fields := c.int(), c.int(), c.count(1)
	c.skip(fields)
	if c.int() != 0 || c.bad {
		return 0, ID{}, errNode
	}
	v, d := int64(0), int64(0)
	for ; c.left > 0 && !c.bad; last = c.id {
		gone := c.entry(first, fields)
		if c.bad || c.id.Less(first) || v+d > 0 && !last.Less(c.id) {
			return 0, ID{}, errNode
		}
		if gone {
			d++
		} else {
			v++
		}
	}
	if c.bad || v != valid || d != deleted || v+d == 0 {
		return 0, ID{}, errNode
	}
	return valid, last, nil
}

// checker walks through the elements of a node that may be anything. bad says that
// there was none left, or one of the wrong kind.
type checker struct {
	lp   []byte
	at   int
	left int // elements
	id   ID  // of the last entry
	bad  bool
}

func (c *checker) skip(n int) {
	if n > c.left {
		c.bad = true
	}
	if c.bad || n == 0 {
		return
	}
	c.at = skip(c.lp, c.at, n)
	c.left -= n
}

func (c *checker) int() int64 {
	if c.bad || c.left == 0 {
		c.bad = true
		return 0
	}
	e := listpack.Get(c.lp, c.at)
	c.bad = !e.IsInt
	c.skip(1)
	return e.Int
}

// count is an int that says that so many times per elements follow.
func (c *checker) count(per int) int {
	n := c.int()
	if n < 0 || n > int64(c.left/per) {
		c.bad = true
		return 0
	}
	return int(n)
}

// entry walks over one entry; gone says that it is deleted.
func (c *checker) entry(first ID, fields int) (gone bool) {
	before := c.left
	flags := c.int()
	ms, seq := c.int(), c.int()
	c.id = ID{first.MS + uint64(ms), first.Seq + uint64(seq)}
	if flags&^(flagDeleted|flagSameFields) != 0 {
		c.bad = true
	}
	if flags&flagSameFields != 0 {
		c.skip(fields)
	} else {
		c.skip(2 * c.count(2))
	}
	took := before - c.left
	if c.int() != int64(took) {
		c.bad = true
	}
	return flags&flagDeleted != 0
}

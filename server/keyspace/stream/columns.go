package stream

import (
	"bytes"
	"encoding/binary"
	"slices"

	"github.com/vedette-ha/vedette/internal/bitpack"
	"github.com/vedette-ha/vedette/internal/listpack"
	"github.com/vedette-ha/vedette/internal/lzf"
)

// A node to which nothing will be appended is kept as columns if it is a table: no
// entry is deleted and all have the fields of the master entry. In order:
//
//	uvarint  number of entries
//	uvarint  number of fields
//	run      milliseconds
//	varint   a sequence number, see foretell
//	run      sequence numbers, as what they are off
//	run      lengths of the fields' names
//	columns  one for each field
//	uvarint  length of the text
//	uvarint  length of the text by LZF, 0 if it is as it is
//	text     the fields' names, then the text of the columns
//
// A run is one of package bitpack, with a number for each entry, field or word. A
// column begins with its kind.
const (
	// up to decimalsMax: numbers with at most so many decimals. A run with the numbers
	// times the power of ten that makes integers of them, and if the kind is not 0, a
	// run that tells how many decimals each has.

	kindWords = 0xfe // uvarint number of words, run of their lengths, run of which it is; text: the words
	kindText  = 0xff // run of lengths; text: one value after the other
)

const (
	columnsMin  = 8       // fewer entries are not worth it
	cellsMax    = 8 << 10 // more values, or ids, are not made columns: what that takes is kept
	wordsMax    = 16      // more words are text
	textMin     = 64      // shorter text is not compressed
	decimalsMax = 18      // 10^18 is the largest power of ten that an int64 holds
)

// columns makes columns of nodes and nodes of columns. What it holds is scratch.
type columns struct {
	lp    []byte // the node that is read
	cells []cell // column by column
	run   []int64
	more  []int64
	words []listpack.Element
	text  []byte

	cols []column // those that are made a node of
	nums []int64
}

// cell is a value: a number, which is n with so many decimals, or else text.
type cell struct {
	n        int64
	at       uint32 // where it is in the node
	decimals int8   // text if negative
}

// pack appends the columns of a node to dst; false if it is none that can be columns.
func (c *columns) pack(z *lzf.Compressor, dst, lp []byte) ([]byte, bool) {
	m := masterOf(lp)
	rows := int(m.valid)
	if m.deleted != 0 || rows < columnsMin || rows > cellsMax/(m.fields+2) {
		return dst, false
	}
	c.lp, c.text = lp, c.text[:0]
	c.run, c.more = resize(c.run, rows), resize(c.more, rows)
	ms, seq := c.run, c.more
	if !c.read(&m, ms, seq) {
		return dst, false
	}
	dst = binary.AppendUvarint(dst, uint64(rows))
	dst = binary.AppendUvarint(dst, uint64(m.fields))
	dst = bitpack.Append(dst, ms)
	dst = binary.AppendVarint(dst, foretell(ms, seq))
	dst = bitpack.Append(dst, seq)
	dst = c.names(dst, &m)
	for cells := c.cells; len(cells) > 0; cells = cells[rows:] {
		dst = c.column(dst, cells[:rows])
	}
	c.lp = nil // the node is not kept for us
	clear(c.words)
	return c.packText(z, dst), true
}

// read takes the ids and values from the entries; false if one has other fields than
// the master entry.
func (c *columns) read(m *master, ms, seq []int64) bool {
	lp, rows := c.lp, len(ms)
	c.cells = resize(c.cells, rows*m.fields)
	at := listpack.Next(lp, m.end)
	for i := range rows {
		var flags int64
		flags, at = intAt(lp, at)
		if flags != flagSameFields {
			return false
		}
		ms[i], at = intAt(lp, at)
		seq[i], at = intAt(lp, at)
		for to := i; to < len(c.cells); to += rows {
			e, next := listpack.Step(lp, at)
			n, decimals := number(&e)
			c.cells[to] = cell{n, uint32(at), decimals}
			at = next
		}
		_, at = intAt(lp, at) // how many elements these were
	}
	return at < 0
}

// foretell makes sequence numbers what they are off from what is to be expected: one
// more than the last, or, when the milliseconds change, what they were when that first
// happened. For ids that were generated there is nothing left.
func foretell(ms, seq []int64) (reset int64) {
	for i := len(ms) - 1; i > 0; i-- {
		if ms[i] != ms[i-1] {
			reset = seq[i]
		}
	}
	for i := len(ms) - 1; i > 0; i-- {
		if ms[i] == ms[i-1] {
			seq[i] -= seq[i-1] + 1
		} else {
			seq[i] -= reset
		}
	}
	return reset
}

// names puts the fields' names into the text.
func (c *columns) names(dst []byte, m *master) []byte {
	c.run = resize(c.run, m.fields)
	at := m.fieldsAt
	for i := range c.run {
		e := listpack.Get(c.lp, at)
		at = listpack.Next(c.lp, at)
		c.run[i] = int64(e.Len())
		c.text = e.Append(c.text)
	}
	return bitpack.Append(dst, c.run)
}

// column appends the column of a field.
func (c *columns) column(dst []byte, cells []cell) []byte {
	c.run = resize(c.run, len(cells))
	if decimals, ok := c.numbers(cells); ok {
		dst = bitpack.Append(append(dst, byte(decimals)), c.run)
		if decimals == 0 {
			return dst
		}
		return bitpack.Append(dst, c.more)
	}
	if c.isWords(cells) {
		dst = append(dst, kindWords)
		dst = binary.AppendUvarint(dst, uint64(len(c.words)))
		c.more = resize(c.more, len(c.words))
		for i, w := range c.words {
			c.more[i] = int64(w.Len())
			c.text = w.Append(c.text)
		}
		return bitpack.Append(bitpack.Append(dst, c.more), c.run)
	}
	for i := range cells {
		e := listpack.Get(c.lp, int(cells[i].at))
		c.run[i] = int64(e.Len())
		c.text = e.Append(c.text)
	}
	return bitpack.Append(append(dst, kindText), c.run)
}

// numbers fills run with integers, and more with how many decimals each has, if all
// are numbers. It returns how many decimals that are at the most.
func (c *columns) numbers(cells []cell) (decimals int8, ok bool) {
	c.more = resize(c.more, len(cells))
	for i := range cells {
		if cells[i].decimals < 0 {
			return 0, false
		}
		c.run[i], c.more[i] = cells[i].n, int64(cells[i].decimals)
		decimals = max(decimals, cells[i].decimals)
	}
	if decimals == 0 {
		return 0, true
	}
	for i, n := range c.run {
		by := powers[decimals-cells[i].decimals]
		if c.run[i] = n * by; by > 1 && c.run[i]/by != n {
			return 0, false
		}
	}
	return decimals, true
}

// powers are the powers of ten.
var powers = [decimalsMax + 1]int64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9,
	1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18}

// number returns the integer that e is without its decimal point, and how many
// decimals it has: -1 if it is no number, or one written as we would not.
func number(e *listpack.Element) (n int64, decimals int8) {
	if e.IsInt {
		return e.Int, 0
	}
	digits := e.Str
	minus := len(digits) > 0 && digits[0] == '-'
	if minus {
		digits = digits[1:]
	}
	if len(digits) < len("0.0") || len(digits) > decimalsMax || digits[0] == '0' && digits[1] != '.' {
		return 0, -1
	}
	point := 0
	for i, d := range digits {
		switch {
		case d-'0' <= 9:
			n = 10*n + int64(d-'0')
		case d == '.' && point == 0 && i > 0:
			point = i
		default:
			return 0, -1
		}
	}
	decimals = int8(len(digits) - 1 - point)
	if point == 0 || decimals == 0 || minus && n == 0 {
		return 0, -1
	}
	if minus {
		n = -n
	}
	return n, decimals
}

// isWords fills words with what the cells are, if that is only a few, and run with
// which each is.
func (c *columns) isWords(cells []cell) bool {
	clear(c.words)
	c.words = c.words[:0]
	for i := range cells {
		e := listpack.Get(c.lp, int(cells[i].at))
		which := slices.IndexFunc(c.words, func(w listpack.Element) bool {
			return w.IsInt == e.IsInt && w.Int == e.Int && bytes.Equal(w.Str, e.Str)
		})
		if which < 0 {
			if len(c.words) == min(wordsMax, len(cells)/2) {
				return false
			}
			which, c.words = len(c.words), append(c.words, e)
		}
		c.run[i] = int64(which)
	}
	return true
}

// packText appends the text.
func (c *columns) packText(z *lzf.Compressor, dst []byte) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(c.text)))
	if len(c.text) >= textMin {
		at := len(dst)
		dst = append(dst, 0, 0, 0) // room for the length
		if out, ok := z.Append(dst, c.text, len(c.text)-len(c.text)/8); ok {
			n := len(out) - len(dst)
			size := binary.PutUvarint(out[at:], uint64(n))
			return append(out[:at+size], out[len(dst):]...)
		}
		dst = dst[:at]
	}
	return append(append(dst, 0), c.text...)
}

// resize returns s with n places, whatever they hold.
func resize[E any](s []E, n int) []E { return slices.Grow(s[:0], n)[:n] }

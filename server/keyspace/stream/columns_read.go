package stream

import (
	"encoding/binary"

	"github.com/vedette-ha/vedette/internal/bitpack"
	"github.com/vedette-ha/vedette/internal/listpack"
	"github.com/vedette-ha/vedette/internal/lzf"
)

// rowsOf returns how many entries a packed node has.
func rowsOf(packed []byte) int64 {
	n, _ := binary.Uvarint(packed)
	return int64(n)
}

// firstID returns the id of the first entry of the packed node of id first.
func (c *columns) firstID(packed []byte, first ID) ID {
	r := reader{src: packed}
	rows := r.uvarint()
	r.uvarint()
	c.nums = resize(c.nums, 2*rows)
	r.nums = c.nums
	ms := r.run(rows)
	r.varint()
	seq := r.run(rows)
	return ID{first.MS + uint64(ms[0]), first.Seq + uint64(seq[0])}
}

// unpack appends to dst the listpack that pack made columns of.
func (c *columns) unpack(dst, packed []byte) []byte {
	r := reader{src: packed}
	rows, fields := r.uvarint(), r.uvarint()
	c.nums = resize(c.nums, (fields+1)*(2*rows+wordsMax)+fields)
	r.nums = c.nums
	ms := r.run(rows)
	reset := r.varint()
	seq := r.run(rows)
	retell(ms, seq, reset)
	names := r.run(fields)
	c.cols = resize(c.cols, fields)
	for i := range c.cols {
		c.cols[i] = r.column(rows)
	}
	c.text = r.text(c.text[:0])
	text := c.text

	at := len(dst)
	dst = listpack.Begin(dst)
	dst = listpack.AddInt(dst, int64(rows))
	dst = listpack.AddInt(dst, 0)
	dst = listpack.AddInt(dst, int64(fields))
	for _, n := range names {
		dst = listpack.AddElement(dst, text[:n])
		text = text[n:]
	}
	for i := range c.cols {
		text = c.cols[i].take(text)
	}
	dst = listpack.AddInt(dst, 0)
	for i := range rows {
		dst = listpack.AddInt(dst, flagSameFields)
		dst = listpack.AddInt(dst, ms[i])
		dst = listpack.AddInt(dst, seq[i])
		for k := range c.cols {
			dst = c.cols[k].add(dst, i)
		}
		dst = listpack.AddInt(dst, int64(fields)+3)
	}
	return listpack.Finish(dst, at, fields+4+rows*(fields+4))
}

// retell undoes foretell.
func retell(ms, seq []int64, reset int64) {
	for i := 1; i < len(ms); i++ {
		if ms[i] == ms[i-1] {
			seq[i] += seq[i-1] + 1
		} else {
			seq[i] += reset
		}
	}
}

// column is a column that is read.
type column struct {
	kind    byte
	run     []int64 // the numbers; which word; the lengths
	scale   []int64 // how many decimals the numbers have; the lengths of the words
	written []byte  // the text that is left
	words   [wordsMax][]byte
}

// take gives the column its part of the text, and returns what is behind it.
func (c *column) take(text []byte) (rest []byte) {
	switch c.kind {
	case kindWords:
		for i, n := range c.scale {
			c.words[i], text = text[:n], text[n:]
		}
	case kindText:
		all := int64(0)
		for _, n := range c.run {
			all += n
		}
		c.written, text = text[:all], text[all:]
	}
	return text
}

// add appends the value of an entry to a listpack. Entries come one after the other.
func (c *column) add(dst []byte, row int) []byte {
	n := c.run[row]
	switch {
	case c.kind == 0:
		return listpack.AddInt(dst, n)
	case c.kind == kindWords:
		return listpack.AddElement(dst, c.words[n])
	case c.kind == kindText:
		s := c.written[:n]
		c.written = c.written[n:]
		return listpack.AddElement(dst, s)
	}
	decimals := int(c.scale[row])
	if more := int(c.kind) - decimals; more > 0 {
		n /= powers[more]
	}
	if decimals == 0 {
		return listpack.AddInt(dst, n)
	}
	return addDecimal(dst, n, decimals)
}

// addDecimal appends n with a decimal point before so many of its digits.
func addDecimal(dst []byte, n int64, decimals int) []byte {
	var buf [decimalsMax + len("-0.")]byte
	rest, at := uint64(max(n, -n)), len(buf)
	for i := 0; i <= decimals || rest > 0; i++ {
		if i == decimals {
			at--
			buf[at] = '.'
		}
		at--
		buf[at] = '0' + byte(rest%10)
		rest /= 10
	}
	if n < 0 {
		at--
		buf[at] = '-'
	}
	return listpack.AddElement(dst, buf[at:])
}

// reader is the place up to which columns have been read.
type reader struct {
	src  []byte
	nums []int64 // room for runs
}

func (r *reader) uvarint() int {
	n, size := binary.Uvarint(r.src)
	r.src = r.src[size:]
	return int(n)
}

func (r *reader) varint() int64 {
	n, size := binary.Varint(r.src)
	r.src = r.src[size:]
	return n
}

func (r *reader) run(n int) (run []int64) {
	run, r.nums = r.nums[:n:n], r.nums[n:]
	r.src = bitpack.Decode(run, r.src)
	return run
}

// column reads all of a column but its text.
func (r *reader) column(rows int) (c column) {
	c.kind = r.src[0]
	r.src = r.src[1:]
	switch c.kind {
	case kindWords:
		c.scale = r.run(r.uvarint())
		c.run = r.run(rows)
	case 0, kindText:
		c.run = r.run(rows)
	default:
		c.run = r.run(rows)
		c.scale = r.run(rows)
	}
	return c
}

// text returns the text, in buf if it was compressed.
func (r *reader) text(buf []byte) []byte {
	size, packed := r.uvarint(), r.uvarint()
	if packed == 0 {
		return append(buf, r.src[:size]...)
	}
	text, err := lzf.AppendDecompress(buf, r.src[:packed], size)
	if err != nil {
		panic("stream: text we compressed does not unpack: " + err.Error())
	}
	return text
}

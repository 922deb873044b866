package command

import (
	"slices"
	"strconv"

	"github.com/vedette-ha/vedette/internal/listpack"
	"github.com/vedette-ha/vedette/internal/resp"
	"github.com/vedette-ha/vedette/server/keyspace/stream"
)

// XRANGE key start end [COUNT n], and XREVRANGE key end start [COUNT n]
func cmdXRange(c *Ctx, backward bool) error {
	fromArg, toArg := c.Args[2], c.Args[3]
	if backward {
		fromArg, toArg = toArg, fromArg
	}
	from, err := parseFrom(fromArg)
	if err != nil {
		return err
	}
	to, err := parseTo(toArg)
	if err != nil {
		return err
	}
	count, err := parseRangeCount(c.Args[4:])
	if err != nil {
		return err
	}
	s, err := c.readStream(c.Args[1])
	switch {
	case err != nil:
		return err
	case s == nil:
		c.Out.Array(0)
		return nil
	case count == 0:
		c.Out.NullArray()
		return nil
	}
	it := s.Range(c.Streams, from, to)
	if backward {
		it = s.RevRange(c.Streams, from, to)
	}
	mark, n := c.beginArray(), 0
	for n != count && it.Next() {
		c.replyEntry(&it)
		n++
	}
	c.endArray(mark, n)
	return nil
}

// parseRangeCount reads COUNT; -1 is no limit.
func parseRangeCount(args [][]byte) (int, error) {
	count := -1
	for ; len(args) > 0; args = args[2:] {
		if len(args) < 2 || !fold(args[0], "COUNT") {
			return 0, resp.ErrSyntax
		}
		n, ok := resp.ParseInt(args[1])
		if !ok {
			return 0, resp.ErrNotInteger
		}
		count = int(max(n, 0))
	}
	return count, nil
}

// replyEntry writes an id with its fields and values.
func (c *Ctx) replyEntry(it *stream.Iter) {
	c.Out.Array(2)
	c.replyID(it.ID())
	n := it.Pairs()
	c.Out.Array(2 * n)
	for range n {
		field, value := it.Pair()
		c.replyElement(field)
		c.replyElement(value)
	}
}

func (c *Ctx) replyElement(e listpack.Element) {
	if e.IsInt {
		c.Out.BulkInt(e.Int)
		return
	}
	c.Out.Bulk(e.Str)
}

func (c *Ctx) replyID(id stream.ID) {
	var text [2*20 + 1]byte
	c.Out.Bulk(id.Append(text[:0]))
}

// replyEntryOf writes the entry of that id and reports whether there is one.
func (c *Ctx) replyEntryOf(s *stream.Stream, id stream.ID) bool {
	it := s.Range(c.Streams, id, id)
	if !it.Next() {
		return false
	}
	c.replyEntry(&it)
	return true
}

// beginArray begins an array whose length endArray will know.
func (c *Ctx) beginArray() (mark int) {
	mark = len(c.Out.Buf)
	c.Out.Array(0)
	return mark
}

// endArray writes the length of the array that began at mark.
func (c *Ctx) endArray(mark, n int) {
	if n < 10 {
		c.Out.Buf[mark+1] = byte('0' + n)
		return
	}
	var digits [20]byte
	text := strconv.AppendInt(digits[:0], int64(n), 10)
	c.Out.Buf = slices.Replace(c.Out.Buf, mark+1, mark+2, text...)
}

// insertID puts the reply of an id before what was written from at on.
func (c *Ctx) insertID(at int, id stream.ID) {
	end := len(c.Out.Buf)
	c.replyID(id)
	c.Scratch = append(c.Scratch[:0], c.Out.Buf[end:]...)
	c.Out.Buf = slices.Insert(c.Out.Buf[:end], at, c.Scratch...)
}

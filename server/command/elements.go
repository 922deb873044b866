package command

import (
	"github.com/vedette-ha/vedette/internal/listpack"
	"github.com/vedette-ha/vedette/internal/resp"
)

// writeElement replies with an element, as a string.
func (c *Ctx) writeElement(e listpack.Element) {
	if e.IsInt {
		c.Out.BulkInt(e.Int)
		return
	}
	c.Out.Bulk(e.Str)
}

// writeElements replies with n elements of a listpack from the one at at on, or as many
// as there are, and returns how many are missing. With other, it is every other element:
// members without their scores, fields without their values.
func (c *Ctx) writeElements(lp []byte, at, n int, other bool) (missing int) {
	buf := c.Out.Buf // a copy may stay in registers
	for ; n > 0 && at >= 0; n-- {
		if from, size, ok := listpack.Short(lp, at); ok {
			buf = resp.AppendShort(buf, lp, from, size)
		} else {
			c.Out.Buf = buf
			c.writeElement(listpack.Get(lp, at))
			buf = c.Out.Buf
		}
		if at = listpack.Next(lp, at); other && at >= 0 {
			at = listpack.Next(lp, at)
		}
	}
	c.Out.Buf = buf
	return n
}

package command

import (
	"github.com/vedette-ha/vedette/internal/listpack"
	"github.com/vedette-ha/vedette/internal/resp"
)

// writeElement replies with an element.
func writeElement(w *resp.Writer, e listpack.Element) {
	if e.IsInt {
		w.BulkInt(e.Int)
		return
	}
	w.Bulk(e.Str)
}

// writeElements replies with n elements of a listpack from the one at at on, or as many
// as there are, and returns how many are missing. With other, it is every other element:
// members without their scores, fields without their values.
func writeElements(w *resp.Writer, lp []byte, at, n int, other bool) (missing int) {
	buf := w.Buf // a copy may stay in registers
	for ; n > 0 && at >= 0; n-- {
		if from, size, ok := listpack.Short(lp, at); ok {
			buf = resp.AppendShort(buf, lp, from, size)
		} else {
			w.Buf = buf
			writeElement(w, listpack.Get(lp, at))
			buf = w.Buf
		}
		if at = listpack.Next(lp, at); other && at >= 0 {
			at = listpack.Next(lp, at)
		}
	}
	w.Buf = buf
	return n
}

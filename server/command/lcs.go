package command

import "github.com/vedette-ha/vedette/internal/resp"

// lcsOptions are LCS's words after the keys.
type lcsOptions struct {
	length, idx, withLen bool
	minLen               int
}

// LCS key1 key2 [LEN] [IDX] [MINMATCHLEN len] [WITHMATCHLEN]
func cmdLCS(c *Ctx) error {
	a, _, err := c.ReadString(c.Args[1])
	b, _, err2 := c.ReadString(c.Args[2]) // both are looked up, whatever the first is
	if err != nil || err2 != nil {
		return resp.Errorf("ERR The specified keys must contain string values")
	}
	o, err := parseLCSOptions(c.Args[3:])
	if err != nil {
		return err
	}
	if o.length && o.idx {
		return resp.Errorf("ERR If you want both the length and indexes, please just use IDX.")
	}
	if cells := uint64(len(a)+1) * uint64(len(b)+1); cells > uint64(c.Opt.ProtoMaxBulkLen)/lcsCellBytes {
		return resp.Errorf("ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len")
	}
	t := newLCSTable(a, b)
	switch {
	case o.idx:
		t.writeMatches(c.Out, &o)
	case o.length:
		c.Out.Int(int64(t.at(len(a), len(b))))
	default:
		c.Out.Bulk(t.text())
	}
	return nil
}

func parseLCSOptions(args [][]byte) (o lcsOptions, err error) {
	for i := 0; i < len(args); i++ {
		switch {
		case fold(args[i], "LEN"):
			o.length = true
		case fold(args[i], "IDX"):
			o.idx = true
		case fold(args[i], "WITHMATCHLEN"):
			o.withLen = true
		case fold(args[i], "MINMATCHLEN") && i+1 < len(args):
			i++
			v, ok := resp.ParseInt(args[i])
			if !ok {
				return o, resp.ErrNotInteger
			}
			o.minLen = int(max(v, 0))
		default:
			return o, resp.ErrSyntax
		}
	}
	return o, nil
}

// lcsCellBytes is what a cell of the table takes, which is bounded by
// proto-max-bulk-len: the command holds the loop for as long as it is filled.
const lcsCellBytes = 4

// lcsTable is the classic dynamic programming table of the longest common
// subsequence: cell (i, j) is the length for the first i and j bytes.
type lcsTable struct {
	a, b  []byte
	cells []uint32
}

func newLCSTable(a, b []byte) *lcsTable {
	t := &lcsTable{a, b, make([]uint32, (len(a)+1)*(len(b)+1))}
	w := len(b) + 1
	for i := 1; i <= len(a); i++ {
		row, above := t.cells[i*w:(i+1)*w], t.cells[(i-1)*w:i*w]
		for j := 1; j <= len(b); j++ {
			if a[i-1] == b[j-1] {
				row[j] = above[j-1] + 1
			} else {
				row[j] = max(above[j], row[j-1])
			}
		}
	}
	return t
}

func (t *lcsTable) at(i, j int) uint32 { return t.cells[i*(len(t.b)+1)+j] }

// walk goes from the end to the start and calls fn for each byte in common.
func (t *lcsTable) walk(fn func(i, j int)) {
	i, j := len(t.a), len(t.b)
	for i > 0 && j > 0 {
		switch {
		case t.a[i-1] == t.b[j-1]:
			i, j = i-1, j-1
			fn(i, j)
		case t.at(i-1, j) > t.at(i, j-1):
			i--
		default:
			j--
		}
	}
}

func (t *lcsTable) text() []byte {
	n := int(t.at(len(t.a), len(t.b)))
	out := make([]byte, n)
	t.walk(func(i, _ int) {
		n--
		out[n] = t.a[i]
	})
	return out
}

// lcsRange is a run of bytes in common: [aFrom, aTo] of one, [bFrom, bTo] of the other.
type lcsRange struct{ aFrom, aTo, bFrom, bTo int }

// ranges are the runs, last first, as Redis lists them.
func (t *lcsTable) ranges() []lcsRange {
	var rs []lcsRange
	t.walk(func(i, j int) {
		if n := len(rs); n > 0 && rs[n-1].aFrom == i+1 && rs[n-1].bFrom == j+1 {
			rs[n-1].aFrom, rs[n-1].bFrom = i, j
			return
		}
		rs = append(rs, lcsRange{i, i, j, j})
	})
	return rs
}

func (t *lcsTable) writeMatches(o *resp.Writer, opt *lcsOptions) {
	rs := t.ranges()
	kept := rs[:0]
	for _, r := range rs {
		if r.aTo-r.aFrom+1 >= opt.minLen {
			kept = append(kept, r)
		}
	}
	o.Map(2)
	o.BulkString("matches")
	o.Array(len(kept))
	for _, r := range kept {
		if opt.withLen {
			o.Array(3)
		} else {
			o.Array(2)
		}
		writePair(o, r.aFrom, r.aTo)
		writePair(o, r.bFrom, r.bTo)
		if opt.withLen {
			o.Int(int64(r.aTo - r.aFrom + 1))
		}
	}
	o.BulkString("len")
	o.Int(int64(t.at(len(t.a), len(t.b))))
}

func writePair(o *resp.Writer, from, to int) {
	o.Array(2)
	o.Int(int64(from))
	o.Int(int64(to))
}

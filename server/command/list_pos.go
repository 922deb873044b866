package command

import (
	"github.com/vedette-ha/vedette/internal/resp"
	"github.com/vedette-ha/vedette/server/keyspace"
	"github.com/vedette-ha/vedette/server/keyspace/list"
)

// lposOptions are LPOS's words after the element.
type lposOptions struct {
	rank, count, maxLen int64
	all                 bool // COUNT was given: the reply is an array
}

// LPOS key element [RANK rank] [COUNT num-matches] [MAXLEN len]
func cmdLPos(c *Ctx) error {
	o, err := parseLPos(c.Args[3:])
	if err != nil {
		return err
	}
	e, there, err := c.ReadKind(c.Args[1], keyspace.List)
	if err != nil {
		return err
	}
	var found []int
	if there {
		found = o.find(viewList(e), c.Args[2])
	}
	switch {
	case o.all:
		c.Out.Array(len(found))
		for _, i := range found {
			c.Out.Int(int64(i))
		}
	case len(found) > 0:
		c.Out.Int(int64(found[0]))
	default:
		c.Out.Null()
	}
	return nil
}

func parseLPos(args [][]byte) (o lposOptions, err error) {
	o.rank, o.count = 1, 1
	for ; len(args) > 0; args = args[2:] {
		if len(args) < 2 {
			return o, resp.ErrSyntax
		}
		v, ok := resp.ParseInt(args[1])
		switch {
		case fold(args[0], "RANK"):
			if !ok {
				return o, resp.ErrNotInteger
			}
			if v == -1<<63 {
				return o, resp.Errorf("ERR value is out of range, value must between %d and %d", -1<<63+1, 1<<63-1)
			}
			if v == 0 {
				return o, resp.Errorf("ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... or use negative to start from the end of the list")
			}
			o.rank = v
		case fold(args[0], "COUNT"):
			if !ok || v < 0 {
				return o, resp.Errorf("ERR COUNT can't be negative")
			}
			o.count, o.all = v, true
		case fold(args[0], "MAXLEN"):
			if !ok || v < 0 {
				return o, resp.Errorf("ERR MAXLEN can't be negative")
			}
			o.maxLen = v
		default:
			return o, resp.ErrSyntax
		}
	}
	return o, nil
}

// find is where elements equal to s are, as the options ask for.
func (o *lposOptions) find(l *list.List, s []byte) (found []int) {
	rank, at, step := o.rank, 0, 1
	if rank < 0 {
		rank, at, step = -rank, l.Len()-1, -1
	}
	it := l.Iter(at, step < 0)
	for seen := int64(0); o.maxLen == 0 || seen < o.maxLen; seen++ {
		e, ok := it.Next()
		if !ok {
			break
		}
		if e.Equal(s) {
			if rank--; rank <= 0 {
				found = append(found, at)
				if int64(len(found)) == o.count {
					break
				}
			}
		}
		at += step
	}
	return found
}

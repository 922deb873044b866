package command

import (
	"strconv"

	"github.com/vedette-ha/vedette/internal/glob"
	"github.com/vedette-ha/vedette/internal/listpack"
	"github.com/vedette-ha/vedette/internal/resp"
)

// HSCAN key cursor [MATCH pattern] [COUNT count] [NOVALUES]
func cmdHScan(c *Ctx) error {
	cursor, ok := parseCursor(c.Args[2])
	if !ok {
		return resp.Errorf("ERR invalid cursor")
	}
	v, there, err := c.readHash(c.Args[1])
	if err != nil {
		return err
	}
	if !there {
		c.scanReply(0)
		c.Out.Array(0)
		return nil
	}
	words, noValues := cutWord(c.Args[3:], "NOVALUES")
	o, err := parseScanOptions(words, false)
	if err != nil {
		return err
	}
	found := scanned{match: o.match, noValues: noValues}
	next := v.scan(cursor, o.count, found.add)
	c.scanReply(next)
	c.Out.Array(len(found.elements))
	for _, e := range found.elements {
		c.writeElement(e)
	}
	return nil
}

// cutWord removes an option without an argument, where it stands for itself.
func cutWord(args [][]byte, word string) (rest [][]byte, found bool) {
	for i := 0; i < len(args); i += 2 {
		if fold(args[i], word) {
			rest = append(append(rest, args[:i]...), args[i+1:]...)
			return rest, true
		}
	}
	return args, false
}

// scanReply begins the reply of a scan: the elements' array must follow.
func (c *Ctx) scanReply(next uint64) {
	c.Out.Array(2)
	c.Out.BulkString(strconv.FormatUint(next, 10))
}

// scanned collects what a scan of a hash visits.
type scanned struct {
	match    []byte // nil: everything
	noValues bool
	elements []listpack.Element
	room     [20]byte
}

func (s *scanned) add(field, val listpack.Element) {
	if s.match != nil && !glob.Match(s.match, field.Bytes(s.room[:])) {
		return
	}
	s.elements = append(s.elements, field)
	if !s.noValues {
		s.elements = append(s.elements, val)
	}
}

// scan visits all of a listpack, or about count fields of a big hash, and returns
// the cursor to go on with.
func (v *hashView) scan(cursor uint64, count int, visit func(field, val listpack.Element)) uint64 {
	if v.big == nil {
		for at := v.first(); at >= 0; at = listpack.Next(v.lp, at) {
			field := listpack.Get(v.lp, at)
			at = listpack.Next(v.lp, at)
			visit(field, listpack.Get(v.lp, at))
		}
		return 0
	}
	visited := 0
	for {
		cursor = v.big.Scan(cursor, func(field, val []byte) {
			visited++
			if !v.big.Expired(field, v.now) {
				visit(listpack.Element{Str: field}, listpack.Element{Str: val})
			}
		})
		if cursor == 0 || visited >= count {
			return cursor
		}
	}
}

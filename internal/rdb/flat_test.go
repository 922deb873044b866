package rdb_test

import (
	"encoding/binary"
	"math"
	"strconv"

	"github.com/vedette-ha/vedette/internal/listpack"
	"github.com/vedette-ha/vedette/internal/rdb"
)

// flat returns a value with all its elements in Elements, however it is packed.
func flat(v rdb.Value) rdb.Value {
	switch {
	case v.Type == rdb.TypeSetIntset:
		width := int(binary.LittleEndian.Uint32(v.Blob))
		for p := v.Blob[8:]; len(p) > 0; p = p[width:] {
			var wide [8]byte
			copy(wide[:], p[:width])
			shift := 64 - 8*width
			n := int64(binary.LittleEndian.Uint64(wide[:])<<shift) >> shift
			v.Elements = append(v.Elements, strconv.AppendInt(nil, n, 10))
		}
	case v.Kind == rdb.KindList:
		for _, n := range v.Nodes {
			if n.Plain {
				v.Elements = append(v.Elements, n.Bytes)
			} else {
				v.Elements = append(v.Elements, elementsOf(n.Bytes)...)
			}
		}
	case v.Type == rdb.TypeZSetListpack:
		for i, e := range elementsOf(v.Blob) {
			if i%2 == 0 {
				v.Elements = append(v.Elements, e)
				continue
			}
			score, err := strconv.ParseFloat(string(e), 64)
			if err != nil {
				score = math.NaN()
			}
			v.Scores = append(v.Scores, score)
		}
	case v.Blob != nil:
		v.Elements = elementsOf(v.Blob)
	}
	return v
}

func elementsOf(lp []byte) (all [][]byte) {
	for i := listpack.First(lp); i >= 0; i = listpack.Next(lp, i) {
		all = append(all, listpack.Get(lp, i).Append([]byte{}))
	}
	return all
}

// streamEntry is an entry of a stream: fields and values in turn.
type streamEntry struct {
	ID     rdb.StreamID
	Fields [][]byte
}

// entriesOf returns the entries of a stream that were not deleted.
func entriesOf(s *rdb.Stream) (entries []streamEntry) {
	for _, n := range s.Nodes {
		all := elementsOf(n.Listpack)
		next := func() []byte {
			e := all[0]
			all = all[1:]
			return e
		}
		number := func() uint64 {
			n, _ := strconv.ParseInt(string(next()), 10, 64)
			return uint64(n)
		}
		number()
		number()
		master := make([][]byte, number())
		for i := range master {
			master[i] = next()
		}
		number()
		for len(all) > 0 {
			flags := number()
			e := streamEntry{ID: rdb.StreamID{MS: n.ID.MS + number(), Seq: n.ID.Seq + number()}}
			if flags&2 != 0 {
				for _, f := range master {
					e.Fields = append(e.Fields, f, next())
				}
			} else {
				for range 2 * number() {
					e.Fields = append(e.Fields, next())
				}
			}
			number()
			if flags&1 == 0 {
				entries = append(entries, e)
			}
		}
	}
	return entries
}

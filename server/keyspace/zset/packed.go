package zset

import (
	"bytes"
	"math"
	"strconv"
	"unsafe"

	"github.com/vedette-ha/vedette/internal/listpack"
	"github.com/vedette-ha/vedette/internal/resp"
)

// The packed form: a listpack of members and scores in turn, in order. Scores are
// integers where they are integral, else the text that is printed in replies.

// PackedFind returns where a member is in a packed set, and its score; -1 if it is
// not there.
func PackedFind(lp, member []byte) (at int, score float64) {
	if at = listpack.Find(lp, listpack.First(lp), member, 1); at < 0 {
		return -1, 0
	}
	return at, packedScore(lp, listpack.Next(lp, at))
}

// PackedInsert adds a member that is not there. As append does, it may return
// other memory.
func PackedInsert(lp, member []byte, score float64) []byte {
	at := listpack.First(lp)
	for at >= 0 {
		next := listpack.Next(lp, at)
		s := packedScore(lp, next)
		if s > score || s == score && compare(listpack.Get(lp, at), member) > 0 {
			break
		}
		at = listpack.Next(lp, next)
	}
	if at < 0 {
		at = len(lp) - 1
	}
	lp = insertScore(lp, at, score)
	return listpack.Insert(lp, at, member)
}

// PackedAppend adds a member that comes behind all others.
func PackedAppend(lp, member []byte, score float64) []byte {
	lp = listpack.Append(lp, member)
	return insertScore(lp, len(lp)-1, score)
}

// PackedDelete removes the member at at, and n-1 more behind it.
func PackedDelete(lp []byte, at, n int) []byte { return listpack.Delete(lp, at, 2*n) }

// PackedSize is at most what a member takes with its score, in bytes.
func PackedSize(member []byte) int {
	return listpack.SizeOf(member) + PackedScoreMax
}

// PackedScoreMax is how many bytes a score takes in a listpack at most.
const PackedScoreMax = 32

func insertScore(lp []byte, at int, score float64) []byte {
	if n, ok := integral(score); ok {
		return listpack.InsertInt(lp, at, n)
	}
	var text [32]byte
	return listpack.Insert(lp, at, resp.AppendDouble(text[:0], score))
}

// integral returns a score as an integer, if it is one of at most 62 bits.
func integral(score float64) (int64, bool) {
	if !(math.Abs(score) <= 1<<62) {
		return 0, false
	}
	n := int64(score)
	return n, float64(n) == score
}

func packedScore(lp []byte, at int) float64 {
	e := listpack.Get(lp, at)
	if e.IsInt {
		return float64(e.Int)
	}
	if len(e.Str) == 0 {
		return 0
	}
	score, _ := strconv.ParseFloat(unsafe.String(&e.Str[0], len(e.Str)), 64)
	if math.IsNaN(score) {
		return 0 // there is none: the order of a Set rests on that
	}
	return score
}

// compare orders an element and a member.
func compare(e listpack.Element, member []byte) int {
	var digits [20]byte
	return bytes.Compare(e.Bytes(digits[:]), member)
}

// Unpack returns a packed set as a Set.
func Unpack(lp []byte) *Set {
	z := New()
	var digits [20]byte
	for at := listpack.First(lp); at >= 0; {
		next := listpack.Next(lp, at)
		z.Set(listpack.Get(lp, at).Bytes(digits[:]), packedScore(lp, next))
		at = listpack.Next(lp, next)
	}
	return z
}

// Pack appends to lp, an empty listpack, all members of z.
func (z *Set) Pack(lp []byte) []byte {
	if z.n == 0 {
		return lp
	}
	for c := z.At(0); ; {
		lp = PackedAppend(lp, c.Member(), c.Score())
		if !c.Next() {
			return lp
		}
	}
}

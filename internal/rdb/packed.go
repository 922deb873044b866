package rdb

import (
	"bytes"
	"cmp"
	"hash/maphash"
	"math"
	"slices"
	"strconv"

	"github.com/vedette-ha/vedette/internal/listpack"
)

// checkPacked checks what a listpack means as a value of kind k.
func (in *input) checkPacked(at int64, k Kind, lp []byte) {
	n, per := listpack.Len(lp), 1
	if k != KindSet {
		per = 2
	}
	if n%per != 0 {
		in.failf(at, "a %v with an odd number of elements", k)
		return
	}
	if k == KindZSet && !validScores(lp) {
		in.fail(at, "a sorted set with scores that are none, or not in order")
		return
	}
	if !in.distinct(lp, n, per) {
		in.failf(at, "a %v with the same element twice", k)
	}
}

// validScores reports whether every other element is a score and the pairs are in
// the order of a sorted set.
func validScores(lp []byte) bool {
	last, lastMember := math.Inf(-1), []byte(nil)
	var spare []byte
	for i := listpack.First(lp); i >= 0; {
		member := listpack.Get(lp, i).Append(spare[:0])
		i = listpack.Next(lp, i)
		score, ok := parseScore(listpack.Get(lp, i))
		if !ok || score < last || score == last && bytes.Compare(member, lastMember) < 0 {
			return false
		}
		last, lastMember, spare = score, member, lastMember
		i = listpack.Next(lp, i)
	}
	return true
}

// parseScore returns the score that an element of a packed sorted set is, if it is
// one: decimal, or infinite.
func parseScore(e listpack.Element) (float64, bool) {
	if e.IsInt {
		return float64(e.Int), true
	}
	switch string(e.Str) {
	case "inf":
		return math.Inf(1), true
	case "-inf":
		return math.Inf(-1), true
	}
	for _, c := range e.Str {
		if (c < '0' || c > '9') && c != '.' && c != '-' && c != '+' && c != 'e' && c != 'E' {
			return 0, false
		}
	}
	score, err := strconv.ParseFloat(string(e.Str), 64)
	return score, err == nil
}

// print is the fingerprint of an element, and where it is.
type print struct {
	sum uint64
	at  int
}

// distinct reports whether no two of the elements that stand first in their groups
// of per are equal; there are n elements.
func (in *input) distinct(lp []byte, n, per int) bool {
	if n/per < 2 {
		return true
	}
	prints := in.prints[:0]
	var text []byte
	for i := listpack.First(lp); i >= 0; i = listpack.Next(lp, i) {
		text = listpack.Get(lp, i).Append(text[:0])
		prints = append(prints, print{maphash.Bytes(in.seed(), text), i})
		for range per - 1 {
			i = listpack.Next(lp, i)
		}
	}
	in.prints = prints
	slices.SortFunc(prints, func(a, b print) int { return cmp.Compare(a.sum, b.sum) })
	for i := 1; i < len(prints); i++ {
		for j := i - 1; j >= 0 && prints[j].sum == prints[i].sum; j-- {
			text = listpack.Get(lp, prints[j].at).Append(text[:0])
			if listpack.Get(lp, prints[i].at).Equal(text) {
				return false
			}
		}
	}
	return true
}

func (in *input) seed() maphash.Seed {
	if in.hashSeed == (maphash.Seed{}) {
		in.hashSeed = maphash.MakeSeed()
	}
	return in.hashSeed
}

// littleInt returns the signed little-endian integer of 1 to 8 bytes p holds.
func littleInt(p []byte) int64 {
	var n uint64
	for i, b := range p {
		n |= uint64(b) << (8 * i)
	}
	shift := 64 - 8*len(p)
	return int64(n<<shift) >> shift
}

package codec

import (
	"github.com/vedette-ha/vedette/internal/listpack"
)

// longest returns the length of the longest element.
func longest(elements [][]byte) (n int) {
	for _, e := range elements {
		n = max(n, len(e))
	}
	return n
}

// elementOverhead is more than what a listpack adds to an element.
const elementOverhead = 11

// packedMax returns how many bytes a listpack of these elements has at most. With limits
// raised far enough that is more than a listpack can hold.
func packedMax(elements [][]byte) int {
	n := listpack.Empty
	for _, e := range elements {
		n += len(e) + elementOverhead
	}
	return n
}

// listpackOf packs elements.
func listpackOf(elements [][]byte) []byte {
	size := listpack.Empty
	for _, e := range elements {
		size += listpack.SizeOf(e)
	}
	lp := listpack.AppendEmpty(make([]byte, 0, size))
	for _, e := range elements {
		lp = listpack.Append(lp, e)
	}
	return lp
}

// listpackElements returns the elements of a listpack as text. Strings share its
// memory.
func listpackElements(lp []byte) [][]byte {
	all := make([][]byte, 0, listpack.Len(lp))
	for i := listpack.First(lp); i >= 0; i = listpack.Next(lp, i) {
		all = append(all, listpack.Get(lp, i).Bytes(nil))
	}
	return all
}

// twice reports whether two of the elements that stand first in their groups of per
// are equal.
func twice(lp []byte, per int) bool {
	n := listpack.Len(lp) / per
	if n <= fewElements {
		return twiceAmongFew(lp, per)
	}
	seen := make(map[string]struct{}, n)
	for i := listpack.First(lp); i >= 0; i = listpack.Next(lp, i) {
		seen[string(listpack.Get(lp, i).Append(nil))] = struct{}{}
		for range per - 1 {
			i = listpack.Next(lp, i)
		}
	}
	return len(seen) < n
}

// fewElements is up to how many elements comparing each with each is cheaper than a
// table.
const fewElements = 32

func twiceAmongFew(lp []byte, per int) bool {
	var digits [20]byte
	for i := listpack.First(lp); i >= 0; {
		e := listpack.Get(lp, i).Bytes(digits[:])
		for range per {
			if i = listpack.Next(lp, i); i < 0 {
				return false
			}
		}
		if listpack.Find(lp, i, e, per-1) >= 0 {
			return true
		}
	}
	return false
}

package set

import (
	"strconv"
	"testing"
)

func manyMembers(from, to int) *Set {
	s := New()
	for i := from; i < to; i++ {
		s.Add(strconv.AppendInt([]byte("member:"), int64(i), 10))
	}
	return s
}

// BenchmarkIntersect looks up 100 000 members in another set, half of them in vain.
func BenchmarkIntersect(b *testing.B) {
	s, t := manyMembers(0, 100_000), manyMembers(50_000, 150_000)
	b.ReportAllocs()
	for b.Loop() {
		n := 0
		s.Each(func(m []byte) bool {
			if t.Has(m) {
				n++
			}
			return true
		})
		if n != 50_000 {
			b.Fatal(n)
		}
	}
}

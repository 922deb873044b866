package zset

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

const benchSize = 1_000_000

func benchMembers() [][]byte {
	all := make([][]byte, benchSize)
	for i := range all {
		all[i] = fmt.Appendf(nil, "member:%07d", i)
	}
	return all
}

func BenchmarkMillion(b *testing.B) {
	members := benchMembers()
	z := New()
	r := rand.New(rand.NewPCG(1, 2))
	for _, m := range members {
		z.Set(m, r.Float64()*1e6)
	}
	b.Logf("%.1f bytes a member (leaves %.1f, index %.1f)", float64(z.MemoryUsage(0))/benchSize,
		float64(z.leafBytes)/benchSize, float64(z.index.bytes)/benchSize)
	b.Run("Set", func(b *testing.B) {
		for b.Loop() {
			z.Set(members[r.IntN(benchSize)], r.Float64()*1e6)
		}
	})
	b.Run("Score", func(b *testing.B) {
		for b.Loop() {
			z.Score(members[r.IntN(benchSize)])
		}
	})
	b.Run("Rank", func(b *testing.B) {
		for b.Loop() {
			z.Rank(members[r.IntN(benchSize)])
		}
	})
	b.Run("Add", func(b *testing.B) {
		m := []byte("another:0000000")
		for i := 0; b.Loop(); i++ {
			m = fmt.Appendf(m[:0], "another:%d", i)
			z.Set(m, r.Float64()*1e6)
		}
	})
	b.Run("Freeze", func(b *testing.B) {
		for b.Loop() {
			z.Freeze()
		}
	})
}

// Files have the highest score first.
func BenchmarkLoadMillion(b *testing.B) {
	members := benchMembers()
	for b.Loop() {
		z := New()
		for i, m := range members {
			z.SetAt(z.Locate(m), m, float64(benchSize-i))
		}
	}
}

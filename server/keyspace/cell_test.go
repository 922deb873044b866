package keyspace

import (
	"bytes"
	"fmt"
	"testing"

	"pgregory.net/rapid"
)

// What a layout promises when it is planned is read back from the cell.
func TestLayoutRoundTrip(t *testing.T) {
	lengths := []int{0, 1, 127, 128, 255, 256, 1000, keyInline, keyInline + 1, cellMax - 40, cellMax, 100_000}
	for _, key := range lengths {
		for _, val := range lengths {
			for flags := range 4 {
				l := plan(key, val, flags&1 != 0, flags&2 != 0)
				if l.size() > cellMax {
					t.Fatalf("plan(%d, %d) does not fit: %+v", key, val, l)
				}
				c := make(cell, l.units()*unitBytes)
				c.putLayout(l)
				if got := c.layout(); got != l {
					t.Errorf("plan(%d, %d, %b) = %+v, read back %+v", key, val, flags, l, got)
				}
			}
		}
	}
}

// Keys with the same bytes and keys with one bit changed are told apart, and the
// bits that choose buckets and tags are even.
func TestHashSpreads(t *testing.T) {
	h := newHasher(1)
	var low, tags [256]int
	const n = 1 << 16
	for i := range n {
		sum := h.sum(fmt.Appendf(nil, "user:%d:name", i))
		low[sum&255]++
		tags[sum>>56]++
	}
	for i := range 256 {
		for _, c := range []int{low[i], tags[i]} {
			if c < n/256*6/10 || c > n/256*14/10 {
				t.Errorf("value %d comes up %d times, want about %d", i, c, n/256)
			}
		}
	}
	seen := map[uint64]int{}
	for n := range 100 {
		key := bytes.Repeat([]byte{0}, n)
		for bit := range 8*n + 1 {
			if bit > 0 {
				key[(bit-1)/8] ^= 1 << ((bit - 1) % 8)
			}
			seen[h.sum(key)]++
			if bit > 0 {
				key[(bit-1)/8] ^= 1 << ((bit - 1) % 8)
			}
		}
	}
	for sum, c := range seen {
		if c > 1 {
			t.Errorf("%d keys share the hash %x", c, sum)
		}
	}
}

// The twelve tags of a bucket are compared as if one by one.
func TestMatchEqualsItsTwin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tag := rapid.Uint8Range(0, 4) // few, so that they are often equal or adjacent
		var b bucket
		for i := range b.tags {
			b.tags[i] = tag.Draw(t, "tag") * rapid.SampledFrom([]uint8{1, 63, 64}).Draw(t, "times")
		}
		for want := range 256 {
			var twin uint32
			for i, tag := range b.tags {
				if int(tag) == want {
					twin |= 1 << i
				}
			}
			if got := b.match(uint8(want)); got != twin {
				t.Fatalf("match(%d) in %v = %012b, want %012b", want, b.tags, got, twin)
			}
		}
	})
}

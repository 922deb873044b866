package dict

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"
)

// A group counts as an array does.
func TestGroup(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var g group
		var want [groupPages]int
		for range rapid.IntRange(0, 20).Draw(t, "changes") {
			i := rapid.IntRange(0, groupPages-1).Draw(t, "page")
			want[i] = rapid.IntRange(0, countMax).Draw(t, "n")
			g.set(i, want[i])
		}
		n := 0
		for i, count := range want {
			if got := g.count(i); got != count {
				t.Fatalf("count(%d) of %x is %d, want %d", i, g, got, count)
			}
			for k := range count {
				if page, entry, ok := g.at(n); page != i || entry != k || !ok {
					t.Fatalf("at(%d) of %x is %d, %d, %v, want %d, %d", n, g, page, entry, ok, i, k)
				}
				n++
			}
		}
		if _, _, ok := g.at(n); ok || g.sum() != n {
			t.Fatalf("%x has %d, and says %d", g, n, g.sum())
		}
	})
}

// A table that shrank forgets how full its pages once were: a draw would be in vain too
// often.
func TestTopFalls(t *testing.T) {
	const most, left = 100_000, 6_000
	d := New()
	for i := range most {
		d.Set(fmt.Append(nil, i), nil)
	}
	full := d.pages.top
	for i := range most - left {
		d.Delete(fmt.Append(nil, i))
	}
	if mean := left / int(d.pages.groups()); d.pages.top > 3*mean || d.pages.top >= full {
		t.Errorf("top is %d, was %d; the mean is %d", d.pages.top, full, mean)
	}
}

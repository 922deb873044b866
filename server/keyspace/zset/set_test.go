package zset

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"sort"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/vedette-ha/vedette/internal/listpack"
)

// twin is a sorted set as plain as it can be.
type twin map[string]float64

type pair struct {
	member string
	score  float64
}

func (w twin) sorted() []pair {
	all := make([]pair, 0, len(w))
	for m, s := range w {
		all = append(all, pair{m, s})
	}
	slices.SortFunc(all, func(a, b pair) int {
		if a.score != b.score {
			if a.score < b.score {
				return -1
			}
			return 1
		}
		return strings.Compare(a.member, b.member)
	})
	return all
}

func (w twin) copy() twin {
	c := make(twin, len(w))
	for m, s := range w {
		c[m] = s
	}
	return c
}

// same fails unless a view and a twin hold the same, and all ways to read it agree.
func same(t rapid.TB, v View, w twin) {
	t.Helper()
	all := w.sorted()
	if v.Len() != len(all) {
		t.Fatalf("%d members, want %d", v.Len(), len(all))
	}
	i := 0
	for it, more := v.From(0); more; more = it.Next() {
		e := it.Element()
		if string(e.Append(nil)) != all[i].member || it.Score() != all[i].score {
			t.Fatalf("rank %d: %q %v, want %v", i, e.Append(nil), it.Score(), all[i])
		}
		i++
	}
	if i != len(all) {
		t.Fatalf("%d on the way up, want %d", i, len(all))
	}
	for it, more := v.From(i - 1); more; more = it.Prev() {
		i--
		e := it.Element()
		if string(e.Append(nil)) != all[i].member {
			t.Fatalf("down: rank %d: %q, want %v", i, e.Append(nil), all[i])
		}
	}
	if i != 0 {
		t.Fatalf("%d left on the way down", i)
	}
	for range min(len(all), 20) {
		i := rand.IntN(len(all))
		rank, score, ok := v.Rank([]byte(all[i].member))
		if !ok || rank != i || score != all[i].score {
			t.Fatalf("Rank(%q) = %d %v %v, want %d", all[i].member, rank, score, ok, i)
		}
		for _, after := range []bool{false, true} {
			want := sort.Search(len(all), func(j int) bool {
				return all[j].score > all[i].score || all[j].score == all[i].score && !after
			})
			if got := v.SeekScore(all[i].score, after); got != want {
				t.Fatalf("SeekScore(%v, %v) = %d, want %d", all[i].score, after, got, want)
			}
		}
	}
	if z := v.Set(); z != nil {
		check(t, z)
		sameScan(t, z, w)
	}
}

// sameScan walks z by hash.
func sameScan(t rapid.TB, z *Set, w twin) {
	t.Helper()
	seen := make(map[string]bool)
	for from := uint32(0); ; {
		from = z.Scan(from, 1+rand.IntN(300), func(m []byte, s float64) {
			if score, ok := w[string(m)]; !ok || score != s || seen[string(m)] {
				t.Fatalf("Scan: %q %v, want %v %v (seen: %v)", m, s, score, ok, seen[string(m)])
			}
			seen[string(m)] = true
		})
		if from == 0 {
			break
		}
	}
	if len(seen) != len(w) {
		t.Fatalf("Scan visits %d, want %d", len(seen), len(w))
	}
}

// check tests what always holds of the structure.
func check(t rapid.TB, z *Set) {
	t.Helper()
	var leafBytes, pageBytes int64
	for i := range z.leaves.n {
		leafBytes += int64(cap(z.leaves.get(i)))
	}
	entries := 0
	for i := range z.index.pages.n {
		p := z.index.pages.get(i)
		pageBytes += 8 * int64(cap(p))
		entries += len(p) - 1
		if !slices.IsSorted(p[1:]) {
			t.Fatalf("index page %d is not sorted", i)
		}
	}
	if leafBytes != z.leafBytes || pageBytes != z.index.bytes || entries != z.n {
		t.Fatalf("leaves %d, counted %d; pages %d, counted %d; %d entries of %d",
			leafBytes, z.leafBytes, pageBytes, z.index.bytes, entries, z.n)
	}
	inners, leaves := 0, 0
	checkInner(t, z, z.root, &inners, &leaves)
	if inners != z.inners || leaves != z.leaves.n-len(z.free) {
		t.Fatalf("%d inner nodes, counted %d; %d leaves of %d, %d free", inners, z.inners, leaves, z.leaves.n, len(z.free))
	}
}

func checkInner(t rapid.TB, z *Set, nd *inner, inners, leaves *int) {
	*inners++
	for i := range nd.n {
		if nd.kids != nil {
			kid := nd.kids[i]
			checkInner(t, z, kid, inners, leaves)
			if nd.counts[i] != kid.total() || nd.scores[i] != kid.scores[0] || nd.prefix[i] != kid.prefix[0] {
				t.Fatalf("child %d: %d %v, want %d %v", i, nd.counts[i], nd.scores[i], kid.total(), kid.scores[0])
			}
			continue
		}
		*leaves++
		l := leaf(z.leaves.get(int(nd.ids[i])))
		if n := l.len(); int(nd.counts[i]) != n || n == 0 && z.n > 0 ||
			n > 0 && (nd.scores[i] != l.score(0) || nd.prefix[i] != prefixOf(l.member(n, 0))) {
			t.Fatalf("leaf %d: counted %d of %d", i, nd.counts[i], n)
		}
	}
}

// A Set does what a map with a sort does, and so do its frozen copies, whichever
// side is written to.
func TestSetIsLikeItsTwin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		type side struct {
			z *Set
			w twin
		}
		sides := []side{{New(), twin{}}}
		spread := rapid.SampledFrom([]int{1, 5, 1000000}).Draw(t, "scores")
		long := rapid.SampledFrom([]int{0, 10, 300, 3000}).Draw(t, "long members")
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		for range rapid.IntRange(1, 10).Draw(t, "rounds") {
			i := r.IntN(len(sides))
			s := sides[i]
			switch rapid.IntRange(0, 5).Draw(t, "what") {
			case 0:
				frozen := s.z.Freeze().(*Set)
				sides = append(sides, side{frozen, s.w.copy()})
			case 1, 2:
				mass(s.z, s.w, r, spread, long, 400)
			case 3:
				for m := range s.w {
					if r.IntN(3) > 0 {
						delete(s.w, m)
						if !s.z.Delete([]byte(m)) {
							t.Fatalf("%q is gone", m)
						}
					}
				}
			case 4:
				for m := range s.w {
					if r.IntN(3) == 0 {
						s.w[m] += float64(r.IntN(20))
						s.z.Set([]byte(m), s.w[m])
					}
				}
			case 5:
				a := s.w.sorted()
				from := r.IntN(len(a) + 1)
				to := from + r.IntN(len(a)-from+1)
				s.z.DeleteRange(from, to)
				for _, p := range a[from:to] {
					delete(s.w, p.member)
				}
			}
			same(t, ViewSet(s.z), s.w)
		}
		for _, s := range sides {
			same(t, ViewSet(s.z), s.w)
		}
	})
}

func mass(z *Set, w twin, r *rand.Rand, spread, long, n int) {
	sequence := r.IntN(3)
	for i := range n {
		m := fmt.Sprintf("m%d", r.IntN(3000))
		if long > 0 && r.IntN(8) == 0 {
			m += strings.Repeat("x", r.IntN(long))
		}
		score := float64(r.IntN(spread))
		switch sequence {
		case 1:
			score = float64(i)
		case 2:
			score = float64(-i)
		}
		z.Set([]byte(m), score)
		w[m] = score
	}
}

// The packed form does the same.
func TestPackedIsLikeItsTwin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		lp, w := listpack.New(), twin{}
		for range rapid.IntRange(1, 60).Draw(t, "rounds") {
			m := rapid.SampledFrom([]string{"", "a", "b", "17", "-5", "007", "abc", "1e3", "9223372036854775807"}).Draw(t, "member")
			s := rapid.SampledFrom([]float64{0, 1, -1, 1.5, 0.1, 1e300, 1 << 62, 3}).Draw(t, "score")
			if at, score := PackedFind(lp, []byte(m)); at >= 0 {
				if score != w[m] {
					t.Fatalf("%q has %v, want %v", m, score, w[m])
				}
				lp = PackedDelete(lp, at, 1)
				delete(w, m)
			} else {
				lp = PackedInsert(lp, []byte(m), s)
				w[m] = s
			}
			same(t, ViewPacked(lp), w)
		}
		z := Unpack(lp)
		same(t, ViewSet(z), w)
		if again := z.Pack(listpack.New()); !bytes.Equal(again, lp) {
			t.Fatalf("packed again %q, want %q", again, lp)
		}
	})
}

// Where all scores are equal, members are found by their own order.
func TestSeekMember(t *testing.T) {
	z, lp := New(), listpack.New()
	var all []string
	for i := range 3000 {
		m := fmt.Sprintf("member:%d", i*7%3000)
		all = append(all, m)
		z.Set([]byte(m), 3)
		if i < 100 {
			lp = PackedInsert(lp, []byte(m), 3)
		}
	}
	few := slices.Clone(all[:100])
	slices.Sort(all)
	slices.Sort(few)
	for _, m := range append([]string{"", "member", "zzz"}, all...) {
		for _, after := range []bool{false, true} {
			for _, c := range []struct {
				v   View
				all []string
			}{{ViewSet(z), all}, {ViewPacked(lp), few}} {
				want, found := slices.BinarySearch(c.all, m)
				if found && after {
					want++
				}
				if got := c.v.SeekMember([]byte(m), after); got != want {
					t.Fatalf("SeekMember(%q, %v) of %d = %d, want %d", m, after, len(c.all), got, want)
				}
			}
		}
	}
}

// A goroutine reads a frozen Set while the original is changed.
func TestFrozenIsReadWhileTheOriginalChanges(t *testing.T) {
	z, w := New(), twin{}
	r := rand.New(rand.NewPCG(1, 2))
	mass(z, w, r, 1000, 50, 3000)
	frozen, was := z.Freeze().(*Set), w.copy()
	done := make(chan struct{})
	go func() {
		defer close(done)
		same(t, ViewSet(frozen), was)
	}()
	mass(z, w, r, 1000, 50, 3000)
	for m := range w {
		if r.IntN(2) == 0 {
			z.Delete([]byte(m))
			delete(w, m)
		}
	}
	<-done
	same(t, ViewSet(z), w)
}

// Long members fill a leaf each: few of them make a tree of several levels, which
// grows, is frozen, and shrinks to nothing.
func TestDeepTree(t *testing.T) {
	const n = 6000
	z, w := New(), twin{}
	r := rand.New(rand.NewPCG(3, 4))
	pad := strings.Repeat("x", 1100)
	for i := range n {
		m := fmt.Sprintf("%s%d", pad, r.IntN(4*n))
		w[m] = float64(r.IntN(50))
		z.Set([]byte(m), w[m])
		if i == n/2 {
			same(t, ViewSet(z), w)
		}
	}
	if z.root.kids == nil || z.root.kids[0].kids == nil {
		t.Fatal("the tree is not deep")
	}
	frozen, was := z.Freeze().(*Set), w.copy()
	all := w.sorted()
	r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	for i, p := range all {
		z.Delete([]byte(p.member))
		delete(w, p.member)
		if i == len(all)/2 || i == len(all)*9/10 || i == len(all)-3 {
			same(t, ViewSet(z), w)
		}
	}
	same(t, ViewSet(z), w)
	same(t, ViewSet(frozen), was)
	frozen.DeleteRange(100, frozen.Len()-100)
	check(t, frozen)
	if frozen.Len() != 200 {
		t.Errorf("%d members are left", frozen.Len())
	}
}

// Warming finds its way whatever the members, and changes nothing.
func TestWarm(t *testing.T) {
	z := New()
	z.Warm([][]byte{[]byte("nobody")})
	var members [][]byte
	for i := range 5000 {
		members = append(members, fmt.Appendf(nil, "member:%d", i))
		z.Set(members[i], float64(i%37))
		z.Warm(append(members[max(0, i-10):i+1:i+1], []byte("odd"), nil))
	}
	for i, m := range members {
		if s, ok := z.Score(m); !ok || s != float64(i%37) {
			t.Fatalf("%s has %v, %v", m, s, ok)
		}
	}
}

// Members visits what a cursor does.
func TestMembers(t *testing.T) {
	z := New()
	for i := range 1000 {
		z.Set(fmt.Appendf(nil, "%0*d", 1+i%30, i), float64(i%7))
	}
	for _, from := range []int{0, 1, 63, 500, 999} {
		for _, n := range []int{1, 2, 100, 1000} {
			var got, want []string
			z.Members(from, n, func(m []byte) { got = append(got, string(m)) })
			for c, more := z.At(from), true; more && len(want) < n; more = c.Next() {
				want = append(want, string(c.Member()))
			}
			if !slices.Equal(got, want) {
				t.Errorf("from %d, %d: %q, want %q", from, n, got, want)
			}
		}
	}
}

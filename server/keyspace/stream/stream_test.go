package stream

import (
	"bytes"
	"fmt"
	"slices"
	"sync"
	"testing"

	"pgregory.net/rapid"
)

// twin is a stream as simple as can be.
type twin struct {
	entries    []twinEntry
	last       ID
	maxDeleted ID
	added      int
}

type twinEntry struct {
	id    ID
	pairs string // as fmt prints them
}

func (tw *twin) clone() *twin {
	c := *tw
	c.entries = slices.Clone(tw.entries)
	return &c
}

func (tw *twin) remove(id ID) bool {
	i := slices.IndexFunc(tw.entries, func(e twinEntry) bool { return e.id == id })
	if i < 0 {
		return false
	}
	tw.entries = slices.Delete(tw.entries, i, i+1)
	if tw.maxDeleted.Less(id) {
		tw.maxDeleted = id
	}
	return true
}

func drawPairs(t *rapid.T) [][]byte {
	var pairs [][]byte
	for range rapid.IntRange(1, 3).Draw(t, "pairs") {
		pairs = append(pairs,
			[]byte(rapid.SampledFrom([]string{"f", "g", "17"}).Draw(t, "field")),
			rapid.SampledFrom([][]byte{
				[]byte("1"), []byte("-12345"), []byte("value"), nil, bytes.Repeat([]byte("x"), 70),
				bytes.Repeat([]byte("ab"), 3000),
			}).Draw(t, "value"))
	}
	return pairs
}

// A stream behaves like a list of entries, and what is frozen stays as it was.
func TestStreamIsAListOfEntries(t *testing.T) {
	var p Packer
	rapid.Check(t, func(t *rapid.T) {
		s, tw := New(), &twin{}
		l := Limits{
			NodeBytes:   rapid.SampledFrom([]int{0, 100, 4096}).Draw(t, "bytes"),
			NodeEntries: rapid.SampledFrom([]int{0, 1, 10, 100}).Draw(t, "entries"),
		}
		var frozen []*Stream
		var frozenTwins []*twin
		for range rapid.IntRange(1, 300).Draw(t, "steps") {
			switch op := rapid.IntRange(0, 99).Draw(t, "op"); {
			case op < 70:
				add(t, s, tw, &p, l)
			case op < 85:
				var ids []ID
				n := 0
				for range rapid.IntRange(1, 4).Draw(t, "n") {
					id := ID{1, rapid.Uint64Range(0, 40).Draw(t, "seq")}
					if len(tw.entries) > 0 && rapid.Bool().Draw(t, "there") {
						id = tw.entries[rapid.IntRange(0, len(tw.entries)-1).Draw(t, "which")].id
					}
					ids = append(ids, id)
					if tw.remove(id) {
						n++
					}
				}
				if got := s.Delete(&p, ids); got != n {
					t.Fatalf("Delete %v: %d, want %d", ids, got, n)
				}
			case op < 95:
				trim(t, s, tw, &p)
			default:
				frozen = append(frozen, s.Freeze().(*Stream))
				frozenTwins = append(frozenTwins, tw.clone())
			}
			checkHead(t, s, tw)
		}
		checkStream(t, s, tw, &p)
		for i := range frozen {
			checkStream(t, frozen[i], frozenTwins[i], &p)
		}
	})
}

func add(t *rapid.T, s *Stream, tw *twin, p *Packer, l Limits) {
	id := ID{tw.last.MS + rapid.Uint64Range(0, 2).Draw(t, "ms"), rapid.Uint64Range(0, 9).Draw(t, "seq")}
	if !tw.last.Less(id) {
		id, _ = tw.last.Next()
	}
	pairs := drawPairs(t)
	if err := s.Add(p, l, id, pairs); err != nil {
		t.Fatal(err)
	}
	tw.entries = append(tw.entries, twinEntry{id, fmt.Sprintf("%q", pairs)})
	tw.last = id
	tw.added++
}

func trim(t *rapid.T, s *Stream, tw *twin, p *Packer) {
	tr := Trim{ByID: rapid.Bool().Draw(t, "by id")}
	tr.Approx = rapid.Bool().Draw(t, "approx")
	tr.Limit = rapid.SampledFrom([]int{0, 0, 5}).Draw(t, "limit")
	tr.MaxLen = rapid.Uint64Range(0, 150).Draw(t, "maxlen")
	tr.MinID = ID{rapid.Uint64Range(0, tw.last.MS+1).Draw(t, "minid"), 3}
	want := 0
	if tr.ByID {
		for want < len(tw.entries) && tw.entries[want].id.Less(tr.MinID) {
			want++
		}
	} else {
		want = max(0, len(tw.entries)-int(tr.MaxLen))
	}
	got := s.Trim(p, tr)
	exact := !tr.Approx && tr.Limit == 0
	if exact && got != want || got > want || tr.Limit > 0 && !tr.Approx && got > tr.Limit+want {
		t.Fatalf("%+v: %d, want %d", tr, got, want)
	}
	tw.entries = tw.entries[got:]
}

func checkHead(t *rapid.T, s *Stream, tw *twin) {
	first := ID{}
	if len(tw.entries) > 0 {
		first = tw.entries[0].id
	}
	want := Head{uint64(len(tw.entries)), tw.last, first, tw.maxDeleted, uint64(tw.added)}
	if s.Head() != want {
		t.Fatalf("head %+v, want %+v", s.Head(), want)
	}
}

func checkStream(t *rapid.T, s *Stream, tw *twin, p *Packer) {
	checkHead(t, s, tw)
	held := int64(0)
	for id, n := range s.nodes.from(ID{}) {
		held += int64(cap(n.lp))
		if _, _, err := checkNode(p.read(n), id); err != nil {
			t.Fatalf("node %v: %v", id, err)
		}
	}
	if held != s.bytes {
		t.Fatalf("%d bytes counted, %d held", s.bytes, held)
	}
	it := s.Range(p, ID{}, MaxID)
	compareEntries(t, &it, tw.entries)
	if len(tw.entries) == 0 {
		return
	}
	for range 5 {
		i := rapid.IntRange(0, len(tw.entries)-1).Draw(t, "from")
		j := rapid.IntRange(0, len(tw.entries)-1).Draw(t, "to")
		if j < i {
			i, j = j, i
		}
		it := s.Range(p, tw.entries[i].id, tw.entries[j].id)
		compareEntries(t, &it, tw.entries[i:j+1])
		it = s.RevRange(p, tw.entries[i].id, tw.entries[j].id)
		back := slices.Clone(tw.entries[i : j+1])
		slices.Reverse(back)
		compareEntries(t, &it, back)
	}
}

func compareEntries(t *rapid.T, it *Iter, want []twinEntry) {
	n := 0
	for ; it.Next(); n++ {
		if n == len(want) {
			t.Fatalf("entry %v is too many", it.ID())
		}
		id, took := it.ID(), rapid.IntRange(0, it.Pairs()).Draw(t, "take")
		if n%3 == 0 {
			took = it.Pairs()
		}
		var pairs [][]byte
		for range took {
			f, v := it.Pair()
			pairs = append(pairs, f.Append(nil), v.Append(nil))
		}
		if id != want[n].id || took == it.Pairs() && fmt.Sprintf("%q", pairs) != want[n].pairs {
			t.Fatalf("entry %d: %v %q, want %v", n, id, pairs, want[n])
		}
	}
	if n != len(want) {
		t.Fatalf("%d entries, want %d", n, len(want))
	}
}

// A frozen stream is read by another goroutine while the original changes in every
// way. Run with -race.
func TestFrozenStreamIsReadWhileTheOriginalChanges(t *testing.T) {
	var p Packer
	s := New()
	g := s.CreateGroup([]byte("g"), ID{}, 0)
	c := g.CreateConsumer([]byte("c"), 1)
	pairs := [][]byte{[]byte("field"), []byte("some value")}
	l := Limits{NodeBytes: 4096, NodeEntries: 100}
	for i := range uint64(1000) {
		if err := s.Add(&p, l, ID{1, i + 1}, pairs); err != nil {
			t.Fatal(err)
		}
		g.Deliver(ID{1, i + 1}, c, 1, 1)
	}
	var wg sync.WaitGroup
	for round := range uint64(8) {
		f := s.Freeze().(*Stream)
		wg.Go(func() {
			var own Packer
			n, pending := 0, 0
			for it := f.Range(&own, ID{}, MaxID); it.Next(); n++ {
			}
			for _, g := range f.Groups() {
				for range g.All(ID{}) {
					pending++
				}
				for c := range g.Consumers() {
					for range c.All(ID{}) {
						pending++
					}
				}
			}
			if n != f.Len() || pending != 2*f.Groups()[0].PendingCount() {
				t.Errorf("%d entries of %d, %d pending", n, f.Len(), pending)
			}
		})
		g := s.EditGroup([]byte("g"))
		c := g.EditConsumer([]byte("c"))
		d := g.CreateConsumer(fmt.Appendf(nil, "d%d", round), 2)
		for i := range uint64(100) {
			id := ID{2 + round, i}
			if err := s.Add(&p, l, id, pairs); err != nil {
				t.Fatal(err)
			}
			g.Deliver(id, c, 1, 1)
			g.Deliver(ID{1, 10*i + round + 1}, d, 1, 1)
		}
		s.Delete(&p, []ID{{1, round * 100}, {1, 500 + round}})
		s.Trim(&p, Trim{MaxLen: uint64(s.Len()) - 10})
		g.Ack(ID{1, round*50 + 1})
		g.LastID = ID{1, round}
		if round == 6 {
			s.CreateGroup([]byte("h"), ID{}, 0)
		}
		if round == 7 {
			s.DestroyGroup([]byte("g"))
		}
	}
	wg.Wait()
}

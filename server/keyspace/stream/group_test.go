package stream

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// twinGroup is a group as simple as can be.
type twinGroup struct {
	pending   map[ID]twinPending
	consumers map[string]bool
}

type twinPending struct {
	holder     string
	at         int64
	deliveries uint64
}

func (tw *twinGroup) clone() *twinGroup {
	return &twinGroup{maps.Clone(tw.pending), maps.Clone(tw.consumers)}
}

// Groups behave like maps of what is pending, of which each consumer has its share,
// and those of a frozen stream stay as they were.
func TestGroupIsAMapOfWhatIsPending(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, groups := New(), map[string]*twinGroup{}
		var frozen []*Stream
		var frozenTwins []map[string]*twinGroup
		for i := range rapid.IntRange(1, 200).Draw(t, "steps") {
			name := rapid.SampledFrom([]string{"g", "h"}).Draw(t, "group")
			switch op := rapid.IntRange(0, 99).Draw(t, "op"); {
			case op < 5:
				_, there := groups[name]
				if (s.CreateGroup([]byte(name), ID{}, 0) == nil) != there {
					t.Fatalf("create %s", name)
				}
				if !there {
					groups[name] = &twinGroup{map[ID]twinPending{}, map[string]bool{}}
				}
			case op < 7:
				_, there := groups[name]
				if s.DestroyGroup([]byte(name)) != there {
					t.Fatalf("destroy %s", name)
				}
				delete(groups, name)
			case op < 12:
				frozen = append(frozen, s.Freeze().(*Stream))
				twins := map[string]*twinGroup{}
				for name, tw := range groups {
					twins[name] = tw.clone()
				}
				frozenTwins = append(frozenTwins, twins)
			default:
				g := s.EditGroup([]byte(name))
				if tw, there := groups[name]; (g != nil) != there {
					t.Fatalf("group %s", name)
				} else if there {
					workOnGroup(t, g, tw, int64(i))
				}
			}
		}
		checkGroups(t, s, groups)
		for i := range frozen {
			checkGroups(t, frozen[i], frozenTwins[i])
		}
	})
}

func workOnGroup(t *rapid.T, g *Group, tw *twinGroup, now int64) {
	name := rapid.SampledFrom([]string{"a", "b", "c", "d"}).Draw(t, "consumer")
	id := ID{rapid.Uint64Range(0, 150).Draw(t, "id"), 0}
	switch op := rapid.IntRange(0, 9).Draw(t, "group op"); {
	case op < 6:
		c := g.EditConsumer([]byte(name))
		if (c != nil) != tw.consumers[name] {
			t.Fatalf("consumer %s", name)
		}
		if c == nil {
			c = g.CreateConsumer([]byte(name), now)
			tw.consumers[name] = true
		}
		g.Deliver(id, c, now, uint64(op))
		tw.pending[id] = twinPending{name, now, uint64(op)}
	case op < 9:
		_, there := tw.pending[id]
		if g.Ack(id) != there {
			t.Fatalf("ack %v", id)
		}
		delete(tw.pending, id)
	default:
		n := 0
		maps.DeleteFunc(tw.pending, func(_ ID, p twinPending) bool {
			if p.holder == name {
				n++
			}
			return p.holder == name
		})
		if got := g.DeleteConsumer([]byte(name)); got != n {
			t.Fatalf("delete %s: %d, want %d", name, got, n)
		}
		delete(tw.consumers, name)
	}
}

func checkGroups(t *rapid.T, s *Stream, groups map[string]*twinGroup) {
	if len(s.Groups()) != len(groups) {
		t.Fatalf("%d groups, want %d", len(s.Groups()), len(groups))
	}
	for _, g := range s.Groups() {
		tw := groups[string(g.Name())]
		ids := slices.SortedFunc(maps.Keys(tw.pending), ID.Compare)
		i, held := 0, 0
		for id, p := range g.All(ID{}) {
			got := twinPending{string(g.Holder(*p).Name()), p.DeliveredAt, p.Deliveries}
			if id != ids[i] || got != tw.pending[id] {
				t.Fatalf("%v is %v, want %v %v", id, got, ids[i], tw.pending[ids[i]])
			}
			i++
		}
		names := []string{}
		for c := range g.Consumers() {
			names = append(names, string(c.Name()))
			n := 0
			for id := range c.All(ID{}) {
				if tw.pending[id].holder != string(c.Name()) {
					t.Fatalf("%s has %v", c.Name(), id)
				}
				n++
			}
			if n != c.PendingCount() {
				t.Fatalf("%s has %d entries and says %d", c.Name(), n, c.PendingCount())
			}
			held += n
		}
		want := slices.Sorted(maps.Keys(tw.consumers))
		if i != len(ids) || g.PendingCount() != i || held != i || fmt.Sprint(names) != fmt.Sprint(want) {
			t.Fatalf("%d pending, %d said, %d held, want %d; consumers %v, want %v",
				i, g.PendingCount(), held, len(ids), names, want)
		}
	}
}

// A stream whose last id was set back may begin a node with an id that an earlier one
// had: nothing of that one is remembered.
func TestNodeOfAnIDThatWasThereBefore(t *testing.T) {
	var p Packer
	s := New()
	pairs := [][]byte{[]byte("f"), []byte("v")}
	fill := func() {
		for i := range uint64(5) {
			if err := s.Add(&p, Limits{}, ID{1, i}, pairs); err != nil {
				t.Fatal(err)
			}
		}
	}
	fill()
	s.Trim(&p, Trim{MaxLen: 2})
	s.Trim(&p, Trim{})
	s.SetIDs(ID{0, 1}, nil, nil)
	fill()
	n := 0
	for it := s.Range(&p, ID{}, MaxID); it.Next(); n++ {
	}
	if n != 5 || s.FirstID() != (ID{1, 0}) {
		t.Errorf("%d entries from %v on", n, s.FirstID())
	}
}

// RadixNodes agrees with what Redis says of the same keys.
func TestRadixNodes(t *testing.T) {
	tests := []struct {
		ids  []ID
		want int
	}{
		{nil, 1},
		{[]ID{{1, 1}}, 2},
		{[]ID{{1, 1}, {1, 2}}, 4},
		{[]ID{{1, 1}, {1, 2}, {1, 3}}, 5},
		{[]ID{{1, 1}, {1, 256}}, 6},
		{[]ID{{1, 1}, {1, 2}, {2, 1}}, 8},
	}
	for _, test := range tests {
		var p Packer
		s := New()
		for _, id := range test.ids {
			if err := s.Add(&p, Limits{NodeEntries: 1}, id, [][]byte{nil, nil}); err != nil {
				t.Fatal(err)
			}
		}
		if got := s.RadixNodes(); got != test.want {
			t.Errorf("%v: %d nodes, want %d", test.ids, got, test.want)
		}
	}
}

package list

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/vedette-ha/vedette/internal/listpack"
	"github.com/vedette-ha/vedette/internal/lzf"
	"github.com/vedette-ha/vedette/server/keyspace"
)

// contents is the list, front to end.
func contents(l *List) (all []string) {
	it := l.Iter(0, false)
	for {
		e, ok := it.Next()
		if !ok {
			return all
		}
		all = append(all, string(e.Append(nil)))
	}
}

// check compares a list with what it should hold, and its books with its tree.
func check(t interface{ Fatalf(string, ...any) }, l *List, want []string) {
	if got := contents(l); !slices.Equal(got, want) {
		t.Fatalf("holds %q, want %q", got, want)
	}
	if l.Len() != len(want) {
		t.Fatalf("Len %d, want %d", l.Len(), len(want))
	}
	var nodes, bytes, elements int
	l.EachNode(func(data []byte, plain bool) {
		nodes++
		bytes += len(data)
		if plain {
			elements++
			return
		}
		if err := listpack.Validate(data); err != nil || listpack.Len(data) == 0 {
			t.Fatalf("node %q: %v", data, err)
		}
		elements += listpack.Len(data)
	})
	if nodes != l.Nodes() || bytes != l.Bytes() || elements != l.Len() {
		t.Fatalf("%d nodes, %d bytes, %d elements; the list says %d, %d, %d", nodes, bytes, elements, l.Nodes(), l.Bytes(), l.Len())
	}
	saved := 0
	if l.root != nil {
		saved = checkBranch(t, l.root, l.height)
	}
	if saved != l.saved {
		t.Fatalf("%d bytes saved by compression; the list says %d", saved, l.saved)
	}
}

func checkBranch(t interface{ Fatalf(string, ...any) }, b *branch, height int) (saved int) {
	if len(b.kids) == 0 || len(b.kids) > kidsMax {
		t.Fatalf("a branch with %d kids", len(b.kids))
	}
	for _, k := range b.kids {
		want := 0
		if height > 0 {
			want = k.branch.count()
			saved += checkBranch(t, k.branch, height-1)
		} else {
			want = k.node.count
			saved += k.node.size() - len(k.node.data)
		}
		if k.count != want {
			t.Fatalf("count %d, want %d", k.count, want)
		}
	}
	return saved
}

var words = rapid.OneOf(
	rapid.SampledFrom([]string{"", "a", "b", "1", "-7", "12345", "a word", "01"}),
	rapid.Map(rapid.IntRange(0, 300), func(n int) string { return strings.Repeat("x", n) }),
)

// Whatever is done to a list, it holds what a slice would, and its frozen copies what
// they held then.
func TestListAgainstSlice(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := New(rapid.SampledFrom([]int{1, 2, 5, 100, -1, -2, -5, 0}).Draw(t, "fill"))
		l.Depth = rapid.SampledFrom([]int{0, 1, 2, 5}).Draw(t, "depth")
		l.Compressor = new(lzf.Compressor)
		l.Large = rapid.SampledFrom([]int{LargeDefault, 20, 200}).Draw(t, "large")
		m := &twin{l: l, frozen: make(map[*List][]string)}
		t.Repeat(map[string]func(*rapid.T){
			"":        func(t *rapid.T) { check(t, m.l, m.want) },
			"push":    m.push,
			"many":    m.pushMany,
			"insert":  m.insert,
			"replace": m.replace,
			"delete":  m.delete,
			"remove":  m.remove,
			"read":    m.read,
			"freeze":  m.freeze,
		})
		for f, want := range m.frozen {
			check(t, f, want)
		}
	})
}

type twin struct {
	l      *List
	want   []string
	frozen map[*List][]string
}

// index draws the index of an element.
func (m *twin) index(t *rapid.T) int {
	if len(m.want) == 0 {
		t.Skip("empty")
	}
	return rapid.IntRange(0, len(m.want)-1).Draw(t, "i")
}

func (m *twin) push(t *rapid.T) {
	s, front := words.Draw(t, "s"), rapid.Bool().Draw(t, "front")
	m.l.Push([]byte(s), front)
	if front {
		m.want = append([]string{s}, m.want...)
	} else {
		m.want = append(m.want, s)
	}
}

func (m *twin) pushMany(t *rapid.T) {
	s, front := words.Draw(t, "s"), rapid.Bool().Draw(t, "front")
	for range 200 {
		m.l.Push([]byte(s), front)
	}
	if front {
		m.want = append(slices.Repeat([]string{s}, 200), m.want...)
	} else {
		m.want = append(m.want, slices.Repeat([]string{s}, 200)...)
	}
}

func (m *twin) insert(t *rapid.T) {
	i, s, after := m.index(t), words.Draw(t, "s"), rapid.Bool().Draw(t, "after")
	m.l.Insert(i, []byte(s), after)
	if after {
		i++
	}
	m.want = slices.Insert(m.want, i, s)
}

func (m *twin) replace(t *rapid.T) {
	i, s := m.index(t), words.Draw(t, "s")
	m.l.Replace(i, []byte(s))
	m.want[i] = s
}

func (m *twin) delete(t *rapid.T) {
	i := m.index(t)
	n := rapid.IntRange(0, min(len(m.want)-i, 150)).Draw(t, "n")
	m.l.Delete(i, n)
	m.want = slices.Delete(m.want, i, i+n)
}

func (m *twin) remove(t *rapid.T) {
	s := words.Draw(t, "s")
	most := rapid.SampledFrom([]int{-1, 1, 2, 50}).Draw(t, "most")
	fromEnd := rapid.Bool().Draw(t, "fromEnd")
	gone := m.l.Remove([]byte(s), most, fromEnd)
	want := 0
	for want != most {
		i := slices.Index(m.want, s)
		if fromEnd {
			for i = len(m.want) - 1; i >= 0 && m.want[i] != s; i-- {
			}
		}
		if i < 0 {
			break
		}
		m.want = slices.Delete(m.want, i, i+1)
		want++
	}
	if gone != want {
		t.Fatalf("Remove(%q, %d, %v) = %d, want %d", s, most, fromEnd, gone, want)
	}
}

func (m *twin) read(t *rapid.T) {
	i := m.index(t)
	if got := string(m.l.At(i).Append(nil)); got != m.want[i] {
		t.Fatalf("At(%d) = %q, want %q", i, got, m.want[i])
	}
	it := m.l.Iter(i, true)
	for ; i >= 0; i-- {
		e, ok := it.Next()
		if got := string(e.Append(nil)); !ok || got != m.want[i] {
			t.Fatalf("element %d, backwards: %q, want %q", i, got, m.want[i])
		}
	}
	if _, ok := it.Next(); ok {
		t.Fatalf("more than all")
	}
}

// freeze goes on with either side.
func (m *twin) freeze(t *rapid.T) {
	if len(m.frozen) > 20 {
		t.Skip("enough")
	}
	f := m.l.Freeze().(*List)
	if rapid.Bool().Draw(t, "other side") {
		m.l, f = f, m.l
	}
	m.frozen[f] = slices.Clone(m.want)
}

// Another goroutine may read a frozen list while the original changes.
func TestFrozenListIsRead(t *testing.T) {
	l := New(-1)
	var want []string
	for i := range 5000 {
		want = append(want, fmt.Sprint("element ", i))
		l.Push([]byte(want[i]), false)
	}
	f := l.Freeze().(*List)
	done := make(chan []string)
	go func() { done <- contents(f) }()
	for i := range 5000 {
		l.Push([]byte("x"), true)
		l.Replace(i*7%l.Len(), []byte("y"))
		l.Delete(l.Len()-1, 1)
	}
	if got := <-done; !slices.Equal(got, want) {
		t.Error("the frozen list changed")
	}
}

// A list stays packed within its limit, and returns to that below half of it.
func TestGrowAndShrink(t *testing.T) {
	l := Of(listpack.New())
	for range 4 {
		if l.Grow(4, 1, 1) {
			t.Fatal("too early")
		}
		l.Push([]byte("x"), false)
	}
	if l.Encoding() != keyspace.Listpack || !l.Grow(4, 1, 1) || l.Encoding() != keyspace.Quicklist {
		t.Fatal("a fifth element makes it a quicklist")
	}
	l.Push([]byte("x"), false)
	l.Delete(0, 2)
	if l.Nodes() != 2 || l.Shrink(4, false) {
		t.Fatal("with two nodes it is a quicklist")
	}
	l.Delete(2, 1)
	if l.Nodes() != 1 || !l.Shrink(4, false) || l.Encoding() != keyspace.Listpack {
		t.Fatal("two elements in one node are packed")
	}
	check(t, l, []string{"x", "x"})
}

// A list to which is pushed at the ends has full nodes and full branches.
func TestPushedListIsDense(t *testing.T) {
	for _, front := range []bool{true, false} {
		l := New(2)
		for range 64 * 64 * 4 {
			l.Push([]byte("x"), front)
		}
		if l.Nodes() != 64*64*2 || l.height != 2 || len(l.root.kids) != 2 {
			t.Errorf("%d nodes, height %d, %d kids", l.Nodes(), l.height, len(l.root.kids))
		}
	}
}

// With a depth all nodes but those near the ends are compressed, also after changes.
func TestInnerNodesAreCompressed(t *testing.T) {
	l := New(-1)
	l.Depth, l.Compressor = 2, new(lzf.Compressor)
	var want []string
	for i := range 3000 {
		want = append(want, fmt.Sprint("an element of some length ", i))
		l.Push([]byte(want[i]), false)
	}
	compressed := func() (n int) {
		for i := 0; i < l.Len(); {
			node, first := l.nodeOf(i)
			if node.raw > 0 {
				n++
			}
			i = first + node.count
		}
		return n
	}
	if got := compressed(); got != l.Nodes()-4 || l.Nodes() < 10 {
		t.Errorf("%d of %d nodes are compressed", got, l.Nodes())
	}
	l.Replace(1500, []byte("x"))
	l.Insert(1500, []byte("y"), true)
	l.Delete(1502, 1)
	want[1500] = "x"
	want = slices.Delete(slices.Insert(want, 1501, "y"), 1502, 1503)
	check(t, l, want)
	if got := compressed(); got != l.Nodes()-4 {
		t.Errorf("after changes %d of %d nodes are compressed", got, l.Nodes())
	}
	if l.MemoryUsage(5) > int64(l.Bytes()) || l.MemoryUsage(0) > int64(l.Bytes()) {
		t.Errorf("takes %d bytes, %d uncompressed", l.MemoryUsage(5), l.Bytes())
	}
}

func BenchmarkPushPop(b *testing.B) {
	l := New(-2)
	for i := range 100000 {
		l.Push(fmt.Append(nil, "element:", i), false)
	}
	s := []byte("element:123")
	b.ReportAllocs()
	for b.Loop() {
		l.Push(s, true)
		l.Delete(l.Len()-1, 1)
	}
}

func BenchmarkIndex(b *testing.B) {
	l := New(-2)
	for i := range 1000000 {
		l.Push(fmt.Append(nil, "element:", i), false)
	}
	i := 0
	b.ReportAllocs()
	for b.Loop() {
		i = (i + 7919) % l.Len()
		l.At(i)
	}
}

package dict

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// check returns an error if the table's own books are wrong.
func (d *Dict) check() error {
	count, size := 0, int64(0)
	for i := range d.size() {
		p := d.pages.at(i)
		n, blobs := 0, 0
		for at := 0; at < p.tagsAt(); n++ {
			e := p.entryAt(at)
			h := d.hash(p.key(e))
			if d.home(h) != i || tagOf(h) != p.data[p.tagsAt()+n] {
				return fmt.Errorf("%.20q is in page %d, want %d", p.key(e), i, d.home(h))
			}
			if e.outside() {
				blobs++
			}
			at = e.end
		}
		if n != p.count() {
			return fmt.Errorf("page %d has %d entries, says %d", i, n, p.count())
		}
		if got := d.pages.group(i / groupPages).count(int(i % groupPages)); got != n {
			return fmt.Errorf("page %d has %d entries, the spine says %d", i, n, got)
		}
		if p.big != nil && len(p.big.blobs) != blobs || p.big == nil && blobs > 0 {
			return fmt.Errorf("page %d has %d entries outside", i, blobs)
		}
		count, size = count+n, size+p.bytes()
	}
	if got, want := d.pages.groups(), (d.size()+groupPages-1)/groupPages; got != want {
		return fmt.Errorf("there are %d groups, want %d", got, want)
	}
	for i := range d.pages.groups() {
		if n := d.pages.group(i).sum(); n > d.pages.top {
			return fmt.Errorf("group %d has %d entries, top is %d", i, n, d.pages.top)
		}
	}
	switch {
	case count != d.count:
		return fmt.Errorf("count is %d, want %d", d.count, count)
	case size != d.bytes:
		return fmt.Errorf("bytes are %d, want %d", d.bytes, size)
	}
	return nil
}

// pair is a table with what it must hold.
type pair struct {
	d    *Dict
	want map[string]string
}

func (p pair) check(t *rapid.T) {
	if err := p.d.check(); err != nil {
		t.Fatal(err)
	}
	if p.d.Len() != len(p.want) {
		t.Fatalf("Len = %d, want %d", p.d.Len(), len(p.want))
	}
	p.checkAll(t)
}

func (p pair) checkAll(t interface{ Errorf(string, ...any) }) {
	n := 0
	for key, val := range p.d.All() {
		if want, ok := p.want[string(key)]; !ok || want != string(val) {
			t.Errorf("%.20q is %.20q, want %.20q, %v", key, val, want, ok)
			return
		}
		n++
	}
	if n != len(p.want) {
		t.Errorf("All visits %d entries, want %d", n, len(p.want))
	}
}

var lengths = []int{0, 1, 8, 8, 8, 100, 253, 254, 255, 400, 512, 513, 2000}

func drawKey(t *rapid.T) string {
	n := rapid.IntRange(0, 400).Draw(t, "key")
	return strings.Repeat(fmt.Sprint("k", n), 1+lengths[n%len(lengths)]/4)
}

func drawVal(t *rapid.T, like string) string {
	n := rapid.SampledFrom(lengths).Draw(t, "length")
	if rapid.Bool().Draw(t, "same length") {
		n = len(like)
	}
	return strings.Repeat(rapid.SampledFrom([]string{"a", "b"}).Draw(t, "fill"), n)
}

// A table does what a map would do, and so does everything frozen off it.
func TestDictEqualsItsTwin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := []pair{{New(), map[string]string{}}}
		draw := func() *pair { return &all[rapid.IntRange(0, len(all)-1).Draw(t, "which")] }
		t.Repeat(map[string]func(*rapid.T){
			"": func(t *rapid.T) { draw().check(t) },
			"set": func(t *rapid.T) {
				p, key := draw(), drawKey(t)
				old, there := p.want[key]
				val := drawVal(t, old)
				if isNew := p.d.Set([]byte(key), []byte(val)); isNew == there {
					t.Fatalf("Set is new: %v", isNew)
				}
				p.want[key] = val
			},
			"delete": func(t *rapid.T) {
				p, key := draw(), drawKey(t)
				if _, there := p.want[key]; p.d.Delete([]byte(key)) != there {
					t.Fatalf("Delete = %v", !there)
				}
				delete(p.want, key)
			},
			"get": func(t *rapid.T) {
				p, key := draw(), drawKey(t)
				val, ok := p.d.Get([]byte(key))
				if want, there := p.want[key]; ok != there || string(val) != want {
					t.Fatalf("Get = %.20q, %v", val, ok)
				}
			},
			"ref": func(t *rapid.T) {
				p, key := draw(), drawKey(t)
				if val, ok := p.d.Ref([]byte(key)); ok && len(val) > 0 {
					val[0]++
					p.want[key] = string(val)
				}
			},
			"fill": func(t *rapid.T) {
				p := draw()
				for i := range rapid.SampledFrom([]int{5, 50, 300, 300, 5000}).Draw(t, "n") {
					key := fmt.Sprint("fill", i)
					p.d.Set([]byte(key), []byte(key))
					p.want[key] = key
				}
			},
			"drain": func(t *rapid.T) {
				p, step := draw(), rapid.IntRange(1, 3).Draw(t, "step")
				for i := 0; i < 5000; i += step {
					key := fmt.Sprint("fill", i)
					p.d.Delete([]byte(key))
					delete(p.want, key)
				}
			},
			"random": func(t *rapid.T) {
				p := draw()
				key, val := p.d.Random(rand.New(rand.NewPCG(1, 2)))
				if want, ok := p.want[string(key)]; ok != (len(p.want) > 0) || want != string(val) {
					t.Fatalf("Random = %.20q, %.20q", key, val)
				}
			},
			"freeze": func(t *rapid.T) {
				if len(all) < 4 {
					p := draw()
					all = append(all, pair{p.d.Freeze(), maps.Clone(p.want)})
				}
			},
			"forget": func(t *rapid.T) {
				if len(all) > 1 {
					all[0].check(t)
					all = all[1:]
				}
			},
		})
		for _, p := range all {
			p.check(t)
		}
	})
}

// What is frozen may be read while the original changes. Run with -race.
func TestFrozenIsReadWhileTheOriginalChanges(t *testing.T) {
	d := New()
	want := map[string]string{}
	change := func(i int) {
		key, val := fmt.Sprint("key", i), strings.Repeat("v", i%700)
		d.Set([]byte(key), []byte(val))
		want[key] = val
	}
	for i := range 5000 {
		change(i)
	}
	for round := range 10 {
		p := pair{d.Freeze(), maps.Clone(want)}
		done := make(chan struct{})
		go func() {
			defer close(done)
			p.checkAll(t)
		}()
		for i := range 3000 {
			k := (i*7 + round) % 9000
			key := fmt.Sprint("key", k)
			switch i % 4 {
			case 0, 1:
				change(k)
			case 2:
				d.Delete([]byte(key))
				delete(want, key)
			case 3:
				if val, ok := d.Ref([]byte(key)); ok && len(val) > 0 {
					val[0]++
					want[key] = string(val)
				}
			}
		}
		<-done
	}
	pair{d, want}.checkAll(t)
}

// Every entry that is there all the time is visited, while the table grows and
// shrinks between the calls.
func TestScanMissesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := New()
		stays := rapid.IntRange(1, 1000).Draw(t, "stays")
		for i := range stays {
			d.Set(fmt.Append(nil, "stay", i), nil)
		}
		seen := map[string]bool{}
		more := 0
		for cursor := uint64(0); ; {
			cursor = d.Scan(cursor, func(key, _ []byte) { seen[string(key)] = true })
			if cursor == 0 {
				break
			}
			switch rapid.IntRange(0, 9).Draw(t, "then") {
			case 0:
				for range rapid.IntRange(1, 1000).Draw(t, "grow") {
					d.Set(fmt.Append(nil, "more", more), nil)
					more++
				}
			case 1:
				for range rapid.IntRange(1, 1000).Draw(t, "shrink") {
					more = max(more-1, 0)
					d.Delete(fmt.Append(nil, "more", more))
				}
			}
		}
		for i := range stays {
			if !seen[fmt.Sprint("stay", i)] {
				t.Fatalf("stay%d of %d was not visited", i, stays)
			}
		}
	})
}

// Every entry is drawn about equally often, foreseen or not.
func TestRandomIsFair(t *testing.T) {
	d := New()
	const entries, each = 300, 200
	for i := range entries {
		d.Set(fmt.Append(nil, i), nil)
	}
	var foreseen Draws
	for name, draw := range map[string]func(i int) []byte{
		"plain": func(int) []byte { key, _ := d.Random(new(Draws)); return key },
		"foreseen": func(i int) []byte {
			if i%7 == 0 {
				d.WarmDraws(&foreseen, 10)
			}
			key, _ := d.Random(&foreseen)
			return key
		},
	} {
		drawn := map[string]int{}
		for i := range entries * each {
			drawn[string(draw(i))]++
		}
		chi := 0.0
		for i := range entries {
			diff := float64(drawn[fmt.Sprint(i)] - each)
			chi += diff * diff / each
		}
		if chi > 460 { // 299 degrees of freedom: less than one in 10^8
			t.Errorf("%s: chi² is %.0f", name, chi)
		}
	}
}

// The pages that are foreseen are those of the next entries, in their order.
func TestPagesAreForeseen(t *testing.T) {
	d := New()
	for i := range 3000 {
		d.Set(fmt.Append(nil, i), nil)
	}
	var r Draws
	foreseen := 0
	for range 100 {
		for n, p := range d.foresee(&r, make([]*page, 0, warmMax)) {
			foreseen++
			if key, _ := d.Random(&r); d.pages.at(d.home(d.hash(key))) != p {
				t.Fatalf("entry %d is not of the page foreseen", n)
			}
		}
	}
	if foreseen < 1000 {
		t.Errorf("%d entries were foreseen", foreseen)
	}
}

// What is looked at in advance is what is drawn, in its order.
func TestDrawsAreForeseen(t *testing.T) {
	var r Draws
	for round := range 1000 {
		var want []uint64
		for i := range 1 + round*7%drawsAhead {
			want = append(want, r.ahead(uint(i)))
		}
		for i := range round % (len(want) + 3) {
			if got := r.Uint64(); i < len(want) && got != want[i] {
				t.Fatalf("round %d: number %d is %x, foreseen %x", round, i, got, want[i])
			}
		}
	}
}

// A table that lost its entries gives their memory back.
func TestEmptyDictIsSmall(t *testing.T) {
	d := New()
	empty := d.MemoryUsage(0)
	for i := range 100_000 {
		d.Set(fmt.Append(nil, i), bytes.Repeat([]byte("v"), i%1000))
	}
	for i := range 100_000 {
		d.Delete(fmt.Append(nil, i))
	}
	if got := d.MemoryUsage(0); got > empty+8192 {
		t.Errorf("empty again, the table takes %d bytes, %d when new", got, empty)
	}
}

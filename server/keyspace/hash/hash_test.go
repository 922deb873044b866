package hash

import (
	"fmt"
	"maps"
	"math"
	"testing"

	"pgregory.net/rapid"

	"github.com/vedette-ha/vedette/internal/listpack"
	"github.com/vedette-ha/vedette/server/keyspace"
)

var _ keyspace.Perishable = (*Hash)(nil)

// twin is what a hash must hold: values, and the times of those that expire.
type twin struct {
	vals  map[string]string
	times map[string]int64
}

func newTwin() twin { return twin{map[string]string{}, map[string]int64{}} }

func (tw twin) clone() twin { return twin{maps.Clone(tw.vals), maps.Clone(tw.times)} }

// check compares a hash with its twin, and its books with themselves.
func (tw twin) check(t interface{ Errorf(string, ...any) }, h *Hash) {
	vals, times, first := map[string]string{}, map[string]int64{}, int64(math.MaxInt64)
	for field, val := range h.All() {
		vals[string(field)] = string(val)
		if at := h.ExpireAt(field); at != keyspace.NoExpire {
			times[string(field)] = at
			first = min(first, at)
		}
	}
	if !maps.Equal(vals, tw.vals) || !maps.Equal(times, tw.times) {
		t.Errorf("%d fields, %d expire; want %d, %d", len(vals), len(times), len(tw.vals), len(tw.times))
	}
	if h.Expiring() != len(times) || len(times) > 0 && h.NextExpire() > first || len(times) == 0 && h.NextExpire() != keyspace.NoExpire {
		t.Errorf("%d expire, the next at %d; want %d, not after %d", h.Expiring(), h.NextExpire(), len(times), first)
	}
}

// A hash does what two maps would do, and so does what was frozen off it.
func TestHashEqualsItsTwin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h, tw, now := New(), newTwin(), int64(1000)
		var frozen *Hash
		var was twin
		field := func() string { return fmt.Sprint(rapid.IntRange(0, 200).Draw(t, "field")) }
		t.Repeat(map[string]func(*rapid.T){
			"": func(t *rapid.T) {
				tw.check(t, h)
				if frozen != nil {
					was.check(t, frozen)
				}
			},
			"set": func(t *rapid.T) {
				f := field()
				_, there := tw.vals[f]
				if h.Set([]byte(f), []byte("v"+f)) == there {
					t.Fatalf("Set is new: %v", there)
				}
				tw.vals[f] = "v" + f
			},
			"fill": func(t *rapid.T) {
				for i := range 200 {
					f := fmt.Sprint(i)
					h.Set([]byte(f), nil)
					tw.vals[f] = ""
					if i%2 == 0 {
						h.SetExpire([]byte(f), now+int64(i))
						tw.times[f] = now + int64(i)
					}
				}
			},
			"delete": func(t *rapid.T) {
				f := field()
				h.Delete([]byte(f))
				delete(tw.vals, f)
				delete(tw.times, f)
			},
			"expire": func(t *rapid.T) {
				f := field()
				if _, ok := tw.vals[f]; ok {
					tw.times[f] = now + rapid.Int64Range(-5, 300).Draw(t, "ms")
					h.SetExpire([]byte(f), tw.times[f])
				}
			},
			"persist": func(t *rapid.T) {
				f := field()
				_, had := tw.times[f]
				if h.Persist([]byte(f)) != had {
					t.Fatalf("Persist = %v", !had)
				}
				delete(tw.times, f)
			},
			"live": func(t *rapid.T) {
				n := len(tw.vals)
				for f, at := range tw.times {
					if at < now {
						n--
					}
					if h.Expired([]byte(f), now) != (at < now) {
						t.Fatalf("%s expires at %d, now is %d", f, at, now)
					}
				}
				if h.Live(now) != n {
					t.Fatalf("Live = %d, want %d", h.Live(now), n)
				}
			},
			"reap": func(t *rapid.T) {
				looks := rapid.SampledFrom([]int{1, 30, 1000}).Draw(t, "looks")
				_, done := h.Reap(now, looks, func(field []byte) {
					f := string(field)
					if at, ok := tw.times[f]; !ok || at >= now {
						t.Fatalf("%s went before its time", f)
					}
					delete(tw.vals, f)
					delete(tw.times, f)
				})
				if looks == 1000 && !done {
					t.Fatal("Reap did not come to an end")
				}
			},
			"reap all": func(t *rapid.T) {
				for range 2 { // the walk under way, then one from the begin
					for done := false; !done; {
						_, done = h.Reap(now, 10, func(field []byte) {
							delete(tw.vals, string(field))
							delete(tw.times, string(field))
						})
					}
				}
				if h.Due(now) {
					t.Fatal("something is still due")
				}
			},
			"wait":   func(t *rapid.T) { now += rapid.Int64Range(0, 200).Draw(t, "ms") },
			"freeze": func(t *rapid.T) { frozen, was = h.Freeze().(*Hash), tw.clone() },
		})
	})
}

// What is frozen may be read while the original changes and expires. Run with -race.
func TestFrozenHashIsReadWhileTheOriginalChanges(t *testing.T) {
	h, tw := New(), newTwin()
	for i := range 2000 {
		f := fmt.Sprint(i)
		h.Set([]byte(f), []byte(f))
		h.SetExpire([]byte(f), int64(i))
		tw.vals[f], tw.times[f] = f, int64(i)
	}
	f := h.Freeze().(*Hash)
	done := make(chan struct{})
	go func() {
		defer close(done)
		tw.check(t, f)
	}()
	for i := range 2000 {
		h.SetExpire(fmt.Append(nil, i), 5000)
		if i%10 == 0 {
			h.Reap(int64(i), 100, func([]byte) {})
		}
	}
	<-done
}

func TestFromListpack(t *testing.T) {
	lp := listpack.New()
	for _, s := range []string{"a", "1", "-5", "", "long", "text"} {
		lp = listpack.Append(lp, []byte(s))
	}
	twin{map[string]string{"a": "1", "-5": "", "long": "text"}, map[string]int64{}}.check(t, FromListpack(lp))
}

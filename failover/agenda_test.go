package failover

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// naive is an agenda that walks all watches.
type naive []*watch

func (n naive) earliest(t time.Time) time.Time {
	for _, w := range n {
		t = earlier(t, w.next)
	}
	return t
}

func (n naive) due(now time.Time) (names []string) {
	for _, w := range n {
		if !w.next.After(now) {
			names = append(names, w.name)
		}
	}
	slices.Sort(names)
	return names
}

// Whatever is added, moved, woken and dropped, the agenda names the same earliest
// deadline and the same watches due as a walk over all of them.
func TestAgendaAgreesWithWalk(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var a agenda
		var all naive
		added := 0
		at := rapid.Custom(func(t *rapid.T) time.Time {
			return day.Add(time.Duration(rapid.IntRange(0, 20).Draw(t, "at")) * time.Millisecond)
		})
		one := func(t *rapid.T) *watch {
			if len(all) == 0 {
				t.Skip("no watch")
			}
			return rapid.SampledFrom(all).Draw(t, "watch")
		}
		t.Repeat(map[string]func(*rapid.T){
			"add": func(t *rapid.T) {
				w := &watch{name: fmt.Sprint("m", added), next: at.Draw(t, "next")}
				added++
				a.add(w)
				all = append(all, w)
			},
			"drop": func(t *rapid.T) {
				w := one(t)
				a.drop(w)
				all = slices.DeleteFunc(all, func(v *watch) bool { return v == w })
				w.wake(day) // one that is gone is not woken
			},
			"move": func(t *rapid.T) { a.move(one(t), at.Draw(t, "next")) },
			"wake": func(t *rapid.T) { one(t).wake(at.Draw(t, "next")) },
			"": func(t *rapid.T) {
				now := at.Draw(t, "now")
				if got, want := a.earliest(now), all.earliest(now); !got.Equal(want) {
					t.Fatalf("earliest %v, want %v", got, want)
				}
				var got []string
				for _, w := range a.due(now) {
					got = append(got, w.name)
				}
				if want := all.due(now); !slices.Equal(got, want) {
					t.Fatalf("due %v, want %v", got, want)
				}
			},
		})
	})
}

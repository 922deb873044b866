package failover

import (
	"container/heap"
	"slices"
	"strings"
	"time"
)

// agenda holds the watches as a heap by when their review is due: the earliest is at
// hand however many there are. Each watch knows its place; whoever changes when it is
// due does so through the agenda.
type agenda struct{ heap watchHeap }

// add takes in a watch whose next is set.
func (a *agenda) add(w *watch) {
	w.agenda = a
	heap.Push(&a.heap, w)
}

// drop takes out a watch. Its next means nothing from now on.
func (a *agenda) drop(w *watch) {
	heap.Remove(&a.heap, w.place)
	w.agenda = nil
}

// move makes the review of w due at t.
func (a *agenda) move(w *watch, t time.Time) {
	w.next = t
	heap.Fix(&a.heap, w.place)
}

// earliest returns the first time at which a watch is due, or t if none is before.
func (a *agenda) earliest(t time.Time) time.Time {
	if len(a.heap) == 0 {
		return t
	}
	return earlier(a.heap[0].next, t)
}

// due returns the watches that are due at now, by name.
func (a *agenda) due(now time.Time) []*watch {
	due := a.heap.appendDue(nil, 0, now)
	slices.SortFunc(due, func(v, w *watch) int { return strings.Compare(v.name, w.name) })
	return due
}

// watchHeap implements [heap.Interface].
type watchHeap []*watch

func (h watchHeap) Len() int           { return len(h) }
func (h watchHeap) Less(i, j int) bool { return h[i].next.Before(h[j].next) }

func (h watchHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].place, h[j].place = i, j
}

func (h *watchHeap) Push(x any) {
	w := x.(*watch)
	w.place = len(*h)
	*h = append(*h, w)
}

func (h *watchHeap) Pop() any {
	last := len(*h) - 1
	w := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	return w
}

// appendDue appends the watches due at now among those at and below place i: none is
// due below one that is not.
func (h watchHeap) appendDue(due []*watch, i int, now time.Time) []*watch {
	if i >= len(h) || h[i].next.After(now) {
		return due
	}
	due = append(due, h[i])
	due = h.appendDue(due, 2*i+1, now)
	return h.appendDue(due, 2*i+2, now)
}

package server

import (
	"container/heap"
	"time"
)

// timer is a function the loop calls once, not before at.
type timer struct {
	at    time.Duration // since the server started
	fn    func()
	index int // in the heap; -1 once run or stopped
}

// timerHeap is the loop's timers, soonest first.
type timerHeap []*timer

func (h timerHeap) Len() int           { return len(h) }
func (h timerHeap) Less(i, j int) bool { return h[i].at < h[j].at }
func (h timerHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}
func (h *timerHeap) Push(x any) {
	t := x.(*timer)
	t.index = len(*h)
	*h = append(*h, t)
}
func (h *timerHeap) Pop() any {
	old := *h
	t := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	t.index = -1
	return t
}

// until is how long to wait for the first timer; negative for ever.
func (h timerHeap) until(now time.Duration) time.Duration {
	if len(h) == 0 {
		return -1
	}
	return max(h[0].at-now, 0)
}

// after calls fn on the loop once d has passed.
func (s *Server) after(d time.Duration, fn func()) *timer {
	t := &timer{at: s.mono() + d, fn: fn}
	heap.Push(&s.timers, t)
	return t
}

// cancel stops a timer; nil and timers that ran are fine.
func (s *Server) cancel(t *timer) {
	if t != nil && t.index >= 0 {
		heap.Remove(&s.timers, t.index)
		t.index = -1
	}
}

// every calls fn on the loop now and then, each period() after the last, until the
// server ends.
func (s *Server) every(period func() time.Duration, fn func()) {
	s.after(period(), func() {
		fn()
		s.every(period, fn)
	})
}

// runTimers runs what is due; a timer set meanwhile waits for the next turn.
func (s *Server) runTimers() {
	if len(s.timers) == 0 {
		return
	}
	now := s.mono()
	for len(s.timers) > 0 && s.timers[0].at <= now {
		heap.Pop(&s.timers).(*timer).fn()
	}
}

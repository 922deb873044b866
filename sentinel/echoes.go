package sentinel

import (
	"sync"
	"time"
)

const (
	// echoTime is for how long at least an equal hello is an echo, up to twice that.
	// Senders repeat theirs every helloPeriod.
	echoTime = helloPeriod / 4
	// echoesMax bounds the hellos remembered: those of eight thousand masters.
	echoesMax = 1 << 14
)

// echoes tells hellos from their echoes: what is published on a master comes back from
// each of its replicas, and every sentinel publishes on all of them. Only the first is
// looked at by the loop. Safe for concurrent use; the zero value is empty.
type echoes struct {
	mu       sync.Mutex // guards what follows
	now, old map[string]struct{}
	turned   time.Time // when now was empty
}

// is reports whether the same payload was heard a moment ago.
func (e *echoes) is(payload []byte, at time.Time) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if at.Sub(e.turned) >= echoTime || len(e.now) >= echoesMax {
		e.turn(at)
	}
	if _, ok := e.now[string(payload)]; ok {
		return true
	}
	if _, ok := e.old[string(payload)]; ok {
		return true
	}
	e.now[string(payload)] = struct{}{}
	return false
}

// turn forgets what was heard before the last turn.
func (e *echoes) turn(at time.Time) {
	if e.now == nil {
		e.now, e.old = map[string]struct{}{}, map[string]struct{}{}
	}
	if at.Sub(e.turned) < 2*echoTime {
		e.now, e.old = e.old, e.now
	} else {
		clear(e.old)
	}
	clear(e.now)
	e.turned = at
}

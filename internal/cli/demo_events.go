//go:build !nodemo

package cli

import (
	"net"
	"slices"
	"strings"
	"sync"
	"time"
)

// demoEvent is something that happened during the demo.
type demoEvent struct {
	At   time.Time
	Who  string // a node or a writer
	What string // a Sentinel event, or a word of ours
	Text string // in names, not addresses
	// About is what a Sentinel event is about: master, slave, sentinel.
	About string
}

// Words for what Sentinel has no event for.
const (
	whatAnswers  = "answers"      // a sentinel names the master in Text
	whatWrites   = "writes again" // a writer's first write acknowledged by another master
	whatReplica  = "is a replica"
	whatInSync   = "in sync"
	whatStarted  = "started"
	whatFailover = "SENTINEL FAILOVER"
)

// demoTimeline collects events from everywhere. Safe for concurrent use. It is
// bounded by the length of the demo.
type demoTimeline struct {
	mu     sync.Mutex // guards events
	events []demoEvent
}

func (t *demoTimeline) add(e demoEvent) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.events = append(t.events, e)
}

// from returns the events after the first n, as they came in.
func (t *demoTimeline) from(n int) []demoEvent {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.events[n:])
}

// since returns the events at or after a time, in order of time.
func (t *demoTimeline) since(at time.Time) []demoEvent {
	events := slices.DeleteFunc(t.from(0), func(e demoEvent) bool { return e.At.Before(at) })
	slices.SortStableFunc(events, func(a, b demoEvent) int { return a.At.Compare(b.At) })
	return events
}

// sentinelEvent puts an event published by a sentinel into words. ok is false for
// those the demo does not show. name turns an address or a sentinel's id into a name.
func sentinelEvent(channel, payload string, name func(string) string) (e demoEvent, ok bool) {
	f := strings.Fields(payload)
	e = demoEvent{What: channel}
	switch channel {
	case "+switch-master":
		if len(f) != 5 {
			return e, false
		}
		e.Text = name(net.JoinHostPort(f[1], f[2])) + " -> " + name(net.JoinHostPort(f[3], f[4]))
		return e, true
	case "+vote-for-leader":
		if len(f) != 2 {
			return e, false
		}
		e.Text = "for " + name(f[0]) + ", epoch " + f[1]
		return e, true
	case "+tilt", "-tilt":
		return e, true
	}
	if len(f) < 4 {
		return e, false
	}
	e.About, e.Text = f[0], name(net.JoinHostPort(f[2], f[3]))
	switch channel {
	case "+sdown", "-sdown":
		return e, e.About == "master"
	case "+odown":
		e.Text += ", " + strings.TrimPrefix(strings.Join(f[4:], " "), "#quorum ")
		return e, true
	case "+elected-leader":
		e.Text = "conducts the failover of " + e.Text
		return e, true
	case "+selected-slave", "+promoted-slave", "+convert-to-slave", "+slave-reconf-done", "+failover-end":
		return e, true
	}
	return e, strings.HasPrefix(channel, "-failover-abort") || channel == "+failover-end-for-timeout"
}

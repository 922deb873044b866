//go:build !nodemo

package cli

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/vedette-ha/vedette/internal/client"
	"github.com/vedette-ha/vedette/internal/resp"
)

// How often each sentinel is asked where the master is: while a failover is awaited,
// and otherwise.
const (
	pollFast = 5 * time.Millisecond
	pollSlow = 20 * time.Millisecond
)

// demoWatch listens to the sentinels and asks them, each on connections of its own.
type demoWatch struct {
	timeline *demoTimeline
	name     func(string) string // of an address or of a sentinel's id
	fast     atomic.Bool
}

// subscribe puts the events of one sentinel on the timeline until ctx ends. ready is
// called once the sentinel has confirmed.
func (w *demoWatch) subscribe(ctx context.Context, n *demoNode, ready func()) error {
	conn, err := client.Dial(ctx, "tcp", n.addr(), client.Options{Name: "vedette-demo-events"})
	if err != nil {
		return fmt.Errorf("subscribe to %s: %w", n.Name, err)
	}
	link := client.NewLink(conn, client.LinkOptions{Push: func(v resp.Value, at time.Time) {
		if len(v.Array) == 3 && v.Array[0].Text() == "psubscribe" {
			ready()
		}
		w.message(n, v, at)
	}})
	if err := link.Subscribe("PSUBSCRIBE", "*"); err != nil {
		return fmt.Errorf("subscribe to %s: %w", n.Name, err)
	}
	if err := link.Run(ctx); ctx.Err() == nil {
		return fmt.Errorf("events of %s: %w", n.Name, err)
	}
	return nil
}

// message takes [pmessage, pattern, channel, payload].
func (w *demoWatch) message(n *demoNode, v resp.Value, at time.Time) {
	if len(v.Array) != 4 || v.Array[0].Text() != "pmessage" {
		return
	}
	e, ok := sentinelEvent(v.Array[2].Text(), v.Array[3].Text(), w.name)
	if !ok {
		return
	}
	e.At, e.Who = at, n.Name
	w.timeline.add(e)
}

// poll asks one sentinel again and again where the master is, and notes each new
// answer. first is what it is known to answer.
func (w *demoWatch) poll(ctx context.Context, n *demoNode, first string) {
	a := &demoAsker{addr: n.addr()}
	defer a.close()
	last := first
	for {
		addr, err := a.masterAddr(ctx)
		if now := time.Now(); err == nil && addr != last {
			last = addr
			w.timeline.add(demoEvent{At: now, Who: n.Name, What: whatAnswers, Text: w.name(addr)})
		}
		pause := pollSlow
		if w.fast.Load() {
			pause = pollFast
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
	}
}

package server

import (
	"testing"
	"time"
)

const microsecond = time.Microsecond

// clients are those of a loop in virtual time: each sends again think after its reply,
// and costs the loop work. A rest takes rest.
type clients struct {
	n                 int
	think, work, rest time.Duration
}

// run lets a loop serve them for a second. It returns which part of its turns began
// with a rest.
func (cl clients) run(g *gathering) float64 {
	type client struct{ sends, readAt time.Duration }
	cs := make([]client, cl.n)
	for i := range cs { // not all at once
		cs[i].sends = time.Duration(i) * cl.think / time.Duration(cl.n)
	}
	var now, end time.Duration
	turns, rests := 0, 0
	for now < time.Second {
		turns++
		if g.pays() {
			rests++
			now += cl.rest
			g.rested(cl.rest)
		}
		next := cs[0].sends
		for _, c := range cs {
			next = min(next, c.sends)
		}
		now = max(now+microsecond, next) // the wait
		began := now
		var served []*client
		for i := range cs {
			if c := &cs[i]; c.sends <= began {
				g.read(c.readAt, began)
				c.readAt = began
				now += cl.work
				served = append(served, c)
			}
		}
		for _, c := range served { // replies go out at the end of the turn
			c.sends = now + cl.think
		}
		g.turned(began-end, now)
		end = now
	}
	return float64(rests) / float64(turns)
}

// TestGathering: the loop rests where many clients send one after the other, and
// nowhere else.
func TestGathering(t *testing.T) {
	rest := 25 * microsecond
	for _, c := range []struct {
		name    string
		clients clients
		rests   bool
	}{
		{"one client", clients{n: 1, think: 20 * microsecond, work: 10 * microsecond, rest: rest}, false},
		{"one client, quick", clients{n: 1, think: microsecond, work: 10 * microsecond, rest: rest}, false},
		{"four clients", clients{n: 4, think: 20 * microsecond, work: 10 * microsecond, rest: rest}, false},
		{"a backlog", clients{n: 200, think: 20 * microsecond, work: 10 * microsecond, rest: rest}, false},
		{"many clients that seldom send", clients{n: 1000, think: 100 * time.Millisecond, work: 10 * microsecond, rest: rest}, false},
		{"many clients that keep the loop busy", clients{n: 200, think: 3 * time.Millisecond, work: 10 * microsecond, rest: rest}, true},
		{"the same where a rest takes long", clients{n: 200, think: 3 * time.Millisecond, work: 10 * microsecond, rest: 4 * time.Millisecond}, false},
		{"heavy commands", clients{n: 200, think: 100 * time.Millisecond, work: 400 * microsecond, rest: rest}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			part := c.clients.run(&gathering{rest: gatherFor})
			if c.rests && part < 0.8 || !c.rests && part > 0.1 {
				t.Fatalf("%.2f of the turns began with a rest", part)
			}
		})
	}
}

// TestGatheringTriesAgain: a rest that took long for a while does not end resting for
// good.
func TestGatheringTriesAgain(t *testing.T) {
	g := &gathering{rest: gatherFor}
	many := clients{n: 200, think: 3 * time.Millisecond, work: 10 * microsecond, rest: 4 * time.Millisecond}
	many.run(g)
	g.since = 0 // time starts anew
	many.rest = 25 * microsecond
	if part := many.run(g); part < 0.5 {
		t.Fatalf("only %.2f of the turns began with a rest", part)
	}
}

package server

import "time"

const (
	// gatherFor is how long the loop asks to rest for requests to gather.
	gatherFor = 20 * time.Microsecond
	// gatherShare bounds what resting costs a client: at most one part in so many of
	// the time after which it sends again.
	gatherShare = 8
	// gatherWindow is what a verdict is based on. One that is for resting holds for so
	// many windows more; then there is one without rests, to see what they spare.
	gatherWindow, gatherWindows = 2 * time.Millisecond, 15
)

// gathering decides whether the loop rests for a moment before it looks for requests.
//
// A loop that is quicker than its clients finds one or two requests a turn. With many
// clients each request then pays for a wait, a wake-up and a turn of its own, on both
// sides of the connection: less is served, with more processor time. A rest of some
// microseconds lets one turn serve several, and the clients send on meanwhile. Network
// cards do the same and call it interrupt moderation.
//
// Resting never pays with few clients that wait for their replies, nor when the loop
// has much time to spare, or none.
type gathering struct {
	rest    time.Duration // how long a rest truly takes; times are the server's clock
	windows int           // for which the loop rests, with this one
	since   time.Duration // when the window began
	idle    time.Duration // how long the loop waited in it
	reads   int
	hasty   int // reads of clients to whom a rest would have mattered
}

// pays reports whether the loop is to rest.
func (g *gathering) pays() bool { return g.windows > 0 }

// read counts a read at now of a client that was last read from before.
func (g *gathering) read(before, now time.Duration) {
	g.reads++
	if now-before < gatherShare*g.rest {
		g.hasty++
	}
}

// rested notes how long a rest took: what systems make of a few microseconds differs
// much. The estimate follows the median, so that a rest that once took much longer
// does not count for more.
func (g *gathering) rested(took time.Duration) {
	if took > g.rest {
		g.rest += g.rest / 8
	} else {
		g.rest -= g.rest / 8
	}
}

// turned counts a turn that began after idle time and ended now.
func (g *gathering) turned(idle, now time.Duration) {
	g.idle += idle
	elapsed := now - g.since
	if elapsed < gatherWindow {
		return
	}
	switch {
	case g.pays():
		g.windows--
	case g.judge(elapsed):
		g.windows = gatherWindows
	default:
		g.rest -= g.rest / 64 // to be tried again
	}
	*g = gathering{rest: max(g.rest, gatherFor), windows: g.windows, since: now}
}

// judge says whether resting would have paid in a window that took elapsed.
func (g *gathering) judge(elapsed time.Duration) bool {
	// The calls that look for requests take a tenth alone when each finds one.
	return elapsed/7 <= g.idle && g.idle <= elapsed/2 &&
		elapsed <= 2*g.rest*time.Duration(g.reads) && // or resting finds no more
		g.hasty <= g.reads/4
}

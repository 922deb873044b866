package sim

import (
	"context"
	"math/rand/v2"
	"sync"
	"testing"
	"time"
)

// What a starved process and a bad network may do together is below what down-after, a
// second, forgives: a PING that is late by two ways and a pause.
const (
	longestPause = 400 * time.Millisecond
	longestWay   = 200 * time.Millisecond
	slowestTurn  = 3 * time.Millisecond
	shortestRun  = 50 * time.Millisecond // between two pauses
)

// For an hour every process is short of the processor, each turn of its loop late and
// now and then stopped, and no packet takes as long as the one before. A single sentinel
// that calls the master down would suffice for a failover. None does.
func TestNoFalseAlarm(t *testing.T) {
	inCluster(t, 1, func(c *cluster) {
		c.seldom(time.Second)
		_, err := c.ask.do(context.Background(), c.sens[0].addr(), "SENTINEL", "SET", "m", "quorum", "1")
		c.must(err)
		over := make(chan struct{})
		var wg sync.WaitGroup
		for i, name := range hostNames()[:6] {
			c.do("slow " + name + " " + slowestTurn.String())
			r := rand.New(rand.NewPCG(1, uint64(i)))
			wg.Go(func() { starve(c.process(name), r, over) })
		}
		wg.Go(func() { c.jitter(over) })
		time.Sleep(starvedFor)
		close(over)
		wg.Wait()
		for _, event := range []string{"+sdown master", "+odown", "+try-failover", "+switch-master"} {
			if n := c.heard.count(0, event); n > 0 {
				t.Errorf("%d times %s", n, event)
			}
		}
		t.Logf("%d times +sdown of anything", c.heard.count(0, "+sdown"))
		c.calm()
		c.seldom(0)
	})
}

// starve stops a process now and then.
func starve(p *process, r *rand.Rand, over <-chan struct{}) {
	for {
		select {
		case <-time.After(shortestRun + upTo(r, 2*time.Second)):
		case <-over:
			return
		}
		p.pause()
		time.Sleep(upTo(r, longestPause))
		p.resume()
	}
}

// jitter changes how long packets take.
func (c *cluster) jitter(over <-chan struct{}) {
	r := rand.New(rand.NewPCG(2, 0))
	for {
		for _, a := range hostNames() {
			for _, b := range hostNames() {
				way := upTo(r, longestWay)
				c.net.Delay(c.host(a).IP(), c.host(b).IP(), way, longestWay-way)
			}
		}
		select {
		case <-time.After(10 * time.Second):
		case <-over:
			return
		}
	}
}

func upTo(r *rand.Rand, d time.Duration) time.Duration { return time.Duration(r.Int64N(int64(d))) }

package sim

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vedette-ha/vedette/internal/resp"
)

// way is one way in which a failover goes.
type way struct {
	name    string
	manual  bool
	follows bool // the claimant is not the leader
	pauses  bool // the old master does not hand over, its writes are paused
}

func ways() []way {
	return []way{
		{name: "automatic"},
		{name: "automatic by a follower", follows: true},
		{name: "handed over", manual: true},
		{name: "handed over by a follower", manual: true, follows: true},
		{name: "paused", manual: true, pauses: true},
	}
}

// mishap is what happens to a failover at a moment.
type mishap struct {
	name   string
	leader bool // it hits the leader, not the claimant
	again  bool // who died starts again soon
	every  bool // at every moment, not only at those that decide something
}

func (w way) mishaps() []mishap {
	m := []mishap{{name: "the claimant dies", every: true}, {name: "the claimant restarts", again: true}}
	if w.follows {
		m = append(m, mishap{name: "the leader dies", leader: true})
	}
	return m
}

// A failover is watched once, to know every entry of the log and every command its
// claimant sends. Then a deployment lives for each of them in which the claimant, or the
// leader, dies right before or after it. The failover ends soon after there is a leader,
// with the same target, nothing is lost, and nothing is left behind.
func TestResume(t *testing.T) {
	for _, w := range ways() {
		t.Run(w.name, func(t *testing.T) {
			all := w.watch(t)
			for _, m := range w.mishaps() {
				t.Run(m.name, func(t *testing.T) {
					for _, p := range all {
						if !p.decides() && (p.after || !m.every) {
							continue
						}
						t.Run(p.String(), func(t *testing.T) {
							t.Parallel()
							inCluster(t, 1, func(c *cluster) { w.suffer(c, m, p) })
						})
					}
				})
			}
		})
	}
}

// watch lives through a failover in which nothing else happens, and returns the moments
// of its claimant.
func (w way) watch(t *testing.T) (all []moment) {
	inCluster(t, 1, func(c *cluster) {
		y := c.conspire(moment{}, nil)
		w.begin(c)
		c.await(10*time.Second, "end", c.unended(c.sens...))
		all = y.end()
		c.calm()
	})
	return all
}

// begin sets the failover off.
func (w way) begin(c *cluster) {
	leader := c.leader()
	by := leader
	if w.follows {
		by = c.sens[(slices.Index(c.sens, leader)+1)%len(c.sens)]
	}
	switch {
	case w.manual:
		w.request(c, by)
	case w.follows:
		for _, n := range c.nodes {
			c.do("cut " + leader.name + " " + n.name)
		}
		c.do("kill n1")
	default:
		c.do("kill n1")
	}
}

// request asks for a manual failover, again while the sentinel has not heard yet that
// the replicas are in sync.
func (w way) request(c *cluster, s *sentry) {
	c.t.Helper()
	if w.pauses {
		_, err := c.ask.do(context.Background(), s.addr(), "SENTINEL", "SET", "m", "rename-command", "FAILOVER", "NONE")
		c.must(err)
	}
	c.await(5*time.Second, "failover", func() string {
		_, err := c.ask.doWithin(context.Background(), 3*time.Second, s.addr(), "SENTINEL", "FAILOVER", "m")
		if err != nil && strings.HasPrefix(err.Error(), "NOGOODSLAVE") {
			return err.Error()
		}
		return "" // accepted, or the sentinel is dead by now
	})
}

const (
	// electionMost is how long an election may take. Each follower notices within three
	// quarters of a second that the leader is gone, and a vote may be split.
	electionMost = 2 * time.Second
	// resumeMost is how long a failover may take once there is a leader.
	resumeMost = 2 * time.Second
	// restartTime is how long a sentinel takes that is started again by itself.
	restartTime = 100 * time.Millisecond
)

// suffer lets a failover suffer a mishap.
func (w way) suffer(c *cluster, m mishap, p moment) {
	victim := c.leader()
	y := c.conspire(p, func(claimant *sentry) {
		if !m.leader {
			victim = claimant
		}
		victim.cutDown()
	})
	w.begin(c)
	var claimant *sentry
	select {
	case claimant = <-y.struck:
	case <-time.After(5 * time.Second):
		w.missed(c, p)
		return
	}
	struck := time.Now()
	victim.kill()
	if m.again {
		time.Sleep(restartTime)
		victim.start()
	}
	c.await(electionMost, "leader", c.leaderless)
	led := time.Now()
	if w.manual && !m.leader && p == (moment{"claim", 1, false}) {
		time.Sleep(resumeMost) // nobody else has heard of it
		if c.newest() != y.old && !m.again {
			c.t.Error("a failover that nobody asked for")
		}
	} else {
		c.await(resumeMost, "end", c.unended(c.alive()...))
		c.t.Logf("there was a leader %v after the blow, and the end %v later", led.Sub(struck), time.Since(led))
		w.judge(c, y, p, claimant == victim)
	}
	ended := time.Now()
	c.await(time.Second, "write", func() string {
		if !c.writer.ackedSince(ended) {
			return "none was acknowledged since the end"
		}
		return ""
	})
	y.end()
	c.calm()
}

// missed ends a run in which the moment did not come: what is sent by the way comes sooner
// or later, and a second copy of an entry may leave together with the next entry.
func (w way) missed(c *cluster, p moment) {
	c.t.Helper()
	if p.decides() && p.nth == 1 {
		c.t.Error("the moment did not come")
	}
	c.calm()
}

// judge reads the record of a failover that suffered at p.
func (w way) judge(c *cluster, y *conspiracy, p moment, claimantDied bool) {
	c.t.Helper()
	records, err := c.records(c.alive()[0])
	c.must(err)
	records = slices.DeleteFunc(records, func(r map[string]resp.Value) bool {
		return r["kind"].Text() == "refused" // the replicas were not in sync yet
	})
	if len(records) != 1 {
		c.t.Fatalf("%d records of one failover", len(records))
	}
	r := records[0]
	text := func(name string) string { return r[name].Text() }
	kind := "automatic"
	if w.manual {
		kind = "manual"
	}
	if text("kind") != kind || text("old") != y.old || text("new") != c.newest() {
		c.t.Errorf("the record is of a %s failover from %s to %s, now the master is %s",
			text("kind"), text("old"), text("new"), c.newest())
	}
	steps, took, resumed := c.stepsOf(r)
	if want := []string{"claimed", "selected " + text("new"), "switched " + text("new"), "done"}; !slices.Equal(steps, want) {
		c.t.Errorf("the record has steps %q, want %q", steps, want)
	}
	if fmt.Sprint(took) != text("takeovers") {
		c.t.Errorf("%s takeovers, %d of them in the steps", text("takeovers"), took)
	}
	if !claimantDied {
		return
	}
	unheard := p == moment{"select", 1, false} // the choice died with who made it
	if y.target != "" && y.target != text("new") && !unheard {
		c.t.Errorf("the claimant that died had selected %s, %s was promoted", y.target, text("new"))
	}
	if p.name != "claim" && p.name != "end" && took+resumed == 0 {
		c.t.Error("the record does not say that the failover was resumed")
	}
}

// stepsOf returns the steps of a record, those apart that tell of a new claimant or of
// one that restarted.
func (c *cluster) stepsOf(r map[string]resp.Value) (steps []string, took, resumed int) {
	last := int64(0)
	for _, step := range r["steps"].Array {
		f := fieldsOf(step)
		what := f["what"].Text()
		if at, _ := f["at"].Int64(); at < last {
			c.t.Errorf("step %q is before the one before it", what)
		} else {
			last = at
		}
		switch what {
		case "taken over":
			took++
		case "resumed":
			resumed++
		default:
			steps = append(steps, strings.TrimSpace(what+" "+f["detail"].Text()))
		}
	}
	return steps, took, resumed
}

// leaderless says that nobody leads who lives.
func (c *cluster) leaderless() string {
	for _, s := range c.alive() {
		v, err := c.ask.do(context.Background(), s.addr(), "INFO", "raft")
		if err == nil && strings.Contains(v.Text(), "raft_leading:1") {
			return ""
		}
	}
	return "none leads"
}

// unended says what keeps the last failover from being done in the eyes of all of these.
func (c *cluster) unended(sens ...*sentry) func() string {
	return func() string {
		for _, s := range sens {
			records, err := c.records(s)
			if err != nil {
				return fmt.Sprintf("%s: %v", s.name, err)
			}
			if len(records) == 0 {
				return s.name + " has no record"
			}
			if is := records[0]["outcome"].Text(); is != "done" {
				return fmt.Sprintf("%s says %q", s.name, is)
			}
		}
		return ""
	}
}

// records are what a sentinel knows of failovers, the newest first.
func (c *cluster) records(s *sentry) (records []map[string]resp.Value, err error) {
	v, err := c.ask.do(context.Background(), s.addr(), "SENTINEL", "HISTORY", "m")
	for _, r := range v.Array {
		records = append(records, fieldsOf(r))
	}
	return records, err
}

// fieldsOf reads a map as RESP2 has it.
func fieldsOf(v resp.Value) map[string]resp.Value {
	m := map[string]resp.Value{}
	for i := 0; i+1 < len(v.Array); i += 2 {
		m[v.Array[i].Text()] = v.Array[i+1]
	}
	return m
}

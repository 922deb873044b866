package sim

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// What befalls a failover in its middle, beside the death of its claimant.

// The network holds back a command of the claimant, which then freezes. Another one takes
// over and ends the failover, the roles change once more, and only then the command
// arrives: it changes nothing, since whoever is given a role cuts off those who could say
// otherwise.
func TestLateCommands(t *testing.T) {
	for _, w := range ways() {
		t.Run(w.name, func(t *testing.T) {
			for _, p := range w.watch(t) {
				command, _, _ := strings.Cut(p.name, " to ")
				if p.after || p.nth > 1 || !slices.Contains([]string{"MULTI", "FAILOVER", "CLIENT PAUSE", "CLIENT UNPAUSE"}, command) {
					continue // the rest of a transaction is held back with its first command
				}
				t.Run(p.String(), func(t *testing.T) {
					t.Parallel()
					inCluster(t, 1, func(c *cluster) { w.late(c, p) })
				})
			}
		})
	}
}

func (w way) late(c *cluster, p moment) {
	leader := c.leader()
	y := c.conspire(p, func(claimant *sentry) {
		for _, n := range c.nodes {
			c.net.CutOneWay(claimant.host.IP(), n.host.IP())
		}
	})
	w.begin(c)
	var frozen *sentry
	select {
	case frozen = <-y.struck:
	case <-time.After(5 * time.Second):
		w.missed(c, p)
		return
	}
	time.Sleep(time.Millisecond) // the command leaves
	frozen.host.Freeze()
	others := slices.DeleteFunc(slices.Clone(c.sens), func(s *sentry) bool { return s == frozen })
	c.await(electionMost+resumeMost, "end", c.unended(others...))
	for _, n := range c.nodes {
		if leader != frozen {
			c.net.Heal(leader.host.IP(), n.host.IP())
		}
		c.begin(n.name, "")
	}
	c.await(5*time.Second, "agreement", func() string { return c.obeyed(others) })
	first := c.newest()
	w.request(c, others[0])
	c.await(5*time.Second, "second switch", c.leaves(first, others...))
	c.await(5*time.Second, "second agreement", func() string { return c.obeyed(others) })
	master := c.newest()

	for _, n := range c.nodes {
		c.net.Heal(frozen.host.IP(), n.host.IP())
	}
	frozen.host.Thaw()
	y.end()
	for range 150 {
		time.Sleep(20 * time.Millisecond)
		if why := c.obeyed(others); why != "" {
			c.t.Fatalf("after the late command: %s", why)
		}
	}
	if now := c.newest(); now != master {
		c.t.Errorf("after the late command %s is the master, not %s", now, master)
	}
}

// obeyed says what keeps the servers from having the roles that these sentinels say.
func (c *cluster) obeyed(sens []*sentry) string {
	if why := c.leaves("", sens...)(); why != "" {
		return why
	}
	master := c.newest()
	for _, n := range c.nodes {
		want := "slave of " + master + " connected"
		if n.addr() == master {
			want = "master"
		}
		if is := c.role(n); is != want {
			return fmt.Sprintf("%s says %q, not %q", n.name, is, want)
		}
	}
	v, err := c.ask.do(context.Background(), master, "SET", "obeyed", "yes")
	if err != nil {
		return fmt.Sprintf("%s takes no writes: %v %v", master, v, err)
	}
	return ""
}

// A replica dies while it is pointed to the new master. The failover ends without it, and
// when it is back it follows.
func TestReplicaLostAmidReconfiguration(t *testing.T) {
	for _, step := range []string{"+switch-master", "+slave-reconf-sent", "+slave-reconf-inprog"} {
		t.Run(step, func(t *testing.T) {
			inCluster(t, 1, func(c *cluster) {
				c.slowly()
				time.Sleep(quiet)
				event := c.heard.expect(step)
				c.do("kill n1")
				c.heed(step, 5*time.Second, event)
				struck := time.Now()
				for _, n := range c.nodes[1:] {
					if n.addr() != c.newest() {
						n.kill()
					}
				}
				c.await(10*time.Second, "end", c.unended(c.sens...))
				c.within(1500*time.Millisecond, "the failover ended", struck)
				c.calm()
			})
		})
	}
}

// The new master dies right after it was named: the last replica is promoted as if it were
// the first death, and nothing is lost.
func TestSecondMasterLost(t *testing.T) {
	for _, step := range []string{"+promoted-slave", "+switch-master", "+slave-reconf-sent", "+failover-end"} {
		t.Run(step, func(t *testing.T) {
			inCluster(t, 1, func(c *cluster) {
				c.slowly()
				time.Sleep(quiet)
				event := c.heard.expect(step)
				c.do("kill n1")
				e := c.heed(step, 5*time.Second, event)
				next := c.node(c.newest())
				if step == "+promoted-slave" {
					next = c.node(strings.Fields(e.text)[2])
				}
				struck := time.Now()
				next.kill()
				c.await(10*time.Second, "second switch", func() string {
					now := c.newest()
					if now == next.addr() || now == c.nodes[0].addr() {
						return now + " is still named"
					}
					return c.leaves(next.addr(), c.sens...)()
				})
				c.within(2*time.Second, "the last replica is the master", struck)
				time.Sleep(quiet)
				c.calm()
			})
		})
	}
}

// The majority of the sentinels is lost at a step and comes back later. Without it nothing
// is decided; with it the failover goes on by itself.
func TestQuorumLostAndRegained(t *testing.T) {
	lose := map[string]func(c *cluster, claimant *sentry){
		"the others die": func(c *cluster, claimant *sentry) {
			for _, s := range c.sens {
				if s != claimant {
					s.kill()
				}
			}
		},
		"the claimant and another die": func(c *cluster, claimant *sentry) {
			claimant.kill()
			c.alive()[0].kill()
		},
		"none reaches another": func(c *cluster, _ *sentry) {
			c.do("cut s1 s2")
			c.do("cut s2 s3")
			c.do("cut s1 s3")
		},
	}
	for _, step := range []string{"+odown", "+try-failover", "+selected-slave", "+promoted-slave", "+switch-master", "+slave-reconf-sent"} {
		for name, lose := range lose {
			t.Run(step+" "+name, func(t *testing.T) {
				t.Parallel()
				inCluster(t, 1, func(c *cluster) {
					c.slowly()
					time.Sleep(quiet)
					event := c.heard.expect(step)
					c.do("kill n1")
					e := c.heed(step, 5*time.Second, event)
					lose(c, c.sentry(e.from))
					time.Sleep(time.Second) // what was on its way is decided
					before := c.newest()
					time.Sleep(5 * time.Second)
					if now := c.newest(); now != before {
						t.Errorf("without a quorum the master became %s", now)
					}
					back := time.Now()
					c.net.HealAll()
					for _, s := range c.sens {
						c.begin(s.name, "")
					}
					c.await(20*time.Second, "end", c.unended(c.sens...))
					c.within(electionMost+resumeMost, "the failover ended", back)
					c.calm()
				})
			})
		}
	}
}

// A master that restarts without its data does not take the replicas' with it, if the
// guard is on: it is failed over from before they have copied nothing.
func TestMasterRestartsEmpty(t *testing.T) {
	inCluster(t, 1, func(c *cluster) {
		_, err := c.ask.do(context.Background(), c.sens[0].addr(), "SENTINEL", "SET", "m", "empty-master-guard", "yes")
		c.must(err)
		time.Sleep(12 * time.Second) // the sentinels have seen keys in its INFO
		n := c.nodes[0]
		n.kill()
		c.must(os.Remove(filepath.Join(n.dir, "dump.rdb")))
		n.configure()
		conf, err := os.ReadFile(n.confPath())
		c.must(err)
		c.must(os.WriteFile(n.confPath(), append(conf, "repl-diskless-sync-delay 5\n"...), 0o644))
		time.Sleep(300 * time.Millisecond)
		n.start("")
		c.await(5*time.Second, "switch", c.leaves(n.addr(), c.sens...))
		records, err := c.records(c.sens[0])
		c.must(err)
		if is := records[0]["trouble"].Text(); is != "empty" {
			t.Errorf("the trouble was %q", is)
		}
	})
}

// A planned failover whose target does not catch up in time is rolled back: the old master
// goes on as if nothing had been, and the record says why.
func TestPlannedFailoverRolledBack(t *testing.T) {
	for _, w := range []way{{name: "handed over", manual: true}, {name: "paused", manual: true, pauses: true}} {
		t.Run(w.name, func(t *testing.T) {
			inCluster(t, 1, func(c *cluster) {
				time.Sleep(quiet)
				s, target := c.leader(), c.nodes[1]
				if w.pauses {
					_, err := c.ask.do(context.Background(), s.addr(), "SENTINEL", "SET", "m", "rename-command", "FAILOVER", "NONE")
					c.must(err)
				}
				c.do("cut n1 n2")
				cut := time.Now()
				c.await(time.Second, "write", func() string {
					if !c.writer.ackedSince(cut) {
						return "nothing is written that the target lacks"
					}
					return ""
				})
				asked := time.Now()
				_, err := c.ask.doWithin(context.Background(), 3*time.Second, s.addr(),
					"SENTINEL", "FAILOVER", "m", "TO", target.host.IP(), 6379, "TIMEOUT", 500)
				c.must(err)
				c.await(5*time.Second, "end", func() string {
					records, err := c.records(s)
					if err != nil || len(records) == 0 || !strings.HasPrefix(records[0]["outcome"].Text(), "aborted") {
						return fmt.Sprint("not rolled back yet: ", records, err)
					}
					return ""
				})
				c.within(time.Second, "it was rolled back", asked)
				back := time.Now()
				c.await(time.Second, "write", func() string {
					if !c.writer.ackedSince(back) {
						return "none was acknowledged since"
					}
					return ""
				})
				if now := c.newest(); now != c.nodes[0].addr() {
					t.Errorf("%s is the master", now)
				}
				c.calm()
			})
		})
	}
}

// The leader is cut off from all data servers, not from the other sentinels. They fail
// over, and another one leads, who makes the old master a replica when it is back.
func TestLeaderWithoutData(t *testing.T) {
	inCluster(t, 1, func(c *cluster) {
		time.Sleep(quiet)
		leader := c.leader()
		for _, n := range c.nodes {
			c.do("cut " + leader.name + " " + n.name)
		}
		killed := time.Now()
		c.do("kill n1")
		c.await(5*time.Second, "switch", c.leaves(c.nodes[0].addr(), c.sens...))
		c.within(1500*time.Millisecond, "all name another master", killed)
		c.await(5*time.Second, "another leader", func() string {
			if c.leader() == leader {
				return leader.name + " still leads"
			}
			return c.leaderless()
		})
		back := time.Now()
		c.do("start n1 anew")
		c.follows(c.nodes[0], time.Second, back)
		c.calm()
	})
}

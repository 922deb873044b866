package sim

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// quiet is how long a deployment lives before something happens to it.
const quiet = 3 * time.Second

// leaves says what keeps the sentinels from naming one master other than old.
func (c *cluster) leaves(old string, sens ...*sentry) func() string {
	return func() string {
		name := ""
		for _, s := range sens {
			m, err := c.master(s)
			if err != nil {
				return fmt.Sprintf("%s: %v", s.name, err)
			}
			addr := m["ip"] + ":" + m["port"]
			if addr == old || name != "" && addr != name {
				return fmt.Sprintf("%s names %s", s.name, addr)
			}
			name = addr
		}
		return ""
	}
}

// slowly makes the steps of a failover differ in time: each takes a few milliseconds on
// the network and on the disks.
func (c *cluster) slowly() {
	for _, s := range c.sens {
		c.do("disk " + s.name + " 5ms")
		for _, n := range c.nodes {
			c.do("delay " + s.name + " " + n.name + " 10ms")
		}
	}
}

// alive lists the sentinels that run.
func (c *cluster) alive() (sens []*sentry) {
	for _, s := range c.sens {
		if s.life != nil {
			sens = append(sens, s)
		}
	}
	return sens
}

// within complains when something took too long.
func (c *cluster) within(limit time.Duration, what string, since time.Time) {
	c.t.Helper()
	if took := time.Since(since); took > limit {
		c.t.Errorf("%s: %v after the fault, want %v", what, took, limit)
	}
}

// follows waits until an old master is a replica, which is to take limit at most.
func (c *cluster) follows(old *node, limit time.Duration, since time.Time) {
	c.t.Helper()
	c.await(10*time.Second, "demotion", func() string {
		if role := c.role(old); !strings.HasPrefix(role, "slave") {
			return "the old master says " + role
		}
		return ""
	})
	c.within(limit, "the old master is a replica", since)
}

// A master that dies is replaced within down-after and 300 ms, clients write again soon
// after, and when it is back it follows within a second.
func TestMasterKilled(t *testing.T) {
	inCluster(t, 1, func(c *cluster) {
		time.Sleep(quiet)
		killed := time.Now()
		c.do("kill n1")
		c.await(10*time.Second, "switch", c.leaves(c.nodes[0].addr(), c.sens...))
		c.within(1350*time.Millisecond, "all name another master", killed)
		c.await(10*time.Second, "write", func() string {
			if c.writer.ackedSince(killed.Add(time.Millisecond)) {
				return ""
			}
			return "none was acknowledged"
		})
		c.within(1500*time.Millisecond, "a write was acknowledged", killed)
		time.Sleep(quiet)
		back := time.Now()
		c.do("start n1 anew")
		c.follows(c.nodes[0], time.Second, back)
	})
}

// The claimant dies at each step of its failover; the others resume it there.
func TestClaimantKilled(t *testing.T) {
	for _, step := range []string{
		"+try-failover", "+selected-slave", "+failover-state-wait-promotion", "+promoted-slave",
		"+switch-master", "+slave-reconf-sent", "+slave-reconf-inprog", "+slave-reconf-done",
	} {
		t.Run(step, func(t *testing.T) {
			inCluster(t, 1, func(c *cluster) {
				c.slowly()
				time.Sleep(quiet)
				killed, event := time.Now(), c.heard.expect(step)
				c.do("kill n1")
				c.do("kill " + c.heed(step, 5*time.Second, event).from)
				c.await(20*time.Second, "switch", c.leaves(c.nodes[0].addr(), c.alive()...))
				c.within(3500*time.Millisecond, "the others name another master", killed)
				time.Sleep(quiet)
				c.calm()
			})
		})
	}
}

// The master, one sentinel and the clients are cut off from the rest. The majority
// promotes another master; from then on nobody of it names the old one. When the
// partition heals, the old master is demoted.
func TestPartition(t *testing.T) {
	inCluster(t, 1, func(c *cluster) {
		time.Sleep(quiet)
		cut := time.Now()
		c.do("part n1 s1 c")
		c.await(10*time.Second, "switch", c.leaves(c.nodes[0].addr(), c.sens[1:]...))
		c.within(2500*time.Millisecond, "the majority names another master", cut)
		for range 100 {
			time.Sleep(100 * time.Millisecond)
			if why := c.leaves(c.nodes[0].addr(), c.sens[1:]...)(); why != "" {
				t.Error("after the switch " + why)
			}
		}
		if m, err := c.master(c.sens[0]); err != nil || m["config-epoch"] != "0" {
			t.Errorf("alone, s1 says %v, %v", m, err)
		}
		healed := time.Now()
		c.do("heal")
		c.follows(c.nodes[0], 2*time.Second, healed)
	})
}

// All sentinels restart at once. In peace nothing follows from it; amid a failover they
// resume it.
func TestAllSentinelsRestart(t *testing.T) {
	restart := func(c *cluster) {
		for _, s := range c.sens {
			s.kill()
		}
		time.Sleep(500 * time.Millisecond)
		for _, s := range c.sens {
			s.start()
		}
	}
	t.Run("in peace", func(t *testing.T) {
		inCluster(t, 1, func(c *cluster) {
			time.Sleep(quiet)
			restart(c)
			c.await(10*time.Second, "recovery", c.settled)
			time.Sleep(10 * time.Second)
			if n := c.heard.count(0, "+sdown master") + c.heard.count(0, "+switch-master"); n > 0 {
				t.Errorf("%d events of a failover", n)
			}
		})
	})
	for _, step := range []string{"+elected-leader", "+selected-slave", "+promoted-slave", "+switch-master"} {
		t.Run(step, func(t *testing.T) {
			inCluster(t, 1, func(c *cluster) {
				c.slowly()
				time.Sleep(quiet)
				event := c.heard.expect(step)
				c.do("kill n1")
				c.heed(step, 5*time.Second, event)
				struck := time.Now()
				restart(c)
				c.await(20*time.Second, "switch", c.leaves(c.nodes[0].addr(), c.sens...))
				c.within(5*time.Second, "all name another master", struck)
				time.Sleep(quiet)
				c.calm()
			})
		})
	}
}

// The chosen replica dies before it is promoted: another one is, at once, and never one that has
// come back without its data.
func TestTargetLost(t *testing.T) {
	for _, then := range []string{"", "anew", "empty"} {
		t.Run(strings.TrimSpace("restarts "+then), func(t *testing.T) {
			inCluster(t, 1, func(c *cluster) {
				c.slowly()
				time.Sleep(quiet)
				event := c.heard.expect("+selected-slave")
				c.do("kill n1")
				e := c.heed("+selected-slave", 5*time.Second, event)
				target := c.node(strings.Fields(e.text)[2])
				killed := time.Now()
				target.kill()
				if then != "" {
					target.start(then)
				}
				c.await(20*time.Second, "switch", c.leaves(c.nodes[0].addr(), c.sens...))
				c.within(time.Second, "all name another master", killed)
				if c.newest() == target.addr() {
					t.Errorf("%s was promoted all the same", target.name)
				}
				time.Sleep(quiet)
				c.calm()
			})
		})
	}
}

// The old master comes back without data after it was replaced: it takes those of the
// new one.
func TestOldMasterReturnsEmpty(t *testing.T) {
	inCluster(t, 1, func(c *cluster) {
		time.Sleep(quiet)
		c.do("kill n1")
		c.await(10*time.Second, "switch", c.leaves(c.nodes[0].addr(), c.sens...))
		c.nodes[0].start("empty")
	})
}

// The master comes back with its first file, as a replica of its own replica.
func TestMasterReturnsAsReplica(t *testing.T) {
	inCluster(t, 1, func(c *cluster) {
		time.Sleep(quiet)
		c.do("kill n1")
		c.await(10*time.Second, "switch", c.leaves(c.nodes[0].addr(), c.sens...))
		c.do("start n1")
		c.await(settleTime, "the return of the old master", c.settled)
		now := c.node(c.newest())
		now.kill()
		time.Sleep(300 * time.Millisecond)
		now.start("anew")
	})
}

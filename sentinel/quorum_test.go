package sentinel

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/vedette-ha/vedette/failover"
)

// formThree starts three sentinels and waits until they are one cluster.
func (b *bench) formThree() {
	b.t.Helper()
	b.startAll()
	b.introduceAll()
	b.await(3*time.Second, "formed", func() bool { return formed(b.nodes...) })
}

// follower is any sentinel but the leader.
func (b *bench) follower() *benchNode {
	for _, n := range b.nodes {
		if n.q != nil && !n.q.Status().Leading {
			return n
		}
	}
	return nil
}

// A command proposed anywhere is applied everywhere, within 20 ms on a network that
// takes one.
func TestCommitReachesAllAtOnce(t *testing.T) {
	simulate(t, 3, 2, func(t *testing.T, b *bench) {
		for _, x := range b.nodes {
			for _, y := range b.nodes {
				b.net.Delay(x.host.IP(), y.host.IP(), time.Millisecond, 0)
			}
		}
		b.formThree()
		time.Sleep(time.Second)
		for i, via := range []*benchNode{b.leader(), b.follower()} {
			name := fmt.Sprintf("m%d", i)
			start := time.Now()
			if r, err := via.monitor(name); err != nil || !r.OK() {
				t.Fatalf("MONITOR: %+v, %v", r, err)
			}
			b.await(time.Second, "everywhere", func() bool {
				for _, n := range b.nodes {
					n.mu.Lock()
					_, ok := n.at[name]
					n.mu.Unlock()
					if !ok {
						return false
					}
				}
				return true
			})
			for _, n := range b.nodes {
				n.mu.Lock()
				learned := n.at[name]
				n.mu.Unlock()
				if d := learned.Sub(start); d > 20*time.Millisecond {
					t.Errorf("through %d: %d learned it after %v", via.n, n.n, d)
				}
			}
		}
	})
}

// A follower whose disk is slower than the others' is told of the commit when it has
// the entry, not a commit timeout later.
func TestSlowFollowerIsToldToo(t *testing.T) {
	simulate(t, 3, 2, func(t *testing.T, b *bench) {
		b.formThree()
		time.Sleep(time.Second)
		slow := b.follower()
		slow.disk.SetDelay(30 * time.Millisecond)
		start := time.Now()
		if _, err := b.leader().monitor("x"); err != nil {
			t.Fatal(err)
		}
		b.await(time.Second, "learned", func() bool { return slices.Contains(slow.names(), "x") })
		if d := time.Since(start); d < 30*time.Millisecond || d > 60*time.Millisecond {
			t.Errorf("it learned of the commit after %v", d)
		}
	})
}

// What a sentinel proposed it reads itself as soon as Propose returns.
func TestProposerReadsItsWrite(t *testing.T) {
	simulate(t, 3, 2, func(t *testing.T, b *bench) {
		b.formThree()
		n := b.follower()
		if _, err := n.monitor("mine"); err != nil {
			t.Fatal(err)
		}
		if got := n.names(); !slices.Contains(got, "mine") {
			t.Errorf("masters here: %v", got)
		}
	})
}

// A repeated proposal is applied once and answers its first result.
func TestRepeatedProposal(t *testing.T) {
	simulate(t, 3, 2, func(t *testing.T, b *bench) {
		b.formThree()
		c := failover.Command{ID: "same", At: time.Now(), Body: failover.Claim{
			Name: "m", Addr: failover.Addr{Host: "10.0.1.1", Port: 6379}, Claimant: b.nodes[0].id,
		}}
		first, err := b.nodes[0].q.Propose(t.Context(), c)
		if err != nil || !first.OK() {
			t.Fatalf("claim: %+v, %v", first, err)
		}
		second, err := b.nodes[1].q.Propose(t.Context(), c)
		if err != nil || second.Epoch != first.Epoch || !second.OK() {
			t.Errorf("the repeat: %+v, %v; want %+v", second, err, first)
		}
	})
}

// Without a majority changes are refused within two seconds and reads go on; the
// majority's return heals it.
func TestNoQuorum(t *testing.T) {
	simulate(t, 3, 2, func(t *testing.T, b *bench) {
		b.formThree()
		b.nodes[1].kill()
		b.nodes[2].kill()
		time.Sleep(time.Second)
		n := b.nodes[0]
		start := time.Now()
		_, err := n.monitor("x")
		if !errors.Is(err, errNoQuorum) {
			t.Errorf("err = %v, want errNoQuorum", err)
		}
		if d := time.Since(start); d > 2*time.Second {
			t.Errorf("it took %v to say so", d)
		}
		if got := n.names(); !slices.Equal(got, []string{"m"}) {
			t.Errorf("masters: %v", got)
		}
		if _, err := n.q.Ask(t.Context(), "renew", nil); !errors.Is(err, errNoQuorum) {
			t.Errorf("Ask: %v, want errNoQuorum", err)
		}
		b.nodes[1].start()
		b.await(5*time.Second, "a leader again", func() bool { return b.leader() != nil })
		if r, err := n.monitor("y"); err != nil || !r.OK() {
			t.Errorf("after the return: %+v, %v", r, err)
		}
	})
}

// The death of the leader costs less than two seconds.
func TestLeaderDies(t *testing.T) {
	simulate(t, 3, 2, func(t *testing.T, b *bench) {
		b.formThree()
		n := b.follower()
		b.leader().kill()
		start := time.Now()
		for {
			if _, err := n.monitor("after"); err == nil {
				break
			}
		}
		if d := time.Since(start); d > 2*time.Second {
			t.Errorf("no decision for %v", d)
		}
	})
}

// Whoever is elected, and whoever follows it, notices at once.
func TestNewLeaderIsNoticedAtOnce(t *testing.T) {
	simulate(t, 3, 2, func(t *testing.T, b *bench) {
		b.formThree()
		for range 5 {
			time.Sleep(time.Second)
			old := b.leader()
			if err := old.q.transfer(""); err != nil {
				t.Fatal(err)
			}
			time.Sleep(10 * time.Millisecond) // the followers hear of it by a heartbeat
			for _, n := range b.nodes {
				n.q.mu.Lock()
				if leader := myIDOf(n.q.node.leader()); leader == "" || n.q.led != leader {
					t.Errorf("%s: %q leads, %q was noticed", n.q.cfg.MyID, leader, n.q.led)
				}
				n.q.mu.Unlock()
			}
		}
	})
}

// A leader cut off from the others stops within its lease; the others go on, and it
// learns what they decided when it is back.
func TestLeaderCutOff(t *testing.T) {
	simulate(t, 3, 2, func(t *testing.T, b *bench) {
		b.formThree()
		old := b.leader()
		for _, n := range b.nodes {
			if n != old {
				b.net.Cut(old.host.IP(), n.host.IP())
			}
		}
		time.Sleep(leaderLease + 150*time.Millisecond)
		if old.q.Status().Leading {
			t.Error("still leading after its lease")
		}
		n := b.follower()
		if n == old {
			n = b.nodes[(old.n)%3]
		}
		b.await(3*time.Second, "decided by the others", func() bool {
			_, err := n.monitor("meanwhile")
			return err == nil
		})
		b.net.HealAll()
		b.await(5*time.Second, "learned", func() bool { return slices.Contains(old.names(), "meanwhile") })
	})
}

// A leader whose store hangs hands over, though nothing stops its heartbeats.
func TestStalledStoreHandsOver(t *testing.T) {
	simulate(t, 3, 2, func(t *testing.T, b *bench) {
		b.formThree()
		old := b.leader()
		old.disk.SetDelay(time.Minute)
		go func() { _, _ = old.monitor("stuck") }() // a write that hangs
		b.await(4*time.Second, "another leader", func() bool {
			n := b.leader()
			return n != nil && n != old || b.nodes[old.n%3].q.Status().Leading
		})
		old.disk.SetDelay(0)
	})
}

// A member that was away for long gets the log at once when it is back, not after
// the library's pauses of up to ten seconds.
func TestReturnAfterLongAbsence(t *testing.T) {
	simulate(t, 3, 2, func(t *testing.T, b *bench) {
		b.formThree()
		away := b.follower()
		away.kill()
		if r, err := b.leader().monitor("missed"); err != nil || !r.OK() {
			t.Fatalf("MONITOR: %+v, %v", r, err)
		}
		time.Sleep(3 * time.Minute) // the pauses have long reached ten seconds
		away.start()
		start := time.Now()
		b.await(3*time.Second, "caught up", func() bool { return slices.Contains(away.names(), "missed") })
		t.Logf("caught up after %v", time.Since(start))
	})
}

// Whatever was acknowledged survives kill -9 of all sentinels at any instant, also
// while their disks are slow; and the replay is marked as such.
func TestAcknowledgedSurvivesCrash(t *testing.T) {
	simulate(t, 3, 2, func(t *testing.T, b *bench) {
		b.formThree()
		for _, n := range b.nodes {
			n.disk.SetDelay(10 * time.Millisecond)
		}
		var acked []string
		for round := range 6 {
			stopAt := time.Now().Add(time.Duration(100+37*round) * time.Millisecond)
			ctx, cancel := context.WithDeadline(t.Context(), stopAt)
			for i := 0; ctx.Err() == nil; i++ {
				name := fmt.Sprintf("r%d-%d", round, i)
				_, err := b.nodes[i%3].q.Propose(ctx, failover.Command{At: time.Now(), Body: failover.Monitor{
					Name: name, Addr: failover.Addr{Host: "10.0.1.9", Port: 6379}, Settings: failover.DefaultSettings(2),
				}})
				if err == nil {
					acked = append(acked, name)
				}
				if i > 5000 {
					t.Fatalf("refused at once, again and again: %v", err)
				}
			}
			cancel()
			b.stopAll()
			for _, n := range b.nodes {
				n.commits = nil
			}
			b.startAll()
			b.introduceAll()
			b.await(10*time.Second, "back", func() bool { return formed(b.nodes...) })
			for _, n := range b.nodes {
				b.await(time.Second, "replayed", func() bool { return len(n.seen()) > 0 })
				if c := n.seen()[0]; c.State == nil || !c.Replayed {
					t.Fatalf("first commit after a start: %+v", c)
				}
				names := n.names()
				for _, want := range acked {
					if !slices.Contains(names, want) {
						t.Fatalf("round %d, sentinel %d lost %s; it has %v", round, n.n, want, names)
					}
				}
			}
		}
		if len(acked) < 10 {
			t.Errorf("only %d acknowledged", len(acked))
		}
	})
}

// A sentinel that has told clients of a new master, is killed and comes back alone,
// does not go back to the old one.
func TestSwitchSurvivesCrash(t *testing.T) {
	simulate(t, 3, 2, func(t *testing.T, b *bench) {
		b.formThree()
		old, next := failover.Addr{Host: "10.0.1.1", Port: 6379}, failover.Addr{Host: "10.0.1.2", Port: 6379}
		r, err := b.follower().q.Propose(t.Context(), failover.Command{At: time.Now(), Body: failover.Adopt{
			Name: "m", Old: old, Addr: next, ConfigEpoch: 1, Why: "redirect",
		}})
		if err != nil || !r.OK() {
			t.Fatalf("%+v, %v", r, err)
		}
		for i := range 20 { // no moment without commits
			if _, err := b.nodes[i%3].monitor(fmt.Sprintf("m%d", i)); err != nil {
				t.Fatal(err)
			}
		}
		b.stopAll()
		for _, n := range b.nodes {
			n.start()
			if m := n.q.localState().Master("m"); m == nil || m.Addr != next {
				t.Errorf("sentinel %d starts with %+v", n.n, m)
			}
		}
	})
}

// Commits are handed out in the order of the log, without gaps among commands, and
// every sentinel sees the same.
func TestCommitsAreOrdered(t *testing.T) {
	simulate(t, 3, 2, func(t *testing.T, b *bench) {
		b.formThree()
		for i := range 30 {
			if _, err := b.nodes[i%3].monitor(fmt.Sprintf("m%d", i)); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(time.Second)
		var want []string
		for _, n := range b.nodes {
			var got []string
			var last uint64
			for _, c := range n.seen() {
				m, ok := c.Command.Body.(failover.Monitor)
				if !ok || c.Index == 0 {
					continue
				}
				if c.Index <= last {
					t.Fatalf("index %d after %d", c.Index, last)
				}
				last = c.Index
				got = append(got, m.Name)
			}
			if want == nil {
				want = got
			}
			if len(got) != 30 || !slices.Equal(got, want) {
				t.Errorf("%d saw %d: %v", n.n, len(got), got)
			}
		}
	})
}

// Renewals go to the leader, also from the leader itself.
func TestAskLeader(t *testing.T) {
	simulate(t, 3, 2, func(t *testing.T, b *bench) {
		b.formThree()
		for _, n := range b.nodes {
			got, err := n.q.Ask(t.Context(), "renew", []byte("m"))
			if err != nil || string(got) != "renew m" {
				t.Errorf("%d: %q, %v", n.n, got, err)
			}
		}
		if err := b.leader().q.Verify(t.Context()); err != nil {
			t.Errorf("Verify at the leader: %v", err)
		}
		if err := b.follower().q.Verify(t.Context()); err == nil {
			t.Error("Verify at a follower succeeded")
		}
	})
}

// A snapshot brings a follower up to date whose entries the leader has dropped.
func TestFollowerFarBehind(t *testing.T) {
	simulate(t, 3, 2, func(t *testing.T, b *bench) {
		b.formThree()
		away := b.follower()
		away.kill()
		leader := b.leader()
		for i := range 400 {
			if _, err := leader.monitor(fmt.Sprintf("m%d", i%300)); err != nil {
				t.Fatal(err)
			}
		}
		node, _ := leader.q.cluster()
		if err := node.r.Snapshot().Error(); err != nil {
			t.Fatal(err)
		}
		if first, _ := leader.q.cfg.Stores.logs.FirstIndex(); first < 100 {
			t.Fatalf("the log still starts at %d", first)
		}
		away.start()
		b.await(5*time.Second, "caught up", func() bool { return len(away.names()) == 301 })
	})
}

package sentinel

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// recover works on the store of a sentinel that does not run.
func (n *benchNode) recover(alone bool) *Recovery {
	n.b.t.Helper()
	st := n.disk.open()
	r, err := newRecovery(st)
	if err != nil {
		n.b.t.Fatal(err)
	}
	if err := r.Forget(alone); err != nil {
		n.b.t.Fatal(err)
	}
	if err := r.Close(); err != nil {
		n.b.t.Fatal(err)
	}
	return r
}

// lose forms three, adds a master and destroys all but the first.
func lose(t *testing.T, b *bench) {
	t.Helper()
	three := b.nodes[:3]
	for _, n := range three {
		n.start()
	}
	for _, n := range three {
		n.meet(three...)
	}
	b.await(3*time.Second, "formed", func() bool { return formed(three...) })
	if r, err := three[0].monitor("extra"); err != nil || !r.OK() {
		t.Fatal(r, err)
	}
	time.Sleep(10 * time.Second)
	for _, n := range three {
		n.kill()
	}
	for _, n := range three[1:] {
		n.disk.Erase()
	}
}

// The only sentinel left goes on alone with all it knew, and new ones join it.
func TestRecoverAlone(t *testing.T) {
	simulate(t, 5, 2, func(t *testing.T, b *bench) {
		lose(t, b)
		n := b.nodes[0]
		n.start()
		time.Sleep(20 * time.Second)
		if s := n.q.Status(); s.Leader != "" {
			t.Fatalf("one of three leads: %+v", s)
		}
		n.kill()
		r := n.recover(true)
		if r.MyID != n.id || r.Cluster == "" || !slices.Equal(r.Members, []string{b.nodes[0].id, b.nodes[1].id, b.nodes[2].id}) ||
			!slices.Equal(masterNames(r.Agreed), []string{"extra", "m"}) {
			t.Errorf("recovered %+v", r)
		}
		n.start()
		b.await(5*time.Second, "formed alone", func() bool { return formed(n) })
		if got := n.names(); !slices.Equal(got, []string{"extra", "m"}) {
			t.Errorf("masters %q", got)
		}
		if r, err := n.monitor("more"); err != nil || !r.OK() {
			t.Errorf("a change: %+v, %v", r, err)
		}
		later := []*benchNode{n, b.nodes[3], b.nodes[4]}
		for _, m := range later[1:] {
			m.start()
		}
		for _, m := range later {
			m.meet(later...)
		}
		b.await(20*time.Second, "formed with new ones", func() bool { return formed(later...) })
		for _, m := range later {
			b.await(time.Second, "told", func() bool { return slices.Equal(m.names(), []string{"extra", "m", "more"}) })
		}
	})
}

// Without that it forms a new cluster with new sentinels, by the usual rule.
func TestRecoverWithOthers(t *testing.T) {
	simulate(t, 5, 2, func(t *testing.T, b *bench) {
		lose(t, b)
		n := b.nodes[0]
		n.recover(false)
		n.start()
		n.meet()
		time.Sleep(time.Minute)
		if s := n.q.Status(); s.Formed || s.Cluster != "" {
			t.Fatalf("alone it is %+v", s)
		}
		if got := n.names(); !slices.Equal(got, []string{"extra", "m"}) {
			t.Errorf("masters %q", got)
		}
		later := []*benchNode{n, b.nodes[3], b.nodes[4]}
		for _, m := range later[1:] {
			m.start()
		}
		for _, m := range later {
			m.meet(later...)
		}
		b.await(20*time.Second, "formed with new ones", func() bool { return formed(later...) })
		for _, m := range later {
			b.await(5*time.Second, "told", func() bool { return slices.Equal(m.names(), []string{"extra", "m"}) })
		}
	})
}

// There is nothing to recover where no cluster was lost.
func TestNothingToRecover(t *testing.T) {
	simulate(t, 1, 2, func(t *testing.T, b *bench) {
		n := b.nodes[0]
		if _, err := newRecovery(n.disk.open()); err == nil {
			t.Error("an empty store")
		}
		n.start()
		n.kill()
		r, err := newRecovery(n.disk.open())
		if err != nil || r.Cluster != "" || r.Forget(true) == nil {
			t.Errorf("%+v, %v", r, err)
		}
	})
}

// SENTINEL RAFT's subcommands for operators.
func TestRaftForOperators(t *testing.T) {
	inWorld(t, func(w *world) {
		leader := func() int {
			return slices.IndexFunc(w.sens, func(x *worldSentinel) bool { return x.s != nil && x.s.quorum.Status().Leading })
		}
		w.await(5*time.Second, "a leader", func() bool { return leader() >= 0 })
		first := leader()
		follower, third := w.sens[(first+1)%3], w.sens[(first+2)%3]
		got, err := follower.do("SENTINEL RAFT STATUS")
		if err != nil || !strings.Contains(got, `$"formed" $"yes"`) || !strings.Contains(got, `$"leader" $"`+w.sens[first].s.id+`"`) ||
			strings.Count(got, `$"voter" $"yes"`) != 3 || strings.Count(got, `$"leader" $"yes"`) != 1 {
			t.Errorf("status %s, %v", got, err)
		}
		for cmd, want := range map[string]string{
			"REMOVE " + strings.Repeat("0", 40):   "ERR No such sentinel in this cluster",
			"REMOVE " + w.sens[first].s.id:        "ERR That sentinel leads the cluster: SENTINEL RAFT TRANSFER first",
			"REMOVE " + third.s.id:                "ERR That sentinel is alive and would come back: stop it first",
			"TRANSFER " + strings.Repeat("0", 40): "ERR No such sentinel in this cluster",
			"NONSENSE":                            "ERR unknown subcommand or wrong number of arguments for 'sentinel|raft' command",
		} {
			for _, x := range w.sens {
				if _, err := x.do("SENTINEL RAFT " + cmd); err == nil || err.Error() != want {
					t.Errorf("%s on s%d: %v, want %s", cmd, x.n, err, want)
				}
			}
		}
		if got, err := third.do("SENTINEL RAFT TRANSFER " + follower.s.id); got != `+"OK"` {
			t.Fatal(got, err)
		}
		w.await(2*time.Second, "the transfer", func() bool { return leader() == follower.n })
		if got, err := third.do("SENTINEL RAFT TRANSFER"); got != `+"OK"` {
			t.Fatal(got, err)
		}
		w.await(5*time.Second, "a leader", func() bool { return leader() >= 0 && leader() != follower.n })
		gone := w.sens[3-leader()-follower.n]
		id := gone.s.id
		gone.kill()
		time.Sleep(20 * time.Second)
		if got, err := follower.do("SENTINEL RAFT REMOVE " + id); got != `+"OK"` {
			t.Fatal(got, err)
		}
		for _, x := range w.sens {
			if x.s != nil {
				w.await(5*time.Second, "it to be forgotten", func() bool {
					return len(x.s.quorum.Status().Members) == 2 && x.master()["num-other-sentinels"] == "1"
				})
			}
		}
		gone.start()
		w.await(20*time.Second, "its return", func() bool {
			return gone.s.quorum.Status().Formed && len(w.sens[leader()].s.quorum.Status().Members) == 3 &&
				w.sens[leader()].master()["num-other-sentinels"] == "2"
		})
	})
}

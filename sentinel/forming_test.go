package sentinel

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vedette-ha/vedette/failover"
)

// Three sentinels started at once with an unchanged sentinel.conf are one cluster
// within three seconds.
func TestThreeSentinelsForm(t *testing.T) {
	simulate(t, 3, 2, func(t *testing.T, b *bench) {
		b.startAll()
		b.introduceAll()
		b.await(3*time.Second, "formed", func() bool { return formed(b.nodes...) })
	})
}

// With quorum 1 each of them could form alone; started at once they do not.
func TestQuorumOneThreeAtOnce(t *testing.T) {
	simulate(t, 3, 1, func(t *testing.T, b *bench) {
		b.startAll()
		b.introduceAll()
		b.await(3*time.Second, "formed", func() bool { return formed(b.nodes...) })
	})
}

// A sentinel alone forms only with quorum 1, and only after it has looked for
// others for five hello periods while a data node answered.
func TestAlone(t *testing.T) {
	simulate(t, 1, 1, func(t *testing.T, b *bench) {
		n := b.nodes[0]
		n.start()
		time.Sleep(time.Minute)
		if s := n.q.Status(); s.Cluster != "" {
			t.Fatalf("formed without having seen a data node: %+v", s)
		}
		n.q.SawDataNode(true)
		time.Sleep(9 * time.Second)
		if s := n.q.Status(); s.Cluster != "" {
			t.Fatalf("formed too early: %+v", s)
		}
		b.await(3*time.Second, "formed", func() bool { return formed(n) })
	})
	simulate(t, 1, 2, func(t *testing.T, b *bench) {
		n := b.nodes[0]
		n.start()
		n.q.SawDataNode(true)
		time.Sleep(time.Hour)
		if s := n.q.Status(); s.Cluster != "" {
			t.Fatalf("formed below its quorum: %+v", s)
		}
	})
}

// Two that formed alone, because they could not see each other, become one cluster
// when they meet, and nothing either monitors is lost.
func TestTwoAloneMeet(t *testing.T) {
	simulate(t, 2, 1, func(t *testing.T, b *bench) {
		b.nodes[0].file = fileState("first", 1, 0)
		b.nodes[1].file = fileState("second", 1, 0)
		b.startAll()
		b.nodes[0].q.SawDataNode(true)
		b.nodes[1].q.SawDataNode(true)
		b.await(15*time.Second, "alone", func() bool { return formed(b.nodes[0]) && formed(b.nodes[1]) })
		b.introduceAll()
		b.await(10*time.Second, "together", func() bool { return formed(b.nodes...) })
		for _, n := range b.nodes {
			b.await(time.Second, "merged", func() bool { return slices.Equal(n.names(), []string{"first", "second"}) })
		}
	})
}

// Four sentinels, quorum 2, split into two pairs from the start: as long as each
// pair knows of the other (known-sentinel lines) none forms; then all four do.
func TestTwoAgainstTwo(t *testing.T) {
	simulate(t, 4, 2, func(t *testing.T, b *bench) {
		for _, x := range b.nodes[:2] {
			for _, y := range b.nodes[2:] {
				b.net.Cut(x.host.IP(), y.host.IP())
			}
		}
		b.startAll()
		b.introduceAll()
		time.Sleep(time.Minute)
		for _, n := range b.nodes {
			if s := n.q.Status(); s.Cluster != "" {
				t.Fatalf("%d formed with one of three others: %+v", n.n, s)
			}
		}
		b.net.HealAll()
		b.await(10*time.Second, "formed", func() bool { return formed(b.nodes...) })
	})
}

// Pairs that have promised themselves to different candidates when they meet still
// become one cluster: the candidate with the greater id steps back.
func TestPromisedApart(t *testing.T) {
	simulate(t, 4, 3, func(t *testing.T, b *bench) {
		b.startAll()
		b.nodes[0].meet(b.nodes[1])
		b.nodes[1].meet(b.nodes[0])
		b.nodes[2].meet(b.nodes[3])
		b.nodes[3].meet(b.nodes[2])
		time.Sleep(time.Minute)
		promisedTo := func(n *benchNode) string { return n.q.readMeta().Promise.Candidate[:1] }
		if promisedTo(b.nodes[1]) != "1" || promisedTo(b.nodes[3]) != "3" {
			t.Fatalf("promises: 2 to %s, 4 to %s", promisedTo(b.nodes[1]), promisedTo(b.nodes[3]))
		}
		b.introduceAll()
		b.await(5*time.Second, "formed", func() bool { return formed(b.nodes...) })
	})
}

// The sentinel with the smallest id hears everybody but nothing it sends arrives.
// It is nobody's candidate; the others form, and take it in when it can be heard.
func TestOneWayVisibility(t *testing.T) {
	simulate(t, 3, 2, func(t *testing.T, b *bench) {
		mute := b.nodes[0]
		for _, n := range b.nodes[1:] {
			b.net.CutOneWay(mute.host.IP(), n.host.IP())
		}
		b.startAll()
		b.introduceAll()
		b.await(5*time.Second, "formed", func() bool {
			s := b.nodes[1].q.Status()
			return s.Formed && s.Cluster == b.nodes[2].q.Status().Cluster
		})
		if s := mute.q.Status(); s.Formed {
			t.Fatalf("the mute sentinel is formed: %+v", s)
		}
		b.net.HealAll()
		b.await(10*time.Second, "complete", func() bool { return formed(b.nodes...) })
	})
}

// No data node answers when the sentinels start: the known-sentinel lines suffice.
func TestMasterDownAtBoot(t *testing.T) {
	simulate(t, 3, 2, func(t *testing.T, b *bench) {
		b.startAll()
		for _, n := range b.nodes {
			for _, o := range b.nodes {
				n.q.SawSentinel(o.id, o.addr())
			}
		}
		b.await(3*time.Second, "formed", func() bool { return formed(b.nodes...) })
	})
}

// It is enough that one of two sentinels hears of the other.
func TestGreetingIntroduces(t *testing.T) {
	simulate(t, 3, 2, func(t *testing.T, b *bench) {
		b.startAll()
		b.nodes[2].meet(b.nodes[0], b.nodes[1])
		b.await(5*time.Second, "formed", func() bool { return formed(b.nodes...) })
	})
}

// bootstrap-expect waits for all of them.
func TestBootstrapExpect(t *testing.T) {
	simulate(t, 3, 2, func(t *testing.T, b *bench) {
		for _, n := range b.nodes {
			n.expect = 3
		}
		b.nodes[0].start()
		b.nodes[1].start()
		b.nodes[0].meet(b.nodes[1])
		time.Sleep(time.Minute)
		if s := b.nodes[0].q.Status(); s.Cluster != "" {
			t.Fatalf("did not wait for the third: %+v", s)
		}
		b.nodes[2].start()
		b.introduceAll()
		b.await(5*time.Second, "formed", func() bool { return formed(b.nodes...) })
	})
}

// A promise survives kill -9, and is not given to another candidate while the first
// may still count on it.
func TestPromiseIsDurable(t *testing.T) {
	simulate(t, 3, 3, func(t *testing.T, b *bench) {
		b.nodes[0].start()
		b.nodes[2].start()
		b.nodes[0].meet(b.nodes[2])
		b.nodes[2].meet(b.nodes[0])
		time.Sleep(3 * time.Second)
		given := b.nodes[2].q.readMeta().Promise
		if myIDOf(given.Candidate) != b.nodes[0].id {
			t.Fatalf("3 promised to %q", given.Candidate)
		}
		b.nodes[0].kill()
		b.nodes[2].kill()
		b.nodes[1].start()
		b.nodes[2].start()
		b.nodes[1].meet(b.nodes[2])
		b.nodes[2].meet(b.nodes[1])
		time.Sleep(10 * time.Second)
		if p := b.nodes[2].q.readMeta().Promise; p != given {
			t.Fatalf("3 promised to %q while bound to %q", p.Candidate, given.Candidate)
		}
		b.await(time.Minute, "released", func() bool {
			return myIDOf(b.nodes[2].q.readMeta().Promise.Candidate) == b.nodes[1].id
		})
	})
}

// A founder killed before anybody joined, and back only after the others have
// formed without it, gives its cluster up.
func TestFounderComesBackLate(t *testing.T) {
	simulate(t, 3, 2, func(t *testing.T, b *bench) {
		b.startAll()
		b.introduceAll()
		i := -1 // usually the smallest id, but another one may have had its promises sooner
		b.await(2*time.Second, "founded", func() bool {
			i = slices.IndexFunc(b.nodes, func(n *benchNode) bool { return n.q.readMeta().Founder == n.id })
			return i >= 0
		})
		founder, others := b.nodes[i], slices.Delete(slices.Clone(b.nodes), i, i+1)
		founder.kill()
		b.await(time.Minute, "formed without it", func() bool { return formed(others...) })
		founder.start()
		founder.meet(b.nodes...)
		others[0].meet(founder)
		b.await(10*time.Second, "complete", func() bool { return formed(b.nodes...) })
	})
}

// The first state of a master is that of the file with the highest config-epoch.
func TestHighestConfigEpochWins(t *testing.T) {
	simulate(t, 3, 2, func(t *testing.T, b *bench) {
		newer := fileState("m", 2, 7)
		newer.Masters[0].Addr = failover.Addr{Host: "10.0.1.2", Port: 6379}
		b.nodes[2].file = newer
		b.nodes[0].file = fileState("m", 2, 3)
		b.startAll()
		b.introduceAll()
		b.await(5*time.Second, "formed", func() bool { return formed(b.nodes...) })
		for _, n := range b.nodes {
			_, state := n.q.cluster()
			m := state.clone().Master("m")
			if m.Addr != newer.Masters[0].Addr || m.ConfigEpoch != 7 {
				t.Errorf("%d: master is %v of epoch %d", n.n, m.Addr, m.ConfigEpoch)
			}
		}
	})
}

// What an unformed sentinel was told is durable, and is part of the cluster's state
// when it forms.
func TestUnformedChangesAreMerged(t *testing.T) {
	simulate(t, 3, 2, func(t *testing.T, b *bench) {
		n := b.nodes[2]
		n.start()
		if r, err := n.monitor("extra"); err != nil || !r.OK() {
			t.Fatalf("unformed MONITOR: %+v, %v", r, err)
		}
		time.Sleep(time.Second)
		if st := n.q.Status(); st.health() != healthForming || st.Waits != "for other sentinels" {
			t.Errorf("alone it is %s and waits %q", st.health(), st.Waits)
		}
		n.kill()
		b.startAll()
		if got := n.names(); !slices.Equal(got, []string{"extra", "m"}) {
			t.Fatalf("after kill -9: %v", got)
		}
		b.introduceAll()
		b.await(5*time.Second, "formed", func() bool { return formed(b.nodes...) })
		for _, n := range b.nodes {
			b.await(time.Second, "merged", func() bool { return slices.Equal(n.names(), []string{"extra", "m"}) })
			if st := n.q.Status(); st.health() != healthOK || st.Waits != "" {
				t.Errorf("formed it is %s and waits %q", st.health(), st.Waits)
			}
		}
	})
}

// A sentinel that lost its store comes back as a new voter in place of the old one.
func TestLostStore(t *testing.T) {
	simulate(t, 3, 2, func(t *testing.T, b *bench) {
		b.startAll()
		b.introduceAll()
		b.await(3*time.Second, "formed", func() bool { return formed(b.nodes...) })
		n := b.nodes[1]
		old := n.q.readMeta().serverID()
		n.kill()
		n.disk.Erase()
		n.start()
		n.meet(b.nodes...)
		b.await(30*time.Second, "complete again", func() bool { return formed(b.nodes...) })
		for _, m := range b.nodes[0].q.Status().Members {
			if m.ServerID == old {
				t.Errorf("the lost incarnation still votes: %+v", b.nodes[0].q.Status().Members)
			}
		}
		time.Sleep(5 * time.Second)
		before := n.strangers.Load()
		time.Sleep(time.Minute)
		if more := n.strangers.Load() - before; more > 0 {
			t.Errorf("the lost incarnation is still looked for, %d times a minute", more)
		}
		for _, other := range b.nodes {
			if len(other.q.complain) > 0 {
				t.Errorf("sentinel %d complains: %v", other.n, other.q.complain)
			}
		}
	})
}

// A copied sentinel.conf brings a second sentinel with the same myid. It is not
// admitted, and the first keeps its vote.
func TestTwinIsNotAdmitted(t *testing.T) {
	simulate(t, 4, 2, func(t *testing.T, b *bench) {
		twin := b.nodes[3]
		twin.id = b.nodes[1].id
		three := b.nodes[:3]
		for _, n := range three {
			n.start()
		}
		for _, n := range three {
			n.meet(three...)
		}
		b.await(3*time.Second, "formed", func() bool { return formed(three...) })
		twin.start()
		twin.meet(three[0], three[2])
		time.Sleep(time.Minute)
		if !formed(three...) {
			t.Errorf("the cluster changed: %+v", three[0].q.Status())
		}
		if s := twin.q.Status(); s.Cluster != "" {
			t.Errorf("the twin was admitted: %+v", s)
		}
	})
}

// All sentinels come back at once with new addresses, which only hellos tell.
func TestAllAddressesChange(t *testing.T) {
	simulate(t, 3, 2, func(t *testing.T, b *bench) {
		b.startAll()
		b.introduceAll()
		b.await(3*time.Second, "formed", func() bool { return formed(b.nodes...) })
		b.stopAll()
		for i, n := range b.nodes { // each gets the address another one had
			n.host = b.net.Host([]string{"10.0.0.2", "10.0.0.3", "10.0.0.9"}[i])
		}
		b.startAll()
		b.introduceAll()
		b.await(5*time.Second, "formed", func() bool { return formed(b.nodes...) })
		if r, err := b.nodes[0].monitor("later"); err != nil || !r.OK() {
			t.Errorf("MONITOR: %+v, %v", r, err)
		}
	})
}

// A sentinel that answers SENTINEL RAFT by an error is foreign: it is counted, and
// as long as ours are no majority of all, nothing may be claimed.
func TestForeignSentinels(t *testing.T) {
	simulate(t, 4, 2, func(t *testing.T, b *bench) {
		for _, n := range b.nodes[2:] {
			ln, err := n.host.Listen(":26379")
			if err != nil {
				t.Fatal(err)
			}
			go serveForeign(ln)
			defer n.host.Kill()
		}
		ours := b.nodes[:2]
		for _, n := range ours {
			n.start()
		}
		for _, n := range ours {
			n.meet(b.nodes...)
		}
		time.Sleep(20 * time.Second)
		s := ours[0].q.Status()
		if s.Cluster != "" || s.Foreign != 2 || !s.Minority {
			t.Errorf("two of four: %+v, want no cluster", s)
		}
		kinds := ""
		for _, p := range ours[0].q.Peers() {
			kinds += string(rune('0' + int(p.Kind)))
		}
		if kinds != "122" {
			t.Errorf("kinds of peers = %s", kinds)
		}
		// The third is replaced by one of ours.
		b.nodes[2].host.Kill()
		b.nodes[2].start()
		for _, n := range b.nodes[:3] {
			n.meet(b.nodes...)
		}
		b.await(20*time.Second, "three of four", func() bool { return formed(b.nodes[:3]...) })
		if s := ours[0].q.Status(); s.Foreign != 1 || s.Minority {
			t.Errorf("three of four: %+v", s)
		}
	})
}

// The rule, case by case.
func TestDecideForming(t *testing.T) {
	id := func(n string) string { return n + strings.Repeat("a", 39) }
	server := func(n string) string { return id(n) + "-x" }
	mutual := func(n string, p promise) formingPeer {
		return formingPeer{ID: id(n), Server: server(n), Fresh: true, Mutual: true, Promise: p}
	}
	toTwo := promise{server("2"), 4}
	base := formingView{Self: id("2"), Server: server("2"), Round: 3, Quorum: 2, Period: 2 * time.Second}
	for _, c := range []struct {
		name string
		edit func(v *formingView)
		want formingStep
	}{
		{"no peer: becomes its own candidate", func(v *formingView) {},
			formingStep{Promise: toTwo, Round: 4, Need: 2, Held: 1}},
		{"no master", func(v *formingView) { v.Quorum = 0 },
			formingStep{Promise: toTwo, Round: 4, Need: 1, Held: 1}},
		{"enough promises", func(v *formingView) {
			v.Promise, v.Round = toTwo, 4
			v.Peers = []formingPeer{mutual("3", toTwo)}
		}, formingStep{Promise: toTwo, Round: 4, Need: 2, Held: 2, Bootstrap: true}},
		{"a promise of an earlier round does not count", func(v *formingView) {
			v.Promise, v.Round = toTwo, 4
			v.Peers = []formingPeer{mutual("3", promise{server("2"), 3})}
		}, formingStep{Promise: toTwo, Round: 4, Need: 2, Held: 1}},
		{"a promise of a peer we cannot reach does not count", func(v *formingView) {
			v.Promise, v.Round = toTwo, 4
			v.Peers = []formingPeer{{ID: id("3"), Server: server("3"), Promise: toTwo}}
		}, formingStep{Promise: toTwo, Round: 4, Need: 2, Held: 1}},
		{"the dead count for the majority", func(v *formingView) {
			v.Promise, v.Round = toTwo, 4
			v.Peers = []formingPeer{mutual("3", toTwo), {ID: id("4")}, {ID: id("5")}}
		}, formingStep{Promise: toTwo, Round: 4, Need: 3, Held: 2}},
		{"steps back for a smaller id", func(v *formingView) {
			v.Promise, v.Round = toTwo, 4
			v.Peers = []formingPeer{mutual("1", promise{server("1"), 9}), mutual("3", toTwo)}
		}, formingStep{Promise: promise{server("1"), 9}, Round: 4, Need: 2}},
		{"not for one that does not reach us", func(v *formingView) {
			v.Promise, v.Round = toTwo, 4
			v.Peers = []formingPeer{{ID: id("1"), Server: server("1"), Fresh: true, Promise: promise{server("1"), 9}}, mutual("3", toTwo)}
		}, formingStep{Promise: toTwo, Round: 4, Need: 2, Held: 2, Bootstrap: true}},
		{"a promise given away is kept", func(v *formingView) {
			v.Promise = promise{server("3"), 1}
			v.Peers = []formingPeer{mutual("1", promise{server("1"), 9}), mutual("3", promise{server("3"), 1})}
		}, formingStep{Promise: promise{server("3"), 1}, Round: 3, Need: 2}},
		{"until its candidate steps back", func(v *formingView) {
			v.Promise = promise{server("3"), 1}
			v.Peers = []formingPeer{mutual("1", promise{server("1"), 9}), mutual("3", promise{server("1"), 9})}
		}, formingStep{Promise: promise{server("1"), 9}, Round: 3, Need: 2}},
		{"or is gone", func(v *formingView) {
			v.Promise = promise{server("3"), 1}
			v.Peers = []formingPeer{{ID: id("3"), Server: server("3"), Silent: 20 * time.Second}}
		}, formingStep{Promise: toTwo, Round: 4, Need: 2, Held: 1}},
		{"a member of a cluster is waited for", func(v *formingView) {
			v.Promise, v.Round = toTwo, 4
			p := mutual("1", promise{})
			p.Cluster = "c"
			v.Peers = []formingPeer{p, mutual("3", toTwo)}
		}, formingStep{Promise: toTwo, Round: 4, Need: 2}},
	} {
		t.Run(c.name, func(t *testing.T) {
			v := base
			c.edit(&v)
			got := decideForming(v)
			got.Wait = ""
			if got != c.want {
				t.Errorf("got  %+v\nwant %+v", got, c.want)
			}
		})
	}
}

// Two clusters that meet before one of them is complete: one gives way, and never both.
func TestYieldsTo(t *testing.T) {
	founder, member := strings.Repeat("f", 40), strings.Repeat("e", 40)
	alone := membership{Cluster: "b", Founder: founder, Voting: true, Voters: 1}
	ready, decided, two := alone, alone, alone
	ready.Ready, decided.Decided, two.Voters = true, true, 2
	called := membership{Cluster: "b", Founder: founder}
	calledReady, calledIntoMany := called, called
	calledReady.Ready, calledReady.Voters = true, 1
	calledIntoMany.Ready, calledIntoMany.Voters, calledIntoMany.Others = true, 2, 1
	for name, tt := range map[string]struct {
		m    membership
		g    greeting
		want bool
	}{
		"our own cluster":                             {alone, greeting{ID: member, Cluster: "b", Voters: 1}, false},
		"an unformed sentinel":                        {alone, greeting{ID: member}, false},
		"a smaller id":                                {alone, greeting{ID: member, Cluster: "a", Voters: 1}, true},
		"a greater id":                                {alone, greeting{ID: member, Cluster: "c", Voters: 1}, false},
		"more voters":                                 {alone, greeting{ID: member, Cluster: "c", Voters: 2}, true},
		"a failover decided there":                    {alone, greeting{ID: member, Cluster: "c", Voters: 1, Decided: true}, true},
		"it may decide, we may not":                   {alone, greeting{ID: member, Cluster: "c", Voters: 1, Ready: true}, true},
		"we may decide, it may not":                   {ready, greeting{ID: member, Cluster: "a", Voters: 1}, false},
		"both may decide":                             {ready, greeting{ID: member, Cluster: "a", Voters: 1, Ready: true}, true},
		"its member has no log yet":                   {alone, greeting{ID: member, Cluster: "a"}, false},
		"we decided a failover":                       {decided, greeting{ID: member, Cluster: "a", Voters: 3}, false},
		"we are two":                                  {two, greeting{ID: member, Cluster: "a", Voters: 3}, false},
		"called in, the founder has left":             {called, greeting{ID: founder, Cluster: "a"}, true},
		"called in, somebody else is elsewhere":       {called, greeting{ID: member, Cluster: "a"}, false},
		"called in where one decided, it has left":    {calledReady, greeting{ID: founder, Cluster: "a"}, true},
		"called in where others vote, founder is not": {calledIntoMany, greeting{ID: founder, Cluster: "a"}, false},
	} {
		if got := tt.m.yieldsTo(tt.g); got != tt.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// A voter that is away for longer than peer-cleanup-after loses its vote while at least
// three remain, and joins again when it is back.
func TestAbsentVoterLeaves(t *testing.T) {
	simulate(t, 5, 2, func(t *testing.T, b *bench) {
		for _, n := range b.nodes {
			n.cleanup = 20 * time.Second
		}
		b.startAll()
		b.introduceAll()
		b.await(15*time.Second, "formed", func() bool { return formed(b.nodes...) && votersOf(b.nodes[0]) == 5 })
		for _, gone := range b.nodes[2:] {
			gone.kill()
			b.introduceRunning()
			time.Sleep(time.Minute)
		}
		b.nodes[4].start()
		b.nodes[4].meet(b.nodes[0])
		b.await(time.Minute, "three of the five left", func() bool { return votersOf(b.nodes[0]) == 3 })
		for _, n := range b.nodes[2:4] {
			n.start()
		}
		b.introduceAll()
		b.await(time.Minute, "all back", func() bool { return formed(b.nodes...) && votersOf(b.nodes[0]) == 5 })
	})
}

func votersOf(n *benchNode) (voters int) {
	for _, m := range n.q.Status().Members {
		voters += b2i(m.Voter)
	}
	return voters
}

// introduceRunning repeats the hellos of those who run.
func (b *bench) introduceRunning() {
	for _, n := range b.nodes {
		for _, o := range b.nodes {
			if n.q != nil && o.q != nil {
				n.meet(o)
			}
		}
	}
}

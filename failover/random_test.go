package failover

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

// deployment returns a running world of three sentinels, a master and two replicas.
func deployment(t *testing.T, seed uint64, lines ...string) *world {
	t.Helper()
	w := newWorld(seed)
	for _, line := range append([]string{
		"sentinels 3",
		"master 10.0.0.1:6379",
		"replica 10.0.0.2:6379",
		"replica 10.0.0.3:6379",
		"set down-after-milliseconds 1000",
		"set failover-timeout 5000",
	}, lines...) {
		w.must(t, line)
	}
	w.deploy()
	w.runUntil(3 * time.Second)
	return w
}

func (w *world) must(t *testing.T, line string) {
	t.Helper()
	var until time.Duration
	if err := w.line(line, &until); err != nil {
		t.Fatalf("%q: %v", line, err)
	}
}

// disturb draws one fault, or its end.
func (w *world) disturb(rng *rand.Rand) string {
	node := fmt.Sprintf("10.0.0.%d:6379", 1+rng.IntN(3))
	sentinel := fmt.Sprintf("s%d", 1+rng.IntN(3))
	faults := []string{
		"kill " + node, "start " + node, "start " + node, "freeze " + node, "thaw " + node,
		"kill " + sentinel, "start " + sentinel, "start " + sentinel,
		"freeze " + sentinel, "thaw " + sentinel, "thaw " + sentinel,
		"failover " + sentinel, "cut " + sentinel + " " + node,
		fmt.Sprintf("cut s%d s%d", 1+rng.IntN(3), 1+rng.IntN(3)), "heal x",
		"node " + node + fmt.Sprintf(" priority=%d", rng.IntN(3)),
		"node " + node + " features=" + []string{"failover", "pause", "none", "redis", "nopause"}[rng.IntN(5)],
	}
	return faults[rng.IntN(len(faults))]
}

// applies reports whether a fault makes sense in the state the world is in.
func (w *world) applies(line string) bool {
	f := strings.Fields(line)
	addr, _ := ParseAddr(f[1])
	n, s := w.node(addr), w.sentinel(f[1])
	switch {
	case f[0] == "start" && n != nil:
		return !n.alive
	case f[0] == "start" && s != nil:
		return !s.alive
	case n != nil && f[0] != "node":
		return n.alive && n.frozen == (f[0] == "thaw")
	case s != nil && f[0] != "cut":
		return s.alive && s.frozen == (f[0] == "thaw")
	}
	return true
}

// calm ends all faults.
func (w *world) calm(t *testing.T) {
	w.must(t, "heal x")
	for i, n := range w.nodes {
		n.priority, n.deaf, n.refuse, n.lag = 100, false, "", 0
		name := fmt.Sprintf("10.0.0.%d:6379", i+1)
		for _, line := range []string{"thaw " + name, "start " + name} {
			if w.applies(line) {
				w.must(t, line)
			}
		}
	}
	for _, s := range w.sentinels {
		for _, line := range []string{"thaw " + s.name, "start " + s.name} {
			if w.applies(line) {
				w.must(t, line)
			}
		}
	}
}

// settled returns what is wrong with a world after the calm: one master, followed by
// all, known to all, and no failover left.
func (w *world) settled() []string {
	wrong := slices.Clone(w.problems)
	first := w.sentinels[0].m.Agreed().Master("m")
	for _, s := range w.sentinels {
		m := s.m.Agreed().Master("m")
		if m.Addr != first.Addr || m.ConfigEpoch != first.ConfigEpoch {
			wrong = append(wrong, fmt.Sprintf("%s says %s in %d, s1 %s in %d",
				s.name, m.Addr, m.ConfigEpoch, first.Addr, first.ConfigEpoch))
		}
		if m.Claim != nil {
			wrong = append(wrong, fmt.Sprintf("%s: a failover is left: %+v", s.name, *m.Claim))
		}
		if v, _ := s.m.Master(w.now, "m"); v.Flags != "master" {
			wrong = append(wrong, fmt.Sprintf("%s: flags %s", s.name, v.Flags))
		}
	}
	for _, n := range w.nodes {
		switch {
		case n.addr == first.Addr && n.role != RoleMaster:
			wrong = append(wrong, fmt.Sprintf("%s is agreed on and %s", n.addr, n.role))
		case n.addr != first.Addr && (n.role != RoleSlave || n.master != first.Addr):
			wrong = append(wrong, fmt.Sprintf("%s is a %s of %s", n.addr, n.role, n.master))
		}
	}
	return wrong
}

func randomRun(t *testing.T, seed uint64) *world {
	w := deployment(t, seed)
	rng := rand.New(rand.NewPCG(seed, 2))
	for w.now.Sub(w.start) < 40*time.Second {
		line := w.disturb(rng)
		if w.applies(line) {
			w.printf("-- %s", line)
			w.must(t, line)
		}
		w.runUntil(w.now.Sub(w.start) + time.Duration(rng.IntN(2500))*time.Millisecond)
	}
	w.printf("-- calm")
	w.calm(t)
	for range 20 { // at most 100 s for peace, and it is to last
		w.runUntil(w.now.Sub(w.start) + 5*time.Second)
		if len(w.settled()) == 0 {
			break
		}
	}
	w.runUntil(w.now.Sub(w.start) + 10*time.Second)
	return w
}

// Whatever happens to nodes, sentinels and links: never two masters for one epoch,
// never two claims, and once the faults are over one master that all follow.
func TestRandomFaults(t *testing.T) {
	seeds := 6
	if testing.Short() {
		seeds = 3
	}
	for seed := range seeds {
		t.Run(fmt.Sprint(seed+1), func(t *testing.T) {
			t.Parallel()
			w := randomRun(t, uint64(seed+1))
			if wrong := w.settled(); len(wrong) > 0 {
				t.Errorf("%s\n%s", strings.Join(wrong, "\n"), strings.Join(w.out, "\n"))
			}
		})
	}
}

func TestEqualEventsGiveEqualActions(t *testing.T) {
	a, b := randomRun(t, 4711), randomRun(t, 4711)
	if !slices.Equal(a.out, b.out) {
		t.Error("two runs of one seed differ")
	}
}

// A manual failover of a live master loses no acknowledged write, however it is
// coordinated.
func TestManualFailoverLosesNothing(t *testing.T) {
	for _, features := range []string{"failover", "pause", "redis", "nopause"} {
		for seed := range 3 {
			t.Run(fmt.Sprint(features, seed), func(t *testing.T) {
				w := deployment(t, uint64(seed+1))
				for _, n := range w.nodes {
					n.features = features
				}
				w.must(t, "failover s"+fmt.Sprint(seed%3+1))
				w.runUntil(10 * time.Second)
				if got := len(what(w.out, "publish +switch-master")); got != 3 {
					t.Fatalf("%d sentinels switched:\n%s", got, strings.Join(w.out, "\n"))
				}
				if w.lost != 0 {
					t.Errorf("lost %d bytes of acknowledged writes", w.lost)
				}
				if wrong := w.settled(); len(wrong) > 0 {
					t.Error(strings.Join(wrong, "\n"))
				}
			})
		}
	}
}

// The outage seen from the log: from the fault to the switch.
func TestReactionTimes(t *testing.T) {
	for _, tt := range []struct {
		name   string
		set    string
		faults []string
		most   time.Duration
	}{
		{"killed master", "", []string{"kill 10.0.0.1:6379"}, 1050 * time.Millisecond},
		{"frozen master", "", []string{"freeze 10.0.0.1:6379"}, 1150 * time.Millisecond},
		{"crash-down-after 200", "set crash-down-after-milliseconds 200", []string{"kill 10.0.0.1:6379"}, 250 * time.Millisecond},
		{"manual", "", []string{"failover s2"}, 30 * time.Millisecond},
		{"claimant dies too", "", []string{"kill 10.0.0.1:6379", "at 5003ms kill s1"}, 2100 * time.Millisecond},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var lines []string
			if tt.set != "" {
				lines = append(lines, tt.set)
			}
			w := deployment(t, 0, lines...)
			w.runUntil(4 * time.Second)
			for _, f := range tt.faults {
				w.must(t, f)
			}
			w.runUntil(12 * time.Second)
			var ms int
			switches := what(w.out, "publish +switch-master")
			if len(switches) == 0 {
				t.Fatalf("no switch:\n%s", strings.Join(w.out, "\n"))
			}
			fmt.Sscanf(switches[0], "at %dms", &ms)
			if took := time.Duration(ms)*time.Millisecond - 4*time.Second; took > tt.most {
				t.Errorf("took %v, want %v", took, tt.most)
			}
		})
	}
}

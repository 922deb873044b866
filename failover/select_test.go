package failover

import (
	"slices"
	"testing"
	"time"
)

// candidate is a healthy replica.
func candidate(now time.Time, addr Addr, edit func(*node)) *node {
	n := &node{health: newHealth(now), id: Node{Master: "m", Addr: addr}, role: RoleSlave, runID: "b"}
	n.up, n.unanswered = true, time.Time{}
	n.info = Info{Role: RoleSlave, Priority: 100, Offset: 1000, MasterLinkUp: true}
	n.infoAt, n.infoAsked = now, now
	if edit != nil {
		edit(n)
	}
	return n
}

// Each rule that drops a replica, in Redis's order, at and beyond its limit.
func TestSelectionExcludes(t *testing.T) {
	now := day.Add(time.Hour)
	ago := func(d time.Duration) time.Time { return now.Add(-d) }
	const down = 3 * time.Second // since when the master is down
	limit := down + 10*DefaultDownAfter
	for _, tt := range []struct {
		name       string
		masterDown bool
		edit       func(*node)
		want       string
	}{
		{"healthy", true, nil, ""},
		{"failed as target before", true, func(n *node) { n.id.Addr = addr3 }, "failed as target"},
		{"the master under another name", true, func(n *node) { n.runID = "m" }, "the master itself"},
		{"s_down", true, func(n *node) { n.sdown.down = true }, "s_down"},
		{"disconnected", true, func(n *node) { n.up = false }, "disconnected"},
		{"ping 5 s old", true, func(n *node) { n.lastValid = ago(5 * time.Second) }, ""},
		{"ping older", true, func(n *node) { n.lastValid = ago(5001 * time.Millisecond) }, "no valid ping reply"},
		{"priority 0", true, func(n *node) { n.info.Priority = 0 }, "priority 0"},
		{"priority 1", true, func(n *node) { n.info.Priority = 1 }, ""},
		{"no info", true, func(n *node) { n.infoAt = time.Time{} }, "info too old"},
		{"info 5 s old, master down", true, func(n *node) { n.infoAt = ago(5 * time.Second) }, ""},
		{"info older, master down", true, func(n *node) { n.infoAt = ago(5001 * time.Millisecond) }, "info too old"},
		{"info 30 s old, master up", false, func(n *node) { n.infoAt = ago(30 * time.Second) }, ""},
		{"info older, master up", false, func(n *node) { n.infoAt = ago(30001 * time.Millisecond) }, "info too old"},
		{"link down for long", true, func(n *node) { n.info.MasterLinkDown = limit }, ""},
		{"link down for longer", true, func(n *node) { n.info.MasterLinkDown = limit + 1 }, "master link down too long"},
		{"link down, master up", false, func(n *node) { n.info.MasterLinkDown = 10*DefaultDownAfter + 1 }, "master link down too long"},
	} {
		m := New(Config{ID: "s1", Now: now})
		w := &watch{name: "m", agreed: Master{Settings: DefaultSettings(2)}}
		w.master = candidate(now, addr1, func(n *node) { n.role, n.runID = RoleMaster, "m" })
		w.master.sdown = verdict{down: tt.masterDown, since: ago(down)}
		n := candidate(now, addr2, tt.edit)
		if got := m.excluded(w, n, &Attempt{Lost: []Addr{addr3}}); got != tt.want {
			t.Errorf("%s: excluded for %q, want %q", tt.name, got, tt.want)
		}
	}
}

// Who asks for a replica that cannot be promoted is told why.
func TestUnsuitableTarget(t *testing.T) {
	b := newBench(t, nil)
	b.commit(formed("m", addr1, addr2, addr3))
	b.step(Quorum{At: b.now, Formed: true, Leader: "s1", Voters: []string{"s1"}})
	*b.m.watch("m").node(addr2) = *candidate(b.now, addr2, func(n *node) { n.info.Priority = 0 })
	b.step(FailoverRequest{At: b.now, Master: "m", Token: 1, Wanted: Wanted{To: addr2}})
	if got, want := text[Answer](b.got), "{1 NOGOODSLAVE 10.0.0.2:6379 cannot be promoted: priority 0}"; got != want {
		t.Errorf("answered %s, want %s", got, want)
	}
	b.step(FailoverRequest{At: b.now, Master: "m", Token: 2})
	if got, want := text[Answer](b.got), "{2 NOGOODSLAVE No suitable replica to promote}"; got != want {
		t.Errorf("answered %s, want %s", got, want)
	}
}

// The order of those that are left: priority, offset, run id.
func TestSelectionOrder(t *testing.T) {
	now := day.Add(time.Hour)
	for _, tt := range []struct {
		name          string
		first, second func(*node)
	}{
		{"lower priority first", func(n *node) { n.info.Priority, n.info.Offset = 10, 1 }, nil},
		{"larger offset first", func(n *node) { n.info.Offset, n.runID = 1001, "z" }, nil},
		{"smaller run id first", func(n *node) { n.runID = "a" }, nil},
		{"run id without case", func(n *node) { n.runID = "A" }, nil},
		{"missing run id last", nil, func(n *node) { n.runID = "" }},
		{"else by address", nil, nil},
	} {
		a, b := candidate(now, addr1, tt.first), candidate(now, addr2, tt.second)
		for _, nodes := range [][]*node{{a, b}, {b, a}} {
			slices.SortFunc(nodes, better)
			if nodes[0] != a {
				t.Errorf("%s: %s first", tt.name, nodes[0].id.Addr)
			}
		}
	}
}

// Retries back off: 1 s, doubling, up to two failover-timeouts.
func TestRetryDelay(t *testing.T) {
	s := DefaultSettings(1)
	for failed, want := range map[int]time.Duration{
		1: time.Second, 2: 2 * time.Second, 3: 4 * time.Second, 9: 256 * time.Second,
		10: 360 * time.Second, 31: 360 * time.Second, 1000: 360 * time.Second,
	} {
		if got := retryDelay(failed, &s); got != want {
			t.Errorf("after %d failures: %v, want %v", failed, got, want)
		}
	}
}

// A master that is down since it says it is a replica: the links of the others went down
// before that counted as down.
func TestSelectionWhenTheMasterIsAReplica(t *testing.T) {
	now := day.Add(time.Hour)
	const gone = 5 * time.Minute
	limit := gone + 10*DefaultDownAfter
	for _, tt := range []struct {
		name     string
		linkDown time.Duration
		offset   int64 // the master's is 1000
		want     string
	}{
		{"since the master was gone", gone, 900, ""},
		{"a little before", limit, 900, ""},
		{"long before", limit + 1, 900, "master link down too long"},
		{"long before, with all the master has", limit + 1, 1000, ""},
	} {
		m := New(Config{ID: "s1", Now: now})
		w := &watch{name: "m", agreed: Master{Settings: DefaultSettings(2)}}
		w.master = candidate(now, addr1, func(n *node) {
			n.runID, n.role, n.reported, n.reportedAt = "m", RoleMaster, RoleSlave, now.Add(-gone)
			n.sdown = verdict{down: true, since: now.Add(-time.Second)}
		})
		n := candidate(now, addr2, func(n *node) { n.info.MasterLinkDown, n.info.Offset = tt.linkDown, tt.offset })
		if got := m.excluded(w, n, &Attempt{}); got != tt.want {
			t.Errorf("%s: excluded for %q, want %q", tt.name, got, tt.want)
		}
	}
}

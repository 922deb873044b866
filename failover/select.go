package failover

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// chooseTarget is StepClaimed: it waits a moment for what the replicas say now, picks
// one by Redis's rules and proposes it.
func (m *Machine) chooseTarget(w *watch, c *Attempt) {
	if !m.upToDate(w, c) {
		return
	}
	best := m.best(w, c)
	if best == nil {
		m.propose(w, Abort{Stand: c.Stand(w.name), Why: "no-good-slave", Candidates: m.candidates(w, c)})
		return
	}
	m.propose(w, Select{
		Stand: c.Stand(w.name), Pick: best.id.Addr, RunID: best.runID, Candidates: m.candidates(w, c),
	})
}

// upToDate reports whether all replicas that can answer have told their offset as of
// the failover, or had the time to: offsets older than the master's silence would
// choose by chance.
func (m *Machine) upToDate(w *watch, c *Attempt) bool {
	r := w.run
	since := r.began
	if w.master.sdown.down && !c.Manual {
		since = earlier(since, w.master.sdown.since)
	}
	limit := r.began.Add(freshInfoWait)
	missing := false
	for _, n := range w.nodes {
		if !n.isReplica() || !n.up || n.sdown.down || slices.Contains(c.Lost, n.id.Addr) {
			continue
		}
		if !n.infoAt.IsZero() && !n.infoAsked.Before(since) {
			continue
		}
		missing = true
		if n.lastAsk.Before(since) {
			m.askInfo(w, n)
		}
	}
	if !missing || !m.now.Before(limit) {
		return true
	}
	w.wake(limit)
	return false
}

// giveUp proposes to abort before the switch. why completes the event
// -failover-abort-….
func (m *Machine) giveUp(w *watch, c *Attempt, why string) {
	m.propose(w, Abort{Stand: c.Stand(w.name), Why: why})
}

// best returns the replica to promote, nil if none is eligible. c may be nil.
func (m *Machine) best(w *watch, c *Attempt) *node {
	var best *node
	for _, n := range w.nodes {
		if !n.isReplica() || m.excluded(w, n, c) != "" {
			continue
		}
		if best == nil || better(n, best) < 0 {
			best = n
		}
	}
	return best
}

// excluded returns why a replica must not be promoted, empty if it may be: Redis's
// rules in Redis's order, after our own that a target that failed is not tried twice.
func (m *Machine) excluded(w *watch, n *node, c *Attempt) string {
	ping := 5 * m.timers.PingPeriod
	info := 3 * m.timers.InfoPeriod
	careless := c != nil && c.AcceptLoss
	if w.master.sdown.down {
		info = ping
	}
	switch {
	case w.alias(n):
		return "the master itself"
	case c != nil && slices.Contains(c.Lost, n.id.Addr):
		return "failed as target"
	case c != nil && !c.To.IsZero() && !m.same(c.To, n.id.Addr):
		return "not the one asked for"
	case n.sdown.down:
		return "s_down"
	case !n.up:
		return "disconnected"
	case m.now.Sub(n.lastValid) > ping:
		return "no valid ping reply"
	case n.info.Priority == 0:
		return "priority 0"
	case n.infoAt.IsZero() || m.now.Sub(n.infoAt) > info:
		return "info too old"
	case !careless && n.neverSynced():
		return "never in sync"
	case !careless && w.master.emptied && w.master.bereft(w, n.info.Keys):
		return "empty, as the master is"
	case !careless && m.strange(w, n):
		return "follows another history"
	case !careless && m.outdated(w, n):
		return "master link down too long"
	}
	return ""
}

// neverSynced reports whether a replica never had a master's data since it started,
// nor brought a history along.
func (n *node) neverSynced() bool {
	return n.info.MasterLinkDown < 0 && !n.info.MasterLinkUp && n.info.Offset <= 1
}

// strange reports whether a replica has the history of another master than the one it
// is to replace, as after an operator pointed it elsewhere. Where little is known of
// the master's histories, or the replica was seen in sync, it is not.
func (m *Machine) strange(w *watch, n *node) bool {
	return len(w.lineage) > 0 && !n.inSync && n.info.ReplID != "" &&
		!slices.Contains(w.lineage, n.info.ReplID) && !slices.Contains(w.lineage, n.info.ReplID2)
}

// outdated reports whether the link of a replica to the master was down for long when
// the master went down. A master may be down since it came back as a replica, perhaps of
// its own replica: then the time counts from there, and a replica with as much of the
// stream as the master itself has is never outdated.
func (m *Machine) outdated(w *watch, n *node) bool {
	master := w.master
	down := time.Duration(0)
	if master.sdown.down {
		since := master.sdown.since
		if master.reported == RoleSlave {
			if n.info.Offset >= master.info.Offset && master.up {
				return false
			}
			since = earlier(since, master.reportedAt)
		}
		down = m.now.Sub(since)
	}
	return n.info.MasterLinkDown > down+10*w.settings().DownAfter
}

// better orders eligible replicas: lower priority, then larger offset, then smaller
// run id without case, a missing one last.
func better(a, b *node) int {
	return cmp.Or(
		cmp.Compare(a.info.Priority, b.info.Priority),
		-cmp.Compare(a.info.Offset, b.info.Offset),
		compareRunID(a.runID, b.runID),
		a.id.Addr.compare(b.id.Addr), // never equal
	)
}

func compareRunID(a, b string) int {
	switch {
	case a == b:
		return 0
	case a == "":
		return 1
	case b == "":
		return -1
	}
	return strings.Compare(strings.ToLower(a), strings.ToLower(b))
}

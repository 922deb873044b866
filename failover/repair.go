package failover

import "time"

// repair gives nodes back the role the log says they have. Only the Raft leader does
// it, and the leadership is verified before each command leaves; never while a
// failover is undecided, whose target must not be told otherwise.
func (m *Machine) repair(w *watch) {
	m.spread(w)
	if !m.state.Formed() || !m.leads() || !m.trusts() || w.undecided() != nil || !m.outnumbers(w) {
		return
	}
	if !m.looksSane(w) {
		return
	}
	for _, n := range w.nodes {
		event := m.wrong(w, n)
		if event == "" || n.repairSeq != 0 {
			continue
		}
		if m.now.Before(n.repairDue) {
			w.wake(n.repairDue)
			continue
		}
		n.repairDue = m.now.Add(repairRetry)
		w.wake(n.repairDue)
		n.repairEvent = event
		n.repairSeq = m.send(n, PurposeRepair, true, m.obey(w, w.agreed.Addr)...)
		m.askInfo(w, n)
	}
}

// looksSane reports whether others may be pointed to the master: it said lately, and
// since it is the master, that it is one.
func (m *Machine) looksSane(w *watch) bool {
	n := w.master
	return n.up && !n.sdown.down && !n.infoAt.IsZero() && n.info.Role == RoleMaster &&
		!n.infoAsked.Before(w.changedAt) && m.now.Sub(n.infoAt) < saneInfoAge
}

// wrong returns the event that goes with repairing n, empty if n is all right.
func (m *Machine) wrong(w *watch, n *node) string {
	if !n.isReplica() || w.alias(n) || !n.up || n.infoAt.IsZero() || n.infoAsked.Before(w.changedAt) {
		return ""
	}
	if n.info.Role == RoleMaster && (!n.sdown.down || m.speaks(w, n)) {
		return "+convert-to-slave" // one whose disk fails answers, though PING with an error
	}
	if n.sdown.down || n.info.Role != RoleSlave || n.info.MasterAddr.IsZero() || m.follows(w, n) || w.claim() != nil ||
		n.infoAsked.Before(w.settledAt) {
		return ""
	}
	if due := n.followsAt.Add(m.patience(w, n)); m.now.Before(due) {
		w.wake(due)
		return ""
	}
	return "+fix-slave-config"
}

// patience returns how long a replica may follow another than the master: none if
// that is where the master was before, else failover-timeout, as in Redis: an operator
// may be at work.
func (m *Machine) patience(w *watch, n *node) time.Duration {
	for i := range m.state.History {
		r := &m.state.History[i]
		if r.Name == w.name && m.same(r.Old, n.info.MasterAddr) {
			return 0
		}
	}
	return w.settings().FailoverTimeout
}

// repaired takes in the outcome of a repair.
func (m *Machine) repaired(w *watch, n *node, err string) {
	n.repairSeq = 0
	if err != "" {
		return // again when repairDue is over
	}
	m.onSlave(Notice, n.repairEvent, w, n.id.Addr)
	m.askInfo(w, n)
}

package failover

import "time"

// reconfigure is StepSwitched: the other replicas are made to follow the new master,
// parallel-syncs at a time; then the failover ends. Events name the old master, as in
// Redis.
func (m *Machine) reconfigure(w *watch, c *Attempt) {
	r := w.run
	m.tidy(w, c)
	limit := r.switchedAt.Add(w.settings().FailoverTimeout)
	if !m.now.Before(limit) {
		m.endByTimeout(w, c)
		return
	}
	w.wake(limit)
	open, busy := 0, 0
	for _, n := range w.nodes {
		if !w.toReconfigure(n, c) {
			continue
		}
		m.followUp(w, n, c)
		if n.reconf == reconfDone || n.sdown.down {
			continue
		}
		open++
		if n.reconf != reconfNone {
			busy++
		}
	}
	if open == 0 {
		m.propose(w, End{Stand: c.Stand(w.name)})
		return
	}
	m.pointNext(w, c, w.settings().ParallelSyncs-busy)
}

// toReconfigure reports whether n is re-pointed by the failover; the old master is
// seen to when it is back.
func (w *watch) toReconfigure(n *node, c *Attempt) bool {
	return n.isReplica() && n.id.Addr != c.Old && !w.alias(n)
}

// pointNext sends SLAVEOF to up to room replicas.
func (m *Machine) pointNext(w *watch, c *Attempt, room int) {
	for _, n := range w.nodes {
		if room <= 0 {
			return
		}
		if !w.toReconfigure(n, c) || n.reconf != reconfNone || n.sdown.down || !n.up || !m.leased(w) {
			continue
		}
		room--
		m.send(n, PurposeReconf, false, m.obey(w, w.agreed.Addr)...)
		m.askInfo(w, n)
		n.reconf, n.reconfAt = reconfSent, m.now
		m.publish(Notice, "+slave-reconf-sent", m.slaveText(w.name, n.id.Addr, c.Old), w)
		w.wake(m.now.Add(m.timers.SlaveReconfTimeout))
	}
}

// followUp notes how far a replica is.
func (m *Machine) followUp(w *watch, n *node, c *Attempt) {
	follows := m.follows(w, n)
	if n.reconf == reconfNone && follows && n.info.MasterLinkUp {
		n.reconf = reconfDone // by itself, or told by a claimant before us
		return
	}
	if n.reconf == reconfSent && follows {
		n.reconf, n.reconfAt = reconfInprog, m.now
		m.publish(Notice, "+slave-reconf-inprog", m.slaveText(w.name, n.id.Addr, c.Old), w)
	}
	if n.reconf == reconfInprog && follows && n.info.MasterLinkUp {
		n.reconf, n.reconfAt = reconfDone, m.now
		m.publish(Notice, "+slave-reconf-done", m.slaveText(w.name, n.id.Addr, c.Old), w)
	}
	if n.reconf != reconfSent {
		return
	}
	due := n.reconfAt.Add(m.timers.SlaveReconfTimeout)
	if m.now.Before(due) {
		w.wake(due)
		return
	}
	n.reconf = reconfDone // it had its chance; repair comes later
	m.publish(Notice, "-slave-reconf-sent-timeout", m.slaveText(w.name, n.id.Addr, c.Old), w)
}

// follows reports whether n said, after the last switch, that it is a replica of the
// current master.
func (m *Machine) follows(w *watch, n *node) bool {
	return !n.infoAt.IsZero() && !n.infoAsked.Before(w.changedAt) &&
		n.info.Role == RoleSlave && m.same(n.info.MasterAddr, w.agreed.Addr)
}

// endByTimeout ends the re-pointing when failover-timeout is over.
func (m *Machine) endByTimeout(w *watch, c *Attempt) {
	w.run.timedOut = true
	m.propose(w, End{Stand: c.Stand(w.name), Timeout: true})
}

// ended publishes the end of our failover; replicas that were not done after a
// timeout are pointed to the new master on a best-effort basis.
func (m *Machine) ended(w *watch, c *Attempt, r *run, timeout bool) {
	old := m.masterText(w.name, c.Old)
	if timeout {
		m.publish(Warning, "+failover-end-for-timeout", old, w)
	}
	m.publish(Warning, "+failover-end", old, w)
	if !timeout || r.leasedAt.IsZero() || m.now.Sub(r.leasedAt) >= renewValid {
		return
	}
	for _, n := range w.nodes {
		if !w.toReconfigure(n, c) || n.reconf != reconfNone || !n.up {
			continue
		}
		m.send(n, PurposeReconf, false, m.obey(w, w.agreed.Addr)...)
		m.publish(Notice, "+slave-reconf-sent-be", m.slaveText(w.name, n.id.Addr, c.Old), w)
	}
}

func (w *watch) clearReconf(now time.Time) {
	for _, n := range w.nodes {
		n.reconf, n.reconfAt = reconfNone, now
	}
}

package failover

import (
	"slices"
	"time"
)

// asksMax bounds the INFOs on their way to one node.
const asksMax = 8

// askInfo sends INFO now.
func (m *Machine) askInfo(w *watch, n *node) {
	if !n.up || len(n.asks) >= asksMax {
		return
	}
	n.asks = append(n.asks, m.now)
	n.lastAsk = m.now
	m.do(AskInfo{Node: n.id, Command: w.settings().Command("INFO")})
}

func (m *Machine) askAll(w *watch) {
	for _, n := range w.nodes {
		m.askInfo(w, n)
	}
}

// keepInformed sends INFO if it is due.
func (m *Machine) keepInformed(w *watch, n *node) {
	period := m.infoPeriod(w, n)
	if len(n.asks) > 0 {
		period = max(period, infoStuck)
	}
	due := n.lastAsk.Add(period)
	if m.now.Before(due) {
		w.wake(due)
		return
	}
	m.askInfo(w, n)
	w.wake(m.now.Add(period))
}

func (m *Machine) infoPeriod(w *watch, n *node) time.Duration {
	slow := m.timers.InfoPeriod
	fast := min(slow, time.Second)
	if w.run != nil {
		if poll := m.pollPeriod(w, n); poll > 0 {
			return poll
		}
	}
	switch {
	case n.probe, m.now.Sub(n.changed) < youngLink:
		return fast
	case n.infoClass.denies(), n.infoClass == ReplyUnknown:
		return fast // so that it shows when an operator has mended it
	case n == w.master:
		return slow
	case w.master.sdown.down, w.odown, w.claim() != nil, !n.info.MasterLinkUp:
		return fast
	}
	return slow
}

// infoReply takes in what a data node says of itself. A reply to a question from
// before the last switch is about another world and only counts as an answer.
func (m *Machine) infoReply(ev InfoReply) {
	w, n := m.dataNode(ev.Node)
	if n == nil || len(n.asks) == 0 {
		return
	}
	asked := n.asks[0]
	n.asks = append(n.asks[:0], n.asks[1:]...)
	w.reached = true
	n.denied, n.infoClass = false, ReplyOther
	if asked.Before(w.changedAt) {
		m.review(w)
		return
	}
	if ev.Info.MasterAddr != n.info.MasterAddr || n.infoAt.IsZero() {
		n.followsAt = m.now
	}
	m.noticeRestart(w, n, &ev.Info)
	n.info, n.infoAt, n.infoAsked = ev.Info, m.now, asked
	m.noticeHistory(w, n)
	m.noticeRole(w, n)
	if n == w.master && n.info.Role == RoleMaster {
		for _, addr := range ev.Info.Replicas {
			m.meetReplica(w, addr)
		}
	}
	m.redirect(w, n)
	m.review(w)
}

func (m *Machine) infoFailed(ev InfoFailed) {
	w, n := m.dataNode(ev.Node)
	if n == nil || len(n.asks) == 0 {
		return
	}
	n.asks = append(n.asks[:0], n.asks[1:]...)
	n.denied, n.infoClass = ev.Reply.denies(), ev.Reply
	m.review(w)
}

func (m *Machine) noticeRestart(w *watch, n *node, now *Info) {
	runID := now.RunID
	if n.emptied && (!n.bereft(w, now.Keys) || now.Role != RoleMaster) {
		n.emptied = false
	}
	if runID == n.runID || runID == "" {
		return
	}
	known := n.runID != ""
	n.runID, n.newsAt = runID, m.now
	m.dirty = true
	if !known || n.probe {
		return
	}
	n.inSync = false
	n.had = n.info.Keys
	n.emptied = n == w.master && now.Role == RoleMaster && n.had > 0 && n.bereft(w, now.Keys) && !now.Loading
	m.onNode(Notice, "+reboot", w, n)
	if n == w.master && w.settings().RebootDownAfter > 0 {
		n.rebooted, n.rebootedAt = true, m.now
	}
}

// bereft reports whether keys are none of those a master had. With the guard on they may
// be a few: clients write as soon as it is back. Without it, it goes on with those.
func (n *node) bereft(w *watch, keys int64) bool {
	return keys == 0 || w.settings().EmptyMasterGuard && 10*keys <= n.had
}

// lineageMax bounds the histories remembered of one master.
const lineageMax = 16

// noticeHistory learns which histories the master has had, and which replicas follow
// the one it has.
func (m *Machine) noticeHistory(w *watch, n *node) {
	if n == w.master && n.info.Role == RoleMaster && !n.emptied {
		for _, id := range []string{n.info.ReplID2, n.info.ReplID} {
			if id != "" && !slices.Contains(w.lineage, id) {
				w.lineage = dropOldest(append(w.lineage, id), lineageMax)
			}
		}
	}
	switch follows := m.follows(w, n); {
	case !n.isReplica() || w.master.emptied:
	case !follows:
		n.inSync = false
	case n.info.MasterLinkUp:
		n.inSync = true
	}
}

func (m *Machine) noticeRole(w *watch, n *node) {
	if n.info.Role == n.reported || n.info.Role == RoleUnknown {
		return
	}
	n.reported, n.reportedAt = n.info.Role, m.now
	if n.probe {
		return
	}
	event := "-role-change"
	if n.reported == n.role {
		event = "+role-change"
	}
	m.onNode(Verbose, event, w, n, "new reported role is", n.reported.String())
}

// meetReplica adds a replica the master lists.
func (m *Machine) meetReplica(w *watch, addr Addr) {
	if m.same(addr, w.agreed.Addr) || len(w.nodes) > replicasMax {
		return
	}
	for _, n := range w.nodes {
		if m.same(n.id.Addr, addr) {
			if n.probe {
				n.probe = false
				m.onSlave(Notice, "+slave", w, n.id.Addr)
			}
			return
		}
	}
	m.addNode(w, addr, RoleSlave)
	m.dirty = true
	m.onSlave(Notice, "+slave", w, addr)
}

// addNode creates a data node and has its links opened.
func (m *Machine) addNode(w *watch, addr Addr, role Role) *node {
	n := &node{
		health: newHealth(m.now), id: Node{Master: w.name, Addr: addr}, role: role,
		reported: role, reportedAt: m.now, newsAt: m.now,
	}
	n.info.Priority, n.info.Announced = 100, true
	w.nodes = append(w.nodes, n)
	m.connect(w, n)
	return n
}

func (m *Machine) connect(w *watch, n *node) {
	s := w.settings()
	m.do(Connect{Node: n.id, Addr: n.id.Addr, Every: m.redial(s), Greeting: s.greeting()})
}

// spread proposes what this sentinel knows of the replicas and the log does not. The
// leader does it at once, others if the leader does not.
func (m *Machine) spread(w *watch) {
	if !m.state.Formed() || m.quorum.Leader == "" || w.undecided() != nil {
		return
	}
	for _, n := range w.nodes {
		if !n.isReplica() {
			continue
		}
		if r := w.agreed.replica(n.id.Addr); r != nil && (n.runID == "" || r.RunID == n.runID) {
			continue
		}
		due := n.learnDue
		if !m.leads() {
			due = later(due, n.newsAt.Add(time.Second))
		}
		if m.now.Before(due) {
			w.wake(due)
			continue
		}
		n.learnDue = m.now.Add(proposalPatient)
		w.wake(n.learnDue)
		m.learn(LearnReplica{Name: w.name, Addr: n.id.Addr, RunID: n.runID})
	}
}

// redirect follows a configured address that turns out to be a replica, as long as
// nothing was ever decided about this master, nor tried, since a failover that was
// given up may have promoted its target: its master is looked at and, if it is one,
// adopted.
func (m *Machine) redirect(w *watch, n *node) {
	if w.agreed.ConfigEpoch > 0 || w.agreed.Decided || w.agreed.Failed > 0 || w.claim() != nil {
		return
	}
	if n == w.master && n.info.Role == RoleSlave && !n.info.MasterAddr.IsZero() {
		if w.node(m.known(w, n.info.MasterAddr)) == nil && !w.probing() {
			m.addNode(w, n.info.MasterAddr, RoleMaster).probe = true
		}
		return
	}
	master := w.master
	if n == master || n.info.Role != RoleMaster || master.info.Role != RoleSlave ||
		!m.same(master.info.MasterAddr, n.id.Addr) {
		return
	}
	adopt := Adopt{Name: w.name, Old: w.agreed.Addr, Addr: n.id.Addr, Why: "redirect"}
	switch {
	case !m.state.Formed():
		m.applyLocally(adopt)
	case m.leads():
		m.propose(w, adopt)
	}
}

func (w *watch) probing() bool {
	return slices.ContainsFunc(w.nodes, func(n *node) bool { return n.probe })
}

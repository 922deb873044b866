package failover

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// committed applies an entry of the log and follows what it changed.
func (m *Machine) committed(ev Committed) {
	if ev.Replayed {
		m.replaying = true
		m.log.Apply(ev.Index, ev.Command)
		return
	}
	if m.replaying {
		m.replayDone()
	}
	_, again := m.log.answered(ev.Command.ID)
	r := m.log.Apply(ev.Index, ev.Command)
	if again || !m.log.Formed() {
		return
	}
	if m.adrift != nil {
		m.learned(ev.Command.ID)
		m.settle(m.watch(ev.Command.Master()), ev.Command.ID, r)
		m.comeAshore()
		return
	}
	w := m.watch(ev.Command.Master())
	m.changed(ev.Command, r)
	m.learned(ev.Command.ID)
	m.settle(w, ev.Command.ID, r)
	if b, ok := ev.Command.Body.(Learn); ok {
		for _, name := range b.masters() {
			if w := m.watch(name); w != nil {
				m.review(w)
			}
		}
		return
	}
	if w = m.watch(ev.Command.Master()); w != nil {
		m.review(w)
		return
	}
	m.reviewAll()
}

// localCommand applies a command to the state of an unformed sentinel.
func (m *Machine) localCommand(ev Local) {
	r := m.local.Apply(0, ev.Command)
	if m.state == m.local {
		m.changed(ev.Command, r)
		m.reviewAll()
	}
}

// applyLocally is what an unformed sentinel does instead of proposing.
func (m *Machine) applyLocally(b Body) {
	c := Command{From: m.id, At: m.now, Body: b}
	m.changed(c, m.local.Apply(0, c))
}

func (m *Machine) restored(ev Restored) {
	m.log = ev.State.Clone()
	if ev.Replayed {
		m.replaying = true
		return
	}
	m.replaying = false
	m.sync(Command{}, false)
	m.settleCaughtUp()
	m.reviewAll()
}

func (m *Machine) replayDone() {
	m.replaying = false
	m.sync(Command{}, true)
	m.settleCaughtUp()
	m.reviewAll()
}

// changed follows a command that was applied to the state in force.
func (m *Machine) changed(c Command, r Result) {
	if m.state != m.inForce() {
		m.sync(c, false)
		return
	}
	if !r.OK() {
		if _, partly := c.Body.(Set); !partly {
			return
		}
	}
	m.announceEpoch(m.watch(c.Master()))
	switch b := c.Body.(type) {
	case Form, Merge, Remove:
		m.sync(c, false)
	case Set:
		m.follow(b.Name, c)
		m.announceSet(b)
	case Learn:
		for _, name := range b.masters() {
			m.follow(name, c)
		}
	case NewEpoch, Put:
	default:
		m.follow(c.Master(), c)
	}
	m.dirty = true
}

// Master returns the name of the master a command is about, empty if it is about more
// than one.
func (c Command) Master() string {
	switch b := c.Body.(type) {
	case Monitor:
		return b.Name
	case Remove:
		return b.Name
	case Set:
		return b.Name
	case Reset:
		return b.Name
	case Claim:
		return b.Name
	case Select:
		return b.Name
	case TargetFailed:
		return b.Name
	case Switch:
		return b.Name
	case End:
		return b.Name
	case Abort:
		return b.Name
	case Refuse:
		return b.Name
	case Pause:
		return b.Name
	case Resume:
		return b.Name
	case Takeover:
		return b.Name
	case Adopt:
		return b.Name
	case LearnReplica:
		return b.Name
	}
	return ""
}

// sync brings all watches in line with the state in force. A quiet one publishes
// nothing but +monitor of masters that are new.
func (m *Machine) sync(cause Command, quiet bool) {
	m.state = m.inForce()
	m.synced = true
	m.quiet = quiet
	m.announceEpoch(nil)
	for _, w := range slices.Clone(m.watches) {
		if m.state.Master(w.name) == nil {
			m.stopWatching(w)
		}
	}
	for i := range m.state.Masters {
		m.follow(m.state.Masters[i].Name, cause)
	}
	m.quiet = false
	m.dirty = true
}

// follow brings one watch in line with the state in force.
func (m *Machine) follow(name string, cause Command) {
	now := m.state.Master(name)
	if now == nil {
		return
	}
	w := m.watch(name)
	if w == nil {
		m.startWatching(now, cause)
		return
	}
	old := w.agreed
	w.agreed = now.clone()
	m.followSettings(w, &old)
	m.followPause(w, &old)
	if b, ok := cause.Body.(Refuse); ok {
		m.refused(w, &b)
	}
	if now.Resets != old.Resets {
		m.reset(w)
	}
	m.followClaim(w, &old, cause)
	if now.Addr != old.Addr {
		m.switched(w, &old, cause)
	}
	if w.agreed.Claim == nil && old.Claim != nil {
		m.claimEnded(w, &old, cause)
	}
	m.followReplicas(w)
}

func (m *Machine) startWatching(master *Master, cause Command) {
	w := &watch{name: master.Name, agreed: master.clone(), next: m.now, claimSeen: m.now}
	w.paused = w.agreed.Paused.inForce(m.wall(m.now))
	i, _ := slices.BinarySearchFunc(m.watches, w.name, func(w *watch, name string) int {
		return strings.Compare(w.name, name)
	})
	m.watches = slices.Insert(m.watches, i, w)
	m.agenda.add(w)
	w.master = m.addNode(w, w.agreed.Addr, RoleMaster)
	for _, r := range w.agreed.Replicas {
		m.addNode(w, r.Addr, RoleSlave).runID = r.RunID
	}
	for _, p := range m.peers {
		m.sightKnown(w, p)
	}
	quiet := m.quiet
	m.quiet = m.replaying
	m.onMaster(Warning, "+monitor", w, "quorum", strconv.Itoa(w.settings().Quorum))
	m.quiet = quiet
	if c := w.claim(); c != nil {
		w.voted, w.votedIn = c.Claimant, c.Epoch
	}
}

func (m *Machine) stopWatching(w *watch) {
	m.onMaster(Warning, "-monitor", w)
	for _, n := range w.nodes {
		m.do(Disconnect{Node: n.id})
	}
	m.answerRequest(w, "ERR No such master with that name")
	m.watches = slices.DeleteFunc(m.watches, func(x *watch) bool { return x == w })
	m.agenda.drop(w)
	for _, p := range slices.Clone(m.peers) {
		if !p.voter && !p.stated && !m.watched(p) {
			m.forget(p.id)
		}
	}
}

// followSettings reopens links whose greeting has changed, and changes their pace.
func (m *Machine) followSettings(w *watch, old *Master) {
	s, o := w.settings(), &old.Settings
	if s.greeting() == o.greeting() && m.redial(s) == m.redial(o) {
		return
	}
	for _, n := range w.nodes {
		m.connect(w, n)
	}
	for _, p := range m.peers {
		m.connectPeer(p)
	}
}

func (m *Machine) announceSet(b Set) {
	w := m.watch(b.Name)
	if w == nil {
		return
	}
	check := DefaultSettings(1)
	for _, e := range b.Edits {
		if check.Set(e) != nil {
			return // as far as Apply got
		}
		values := e.Values
		if strings.EqualFold(e.Option, "auth-pass") {
			values = []string{"******"}
		}
		m.onMaster(Warning, "+set", w, append([]string{e.Option}, values...)...)
	}
}

// announceEpoch publishes the current epoch if it has risen.
func (m *Machine) announceEpoch(w *watch) {
	if m.state.Epoch <= m.seenEpoch {
		return
	}
	m.seenEpoch = m.state.Epoch
	m.publish(Warning, "+new-epoch", strconv.FormatUint(m.state.Epoch, 10), w)
}

// reset forgets what was discovered and observed for w. Voters stay; foreign
// sentinels will say hello again.
func (m *Machine) reset(w *watch) {
	for _, n := range w.nodes {
		if n != w.master {
			m.do(Disconnect{Node: n.id})
		}
	}
	w.nodes = []*node{w.master}
	n := w.master
	n.sdown, n.runID, n.rebooted, n.reported, n.reportedAt = verdict{}, "", false, n.role, m.now
	n.lastValid, n.lastReply = m.now, m.now
	if !n.unanswered.IsZero() {
		n.unanswered = m.now
	}
	w.sights = slices.DeleteFunc(w.sights, func(s *sight) bool { return !s.peer.voter && !s.peer.stated })
	for _, s := range w.sights {
		s.saysDown = false
	}
	w.odown, w.notBefore = false, time.Time{}
	m.askInfo(w, n)
	m.onMaster(Warning, "+reset-master", w)
	for _, s := range w.sights { // who listens counts them from none again
		if !s.peer.addr.IsZero() {
			m.onSentinel(Notice, "+sentinel", w, s.peer)
		}
	}
}

// followReplicas adds the replicas others have found.
func (m *Machine) followReplicas(w *watch) {
	for _, r := range w.agreed.Replicas {
		n := w.node(r.Addr)
		if n == nil {
			m.meetReplica(w, r.Addr)
			n = w.node(r.Addr)
		}
		if n != nil && n.probe {
			n.probe, n.role = false, RoleSlave
		}
		if n != nil && n.runID == "" {
			n.runID = r.RunID
		}
	}
}

// followClaim notices a new claim, a new claimant or a new step.
func (m *Machine) followClaim(w *watch, old *Master, cause Command) {
	c, o := w.agreed.Claim, old.Claim
	if c == nil {
		return
	}
	if o != nil && o.Epoch == c.Epoch && o.Claimant == c.Claimant && o.Step == c.Step && o.Restarts == c.Restarts {
		return
	}
	w.claimSeen = m.now
	if o == nil || o.Epoch != c.Epoch {
		m.claimed(w, cause)
	}
	if o != nil && o.Epoch == c.Epoch && o.Claimant != c.Claimant {
		m.takenOver(w, cause)
	}
	if o != nil && o.Epoch == c.Epoch && o.Restarts != c.Restarts && c.Claimant == m.id {
		m.begin(w, w.proposedAt(cause), true)
	}
	if w.run != nil && c.Step == StepSelected && (o == nil || o.Step != StepSelected) {
		m.onSlave(Warning, "+selected-slave", w, c.Target)
		m.onSlave(Notice, "+failover-state-send-slaveof-noone", w, c.Target)
	}
}

// claimed is the election: everybody votes, by the log, for the first claim.
func (m *Machine) claimed(w *watch, cause Command) {
	c := w.claim()
	ours := c.Claimant == m.id
	w.run = nil
	w.clearReconf(m.now)
	w.voted, w.votedIn = c.Claimant, c.Epoch
	m.announceEpoch(w)
	if ours {
		m.onMaster(Warning, "+try-failover", w)
	}
	m.publish(Warning, "+vote-for-leader", c.Claimant+" "+strconv.FormatUint(c.Epoch, 10), w)
	if !ours || m.quiet { // found in a replay it was ours before a restart, see failOver
		return
	}
	m.onMaster(Warning, "+elected-leader", w)
	m.onMaster(Warning, "+failover-state-select-slave", w)
	m.begin(w, w.proposedAt(cause), false)
}

func (m *Machine) takenOver(w *watch, cause Command) {
	c := w.claim()
	w.run = nil
	w.voted, w.votedIn = c.Claimant, c.Epoch
	m.publish(Warning, "+vote-for-leader", c.Claimant+" "+strconv.FormatUint(c.Epoch, 10), w)
	if c.Claimant != m.id {
		return
	}
	m.publish(Warning, "+elected-leader", m.masterText(w.name, c.Old), w)
	m.begin(w, w.proposedAt(cause), true)
}

// proposedAt returns when the proposal of ours left that is committed by cause, zero
// if it is not ours.
func (w *watch) proposedAt(cause Command) time.Time {
	if cause.ID == "" || cause.ID != w.proposal.id {
		return time.Time{}
	}
	return w.proposal.at
}

// claimEnded notices the end of a failover: done, or given up.
func (m *Machine) claimEnded(w *watch, old *Master, cause Command) {
	r := w.run
	w.run = nil
	w.settledAt = m.now
	switch b := cause.Body.(type) {
	case Abort:
		w.notBefore = m.now.Add(retryDelay(w.agreed.Failed, w.settings()))
		w.lacked = b.Why == "no-good-slave"
		if r != nil {
			m.onMaster(Warning, "-failover-abort-"+b.Why, w)
		}
	case End:
		if r != nil {
			m.ended(w, old.Claim, r, b.Timeout)
		}
	}
	w.clearReconf(m.now)
	m.askAll(w)
}

// switched makes another node the master: from here on it is what everyone is told.
// The links of both stay as they are.
func (m *Machine) switched(w *watch, old *Master, cause Command) {
	m.announceSwitch(w, old, cause)
	former, next := w.master, w.node(w.agreed.Addr)
	if next == nil {
		next = m.addNode(w, w.agreed.Addr, RoleMaster)
	}
	former.role, next.role, next.probe = RoleSlave, RoleMaster, false
	w.master = next
	w.changedAt = m.now
	w.odown, w.reported, w.wantSince = false, false, time.Time{}
	if w.run != nil {
		w.run.switchedAt = m.now
	}
	for _, n := range w.nodes {
		n.inSync, n.emptied = false, false
		n.reported, n.reportedAt, n.helloDue = n.role, m.now, m.now
		n.reconf, n.rebooted, n.repairDue, n.newsAt = reconfNone, false, time.Time{}, m.now
		if !n.probe && n != next {
			m.onSlave(Notice, "+slave", w, n.id.Addr)
		}
	}
	if c := w.claim(); c != nil && c.Manual {
		former.repairDue = m.now.Add(repairRetry)           // the claimant sees to it
		former.helloDue = m.now.Add(m.timers.PublishPeriod) // its writes may still be paused
	}
	if former.sdown.down && !m.silent(w, &former.health) {
		former.sdown = verdict{} // it was down as a master only
	}
	if former.sdown.down {
		m.onSlave(Warning, "+sdown", w, former.id.Addr)
	}
	m.askAll(w)
	for _, p := range m.peers {
		if p.up {
			m.do(m.helloFor(w, p.node(), "PUBLISH"))
		}
	}
}

func (m *Machine) announceSwitch(w *watch, old *Master, cause Command) {
	from, to := old.Addr, w.agreed.Addr
	source, role := "", "observer"
	switch b := cause.Body.(type) {
	case Adopt:
		source = b.Source
		if b.Why == "redirect" {
			m.publish(Warning, "+redirect-to-master", w.name+" "+m.hostPort(from)+" "+m.hostPort(to), w)
		}
	case Switch:
		source = b.Claimant
	}
	if w.run != nil {
		role = "leader"
		m.publish(Warning, "+failover-state-reconf-slaves", m.masterText(w.name, from), w)
	}
	if p := m.peer(source); p != nil {
		m.publish(Warning, "+config-update-from", m.sentinelText(p, w.name, from), w)
	}
	m.publish(Warning, "+switch-master", w.name+" "+m.hostPort(from)+" "+m.hostPort(to), w)
	if path := w.settings().ClientReconfigScript; path != "" && !m.quiet {
		from, to = m.Shown(from), m.Shown(to)
		m.do(RunScript{Master: w.name, Path: path, Args: []string{
			w.name, role, "start", from.Host, strconv.Itoa(from.Port), to.Host, strconv.Itoa(to.Port),
		}})
	}
}

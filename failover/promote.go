package failover

import (
	"slices"
	"strings"
)

// promote is StepSelected: the target is told to become a master and watched until it
// says it is; then the switch is proposed. A target that restarted is not the one that
// was selected: it may have lost its data, and may be a master by its own file.
func (m *Machine) promote(w *watch, c *Attempt) {
	r := w.run
	if r.target != c.Target {
		r.target, r.targetSince = c.Target, m.now
		r.promoteSeq, r.told, r.promoted = 0, false, false
		r.coord = coordination{}
	}
	n := w.node(c.Target)
	why := m.failure(w, c, n)
	switch {
	case why == "" && n.saysMaster(r):
		m.promotionSeen(w, c, n)
	case why != "":
		m.unpause(w)
		m.propose(w, TargetFailed{Stand: c.Stand(w.name), Why: why})
	case !m.now.Before(r.targetSince.Add(w.settings().FailoverTimeout)):
		m.unpause(w)
		m.giveUp(w, c, "slave-timeout")
	default:
		w.wake(r.targetSince.Add(w.settings().FailoverTimeout))
		if m.coordinate(w, c) {
			m.tell(w, n)
		}
	}
}

// failure returns why the target n of c is to be given up, empty if it is not. One that is
// gone, or says nothing, is not waited for until it is subjectively down if there is
// another to promote.
func (m *Machine) failure(w *watch, c *Attempt, n *node) string {
	r := w.run
	switch {
	case n == nil:
		return "unknown"
	case n.restarted(r, c):
		return "restarted"
	case n.saysMaster(r) && n.up:
		return ""
	case n.sdown.down:
		return "s_down"
	}
	since := later(n.unanswered, r.targetSince)
	other := m.nextBest(w, c)
	switch {
	case other == nil:
	case !n.up && n.fault == FaultRefused:
		return "refused"
	case n.unanswered.IsZero():
	case m.now.Before(since.Add(targetPatience)):
		w.wake(since.Add(targetPatience))
	case other.lastReply.After(since) && m.trusts():
		return "silent"
	}
	return ""
}

// nextBest returns whom to promote if the target of c fails, nil if there is nobody.
func (m *Machine) nextBest(w *watch, c *Attempt) *node {
	next := *c
	next.Lost = append(slices.Clone(c.Lost), c.Target)
	return m.best(w, &next)
}

// restarted reports whether the target is another process than the one selected.
func (n *node) restarted(r *run, c *Attempt) bool {
	return c.TargetID != "" && n.runID != c.TargetID && !n.infoAsked.Before(r.targetSince)
}

// saysMaster reports whether the target said it is a master after it was selected.
func (n *node) saysMaster(r *run) bool {
	return n.info.Role == RoleMaster && !n.infoAsked.Before(r.targetSince)
}

// promotionSeen proposes the switch: from its commit on everyone answers the target.
func (m *Machine) promotionSeen(w *watch, c *Attempt, n *node) {
	if !w.run.promoted {
		w.run.promoted = true
		m.waitsForPromotion(w, n) // a master that hands over promotes it before we tell it to
		m.onSlave(Warning, "+promoted-slave", w, n.id.Addr)
	}
	m.propose(w, Switch{Stand: c.Stand(w.name), Loss: w.loss(c)})
}

// tell sends the promotion if it is allowed and was not sent on this connection. A
// resumed failover looks first: the target may be a master already, with clients. So
// does a new connection: behind it may be another process.
func (m *Machine) tell(w *watch, n *node) {
	r := w.run
	if r.promoteSeq != 0 || !n.up {
		return
	}
	if m.now.Before(r.promoteDue) {
		w.wake(r.promoteDue)
		return
	}
	since := n.changed
	if r.resumed {
		since = later(since, r.targetSince)
	}
	if n.infoAsked.Before(since) {
		if n.lastAsk.Before(since) {
			m.askInfo(w, n)
		}
		return
	}
	if !m.leased(w) {
		return // Renewed will come
	}
	r.promoteSeq = m.send(n, PurposePromote, false, m.obey(w, Addr{})...)
	m.askInfo(w, n)
	m.waitsForPromotion(w, n)
}

// waitsForPromotion publishes once that the target is about to become a master.
func (m *Machine) waitsForPromotion(w *watch, n *node) {
	if !w.run.told {
		w.run.told = true
		m.onSlave(Notice, "+failover-state-wait-promotion", w, n.id.Addr)
	}
}

// promotionAnswered takes in the target's answer. One that cannot obey now is asked
// again, one that will not is given up.
func (m *Machine) promotionAnswered(w *watch, err string) {
	c := w.undecided()
	if err == "" || c == nil || c.Target != w.run.target {
		return
	}
	if transient(err) {
		w.run.promoteSeq = 0
		w.run.promoteDue = m.now.Add(retryPeriod)
		return
	}
	m.unpause(w)
	m.propose(w, TargetFailed{Stand: c.Stand(w.name), Why: err})
}

// transient reports whether an error reply will go away by itself.
func transient(err string) bool {
	word, _, _ := strings.Cut(err, " ")
	return err == ErrLinkDown || word == "LOADING" || word == "BUSY" || word == "MASTERDOWN" || word == "TRYAGAIN"
}

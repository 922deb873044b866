package failover

import (
	"strconv"
	"strings"
	"time"
)

// An automatic failover of a master that is objectively down may be held back: by an
// operator (Pause), by failover-min-interval, or by the veto of the pre-failover
// script. Each is recorded once per outage.

const (
	vetoPause  = 10 * time.Second // between a veto and the next question
	checkValid = 5 * time.Second  // how long the script's consent is good for
	checkLimit = 10 * time.Second // then an answer is not waited for any longer
	scriptHead = 2 * time.Second  // by how much the leader asks before the others
)

// check is the state of the pre-failover script.
type check struct {
	token   uint64    // of the question under way, 0: none
	asked   time.Time // when it left
	allowed time.Time // when the script last consented
	due     time.Time // it is not asked (again) before
	veto    string    // its last word, if that was no
}

// mayStart reports whether an automatic failover of w may be claimed now.
func (m *Machine) mayStart(w *watch) bool {
	if why, until := m.hold(w); why != "" {
		if !until.IsZero() {
			w.wake(until)
		}
		m.recordRefusal(w, why)
		return false
	}
	return m.scriptConsents(w)
}

// hold returns why no automatic failover of w is to be started now, empty if nothing
// keeps it back, and until when; zero if that is not known.
func (m *Machine) hold(w *watch) (why string, until time.Time) {
	if p := w.agreed.Paused; p.inForce(m.wall(m.now)) {
		return "paused", m.onOurClock(p.Until)
	}
	if m.tooSoon(w) {
		return "failover-min-interval", m.onOurClock(w.agreed.SwitchedAt.Add(w.settings().FailoverMinInterval))
	}
	if w.check.veto != "" && m.now.Before(w.check.due) {
		return vetoed + w.check.veto, w.check.due
	}
	return "", time.Time{}
}

const vetoed = "pre-failover-script: "

// onOurClock is when the wall clock will show an agreed time, unless it is set meanwhile.
func (m *Machine) onOurClock(t time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	return m.now.Add(t.Sub(m.wall(m.now)))
}

// tooSoon reports whether failover-min-interval keeps the next failover back. A switch
// that is further ahead than that was stamped by a clock that was wrong, or ours is: it
// does not keep a dead master in place.
func (m *Machine) tooSoon(w *watch) bool {
	last, least := w.agreed.SwitchedAt, w.settings().FailoverMinInterval
	since := m.wall(m.now).Sub(last)
	return !last.IsZero() && since < least && since > -least
}

// recordRefusal puts it into the log, once per outage and reason, through the leader.
func (m *Machine) recordRefusal(w *watch, why string) {
	if w.refused == why || !m.leads() && !strings.HasPrefix(why, vetoed) {
		return
	}
	m.propose(w, m.refusal(w, &Attempt{}, why))
}

// refusal is the record of a failover that c would have been.
func (m *Machine) refusal(w *watch, c *Attempt, why string) Refuse {
	c.Evidence = m.evidence(w)
	return Refuse{Name: w.name, Addr: w.agreed.Addr, Manual: c.Manual, Why: why, Evidence: c.Evidence, Candidates: m.candidates(w, c)}
}

// refused follows a recorded refusal. A veto counts for all sentinels.
func (m *Machine) refused(w *watch, b *Refuse) {
	if b.Manual {
		return
	}
	w.refused = b.Why
	m.onMaster(Warning, "-failover-refused", w, "#"+b.Why)
	if text, ok := strings.CutPrefix(b.Why, vetoed); ok {
		w.check.veto, w.check.due = text, m.now.Add(vetoPause)
		w.check.allowed = time.Time{}
		if !m.leads() {
			w.check.due = w.check.due.Add(scriptHead)
		}
	}
}

// scriptConsents reports whether the pre-failover script, if there is one, has allowed
// the failover; it is asked if that is not known.
func (m *Machine) scriptConsents(w *watch) bool {
	path, c := w.settings().PreFailoverScript, &w.check
	if path == "" || !c.allowed.IsZero() && m.now.Sub(c.allowed) < checkValid {
		return true
	}
	if c.token != 0 {
		if due := c.asked.Add(checkLimit); m.now.Before(due) {
			w.wake(due)
			return false
		}
	}
	if m.now.Before(c.due) {
		w.wake(c.due)
		return false
	}
	m.seq++
	c.token, c.asked = m.seq, m.now
	addr := m.Shown(w.agreed.Addr)
	m.do(RunCheck{Token: c.token, Master: w.name, Path: path, Args: []string{
		w.name, addr.Host, strconv.Itoa(addr.Port), strconv.FormatUint(w.agreed.ConfigEpoch, 10),
		string(m.trouble(w, w.master)),
	}})
	w.wake(m.now.Add(checkLimit))
	return false
}

// checkDone takes in the script's answer. A veto is recorded, and holds everywhere
// once it is.
func (m *Machine) checkDone(ev CheckDone) {
	for _, w := range m.watches {
		if w.check.token != ev.Token {
			continue
		}
		w.check.token = 0
		if ev.Allowed {
			w.check.allowed, w.check.veto = m.now, ""
		} else {
			w.check.veto, w.check.due, w.refused = ev.Text, m.now.Add(vetoPause), ""
		}
		m.review(w)
		return
	}
}

// followPause announces that automatic failovers are stopped, or go on.
func (m *Machine) followPause(w *watch, old *Master) {
	was, is := old.Paused, w.agreed.Paused
	switch {
	case is != nil && (was == nil || *was != *is):
		until := "resume"
		if !is.Until.IsZero() {
			until = is.Until.UTC().Format(time.RFC3339)
		}
		w.refused, w.paused = "", true
		m.onMaster(Warning, "+failover-paused", w, "until", until)
	case is == nil:
		m.endPause(w)
	}
}

func (m *Machine) endPause(w *watch) {
	if w.paused {
		w.paused = false
		m.onMaster(Warning, "-failover-paused", w)
	}
}

// noticeExpiry announces that a pause is over without a word from anybody.
func (m *Machine) noticeExpiry(w *watch) {
	if !w.paused {
		return
	}
	p := w.agreed.Paused
	if !p.inForce(m.wall(m.now)) {
		m.endPause(w)
		return
	}
	if !p.Until.IsZero() {
		w.wake(m.onOurClock(p.Until))
	}
}

// knows reports whether addr is a known replica of w.
func (m *Machine) knows(w *watch, addr Addr) bool {
	for _, n := range w.nodes {
		if n.isReplica() && m.same(n.id.Addr, addr) {
			return true
		}
	}
	return false
}

// loss estimates the bytes that the switch to c's target loses: none if the old master
// stopped its writes first.
func (w *watch) loss(c *Attempt) int64 {
	if s := w.run.coord.step; c.Manual && (s == coordHanding || s == coordCaughtUp) {
		return 0
	}
	return c.Evidence.lossOf(c.Candidates, c.Target)
}

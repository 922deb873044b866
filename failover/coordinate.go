package failover

import (
	"strconv"
	"strings"
	"time"
)

// A manual failover of a live master must not lose an acknowledged write. There are two
// ways, and if the node allows neither, Redis's plain failover with a warning:
//
//   - FAILOVER TO: the node pauses its writes, waits for the target and hands over;
//   - CLIENT PAUSE … WRITE, until INFO of the target shows the offset the master
//     stopped at.
//
// A vedette hands over within milliseconds and is asked to first. Redis sends no GETACK
// while clients are paused, so its FAILOVER waits for the periodic ACK of the target,
// up to a second with writes blocked; there we pause, and hand over if we must not.
// For a failover that was asked for as COORDINATED there is no such third way.
//
// If the master is subjectively down there is nothing to coordinate, nor if it follows
// another than the target: an earlier claimant had it hand over to a target that was
// abandoned since.

// pauseTime bounds how long writes wait for a target to catch up.
const pauseTime = 5 * time.Second

// coordStep is how far the coordination with the live master is.
type coordStep int

const (
	coordNone     coordStep = iota
	coordAsked              // FAILOVER TO was sent
	coordHanding            // and accepted: the target will be a master by itself
	coordPausing            // CLIENT PAUSE was sent
	coordCatching           // writes are paused, the target is catching up
	coordCaughtUp           // the target may be promoted
	coordPlain              // nothing could be coordinated
)

// coordination is the state of a coordinated failover.
type coordination struct {
	step   coordStep
	seq    uint64    // Send without reply; 0: none
	began  time.Time // when the first command left
	due    time.Time // the next command is not sent before
	paused time.Time // when writes were last paused by us, zero: not
	since  time.Time // when step began
	offset int64     // coordCatching: what the target has to reach, -1: not known yet

	noHandOver bool   // the node refused FAILOVER
	noPause    bool   // the node refused CLIENT PAUSE
	refusal    string // its last refusal
}

// again has the last command sent once more, a little later.
func (o *coordination) again(now time.Time) {
	o.due = now.Add(retryPeriod)
	switch o.step {
	case coordAsked:
		o.enter(coordNone, now)
	case coordPausing:
		o.enter(coordNone, now)
	}
}

// lost gives up waiting for a reply of the master: a hand-over may have begun, a pause
// is asked for again.
func (o *coordination) lost(now time.Time) {
	o.seq = 0
	switch o.step {
	case coordAsked:
		o.enter(coordHanding, now)
	case coordPausing:
		o.enter(coordNone, now)
	}
}

// coordinate takes the coordination with the master one step further, and reports
// whether the target may be told to become a master.
func (m *Machine) coordinate(w *watch, c *Attempt) bool {
	o := &w.run.coord
	if c.Coordinated && w.master.sdown.down && !w.run.told {
		return m.refuseToForce(w, c)
	}
	if !c.Manual || w.master.sdown.down || m.handedOverElsewhere(w, c) {
		return true
	}
	if !o.began.IsZero() && o.step < coordCaughtUp && m.overdue(w, c, o) {
		return false
	}
	if m.now.Before(o.due) {
		w.wake(o.due)
		return o.step >= coordCaughtUp
	}
	switch o.step {
	case coordNone:
		m.stopWrites(w, c, o)
	case coordHanding:
		m.watchHandOver(w, c, o)
	case coordCatching:
		m.awaitOffset(w, o)
	case coordCaughtUp:
		m.keepPaused(w, o)
	}
	if c.Coordinated && o.step == coordPlain {
		return m.refuseToForce(w, c)
	}
	return o.step >= coordCaughtUp
}

// refuseToForce gives a failover up that the master cannot take part in. It answers
// that the target is not to be promoted.
func (m *Machine) refuseToForce(w *watch, c *Attempt) bool {
	m.unpause(w)
	m.giveUp(w, c, "master-timeout")
	return false
}

// handedOverElsewhere reports whether the master said, since the target was selected,
// that it is a replica of another node. It takes no writes then.
func (m *Machine) handedOverElsewhere(w *watch, c *Attempt) bool {
	n := w.master
	return n.info.Role == RoleSlave && !n.infoAsked.Before(w.run.targetSince) && !m.same(n.info.MasterAddr, c.Target)
}

// overdue gives the failover up when the target does not catch up: the master goes on
// as if nothing had been.
func (m *Machine) overdue(w *watch, c *Attempt, o *coordination) bool {
	due := o.began.Add(w.patienceOf(c))
	if m.now.Before(due) {
		w.wake(due)
		return false
	}
	m.unpause(w)
	why := "slave-timeout"
	if c.Coordinated {
		why = "master-timeout"
	}
	m.giveUp(w, c, why)
	return true
}

// patienceOf is how long the target of c has to catch up.
func (w *watch) patienceOf(c *Attempt) time.Duration {
	if c.Timeout > 0 {
		return min(c.Timeout, w.settings().FailoverTimeout)
	}
	return min(pauseTime, w.settings().FailoverTimeout)
}

// stopWrites begins with the way that costs least and was not refused.
func (m *Machine) stopWrites(w *watch, c *Attempt, o *coordination) {
	if !w.master.up || !m.leased(w) {
		return
	}
	if o.began.IsZero() {
		o.began = m.now
	}
	switch {
	case !o.noHandOver && (w.master.info.Vedette || o.noPause):
		m.askToHandOver(w, c, o)
	case !o.noPause:
		m.pause(w, o, coordPausing)
	default:
		o.enter(coordPlain, m.now)
		m.onMaster(Warning, "-failover-not-coordinated", w, "#"+o.refusal)
	}
}

func (m *Machine) askToHandOver(w *watch, c *Attempt, o *coordination) {
	limit, target := w.patienceOf(c), m.Shown(c.Target)
	o.enter(coordAsked, m.now)
	o.seq = m.send(w.master, PurposeCoordinate, false, []string{
		w.settings().Command("FAILOVER"), "TO", target.Host, strconv.Itoa(target.Port),
		"TIMEOUT", milliseconds(limit),
	})
	if n := w.node(c.Target); n != nil {
		m.askInfo(w, n)
	}
}

// coordinationAnswered takes in the master's answer to the last command.
func (m *Machine) coordinationAnswered(w *watch, err string) {
	o := &w.run.coord
	o.seq = 0
	if err != "" && transient(err) {
		o.again(m.now)
		return
	}
	switch o.step {
	case coordAsked:
		if err == "" || strings.Contains(err, "already in progress") {
			o.enter(coordHanding, m.now)
			return
		}
		o.noHandOver, o.refusal = true, err
		o.enter(coordNone, m.now)
	case coordPausing:
		if err != "" {
			o.paused = time.Time{}
			o.noPause, o.refusal = true, err
			o.enter(coordNone, m.now)
			return
		}
		o.enter(coordCatching, m.now)
		o.offset = -1
		m.askInfo(w, w.master)
	}
}

func milliseconds(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }

func (o *coordination) enter(s coordStep, now time.Time) { o.step, o.since = s, now }

// pause stops writes on the master, or makes a pause last longer.
func (m *Machine) pause(w *watch, o *coordination, next coordStep) {
	if !w.master.up || !m.leased(w) {
		return
	}
	o.enter(next, m.now)
	o.paused = m.now
	o.seq = m.send(w.master, PurposePause, false,
		[]string{w.settings().Command("CLIENT"), "PAUSE", milliseconds(pauseTime), "WRITE"})
}

// watchHandOver notices that the master gave the hand-over up by itself, or is through
// with it.
func (m *Machine) watchHandOver(w *watch, c *Attempt, o *coordination) {
	n := w.master
	if !n.infoAsked.After(o.since) {
		return
	}
	if n.info.Role == RoleMaster && n.info.FailoverState == "no-failover" {
		m.giveUp(w, c, "slave-timeout")
		return
	}
	target := w.node(c.Target)
	if n.info.Role == RoleSlave && target.lastAsk.Before(n.infoAt) {
		m.askInfo(w, target) // the target is a master by now
	}
}

// awaitOffset compares the target with the master's offset after the pause.
func (m *Machine) awaitOffset(w *watch, o *coordination) {
	master, target := w.master, w.node(w.run.target)
	if o.offset < 0 {
		if master.infoAsked.Before(o.since) || master.info.Role != RoleMaster {
			return
		}
		o.offset = master.info.MasterOffset
		m.askInfo(w, target)
	}
	if !target.infoAsked.Before(o.since) && target.info.Offset >= o.offset {
		o.enter(coordCaughtUp, m.now)
	}
}

// keepPaused renews the pause while the target takes its time to become a master.
func (m *Machine) keepPaused(w *watch, o *coordination) {
	due := o.paused.Add(pauseTime / 2)
	if m.now.Before(due) {
		w.wake(due)
		return
	}
	m.pause(w, o, coordCaughtUp)
}

// unpause undoes the coordination with the master before the failover is given up.
func (m *Machine) unpause(w *watch) {
	o := &w.run.coord
	if w.master.up && m.leased(w) {
		s := w.settings()
		if !o.paused.IsZero() {
			m.send(w.master, PurposeUnpause, false, []string{s.Command("CLIENT"), "UNPAUSE"})
		}
		if o.step == coordAsked || o.step == coordHanding {
			m.send(w.master, PurposeAbort, false, []string{s.Command("FAILOVER"), "ABORT"})
		}
	}
	*o = coordination{step: o.step, began: o.began}
	if o.step != coordPlain {
		o.step = coordNone
	}
}

// tidy sees to the old master of a manual failover after the switch: it follows the
// new one, its clients are cut off so that they ask again, and its pause ends.
func (m *Machine) tidy(w *watch, c *Attempt) {
	r := w.run
	if r.tidied || !c.Manual {
		return
	}
	old, s := w.node(c.Old), w.settings()
	if old == nil || !old.up || old.sdown.down || !m.leased(w) {
		return // role repair will do when it is back
	}
	r.tidied = true
	if r.coord.step == coordHanding { // follows by itself
		m.send(old, PurposeKillClients, false,
			[]string{s.Command("MULTI")},
			[]string{s.Command("CONFIG"), "REWRITE"},
			[]string{s.Command("CLIENT"), "KILL", "TYPE", "normal"},
			[]string{s.Command("CLIENT"), "KILL", "TYPE", "pubsub"},
			[]string{s.Command("EXEC")})
		m.send(w.master, PurposeRewrite, false, []string{s.Command("CONFIG"), "REWRITE"})
	} else {
		m.send(old, PurposeReconf, false, m.obey(w, w.agreed.Addr)...)
	}
	if !r.coord.paused.IsZero() {
		m.send(old, PurposeUnpause, false, []string{s.Command("CLIENT"), "UNPAUSE"})
	}
	m.askInfo(w, old)
}

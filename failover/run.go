package failover

import (
	"strconv"
	"time"
)

// run is what the claimant of a failover keeps while it pursues it. Everything in it
// can be found out again: a takeover or a restart begins with an empty one.
type run struct {
	epoch    uint64
	began    time.Time
	resumed  bool      // not from the claim on: the target may have been told already
	leasedAt time.Time // when the last renewal that was granted left
	renewDue time.Time

	target      Addr // StepSelected: the target the fields below are about
	targetSince time.Time
	promoteSeq  uint64    // Send of the promotion without reply; 0: none
	promoteDue  time.Time // it is not sent (again) before
	told        bool      // it was sent at least once, or the target is a master without it
	promoted    bool      // INFO of the target said master
	coord       coordination

	switchedAt time.Time // StepSwitched: since when, here
	timedOut   bool      // failover-timeout cut the re-pointing short
	tidied     bool      // the old master of a manual failover was seen to
}

// leased reports whether this sentinel may send to data nodes now as a claimant.
func (m *Machine) leased(w *watch) bool {
	return !w.run.leasedAt.IsZero() && m.now.Sub(w.run.leasedAt) < renewValid
}

// begin starts pursuing a claim. leasedAt is when the proposal left that made this
// sentinel the claimant, zero if unknown: the leader that committed it knew then that
// we are alive.
func (m *Machine) begin(w *watch, leasedAt time.Time, resumed bool) {
	c := w.claim()
	w.run = &run{
		epoch: c.Epoch, began: m.now, leasedAt: leasedAt, resumed: resumed, renewDue: m.now,
		switchedAt: m.now,
	}
}

// failOver pursues our failover, or asks for one. One that was ours when the process
// ended is resumed through the log: it leaves a trace in the record, and a lease.
func (m *Machine) failOver(w *watch) {
	switch c := w.claim(); {
	case w.run != nil:
		m.pursue(w, c)
	case c != nil && c.Claimant == m.id:
		m.propose(w, Takeover{Stand: c.Stand(w.name), To: m.id})
	}
	if w.undecided() == nil {
		m.claimIfDue(w)
	}
}

func (m *Machine) pursue(w *watch, c *Attempt) {
	m.renew(w)
	if m.passOn(w, c) {
		return
	}
	switch c.Step {
	case StepClaimed:
		m.chooseTarget(w, c)
	case StepSelected:
		m.promote(w, c)
	case StepSwitched:
		m.reconfigure(w, c)
	}
}

// renew keeps the leader from giving the failover to another.
func (m *Machine) renew(w *watch) {
	r := w.run
	if m.quorum.Leader == "" {
		return
	}
	if !m.now.Before(r.renewDue) {
		r.renewDue = m.now.Add(renewPeriod)
		m.do(Renew{To: m.quorum.Leader, Master: w.name, Epoch: r.epoch})
	}
	w.wake(r.renewDue)
}

func (m *Machine) renewed(ev Renewed) {
	w := m.watch(ev.Master)
	if w == nil || w.run == nil || w.run.epoch != ev.Epoch || !ev.OK {
		return
	}
	w.run.leasedAt = later(w.run.leasedAt, ev.Sent)
	m.review(w)
}

// renewRequest answers a claimant: go on if this sentinel leads and the log says so.
func (m *Machine) renewRequest(ev RenewRequest) {
	w := m.watch(ev.Master)
	ok := w != nil && m.leads() && w.claim() != nil &&
		w.claim().Claimant == ev.From && w.claim().Epoch == ev.Epoch
	if ok {
		w.renewedAt = m.now
		m.review(w)
	}
	m.do(AnswerRenew{Token: ev.Token, OK: ok})
}

// pollPeriod returns how often the claimant asks n for INFO, 0 for as usual.
func (m *Machine) pollPeriod(w *watch, n *node) time.Duration {
	c := w.claim()
	switch {
	case c.Step == StepSelected && c.Manual && (n.id.Addr == c.Target || n == w.master):
		return coordinatedPoll
	case c.Step == StepSelected && n.id.Addr == c.Target:
		return promotionPoll
	case c.Step == StepSwitched && (n.reconf == reconfSent || n.reconf == reconfInprog):
		return reconfPoll
	}
	return 0
}

// Sends.

// send emits a Send and returns its number.
func (m *Machine) send(n *node, p Purpose, verify bool, commands ...[]string) uint64 {
	m.seq++
	m.do(Send{Node: n.id, Seq: m.seq, Purpose: p, Commands: commands, Verify: verify})
	return m.seq
}

// obey returns the transaction that gives a node its role: a replica of addr, or a
// master if addr is zero. Clients are cut off so that they ask again where to go.
func (m *Machine) obey(w *watch, addr Addr) [][]string {
	addr = m.Shown(addr)
	s := w.settings()
	host, port := addr.Host, strconv.Itoa(addr.Port)
	if addr.IsZero() {
		host, port = "NO", "ONE"
	}
	return [][]string{
		{s.Command("MULTI")},
		{s.Command("SLAVEOF"), host, port},
		{s.Command("CONFIG"), "REWRITE"},
		{s.Command("CLIENT"), "KILL", "TYPE", "normal"},
		{s.Command("CLIENT"), "KILL", "TYPE", "pubsub"},
		{s.Command("EXEC")},
	}
}

// sendReply routes the outcome of a Send to whoever waits for it.
func (m *Machine) sendReply(ev SendReply) {
	w, n := m.dataNode(ev.Node)
	if n == nil {
		return
	}
	if n.repairSeq != 0 && n.repairSeq == ev.Seq {
		m.repaired(w, n, ev.Err)
	}
	if r := w.run; r != nil {
		switch ev.Seq {
		case r.promoteSeq:
			m.promotionAnswered(w, ev.Err)
		case r.coord.seq:
			m.coordinationAnswered(w, ev.Err)
		}
	}
	m.review(w)
}

// forgetSends gives up waiting for replies of a connection that is gone.
func (m *Machine) forgetSends(w *watch, n *node) {
	n.repairSeq = 0
	r := w.run
	if r == nil {
		return
	}
	if n.id.Addr == r.target {
		r.promoteSeq = 0
	}
	if n == w.master {
		r.coord.lost(m.now)
	}
}

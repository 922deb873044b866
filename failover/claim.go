package failover

import (
	"slices"
	"strconv"
	"time"
)

// retryDelayLeast is the pause after a first failover that came to nothing; each
// further one doubles it, up to Redis's two failover-timeouts.
const retryDelayLeast = time.Second

func retryDelay(failed int, s *Settings) time.Duration {
	most := 2 * s.FailoverTimeout
	if failed < 1 || failed > 30 {
		return most
	}
	return min(retryDelayLeast<<(failed-1), most)
}

// claimIfDue asks for the right to fail over a master that is objectively down.
func (m *Machine) claimIfDue(w *watch) {
	if !w.odown || !m.state.Formed() || m.abstains(w) || !m.outnumbers(w) ||
		!slices.Contains(m.quorum.Voters, m.id) {
		w.wantSince = time.Time{}
		return
	}
	if w.lacked && m.best(w, nil) != nil {
		w.lacked = false
		w.notBefore = earlier(w.notBefore, w.settledAt.Add(retryDelayLeast))
	}
	due := later(later(w.notBefore, m.distrustUntil), m.turn(w))
	if m.now.Before(due) {
		w.wake(due)
		return
	}
	if !m.mayStart(w) {
		w.wantSince = time.Time{}
		return
	}
	if w.wantSince.IsZero() {
		w.wantSince = m.now
	}
	m.complainIfNotElected(w)
	m.propose(w, Claim{
		Name: w.name, Addr: w.agreed.Addr, ConfigEpoch: w.agreed.ConfigEpoch, Claimant: m.id,
		Evidence: m.evidence(w),
	})
}

// turn returns when it is this sentinel's turn to claim: the leader's at once if its
// own links are good, since for it a claim is one round trip; the others' a moment
// later; that of one that sees every node of the set down when nobody else has claimed.
func (m *Machine) turn(w *watch) time.Time {
	since := later(w.odownSince, w.notBefore)
	if m.leads() && w.linked() {
		return since
	}
	if w.blind() || w.deaf() {
		since = since.Add(blindDelay)
	}
	if w.settings().PreFailoverScript != "" {
		since = since.Add(scriptHead) // the script is asked once, unless the leader cannot
	}
	return later(since, m.leaderSince).Add(m.rank() * followerDelay)
}

// linked reports whether some replica can be reached, or none is known: its link is up
// and it has answered since the master fell silent.
func (w *watch) linked() bool {
	replicas := 0
	for _, n := range w.nodes {
		if !n.isReplica() {
			continue
		}
		if n.up && !n.sdown.down && !n.lastValid.Before(w.master.unanswered) {
			return true
		}
		replicas++
	}
	return replicas == 0
}

// deaf reports whether it seems that some replica can be reached, and none has answered
// since the master fell silent: it is too early to call them down, and they may well be
// cut off from here together with the master.
func (w *watch) deaf() bool {
	return !w.linked() && slices.ContainsFunc(w.nodes, func(n *node) bool {
		return n.isReplica() && n.up && !n.sdown.down
	})
}

// blind reports whether every node of the set is down, seen from here.
func (w *watch) blind() bool {
	for _, n := range w.nodes {
		if !n.probe && !n.sdown.down {
			return false
		}
	}
	return true
}

// complainIfNotElected says so when claiming leads to nothing, since there is no
// leader or no majority.
func (m *Machine) complainIfNotElected(w *watch) {
	limit := min(m.timers.ElectionTimeout, w.settings().FailoverTimeout)
	due := later(w.wantSince.Add(limit), w.complainDue)
	if m.now.Before(due) {
		w.wake(due)
		return
	}
	w.complainDue = m.now.Add(2 * w.settings().FailoverTimeout)
	m.onMaster(Warning, "-failover-abort-not-elected", w)
}

// leadClaims takes over the failover of a claimant that has fallen silent.
func (m *Machine) leadClaims(w *watch) {
	c := w.claim()
	if c == nil || c.Claimant == m.id || !m.leads() {
		return
	}
	due := m.takeoverDue(w, c)
	if m.now.Before(due) || !m.trusts() {
		w.wake(later(due, m.now.Add(pingLeast)))
		return
	}
	m.propose(w, Takeover{Stand: c.Stand(w.name), To: m.successor(w, c)})
}

// successor returns who should go on with the failover c in the place of its claimant:
// this sentinel if it reaches the set, else the voter that comes next by id and seems to
// live.
func (m *Machine) successor(w *watch, c *Attempt) string {
	if !w.blind() {
		return m.id
	}
	voters := m.quorum.Voters
	i, _ := slices.BinarySearch(voters, m.id)
	for k := range voters {
		id := voters[(i+1+k)%len(voters)]
		if s := w.sight(id); id != c.Claimant && s != nil && s.peer.up && !s.sdown.down {
			return id
		}
	}
	return m.id
}

// passOn gives our failover to another sentinel if this one has lost the whole set from
// its sight, and reports whether it did. If nobody sees it the last one finds no replica
// to promote.
func (m *Machine) passOn(w *watch, c *Attempt) bool {
	if !w.blind() || c.Takeovers >= len(m.quorum.Voters) {
		return false
	}
	next := m.successor(w, c)
	return next != m.id && m.propose(w, Takeover{Stand: c.Stand(w.name), To: next})
}

// takeoverDue returns when the claimant of c has been silent for too long. It sends
// nothing any more renewValid after the last renewal that was granted, by us or by a
// leader before us.
func (m *Machine) takeoverDue(w *watch, c *Attempt) time.Time {
	heard := later(w.claimSeen, w.renewedAt)
	due := heard.Add(renewSilence)
	if !m.leaderSince.Before(heard) {
		due = m.leaderSince.Add(newLeaderWait)
	}
	p := m.peer(c.Claimant)
	if p != nil && !p.up && p.everUp && p.fault == FaultRefused { // its process is gone
		due = earlier(due, later(w.renewedAt, p.changed).Add(deadClaimant))
	}
	return due
}

// failoverRequest is SENTINEL FAILOVER: a claim at once, answered when it is decided. What
// is refused is recorded, too.
func (m *Machine) failoverRequest(ev FailoverRequest) {
	w := m.watch(ev.Master)
	if w == nil {
		m.do(Answer{Token: ev.Token, Err: "ERR No such master with that name"})
		return
	}
	if !m.state.Formed() || m.quorum.Leader == "" || !m.outnumbers(w) {
		m.do(Answer{Token: ev.Token, Err: noQuorum})
		return
	}
	refusal := m.refuses(w, &ev)
	if refusal == "" && !m.propose(w, Claim{Name: w.name, Addr: w.agreed.Addr, ConfigEpoch: w.agreed.ConfigEpoch,
		Claimant: m.id, Manual: true, Coordinated: ev.Coordinated, Wanted: ev.Wanted, Evidence: m.evidence(w)}) {
		refusal = inProgress
	}
	if refusal != "" {
		m.do(Propose{Command: m.command(m.refusal(w, &Attempt{Manual: true, Wanted: ev.Wanted}, refusal))})
		m.do(Answer{Token: ev.Token, Err: refusal})
		return
	}
	w.token, w.waiting = ev.Token, true
}

// refuses returns why a failover that was asked for is not started, empty if it may be.
func (m *Machine) refuses(w *watch, ev *FailoverRequest) string {
	switch {
	case w.claim() != nil || w.waiting:
		return inProgress
	case !ev.To.IsZero() && !m.knows(w, ev.To):
		return "ERR No such replica: " + ev.To.String()
	case m.best(w, &Attempt{Wanted: ev.Wanted}) == nil:
		return "NOGOODSLAVE " + m.unsuitable(w, ev)
	case ev.Coordinated && w.master.info.FailoverState == "":
		return "NOGOODPRIMARY Primary does not support FAILOVER command"
	case !ev.Force && m.tooSoon(w):
		return "TOOSOON The last failover was less than failover-min-interval ago; FORCE overrides this"
	}
	return ""
}

// unsuitable says that there is nobody to promote, and why the one asked for is not.
func (m *Machine) unsuitable(w *watch, ev *FailoverRequest) string {
	for _, n := range w.nodes {
		if !ev.To.IsZero() && m.same(n.id.Addr, ev.To) {
			return ev.To.String() + " cannot be promoted: " + m.excluded(w, n, &Attempt{Wanted: ev.Wanted})
		}
	}
	return "No suitable replica to promote"
}

const inProgress = "INPROG Failover already in progress"

const noQuorum = "NOQUORUM No quorum of sentinels can be reached to decide the failover"

// answerRequest answers the FailoverRequest that waits for the proposal id.
func (m *Machine) answerRequest(w *watch, err string) {
	if w.waiting {
		w.waiting = false
		m.do(Answer{Token: w.token, Err: err})
	}
}

// Proposals.

// propose puts the next step of w into the log. There is one at a time; propose
// reports whether it left.
func (m *Machine) propose(w *watch, b Body) bool {
	if w.proposal.id != "" {
		if due := w.proposal.at.Add(proposalPatient); m.now.Before(due) {
			w.wake(due)
			return false
		}
	}
	if m.now.Before(w.proposal.retry) {
		w.wake(w.proposal.retry)
		return false
	}
	if m.quorum.Leader == "" {
		return false // a Quorum event will come
	}
	c := m.command(b)
	_, claim := b.(Claim)
	w.proposal = proposal{id: c.ID, at: m.now, claim: claim}
	w.wake(m.now.Add(proposalPatient))
	m.do(Propose{Command: c})
	return true
}

// command wraps b with an id no other proposal has.
func (m *Machine) command(b Body) Command {
	m.seq++
	id := m.id + "-" + m.boot + "-" + strconv.FormatUint(m.seq, 10)
	return Command{ID: id, From: m.id, At: m.now, Body: b}
}

func (m *Machine) proposalFailed(ev ProposalFailed) {
	m.learned(ev.ID)
	for _, w := range m.watches {
		if w.proposal.id != ev.ID {
			continue
		}
		w.proposal = proposal{retry: m.now.Add(retryPeriod)}
		m.answerRequest(w, noQuorum)
		m.review(w)
		return
	}
}

// settle notes the outcome of a proposal of ours.
func (m *Machine) settle(w *watch, id string, r Result) {
	if w == nil || id == "" || w.proposal.id != id {
		return
	}
	claim := w.proposal.claim
	w.proposal = proposal{}
	if !r.OK() {
		w.proposal.retry = m.now.Add(retryPeriod)
	}
	if !claim {
		return
	}
	w.wantSince = time.Time{}
	if r.OK() {
		m.answerRequest(w, "")
		return
	}
	m.answerRequest(w, inProgress)
}

// settleCaughtUp settles the proposals whose entries were in what was caught up with:
// no commit of theirs follows.
func (m *Machine) settleCaughtUp() {
	for _, w := range m.watches {
		if r, ok := m.log.answered(w.proposal.id); ok {
			m.settle(w, w.proposal.id, r)
		}
	}
	if _, ok := m.log.answered(m.learning.id); ok {
		m.learned(m.learning.id)
	}
}

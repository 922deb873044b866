package failover

import "time"

// watch is one monitored master with its set: what this sentinel knows of it.
type watch struct {
	name   string
	agreed Master // own copy of the state in force

	nodes  []*node // data nodes in the order they became known, probes included
	master *node   // the one at agreed.Addr
	sights []*sight
	next   time.Time // when review is due; changed by agenda.move and wake
	agenda *agenda   // it is in; nil: it is watched no more
	place  int       // in the agenda

	changedAt time.Time // when the master's address was last seen to change
	settledAt time.Time // when a failover last ended
	reached   bool      // some node of the set has answered since the start

	odown      bool
	odownSince time.Time
	reportDue  time.Time // while the master is down
	reported   bool      // peers were told it is down

	notBefore time.Time // no claim of ours before: back-off after an abort
	lacked    bool      // that abort was for want of a replica; one may be back
	claimSeen time.Time // when the claim, its claimant or its step last changed here
	renewedAt time.Time // leader: the claimant's last renewal
	voted     string    // claimant of the last claim seen
	votedIn   uint64    // its epoch

	paused  bool     // the pause of agreed is announced
	lineage []string // ids of the histories the master was seen to have, oldest first
	refused string   // why the last failover was not started, as recorded; of this odown
	check   check    // of the pre-failover script

	wantSince   time.Time // since when we try to claim in vain
	complainDue time.Time // no -failover-abort-not-elected before

	proposal proposal // the one outstanding step of this master
	run      *run     // claimant: the running failover
	token    uint64   // FailoverRequest waiting for its claim
	waiting  bool     // token is valid
}

// proposal is a Propose without outcome so far.
type proposal struct {
	id    string // empty: none
	at    time.Time
	claim bool      // it is a Claim: somebody may wait for the outcome
	retry time.Time // nothing is proposed before
}

func (w *watch) settings() *Settings { return &w.agreed.Settings }

// alias reports whether n is the master under another address: one sentinel knows it by
// its host name, another by its IP address. It must not be told to follow itself.
func (w *watch) alias(n *node) bool {
	return n != w.master && n.runID != "" && n.runID == w.master.runID
}

func (w *watch) node(addr Addr) *node {
	for _, n := range w.nodes {
		if n.id.Addr == addr {
			return n
		}
	}
	return nil
}

func (w *watch) sight(id string) *sight {
	for _, s := range w.sights {
		if s.peer.id == id {
			return s
		}
	}
	return nil
}

// wake makes sure review is called at t at the latest.
func (w *watch) wake(t time.Time) {
	if w.agenda != nil && t.Before(w.next) {
		w.agenda.move(w, t)
	}
}

// claim returns the live claim, nil if there is none.
func (w *watch) claim() *Attempt { return w.agreed.Claim }

// undecided returns the live claim while it may still be aborted.
func (w *watch) undecided() *Attempt {
	if c := w.agreed.Claim; c != nil && c.Step != StepSwitched {
		return c
	}
	return nil
}

// health is how a link and the instance behind it are doing.
type health struct {
	up      bool
	everUp  bool
	pubsub  bool      // the Pub/Sub link of a data node is up
	changed time.Time // when up last changed
	fault   Fault     // of the last loss or dial, while down
	unnamed bool      // likewise: its host name did not resolve, or not any more

	// unanswered is since when the instance owes us a valid answer to a ping: when
	// the oldest was sent, or the link was lost. Zero: it owes nothing. A reconnect
	// does not reset it.
	unanswered time.Time
	inFlight   bool // a ping is unanswered on this connection
	lastPing   time.Time
	lastValid  time.Time // last valid answer, or when we first met
	lastReply  time.Time // last answer of any kind, likewise
	lastClass  Reply     // of the last answer to PING
	denied     bool      // the last we heard was about credentials, permissions or names

	reopenGap time.Duration // before a silent connection is given up; grows
	helloDue  time.Time
}

// verdict is whether something is subjectively down.
type verdict struct {
	down  bool
	since time.Time
}

// reconf is how far a replica is with following the new master.
type reconf int

const (
	reconfNone reconf = iota
	reconfSent
	reconfInprog
	reconfDone
)

// node is a data node.
type node struct {
	health
	id    Node
	role  Role // what it ought to be
	probe bool // not known to belong to the set, see redirect
	sdown verdict

	runID       string
	troubled    Trouble // as last announced
	emptied     bool    // a master that restarted without the data it had
	had         int64   // how many keys that was
	inSync      bool    // a replica that was seen in sync with the master as it is agreed now
	info        Info
	infoClass   Reply       // of the last answer to INFO that was none; ReplyOther otherwise
	infoAt      time.Time   // when info came; zero: never
	infoAsked   time.Time   // when it was asked for
	asks        []time.Time // when the INFOs left that have no answer, oldest first
	lastAsk     time.Time
	relayed     int       // hellos left to the master since the last of its own
	learnDue    time.Time // no LearnReplica about it before
	newsAt      time.Time // when it became known here, or its run id or role last changed
	reported    Role      // role in info, or the configured one before
	reportedAt  time.Time // since when
	followsAt   time.Time // since when info.MasterAddr is what it is
	rebooted    bool
	rebootedAt  time.Time
	killed      bool // SCRIPT KILL was sent
	reconf      reconf
	reconfAt    time.Time
	repairSeq   uint64 // Send of the last repair without reply
	repairEvent string
	repairDue   time.Time // no repair before
}

// peer is another sentinel.
type peer struct {
	health
	id      string
	addr    Addr
	foreign bool
	voter   bool
	stated  bool      // a Peer event named it
	masters []string  // names it was said to watch, see Peer; hello adds sights directly
	next    time.Time // when reviewPeer is due
	greeted int       // hellos sent: the masters take turns

	reaches   int       // how many data nodes it says it reaches
	reachesAt time.Time // when it said so
	pingFrom  time.Time // a tick that comes by from here on takes its ping along
}

// sight is a peer as seen in the context of one master.
type sight struct {
	peer      *peer
	sdown     verdict
	lastHello time.Time

	saysDown bool // its last report
	saidAt   time.Time
	saidOf   Addr
	saidIn   uint64
	askDue   time.Time // foreign: next AskMasterDown
}

func newHealth(now time.Time) health {
	return health{changed: now, unanswered: now, lastValid: now, lastReply: now, fault: FaultLost}
}

// silence returns since when h has to be counted as silent, and for how long that is
// tolerated. The zero time means it is not silent.
func (h *health) silence(s *Settings) (since time.Time, tolerated time.Duration) {
	if !h.up && h.fault == FaultRefused {
		return h.unanswered, s.CrashAfter()
	}
	return h.unanswered, s.DownAfter
}

// cadence is how often a master is pinged.
func (m *Machine) cadence(s *Settings) time.Duration {
	return max(pingLeast, min(m.timers.PingPeriod, s.DownAfter/10))
}

// pace is how often a data node is pinged. Nobody waits for news of a replica while the
// master is well.
func (m *Machine) pace(w *watch, n *node) time.Duration {
	if n == w.master || !w.calm() {
		return m.cadence(w.settings())
	}
	return m.leisure(w.settings())
}

// leisure is how often those are pinged whose silence nothing hangs on: sentinels, too.
func (m *Machine) leisure(s *Settings) time.Duration {
	return max(m.cadence(s), min(m.timers.PingPeriod, s.DownAfter/calmPings))
}

// calm reports whether the master is well and no failover runs.
func (w *watch) calm() bool {
	n := w.master
	return n.up && n.troubled == TroubleNone && !n.sdown.down && w.claim() == nil
}

// redial is how often a down link is dialled again.
func (m *Machine) redial(s *Settings) time.Duration {
	return max(pingLeast, min(m.cadence(s), s.CrashAfter()/4, dialEvery))
}

// isReplica reports whether n is a known replica of its set.
func (n *node) isReplica() bool { return n.role == RoleSlave && !n.probe }

package failover

import (
	"slices"
	"strings"
	"time"
)

// Timers are the periods SENTINEL DEBUG may change.
type Timers struct {
	InfoPeriod             time.Duration
	PingPeriod             time.Duration
	AskPeriod              time.Duration
	PublishPeriod          time.Duration
	DefaultDownAfter       time.Duration // for the caller: MONITOR
	DefaultFailoverTimeout time.Duration // for the caller: MONITOR
	TiltTrigger            time.Duration
	TiltPeriod             time.Duration
	SlaveReconfTimeout     time.Duration
	MinLinkReconnect       time.Duration
	ElectionTimeout        time.Duration
	ScriptMaxRuntime       time.Duration // for the caller
	ScriptRetryDelay       time.Duration // for the caller
}

// DefaultTimers are Redis's.
func DefaultTimers() Timers {
	return Timers{
		InfoPeriod:             10 * time.Second,
		PingPeriod:             time.Second,
		AskPeriod:              time.Second,
		PublishPeriod:          2 * time.Second,
		DefaultDownAfter:       DefaultDownAfter,
		DefaultFailoverTimeout: DefaultFailoverTimeout,
		TiltTrigger:            2 * time.Second,
		TiltPeriod:             30 * time.Second,
		SlaveReconfTimeout:     10 * time.Second,
		MinLinkReconnect:       15 * time.Second,
		ElectionTimeout:        10 * time.Second,
		ScriptMaxRuntime:       60 * time.Second,
		ScriptRetryDelay:       30 * time.Second,
	}
}

// Times the design fixes; the reasons are in docs/architecture.md.
const (
	pingLeast       = 50 * time.Millisecond  // fastest ping cadence
	calmPings       = 4                      // within down-after, of those it does not depend on
	dialEvery       = 250 * time.Millisecond // slowest redial, so that a returned node is seen
	lateSlack       = 50 * time.Millisecond  // a deadline missed by less is the scheduler's noise
	reportExpiry    = 5                      // ask periods
	renewPeriod     = 200 * time.Millisecond
	renewValid      = 500 * time.Millisecond // a claimant acts only if renewed within
	renewSilence    = time.Second            // then the leader takes over
	newLeaderWait   = 600 * time.Millisecond // likewise, after an election: > renewValid
	deadClaimant    = 200 * time.Millisecond // likewise, if the claimant's port refuses
	followerDelay   = 60 * time.Millisecond  // by how much followers let the leader go first
	blindDelay      = time.Second            // by how much one that sees all nodes down lets the others go first
	retryPeriod     = 100 * time.Millisecond // between proposals that came to nothing
	proposalPatient = 3 * time.Second        // then a proposal without outcome is given up
	freshInfoWait   = 250 * time.Millisecond // for INFO of all replicas before choosing
	targetPatience  = 2 * time.Second        // with a target that says nothing, if there is another
	promotionPoll   = 50 * time.Millisecond
	coordinatedPoll = 5 * time.Millisecond // writes are paused meanwhile
	reconfPoll      = 100 * time.Millisecond
	infoStuck       = time.Second      // an unanswered INFO keeps others back no longer
	repairRetry     = time.Second      // between two SLAVEOF to a node in the wrong role
	saneInfoAge     = 20 * time.Second // of a master that replicas are pointed to
	youngLink       = 10 * time.Second // while a link is young INFO goes out every second
	idleDeadline    = time.Second      // NextDeadline when nothing is due
	peersMax        = 1024             // sentinels known by hello; more are ignored
	relayedHellos   = 5                // periods in which a replica that relays gets one hello of its own
	peerHellosMax   = 64               // hellos to one sentinel at once; data nodes carry all
	namesMax        = 4096             // resolved host names
)

// Config is what a Machine starts from.
type Config struct {
	ID     string // myid, 40 hex digits
	Boot   string // random, new for each start of the process: makes proposal ids unique
	Now    time.Time
	Timers Timers // zero value: DefaultTimers
	// Wall is what the wall clock shows at a time of an Event, for simulations of a clock
	// that is set; nil: that time. It counts only where sentinels' clocks meet: what is
	// agreed holds wall clock times.
	Wall func(time.Time) time.Time
	// Hostnames: host names are shown as they are, not the addresses they stand for.
	Hostnames bool
	Local     *Agreed // the state of an unformed sentinel (its sentinel.conf); nil: empty
}

// Machine is what one sentinel believes. It is not safe for concurrent use.
type Machine struct {
	id, boot string
	timers   Timers
	wall     func(time.Time) time.Time

	now      time.Time // of the event being stepped; never goes back
	expected time.Time // the deadline given out last: being later than this is being late
	settled  bool      // in a Tick: every reply that has arrived was passed on
	out      []Action
	quiet    bool // no events are published: a replay, or the first state
	seq      uint64

	log       *Agreed // what was committed
	local     *Agreed // what an unformed sentinel believes
	adrift    *adrift // of one alone among foreign sentinels; nil: it is not
	state     *Agreed // the one in force
	replaying bool    // log entries from before the start are coming in
	synced    bool    // watches follow state

	watches []*watch // by name
	agenda  agenda   // the same by when they are due
	peers   []*peer  // by id
	names   map[string]string
	asNames bool // host names are shown as they are

	quorum      Quorum
	leaderSince time.Time // when quorum.Leader last changed
	behindSince time.Time // when quorum.Behind began, zero if it is not so
	shownCutOff bool      // that the quorum cannot be reached is announced

	tiltSince     time.Time // zero: no tilt
	distrustUntil time.Time // no node is judged down before
	alertUntil    time.Time // somebody may be judged then: being held up is to be noticed
	sightDue      time.Time // when the nodes that are reached are counted next
	fewerSince    time.Time // leader: since when it reaches fewer than another, see Yield
	yieldDue      time.Time // it does not yield before
	seenEpoch     uint64    // last announced by +new-epoch
	epochProposed uint64
	learning      learning
	dirty         bool // sentinel.conf has changed
}

// New returns a Machine that knows c.Local and nothing else. The caller feeds
// Restored, Committed and ReplayDone of its log, then Peer and Quorum, then whatever
// happens.
func New(c Config) *Machine {
	if c.Timers == (Timers{}) {
		c.Timers = DefaultTimers()
	}
	if c.Wall == nil {
		c.Wall = func(t time.Time) time.Time { return t }
	}
	local := &Agreed{}
	if c.Local != nil {
		local = c.Local.Clone()
	}
	return &Machine{
		id: c.ID, boot: c.Boot, timers: c.Timers, wall: c.Wall, now: c.Now, expected: c.Now.Add(idleDeadline),
		asNames: c.Hostnames, log: &Agreed{}, local: local, state: local, names: map[string]string{},
	}
}

// Step takes one event and returns what is to be done about it, in order. The result
// is the caller's until the next Step.
func (m *Machine) Step(ev Event) []Action {
	m.out = m.out[:0]
	if at := ev.when(); at.After(m.now) {
		m.now = at
	}
	if !m.replaying && !m.synced && !replayed(ev) {
		m.sync(Command{}, true)
	}
	m.noticeLateness()
	m.route(ev)
	m.comeAshore()
	m.proposeLearned()
	if m.dirty {
		m.dirty = false
		m.do(Rewrite{})
	}
	m.expected = later(m.NextDeadline(), m.now)
	return m.out
}

func (m *Machine) route(ev Event) {
	switch ev := ev.(type) {
	case Tick:
		m.settled = true
		m.tick()
		m.settled = false
	case LinkUp:
		m.linkUp(ev)
	case LinkDown:
		m.linkDown(ev)
	case PubSubUp:
		m.pubsub(ev.Node, true)
	case PubSubDown:
		m.pubsub(ev.Node, false)
	case PingReply:
		m.pingReply(ev)
	case InfoReply:
		m.infoReply(ev)
	case InfoFailed:
		m.infoFailed(ev)
	case SendReply:
		m.sendReply(ev)
	case Hello:
		m.hello(ev)
	case Peer:
		m.peerKnown(ev)
	case Forget:
		m.forget(ev.ID)
	case PeerReport:
		m.peerReport(ev)
	case PeerSight:
		m.peerSight(ev)
	case Quorum:
		m.quorumChanged(ev)
	case Committed:
		m.committed(ev)
	case Restored:
		m.restored(ev)
	case ReplayDone:
		m.replayDone()
	case Local:
		m.localCommand(ev)
	case ProposalFailed:
		m.proposalFailed(ev)
	case Renewed:
		m.renewed(ev)
	case RenewRequest:
		m.renewRequest(ev)
	case FailoverRequest:
		m.failoverRequest(ev)
	case CheckDone:
		m.checkDone(ev)
	case Resolved:
		m.resolved(ev)
	case SetHostnames:
		m.asNames = ev.Shown
	case SetTimers:
		m.timers = ev.Timers
		m.reviewAll()
	default:
		panic("failover: unknown event")
	}
}

// replayed reports whether ev belongs to the log as it was at the start.
func replayed(ev Event) bool {
	switch ev := ev.(type) {
	case Committed:
		return ev.Replayed
	case Restored:
		return ev.Replayed
	}
	return false
}

// NextDeadline returns when the next Tick is due at the latest. It is never zero and
// may be in the past.
func (m *Machine) NextDeadline() time.Time {
	next := m.agenda.earliest(m.now.Add(idleDeadline))
	if m.now.Before(m.alertUntil) {
		next = earlier(next, m.now.Add(pingLeast))
	}
	for _, p := range m.peers {
		next = earlier(next, p.next)
	}
	if m.state.Formed() {
		next = earlier(next, m.sightDue.Add(sightPeriod/4)) // mostly there is another tick before
	}
	if !m.tiltSince.IsZero() {
		next = earlier(next, m.tiltSince.Add(m.timers.TiltPeriod))
	}
	return next
}

// Agreed returns the state in force: the log's if formed, else the local one. It is
// not to be changed, and valid until the next Step.
func (m *Machine) Agreed() *Agreed { return m.state }

// Tilt reports whether the machine distrusts itself, and since when.
func (m *Machine) Tilt() (since time.Time, tilt bool) {
	return m.tiltSince, !m.tiltSince.IsZero()
}

// tick reviews whatever is due.
func (m *Machine) tick() {
	if since, tilt := m.Tilt(); tilt && m.now.Sub(since) >= m.timers.TiltPeriod {
		m.tiltSince = time.Time{}
		m.publish(Warning, "-tilt", "#tilt mode exited", nil)
		m.reviewAll()
		return
	}
	for _, p := range m.peers {
		if !p.next.After(m.now) || !p.pingFrom.After(m.now) {
			m.reviewPeer(p)
		}
	}
	for _, w := range m.agenda.due(m.now) {
		m.review(w)
	}
	m.noticeCutOff()
	m.compareSights()
}

func (m *Machine) reviewAll() {
	for _, p := range m.peers {
		m.reviewPeer(p)
	}
	for _, w := range m.watches {
		m.review(w)
	}
}

// review does everything that is due for one master at this moment. It is called
// after each change and at each deadline: what it does follows from the state alone,
// and doing it twice does no more than once.
func (m *Machine) review(w *watch) {
	if w.agenda == nil {
		return // watched no more
	}
	w.agenda.move(w, m.now.Add(idleDeadline))
	for _, n := range w.nodes {
		m.keepInTouch(w, n)
	}
	m.noticeTrouble(w)
	m.noticeExpiry(w)
	m.judge(w)
	if !m.tiltSince.IsZero() {
		return // observe, act on nothing
	}
	m.judgeObjectively(w)
	m.report(w)
	m.leadClaims(w)
	m.failOver(w)
	m.repair(w)
}

// noticeLateness makes a machine that missed its deadline distrust its own silence:
// whatever it did not hear meanwhile may be its own fault.
func (m *Machine) noticeLateness() {
	late := m.now.Sub(m.expected)
	if late < lateSlack {
		return
	}
	m.expected = m.now
	m.distrustUntil = later(m.distrustUntil, m.now.Add(late))
	if late < m.timers.TiltTrigger {
		return
	}
	if m.tiltSince.IsZero() {
		m.publish(Warning, "+tilt", "#tilt mode entered", nil)
	}
	m.tiltSince = m.now
}

// trusts reports whether the machine trusts its own view of silence now.
func (m *Machine) trusts() bool {
	return m.tiltSince.IsZero() && !m.now.Before(m.distrustUntil)
}

// judges reports whether silence may be judged at this moment. If not it returns when to
// try again.
func (m *Machine) judges() (ok bool, again time.Time) {
	switch {
	case !m.trusts():
		return false, later(m.distrustUntil, m.now.Add(pingLeast))
	case !m.settled:
		return false, m.now
	}
	return true, time.Time{}
}

func (m *Machine) do(a Action) { m.out = append(m.out, a) }

func (m *Machine) watch(name string) *watch {
	i, ok := slices.BinarySearchFunc(m.watches, name, func(w *watch, name string) int {
		return strings.Compare(w.name, name)
	})
	if !ok {
		return nil
	}
	return m.watches[i]
}

func (m *Machine) peer(id string) *peer {
	i, ok := m.peerIndex(id)
	if !ok {
		return nil
	}
	return m.peers[i]
}

func (m *Machine) peerIndex(id string) (int, bool) {
	return slices.BinarySearchFunc(m.peers, id, func(p *peer, id string) int {
		return strings.Compare(p.id, id)
	})
}

// dataNode returns the data node and its watch, nil if it is not known (any more).
func (m *Machine) dataNode(id Node) (*watch, *node) {
	w := m.watch(id.Master)
	if w == nil || id.IsSentinel() {
		return nil, nil
	}
	n := w.node(id.Addr)
	if n == nil {
		return nil, nil
	}
	return w, n
}

// resolved remembers what a host name stands for.
func (m *Machine) resolved(ev Resolved) {
	if _, known := m.names[ev.Host]; known || len(m.names) < namesMax {
		m.names[ev.Host] = ev.IP
	}
}

// Shown returns an address as clients and data nodes are told it: with the IP address
// a host name stands for, unless host names are announced or it is not known yet.
func (m *Machine) Shown(a Addr) Addr {
	if ip, ok := m.names[a.Host]; ok && !m.asNames {
		a.Host = ip
	}
	return a
}

// known returns addr as the set of w knows it: a node may go by its host name here and
// by its IP address elsewhere.
func (m *Machine) known(w *watch, addr Addr) Addr {
	for _, n := range w.nodes {
		if m.same(n.id.Addr, addr) {
			return n.id.Addr
		}
	}
	return addr
}

// same reports whether two addresses name one instance: equal, or one the host name
// of the other.
func (m *Machine) same(a, b Addr) bool {
	if a == b {
		return true
	}
	return a.Port == b.Port && !a.IsZero() && m.ip(a.Host) == m.ip(b.Host)
}

func (m *Machine) ip(host string) string {
	if ip, ok := m.names[host]; ok {
		return ip
	}
	return strings.ToLower(host)
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

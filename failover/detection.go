package failover

import (
	"slices"
	"strconv"
	"time"
)

// keepInTouch sends a data node the PING, INFO and hello that are due.
func (m *Machine) keepInTouch(w *watch, n *node) {
	if !n.up {
		return // the caller dials; LinkUp or LinkDown will come
	}
	w.wake(m.ping(&n.health, n.id, w.settings(), m.pace(w, n)))
	m.keepInformed(w, n)
	m.greet(w, n)
}

// ping sends PING if one is due, or gives the connection up if the last one has been
// unanswered for long. It returns when to call it again.
func (m *Machine) ping(h *health, id Node, s *Settings, every time.Duration) time.Time {
	if h.inFlight {
		return m.reopen(h, id, s)
	}
	if due := h.lastPing.Add(every); m.now.Before(due.Add(-m.early(s, every))) {
		return due
	}
	m.do(Ping{Node: id, Command: s.Command("PING"), Patience: s.DownAfter / (2 * troubleSilentAt)})
	h.inFlight, h.lastPing = true, m.now
	if h.unanswered.IsZero() {
		h.unanswered = m.now
	}
	return m.now.Add(reopenAfter(h, s))
}

// early is by how much a ping may leave before it is due, so that pings leave together:
// one wake-up for all. The leisurely ones go with those of a master.
func (m *Machine) early(s *Settings, every time.Duration) time.Duration {
	if every > m.cadence(s) {
		return every * 2 / 5
	}
	return every / 10
}

// reopen closes a connection that is up and silent: after a network cut its packets
// may be retried minutes apart. A frozen process must not drown in connections, so
// the pauses grow.
func (m *Machine) reopen(h *health, id Node, s *Settings) time.Time {
	patience := reopenAfter(h, s)
	if due := h.lastPing.Add(patience); m.now.Before(due) {
		return due
	}
	if ok, again := m.judges(); !ok {
		return again // the reply may be there, and would be lost
	}
	m.do(Reconnect{Node: id})
	h.lastPing = m.now // of the connection to come, in case it is long in coming
	h.reopenGap = min(2*patience, max(m.timers.MinLinkReconnect, reopenAfter(&health{}, s)))
	return m.now.Add(reopenAfter(h, s))
}

func reopenAfter(h *health, s *Settings) time.Duration {
	return max(h.reopenGap, s.DownAfter/2, time.Second)
}

// greet publishes hello through a data node. While a manual failover may have paused
// its writes, PUBLISH would block our link to the master.
func (m *Machine) greet(w *watch, n *node) {
	if n.probe {
		return
	}
	if c := w.undecided(); c != nil && c.Manual && n == w.master {
		return
	}
	if m.now.Before(n.helloDue) {
		w.wake(n.helloDue)
		return
	}
	n.helloDue = m.now.Add(m.timers.PublishPeriod)
	w.wake(n.helloDue)
	if n.relayed++; m.relays(w, n) && n.relayed < relayedHellos {
		return
	}
	n.relayed = 0
	m.do(m.helloFor(w, n.id, w.settings().Command("PUBLISH")))
}

// relays reports whether a replica passes on to its subscribers what is published on the
// master, so that a hello of its own tells nobody anything new. As long as nobody is
// looking for others, or does not belong to us, one now and then is enough.
func (m *Machine) relays(w *watch, n *node) bool {
	return w.calm() && n.isReplica() && n.inSync && n.info.MasterLinkUp && m.state.Formed() &&
		!slices.ContainsFunc(w.sights, func(s *sight) bool { return s.peer.foreign })
}

func (m *Machine) helloFor(w *watch, to Node, command string) SayHello {
	return SayHello{
		Node: to, Command: command, CurrentEpoch: m.state.Epoch,
		Master: w.name, Addr: m.Shown(w.agreed.Addr), ConfigEpoch: w.agreed.ConfigEpoch,
	}
}

// reviewPeer sends a sentinel the PING and hellos that are due.
func (m *Machine) reviewPeer(p *peer) {
	p.next = m.now.Add(idleDeadline)
	p.pingFrom = p.next
	if !p.up {
		return
	}
	s := m.strictest()
	every := m.leisure(&s)
	p.next = earlier(p.next, m.ping(&p.health, p.node(), &s, every))
	if !p.inFlight {
		p.pingFrom = p.lastPing.Add(every - m.early(&s, every))
	}
	if m.now.Before(p.helloDue) {
		p.next = earlier(p.next, p.helloDue)
		return
	}
	p.helloDue = m.now.Add(m.timers.PublishPeriod)
	p.next = earlier(p.next, p.helloDue)
	for range min(len(m.watches), peerHellosMax) {
		m.do(m.helloFor(m.watches[p.greeted%len(m.watches)], p.node(), "PUBLISH"))
		p.greeted++
	}
}

func (p *peer) node() Node { return Node{Sentinel: p.id} }

// strictest returns settings with the shortest down-after of all masters: a link to a
// sentinel serves them all.
func (m *Machine) strictest() Settings {
	s := DefaultSettings(1)
	for _, w := range m.watches {
		s.DownAfter = min(s.DownAfter, w.settings().DownAfter)
		if crash := w.settings().CrashAfter(); s.CrashDownAfter == 0 || crash < s.CrashDownAfter {
			s.CrashDownAfter = crash
		}
	}
	return s
}

// linkUp notes that a link is usable, and uses it at once.
func (m *Machine) linkUp(ev LinkUp) {
	if ev.Node.IsSentinel() {
		if p := m.peer(ev.Node.Sentinel); p != nil {
			p.connected(m.now)
			m.reviewPeer(p)
			m.reviewSights(p)
			m.repeatReports(p)
		}
		return
	}
	if w, n := m.dataNode(ev.Node); n != nil {
		n.connected(m.now)
		n.asks, n.lastAsk = n.asks[:0], time.Time{} // INFO is due, after PING
		m.review(w)
	}
}

func (h *health) connected(now time.Time) {
	h.foundOut(now)
	h.up, h.everUp, h.changed = true, true, now
	h.inFlight, h.lastPing, h.helloDue = false, time.Time{}, now
}

func (m *Machine) linkDown(ev LinkDown) {
	if ev.Node.IsSentinel() {
		if p := m.peer(ev.Node.Sentinel); p != nil {
			p.disconnected(ev, m.now)
			m.reviewSights(p)
		}
		return
	}
	if w, n := m.dataNode(ev.Node); n != nil {
		n.disconnected(ev, m.now)
		n.asks = n.asks[:0]
		m.forgetSends(w, n)
		m.review(w)
	}
}

func (h *health) disconnected(ev LinkDown, now time.Time) {
	if h.up {
		h.up, h.changed = false, now
	}
	f := ev.Fault
	if f != FaultName {
		h.foundOut(now)
	}
	h.fault, h.inFlight, h.unnamed = f, false, ev.Unresolved || f == FaultName
	if h.unanswered.IsZero() {
		h.unanswered = now
	}
	if f != FaultClosed && f != FaultLost {
		h.denied = f == FaultAuth || f == FaultName
	}
}

// foundOut begins to count silence if the address was unknown until now: the instance
// was never asked anything before.
func (h *health) foundOut(now time.Time) {
	if h.fault == FaultName {
		h.fault, h.unanswered = FaultLost, now
	}
}

func (m *Machine) pubsub(id Node, up bool) {
	if _, n := m.dataNode(id); n != nil {
		n.pubsub = up
	}
}

func (m *Machine) pingReply(ev PingReply) {
	if ev.Node.IsSentinel() {
		if p := m.peer(ev.Node.Sentinel); p != nil {
			p.answered(m.now, ev.Reply)
			m.reviewPeer(p)
			m.reviewLost(p)
		}
		return
	}
	w, n := m.dataNode(ev.Node)
	if n == nil {
		return
	}
	n.answered(m.now, ev.Reply)
	if ev.Reply.valid() {
		w.reached = true
	}
	if ev.Reply == ReplyPong {
		n.rebooted = false
	}
	if ev.Reply == ReplyBusy && n.sdown.down && !n.killed {
		n.killed = true
		m.send(n, PurposeScriptKill, false, []string{w.settings().Command("SCRIPT"), "KILL"})
	}
	m.review(w)
}

func (r Reply) valid() bool {
	return r == ReplyPong || r == ReplyLoading || r == ReplyMasterDown
}

func (h *health) answered(now time.Time, r Reply) {
	h.inFlight, h.lastReply, h.lastClass = false, now, r
	h.denied = r.denies()
	if r.valid() {
		h.lastValid, h.unanswered, h.reopenGap = now, time.Time{}, 0
	}
}

func (r Reply) denies() bool { return r == ReplyNoAuth || r == ReplyNoPerm }

// judge decides who is subjectively down for the set of w.
func (m *Machine) judge(w *watch) {
	for _, n := range w.nodes {
		if n.probe {
			continue
		}
		down := m.silent(w, &n.health) || n == w.master && m.unfit(w, n)
		if !m.pronounce(w, &n.sdown, down) {
			continue
		}
		n.killed = n.killed && n.sdown.down
		m.onNode(Warning, sdownEvent(n.sdown.down), w, n)
		if n == w.master && n.sdown.down {
			m.masterDown(w)
		}
	}
	for _, s := range w.sights {
		if m.pronounce(w, &s.sdown, m.silent(w, &s.peer.health)) {
			m.onSentinel(Warning, sdownEvent(s.sdown.down), w, s.peer)
		}
	}
}

func sdownEvent(down bool) string {
	if down {
		return "+sdown"
	}
	return "-sdown"
}

// pronounce records a verdict and reports whether it is news. Nobody is pronounced
// down while this sentinel distrusts itself, or has not heard all there is to hear.
func (m *Machine) pronounce(w *watch, v *verdict, down bool) bool {
	if down == v.down {
		return false
	}
	if down {
		if ok, again := m.judges(); !ok {
			w.wake(again)
			return false
		}
	}
	v.down, v.since = down, m.now
	return true
}

// silent reports whether h has owed an answer for too long; if it only owes one, the
// moment it will be too long is noted.
func (m *Machine) silent(w *watch, h *health) bool {
	since, tolerated := h.silence(w.settings())
	if since.IsZero() {
		return false
	}
	due := since.Add(tolerated)
	if !m.now.Before(due) {
		return true
	}
	if doubt := since.Add(tolerated / 2); m.now.Before(doubt) {
		w.wake(doubt)
		return false
	}
	w.wake(due)
	m.alertUntil = later(m.alertUntil, due)
	return false
}

// unfit reports whether a master that answers has to count as down: it says it is a
// replica, or restarted and does not get ready.
func (m *Machine) unfit(w *watch, n *node) bool {
	s := w.settings()
	if n.emptied && s.EmptyMasterGuard {
		return true
	}
	if n.reported == RoleSlave && (w.claim() == nil || n.sdown.down) {
		due := n.reportedAt.Add(s.DownAfter + 2*m.timers.InfoPeriod)
		if !m.now.Before(due) {
			return true
		}
		w.wake(due)
	}
	if n.rebooted && s.RebootDownAfter > 0 {
		due := n.rebootedAt.Add(s.RebootDownAfter)
		if !m.now.Before(due) {
			return true
		}
		w.wake(due)
	}
	return false
}

// masterDown prepares for what may follow: the offsets of the replicas are final
// only once the master is silent.
func (m *Machine) masterDown(w *watch) {
	w.reportDue = m.now
	for _, n := range w.nodes {
		if n.isReplica() {
			m.askInfo(w, n)
		}
	}
}

// abstains reports whether this sentinel's view of the master is worth nothing: it never
// reached any node of the set, all it hears is about credentials, permissions or names,
// or the master turns it away.
func (m *Machine) abstains(w *watch) bool {
	if !w.reached || m.turnedAway(w, w.master) {
		return true
	}
	for _, n := range w.nodes {
		if !n.probe && !n.denied {
			return false
		}
	}
	return true
}

// turnedAway reports whether n is down for a reason that lies with this sentinel's
// configuration: a password, a permission, the name of a command, a host name that never
// resolved. Whoever says no is alive; once it has said nothing for down-after, silence is
// the reason: it may be restarted to be mended.
func (m *Machine) turnedAway(w *watch, n *node) bool {
	if !n.up && n.fault == FaultName {
		return true
	}
	if !n.lastClass.denies() && n.lastClass != ReplyUnknown {
		return false
	}
	_, tolerated := n.silence(w.settings())
	until := n.lastReply.Add(tolerated)
	if n.sdown.down && m.now.Before(until) {
		w.wake(until)
	}
	return m.now.Before(until)
}

// judgeObjectively counts reports: a master is objectively down when quorum
// sentinels, this one included, hold it subjectively down.
func (m *Machine) judgeObjectively(w *watch) {
	votes := m.votes(w)
	odown := w.master.sdown.down && !m.abstains(w) && votes >= w.settings().Quorum
	if odown == w.odown {
		return
	}
	w.odown, w.odownSince, w.refused = odown, m.now, ""
	if !odown {
		w.wantSince = time.Time{}
		m.onMaster(Warning, "-odown", w)
		return
	}
	m.onMaster(Warning, "+odown", w, "#quorum", strconv.Itoa(votes)+"/"+strconv.Itoa(w.settings().Quorum))
}

func (m *Machine) votes(w *watch) int {
	votes := 0
	if w.master.sdown.down && !m.abstains(w) {
		votes++
	}
	for _, s := range w.sights {
		until, down := m.reportsDown(w, s, m.now)
		if !down {
			continue
		}
		w.wake(until)
		votes++
	}
	return votes
}

// reportsDown reports whether a peer's last report says that the master, as it is
// agreed now, is down, and until when that is good for.
func (m *Machine) reportsDown(w *watch, s *sight, now time.Time) (until time.Time, down bool) {
	if !s.saysDown || s.saidOf != w.agreed.Addr {
		return time.Time{}, false
	}
	if !s.peer.foreign && s.saidIn != w.agreed.ConfigEpoch {
		return time.Time{}, false
	}
	until = s.saidAt.Add(reportExpiry * m.timers.AskPeriod)
	return until, now.Before(until)
}

// report tells peers at once when the master is down, then again every ask period,
// and once when it is back. Foreign sentinels are asked instead.
func (m *Machine) report(w *watch) {
	if !w.master.sdown.down || m.abstains(w) {
		if w.reported {
			w.reported = false
			m.do(m.reportFor(w, "", false))
		}
		return
	}
	if !m.now.Before(w.reportDue) {
		w.reported = true
		w.reportDue = m.now.Add(m.timers.AskPeriod)
		m.do(m.reportFor(w, "", true))
	}
	w.wake(w.reportDue)
	for _, s := range w.sights {
		if !s.peer.foreign || !s.peer.up {
			continue
		}
		if !m.now.Before(s.askDue) {
			s.askDue = m.now.Add(m.timers.AskPeriod)
			m.do(AskMasterDown{To: s.peer.id, Master: w.name, Addr: w.agreed.Addr,
				CurrentEpoch: m.state.Epoch})
		}
		w.wake(s.askDue)
	}
}

func (m *Machine) reportFor(w *watch, to string, down bool) Report {
	return Report{To: to, Master: w.name, Addr: w.agreed.Addr, Epoch: w.agreed.ConfigEpoch, Down: down}
}

// repeatReports tells a peer that was away what it missed.
func (m *Machine) repeatReports(p *peer) {
	for _, w := range m.watches {
		if w.reported && !p.foreign {
			m.do(m.reportFor(w, p.id, true))
		}
	}
}

func (m *Machine) peerReport(ev PeerReport) {
	w := m.watch(ev.Master)
	if w == nil {
		return
	}
	s := w.sight(ev.From)
	if s == nil {
		return // a stranger: it greets us first
	}
	s.saysDown, s.saidAt, s.saidOf, s.saidIn = ev.Down, m.now, ev.Addr, ev.Epoch
	m.review(w)
}

// reviewLost reviews the masters for which p is down: it may be back. The others note
// in time what they are still to note.
func (m *Machine) reviewLost(p *peer) {
	for _, w := range m.watches {
		if s := w.sight(p.id); s != nil && s.sdown.down {
			m.review(w)
		}
	}
}

// reviewSights reviews all masters that p watches, too.
func (m *Machine) reviewSights(p *peer) {
	for _, w := range m.watches {
		if w.sight(p.id) != nil {
			m.review(w)
		}
	}
}

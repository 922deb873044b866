package failover

import (
	"strings"
	"time"
)

// MasterView is SENTINEL MASTER: fields of the same names, in its order. Durations
// are ages at the time asked for, printed in milliseconds.
type MasterView struct {
	InstanceView
	ConfigEpoch uint64
	NumSlaves   int
	NumOthers   int // num-other-sentinels
	Settings    Settings
	Claim       *Attempt // nil if no failover runs; a copy
	// Paused: no automatic failover is started for PausedFor, for ever if that is negative.
	Paused    bool
	PausedFor time.Duration
}

// ReplicaView is one map of SENTINEL REPLICAS.
type ReplicaView struct {
	InstanceView
	MasterLinkDown   time.Duration // master-link-down-time
	MasterLinkUp     bool          // master-link-status ok|err
	MasterHost       string        // "?" if unknown
	MasterPort       int
	Priority         int
	Offset           int64
	ReplicaAnnounced bool
}

// SentinelView is one map of SENTINEL SENTINELS.
type SentinelView struct {
	InstanceView
	LastHello        time.Duration // last-hello-message
	VotedLeader      string        // "?" if none
	VotedLeaderEpoch uint64
	Foreign          bool
	Voter            bool
}

// InstanceView is what all instance maps have in common.
type InstanceView struct {
	Node          Node // what its link goes to
	Name          string
	Addr          Addr   // as it is shown
	RunID         string // empty if unknown
	Flags         string // comma-joined, in Redis's order
	Pending       int    // link-pending-commands
	LinkRefcount  int
	FailoverState string        // empty: not printed
	LastPingSent  time.Duration // 0 if no ping is unanswered
	LastOKPing    time.Duration // since the last valid reply
	LastPingReply time.Duration // since the last reply
	SDown         bool
	SDownTime     time.Duration
	ODown         bool
	ODownTime     time.Duration
	DownAfter     time.Duration
	InfoRefresh   time.Duration // age of the last INFO; 0 if there was none
	RoleReported  Role
	RoleTime      time.Duration // role-reported-time
	Trouble       Trouble       // none, or among the flags: not printed
}

// Names returns the names of the monitored masters, sorted.
func (m *Machine) Names() []string {
	names := make([]string, 0, len(m.watches))
	for _, w := range m.watches {
		names = append(names, w.name)
	}
	return names
}

// Master returns what SENTINEL MASTER says at now.
func (m *Machine) Master(now time.Time, name string) (MasterView, bool) {
	w := m.watch(name)
	if w == nil {
		return MasterView{}, false
	}
	v := MasterView{
		InstanceView: m.instanceView(w, now, w.master),
		ConfigEpoch:  w.agreed.ConfigEpoch,
		NumOthers:    len(w.sights),
		Settings:     w.agreed.Settings.Clone(),
		Claim:        w.agreed.clone().Claim,
	}
	v.Name = w.name
	v.Flags = w.masterFlags(w.agreed.Paused.inForce(m.wall(now)), m.cutOff(now))
	v.FailoverState = w.failoverState()
	v.ODown = w.odown
	if w.odown {
		v.ODownTime = now.Sub(w.odownSince)
	}
	if p := w.agreed.Paused; p.inForce(m.wall(now)) {
		v.Paused, v.PausedFor = true, -time.Millisecond
		if !p.Until.IsZero() {
			v.PausedFor = p.Until.Sub(m.wall(now))
		}
	}
	for _, n := range w.nodes {
		if n.isReplica() {
			v.NumSlaves++
		}
	}
	return v, true
}

// CutOffAfter is how long no leader may be known before a sentinel calls itself cut off:
// longer than an election takes.
const CutOffAfter = 2 * time.Second

// cutOff reports whether this sentinel belongs to a cluster whose quorum it cannot reach,
// or has not reached since it started.
func (m *Machine) cutOff(now time.Time) bool {
	if m.quorum.Behind {
		return now.Sub(m.behindSince) > CutOffAfter
	}
	return m.state.Formed() && m.quorum.Leader == "" && !m.leaderSince.IsZero() && now.Sub(m.leaderSince) > CutOffAfter
}

// noticeCutOff announces that the quorum cannot be reached, or can again.
func (m *Machine) noticeCutOff() {
	is := m.cutOff(m.now)
	if is == m.shownCutOff {
		return
	}
	m.shownCutOff = is
	if is {
		m.publish(Warning, "+no-quorum", "#no majority of the sentinels can be reached", nil)
		return
	}
	m.publish(Warning, "-no-quorum", "#a majority of the sentinels can be reached", nil)
}

// masterFlags shows the running failover only until the switch: clients reject a
// master with failover_in_progress.
func (w *watch) masterFlags(paused, cutOff bool) string {
	n := w.master
	f := flags{}
	f.add(n.sdown.down, "s_down")
	f.add(w.odown, "o_down")
	f.add(true, "master")
	f.add(!n.up, "disconnected")
	f.add(w.undecided() != nil, "failover_in_progress")
	c := w.undecided()
	f.add(c != nil && c.Manual && !c.Coordinated, "force_failover")
	f.add(c != nil && c.Coordinated, "coordinated_failover")
	f.add(n.killed, "script_kill_sent")
	f.add(n.rebooted, "master_reboot")
	f.add(n.badly(), string(n.troubled))
	f.add(paused, "failover_paused")
	f.add(cutOff, "no_quorum")
	return f.String()
}

// badly reports whether the trouble of n is a flag: only where Redis would show one as
// well, since clients pass by replicas with flags they do not know.
func (n *node) badly() bool { return n.troubled != TroubleNone && (n.sdown.down || !n.up) }

// failoverState returns the state Redis would be in, empty if no failover runs.
func (w *watch) failoverState() string {
	c := w.agreed.Claim
	switch {
	case c == nil:
		return ""
	case c.Step == StepClaimed:
		return "select_slave"
	case c.Step == StepSwitched:
		return "reconf_slaves"
	case w.run != nil && w.run.told:
		return "wait_promotion"
	}
	return "send_slaveof_noone"
}

// Replicas returns what SENTINEL REPLICAS says, those announced or not.
func (m *Machine) Replicas(now time.Time, name string) []ReplicaView {
	w := m.watch(name)
	if w == nil {
		return nil
	}
	var views []ReplicaView
	for _, n := range w.nodes {
		if !n.isReplica() {
			continue
		}
		v := ReplicaView{
			InstanceView:     m.instanceView(w, now, n),
			MasterLinkDown:   n.info.MasterLinkDown,
			MasterLinkUp:     n.info.MasterLinkUp,
			MasterHost:       n.info.MasterAddr.Host,
			MasterPort:       n.info.MasterAddr.Port,
			Priority:         n.info.Priority,
			Offset:           n.info.Offset,
			ReplicaAnnounced: n.info.Announced,
		}
		if v.MasterHost == "" {
			v.MasterHost = "?"
		}
		v.Flags = w.replicaFlags(n)
		views = append(views, v)
	}
	return views
}

func (w *watch) replicaFlags(n *node) string {
	c := w.undecided()
	f := flags{}
	f.add(n.sdown.down, "s_down")
	f.add(true, "slave")
	f.add(!n.up, "disconnected")
	f.add(c != nil && c.Target == n.id.Addr, "promoted")
	f.add(n.reconf == reconfSent, "reconf_sent")
	f.add(n.reconf == reconfInprog, "reconf_inprog")
	f.add(n.reconf == reconfDone, "reconf_done")
	f.add(n.killed, "script_kill_sent")
	f.add(n.badly(), string(n.troubled))
	return f.String()
}

// Sentinels returns what SENTINEL SENTINELS says: all but this one.
func (m *Machine) Sentinels(now time.Time, name string) []SentinelView {
	w := m.watch(name)
	if w == nil {
		return nil
	}
	views := make([]SentinelView, 0, len(w.sights))
	for _, s := range w.sights {
		v := SentinelView{
			InstanceView:     m.peerView(now, w, s),
			LastHello:        now.Sub(s.lastHello),
			VotedLeader:      w.voted,
			VotedLeaderEpoch: w.votedIn,
			Foreign:          s.peer.foreign,
			Voter:            s.peer.voter,
		}
		if w.voted == "" || s.peer.foreign {
			v.VotedLeader, v.VotedLeaderEpoch = "?", 0
		}
		views = append(views, v)
	}
	return views
}

// EachSentinel calls f for each of those, with its address as it is shown.
func (m *Machine) EachSentinel(name string, f func(id string, addr Addr)) {
	if w := m.watch(name); w != nil {
		for _, s := range w.sights {
			f(s.peer.id, m.Shown(s.peer.addr))
		}
	}
}

func (m *Machine) peerView(now time.Time, w *watch, s *sight) InstanceView {
	v := healthView(now, &s.peer.health, s.sdown)
	v.Node, v.Name, v.RunID, v.Addr = s.peer.node(), s.peer.id, s.peer.id, m.Shown(s.peer.addr)
	v.DownAfter = w.settings().DownAfter
	v.LinkRefcount = 0
	for _, x := range m.watches {
		if x.sight(s.peer.id) != nil {
			v.LinkRefcount++
		}
	}
	f := flags{}
	f.add(s.sdown.down, "s_down")
	f.add(true, "sentinel")
	f.add(!s.peer.up, "disconnected")
	_, down := m.reportsDown(w, s, now)
	f.add(down, "master_down")
	v.Flags = f.String()
	return v
}

func (m *Machine) instanceView(w *watch, now time.Time, n *node) InstanceView {
	v := healthView(now, &n.health, n.sdown)
	v.Node, v.Addr, v.RunID = n.id, m.Shown(n.id.Addr), n.runID
	v.Name = v.Addr.String()
	v.Pending += len(n.asks)
	v.LinkRefcount = 1
	v.DownAfter = w.settings().DownAfter
	v.RoleReported = n.reported
	v.RoleTime = now.Sub(n.reportedAt)
	if !n.badly() {
		v.Trouble = n.troubled
	}
	if !n.infoAt.IsZero() {
		v.InfoRefresh = now.Sub(n.infoAt)
	}
	return v
}

func healthView(now time.Time, h *health, d verdict) InstanceView {
	v := InstanceView{
		LastOKPing:    now.Sub(h.lastValid),
		LastPingReply: now.Sub(h.lastReply),
		SDown:         d.down,
	}
	if !h.unanswered.IsZero() {
		v.LastPingSent = now.Sub(h.unanswered)
	}
	if d.down {
		v.SDownTime = now.Sub(d.since)
	}
	if h.inFlight {
		v.Pending = 1
	}
	return v
}

// KnowsSentinel reports whether another sentinel of that id is known to watch a master.
func (m *Machine) KnowsSentinel(id string) bool {
	p := m.peer(id)
	return p != nil && m.watched(p)
}

// MasterDown answers SENTINEL IS-MASTER-DOWN-BY-ADDR: whether a master at addr is
// subjectively down here. It is false in tilt and while this sentinel abstains.
func (m *Machine) MasterDown(addr Addr) bool {
	if !m.tiltSince.IsZero() {
		return false
	}
	for _, w := range m.watches {
		if m.same(w.agreed.Addr, addr) && w.master.sdown.down && !m.abstains(w) {
			return true
		}
	}
	return false
}

// Usable returns the number of sentinels, this one included, that are not down, and
// the number of all known: what CKQUORUM counts.
func (m *Machine) Usable(name string) (usable, known int) {
	w := m.watch(name)
	if w == nil {
		return 0, 0
	}
	usable, known = 1, 1
	for _, s := range w.sights {
		known++
		if !s.sdown.down {
			usable++
		}
	}
	return usable, known
}

// flags builds a flags field.
type flags struct{ words []string }

func (f *flags) add(set bool, word string) {
	if set {
		f.words = append(f.words, word)
	}
}

func (f *flags) String() string { return strings.Join(f.words, ",") }

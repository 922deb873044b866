package failover

import (
	"slices"
	"strconv"
	"time"
)

// hello takes in what a sentinel says of itself and of one master.
func (m *Machine) hello(ev Hello) {
	w := m.watch(ev.Name)
	if w == nil || ev.ID == m.id || ev.ID == "" || ev.Addr.IsZero() {
		return
	}
	if s := w.sight(ev.ID); s != nil && s.peer.addr == ev.Addr &&
		ev.CurrentEpoch <= m.state.Epoch && ev.ConfigEpoch <= w.agreed.ConfigEpoch {
		s.lastHello = m.now // nothing new, as nearly always
		return
	}
	p := m.meetPeer(w, ev)
	if p == nil {
		return
	}
	w.sight(p.id).lastHello = m.now
	m.heardEpoch(p, ev.CurrentEpoch)
	m.heardConfig(w, p, ev)
	m.review(w)
}

// meetPeer returns the sentinel that says hello, known in the context of w
// afterwards; nil if there are too many.
func (m *Machine) meetPeer(w *watch, ev Hello) *peer {
	p := m.peer(ev.ID)
	if p == nil {
		if len(m.peers) >= peersMax {
			return nil
		}
		p = m.addPeer(ev.ID)
	}
	if p.addr != ev.Addr {
		m.moved(w, p, ev.Addr)
	}
	if w.sight(p.id) == nil {
		m.addSight(w, p)
		m.dirty = true
		m.onSentinel(Notice, "+sentinel", w, p)
	}
	return p
}

func (m *Machine) addPeer(id string) *peer {
	p := &peer{id: id, health: newHealth(m.now), next: m.now}
	i, _ := m.peerIndex(id)
	m.peers = slices.Insert(m.peers, i, p)
	return p
}

func (m *Machine) addSight(w *watch, p *peer) {
	w.sights = append(w.sights, &sight{peer: p, lastHello: m.now})
}

// moved gives a sentinel a new address. Whoever was there before is not there now.
func (m *Machine) moved(w *watch, p *peer, addr Addr) {
	known := w.sight(p.id) != nil && !p.addr.IsZero()
	for _, other := range m.peers {
		if other != p && other.addr == addr {
			m.invalidAddress(other)
		}
	}
	p.addr = addr
	m.dirty = true
	m.connectPeer(p)
	if !known {
		return
	}
	m.onMaster(Notice, "+sentinel-address-switch", w,
		"ip", m.Shown(addr).Host, "port", strconv.Itoa(addr.Port), "for", p.id)
	others := 0
	for _, v := range m.watches {
		if v != w && v.sight(p.id) != nil {
			others++
		}
	}
	if others > 0 {
		m.onMaster(Notice, "+sentinel-address-update", w, strconv.Itoa(others), "additional matching instances")
	}
}

func (m *Machine) invalidAddress(p *peer) {
	for _, w := range m.watches {
		if w.sight(p.id) != nil {
			m.onSentinel(Notice, "+sentinel-invalid-addr", w, p)
		}
	}
	p.addr = Addr{}
	p.disconnected(LinkDown{Fault: FaultClosed}, m.now)
	m.do(Disconnect{Node: p.node()})
}

func (m *Machine) connectPeer(p *peer) {
	if p.addr.IsZero() {
		return
	}
	s := m.strictest()
	m.do(Connect{Node: p.node(), Addr: p.addr, Every: m.redial(&s)})
}

// heardEpoch follows an epoch made outside of our log.
func (m *Machine) heardEpoch(p *peer, epoch uint64) {
	if epoch <= m.state.Epoch {
		return
	}
	if !m.state.Formed() {
		m.applyLocally(NewEpoch{Epoch: epoch})
		return
	}
	if p.foreign && m.leads() && epoch > m.epochProposed {
		m.epochProposed = epoch
		m.do(Propose{Command: m.command(NewEpoch{Epoch: epoch})})
	}
}

// heardConfig follows a switch made outside of our log: before forming any, later
// those of foreign sentinels while these are in the majority.
func (m *Machine) heardConfig(w *watch, p *peer, ev Hello) {
	if ev.ConfigEpoch <= w.agreed.ConfigEpoch || ev.Master.IsZero() {
		return
	}
	adopt := Adopt{Name: w.name, Old: w.agreed.Addr, Addr: m.known(w, ev.Master),
		ConfigEpoch: ev.ConfigEpoch, Why: "foreign", Source: p.id}
	switch {
	case !m.state.Formed():
		m.applyLocally(adopt)
	case !p.foreign || m.outnumbers(w):
	case m.leads():
		m.propose(w, adopt)
	case m.cutOff(m.now):
		m.adoptAlone(adopt)
	}
}

// outnumbers reports whether our voters are a majority of all live sentinels of w,
// ours and foreign. Otherwise the foreign ones are left to decide.
func (m *Machine) outnumbers(w *watch) bool {
	ours, foreign := 1, 0
	for _, s := range w.sights {
		switch {
		case s.sdown.down:
		case s.peer.foreign:
			foreign++
		case s.peer.voter:
			ours++
		}
	}
	return ours > foreign
}

// peerKnown takes in what the store or the caller knows of a sentinel.
func (m *Machine) peerKnown(ev Peer) {
	if ev.ID == m.id || ev.ID == "" {
		return
	}
	p := m.peer(ev.ID)
	if p == nil {
		p = m.addPeer(ev.ID)
	}
	p.foreign, p.stated = ev.Foreign, true
	p.masters = slices.Clone(ev.Masters)
	if !ev.Addr.IsZero() && ev.Addr != p.addr {
		p.addr = ev.Addr
		m.connectPeer(p)
	}
	for _, w := range m.watches {
		m.sightKnown(w, p)
	}
	m.reviewAll()
}

// sightKnown adds p to w if it is known, other than by hello, to watch it.
func (m *Machine) sightKnown(w *watch, p *peer) {
	all := p.voter || p.stated && p.masters == nil && !p.foreign
	watches := all || slices.Contains(p.masters, w.name)
	if watches && w.sight(p.id) == nil {
		m.addSight(w, p)
	}
}

// watched reports whether some master knows p.
func (m *Machine) watched(p *peer) bool {
	return slices.ContainsFunc(m.watches, func(w *watch) bool { return w.sight(p.id) != nil })
}

// forget drops a sentinel for good.
func (m *Machine) forget(id string) {
	i, ok := m.peerIndex(id)
	if !ok {
		return
	}
	m.do(Disconnect{Node: Node{Sentinel: id}})
	m.peers = slices.Delete(m.peers, i, i+1)
	for _, w := range m.watches {
		w.sights = slices.DeleteFunc(w.sights, func(s *sight) bool { return s.peer.id == id })
	}
	m.dirty = true
	m.reviewAll()
}

// quorumChanged takes in who votes and who leads.
func (m *Machine) quorumChanged(ev Quorum) {
	if ev.Leader != m.quorum.Leader {
		m.leaderSince = m.now
	}
	if !ev.Behind {
		m.behindSince = time.Time{}
	} else if m.behindSince.IsZero() {
		m.behindSince = m.now
	}
	m.quorum = ev
	m.quorum.Voters = slices.Clone(ev.Voters)
	for _, id := range ev.Voters {
		if id != m.id && m.peer(id) == nil {
			m.addPeer(id)
		}
	}
	for _, p := range m.peers {
		p.voter = slices.Contains(ev.Voters, p.id)
		if !p.voter {
			continue
		}
		for _, w := range m.watches {
			m.sightKnown(w, p)
		}
	}
	m.reviewAll()
}

// leads reports whether this sentinel is the Raft leader, as far as it knows.
func (m *Machine) leads() bool { return m.quorum.Formed && m.quorum.Leader == m.id }

// rank is this sentinel's place among the voters that do not lead, from 1.
func (m *Machine) rank() time.Duration {
	r := 1
	for _, id := range m.quorum.Voters {
		if id != m.quorum.Leader && id < m.id {
			r++
		}
	}
	return time.Duration(r)
}

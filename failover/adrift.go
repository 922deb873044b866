package failover

import "time"

// A sentinel of ours that is alone among Redis's has no quorum to put into the log what
// they decide: its peers were replaced, or it is the last to be. Since Redis's sentinels
// are the majority, it follows them in a copy of the agreed state of its own, until its
// quorum is back and has caught up.

// adrift is that copy.
type adrift struct {
	state *Agreed
	back  time.Time // since when a leader is known again; zero: none is
}

// inForce returns the state that counts now.
func (m *Machine) inForce() *Agreed {
	switch {
	case m.adrift != nil:
		return m.adrift.state
	case m.log.Formed():
		return m.log
	}
	return m.local
}

// adoptAlone follows a foreign switch without the log.
func (m *Machine) adoptAlone(b Adopt) {
	if m.adrift == nil {
		m.adrift = &adrift{state: m.log.Clone()}
		m.state = m.adrift.state
	}
	m.adrift.back = time.Time{}
	c := Command{From: m.id, At: m.now, Body: b}
	m.changed(c, m.adrift.state.Apply(0, c))
}

// comeAshore returns to the log when there is a leader: what was adopted meanwhile is
// proposed, and counts here until the log has it, or does not want it.
func (m *Machine) comeAshore() {
	a := m.adrift
	if a == nil {
		return
	}
	if m.quorum.Leader == "" {
		a.back = time.Time{}
		return
	}
	if a.back.IsZero() {
		a.back = m.now
	}
	ahead := false
	for i := range a.state.Masters {
		ours := &a.state.Masters[i]
		agreed := m.log.Master(ours.Name)
		if agreed == nil || agreed.ConfigEpoch >= ours.ConfigEpoch {
			continue
		}
		ahead = true
		m.propose(m.watch(ours.Name), Adopt{Name: ours.Name, Old: agreed.Addr, Addr: ours.Addr,
			ConfigEpoch: ours.ConfigEpoch, Why: "foreign", Source: m.id})
	}
	if ahead && m.now.Sub(a.back) < proposalPatient {
		return
	}
	m.adrift = nil
	m.sync(Command{}, false)
	m.reviewAll()
}

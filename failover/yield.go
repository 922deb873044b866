package failover

import "time"

// Only the leader puts data nodes back into their roles, and for nobody else a claim is as
// quick. So it ought to reach them: the others tell it how many they reach, and one that has
// reached markedly fewer for a while has the one that reaches most lead. The leadership only
// goes to where more is seen, so it does not go to and fro.

const (
	sightPeriod = time.Second         // between two counts
	sightValid  = 5 * sightPeriod / 2 // the last count of another sentinel
	yieldAfter  = 5 * sightPeriod / 2 // of reaching fewer: every count is newer than its begin
	yieldAgain  = 10 * time.Second    // until the next time
	yieldShare  = 10                  // one in so many of the nodes that another reaches is missed
)

// compareSights tells the leader how many nodes are reached from here. The leader gives up
// the leadership to a sentinel that reaches markedly more.
func (m *Machine) compareSights() {
	if m.now.Before(m.sightDue) || !m.state.Formed() {
		return
	}
	m.sightDue = m.now.Add(sightPeriod)
	if !m.leads() || !m.trusts() {
		m.fewerSince = time.Time{}
	}
	if !m.trusts() {
		return // who is down cannot be told
	}
	reached := m.reached()
	if !m.leads() {
		if m.quorum.Leader != "" {
			m.do(Sight{To: m.quorum.Leader, Nodes: reached})
		}
		return
	}
	best := m.bestSight()
	switch {
	case best == nil || best.reaches <= reached || (best.reaches-reached)*yieldShare < best.reaches:
		m.fewerSince = time.Time{}
	case m.fewerSince.IsZero():
		m.fewerSince = m.now
	case !m.now.Before(later(m.fewerSince.Add(yieldAfter), m.yieldDue)):
		m.yieldDue = m.now.Add(yieldAgain)
		m.do(Yield{To: best.id, Reaches: best.reaches, Here: reached})
	}
}

// reached counts the data nodes that are not down, seen from here.
func (m *Machine) reached() (nodes int) {
	for _, w := range m.watches {
		for _, n := range w.nodes {
			if !n.probe && n.up && !n.sdown.down {
				nodes++
			}
		}
	}
	return nodes
}

// bestSight returns the voter that said lately that it reaches most, nil if none did.
func (m *Machine) bestSight() (best *peer) {
	for _, p := range m.peers {
		if p.voter && p.up && m.now.Sub(p.reachesAt) < sightValid && (best == nil || p.reaches > best.reaches) {
			best = p
		}
	}
	return best
}

func (m *Machine) peerSight(ev PeerSight) {
	if p := m.peer(ev.From); p != nil {
		p.reaches, p.reachesAt = ev.Nodes, m.now
	}
}

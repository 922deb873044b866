package failover

import "time"

// A leader that reaches no data node can conduct no failover and put no node right, and
// nobody else may do the latter: it lets another sentinel lead.

const (
	yieldAfter = 2 * time.Second  // of seeing nothing while others see something
	yieldAgain = 10 * time.Second // until the next time, if the successor was no better
)

// yieldIfBlind gives up the leadership if everything is down from here, and not so for
// the others.
func (m *Machine) yieldIfBlind() {
	switch {
	case !m.leads() || len(m.quorum.Voters) < 2 || !m.seesNothing():
		m.blindSince = time.Time{}
	case m.blindSince.IsZero():
		m.blindSince = m.now
	case !m.now.Before(later(m.blindSince.Add(yieldAfter), m.yieldDue)):
		m.yieldDue = m.now.Add(yieldAgain)
		m.do(Yield{})
	}
}

// seesNothing reports whether all nodes of all sets are down in the eyes of this sentinel
// alone, and not for a reason that lies with its own configuration.
func (m *Machine) seesNothing() bool {
	for _, w := range m.watches {
		if !w.blind() || w.odown || m.turnedAway(w, w.master) {
			return false
		}
	}
	return len(m.watches) > 0 && m.trusts()
}

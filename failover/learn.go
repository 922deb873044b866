package failover

import (
	"slices"
	"time"
)

// What sentinels find out about replicas goes into the log in batches: while one batch
// is on its way the next one fills, so that a thousand sets that become known at once
// take a few entries, and a single replica waits for nothing.

// learnMax bounds a batch; what is left goes with the next.
const learnMax = 512

// learning is the batch on its way and the one that fills.
type learning struct {
	id   string    // of the proposal without outcome, empty: none
	at   time.Time // when it left
	next []LearnReplica
}

// learn has a replica put into the log with the next batch.
func (m *Machine) learn(r LearnReplica) {
	if !slices.Contains(m.learning.next, r) {
		m.learning.next = append(m.learning.next, r)
	}
}

// proposeLearned sends the batch off, unless one is on its way.
func (m *Machine) proposeLearned() {
	l := &m.learning
	if len(l.next) == 0 || m.quorum.Leader == "" || l.id != "" && m.now.Sub(l.at) < proposalPatient {
		return
	}
	n := min(len(l.next), learnMax)
	c := m.command(Learn{Replicas: slices.Clone(l.next[:n])})
	l.id, l.at, l.next = c.ID, m.now, slices.Delete(l.next, 0, n)
	m.do(Propose{Command: c})
}

// learned notes the outcome of a batch of ours. One that failed is found out anew.
func (m *Machine) learned(id string) {
	if id != "" && m.learning.id == id {
		m.learning.id = ""
	}
}

func (a *Agreed) learn(b Learn) Result {
	for _, r := range b.Replicas {
		a.learnReplica(r) // a replica of a master that is gone is no reason to lose the others
	}
	return Result{}
}

// masters returns the names of the masters the batch is about, each once.
func (b Learn) masters() (names []string) {
	for _, r := range b.Replicas {
		if !slices.Contains(names, r.Name) {
			names = append(names, r.Name)
		}
	}
	return names
}

package sentinel

import "fmt"

// How a sentinel gives its cluster up. It does so only where nothing can have been
// decided without it: a founder that is still alone, and a member without a vote
// whose founder says it has left. Whoever merely hears nothing stays: the others
// may have made it a voter meanwhile and count on it.

// membership is how a sentinel stands with its cluster.
type membership struct {
	Cluster string
	Founder string // myid
	Ready   bool   // the cluster may decide
	Decided bool   // it has decided a failover
	Voting  bool   // we have a vote
	Voters  int    // of the cluster, ours included, as far as our log tells
	Others  int    // voters who are neither we nor the founder
}

// yieldsTo reports that the cluster is to be given up since another sentinel, which
// says g of itself, is outside it.
func (m membership) yieldsTo(g greeting) bool {
	if g.Cluster == m.Cluster {
		return false
	}
	if m.Voting {
		return m.Voters == 1 && !m.Decided && g.Cluster != "" && m.outrankedBy(g)
	}
	// A founder leaves while it has the only vote, so there is nobody left.
	return g.ID == m.Founder && (!m.Ready || m.Others == 0)
}

// outrankedBy reports that our cluster, with a single voter, gives way to that of g:
// of two that could go either way, one side only says so.
func (m membership) outrankedBy(g greeting) bool {
	switch {
	case g.Voters > 1 || g.Decided:
		return true
	case g.Voters < 1:
		return false
	case g.Ready != m.Ready:
		return g.Ready
	}
	return g.Cluster < m.Cluster
}

// shouldLeave reports that our cluster is to be given up for another.
func (q *quorum) shouldLeave(node *raftNode, state *agreedReplica) bool {
	meta := q.readMeta()
	m := membership{Cluster: meta.Cluster, Founder: meta.Founder, Ready: meta.Ready, Decided: state.decided.Load()}
	for _, v := range node.configuration() {
		switch {
		case !v.Voter:
			continue
		case v.ID == meta.serverID():
			m.Voting = true
		case myIDOf(v.ID) != meta.Founder:
			m.Others++
		}
		m.Voters++
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, p := range q.peers {
		if q.fresh(p) && m.yieldsTo(p.greeting) {
			return true
		}
	}
	return false
}

// leave makes us unformed again, as a new incarnation.
func (q *quorum) leave(node *raftNode, state *agreedReplica) error {
	if !q.lock() {
		return nil
	}
	defer q.unlock()
	q.log.Warn().Str("cluster", q.readMeta().Cluster).Msg("giving up our cluster of sentinels for another")
	q.keepLocalLocked()
	if err := q.closeNode(); err != nil {
		return err
	}
	err := q.change(func(m *storeMeta) error {
		m.Cluster, m.Key, m.Founder, m.Need, m.Ready, m.Merged = "", nil, "", 0, false, false
		m.Promise, m.Incarnation = promise{}, ""
		return nil
	})
	if err == nil {
		err = q.cfg.Stores.forget()
	}
	if err == nil {
		err = q.change(func(m *storeMeta) error { m.Incarnation = q.random(8); return nil })
	}
	q.greetAll()
	signal(q.changed)
	if err != nil {
		return fmt.Errorf("leave a cluster: %v", err) // half-way: a new start goes on there
	}
	return nil
}

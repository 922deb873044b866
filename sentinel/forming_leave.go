package sentinel

import "fmt"

// How a sentinel gives its cluster up. It does so only where nothing can have been
// decided without it: a founder that is still alone, and a member without a vote
// whose founder says it has left. Whoever merely hears nothing stays: the others
// may have made it a voter meanwhile and count on it.

// shouldLeave reports that our cluster is to be given up for another: it never
// decided anything, has no other voter, and there is a better one; or it was given
// up by its founder before it was complete.
func (q *quorum) shouldLeave(node *raftNode, state *agreedReplica) bool {
	meta := q.readMeta()
	voters, voting := 0, false
	for _, m := range node.configuration() {
		if m.Voter {
			voters++
			voting = voting || m.ID == meta.serverID()
		}
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, p := range q.peers {
		g := p.greeting
		if !q.fresh(p) || g.Cluster == meta.Cluster {
			continue
		}
		if voters == 1 && voting && !state.decided.Load() && g.Cluster != "" && outranks(g, meta.Cluster) {
			return true
		}
		if !voting && !meta.Ready && p.id == meta.Founder {
			return true
		}
	}
	return false
}

// outranks reports that a single-voter cluster gives way to that of g.
func outranks(g greeting, ours string) bool {
	return g.Voters > 1 || g.Decided || g.Voters == 1 && g.Cluster < ours
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

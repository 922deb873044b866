package sentinel

import (
	"context"
	"time"
)

// leastVoters is what peer-cleanup-after leaves in a cluster at least, however long
// voters are away: with fewer, one more failure would stop it.
const leastVoters = 3

// overdueVoter returns a voter that has been away for longer than peer-cleanup-after, nil if
// there is none or enough of those who are here could not remain. Only the leader asks:
// it hears from its followers all the time.
func (q *quorum) overdueVoter(node *raftNode, state *agreedReplica) *member {
	after := q.cfg.CleanupAfter
	if after <= 0 {
		return nil
	}
	members, voters := node.configuration(), node.voters()
	if voters-1 < max(leastVoters, highestQuorum(state.clone())) {
		return nil
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	self := q.meta.serverID()
	for i, m := range members {
		if m.ID == self || !m.Voter {
			continue
		}
		heard := q.started // a sentinel that has just started knows nothing of absences
		if p := q.peers[myIDOf(m.ID)]; p != nil && p.heard.After(heard) {
			heard = p.heard
		}
		if time.Since(heard) > after {
			return &members[i]
		}
	}
	return nil
}

// dismiss takes a voter's vote away. If it comes back, it joins again as a newcomer
// does.
func (q *quorum) dismiss(_ context.Context, node *raftNode, m member) error {
	if err := node.remove(m.ID, joinTimeout); err != nil {
		return err
	}
	q.log.Warn().Str("peer", myIDOf(m.ID)).Str("addr", m.Addr).
		Msg("a sentinel was away for longer than peer-cleanup-after and votes no more")
	signal(q.wake)
	signal(q.changed)
	return nil
}

// forgetAbsent drops a peer that is no member of our cluster and has not been heard for
// peer-cleanup-after; it reports whether it did. A hello brings it back.
func (q *quorum) forgetAbsent(id string) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	p := q.peers[id]
	if p == nil || q.cfg.CleanupAfter <= 0 || p.calling || time.Since(later(p.heard, q.started)) < q.cfg.CleanupAfter {
		return false
	}
	delete(q.peers, id)
	return true
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

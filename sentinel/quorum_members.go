package sentinel

import (
	"slices"

	"github.com/vedette-ha/vedette/internal/resp"
)

// What a sentinel asks the leader on behalf of an operator, besides renewals.
const (
	removeKind   = "remove"
	transferKind = "transfer"
)

// removeMember takes a sentinel that is gone for good out of the cluster. Only the
// leader can; errors are for the client.
func (q *quorum) removeMember(id string) error {
	node, m, err := q.memberFor(id)
	switch {
	case err != nil:
		return err
	case m.ID == node.id:
		return resp.NewError("ERR That sentinel leads the cluster: SENTINEL RAFT TRANSFER first")
	case q.alive(id):
		return resp.NewError("ERR That sentinel is alive and would come back: stop it first")
	}
	q.log.Warn().Str("peer", id).Msg("a sentinel is removed from our cluster")
	return node.remove(m.ID, joinTimeout)
}

// transfer makes another sentinel the leader; which one, is left open by an empty id.
func (q *quorum) transfer(id string) error {
	if id == "" {
		node, _ := q.cluster()
		if node == nil {
			return errNotLeader
		}
		return node.transfer(nil)
	}
	node, m, err := q.memberFor(id)
	switch {
	case err != nil:
		return err
	case m.ID == node.id:
		return nil // it leads already
	case !m.Voter:
		return resp.NewError("ERR That sentinel does not vote yet")
	}
	return node.transfer(&m)
}

// memberFor finds a member by its myid.
func (q *quorum) memberFor(id string) (*raftNode, member, error) {
	node, _ := q.cluster()
	if node == nil || !node.leading() {
		return nil, member{}, errNotLeader
	}
	for _, m := range node.configuration() {
		if myIDOf(m.ID) == id {
			if addr := q.addrOf(m.ID); addr != "" {
				m.Addr = addr
			}
			return node, m, nil
		}
	}
	return nil, member{}, resp.NewError("ERR No such sentinel in this cluster")
}

// alive reports that a sentinel answered us lately.
func (q *quorum) alive(id string) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	p := q.peers[id]
	return p != nil && q.fresh(p)
}

// serveLeader does what a sentinel asks the leader on behalf of an operator.
func (s *Sentinel) serveLeader(kind, id string) ([]byte, error) {
	if kind == removeKind {
		return nil, s.quorum.removeMember(id)
	}
	return nil, s.quorum.transfer(id)
}

// dropRemoved forgets the sentinels that were removed from the cluster and are gone.
func (q *quorum) dropRemoved(node *raftNode) {
	ms := node.configuration()
	q.mu.Lock()
	defer q.mu.Unlock()
	for id, p := range q.peers {
		is := slices.ContainsFunc(ms, func(m member) bool { return myIDOf(m.ID) == id })
		if was := p.member; was && !is && !q.fresh(p) {
			delete(q.peers, id)
			signal(q.changed)
			continue
		}
		p.member = is
	}
}

package sentinel

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/vedette-ha/vedette/failover"
)

// proposeAgain is the pause before a proposal is tried again: a leader is being
// elected, or does not know of its election yet.
const proposeAgain = 20 * time.Millisecond

// Propose makes c part of the agreed state and returns what Apply said, here or
// at the leader. It gives c an ID if it has none. Within two seconds it returns
// errNoQuorum, or the error of ctx. Not to be called by whoever reads Commits.
func (q *quorum) Propose(ctx context.Context, c failover.Command) (failover.Result, error) {
	if c.ID == "" {
		c.ID = q.random(12)
	}
	if c.From == "" {
		c.From = q.cfg.MyID
	}
	c.At = q.cfg.Wall(c.At)
	ctx, cancel := context.WithTimeoutCause(ctx, proposeTimeout, errNoQuorum)
	defer cancel()
	if result, ok, err := q.applyLocally(ctx, c); ok || err != nil {
		return result, err
	}
	entry, err := c.Encode()
	if err != nil {
		return failover.Result{}, err
	}
	p, err := q.enter(ctx, entry)
	return p.Result, err
}

// proposed is the outcome of a proposal.
type proposed struct {
	Index  uint64          `json:"index"`
	Result failover.Result `json:"result"`
}

// enter puts an entry into the log and waits until this sentinel has applied it
// too, so that whoever proposed it reads it here.
func (q *quorum) enter(ctx context.Context, entry []byte) (proposed, error) {
	p, err := again(ctx, q, func() (proposed, error) { return q.submit(ctx, entry) })
	if err != nil {
		return p, err
	}
	if _, state := q.cluster(); state != nil {
		state.await(ctx, p.Index) // committed it is; that we are late is no failure
	}
	return p, nil
}

// again repeats try until it does not fail for want of a leader.
func again[T any](ctx context.Context, q *quorum, try func() (T, error)) (T, error) {
	for {
		v, err := try()
		if err == nil || !errors.Is(err, errNotLeader) && !errors.Is(err, errLostLeader) {
			return v, err
		}
		select {
		case <-time.After(proposeAgain):
		case <-ctx.Done():
			return v, context.Cause(ctx)
		case <-q.done:
			return v, errStopping
		}
	}
}

// applyLocally serves an unformed sentinel. ok is false if a cluster decides.
func (q *quorum) applyLocally(ctx context.Context, c failover.Command) (r failover.Result, ok bool, err error) {
	if _, state := q.cluster(); state != nil && state.released.Load() {
		return r, false, nil
	}
	select {
	case <-q.turn:
	case <-q.done:
		return r, false, errStopping
	case <-ctx.Done():
		return r, false, context.Cause(ctx)
	}
	defer q.unlock()
	if _, state := q.cluster(); state != nil && (state.released.Load() || q.readMeta().Merged) {
		return r, false, nil
	}
	next := q.localState().Clone()
	r = next.Apply(0, c)
	if err := q.storeLocal(next); err != nil {
		return r, true, err
	}
	q.hand(commit{Command: c, Result: r})
	return r, true, nil
}

// storeLocal makes next the state of this unformed sentinel. The caller has the
// turn.
func (q *quorum) storeLocal(next *failover.Agreed) error {
	b, err := next.Snapshot()
	if err != nil {
		return err
	}
	if err := q.change(func(m *storeMeta) error { m.Local = b; return nil }); err != nil {
		return err
	}
	q.mu.Lock()
	q.local = next
	q.mu.Unlock()
	return nil
}

func (q *quorum) localState() *failover.Agreed {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.local
}

// cluster is the raft node and what is behind it, nil if there is none.
func (q *quorum) cluster() (*raftNode, *agreedReplica) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.node, q.state
}

// hand gives a commit to the main loop, and lets ours look at a new address.
func (q *quorum) hand(c commit) {
	select {
	case q.commits <- c:
	case <-q.done:
	}
	switch c.Command.Body.(type) {
	case failover.Switch, failover.Adopt:
		signal(q.wake)
	}
}

// submit puts an entry into the log, here or through the leader.
func (q *quorum) submit(ctx context.Context, entry []byte) (proposed, error) {
	node, _ := q.cluster()
	if node == nil {
		return proposed{}, errNotLeader // it was dissolved this moment
	}
	if node.leading() {
		return q.append(ctx, node, entry)
	}
	v, err := q.tellLeader(ctx, node, subPropose, "", entry)
	if err != nil {
		return proposed{}, err
	}
	var p proposed
	if err := json.Unmarshal(v, &p); err != nil {
		return p, fmt.Errorf("the leader's answer: %w", err)
	}
	return p, nil
}

// append proposes as the leader. A store that hangs must not hang the caller, so
// the proposal goes on behind ctx's back.
func (q *quorum) append(ctx context.Context, node *raftNode, entry []byte) (proposed, error) {
	type outcome struct {
		index  uint64
		answer any
		err    error
	}
	done := make(chan outcome, 1)
	if !q.spawn(func() {
		index, answer, err := node.propose(entry, proposeTimeout)
		done <- outcome{index, answer, err}
	}) {
		return proposed{}, errStopping
	}
	select {
	case o := <-done:
		if o.err != nil {
			return proposed{}, o.err
		}
		return proposed{o.index, o.answer.(failover.Result)}, nil
	case <-ctx.Done():
		return proposed{}, context.Cause(ctx)
	}
}

// errRefused is the text of a peer's error reply.
type errRefused string

func (e errRefused) Error() string { return string(e) }

// Ask sends body to the leader, our own Answer if we lead, outside the log: for
// renewals. Errors: errUnformed, errNoQuorum, ctx's, or the text of the leader's.
func (q *quorum) Ask(ctx context.Context, kind string, body []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, proposeTimeout, errNoQuorum)
	defer cancel()
	return again(ctx, q, func() ([]byte, error) {
		node, _ := q.cluster()
		switch {
		case node == nil:
			return nil, errUnformed
		case node.leading():
			return q.cfg.Answer(kind, body)
		}
		return q.tellLeader(ctx, node, subAsk, kind, body)
	})
}

// tellLeader sends a member's request to the leader. A failure on the way is
// errNotLeader: try again.
func (q *quorum) tellLeader(ctx context.Context, node *raftNode, sub, kind string, body []byte) ([]byte, error) {
	leader := node.leader()
	if leader == "" || leader == node.id {
		return nil, errNotLeader
	}
	addr := q.addrOf(leader)
	if addr == "" {
		return nil, errNotLeader
	}
	meta := q.readMeta()
	v, err := q.calls.do(ctx, addr, "SENTINEL", "RAFT", sub, meta.Cluster, leader, kind, body,
		seal(meta.Key, sub, meta.Cluster, leader, kind, string(body)))
	if err == nil {
		return v.Bytes(), nil
	}
	if isAnswer(err) && err.Error() != replyNotLeader {
		return nil, errRefused(err.Error())
	}
	return nil, errNotLeader
}

// replyNotLeader tells a member to look for the leader elsewhere.
const replyNotLeader = "NOTLEADER this sentinel does not lead"

// seal proves under the cluster's key that a member said this.
func seal(key []byte, words ...string) string {
	mac := hmac.New(sha256.New, key)
	for _, s := range words {
		fmt.Fprintf(mac, "%d:%s,", len(s), s)
	}
	return hex.EncodeToString(mac.Sum(nil))
}

// Verify returns nil if we lead and a majority confirmed that after the call.
func (q *quorum) Verify(ctx context.Context) error {
	node, _ := q.cluster()
	if node == nil {
		return errUnformed
	}
	done := make(chan error, 1)
	if !q.spawn(func() { done <- node.verify() }) {
		return errStopping
	}
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

package sentinel

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/rs/zerolog"

	"github.com/vedette-ha/vedette/failover"
)

// Times of growing a cluster.
const (
	joinTimeout = 2 * time.Second
	// catchUpTimeout is how long a new member may take to apply the log before it
	// is left as a non-voter until the next look.
	catchUpTimeout = 2 * time.Second
	catchUpPoll    = 20 * time.Millisecond
)

// resume opens what the store says we are a member of.
func (q *quorum) resume() error {
	if q.readMeta().Cluster == "" {
		return nil
	}
	if !q.lock() {
		return errStopping
	}
	defer q.unlock()
	if node, _ := q.cluster(); node != nil {
		return nil // a leader was quick to take us in: the port may be open before Run
	}
	return q.openNode()
}

// openNode starts Raft on our store. The caller has the turn.
func (q *quorum) openNode() error {
	meta := q.readMeta()
	catchUp, err := q.cfg.Stores.lastCommand()
	if err != nil {
		return err
	}
	state := newAgreedReplica(q.log, q.hand)
	node, err := openRaft(raftParts{
		id: meta.serverID(), addr: q.cfg.Announce, stores: q.cfg.Stores, state: state,
		stream: newPeerStream(q.connect), addrOf: q.addrOf, led: func() { signal(q.wake) }, log: q.log,
	})
	if err != nil {
		return err
	}
	if meta.Founder == meta.MyID && node.lastIndex() == 0 {
		if err := node.bootstrap(); err != nil {
			return errors.Join(fmt.Errorf("bootstrap the cluster: %w", err), node.close())
		}
	}
	q.mu.Lock()
	q.node, q.state, q.catchUp, q.idle = node, state, catchUp, 0
	q.mu.Unlock()
	return nil
}

// closeNode stops Raft, if it runs.
func (q *quorum) closeNode() error {
	q.mu.Lock()
	node := q.node
	q.node, q.state = nil, nil
	q.mu.Unlock()
	if node == nil {
		return nil
	}
	return node.close()
}

// bootstrap founds a cluster of which we are the only voter, for now.
func (q *quorum) bootstrap(step formingStep) error {
	if !q.lock() {
		return nil
	}
	defer q.unlock()
	err := q.change(func(m *storeMeta) error {
		if m.Cluster != "" || m.Promise != step.Promise && m.Promise != (promise{}) {
			return errChanged
		}
		m.Cluster, m.Key = q.random(20), []byte(q.random(32))
		m.Founder, m.Need, m.Promise, m.Round = m.MyID, step.Need, step.Promise, step.Round
		m.Ready, m.Merged = false, false
		return nil
	})
	if err != nil {
		return err
	}
	q.log.Info().Str("cluster", q.readMeta().Cluster).Int("promises", step.Held).Int("need", step.Need).
		Msg("founding a cluster of sentinels")
	defer q.greetAll()
	return q.openNode()
}

// join takes us into a cluster whose leader asks.
func (q *quorum) join(_ context.Context, b []byte) ([]byte, error) {
	var r joinRequest
	if len(b) > greetingMaxBytes {
		return nil, errBadGreeting
	}
	if err := json.Unmarshal(b, &r); err != nil {
		return nil, fmt.Errorf("%w: %w", errBadGreeting, err)
	}
	if r.Cluster == "" || len(r.Cluster) > 128 || len(r.Key) < 32 || len(r.Key) > 128 || r.Need < 1 || !isSentinelID(r.Founder) {
		return nil, errBadGreeting
	}
	if !q.lock() {
		return nil, errStopping
	}
	defer q.unlock()
	if err := q.enterCluster(r); err != nil {
		return nil, err
	}
	local := q.localState()
	return json.Marshal(joinAnswer{Greeting: q.greeting(), Epoch: local.Epoch, Masters: local.Masters})
}

// enterCluster makes us a member, once. The caller has the turn.
func (q *quorum) enterCluster(r joinRequest) error {
	err := q.change(func(m *storeMeta) error {
		switch {
		case r.Server != m.serverID():
			return errors.New("not the sentinel this was meant for")
		case m.Cluster == r.Cluster:
			return errChanged
		case m.Cluster != "":
			return errors.New("a member of another cluster already")
		}
		m.Cluster, m.Key, m.Founder, m.Need, m.Ready = r.Cluster, r.Key, r.Founder, r.Need, r.Ready
		m.Merged = false
		return nil
	})
	if errors.Is(err, errChanged) {
		return nil
	}
	if err != nil {
		return err
	}
	q.log.Info().Str("cluster", r.Cluster).Str("founder", r.Founder).Msg("joining a cluster of sentinels")
	if err := q.openNode(); err != nil {
		return err
	}
	signal(q.wake)
	return nil
}

// tend looks after the cluster we belong to.
func (q *quorum) tend(ctx context.Context, node *raftNode, state *agreedReplica) error {
	q.logLeader(node)
	if err := q.noteReady(node); err != nil {
		return err
	}
	q.dropRemoved(node)
	if q.shouldLeave(node, state) {
		return q.leave(node, state)
	}
	meta := q.readMeta()
	if meta.Merged && !state.released.Load() {
		q.releaseReplayed(node, state)
	}
	todo := q.duties(node, state, meta)
	if len(todo) > 0 {
		q.work(ctx, todo)
	}
	return nil
}

// noteReady remembers for good that our cluster may decide.
func (q *quorum) noteReady(node *raftNode) error {
	if m := q.readMeta(); m.Ready || node.voters() < m.Need {
		return nil
	}
	if !q.lock() {
		return nil
	}
	defer q.unlock()
	err := q.change(func(m *storeMeta) error { m.Ready = true; return nil })
	if err == nil {
		q.log.Info().Str("cluster", q.readMeta().Cluster).Int("voters", node.voters()).
			Msg("the cluster of sentinels is formed")
		q.greetAll()
	}
	return err
}

// logLeader says who leads when that changes.
func (q *quorum) logLeader(node *raftNode) {
	leader := myIDOf(node.leader())
	q.mu.Lock()
	changed := q.led != leader
	q.led = leader
	q.mu.Unlock()
	if changed {
		q.log.Info().Str("leader", leader).Uint64("term", node.term()).Msg("raft leader")
		signal(q.changed)
	}
}

// releaseReplayed hands the state out once it holds what our log held when we
// started. The entry that was the last may have been replaced by one without a
// command; then it is enough that nothing is left to apply.
func (q *quorum) releaseReplayed(node *raftNode, state *agreedReplica) {
	if node.leader() == "" {
		return
	}
	q.mu.Lock()
	until := q.catchUp
	if node.commitIndex() >= until && node.applied() {
		q.idle++
	} else {
		q.idle = 0
	}
	idle := q.idle
	q.mu.Unlock()
	if state.index.Load() >= until || idle >= 3 {
		state.release(true)
		signal(q.changed)
	}
}

// duties is what has to be done by calls and proposals, in order.
func (q *quorum) duties(node *raftNode, state *agreedReplica, meta *storeMeta) []func(context.Context) error {
	var todo []func(context.Context) error
	if node.leading() {
		for _, c := range q.candidates(node) {
			todo = append(todo, func(ctx context.Context) error { return q.admit(ctx, node, state, c) })
		}
		if m := q.overdueVoter(node, state); m != nil && meta.Ready {
			todo = append(todo, func(ctx context.Context) error { return q.dismiss(ctx, node, *m) })
		}
		if meta.Ready && !state.formed.Load() {
			todo = append(todo, func(ctx context.Context) error { return q.proposeForm(ctx) })
		}
	}
	if meta.Ready && !meta.Merged && state.formed.Load() {
		todo = append(todo, func(ctx context.Context) error { return q.merge(ctx, state) })
	}
	return todo
}

// work does the duties on one goroutine, unless one is at it.
func (q *quorum) work(ctx context.Context, todo []func(context.Context) error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.busy || q.closed {
		return
	}
	q.busy = true
	q.tasks.Go(func() {
		for _, duty := range todo {
			if err := duty(ctx); err != nil && ctx.Err() == nil {
				q.log.Debug().Err(err).Msg("tending the cluster")
			}
		}
		q.mu.Lock()
		q.busy = false
		q.mu.Unlock()
	})
}

// candidates are the live peers that are no voters of our cluster yet.
func (q *quorum) candidates(node *raftNode) []peer {
	voters := map[string]bool{}
	for _, m := range node.configuration() {
		voters[m.ID] = m.Voter
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	var found []peer
	for _, p := range q.peers {
		if q.fresh(p) && p.addr != "" && !voters[p.greeting.Server] {
			found = append(found, *p)
		}
	}
	slices.SortFunc(found, func(a, b peer) int { return cmp.Compare(a.id, b.id) })
	return found
}

// admit makes a peer a voter, in steps that may each have been done before: it
// enters the cluster, receives the log without a vote, and is given a vote when it
// has caught up.
func (q *quorum) admit(ctx context.Context, node *raftNode, state *agreedReplica, p peer) error {
	meta, server := q.readMeta(), p.greeting.Server
	if other := p.greeting.Cluster; other != "" && other != meta.Cluster {
		q.stranger(meta, p)
		return nil
	}
	if ok, err := q.replaceOld(ctx, node, p); !ok || err != nil {
		return err
	}
	if p.greeting.Cluster == "" {
		if err := q.callIn(ctx, meta, p); err != nil {
			return err
		}
	}
	if err := node.addNonvoter(server, p.addr, joinTimeout); err != nil {
		return err
	}
	if !q.awaitCaughtUp(ctx, p, state.index.Load()) {
		return fmt.Errorf("sentinel %s is still catching up", p.id)
	}
	if err := node.addVoter(server, p.addr, joinTimeout); err != nil {
		return err
	}
	q.log.Info().Str("peer", p.id).Str("addr", p.addr).Msg("a sentinel joined our cluster")
	signal(q.wake)
	signal(q.changed)
	return nil
}

// replaceOld removes the former incarnation of a sentinel that lost its store;
// false: it is still alive, two sentinels share one id.
func (q *quorum) replaceOld(ctx context.Context, node *raftNode, p peer) (bool, error) {
	for _, m := range node.configuration() {
		if m.ID == p.greeting.Server || myIDOf(m.ID) != p.id {
			continue
		}
		ctx, cancel := context.WithTimeout(ctx, greetTimeout)
		g, err := q.sayHello(ctx, m.Addr)
		cancel()
		if err == nil && g.Server == m.ID {
			q.reinstate(g, m.Addr)
			return false, nil
		}
		q.log.Warn().Str("peer", p.id).Msg("a sentinel came back without its store: it is a new voter")
		if err := node.remove(m.ID, joinTimeout); err != nil {
			return false, err
		}
	}
	return true, nil
}

// reinstate makes g, a member, the sentinel we know under its id, though another
// one was heard under that id first.
func (q *quorum) reinstate(g greeting, addr string) {
	q.mu.Lock()
	p := q.peers[g.ID]
	p.twin, p.greeting, p.addr = p.greeting.Server, g, addr
	p.said = time.Now()
	q.mu.Unlock()
	q.hears(g, true)
}

// stranger names a sentinel of another cluster.
func (q *quorum) stranger(meta *storeMeta, p peer) {
	if !meta.Ready || !p.greeting.Ready {
		return // one of the two is going to dissolve
	}
	q.complainOnce("stranger "+p.greeting.Cluster, func(e *zerolog.Event) {
		e.Str("peer", p.id).Str("addr", p.addr).Strs("masters", p.greeting.Masters).
			Str("its_cluster", p.greeting.Cluster).Str("our_cluster", meta.Cluster).
			Msg("a sentinel of another cluster watches the same master: one process belongs to one cluster")
	})
}

// callIn asks an unformed sentinel to enter our cluster.
func (q *quorum) callIn(ctx context.Context, meta *storeMeta, p peer) error {
	ctx, cancel := context.WithTimeout(ctx, joinTimeout)
	defer cancel()
	body, err := json.Marshal(joinRequest{
		Cluster: meta.Cluster, Key: meta.Key, Founder: meta.Founder, Need: meta.Need,
		Ready: meta.Ready, Server: p.greeting.Server,
	})
	if err != nil {
		return err
	}
	v, err := q.calls.do(ctx, p.addr, "SENTINEL", "RAFT", subJoin, body)
	if err != nil {
		return fmt.Errorf("ask sentinel %s to join: %w", p.id, err)
	}
	var a joinAnswer
	if err := json.Unmarshal(v.Bytes(), &a); err != nil {
		return fmt.Errorf("sentinel %s: %w", p.id, err)
	}
	q.mu.Lock()
	if q.joined == nil {
		q.joined = map[string]joinAnswer{}
	}
	q.joined[p.id] = a
	q.mu.Unlock()
	return nil
}

// awaitCaughtUp asks p until it has applied the log up to index.
func (q *quorum) awaitCaughtUp(ctx context.Context, p peer, index uint64) bool {
	ctx, cancel := context.WithTimeout(ctx, catchUpTimeout)
	defer cancel()
	for ctx.Err() == nil {
		g, err := q.sayHello(ctx, p.addr)
		if err == nil && g.Server == p.greeting.Server {
			q.hears(g, true)
			if g.Index >= index {
				return true
			}
		}
		select {
		case <-time.After(catchUpPoll):
		case <-ctx.Done():
		}
	}
	return false
}

// proposeForm writes the first state of the cluster: ours, and what those who
// joined so far know better.
func (q *quorum) proposeForm(ctx context.Context) error {
	first := q.localState().Clone()
	q.mu.Lock()
	joined := maps.Clone(q.joined)
	q.mu.Unlock()
	for _, id := range slices.Sorted(maps.Keys(joined)) {
		a := joined[id]
		first.Apply(0, failover.Command{From: id, At: time.Now(), Body: failover.Merge{Epoch: a.Epoch, Masters: a.Masters}})
	}
	return q.enterBody(ctx, failover.Form{Cluster: q.readMeta().Cluster, Epoch: first.Epoch, Masters: first.Masters})
}

// enterBody puts a command of our own into the log.
func (q *quorum) enterBody(ctx context.Context, b failover.Body) error {
	ctx, cancel := context.WithTimeoutCause(ctx, proposeTimeout, errNoQuorum)
	defer cancel()
	entry, err := failover.Command{ID: q.random(12), From: q.cfg.MyID, At: time.Now(), Body: b}.Encode()
	if err != nil {
		return err
	}
	_, err = q.enter(ctx, entry)
	return err
}

// merge brings in what our file and our time alone knew; from then on the log
// alone counts. Commands that come meanwhile wait for the turn.
func (q *quorum) merge(ctx context.Context, state *agreedReplica) error {
	if !q.lock() {
		return errStopping
	}
	defer q.unlock()
	local := q.localState()
	if err := q.enterBody(ctx, failover.Merge{Epoch: local.Epoch, Masters: local.Masters}); err != nil {
		return err
	}
	if err := q.change(func(m *storeMeta) error { m.Merged = true; return nil }); err != nil {
		return err
	}
	state.release(false)
	signal(q.changed)
	return nil
}

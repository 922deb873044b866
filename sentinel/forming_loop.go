package sentinel

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/rs/zerolog"
)

// greetTimeout is how long a peer may take to answer a greeting.
const greetTimeout = time.Second

// loop looks at things when something changed, and now and then.
func (q *quorum) loop(ctx context.Context) error {
	timer := time.NewTimer(q.tickPeriod())
	defer timer.Stop()
	for {
		if err := q.tick(ctx); err != nil {
			return err
		}
		timer.Reset(q.tickPeriod())
		select {
		case <-ctx.Done():
			return nil
		case <-q.wake:
		case <-timer.C:
		}
	}
}

// tickPeriod is short while something is to be brought about.
func (q *quorum) tickPeriod() time.Duration {
	if _, state := q.cluster(); state != nil && state.released.Load() {
		return q.cfg.HelloPeriod / 2
	}
	return q.cfg.HelloPeriod / 20
}

// tick does what is due. An error is of our store: without it we cannot go on. If it
// merely cannot be written, nothing has changed, and the next tick tries again.
func (q *quorum) tick(ctx context.Context) error {
	node, state := q.cluster()
	var err error
	if node == nil {
		err = q.form()
	} else {
		err = q.tend(ctx, node, state)
	}
	q.greetDue(ctx)
	if state != nil && state.released.Load() && q.copyDue(state) {
		q.keepLocal()
	}
	if errors.Is(err, errChanged) || errors.Is(err, errUnwritable) {
		return nil // somebody was quicker; the next tick sees it
	}
	return err
}

// copyDue reports that nothing was committed since the last tick: a copy of the
// state is no reason to make a decision wait for the disk. A new address of a master
// is copied at once: after a start, this sentinel must not go back to the old one
// until it has found the others. With a thousand masters a copy is not free: while
// they fail over one after the other it takes a tenth of the time at most.
func (q *quorum) copyDue(state *agreedReplica) bool {
	index, switched := state.index.Load(), state.switched.Load()
	q.mu.Lock()
	defer q.mu.Unlock()
	if time.Now().Before(q.copyNext) {
		return false
	}
	due := q.lastSeen == index || q.switched != switched
	q.lastSeen, q.switched = index, switched
	return due
}

// errChanged says that what a decision was based on is no longer so.
var errChanged = errors.New("the state has changed meanwhile")

// form takes the next step towards a cluster.
func (q *quorum) form() error {
	v := q.formingView()
	step := decideForming(v)
	q.logWait(step)
	switch {
	case step.Bootstrap:
		return q.bootstrap(step)
	case step.Promise == v.Promise:
		return nil
	}
	return q.promise(v, step)
}

// formingView is what we know, for decideForming.
func (q *quorum) formingView() formingView {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := time.Now()
	v := formingView{
		Self: q.meta.MyID, Server: q.meta.serverID(), Round: q.meta.Round, Promise: q.meta.Promise,
		Quorum: highestQuorum(q.local), Expect: q.cfg.Expect, Period: q.cfg.HelloPeriod,
		Looking: now.Sub(q.started),
	}
	if !q.reaching.IsZero() {
		v.Reaching = now.Sub(q.reaching)
	}
	for _, id := range slices.Sorted(maps.Keys(q.peers)) {
		p := q.peers[id]
		fp := formingPeer{
			ID: id, Server: p.greeting.Server, Fresh: q.fresh(p),
			Cluster: p.greeting.Cluster, Promise: p.greeting.Promise,
			Silent: now.Sub(p.heard),
		}
		if p.heard.IsZero() {
			fp.Silent = v.Looking
		}
		fp.Mutual = fp.Fresh && slices.Contains(p.greeting.Reach, v.Self)
		v.Peers = append(v.Peers, fp)
	}
	return v
}

// promise stores a new promise, then tells everybody.
func (q *quorum) promise(v formingView, step formingStep) error {
	if !q.lock() {
		return nil
	}
	defer q.unlock()
	err := q.change(func(m *storeMeta) error {
		if m.Cluster != "" || m.Promise != v.Promise {
			return errChanged
		}
		m.Promise, m.Round = step.Promise, step.Round
		return nil
	})
	if err != nil {
		return err
	}
	q.log.Debug().Str("candidate", step.Promise.Candidate).Uint64("round", step.Promise.Round).
		Msg("promised to join")
	q.greetAll()
	return nil
}

// greetAll makes every greeting due.
func (q *quorum) greetAll() {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, p := range q.peers {
		p.next = time.Time{}
	}
	signal(q.wake)
}

// logWait says what forming waits for when that changes.
func (q *quorum) logWait(step formingStep) {
	q.mu.Lock()
	changed := q.waitsFor != step.Wait
	q.waitsFor = step.Wait
	q.mu.Unlock()
	if changed && !step.Bootstrap {
		q.log.Info().Int("promises", step.Held).Int("need", step.Need).
			Msg("no cluster yet: waiting " + step.Wait)
	}
}

// greetDue greets the peers whose turn it is, each on a goroutine of its own.
func (q *quorum) greetDue(ctx context.Context) {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := time.Now()
	for _, p := range q.peers {
		if p.calling || p.addr == "" || p.addr == q.cfg.Announce() || now.Before(p.next) || q.closed {
			continue
		}
		p.calling = true
		p.next = now.Add(q.greetPeriod(p))
		addr := p.addr
		if p.other != "" {
			addr, p.other = p.other, ""
			p.next = time.Time{}
		}
		q.tasks.Go(func() { q.greet(ctx, p, addr) })
	}
}

// greetPeriod is how often a peer is greeted with nothing new. The caller holds mu.
func (q *quorum) greetPeriod(p *peer) time.Duration {
	switch {
	case q.node == nil:
		return q.cfg.HelloPeriod / 4
	case p.kind == peerOurs && p.greeting.Cluster == q.meta.Cluster && p.greeting.Ready:
		return 2 * q.cfg.HelloPeriod
	case p.kind == peerForeign:
		return q.cfg.HelloPeriod
	}
	return q.cfg.HelloPeriod / 2
}

// greet says HELLO to one peer and takes in its answer.
func (q *quorum) greet(ctx context.Context, p *peer, addr string) {
	ctx, cancel := context.WithTimeout(ctx, greetTimeout)
	defer cancel()
	g, err := q.sayHello(ctx, addr)
	q.mu.Lock()
	p.calling = false
	if p.next.IsZero() {
		signal(q.wake) // it became due meanwhile
	}
	q.mu.Unlock()
	switch {
	case err == nil && g.ID == p.id:
		q.hears(g, true)
	case err == nil:
		q.wrongAddress(p, addr)
		q.hears(g, true)
	case isAnswer(err):
		q.refused(p, err.Error())
	}
}

// sayHello exchanges greetings with whoever listens at addr.
func (q *quorum) sayHello(ctx context.Context, addr string) (greeting, error) {
	body, err := json.Marshal(q.greeting())
	if err != nil {
		return greeting{}, err
	}
	v, err := q.calls.do(ctx, addr, "SENTINEL", "RAFT", subHello, body)
	if err != nil {
		return greeting{}, err
	}
	return decodeGreeting(v.Bytes())
}

// wrongAddress forgets an address that is another sentinel's now.
func (q *quorum) wrongAddress(p *peer, addr string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if p.addr == addr {
		p.addr = ""
	}
}

// refused classifies a peer that answered HELLO by an error: Redis's sentinels know
// no such subcommand; who wants a password first, or is starting, may be of either
// kind.
func (q *quorum) refused(p *peer, text string) {
	for _, prefix := range []string{"NOAUTH", "WRONGPASS", "NOPERM", "LOADING", "DENIED", "ERR max number"} {
		if strings.HasPrefix(text, prefix) {
			q.complainOnce("refused "+p.id+prefix, func(e *zerolog.Event) {
				e.Str("peer", p.id).Str("error", text).Msg("a sentinel does not let us in")
			})
			return
		}
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if p.kind != peerForeign {
		p.kind = peerForeign
		p.greeting = greeting{}
		signal(q.changed)
		q.log.Info().Str("peer", p.id).Str("addr", p.addr).Msg("a foreign sentinel, which takes no part in our cluster")
	}
	p.heard = time.Now()
}

// copyRest is the pause after a copy of the state, in times of what it took, and
// copyRestMost the longest: a disk that hangs once is not to keep a new address of a
// master from it for long.
const (
	copyRest     = 9
	copyRestMost = 2 * time.Second
)

// keepLocal stores the agreed state and the peers' addresses as this sentinel
// knows them, if they changed: what it answers after a start without a quorum.
func (q *quorum) keepLocal() {
	if !q.lock() {
		return
	}
	defer q.unlock()
	q.keepLocalLocked()
}

func (q *quorum) keepLocalLocked() {
	began := time.Now()
	_, state := q.cluster()
	index, due := uint64(0), state != nil && state.released.Load()
	if due {
		index = state.index.Load()
	}
	q.mu.Lock()
	due = due && (q.copied != state || q.copiedAt != index)
	meta, addrs := q.meta, map[string]string{}
	for id, p := range q.peers {
		if p.addr != "" && p.kind != peerForeign {
			addrs[id] = p.addr
		}
	}
	q.mu.Unlock()
	local := meta.Local
	if due {
		agreed := state.clone()
		b, err := agreed.Snapshot()
		if err != nil {
			q.log.Error().Err(err).Msg("encode the agreed state")
			return
		}
		q.mu.Lock()
		q.local = agreed
		q.mu.Unlock()
		local = b
	}
	if !bytes.Equal(local, meta.Local) || !maps.Equal(addrs, meta.Peers) {
		err := q.change(func(m *storeMeta) error { m.Local, m.Peers = local, addrs; return nil })
		if err != nil {
			q.log.Debug().Err(err).Msg("store the agreed state") // the loop says it once
			return
		}
	}
	if due {
		q.mu.Lock()
		q.copied, q.copiedAt = state, index
		q.copyNext = time.Now().Add(min(copyRest*time.Since(began), copyRestMost))
		q.mu.Unlock()
	}
}

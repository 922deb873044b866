package sentinel

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"github.com/vedette-ha/vedette/internal/resp"
)

// HandleCommand answers SENTINEL RAFT subcommands other than CONNECT; args starts
// with the subcommand's name. It may take as long as a proposal. The reply is
// appended to w, an error reply included.
func (q *quorum) HandleCommand(ctx context.Context, args [][]byte, w *resp.Writer) {
	reply, err := q.handle(ctx, args)
	var refused *resp.Error
	switch {
	case err == nil:
		w.Bulk(reply)
	case errors.Is(err, errNotLeader), errors.Is(err, errLostLeader):
		w.Error(replyNotLeader)
	case errors.As(err, &refused):
		w.Error(refused.Error())
	default:
		w.Error("ERR " + err.Error())
	}
}

// handle routes a subcommand.
func (q *quorum) handle(ctx context.Context, args [][]byte) ([]byte, error) {
	switch sub := strings.ToUpper(string(args[0])); {
	case sub == subHello && len(args) == 2:
		return q.hello(args[1])
	case sub == subJoin && len(args) == 2:
		return q.join(ctx, args[1])
	case sub == subPropose && len(args) == 6:
		return q.fromMember(args, func(_ string, entry []byte) ([]byte, error) {
			return q.proposeFor(ctx, entry)
		})
	case sub == subAsk && len(args) == 6:
		return q.fromMember(args, q.cfg.Answer)
	}
	return nil, errors.New("unknown subcommand or wrong number of arguments for 'sentinel|raft' command")
}

// hello answers a greeting by our own.
func (q *quorum) hello(b []byte) ([]byte, error) {
	g, err := decodeGreeting(b)
	if err != nil {
		return nil, err
	}
	q.hears(g, false)
	return json.Marshal(q.greeting())
}

// fromMember serves a request to the leader: cluster, server, kind, body, seal.
func (q *quorum) fromMember(args [][]byte, serve func(kind string, body []byte) ([]byte, error)) ([]byte, error) {
	sub, kind, body := strings.ToUpper(string(args[0])), string(args[3]), args[4]
	meta := q.readMeta()
	if meta.Cluster == "" || string(args[1]) != meta.Cluster || string(args[2]) != meta.serverID() {
		return nil, errStranger
	}
	if !sameProof(string(args[5]), seal(meta.Key, sub, meta.Cluster, meta.serverID(), kind, string(body))) {
		return nil, errWrongProof
	}
	if node, _ := q.cluster(); node == nil || !node.leading() {
		return nil, errNotLeader
	}
	return serve(kind, body)
}

func (q *quorum) proposeFor(ctx context.Context, entry []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, proposeTimeout, errNoQuorum)
	defer cancel()
	node, _ := q.cluster()
	if node == nil {
		return nil, errNotLeader
	}
	p, err := q.append(ctx, node, entry)
	if err != nil {
		return nil, err
	}
	return json.Marshal(p)
}

// greeting is what we say of ourselves.
func (q *quorum) greeting() greeting {
	q.mu.Lock()
	defer q.mu.Unlock()
	m := q.meta
	g := greeting{
		Version: greetingVersion, ID: m.MyID, Server: m.serverID(), Addr: q.cfg.Announce(),
		Cluster: m.Cluster, Ready: m.Ready, Promise: m.Promise,
	}
	agreed := q.local
	if q.node != nil {
		g.Voters, g.Index = q.node.voters(), q.state.index.Load()
		g.Decided = q.state.decided.Load()
	}
	g.Masters = masterNames(agreed)
	for _, p := range q.peers {
		if !q.fresh(p) {
			continue
		}
		g.Reach = append(g.Reach, p.id)
		if m.Cluster != "" && p.greeting.Cluster == "" {
			if g.Outside == nil {
				g.Outside = map[string]string{}
			}
			g.Outside[p.id] = p.addr
		}
	}
	slices.Sort(g.Reach)
	return g
}

// peer is another sentinel as we know it. It is guarded by quorum.mu.
type peer struct {
	id       string
	addr     string // newest announced, "" if it was another's
	other    string // announced while addr still answered; tried once
	kind     peerKind
	greeting greeting  // the newest, Version 0 if there is none
	heard    time.Time // when it last answered us
	said     time.Time // when it last said anything
	twin     string    // another server that said it was this one
	next     time.Time // when to greet it again
	calling  bool      // a greeting is under way
	member   bool      // of our cluster, at the last tick
}

// fresh reports that p answered lately. The caller holds mu.
func (q *quorum) fresh(p *peer) bool {
	return p.kind == peerOurs && !p.heard.IsZero() && time.Since(p.heard) < freshFor*q.cfg.HelloPeriod
}

// SawSentinel says that a hello or a known-sentinel line names a sentinel. A new
// one, or a new address, is greeted at once.
func (q *quorum) SawSentinel(id, addr string) {
	if !isSentinelID(id) || !isAddr(addr) {
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if id == q.meta.MyID {
		return // our own hello; a stranger under our id is found by its greeting
	}
	p := q.peerLocked(id)
	if p == nil || p.addr == addr {
		return
	}
	if q.fresh(p) {
		p.other = addr // it has moved, or another one has its id: see who answers
	} else {
		p.addr = addr
	}
	p.next = time.Time{}
	signal(q.wake)
}

// oldServerGone is the silence after which a sentinel's former incarnation, whose
// store it lost, is taken for gone.
const oldServerGone = 5 * time.Second

// isTwin reports that g is not of the sentinel we know under its id, which was
// heard a moment ago: two have the same id, or it lost its store and is soon taken
// for the new one. The caller holds mu.
func (q *quorum) isTwin(p *peer, g greeting) bool {
	if p.greeting.Server == "" || time.Since(p.said) >= oldServerGone {
		return false
	}
	if p.greeting.Server != g.Server {
		p.twin = g.Server
		return true
	}
	if p.twin == g.Server {
		p.twin = "" // there is no other any more
	}
	if p.twin != "" {
		q.complainLocked("twins "+p.id, func(e *zerolog.Event) {
			e.Str("myid", p.id).Str("addr", p.addr).
				Msg("two sentinels have the same myid: the one that came later is not admitted")
		})
	}
	return false
}

// passOn makes the greetings of fellow members due. The caller holds mu.
func (q *quorum) passOn() {
	for _, p := range q.peers {
		if p.greeting.Cluster == q.meta.Cluster {
			p.next = time.Time{}
		}
	}
}

// introduced takes in whom a fellow member sees and we may not. The caller holds
// mu.
func (q *quorum) introduced(outside map[string]string) {
	for id, addr := range outside {
		if !isSentinelID(id) || !isAddr(addr) || id == q.meta.MyID {
			continue
		}
		if p := q.peerLocked(id); p != nil && p.addr == "" {
			p.addr, p.next = addr, time.Time{}
		}
	}
}

// peersMax bounds the sentinels we remember; whoever comes later is ignored.
const peersMax = greetingMaxReach

// peerLocked finds or makes the peer with that id; nil: too many.
func (q *quorum) peerLocked(id string) *peer {
	p := q.peers[id]
	if p == nil {
		if len(q.peers) >= peersMax {
			return nil
		}
		p = &peer{id: id}
		q.peers[id] = p
		signal(q.changed)
	}
	return p
}

// SawDataNode says whether any data node answers us now: a sentinel that sees
// nothing does not form a cluster of its own.
func (q *quorum) SawDataNode(reachable bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case !reachable:
		q.reaching = time.Time{}
	case q.reaching.IsZero():
		q.reaching = time.Now()
	}
}

// hears takes in what a peer says, in its answer to our greeting or in its own.
func (q *quorum) hears(g greeting, answer bool) {
	if m := q.readMeta(); g.ID == m.MyID {
		if g.Server != m.serverID() {
			q.complainOnce("twin "+g.Server, func(e *zerolog.Event) {
				e.Str("myid", g.ID).Str("addr", g.Addr).
					Msg("another sentinel has our myid and is not admitted: give each its own")
			})
		}
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	p := q.peerLocked(g.ID)
	if p == nil {
		return
	}
	now := time.Now()
	news := p.kind != peerOurs || p.greeting.Server != g.Server || p.greeting.Promise != g.Promise ||
		p.greeting.Cluster != g.Cluster || p.greeting.Ready != g.Ready ||
		slices.Contains(p.greeting.Reach, q.meta.MyID) != slices.Contains(g.Reach, q.meta.MyID)
	if q.isTwin(p, g) {
		return
	}
	p.kind, p.greeting, p.said = peerOurs, g, now
	if g.Cluster != "" && g.Cluster == q.meta.Cluster {
		q.introduced(g.Outside)
	}
	if g.Addr != "" && g.Addr != p.addr {
		p.addr, news = g.Addr, true
	}
	if answer {
		news = news || !q.fresh(p)
		p.heard = now
	}
	if news {
		if g.Cluster == "" && q.node != nil {
			q.passOn()
		}
		if !answer {
			p.next = time.Time{} // hear it over a connection of our own
		}
		signal(q.wake)
		signal(q.changed)
	}
}

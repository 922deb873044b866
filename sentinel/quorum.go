package sentinel

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/vedette-ha/vedette/failover"
	"github.com/vedette-ha/vedette/internal/client"
)

// Errors of [quorum.Propose] and [quorum.Ask].
var (
	// errNoQuorum: the cluster is formed, but within proposeTimeout no leader could
	// commit. The command may be committed yet; proposing it again under the same id
	// returns its one result.
	errNoQuorum = errors.New("no quorum of sentinels")
	// errStopping: this sentinel is shutting down.
	errStopping = errors.New("the sentinel is shutting down")
	// errUnformed: there is no leader to ask, and will not be until a cluster forms.
	errUnformed = errors.New("no cluster of sentinels is formed")
)

// proposeTimeout bounds a proposal, the way to the leader included.
const proposeTimeout = 1800 * time.Millisecond

// commitQueue is how many commits may wait for the main loop. When it is full the
// log is not applied any further, here and only here, until the loop has read:
// nothing is dropped. So the loop must never wait for Propose itself.
const commitQueue = 256

// quorumConfig is what a quorum needs. Functions are called from several
// goroutines at once and must not call back into the quorum.
type quorumConfig struct {
	MyID   string  // 40 hex digits
	Stores *stores // owned by the quorum from here on
	// Initial is what sentinel.conf says. A store that already has a state keeps
	// that, see [quorum.Local]; [fileEdits] has what an operator changed since.
	Initial *failover.Agreed
	// Announce is host:port where peers reach this sentinel, "" while unknown.
	Announce func() string
	// Options say how to connect to a peer's sentinel port: dialler, TLS, AUTH.
	Options func() client.Options
	// Answer serves a peer's [quorum.Ask] while this sentinel leads.
	Answer func(kind string, body []byte) ([]byte, error)
	// EditsDone, if it is not nil, hears that the edits of sentinel.conf are agreed on.
	EditsDone func()
	// Expect is bootstrap-expect: how many sentinels to wait for before forming, 0
	// for the usual rule.
	Expect int
	// CleanupAfter is how long a voter may be away before it loses its vote, if enough
	// others remain; 0: for ever.
	CleanupAfter time.Duration
	// HelloPeriod is how often data nodes carry our hello; 0 is two seconds.
	HelloPeriod time.Duration
	Random      io.Reader                 // nil is crypto/rand
	Wall        func(time.Time) time.Time // see [Options]; nil: the time itself
	Log         zerolog.Logger
}

// quorum is this sentinel's part in the cluster: it finds the others, forms a
// Raft cluster with them, keeps the log, and hands out what is committed. Its
// methods are safe for concurrent use.
//
// Before there is a cluster, Propose applies commands to this sentinel's own
// state, which is durable and becomes part of the cluster's when it forms.
type quorum struct {
	cfg       quorumConfig
	log       zerolog.Logger
	commits   chan commit   // never closed
	changed   chan struct{} // holds a token when Status may have changed
	wake      chan struct{} // holds a token when the forming loop has something to look at
	done      chan struct{} // closed when Run ends: nothing is proposed or handed out any more
	turn      chan struct{} // holds a token unless the store or the raft node is being changed
	calls     caller
	started   time.Time
	tasks     sync.WaitGroup // goroutines of Run, HandleCommand and Propose
	foundRead [][]string     // the store's LastRead when we started

	mu       sync.Mutex // guards what follows; never held during I/O
	meta     *storeMeta // as stored; replaced as a whole, never changed in place
	local    *failover.Agreed
	edits    []failover.Command // of sentinel.conf that are not agreed on yet
	peers    map[string]*peer   // by myid
	node     *raftNode          // nil while we belong to no cluster
	state    *agreedReplica     // behind node
	reaching time.Time          // since when a data node answers us; zero: none does
	waitsFor string             // what forming waits for, as logged last
	led      string             // the leader, as logged last
	busy     bool               // a goroutine is at [quorum.lead] or [quorum.merge]
	catchUp  uint64             // index up to which the log was written before we started
	lastSeen uint64             // index at the last tick
	switched uint64             // [agreedReplica.switched] at the last tick
	copied   *agreedReplica     // what the copy on disk is of, and ...
	copiedAt uint64             // ... its index then
	copyNext time.Time          // no copy before
	idle     int                // ticks for which nothing was left to apply
	joined   map[string]joinAnswer
	closed   bool            // no new tasks
	complain map[string]bool // what was logged once already
}

// commit is one change of the agreed state, in the order in which all sentinels
// see it.
type commit struct {
	Index   uint64 // of the log; 0 while unformed
	Command failover.Command
	Result  failover.Result
	// State is set, and Command is not, when the whole state was replaced: when the
	// log is replayed after a start, when a cluster has formed, and when a follower
	// was far behind. It belongs to the receiver.
	State *failover.Agreed
	// Replayed says that State was decided before this process started and is no
	// news to publish.
	Replayed bool
}

// quorumStatus is a snapshot for SENTINEL commands, INFO and the machine.
type quorumStatus struct {
	Formed  bool   // the cluster may decide; false: this sentinel's state is its own
	Behind  bool   // the cluster may decide, and what it decided has not come here since the start
	Cluster string // id of the cluster, also while it is not complete yet
	Leader  string // myid of the Raft leader, "" if none is known
	Leading bool   // we are it
	Term    uint64
	Commit  uint64 // index
	// LastContact is when we last heard from the leader; now if we lead.
	LastContact time.Time
	Members     []quorumMember
	// Foreign counts the live sentinels that do not speak to us as one of ours.
	Foreign int
	// Store is what is wrong with our store, "" if nothing: while we cannot write, we
	// take part in no decision and may not know the newest.
	Store storeTrouble
	// Minority: our voters are no majority of all live sentinels, ours and foreign;
	// nothing may be claimed.
	Minority bool
	// Waits is what forming a cluster waits for, "" once that is over.
	Waits string
}

// How a sentinel stands with its quorum.
const (
	healthOK       = "ok"
	healthForming  = "forming"
	healthNoQuorum = "no-quorum"
)

// health is one of the words above. An election in time does not count as being cut
// off.
func (st quorumStatus) health() string {
	switch {
	case st.Behind:
		return healthNoQuorum
	case !st.Formed:
		return healthForming
	case st.Store.Kind != "", st.Leader == "" && time.Since(st.LastContact) > failover.CutOffAfter:
		return healthNoQuorum
	}
	return healthOK
}

// storeTrouble is why our store cannot be written.
type storeTrouble struct {
	Kind string // storeFailing, storeStalled, or empty
	Text string // the error
}

const (
	storeFailing = "failing" // writes fail: the disk is full, or broken
	storeStalled = "stalled" // a write has not come to an end
)

// trouble is what is wrong with writing.
func (w *writeWatch) trouble() storeTrouble {
	if err := w.failure(); err != nil {
		return storeTrouble{storeFailing, err.Error()}
	}
	if w.stalled() > stallLimit {
		return storeTrouble{Kind: storeStalled}
	}
	return storeTrouble{}
}

// quorumMember is one server of the cluster.
type quorumMember struct {
	ID       string // myid
	ServerID string
	Addr     string
	Voter    bool
}

// peerKind says how a sentinel answered our greeting.
type peerKind int

const (
	peerUnknown peerKind = iota // not reached yet, or not allowed to speak to us
	peerOurs
	peerForeign // a sentinel of Redis or Valkey
)

// peerInfo is what the quorum knows of another sentinel.
type peerInfo struct {
	ID     string // myid
	Addr   string // newest announced
	Kind   peerKind
	Member bool // of our cluster
	Seen   time.Time
}

// newQuorum takes over the store and reads it. The caller runs Run, which also
// closes the store.
func newQuorum(cfg quorumConfig) (*quorum, error) {
	if cfg.Random == nil {
		cfg.Random = rand.Reader
	}
	if cfg.Wall == nil {
		cfg.Wall = func(t time.Time) time.Time { return t }
	}
	if cfg.HelloPeriod == 0 {
		cfg.HelloPeriod = 2 * time.Second
	}
	q := &quorum{
		cfg:      cfg,
		log:      cfg.Log,
		commits:  make(chan commit, commitQueue),
		changed:  make(chan struct{}, 1),
		wake:     make(chan struct{}, 1),
		done:     make(chan struct{}),
		turn:     make(chan struct{}, 1),
		calls:    caller{options: cfg.Options},
		started:  time.Now(),
		peers:    map[string]*peer{},
		complain: map[string]bool{},
	}
	q.turn <- struct{}{}
	if err := q.readStore(); err != nil {
		return q, err
	}
	q.foundRead, q.edits = q.meta.LastRead, q.findEdits()
	return q, nil
}

// readStore takes over what the store remembers, or starts a new one.
func (q *quorum) readStore() error {
	m, err := q.cfg.Stores.readMeta()
	if err != nil {
		return err
	}
	if m == nil || m.MyID != q.cfg.MyID {
		if m != nil {
			q.log.Warn().Str("store", m.MyID).Str("myid", q.cfg.MyID).
				Msg("the store belongs to another myid: starting anew")
		}
		m = &storeMeta{Version: storeVersion, MyID: q.cfg.MyID}
	}
	if m.Incarnation == "" {
		next := *m
		next.Incarnation = q.random(8)
		if m = &next; m.Cluster == "" {
			if err := q.cfg.Stores.forget(); err != nil {
				return err
			}
		}
		if err := q.cfg.Stores.saveMeta(m); err != nil {
			return err
		}
	}
	q.meta, q.local = m, q.cfg.Initial.Clone()
	if len(m.Local) > 0 {
		if q.local, err = failover.ReadSnapshot(m.Local); err != nil {
			return fmt.Errorf("read the sentinel's store: %w", err)
		}
	}
	for id, addr := range m.Peers {
		q.peers[id] = &peer{id: id, addr: addr}
	}
	return nil
}

// Local is the state this sentinel starts from: the last it knew of, or that of
// sentinel.conf. It belongs to the caller. That of a member of a cluster says so, however
// old it is: such a sentinel decides nothing by itself while it cannot read the log. (It
// may not know yet that the cluster decides.)
func (q *quorum) Local() *failover.Agreed {
	q.mu.Lock()
	defer q.mu.Unlock()
	a := q.local.Clone()
	if a.Cluster == "" {
		a.Cluster = q.meta.Cluster
	}
	return a
}

// Run forms or joins the cluster and keeps it in order until ctx ends. It returns
// when all goroutines have ended and the store is closed.
func (q *quorum) Run(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	err := q.resume()
	q.spawn(func() { q.proposeEdits(ctx) })
	if err == nil {
		err = q.loop(ctx)
	}
	stop()
	q.mu.Lock()
	q.closed = true
	q.mu.Unlock()
	close(q.done)
	q.calls.close()
	q.keepLocal() // what was committed since the last time
	err = errors.Join(err, q.closeNode())
	q.tasks.Wait()
	return errors.Join(err, q.cfg.Stores.close())
}

// Commits is where changes of the agreed state arrive. One goroutine must read it
// all the time; it is not closed.
func (q *quorum) Commits() <-chan commit { return q.commits }

// Changed holds a token when Status or Peers may say something new.
func (q *quorum) Changed() <-chan struct{} { return q.changed }

// Status returns what is known now.
func (q *quorum) Status() quorumStatus {
	q.mu.Lock()
	defer q.mu.Unlock()
	s := quorumStatus{Cluster: q.meta.Cluster, Store: q.cfg.Stores.writes.trouble()}
	voters := 1
	if q.node != nil {
		s.Formed = q.state.released.Load()
		s.Leader = myIDOf(q.node.leader())
		s.Leading = q.node.leading()
		if s.Leading && s.Store.Kind != "" {
			s.Leader, s.Leading = "", false // the library has yet to notice
		}
		s.Term, s.Commit = q.node.term(), q.node.commitIndex()
		if s.LastContact = q.node.lastContact(); s.Leading {
			s.LastContact = time.Now()
		}
		for _, m := range q.node.configuration() {
			s.Members = append(s.Members, quorumMember{myIDOf(m.ID), m.ID, q.addrOfLocked(m.ID, m.Addr), m.Voter})
		}
		voters = max(voters, q.node.voters())
	}
	s.Behind = q.meta.Ready && !s.Formed
	if !q.meta.Ready {
		s.Waits = q.waitsFor
	}
	for _, p := range q.peers {
		if p.kind == peerForeign && time.Since(p.heard) < foreignAlive*q.cfg.HelloPeriod {
			s.Foreign++
		}
	}
	s.Minority = s.Foreign > 0 && voters <= s.Foreign
	return s
}

// foreignAlive is for how many hello periods a foreign sentinel counts as alive
// after its last answer.
const foreignAlive = 5

// Peers returns all sentinels known, sorted by id.
func (q *quorum) Peers() []peerInfo {
	q.mu.Lock()
	defer q.mu.Unlock()
	members := map[string]bool{}
	if q.node != nil {
		for _, m := range q.node.configuration() {
			members[myIDOf(m.ID)] = true
		}
	}
	infos := make([]peerInfo, 0, len(q.peers))
	for _, id := range slices.Sorted(maps.Keys(q.peers)) {
		p := q.peers[id]
		infos = append(infos, peerInfo{id, p.addr, p.kind, members[id], p.heard})
	}
	return infos
}

// addrOf is the newest address a server announced, "" if it is unknown.
func (q *quorum) addrOf(server string) string {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.addrOfLocked(server, "")
}

func (q *quorum) addrOfLocked(server, fallback string) string {
	if server == q.meta.serverID() {
		return q.cfg.Announce()
	}
	p := q.peers[myIDOf(server)]
	if p == nil || p.addr == "" || p.greeting.Server != "" && p.greeting.Server != server {
		return fallback
	}
	return p.addr
}

func (q *quorum) readMeta() *storeMeta {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.meta
}

// lock takes the turn to change the store or the raft node; false: Run has ended.
// It is a channel, since whoever holds it waits for the disk.
func (q *quorum) lock() bool {
	select {
	case <-q.turn:
		return true
	case <-q.done:
		return false
	}
}

func (q *quorum) unlock() { q.turn <- struct{}{} }

// change stores what edit makes of the meta, then puts it into force. edit gets a
// shallow copy and may refuse. The caller has the turn.
func (q *quorum) change(edit func(m *storeMeta) error) error {
	next := *q.readMeta()
	if err := edit(&next); err != nil {
		return err
	}
	if err := q.cfg.Stores.saveMeta(&next); err != nil {
		return err
	}
	q.mu.Lock()
	q.meta = &next
	q.mu.Unlock()
	return nil
}

// spawn runs f on a goroutine that Run waits for; false: Run is ending.
func (q *quorum) spawn(f func()) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return false
	}
	q.tasks.Go(f)
	return true
}

// complainOnce logs a condition that stays until somebody does something about it.
func (q *quorum) complainOnce(key string, log func(e *zerolog.Event)) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.complainLocked(key, log)
}

// complainLocked is complainOnce for a caller that holds mu; logging waits for
// nobody.
func (q *quorum) complainLocked(key string, log func(e *zerolog.Event)) {
	if q.complain[key] || len(q.complain) >= complaintsMax {
		return
	}
	q.complain[key] = true
	log(q.log.Error())
}

// complaintsMax bounds what is remembered of complaints; strangers have no end.
const complaintsMax = 1024

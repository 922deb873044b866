package sentinel

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"
	"github.com/rs/zerolog"
)

// Timing of the consensus. A leader that dies is replaced after one heartbeat timeout
// to one and a half (silenceLimit); one that is cut off stops leading after its lease, before
// anyone else can have been elected.
const (
	heartbeatTimeout = 500 * time.Millisecond
	electionTimeout  = heartbeatTimeout
	leaderLease      = 400 * time.Millisecond
	// silenceLimit is how long a follower hears nothing of its leader before it looks
	// whether heartbeatTimeout is over. The library looks at times of its own, and may
	// need three timeouts for that; a leader that is slow for a moment is not to lose its
	// place at once.
	silenceLimit = 3 * heartbeatTimeout / 2
	// leadingTimeout is the leader's own heartbeatTimeout, of which a heartbeat is sent
	// every tenth to fifth: each wakes two processes, and nothing else is to be done on
	// most of these occasions.
	leadingTimeout = time.Second
	// commitTimeout is how late a follower may learn of a commit nobody told it
	// about, up to twice that; [raftNode.spread] tells all of them at once.
	commitTimeout = 500 * time.Millisecond
	// rpcTimeout is how long a peer may take to answer, its disk included.
	rpcTimeout = time.Second
	// stallLimit is how long a leader's store may hang before it falls silent,
	// so that the others elect one that can write.
	stallLimit = heartbeatTimeout
)

// Bounds of the log. Entries are small (a decision) and rare.
const (
	snapshotInterval  = 30 * time.Second
	snapshotThreshold = 1024
	trailingLogs      = 256
	raftBatch         = 64
)

// raftNode is this sentinel's Raft server. Its methods are safe for concurrent
// use. The library it wraps is seen here and in raft_store.go only.
type raftNode struct {
	id     string
	r      *raft.Raft
	t      *raftTransport
	stream *peerStream
	logs   raft.LogStore
	spread spreader
	giveUp chan struct{} // closed by close: what cannot be written is not any more

	watching sync.WaitGroup // for watchLeader

	mu      sync.Mutex // guards closing
	closing bool
	asked   sync.WaitGroup // futures of the library somebody waits for
}

// raftParts is what a raftNode is made of.
type raftParts struct {
	id     string
	addr   func() string // our own, "" while unknown
	stores *stores
	state  replica
	stream *peerStream
	addrOf func(id string) string // newest address of a server, "" if unknown
	led    func()                 // called when another server leads, or none; does not block
	log    zerolog.Logger
}

// openRaft starts the server on what its store holds. The caller must close it.
func openRaft(p raftParts) (*raftNode, error) {
	logger := raftLogger(p.log)
	t := &raftTransport{stalled: p.stores.writes.stalled}
	stop := make(chan struct{})
	insist := func(write func() error) error { return p.stores.writes.insist(stop, write) }
	t.NetworkTransport = raft.NewNetworkTransportWithConfig(&raft.NetworkTransportConfig{
		ServerAddressProvider: addressBook{p.id, p.addr, p.addrOf},
		Logger:                logger,
		Stream:                streamLayer{p.stream, p.id, p.addr},
		MaxPool:               3,
		MaxRPCsInFlight:       1, // no pipeline: it would bypass our AppendEntries
		Timeout:               rpcTimeout,
	})
	r, err := raft.NewRaft(raftConfig(p.id, logger), fsm{p.state},
		insistentLogs{p.stores.logs, insist}, insistentStable{p.stores.stable, insist}, p.stores.snaps, t)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start raft: %w", err), t.Close())
	}
	t.server.Store(r)
	n := &raftNode{id: p.id, r: r, t: t, stream: p.stream, logs: p.stores.logs, giveUp: stop}
	n.spread.send = n.sendCommit
	n.watching.Go(func() { n.watchLeader(p.led) })
	return n, nil
}

// watchLeader calls led when the leader has changed. While we lead it has fewer heartbeats
// sent than the library would; when we follow, we become a candidate as soon as the others.
func (n *raftNode) watchLeader(led func()) {
	changed := make(chan raft.Observation, 1) // one that is dropped says what the one in it does
	o := raft.NewObserver(changed, false, func(o *raft.Observation) bool {
		_, ok := o.Data.(raft.LeaderObservation)
		return ok
	})
	n.r.RegisterObserver(o)
	defer n.r.DeregisterObserver(o)
	look := time.NewTimer(silenceLimit)
	defer look.Stop()
	for {
		select {
		case <-changed:
		case leads := <-n.r.LeaderCh():
			n.setPace(leads)
		case <-look.C:
			look.Reset(n.noticeSilence())
			continue
		case <-n.giveUp:
			return
		}
		led()
	}
}

func (n *raftNode) setPace(leads bool) {
	timeout := heartbeatTimeout
	if leads {
		timeout = leadingTimeout
	}
	n.setTimeout(timeout)
}

// noticeSilence has the library look whether the leader is silent if it is, and returns
// when to look again.
func (n *raftNode) noticeSilence() time.Duration {
	if _, leader := n.r.LeaderWithID(); leader == "" || n.r.State() != raft.Follower {
		return silenceLimit
	}
	if left := silenceLimit - time.Since(n.r.LastContact()); left > 0 {
		return left
	}
	n.setTimeout(heartbeatTimeout + 1) // it looks when the timeout becomes shorter
	n.setTimeout(heartbeatTimeout)
	return silenceLimit
}

// setTimeout is for watchLeader alone.
func (n *raftNode) setTimeout(timeout time.Duration) {
	c := n.r.ReloadableConfig()
	c.HeartbeatTimeout, c.ElectionTimeout = timeout, timeout
	if err := n.r.ReloadConfig(c); err != nil {
		panic("sentinel: raft timing: " + err.Error())
	}
}

func raftConfig(id string, logger hclog.Logger) *raft.Config {
	c := raft.DefaultConfig()
	c.LocalID = raft.ServerID(id)
	c.HeartbeatTimeout = heartbeatTimeout
	c.ElectionTimeout = electionTimeout
	c.LeaderLeaseTimeout = leaderLease
	c.CommitTimeout = commitTimeout
	c.MaxAppendEntries = raftBatch
	c.SnapshotInterval = snapshotInterval
	c.SnapshotThreshold = snapshotThreshold
	c.TrailingLogs = trailingLogs
	c.ShutdownOnRemove = false
	c.NoLegacyTelemetry = true
	c.Logger = logger
	return c
}

// close stops the server and returns when all its goroutines have ended. What was
// asked of it before is answered first: the library forgets some of its futures
// when it is shut down, and whoever waits for one waits for ever. Without a
// majority that takes as long as the leader's lease.
func (n *raftNode) close() error {
	n.mu.Lock()
	n.closing = true
	n.mu.Unlock()
	close(n.giveUp)
	n.watching.Wait()
	n.asked.Wait()
	n.t.stop()
	err := n.r.Shutdown().Error()
	n.spread.close()
	return errors.Join(err, n.t.Close())
}

// future asks the library for something and waits for its answer.
func (n *raftNode) future(ask func() raft.Future) error {
	n.mu.Lock()
	if n.closing {
		n.mu.Unlock()
		return errStopping
	}
	n.asked.Add(1)
	n.mu.Unlock()
	defer n.asked.Done()
	return raftError(ask().Error())
}

// bootstrap makes this server the only voter of a new cluster.
func (n *raftNode) bootstrap() error {
	return n.r.BootstrapCluster(raft.Configuration{Servers: []raft.Server{{
		Suffrage: raft.Voter, ID: raft.ServerID(n.id), Address: n.t.LocalAddr(),
	}}}).Error()
}

// propose appends an entry and returns what apply answered once it is committed.
// errNotLeader and errLostLeader say that another server leads; after the latter
// the entry may be committed yet.
func (n *raftNode) propose(entry []byte, timeout time.Duration) (index uint64, answer any, err error) {
	var f raft.ApplyFuture
	err = n.future(func() raft.Future { f = n.r.Apply(entry, timeout); return f })
	if err != nil {
		return 0, nil, err
	}
	applied := f.Response().(applied)
	n.spread.tell(n.others(), applied.index, applied.term)
	return applied.index, applied.answer, nil
}

// reconfigure changes the configuration and spreads that.
func (n *raftNode) reconfigure(change func() raft.IndexFuture) error {
	var f raft.IndexFuture
	if err := n.future(func() raft.Future { f = change(); return f }); err != nil {
		return err
	}
	var entry raft.Log
	if n.logs.GetLog(f.Index(), &entry) == nil {
		n.spread.tell(n.others(), entry.Index, entry.Term)
	}
	return nil
}

var (
	errNotLeader  = errors.New("not the leader")
	errLostLeader = errors.New("leadership lost while committing")
)

func raftError(err error) error {
	switch {
	case errors.Is(err, raft.ErrNotLeader), errors.Is(err, raft.ErrLeadershipTransferInProgress):
		return errNotLeader
	case errors.Is(err, raft.ErrLeadershipLost), errors.Is(err, raft.ErrAbortedByRestore):
		return errLostLeader
	}
	return err
}

func (n *raftNode) addNonvoter(id, addr string, timeout time.Duration) error {
	return n.reconfigure(func() raft.IndexFuture {
		return n.r.AddNonvoter(raft.ServerID(id), target(id, addr), 0, timeout)
	})
}

func (n *raftNode) addVoter(id, addr string, timeout time.Duration) error {
	return n.reconfigure(func() raft.IndexFuture {
		return n.r.AddVoter(raft.ServerID(id), target(id, addr), 0, timeout)
	})
}

func (n *raftNode) remove(id string, timeout time.Duration) error {
	return n.reconfigure(func() raft.IndexFuture {
		return n.r.RemoveServer(raft.ServerID(id), 0, timeout)
	})
}

// configuration is the newest one known, committed or not.
func (n *raftNode) configuration() []member {
	f := n.r.GetConfiguration()
	if f.Error() != nil {
		return nil
	}
	return membersOf(f.Configuration())
}

// voters is how many servers of the configuration vote.
func (n *raftNode) voters() int {
	count := 0
	for _, m := range n.configuration() {
		if m.Voter {
			count++
		}
	}
	return count
}

func (n *raftNode) others() []member {
	return slices.DeleteFunc(n.configuration(), func(m member) bool { return m.ID == n.id })
}

// leader is the server id of the leader we follow or are, "" if none is known.
func (n *raftNode) leader() string {
	_, id := n.r.LeaderWithID()
	return string(id)
}

func (n *raftNode) leading() bool       { return n.r.State() == raft.Leader }
func (n *raftNode) term() uint64        { return n.r.CurrentTerm() }
func (n *raftNode) commitIndex() uint64 { return n.r.CommitIndex() }
func (n *raftNode) lastIndex() uint64   { return n.r.LastIndex() }

// applied reports that nothing committed is left to be handed to the replica.
func (n *raftNode) applied() bool {
	return n.r.AppliedIndex() >= n.r.CommitIndex() && n.r.Stats()["fsm_pending"] == "0"
}

func (n *raftNode) lastContact() time.Time { return n.r.LastContact() }

// transfer makes another voter the leader: the one named, or the one that is most up
// to date.
func (n *raftNode) transfer(to *member) error {
	return n.future(func() raft.Future {
		if to == nil {
			return n.r.LeadershipTransfer()
		}
		return n.r.LeadershipTransferToServer(raft.ServerID(to.ID), target(to.ID, to.Addr))
	})
}

// verify returns nil if a majority still takes us for the leader.
func (n *raftNode) verify() error { return n.future(n.r.VerifyLeader) }

// target is how an address is written in the configuration: with the id, which
// keeps it unique and tells the dialler whom to expect there.
func target(id, addr string) raft.ServerAddress { return raft.ServerAddress(id + "@" + addr) }

func membersOf(c raft.Configuration) []member {
	ms := make([]member, 0, len(c.Servers))
	for _, s := range c.Servers {
		_, addr := splitTarget(string(s.Address))
		ms = append(ms, member{ID: string(s.ID), Addr: addr, Voter: s.Suffrage == raft.Voter})
	}
	return ms
}

// addressBook tells the transport where a server is now.
type addressBook struct {
	self   string
	addr   func() string
	newest func(id string) string
}

func (b addressBook) ServerAddr(id raft.ServerID) (raft.ServerAddress, error) {
	if string(id) == b.self {
		return target(b.self, b.addr()), nil
	}
	if addr := b.newest(string(id)); addr != "" {
		return target(string(id), addr), nil
	}
	return "", fmt.Errorf("no address announced by %s", id)
}

// streamLayer lets Raft's transport use connections of the sentinel port.
type streamLayer struct {
	*peerStream
	self string
	addr func() string
}

func (s streamLayer) Dial(to raft.ServerAddress, timeout time.Duration) (net.Conn, error) {
	return s.dial(string(to), timeout)
}

func (s streamLayer) Addr() net.Addr { return raftAddr(target(s.self, s.addr())) }

type raftAddr string

func (raftAddr) Network() string  { return "sentinel" }
func (a raftAddr) String() string { return string(a) }

// fsm hands the log to the replica.
type fsm struct{ state replica }

// applied is what fsm.Apply answers to the proposer's future.
type applied struct {
	index, term uint64
	answer      any
}

func (f fsm) Apply(l *raft.Log) any {
	return applied{l.Index, l.Term, f.state.apply(l.Index, l.Data)}
}

func (f fsm) StoreConfiguration(index uint64, c raft.Configuration) {
	f.state.members(index, membersOf(c))
}

func (f fsm) Snapshot() (raft.FSMSnapshot, error) {
	b, err := f.state.encode()
	return encodedState(b), err
}

func (f fsm) Restore(r io.ReadCloser) error {
	defer r.Close()
	b, err := io.ReadAll(io.LimitReader(r, stateMaxBytes+1))
	if err != nil {
		return fmt.Errorf("read snapshot: %w", err)
	}
	if len(b) > stateMaxBytes {
		return fmt.Errorf("snapshot larger than %d bytes", stateMaxBytes)
	}
	return f.state.decode(b)
}

// encodedState is a snapshot on its way to the disk.
type encodedState []byte

func (s encodedState) Persist(sink raft.SnapshotSink) error {
	if _, err := sink.Write(s); err != nil {
		return errors.Join(err, sink.Cancel())
	}
	return sink.Close()
}

func (encodedState) Release() {}

// raftTransport is Raft's transport with two additions: it falls silent while
// our store is stalled, and it ends the growing pauses (up to ten seconds) in
// which Raft does not try a peer that was away as soon as that peer is back.
type raftTransport struct {
	*raft.NetworkTransport
	stalled func() time.Duration
	server  atomic.Pointer[raft.Raft] // nil until it runs

	mu      sync.Mutex                      // guards what follows
	back    map[raft.ServerID]chan struct{} // closed by the next heartbeat that is answered
	stopped bool
}

var errStalled = errors.New("our store is stalled")

// AppendEntries also carries the heartbeats.
func (t *raftTransport) AppendEntries(id raft.ServerID, to raft.ServerAddress,
	req *raft.AppendEntriesRequest, resp *raft.AppendEntriesResponse) error {
	if t.stalled() > stallLimit {
		return errStalled
	}
	err := t.NetworkTransport.AppendEntries(id, to, req, resp)
	if isHeartbeat(req) {
		if err == nil {
			t.answered(id)
		}
		return err
	}
	if err == nil || !t.awaitBack(id) {
		return err
	}
	return t.NetworkTransport.AppendEntries(id, to, req, resp)
}

func isHeartbeat(req *raft.AppendEntriesRequest) bool {
	return req.PrevLogEntry == 0 && req.LeaderCommitIndex == 0 && len(req.Entries) == 0
}

// answered wakes whoever waits for id to be back.
func (t *raftTransport) answered(id raft.ServerID) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if c := t.back[id]; c != nil {
		close(c)
		delete(t.back, id)
	}
}

// awaitBack waits until id answers a heartbeat; it reports false if we stop, no longer
// lead, or id was removed before that.
func (t *raftTransport) awaitBack(id raft.ServerID) bool {
	back := t.backOf(id)
	tick := time.NewTicker(heartbeatTimeout)
	defer tick.Stop()
	for {
		select {
		case <-back:
			return t.leading()
		case <-tick.C:
			if t.isStopped() || !t.leading() || !t.serves(id) {
				return false
			}
		}
	}
}

func (t *raftTransport) backOf(id raft.ServerID) chan struct{} {
	t.mu.Lock()
	defer t.mu.Unlock()
	c := t.back[id]
	if c == nil {
		c = make(chan struct{})
		if t.back == nil {
			t.back = map[raft.ServerID]chan struct{}{}
		}
		t.back[id] = c
	}
	return c
}

func (t *raftTransport) leading() bool {
	r := t.server.Load()
	return r != nil && r.State() == raft.Leader
}

// serves reports whether id is in the configuration.
func (t *raftTransport) serves(id raft.ServerID) bool {
	servers := t.server.Load().GetConfiguration().Configuration().Servers
	return slices.ContainsFunc(servers, func(s raft.Server) bool { return s.ID == id })
}

func (t *raftTransport) isStopped() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.stopped
}

// stop makes awaitBack give up.
func (t *raftTransport) stop() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.stopped = true
	for id, c := range t.back {
		close(c)
		delete(t.back, id)
	}
}

// sendCommit tells one follower that the entry at index, of our term, is
// committed: the append without entries that Raft itself would send a commit
// timeout later. It is true only of the term in which we proposed that entry and
// saw it committed as leader; a follower in a later term ignores it. One that has
// not stored the entry yet, since a majority was quicker, is told again.
func (n *raftNode) sendCommit(to member, index, term uint64) {
	addr := n.t.EncodePeer(raft.ServerID(n.id), n.t.LocalAddr())
	req := &raft.AppendEntriesRequest{
		RPCHeader:         raft.RPCHeader{ProtocolVersion: raft.ProtocolVersionMax, ID: []byte(n.id), Addr: addr},
		Term:              term,
		PrevLogEntry:      index,
		PrevLogTerm:       term,
		LeaderCommitIndex: index,
	}
	for pause := sendCommitPause; pause < commitTimeout/2; pause *= 2 {
		var resp raft.AppendEntriesResponse
		err := n.t.NetworkTransport.AppendEntries(raft.ServerID(to.ID), target(to.ID, to.Addr), req, &resp)
		if err != nil || resp.Success || resp.Term > term || n.t.isStopped() {
			return // best effort: it learns of the commit as always
		}
		time.Sleep(pause)
	}
}

// sendCommitPause is how long the first wait is for a follower to store an entry.
const sendCommitPause = time.Millisecond

// raftLogger passes the library's lines on at debug level: what an operator
// should know of them (who leads, whom we cannot reach) is logged by us, once.
func raftLogger(log zerolog.Logger) hclog.Logger {
	if log.GetLevel() > zerolog.DebugLevel {
		return hclog.NewNullLogger()
	}
	return hclog.New(&hclog.LoggerOptions{
		Name: "raft", Level: hclog.Info, Output: raftLines{log}, JSONFormat: true,
	})
}

// raftLines rewrites the library's JSON lines as events of our log.
type raftLines struct{ log zerolog.Logger }

func (l raftLines) Write(line []byte) (int, error) {
	var fields map[string]any
	if err := json.Unmarshal(bytes.TrimSpace(line), &fields); err != nil {
		l.log.Debug().Bytes("raft", line).Msg("raft")
		return len(line), nil
	}
	msg, _ := fields["@message"].(string)
	for _, k := range []string{"@message", "@level", "@module", "@timestamp"} {
		delete(fields, k)
	}
	l.log.Debug().Fields(fields).Msg("raft: " + msg)
	return len(line), nil
}

package failover

import "time"

// Event is something that happened to this sentinel. At is the time it is passed on, with
// its monotonic reading: what it leads to happens then. It never goes back from one Event
// to the next (an earlier At counts as the latest seen).
type Event interface{ when() time.Time }

// The events.
type (
	// Tick says what time it is. The caller sends one when [Machine.NextDeadline] has
	// passed, after it has passed on every reply that has already arrived.
	Tick struct{ At time.Time }

	// LinkUp: the command link of a node is connected, authenticated and usable.
	LinkUp struct {
		At   time.Time
		Node Node
	}
	// LinkDown: the command link of a node was lost, or a dial failed. It is sent for
	// every failed dial, also when the link was down before: a refusal has to be
	// confirmed to count.
	LinkDown struct {
		At    time.Time
		Node  Node
		Fault Fault
		// Unresolved: the host name does not resolve any more, and the fault is that of
		// the address it had.
		Unresolved bool
	}
	// PubSubUp and PubSubDown: the same for the Pub/Sub link of a data node.
	PubSubUp struct {
		At   time.Time
		Node Node
	}
	PubSubDown struct {
		At   time.Time
		Node Node
	}

	// PingReply answers a [Ping].
	PingReply struct {
		At    time.Time
		Node  Node
		Reply Reply
	}
	// InfoReply answers an [AskInfo].
	InfoReply struct {
		At   time.Time
		Node Node
		Info Info
	}
	// InfoFailed: INFO was answered by an error or not understood. Reply says which.
	InfoFailed struct {
		At    time.Time
		Node  Node
		Reply Reply
	}
	// SendReply answers a [Send]. Err is the first error among the replies up to and
	// with that of EXEC, or of the first command inside EXEC; empty if executed.
	// Errors of later commands inside EXEC do not count (CONFIG REWRITE fails on a
	// server without a file). When the link is lost before, there is a LinkDown
	// instead. When a Send with Verify was dropped because the leadership could not
	// be verified, Err is ErrNotLeader.
	SendReply struct {
		At   time.Time
		Node Node
		Seq  uint64
		Err  string
	}

	// Hello is a message of the __sentinel__:hello channel, or of a PUBLISH to this
	// sentinel. Our own are not passed on.
	Hello struct {
		At           time.Time
		ID           string
		Addr         Addr
		CurrentEpoch uint64
		Name         string
		Master       Addr
		ConfigEpoch  uint64
	}
	// Peer says what is known of another sentinel: at the start from the store and
	// known-sentinel lines, later when it changes. Addr may be zero if unknown.
	Peer struct {
		At      time.Time
		ID      string
		Addr    Addr
		Masters []string // names it watches; nil: all (a voter)
		Foreign bool     // a Redis Sentinel: it takes no part in our log
	}
	// Forget: the sentinel is gone for good (removed as a voter, or by RESET of a
	// foreign one).
	Forget struct {
		At time.Time
		ID string
	}
	// PeerReport is a peer's view of a master ([Report] of another machine, or a
	// foreign sentinel's answer to [AskMasterDown]; then Epoch is 0).
	PeerReport struct {
		At     time.Time
		From   string
		Master string
		Addr   Addr
		Epoch  uint64 // config-epoch
		Down   bool
	}

	// PeerSight is how many data nodes a peer reaches ([Sight] of another machine).
	PeerSight struct {
		At    time.Time
		From  string
		Nodes int
	}

	// Quorum is the state of the Raft cluster, sent whenever any of it changes.
	Quorum struct {
		At     time.Time
		Formed bool
		Behind bool     // of a cluster whose decisions have not come since the start
		Leader string   // id of the sentinel that leads, empty if none is known
		Voters []string // ids, self included
	}
	// Committed is an entry of the log, in order, without gaps. Replayed entries were
	// in the log when the process started: they are collected, and take effect in one
	// go and without a word at ReplayDone.
	Committed struct {
		At       time.Time
		Index    uint64
		Command  Command
		Replayed bool
	}
	// Restored replaces the agreed state by a snapshot; later entries follow. The
	// machine keeps its own copy.
	Restored struct {
		At       time.Time
		State    *Agreed
		Replayed bool
	}
	// ReplayDone: the last entry known at the start has been passed on. Needed only
	// after Replayed events; a Committed or Restored that is not Replayed implies it.
	ReplayDone struct{ At time.Time }
	// Local is a command of an unformed sentinel: it changes the local state, which
	// the agreed one replaces at forming.
	Local struct {
		At      time.Time
		Command Command
	}
	// ProposalFailed: a proposal got no result (no leader, timeout). The machine
	// tries again if it still wants it.
	ProposalFailed struct {
		At time.Time
		ID string
	}

	// Renewed answers a [Renew]. Sent is when the renewal left this sentinel.
	Renewed struct {
		At     time.Time
		Sent   time.Time
		Master string
		Epoch  uint64
		OK     bool
	}
	// RenewRequest is a claimant's renewal reaching this sentinel; it is answered by
	// [AnswerRenew] with the same Token.
	RenewRequest struct {
		At     time.Time
		From   string
		Master string
		Epoch  uint64
		Token  uint64
	}

	// FailoverRequest is SENTINEL FAILOVER; it is answered by [Answer] with the same
	// Token. A Coordinated one is given up when the master cannot take part.
	FailoverRequest struct {
		At          time.Time
		Master      string
		Token       uint64
		Coordinated bool
		Force       bool // in spite of failover-min-interval
		Wanted
	}
	// CheckDone answers a [RunCheck] with the same Token. Text says why it is not
	// allowed, or what went wrong.
	CheckDone struct {
		At      time.Time
		Token   uint64
		Allowed bool
		Text    string
	}

	// Resolved says what a host name stands for, so that addresses in INFO, which may
	// be IPs, are recognised. Needed with resolve-hostnames only.
	Resolved struct {
		At   time.Time
		Host string
		IP   string
	}
	// SetHostnames says whether host names are shown as they are (announce-hostnames).
	SetHostnames struct {
		At    time.Time
		Shown bool
	}
	// SetTimers changes the timers (SENTINEL DEBUG).
	SetTimers struct {
		At     time.Time
		Timers Timers
	}
)

// Values of SendReply.Err that are not a node's.
const (
	ErrNotLeader = "not the leader"   // a Send with Verify was dropped
	ErrLinkDown  = "the link is down" // nothing was sent; a LinkDown may follow
)

// Fault is why a link is down.
type Fault int

// The faults.
const (
	FaultLost        Fault = iota // closed or reset by the node
	FaultRefused                  // nobody listens at the address
	FaultTimeout                  // a dial or handshake took too long
	FaultUnreachable              // no route, network down, TLS handshake refused, …
	FaultName                     // the host name never resolved
	FaultAuth                     // the node refuses our credentials or permissions
	FaultClosed                   // closed by us, see [Reconnect]
)

// Reply classifies the answer to PING or INFO.
type Reply int

// The classes. Pong, Loading and MasterDown are valid answers to PING.
const (
	ReplyOther      Reply = iota
	ReplyPong             // +PONG
	ReplyLoading          // -LOADING
	ReplyMasterDown       // -MASTERDOWN
	ReplyBusy             // -BUSY: a script runs
	ReplyMisconf          // -MISCONF: the disk fails
	ReplyNoAuth           // -NOAUTH, -WRONGPASS
	ReplyNoPerm           // -NOPERM
	ReplyUnknown          // -ERR unknown command: it is renamed or forbidden there
)

// Info is what the machine reads of an INFO reply. Missing fields are zero but for
// Priority, Announced (see there).
type Info struct {
	RunID    string
	Role     Role
	Replicas []Addr // of slave<N> lines, in order

	MasterAddr     Addr
	MasterLinkUp   bool
	MasterLinkDown time.Duration // master_link_down_since_seconds; 0 if up
	Priority       int           // slave_priority; 100 if missing
	Offset         int64         // slave_repl_offset of a replica
	MasterOffset   int64         // master_repl_offset
	Announced      bool          // replica_announced; true if missing
	FailoverState  string        // master_failover_state, empty if missing
	Vedette        bool          // vedette_version is there
	ReplID         string        // master_replid: the history it has
	ReplID2        string        // master_replid2: the one before, empty if none
	Keys           int64         // in all databases
	Loading        bool          // a data set is being loaded
	DiskError      bool          // the last save or append failed
}

func (e Tick) when() time.Time            { return e.At }
func (e LinkUp) when() time.Time          { return e.At }
func (e LinkDown) when() time.Time        { return e.At }
func (e PubSubUp) when() time.Time        { return e.At }
func (e PubSubDown) when() time.Time      { return e.At }
func (e PingReply) when() time.Time       { return e.At }
func (e InfoReply) when() time.Time       { return e.At }
func (e InfoFailed) when() time.Time      { return e.At }
func (e SendReply) when() time.Time       { return e.At }
func (e Hello) when() time.Time           { return e.At }
func (e Peer) when() time.Time            { return e.At }
func (e Forget) when() time.Time          { return e.At }
func (e PeerReport) when() time.Time      { return e.At }
func (e PeerSight) when() time.Time       { return e.At }
func (e Quorum) when() time.Time          { return e.At }
func (e Committed) when() time.Time       { return e.At }
func (e Restored) when() time.Time        { return e.At }
func (e ReplayDone) when() time.Time      { return e.At }
func (e Local) when() time.Time           { return e.At }
func (e ProposalFailed) when() time.Time  { return e.At }
func (e Renewed) when() time.Time         { return e.At }
func (e RenewRequest) when() time.Time    { return e.At }
func (e FailoverRequest) when() time.Time { return e.At }
func (e CheckDone) when() time.Time       { return e.At }
func (e Resolved) when() time.Time        { return e.At }
func (e SetHostnames) when() time.Time    { return e.At }
func (e SetTimers) when() time.Time       { return e.At }

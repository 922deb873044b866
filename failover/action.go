package failover

import "time"

// Action is something the caller is to do, in the order given. None may block the
// caller: an Action that cannot be done at once is dropped or fails later, as an
// Event.
type Action interface{ isAction() }

// Greeting is what a new link to a data node begins with. The one to a sentinel does not
// depend on the master and is the caller's.
type Greeting struct {
	User, Pass              string // auth-user and auth-pass; without Pass no AUTH
	Auth, Client, Subscribe string // what AUTH, CLIENT and SUBSCRIBE are called there
}

// The actions.
type (
	// Connect opens the links of a node: command and Pub/Sub (subscribed to
	// __sentinel__:hello) for a data node, command only for a sentinel. While a link
	// is down it is dialled again Every so often. A second Connect for a known node
	// replaces what the first said; links are reopened only if address or greeting
	// differ.
	Connect struct {
		Node  Node
		Addr  Addr
		Every time.Duration
		Greeting
	}
	// Disconnect closes the links of a node and stops dialling. No Event of the node
	// is wanted any more.
	Disconnect struct{ Node Node }
	// Reconnect closes the command link and dials at once: its connection is suspect.
	// It is followed by LinkDown with FaultClosed, then LinkUp or LinkDown.
	Reconnect struct{ Node Node }

	// Ping sends PING (as Command, it may be renamed) on the command link, if up.
	Ping struct {
		Node    Node
		Command string
		// Patience is for how long no answer has no consequences. After that the caller
		// looks for one in the socket before it sends a Tick.
		Patience time.Duration
	}
	// AskInfo sends INFO likewise.
	AskInfo struct {
		Node    Node
		Command string
	}
	// SayHello publishes the hello message of one master on the command link:
	// "ip,port,runid,CurrentEpoch,Master,Addr.Host,Addr.Port,ConfigEpoch", the first
	// three being the sender's.
	SayHello struct {
		Node         Node
		Command      string // PUBLISH, may be renamed
		CurrentEpoch uint64
		Master       string
		Addr         Addr
		ConfigEpoch  uint64
	}
	// Send writes commands in one piece on the command link of a data node and
	// answers with one SendReply. With Verify the Raft leadership is verified first
	// (VerifyLeader), and nothing is sent if this fails. If the link is down the
	// answer is a SendReply with ErrLinkDown at once.
	Send struct {
		Node     Node
		Seq      uint64
		Purpose  Purpose
		Commands [][]string
		Verify   bool
	}
	// Report tells peers how this sentinel sees a master; To is empty for all that
	// are not foreign. Lost if a link is down: reports are repeated.
	Report struct {
		To     string
		Master string
		Addr   Addr
		Epoch  uint64
		Down   bool
	}
	// AskMasterDown sends SENTINEL IS-MASTER-DOWN-BY-ADDR with * to a foreign peer;
	// the answer is a PeerReport.
	AskMasterDown struct {
		To           string
		Master       string
		Addr         Addr
		CurrentEpoch uint64
	}

	// Propose puts a command into the log, through the leader. The outcome is its
	// Committed, or ProposalFailed within two seconds.
	Propose struct{ Command Command }
	// Renew asks the leader To to go on with a claimed failover: a RenewRequest there,
	// a Renewed here. If To is this sentinel: verify the leadership (VerifyLeader), then
	// Renewed, with Sent the time before verifying.
	Renew struct {
		To     string
		Master string
		Epoch  uint64
	}
	// AnswerRenew answers a RenewRequest. With OK the leadership has to be verified by
	// the caller before the answer leaves, or be within the leader lease.
	AnswerRenew struct {
		Token uint64
		OK    bool
	}
	// Answer answers a FailoverRequest: +OK if Err is empty, else Err as a RESP error
	// without the leading dash.
	Answer struct {
		Token uint64
		Err   string
	}

	// Publish logs and publishes an event: channel Event, message Payload (not for
	// Debug).
	Publish struct {
		Level   Level
		Event   string
		Payload string
		Master  string // empty if the event is tied to no instance
	}
	// RunScript queues a script: Args after Path.
	RunScript struct {
		Master string
		Path   string
		Args   []string
	}
	// RunCheck runs the pre-failover script: Args after Path. It is answered by
	// CheckDone, within some seconds.
	RunCheck struct {
		Token  uint64
		Master string
		Path   string
		Args   []string
	}
	// Sight tells another sentinel, the leader, how many data nodes this one reaches.
	Sight struct {
		To    string
		Nodes int
	}
	// Yield: another sentinel should lead the cluster, since it Reaches so many data nodes
	// and this one, which leads, only those Here.
	Yield struct {
		To            string
		Reaches, Here int
	}
	// Rewrite: what sentinel.conf holds has changed (at most one in the result of a
	// Step).
	Rewrite struct{}
)

// Purpose says what a Send is for; for logs and SENTINEL SIMULATE-FAILURE.
type Purpose string

// The purposes.
const (
	PurposePromote     Purpose = "promote"      // SLAVEOF NO ONE to the target
	PurposeReconf      Purpose = "reconf"       // SLAVEOF the new master
	PurposeRepair      Purpose = "repair"       // SLAVEOF for a node in the wrong role
	PurposeScriptKill  Purpose = "script-kill"  // SCRIPT KILL after -BUSY
	PurposeCoordinate  Purpose = "coordinate"   // FAILOVER TO on a live master
	PurposePause       Purpose = "pause"        // CLIENT PAUSE … WRITE
	PurposeUnpause     Purpose = "unpause"      // CLIENT UNPAUSE
	PurposeKillClients Purpose = "kill-clients" // CLIENT KILL after a coordinated failover
	PurposeRewrite     Purpose = "rewrite"      // CONFIG REWRITE likewise
	PurposeAbort       Purpose = "abort"        // FAILOVER ABORT
)

// Level is the log level of an event.
type Level int

// The levels; all above Debug are published, Warning also runs the notification
// script if tied to an instance.
const (
	Debug Level = iota
	Verbose
	Notice
	Warning
)

func (l Level) String() string {
	switch l {
	case Verbose:
		return "verbose"
	case Notice:
		return "notice"
	case Warning:
		return "warning"
	}
	return "debug"
}

func (Connect) isAction()       {}
func (Sight) isAction()         {}
func (Yield) isAction()         {}
func (Disconnect) isAction()    {}
func (Reconnect) isAction()     {}
func (Ping) isAction()          {}
func (AskInfo) isAction()       {}
func (SayHello) isAction()      {}
func (Send) isAction()          {}
func (Report) isAction()        {}
func (AskMasterDown) isAction() {}
func (Propose) isAction()       {}
func (Renew) isAction()         {}
func (AnswerRenew) isAction()   {}
func (Answer) isAction()        {}
func (Publish) isAction()       {}
func (RunScript) isAction()     {}
func (RunCheck) isAction()      {}
func (Rewrite) isAction()       {}

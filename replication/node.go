package replication

import (
	"time"

	"github.com/vedette-ha/vedette/internal/resp"
)

// Node is one server's part in replication; see the package comment. It belongs to
// the loop's goroutine. After any call that may decide something, the loop does
// what Take returns.
type Node struct {
	conf   Config
	opt    Options
	stream *Stream
	stats  Stats

	replicas        []*Replica // in order of arrival, as INFO numbers them
	noReplicasSince time.Time
	sync            *Sync // a snapshot that others may still join; nil when none

	link     link
	failover failover

	lastCron, lastPing time.Time
	actions            []Action
}

// Stats counts synchronizations for INFO stats.
type Stats struct {
	FullSyncs     int64 // sync_full
	PartialOK     int64 // sync_partial_ok
	PartialFailed int64 // sync_partial_err
	Overruns      int64 // replicas dropped for client-output-buffer-limit
}

// NewNode returns a master without replicas.
func NewNode(conf Config, opt Options) *Node {
	if opt.NewID == nil {
		opt.NewID = NewReplID
	}
	return &Node{conf: conf, opt: opt, stream: NewStream(conf.BacklogSize, opt.NewID)}
}

// Stream is the server's history: effects are appended to it, and consumers other
// than replicas open their cursors on it.
func (n *Node) Stream() *Stream { return n.stream }

// Config is the configuration in force; Configure replaces it.
func (n *Node) Config() Config { return n.conf }
func (n *Node) Configure(c Config) {
	if c.BacklogSize != n.conf.BacklogSize {
		n.stream.Resize(c.BacklogSize)
	}
	n.conf = c
}

// Stats are the counters so far; ResetStats is for CONFIG RESETSTAT.
func (n *Node) Stats() Stats { return n.stats }
func (n *Node) ResetStats()  { n.stats = Stats{} }

// Replicas are our replicas in order of arrival. The slice is the Node's.
func (n *Node) Replicas() []*Replica { return n.replicas }

// Take returns what has been decided since the last call, in order.
func (n *Node) Take() []Action {
	a := n.actions
	n.actions = nil
	return a
}

func (n *Node) do(a Action) { n.actions = append(n.actions, a) }

func (n *Node) logf(level Level, format string, args ...any) {
	n.opt.Log.printf(level, format, args...)
}

// cronPeriod is the pace of what need not happen at once: pings, acknowledgements,
// timeouts, reconnection.
const cronPeriod = time.Second

// Tick does what is due with time: to be called about ten times a second.
func (n *Node) Tick(now time.Time) {
	if now.Sub(n.lastCron) >= cronPeriod {
		n.lastCron = now
		n.linkCron(now)
		n.replicasCron(now)
	}
	n.ackAgain(now)
	n.Turn(now)
}

// Turn is to be called once per turn of the loop, after events were handled and
// before replicas are written to. It costs nothing when there is nothing to do.
func (n *Node) Turn(now time.Time) {
	if len(n.replicas) > 0 {
		n.settleTransfers(now)
		n.dropOverruns(now)
		n.startDueSync(now)
	}
	if n.failover.state == WaitingForSync {
		n.advanceFailover(now)
	}
}

// Replconf answers REPLCONF option value …, args without the command's name. r is
// the caller's registration, nil before it has asked for synchronization. ok tells
// whether the command is answered with +OK; ACK and GETACK have no reply.
func (n *Node) Replconf(r *Replica, p *Peer, args [][]byte, now time.Time) (ok bool, err error) {
	switch {
	case len(args) == 0:
		return true, nil
	case len(args)%2 == 1:
		return false, resp.ErrSyntax
	}
	switch lower(args[0]) {
	case "ack":
		if r != nil {
			n.ack(r, args, now)
		}
		return false, nil
	case "getack":
		n.SendAck()
		return false, nil
	}
	for i := 0; i < len(args); i += 2 {
		if err := p.set(string(args[i]), string(args[i+1])); err != nil {
			return false, err
		}
	}
	return true, nil
}

// Shutdown ends what runs on other goroutines.
func (n *Node) Shutdown() {
	if n.link.attempt != nil {
		n.do(Cancel{n.link.attempt})
	}
	for _, r := range n.replicas {
		r.release()
		n.do(CloseReplica{r})
	}
	n.replicas = nil
}

package replication

import (
	"errors"
	"strings"
	"time"

	"github.com/vedette-ha/vedette/internal/resp"
)

// FailoverState is master_failover_state.
type FailoverState int

const (
	NoFailover         FailoverState = iota
	WaitingForSync                   // writes are paused, a replica is to catch up
	FailoverInProgress               // the target has been asked to take over
)

// String is the state as INFO shows it.
func (s FailoverState) String() string {
	switch s {
	case WaitingForSync:
		return "waiting-for-sync"
	case FailoverInProgress:
		return "failover-in-progress"
	}
	return "no-failover"
}

// failover is a FAILOVER under way. The zero value is none.
type failover struct {
	state FailoverState
	host  string // the target; "" any replica that catches up
	port  int
	force bool
	until time.Time // zero: no limit

	unsure bool // the target was asked and its answer never came
}

// FailoverRequest is a parsed FAILOVER command.
type FailoverRequest struct {
	Abort   bool
	Host    string // TO host port
	Port    int
	Force   bool
	Timeout time.Duration // 0 none
}

var (
	errFailoverRunning    = resp.NewError("ERR FAILOVER already in progress.")
	errNoFailover         = resp.NewError("ERR No failover in progress.")
	errFailoverReplica    = resp.NewError("ERR FAILOVER is not valid when server is a replica.")
	errFailoverAlone      = resp.NewError("ERR FAILOVER requires connected replicas.")
	errFailoverForce      = resp.NewError("ERR FAILOVER with force option requires both a timeout and target HOST and IP.")
	errFailoverTarget     = resp.NewError("ERR FAILOVER target HOST and PORT is not a replica.")
	errFailoverNotOnline  = resp.NewError("ERR FAILOVER target replica is not online.")
	errFailoverTimeout    = resp.NewError("ERR FAILOVER timeout must be greater than 0")
	errReplicaofFailover  = resp.NewError("ERR REPLICAOF not allowed while failing over.")
	errReplicaofByReplica = resp.NewError("ERR Command is not valid when client is a replica.")
	errMasterPort         = resp.NewError("ERR Invalid master port")
)

// ParseFailover reads FAILOVER [TO host port [FORCE]] [ABORT] [TIMEOUT ms], args
// without the command's name.
func ParseFailover(args [][]byte) (q FailoverRequest, err error) {
	if len(args) == 1 && lower(args[0]) == "abort" {
		return FailoverRequest{Abort: true}, nil
	}
	for len(args) > 0 {
		switch word := lower(args[0]); {
		case word == "timeout" && len(args) > 1 && q.Timeout == 0:
			ms, ok := resp.ParseInt(args[1])
			if !ok {
				return q, resp.ErrNotInteger
			}
			if ms <= 0 {
				return q, errFailoverTimeout
			}
			q.Timeout = time.Duration(min(ms, maxFailoverMs)) * time.Millisecond
			args = args[2:]
		case word == "to" && len(args) > 2 && q.Host == "":
			port, ok := resp.ParseInt(args[2])
			if !ok {
				return q, resp.ErrNotInteger
			}
			q.Host, q.Port = string(args[1]), int(port)
			args = args[3:]
		case word == "force" && !q.Force:
			q.Force = true
			args = args[1:]
		default:
			return q, resp.ErrSyntax
		}
	}
	return q, nil
}

// maxFailoverMs keeps a timeout within what time.Duration can hold: 30 years.
const maxFailoverMs = 1_000_000_000_000

// Failover answers the FAILOVER command; nil is +OK.
func (n *Node) Failover(args [][]byte, now time.Time) error {
	q, err := ParseFailover(args)
	if err != nil {
		return err
	}
	if q.Abort {
		if n.failover.state == NoFailover {
			return errNoFailover
		}
		n.abortFailover("Failover manually aborted", now)
		return nil
	}
	if err := n.failoverAllowed(q); err != nil {
		return err
	}
	n.failover = failover{state: WaitingForSync, host: q.Host, port: q.Port, force: q.Force}
	if q.Timeout > 0 {
		n.failover.until = now.Add(q.Timeout)
	}
	if q.Host != "" {
		n.logf(Notice, "FAILOVER requested to %s:%d.", q.Host, q.Port)
	} else {
		n.logf(Notice, "FAILOVER requested to any replica.")
	}
	n.do(PauseWrites{})
	// Nothing but this follows in the stream, so the acknowledgement of what comes
	// before it is the acknowledgement of all data; see quietFrom.
	n.RequestAcks()
	return nil
}

func (n *Node) failoverAllowed(q FailoverRequest) error {
	switch {
	case n.failover.state != NoFailover:
		return errFailoverRunning
	case !n.IsMaster():
		return errFailoverReplica
	case len(n.replicas) == 0:
		return errFailoverAlone
	case q.Force && (q.Timeout == 0 || q.Host == ""):
		return errFailoverForce
	case q.Host == "":
		return nil
	}
	r := n.find(q.Host, q.Port)
	if r == nil {
		return errFailoverTarget
	}
	if r.state != Online {
		return errFailoverNotOnline
	}
	return nil
}

// find is the replica known as host:port, or nil.
func (n *Node) find(host string, port int) *Replica {
	for _, r := range n.replicas {
		if r.is(host, port) {
			return r
		}
	}
	return nil
}

// advanceFailover hands over as soon as the target, or any replica when none was
// named, has all data, or gives up (or goes ahead, if forced) at the time limit.
func (n *Node) advanceFailover(now time.Time) {
	f := &n.failover
	if !f.until.IsZero() && !now.Before(f.until) {
		if !f.force {
			n.abortFailover("Replica never caught up before timeout", now)
			return
		}
		n.logf(Notice, "FAILOVER to %s:%d time out exceeded, failing over.", f.host, f.port)
		n.handOver(now)
		return
	}
	for _, r := range n.replicas {
		if f.host != "" && !r.is(f.host, f.port) {
			continue
		}
		if r.state == Online && r.ackOffset >= n.stream.quietFrom() {
			f.host, f.port = r.Addr()
			n.logf(Notice, "Failover target %s:%d is synced, failing over.", f.host, f.port)
			n.handOver(now)
			return
		}
	}
}

// handOver makes us the target's replica; the PSYNC of that link asks it to take over.
func (n *Node) handOver(now time.Time) {
	n.failover.state = FailoverInProgress
	n.setMaster(n.failover.host, n.failover.port, now)
}

// abortFailover goes back to being the master we were, under a new id if the target
// may already have taken over.
func (n *Node) abortFailover(why string, now time.Time) {
	f := n.failover
	if f.host != "" {
		n.logf(Notice, "FAILOVER to %s:%d aborted: %s", f.host, f.port, why)
	} else {
		n.logf(Notice, "FAILOVER to any replica aborted: %s", why)
	}
	if f.state == FailoverInProgress {
		n.promote(now)
	}
	n.endFailover()
}

// settleHandOver goes on with a FAILOVER whose target has answered, or has not.
// After a refusal we are a master again. Silence settles nothing, since the target
// may have obeyed: it is asked until it answers, or until FAILOVER ABORT.
func (n *Node) settleHandOver(a *Attempt, err error, now time.Time) {
	f := &n.failover
	switch {
	case a.accepted:
		n.endFailover()
	case errors.Is(err, errTakeOverUnknown):
		f.unsure = true
	case errors.Is(err, errTakeOverRefused) && f.unsure && strings.Contains(err.Error(), alreadyMaster):
		n.endFailover() // it obeyed the first time; the next attempt follows it
	case errors.Is(err, errTakeOverRefused):
		n.abortFailover("Failover target rejected psync request", now)
	case !f.unsure:
		n.abortFailover("Write error to failover target", now)
	}
}

// alreadyMaster is part of how a master answers PSYNC … FAILOVER.
const alreadyMaster = "PSYNC FAILOVER can't be sent to a master"

// endFailover lets writes go on, here or (as READONLY answers) elsewhere.
func (n *Node) endFailover() {
	n.failover = failover{}
	n.do(ResumeWrites{})
}

// FailoverState is master_failover_state.
func (n *Node) FailoverState() FailoverState { return n.failover.state }

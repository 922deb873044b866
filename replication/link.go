package replication

import (
	"strconv"
	"strings"
	"time"

	"github.com/vedette-ha/vedette/internal/resp"
)

// LinkState is how far the connection to our master has come.
type LinkState int

const (
	LinkNone       LinkState = iota // we are a master
	LinkConnect                     // to be tried again soon
	LinkConnecting                  // dialling
	LinkHandshake                   // talking before the synchronization
	LinkTransfer                    // receiving or loading a snapshot
	LinkConnected                   // following the stream
)

// String is the state as ROLE shows it.
func (s LinkState) String() string {
	return [...]string{"none", "connect", "connecting", "handshake", "sync", "connected"}[s]
}

// link is the replica side of a Node. The zero value is a master's.
type link struct {
	host string
	port int

	state   LinkState
	attempt *Attempt  // running; nil otherwise
	loading *FullSync // being loaded; nil otherwise
	nextTry time.Time // in LinkConnect

	cached     bool      // our stream is the master's so far: ask to continue it
	old        bool      // the master knows SYNC only: no acknowledgements
	readOffset Offset    // slave_read_repl_offset: what has arrived, applied or not
	lastIO     time.Time // something arrived
	silent     bool      // nothing has arrived since the full synchronization
	downSince  time.Time // zero: it was never up, or is up
}

// reconnectPause is how long a failed attempt waits for the next one.
const reconnectPause = time.Second

// IsMaster reports whether this server has no master.
func (n *Node) IsMaster() bool { return n.link.state == LinkNone }

// Master is the address of our master; empty when we are one.
func (n *Node) Master() (host string, port int) { return n.link.host, n.link.port }

// LinkState is how far the connection to our master has come, a running attempt
// included.
func (n *Node) LinkState() LinkState {
	if n.link.attempt != nil {
		return n.link.attempt.State()
	}
	return n.link.state
}

// Replicaof answers REPLICAOF and SLAVEOF, args without the command's name: NO ONE,
// or a host and a port. byReplica tells that the caller is a replica's connection,
// info how CLIENT LIST shows it. The status line is the reply.
func (n *Node) Replicaof(args [][]byte, byReplica bool, info string, now time.Time) (string, error) {
	if n.failover.state != NoFailover {
		return "", errReplicaofFailover
	}
	if lower(args[0]) == "no" && lower(args[1]) == "one" {
		if !n.IsMaster() {
			n.promote(now)
			n.logf(Notice, "MASTER MODE enabled (user request from '%s')", info)
		}
		return "OK", nil
	}
	if byReplica {
		return "", errReplicaofByReplica
	}
	port, ok := resp.ParseInt(args[1])
	if !ok || port < 0 || port > 65535 {
		return "", errMasterPort
	}
	host := string(args[0])
	if !n.IsMaster() && strings.EqualFold(host, n.link.host) && int(port) == n.link.port {
		n.logf(Notice, "REPLICAOF would result into synchronization with the master "+
			"we are already connected with. No operation performed.")
		return "OK Already connected to specified master", nil
	}
	n.setMaster(host, int(port), now)
	n.logf(Notice, "REPLICAOF %s:%d enabled (user request from '%s')", host, port, info)
	return "OK", nil
}

// FollowAfterLoad makes a server that has just started, and still loads its data set,
// a replica that does not look for its master yet: FollowAtStart follows.
func (n *Node) FollowAfterLoad(host string, port int) {
	n.link = link{host: host, port: port, state: LinkConnect}
}

// FollowAtStart makes a server that has just started the replica its configuration
// says it is. When the data set was loaded from a snapshot that told its history
// (Stream.Restore), continued is true and the master is asked to continue it.
func (n *Node) FollowAtStart(host string, port int, continued bool, now time.Time) {
	n.link = link{host: host, port: port, cached: continued, readOffset: n.stream.Offset()}
	n.logConnecting()
	n.connect(now)
}

// setMaster makes us a replica of host:port. Our own replicas stay until we know
// whether their history goes on.
func (n *Node) setMaster(host string, port int, now time.Time) {
	wasMaster := n.IsMaster()
	if n.link.state == LinkConnected {
		n.do(CloseMaster{})
		n.logf(Notice, "Connection with master lost.")
		n.logf(Notice, "Caching the disconnected master state.")
	}
	n.cancelAttempt()
	cached := n.link.cached
	if wasMaster {
		n.logf(Notice, "Before turning into a replica, using my own master parameters to synthesize "+
			"a cached master: I may be able to synchronize with the new master with just a partial transfer.")
		n.stream.Activate()
		cached = true
	}
	n.link = link{host: host, port: port, cached: cached, readOffset: n.stream.Offset()}
	if wasMaster {
		n.do(RoleChanged{Master: false})
	}
	n.logConnecting()
	n.connect(now)
}

func (n *Node) logConnecting() {
	n.logf(Notice, "Connecting to MASTER %s:%d", n.link.host, n.link.port)
}

// promote makes us a master that continues the history so far under a new id.
func (n *Node) promote(now time.Time) {
	if n.IsMaster() {
		return
	}
	if n.link.state == LinkConnected {
		n.do(CloseMaster{})
		n.logf(Notice, "Connection with master lost.")
		n.logf(Notice, "Caching the disconnected master state.")
	}
	n.logf(Notice, "Discarding previously cached master state.")
	n.cancelAttempt()
	if n.link.loading != nil {
		n.stream.Renew() // what we hold by now is not the history we had
	}
	n.link = link{}
	n.stream.Shift()
	n.logf(Notice, "Setting secondary replication ID to %s, valid up to offset: %d. New replication ID is %s",
		n.stream.id2, n.stream.secondOffset(), n.stream.id)
	n.dropReplicas(now) // they are to learn the new id; a partial resync follows
	n.noReplicasSince = now
	n.do(RoleChanged{Master: true})
}

func (n *Node) cancelAttempt() {
	if n.link.attempt != nil {
		n.do(Cancel{n.link.attempt})
		n.link.attempt = nil
	}
}

// connect starts an attempt to reach the master; the caller has logged why.
func (n *Node) connect(now time.Time) {
	n.logf(Notice, "MASTER <-> REPLICA sync started")
	n.link.state = LinkConnecting
	n.link.attempt = newAttempt(n, now)
	n.do(Connect{n.link.attempt})
}

// retryLater waits for the next attempt.
func (n *Node) retryLater(now time.Time) {
	n.link.state = LinkConnect
	n.link.nextTry = now.Add(reconnectPause)
}

// Attempted takes the outcome of an attempt, on the loop.
func (n *Node) Attempted(a *Attempt, o Outcome, err error, now time.Time) {
	if a != n.link.attempt {
		o.Discard() // cancelled meanwhile
		return
	}
	n.link.attempt = nil
	if n.failover.state == FailoverInProgress {
		n.settleHandOver(a, err, now)
		if n.IsMaster() {
			return
		}
	}
	switch {
	case err != nil:
		n.retryLater(now)
	case o.Full != nil:
		n.beginLoad(o.Full)
	default:
		n.continueStream(o, now)
	}
}

// continueStream follows a master that accepted a partial resynchronization.
func (n *Node) continueStream(o Outcome, now time.Time) {
	n.logf(Notice, "MASTER <-> REPLICA sync: Master accepted a Partial Resynchronization.")
	if o.NewID != "" && o.NewID != n.stream.id {
		n.logf(Notice, "Master replication ID changed to %s", o.NewID)
		n.stream.follow(o.NewID)
		n.dropReplicas(now) // they are to learn the new id
	}
	n.follow(o.Conn, now)
}

// beginLoad gives up the old history for a received snapshot; the loop loads it.
func (n *Node) beginLoad(f *FullSync) {
	if n.link.cached {
		n.logf(Notice, "Discarding previously cached master state.")
	}
	n.link.state, n.link.loading, n.link.cached = LinkTransfer, f, false
	n.dropReplicas(time.Time{}) // their history ends here
	n.logf(Notice, "MASTER <-> REPLICA sync: Flushing old data")
	n.logf(Notice, "MASTER <-> REPLICA sync: Loading DB in memory")
	n.do(Load{f})
}

// Loaded tells that the snapshot of a Load action is our data set now, or why not;
// after an error the data set should be empty.
func (n *Node) Loaded(f *FullSync, err error, now time.Time) {
	if f != n.link.loading {
		f.Conn.close()
		return
	}
	n.link.loading = nil
	if err != nil {
		n.logf(Warning, "Failed trying to load the MASTER synchronization DB from disk: %s", err)
		f.Conn.close()
		n.stream.Renew()
		n.retryLater(now)
		return
	}
	n.link.old = f.Offset < 0
	if n.link.old {
		n.stream.Adopt(n.opt.NewID(), n.stream.Offset())
	} else {
		n.stream.Adopt(f.ReplID, f.Offset)
	}
	n.logf(Notice, "MASTER <-> REPLICA sync: Finished with success")
	n.follow(f.Conn, now)
	n.link.silent = true
}

// follow is the start of the stream from our master.
func (n *Node) follow(c *MasterConn, now time.Time) {
	l := &n.link
	l.state, l.cached, l.downSince = LinkConnected, !l.old, time.Time{}
	l.readOffset, l.lastIO, l.silent = n.stream.Offset(), now, false
	n.do(OpenMaster{c})
	n.SendAck() // a master that streamed its snapshot waits for it
}

// Received tells that size bytes of the master's stream have arrived.
func (n *Node) Received(size int, now time.Time) {
	n.link.readOffset += Offset(size)
	n.link.lastIO = now
	n.link.silent = false
}

// Applied tells that the bytes p of the master's stream have taken effect: whole
// commands, and a transaction only as a whole. They go on to our own replicas as
// they are. db is the database the stream has selected after them.
func (n *Node) Applied(p []byte, db int) {
	n.stream.Append(p)
	n.stream.SetDB(db)
}

// MasterLost tells that the master's session has ended. desync tells that its bytes
// made no sense: then the history cannot be continued either.
func (n *Node) MasterLost(desync bool, now time.Time) {
	if n.link.state != LinkConnected {
		return
	}
	n.logf(Notice, "Connection with master lost.")
	if desync {
		n.link.cached = false
		n.logf(Notice, "Discarding previously cached master state.")
	} else if n.link.cached {
		n.logf(Notice, "Caching the disconnected master state.")
	}
	n.link.downSince = now
	n.link.readOffset = n.stream.Offset() // what was not applied will be sent again
	n.logf(Notice, "Reconnecting to MASTER %s:%d", n.link.host, n.link.port)
	n.connect(now)
}

// ackAgain repeats the acknowledgement of a full synchronization for a second: the
// stream of a master that streamed its snapshot begins with the first one it gets
// after it has noticed the end of that snapshot itself.
func (n *Node) ackAgain(now time.Time) {
	if n.link.silent && now.Sub(n.link.lastIO) < cronPeriod {
		n.SendAck()
	}
}

// linkCron is the once-a-second part of being a replica.
func (n *Node) linkCron(now time.Time) {
	l := &n.link
	switch l.state {
	case LinkConnect:
		if !now.Before(l.nextTry) {
			n.logConnecting()
			n.connect(now)
		}
	case LinkConnected:
		if now.Sub(l.lastIO) > n.conf.Timeout {
			n.logf(Warning, "MASTER timeout: no data nor PING received...")
			n.do(CloseMaster{})
			n.MasterLost(false, now)
			return
		}
		n.SendAck()
	}
}

// SendAck tells our master how far we are.
func (n *Node) SendAck() {
	if n.link.state != LinkConnected || n.link.old {
		return
	}
	args := []string{"REPLCONF", "ACK", strconv.FormatInt(int64(n.stream.Offset()), 10)}
	if n.opt.AOFOffset != nil {
		if at, on := n.opt.AOFOffset(); on {
			args = append(args, "FACK", strconv.FormatInt(int64(at), 10))
		}
	}
	n.do(SendAck{resp.AppendCommandString(nil, args...)})
}

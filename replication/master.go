package replication

import (
	"fmt"
	"slices"
	"time"

	"github.com/vedette-ha/vedette/internal/resp"
)

var (
	errFailoverToMaster = resp.NewError("ERR PSYNC FAILOVER can't be sent to a master.")
	errFailoverReplID   = resp.NewError("ERR PSYNC FAILOVER replid must match my replid.")
	errSyncFailingOver  = resp.NewError("NOMASTERLINK Can't SYNC while failing over")
	errSyncNoMaster     = resp.NewError("NOMASTERLINK Can't SYNC while not connected with my master")
	errSyncPending      = resp.NewError("ERR SYNC and PSYNC are invalid with pending output")
	errSyncFiltered     = resp.NewError("ERR Filtered replica requires EOF capability")
)

// Caller is the connection that asks for synchronization.
type Caller struct {
	Owner   any    // its session
	Addr    string // host:port it comes from
	Info    string // how CLIENT LIST shows it, for the log
	Pending bool   // it has output that is not written yet
}

// Sync answers SYNC and PSYNC (args with the command's name). On success the
// caller is a replica from now on: its session writes what the Replica hands out,
// and nothing else, and Disconnected is called when it ends.
func (n *Node) Sync(c Caller, p Peer, args [][]byte, now time.Time) (*Replica, error) {
	q, err := ParseRequest(args)
	if q.Failover {
		if err := n.takeOver(c, q, now); err != nil {
			return nil, err
		}
	}
	switch {
	case n.failover.state != NoFailover:
		return nil, errSyncFailingOver
	case !n.IsMaster() && n.link.state != LinkConnected:
		return nil, errSyncNoMaster
	case c.Pending:
		return nil, errSyncPending
	case p.filtered() && !p.EOF:
		return nil, errSyncFiltered
	}
	r := &Replica{Owner: c.Owner, peer: p, host: hostOf(c.Addr), old: q.Old, movedAt: now}
	n.logf(Notice, "Replica %s asks for synchronization", r.Name())
	if err != nil {
		n.logf(Warning, "Replica %s asks for synchronization but with a wrong offset", r.Name())
		return nil, err
	}
	if why := n.stream.Decide(q); why != Continues {
		n.logRefusal(why, q, r.Name())
		n.startFull(r, q, now)
	} else {
		n.startPartial(r, q, now)
	}
	return r, nil
}

// startPartial registers a replica that continues where it was.
func (n *Node) startPartial(r *Replica, q Request, now time.Time) {
	c, ok := n.stream.Open(Offset(q.Offset - 1))
	if !ok {
		panic("replication: accepted an offset that is not in the history")
	}
	n.stats.PartialOK++
	r.cursor, r.streaming, r.state, r.ackAt = c, true, Online, now
	if r.peer.PSYNC2 {
		r.pre = fmt.Appendf(nil, "+CONTINUE %s\r\n", n.stream.id)
	} else {
		r.pre = []byte("+CONTINUE\r\n")
	}
	n.replicas = append(n.replicas, r)
	n.logf(Notice, "Partial resynchronization request from %s accepted. "+
		"Sending %d bytes of backlog starting from offset %d.", r.Name(), c.Lag(), q.Offset)
}

// startFull registers a replica that waits for a snapshot.
func (n *Node) startFull(r *Replica, q Request, now time.Time) {
	if !q.anew() {
		n.stats.PartialFailed++
	}
	n.stats.FullSyncs++
	r.state, r.since = WaitStart, now
	n.replicas = append(n.replicas, r)
	if !n.stream.Active() {
		// Nothing was recorded while nobody listened, so what we hold now must not
		// go by an id that an earlier replica knows.
		n.stream.Renew()
		n.stream.Activate()
		n.logf(Notice, "Replication backlog created, my new replication IDs are '%s' and '%s'",
			n.stream.id, n.stream.id2.orZeros())
	}
	n.joinRunning(r)
}

// takeOver obeys PSYNC … FAILOVER: our master hands its role to us.
func (n *Node) takeOver(c Caller, q Request, now time.Time) error {
	n.logf(Warning, "Failover request received for replid %s.", q.ID)
	if n.IsMaster() {
		return errFailoverToMaster
	}
	if q.ID != n.stream.id {
		return errFailoverReplID
	}
	n.promote(now)
	n.logf(Notice, "MASTER MODE enabled (failover request from '%s')", c.Info)
	return nil
}

// Disconnected tells that the session of a replica has ended.
func (n *Node) Disconnected(r *Replica, now time.Time) {
	if !n.remove(r, now) {
		return
	}
	if r.state == Online || r.sync != nil {
		n.logf(Notice, "Connection with replica %s lost.", r.Name())
	}
}

// drop ends a replica's session from our side.
func (n *Node) drop(r *Replica, now time.Time) {
	if n.remove(r, now) {
		n.do(CloseReplica{r})
	}
}

func (n *Node) remove(r *Replica, now time.Time) bool {
	i := slices.Index(n.replicas, r)
	if i < 0 {
		return false
	}
	n.replicas = slices.Delete(n.replicas, i, i+1)
	r.release()
	if len(n.replicas) == 0 {
		n.noReplicasSince = now
	}
	return true
}

// dropReplicas ends all replicas' sessions; they come back and ask again.
func (n *Node) dropReplicas(now time.Time) {
	n.eachReplica(func(r *Replica) { n.drop(r, now) })
}

// DropWithoutFieldTTL drops the replicas that do not know hashes with fields that
// expire: the data set holds some from now on. Who admits replicas asks
// [Peer.KnowsFieldTTL] as long as it does.
func (n *Node) DropWithoutFieldTTL(now time.Time) {
	n.eachReplica(func(r *Replica) {
		if !r.peer.KnowsFieldTTL() {
			n.logf(Warning, "Replica %s is disconnected: it does not know hashes with fields that expire, "+
				"and the data set holds some from now on", r.Name())
			n.drop(r, now)
		}
	})
}

// eachReplica calls fn for every replica; fn may drop the one it is called for.
func (n *Node) eachReplica(fn func(*Replica)) {
	for i := 0; i < len(n.replicas); {
		r := n.replicas[i]
		fn(r)
		if i < len(n.replicas) && n.replicas[i] == r {
			i++
		}
	}
}

// ack takes REPLCONF ACK offset [FACK offset].
func (n *Node) ack(r *Replica, args [][]byte, now time.Time) {
	for i := 0; i+1 < len(args); i += 2 {
		offset, ok := resp.ParseInt(args[i+1])
		if !ok {
			return
		}
		switch lower(args[i]) {
		case "ack":
			r.ackOffset = max(r.ackOffset, Offset(offset))
		case "fack":
			r.aofOffset = max(r.aofOffset, Offset(offset))
		}
	}
	r.ackAt = now
	if r.wantAck && r.state == Online {
		r.wantAck, r.streaming = false, true
	}
}

// Heard tells that a replica sent an empty line: it is alive, and busy loading.
func (n *Node) Heard(r *Replica, now time.Time) { r.ackAt = now }

// AckedBy counts the replicas that have acknowledged everything up to at (WAIT);
// AOFAckedBy those that also have it in their append-only file (WAITAOF).
func (n *Node) AckedBy(at Offset) int {
	return n.count(func(r *Replica) bool { return r.ackOffset >= at })
}
func (n *Node) AOFAckedBy(at Offset) int {
	return n.count(func(r *Replica) bool { return r.aofOffset >= at })
}

// GoodReplicas counts the replicas whose last acknowledgement is no older than
// min-replicas-max-lag, in whole seconds.
func (n *Node) GoodReplicas(now time.Time) int {
	return n.count(func(r *Replica) bool { return wholeSeconds(r.lag(now)) <= wholeSeconds(n.conf.MaxLag) })
}

// EnoughReplicas reports whether min-replicas-to-write allows writes now.
func (n *Node) EnoughReplicas(now time.Time) bool {
	return !n.IsMaster() || n.conf.MinReplicas == 0 || n.conf.MaxLag == 0 ||
		n.GoodReplicas(now) >= n.conf.MinReplicas
}

func (n *Node) count(good func(*Replica) bool) (c int) {
	for _, r := range n.replicas {
		if r.state == Online && good(r) {
			c++
		}
	}
	return c
}

// RequestAcks asks every replica to acknowledge what it has by now. To be called at
// most once per turn of the loop, however many WAITs began in it.
func (n *Node) RequestAcks() {
	if n.IsMaster() && len(n.replicas) > 0 {
		n.stream.appendFraming(getAckFrame)
	}
}

// replicasCron is the once-a-second part of being a master.
func (n *Node) replicasCron(now time.Time) {
	n.ping(now)
	n.eachReplica(func(r *Replica) {
		if r.state == WaitStart || (r.state == WaitEnd && r.sync.Target == ToFile) {
			r.pre = append(r.pre, '\n') // we are alive, the snapshot takes its time
		}
		n.dropTimedOut(r, now)
	})
	n.expireBacklog(now)
}

// ping keeps the links of online replicas from looking dead.
func (n *Node) ping(now time.Time) {
	if len(n.replicas) == 0 || n.lastPing.IsZero() {
		n.lastPing = now
	}
	due := now.Sub(n.lastPing) >= n.conf.PingPeriod
	if !due || !n.IsMaster() || n.failover.state != NoFailover {
		return
	}
	n.lastPing = now
	n.stream.appendFraming(pingFrame)
}

// dropTimedOut ends the session of a replica that has been silent, or has not read
// its snapshot, for repl-timeout.
func (n *Node) dropTimedOut(r *Replica, now time.Time) {
	if r.moved || len(r.Next()) == 0 {
		r.moved, r.movedAt = false, now
	}
	switch {
	case r.state == Online && !r.old && r.lag(now) > n.conf.Timeout:
		n.logf(Warning, "Disconnecting timedout replica (streaming sync): %s", r.Name())
	case r.transfer != nil && now.Sub(r.movedAt) > n.conf.Timeout:
		n.logf(Warning, "Disconnecting timedout replica (full sync): %s", r.Name())
	default:
		return
	}
	n.drop(r, now)
}

// dropOverruns ends the sessions of replicas that are further behind than
// client-output-buffer-limit replica allows.
func (n *Node) dropOverruns(now time.Time) {
	n.eachReplica(func(r *Replica) {
		if n.overrun(r, now) {
			n.logf(Warning, "Client %s closed for overcoming of output buffer limits.", r.Name())
			n.stats.Overruns++
			n.drop(r, now)
		}
	})
}

func (n *Node) overrun(r *Replica, now time.Time) bool {
	lim, waits := n.conf.Output, r.Pending()
	above := func(limit int64) bool { return limit > 0 && waits > max(limit, n.conf.BacklogSize) }
	if above(lim.Hard) {
		return true
	}
	if !above(lim.Soft) {
		r.softSince = time.Time{}
		return false
	}
	if r.softSince.IsZero() {
		r.softSince = now
	}
	return now.Sub(r.softSince) > lim.SoftFor
}

// expireBacklog frees the history when no replica has been there for
// repl-backlog-ttl. A new id goes with it, since writes are not recorded from now on.
func (n *Node) expireBacklog(now time.Time) {
	if !n.IsMaster() || len(n.replicas) > 0 || n.conf.BacklogTTL == 0 ||
		!n.stream.Active() || len(n.stream.cursors) > 0 {
		return
	}
	if n.noReplicasSince.IsZero() {
		n.noReplicasSince = now
	}
	if now.Sub(n.noReplicasSince) <= n.conf.BacklogTTL {
		return
	}
	n.stream.Renew()
	n.stream.Deactivate()
	n.logf(Notice, "Replication backlog freed after %d seconds without connected replicas.",
		wholeSeconds(n.conf.BacklogTTL))
}

func wholeSeconds(d time.Duration) int64 { return int64(d / time.Second) }

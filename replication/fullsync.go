package replication

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Target is where the snapshot of a full synchronization is written first.
type Target int

const (
	ToSockets Target = iota // to the replicas, as it is made
	ToFile                  // to a file, which is then sent
)

func (t Target) String() string {
	if t == ToFile {
		return "disk"
	}
	return "replicas sockets"
}

// Sync is one snapshot for one or several replicas.
type Sync struct {
	Target     Target
	ReplID     ReplID
	Offset     Offset // of the stream at the snapshot's start
	StreamDB   int    // repl-stream-db; -1 when the stream will select before it writes
	NoData     bool   // without keys
	NoFunction bool   // without functions

	// Transfer takes the bytes: at once with ToSockets, after Node.SyncFile with
	// ToFile.
	Transfer *Transfer

	mark     string
	replicas []*Replica
}

// startDueSync starts the next full synchronization when it is time for one.
func (n *Node) startDueSync(now time.Time) {
	if !n.syncDue(now) || n.opt.Source.SyncBusy() {
		return
	}
	s := n.planSync()
	n.logf(Notice, "Starting BGSAVE for SYNC with target: %s", s.Target)
	group := s.replicas
	for _, r := range group {
		n.join(s, r)
	}
	if err := n.opt.Source.StartSync(s); err != nil {
		n.logf(Warning, "BGSAVE for replication failed")
		n.failSync(s, err)
		return
	}
	n.sync = s
}

// syncDue reports whether a waiting replica has waited long enough for others to
// share its snapshot.
func (n *Node) syncDue(now time.Time) bool {
	waiting := 0
	due := false
	for _, r := range n.replicas {
		if r.state == WaitStart {
			waiting++
			due = due || !r.peer.EOF || now.Sub(r.since) >= n.conf.DisklessDelay
		}
	}
	most := n.conf.DisklessMaxReplicas
	return waiting > 0 && (due || !n.conf.Diskless || (most > 0 && waiting >= most))
}

// planSync gathers the waiting replicas that one snapshot can serve: the first and
// all that want the same contents. Offset and id are those of now.
func (n *Node) planSync() *Sync {
	s := &Sync{ReplID: n.stream.id, StreamDB: -1}
	first := true
	eof := true
	for _, r := range n.replicas {
		if r.state != WaitStart {
			continue
		}
		if first {
			first = false
			s.NoData, s.NoFunction = r.peer.NoData, r.peer.NoFunction
		}
		if r.peer.NoData == s.NoData && r.peer.NoFunction == s.NoFunction {
			s.replicas = append(s.replicas, r)
			eof = eof && r.peer.EOF
		}
	}
	n.stream.Activate()
	if n.IsMaster() {
		n.stream.SetDB(-1) // the snapshot ends in no database: select before the next effect
	}
	s.StreamDB = n.stream.db
	s.Offset = n.stream.Offset()
	s.Target = ToFile
	if eof && (n.conf.Diskless || s.NoData || s.NoFunction) {
		s.Target = ToSockets
		s.mark = string(n.opt.NewID())
	}
	s.Transfer = newTransfer(n.opt.Wake, []byte(s.mark))
	return s
}

// join makes r part of s, whose snapshot begins now or has begun: r is told where
// the stream will continue, and its cursor holds that place.
func (n *Node) join(s *Sync, r *Replica) bool {
	c, ok := n.stream.Open(s.Offset)
	if !ok {
		return false
	}
	r.cursor, r.sync, r.state = c, s, WaitEnd
	r.transfer = s.Transfer.attach()
	if !r.old {
		r.pre = fmt.Appendf(r.pre, "+FULLRESYNC %s %d\r\n", s.ReplID, s.Offset)
	}
	if s.Target == ToSockets {
		r.pre = fmt.Appendf(r.pre, "$EOF:%s\r\n", s.mark)
	}
	if !slices.Contains(s.replicas, r) {
		s.replicas = append(s.replicas, r)
	}
	return true
}

// joinRunning lets a newly arrived replica share the snapshot that is being made:
// one to a file until it is complete, one to sockets until its first block has gone.
func (n *Node) joinRunning(r *Replica) {
	if n.sync != nil && n.sync.Transfer.over() {
		n.sync = nil
	}
	s := n.sync
	switch {
	case s == nil && n.opt.Source.SyncBusy():
		n.logf(Notice, "No BGSAVE in progress, but another BG operation is active. BGSAVE for replication delayed")
	case s == nil:
		if n.conf.Diskless && r.peer.EOF && n.conf.DisklessDelay > 0 {
			n.logf(Notice, "Delay next BGSAVE for diskless SYNC")
		}
	case !s.serves(&r.peer) || !s.Transfer.joinable():
		if s.Target == ToSockets {
			n.logf(Notice, "Current BGSAVE has socket target. Waiting for next BGSAVE for SYNC")
		} else {
			n.logf(Notice, "Can't attach the replica to the current BGSAVE. Waiting for next BGSAVE for SYNC")
		}
	case n.join(s, r):
		n.logf(Notice, "Waiting for end of BGSAVE for SYNC")
	}
}

// SyncFile tells that the file of s is complete, size bytes long: what is written to
// s.Transfer from now on (see CopyFrom) is sent. False when no replica waits for it
// any more.
func (n *Node) SyncFile(s *Sync, size int64) bool {
	n.closeJoining(s)
	for _, r := range s.live() {
		r.pre = fmt.Appendf(r.pre, "$%d\r\n", size)
		r.state = SendBulk
	}
	return len(s.live()) > 0
}

// SyncFailed tells that the snapshot to the file of s could not be made.
func (n *Node) SyncFailed(s *Sync, err error) {
	n.logf(Warning, "SYNC failed. BGSAVE child returned an error")
	n.failSync(s, err)
}

// failSync drops the replicas of s; they will come back and ask again.
func (n *Node) failSync(s *Sync, err error) {
	n.closeJoining(s)
	s.Transfer.Finish(err)
	for _, r := range s.live() {
		n.drop(r, time.Time{})
	}
}

func (n *Node) closeJoining(s *Sync) {
	if n.sync == s {
		n.sync = nil
	}
}

// serves reports whether the snapshot is what p wants, in a form p takes.
func (s *Sync) serves(p *Peer) bool {
	return p.NoData == s.NoData && p.NoFunction == s.NoFunction && (p.EOF || s.Target == ToFile)
}

// live are the replicas that still wait for s.
func (s *Sync) live() (rs []*Replica) {
	for _, r := range s.replicas {
		if r.sync == s {
			rs = append(rs, r)
		}
	}
	return rs
}

// joinable reports whether a further replica would still get every byte.
func (t *Transfer) joinable() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.ring.first == 0 && !t.finished
}

// over reports whether the producer has ended.
func (t *Transfer) over() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.finished
}

// settleTransfers moves on the replicas that have read their whole snapshot, and
// drops those whose snapshot broke off.
func (n *Node) settleTransfers(now time.Time) {
	n.eachReplica(func(r *Replica) {
		if r.transfer == nil {
			return
		}
		done, err := r.transfer.outcome()
		switch {
		case err != nil:
			n.closeJoining(r.sync)
			n.logf(Warning, "Diskless rdb transfer, read error sending DB to replicas: %s", err)
			n.drop(r, now)
		case done && len(r.pre) == 0:
			n.closeJoining(r.sync)
			n.putOnline(r, now)
		}
	})
}

// putOnline ends a full synchronization that reached its replica.
func (n *Node) putOnline(r *Replica, now time.Time) {
	unsized := r.sync.Target == ToSockets
	r.transfer.detach()
	r.transfer, r.sync = nil, nil
	if unsized {
		n.logf(Notice, "Streamed RDB transfer with replica %s succeeded (socket). "+
			"Waiting for REPLCONF ACK from slave to enable streaming", r.Name())
	}
	if r.peer.RDBOnly {
		n.logf(Notice, "RDB transfer completed, rdb only replica (%s) should be disconnected asap", r.Name())
		n.drop(r, now)
		return
	}
	r.state, r.ackAt = Online, now
	r.wantAck, r.streaming = unsized, !unsized
	n.logf(Notice, "Synchronization with replica %s succeeded", r.Name())
}

func lower(b []byte) string { return strings.ToLower(string(b)) }

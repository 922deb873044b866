package server

import (
	"context"
	"errors"
	"math"
	"os"
	"sync/atomic"
	"time"

	"github.com/vedette-ha/vedette/internal/endpoint"
	"github.com/vedette-ha/vedette/replication"
	"github.com/vedette-ha/vedette/server/keyspace"
)

// replicationState joins the loop with its replication.Node: the Node decides, and
// this does.
type replicationState struct {
	repl     *replication.Node
	attempts map[*replication.Attempt]context.CancelFunc
	woken    atomic.Bool // a snapshot has bytes for the replicas

	// restoredHistory tells that the data set was loaded together with the history
	// it belongs to (Stream.Restore), which a master may be asked to continue.
	restoredHistory bool

	master    *session // the connection our master's stream comes on; nil without
	masterDB  int      // the database that stream has selected
	unapplied []byte   // of that stream: executed as part of an open transaction
	ackDue    bool     // our master asked for an acknowledgement in this turn
	getAcks   bool     // somebody waits for our replicas' acknowledgements
	waiters   []*waiter
}

func (s *Server) initReplication() {
	s.attempts = make(map[*replication.Attempt]context.CancelFunc)
	s.repl = replication.NewNode(s.replicationConfig(), replication.Options{
		Source:  syncSource{s},
		Log:     s.replicationLog,
		Wake:    s.wakeFromTransfer,
		PID:     os.Getpid(),
		Version: Version,
		Dial:    s.dialsMaster,
		Verify:  s.verifySnapshot,
	})
}

// replicationConfig is the part of the configuration that replication reads.
func (s *Server) replicationConfig() replication.Config {
	c := s.cfg
	seconds := func(n int) time.Duration { return time.Duration(n) * time.Second }
	out := c.ClientOutputBufferLimits[classReplica]
	port := c.ReplicaAnnouncePort
	if port == 0 {
		port = c.Port
	}
	return replication.Config{
		BacklogSize:         c.ReplBacklogSize,
		BacklogTTL:          time.Duration(min(c.ReplBacklogTTL, math.MaxInt64/int64(time.Second))) * time.Second,
		Timeout:             seconds(c.ReplTimeout),
		PingPeriod:          seconds(c.ReplPingPeriod),
		Diskless:            c.ReplDisklessSync,
		DisklessDelay:       seconds(c.ReplDisklessSyncDelay),
		DisklessMaxReplicas: c.ReplDisklessSyncMaxReplicas,
		Output: replication.OutputLimit{Hard: int64(out.Hard), Soft: int64(out.Soft),
			SoftFor: time.Duration(out.SoftSeconds) * time.Second},
		MinReplicas:  c.MinReplicasToWrite,
		MaxLag:       seconds(c.MinReplicasMaxLag),
		MasterUser:   c.MasterUser,
		MasterAuth:   c.MasterAuth,
		AnnounceIP:   c.ReplicaAnnounceIP,
		AnnouncePort: port,
		Dir:          c.Dir,
		Priority:     c.ReplicaPriority,
		ReadOnly:     c.ReplicaReadOnly,
		Announced:    c.ReplicaAnnounced,
	}
}

// replicationLog writes one of Redis's lines. Attempts call it from their goroutines.
func (s *Server) replicationLog(level replication.Level, text string) {
	switch level {
	case replication.Warning:
		s.log.Warn().Msg(text)
	case replication.Notice:
		s.log.Info().Msg(text)
	default:
		s.log.Debug().Msg(text)
	}
}

// replicationNow is the turn's time as the Node takes it.
func (s *Server) replicationNow() time.Time { return s.started.Add(s.turnMono) }

// startReplication begins to follow the master that the configuration names.
func (s *Server) startReplication() {
	s.every(func() time.Duration { return replicationPeriod }, s.replicationTick)
	if m := s.cfg.ReplicaOf; !m.IsZero() {
		s.repl.FollowAtStart(m.Host, m.Port, s.restoredHistory, s.replicationNow())
		s.actReplication()
	}
}

// failoverPauseMs is how long FAILOVER holds writes back at most, if its own end does
// not come: 30 years, since FAILOVER alone decides.
const failoverPauseMs = 1_000_000_000_000

// replicationPeriod is how often the Node hears what time it is.
const replicationPeriod = 100 * time.Millisecond

func (s *Server) replicationTick() {
	s.repl.Tick(s.replicationNow())
	s.actReplication()
}

// replicationTurn is the end of every turn: what came in it is settled, and what
// replicas are to have is queued.
func (s *Server) replicationTurn() {
	if s.woken.CompareAndSwap(true, false) {
		s.wakeReplicas()
	}
	if s.getAcks {
		s.getAcks = false
		s.repl.RequestAcks()
		s.wakeReplicas()
	}
	if s.ackDue {
		s.ackDue = false
		s.repl.SendAck()
	}
	s.repl.Turn(s.replicationNow())
	s.actReplication()
}

// actReplication does what the Node has decided.
func (s *Server) actReplication() {
	for _, a := range s.repl.Take() {
		switch a := a.(type) {
		case replication.Connect:
			s.runAttempt(a.Attempt)
		case replication.Cancel:
			if cancel := s.attempts[a.Attempt]; cancel != nil {
				cancel()
			}
		case replication.OpenMaster:
			s.openMaster(a.Link)
		case replication.CloseMaster:
			s.closeMaster()
		case replication.SendAck:
			s.sendAck(a.Bytes)
		case replication.Load:
			s.loadFromMaster(a.Full)
		case replication.CloseReplica:
			s.closeReplica(a.Replica)
		case replication.PauseWrites:
			s.setPause(&s.paused.failover, pauseWrite, s.turnWall+failoverPauseMs)
			s.applyRole()
		case replication.ResumeWrites:
			s.unpause(&s.paused.failover)
			s.applyRole()
		case replication.RoleChanged:
			s.roleChanged(a.Master)
		}
	}
	s.wakePending()
}

// roleChanged follows a change from master to replica or back.
func (s *Server) roleChanged(master bool) {
	s.rememberMaster()
	s.applyRole()
	_ = s.applyOOMScore() // the log says why it stays as it was
	if !master {
		s.failWaits()
	}
}

// rememberMaster keeps CONFIG GET replicaof true, and CONFIG REWRITE with it.
func (s *Server) rememberMaster() {
	host, port := s.repl.Master()
	s.cfg.ReplicaOf = Endpoint{Host: host, Port: port}
}

// applyRole sets what depends on the role: who may delete expired keys, and what
// clients are refused.
func (s *Server) applyRole() {
	s.applyExpirePolicy()
	s.refreshPlain()
	if s.showRole != nil {
		s.showRole(s.isReplica())
	}
}

// applyExpirePolicy says who may delete expired keys. A replica waits for its master;
// while writes are paused the data and the stream stand still, so keys only look gone.
func (s *Server) applyExpirePolicy() {
	policy := keyspace.ExpireDelete
	if s.isReplica() || s.repl.FailoverState() != replication.NoFailover || s.paused.kind(s.turnWall) != pauseNone {
		policy = keyspace.ExpireHide
	}
	s.space.SetExpirePolicy(policy)
}

func (s *Server) isReplica() bool { return !s.repl.IsMaster() }

// enoughReplicas reports whether min-replicas-to-write allows writes now. Every write
// asks, so it reads the time only if there is something to count.
func (s *Server) enoughReplicas() bool {
	return s.cfg.MinReplicasToWrite == 0 || s.repl.EnoughReplicas(s.replicationNow())
}

// masterDownAndStrict reports whether this replica's data is stale and must not be
// shown.
func (s *Server) masterDownAndStrict() bool {
	return s.isReplica() && !s.cfg.ReplicaServeStale && s.repl.LinkState() != replication.LinkConnected
}

// replicationClosed tells the Node of a session that has ended.
func (s *Server) replicationClosed(c *session) {
	if r := c.replica; r != nil {
		c.replica = nil
		s.repl.Disconnected(r, s.replicationNow())
		s.dropUnwantedSnapshot()
	}
	if c == s.master {
		s.forgetMaster()
		// Nothing but bytes that make no sense closes this session after output.
		s.repl.MasterLost(c.closeAfter, s.replicationNow())
		s.refreshPlain()
	}
}

// closeReplica ends the session of a replica the Node has given up.
func (s *Server) closeReplica(r *replication.Replica) {
	c := r.Owner.(*session)
	c.replica = nil
	c.close()
}

// wakeFromTransfer is called by a goroutine that has produced bytes of a snapshot,
// or by the loop itself: it must not wait for the inbox.
func (s *Server) wakeFromTransfer() {
	s.woken.Store(true)
	s.poller.Wake()
}

// wakeReplicas makes the end of this turn write to the replicas what is new.
func (s *Server) wakeReplicas() {
	for _, r := range s.repl.Replicas() {
		if c := r.Owner.(*session); !c.outQueued && !c.wantWrite {
			c.outQueued = true
			s.pendingOut = append(s.pendingOut, c)
		}
	}
}

// wakePending queues the replicas that have something to be written.
func (s *Server) wakePending() {
	for _, r := range s.repl.Replicas() {
		if len(r.Next()) > 0 {
			s.wakeReplicas()
			return
		}
	}
}

// streamSlice bounds what one replica is written in a turn, so that one that
// catches up does not make clients wait.
const streamSlice = 1 << 20

// flushStream writes what the replica is to have; false when the socket takes no
// more, or the slice is used up.
func (c *session) flushStream() bool {
	syncing := c.replica.State() != replication.Online
	for done := 0; done < streamSlice; {
		p := c.replica.Next()
		if len(p) == 0 {
			if syncing {
				c.srv.settleSync()
			}
			return !c.closed
		}
		n, err := c.conn.Write(p)
		c.replica.Advance(n)
		done += n
		c.netOut += uint64(n)
		c.srv.stats.netReplOut += uint64(n)
		if err != nil && !errors.Is(err, endpoint.ErrAgain) {
			c.hungUp(err)
			return false
		}
		if err != nil {
			break
		}
	}
	c.setWantWrite(true)
	return false
}

// settleSync lets a replica that has read its whole snapshot go on at once: its
// acknowledgement may come before the next turn looks. What that leads to is done in
// the next turn, since this one is writing.
func (s *Server) settleSync() {
	s.repl.Turn(s.replicationNow())
	s.after(0, s.actReplication)
}

package server

import (
	"slices"
	"time"

	"github.com/vedette-ha/vedette/internal/resp"
	"github.com/vedette-ha/vedette/replication"
	"github.com/vedette-ha/vedette/server/command"
)

// replicationCommands are those that concern masters and replicas.
func (s *Server) replicationCommands() []command.Row {
	return []command.Row{
		{Name: "REPLICAOF", Run: s.cmdReplicaof},
		{Name: "SLAVEOF", Run: s.cmdReplicaof},
		{Name: "FAILOVER", Run: s.cmdFailover},
		{Name: "ROLE", Run: s.cmdRole},
		{Name: "PSYNC", Run: s.cmdSync},
		{Name: "SYNC", Run: s.cmdSync},
		{Name: "REPLCONF", Run: s.cmdReplconf},
		{Name: "WAIT", Run: s.cmdWait},
		{Name: "WAITAOF", Run: s.cmdWaitAOF},
	}
}

// REPLICAOF host port | NO ONE
func (s *Server) cmdReplicaof(c *command.Ctx) error {
	ss := sessionOf(c)
	status, err := s.repl.Replicaof(c.Args[1:], ss.class == classReplica,
		string(ss.describe(nil)), s.replicationNow())
	if err != nil {
		return err
	}
	s.rememberMaster()
	s.actReplication()
	s.refreshPlain()
	c.Out.Status(status)
	return nil
}

// FAILOVER [TO host port [FORCE]] [ABORT] [TIMEOUT milliseconds]
func (s *Server) cmdFailover(c *command.Ctx) error {
	err := s.repl.Failover(c.Args[1:], s.replicationNow())
	s.actReplication()
	if err != nil {
		return err
	}
	c.Out.Status("OK")
	return nil
}

// ROLE
func (s *Server) cmdRole(c *command.Ctx) error {
	s.repl.WriteRole(c.Out)
	return nil
}

var errFieldTTL = resp.Errorf("ERR The data set holds hashes with fields that expire, which your version does not know")

// PSYNC replicationid offset [FAILOVER] | SYNC
func (s *Server) cmdSync(c *command.Ctx) error {
	ss := sessionOf(c)
	if ss.class == classReplica {
		return nil // it is being synchronized: Redis does not answer either
	}
	if !ss.peer.KnowsFieldTTL() && s.space.Perishing() {
		s.log.Warn().Str("replica", ss.addr()).Str("version", ss.peer.Version).Msg("Replica refused: " +
			"the data set holds hashes with fields that expire, which it does not know. Redis does from 7.4 on")
		return errFieldTTL
	}
	r, err := s.repl.Sync(replication.Caller{
		Owner: ss, Addr: ss.addr(), Info: string(ss.describe(nil)), Pending: ss.pendingBytes() > 0,
	}, ss.peer, c.Args, s.replicationNow())
	if err != nil {
		s.actReplication()
		return err
	}
	ss.replica, ss.class = r, classReplica
	if s.cfg.ReplDisableTCPNoDelay {
		ss.conn.SetNoDelay(false)
	}
	s.actReplication()
	return nil
}

// REPLCONF option value [option value ...]
func (s *Server) cmdReplconf(c *command.Ctx) error {
	ss := sessionOf(c)
	if ss.class == classMaster && len(c.Args) > 1 && equalFold(c.Args[1], "GETACK") {
		s.ackDue = true // at the end of the turn, when this command counts too
		return nil
	}
	ok, err := s.repl.Replconf(ss.replica, &ss.peer, c.Args[1:], s.replicationNow())
	if err != nil {
		return err
	}
	if ok {
		c.Out.Status("OK")
	}
	s.actReplication()
	s.checkWaiters()
	return nil
}

// waiter is a session that waits for replicas to acknowledge what it has written.
type waiter struct {
	c        *session
	offset   replication.Offset
	replicas int
	aof      bool // WAITAOF: they are to have it in their append-only files
}

// acked is how many replicas have what the waiter waits for.
func (s *Server) acked(w *waiter) int {
	if w.aof {
		return s.repl.AOFAckedBy(w.offset)
	}
	return s.repl.AckedBy(w.offset)
}

var errWaitOnReplica = resp.Errorf("ERR WAIT cannot be used with replica instances. Please also note that since Redis 4.0 if a replica is configured to be writable (which is not the default) writes to replicas are just local and are not propagated.")

// WAIT numreplicas timeout
func (s *Server) cmdWait(c *command.Ctx) error {
	if s.isReplica() {
		return errWaitOnReplica
	}
	n, ok := resp.ParseInt(c.Args[1])
	if !ok {
		return resp.ErrNotInteger
	}
	timeout, err := c.TimeoutMillis(c.Args[2])
	if err != nil {
		return err
	}
	w := &waiter{c: sessionOf(c), offset: sessionOf(c).written, replicas: int(n)}
	return s.wait(c, w, timeout)
}

// WAITAOF numlocal numreplicas timeout
func (s *Server) cmdWaitAOF(c *command.Ctx) error {
	local, ok := resp.ParseInt(c.Args[1])
	if !ok || local < 0 || local > 1 {
		return resp.Errorf("ERR value is out of range, must be between 0 and 1")
	}
	n, ok := resp.ParseInt(c.Args[2])
	if !ok || n < 0 {
		return resp.Errorf("ERR value is out of range, must be positive")
	}
	timeout, err := c.TimeoutMillis(c.Args[3])
	if err != nil {
		return err
	}
	if s.isReplica() {
		return resp.Errorf("ERR WAITAOF cannot be used with replica instances. Please also note that writes to replicas are just local and are not propagated.")
	}
	if local > 0 && !s.cfg.AppendOnly {
		return resp.Errorf("ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.")
	}
	w := &waiter{c: sessionOf(c), offset: sessionOf(c).written, replicas: int(n), aof: true}
	return s.wait(c, w, timeout)
}

// wait answers at once, or blocks the session until enough replicas have
// acknowledged or the time is up.
func (s *Server) wait(c *command.Ctx, w *waiter, timeout time.Duration) error {
	if s.acked(w) >= w.replicas || !w.c.mayWait() {
		s.answerWait(w)
		return nil
	}
	w.c.blockFor(&blocked{
		kind:     blockedAcks,
		onCancel: func() { s.dropWaiter(w.c) },
		timedOut: func() { s.answerWait(w) },
	}, timeout)
	s.waiters = append(s.waiters, w)
	s.getAcks = true
	return nil
}

// answerWait replies with what there is.
func (s *Server) answerWait(w *waiter) {
	if w.aof {
		w.c.out.Array(2)
		w.c.out.Int(0) // nothing of ours is in an append-only file
	}
	w.c.out.Int(int64(s.acked(w)))
}

// checkWaiters answers those whose writes have been acknowledged often enough.
func (s *Server) checkWaiters() {
	for _, w := range slices.Clone(s.waiters) {
		if s.acked(w) >= w.replicas {
			w.c.endWait(w.c.blocked.timedOut)
		}
	}
}

func (s *Server) dropWaiter(c *session) {
	s.waiters = slices.DeleteFunc(s.waiters, func(w *waiter) bool { return w.c == c })
}

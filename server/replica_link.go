package server

import (
	"context"
	"os"
	"path/filepath"
	"time"

	"github.com/vedette-ha/vedette/replication"
	"github.com/vedette-ha/vedette/server/keyspace"
)

// runAttempt tries to reach the master on a goroutine of its own.
func (s *Server) runAttempt(a *replication.Attempt) {
	if s.stopping() {
		return
	}
	ctx, cancel := context.WithCancel(s.bgCtx)
	s.attempts[a] = cancel
	s.bg.Go(func() {
		defer cancel()
		o, err := a.Run(ctx)
		if !s.post(func() { s.attempted(a, o, err) }) {
			o.Discard()
		}
	})
}

func (s *Server) attempted(a *replication.Attempt, o replication.Outcome, err error) {
	delete(s.attempts, a)
	s.repl.Attempted(a, o, err, s.replicationNow())
	s.actReplication()
	s.refreshPlain()
}

// openMaster makes the connection on which our master's stream comes a session.
func (s *Server) openMaster(link *replication.MasterConn) {
	c := s.newSession()
	conn, err := s.poller.Add(link.Conn, c)
	if err != nil {
		s.log.Warn().Err(err).Msg("adopt the master's connection")
		s.repl.MasterLost(false, s.replicationNow())
		return
	}
	conn.SetKeepAlive(time.Duration(s.cfg.TCPKeepAlive) * time.Second)
	c.conn, c.class, c.upload, c.authenticated = conn, classMaster, link, true
	c.selectDB(s.masterDB)
	s.addSession(c)
	s.master = c
	if len(link.Buffered) > 0 {
		c.in = link.Buffered
		link.Buffered = nil
		s.repl.Received(len(c.in), s.replicationNow())
		c.resuming = true
		s.resumed = append(s.resumed, c)
	}
	s.refreshPlain()
}

// closeMaster ends that session; the Node knows.
func (s *Server) closeMaster() {
	if c := s.master; c != nil {
		s.forgetMaster()
		c.close()
	}
}

// forgetMaster keeps of the session what outlives it: nothing but the database.
func (s *Server) forgetMaster() {
	s.master.upload = nil
	s.master = nil
	s.unapplied = nil // half a transaction, which the master will send again
}

// sendAck writes an acknowledgement to our master.
func (s *Server) sendAck(p []byte) {
	if c := s.master; c != nil {
		c.borrowOutput()
		c.out.Buf = append(c.out.Buf, p...)
		c.queueOutput()
	}
}

// consumeStream executes what has arrived of our master's stream. Keys that have
// expired are there until the master says otherwise.
func (c *session) consumeStream(buf []byte) (used int) {
	s := c.srv
	s.space.SetExpirePolicy(keyspace.ExpireKeep)
	used = c.execute(buf)
	s.applyRole()
	return used
}

// streamed takes note of n bytes that a replica sent, or our master: command tells
// that they were one, not an empty line.
func (c *session) streamed(p []byte, command bool) {
	s := c.srv
	switch {
	case c.replica != nil && !command:
		s.repl.Heard(c.replica, s.replicationNow())
	case c == s.master:
		s.applied(p)
	}
}

// applied passes bytes of our master's stream on to our own history, once they have
// taken effect: a transaction as a whole.
func (s *Server) applied(p []byte) {
	c := s.master
	s.masterDB = c.ctx.DBIndex
	if c.multi != nil || len(s.unapplied) > 0 {
		s.unapplied = append(s.unapplied, p...)
		p = s.unapplied
	}
	if c.multi != nil {
		return
	}
	s.repl.Applied(p, s.masterDB)
	s.unapplied = s.unapplied[:0]
	s.wakeReplicas()
}

// loadFromMaster puts a received snapshot in the place of our data: it takes the
// name of our own file, as it is our data now, and is loaded in slices.
func (s *Server) loadFromMaster(full *replication.FullSync) {
	path := filepath.Join(s.cfg.Dir, s.cfg.DBFilename)
	ctx, stop := context.WithCancel(s.bgCtx)
	alive := make(chan struct{})
	s.bg.Go(func() {
		defer close(alive)
		full.Conn.KeepAlive(ctx)
	})
	done := func(err error) {
		stop()
		s.bg.Go(func() { // the loop does not wait for a last newline
			<-alive
			if !s.post(func() { s.loadedFromMaster(full, err) }) {
				replication.Outcome{Full: full}.Discard()
			}
		})
	}
	s.bg.Go(func() {
		err := os.Rename(full.Path, path)
		s.post(func() {
			if err != nil {
				s.log.Warn().Msgf("Failed trying to rename the temp DB into %s in MASTER <-> REPLICA synchronization: %s",
					s.cfg.DBFilename, err)
				full.Remove()
				done(err)
				return
			}
			s.loadReplica(path, full.ReplID == s.repl.Stream().ID(), done)
		})
	})
}

func (s *Server) loadedFromMaster(full *replication.FullSync, err error) {
	s.repl.Loaded(full, err, s.replicationNow())
	s.actReplication()
	s.refreshPlain()
}

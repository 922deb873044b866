package server

import (
	"errors"
	"math"
	"syscall"
	"time"

	"github.com/vedette-ha/vedette/internal/resp"
	"github.com/vedette-ha/vedette/replication"
	"github.com/vedette-ha/vedette/server/command"
)

// shutdown is an orderly end under way: it waits for replicas to catch up, with
// writes held back.
type shutdown struct {
	opt      ShutdownOn
	deadline time.Duration      // since the server started
	target   replication.Offset // what replicas are to have acknowledged
	timer    *timer
}

var errShutdown = resp.Errorf("ERR Errors trying to SHUTDOWN. Check logs.")

const blockedShutdown = "shutdown"

// stopping reports whether the server is about to end: it begins nothing new.
func (s *Server) stopping() bool { return s.stopped || s.shutdown != nil }

// SHUTDOWN [NOSAVE | SAVE] [NOW] [FORCE] [ABORT]
func (s *Server) cmdShutdown(c *command.Ctx) error {
	opt, abort, err := shutdownArgs(c.Args[1:])
	if err != nil {
		return err
	}
	if abort {
		if s.shutdown == nil {
			return resp.Errorf("ERR No shutdown in progress.")
		}
		s.cancelShutdown()
		s.log.Info().Msg("Shutdown manually aborted.")
		c.Out.Status("OK")
		return nil
	}
	if s.shutdown == nil && !s.beginShutdown(opt) {
		return errShutdown
	}
	if s.shutdown != nil {
		sessionOf(c).blockFor(&blocked{kind: blockedShutdown}, 0)
	}
	return nil
}

func shutdownArgs(args [][]byte) (opt ShutdownOn, abort bool, err error) {
	for _, a := range args {
		switch {
		case equalFold(a, "NOSAVE"):
			opt |= ShutdownNoSave
		case equalFold(a, "SAVE"):
			opt |= ShutdownSave
		case equalFold(a, "NOW"):
			opt |= ShutdownNow
		case equalFold(a, "FORCE"):
			opt |= ShutdownForce
		case equalFold(a, "ABORT"):
			abort = true
		default:
			return 0, false, resp.ErrSyntax
		}
	}
	const both = ShutdownSave | ShutdownNoSave
	if abort && opt != 0 || opt&both == both {
		return 0, false, resp.ErrSyntax
	}
	return opt, abort, nil
}

// shutdownBySignal ends the server because its context has ended. The signal that did
// it, if one did, decides how. If saving fails, or SHUTDOWN ABORT is called, the server
// goes on until the next signal.
func (s *Server) shutdownBySignal(cause error) {
	if s.stopCause == nil {
		s.stopCause = cause
		var sig interface{ Received() syscall.Signal }
		if errors.As(cause, &sig) {
			s.shutdownFor(sig.Received())
		} else if s.shutdown == nil {
			s.beginShutdown(ShutdownForce) // nobody would ask again
		}
		return
	}
	var sig interface{ Again() <-chan syscall.Signal }
	if errors.As(cause, &sig) {
		select {
		case again := <-sig.Again():
			s.shutdownFor(again)
		default:
		}
	}
}

// shutdownFor does what a signal asks for.
func (s *Server) shutdownFor(sig syscall.Signal) {
	var opt ShutdownOn
	switch sig {
	case syscall.SIGTERM:
		s.log.Warn().Msg("Received SIGTERM scheduling shutdown...")
		opt = s.cfg.ShutdownOnSIGTERM
	case syscall.SIGINT:
		s.log.Warn().Msg("Received SIGINT scheduling shutdown...")
		opt = s.cfg.ShutdownOnSIGINT
	}
	if s.shutdown == nil && !s.beginShutdown(opt) {
		s.wentOn()
	}
}

// wentOn tells whoever hears signals first that no end is under way any more: SIGINT is
// a request again, and no order to drop everything.
func (s *Server) wentOn() {
	var sig interface{ WentOn() }
	if errors.As(s.stopCause, &sig) {
		sig.WentOn()
	}
}

// beginShutdown ends the server now, or once the replicas have what it has. False
// tells that it could not.
func (s *Server) beginShutdown(opt ShutdownOn) bool {
	if s.loading != nil {
		opt = opt&^ShutdownSave | ShutdownNoSave // half a data set must not replace the file
	}
	s.log.Warn().Msg("User requested shutdown...")
	end := &shutdown{opt: opt, target: s.repl.Stream().Offset()}
	timeout := time.Duration(s.cfg.ShutdownTimeout) * time.Second
	if opt&ShutdownNow != 0 || timeout == 0 || s.replicasHave(end.target) {
		return s.finishShutdown(opt)
	}
	s.shutdown = end
	s.setPause(&s.paused.shutdown, pauseWrite, s.turnWall+pauseForGood)
	s.getAcks = true
	end.deadline = s.mono() + timeout
	end.timer = s.after(shutdownPeriod, s.awaitReplicas)
	s.log.Info().Msg("Waiting for replicas before shutting down.")
	return true
}

const (
	// shutdownPeriod is how often a shutdown looks at its replicas.
	shutdownPeriod = 10 * time.Millisecond
	// pauseForGood is longer than any server waits, in ms.
	pauseForGood = math.MaxInt32
)

// replicasHave reports whether every replica has acknowledged at.
func (s *Server) replicasHave(at replication.Offset) bool {
	n := len(s.repl.Replicas())
	return n == 0 || s.repl.AckedBy(at) == n
}

// awaitReplicas ends the server when they are there or the time is up.
func (s *Server) awaitReplicas() {
	end := s.shutdown
	if s.mono() < end.deadline && !s.replicasHave(end.target) {
		end.timer = s.after(shutdownPeriod, s.awaitReplicas)
		return
	}
	if !s.finishShutdown(end.opt) {
		s.cancelShutdown()
	}
}

// cancelShutdown lets the server go on, and tells those who asked for its end.
func (s *Server) cancelShutdown() {
	s.cancel(s.shutdown.timer)
	s.shutdown = nil
	s.unpause(&s.paused.shutdown)
	s.wentOn()
	s.eachSession(func(c *session) {
		if c.isBlocked() && c.blocked.kind == blockedShutdown {
			c.borrowOutput()
			s.replyError(c, errShutdown)
			c.unblock()
		}
	})
}

// finishShutdown saves what is to be saved and stops the loop. False tells that
// saving failed and the server goes on.
func (s *Server) finishShutdown(opt ShutdownOn) bool {
	s.logLagging()
	if s.snap.saving() {
		s.log.Warn().Msg("There is a child saving an .rdb. Killing it!")
		s.snap.job.abort()
	}
	if (len(s.cfg.SavePoints) > 0 && opt&ShutdownNoSave == 0) || opt&ShutdownSave != 0 {
		s.log.Info().Msg("Saving the final RDB snapshot before exiting.")
		err := s.saveNow()
		switch {
		case err != nil && opt&ShutdownForce == 0:
			s.log.Warn().Msg("Error trying to save the DB, can't exit.")
			s.log.Warn().Msg("Errors trying to shut down the server. Check the logs for more information.")
			return false
		case err != nil:
			s.log.Warn().Msg("Error trying to save the DB. Exit anyway.")
		}
	}
	s.wakeReplicas() // with what is left of the stream
	s.log.Warn().Msg("Redis is now ready to exit, bye bye...")
	s.stopped = true
	return true
}

// logLagging names the replicas that have not got everything.
func (s *Server) logLagging() {
	replicas, synced := s.repl.Replicas(), 0
	at, now := s.repl.Stream().Offset(), s.replicationNow()
	for _, r := range replicas {
		if r.AckOffset() >= s.shutdownTarget(at) {
			synced++
			continue
		}
		s.log.Warn().Msgf("Lagging replica %s reported offset %d behind master, lag=%d, state=%s.",
			r.Name(), at-r.AckOffset(), int64(r.Lag(now)/time.Second), r.State())
	}
	if len(replicas) > 0 {
		s.log.Info().Msgf("%d of %d replicas are in sync when shutting down.", synced, len(replicas))
	}
}

// shutdownTarget is what a replica must have to be in sync: all of it, or what there
// was when writes stopped.
func (s *Server) shutdownTarget(all replication.Offset) replication.Offset {
	if s.shutdown != nil {
		return s.shutdown.target
	}
	return all
}

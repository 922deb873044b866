package server

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/vedette-ha/vedette/internal/endpoint"
)

const (
	// readSize is the loop's shared read buffer: what one readable socket may
	// bring in one turn, so that one busy client cannot starve the others.
	readSize = 64 << 10
	// inboxSize bounds what other goroutines may have posted and the loop not yet
	// run. A full inbox makes the poster wait: it has nothing better to do.
	inboxSize = 1024
)

// loop turns until ctx ends and the shutdown it causes is done.
func (s *Server) loop(ctx context.Context) error {
	evs := make([]endpoint.Event, 0, 512)
	var end time.Duration // of the last turn
	for !s.stopped {
		s.turn()
		idle := s.idleFor()
		if len(evs) > 0 && idle != 0 && s.gather.pays() {
			s.poller.Rest(gatherFor)
			s.gather.rested(s.mono() - end)
		}
		var err error
		evs, err = s.poller.Wait(evs[:0], idle)
		if err != nil {
			return err
		}
		s.startTurn()
		for i := range evs {
			if s.stopped {
				break // what a client sends after the last save is not acknowledged
			}
			s.handle(&evs[i])
		}
		s.runInbox()
		s.runTimers()
		s.stepLoading()
		s.replicationTurn()
		s.serveReady()
		s.stepSnapshot()
		s.stepEviction()
		s.flushOutputs()
		now := s.mono()
		s.stats.turns++
		s.stats.turnTime += now - s.turnMono
		s.gather.turned(s.turnMono-end, now)
		end = now
		if ctx.Err() != nil {
			s.shutdownBySignal(context.Cause(ctx))
		}
	}
	return s.stopErr
}

// idleFor is how long a turn may wait: not at all while there is work left over.
func (s *Server) idleFor() time.Duration {
	if s.snap.walking() || s.loading.busy() || len(s.resumed) > 0 || len(s.inbox) > 0 ||
		s.evicting.goesOn {
		return 0
	}
	return s.timers.until(s.mono())
}

// startTurn reads the clocks; within a turn time moves with the commands' own.
func (s *Server) startTurn() {
	now := time.Now()
	s.turnMono = now.Sub(s.started)
	s.turnWall = s.wall(now).UnixMilli()
	s.cmdMono = s.turnMono
	s.space.SetNow(s.turnWall)
}

// mono is the time since the server started.
func (s *Server) mono() time.Duration { return time.Since(s.started) }

// nowMS is the Unix time in ms at the start of the command that runs.
func (s *Server) nowMS() int64 {
	return s.turnWall + int64((s.cmdMono-s.turnMono)/time.Millisecond)
}

// post runs fn on the loop. It may wait while the inbox is full, and reports false
// when the server has ended instead. Never call it on the loop itself.
func (s *Server) post(fn func()) bool {
	select {
	case s.inbox <- fn:
		s.poller.Wake()
		return true
	case <-s.done:
		return false
	}
}

func (s *Server) runInbox() {
	for range inboxSize { // what posts itself anew waits for the next turn
		select {
		case fn := <-s.inbox:
			fn()
		default:
			s.resumeSessions()
			return
		}
	}
	s.resumeSessions()
}

// resumeSessions goes on with sessions that were blocked and have bytes waiting.
func (s *Server) resumeSessions() {
	if len(s.resumed) == 0 {
		return
	}
	todo := s.resumed
	s.resumed = nil
	for _, c := range todo {
		c.resuming = false
		if !c.closed && !c.isBlocked() {
			c.consume(nil)
		}
	}
}

func (s *Server) handle(ev *endpoint.Event) {
	c, ok := ev.Owner.(*session)
	if !ok || c.closed {
		return
	}
	if ev.Writable {
		c.flush()
	}
	if ev.Readable && !c.closed {
		s.readFrom(c)
	}
}

// readFrom reads what has arrived, once, and executes it.
func (s *Server) readFrom(c *session) {
	buf, fresh := c.readBuffer(s.rbuf)
	n, err := c.conn.Read(buf)
	if err != nil {
		if !errors.Is(err, endpoint.ErrAgain) {
			c.hungUp(err)
		}
		return
	}
	s.stats.reads++
	s.gather.read(c.readAt, s.turnMono)
	c.readAt = s.turnMono
	s.stats.netIn += uint64(n)
	c.netIn += uint64(n)
	c.lastActive = s.turnWall
	if c.upload != nil {
		s.stats.netReplIn += uint64(n)
		s.repl.Received(n, s.replicationNow())
	}
	if fresh {
		c.consume(buf[:n])
		return
	}
	c.in = c.in[:len(c.in)+n]
	if !c.queryLimitOK() {
		return
	}
	if !c.isBlocked() {
		c.consume(nil)
		return
	}
	c.account()
}

// hungUp ends a session whose connection has ended.
func (c *session) hungUp(err error) {
	if errors.Is(err, io.EOF) {
		c.srv.log.Debug().Str("client", c.addr()).Msg("Client closed connection")
	}
	c.close()
}

// flushOutputs writes each session that has output, once.
func (s *Server) flushOutputs() {
	for i, c := range s.doomed {
		s.doomed[i] = nil
		if !c.closed {
			c.dropForOutput(uint64(c.pendingBytes()), "hard")
		}
	}
	s.doomed = s.doomed[:0]
	for i, c := range s.pendingOut {
		s.pendingOut[i] = nil
		c.outQueued = false
		if !c.closed {
			c.flush()
		}
	}
	s.pendingOut = s.pendingOut[:0]
	s.evictSessions()
}

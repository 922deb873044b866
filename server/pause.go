package server

import (
	"slices"
	"time"

	"github.com/vedette-ha/vedette/internal/resp"
	"github.com/vedette-ha/vedette/server/command"
)

// pauseKind is what CLIENT PAUSE holds back; a larger one includes the smaller.
type pauseKind int

const (
	pauseNone pauseKind = iota
	pauseWrite
	pauseAll
)

// pauses holds sessions back until a time. CLIENT PAUSE, FAILOVER, SHUTDOWN and MIGRATE use
// it independently: what holds is the strictest of them.
type pauses struct {
	client, failover, shutdown, migrate pause
	waiting                             []*session // postponed, in the order they came
	timer                               *timer
}

type pause struct {
	kind  pauseKind
	until int64 // Unix ms
}

func (p *pauses) forget(c *session) {
	if i := slices.Index(p.waiting, c); i >= 0 {
		p.waiting = slices.Delete(p.waiting, i, i+1)
	}
}

// kind is what is held back now.
func (p *pauses) kind(now int64) pauseKind {
	k := pauseNone
	for _, one := range []pause{p.client, p.failover, p.shutdown, p.migrate} {
		if one.kind > k && one.until > now {
			k = one.kind
		}
	}
	return k
}

// until is when the last of the pauses ends, Unix ms.
func (p *pauses) until() int64 {
	return max(p.client.until, p.failover.until, p.shutdown.until, p.migrate.until)
}

// pausedFor reports whether this command must wait for the end of a pause.
func (s *Server) pausedFor(c *session, cmd *command.Command) bool {
	if p := &s.paused; p.client.kind == pauseNone && p.failover.kind == pauseNone && p.shutdown.kind == pauseNone &&
		p.migrate.kind == pauseNone {
		return false
	}
	if c.class == classMaster || c.class == classReplica {
		return false
	}
	switch s.paused.kind(s.turnWall) {
	case pauseAll:
		return true
	case pauseWrite:
		return c.effectiveFlags(cmd)&(command.Write|command.MayReplicate) != 0
	}
	return false
}

// setPause begins or extends a pause.
func (s *Server) setPause(p *pause, kind pauseKind, until int64) {
	p.kind = max(kind, p.kind)
	p.until = max(until, p.until)
	s.armPauses()
	s.pausesChanged()
}

// pausesChanged keeps expired keys in place as long as writes are paused.
func (s *Server) pausesChanged() {
	if s.loading == nil { // whose own policy ends with it
		s.applyExpirePolicy()
	}
}

// pauseCheck is how often a long pause is looked at: a Duration cannot hold the
// longest.
const pauseCheck = time.Hour

// armPauses sets the timer to the end of the last pause, or to a look at it.
func (s *Server) armPauses() {
	s.cancel(s.paused.timer)
	left := min(s.paused.until()-s.turnWall, pauseCheck.Milliseconds())
	s.paused.timer = s.after(time.Duration(left)*time.Millisecond, s.endPauses)
}

// endPauses lets those go on that no pause holds any more.
func (s *Server) endPauses() {
	for _, p := range []*pause{&s.paused.client, &s.paused.failover, &s.paused.shutdown, &s.paused.migrate} {
		if p.until <= s.turnWall {
			*p = pause{}
		}
	}
	if s.paused.kind(s.turnWall) != pauseNone {
		s.armPauses()
	}
	s.pausesChanged()
	waiting := s.paused.waiting
	s.paused.waiting = nil
	for _, c := range waiting {
		c.unblock() // a command that is still held back queues again
	}
	s.serveReady()
}

// unpause ends one of the pauses at once.
func (s *Server) unpause(p *pause) {
	*p = pause{}
	s.endPauses()
}

// CLIENT PAUSE timeout [WRITE | ALL]
func (s *Server) cmdClientPause(c *command.Ctx) error {
	kind := pauseAll
	if len(c.Args) > 4 {
		return clientUnknown(c)
	}
	if len(c.Args) == 4 {
		switch {
		case equalFold(c.Args[3], "WRITE"):
			kind = pauseWrite
		case !equalFold(c.Args[3], "ALL"):
			return resp.Errorf("ERR CLIENT PAUSE mode must be WRITE or ALL")
		}
	}
	ms, ok := resp.ParseInt(c.Args[2])
	if !ok {
		return resp.Errorf("ERR timeout is not an integer or out of range")
	}
	if ms < 0 {
		return resp.Errorf("ERR timeout is negative")
	}
	if ms > 1<<53 {
		return resp.Errorf("ERR timeout is out of range")
	}
	s.setPause(&s.paused.client, kind, c.Now+ms)
	c.Out.Status("OK")
	return nil
}

// CLIENT UNPAUSE
func (s *Server) cmdClientUnpause(c *command.Ctx) error {
	s.unpause(&s.paused.client)
	c.Out.Status("OK")
	return nil
}

package server

import (
	"time"

	"github.com/vedette-ha/vedette/server/command"
	"github.com/vedette-ha/vedette/server/keyspace"
)

// startCron begins the periodic work.
func (s *Server) startCron() {
	s.every(s.cronPeriod, s.cron)
	s.every(func() time.Duration { return time.Second }, s.everySecond)
}

// cronPeriod is 1/hz of a second.
func (s *Server) cronPeriod() time.Duration {
	return time.Second / time.Duration(min(max(s.cfg.Hz, 1), 500))
}

const (
	// maintenanceBudget is what one cron may spend on resizing tables, on compaction,
	// and on looking through a writable replica's own expiries: invisible to a client, and an idle server still finishes.
	maintenanceBudget = time.Millisecond
	// cronSessions is the fraction of sessions one cron looks at, at least some.
	cronSessions    = 10
	cronSessionsMin = 5
	// expireSharePercent is the share of the time that the expire cycle may take, at
	// effort 1; each step of effort adds two.
	expireSharePercent = 25
)

// cron runs hz times a second.
func (s *Server) cron() {
	if s.debug.cronPaused {
		return
	}
	s.expireCycle()
	s.space.Maintain(s.within(maintenanceBudget))
	s.sessionsCron()
	s.sampleRates()
	s.saveCron()
	s.tuneCollector()
	s.flushEffects()
}

func (s *Server) everySecond() {
	if s.debug.cronPaused {
		return
	}
	s.sampleMemory()
	s.spareOut.trim()
	s.tidyWhenQuiet()
	s.flushEffects()
}

// sampleRates feeds the instantaneous figures of INFO.
func (s *Server) sampleRates() {
	now, t := s.turnWall, &s.stats
	t.ops.sample(now, t.commands)
	t.in.sample(now, t.netIn)
	t.out.sample(now, t.netOut)
	t.replIn.sample(now, t.netReplIn)
	t.replOut.sample(now, t.netReplOut)
	t.turnRate.sample(now, t.turns)
	t.turnTimeRate.sample(now, uint64(t.turnTime.Microseconds()))
}

// sessionsCron applies timeout and the soft output limits to a part of the
// sessions, so that all have had their turn after about a second.
func (s *Server) sessionsCron() {
	n := min(max(len(s.order)/cronSessions, cronSessionsMin), len(s.order))
	for range n {
		if len(s.order) == 0 {
			return
		}
		s.cronAt = (s.cronAt + 1) % len(s.order)
		c := s.order[s.cronAt]
		if !s.idleTooLong(c) {
			c.checkOutputLimit()
			s.fitReplyBuffer(c)
			s.recent.note(c, s.turnWall)
		}
	}
}

// idleTooLong closes a session that timeout says has been silent too long.
func (s *Server) idleTooLong(c *session) bool {
	limit := int64(s.cfg.Timeout) * 1000
	if limit == 0 || c.class != classNormal || c.monitor || c.isBlocked() || s.turnWall-c.lastActive <= limit {
		return false
	}
	s.log.Debug().Str("client", c.addr()).Msg("Closing idle client")
	c.close()
	return true
}

// expireCycle deletes keys that have expired, where that is ours to do.
func (s *Server) expireCycle() {
	if s.activeExpire && len(s.own.keys) > 0 && s.loading == nil && s.paused.kind(s.turnWall) == pauseNone {
		s.expireOwn(s.within(maintenanceBudget))
	}
	if !s.activeExpire || s.space.ExpirePolicy() != keyspace.ExpireDelete {
		return
	}
	start := s.mono()
	share := time.Duration(expireSharePercent + 2*(s.cfg.ActiveExpireEffort-1))
	more := s.within(s.cronPeriod() * share / 100)
	r := s.space.ActiveExpire(s.cfg.ActiveExpireEffort, more)
	s.expireFields(more)
	took := s.mono() - start
	s.stats.expireCycleUsec += uint64(took.Microseconds())
	s.noteLatency("expire-cycle", took)
	if r.TimeUp {
		s.stats.expireCapReached++
	}
	current := 0.0
	if r.Sampled > 0 {
		current = float64(r.Expired) / float64(r.Sampled)
	}
	s.stats.expiredStalePerc = current*5 + s.stats.expiredStalePerc*0.95
}

const (
	// fieldSample is how many hashes with fields that expire are looked at in one go,
	// fieldLooks at how many fields of one of them.
	fieldSample = 20
	fieldLooks  = 1000
	// fieldStale is the share of them, in percent, with expired fields that is put up
	// with.
	fieldStale = 10
)

// expireFields deletes fields of hashes that have expired: in each database some
// hashes are looked at, again as long as many of them have such fields.
func (s *Server) expireFields(more func() bool) {
	for i := range s.space.Databases() {
		db := s.space.DB(i)
		for db.Perishing() > 0 {
			due, looked := db.Perished(nil, fieldSample)
			for _, key := range due {
				command.ReapHash(s, db, key, s.space.Now(), fieldLooks)
				s.flushEffects()
				if !more() {
					return
				}
			}
			if len(due)*100 <= looked*fieldStale || !more() {
				break
			}
		}
	}
}

// within answers true until the budget is spent, for work done in slices.
func (s *Server) within(budget time.Duration) func() bool {
	end := s.mono() + budget
	return func() bool { return s.mono() < end }
}

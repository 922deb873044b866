package server

import (
	"math"
	"time"

	"github.com/vedette-ha/vedette/server/command"
	"github.com/vedette-ha/vedette/server/keyspace"
)

// Evicting keys at maxmemory:
// https://redis.io/docs/latest/develop/reference/eviction/

// evicting is the state of eviction.
type evicting struct {
	evictor  *keyspace.Evictor
	goesOn   bool          // the time for one go was not enough: the next turn goes on
	over     bool          // memory is above the limit,
	overFrom time.Duration // since then (since the start of the server)
}

// room is what came of an attempt to get below maxmemory.
type room uint8

const (
	roomThere  room = iota
	roomSoon        // more is evicted in the turns to come
	roomFailed      // there is nothing left that may be evicted
)

// evictionOrders pairs the policies with what they look at.
var evictionOrders = [...]keyspace.Eviction{
	VolatileLRU:    {By: keyspace.EvictOldest, Volatile: true},
	VolatileLFU:    {By: keyspace.EvictRarest, Volatile: true},
	VolatileRandom: {By: keyspace.EvictAnything, Volatile: true},
	VolatileTTL:    {By: keyspace.EvictSoonest, Volatile: true},
	AllKeysLRU:     {By: keyspace.EvictOldest},
	AllKeysLFU:     {By: keyspace.EvictRarest},
	AllKeysRandom:  {By: keyspace.EvictAnything},
}

// refusalForMemory makes room where maxmemory is exceeded, and is why a command does
// not run when that fails. A transaction may grow without a limit while it is queued:
// nothing is added to it then.
func (s *Server) refusalForMemory(c *session, cmd *command.Command, flags command.Flags) error {
	if s.makeRoom() != roomFailed || c.class == classMaster {
		return nil
	}
	if flags&command.DenyOOM != 0 || c.multi != nil && !endsMulti(cmd) {
		return errOOM
	}
	return nil
}

// endsMulti names the commands that always may end a transaction.
func endsMulti(cmd *command.Command) bool {
	switch cmd.Name {
	case "EXEC", "DISCARD", "QUIT", "RESET":
		return true
	}
	return false
}

// mayEvict reports whether eviction is this server's business now.
func (s *Server) mayEvict() bool {
	return s.cfg.MaxMemory > 0 && s.loading == nil &&
		!(s.isReplica() && s.cfg.ReplicaIgnoreMaxMemory) &&
		s.paused.kind(s.nowMS()) == pauseNone
}

// makeRoom evicts keys until memory is below the limit, or time is up.
func (s *Server) makeRoom() room {
	if !s.mayEvict() {
		return roomThere
	}
	excess := s.memoryOver()
	if excess <= 0 {
		s.noteRoom(roomThere)
		return roomThere
	}
	r := roomFailed
	if s.cfg.MaxMemoryPolicy != NoEviction {
		r = s.evict(excess)
	}
	s.noteRoom(r)
	return r
}

// memoryOver is by how many bytes maxmemory is exceeded.
func (s *Server) memoryOver() int64 {
	over := s.usedMemory() - s.notCounted() - int64(min(s.cfg.MaxMemory, math.MaxInt64))
	return max(over, 0)
}

// evictionsBetweenLooks is how many keys are evicted between two looks at the clock.
const evictionsBetweenLooks = 16

// evict evicts keys of so many bytes.
func (s *Server) evict(excess int64) room {
	e := &s.evicting
	if e.evictor == nil {
		e.evictor = keyspace.NewEvictor(s.space)
	}
	order := evictionOrders[s.cfg.MaxMemoryPolicy]
	order.Samples = s.cfg.MaxMemorySamples
	start := s.mono()
	more := s.within(evictionTime(s.cfg.MaxMemoryEvictionTenacity))
	r := roomThere
	for n := 1; excess > 0; n++ {
		db, key, ok := e.evictor.Choose(order)
		if !ok {
			r = roomFailed
			break
		}
		excess -= s.evictKey(db, key)
		if n%evictionsBetweenLooks == 0 && !more() {
			e.goesOn = true
			break
		}
	}
	s.noteLatency("eviction-cycle", s.mono()-start)
	if r == roomThere && e.goesOn {
		r = roomSoon
	}
	return r
}

// evictKey evicts one key and returns how many bytes that saved.
func (s *Server) evictKey(db int, key []byte) int64 {
	lazy, start := s.cfg.LazyFreeEviction, time.Duration(0)
	if s.cfg.LatencyMonitorThreshold > 0 {
		start = s.mono()
	}
	freed, ok := s.space.Evict(db, key, lazy)
	if !ok {
		return 0
	}
	if s.cfg.LatencyMonitorThreshold > 0 {
		s.noteLatency("eviction-del", s.mono()-start)
	}
	word := wordDel
	if lazy {
		word = wordUnlink
	}
	s.stats.evicted++
	s.Touch(db, key)
	s.Notify(command.Evicted, "evicted", key, db)
	s.Effect(db, word, key)
	s.flushEffects()
	return freed
}

var (
	wordDel    = []byte("DEL")
	wordUnlink = []byte("UNLINK")
)

// evictionTime is how long one go may take, by maxmemory-eviction-tenacity: up to
// half a millisecond, then 15 % more with each step, and for ever.
func evictionTime(tenacity int) time.Duration {
	const step, forever = 50 * time.Microsecond, 100
	switch {
	case tenacity <= 10:
		return time.Duration(tenacity) * step
	case tenacity < forever:
		return time.Duration(float64(10*step) * math.Pow(1.15, float64(tenacity-10)))
	}
	return math.MaxInt64 / 2
}

// stepEviction goes on with what the last turn had no time for.
func (s *Server) stepEviction() {
	if s.evicting.goesOn {
		s.evicting.goesOn = false
		s.makeRoom()
		s.serveReady() // who waits for keys to go
	}
}

// limitChanged begins to evict when maxmemory is set below what is in use.
func (s *Server) limitChanged() error {
	if s.cfg.MaxMemory > 0 && s.memoryOver() > 0 {
		s.log.Warn().Uint64("maxmemory", s.cfg.MaxMemory).Int64("used", s.usedMemory()).
			Msg("The new maxmemory is below the memory in use: keys are evicted, or writes refused, as maxmemory-policy says")
		s.evicting.goesOn = true
	}
	return nil
}

// noteRoom keeps the time for which memory has been above the limit.
func (s *Server) noteRoom(r room) {
	e := &s.evicting
	switch {
	case r != roomThere && !e.over:
		e.over, e.overFrom = true, s.mono()
	case r == roomThere && e.over:
		e.over = false
		s.stats.evictionExceeded += s.mono() - e.overFrom
	}
}

// memoryExceeded is how long memory has been above the limit: now, and altogether.
func (s *Server) memoryExceeded() (now, total time.Duration) {
	if s.evicting.over {
		now = s.mono() - s.evicting.overFrom
	}
	return now, s.stats.evictionExceeded + now
}

// noteLatency is for what the latency monitor watches beside commands.
func (s *Server) noteLatency(event string, took time.Duration) {
	if limit := s.cfg.LatencyMonitorThreshold; limit > 0 && took >= time.Duration(limit)*time.Millisecond {
		s.latency.add(event, s.turnWall, took)
	}
}

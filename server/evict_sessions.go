package server

import (
	"math"
	"slices"
)

// buffers counts what sessions hold, in bytes, kept up to date as it changes.
type buffers struct {
	clients   int64 // ordinary ones, subscribers, and the connection to our master
	replicas  int64
	evictable int64 // the part of clients that maxmemory-clients limits
}

func (b *buffers) total() int64 { return b.clients + b.replicas }

// bufferWorthCounting is the size up to which an output buffer is counted only when
// the session's turn is over.
const bufferWorthCounting = 64 << 10

// account counts the session with what it holds now. It is called wherever a buffer
// may have grown or gone.
func (c *session) account() {
	b, n := &c.srv.buffers, 0
	kind := &b.clients
	if c.class == classReplica {
		kind = &b.replicas
	}
	if !c.closed {
		n = c.memory()
	}
	if n == c.counted && kind == c.countedAs && c.evictable() == c.countedEvictable {
		return
	}
	c.uncount()
	c.counted, c.countedAs, c.countedEvictable = n, kind, c.evictable()
	*kind += int64(n)
	if c.countedEvictable {
		b.evictable += int64(n)
	}
}

func (c *session) uncount() {
	if c.countedAs == nil {
		return
	}
	*c.countedAs -= int64(c.counted)
	if c.countedEvictable {
		c.srv.buffers.evictable -= int64(c.counted)
	}
}

// evictable reports whether maxmemory-clients may cost this session its connection.
func (c *session) evictable() bool {
	return !c.noEvict && c.conn != nil && (c.class == classNormal || c.class == classPubSub)
}

// sessionsLimitMin is the least that maxmemory-clients can be, in bytes: with less
// nobody could connect.
const sessionsLimitMin = 128 << 10

// sessionsLimit is what all sessions together may hold, in bytes.
func (s *Server) sessionsLimit() int64 {
	limit := s.cfg.MaxMemoryClients
	if limit < 0 {
		limit = int64(float64(s.cfg.MaxMemory) / 100 * float64(-limit))
	}
	if limit == 0 {
		return math.MaxInt64
	}
	return max(limit, sessionsLimitMin)
}

// evictSessions closes those that hold the most while all together hold more than
// maxmemory-clients allows.
func (s *Server) evictSessions() {
	if s.cfg.MaxMemoryClients == 0 {
		return
	}
	limit := s.sessionsLimit()
	if s.buffers.evictable <= limit {
		return
	}
	victims := slices.DeleteFunc(slices.Clone(s.order), func(c *session) bool { return !c.evictable() })
	slices.SortStableFunc(victims, func(a, b *session) int { return b.counted - a.counted })
	for _, c := range victims {
		if s.buffers.evictable <= limit {
			return
		}
		s.log.Info().Str("client", c.addr()).Int("bytes", c.counted).Msg("Evicting client")
		s.stats.evictedSessions++
		c.close()
	}
}

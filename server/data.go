package server

import (
	"strconv"
	"time"

	"github.com/vedette-ha/vedette/internal/resp"
	"github.com/vedette-ha/vedette/server/command"
)

// dataCommands are those that work on whole databases.
func (s *Server) dataCommands() []command.Row {
	return []command.Row{
		{Name: "FLUSHDB", Run: s.cmdFlushDB},
		{Name: "FLUSHALL", Run: s.cmdFlushAll},
		{Name: "SWAPDB", Run: s.cmdSwapDB},
		{Name: "TIME", Run: s.cmdTime},
	}
}

// flushMode reads ASYNC or SYNC.
func flushMode(c *command.Ctx) (async bool, err error) {
	switch {
	case len(c.Args) == 1:
		return c.Opt.LazyUserFlush, nil
	case len(c.Args) == 2 && equalFold(c.Args[1], "SYNC"):
		return false, nil
	case len(c.Args) == 2 && equalFold(c.Args[1], "ASYNC"):
		return true, nil
	}
	return false, resp.ErrSyntax
}

// FLUSHDB [ASYNC | SYNC]
func (s *Server) cmdFlushDB(c *command.Ctx) error {
	async, err := flushMode(c)
	if err != nil {
		return err
	}
	s.touchExisting(c.DBIndex)
	c.AddDirty(s.space.Flush(c.DBIndex, async))
	s.signalAll(c.DBIndex)
	c.Effect(c.Args...) // even of an empty database: replicas may hold what expired here
	c.Out.Status("OK")
	return nil
}

// FLUSHALL [ASYNC | SYNC]
func (s *Server) cmdFlushAll(c *command.Ctx) error {
	async, err := flushMode(c)
	if err != nil {
		return err
	}
	for i := range s.space.Databases() {
		s.touchExisting(i)
	}
	c.AddDirty(s.space.FlushAll(async))
	for i := range s.space.Databases() {
		s.signalAll(i)
	}
	c.Effect(c.Args...)
	s.saveAfterFlush()
	c.Out.Status("OK")
	return nil
}

// touchExisting tells the watchers of the keys that a database holds.
func (s *Server) touchExisting(db int) {
	s.touchAll(db, func(key []byte) bool {
		_, there := s.stored(db, key)
		return there
	})
}

// SWAPDB index1 index2
func (s *Server) cmdSwapDB(c *command.Ctx) error {
	a, ok := parseInt32(c.Args[1])
	if !ok {
		return resp.Errorf("ERR invalid first DB index")
	}
	b, ok := parseInt32(c.Args[2])
	if !ok {
		return resp.Errorf("ERR invalid second DB index")
	}
	if n := int64(s.space.Databases()); a < 0 || a >= n || b < 0 || b >= n {
		return errDBIndex
	}
	if a != b {
		s.swapDB(int(a), int(b))
	}
	c.AddDirty(1)
	c.Effect(c.Args...)
	c.Out.Status("OK")
	return nil
}

func parseInt32(arg []byte) (int64, bool) {
	v, ok := resp.ParseInt(arg)
	return v, ok && v == int64(int32(v))
}

// swapDB exchanges two databases; who watches a key that either of them holds sees
// it change.
func (s *Server) swapDB(a, b int) {
	inEither := func(key []byte) bool {
		_, inA := s.stored(a, key)
		_, inB := s.stored(b, key)
		return inA || inB
	}
	s.touchAll(a, inEither)
	s.touchAll(b, inEither)
	s.space.SwapDB(a, b)
	s.signalAll(a)
	s.signalAll(b)
}

// TIME
func (s *Server) cmdTime(c *command.Ctx) error {
	now := s.wall(time.Now())
	c.Out.Array(2)
	c.Out.BulkString(strconv.FormatInt(now.Unix(), 10))
	c.Out.BulkString(strconv.Itoa(now.Nanosecond() / 1000))
	return nil
}

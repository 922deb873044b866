package server

import (
	"github.com/vedette-ha/vedette/internal/conf"
	"github.com/vedette-ha/vedette/internal/listpack"
	"github.com/vedette-ha/vedette/internal/resp"
	"github.com/vedette-ha/vedette/server/command"
	"github.com/vedette-ha/vedette/server/keyspace"
	"github.com/vedette-ha/vedette/server/keyspace/list"
)

// plainThresholdMax keeps elements well below what the length of a listpack can say.
const plainThresholdMax = 1<<32 - 1<<20

// DEBUG QUICKLIST-PACKED-THRESHOLD size
func (s *Server) cmdDebugPlainThreshold(c *command.Ctx) error {
	if len(c.Args) != 3 {
		return debugUnknown(c)
	}
	n, err := conf.ParseMemory(string(c.Args[2]))
	if err != nil || n > plainThresholdMax {
		return resp.Errorf("ERR argument must be a memory value bigger than 1 and smaller than 4gb")
	}
	s.listLarge = int(n)
	s.opt.ListLarge = s.listLarge
	c.Out.Status("OK")
	return nil
}

// DEBUG LISTPACK key
func (s *Server) cmdDebugListpack(c *command.Ctx) error {
	if len(c.Args) != 3 {
		return debugUnknown(c)
	}
	e, ok := c.DB.Peek(c.Args[2])
	if !ok {
		return resp.ErrNoSuchKey
	}
	lp := e.Bytes()
	if l, isList := e.Object().(*list.List); isList && l.Packed() {
		lp = l.Listpack()
	}
	if e.Encoding() != keyspace.Listpack || lp == nil {
		return resp.Errorf("ERR Not a listpack encoded object.")
	}
	s.logListpack(lp, true)
	c.Out.Status("Listpack structure printed on stdout")
	return nil
}

// DEBUG QUICKLIST key [0 | 1]
func (s *Server) cmdDebugQuicklist(c *command.Ctx) error {
	if len(c.Args) != 3 && len(c.Args) != 4 {
		return debugUnknown(c)
	}
	e, ok := c.DB.Peek(c.Args[2])
	if !ok {
		return resp.ErrNoSuchKey
	}
	l, isList := e.Object().(*list.List)
	if !isList || l.Packed() {
		return resp.Errorf("ERR Not a quicklist encoded object.")
	}
	full := len(c.Args) == 4 && string(c.Args[3]) != "0"
	s.log.Warn().Int("nodes", l.Nodes()).Int("elements", l.Len()).Msg("Quicklist")
	l.EachNode(func(data []byte, plain bool) {
		if plain {
			s.log.Warn().Int("bytes", len(data)).Msg("Plain node")
			return
		}
		s.logListpack(data, full)
	})
	c.Out.Status("Quicklist structure printed on stdout")
	return nil
}

// logListpack writes what a listpack is, and what it holds, to the log.
func (s *Server) logListpack(lp []byte, elements bool) {
	s.log.Warn().Int("bytes", len(lp)).Int("elements", listpack.Len(lp)).Msg("Listpack")
	if !elements {
		return
	}
	for at := listpack.First(lp); at >= 0; at = listpack.Next(lp, at) {
		e := listpack.Get(lp, at)
		s.log.Warn().Int("offset", at).Bool("integer", e.IsInt).Bytes("element", e.Append(nil)).Msg("Listpack element")
	}
}

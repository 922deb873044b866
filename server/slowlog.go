package server

import (
	"fmt"
	"time"

	"github.com/vedette-ha/vedette/internal/resp"
	"github.com/vedette-ha/vedette/server/command"
)

// What one slow command may take of the log's memory.
const (
	slowlogMaxArgs = 32
	slowlogMaxArg  = 128 // bytes
)

// slowlog keeps the commands that took long, newest first.
type slowlog struct {
	entries []slowEntry // newest last
	nextID  int64
}

type slowEntry struct {
	id         int64
	at         int64 // Unix s
	usec       int64
	args       [][]byte
	addr, name string
}

// add notes a command, cut to a bounded size.
func (l *slowlog) add(s *Server, c *session, cmd *command.Command, args [][]byte, took time.Duration) {
	if cmd.Has(command.SkipSlowlog) {
		return
	}
	if s.cfg.SlowlogMaxLen <= 0 {
		l.nextID++
		l.trim(0)
		return
	}
	l.entries = append(l.entries, slowEntry{id: l.nextID, at: s.turnWall / 1000, usec: took.Microseconds(),
		args: clipArgs(s.shown(cmd, args)), addr: c.addr(), name: c.name})
	l.nextID++
	l.trim(int(s.cfg.SlowlogMaxLen))
}

// trim keeps the newest n.
func (l *slowlog) trim(n int) {
	if extra := len(l.entries) - n; extra > 0 {
		l.entries = append(l.entries[:0], l.entries[extra:]...)
	}
}

func clipArgs(args [][]byte) [][]byte {
	n := min(len(args), slowlogMaxArgs)
	kept := make([][]byte, n)
	for i := range n {
		switch a := args[i]; {
		case i == n-1 && n < len(args):
			kept[i] = fmt.Appendf(nil, "... (%d more arguments)", len(args)-n+1)
		case len(a) > slowlogMaxArg:
			kept[i] = fmt.Appendf(nil, "%s... (%d more bytes)", a[:slowlogMaxArg], len(a)-slowlogMaxArg)
		default:
			kept[i] = append([]byte(nil), a...)
		}
	}
	return kept
}

func (s *Server) slowlogCommands() []command.Row {
	return []command.Row{
		{Name: "SLOWLOG GET", Run: s.cmdSlowlogGet},
		{Name: "SLOWLOG LEN", Run: func(c *command.Ctx) error {
			c.Out.Int(int64(len(s.slowlog.entries)))
			return nil
		}},
		{Name: "SLOWLOG RESET", Run: func(c *command.Ctx) error {
			s.slowlog.entries = nil
			c.Out.Status("OK")
			return nil
		}},
		{Name: "SLOWLOG HELP", Run: cmdSlowlogHelp},
	}
}

// SLOWLOG GET [count]
func (s *Server) cmdSlowlogGet(c *command.Ctx) error {
	n := 10
	if len(c.Args) > 3 {
		return resp.Errorf("ERR unknown subcommand or wrong number of arguments for '%s'. Try SLOWLOG HELP.", clip(c.Args[1], 128))
	}
	if len(c.Args) == 3 {
		v, ok := resp.ParseInt(c.Args[2])
		if !ok || v < -1 {
			return resp.Errorf("ERR count should be greater than or equal to -1")
		}
		n = int(v)
	}
	all := s.slowlog.entries
	if n < 0 || n > len(all) {
		n = len(all)
	}
	c.Out.Array(n)
	for i := range n {
		all[len(all)-1-i].write(c.Out)
	}
	return nil
}

func (e *slowEntry) write(o *resp.Writer) {
	o.Array(6)
	o.Int(e.id)
	o.Int(e.at)
	o.Int(e.usec)
	o.Array(len(e.args))
	for _, a := range e.args {
		o.Bulk(a)
	}
	o.BulkString(e.addr)
	o.BulkString(e.name)
}

// SLOWLOG HELP
func cmdSlowlogHelp(c *command.Ctx) error {
	c.Help(
		"GET [<count>]",
		"    Return top <count> entries from the slowlog (default: 10, -1 mean all).",
		"    Entries are made of:",
		"    id, timestamp, time in microseconds, arguments array, client IP and port,",
		"    client name",
		"LEN",
		"    Return the length of the slowlog.",
		"RESET",
		"    Reset the slowlog.",
	)
	return nil
}

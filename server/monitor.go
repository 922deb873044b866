package server

import (
	"fmt"
	"slices"
	"time"

	"github.com/vedette-ha/vedette/internal/resp"
	"github.com/vedette-ha/vedette/server/command"
)

// MONITOR
func (s *Server) cmdMonitor(c *command.Ctx) error {
	ss := sessionOf(c)
	if ss.inExec || ss.deniesBlocking() {
		return resp.Errorf("ERR MONITOR isn't allowed for DENY BLOCKING client")
	}
	if ss.class == classReplica || ss.monitor {
		return nil // and no reply
	}
	ss.monitor = true
	s.monitors = append(s.monitors, ss)
	c.Out.Status("OK")
	return nil
}

func (s *Server) forgetMonitor(ss *session) {
	if !ss.monitor {
		return
	}
	ss.monitor = false
	if i := slices.Index(s.monitors, ss); i >= 0 {
		s.monitors = slices.Delete(s.monitors, i, i+1)
	}
}

// feedMonitors shows a command that ran to every monitoring session.
func (s *Server) feedMonitors(c *session, cmd *command.Command, args [][]byte) {
	if s.loading != nil || cmd.Has(command.Admin|command.SkipMonitor) {
		return
	}
	line := monitorLine(time.Now(), c, s.shown(cmd, args))
	for _, m := range s.monitors {
		if m.closeAfter {
			continue // it has asked to QUIT
		}
		m.borrowOutput()
		m.out.Status(line)
		m.queueOutput()
		m.checkHardLimit()
	}
}

// monitorLine is one line of MONITOR: time, database, client, quoted words.
func monitorLine(now time.Time, c *session, args [][]byte) string {
	line := fmt.Appendf(nil, "%d.%06d [%d %s] ", now.Unix(), now.Nanosecond()/1000, c.ctx.DBIndex, c.monitorAddr())
	for i, a := range args {
		if i > 0 {
			line = append(line, ' ')
		}
		line = appendQuoted(line, a)
	}
	return string(line)
}

func (c *session) monitorAddr() string {
	if c.conn != nil && c.conn.Unix() {
		return "unix:" + c.srv.cfg.UnixSocket
	}
	return c.addr()
}

// appendQuoted quotes bytes as Redis prints them: printable ASCII as it is, the
// rest escaped.
func appendQuoted(dst, b []byte) []byte {
	dst = append(dst, '"')
	for _, ch := range b {
		switch {
		case ch == '\\' || ch == '"':
			dst = append(dst, '\\', ch)
		case ch == '\n':
			dst = append(dst, `\n`...)
		case ch == '\r':
			dst = append(dst, `\r`...)
		case ch == '\t':
			dst = append(dst, `\t`...)
		case ch == '\a':
			dst = append(dst, `\a`...)
		case ch == '\b':
			dst = append(dst, `\b`...)
		case ch >= ' ' && ch <= '~':
			dst = append(dst, ch)
		default:
			dst = fmt.Appendf(dst, `\x%02x`, ch)
		}
	}
	return append(dst, '"')
}

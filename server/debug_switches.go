package server

import (
	"fmt"
	"math/bits"
	"strings"

	"github.com/vedette-ha/vedette/internal/glob"
	"github.com/vedette-ha/vedette/internal/resp"
	"github.com/vedette-ha/vedette/server/command"
)

// debugging is what DEBUG has switched.
type debugging struct {
	cronPaused        bool
	fixedReplyBuffers bool
	replyPeakPeriod   int64 // ms; negative: for ever
	skipChecksums     bool
}

// debugOn reads an on or off as DEBUG does: what is no number is 0.
func debugOn(arg []byte) bool {
	n, ok := resp.ParseInt(arg)
	return ok && n != 0
}

// debugSwitch is a subcommand that takes 0 or 1.
func debugSwitch(set func(on bool)) func(*command.Ctx) error {
	return func(c *command.Ctx) error {
		if len(c.Args) != 3 {
			return debugUnknown(c)
		}
		set(debugOn(c.Args[2]))
		c.Out.Status("OK")
		return nil
	}
}

// debugSwitches are the subcommands that take 0 or 1. Scripts may call anything here,
// as there are none, and tables grow in place: the last two have nothing to switch.
func (s *Server) debugSwitches() []command.Row {
	return []command.Row{
		{Name: "SET-ACTIVE-EXPIRE", Run: debugSwitch(func(on bool) { s.activeExpire = on })},
		{Name: "PAUSE-CRON", Run: debugSwitch(func(on bool) { s.debug.cronPaused = on })},
		{Name: "SET-SKIP-CHECKSUM-VALIDATION", Run: debugSwitch(func(on bool) {
			s.debug.skipChecksums = on
			s.applyConfig()
		})},
		{Name: "SET-DISABLE-DENY-SCRIPTS", Run: debugSwitch(func(bool) {})},
		{Name: "DICT-RESIZING", Run: debugSwitch(func(bool) {})},
	}
}

// DEBUG STRINGMATCH-LEN length pattern
func cmdDebugStringMatch(c *command.Ctx) error {
	if len(c.Args) != 4 {
		return debugUnknown(c)
	}
	n, ok := resp.ParseInt(c.Args[2])
	if !ok || n < 0 || n > c.Opt.ProtoMaxBulkLen {
		return resp.ErrNotInteger
	}
	text := strings.Repeat("a", int(n))
	c.Out.Int(int64(b2i(glob.Match(c.Args[3], text))))
	return nil
}

// The sizes, as powers of two, of the sessions that share a line of DEBUG
// CLIENT-EVICTION.
const (
	evictionBucketMin = 15
	evictionBuckets   = 19
)

// DEBUG CLIENT-EVICTION
func (s *Server) cmdDebugClientEviction(c *command.Ctx) error {
	if len(c.Args) != 2 {
		return debugUnknown(c)
	}
	if s.cfg.MaxMemoryClients == 0 {
		return resp.Errorf("ERR maxmemory-clients is disabled.")
	}
	var bytes, count [evictionBuckets]int
	s.eachSession(func(x *session) {
		if x.evictable() {
			i := min(max(bits.Len(uint(x.counted))-evictionBucketMin, 0), evictionBuckets-1)
			bytes[i] += x.counted
			count[i]++
		}
	})
	var b []byte
	for i := range evictionBuckets {
		from, to := 0, fmt.Sprintf("- %10d", 1<<(evictionBucketMin+i)-1)
		if i > 0 {
			from = 1 << (evictionBucketMin + i - 1)
		}
		if i == evictionBuckets-1 {
			to = "+           "
		}
		sep := " "
		if i == evictionBuckets-1 {
			sep = ""
		}
		b = fmt.Appendf(b, "bucket %10d%s%s: tot-mem: %10d, clients: %d\n", from, sep, to, bytes[i], count[i])
	}
	c.Out.Verbatim("txt", string(b))
	return nil
}

// DEBUG CONFIG-REWRITE-FORCE-ALL
func (s *Server) cmdDebugRewriteAll(c *command.Ctx) error {
	if len(c.Args) != 2 {
		return debugUnknown(c)
	}
	if err := s.cfg.rewrite(true); err != nil {
		return resp.Errorf("ERR CONFIG-REWRITE-FORCE-ALL failed: %s", err)
	}
	c.Out.Status("OK")
	return nil
}

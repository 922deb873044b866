package server

import (
	"slices"
	"strconv"
	"time"

	"github.com/vedette-ha/vedette/internal/resp"
	"github.com/vedette-ha/vedette/server/command"
)

// debugRows are DEBUG's subcommands: not in the command table, whose DEBUG has
// none, and not for production.
func (s *Server) debugRows() []command.Row {
	return []command.Row{
		{Name: "DIGEST", Run: s.cmdDebugDigest},
		{Name: "DIGEST-VALUE", Run: s.cmdDebugDigestValue},
		{Name: "ERROR", Run: cmdDebugError},
		{Name: "HTSTATS", Run: s.cmdDebugHTStats},
		{Name: "HTSTATS-KEY", Run: cmdDebugHTStatsKey},
		{Name: "LISTPACK", Run: s.cmdDebugListpack},
		{Name: "LOADAOF", Run: s.cmdDebugLoadAOF},
		{Name: "LOG", Run: s.cmdDebugLog},
		{Name: "OBJECT", Run: s.cmdDebugObject},
		{Name: "POPULATE", Run: s.cmdDebugPopulate},
		{Name: "PROTOCOL", Run: cmdDebugProtocol},
		{Name: "QUICKLIST", Run: s.cmdDebugQuicklist},
		{Name: "QUICKLIST-PACKED-THRESHOLD", Run: s.cmdDebugPlainThreshold},
		{Name: "REPLICATE", Run: cmdDebugReplicate},
		{Name: "SLEEP", Run: cmdDebugSleep},
		{Name: "RELOAD", Run: s.cmdDebugReload},
		{Name: "STRINGMATCH-LEN", Run: cmdDebugStringMatch},
		{Name: "CLIENT-EVICTION", Run: s.cmdDebugClientEviction},
		{Name: "CONFIG-REWRITE-FORCE-ALL", Run: s.cmdDebugRewriteAll},
		{Name: "REPLYBUFFER", Run: s.cmdDebugReplyBuffer},
		{Name: "CHANGE-REPL-ID", Run: s.cmdDebugChangeReplID},
		{Name: "HELP", Run: cmdDebugHelp},
	}
}

// DEBUG subcommand [argument ...]
func (s *Server) cmdDebug(c *command.Ctx) error {
	for _, r := range slices.Concat(s.debugRows(), s.debugSwitches(), s.crashRows()) {
		if equalFold(c.Args[1], r.Name) {
			return r.Run(c)
		}
	}
	return debugUnknown(c)
}

func debugUnknown(c *command.Ctx) error {
	return resp.Errorf("ERR unknown subcommand or wrong number of arguments for '%s'. Try DEBUG HELP.", clip(c.Args[1], 128))
}

// DEBUG SLEEP seconds
func cmdDebugSleep(c *command.Ctx) error {
	if len(c.Args) != 3 {
		return debugUnknown(c)
	}
	secs, err := strconv.ParseFloat(string(c.Args[2]), 64)
	if err != nil {
		secs = 0
	}
	time.Sleep(time.Duration(secs * float64(time.Second))) // on the loop: that is its purpose
	c.Out.Status("OK")
	return nil
}

// DEBUG CHANGE-REPL-ID
func (s *Server) cmdDebugChangeReplID(c *command.Ctx) error {
	if len(c.Args) != 2 {
		return debugUnknown(c)
	}
	s.log.Info().Msg("Changing replication IDs after receiving change-repl-id")
	s.repl.Stream().Renew()
	c.Out.Status("OK")
	return nil
}

// DEBUG HELP
func cmdDebugHelp(c *command.Ctx) error {
	c.Help(
		"ASSERT",
		"    Crash by assertion failed.",
		"CHANGE-REPL-ID",
		"    Change the replication IDs of the instance.",
		"    Dangerous: should be used only for testing the replication subsystem.",
		"CLIENT-EVICTION",
		"    Show how much memory clients of which size have (maxmemory-clients).",
		"CONFIG-REWRITE-FORCE-ALL",
		"    Like CONFIG REWRITE, but with every option, those that have their default",
		"    value and no line in the file included.",
		"CRASH-AND-RECOVER [<milliseconds>]",
		"    Hard crash and restart after a <milliseconds> delay (default 0).",
		"DICT-RESIZING <0|1>",
		"    Accepted, and without effect.",
		"DIGEST",
		"    Output a hex signature representing the current DB content.",
		"DIGEST-VALUE <key> [<key> ...]",
		"    Output a hex signature of the values of all the specified keys.",
		"ERROR <string>",
		"    Return a Redis protocol error with <string> as message. Useful for clients",
		"    unit tests to simulate Redis errors.",
		"LOG <message>",
		"    Write <message> to the server log.",
		"HTSTATS <dbid> [full]",
		"    Return hash table statistics of the specified Redis database.",
		"HTSTATS-KEY <key> [full]",
		"    Like HTSTATS but for the hash table stored at <key>'s value.",
		"LISTPACK <key>",
		"    Show low level info about the listpack encoding of <key>.",
		"LOADAOF",
		"    Flush the AOF buffers on disk and reload the AOF in memory.",
		"REPLICATE <string>",
		"    Replicates the provided string to replicas, allowing data divergence.",
		"OBJECT <key>",
		"    Show low level info about `key` and associated value.",
		"OOM",
		"    Crash the server simulating an out-of-memory error.",
		"PANIC",
		"    Crash the server simulating a panic.",
		"PAUSE-CRON <0|1>",
		"    Stop periodic cron job processing.",
		"POPULATE <count> [<prefix>] [<size>]",
		"    Create <count> string keys named key:<num>. If <prefix> is specified then",
		"    it is used instead of the 'key' prefix. These are not propagated to",
		"    replicas.",
		"PROTOCOL <type>",
		"    Reply with a test value of the specified type. <type> can be: string,",
		"    integer, double, bignum, null, array, set, map, attrib, push, verbatim,",
		"    true, false.",
		"QUICKLIST <key> [<0|1>]",
		"    Show low level info about the quicklist encoding of <key>.",
		"    The optional argument (0 by default) sets the level of detail",
		"QUICKLIST-PACKED-THRESHOLD <size>",
		"    Sets the threshold for elements to be inserted as plain vs packed nodes",
		"    Default value is 1GB, allows values up to 4GB. Setting to 0 restores to default.",
		"RELOAD [option ...]",
		"    Save the RDB on disk and reload it back to memory. Valid <option> values:",
		"    * MERGE: conflicting keys will be loaded from RDB.",
		"    * NOFLUSH: the existing database will not be removed before load, but",
		"      conflicting keys will generate an exception and kill the server.",
		"    * NOSAVE: the database will be loaded from an existing RDB file.",
		"REPLYBUFFER PEAK-RESET-TIME <NEVER|RESET|milliseconds>",
		"    For how long the largest reply of a client counts for the size of its buffer.",
		"REPLYBUFFER RESIZING <0|1>",
		"    Whether the buffers for replies are fitted to what clients need.",
		"RESTART [<milliseconds>]",
		"    Graceful restart: save config, db, restart after a <milliseconds> delay (default 0).",
		"SEGFAULT",
		"    Crash the server with sigsegv.",
		"SET-DISABLE-DENY-SCRIPTS <0|1>",
		"    Accepted, and without effect: there are no scripts.",
		"SET-SKIP-CHECKSUM-VALIDATION <0|1>",
		"    Enables or disables checksum checks for RDB files and RESTORE's payload.",
		"SLEEP <seconds>",
		"    Stop the server for <seconds>. Decimals allowed.",
		"STRINGMATCH-LEN <length> <pattern>",
		"    Match <pattern> against a string of <length> times the letter a.",
		"SET-ACTIVE-EXPIRE <0|1>",
		"    Setting it to 0 disables expiring keys (and hash-fields) in background ",
		"    when they are not accessed (otherwise the Redis behavior). Setting it",
		"    to 1 reenables back the default.",
	)
	return nil
}

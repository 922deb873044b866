package server

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/vedette-ha/vedette/internal/resp"
	"github.com/vedette-ha/vedette/server/command"
	"github.com/vedette-ha/vedette/server/keyspace"
)

// Errors that dispatch answers; the texts are Redis's.
var (
	errNoAuth     = resp.Errorf("NOAUTH Authentication required.")
	errOOM        = resp.Errorf("OOM command not allowed when used memory > 'maxmemory'.")
	errNoReplicas = resp.Errorf("NOREPLICAS Not enough good replicas to write.")
	errReadOnly   = resp.Errorf("READONLY You can't write against a read only replica.")
	errMasterDown = resp.Errorf("MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.")
	errLoading    = resp.Errorf("LOADING Redis is loading the dataset in memory")
	errExecAbort  = resp.Errorf("EXECABORT Transaction discarded because of previous errors.")
	errMisconf    = resp.Errorf("MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk. Commands that may modify the data set are disabled, because this instance is configured to report errors during writes if RDB snapshotting fails (stop-writes-on-bgsave-error option). Please check the Redis logs for details about the RDB error.")
	errInternal   = resp.Errorf("ERR internal error")
)

// run executes one command of a session, or refuses it, or queues it in a
// transaction, or leaves it for when a pause ends.
func (c *session) run(args [][]byte) {
	s := c.srv
	if s.evictSessions(); c.closed {
		return
	}
	cmd, err := s.find(c, args)
	if cmd == nil && resp.IsHTTP(args[0]) {
		s.dropHTTP(c)
		return
	}
	c.lastCmd = cmd
	if err == nil {
		err = s.refusal(c, cmd)
	}
	c.runOnce(cmd, args, err)
	if len(s.keyWaits.ready) > 0 {
		s.serveReady()
	}
}

// runOnce does what run promises with a command that was found, or, with err, why it
// may not run.
func (c *session) runOnce(cmd *command.Command, args [][]byte, err error) {
	s := c.srv
	c.borrowOutput()
	mark := len(c.out.Buf)
	switch {
	case err != nil:
		s.reject(c, cmd, err)
	case s.pausedFor(c, cmd):
		c.block(&blocked{kind: blockedPaused, onCancel: func() { s.paused.forget(c) }})
		s.paused.waiting = append(s.paused.waiting, c)
		return
	case c.multi != nil && !runsInMulti(cmd):
		c.queue(cmd, args)
	default:
		s.running = c
		s.call(c, cmd, args)
		s.running = nil
		if s.flushEffects() {
			c.written = s.repl.Stream().Offset()
		}
	}
	if c.waits() {
		c.addAside()
		if len(c.out.Buf) == 0 {
			c.releaseOutput()
		}
		return // the reply comes later
	}
	c.afterReply(cmd, mark)
}

// afterReply applies CLIENT REPLY, drops what nobody reads (replies to a master), and
// lets the pushes follow that the command brought its own session.
func (c *session) afterReply(cmd *command.Command, mark int) {
	if !c.execReplied {
		c.dropUnwanted(cmd, mark)
	}
	c.execReplied = false
	c.addAside()
	c.checkHardLimit()
	switch c.reply {
	case replySkip:
		c.reply = replyOn
	case replySkipNext:
		c.reply = replySkip
	}
}

// wantsNoReply reports whether CLIENT REPLY says so.
func (c *session) wantsNoReply() bool { return c.reply == replyOff || c.reply == replySkip }

// dropUnwanted takes back what was written since mark where no reply is wanted.
func (c *session) dropUnwanted(cmd *command.Command, mark int) {
	silent := c.wantsNoReply() && !repliesByPush(cmd)
	if silent || c.class == classMaster {
		c.out.Buf = c.out.Buf[:min(mark, len(c.out.Buf))]
	}
	if c.class == classReplica && len(c.out.Buf) > mark {
		c.dropTalker(cmd)
	}
}

// dropTalker ends a replica that sent what has a reply: it would stand in the midst of
// the history.
func (c *session) dropTalker(cmd *command.Command) {
	name := "unknown"
	if cmd != nil {
		name = cmd.Name
	}
	c.srv.log.Warn().Str("replica", c.addr()).Str("command", name).Msg("Replica sent a command that has a reply, disconnecting it")
	c.close()
}

// addAside lets the pushes follow that had to wait for the reply.
func (c *session) addAside() {
	if len(c.aside) > 0 {
		c.out.Buf = append(c.out.Buf, c.aside...)
		c.aside = nil
	}
}

// repliesByPush names the commands whose replies are pushes, which CLIENT REPLY OFF
// lets through.
func repliesByPush(cmd *command.Command) bool {
	return cmd != nil && cmd.Has(command.PubSub) && strings.HasSuffix(cmd.Name, "SUBSCRIBE")
}

// dropHTTP ends a session that speaks HTTP: see [resp.IsHTTP].
func (s *Server) dropHTTP(c *session) {
	if now := s.mono(); s.httpWarnedAt == 0 || now-s.httpWarnedAt >= resp.HTTPWarningPeriod {
		s.httpWarnedAt = now
		s.log.Warn().Msgf(resp.HTTPWarning, c.addr())
	}
	c.close()
}

// find is the command args name, or the error Redis gives for them.
func (s *Server) find(c *session, args [][]byte) (*command.Command, error) {
	cmd := c.lookup(args[0])
	if cmd == nil {
		return nil, unknownCommand(args)
	}
	if cmd.IsContainer() && len(args) > 1 {
		sub := cmd.Sub(args[1])
		if sub == nil {
			return nil, resp.Errorf("ERR unknown subcommand '%s'. Try %s HELP.", clip(args[1], 128), cmd.Name)
		}
		cmd = sub
	}
	if cmd.Run == nil || !cmd.ArityOK(len(args)) {
		return cmd, resp.Errorf("ERR wrong number of arguments for '%s' command", cmd.Full)
	}
	return cmd, nil
}

// lookup finds a command by its first word; most clients repeat what they sent last.
func (c *session) lookup(word []byte) *command.Command {
	if c.lastFound != nil && string(word) == string(c.lastWord) {
		return c.lastFound
	}
	cmd := c.srv.table.Lookup(word)
	if cmd != nil {
		c.lastWord, c.lastFound = append(c.lastWord[:0], word...), cmd
	}
	return cmd
}

// unknownCommand quotes the beginning of what was sent.
func unknownCommand(args [][]byte) error {
	var b strings.Builder
	for _, a := range args[1:] {
		if b.Len() >= 128 {
			break
		}
		fmt.Fprintf(&b, "'%s' ", clip(a, 128-b.Len()))
	}
	return resp.Errorf("ERR unknown command '%s', with args beginning with: %s", clip(args[0], 128), b.String())
}

// clip is what of b an error quotes: at most n bytes, and nothing behind a NUL.
func clip(b []byte, n int) []byte {
	b = b[:min(len(b), n)]
	if i := strings.IndexByte(string(b), 0); i >= 0 {
		b = b[:i]
	}
	return b
}

// effectiveFlags are a command's own, or, for EXEC, those of all it will run too.
func (c *session) effectiveFlags(cmd *command.Command) command.Flags {
	if cmd.Name == "EXEC" && c.multi != nil {
		return cmd.Flags | c.multi.flags
	}
	return cmd.Flags
}

// lackedFlags are those that the command, or, for EXEC, one of what it will run, does
// not have.
func (c *session) lackedFlags(cmd *command.Command) command.Flags {
	if cmd.Name == "EXEC" && c.multi != nil {
		return ^cmd.Flags | c.multi.lacks
	}
	return ^cmd.Flags
}

// denied is the set of flags that make a command worth a second look: the rest
// pass on the first line of refusal.
const denied = command.Write | command.MayReplicate | command.NoMulti

// refusal is why a command may not run now; nil when it may. The order is Redis's:
// clients depend on which error wins.
func (s *Server) refusal(c *session, cmd *command.Command) error {
	if cmd.Has(command.Protected) {
		if err := s.refusalOfProtected(c, cmd); err != nil {
			return err
		}
	}
	if !c.authenticated && !cmd.Has(command.NoAuth) && !c.mayAct() {
		return errNoAuth
	}
	flags := c.effectiveFlags(cmd)
	if s.cfg.MaxMemory > 0 && !(c.multi != nil && cmd.Has(command.NoMulti)) {
		if err := s.refusalForMemory(c, cmd, flags); err != nil {
			return err
		}
	}
	if s.plain && flags&denied == 0 && !c.subscribedOnly() && !c.onlyListens() {
		return nil
	}
	if c.class == classMaster {
		return nil
	}
	if c.multi != nil && cmd.Has(command.NoMulti) {
		return resp.Errorf("ERR Command not allowed inside a transaction")
	}
	if err := s.refusalOfWrite(flags); err != nil {
		return err
	}
	if s.save.failedAndStops() && cmd.Name == "PING" && !s.isReplica() {
		return errMisconf // health checks are to notice
	}
	if c.subscribedOnly() && !runsSubscribed(cmd) {
		return resp.Errorf("ERR Can't execute '%s': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context", cmd.Full)
	}
	if !s.plain {
		if err := s.refusalByState(c.lackedFlags(cmd)); err != nil {
			return err
		}
	}
	if c.onlyListens() && flags&(command.Write|command.ReadOnly|command.MayReplicate) != 0 {
		return resp.Errorf("ERR Replica can't interact with the keyspace")
	}
	return nil
}

// refusalOfWrite is why a command that changes data may not run.
func (s *Server) refusalOfWrite(flags command.Flags) error {
	if flags&(command.Write|command.MayReplicate) == 0 {
		return nil
	}
	if !s.isReplica() {
		if s.save.failedAndStops() && flags&command.Write != 0 {
			return errMisconf
		}
		if flags&command.Write != 0 && !s.enoughReplicas() {
			return errNoReplicas
		}
		return nil
	}
	if s.cfg.ReplicaReadOnly && flags&command.Write != 0 {
		return errReadOnly
	}
	return nil
}

// refusalByState is why what lacks these flags does not run while data is loaded or
// stale.
func (s *Server) refusalByState(lacks command.Flags) error {
	if s.masterDownAndStrict() && lacks&command.Stale != 0 {
		return errMasterDown
	}
	if s.loading != nil && s.loading.refuses(lacks) {
		return errLoading
	}
	return nil
}

// refusalOfProtected applies enable-debug-command and enable-module-command.
func (s *Server) refusalOfProtected(c *session, cmd *command.Command) error {
	allowed, name := s.cfg.EnableDebugCommand, "DEBUG"
	if cmd.Parent != nil && cmd.Parent.Name == "MODULE" || cmd.Name == "MODULE" {
		allowed, name = s.cfg.EnableModuleCommand, "MODULE"
	}
	if allowed.Allowed(c.isLocal()) {
		return nil
	}
	return resp.Errorf("ERR %s command not allowed. If the enable-%s-command option is set to \"local\", you can run it from a local connection, otherwise you need to set this option in the configuration file, and then restart the server.", name, strings.ToLower(name))
}

// refreshPlain recomputes plain: true while no state of the server forbids
// anything, so that the common case is one test. Whoever changes one of these
// states calls it.
func (s *Server) refreshPlain() {
	s.refreshOwn()
	s.plain = s.loading == nil && !s.masterDownAndStrict() && !s.save.failedAndStops()
}

// subscribedOnly reports whether only the commands of a RESP2 subscriber may run.
func (c *session) subscribedOnly() bool { return !c.out.RESP3 && c.subs.count() > 0 }

// onlyListens reports whether the session is fed with the stream or with what others
// do, and has no business with keys.
func (c *session) onlyListens() bool { return c.monitor || c.class == classReplica }

func runsSubscribed(cmd *command.Command) bool {
	switch cmd.Name {
	case "PING", "SUBSCRIBE", "PSUBSCRIBE", "SSUBSCRIBE", "UNSUBSCRIBE", "PUNSUBSCRIBE", "SUNSUBSCRIBE", "QUIT", "RESET":
		return true
	}
	return false
}

// runsInMulti names the commands a transaction does not queue.
func runsInMulti(cmd *command.Command) bool {
	switch cmd.Name {
	case "EXEC", "DISCARD", "MULTI", "WATCH", "QUIT", "RESET":
		return true
	}
	return false
}

// reject answers a command that does not run, and spoils an open transaction.
func (s *Server) reject(c *session, cmd *command.Command, err error) {
	if cmd != nil {
		cmd.Stats.Rejected++
	}
	switch {
	case cmd != nil && cmd.Name == "EXEC":
		s.discard(c)
		err = resp.Errorf("EXECABORT Transaction discarded because of: %s", strings.TrimPrefix(err.Error(), "ERR "))
	case c.multi != nil:
		c.multi.dirty = true
	}
	s.replyError(c, err)
}

// replyError writes err. One that is not meant for clients is logged and answered
// as internal.
func (s *Server) replyError(c *session, err error) {
	var re *resp.Error
	if errors.Is(err, keyspace.ErrFull) {
		re = errOOM
	} else if !errors.As(err, &re) {
		s.log.Error().Err(err).Str("client", c.addr()).Msg("command failed unexpectedly")
		re = errInternal
	}
	c.out.Error(re.Error())
	s.stats.errorReply(re.Prefix())
}

// call runs a command: the one place where handlers are called from.
func (s *Server) call(c *session, cmd *command.Command, args [][]byte) {
	ctx, start := &c.ctx, s.cmdMono
	ctx.Begin(cmd, args)
	ctx.Now = s.callTime()
	ctx.Scratch = s.scratch[:0]
	ctx.Obey = c.class == classMaster
	s.effects.enter()
	mark := len(c.out.Buf)
	if err := cmd.Run(ctx); err != nil {
		c.out.Buf = c.out.Buf[:mark]
		s.replyError(c, err)
		cmd.Stats.Failed++
	}
	if n := ctx.Dirty(); n > 0 {
		s.dirty += n
		if ctx.Effects() == 0 {
			s.Effect(ctx.DBIndex, args...)
		}
	}
	s.effects.leave()
	s.keepScratch(ctx)
	s.afterCall(c, cmd, args, start)
}

// scratchKept is how large the memory lent to commands may be between them, in bytes.
const scratchKept = 1 << 20

// keepScratch takes back what was lent to a command. EXEC finds that its commands
// gave it back.
func (s *Server) keepScratch(ctx *command.Ctx) {
	if ctx.Scratch != nil && cap(ctx.Scratch) <= scratchKept {
		s.scratch = ctx.Scratch
	}
	ctx.Scratch = nil
}

// callTime is the time a command sees: in a transaction or the master's stream,
// one for all.
func (s *Server) callTime() int64 {
	if s.effects.depth > 0 {
		return s.execNow
	}
	now := s.nowMS()
	s.space.SetNow(now)
	s.execNow = now
	return now
}

// afterCall counts, and keeps what took long.
func (s *Server) afterCall(c *session, cmd *command.Command, args [][]byte, start time.Duration) {
	end := s.mono()
	took := end - start
	s.cmdMono = end
	if s.effects.depth == 0 { // EXEC is counted with its commands
		s.stats.commandTime += took
	}
	if len(s.monitors) > 0 && c.again == nil {
		s.feedMonitors(c, cmd, args)
	}
	if c.again != nil {
		took += c.again.spent
	}
	if c.waits() {
		c.blocked.spent = took
		return // counted when it is answered
	}
	s.account(c, cmd, args, took)
}

// account counts a command that has been answered.
func (s *Server) account(c *session, cmd *command.Command, args [][]byte, took time.Duration) {
	s.stats.commands++
	c.calls++
	cmd.Stats.Record(took, s.cfg.LatencyTracking)
	if limit := s.cfg.SlowlogLogSlowerThan; limit >= 0 && took >= time.Duration(limit)*time.Microsecond {
		s.slowlog.add(s, c, cmd, args, took)
	}
	if limit := s.cfg.LatencyMonitorThreshold; limit > 0 && took >= time.Duration(limit)*time.Millisecond {
		s.latency.add(latencyEventOf(cmd), s.turnWall, took)
	}
}

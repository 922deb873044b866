package server

import (
	"github.com/vedette-ha/vedette/internal/resp"
	"github.com/vedette-ha/vedette/server/command"
	"github.com/vedette-ha/vedette/server/keyspace"
)

// transaction is what a session has queued since MULTI.
type transaction struct {
	cmds  []queued
	bytes int           // of the arguments, for CLIENT LIST
	flags command.Flags // of all commands together
	lacks command.Flags // what at least one command does not have
	dirty bool          // a command was refused: EXEC will answer EXECABORT
}

type queued struct {
	cmd  *command.Command
	args [][]byte
}

// watchedKey is one key a session watches. It is dirty once somebody changed it.
type watchedKey struct {
	db      int
	key     string
	expired bool // was logically expired when WATCH ran: its deletion is no change
}

// watchers are the sessions that watch a key of one database.
type watchers map[string][]*session

// transactionCommands: https://redis.io/docs/latest/commands/?group=transactions
func (s *Server) transactionCommands() []command.Row {
	return []command.Row{
		{Name: "MULTI", Run: cmdMulti},
		{Name: "EXEC", Run: cmdExec},
		{Name: "DISCARD", Run: cmdDiscard},
		{Name: "WATCH", Run: cmdWatch},
		{Name: "UNWATCH", Run: cmdUnwatch},
	}
}

// sessionOf is the session a server command runs for.
func sessionOf(c *command.Ctx) *session { return c.Session.(*session) }

// memory is about what a transaction holds until EXEC, in bytes.
func (t *transaction) memory() int {
	if t == nil {
		return 0
	}
	return t.bytes + len(t.cmds)*queuedSize
}

// MULTI
func cmdMulti(c *command.Ctx) error {
	ss := sessionOf(c)
	if ss.multi != nil {
		return resp.Errorf("ERR MULTI calls can not be nested")
	}
	ss.multi = &transaction{}
	c.Out.Status("OK")
	return nil
}

// queue copies a command into the transaction.
func (c *session) queue(cmd *command.Command, args [][]byte) {
	c.multi.cmds = append(c.multi.cmds, queued{cmd, copyArgs(args)})
	for _, a := range args {
		c.multi.bytes += len(a)
	}
	c.multi.flags |= cmd.Flags
	c.multi.lacks |= ^cmd.Flags
	c.out.Status("QUEUED")
}

// DISCARD
func cmdDiscard(c *command.Ctx) error {
	ss := sessionOf(c)
	if ss.multi == nil {
		return resp.Errorf("ERR DISCARD without MULTI")
	}
	ss.srv.discard(ss)
	c.Out.Status("OK")
	return nil
}

// discard forgets a transaction and what was watched for it.
func (s *Server) discard(c *session) {
	c.multi = nil
	s.unwatchAll(c)
}

// EXEC
func cmdExec(c *command.Ctx) error {
	ss := sessionOf(c)
	s := ss.srv
	tx := ss.multi
	if tx == nil {
		return resp.Errorf("ERR EXEC without MULTI")
	}
	changed := ss.watchedChanged()
	s.discard(ss)
	if tx.dirty {
		return errExecAbort
	}
	if changed {
		c.Out.NullArray()
		return nil
	}
	s.execAll(ss, tx)
	return nil
}

// execAll runs the queued commands. Their effects leave together.
func (s *Server) execAll(ss *session, tx *transaction) {
	exec, args := ss.ctx.Cmd, ss.ctx.Args
	mark := len(ss.out.Buf)
	ss.out.Array(len(tx.cmds))
	ss.dropUnwanted(exec, mark)
	ss.inExec = true
	for _, q := range tx.cmds {
		mark = len(ss.out.Buf)
		s.call(ss, q.cmd, q.args)
		ss.dropUnwanted(q.cmd, mark) // as CLIENT REPLY says by now
	}
	ss.inExec, ss.execReplied = false, true
	ss.ctx.Begin(exec, args)
	ss.ctx.NoEffect()
}

// WATCH key [key ...]
func cmdWatch(c *command.Ctx) error {
	ss := sessionOf(c)
	if ss.multi != nil {
		return resp.Errorf("ERR WATCH inside MULTI is not allowed")
	}
	if ss.watchDirty {
		c.Out.Status("OK") // EXEC fails already
		return nil
	}
	for _, key := range c.Args[1:] {
		ss.srv.watch(ss, c.DBIndex, key)
	}
	c.Out.Status("OK")
	return nil
}

func (s *Server) watch(ss *session, db int, key []byte) {
	for _, w := range ss.watches {
		if w.db == db && w.key == string(key) {
			return
		}
	}
	if s.watched[db] == nil {
		s.watched[db] = make(watchers)
	}
	s.watched[db][string(key)] = append(s.watched[db][string(key)], ss)
	ss.watches = append(ss.watches, watchedKey{db: db, key: string(key),
		expired: s.expiredAlready(db, key)})
}

// stored finds a key whether its time has come or not.
func (s *Server) stored(db int, key []byte) (keyspace.Entry, bool) {
	defer s.keepExpired()()
	return s.space.DB(db).Peek(key)
}

// keepExpired lets keys whose time has come be there until the function it returns
// is called.
func (s *Server) keepExpired() (done func()) {
	policy := s.space.ExpirePolicy()
	s.space.SetExpirePolicy(keyspace.ExpireKeep)
	return func() { s.space.SetExpirePolicy(policy) }
}

// expiredAlready reports whether a key is still stored though its time has come.
func (s *Server) expiredAlready(db int, key []byte) bool {
	e, there := s.stored(db, key)
	return there && e.ExpireAt() != keyspace.NoExpire && e.ExpireAt() < s.space.Now()
}

// UNWATCH
func cmdUnwatch(c *command.Ctx) error {
	ss := sessionOf(c)
	ss.srv.unwatchAll(ss)
	c.Out.Status("OK")
	return nil
}

// unwatchAll forgets what a session watches, and that any of it changed.
func (s *Server) unwatchAll(c *session) {
	c.watchDirty = false
	for _, w := range c.watches {
		list := s.watched[w.db][w.key]
		for i, o := range list {
			if o == c {
				list = append(list[:i:i], list[i+1:]...)
				break
			}
		}
		if len(list) == 0 {
			delete(s.watched[w.db], w.key)
		} else {
			s.watched[w.db][w.key] = list
		}
	}
	c.watches = nil
}

// Touch implements command.Host: whoever watches the key will see EXEC fail, and
// whoever waits for it is served after this command.
func (s *Server) Touch(db int, key []byte) {
	s.Ready(db, key)
	if s.own.on {
		s.noteOwnExpire(db, key)
	}
	if len(s.watched[db]) == 0 {
		return
	}
	if list := s.watched[db][string(key)]; len(list) > 0 {
		_, there := s.stored(db, key)
		touch(list, db, key, there)
	}
}

// Ready implements command.Host.
func (s *Server) Ready(db int, key []byte) {
	if len(s.keyWaits.keys[db]) > 0 {
		s.signal(db, key)
	}
}

// touchExpired is Touch for a key that is deleted next because its time has come.
func (s *Server) touchExpired(db int, key []byte) {
	if len(s.keyWaits.keys[db]) > 0 {
		s.signalGone(db, key)
	}
	if len(s.watched[db]) > 0 {
		touch(s.watched[db][string(key)], db, key, false)
	}
}

func touch(watching []*session, db int, key []byte, there bool) {
	for _, c := range watching {
		c.touch(db, key, there)
	}
}

// touch notes the change, unless it is the deletion of a key that had expired
// before it was watched.
func (c *session) touch(db int, key []byte, there bool) {
	for i := range c.watches {
		w := &c.watches[i]
		if w.db != db || w.key != string(key) {
			continue
		}
		if w.expired && !there {
			w.expired = false
			continue
		}
		c.watchDirty = true
	}
}

// touchAll tells the watchers of those keys of a database for which changes is
// true (FLUSHDB, SWAPDB, a replica's new data set).
func (s *Server) touchAll(db int, changes func(key []byte) bool) {
	for key, list := range s.watched[db] {
		if !changes([]byte(key)) {
			continue
		}
		for _, c := range list {
			c.watchDirty = true
		}
	}
}

// watchedChanged reports whether a watched key changed or expired since WATCH.
func (c *session) watchedChanged() bool {
	if c.watchDirty {
		return true
	}
	for _, w := range c.watches {
		if !w.expired && c.srv.expiredAlready(w.db, []byte(w.key)) {
			return true
		}
	}
	return false
}

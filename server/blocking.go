package server

import (
	"container/list"
	"time"

	"github.com/vedette-ha/vedette/internal/resp"
	"github.com/vedette-ha/vedette/server/command"
	"github.com/vedette-ha/vedette/server/keyspace"
)

// The reasons for which a session executes nothing for now.
const (
	blockedPaused  = "pause"   // its command is held back
	blockedAcks    = "wait"    // for replicas
	blockedKeys    = "keys"    // for keys to be ready
	blockedMigrate = "migrate" // for another server to take keys
)

// Errors that end a wait; the texts are Redis's.
var (
	errUnblocked     = resp.Errorf("UNBLOCKED client unblocked via CLIENT UNBLOCK")
	errUnblockedRole = resp.Errorf("UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)")
)

// blocked is why a session executes nothing for now. Its bytes pile up in session.in.
type blocked struct {
	kind     string
	timer    *timer
	onCancel func() // undoes what waiting registered; may be nil
	timedOut func() // writes the reply for a time that is up; nil if no client ends the wait

	cmd   *command.Command
	args  [][]byte      // own memory
	spent time.Duration // executing so far
	wait  *keyWait      // of blockedKeys
}

// isBlocked reports whether the session executes nothing for now.
func (c *session) isBlocked() bool { return c.blocked != nil }

// waits reports whether a command of the session has not been answered yet.
func (c *session) waits() bool { return c.blocked != nil && c.blocked.kind != blockedPaused }

// mayWait reports whether the command that runs may leave its reply for later.
func (c *session) mayWait() bool {
	return !c.inExec && !c.deniesBlocking() && c.class != classMaster && c.class != classReplica
}

// block stops executing for this session until unblock.
func (c *session) block(b *blocked) {
	c.blocked = b
	c.srv.blockedCount++
}

// blockFor is block for the command that runs, which is answered when time is up,
// after timeout, at the latest; zero is for ever.
func (c *session) blockFor(b *blocked, timeout time.Duration) {
	b.cmd, b.args = c.ctx.Cmd, copyArgs(c.ctx.Args)
	if timeout > 0 {
		b.timer = c.srv.after(timeout, func() { c.endWait(b.timedOut) })
	}
	c.block(b)
}

// unblock lets the session go on; bytes that waited are executed in this turn or
// the next.
func (c *session) unblock() {
	b := c.blocked
	if b == nil {
		return
	}
	c.blocked = nil
	c.srv.blockedCount--
	c.srv.cancel(b.timer)
	c.resume()
}

// resume goes on with what has come from the session meanwhile.
func (c *session) resume() {
	c.queueOutput()
	if len(c.in) > 0 && !c.resuming {
		c.resuming = true
		c.srv.resumed = append(c.srv.resumed, c)
	}
}

// cancelBlock forgets why a session that ends was blocked.
func (c *session) cancelBlock() {
	b := c.blocked
	if b == nil {
		return
	}
	c.blocked = nil
	c.srv.blockedCount--
	c.srv.cancel(b.timer)
	if b.onCancel != nil {
		b.onCancel()
	}
}

// endWait answers a command that waits, and lets the session go on.
func (c *session) endWait(reply func()) { c.answer(reply, false) }

// failWait is endWait with an error.
func (c *session) failWait(err error) {
	c.answer(func() { c.srv.replyError(c, err) }, true)
}

func (c *session) answer(reply func(), failed bool) {
	b := c.blocked
	if b.onCancel != nil {
		b.onCancel()
	}
	c.borrowOutput()
	mark := len(c.out.Buf)
	reply()
	if failed {
		b.cmd.Stats.Failed++
	}
	c.srv.account(c, b.cmd, b.args, b.spent)
	c.afterReply(b.cmd, mark)
	c.unblock()
}

// failWaits ends all waits and their connections: this server is no master any more.
func (s *Server) failWaits() {
	s.eachSession(func(c *session) {
		if c.waits() {
			c.closeAfter = true
			c.failWait(errUnblockedRole)
		}
	})
}

// keyWaits are the sessions that wait for keys, database by database.
type keyWaits struct {
	keys     []map[string]*keyQueue
	goneKeys int        // queues in which somebody waits for the key to go
	ready    []readyKey // to be served once no command runs
	serving  bool
}

type readyKey struct {
	db  int
	key string
}

// keyQueue is who waits for one key, longest first.
type keyQueue struct {
	waits list.List // of *keyWait
	gone  int       // how many wait for the key to go, too
	ready bool      // the key is among keyWaits.ready
}

// keyWait is one session's wait for keys.
type keyWait struct {
	c      *session
	db     int
	kind   keyspace.Kind
	orGone bool
	keys   []string
	at     []*list.Element // in their queues
}

// Block implements command.Host.
func (s *Server) Block(ctx *command.Ctx, w *command.Wait) bool {
	c := sessionOf(ctx)
	if !c.mayWait() {
		return false
	}
	b := c.again
	if b == nil {
		b = &blocked{kind: blockedKeys, timedOut: func() { c.out.NullArray() }}
		b.onCancel = func() { s.keyWaits.remove(b.wait) }
		c.blockFor(b, w.Timeout)
	} else {
		c.block(b) // its time goes on
	}
	if w.Args != nil {
		b.args = copyArgs(w.Args)
	}
	b.wait = &keyWait{c: c, db: ctx.DBIndex, kind: w.Kind, orGone: w.OrGone}
	s.keyWaits.add(b.wait, w.Keys)
	return true
}

// add puts a wait at the end of its keys' queues. A key may be named twice.
func (k *keyWaits) add(w *keyWait, keys [][]byte) {
	if k.keys[w.db] == nil {
		k.keys[w.db] = make(map[string]*keyQueue)
	}
	for _, key := range keys {
		q := k.keys[w.db][string(key)]
		if q == nil {
			q = new(keyQueue)
			k.keys[w.db][string(key)] = q
		} else if q.waits.Back().Value == w {
			continue
		}
		w.keys = append(w.keys, string(key))
		w.at = append(w.at, q.waits.PushBack(w))
		if w.orGone {
			if q.gone++; q.gone == 1 {
				k.goneKeys++
			}
		}
	}
}

// remove takes a wait out of its queues.
func (k *keyWaits) remove(w *keyWait) {
	for i, key := range w.keys {
		q := k.keys[w.db][key]
		q.waits.Remove(w.at[i])
		if w.orGone {
			if q.gone--; q.gone == 0 {
				k.goneKeys--
			}
		}
		if q.waits.Len() == 0 {
			delete(k.keys[w.db], key)
		}
	}
	w.keys, w.at = nil, nil
}

// count is how many keys somebody waits for.
func (k *keyWaits) count() (n int) {
	for _, keys := range k.keys {
		n += len(keys)
	}
	return n
}

// signal notes that a key has changed, if somebody waits for what it is now.
func (s *Server) signal(db int, key []byte) {
	q := s.keyWaits.keys[db][string(key)]
	if q == nil || q.ready {
		return
	}
	e, there := s.stored(db, key)
	switch {
	case there && waitable(e.Kind()):
	case q.gone > 0: // deleted, or something else by now
	default:
		return
	}
	s.keyWaits.markReady(q, db, key)
}

// signalGone is signal for a key that is deleted next.
func (s *Server) signalGone(db int, key []byte) {
	if q := s.keyWaits.keys[db][string(key)]; q != nil && q.gone > 0 && !q.ready {
		s.keyWaits.markReady(q, db, key)
	}
}

// signalAll is signal for all keys of a database, whose data set was exchanged.
func (s *Server) signalAll(db int) {
	for key := range s.keyWaits.keys[db] {
		s.signal(db, []byte(key))
	}
}

func (k *keyWaits) markReady(q *keyQueue, db int, key []byte) {
	q.ready = true
	k.ready = append(k.ready, readyKey{db, string(key)})
}

// waitable reports whether commands can wait for values of a kind.
func waitable(k keyspace.Kind) bool {
	return k == keyspace.List || k == keyspace.ZSet || k == keyspace.Stream
}

// serveReady runs the commands of those who wait for keys that are ready now, and for
// those that become ready by it. It is called between commands.
func (s *Server) serveReady() {
	k := &s.keyWaits
	if len(k.ready) == 0 || k.serving || s.loading != nil {
		return
	}
	k.serving = true
	policy := s.space.ExpirePolicy()
	s.applyExpirePolicy() // our master's stream has its own
	var held []readyKey
	for len(k.ready) > 0 {
		ready := k.ready
		k.ready = nil
		for _, r := range ready {
			if s.serveKey(r) {
				held = append(held, r)
			}
		}
	}
	s.space.SetExpirePolicy(policy)
	k.ready = held // until the pause ends
	k.serving = false
}

// serveKey runs the commands of those who wait for one key, longest first. It reports
// whether a pause held one of them back.
func (s *Server) serveKey(r readyKey) (held bool) {
	q := s.keyWaits.keys[r.db][r.key]
	if q == nil {
		return false
	}
	q.ready = false
	key := []byte(r.key)
	el := q.waits.Front()
	for left := q.waits.Len(); left > 0 && el != nil; left-- {
		w := el.Value.(*keyWait)
		el = el.Next()
		e, there := s.space.DB(r.db).Peek(key)
		if !there && q.gone == 0 {
			return held
		}
		switch {
		case !w.orGone && !(there && e.Kind() == w.kind):
		case s.pausedFor(w.c, w.c.blocked.cmd):
			held = true
		default:
			w.c.runAgain()
		}
	}
	if held {
		q.ready = true
	}
	return held
}

// runAgain runs the command of a session that waits for keys. It is answered, or
// waits on.
func (c *session) runAgain() {
	s, b := c.srv, c.blocked
	s.keyWaits.remove(b.wait)
	c.blocked = nil
	s.blockedCount--
	c.again = b
	c.runOnce(b.cmd, b.args, s.refusal(c, b.cmd))
	c.again = nil
	if c.blocked == b {
		return
	}
	s.cancel(b.timer)
	c.resume()
}

// copyArgs copies a command that outlives the buffer it came in.
func copyArgs(args [][]byte) [][]byte {
	size := 0
	for _, a := range args {
		size += len(a)
	}
	kept, mem := make([][]byte, len(args)), make([]byte, 0, size)
	for i, a := range args {
		mem = append(mem, a...)
		kept[i] = mem[len(mem)-len(a) : len(mem) : len(mem)]
	}
	return kept
}

package server

import (
	"errors"
	"net"
	"slices"
	"time"

	"github.com/vedette-ha/vedette/internal/endpoint"
	"github.com/vedette-ha/vedette/internal/resp"
	"github.com/vedette-ha/vedette/replication"
	"github.com/vedette-ha/vedette/server/command"
	"github.com/vedette-ha/vedette/server/keyspace"
)

// class is how a session counts for client-output-buffer-limit and CLIENT KILL TYPE.
type class int

// The classes, in the order of client-output-buffer-limit's table.
const (
	classNormal class = iota
	classReplica
	classPubSub
	classMaster // never limited
)

// session is one connection and all the server knows of it. It belongs to the loop.
type session struct {
	srv  *Server
	id   uint64
	conn endpoint.Conn

	parser resp.Parser
	in     []byte // bytes received and not yet executed; nil when there are none
	out    resp.Writer
	aside  []byte // pushes to this session that wait for the reply to its own command
	sent   int    // how much of out.Buf the socket has taken
	lent   int    // bytes of the loop's buffer that are being executed
	fit    replyFit
	ctx    command.Ctx

	created, lastActive int64 // Unix ms
	netIn, netOut       uint64
	calls               uint64
	readAt              time.Duration // when the last bytes came, since the server started
	lastCmd             *command.Command
	lastWord            []byte           // the first word of the last command that was looked up
	lastFound           *command.Command // what it names; a container, if it is one

	name, libName, libVer string
	authenticated         bool
	noEvict               bool

	class            class
	closed           bool
	closeAfter       bool // once the output is written
	doomed           bool // over its output limit: closed at the end of the turn
	outQueued        bool
	wantWrite        bool
	resuming         bool
	reply            replyMode
	counted          int // bytes that this session is counted with in Server.buffers
	countedAs        *int64
	countedEvictable bool
	softSince        int64 // when the soft output limit was first exceeded, Unix ms; 0 not

	multi       *transaction
	inExec      bool // EXEC is running the queue
	execReplied bool // EXEC has run it, and applied CLIENT REPLY to each reply
	watches     []watchedKey
	watchDirty  bool // a watched key changed
	subs        subscriptions
	blocked     *blocked
	again       *blocked // the wait whose command runs again
	monitor     bool

	peer    replication.Peer        // what REPLCONF has told
	written replication.Offset      // of the stream, after this session's last write
	replica *replication.Replica    // set while this is a replica's connection
	upload  *replication.MasterConn // set while this is the connection to our master
}

// replyMode is CLIENT REPLY's state.
type replyMode int

const (
	replyOn replyMode = iota
	replyOff
	replySkipNext // CLIENT REPLY SKIP was just called: the next command is silent
	replySkip     // this command is silent
)

// connect makes nc a session, or refuses it.
func (s *Server) connect(nc net.Conn) {
	if s.stopped {
		nc.Close()
		return
	}
	if len(s.sessions) >= s.cfg.MaxClients {
		s.refuse(nc, "-ERR max number of clients reached\r\n")
		return
	}
	if s.protects(nc) {
		s.refuse(nc, protectedModeText)
		return
	}
	c := s.newSession()
	conn, err := s.poller.Add(nc, c)
	if err != nil {
		s.log.Warn().Err(err).Msg("adopt a connection")
		return
	}
	c.conn = conn
	conn.SetKeepAlive(time.Duration(s.cfg.TCPKeepAlive) * time.Second)
	s.stats.connections++
	s.addSession(c)
	s.log.Debug().Msgf("Accepted %s", c.addr())
}

// refuse tells a connection why it is not served. It fits the socket's buffer.
func (s *Server) refuse(nc net.Conn, text string) {
	s.stats.rejectedConns++
	_ = nc.SetWriteDeadline(time.Now().Add(100 * time.Millisecond))
	go func() {
		_, _ = nc.Write([]byte(text))
		nc.Close()
	}()
}

// newSession is a session with no connection and no place in the table yet.
func (s *Server) newSession() *session {
	s.lastSessionID++
	c := &session{srv: s, id: s.lastSessionID, created: s.turnWall, lastActive: s.turnWall,
		authenticated: s.cfg.RequirePass == "",
		fit:           replyFit{size: replyBufferMax, peak: replyBufferMax}}
	c.ctx = command.Ctx{Out: &c.out, Lookups: &s.lookups, Space: s.space, DB: s.space.DB(0), Host: s, Opt: &s.opt, Streams: &s.streams, LZF: &s.lzf, Session: c}
	return c
}

func (s *Server) addSession(c *session) {
	s.sessions[c.id] = c
	s.order = append(s.order, c)
	c.account()
}

// each calls fn for every session in the order they came.
func (s *Server) eachSession(fn func(*session)) {
	for _, c := range slices.Clone(s.order) {
		if !c.closed {
			fn(c)
		}
	}
}

// addr is the peer as CLIENT LIST shows it.
func (c *session) addr() string {
	if c.conn == nil {
		return ""
	}
	if c.conn.Unix() {
		return c.srv.cfg.UnixSocket + ":0"
	}
	return c.conn.RemoteAddr()
}

// readBuffer is where the next bytes go: the loop's shared buffer when nothing is
// waiting (fresh), else behind what is.
func (c *session) readBuffer(shared []byte) (buf []byte, fresh bool) {
	if len(c.in) == 0 && !c.isBlocked() && c.upload == nil {
		return shared, true
	}
	// Half as much again, or a command of many small words would be copied once for
	// every packet.
	need := len(c.in) + max(readSize/4, len(c.in)/2)
	if cap(c.in)-len(c.in) >= readSize/4 {
		need = cap(c.in)
	}
	if n := c.parser.Need(); n > len(c.in) {
		// A big argument: one allocation, grown with what has arrived, so that a
		// length that is only claimed costs nothing.
		need = min(n, max(2*len(c.in), len(c.in)+readSize))
	}
	if cap(c.in) < need {
		c.in = append(make([]byte, 0, need), c.in...)
	}
	return c.in[len(c.in):cap(c.in)], false
}

// consume executes the complete commands in fresh, or in what is waiting, and
// keeps the rest.
func (c *session) consume(fresh []byte) {
	buf := fresh
	if fresh == nil {
		buf = c.in
	}
	c.lent = len(fresh)
	used := 0
	if c.upload != nil {
		used = c.consumeStream(buf)
	} else {
		used = c.execute(buf)
	}
	c.lent = 0
	if c.closed {
		return
	}
	c.keep(buf[used:], fresh != nil)
	c.queueOutput()
	if c.out.Buf != nil && len(c.out.Buf) == 0 {
		c.releaseOutput() // no command had a reply
	}
	c.account()
}

// keep stores the unexecuted rest of a buffer.
func (c *session) keep(rest []byte, fresh bool) {
	switch {
	case len(rest) == 0:
		c.in = nil
	case fresh:
		size := max(len(rest), min(c.parser.Need(), readSize))
		c.in = append(make([]byte, 0, size), rest...)
	case len(rest) < len(c.in):
		c.in = append(c.in[:0], rest...)
	}
}

// execute runs the complete commands in buf and returns how many bytes they took.
func (c *session) execute(buf []byte) (used int) {
	c.srv.cmdMono = c.srv.mono()
	warm := 0 // how many of the next commands find their keys in the cache
	for !c.closed && !c.closeAfter && !c.doomed && !c.isBlocked() && !c.srv.stopped {
		args, n, err := c.parser.Next(buf[used:], c.limits())
		if err != nil {
			c.protocolError(err)
			return len(buf)
		}
		if n == 0 {
			return used
		}
		if warm--; warm <= 0 && used+n < len(buf) {
			warm = c.warm(buf[used+n:])
		}
		if len(args) > 0 {
			c.run(args)
		}
		if c.isBlocked() && c.blocked.kind == blockedPaused {
			return used // run again, from its bytes, when the pause ends
		}
		if c.class != classNormal {
			c.streamed(buf[used:used+n], len(args) > 0)
		}
		used += n
	}
	return used
}

// warm gets the keys of the next commands of a pipeline into the cache, or, of a large
// collection they are about, the elements, and returns of how many: so many commands
// later is the time for the next ones.
func (c *session) warm(buf []byte) (n int) {
	args, used := resp.Peek(buf)
	if used == 0 {
		return 1
	}
	db, first := c.ctx.DB, args[0]
	large, isLarge := db.Warmer(first[:min(len(first), warmKeyMax)])
	if !isLarge && db.Len() < warmWorth {
		return keyspace.WarmMax
	}
	var keys, elements [keyspace.WarmMax][]byte
	inLarge := 0
	for used > 0 && n < len(keys) {
		keys[n] = args[0][:min(len(args[0]), warmKeyMax)]
		if isLarge && string(args[0]) == string(first) {
			e := element(large.Kind(), args)
			elements[inLarge] = e[:min(len(e), warmKeyMax)]
			inLarge++
		}
		n++
		buf = buf[used:]
		args, used = resp.Peek(buf)
	}
	if inLarge < n {
		c.srv.warmed ^= db.Warm(keys[:n])
	}
	if inLarge > 0 {
		c.srv.warmed ^= warmElements(c.srv.space, large, elements[:inLarge])
	}
	return n
}

// warmElements warms elements of a collection; commands that name none, such as SPOP, are
// about any.
func warmElements(s *keyspace.Space, large keyspace.Warmer, elements [][]byte) (sink byte) {
	if drawn, ok := large.(keyspace.DrawWarmer); ok && elements[0] == nil {
		return drawn.WarmDraws(s.Draws(), len(elements))
	}
	return large.Warm(elements)
}

// element is the argument that names an element of a collection, in the commands met
// most: ZADD has a score before it.
func element(k keyspace.Kind, args [3][]byte) []byte {
	if k == keyspace.ZSet && args[2] != nil {
		return args[2]
	}
	return args[1]
}

// warmWorth is how many keys a database must have: what is read of a smaller one is in
// the cache anyhow.
const warmWorth = 1 << 10

// warmKeyMax bounds what hashing a key in advance costs; longer keys stay cold.
const warmKeyMax = 256

// limits are tighter for those who have not said who they are.
func (c *session) limits() *resp.Limits {
	if c.mayAct() {
		return &c.srv.limits
	}
	return &c.srv.limitsNoAuth
}

// mayAct reports whether the session has said who it is, or need not.
func (c *session) mayAct() bool { return c.authenticated || c.srv.cfg.RequirePass == "" }

func (c *session) protocolError(err error) {
	c.srv.stats.protocolErrors++
	var pe *resp.ProtocolError
	if errors.As(err, &pe) {
		if !c.wantsNoReply() {
			c.out.Error("ERR " + pe.Error())
		}
		c.srv.stats.errorReply("ERR")
	}
	c.closeAfter = true
	c.in = nil
	c.queueOutput()
}

// queryLimitOK closes a session that has more unexecuted bytes than allowed, with what it
// takes to know where the arguments of a big command are: many short ones take more than
// their bytes.
func (c *session) queryLimitOK() bool {
	if limit := c.srv.cfg.ClientQueryBufferLimit; limit > 0 && int64(len(c.in)+c.parser.Held()) > limit && c.upload == nil {
		c.srv.log.Warn().Str("client", c.addr()).Int("qbuf", len(c.in)).Msg("Closing client that reached max query buffer length")
		c.srv.stats.queryLimitDisconnections++
		c.close()
		return false
	}
	return true
}

// queueOutput makes the end of this turn write the session's output.
func (c *session) queueOutput() {
	if len(c.out.Buf) > bufferWorthCounting {
		c.account()
	}
	if c.outQueued || (len(c.out.Buf) == c.sent && !c.closeAfter) {
		return
	}
	c.outQueued = true
	c.srv.pendingOut = append(c.srv.pendingOut, c)
}

// flush writes what the socket takes, and asks to be told when it takes more.
func (c *session) flush() {
	c.srv.stats.writes++
	for c.sent < len(c.out.Buf) {
		n, err := c.conn.Write(c.out.Buf[c.sent:])
		if err != nil && !errors.Is(err, endpoint.ErrAgain) {
			c.hungUp(err)
			return
		}
		c.sent += n
		c.netOut += uint64(n)
		if n > 0 {
			c.lastActive = c.srv.turnWall
		}
		c.srv.stats.netOut += uint64(n)
		if err != nil || n == 0 {
			c.setWantWrite(true)
			c.checkOutputLimit()
			c.account()
			return
		}
	}
	c.releaseOutput()
	c.account()
	if c.replica != nil && !c.flushStream() {
		return
	}
	c.setWantWrite(false)
	if c.closeAfter {
		c.close()
	}
}

func (c *session) setWantWrite(on bool) {
	if c.wantWrite != on {
		c.wantWrite = on
		c.conn.WantWrite(on)
	}
}

// releaseOutput hands an emptied buffer to whoever writes next, so that an idle
// session holds none.
func (c *session) releaseOutput() {
	c.fit.note(len(c.out.Buf))
	buf := c.out.Buf[:0]
	c.out.Buf, c.sent, c.softSince = nil, 0, 0
	c.srv.spareOut.put(buf)
}

// borrowOutput makes sure there is a buffer to append to.
func (c *session) borrowOutput() {
	if c.out.Buf != nil {
		return
	}
	c.out.Buf = c.srv.spareOut.take(c.fit.room())
}

// pendingBytes is what the session holds of output.
func (c *session) pendingBytes() int { return len(c.out.Buf) - c.sent }

// limitedBytes is what of it counts for client-output-buffer-limit: nothing of what fits
// in the session's first buffer, and whole blocks beyond it, as in Redis. So no limit is
// so small that its own client cannot be told OK.
func (c *session) limitedBytes() uint64 {
	n := c.pendingBytes() - c.fit.size
	if n <= 0 {
		return 0
	}
	return uint64(max(n, replyBufferMax))
}

// checkOutputLimit closes a session over client-output-buffer-limit.
func (c *session) checkOutputLimit() {
	if c.closed || c.class == classMaster || c.class == classReplica {
		return // a replica is limited by how far it is behind: see replica.go
	}
	limit := c.srv.cfg.ClientOutputBufferLimits[c.class]
	n := c.limitedBytes()
	if limit.Hard > 0 && n >= limit.Hard {
		c.dropForOutput(n, "hard")
		return
	}
	if limit.Soft == 0 || n < limit.Soft {
		c.softSince = 0
		return
	}
	now := c.srv.turnWall
	if c.softSince == 0 {
		c.softSince = now
	}
	if now-c.softSince > limit.SoftSeconds*1000 {
		c.dropForOutput(n, "soft")
	}
}

// checkHardLimit dooms a session over its hard limit. Unlike checkOutputLimit it may
// run in the middle of a delivery: nothing is closed before the turn ends.
func (c *session) checkHardLimit() {
	if c.doomed || c.class == classMaster || c.class == classReplica {
		return
	}
	limit := c.srv.cfg.ClientOutputBufferLimits[c.class].Hard
	if limit > 0 && c.limitedBytes() >= limit {
		c.doomed = true
		c.srv.doomed = append(c.srv.doomed, c)
	}
}

func (c *session) dropForOutput(n uint64, which string) {
	c.srv.log.Warn().Str("client", c.addr()).Uint64("bytes", n).Str("limit", which).
		Msg("Client scheduled to be closed ASAP for overcoming of output buffer limits.")
	c.srv.stats.outputLimitDisconnections++
	c.close()
}

// close ends the session at once and forgets it everywhere.
func (c *session) close() {
	if c.closed {
		return
	}
	c.closed = true
	s := c.srv
	c.cancelBlock()
	s.unwatchAll(c)
	s.unsubscribeAll(c)
	s.forgetMonitor(c)
	s.replicationClosed(c)
	if c.conn != nil {
		c.conn.Close()
	}
	delete(s.sessions, c.id)
	if i := slices.Index(s.order, c); i >= 0 {
		s.order = slices.Delete(s.order, i, i+1)
	}
	c.in, c.out.Buf, c.multi = nil, nil, nil
	c.account()
}

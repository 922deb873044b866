package sentinel

import (
	"context"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vedette-ha/vedette/internal/acl"
	"github.com/vedette-ha/vedette/internal/events"
	"github.com/vedette-ha/vedette/internal/resp"
)

// session is one client of the sentinel port. Its goroutine reads, executes one
// command after the other and appends the replies to the outbox; only that
// goroutine touches the fields without a note.
type session struct {
	s      *Sentinel
	id     int64
	conn   net.Conn
	out    *outbox
	parser resp.Parser
	w      resp.Writer // the reply under construction
	opened time.Time

	user          *acl.User
	authenticated bool // logged in; the default user may do without
	mute          replyMode
	leaving       bool // ends after the current reply
	subs          subscriptions
	tracking      tracking

	handOver func(conn net.Conn, first []byte) // set by a command: who owns the connection from here on
	unread   []byte                            // bytes read and not executed, for handOver

	stats sessionStats
}

// replyMode is what CLIENT REPLY asked for.
type replyMode int

const (
	replyOn replyMode = iota
	replyOff
	replySkipNext // this command's reply is still to be dropped by replySkip
	replySkip
)

// sessionStats is what CLIENT LIST of other sessions shows of this one.
type sessionStats struct {
	mu       sync.Mutex // guards what follows
	user     *acl.User
	sub      *events.Subscription // nil: it listens to nothing
	name     string
	lib, ver string
	last     string // full name of the last command
	active   time.Time
	queued   int // bytes read and not yet executed
	channels int
	patterns int
	resp     int
	noEvict  bool
	tracking tracking
}

const (
	readChunk       = 16 << 10        // how much one read asks for
	longestArgument = 1 << 20         // nothing a sentinel is told is longer; Redis allows 512 MB
	partingTimeout  = 5 * time.Second // for the last replies of a session
)

// errSessionDone ends a session once its replies are written: QUIT, a protocol
// error, a connection handed over.
var errSessionDone = errors.New("session done")

// What a client is told for reasons outside its command.
var (
	errMaxUsers  = resp.Errorf("ERR max number of clients reached")
	errProtected = resp.Errorf("DENIED Redis is running in protected mode because protected mode is enabled " +
		"and no password is set for the default user. In this mode connections are only accepted from the " +
		"loopback interface. If you want to connect from external computers to Redis you may adopt one of " +
		"the following solutions: 1) Just disable protected mode sending the command 'CONFIG SET " +
		"protected-mode no' from the loopback interface by connecting to Redis from the same host the server " +
		"is running, however MAKE SURE Redis is not publicly accessible from internet if you do so. Use " +
		"CONFIG REWRITE to make this change permanent. 2) Alternatively you can just disable the protected " +
		"mode by editing the Redis configuration file, and setting the protected mode option to 'no', and " +
		"then restarting the server. 3) If you started the server manually just for testing, restart it with " +
		"the '--protected-mode no' option. 4) Setup a an authentication password for the default user. NOTE: " +
		"You only need to do one of the above things in order for the server to start accepting connections " +
		"from the outside.")
)

// serve is the life of a connection: it returns when the client is gone, was
// killed, ctx ended or the connection has a new owner.
func (s *Sentinel) serve(ctx context.Context, conn net.Conn) {
	c := &session{s: s, conn: conn, out: newOutbox(), opened: time.Now()}
	c.stats.active, c.stats.resp = c.opened, 2
	c.startOver()
	if err := s.admit(c); err != nil {
		c.refuse(err)
		return
	}
	defer s.clients.remove(c)
	defer context.AfterFunc(ctx, c.kill)()

	var wg sync.WaitGroup
	wg.Go(func() { c.out.run(countWriter{conn, &s.stats.bytesOut, &s.stats.writes}) })
	err := c.readLoop(ctx)
	c.unsubscribeAll()
	if c.handOver == nil && !errors.Is(err, errSessionDone) {
		c.out.close(net.ErrClosed)
	}
	// What was promised is still written, but not to a client that does not read.
	_ = conn.SetWriteDeadline(time.Now().Add(partingTimeout))
	c.out.finish()
	wg.Wait()
	if c.handOver == nil {
		conn.Close()
		return
	}
	_ = conn.SetDeadline(time.Time{})
	c.handOver(conn, c.unread)
}

// countWriter counts what it writes, in bytes and in calls.
type countWriter struct {
	w        io.Writer
	n, calls *atomic.Int64
}

func (c countWriter) Write(b []byte) (int, error) {
	n, err := c.w.Write(b)
	c.n.Add(int64(n))
	c.calls.Add(1)
	return n, err
}

// admit registers a new connection unless the sentinel serves enough of them or
// its protection forbids this one; the error is what the client is told.
func (s *Sentinel) admit(c *session) error {
	if s.protects(c.conn.RemoteAddr()) {
		return errProtected
	}
	return s.clients.add(c)
}

// refuse answers a connection that is not served and closes it.
func (c *session) refuse(err error) {
	c.w.Error(err.Error())
	_ = c.conn.SetWriteDeadline(time.Now().Add(time.Second))
	_, _ = c.conn.Write(c.w.Buf)
	c.conn.Close()
}

// kill ends the session from any goroutine. Nothing more is written.
func (c *session) kill() {
	c.out.close(net.ErrClosed)
	c.conn.Close()
}

// readLoop reads and executes until the session ends, and says why.
func (c *session) readLoop(ctx context.Context) error {
	var buf []byte
	for {
		buf = room(buf, c.parser.Need())
		if idle := c.s.opts.Config.IdleTimeout; idle > 0 {
			c.expire(idle)
		}
		n, err := c.conn.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		c.s.stats.bytesIn.Add(int64(n))
		c.s.stats.reads.Add(1)
		used, execErr := c.executeAll(ctx, buf)
		if execErr != nil {
			c.unread = buf[used:]
			return execErr
		}
		if err != nil {
			return err
		}
		buf = append(buf[:0], buf[used:]...)
		c.noteActivity(len(buf))
	}
}

// expire gives the client until the end of idle for its next command; who listens to
// events may be silent for ever.
func (c *session) expire(idle time.Duration) {
	deadline := time.Now().Add(idle)
	if c.subs.count() > 0 {
		deadline = time.Time{}
	}
	_ = c.conn.SetReadDeadline(deadline)
}

// room answers buf with space for the next read. An idle connection keeps one
// chunk; the length of a big argument is honoured as its bytes arrive, so a
// claim alone costs nothing.
func room(buf []byte, need int) []byte {
	if cap(buf) > readChunk*2 && len(buf) < readChunk && need == 0 {
		buf = append(make([]byte, 0, readChunk), buf...)
	}
	if cap(buf)-len(buf) >= readChunk/4 {
		return buf
	}
	return slices.Grow(buf, max(readChunk, min(need-len(buf), len(buf))))
}

// executeAll runs the complete commands at the start of buf and answers how many
// bytes they took. Replies go out together.
func (c *session) executeAll(ctx context.Context, buf []byte) (used int, err error) {
	for err == nil {
		limits := resp.DefaultLimits()
		limits.BulkMax = longestArgument
		limits.Unauthenticated = c.needsAuth()
		args, n, perr := c.parser.Next(buf[used:], &limits)
		used += n
		switch {
		case perr != nil:
			c.w.Error("ERR " + perr.Error())
			err = errSessionDone
		case len(args) > 0:
			err = c.execute(ctx, args)
		case n == 0:
			return used, c.flush()
		}
		if len(c.w.Buf) > readChunk {
			err = errors.Join(err, c.flush())
		}
	}
	return used, errors.Join(err, c.flush())
}

// flush hands the replies so far to the outbox.
func (c *session) flush() error {
	if len(c.w.Buf) == 0 {
		return nil
	}
	err := c.out.reply(c.w.Buf)
	if c.w.Buf = c.w.Buf[:0]; cap(c.w.Buf) > outboxReplies {
		c.w.Buf = nil
	}
	return err
}

// execute runs one command and drops its reply if the client asked for that.
func (c *session) execute(ctx context.Context, args [][]byte) error {
	before := len(c.w.Buf)
	err := c.dispatch(ctx, args)
	if c.mute == replyOff || c.mute == replySkip {
		c.w.Buf = c.w.Buf[:before]
	}
	switch c.mute {
	case replySkip:
		c.mute = replyOn
	case replySkipNext:
		c.mute = replySkip
	}
	if err == nil && c.leaving {
		err = errSessionDone
	}
	return err
}

// dispatch finds and runs the row. An error it returns ends the session; errors
// for the client are written.
func (c *session) dispatch(ctx context.Context, args [][]byte) error {
	c.s.stats.commands.Add(1)
	row, err := c.s.table.lookup(args)
	if row == nil && resp.IsHTTP(args[0]) {
		c.warnOfHTTP()
		return errSessionDone
	}
	if err == nil {
		err = c.allowed(row, args)
	}
	if err == nil && !row.unpaused {
		err = c.waitOut(ctx)
	}
	if err == nil {
		c.noteCommand(row.full)
		c.tracking.caching = c.tracking.caching && strings.HasPrefix(row.full, "client|")
		err = row.run(ctx, c, args)
	}
	if err == nil || errors.Is(err, errSessionDone) {
		return err
	}
	c.s.stats.errors.Add(1)
	var forClient *resp.Error
	if errors.As(err, &forClient) {
		c.w.Error(forClient.Error())
		return nil
	}
	c.s.log.Error().Err(err).Str("cmd", row.full).Str("client", c.conn.RemoteAddr().String()).Msg("command")
	c.w.Error("ERR internal error")
	return nil
}

// warnOfHTTP logs that a client speaks HTTP: see [resp.IsHTTP].
func (c *session) warnOfHTTP() {
	last, now := c.s.httpWarned.Load(), time.Now()
	if last != nil && now.Sub(*last) < resp.HTTPWarningPeriod || !c.s.httpWarned.CompareAndSwap(last, &now) {
		return
	}
	c.s.log.Warn().Msgf(resp.HTTPWarning, c.conn.RemoteAddr())
}

// allowed checks what the row demands of the session.
func (c *session) allowed(row *command, args [][]byte) error {
	if !row.noAuth && c.needsAuth() {
		return resp.ErrNoAuth
	}
	if err := c.permitted(row, args); err != nil {
		return err
	}
	if !c.w.RESP3 && c.subs.count() > 0 && !row.pubsub {
		return resp.Errorf("ERR Can't execute '%s': only (P|S)SUBSCRIBE / "+
			"(P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context", row.full)
	}
	return nil
}

func (c *session) noteCommand(full string) {
	c.stats.mu.Lock()
	defer c.stats.mu.Unlock()
	c.stats.last, c.stats.active = full, time.Now()
}

func (c *session) noteActivity(queued int) {
	c.stats.mu.Lock()
	defer c.stats.mu.Unlock()
	c.stats.queued = queued
}

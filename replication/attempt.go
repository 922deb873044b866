package replication

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/vedette-ha/vedette/internal/errno"
	"github.com/vedette-ha/vedette/internal/resp"
)

// readSize is the buffer of a master's connection during the handshake, and so the
// longest line a master may send.
const readSize = 64 << 10

// Attempt is one try to reach the master: dial, introduce ourselves, ask to
// continue, receive and verify a snapshot if we cannot. Run blocks and belongs on a
// goroutine; the other methods may be called from any.
type Attempt struct {
	host, addr string
	port       int
	conf       Config
	opt        Options
	replID     ReplID // history to continue; "" none
	offset     Offset
	failover   bool // ask the master-to-be to take over
	accepted   bool // PSYNC was granted; to be read when Run has returned

	state  atomic.Int32
	total  atomic.Int64 // size of the snapshot; 0 unknown, as it is streamed; -1 not told yet
	read   atomic.Int64 // bytes of it received
	lastIO atomic.Int64 // Unix nanoseconds
}

// Outcome is where an attempt has led: a partial resynchronization (Conn, and NewID
// if the history goes on under another id), or a full one.
type Outcome struct {
	Conn  *MasterConn
	NewID ReplID
	Full  *FullSync
}

// Discard gives up an outcome nobody wants any more.
func (o Outcome) Discard() {
	if o.Full != nil {
		o.Full.Remove()
		o.Full.Conn.close()
	}
	if o.Conn != nil {
		o.Conn.close()
	}
}

// MasterConn is a connection on which the master's stream follows.
type MasterConn struct {
	Conn     net.Conn
	Buffered []byte // the first bytes of the stream, read already
}

func (c *MasterConn) close() { _ = c.Conn.Close() }

// KeepAlive sends the master a newline each second, until ctx ends: a replica that
// loads is not dead.
func (c *MasterConn) KeepAlive(ctx context.Context) {
	t := time.NewTicker(time.Second)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			_ = c.Conn.SetWriteDeadline(time.Now().Add(time.Second))
			_, err := c.Conn.Write([]byte("\n"))
			_ = c.Conn.SetWriteDeadline(time.Time{})
			if err != nil {
				return
			}
		}
	}
}

// FullSync is a received and verified snapshot.
type FullSync struct {
	Conn   *MasterConn
	ReplID ReplID
	Offset Offset // where the stream goes on; -1 when the master told none
	Path   string // temporary file, for the loop to rename or remove
	Size   int64
}

// Remove deletes the temporary file.
func (f *FullSync) Remove() { _ = os.Remove(f.Path) }

func newAttempt(n *Node, now time.Time) *Attempt {
	a := &Attempt{
		host: n.link.host, port: n.link.port, addr: addrOf(n.link.host, n.link.port),
		conf: n.conf, opt: n.opt, failover: n.failover.state == FailoverInProgress,
	}
	if n.link.cached {
		a.replID, a.offset = n.stream.id, n.stream.Offset()
	}
	a.state.Store(int32(LinkConnecting))
	a.lastIO.Store(now.UnixNano())
	a.total.Store(-1)
	return a
}

// State is how far the attempt is; Progress how much of a snapshot of how many
// bytes (0 unknown, -1 not told yet) has arrived, and when the last of it did.
func (a *Attempt) State() LinkState { return LinkState(a.state.Load()) }
func (a *Attempt) Progress() (read, total int64, lastIO time.Time) {
	return a.read.Load(), a.total.Load(), time.Unix(0, a.lastIO.Load())
}

// How an attempt that asks the master-to-be to take over may fail once asked. Any
// other error means that it was not asked.
var (
	errTakeOverRefused = errors.New("target refused to take over")
	errTakeOverUnknown = errors.New("target asked to take over, no answer")
)

// Run tries once. Every wait for the master is limited to repl-timeout. It logs its
// steps and why it failed; the error is for the Node.
func (a *Attempt) Run(ctx context.Context) (Outcome, error) {
	dialCtx, cancel := context.WithTimeout(ctx, a.conf.Timeout)
	conn, err := a.opt.Dial(dialCtx, "tcp", a.addr)
	cancel()
	if err != nil {
		if ctx.Err() == nil {
			text, ok := errno.Text(err)
			if !ok {
				text = err.Error()
			}
			a.logf(Warning, "Error condition on socket for SYNC: %s", text)
		}
		return Outcome{}, err
	}
	a.logf(Notice, "Non blocking connect for SYNC fired the event.")
	a.state.Store(int32(LinkHandshake))
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	h := &handshake{Attempt: a, conn: conn}
	h.br = bufio.NewReaderSize(h, readSize)
	o, err := h.run(ctx)
	if !stop() && err == nil {
		o.Discard()
		err = context.Cause(ctx)
	}
	if err != nil {
		_ = conn.Close()
		return Outcome{}, err
	}
	_ = conn.SetDeadline(time.Time{})
	return o, nil
}

func (a *Attempt) logf(level Level, format string, args ...any) {
	a.opt.Log.printf(level, format, args...)
}

// handshake is a running attempt with its connection.
type handshake struct {
	*Attempt
	conn net.Conn
	br   *bufio.Reader
}

// Read reads from the connection, for at most repl-timeout.
func (h *handshake) Read(p []byte) (int, error) {
	if err := h.extend(); err != nil {
		return 0, err
	}
	n, err := h.conn.Read(p)
	if n > 0 {
		h.lastIO.Store(time.Now().UnixNano())
	}
	return n, err
}

// extend gives the peer repl-timeout from now.
func (h *handshake) extend() error {
	return h.conn.SetDeadline(time.Now().Add(h.conf.Timeout))
}

// run is the conversation, from PING to the stream.
func (h *handshake) run(ctx context.Context) (Outcome, error) {
	if err := h.introduce(); err != nil {
		return Outcome{}, err
	}
	o, full, err := h.psync()
	if err != nil {
		return Outcome{}, err
	}
	if full == nil {
		o.Conn = h.handOn()
		return o, nil
	}
	h.state.Store(int32(LinkTransfer))
	if err := h.receive(ctx, full); err != nil {
		return Outcome{}, err
	}
	full.Conn = h.handOn()
	return Outcome{Full: full}, nil
}

// handOn is the connection with what was read beyond the handshake.
func (h *handshake) handOn() *MasterConn {
	b, _ := h.br.Peek(h.br.Buffered())
	return &MasterConn{Conn: h.conn, Buffered: bytes.Clone(b)}
}

// send writes one command.
func (h *handshake) send(args ...string) error {
	if err := h.extend(); err != nil {
		return err
	}
	if _, err := h.conn.Write(resp.AppendCommandString(nil, args...)); err != nil {
		h.logf(Warning, "Sending command to master in replication handshake: %s", err)
		return err
	}
	return nil
}

// line reads one line without its ending.
func (h *handshake) line() (string, error) {
	b, err := h.br.ReadSlice('\n')
	if err != nil {
		if errors.Is(err, bufio.ErrBufferFull) {
			err = fmt.Errorf("line of more than %d bytes", readSize)
		}
		return "", err
	}
	return strings.TrimRight(string(b), "\r\n"), nil
}

// reply reads the reply to a command of the handshake: one line.
func (h *handshake) reply() (string, error) {
	s, err := h.line()
	if err != nil {
		h.logf(Warning, "Master did not respond to command during SYNC handshake: %s", err)
	}
	return s, err
}

// introduce greets the master, authenticates, and says who we are.
func (h *handshake) introduce() error {
	if err := h.send("PING"); err != nil {
		return err
	}
	s, err := h.reply()
	if err != nil {
		return err
	}
	if !pongEnough(s) {
		h.logf(Warning, "Error reply to PING from master: '%s'", s)
		return fmt.Errorf("ping: %s", s)
	}
	h.logf(Notice, "Master replied to PING, replication can continue...")
	steps := h.steps()
	for _, st := range steps {
		if err := h.send(st.args...); err != nil {
			return err
		}
	}
	for _, st := range steps {
		s, err := h.reply()
		if err != nil {
			return err
		}
		if !strings.HasPrefix(s, "-") {
			continue
		}
		if st.must {
			h.logf(Warning, "Unable to AUTH to MASTER: %s", s)
			return fmt.Errorf("auth: %s", s)
		}
		h.logf(Notice, "(Non critical) Master does not understand REPLCONF %s: %s", st.args[1], s)
	}
	return nil
}

// pongEnough accepts +PONG and the errors that an unauthenticated PING gets.
func pongEnough(s string) bool {
	return strings.HasPrefix(s, "+") || strings.HasPrefix(s, "-NOAUTH") ||
		strings.HasPrefix(s, "-NOPERM") || strings.HasPrefix(s, "-ERR operation not permitted")
}

// step is one command of the introduction; must tells that an error ends it.
type step struct {
	args []string
	must bool
}

func (h *handshake) steps() (st []step) {
	c := h.conf
	switch {
	case c.MasterUser != "" && c.MasterAuth != "":
		st = append(st, step{[]string{"AUTH", c.MasterUser, c.MasterAuth}, true})
	case c.MasterAuth != "":
		st = append(st, step{[]string{"AUTH", c.MasterAuth}, true})
	}
	st = append(st, step{args: []string{"REPLCONF", "listening-port", strconv.Itoa(c.AnnouncePort)}})
	if c.AnnounceIP != "" {
		st = append(st, step{args: []string{"REPLCONF", "ip-address", c.AnnounceIP}})
	}
	st = append(st, step{args: []string{"REPLCONF", "capa", "eof", "capa", "psync2", "capa", capaFieldTTL}})
	if h.opt.Version != "" {
		st = append(st, step{args: []string{"REPLCONF", "version", h.opt.Version}})
	}
	return st
}

// psync asks to continue, and for a full synchronization if that cannot be. full is
// nil when the stream goes on.
func (h *handshake) psync() (o Outcome, full *FullSync, err error) {
	if err := h.sendPSYNC(); err != nil {
		return o, nil, err
	}
	s, err := h.psyncReply()
	if err != nil {
		h.logf(Warning, "Master did not reply to PSYNC, will try later")
		if h.failover {
			err = fmt.Errorf("%w: %w", errTakeOverUnknown, err)
		}
		return o, nil, err
	}
	word, rest, _ := strings.Cut(s, " ")
	switch {
	case word == "+FULLRESYNC":
		h.accepted = true
		full, err = h.fullResync(rest)
		return o, full, err
	case word == "+CONTINUE":
		h.accepted = true
		h.logf(Notice, "Successful partial resynchronization with master.")
		if id := strings.TrimSpace(rest); len(id) == replIDLen {
			o.NewID = ReplID(id)
		}
		return o, nil, nil
	case h.failover:
		return o, nil, fmt.Errorf("%w: %s", errTakeOverRefused, s)
	case word == "-NOMASTERLINK" || word == "-LOADING" || word == "-MASTERDOWN":
		h.logf(Notice, "Master is currently unable to PSYNC but should be in the future: %s", s)
		return o, nil, fmt.Errorf("psync: %s", s)
	}
	full, err = h.oldSync(s)
	return o, full, err
}

func (h *handshake) sendPSYNC() error {
	args := []string{"PSYNC", "?", "-1"}
	if h.replID != "" {
		args = []string{"PSYNC", string(h.replID), strconv.FormatInt(int64(h.offset)+1, 10)}
		h.logf(Notice, "Trying a partial resynchronization (request %s:%s).", args[1], args[2])
	} else {
		h.logf(Notice, "Partial resynchronization not possible (no cached master)")
	}
	if h.failover {
		args = append(args, "FAILOVER")
	}
	return h.send(args...)
}

// psyncReply skips the newlines a master sends while it prepares a snapshot.
func (h *handshake) psyncReply() (string, error) {
	for {
		s, err := h.line()
		if err != nil || s != "" {
			return s, err
		}
	}
}

// fullResync reads the rest of +FULLRESYNC <replid> <offset>.
func (h *handshake) fullResync(rest string) (*FullSync, error) {
	id, off, _ := strings.Cut(rest, " ")
	offset, ok := resp.ParseInt([]byte(strings.TrimSpace(off)))
	if len(id) != replIDLen || !ok || offset < 0 {
		h.logf(Warning, "Master replied with wrong +FULLRESYNC syntax.")
		return nil, fmt.Errorf("psync: wrong +FULLRESYNC %q", rest)
	}
	h.logf(Notice, "Full resync from master: %s:%d", id, offset)
	return &FullSync{ReplID: ReplID(id), Offset: Offset(offset)}, nil
}

// oldSync falls back to SYNC for a master without PSYNC.
func (h *handshake) oldSync(answer string) (*FullSync, error) {
	if !strings.HasPrefix(answer, "-ERR") {
		h.logf(Warning, "Unexpected reply to PSYNC from master: %s", answer)
	} else {
		h.logf(Notice, "Master does not support PSYNC or is in error state (reply: %s)", answer)
	}
	h.logf(Notice, "Retrying with SYNC...")
	if err := h.send("SYNC"); err != nil {
		return nil, err
	}
	return &FullSync{Offset: -1}, nil
}

// timedOut tells a deadline from other errors.
func timedOut(err error) bool {
	var ne net.Error
	return errors.As(err, &ne) && ne.Timeout()
}

// readError is err as the log calls it: the end of a stream is a lost connection.
func readError(err error) string {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return "connection lost"
	}
	return err.Error()
}

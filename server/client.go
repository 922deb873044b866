package server

import (
	"fmt"
	"slices"
	"strings"

	"github.com/vedette-ha/vedette/internal/resp"
	"github.com/vedette-ha/vedette/server/command"
)

// clientCommands: https://redis.io/docs/latest/commands/?group=connection (CLIENT …)
func (s *Server) clientCommands() []command.Row {
	return []command.Row{
		{Name: "CLIENT ID", Run: func(c *command.Ctx) error {
			c.Out.Int(int64(sessionOf(c).id))
			return nil
		}},
		{Name: "CLIENT INFO", Run: func(c *command.Ctx) error {
			c.Out.Verbatim("txt", string(sessionOf(c).describe(nil))+"\n")
			return nil
		}},
		{Name: "CLIENT LIST", Run: s.cmdClientList},
		{Name: "CLIENT KILL", Run: s.cmdClientKill},
		{Name: "CLIENT GETNAME", Run: cmdClientGetName},
		{Name: "CLIENT SETNAME", Run: cmdClientSetName},
		{Name: "CLIENT SETINFO", Run: cmdClientSetInfo},
		{Name: "CLIENT REPLY", Run: cmdClientReply},
		{Name: "CLIENT NO-EVICT", Run: cmdClientNoEvict},
		{Name: "CLIENT NO-TOUCH", Run: cmdClientNoTouch},
		{Name: "CLIENT PAUSE", Run: s.cmdClientPause},
		{Name: "CLIENT UNPAUSE", Run: s.cmdClientUnpause},
		{Name: "CLIENT UNBLOCK", Run: s.cmdClientUnblock},
		{Name: "CLIENT GETREDIR", Run: func(c *command.Ctx) error {
			c.Out.Int(-1) // tracking is off
			return nil
		}},
		{Name: "CLIENT TRACKINGINFO", Run: cmdClientTrackingInfo},
		{Name: "CLIENT HELP", Run: cmdClientHelp},
	}
}

// typeName is the session's class as CLIENT LIST TYPE and KILL TYPE name it.
func (c *session) typeName() string {
	switch c.class {
	case classReplica:
		return "replica"
	case classPubSub:
		return "pubsub"
	case classMaster:
		return "master"
	}
	return "normal"
}

// normalType accepts the type names of the wire; ok is false for others.
func normalType(arg []byte) (name string, ok bool) {
	name = strings.ToLower(string(arg))
	if name == "slave" {
		name = "replica"
	}
	return name, slices.Contains([]string{"normal", "replica", "pubsub", "master"}, name)
}

// flagLetters are CLIENT LIST's flags, in Redis's order.
func (c *session) flagLetters() string {
	var b []byte
	add := func(on bool, letter byte) {
		if on {
			b = append(b, letter)
		}
	}
	add(c.monitor, 'O')
	add(c.class == classReplica && !c.monitor, 'S')
	add(c.class == classMaster, 'M')
	add(c.subs.count() > 0, 'P')
	add(c.multi != nil, 'x')
	add(c.isBlocked(), 'b')
	add(c.watchDirty, 'd')
	add(c.closeAfter, 'c')
	add(c.doomed, 'A')
	add(c.conn != nil && c.conn.Unix(), 'U')
	add(c.noEvict, 'e')
	add(c.ctx.NoTouch, 'T')
	if len(b) == 0 {
		return "N"
	}
	return string(b)
}

// describe appends the session's line of CLIENT LIST, without its newline.
func (c *session) describe(b []byte) []byte {
	events := "r"
	if c.wantWrite {
		events = "rw"
	}
	multi := -1
	if c.multi != nil {
		multi = len(c.multi.cmds)
	}
	cmd, user, proto, fd, laddr := "NULL", "default", 2, -1, ""
	if c.class == classMaster {
		user = "(superuser)"
	}
	if c.lastCmd != nil {
		cmd = c.lastCmd.Full
	}
	if c.out.RESP3 {
		proto = 3
	}
	if c.conn != nil {
		fd, laddr = c.conn.FD(), c.localAddr()
	}
	qbuf, qfree := len(c.in), cap(c.in)-len(c.in)
	if c.lent > 0 {
		qbuf, qfree = c.lent, readSize-c.lent
	}
	behind := 0 // in the history that all replicas share
	if c.replica != nil {
		behind = int(c.replica.Pending())
	}
	first := min(c.pendingBytes(), replyBufferMax)
	more := c.pendingBytes() - first + behind
	now := c.srv.turnWall
	return fmt.Appendf(b, "id=%d addr=%s laddr=%s fd=%d name=%s age=%d idle=%d flags=%s db=%d sub=%d psub=%d ssub=%d"+
		" multi=%d qbuf=%d qbuf-free=%d argv-mem=%d multi-mem=%d rbs=%d rbp=%d obl=%d oll=%d omem=%d tot-mem=%d"+
		" events=%s cmd=%s user=%s redir=-1 resp=%d lib-name=%s lib-ver=%s",
		c.id, c.addr(), laddr, fd, c.name, (now-c.created)/1000, (now-c.lastActive)/1000, c.flagLetters(),
		c.ctx.DBIndex, len(c.subs.channels), len(c.subs.patterns), len(c.subs.shards),
		multi, qbuf, qfree, c.argumentMemory(), c.multi.memory(), c.fit.size, c.fit.peak,
		first, (more+replyBufferMax-1)/replyBufferMax, more, c.memory()+behind,
		events, cmd, user, proto, c.libName, c.libVer)
}

func (c *session) localAddr() string {
	if c.conn.Unix() {
		return c.srv.cfg.UnixSocket + ":0"
	}
	return c.conn.LocalAddr()
}

// sessionSize is about what a session costs besides its buffers, in bytes.
const sessionSize = 1024

// What else a session may have many of costs, besides the bytes of keys and names.
const (
	queuedSize       = 64
	watchSize        = 96
	subscriptionSize = 96
)

// memory is about what the session holds, in bytes.
func (c *session) memory() int {
	n := sessionSize + cap(c.in) + cap(c.out.Buf) + c.parser.Held() + c.multi.memory()
	if c.blocked != nil {
		n += argumentBytes(c.blocked.args)
	}
	return n + len(c.watches)*watchSize + c.subs.count()*subscriptionSize
}

// argumentMemory is what the arguments of the command take that runs or waits, in bytes.
func (c *session) argumentMemory() int {
	switch {
	case c.blocked != nil:
		return argumentBytes(c.blocked.args)
	case c.srv.running == c:
		return argumentBytes(c.ctx.Args)
	}
	return 0
}

func argumentBytes(args [][]byte) (n int) {
	for _, a := range args {
		n += len(a)
	}
	return n
}

// CLIENT LIST [TYPE type] [ID id [id ...]]
func (s *Server) cmdClientList(c *command.Ctx) error {
	var b []byte
	add := func(x *session) { b = append(x.describe(b), '\n') }
	switch args := c.Args[2:]; {
	case len(args) == 0:
		s.eachSession(add)
	case len(args) == 2 && equalFold(args[0], "TYPE"):
		name, ok := normalType(args[1])
		if !ok {
			return resp.Errorf("ERR Unknown client type '%s'", args[1])
		}
		s.eachSession(func(x *session) {
			if x.typeName() == name {
				add(x)
			}
		})
	case len(args) > 1 && equalFold(args[0], "ID"):
		for _, a := range args[1:] {
			id, ok := resp.ParseInt(a)
			if !ok {
				return resp.Errorf("ERR Invalid client ID")
			}
			if x := s.sessions[uint64(id)]; x != nil {
				add(x)
			}
		}
	default:
		return resp.ErrSyntax
	}
	c.Out.Verbatim("txt", string(b))
	return nil
}

// CLIENT GETNAME
func cmdClientGetName(c *command.Ctx) error {
	if name := sessionOf(c).name; name != "" {
		c.Out.BulkString(name)
		return nil
	}
	c.Out.Null()
	return nil
}

// CLIENT SETNAME name
func cmdClientSetName(c *command.Ctx) error {
	if !validClientName(c.Args[2]) {
		return errClientName
	}
	sessionOf(c).name = string(c.Args[2])
	c.Out.Status("OK")
	return nil
}

// CLIENT SETINFO LIB-NAME name | LIB-VER version
func cmdClientSetInfo(c *command.Ctx) error {
	ss, value := sessionOf(c), c.Args[3]
	var field *string
	word := "lib-name"
	switch {
	case equalFold(c.Args[2], "LIB-NAME"):
		field = &ss.libName
	case equalFold(c.Args[2], "LIB-VER"):
		field, word = &ss.libVer, "lib-ver"
	default:
		return resp.Errorf("ERR Unrecognized option '%s'", c.Args[2])
	}
	if !validClientName(value) {
		return resp.Errorf("ERR %s cannot contain spaces, newlines or special characters.", word)
	}
	*field = string(value)
	c.Out.Status("OK")
	return nil
}

// CLIENT REPLY ON | OFF | SKIP
func cmdClientReply(c *command.Ctx) error {
	ss := sessionOf(c)
	switch {
	case equalFold(c.Args[2], "ON"):
		ss.reply = replyOn
		c.Out.Status("OK")
	case equalFold(c.Args[2], "OFF"):
		ss.reply = replyOff
	case equalFold(c.Args[2], "SKIP"):
		if ss.reply != replyOff {
			ss.reply = replySkipNext
		}
	default:
		return resp.ErrSyntax
	}
	return nil
}

// CLIENT NO-EVICT ON | OFF
func cmdClientNoEvict(c *command.Ctx) error {
	return setOnOff(c, &sessionOf(c).noEvict)
}

// CLIENT NO-TOUCH ON | OFF
func cmdClientNoTouch(c *command.Ctx) error {
	return setOnOff(c, &sessionOf(c).ctx.NoTouch)
}

func setOnOff(c *command.Ctx, field *bool) error {
	switch {
	case equalFold(c.Args[2], "ON"):
		*field = true
	case equalFold(c.Args[2], "OFF"):
		*field = false
	default:
		return resp.ErrSyntax
	}
	c.Out.Status("OK")
	return nil
}

// clientUnknown is for the subcommands whose arity leaves open how many arguments they take.
func clientUnknown(c *command.Ctx) error {
	return resp.Errorf("ERR unknown subcommand or wrong number of arguments for '%s'. Try CLIENT HELP.", clip(c.Args[1], 128))
}

// CLIENT UNBLOCK client-id [TIMEOUT | ERROR]
func (s *Server) cmdClientUnblock(c *command.Ctx) error {
	if len(c.Args) > 4 {
		return clientUnknown(c)
	}
	withError := false
	if len(c.Args) > 3 {
		switch {
		case equalFold(c.Args[3], "TIMEOUT"):
		case equalFold(c.Args[3], "ERROR"):
			withError = true
		default:
			return resp.Errorf("ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR")
		}
	}
	id, ok := resp.ParseInt(c.Args[2])
	if !ok {
		return resp.ErrNotInteger
	}
	target := s.sessions[uint64(id)]
	if target == nil || !target.waits() || target.blocked.timedOut == nil {
		c.Out.Int(0)
		return nil
	}
	if withError {
		target.failWait(errUnblocked)
	} else {
		target.endWait(target.blocked.timedOut)
	}
	c.Out.Int(1)
	return nil
}

// CLIENT TRACKINGINFO
func cmdClientTrackingInfo(c *command.Ctx) error {
	c.Out.Map(3)
	c.Out.BulkString("flags")
	c.Out.Set(1)
	c.Out.BulkString("off")
	c.Out.BulkString("redirect")
	c.Out.Int(-1)
	c.Out.BulkString("prefixes")
	c.Out.Array(0)
	return nil
}

// CLIENT HELP
func cmdClientHelp(c *command.Ctx) error {
	c.Help(strings.Split(strings.TrimSpace(clientHelp), "\n")...)
	return nil
}

const clientHelp = `
GETREDIR
    Return the client ID we are redirecting to when tracking is enabled.
GETNAME
    Return the name of the current connection.
ID
    Return the ID of the current connection.
INFO
    Return information about the current client connection.
KILL <ip:port>
    Kill connection made from <ip:port>.
KILL <option> <value> [<option> <value> [...]]
    Kill connections. Options are:
    * ADDR (<ip:port>|<unixsocket>:0)
      Kill connections made from the specified address
    * LADDR (<ip:port>|<unixsocket>:0)
      Kill connections made to specified local address
    * TYPE (NORMAL|MASTER|REPLICA|PUBSUB)
      Kill connections by type.
    * USER <username>
      Kill connections authenticated by <username>.
    * SKIPME (YES|NO)
      Skip killing current connection (default: yes).
    * ID <client-id>
      Kill connections by client id.
LIST [options ...]
    Return information about client connections. Options:
    * TYPE (NORMAL|MASTER|REPLICA|PUBSUB)
      Return clients of specified type.
    * ID <client-id> [<client-id> ...]
      Return clients of specified IDs only.
NO-EVICT (ON|OFF)
    Protect current client connection from eviction.
NO-TOUCH (ON|OFF)
    Will not touch LRU/LFU stats when this mode is on.
PAUSE <timeout> [WRITE|ALL]
    Suspend all, or just write, clients for <timeout> milliseconds.
REPLY (ON|OFF|SKIP)
    Control the replies sent to the current connection.
SETINFO <option> <value>
    Set client meta attr. Options are:
    * LIB-NAME: the client lib name.
    * LIB-VER: the client lib version.
SETNAME <name>
    Assign the name <name> to the current connection.
TRACKINGINFO
    Report tracking status for the current connection.
UNBLOCK <clientid> [TIMEOUT|ERROR]
    Unblock the specified blocked client.
UNPAUSE
    Stop the current client pause, resuming traffic.
`

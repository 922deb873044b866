package server

import (
	"crypto/subtle"
	"strings"

	"github.com/vedette-ha/vedette/internal/resp"
	"github.com/vedette-ha/vedette/server/command"
)

var (
	errWrongPass   = resp.Errorf("WRONGPASS invalid username-password pair or user is disabled.")
	errNoPassSet   = resp.Errorf("ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?")
	errClientName  = resp.Errorf("ERR Client names cannot contain spaces, newlines or special characters.")
	errProtoVer    = resp.Errorf("NOPROTO unsupported protocol version")
	errProtoNotInt = resp.Errorf("ERR Protocol version is not an integer or out of range")
	errHelloNoAuth = resp.Errorf("NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH <user> <pass> option can be used to authenticate the client and select the RESP protocol version at the same time")
	errDBIndex     = resp.Errorf("ERR DB index is out of range")
)

// connectionCommands: https://redis.io/docs/latest/commands/?group=connection
func (s *Server) connectionCommands() []command.Row {
	return []command.Row{
		{Name: "PING", Run: cmdPing},
		{Name: "ECHO", Run: cmdEcho},
		{Name: "AUTH", Run: cmdAuth},
		{Name: "HELLO", Run: cmdHello},
		{Name: "SELECT", Run: cmdSelect},
		{Name: "QUIT", Run: cmdQuit},
		{Name: "RESET", Run: cmdReset},
	}
}

// PING [message]
func cmdPing(c *command.Ctx) error {
	if len(c.Args) > 2 {
		return resp.Errorf("ERR wrong number of arguments for 'ping' command")
	}
	if sessionOf(c).subscribedOnly() {
		c.Out.Array(2)
		c.Out.BulkString("pong")
		if len(c.Args) == 2 {
			c.Out.Bulk(c.Args[1])
		} else {
			c.Out.BulkString("")
		}
		return nil
	}
	if len(c.Args) == 2 {
		c.Out.Bulk(c.Args[1])
		return nil
	}
	c.Out.Status("PONG")
	return nil
}

// ECHO message
func cmdEcho(c *command.Ctx) error {
	c.Out.Bulk(c.Args[1])
	return nil
}

// AUTH [username] password
func cmdAuth(c *command.Ctx) error {
	if len(c.Args) > 3 {
		return resp.ErrSyntax
	}
	ss := sessionOf(c)
	user, pass := []byte("default"), c.Args[len(c.Args)-1]
	if len(c.Args) == 3 {
		user = c.Args[1]
	} else if ss.srv.cfg.RequirePass == "" {
		return errNoPassSet
	}
	if err := ss.login(user, pass); err != nil {
		return err
	}
	c.Out.Status("OK")
	return nil
}

// login checks a user's password. There is one user, "default".
func (c *session) login(user, pass []byte) error {
	want := c.srv.cfg.RequirePass
	ok := want == "" || subtle.ConstantTimeCompare(pass, []byte(want)) == 1
	if string(user) != "default" || !ok {
		c.srv.stats.authDenied++
		return errWrongPass
	}
	c.authenticated = true
	return nil
}

// HELLO [protover [AUTH username password] [SETNAME clientname]]
func cmdHello(c *command.Ctx) error {
	ss := sessionOf(c)
	proto := 0
	if len(c.Args) > 1 {
		v, ok := resp.ParseInt(c.Args[1])
		if !ok {
			return errProtoNotInt
		}
		if v < 2 || v > 3 {
			return errProtoVer
		}
		proto = int(v)
	}
	user, pass, name, err := helloOptions(c.Args)
	if err != nil {
		return err
	}
	if user != nil {
		if err := ss.login(user, pass); err != nil {
			return err
		}
	}
	if !ss.mayAct() {
		return errHelloNoAuth
	}
	if name != nil {
		ss.name = string(name)
	}
	if proto != 0 {
		c.Out.RESP3 = proto == 3
	}
	ss.writeHello()
	return nil
}

// helloOptions reads what follows the protocol version.
func helloOptions(args [][]byte) (user, pass, name []byte, err error) {
	for i := 2; i < len(args); i++ {
		left := len(args) - 1 - i
		switch {
		case equalFold(args[i], "AUTH") && left >= 2:
			user, pass = args[i+1], args[i+2]
			i += 2
		case equalFold(args[i], "SETNAME") && left >= 1:
			name = args[i+1]
			if !validClientName(name) {
				return nil, nil, nil, errClientName
			}
			i++
		default:
			return nil, nil, nil, resp.Errorf("ERR Syntax error in HELLO option '%s'", args[i])
		}
	}
	return user, pass, name, nil
}

func (c *session) writeHello() {
	o, s := &c.out, c.srv
	o.Map(7)
	o.BulkString("server")
	o.BulkString("redis")
	o.BulkString("version")
	o.BulkString(Version)
	o.BulkString("proto")
	if o.RESP3 {
		o.Int(3)
	} else {
		o.Int(2)
	}
	o.BulkString("id")
	o.Int(int64(c.id))
	o.BulkString("mode")
	o.BulkString("standalone")
	o.BulkString("role")
	if !s.isReplica() {
		o.BulkString("master")
	} else {
		o.BulkString("replica")
	}
	o.BulkString("modules")
	o.Array(0)
}

// validClientName allows printable characters without spaces.
func validClientName(name []byte) bool {
	for _, ch := range name {
		if ch < '!' || ch > '~' {
			return false
		}
	}
	return true
}

// SELECT index
func cmdSelect(c *command.Ctx) error {
	db, err := c.Database(c.Args[1])
	if err != nil {
		return err
	}
	sessionOf(c).selectDB(db)
	c.Out.Status("OK")
	return nil
}

func (c *session) selectDB(i int) {
	c.ctx.DBIndex = i
	c.ctx.DB = c.srv.space.DB(i)
}

// QUIT
func cmdQuit(c *command.Ctx) error {
	sessionOf(c).closeAfter = true
	c.Out.Status("OK")
	return nil
}

// RESET
func cmdReset(c *command.Ctx) error {
	ss := sessionOf(c)
	s := ss.srv
	if ss.class == classMaster || ss.class == classReplica {
		return resp.Errorf("ERR can only reset normal connections")
	}
	s.discard(ss)
	s.unsubscribeAll(ss)
	s.forgetMonitor(ss)
	ss.selectDB(0)
	ss.name, ss.noEvict, ss.ctx.NoTouch = "", false, false
	if ss.reply != replySkip { // CLIENT REPLY SKIP holds for RESET, too
		ss.reply = replyOn
	}
	c.Out.RESP3 = false
	ss.authenticated = s.cfg.RequirePass == ""
	c.Out.Status("RESET")
	return nil
}

// equalFold compares an argument with a keyword, in any case.
func equalFold(arg []byte, word string) bool {
	return len(arg) == len(word) && strings.EqualFold(string(arg), word)
}

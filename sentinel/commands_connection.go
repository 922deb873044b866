package sentinel

import (
	"context"

	"github.com/vedette-ha/vedette/internal/resp"
)

// connectionCommands: https://redis.io/docs/latest/commands/?group=connection
func connectionCommands() []command {
	open := []string{"noscript", "loading", "stale", "fast", "no_auth", "allow_busy"}
	fast := []string{"@fast", "@connection"}
	return []command{
		{name: "AUTH", arity: -2, flags: open, cats: fast, group: "connection", since: "1.0.0",
			about: "Authenticates the connection.", run: cmdAuth},
		{name: "HELLO", arity: -1, flags: open, cats: fast, group: "connection", since: "6.0.0",
			about: "Handshakes with the server.", run: cmdHello},
		{name: "PING", arity: -1, flags: []string{"fast"}, cats: fast, group: "connection", since: "1.0.0",
			about: "Returns the server's liveliness response.", pubsub: true, run: cmdPing,
			tips: []string{"request_policy:all_shards", "response_policy:all_succeeded"}},
		{name: "QUIT", arity: -1, flags: open, cats: fast, group: "connection", since: "1.0.0",
			about: "Closes the connection.", pubsub: true, run: cmdQuit},
		{name: "RESET", arity: 1, flags: open, cats: fast, group: "connection", since: "6.2.0",
			about: "Resets the connection.", pubsub: true, run: cmdReset},
	}
}

// PING [message]
func cmdPing(_ context.Context, c *session, args [][]byte) error {
	if len(args) > 2 {
		return errArity("ping")
	}
	if !c.w.RESP3 && c.subs.count() > 0 {
		c.w.Array(2)
		c.w.BulkString("pong")
		c.w.Bulk(append([]byte{}, lastOf(args[1:])...))
		return nil
	}
	if len(args) == 2 {
		c.w.Bulk(args[1])
		return nil
	}
	c.w.Status("PONG")
	return nil
}

func lastOf(args [][]byte) []byte {
	if len(args) == 0 {
		return nil
	}
	return args[len(args)-1]
}

func cmdQuit(_ context.Context, c *session, _ [][]byte) error {
	c.w.Status("OK")
	return errSessionDone
}

func cmdReset(_ context.Context, c *session, _ [][]byte) error {
	c.unsubscribeAll()
	c.mute = replyOn
	c.setProtocol(2)
	c.setTracking(tracking{})
	_ = c.setName(nil)
	c.startOver()
	c.w.Status("RESET")
	return nil
}

// AUTH [username] password
func cmdAuth(_ context.Context, c *session, args [][]byte) error {
	if len(args) > 3 {
		return resp.ErrSyntax
	}
	user := []byte("default")
	if len(args) == 3 {
		user = args[1]
	} else if !c.s.users.Default().NeedsPassword() {
		return resp.Errorf("ERR AUTH <password> called without any password configured for the " +
			"default user. Are you sure your configuration is correct?")
	}
	if err := c.authenticate(args[0], user, lastOf(args)); err != nil {
		return err
	}
	c.w.Status("OK")
	return nil
}

func (c *session) setProtocol(version int) {
	c.w.RESP3 = version == 3
	c.stats.mu.Lock()
	defer c.stats.mu.Unlock()
	c.stats.resp = version
}

// protocol is the version the client speaks; for other goroutines.
func (c *session) protocol() int {
	c.stats.mu.Lock()
	defer c.stats.mu.Unlock()
	return c.stats.resp
}

// HELLO [protover [AUTH username password] [SETNAME name]]
func cmdHello(_ context.Context, c *session, args [][]byte) error {
	proto := 0
	if len(args) > 1 {
		v, ok := resp.ParseInt(args[1])
		if !ok {
			return resp.Errorf("ERR Protocol version is not an integer or out of range")
		}
		if v != 2 && v != 3 {
			return resp.Errorf("NOPROTO unsupported protocol version")
		}
		proto = int(v)
	}
	if err := c.helloOptions(args); err != nil {
		return err
	}
	if proto != 0 {
		c.setProtocol(proto)
	}
	c.writeHello()
	return nil
}

// helloOptions handles what follows the version: nothing is changed unless all
// of it is in order.
func (c *session) helloOptions(args [][]byte) error {
	var user, pass, name []byte
	for i := 2; i < len(args); {
		left := len(args) - i - 1
		switch {
		case is(args[i], "auth") && left >= 2:
			user, pass = args[i+1], args[i+2]
			i += 3
		case is(args[i], "setname") && left >= 1:
			name = args[i+1]
			i += 2
			if !printable(name) {
				return resp.Errorf("ERR Client names cannot contain spaces, newlines or special characters.")
			}
		default:
			return resp.Errorf("ERR Syntax error in HELLO option '%s'", args[i])
		}
	}
	if user != nil {
		if err := c.authenticate(args[0], user, pass); err != nil {
			return err
		}
	}
	if c.needsAuth() {
		return resp.Errorf("NOAUTH HELLO must be called with the client already authenticated, otherwise the " +
			"HELLO <proto> AUTH <user> <pass> option can be used to authenticate the client and select the " +
			"RESP protocol version at the same time")
	}
	if name != nil {
		return c.setName(name)
	}
	return nil
}

func (c *session) writeHello() {
	w := &c.w
	w.Map(6)
	w.BulkString("server")
	w.BulkString("redis")
	w.BulkString("version")
	w.BulkString(compatVersion)
	w.BulkString("proto")
	w.Int(int64(2 + b2i(w.RESP3)))
	w.BulkString("id")
	w.Int(c.id)
	w.BulkString("mode")
	w.BulkString("sentinel")
	w.BulkString("modules")
	w.Array(0)
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

package sentinel

import (
	"context"
	"strings"
	"time"

	"github.com/vedette-ha/vedette/internal/resp"
)

// clientCommands: https://redis.io/docs/latest/commands/?group=connection
func clientCommands() []command {
	flags := []string{"noscript", "loading", "stale"}
	admin := []string{"admin", "noscript", "loading", "stale"}
	slow := []string{"@slow", "@connection"}
	danger := []string{"@admin", "@slow", "@dangerous", "@connection"}
	varies := []string{"nondeterministic_output"}
	everywhere := []string{"request_policy:all_nodes", "response_policy:all_succeeded"}
	return []command{{
		name: "CLIENT", arity: -2, group: "connection", since: "2.4.0", cats: []string{"@slow"},
		about: "A container for client connection commands.",
		subs: []command{
			{name: "CACHING", arity: 3, flags: flags, cats: slow, since: "6.0.0", run: clientCaching},
			{name: "GETNAME", arity: 2, flags: flags, cats: slow, since: "2.6.9", run: clientGetName},
			{name: "GETREDIR", arity: 2, flags: flags, cats: slow, since: "6.0.0", run: clientGetRedir},
			{name: "HELP", arity: 2, flags: flags[1:], cats: slow, since: "5.0.0", run: help(clientHelp)},
			{name: "ID", arity: 2, flags: flags, cats: slow, since: "5.0.0", run: clientID},
			{name: "INFO", arity: 2, flags: flags, cats: slow, since: "6.2.0", tips: varies, run: clientInfo},
			{name: "KILL", arity: -3, flags: admin, cats: danger, since: "2.4.0", run: clientKill},
			{name: "LIST", arity: -2, flags: admin, cats: danger, since: "2.4.0", tips: varies, run: clientList},
			{name: "NO-EVICT", arity: 3, flags: admin, cats: danger, since: "7.0.0", run: clientNoEvict},
			{name: "PAUSE", arity: -3, flags: admin, cats: danger, since: "3.0.0", run: clientPause},
			{name: "REPLY", arity: 3, flags: flags, cats: slow, since: "3.2.0", run: clientReply},
			{name: "SETINFO", arity: 4, flags: flags, cats: slow, since: "7.2.0", tips: everywhere, run: clientSetInfo},
			{name: "SETNAME", arity: 3, flags: flags, cats: slow, since: "2.6.9", tips: everywhere, run: clientSetName},
			{name: "TRACKING", arity: -3, flags: flags, cats: slow, since: "6.0.0", run: clientTracking},
			{name: "TRACKINGINFO", arity: 2, flags: flags, cats: slow, since: "6.2.0", run: clientTrackingInfo},
			{name: "UNBLOCK", arity: -3, flags: admin, cats: danger, since: "5.0.0", run: clientUnblock},
			{name: "UNPAUSE", arity: 2, flags: admin, cats: danger, since: "6.2.0", unpaused: true, run: clientUnpause},
		},
	}}
}

const clientHelp = `CLIENT <subcommand> [<arg> [value] [opt] ...]. Subcommands are:
CACHING (YES|NO)
    Enable/disable tracking of the keys for next command in OPTIN/OPTOUT modes.
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
UNPAUSE
    Stop the current client pause, resuming traffic.
PAUSE <timeout> [WRITE|ALL]
    Suspend all, or just write, clients for <timeout> milliseconds.
REPLY (ON|OFF|SKIP)
    Control the replies sent to the current connection.
SETNAME <name>
    Assign the name <name> to the current connection.
SETINFO <option> <value>
    Set client meta attr. Options are:
    * LIB-NAME: the client lib name.
    * LIB-VER: the client lib version.
UNBLOCK <clientid> [TIMEOUT|ERROR]
    Unblock the specified blocked client.
TRACKING (ON|OFF) [REDIRECT <id>] [BCAST] [PREFIX <prefix> [...]]
         [OPTIN] [OPTOUT] [NOLOOP]
    Control server assisted client side caching.
TRACKINGINFO
    Report tracking status for the current connection.
NO-EVICT (ON|OFF)
    Protect current client connection from eviction.
HELP
    Prints this help.`

// help answers a text as an array of its lines.
func help(text string) func(context.Context, *session, [][]byte) error {
	return func(_ context.Context, c *session, _ [][]byte) error {
		lines := strings.Split(text, "\n")
		c.w.Array(len(lines))
		for _, l := range lines {
			c.w.Status(l)
		}
		return nil
	}
}

func clientGetName(_ context.Context, c *session, _ [][]byte) error {
	c.stats.mu.Lock()
	defer c.stats.mu.Unlock()
	if c.stats.name == "" {
		c.w.Null()
		return nil
	}
	c.w.BulkString(c.stats.name)
	return nil
}

func clientID(_ context.Context, c *session, _ [][]byte) error {
	c.w.Int(c.id)
	return nil
}

func clientInfo(_ context.Context, c *session, _ [][]byte) error {
	c.w.Verbatim("txt", c.describe(time.Now())+"\n")
	return nil
}

// CLIENT LIST [TYPE type] [ID id ...]
func clientList(_ context.Context, c *session, args [][]byte) error {
	match, err := listFilter(args[2:])
	if err != nil {
		return err
	}
	var b strings.Builder
	now := time.Now()
	for _, other := range c.s.clients.list(match) {
		b.WriteString(other.describe(now))
		b.WriteByte('\n')
	}
	c.w.Verbatim("txt", b.String())
	return nil
}

func listFilter(opts [][]byte) (func(*session) bool, error) {
	switch {
	case len(opts) == 0:
		return func(*session) bool { return true }, nil
	case len(opts) == 2 && is(opts[0], "type"):
		class, err := clientClass(opts[1])
		return func(c *session) bool { return c.class() == class }, err
	case len(opts) > 1 && is(opts[0], "id"):
		ids := map[int64]bool{}
		for _, o := range opts[1:] {
			id, ok := resp.ParseInt(o)
			if !ok {
				return nil, resp.Errorf("ERR Invalid client ID")
			}
			ids[id] = true
		}
		return func(c *session) bool { return ids[c.id] }, nil
	}
	return nil, resp.ErrSyntax
}

func clientClass(b []byte) (string, error) {
	switch class := lowerWord(b); class {
	case "normal", "pubsub", "master", "replica":
		return class, nil
	case "slave":
		return "replica", nil
	}
	return "", resp.Errorf("ERR Unknown client type '%s'", b)
}

// CLIENT KILL addr | CLIENT KILL option value [option value ...]
func clientKill(_ context.Context, c *session, args [][]byte) error {
	if len(args) == 3 {
		addr := string(args[2])
		if kill(c, c.s.clients.list(func(o *session) bool { return o.remote() == addr })) == 0 {
			return resp.Errorf("ERR No such client")
		}
		c.w.Status("OK")
		return nil
	}
	match, err := killFilter(c, args[2:])
	if err != nil {
		return err
	}
	c.w.Int(int64(kill(c, c.s.clients.list(match))))
	return nil
}

// kill ends the sessions; the caller's own only once its reply is out.
func kill(c *session, victims []*session) int {
	for _, v := range victims {
		if v == c {
			c.leaving = true
			continue
		}
		v.kill()
	}
	return len(victims)
}

func killFilter(c *session, opts [][]byte) (func(*session) bool, error) {
	var tests []func(*session) bool
	skipMe := true
	for len(opts) > 0 {
		if len(opts) == 1 {
			return nil, resp.ErrSyntax
		}
		value := string(opts[1])
		switch lowerWord(opts[0]) {
		case "id":
			id, ok := resp.ParseInt(opts[1])
			if !ok || id <= 0 {
				return nil, resp.Errorf("ERR client-id should be greater than 0")
			}
			tests = append(tests, func(o *session) bool { return o.id == id })
		case "addr":
			tests = append(tests, func(o *session) bool { return o.remote() == value })
		case "laddr":
			tests = append(tests, func(o *session) bool { return o.local() == value })
		case "type":
			class, err := clientClass(opts[1])
			if err != nil {
				return nil, err
			}
			tests = append(tests, func(o *session) bool { return o.class() == class })
		case "user":
			u := c.s.users.Get(value)
			if u == nil {
				return nil, resp.Errorf("ERR No such user '%s'", value)
			}
			tests = append(tests, func(o *session) bool { return o.userNow() == u })
		case "skipme":
			if !is(opts[1], "yes") && !is(opts[1], "no") {
				return nil, resp.ErrSyntax
			}
			skipMe = is(opts[1], "yes")
		default:
			return nil, resp.ErrSyntax
		}
		opts = opts[2:]
	}
	return func(o *session) bool {
		for _, t := range tests {
			if !t(o) {
				return false
			}
		}
		return o != c || !skipMe
	}, nil
}

// Nothing is ever evicted here; the wish is kept for CLIENT LIST.
func clientNoEvict(_ context.Context, c *session, args [][]byte) error {
	if !is(args[2], "on") && !is(args[2], "off") {
		return resp.ErrSyntax
	}
	c.stats.mu.Lock()
	c.stats.noEvict = is(args[2], "on")
	c.stats.mu.Unlock()
	c.w.Status("OK")
	return nil
}

func clientReply(_ context.Context, c *session, args [][]byte) error {
	switch lowerWord(args[2]) {
	case "on":
		c.mute = replyOn
		c.w.Status("OK")
	case "off":
		c.mute = replyOff
	case "skip":
		if c.mute == replyOn {
			c.mute = replySkipNext
		}
	default:
		return resp.ErrSyntax
	}
	return nil
}

func clientSetName(_ context.Context, c *session, args [][]byte) error {
	if err := c.setName(args[2]); err != nil {
		return err
	}
	c.w.Status("OK")
	return nil
}

func (c *session) setName(name []byte) error {
	if !printable(name) {
		return resp.Errorf("ERR Client names cannot contain spaces, newlines or special characters.")
	}
	c.stats.mu.Lock()
	defer c.stats.mu.Unlock()
	c.stats.name = string(name)
	return nil
}

// CLIENT SETINFO LIB-NAME name | LIB-VER version
func clientSetInfo(_ context.Context, c *session, args [][]byte) error {
	option := lowerWord(args[2])
	if option != "lib-name" && option != "lib-ver" {
		return resp.Errorf("ERR Unrecognized option '%s'", args[2])
	}
	if !printable(args[3]) {
		return resp.Errorf("ERR %s cannot contain spaces, newlines or special characters.", option)
	}
	c.stats.mu.Lock()
	defer c.stats.mu.Unlock()
	if option == "lib-name" {
		c.stats.lib = string(args[3])
	} else {
		c.stats.ver = string(args[3])
	}
	c.w.Status("OK")
	return nil
}

// No command blocks on a sentinel, so there is never anyone to unblock.
func clientUnblock(_ context.Context, c *session, args [][]byte) error {
	if len(args) > 4 {
		return errArgumentsOf(args)
	}
	if len(args) == 4 && !is(args[3], "timeout") && !is(args[3], "error") {
		return resp.Errorf("ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR")
	}
	if _, ok := resp.ParseInt(args[2]); !ok {
		return resp.ErrNotInteger
	}
	c.w.Int(0)
	return nil
}

// errArgumentsOf is for what the number of words in the table does not say.
func errArgumentsOf(args [][]byte) error {
	return resp.Errorf("ERR unknown subcommand or wrong number of arguments for '%s'. Try CLIENT HELP.", args[1])
}

// printable says whether a client's name may be shown in a list of fields.
func printable(b []byte) bool {
	for _, ch := range b {
		if ch < '!' || ch > '~' {
			return false
		}
	}
	return true
}

// is compares an argument with a word, whatever the case.
func is(arg []byte, word string) bool {
	return lowerWord(arg) == word
}

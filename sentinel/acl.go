package sentinel

import (
	"context"
	"errors"
	"os"
	"strings"
	"time"

	"github.com/vedette-ha/vedette/internal/acl"
	"github.com/vedette-ha/vedette/internal/conf"
	"github.com/vedette-ha/vedette/internal/resp"
)

// aclFileMode is that of an aclfile we write: it holds hashes of passwords.
const aclFileMode = 0o600

// User is a line "user name rules…" of sentinel.conf.
type User struct {
	Name  string
	Rules []string
}

// aclTable describes the rows to package acl, and gives them their numbers.
func aclTable(t *table) *acl.Commands {
	var list []acl.Command
	var add func(rows []command)
	add = func(rows []command) {
		for i := range rows {
			row := &rows[i]
			row.id = len(list)
			c := acl.Command{Name: row.full, Open: row.noAuth}
			for _, cat := range row.cats {
				c.Categories = append(c.Categories, strings.TrimPrefix(cat, "@"))
			}
			list = append(list, c)
			add(row.subs)
		}
	}
	add(t.rows)
	return acl.NewCommands(list)
}

// newUsers makes the users the configuration says.
func newUsers(t *table, c *Config) (*acl.Users, error) {
	us := acl.New(aclTable(t))
	us.Configure(c.ACLAllChannels, max(c.ACLLogMost, 0))
	us.SetPassword(c.RequirePass)
	if c.ACLFile != "" {
		if len(c.Users) > 0 {
			return nil, errors.New("Configuring Redis with users defined in redis.conf and at the same setting " +
				"an ACL file path is invalid. This setup is very likely to lead to configuration errors and " +
				"security holes, please define either an ACL file or declare users directly in your redis.conf, " +
				"but not both.")
		}
		text, err := os.ReadFile(c.ACLFile)
		if err != nil {
			return nil, err
		}
		_, err = us.Load(c.ACLFile, string(text))
		return us, err
	}
	for _, u := range c.Users {
		if !acl.ValidName(u.Name) {
			return nil, errors.New("Spaces not allowed in ACL usernames")
		}
		if _, err := us.Set(u.Name, append([]string{"reset"}, u.Rules...)); err != nil {
			return nil, errors.New("user " + u.Name + ": " + err.Error())
		}
	}
	return us, nil
}

// userLines is what sentinel.conf says of the users; nil if an aclfile does. The
// default user's line is left out, which is "", while requirepass says all of it.
func (s *Sentinel) userLines() map[string]string {
	c := s.settings()
	if c.ACLFile != "" {
		return nil
	}
	plain := acl.New(aclTable(s.table))
	plain.SetPassword(c.RequirePass)
	lines := map[string]string{}
	for _, line := range s.users.List() {
		name := strings.Fields(line)[1]
		if name == acl.DefaultUser && line == plain.List()[0] {
			line = ""
		}
		lines[name] = line
	}
	return lines
}

// needsAuth says whether the session has to log in before anything else.
func (c *session) needsAuth() bool {
	return !c.authenticated && !c.s.users.Default().OpenToAll()
}

// startOver makes the session the default user's, logged in if that needs no password;
// it stays so when a password is set later.
func (c *session) startOver() {
	u := c.s.users.Default()
	c.become(u, u.OpenToAll())
}

// become makes the session that of a user.
func (c *session) become(u *acl.User, authenticated bool) {
	c.user, c.authenticated = u, authenticated
	c.stats.mu.Lock()
	defer c.stats.mu.Unlock()
	c.stats.user = u
}

// authenticate logs in, or answers the error for the client. command is what AUTH or
// HELLO was called.
func (c *session) authenticate(command, name, pass []byte) error {
	u := c.s.users.Authenticate(string(name), pass)
	if u == nil {
		c.deny(acl.Denial{Reason: acl.DeniedAuth, Object: string(command)}, string(name))
		return resp.Errorf("WRONGPASS invalid username-password pair or user is disabled.")
	}
	c.become(u, true)
	return nil
}

// deny notes a denial in ACL LOG.
func (c *session) deny(d acl.Denial, user string) {
	c.s.users.Deny(acl.Entry{
		Reason: d.Reason, Context: "toplevel", Object: d.Object, User: user, Client: c.describe(time.Now()),
	}, time.Now())
}

// permitted checks the user's permissions.
func (c *session) permitted(row *command, args [][]byte) error {
	if c.user.Unlimited() {
		return nil
	}
	r := aclRequest(row, args)
	d := c.user.Check(&r)
	if d.Reason == acl.Allowed {
		return nil
	}
	c.deny(d, c.user.Name())
	return resp.NewError(d.Error(c.user))
}

// aclRequest describes a command to package acl. On a sentinel none has keys.
func aclRequest(row *command, args [][]byte) acl.Request {
	r := acl.Request{ID: row.id, Args: args}
	switch row.name {
	case "SUBSCRIBE", "PSUBSCRIBE":
		for _, name := range args[1:] {
			r.Channels = append(r.Channels, acl.Channel{Name: name, Pattern: row.name == "PSUBSCRIBE"})
		}
	case "PUBLISH":
		r.Channels = []acl.Channel{{Name: args[1]}}
	}
	return r
}

// aclCommands: https://redis.io/docs/latest/commands/?name=acl
func aclCommands() []command {
	flags := []string{"noscript", "loading", "stale"}
	admin := append([]string{"admin"}, flags...)
	danger := []string{"@admin", "@slow", "@dangerous"}
	everywhere := []string{"request_policy:all_nodes", "response_policy:all_succeeded"}
	arity := map[string]int{"CAT": -2, "DELUSER": -3, "DRYRUN": -4, "GENPASS": -2, "GETUSER": 3, "LOG": -2, "SETUSER": -3}
	container := command{name: "ACL", arity: -2, group: "server", since: "6.0.0", cats: []string{"@slow"},
		about: "A container for Access List Control commands."}
	for _, sub := range acl.Subcommands() {
		row := command{name: sub.Name, arity: arity[sub.Name], flags: admin, cats: danger, since: "6.0.0",
			run: func(_ context.Context, c *session, args [][]byte) error { return sub.Run(c.aclEnv(), args) }}
		if row.arity == 0 {
			row.arity = 2
		}
		switch sub.Name {
		case "CAT", "GENPASS", "WHOAMI":
			row.flags, row.cats = flags, container.cats
		case "HELP":
			row.flags, row.cats = flags[1:], container.cats
		case "DELUSER", "SAVE", "SETUSER":
			row.tips = everywhere
		case "DRYRUN":
			row.since = "7.0.0"
		}
		container.subs = append(container.subs, row)
	}
	return []command{container}
}

// aclEnv is the session as ACL's subcommands see it.
func (c *session) aclEnv() *acl.Env {
	e := &acl.Env{
		Users: c.s.users, User: c.user, Out: &c.w, Now: time.Now(), Random: c.s.opts.Random,
		Request: c.requestOf, Ended: c.endUser, Changed: c.s.endSubscribers,
	}
	if path := c.s.settings().ACLFile; path != "" {
		e.Load = func() (string, string, error) {
			text, err := os.ReadFile(path)
			return path, string(text), err
		}
		e.Save = func(text string) error {
			err := conf.WriteAtomic(path, []byte(text), aclFileMode)
			if err != nil {
				c.s.log.Warn().Err(err).Msg("save the ACL file")
			}
			return err
		}
	}
	return e
}

// requestOf describes a command for ACL DRYRUN.
func (c *session) requestOf(args [][]byte) (acl.Request, error) {
	row, err := c.s.table.lookup(args)
	if err != nil && !isArity(err) {
		return acl.Request{}, resp.Errorf("ERR Command '%s' not found", args[0])
	}
	if err != nil {
		return acl.Request{}, err
	}
	return aclRequest(row, args), nil
}

func isArity(err error) bool {
	return err != nil && strings.HasPrefix(err.Error(), "ERR wrong number of arguments")
}

// endUser ends all sessions of a user, the caller's own once its reply is out.
func (c *session) endUser(u *acl.User) {
	kill(c, c.s.clients.list(func(o *session) bool { return o.userNow() == u }))
}

// userNow is whom the session belongs to, for other goroutines.
func (c *session) userNow() *acl.User {
	c.stats.mu.Lock()
	defer c.stats.mu.Unlock()
	return c.stats.user
}

// endSubscribers ends the sessions of a user that listen to what it may not hear any
// more.
func (s *Sentinel) endSubscribers(u *acl.User) {
	for _, c := range s.clients.list(func(o *session) bool { return o.userNow() == u && o.listensTooFar(u) }) {
		c.kill()
	}
}

func (c *session) listensTooFar(u *acl.User) bool {
	c.stats.mu.Lock()
	sub := c.stats.sub
	c.stats.mu.Unlock()
	if sub == nil {
		return false
	}
	for _, name := range sub.Channels() {
		if !u.MaySubscribe(acl.Channel{Name: []byte(name)}) {
			return true
		}
	}
	for _, name := range sub.Patterns() {
		if !u.MaySubscribe(acl.Channel{Name: []byte(name), Pattern: true}) {
			return true
		}
	}
	return false
}

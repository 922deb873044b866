package acl

import (
	"encoding/hex"
	"errors"
	"io"
	"strings"
	"time"

	"github.com/vedette-ha/vedette/internal/resp"
)

// Env is the server and the connection an ACL command runs for.
type Env struct {
	Users  *Users
	User   *User // of the connection
	Out    *resp.Writer
	Now    time.Time
	Random io.Reader
	// Request describes a command for DRYRUN; Args are its words. The error is what
	// the client is told: no such command, wrong number of arguments.
	Request func(args [][]byte) (Request, error)
	// Ended is called for a user whose connections are to end.
	Ended func(u *User)
	// Changed is called for a user whose permissions were changed: subscriptions that
	// are not allowed any more are to end with their connections.
	Changed func(u *User)
	// Load reads and Save writes the aclfile; nil: there is none. Load answers its
	// path and text.
	Load func() (path, text string, err error)
	Save func(text string) error
}

// Subcommand is one of ACL's.
type Subcommand struct {
	Name string // upper case
	run  func(e *Env, args [][]byte) error
}

// Subcommands lists them. Their arity is not checked here.
func Subcommands() []Subcommand {
	return []Subcommand{
		{"CAT", (*Env).cat}, {"DELUSER", (*Env).delUser}, {"DRYRUN", (*Env).dryRun},
		{"GENPASS", (*Env).genPass}, {"GETUSER", (*Env).getUser}, {"HELP", (*Env).help},
		{"LIST", (*Env).list}, {"LOAD", (*Env).load}, {"LOG", (*Env).log}, {"SAVE", (*Env).save},
		{"SETUSER", (*Env).setUser}, {"USERS", (*Env).users}, {"WHOAMI", (*Env).whoAmI},
	}
}

// Run executes the subcommand; args are all words, "ACL" first. It writes the reply or
// returns an error for the client, never both.
func (s Subcommand) Run(e *Env, args [][]byte) error { return s.run(e, args) }

func wrongNumber(args [][]byte) error {
	return resp.Errorf("ERR unknown subcommand or wrong number of arguments for '%.128s'. Try ACL HELP.", args[1])
}

func (e *Env) strings(list []string) {
	e.Out.Array(len(list))
	for _, s := range list {
		e.Out.BulkString(s)
	}
}

// ACL CAT [category]
func (e *Env) cat(args [][]byte) error {
	switch len(args) {
	case 2:
		e.strings(Categories())
		return nil
	case 3:
		names, ok := e.Users.table.In(string(args[2]))
		if !ok {
			return resp.Errorf("ERR Unknown category '%s'", args[2])
		}
		e.strings(names)
		return nil
	}
	return wrongNumber(args)
}

// ACL DELUSER name [name ...]
func (e *Env) delUser(args [][]byte) error {
	for _, name := range args[2:] {
		if string(name) == DefaultUser {
			return resp.NewError("ERR The 'default' user cannot be removed")
		}
	}
	deleted := 0
	for _, name := range args[2:] {
		if u := e.Users.Delete(string(name)); u != nil {
			e.Ended(u)
			deleted++
		}
	}
	e.Out.Int(int64(deleted))
	return nil
}

// ACL DRYRUN name command [arg ...]
func (e *Env) dryRun(args [][]byte) error {
	u := e.Users.Get(string(args[2]))
	if u == nil {
		return resp.Errorf("ERR User '%s' not found", args[2])
	}
	r, err := e.Request(args[3:])
	if err != nil {
		return err
	}
	if d := u.Check(&r); d.Reason != Allowed {
		e.Out.BulkString(d.explain(u))
		return nil
	}
	e.Out.Status("OK")
	return nil
}

// mostPassBits bounds what GENPASS makes.
const mostPassBits = 4096

// ACL GENPASS [bits]
func (e *Env) genPass(args [][]byte) error {
	bits := int64(256)
	if len(args) > 3 {
		return wrongNumber(args)
	}
	if len(args) == 3 {
		var ok bool
		if bits, ok = resp.ParseInt(args[2]); !ok {
			return resp.ErrNotInteger
		}
		if bits <= 0 || bits > mostPassBits {
			return resp.NewError("ERR ACL GENPASS argument must be the number of bits for the output password, " +
				"a positive number up to 4096")
		}
	}
	digits := int(bits+3) / 4
	b := make([]byte, (digits+1)/2)
	if _, err := io.ReadFull(e.Random, b); err != nil {
		return err
	}
	e.Out.BulkString(hex.EncodeToString(b)[:digits])
	return nil
}

// ACL GETUSER name
func (e *Env) getUser(args [][]byte) error {
	u := e.Users.Get(string(args[2]))
	if u == nil {
		e.Out.Null()
		return nil
	}
	p, w := u.p.Load(), e.Out
	w.Map(6)
	w.BulkString("flags")
	flags := p.flags()
	w.Set(len(flags))
	for _, f := range flags {
		w.BulkString(f)
	}
	w.BulkString("passwords")
	e.strings(p.passwords)
	e.selector(p.root)
	w.BulkString("selectors")
	w.Array(len(p.others))
	for _, s := range p.others {
		w.Map(3)
		e.selector(s)
	}
	return nil
}

// selector writes three pairs.
func (e *Env) selector(s *selector) {
	for _, word := range []string{
		"commands", s.commandText(),
		"keys", strings.Join(s.keyWords(), " "),
		"channels", strings.Join(s.channelWords(), " "),
	} {
		e.Out.BulkString(word)
	}
}

func (e *Env) list(_ [][]byte) error {
	e.strings(e.Users.List())
	return nil
}

func (e *Env) users(_ [][]byte) error {
	e.strings(e.Users.Names())
	return nil
}

func (e *Env) whoAmI(_ [][]byte) error {
	e.Out.BulkString(e.User.name)
	return nil
}

var errNoFile = resp.NewError("ERR This Redis instance is not configured to use an ACL file. You may want to " +
	"specify users via the ACL SETUSER command and then issue a CONFIG REWRITE (assuming you have a Redis " +
	"configuration file set) in order to store users in the Redis configuration.")

// ACL LOAD
func (e *Env) load(_ [][]byte) error {
	if e.Load == nil {
		return errNoFile
	}
	path, text, err := e.Load()
	if err != nil {
		return resp.Errorf("ERR Error loading ACLs, opening file '%s': %v", path, err)
	}
	ended, err := e.Users.Load(path, text)
	if err != nil {
		return resp.Errorf("ERR %v", err)
	}
	for _, u := range ended {
		e.Ended(u)
	}
	e.Changed(e.Users.Default())
	e.Out.Status("OK")
	return nil
}

// ACL SAVE
func (e *Env) save(_ [][]byte) error {
	if e.Save == nil {
		return errNoFile
	}
	if err := e.Save(e.Users.Text()); err != nil {
		return resp.NewError("ERR There was an error trying to save the ACLs. " +
			"Please check the server logs for more information")
	}
	e.Out.Status("OK")
	return nil
}

// ACL SETUSER name [rule ...]
func (e *Env) setUser(args [][]byte) error {
	name := string(args[2])
	if !ValidName(name) {
		return resp.NewError("ERR Usernames can't contain spaces or null characters")
	}
	rules := make([]string, 0, len(args)-3)
	for _, a := range args[3:] {
		rules = append(rules, string(a))
	}
	u, err := e.Users.Set(name, rules)
	var bad *RuleError
	switch {
	case errors.As(err, &bad) && bad.Why == "":
		return resp.NewError("ERR " + bad.Error())
	case err != nil:
		return resp.NewError("ERR Error in ACL SETUSER modifier " + err.Error())
	}
	e.Changed(u)
	e.Out.Status("OK")
	return nil
}

// defaultLog is how many entries ACL LOG shows.
const defaultLog = 10

// ACL LOG [count | RESET]
func (e *Env) log(args [][]byte) error {
	count := int64(defaultLog)
	if len(args) > 3 {
		return wrongNumber(args)
	}
	if len(args) == 3 {
		if strings.EqualFold(string(args[2]), "reset") {
			e.Users.ClearLog()
			e.Out.Status("OK")
			return nil
		}
		var ok bool
		if count, ok = resp.ParseInt(args[2]); !ok {
			return resp.ErrNotInteger
		}
	}
	entries := e.Users.Log(int(max(count, 0)))
	e.Out.Array(len(entries))
	for i := range entries {
		e.entry(&entries[i])
	}
	return nil
}

func (e *Env) entry(l *Entry) {
	w := e.Out
	w.Map(10)
	w.BulkString("count")
	w.Int(l.Count)
	for _, s := range []string{"reason", l.Reason.String(), "context", l.Context, "object", l.Object, "username", l.User} {
		w.BulkString(s)
	}
	w.BulkString("age-seconds")
	w.Double(float64(e.Now.Sub(l.Updated).Milliseconds()) / 1000)
	w.BulkString("client-info")
	w.BulkString(l.Client)
	w.BulkString("entry-id")
	w.Int(l.ID)
	w.BulkString("timestamp-created")
	w.Int(l.Created.UnixMilli())
	w.BulkString("timestamp-last-updated")
	w.Int(l.Updated.UnixMilli())
}

func (e *Env) help(_ [][]byte) error {
	lines := strings.Split(helpText, "\n")
	e.Out.Array(len(lines))
	for _, l := range lines {
		e.Out.Status(l)
	}
	return nil
}

const helpText = `ACL <subcommand> [<arg> [value] [opt] ...]. Subcommands are:
CAT [<category>]
    List all commands that belong to <category>, or all command categories
    when no category is specified.
DELUSER <username> [<username> ...]
    Delete a list of users.
DRYRUN <username> <command> [<arg> ...]
    Returns whether the user can execute the given command without executing the command.
GETUSER <username>
    Get the user's details.
GENPASS [<bits>]
    Generate a secure 256-bit user password. The optional ` + "`bits`" + ` argument can
    be used to specify a different size.
LIST
    Show users details in config file format.
LOAD
    Reload users from the ACL file.
LOG [<count> | RESET]
    Show the ACL log entries.
SAVE
    Save the current config to the ACL file.
SETUSER <username> <attribute> [<attribute> ...]
    Create or modify a user with the specified attributes.
USERS
    List all the registered usernames.
WHOAMI
    Return the current connection username.
HELP
    Prints this help.`

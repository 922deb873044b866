package sentinel

import (
	"context"
	"slices"
	"strings"

	"github.com/vedette-ha/vedette/internal/glob"
	"github.com/vedette-ha/vedette/internal/resp"
)

// serverCommands: https://redis.io/docs/latest/commands/?group=server
func serverCommands() []command {
	quiet := []string{"loading", "stale"}
	slow := []string{"@slow", "@connection"}
	unordered := []string{"nondeterministic_output_order"}
	return []command{
		{name: "INFO", arity: -1, flags: quiet, cats: []string{"@slow", "@dangerous"}, group: "server",
			since: "1.0.0", about: "Returns information and statistics about the server.", run: cmdInfo,
			tips: []string{"nondeterministic_output", "request_policy:all_shards", "response_policy:special"}},
		{name: "ROLE", arity: 1, flags: []string{"noscript", "loading", "stale", "fast"},
			cats: []string{"@admin", "@fast", "@dangerous"}, group: "server", since: "2.8.12",
			about: "Returns the replication role.", run: cmdRole},
		{name: "SHUTDOWN", arity: -1, flags: []string{"admin", "noscript", "loading", "stale", "no_multi", "allow_busy"},
			cats: []string{"@admin", "@slow", "@dangerous"}, group: "server", since: "1.0.0",
			about: "Ends the sentinel.", run: cmdShutdown},
		{name: "COMMAND", arity: -1, flags: quiet, cats: slow, group: "server", since: "2.8.13",
			about: "Returns detailed information about all commands.", tips: unordered, run: cmdCommand,
			subs: []command{
				{name: "COUNT", arity: 2, flags: quiet, cats: slow, since: "2.8.13", run: commandCount},
				{name: "DOCS", arity: -2, flags: quiet, cats: slow, tips: unordered, since: "7.0.0", run: commandDocs},
				{name: "GETKEYS", arity: -3, flags: quiet, cats: slow, since: "2.8.13", run: commandGetKeys},
				{name: "GETKEYSANDFLAGS", arity: -3, flags: quiet, cats: slow, since: "7.0.0", run: commandGetKeys},
				{name: "HELP", arity: 2, flags: quiet, cats: slow, since: "5.0.0", run: help(commandHelp)},
				{name: "INFO", arity: -2, flags: quiet, cats: slow, tips: unordered, since: "2.8.13", run: commandInfo},
				{name: "LIST", arity: -2, flags: quiet, cats: slow, tips: unordered, since: "7.0.0", run: commandList},
			}},
	}
}

const commandHelp = `COMMAND <subcommand> [<arg> [value] [opt] ...]. Subcommands are:
(no subcommand)
    Return details about all Redis commands.
COUNT
    Return the total number of commands in this Redis server.
LIST
    Return a list of all commands in this Redis server.
INFO [<command-name> ...]
    Return details about multiple Redis commands.
    If no command names are given, documentation details for all
    commands are returned.
DOCS [<command-name> ...]
    Return documentation details about multiple Redis commands.
    If no command names are given, documentation details for all
    commands are returned.
GETKEYS <full-command>
    Return the keys from a full Redis command.
GETKEYSANDFLAGS <full-command>
    Return the keys and the access flags from a full Redis command.
HELP
    Prints this help.`

// SHUTDOWN [NOSAVE | SAVE] [NOW] [FORCE] [ABORT]: a sentinel has nothing to save
// that is not saved, so only ABORT differs.
func cmdShutdown(_ context.Context, c *session, args [][]byte) error {
	said := make(map[string]bool)
	for _, a := range args[1:] {
		said[lowerWord(a)] = true
	}
	abort := said["abort"]
	for word := range said {
		if !slices.Contains([]string{"nosave", "save", "now", "force", "abort"}, word) || abort && word != "abort" {
			return resp.ErrSyntax
		}
	}
	if said["nosave"] && said["save"] {
		return resp.ErrSyntax
	}
	if abort {
		return resp.Errorf("ERR No shutdown in progress.")
	}
	c.s.stop(errShutdown)
	return errSessionDone
}

// cmdCommand without a subcommand describes every row.
func cmdCommand(_ context.Context, c *session, _ [][]byte) error {
	c.w.Array(len(c.s.table.rows))
	for i := range c.s.table.rows {
		c.writeRow(&c.s.table.rows[i])
	}
	return nil
}

func commandCount(_ context.Context, c *session, _ [][]byte) error {
	c.w.Int(int64(len(c.s.table.rows)))
	return nil
}

// COMMAND INFO [name ...]
func commandInfo(ctx context.Context, c *session, args [][]byte) error {
	if len(args) == 2 {
		return cmdCommand(ctx, c, args)
	}
	c.w.Array(len(args) - 2)
	for _, a := range args[2:] {
		if row := c.s.table.find(a); row != nil {
			c.writeRow(row)
			continue
		}
		c.w.Null()
	}
	return nil
}

// COMMAND LIST [FILTERBY MODULE name | ACLCAT category | PATTERN pattern]
func commandList(_ context.Context, c *session, args [][]byte) error {
	wanted, err := listedCommands(args[2:])
	if err != nil {
		return err
	}
	var names []string
	for i := range c.s.table.rows {
		row := &c.s.table.rows[i]
		for _, r := range append([]command{*row}, row.subs...) {
			if wanted(&r) {
				names = append(names, r.full)
			}
		}
	}
	c.w.Array(len(names))
	for _, n := range names {
		c.w.BulkString(n)
	}
	return nil
}

func listedCommands(filter [][]byte) (func(*command) bool, error) {
	switch {
	case len(filter) == 0:
		return func(*command) bool { return true }, nil
	case len(filter) != 3 || !is(filter[0], "filterby"):
		return nil, resp.ErrSyntax
	case is(filter[1], "module"):
		return func(*command) bool { return false }, nil
	case is(filter[1], "aclcat"):
		cat := "@" + lowerWord(filter[2])
		return func(r *command) bool { return slices.Contains(r.cats, cat) }, nil
	case is(filter[1], "pattern"):
		return func(r *command) bool { return glob.MatchFold(filter[2], r.full) }, nil
	}
	return nil, resp.ErrSyntax
}

// No command of a sentinel has keys.
func commandGetKeys(_ context.Context, c *session, args [][]byte) error {
	row := c.s.table.find(args[2])
	if row == nil {
		return resp.Errorf("ERR Invalid command specified")
	}
	return resp.Errorf("ERR The command has no key arguments")
}

// find answers the row of "name" or "container|sub", nil if there is none.
func (t *table) find(name []byte) *command {
	first, sub, nested := strings.Cut(lowerWord(name), "|")
	row := t.byName[first]
	if row == nil || !nested {
		return row
	}
	return row.byName[sub]
}

// writeRow is the row's entry in COMMAND: ten fields, the last of them the
// subcommands in the same form.
func (c *session) writeRow(row *command) {
	w := &c.w
	w.Array(10)
	w.BulkString(row.full)
	w.Int(int64(row.arity))
	c.writeFlags(row.flags)
	w.Int(0)
	w.Int(0)
	w.Int(0)
	c.writeFlags(row.cats)
	w.Set(len(row.tips))
	for _, tip := range row.tips {
		w.BulkString(tip)
	}
	w.Set(0) // key specifications
	w.Set(len(row.subs))
	for i := range row.subs {
		c.writeRow(&row.subs[i])
	}
}

func (c *session) writeFlags(flags []string) {
	c.w.Set(len(flags))
	for _, f := range flags {
		c.w.Status(f)
	}
}

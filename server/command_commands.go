package server

import (
	"fmt"
	"slices"
	"strings"

	"github.com/vedette-ha/vedette/internal/commanddocs"
	"github.com/vedette-ha/vedette/internal/glob"
	"github.com/vedette-ha/vedette/internal/resp"
	"github.com/vedette-ha/vedette/server/command"
)

// commandCommands: https://redis.io/docs/latest/commands/command/
func (s *Server) commandCommands() []command.Row {
	return []command.Row{
		{Name: "COMMAND", Run: s.cmdCommand},
		{Name: "COMMAND COUNT", Run: func(c *command.Ctx) error {
			c.Out.Int(int64(len(s.table.All())))
			return nil
		}},
		{Name: "COMMAND INFO", Run: s.cmdCommandInfo},
		{Name: "COMMAND LIST", Run: s.cmdCommandList},
		{Name: "COMMAND DOCS", Run: s.cmdCommandDocs},
		{Name: "COMMAND GETKEYS", Run: func(c *command.Ctx) error { return s.cmdGetKeys(c, false) }},
		{Name: "COMMAND GETKEYSANDFLAGS", Run: func(c *command.Ctx) error { return s.cmdGetKeys(c, true) }},
		{Name: "COMMAND HELP", Run: cmdCommandHelp},
	}
}

// COMMAND
func (s *Server) cmdCommand(c *command.Ctx) error {
	all := s.table.All()
	c.Out.Array(len(all))
	for _, cmd := range all {
		writeCommandInfo(c.Out, cmd)
	}
	return nil
}

// COMMAND INFO [command-name [command-name ...]]
func (s *Server) cmdCommandInfo(c *command.Ctx) error {
	if len(c.Args) == 2 {
		return s.cmdCommand(c)
	}
	c.Out.Array(len(c.Args) - 2)
	for _, name := range c.Args[2:] {
		if cmd := s.named(name); cmd != nil {
			writeCommandInfo(c.Out, cmd)
		} else {
			c.Out.Null()
		}
	}
	return nil
}

// named finds "get" and "config|get".
func (s *Server) named(name []byte) *command.Command {
	top, sub, isSub := strings.Cut(string(name), "|")
	cmd := s.table.Lookup([]byte(top))
	if cmd == nil || !isSub {
		return cmd
	}
	return cmd.Sub([]byte(sub))
}

func writeCommandInfo(o *resp.Writer, cmd *command.Command) {
	o.Array(10)
	o.BulkString(cmd.Full)
	o.Int(int64(cmd.Arity))
	writeStatusSet(o, cmd.FlagWords())
	first, last, step := cmd.LegacyRange()
	o.Int(int64(first))
	o.Int(int64(last))
	o.Int(int64(step))
	writeStatusSet(o, cmd.Categories())
	o.Set(len(cmd.Doc.Tips))
	for _, t := range cmd.Doc.Tips {
		o.BulkString(strings.ToLower(t))
	}
	o.Set(len(cmd.Doc.KeySpecs))
	for i := range cmd.Doc.KeySpecs {
		writeKeySpec(o, &cmd.Doc.KeySpecs[i])
	}
	if len(cmd.Subs) == 0 {
		o.Set(0)
		return
	}
	o.Array(len(cmd.Subs))
	for _, sub := range cmd.Subs {
		writeCommandInfo(o, sub)
	}
}

func writeStatusSet(o *resp.Writer, words []string) {
	o.Set(len(words))
	for _, w := range words {
		o.Status(w)
	}
}

func writeKeySpec(o *resp.Writer, k *command.KeySpec) {
	if k.Notes == "" {
		o.Map(3)
	} else {
		o.Map(4)
		o.BulkString("notes")
		o.BulkString(k.Notes)
	}
	o.BulkString("flags")
	writeStatusSet(o, keyFlagWords(k.Flags))
	o.BulkString("begin_search")
	switch b := k.Begin; {
	case b.Index != nil:
		writeSpec(o, "index", "index", b.Index.Pos)
	case b.Keyword != nil:
		writeSpec(o, "keyword", "keyword", b.Keyword.Keyword, "startfrom", b.Keyword.StartFrom)
	default:
		writeSpec(o, "unknown")
	}
	o.BulkString("find_keys")
	switch f := k.Find; {
	case f.Range != nil:
		writeSpec(o, "range", "lastkey", f.Range.LastKey, "keystep", f.Range.Step, "limit", f.Range.Limit)
	case f.KeyNum != nil:
		writeSpec(o, "keynum", "keynumidx", f.KeyNum.KeyNumIdx, "firstkey", f.KeyNum.FirstKey, "keystep", f.KeyNum.Step)
	default:
		writeSpec(o, "unknown")
	}
}

// writeSpec writes {type: …, spec: {name: value, …}}.
func writeSpec(o *resp.Writer, typ string, pairs ...any) {
	o.Map(2)
	o.BulkString("type")
	o.BulkString(typ)
	o.BulkString("spec")
	o.Map(len(pairs) / 2)
	for i, p := range pairs {
		switch v := p.(type) {
		case string:
			o.BulkString(v)
		case int:
			o.Int(int64(v))
		default:
			panic(fmt.Sprintf("server: spec field %d is %T", i, p))
		}
	}
}

// keyFlagWords writes the first kind of flag in capitals, the others small, and all in
// the order of COMMAND INFO.
func keyFlagWords(flags []string) []string {
	words := make([]string, 0, len(flags))
	for _, f := range []string{"RO", "RW", "OW", "RM", "access", "update", "insert", "delete",
		"not_key", "incomplete", "variable_flags"} {
		if slices.Contains(flags, strings.ToUpper(f)) {
			words = append(words, f)
		}
	}
	return words
}

// COMMAND LIST [FILTERBY MODULE name | ACLCAT category | PATTERN pattern]
func (s *Server) cmdCommandList(c *command.Ctx) error {
	keep := func(*command.Command) bool { return true }
	switch args := c.Args[2:]; {
	case len(args) == 0:
	case len(args) == 3 && equalFold(args[0], "FILTERBY") && equalFold(args[1], "MODULE"):
		c.Out.Array(0) // no module; not a set, as it happens
		return nil
	case len(args) == 3 && equalFold(args[0], "FILTERBY") && equalFold(args[1], "ACLCAT"):
		word := "@" + strings.ToLower(string(args[2]))
		keep = func(cmd *command.Command) bool { return slices.Contains(cmd.Categories(), word) }
	case len(args) == 3 && equalFold(args[0], "FILTERBY") && equalFold(args[1], "PATTERN"):
		keep = func(cmd *command.Command) bool { return glob.MatchFold(args[2], cmd.Full) }
	default:
		return resp.ErrSyntax
	}
	var names []string
	s.eachCommand(func(cmd *command.Command) {
		if keep(cmd) {
			names = append(names, cmd.Full)
		}
	})
	c.Out.Set(len(names))
	for _, n := range names {
		c.Out.BulkString(n)
	}
	return nil
}

// COMMAND GETKEYS command [arg ...], and GETKEYSANDFLAGS alike
func (s *Server) cmdGetKeys(c *command.Ctx, withFlags bool) error {
	args := c.Args[2:]
	cmd := s.table.Lookup(args[0])
	if cmd != nil && cmd.IsContainer() && len(args) > 1 {
		cmd = cmd.Sub(args[1])
	}
	if cmd == nil {
		return resp.Errorf("ERR Invalid command specified")
	}
	if !cmd.HasKeys() {
		return resp.Errorf("ERR The command has no key arguments")
	}
	if !cmd.ArityOK(len(args)) {
		return resp.Errorf("ERR Invalid number of arguments specified for command")
	}
	refs, ok := cmd.Keys(args)
	if !ok || len(refs) == 0 && !cmd.Has(command.NoMandatoryKeys) {
		return resp.Errorf("ERR Invalid arguments specified for command")
	}
	c.Out.Array(len(refs))
	for _, r := range refs {
		if !withFlags {
			c.Out.Bulk(args[r.Pos])
			continue
		}
		c.Out.Array(2)
		c.Out.Bulk(args[r.Pos])
		writeStatusSet(c.Out, keyFlagWords(r.Flags))
	}
	return nil
}

// COMMAND DOCS [command-name [command-name ...]]
func (s *Server) cmdCommandDocs(c *command.Ctx) error {
	cmds := s.table.All()
	if len(c.Args) > 2 {
		cmds = nil
		for _, name := range c.Args[2:] {
			if cmd := s.named(name); cmd != nil {
				cmds = append(cmds, cmd)
			}
		}
	}
	commanddocs.Write(c.Out, docsOf(cmds))
	return nil
}

func docsOf(cmds []*command.Command) []commanddocs.Doc {
	docs := make([]commanddocs.Doc, len(cmds))
	for i, cmd := range cmds {
		d := cmd.Doc
		docs[i] = commanddocs.Doc{
			Name: cmd.Full, Summary: d.Summary, Since: d.Since, Group: d.Group, Complexity: d.Complexity,
			DeprecatedSince: d.DeprecatedSince, ReplacedBy: d.ReplacedBy, Arguments: d.Arguments, Subs: docsOf(cmd.Subs),
		}
	}
	return docs
}

// COMMAND HELP
func cmdCommandHelp(c *command.Ctx) error {
	c.Help(
		"(no subcommand)",
		"    Return details about all Redis commands.",
		"COUNT",
		"    Return the total number of commands in this Redis server.",
		"LIST",
		"    Return a list of all commands in this Redis server.",
		"INFO [<command-name> ...]",
		"    Return details about multiple Redis commands.",
		"    If no command names are given, documentation details for all",
		"    commands are returned.",
		"DOCS [<command-name> ...]",
		"    Return documentation details about multiple Redis commands.",
		"    If no command names are given, documentation details for all",
		"    commands are returned.",
		"GETKEYS <full-command>",
		"    Return the keys from a full Redis command.",
		"GETKEYSANDFLAGS <full-command>",
		"    Return the keys and the access flags from a full Redis command.",
	)
	return nil
}

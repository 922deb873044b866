package command

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Flags says what dispatch must know of a command before it runs.
type Flags uint32

// The flags of commands.jsonl, in the order COMMAND INFO lists them.
const (
	Write Flags = 1 << iota
	ReadOnly
	DenyOOM
	Module
	Admin
	PubSub
	NoScript
	Blocking
	Loading // may run while a data set is loaded
	Stale   // may run on a replica that lost its master
	SkipMonitor
	SkipSlowlog
	Asking
	Fast
	NoAuth
	MayReplicate
	Sentinel
	OnlySentinel
	NoMandatoryKeys
	Protected
	NoAsyncLoading
	NoMulti
	AllowBusy
	TouchesArbitraryKeys
)

// flagNames pairs the word in commands.jsonl with the word on the wire ("" for a
// flag COMMAND INFO does not show).
var flagNames = [...]struct{ data, wire string }{
	{"WRITE", "write"}, {"READONLY", "readonly"}, {"DENYOOM", "denyoom"}, {"MODULE", "module"},
	{"ADMIN", "admin"}, {"PUBSUB", "pubsub"}, {"NOSCRIPT", "noscript"}, {"BLOCKING", "blocking"},
	{"LOADING", "loading"}, {"STALE", "stale"}, {"SKIP_MONITOR", "skip_monitor"},
	{"SKIP_SLOWLOG", "skip_slowlog"}, {"ASKING", "asking"}, {"FAST", "fast"}, {"NO_AUTH", "no_auth"},
	{"MAY_REPLICATE", "may_replicate"}, {"SENTINEL", ""}, {"ONLY_SENTINEL", ""},
	{"NO_MANDATORY_KEYS", "no_mandatory_keys"}, {"PROTECTED", ""}, {"NO_ASYNC_LOADING", "no_async_loading"},
	{"NO_MULTI", "no_multi"}, {"ALLOW_BUSY", "allow_busy"}, {"TOUCHES_ARBITRARY_KEYS", ""},
}

// Row joins a command's name ("GET", or "CONFIG GET" for a subcommand) with what
// runs it. Run replies to c.Out or returns an error, never both.
type Row struct {
	Name string
	Run  func(c *Ctx) error
}

// Doc is a command's line in commands.jsonl.
type Doc struct {
	Summary         string          `json:"-"` // of summaries.txt; "" for commands we do not have
	Name            string          `json:"name"`
	Group           string          `json:"group"`
	Since           string          `json:"since"`
	Arity           int             `json:"arity"`
	Flags           []string        `json:"flags"`
	ACL             []string        `json:"acl"`
	Tips            []string        `json:"tips"`
	Complexity      string          `json:"complexity"`
	KeySpecs        []KeySpec       `json:"key_specs"`
	Arguments       json.RawMessage `json:"arguments"` // decoded when COMMAND DOCS asks
	DeprecatedSince string          `json:"deprecated_since"`
	ReplacedBy      string          `json:"replaced_by"`
}

// Command is a row with its description compiled. All but Stats is constant after
// NewTable; Stats belongs to the loop.
type Command struct {
	Name   string // as in commands.jsonl: "CONFIG GET"
	Full   string // as replies and statistics write it: "config|get"
	Arity  int    // -n is at least n; a subcommand counts its container
	Flags  Flags
	Doc    *Doc
	Run    func(c *Ctx) error // nil for a container, whose subcommands run
	Parent *Command
	Subs   []*Command // in table order
	Stats  Stats

	subs map[string]*Command // by upper-case name
}

// Has reports whether any of the flags is set.
func (c *Command) Has(f Flags) bool { return c.Flags&f != 0 }

// ArityOK reports whether a command of n words, its name included, may run.
func (c *Command) ArityOK(n int) bool {
	if c.Arity >= 0 {
		return n == c.Arity
	}
	return n >= -c.Arity
}

// Group is the family, as in COMMAND DOCS.
func (c *Command) Group() string { return c.Doc.Group }

// Table is every command the server runs, found by name. Safe for concurrent
// reading, Stats apart.
type Table struct {
	byName map[string]*Command
	list   []*Command      // top level, sorted by name as commands.jsonl is
	absent map[string]bool // the commands of commands.jsonl that have no row
}

//go:embed commands.jsonl
var descriptions []byte

// summaries has a line for each command: its name, a tab, what it does.
//
//go:embed summaries.txt
var summaries string

// NewTable joins families of rows with their descriptions. It panics on a row
// that has none, and on a name that comes twice: both are our own mistakes.
func NewTable(families ...[]Row) *Table {
	rows := make(map[string]Row)
	for _, family := range families {
		for _, r := range family {
			if _, dup := rows[r.Name]; dup {
				panic("command: two rows for " + r.Name)
			}
			rows[r.Name] = r
		}
	}
	t := &Table{byName: make(map[string]*Command), absent: make(map[string]bool)}
	docs := readDocs()
	for i := range docs {
		if parent, _, isSub := strings.Cut(docs[i].Name, " "); !isSub {
			t.addTop(&docs[i], rows)
		} else if p := t.byName[parent]; p != nil {
			p.addSub(&docs[i], rows)
		}
	}
	t.dropEmptyContainers()
	for name := range rows {
		panic("command: no description for " + name)
	}
	return t
}

func readDocs() []Doc {
	var docs []Doc
	for line := range bytes.Lines(descriptions) {
		var d Doc
		if err := json.Unmarshal(line, &d); err != nil {
			panic(fmt.Sprintf("command: commands.jsonl: %v", err))
		}
		docs = append(docs, d)
	}
	byName := make(map[string]string)
	for line := range strings.Lines(summaries) {
		name, text, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		byName[name] = text
	}
	for i := range docs {
		docs[i].Summary = byName[docs[i].Name]
	}
	return docs
}

// Names lists all commands of commands.jsonl, those that have no row too, as ACL rules
// spell them ("config|get"), each after its container.
func Names() []string {
	var names []string
	for _, d := range readDocs() {
		names = append(names, strings.ToLower(strings.Replace(d.Name, " ", "|", 1)))
	}
	return names
}

// addTop adds a command that has a row, and every possible container, which
// dropEmptyContainers removes again when no subcommand came.
func (t *Table) addTop(d *Doc, rows map[string]Row) {
	r, ok := rows[d.Name]
	delete(rows, d.Name)
	c := compile(d, r.Run)
	c.Full = strings.ToLower(d.Name)
	t.byName[d.Name] = c
	t.list = append(t.list, c)
	if !ok {
		c.subs = make(map[string]*Command)
	}
}

func (c *Command) addSub(d *Doc, rows map[string]Row) {
	r, ok := rows[d.Name]
	if !ok {
		return
	}
	delete(rows, d.Name)
	sub := compile(d, r.Run)
	_, word, _ := strings.Cut(d.Name, " ")
	sub.Full = c.Full + "|" + strings.ToLower(word)
	sub.Parent = c
	if c.subs == nil {
		c.subs = make(map[string]*Command)
	}
	c.subs[word] = sub
	c.Subs = append(c.Subs, sub)
}

func (t *Table) dropEmptyContainers() {
	for name, c := range t.byName {
		if c.Run == nil && len(c.Subs) == 0 {
			delete(t.byName, name)
			t.absent[name] = true
		}
	}
	t.list = slices.DeleteFunc(t.list, func(c *Command) bool { return t.byName[c.Name] == nil })
}

func compile(d *Doc, run func(*Ctx) error) *Command {
	c := &Command{Name: d.Name, Arity: d.Arity, Doc: d, Run: run}
	for _, word := range d.Flags {
		c.Flags |= flagByName(word)
	}
	return c
}

func flagByName(word string) Flags {
	for i, n := range flagNames {
		if n.data == word {
			return 1 << i
		}
	}
	panic("command: unknown flag " + word)
}

// FlagWords lists the flags as COMMAND INFO shows them.
func (c *Command) FlagWords() []string {
	var words []string
	for i, n := range flagNames {
		if 1<<i == AllowBusy && c.MovableKeys() {
			words = append(words, "movablekeys")
		}
		if c.Has(1<<i) && n.wire != "" {
			words = append(words, n.wire)
		}
	}
	return words
}

// maxName is longer than any command's name.
const maxName = 32

// Lookup finds a command by its first word, in any case; nil if there is none. A
// container is returned as such: see [Command.Sub].
func (t *Table) Lookup(name []byte) *Command {
	var buf [maxName]byte
	if len(name) > maxName {
		return nil
	}
	return t.byName[string(upper(buf[:0], name))]
}

// Sub finds a container's subcommand, in any case; nil if there is none.
func (c *Command) Sub(name []byte) *Command {
	var buf [maxName]byte
	if len(name) > maxName {
		return nil
	}
	return c.subs[string(upper(buf[:0], name))]
}

// IsContainer reports whether the command only gathers subcommands.
func (c *Command) IsContainer() bool { return len(c.Subs) > 0 }

// Rename gives a command another name, or, with an empty one, takes it away. It is
// for the time before the table is used. A command of Redis that we do not have is
// away already: files that hide EVAL or BGREWRITEAOF are common.
func (t *Table) Rename(old, name string) error {
	key := strings.ToUpper(old)
	c := t.byName[key]
	if c == nil && t.absent[key] {
		return nil
	}
	if c == nil {
		return errors.New("No such command in rename-command")
	}
	delete(t.byName, key)
	if name == "" {
		t.list = slices.DeleteFunc(t.list, func(o *Command) bool { return o == c })
		return nil
	}
	if t.byName[strings.ToUpper(name)] != nil {
		return errors.New("Target command name already exists")
	}
	t.byName[strings.ToUpper(name)] = c
	return nil
}

// All lists the top-level commands in a fixed order.
func (t *Table) All() []*Command { return t.list }

func upper(dst, s []byte) []byte {
	for _, ch := range s {
		if 'a' <= ch && ch <= 'z' {
			ch -= 'a' - 'A'
		}
		dst = append(dst, ch)
	}
	return dst
}

package sentinel

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/vedette-ha/vedette/internal/resp"
)

// command is one row of what the sentinel port answers. The rows of a family
// are returned by a function; newTable joins them.
type command struct {
	name  string // upper case; a subcommand's name without its container's
	arity int    // words with the name (and the subcommand's): -n is at least n
	flags []string
	cats  []string // ACL categories
	tips  []string // for clients that spread commands over nodes
	group string
	since string
	about string // one sentence for COMMAND DOCS
	subs  []command
	// run writes its reply to the session or returns an error, never both. Rows
	// with subcommands only have none.
	run func(ctx context.Context, c *session, args [][]byte) error

	id     int    // for package acl, set by aclTable
	full   string // "sentinel|master", set by newTable
	noAuth bool   // answered before AUTH, from the flag no_auth
	pubsub bool   // answered to a RESP2 subscriber
	// unpaused rows run while clients are paused: what sentinels say to each other, since
	// a client must not stop them from deciding, and what ends the pause.
	unpaused bool
	byName   map[string]*command
}

// table holds the rows in their order and by name.
type table struct {
	rows   []command
	byName map[string]*command
}

// newTable joins families of rows. Two rows of one name are a mistake of ours.
func newTable(families ...[]command) *table {
	t := &table{}
	for _, rows := range families {
		t.rows = append(t.rows, rows...)
	}
	t.byName = indexRows(t.rows, nil)
	return t
}

// indexRows finds rows by name; container is theirs, if they are subcommands.
func indexRows(rows []command, container *command) map[string]*command {
	byName := make(map[string]*command, len(rows))
	for i := range rows {
		row := &rows[i]
		lower := strings.ToLower(row.name)
		if byName[lower] != nil {
			panic("sentinel: two rows for the command " + row.name)
		}
		byName[lower] = row
		row.full = lower
		if container != nil {
			row.full = container.full + "|" + lower
			row.group = container.group
		}
		for _, f := range row.flags {
			row.noAuth = row.noAuth || f == "no_auth"
		}
		if len(row.subs) > 0 {
			row.byName = indexRows(row.subs, row)
		}
	}
	return byName
}

// rename gives a command of the sentinel's own port another name, or, with an empty one,
// takes it away.
func (t *table) rename(old, name string) error {
	old, name = strings.ToLower(old), strings.ToLower(name)
	row := t.byName[old]
	if row == nil {
		return errors.New("No such command in rename-command")
	}
	delete(t.byName, old)
	if name == "" {
		return nil
	}
	if t.byName[name] != nil {
		return errors.New("Target command name already exists")
	}
	t.byName[name] = row
	return nil
}

// lookup finds the row a request runs, checks existence and number of words, in
// that order.
func (t *table) lookup(args [][]byte) (*command, error) {
	row := t.byName[lowerWord(args[0])]
	if row == nil {
		return nil, errUnknownCommand(args)
	}
	if len(row.subs) > 0 && len(args) > 1 {
		sub := row.byName[lowerWord(args[1])]
		if sub == nil {
			return nil, resp.Errorf("ERR unknown subcommand '%s'. Try %s HELP.", clip(args[1], 128), row.name)
		}
		row = sub
	}
	if row.run == nil || row.arity > 0 && len(args) != row.arity || len(args) < -row.arity {
		return nil, errArity(row.full)
	}
	return row, nil
}

// longestName bounds what is lower-cased to look a command up.
const longestName = 64

func lowerWord(b []byte) string {
	if len(b) > longestName {
		return ""
	}
	return strings.ToLower(string(b))
}

func errArity(full string) error {
	return resp.Errorf("ERR wrong number of arguments for '%s' command", full)
}

// errUnknownCommand quotes at most 128 bytes of the name and of the arguments,
// as Redis does.
func errUnknownCommand(args [][]byte) error {
	var quoted strings.Builder
	for _, a := range args[1:] {
		if quoted.Len() >= 128 {
			break
		}
		fmt.Fprintf(&quoted, "'%s' ", clip(a, 128-quoted.Len()))
	}
	return resp.Errorf("ERR unknown command '%s', with args beginning with: %s", clip(args[0], 128), &quoted)
}

func clip(b []byte, n int) []byte {
	return b[:min(len(b), n)]
}

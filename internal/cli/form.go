package cli

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/vedette-ha/vedette/internal/conf"
)

// role is what a process is.
type role int

const (
	dataServer role = iota
	sentinelNode
)

// invocation is what a command line asks for, whichever form it has.
type invocation struct {
	role    role
	asRedis bool   // stand in for Redis: its log lines, its start-up texts
	file    string // the configuration file; "" none
	stdin   bool   // read more configuration from standard input
	options string // --directive value … as lines of a file
}

// redisForm recognises a command line written for Redis: one whose program is
// called redis-server or redis-sentinel, or `vedette FILE …`, `vedette --port …`
// and `vedette -`. ok is false for subcommands and for what only asks for help.
func redisForm(args []string, subcommands []string) (inv invocation, ok bool) {
	name := filepath.Base(args[0])
	byName := strings.Contains(name, "redis-server") || strings.Contains(name, "redis-sentinel")
	if !byName {
		if len(args) < 2 || slices.Contains(subcommands, args[1]) || isHelp(args[1]) ||
			isVersion(args[1]) || !looksLikeServer(args[1]) {
			return inv, false
		}
	}
	inv = parseInvocation(args[1:])
	inv.asRedis = true
	if strings.Contains(name, "redis-sentinel") || slices.Contains(args[1:], "--sentinel") {
		inv.role = sentinelNode
	}
	return inv, true
}

// looksLikeServer tells the first argument of a Redis form from a mistyped
// subcommand: a directive, standard input, or a file that exists or has a path.
func looksLikeServer(arg string) bool {
	if arg == "-" || strings.HasPrefix(arg, "--") || strings.ContainsAny(arg, "./") {
		return true
	}
	_, err := os.Stat(arg)
	return err == nil
}

func isHelp(arg string) bool    { return arg == "-h" || arg == "--help" || arg == "help" }
func isVersion(arg string) bool { return arg == "-v" || arg == "--version" }

// parseInvocation reads [FILE] [--directive value …] [-] as redis-server does.
// Directives become lines: "--port 7000" is `port "7000"`. Whatever starts with
// two dashes names a directive, unless the one before still lacks a value.
func parseInvocation(args []string) invocation {
	var inv invocation
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		inv.file, args = args[0], args[1:]
	}
	var o optionLines
	for i, arg := range args {
		if arg == "-" && (i == 0 && inv.file == "" || i == len(args)-1) {
			inv.stdin = true
			continue
		}
		next := ""
		if i+1 < len(args) {
			next = args[i+1]
		}
		o.add(arg, next, i == len(args)-1)
	}
	inv.options = o.text()
	return inv
}

// optionLines collects the lines that arguments stand for.
type optionLines struct {
	lines    []string
	wantsArg bool // the last directive has no value yet: take anything as one
}

func (o *optionLines) add(arg, next string, last bool) {
	name, isName := strings.CutPrefix(arg, "--")
	if !isName || o.wantsArg {
		o.value(conf.Quote(arg))
		o.wantsArg = false
		return
	}
	o.lines = append(o.lines, name)
	words, err := conf.SplitArgs(arg)
	o.wantsArg = err == nil && len(words) == 1
	if !o.wantsArg || !last && !strings.HasPrefix(next, "--") {
		return
	}
	switch strings.ToLower(arg) {
	case "--save": // alone it is save ""
		o.value(`""`)
		o.wantsArg = false
	case "--sentinel": // never has a value
		o.lines = o.lines[:len(o.lines)-1]
		o.wantsArg = false
	}
}

func (o *optionLines) value(quoted string) {
	if len(o.lines) == 0 {
		o.lines = append(o.lines, "")
	}
	o.lines[len(o.lines)-1] += " " + quoted
}

func (o *optionLines) text() string { return strings.Join(o.lines, "\n") }

// Names of what is not a file, in positions of errors.
const (
	fromStdin   = "standard input"
	fromOptions = "the command line"
)

// directives reads all that the invocation names: the file, standard input, the
// command line; later ones win.
func (inv invocation) directives(stdin io.Reader) ([]conf.Directive, error) {
	var all []conf.Directive
	if inv.file != "" {
		ds, err := conf.Load(inv.file)
		if err != nil {
			return nil, err
		}
		all = ds
	}
	if inv.stdin {
		ds, err := conf.LoadReader(fromStdin, stdin)
		if err != nil {
			return nil, err
		}
		all = append(all, ds...)
	}
	ds, err := conf.Parse(fromOptions, inv.options)
	if err != nil {
		return nil, err
	}
	return append(all, ds...), nil
}

// usageError is a command line that cannot be understood.
type usageError struct{ text string }

func (e usageError) Error() string { return e.text }

func usagef(format string, args ...any) error { return usageError{fmt.Sprintf(format, args...)} }

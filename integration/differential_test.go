package integration

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/vedette-ha/vedette/internal/conf"
)

// TestDifferentialScripts sends the scripts of testdata/differential to us and to
// redis-server, in RESP2 and RESP3, and compares the replies byte for byte.
//
// A line is a command in redis-cli's quoting, for connection 1. Before it may come:
//
//	2>      the command is for connection 2, which is opened when first named
//	2>>     the same, and no reply is waited for
//	2<      no command: one more reply, push or the end ("EOF") is read
//	2=      no command: all that has come for connection 2 is read
//	2x      no command: our side of connection 2 is closed
//
// and then one of:
//
//	~       the order of elements is nobody's promise
//	?       only the type of the reply is compared
//	!       nothing is compared
//	[name]  the replies must differ, for the reason that docs/differences-7.0-7.2.md
//	        has under this name
//
// An empty line starts afresh: FLUSHALL, and all connections but the first close.
func TestDifferentialScripts(t *testing.T) {
	scripts, err := filepath.Glob("testdata/differential/*.txt")
	if err != nil || len(scripts) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	ours, theirs := startVedette(t), startRedis(t)
	known := knownDifferences(t)
	for _, script := range scripts {
		for _, proto := range []string{"2", "3"} {
			t.Run(fmt.Sprintf("%s/resp%s", strings.TrimSuffix(filepath.Base(script), ".txt"), proto), func(t *testing.T) {
				r := scriptRun{newTwins(t, ours, theirs, proto), known}
				r.run(script)
			})
		}
	}
}

type scriptRun struct {
	*twins
	known map[string]bool
}

func (r scriptRun) run(script string) {
	f, err := os.Open(script)
	if err != nil {
		r.t.Fatal(err)
	}
	defer f.Close()
	r.fresh()
	sc := bufio.NewScanner(f)
	sc.Buffer(nil, 1<<20)
	for n := 1; sc.Scan(); n++ {
		r.line(fmt.Sprintf("%s:%d", filepath.Base(script), n), strings.TrimSpace(sc.Text()))
	}
	if sc.Err() != nil {
		r.t.Fatal(sc.Err())
	}
}

func (r scriptRun) fresh() {
	r.closeOthers()
	r.do(r.conn("1"), "FLUSHALL")
}

var linePrefix = regexp.MustCompile(`^([0-9]+)(>>|>|<|=|x)\s*`)

// line runs one line of a script.
func (r scriptRun) line(where, line string) {
	r.t.Helper()
	if strings.HasPrefix(line, "#") {
		return
	}
	if line == "" {
		r.fresh()
		return
	}
	name, verb, rest := "1", ">", line
	if m := linePrefix.FindStringSubmatch(line); m != nil {
		name, verb, rest = m[1], m[2], line[len(m[0]):]
	}
	p := r.conn(name)
	mode, args := r.parse(where, rest)
	switch verb {
	case "x":
		r.close(name, p)
		return
	case ">>":
		r.send(p, args)
		r.heard(p)
		return
	case "=":
		a, b := r.drain(p)
		r.compare(where, line, mode, a, b)
		return
	case ">":
		r.send(p, args)
	}
	a, b := r.read(p)
	r.compare(where, line, mode, a, b)
}

// parse splits what follows the connection of a line.
func (r scriptRun) parse(where, line string) (mode string, args []string) {
	r.t.Helper()
	if len(line) > 0 && strings.ContainsRune("~?!", rune(line[0])) {
		mode, line = line[:1], line[1:]
	} else if strings.HasPrefix(line, "[") {
		mode, line, _ = strings.Cut(line[1:], "]")
		if !r.known[mode] {
			r.t.Errorf("%s: docs/differences-7.0-7.2.md does not have %q", where, mode)
		}
	}
	args, err := conf.SplitArgs(line)
	if err != nil {
		r.t.Fatalf("%s: %v", where, err)
	}
	return mode, args
}

func (r scriptRun) compare(where, line, mode string, a, b reply) {
	r.t.Helper()
	ok := false
	switch mode {
	case "":
		ok = a.raw == b.raw
	case "~":
		ok = a.sorted() == b.sorted()
	case "?":
		ok = a.kind == b.kind && a.null == b.null
	case "!":
		ok = true
	default:
		ok = a.raw != b.raw
	}
	if !ok {
		r.t.Errorf("%s: %s\n  vedette %.2000q\n  redis   %.2000q", where, line, a.raw, b.raw)
	}
	if strings.HasPrefix(a.raw, "nothing: ") || strings.HasPrefix(b.raw, "nothing: ") {
		r.t.Fatalf("%s: the rest would wait in vain", where)
	}
}

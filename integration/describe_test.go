package integration

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// Every field of Redis's INFO is in ours, in every section, and in the same section.
func TestInfoFields(t *testing.T) {
	w := newTwins(t, startVedette(t), startRedis(t), "2")
	p := w.conn("1")
	for _, args := range [][]string{{"SET", "a", "1", "EX", "100"}, {"GET", "a"}, {"nosuch"}, {"SELECT", "2"}, {"SET", "b", "1"}} {
		w.do(p, args...)
	}
	for _, section := range []string{"server", "clients", "memory", "persistence", "stats", "replication", "cpu", "modules",
		"commandstats", "errorstats", "latencystats", "cluster", "keyspace", "default", "all", "everything", "", "nosuch"} {
		args := []string{"INFO"}
		if section != "" {
			args = append(args, section)
		}
		a, b := w.do(p, args...)
		x, y := infoFields(a.text), infoFields(b.text)
		for name := range y {
			if _, ok := x[name]; !ok {
				t.Errorf("INFO %s lacks %s:%s", section, name, y[name])
			}
		}
		if got, want := titles(a.text), titles(b.text); !slices.Equal(got, want) {
			t.Errorf("INFO %s: sections %q, Redis has %q", section, got, want)
		}
	}
	a, b := w.do(p, "INFO", "keyspace", "cpu")
	if got, want := titles(a.text), titles(b.text); !slices.Equal(got, want) {
		t.Errorf("INFO keyspace cpu: sections %q, Redis has %q", got, want)
	}
}

func titles(info string) (all []string) {
	for line := range strings.Lines(info) {
		if strings.HasPrefix(line, "# ") {
			all = append(all, strings.TrimSpace(line))
		}
	}
	return all
}

// CONFIG GET answers the same as Redis for every directive that both know and the
// tests do not set: names, defaults, the way values are written.
func TestConfigDefaults(t *testing.T) {
	w := newTwins(t, startVedette(t), startRedis(t), "2")
	a, b := w.do(w.conn("1"), "CONFIG", "GET", "*")
	x, y, known := pairsOf(a), pairsOf(b), knownDifferences(t)
	for name, want := range y {
		got, ok := x[name]
		switch {
		case !ok && known["config-"+name]:
		case !ok:
			t.Errorf("CONFIG GET lacks %s (%q)", name, want)
		case got != want && !slices.Contains([]string{"port", "dir", "pidfile", "logfile", "enable-debug-command"}, name):
			t.Errorf("CONFIG GET %s: %q, Redis has %q", name, got, want)
		}
	}
}

func pairsOf(r reply) map[string]string {
	pairs := make(map[string]string)
	for i := 0; i+1 < len(r.elems); i += 2 {
		pairs[r.elems[i].text] = r.elems[i+1].text
	}
	return pairs
}

// Every command of ours that Redis 7.0 has too is described alike by COMMAND INFO, and
// both find the same keys in it.
func TestCommandDescriptions(t *testing.T) {
	w := newTwins(t, startVedette(t), startRedis(t), "3")
	p := w.conn("1")
	known := knownDifferences(t)
	list, _ := w.do(p, "COMMAND", "LIST")
	for _, name := range list.strings() {
		_, theirs := w.do(p, "COMMAND", "INFO", name)
		if len(theirs.elems) != 1 || theirs.elems[0].null {
			continue // new in 7.2
		}
		for _, args := range [][]string{{"COMMAND", "INFO", name}, {"COMMAND", "GETKEYS", name, "a", "b", "c", "d"}, {"COMMAND", "GETKEYSANDFLAGS", name, "a", "b", "c"}} {
			a, b := w.do(p, args...)
			x, y := described(a), described(b)
			if x != y && !known["command-"+strings.ReplaceAll(name, "|", "-")] {
				t.Errorf("%q\n  vedette %.900q\n  redis   %.900q", args, x, y)
			}
		}
	}
}

// keySpecs are the key specifications in any order, without their notes.
func keySpecs(r reply) string {
	notes := regexp.MustCompile(`\$5\r\nnotes\r\n\$\d+\r\n[^\r]*\r\n`)
	var specs []string
	for _, e := range r.elems {
		if text := notes.ReplaceAllString(e.raw, ""); text != e.raw {
			specs = append(specs, strings.Replace(text, "%4", "%3", 1))
		} else {
			specs = append(specs, text)
		}
	}
	slices.Sort(specs)
	return strings.Join(specs, " ")
}

// described is a reply of COMMAND INFO without what 7.2 says and 7.0 does not: tips, and
// the flag may_replicate; without the notes of key specifications, which we have not; and
// without subcommands, which are compared one by one.
func described(r reply) string {
	if r.kind != '*' || len(r.elems) != 1 || len(r.elems[0].elems) != 10 {
		return r.sorted()
	}
	info := r.elems[0].elems
	var parts []string
	for i, e := range info {
		switch i {
		case 2:
			parts = append(parts, fmt.Sprint(slices.DeleteFunc(e.strings(), func(f string) bool { return f == "may_replicate" })))
		case 7:
		case 8:
			parts = append(parts, keySpecs(e))
		case 9:
			parts = append(parts, string(e.kind), strconv.FormatBool(len(e.elems) > 0))
		default:
			parts = append(parts, e.sorted())
		}
	}
	return strings.Join(parts, " ")
}

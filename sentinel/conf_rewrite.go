package sentinel

import (
	"cmp"
	"errors"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/vedette-ha/vedette/failover"
	"github.com/vedette-ha/vedette/internal/conf"
)

// confMode is the mode of a sentinel.conf that did not exist: it may hold
// passwords.
const confMode = 0o600

// Rewrite brings the file up to date with what the sentinel knows: the operator's
// lines, comments and order stay, values are replaced in place, what is new is
// appended. Redis Sentinel can read the result if none of our own directives is
// used. Not safe for concurrent use.
func (c *Conf) Rewrite(st State) error {
	text, err := os.ReadFile(c.path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return conf.WriteAtomic(c.path, rewriteText(string(text), st), confMode)
}

// rewriteText is Rewrite of a file's text.
func rewriteText(text string, st State) []byte {
	var ours []string
	named := namingDirectives()
	f := conf.ParseFile(text, func(d conf.Directive) (string, bool) {
		key, keep := rewriteKey(d, named)
		if d.Name == "sentinel" && !keep || d.Name == "user" && st.Users != nil {
			ours = append(ours, key)
		}
		return key, keep
	})
	for _, l := range confLines(st) {
		f.Put(l.key, l.text, l.always)
	}
	for _, key := range ours { // a master that was removed, a replica that was forgotten
		f.Drop(key)
	}
	return f.Bytes()
}

// confLine is a line to be written. Not always: only where the file has one of
// that key, since the value is the default.
type confLine struct {
	key, text string
	always    bool
}

// rewriteKey says which lines of the file stand for the same thing: those of one
// directive, and of one master if it is among those that name one. Directives that are
// not the sentinel's business are the operator's.
func rewriteKey(d conf.Directive, named map[string]bool) (key string, keep bool) {
	switch {
	case d.Name == "loglevel":
		return d.Name, false
	case d.Name == "user" && len(d.Args) > 0:
		return "user " + d.Args[0], false
	}
	if d.Name != "sentinel" || len(d.Args) == 0 {
		return "", true
	}
	name := strings.ToLower(d.Args[0])
	switch name {
	case "rewrite-config", "bootstrap-expect":
		return "", true
	case "known-slave":
		name = "known-replica"
	case "primary-reboot-down-after-period":
		name = "master-reboot-down-after-period"
	}
	if named[name] && len(d.Args) > 1 {
		return "sentinel " + name + " " + d.Args[1], false
	}
	return "sentinel " + name, false
}

// namingDirectives are the names of the directives that name a master.
func namingDirectives() map[string]bool {
	named := map[string]bool{}
	for _, row := range sentinelDirectives() {
		if row.queue != queueBefore {
			named[row.name] = true
		}
	}
	return named
}

// confLines is all the file has to say, in Redis's order.
func confLines(st State) []confLine {
	ls := []confLine{line(true, "myid", st.MyID)}
	var after []confLine
	for _, row := range sentinelDirectives() {
		if row.value == nil || row.ours {
			continue
		}
		v := row.value(&st.Config)
		l := line(v != "", row.name, cmp.Or(v, defaultOf(row)))
		if strings.Contains(row.syntax, "yes|no") {
			ls = append(ls, l)
		} else if v != "" {
			after = append(after, l)
		}
	}
	defaults := defaultEdits()
	for i := range st.Agreed.Masters {
		m := &st.Agreed.Masters[i]
		ls = append(ls, masterLines(m, defaults, st.Agreed.Epoch, st.Known[m.Name])...)
	}
	if level := st.Config.LogLevel; level != "" {
		ls = append(ls, confLine{"loglevel", "loglevel " + level, level != "notice"})
	}
	for _, name := range slices.Sorted(maps.Keys(st.Users)) {
		if text := st.Users[name]; text != "" {
			ls = append(ls, confLine{"user " + name, text, true})
		}
	}
	ls = append(ls, line(true, "current-epoch", strconv.FormatUint(st.Agreed.Epoch, 10)))
	return append(ls, after...)
}

// defaultOf is the default of a yes|no directive.
func defaultOf(row sentinelDirective) string {
	if row.name == "deny-scripts-reconfig" {
		return "yes"
	}
	return "no"
}

// masterLines is what the file says about one master, in an epoch.
func masterLines(m *failover.Master, defaults []failover.Edit, epoch uint64, known []KnownSentinel) []confLine {
	named := func(always bool, directive string, args ...string) confLine {
		l := line(always, directive, append([]string{m.Name}, args...)...)
		l.key = "sentinel " + directive + " " + m.Name
		return l
	}
	ls := []confLine{named(true, "monitor", m.Addr.Host, strconv.Itoa(m.Addr.Port), strconv.Itoa(m.Settings.Quorum))}
	written := map[string]bool{}
	for _, e := range m.Settings.Directives() {
		ls = append(ls, named(true, e.Option, e.Values...))
		written[e.Option] = true
	}
	for _, e := range defaults {
		if written[e.Option] || e.Values[0] == "" {
			continue
		}
		ls = append(ls, named(false, e.Option, e.Values...))
	}
	// Who was voted for in which epoch, also before our time, is not kept: a Sentinel of
	// Redis that takes the file over votes in none of those epochs again.
	ls = append(ls, named(true, "config-epoch", strconv.FormatUint(m.ConfigEpoch, 10)),
		named(true, "leader-epoch", strconv.FormatUint(epoch, 10)))
	for _, r := range m.Replicas {
		ls = append(ls, named(true, "known-replica", r.Addr.Host, strconv.Itoa(r.Addr.Port)))
	}
	for _, k := range known {
		if !k.Addr.IsZero() {
			ls = append(ls, named(true, "known-sentinel", k.Addr.Host, strconv.Itoa(k.Addr.Port), k.ID))
		}
	}
	return ls
}

func line(always bool, directive string, args ...string) confLine {
	words := []string{"sentinel", directive}
	for _, a := range args {
		words = append(words, conf.QuoteIfNeeded(a))
	}
	return confLine{key: "sentinel " + directive, text: strings.Join(words, " "), always: always}
}

// ForgetSentinels takes the known-sentinel lines of sentinels out of the file.
func (c *Conf) ForgetSentinels(ids []string) error {
	text, err := os.ReadFile(c.path)
	if err != nil {
		return err
	}
	f := conf.ParseFile(string(text), func(d conf.Directive) (string, bool) {
		gone := d.Name == "sentinel" && len(d.Args) == 5 && strings.EqualFold(d.Args[0], "known-sentinel") &&
			slices.Contains(ids, d.Args[4])
		return "gone", !gone
	})
	f.Drop("gone")
	return conf.WriteAtomic(c.path, f.Bytes(), confMode)
}

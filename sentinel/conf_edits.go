package sentinel

import (
	"slices"
	"strconv"
	"time"

	"github.com/vedette-ha/vedette/failover"
)

// What sentinel.conf said when we last read or wrote it is kept in the store. At
// the next start only what differs from that was changed by an operator, and is
// proposed to all; everything else in the file may be older than the log.

// directivesOf is what a sentinel.conf says about the masters, without what it has
// learned, addresses included: for each the line of monitor, of which only the
// quorum is kept, and those of its settings.
func directivesOf(a *failover.Agreed) [][]string {
	var ds [][]string
	for i := range a.Masters {
		m := &a.Masters[i]
		ds = append(ds, []string{"monitor", m.Name, strconv.Itoa(m.Settings.Quorum)})
		for _, e := range m.Settings.Directives() {
			ds = append(ds, append([]string{e.Option, m.Name}, e.Values...))
		}
	}
	return ds
}

// fileEdits is what an operator changed between two readings of the file, as
// commands in an order that works. The address of a master that was there before
// is never an edit: a failover may have changed either side of it.
func fileEdits(before, now [][]string, file *failover.Agreed, at time.Time) []failover.Command {
	was, is := byMaster(before), byMaster(now)
	var cs []failover.Command
	propose := func(b failover.Body) { cs = append(cs, failover.Command{At: at, Body: b}) }
	for _, name := range was.names {
		if is.of[name] == nil {
			propose(failover.Remove{Name: name, Now: true})
		}
	}
	for _, name := range is.names {
		if was.of[name] == nil {
			m := file.Master(name)
			propose(failover.Monitor{Name: name, Addr: m.Addr, Settings: m.Settings})
			continue
		}
		if edits := settingEdits(was.of[name], is.of[name]); len(edits) > 0 {
			propose(failover.Set{Name: name, Edits: edits})
		}
	}
	return cs
}

// directiveSet sorts directives by the master they name.
type directiveSet struct {
	names []string // as in their monitor lines
	of    map[string][][]string
}

func byMaster(ds [][]string) directiveSet {
	s := directiveSet{of: map[string][][]string{}}
	for _, d := range ds {
		if len(d) < 3 {
			continue // of a newer version
		}
		if d[0] == "monitor" {
			s.names = append(s.names, d[1])
			d = []string{"quorum", d[1], d[2]}
		}
		s.of[d[1]] = append(s.of[d[1]], d)
	}
	return s
}

// settingEdits is how one master's settings changed. What is gone from the file is
// at its default again.
func settingEdits(was, is [][]string) []failover.Edit {
	var edits []failover.Edit
	same := func(a []string) func([]string) bool {
		return func(b []string) bool { return slices.Equal(a, b) }
	}
	for _, d := range was {
		if !slices.ContainsFunc(is, same(d)) && !slices.ContainsFunc(is, sameOption(d)) {
			edits = append(edits, resetEdit(d))
		}
	}
	for _, d := range is {
		if !slices.ContainsFunc(was, same(d)) {
			edits = append(edits, failover.Edit{Option: d[0], Values: d[2:]})
		}
	}
	return edits
}

// sameOption matches a directive that sets the same thing as d: for rename-command
// that includes the command.
func sameOption(d []string) func([]string) bool {
	return func(b []string) bool {
		return d[0] == b[0] && (d[0] != "rename-command" || len(b) > 2 && d[2] == b[2])
	}
}

// resetEdit takes a directive back.
func resetEdit(d []string) failover.Edit {
	if d[0] == "rename-command" {
		return failover.Edit{Option: d[0], Values: []string{d[2], d[2]}}
	}
	for _, e := range defaultEdits() {
		if e.Option == d[0] {
			return e
		}
	}
	return failover.Edit{Option: d[0], Values: []string{""}}
}

// defaultEdits are the per-master directives with one value, at their defaults.
func defaultEdits() []failover.Edit {
	s := failover.DefaultSettings(1)
	millis := func(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }
	values := map[string]string{
		"down-after-milliseconds":         millis(s.DownAfter),
		"failover-timeout":                millis(s.FailoverTimeout),
		"parallel-syncs":                  strconv.Itoa(s.ParallelSyncs),
		"master-reboot-down-after-period": millis(s.RebootDownAfter),
		"crash-down-after-milliseconds":   millis(s.CrashDownAfter),
	}
	var edits []failover.Edit
	for _, option := range failover.Options() {
		if failover.OptionValues(option) == 1 && option != "quorum" && option != "primary-reboot-down-after-period" {
			edits = append(edits, failover.Edit{Option: option, Values: []string{values[option]}})
		}
	}
	return edits
}

// newerInFile finds the masters of which the file knows a later failover than we
// do: a sentinel of Redis used it meanwhile.
func newerInFile(file, known *failover.Agreed, at time.Time) []failover.Command {
	var cs []failover.Command
	for i := range file.Masters {
		f := &file.Masters[i]
		m := known.Master(f.Name)
		if m == nil || f.ConfigEpoch <= m.ConfigEpoch {
			continue
		}
		cs = append(cs, failover.Command{At: at, Body: failover.Adopt{
			Name: f.Name, Old: m.Addr, Addr: f.Addr, ConfigEpoch: f.ConfigEpoch, Why: "operator",
		}})
	}
	return cs
}

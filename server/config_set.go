package server

import (
	"errors"
	"slices"
	"strings"

	"github.com/vedette-ha/vedette/internal/glob"
	"github.com/vedette-ha/vedette/internal/resp"
)

// Pair is the name of a directive and a value.
type Pair struct{ Name, Value string }

// Get returns the directives that match any of the patterns, aliases included,
// in the order of their names, each once. A whole name is returned as it was
// asked for, whatever its case; hidden directives are found that way only.
func (c *Config) Get(patterns ...string) []Pair {
	var out []Pair
	for i := range c.rows {
		d := &c.rows[i]
		for _, name := range []string{d.name, d.alias} {
			if as := d.matches(name, patterns); name != "" && as != "" {
				out = append(out, Pair{as, d.v.String()})
			}
		}
	}
	slices.SortFunc(out, func(a, b Pair) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// matches returns how the first pattern that matches wants name to be called,
// "" if none does.
func (d *directive) matches(name string, patterns []string) string {
	for _, p := range patterns {
		if strings.EqualFold(name, p) {
			return p
		}
		if d.flags&hidden == 0 && glob.MatchFold(p, name) {
			return name
		}
	}
	return ""
}

// SetContext is what CONFIG SET needs to know about its caller.
type SetContext struct {
	Loading bool // the data set is being loaded
	Local   bool // the client is on loopback or a Unix socket
}

// Set changes directives as CONFIG SET does: all or none. New values are stored
// first, then the hooks of those that changed run once each; if one fails,
// everything is put back, and the hooks that ran run again with the old values.
// The error is Redis's.
func (c *Config) Set(pairs []Pair, by SetContext) error {
	rows, err := c.settable(pairs, by)
	if err != nil {
		return err
	}
	var undo []func()
	putBack := func() {
		for _, u := range slices.Backward(undo) {
			u()
		}
	}
	var due []dueHook
	for i, d := range rows {
		undo = append(undo, d.v.keep())
		changed, err := d.change(pairs[i].Value)
		if err != nil {
			putBack()
			return setFailed(pairs[i].Name, err)
		}
		if h := c.hooks[d.name]; changed && h != nil && !isDue(due, h) {
			due = append(due, dueHook{h, pairs[i].Name})
		}
	}
	for i, h := range due {
		if err := h.apply(); err != nil {
			putBack()
			for _, ran := range due[:i+1] {
				_ = ran.apply() // back to values that were in force a moment ago
			}
			return setFailed(h.arg, err)
		}
	}
	return nil
}

// dueHook is a hook to run and the argument that asked for it.
type dueHook struct {
	*hook
	arg string
}

func isDue(due []dueHook, h *hook) bool {
	return slices.ContainsFunc(due, func(d dueHook) bool { return d.hook == h })
}

func setFailed(name string, err error) error {
	return resp.Errorf("ERR CONFIG SET failed (possibly related to argument '%s') - %s", name, err)
}

// settable looks the directives up and refuses what may not be set, whatever
// the values are.
func (c *Config) settable(pairs []Pair, by SetContext) ([]*directive, error) {
	rows := make([]*directive, len(pairs))
	var refused error
	for i, p := range pairs {
		name := strings.ToLower(p.Name)
		d := c.byName[name]
		switch {
		case d == nil && refused == nil:
			return nil, resp.Errorf(
				"ERR Unknown option or number of arguments for CONFIG SET - '%s'", p.Name)
		case d == nil:
			continue
		}
		rows[i] = d
		if refused != nil {
			continue
		}
		if why := c.refusal(d, by, pairs[:i], name); why != "" {
			refused = setFailed(p.Name, errors.New(why))
		} else if d.flags&denyLoading != 0 && by.Loading {
			refused = errLoading
		}
	}
	return rows, refused
}

// refusal says why the directive called name may not be set, "" if it may.
func (c *Config) refusal(d *directive, by SetContext, before []Pair, name string) string {
	switch {
	case d.flags&immutable != 0:
		return "can't set immutable config"
	case d.flags&protected != 0 && !c.EnableProtectedConfigs.Allowed(by.Local):
		return "can't set protected config"
	case slices.ContainsFunc(before, func(p Pair) bool { return strings.EqualFold(p.Name, name) }):
		return "duplicate parameter"
	}
	return ""
}

// change stores the value CONFIG SET gives and reports whether it is another.
func (d *directive) change(val string) (bool, error) {
	args := []string{val}
	if d.flags&multiArg != 0 && val != "" {
		args = strings.Split(val, " ")
	}
	old := d.v.String()
	if err := d.v.set(args); err != nil {
		return false, err
	}
	return d.v.String() != old, nil
}

type hook struct{ apply func() error }

// OnChange has apply called when [Config.Set] changed one of the directives, or
// put it back because a later hook failed. The text of its error is what the
// client reads behind "CONFIG SET failed (possibly related to argument 'x') - ".
// A hook registered for several names runs once a Set. Unknown names, and a
// second hook for one name, are bugs and panic.
func (c *Config) OnChange(apply func() error, names ...string) {
	h := &hook{apply}
	for _, name := range names {
		if d := c.byName[name]; d == nil || d.name != name {
			panic("server: hook for unknown directive " + name)
		}
		if c.hooks[name] != nil {
			panic("server: two hooks for directive " + name)
		}
		c.hooks[name] = h
	}
}

package server

import (
	"slices"

	"github.com/vedette-ha/vedette/internal/conf"
)

// errNoFile says that the server was started without a file.
const errNoFile = configError("The server is running without a config file")

// Rewrite writes the running configuration back into the file the server was
// started with, as CONFIG REWRITE does: lines of the operator stay where they
// are with their values replaced; comments, includes, users and renamed commands
// stay; lines of unknown directives become comments; what differs from its
// default and has no line is appended. The text of an error is the system's, as
// CONFIG REWRITE shows it.
func (c *Config) Rewrite() error { return c.rewrite(false) }

// rewrite is Rewrite; with all, every directive gets a line.
func (c *Config) rewrite(all bool) error {
	if c.file == "" {
		return errNoFile
	}
	f, err := conf.OpenFile(c.file, c.lineKey)
	if err == nil {
		err = conf.WriteAtomic(c.file, c.rewritten(f, all), 0o644)
	}
	if err != nil {
		return systemError(err)
	}
	return nil
}

func (c *Config) rewritten(f *conf.File, all bool) []byte {
	for i := range c.rows {
		d := &c.rows[i]
		f.Drop(d.name)
		for n, line := range d.v.lines() {
			isDefault := n < len(d.def) && line == d.def[n] && d.flags&alwaysWrite == 0
			f.Put(d.name, d.name+" "+line, all || !isDefault)
		}
	}
	return f.Bytes()
}

// lineKey tells the rewriter which directive a line of the file belongs to.
func (c *Config) lineKey(d conf.Directive) (key string, keep bool) {
	if row := c.byName[d.Name]; row != nil {
		return row.name, false
	}
	if d.Name == "user" && len(d.Args) > 0 && d.Args[0] == "default" {
		return "", false // the password is in requirepass, and that may have changed
	}
	return "", slices.Contains([]string{"include", "user", "rename-command"}, d.Name)
}

package server

import (
	"path/filepath"
	"slices"
	"strings"

	"github.com/vedette-ha/vedette/internal/conf"
)

// NewConfig is the configuration of a server started without a file. Its file
// for [Config.Rewrite] is none, its directory the working directory.
func NewConfig() *Config {
	c := &Config{byName: map[string]*directive{}, hooks: map[string]*hook{}}
	c.rows = c.directives()
	slices.SortFunc(c.rows, func(a, b directive) int { return strings.Compare(a.name, b.name) })
	for i := range c.rows {
		d := &c.rows[i]
		d.def = d.v.lines()
		c.index(d.name, d)
		if d.alias != "" {
			c.index(d.alias, d)
		}
	}
	return c
}

func (c *Config) index(name string, d *directive) {
	if c.byName[name] != nil {
		panic("server: two directives called " + name)
	}
	c.byName[name] = d
}

// LoadConfig makes a configuration from defaults, the directives of a file and
// those of the command line, in that order. file is the path CONFIG REWRITE
// writes to, "" for none. A directive that cannot be used is a [*conf.Error];
// for an unknown name its text suggests the nearest known one.
func LoadConfig(file string, directives []conf.Directive) (*Config, error) {
	c := NewConfig()
	if file != "" {
		abs, err := filepath.Abs(file)
		if err != nil {
			return nil, err
		}
		c.file = abs
	}
	saveSeen := false
	for _, d := range directives {
		if d.Name == "save" && saveSeen {
			if err := c.addSavePoints(d); err != nil {
				return nil, err
			}
			continue
		}
		saveSeen = saveSeen || d.Name == "save"
		if err := c.load(d); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// load applies one line of a file.
func (c *Config) load(d conf.Directive) error {
	if load, ok := fileOnly()[d.Name]; ok {
		return load(c, d)
	}
	row := c.byName[d.Name]
	if row == nil && slices.Contains(goneDirectives(), d.Name) && len(d.Args) == 1 {
		return nil
	}
	if row == nil {
		return d.Errorf("%w", unknownDirective(d, c.names()))
	}
	args, err := row.lineArgs(d.Args)
	if err != nil {
		return d.Errorf("%w", err)
	}
	if err := row.v.set(args); err != nil {
		return d.Errorf("%w", err)
	}
	return nil
}

// goneDirectives are those that Redis no longer has and still accepts in files.
func goneDirectives() []string {
	return []string{"list-max-ziplist-entries", "list-max-ziplist-value", "lua-replicate-commands"}
}

// errBadDirective is Redis's text for a name it does not know and for a wrong
// number of arguments of one it does.
const errBadDirective = configError("Bad directive or wrong number of arguments")

type unknownError struct{ nearest string }

func (e unknownError) Error() string {
	if e.nearest == "" {
		return errBadDirective.Error()
	}
	return errBadDirective.Error() + " (did you mean '" + e.nearest + "'?)"
}

func (unknownError) Unwrap() error { return errBadDirective }

func unknownDirective(d conf.Directive, known []string) error {
	return unknownError{conf.Nearest(d.Name, known)}
}

// lineArgs checks how many arguments a line has. A directive that takes several
// may get them in one.
func (d *directive) lineArgs(args []string) ([]string, error) {
	switch {
	case len(args) != 1 && d.flags&multiArg == 0:
		return nil, errArgCount
	case len(args) == 1 && d.flags&multiArg != 0 && args[0] != "":
		return conf.SplitArgs(args[0])
	}
	return args, nil
}

// addSavePoints is a second save line of a file, which adds to the first.
func (c *Config) addSavePoints(d conf.Directive) error {
	row := c.byName["save"]
	args, err := row.lineArgs(d.Args)
	if err == nil {
		err = row.v.(saveValue).add(args)
	}
	if err != nil {
		return d.Errorf("%w", err)
	}
	return nil
}

// fileOnly are the directives that only a file or the command line can give.
func fileOnly() map[string]func(*Config, conf.Directive) error {
	return map[string]func(*Config, conf.Directive) error{
		"user":           (*Config).loadUser,
		"rename-command": (*Config).loadRename,
		"loadmodule":     (*Config).refuseModule,
		"sentinel":       (*Config).refuseSentinel,
		"include":        (*Config).refuseInclude,
	}
}

func (c *Config) loadUser(d conf.Directive) error {
	if len(d.Args) == 0 {
		return d.Errorf("%w", errBadDirective)
	}
	if slices.ContainsFunc(c.Users, func(u ConfigUser) bool { return u.Name == d.Args[0] }) {
		return d.Errorf("Error in user declaration '%s': Duplicate user found. A user can only be defined once in config files", d.Args[0])
	}
	u := ConfigUser{Name: d.Args[0], Rules: d.Args[1:]}
	if err := c.checkUser(u); err != nil {
		return d.Errorf("Error in user declaration '%s': %w", u.Name, err)
	}
	c.Users = append(c.Users, u)
	return nil
}

func (c *Config) loadRename(d conf.Directive) error {
	if len(d.Args) != 2 {
		return d.Errorf("%w", errBadDirective)
	}
	c.RenamedCommands = append(c.RenamedCommands, d)
	return nil
}

func (c *Config) refuseModule(d conf.Directive) error {
	return d.Errorf("modules cannot be loaded")
}

func (c *Config) refuseSentinel(d conf.Directive) error {
	return d.Errorf("sentinel directive while not in sentinel mode")
}

// refuseInclude meets an include with the wrong number of arguments; the others
// were followed when the file was read.
func (c *Config) refuseInclude(d conf.Directive) error {
	return d.Errorf("%w", errBadDirective)
}

// names are all names a file may use, for suggestions.
func (c *Config) names() []string {
	var all []string
	for _, d := range c.rows {
		all = append(all, d.name)
	}
	for _, d := range c.rows {
		if d.alias != "" {
			all = append(all, d.alias)
		}
	}
	return append(all, "user", "rename-command", "include")
}

// File is the absolute path of the configuration file, "" when there is none.
func (c *Config) File() string { return c.file }

// Inert returns the names of the directives that were set away from their default
// and have no meaning here, for one line of the log.
func (c *Config) Inert() []string {
	var names []string
	for i := range c.rows {
		if d := &c.rows[i]; d.flags&inert != 0 && !slices.Equal(d.def, d.v.lines()) {
			names = append(names, d.name)
		}
	}
	return names
}

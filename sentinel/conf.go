package sentinel

import (
	"errors"
	"fmt"
	"net/netip"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/vedette-ha/vedette/failover"
	"github.com/vedette-ha/vedette/internal/conf"
)

// Conf is a sentinel.conf that was read: what it says about the sentinel and the
// masters, and the directives it has in common with redis.conf.
type Conf struct {
	Config Config
	// RewriteConfig is rewrite-config: whether the file is kept up to date.
	RewriteConfig bool
	// Plain are the directives that do not begin with "sentinel", in their order.
	// Of these only port, bind, protected-mode, requirepass, maxclients, loglevel, dir
	// and those about users are understood here; the caller checks and uses them all.
	Plain []conf.Directive

	path     string
	monitors map[string]conf.Directive // by master, for messages
}

// DefaultPort is where a sentinel listens unless told otherwise.
const DefaultPort = 26379

// ReadConf reads the file at path, and the directives behind it, which win. Errors
// that concern a line are a [*conf.Error] and name what is allowed there.
func ReadConf(path string, more ...conf.Directive) (*Conf, error) {
	ds, err := conf.Load(path)
	if err != nil {
		return nil, err
	}
	return NewConf(path, append(ds, more...))
}

// NewConf is ReadConf of directives that were read already; path is where
// [Conf.Rewrite] goes.
func NewConf(path string, ds []conf.Directive) (*Conf, error) {
	c := &Conf{
		Config: Config{
			Port: DefaultPort, MaxClients: 10000, File: path,
			Initial: &failover.Agreed{Masters: []failover.Master{}},
		},
		RewriteConfig: true, path: path, monitors: map[string]conf.Directive{},
	}
	// Lines come in any order: what masters depend on is read first, then the
	// masters, then what names one.
	var queues [queueCount][]conf.Directive
	for _, d := range ds {
		if d.Name != "sentinel" {
			c.Plain = append(c.Plain, d)
			continue
		}
		row, err := confRow(d)
		if err != nil {
			return nil, err
		}
		queues[row.queue] = append(queues[row.queue], d)
	}
	for _, d := range c.Plain {
		if err := c.plain(d); err != nil {
			return nil, err
		}
	}
	for _, d := range slices.Concat(queues[:]...) {
		row, _ := confRow(d) // it was found above
		if err := row.read(c, d, d.Args[1:]); err != nil {
			var line *conf.Error
			if !errors.As(err, &line) {
				err = d.Errorf("%w", err)
			}
			return nil, err
		}
	}
	return c, nil
}

// plain reads the few directives of redis.conf that the sentinel itself needs.
func (c *Conf) plain(d conf.Directive) error {
	number := func(into *int, least, most int) error {
		n, err := strconv.Atoi(strings.Join(d.Args, " "))
		if err != nil || n < least || n > most {
			return d.Errorf("%s must be a number from %d to %d", d.Name, least, most)
		}
		*into = n
		return nil
	}
	switch {
	case d.Name == "port":
		return number(&c.Config.Port, 1, 65535)
	case d.Name == "tls-port" && !slices.Equal(d.Args, []string{"0"}),
		d.Name == "tls-replication" && !slices.Equal(d.Args, []string{"no"}):
		return d.Errorf("a sentinel does not speak TLS: whoever asks for it would get plain text instead")
	case d.Name == "maxclients":
		return number(&c.Config.MaxClients, 1, 1<<31-1)
	case d.Name == "bind":
		c.Config.Bind = d.Args
	case d.Name == "requirepass" && len(d.Args) == 1:
		c.Config.RequirePass = d.Args[0]
	case d.Name == "dir" && len(d.Args) == 1:
		c.Config.Dir = d.Args[0]
	case d.Name == "aclfile" && len(d.Args) == 1 && d.Args[0] != "":
		path, err := filepath.Abs(d.Args[0])
		c.Config.ACLFile = path
		return err
	case d.Name == "acllog-max-len":
		err := number(&c.Config.ACLLogMost, 0, 1<<31-1)
		if c.Config.ACLLogMost == 0 {
			c.Config.ACLLogMost = -1
		}
		return err
	case d.Name == "acl-pubsub-default" && len(d.Args) == 1:
		c.Config.ACLAllChannels = d.Args[0] == "allchannels"
	case d.Name == "user" && len(d.Args) > 0:
		c.Config.Users = append(c.Config.Users, User{d.Args[0], d.Args[1:]})
	case d.Name == "loglevel" && len(d.Args) == 1:
		c.Config.LogLevel = strings.ToLower(d.Args[0])
	case d.Name == "protected-mode" && len(d.Args) == 1:
		on, err := conf.ParseBool(d.Args[0])
		if err != nil {
			return d.Errorf("%w", err)
		}
		c.Config.ProtectedMode = on
	}
	return nil
}

// inDir is where path leads once the sentinel has entered dir.
func (c *Conf) inDir(path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(c.Config.Dir, path)
}

// master finds the master a directive names.
func (c *Conf) master(d conf.Directive, name string) (*failover.Master, error) {
	if m := c.Config.Initial.Master(name); m != nil {
		return m, nil
	}
	known := masterNames(c.Config.Initial)
	if near := conf.Nearest(name, known); near != "" {
		return nil, d.Errorf("No such master with specified name: %s; did you mean %s?", name, near)
	}
	return nil, d.Errorf("No such master with specified name: %s", name)
}

// addr reads a host and a port; a host name needs resolve-hostnames.
func (c *Conf) addr(host, port string) (failover.Addr, error) {
	n, err := strconv.Atoi(port)
	if err != nil || n < 1 || n > 65535 {
		return failover.Addr{}, fmt.Errorf("Invalid port number: %s; 1 to 65535 are allowed", port)
	}
	if _, err := netip.ParseAddr(host); err != nil && !c.Config.ResolveHostnames {
		return failover.Addr{}, fmt.Errorf("Can't resolve instance hostname %s: "+
			"host names need \"sentinel resolve-hostnames yes\"", host)
	}
	return failover.Addr{Host: host, Port: n}, nil
}

// known adds a sentinel of one master; the address in the last line about one counts.
func (c *Conf) known(k KnownSentinel) {
	for i := range c.Config.Known {
		if old := &c.Config.Known[i]; old.ID == k.ID {
			old.Addr = k.Addr
			if !slices.Contains(old.Masters, k.Masters[0]) {
				old.Masters = append(old.Masters, k.Masters...)
			}
			return
		}
	}
	c.Config.Known = append(c.Config.Known, k)
}

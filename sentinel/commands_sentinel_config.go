package sentinel

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/vedette-ha/vedette/failover"
	"github.com/vedette-ha/vedette/internal/conf"
	"github.com/vedette-ha/vedette/internal/glob"
	"github.com/vedette-ha/vedette/internal/resp"
)

// setting is a parameter of SENTINEL CONFIG.
type setting struct {
	name string
	get  func(c *Config) string
	set  func(c *Config, value string) bool // false: it does not take this value
}

// settings lists them in the order SENTINEL CONFIG GET shows them.
func settings() []setting {
	onOff := func(field func(c *Config) *bool) setting {
		return setting{
			get: func(c *Config) string {
				if *field(c) {
					return "yes"
				}
				return "no"
			},
			set: func(c *Config, value string) bool {
				on, err := conf.ParseBool(value)
				*field(c) = on
				return err == nil
			},
		}
	}
	text := func(field func(c *Config) *string) setting {
		return setting{
			get: func(c *Config) string { return *field(c) },
			set: func(c *Config, value string) bool { *field(c) = value; return true },
		}
	}
	named := func(name string, s setting) setting { s.name = name; return s }
	return []setting{
		named("resolve-hostnames", onOff(func(c *Config) *bool { return &c.ResolveHostnames })),
		named("announce-hostnames", onOff(func(c *Config) *bool { return &c.AnnounceHostnames })),
		named("announce-ip", text(func(c *Config) *string { return &c.AnnounceIP })),
		{"announce-port", func(c *Config) string { return strconv.Itoa(c.AnnouncePort) }, setAnnouncePort},
		named("sentinel-user", text(func(c *Config) *string { return &c.SentinelUser })),
		named("sentinel-pass", text(func(c *Config) *string { return &c.SentinelPass })),
		{"loglevel", func(c *Config) string { return c.LogLevel }, setLogLevel},
	}
}

func setAnnouncePort(c *Config, value string) bool {
	n, ok := resp.ParseInt([]byte(value))
	if !ok || n < 0 || n > 65535 {
		return false
	}
	c.AnnouncePort = int(n)
	return true
}

// logLevels are the values of loglevel.
var logLevels = []string{"debug", "verbose", "notice", "warning", "nothing"}

func setLogLevel(c *Config, value string) bool {
	value = strings.ToLower(value)
	c.LogLevel = value
	return slices.Contains(logLevels, value)
}

// SENTINEL CONFIG GET pattern [pattern ...] | SET parameter value [parameter value ...]
func sentinelConfig(ctx context.Context, c *session, args [][]byte) error {
	switch {
	case is(args[2], "set") && len(args) >= 5:
		return c.configSet(ctx, args[3:])
	case is(args[2], "get"):
		c.configGet(args[3:])
		return nil
	}
	return resp.NewError("ERR Only SENTINEL CONFIG GET <param> [<param> <param> ...] / " +
		"SET <param> <value> [<param> <value> ...] are supported.")
}

// configGet writes the parameters that match, each once, in the order of the patterns.
func (c *session) configGet(patterns [][]byte) {
	config := c.s.settings()
	var f fields
	seen := map[string]bool{}
	for _, p := range patterns {
		for _, s := range settings() {
			if !seen[s.name] && glob.MatchFold(string(p), s.name) {
				seen[s.name] = true
				f.text(s.name, s.get(&config))
			}
		}
	}
	f.write(&c.w)
}

// configSet changes all of the parameters or, if one of them is wrong, none.
func (c *session) configSet(ctx context.Context, words [][]byte) error {
	if err := checkConfigSet(words); err != nil {
		return err
	}
	before, after := c.s.configure(func(config *Config) {
		for i := 0; i < len(words); i += 2 {
			findSetting(words[i]).set(config, string(words[i+1]))
		}
	})
	if before.LogLevel != after.LogLevel && c.s.opts.SetLogLevel != nil {
		c.s.opts.SetLogLevel(after.LogLevel)
	}
	if before.AnnounceHostnames != after.AnnounceHostnames {
		shown := failover.SetHostnames{At: time.Now(), Shown: after.AnnounceHostnames}
		if err := c.s.do(ctx, func(lp *loop) { lp.step(shown) }); err != nil {
			return err
		}
	}
	if before.SentinelUser != after.SentinelUser || before.SentinelPass != after.SentinelPass {
		if err := c.s.do(ctx, (*loop).reopenPeers); err != nil {
			return err
		}
	}
	return sentinelFlushConfig(ctx, c, nil)
}

func checkConfigSet(words [][]byte) error {
	seen := map[string]bool{}
	for i := 0; i < len(words); i += 2 {
		s := findSetting(words[i])
		if s == nil {
			return resp.Errorf("ERR Invalid argument '%s' to SENTINEL CONFIG SET", words[i])
		}
		if seen[s.name] {
			return resp.Errorf("ERR Duplicate argument '%s' to SENTINEL CONFIG SET", words[i])
		}
		seen[s.name] = true
		if i+1 == len(words) {
			return resp.Errorf("ERR Missing argument '%s' value", words[i])
		}
		if !s.set(&Config{}, string(words[i+1])) {
			return resp.Errorf("ERR Invalid value '%s' to SENTINEL CONFIG SET '%s'", words[i+1], words[i])
		}
	}
	return nil
}

func findSetting(name []byte) *setting {
	for _, s := range settings() {
		if is(name, s.name) {
			return &s
		}
	}
	return nil
}

// configure changes the configuration in force.
func (s *Sentinel) configure(change func(*Config)) (before, after Config) {
	s.mu.Lock()
	defer s.mu.Unlock()
	before = s.config
	change(&s.config)
	return before, s.config
}

// reopenPeers makes the links to other sentinels anew: they log in with other words.
func (lp *loop) reopenPeers() {
	for node, n := range lp.links {
		if node.IsSentinel() {
			n.command.reset()
		}
	}
}

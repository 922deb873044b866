package server

import (
	"github.com/vedette-ha/vedette/internal/resp"
	"github.com/vedette-ha/vedette/server/command"
)

// configCommands: https://redis.io/docs/latest/commands/config/
func (s *Server) configCommands() []command.Row {
	return []command.Row{
		{Name: "CONFIG GET", Run: s.cmdConfigGet},
		{Name: "CONFIG SET", Run: s.cmdConfigSet},
		{Name: "CONFIG REWRITE", Run: s.cmdConfigRewrite},
		{Name: "CONFIG RESETSTAT", Run: s.cmdConfigResetStat},
		{Name: "CONFIG HELP", Run: cmdConfigHelp},
	}
}

// CONFIG GET parameter [parameter ...]
func (s *Server) cmdConfigGet(c *command.Ctx) error {
	patterns := make([]string, len(c.Args)-2)
	for i, a := range c.Args[2:] {
		patterns[i] = string(a)
	}
	pairs := s.cfg.Get(patterns...)
	c.Out.Map(len(pairs))
	for _, p := range pairs {
		c.Out.BulkString(p.Name)
		c.Out.BulkString(p.Value)
	}
	return nil
}

// CONFIG SET parameter value [parameter value ...]
func (s *Server) cmdConfigSet(c *command.Ctx) error {
	if len(c.Args)%2 != 0 {
		return resp.ErrSyntax
	}
	var pairs []Pair
	for i := 2; i < len(c.Args); i += 2 {
		pairs = append(pairs, Pair{string(c.Args[i]), string(c.Args[i+1])})
	}
	by := SetContext{Loading: s.loading != nil, Local: sessionOf(c).isLocal()}
	if err := s.cfg.Set(pairs, by); err != nil {
		return err
	}
	s.applyConfig()
	c.Out.Status("OK")
	return nil
}

// CONFIG REWRITE
func (s *Server) cmdConfigRewrite(c *command.Ctx) error {
	if s.cfg.File() == "" {
		return resp.Errorf("ERR The server is running without a config file")
	}
	if err := s.cfg.Rewrite(); err != nil {
		s.log.Warn().Err(err).Str("path", s.cfg.File()).Msg("CONFIG REWRITE failed")
		return resp.Errorf("ERR Rewriting config file: %s", err)
	}
	s.log.Info().Msg("CONFIG REWRITE executed with success.")
	c.Out.Status("OK")
	return nil
}

// CONFIG RESETSTAT
func (s *Server) cmdConfigResetStat(c *command.Ctx) error {
	s.stats = stats{peakMemory: s.stats.peakMemory, lazyFreedBefore: s.space.Stats().LazyFreed}
	s.lookups = command.Lookups{}
	s.evicting.over = false
	s.repl.ResetStats()
	for _, cmd := range s.table.All() {
		cmd.Stats.Reset()
		for _, sub := range cmd.Subs {
			sub.Stats.Reset()
		}
	}
	c.Out.Status("OK")
	return nil
}

// CONFIG HELP
func cmdConfigHelp(c *command.Ctx) error {
	c.Help(
		"GET <pattern>",
		"    Return parameters matching the glob-like <pattern> and their values.",
		"SET <directive> <value>",
		"    Set the configuration <directive> to <value>.",
		"RESETSTAT",
		"    Reset statistics reported by the INFO command.",
		"REWRITE",
		"    Rewrite the configuration file.",
	)
	return nil
}

package server

import (
	"slices"

	"github.com/vedette-ha/vedette/server/command"
)

// adminCommands: https://redis.io/docs/latest/commands/?group=server
func (s *Server) adminCommands() []command.Row {
	return slices.Concat(s.slowlogCommands(), s.configCommands(), s.commandCommands(), s.latencyCommands(), s.memoryCommands(), s.dataCommands(), []command.Row{
		{Name: "INFO", Run: s.cmdInfo},
		{Name: "DEBUG", Run: s.cmdDebug},
		{Name: "LOLWUT", Run: s.cmdLolwut},
		{Name: "MONITOR", Run: s.cmdMonitor},
	})
}

package server

import (
	"os"
	"syscall"
	"time"

	"github.com/vedette-ha/vedette/internal/resp"
	"github.com/vedette-ha/vedette/server/command"
)

// crashRows are the subcommands of DEBUG that end the process, for those who want to see
// what happens then.
func (s *Server) crashRows() []command.Row {
	crash := func(sig syscall.Signal, why string) func(*command.Ctx) error {
		return func(c *command.Ctx) error {
			if len(c.Args) != 2 {
				return debugUnknown(c)
			}
			s.log.Error().Msg(why)
			return s.crash(sig)
		}
	}
	return []command.Row{
		{Name: "SEGFAULT", Run: crash(syscall.SIGSEGV, "Redis "+Version+" crashed by signal: 11, as DEBUG SEGFAULT asked for")},
		{Name: "ASSERT", Run: crash(syscall.SIGABRT, "=== ASSERTION FAILED === as DEBUG ASSERT asked for")},
		{Name: "PANIC", Run: crash(syscall.SIGABRT, "Guru Meditation: called by Unit Test, as DEBUG PANIC asked for")},
		{Name: "OOM", Run: crash(syscall.SIGABRT, "Out Of Memory allocating, as DEBUG OOM asked for")},
		{Name: "RESTART", Run: s.cmdDebugRestart},
		{Name: "CRASH-AND-RECOVER", Run: s.cmdDebugRestart},
	}
}

// crash ends the process as the signal does, which the runtime answers with the stacks
// of all goroutines.
func (s *Server) crash(sig syscall.Signal) error {
	if err := syscall.Kill(os.Getpid(), sig); err != nil {
		return err
	}
	select {} // the signal is on its way
}

// DEBUG RESTART [milliseconds]: an end with a last save, and a new start
// DEBUG CRASH-AND-RECOVER [milliseconds]: the same at once, with what the file has
func (s *Server) cmdDebugRestart(c *command.Ctx) error {
	delay := int64(0)
	if len(c.Args) >= 3 {
		ms, ok := resp.ParseInt(c.Args[2])
		if !ok {
			return resp.ErrNotInteger
		}
		delay = max(ms, 0)
	}
	exe, err := os.Executable()
	if err != nil {
		return resp.Errorf("ERR failed to restart the server. Check server logs.")
	}
	if equalFold(c.Args[1], "RESTART") {
		if s.cfg.File() != "" && s.cfg.Rewrite() != nil || !s.finishShutdown(0) {
			return resp.Errorf("ERR failed to restart the server. Check server logs.")
		}
	}
	time.Sleep(time.Duration(delay) * time.Millisecond) // nobody is served meanwhile
	err = syscall.Exec(exe, os.Args, os.Environ())
	s.log.Error().Err(err).Msg("the server cannot be started again")
	return s.crash(syscall.SIGABRT)
}

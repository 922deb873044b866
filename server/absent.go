package server

import (
	"github.com/vedette-ha/vedette/internal/resp"
	"github.com/vedette-ha/vedette/server/command"
)

// absentCommands are about what this server does not have, as far as a Redis that has
// none of it answers, too: no cluster mode, no module, no script and no function. Many
// programs ask before they do anything else.
func (s *Server) absentCommands() []command.Row {
	rows := []command.Row{
		{Name: "MODULE LIST", Run: cmdEmptyList},
		{Name: "MODULE LOAD", Run: s.cmdModuleLoad},
		{Name: "MODULE LOADEX", Run: s.cmdModuleLoad},
		{Name: "MODULE UNLOAD", Run: refuse("ERR Error unloading module: no such module with that name")},
		{Name: "MODULE HELP", Run: cmdModuleHelp},
		{Name: "SCRIPT EXISTS", Run: cmdScriptExists},
		{Name: "SCRIPT FLUSH", Run: cmdScriptFlush},
		{Name: "SCRIPT KILL", Run: refuse("NOTBUSY No scripts in execution right now.")},
		{Name: "FUNCTION LIST", Run: cmdFunctionList},
		{Name: "FUNCTION FLUSH", Run: cmdFunctionFlush},
		{Name: "FUNCTION DELETE", Run: refuse("ERR Library not found")},
		{Name: "FUNCTION KILL", Run: refuse("NOTBUSY No scripts in execution right now.")},
	}
	for _, name := range clusterCommands() {
		rows = append(rows, command.Row{Name: name, Run: refuse("ERR This instance has cluster support disabled")})
	}
	return rows
}

func clusterCommands() []string {
	names := []string{"ASKING", "READONLY", "READWRITE"}
	for _, sub := range []string{"ADDSLOTS", "ADDSLOTSRANGE", "BUMPEPOCH", "COUNT-FAILURE-REPORTS", "COUNTKEYSINSLOT",
		"DELSLOTS", "DELSLOTSRANGE", "FAILOVER", "FLUSHSLOTS", "FORGET", "GETKEYSINSLOT", "HELP", "INFO", "KEYSLOT",
		"LINKS", "MEET", "MYID", "MYSHARDID", "NODES", "REPLICAS", "REPLICATE", "RESET", "SAVECONFIG",
		"SET-CONFIG-EPOCH", "SETSLOT", "SHARDS", "SLAVES", "SLOTS"} {
		names = append(names, "CLUSTER "+sub)
	}
	return names
}

// refuse answers every call with the same error.
func refuse(text string) func(*command.Ctx) error {
	return func(*command.Ctx) error { return resp.NewError(text) }
}

func cmdEmptyList(c *command.Ctx) error {
	c.Out.Array(0)
	return nil
}

// MODULE LOAD path [argument ...]
// MODULE LOADEX path [CONFIG name value ...] [ARGS argument ...]
func (s *Server) cmdModuleLoad(c *command.Ctx) error {
	s.log.Warn().Str("path", string(c.Args[2])).Msg("modules cannot be loaded")
	return resp.Errorf("ERR Error loading the extension. Please check the server logs.")
}

// MODULE HELP
func cmdModuleHelp(c *command.Ctx) error {
	c.Help(
		"LIST",
		"    Return a list of loaded modules.",
		"LOAD <path> [<arg> ...]",
		"    Load a module library from <path>, passing to it any optional arguments.",
		"LOADEX <path> [[CONFIG NAME VALUE] [CONFIG NAME VALUE]] [ARGS ...]",
		"    Load a module library from <path>, while passing it module configurations and optional arguments.",
		"UNLOAD <name>",
		"    Unload a module.",
	)
	return nil
}

// SCRIPT EXISTS sha1 [sha1 ...]
func cmdScriptExists(c *command.Ctx) error {
	c.Out.Array(len(c.Args) - 2)
	for range c.Args[2:] {
		c.Out.Int(0)
	}
	return nil
}

// SCRIPT FLUSH [ASYNC | SYNC]
func cmdScriptFlush(c *command.Ctx) error {
	if len(c.Args) > 3 || len(c.Args) == 3 && !syncOrAsync(c.Args[2]) {
		return resp.Errorf("ERR SCRIPT FLUSH only support SYNC|ASYNC option")
	}
	c.Out.Status("OK")
	return nil
}

// FUNCTION FLUSH [ASYNC | SYNC]
func cmdFunctionFlush(c *command.Ctx) error {
	switch {
	case len(c.Args) > 3:
		return resp.Errorf("ERR unknown subcommand or wrong number of arguments for '%s'. Try FUNCTION HELP.", clip(c.Args[1], 128))
	case len(c.Args) == 3 && !syncOrAsync(c.Args[2]):
		return resp.Errorf("ERR FUNCTION FLUSH only supports SYNC|ASYNC option")
	}
	c.AddDirty(1) // a replica that is a Redis may have some
	c.Out.Status("OK")
	return nil
}

func syncOrAsync(arg []byte) bool { return equalFold(arg, "SYNC") || equalFold(arg, "ASYNC") }

// FUNCTION LIST [LIBRARYNAME pattern] [WITHCODE]
func cmdFunctionList(c *command.Ctx) error {
	named, code := false, false
	for args := c.Args[2:]; len(args) > 0; args = args[1:] {
		switch {
		case !code && equalFold(args[0], "WITHCODE"):
			code = true
		case !named && equalFold(args[0], "LIBRARYNAME"):
			if args = args[1:]; len(args) == 0 {
				return resp.Errorf("ERR library name argument was not given")
			}
			named = true
		default:
			return resp.Errorf("ERR Unknown argument %s", clip(args[0], 128))
		}
	}
	c.Out.Array(0)
	return nil
}

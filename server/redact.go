package server

import (
	"strings"

	"github.com/vedette-ha/vedette/server/command"
)

// redacted stands for a secret in what others get to see.
var redacted = []byte("(redacted)")

// shown is a command as the slow log and MONITOR may show it: without passwords.
func (s *Server) shown(cmd *command.Command, args [][]byte) [][]byte {
	switch cmd.Name {
	case "AUTH":
		return hide(args, func(i int) bool { return i > 0 })
	case "HELLO":
		return hide(args, func(i int) bool {
			return i > 2 && equalFold(args[i-1], "AUTH") || i > 3 && equalFold(args[i-2], "AUTH")
		})
	case "MIGRATE":
		return hide(args, func(i int) bool {
			return i > 6 && (equalFold(args[i-1], "AUTH") || equalFold(args[i-1], "AUTH2") ||
				i > 7 && equalFold(args[i-2], "AUTH2"))
		})
	case "CONFIG SET":
		return hide(args, func(i int) bool { return i > 2 && i%2 == 1 && s.cfg.keepsSecret(string(args[i-1])) })
	}
	return args
}

// hide replaces the arguments whose place secret names.
func hide(args [][]byte, secret func(i int) bool) [][]byte {
	out := append([][]byte(nil), args...)
	for i := range out {
		if secret(i) {
			out[i] = redacted
		}
	}
	return out
}

// keepsSecret reports whether a directive's value stays out of logs.
func (c *Config) keepsSecret(name string) bool {
	for i := range c.rows {
		d := &c.rows[i]
		if d.flags&sensitive != 0 && (strings.EqualFold(name, d.name) || d.alias != "" && strings.EqualFold(name, d.alias)) {
			return true
		}
	}
	return false
}

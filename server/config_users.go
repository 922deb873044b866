package server

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
)

// There is one user, default, with or without a password, who may do everything. The
// file of a server that has more must not leave this one more open than it says.

// errUsers ends the start.
const errUsers = configError("Aborting startup: this server has one user, default, who may do everything, with requirepass as the password. It cannot enforce ")

// applyUsers takes over the password of user default and refuses what cannot be kept.
// Other users may be named: they cannot log in.
func (c *Config) applyUsers() error {
	if c.ACLFile != "" {
		return errUsers + "aclfile"
	}
	for _, u := range c.Users {
		if u.Name != "default" {
			continue
		}
		if bad := c.applyDefaultUser(u.Rules); bad != "" {
			return errUsers + configError("user default: "+bad)
		}
	}
	return nil
}

// applyDefaultUser returns the first rule that cannot be kept, or what lacks for "may do
// everything", or "".
func (c *Config) applyDefaultUser(rules []string) string {
	for _, rule := range rules {
		switch strings.ToLower(rule) {
		case "on", "nopass", "~*", "allkeys", "&*", "allchannels", "+@all", "allcommands", "sanitize-payload", "skip-sanitize-payload":
			continue
		}
		sum := sha256.Sum256([]byte(c.RequirePass))
		password, isPassword := strings.CutPrefix(rule, ">")
		switch {
		case isPassword && password != "" && (c.RequirePass == "" || c.RequirePass == password):
			c.RequirePass = password
		case c.RequirePass != "" && strings.EqualFold(rule, "#"+hex.EncodeToString(sum[:])):
		default:
			return redactRule(rule)
		}
	}
	for _, either := range [][]string{{"on"}, {"~*", "allkeys"}, {"+@all", "allcommands"}} {
		if !slices.ContainsFunc(rules, func(r string) bool { return slices.Contains(either, strings.ToLower(r)) }) {
			return "without " + either[0]
		}
	}
	return ""
}

// otherUsers are the names of those that cannot log in.
func (c *Config) otherUsers() (names []string) {
	for _, u := range c.Users {
		if u.Name != "default" {
			names = append(names, u.Name)
		}
	}
	return names
}

// redactRule hides a password.
func redactRule(rule string) string {
	if strings.HasPrefix(rule, ">") {
		return ">(redacted)"
	}
	return rule
}

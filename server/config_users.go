package server

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"

	"github.com/vedette-ha/vedette/internal/acl"
	"github.com/vedette-ha/vedette/server/command"
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

// checkUser refuses rules that Redis would not start with.
func (c *Config) checkUser(u ConfigUser) error {
	if !acl.ValidName(u.Name) {
		return configError("Spaces not allowed in ACL usernames")
	}
	if c.users == nil {
		var all []acl.Command
		for _, name := range command.Names() {
			all = append(all, acl.Command{Name: name})
		}
		c.users = acl.New(acl.NewCommands(all))
	}
	_, err := c.users.Set(u.Name, append([]string{"reset"}, u.Rules...))
	return err
}

// applyDefaultUser returns the first rule that cannot be kept, or what lacks for "may do
// everything", or "". As in Redis the rules say who may log in, whatever requirepass is;
// that only tells the password of a hash.
func (c *Config) applyDefaultUser(rules []string) string {
	password, open := "", false
	for _, rule := range rules {
		switch strings.ToLower(rule) {
		case "on", "~*", "allkeys", "&*", "allchannels", "+@all", "allcommands", "sanitize-payload", "skip-sanitize-payload":
			continue
		case "nopass", "resetpass":
			password, open = "", strings.EqualFold(rule, "nopass")
			continue
		}
		next := c.passwordOf(rule)
		if next == "" || password != "" && password != next {
			return redactRule(rule)
		}
		password, open = next, false
	}
	for _, either := range [][]string{{"on"}, {"~*", "allkeys"}, {"+@all", "allcommands"}} {
		if !slices.ContainsFunc(rules, func(r string) bool { return slices.Contains(either, strings.ToLower(r)) }) {
			return "without " + either[0]
		}
	}
	if password == "" && !open {
		return "without a password or nopass"
	}
	c.RequirePass = password
	return ""
}

// passwordOf is the password that a rule adds, "" if it adds none that is known.
func (c *Config) passwordOf(rule string) string {
	if password, ok := strings.CutPrefix(rule, ">"); ok {
		return password
	}
	sum := sha256.Sum256([]byte(c.RequirePass))
	if rule == "#"+hex.EncodeToString(sum[:]) {
		return c.RequirePass
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

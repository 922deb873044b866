package acl

import (
	"slices"
	"strings"

	"github.com/vedette-ha/vedette/internal/conf"
)

// selector is a set of permissions: commands, the keys they may be used with, and
// channels. One that is in use does not change.
type selector struct {
	allKeys, allChannels bool
	allCommands          bool // and nothing was taken away
	future               bool // commands that do not exist yet, too
	allowed              []uint64
	firstArgs            map[int][]string // allowed with these first arguments only
	keys                 []keyPattern
	channels             []string
	rules                []string // about commands, as they are shown: "+get", "-@write"
}

// keyPattern is a pattern of keys and what may be done with them.
type keyPattern struct {
	pattern     string
	read, write bool
}

func (k keyPattern) String() string {
	switch {
	case k.read && k.write:
		return "~" + k.pattern
	case k.read:
		return "%R~" + k.pattern
	}
	return "%W~" + k.pattern
}

func (s *selector) clone() *selector {
	c := *s
	c.allowed = slices.Clone(s.allowed)
	c.keys = slices.Clone(s.keys)
	c.channels = slices.Clone(s.channels)
	c.rules = slices.Clone(s.rules)
	if s.firstArgs != nil {
		c.firstArgs = make(map[int][]string, len(s.firstArgs))
		for id, args := range s.firstArgs {
			c.firstArgs[id] = slices.Clone(args)
		}
	}
	return &c
}

func (s *selector) has(id int) bool {
	return id>>6 < len(s.allowed) && s.allowed[id>>6]&(1<<(id&63)) != 0
}

// Why a rule is refused, in Redis's words.
const (
	errUnknown  ruleError = "Unknown command or category name in ACL"
	errSyntax   ruleError = "Syntax error"
	errAllKeys  ruleError = "Adding a pattern after the * pattern (or the 'allkeys' flag) is not valid and does not have any effect. Try 'resetkeys' to start with an empty list of patterns"
	errAllChans ruleError = "Adding a pattern after the * pattern (or the 'allchannels' flag) is not valid and does not have any effect. Try 'resetchannels' to start with an empty list of channels"
	errNoSuchPw ruleError = "The password you are trying to remove from the user does not exist"
	errBadHash  ruleError = "The password hash must be exactly 64 characters and contain only lowercase hexadecimal characters"
	errFirstArg ruleError = "Allowing first-arg of a subcommand is not supported"
)

type ruleError string

func (e ruleError) Error() string { return string(e) }

// apply changes s by one rule.
func (s *selector) apply(c *Commands, rule string) error {
	switch strings.ToLower(rule) {
	case "allkeys", "~*":
		s.allKeys, s.keys = true, nil
		return nil
	case "resetkeys":
		s.allKeys, s.keys = false, nil
		return nil
	case "allchannels", "&*":
		s.allChannels, s.channels = true, nil
		return nil
	case "resetchannels":
		s.allChannels, s.channels = false, nil
		return nil
	case "allcommands", "+@all":
		s.setAll(c, true)
		return nil
	case "nocommands", "-@all":
		s.setAll(c, false)
		return nil
	}
	switch {
	case rule == "":
		return errSyntax
	case rule[0] == '~' || rule[0] == '%':
		return s.addKeys(rule)
	case rule[0] == '&':
		return s.addChannel(rule[1:])
	case strings.HasPrefix(rule, "+@") || strings.HasPrefix(rule, "-@"):
		return s.setCategory(c, rule)
	case rule[0] == '+' && strings.Contains(rule, "|"):
		return s.allowPart(c, rule)
	case rule[0] == '+' || rule[0] == '-':
		return s.setCommand(c, rule)
	}
	return errSyntax
}

// setAll is +@all and -@all.
func (s *selector) setAll(c *Commands, on bool) {
	s.allCommands, s.future, s.firstArgs, s.rules = on, on, nil, nil
	s.allowed = make([]uint64, (len(c.list)+63)/64)
	if on {
		for i := range s.allowed {
			s.allowed[i] = ^uint64(0)
		}
	}
}

// addKeys is ~pattern, %R~pattern, %W~pattern and %RW~pattern.
func (s *selector) addKeys(rule string) error {
	if s.allKeys {
		return errAllKeys
	}
	k := keyPattern{pattern: rule[1:], read: true, write: true}
	if rule[0] == '%' {
		var ok bool
		if k, ok = parsePermission(rule[1:]); !ok {
			return errSyntax
		}
	}
	if hasSpaces(k.pattern) {
		return errSyntax
	}
	for i := range s.keys {
		if s.keys[i].pattern == k.pattern {
			s.keys[i].read, s.keys[i].write = s.keys[i].read || k.read, s.keys[i].write || k.write
			return nil
		}
	}
	s.keys = append(s.keys, k)
	return nil
}

// parsePermission reads what follows '%': R and W, each once, '~' and the pattern.
func parsePermission(text string) (k keyPattern, ok bool) {
	for i := range len(text) {
		switch {
		case (text[i] == 'R' || text[i] == 'r') && !k.read:
			k.read = true
		case (text[i] == 'W' || text[i] == 'w') && !k.write:
			k.write = true
		case text[i] == '~':
			k.pattern = text[i+1:]
			return k, k.read || k.write
		default:
			return k, false
		}
	}
	return k, k.read || k.write // without '~': the empty pattern, as in Redis
}

func (s *selector) addChannel(pattern string) error {
	if s.allChannels {
		return errAllChans
	}
	if hasSpaces(pattern) {
		return errSyntax
	}
	if !slices.Contains(s.channels, pattern) {
		s.channels = append(s.channels, pattern)
	}
	return nil
}

// hasSpaces says whether a name could not be told apart in a list of rules.
func hasSpaces(s string) bool {
	for i := range len(s) {
		if c := s[i]; c == ' ' || c >= '\t' && c <= '\r' || c == 0 {
			return true
		}
	}
	return false
}

// setCategory is +@category and -@category.
func (s *selector) setCategory(c *Commands, rule string) error {
	bit := categoryBit(rule[2:])
	if bit < 0 {
		return errUnknown
	}
	for id := range c.list {
		if c.masks[id]&(1<<bit) != 0 {
			s.set(c, id, rule[0] == '+')
		}
	}
	s.note(rule)
	return nil
}

// setCommand is +command and -command, the latter for subcommands as well.
func (s *selector) setCommand(c *Commands, rule string) error {
	id, ok := c.lookup(rule[1:])
	if !ok {
		return errUnknown
	}
	s.set(c, id, rule[0] == '+')
	s.note(rule[:1] + c.list[id].Name)
	return nil
}

// allowPart is +command|subcommand or, for a command without subcommands,
// +command|first-argument.
func (s *selector) allowPart(c *Commands, rule string) error {
	at := strings.LastIndexByte(rule, '|')
	name, part := rule[1:at], rule[at+1:]
	container, ok := c.lookup(name)
	switch {
	case !ok:
		return errUnknown
	case c.parent[container] >= 0:
		return errFirstArg
	case part == "":
		return errSyntax
	}
	if len(c.subs[container]) == 0 {
		s.allowFirstArg(container, part)
		s.note(rule)
		return nil
	}
	id, ok := c.lookup(rule[1:])
	if !ok {
		return errUnknown
	}
	s.set(c, id, true)
	s.note(rule)
	return nil
}

func (s *selector) allowFirstArg(id int, arg string) {
	if slices.ContainsFunc(s.firstArgs[id], func(a string) bool { return strings.EqualFold(a, arg) }) {
		return
	}
	if s.firstArgs == nil {
		s.firstArgs = map[int][]string{}
	}
	s.firstArgs[id] = append(s.firstArgs[id], arg)
}

// set allows or forbids a command with all its subcommands.
func (s *selector) set(c *Commands, id int, on bool) {
	if s.allowed == nil {
		s.allowed = make([]uint64, (len(c.list)+63)/64)
	}
	if on {
		s.allowed[id>>6] |= 1 << (id & 63)
	} else {
		s.allowed[id>>6] &^= 1 << (id & 63)
		s.allCommands = false
	}
	delete(s.firstArgs, id)
	for _, sub := range c.subs[id] {
		s.set(c, sub, on)
	}
}

// note keeps a rule about commands for display. It takes the place of earlier ones
// about the same, or about a part of it.
func (s *selector) note(rule string) {
	rule = strings.ToLower(rule)
	s.rules = slices.DeleteFunc(s.rules, func(old string) bool {
		rest, same := strings.CutPrefix(old[1:], rule[1:])
		return same && (rest == "" || rest[0] == '|')
	})
	s.rules = append(s.rules, rule)
}

// parseSelector reads "(rule rule …)".
func parseSelector(c *Commands, text string, allChannels bool) (*selector, error) {
	words, err := conf.SplitArgs(text[1 : len(text)-1])
	if err != nil {
		return nil, errSyntax
	}
	s := &selector{allChannels: allChannels}
	for _, w := range words {
		if err := s.apply(c, w); err != nil {
			return nil, err
		}
	}
	return s, nil
}

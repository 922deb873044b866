package acl

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"slices"
	"strings"
	"sync/atomic"
)

// User is someone a connection can log in as. Its permissions may change while it is
// used; it is safe for concurrent use.
type User struct {
	name  string
	p     atomic.Pointer[permissions]
	gone  atomic.Bool
	table *Commands
}

// permissions is what a user may do. One that is in use does not change.
type permissions struct {
	enabled, noPass, skipSanitize bool
	passwords                     []string // SHA-256, 64 hexadecimal digits each
	root                          *selector
	others                        []*selector
	unlimited                     bool // root allows everything
}

// Name returns the user's name.
func (u *User) Name() string { return u.name }

// Unlimited reports whether u may use every command, key and channel.
func (u *User) Unlimited() bool { return u.p.Load().unlimited }

// Deleted reports whether u was deleted since it was looked up.
func (u *User) Deleted() bool { return u.gone.Load() }

// OpenToAll reports whether connections that did not log in are this user, as they are
// the default user: it is on and needs no password.
func (u *User) OpenToAll() bool {
	p := u.p.Load()
	return p.enabled && p.noPass
}

// NeedsPassword reports whether u has no nopass.
func (u *User) NeedsPassword() bool { return !u.p.Load().noPass }

// SkipsSanitizing reports whether what u gives to RESTORE is taken as it is.
func (u *User) SkipsSanitizing() bool { return u.p.Load().skipSanitize }

// accepts reports whether one may log in as u with that password.
func (u *User) accepts(password []byte) bool {
	p := u.p.Load()
	if !p.enabled {
		return false
	}
	if p.noPass {
		return true
	}
	hash := []byte(hashPassword(password))
	found := 0
	for _, want := range p.passwords {
		found |= subtle.ConstantTimeCompare(hash, []byte(want))
	}
	return found == 1
}

func hashPassword(password []byte) string {
	sum := sha256.Sum256(password)
	return hex.EncodeToString(sum[:])
}

// newPermissions are those of a user that was just created: off, and nothing allowed.
func newPermissions(allChannels bool) *permissions {
	return &permissions{root: &selector{allChannels: allChannels}}
}

func (p *permissions) clone() *permissions {
	c := *p
	c.passwords = slices.Clone(p.passwords)
	c.root = p.root.clone()
	c.others = slices.Clone(p.others) // they never change
	return &c
}

// settle notes what follows from the rules.
func (p *permissions) settle() *permissions {
	p.unlimited = p.root.allKeys && p.root.allCommands && p.root.allChannels
	return p
}

// apply changes p by one rule.
func (p *permissions) apply(c *Commands, rule string, allChannels bool) error {
	switch strings.ToLower(rule) {
	case "":
		return nil
	case "on":
		p.enabled = true
		return nil
	case "off":
		p.enabled = false
		return nil
	case "nopass":
		p.noPass, p.passwords = true, nil
		return nil
	case "resetpass":
		p.noPass, p.passwords = false, nil
		return nil
	case "skip-sanitize-payload":
		p.skipSanitize = true
		return nil
	case "sanitize-payload":
		p.skipSanitize = false
		return nil
	case "clearselectors":
		p.others = nil
		return nil
	case "reset":
		*p = *newPermissions(allChannels)
		return nil
	}
	switch {
	case rule[0] == '>':
		p.addPassword(hashPassword([]byte(rule[1:])))
		return nil
	case rule[0] == '<':
		return p.removePassword(hashPassword([]byte(rule[1:])))
	case rule[0] == '#' || rule[0] == '!':
		return p.applyHash(rule)
	case rule[0] == '(' && rule[len(rule)-1] == ')':
		s, err := parseSelector(c, rule, allChannels)
		if err == nil {
			p.others = append(p.others, s)
		}
		return err
	}
	return p.root.apply(c, rule)
}

// applyHash is #hash, which adds a password, and !hash, which removes it.
func (p *permissions) applyHash(rule string) error {
	hash := rule[1:]
	if len(hash) != 2*sha256.Size || strings.Trim(hash, "0123456789abcdef") != "" {
		return errBadHash
	}
	if rule[0] == '!' {
		return p.removePassword(hash)
	}
	p.addPassword(hash)
	return nil
}

func (p *permissions) addPassword(hash string) {
	p.noPass = false
	if !slices.Contains(p.passwords, hash) {
		p.passwords = append(p.passwords, hash)
	}
}

func (p *permissions) removePassword(hash string) error {
	i := slices.Index(p.passwords, hash)
	if i < 0 {
		return errNoSuchPw
	}
	p.passwords = slices.Delete(p.passwords, i, i+1)
	return nil
}

// flags are the words of ACL GETUSER's field flags.
func (p *permissions) flags() []string {
	words := []string{"off"}
	if p.enabled {
		words[0] = "on"
	}
	if p.noPass {
		words = append(words, "nopass")
	}
	if p.skipSanitize {
		return append(words, "skip-sanitize-payload")
	}
	return append(words, "sanitize-payload")
}

// describe is the line of ACL LIST and of an aclfile, without "user" and the name.
func (p *permissions) describe() string {
	words := p.flags()
	for _, hash := range p.passwords {
		words = append(words, "#"+hash)
	}
	words = append(words, p.root.describe())
	for _, s := range p.others {
		words = append(words, "("+s.describe()+")")
	}
	return strings.Join(words, " ")
}

func (s *selector) describe() string {
	words := s.keyWords()
	if s.allChannels {
		words = append(words, "&*")
	} else {
		words = append(words, "resetchannels")
		words = append(words, s.channelWords()...)
	}
	return strings.Join(append(words, s.commandText()), " ")
}

func (s *selector) keyWords() []string {
	if s.allKeys {
		return []string{"~*"}
	}
	var words []string
	for _, k := range s.keys {
		words = append(words, k.String())
	}
	return words
}

func (s *selector) channelWords() []string {
	if s.allChannels {
		return []string{"&*"}
	}
	var words []string
	for _, c := range s.channels {
		words = append(words, "&"+c)
	}
	return words
}

// commandText is the rules about commands, after the one that says what holds for those
// they do not name.
func (s *selector) commandText() string {
	base := "-@all"
	if s.future {
		base = "+@all"
	}
	return strings.Join(append([]string{base}, s.rules...), " ")
}

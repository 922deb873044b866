package acl

import (
	"strings"

	"github.com/vedette-ha/vedette/internal/glob"
)

// Request is a command somebody wants to run.
type Request struct {
	ID       int      // of the command, see [Commands.ID]
	Args     [][]byte // all words of it
	Keys     []Key
	Channels []Channel
}

// Key is a key a command names, and what it does with it.
type Key struct {
	Name        []byte
	Read, Write bool
}

// Channel is a channel a command publishes or subscribes to; Pattern: PSUBSCRIBE.
// Channels one unsubscribes from are never looked at: leave them out.
type Channel struct {
	Name    []byte
	Pattern bool
}

// Reason says what was denied.
type Reason int

// The reasons, the more telling ones last.
const (
	Allowed Reason = iota
	DeniedCommand
	DeniedKey
	DeniedAuth
	DeniedChannel
)

// String returns the word of ACL LOG.
func (r Reason) String() string {
	switch r {
	case DeniedCommand:
		return "command"
	case DeniedKey:
		return "key"
	case DeniedAuth:
		return "auth"
	case DeniedChannel:
		return "channel"
	}
	return "unknown"
}

// Denial is the outcome of a check. The zero value is none: allowed.
type Denial struct {
	Reason Reason
	Object string // the command's name, the key or the channel
}

// Error returns what the client is told, with its prefix; empty if it is allowed.
func (d Denial) Error(u *User) string {
	switch d.Reason {
	case DeniedCommand:
		return "NOPERM " + d.explain(u)
	case DeniedKey:
		return "NOPERM No permissions to access a key"
	case DeniedChannel:
		return "NOPERM No permissions to access a channel"
	}
	return ""
}

// explain is what ACL DRYRUN says.
func (d Denial) explain(u *User) string {
	switch d.Reason {
	case DeniedCommand:
		return "User " + u.name + " has no permissions to run the '" + d.Object + "' command"
	case DeniedKey:
		return "User " + u.name + " has no permissions to access the '" + d.Object + "' key"
	}
	return "User " + u.name + " has no permissions to access the '" + d.Object + "' channel"
}

// Check reports whether u may run a command: whether one of its selectors allows all
// of it. Otherwise it names what the selector that came farthest stumbled over.
func (u *User) Check(r *Request) Denial {
	p := u.p.Load()
	if p.unlimited {
		return Denial{}
	}
	denied, at := Denial{DeniedCommand, u.table.list[r.ID].Name}, 0
	for i := -1; i < len(p.others); i++ {
		s := p.root
		if i >= 0 {
			s = p.others[i]
		}
		d, place := s.check(u.table, r)
		if d.Reason == Allowed {
			return Denial{}
		}
		if d.Reason > denied.Reason || d.Reason == denied.Reason && place > at {
			denied, at = d, place
		}
	}
	return denied
}

// check is Check of one selector; place tells how far it came.
func (s *selector) check(c *Commands, r *Request) (d Denial, place int) {
	if !s.allCommands && !c.list[r.ID].Open && !s.has(r.ID) && !s.allowsFirstArg(c, r) {
		return Denial{DeniedCommand, c.list[r.ID].Name}, 0
	}
	if !s.allKeys {
		for i, k := range r.Keys {
			if !s.allowsKey(k) {
				return Denial{DeniedKey, string(k.Name)}, i + 1
			}
		}
	}
	if !s.allChannels {
		for i, ch := range r.Channels {
			if !s.allowsChannel(ch) {
				return Denial{DeniedChannel, string(ch.Name)}, i + 1
			}
		}
	}
	return Denial{}, 0
}

func (s *selector) allowsFirstArg(c *Commands, r *Request) bool {
	at := 1
	if c.parent[r.ID] >= 0 {
		at = 2
	}
	if len(r.Args) <= at {
		return false
	}
	for _, arg := range s.firstArgs[r.ID] {
		if strings.EqualFold(arg, string(r.Args[at])) {
			return true
		}
	}
	return false
}

func (s *selector) allowsKey(k Key) bool {
	for i := range s.keys {
		p := &s.keys[i]
		if (p.read || !k.Read) && (p.write || !k.Write) && glob.Match(p.pattern, k.Name) {
			return true
		}
	}
	return false
}

func (s *selector) allowsChannel(ch Channel) bool {
	for _, p := range s.channels {
		if ch.Pattern && p == string(ch.Name) || !ch.Pattern && glob.Match(p, ch.Name) {
			return true
		}
	}
	return false
}

// MaySubscribe reports whether u may listen to a channel: after its permissions have
// changed, subscriptions it has may not be allowed any more.
func (u *User) MaySubscribe(ch Channel) bool {
	p := u.p.Load()
	if p.root.allChannels || p.root.allowsChannel(ch) {
		return true
	}
	for _, s := range p.others {
		if s.allChannels || s.allowsChannel(ch) {
			return true
		}
	}
	return false
}

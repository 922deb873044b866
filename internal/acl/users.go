package acl

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/vedette-ha/vedette/internal/conf"
)

// DefaultUser is the name of the user that connections are before they log in.
const DefaultUser = "default"

// mostUsers bounds the users, far above real use.
const mostUsers = 1 << 20

// Users is all users of a server and the log of what was denied. Safe for concurrent
// use.
type Users struct {
	table *Commands

	mu          sync.RWMutex // guards what follows
	byName      map[string]*User
	allChannels bool // acl-pubsub-default: what a new user may listen to
	log         accessLog
	denied      [DeniedChannel + 1]int64 // by reason, for INFO
}

// New returns users with only the default user, who may do everything without a
// password.
func New(table *Commands) *Users {
	us := &Users{table: table, byName: map[string]*User{}}
	us.log.most = 128
	us.byName[DefaultUser] = us.newUser(DefaultUser, us.openPermissions())
	return us
}

func (us *Users) newUser(name string, p *permissions) *User {
	u := &User{name: name, table: us.table}
	u.p.Store(p.settle())
	return u
}

// openPermissions are those of the default user of a server nobody configured.
func (us *Users) openPermissions() *permissions {
	p := newPermissions(true)
	for _, rule := range []string{"on", "nopass", "+@all", "~*"} {
		if err := p.apply(us.table, rule, true); err != nil {
			panic("acl: " + err.Error())
		}
	}
	return p
}

// Configure takes over directives: acl-pubsub-default and acllog-max-len.
func (us *Users) Configure(allChannels bool, logMost int) {
	us.mu.Lock()
	defer us.mu.Unlock()
	us.allChannels = allChannels
	us.log.limit(logMost)
}

// Default returns the default user. It is never deleted.
func (us *Users) Default() *User { return us.Get(DefaultUser) }

// Get returns a user, nil if there is none of that name.
func (us *Users) Get(name string) *User {
	us.mu.RLock()
	defer us.mu.RUnlock()
	return us.byName[name]
}

// Authenticate returns the user that name and password belong to, nil if they are
// wrong or the user is off.
func (us *Users) Authenticate(name string, password []byte) *User {
	u := us.Get(name)
	if u == nil || !u.accepts(password) {
		return nil
	}
	return u
}

// SetPassword is requirepass: the default user's only password; empty: it needs none.
func (us *Users) SetPassword(password string) {
	us.mu.Lock()
	defer us.mu.Unlock()
	u := us.byName[DefaultUser]
	p := u.p.Load().clone()
	p.noPass, p.passwords = password == "", nil
	if password != "" {
		p.addPassword(hashPassword([]byte(password)))
	}
	u.p.Store(p.settle())
}

// RuleError says which rule of a user is wrong and why.
type RuleError struct {
	Rule string
	Why  string // a sentence without a full stop; empty: a parenthesis is not closed
}

func (e *RuleError) Error() string {
	if e.Why == "" {
		return "Unmatched parenthesis in acl selector starting at '" + e.Rule + "'."
	}
	return "'" + e.Rule + "': " + e.Why
}

// Set changes a user by rules, or creates it. If one of the rules is wrong, nothing is
// changed and the error is a *RuleError.
func (us *Users) Set(name string, rules []string) (*User, error) {
	rules, err := joinSelectors(rules)
	if err != nil {
		return nil, err
	}
	us.mu.Lock()
	defer us.mu.Unlock()
	u := us.byName[name]
	p := newPermissions(us.allChannels)
	if u != nil {
		p = u.p.Load().clone()
	}
	for _, rule := range rules {
		if err := p.apply(us.table, rule, us.allChannels); err != nil {
			return nil, &RuleError{rule, err.Error()}
		}
	}
	if u != nil {
		u.p.Store(p.settle())
		return u, nil
	}
	if len(us.byName) >= mostUsers {
		return nil, &RuleError{name, "Too many users"}
	}
	u = us.newUser(name, p)
	us.byName[name] = u
	return u, nil
}

// joinSelectors makes one rule of the words from '(' to ')'.
func joinSelectors(words []string) ([]string, error) {
	var rules []string
	open := -1
	for i, w := range words {
		switch {
		case open >= 0:
			if strings.HasSuffix(w, ")") {
				rules = append(rules, strings.Join(words[open:i+1], " "))
				open = -1
			}
		case strings.HasPrefix(w, "(") && !strings.HasSuffix(w, ")"):
			open = i
		default:
			rules = append(rules, w)
		}
	}
	if open >= 0 {
		return nil, &RuleError{Rule: words[open]}
	}
	return rules, nil
}

// Delete removes a user and returns it, nil if there is none. The default user stays.
func (us *Users) Delete(name string) *User {
	us.mu.Lock()
	defer us.mu.Unlock()
	u := us.byName[name]
	if u == nil || name == DefaultUser {
		return nil
	}
	delete(us.byName, name)
	u.gone.Store(true)
	return u
}

// Names returns the names of all users, sorted.
func (us *Users) Names() []string {
	us.mu.RLock()
	defer us.mu.RUnlock()
	names := make([]string, 0, len(us.byName))
	for name := range us.byName {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// List describes all users as lines of an aclfile, "user name rules…", sorted.
func (us *Users) List() []string {
	var lines []string
	for _, name := range us.Names() {
		if u := us.Get(name); u != nil {
			lines = append(lines, "user "+name+" "+u.p.Load().describe())
		}
	}
	return lines
}

// Load replaces all users by those of an aclfile's text; path is for messages. If
// anything in it is wrong nothing is changed. Those of the users there were that are
// gone now, or may do less, are returned: their connections are to end.
func (us *Users) Load(path, text string) (ended []*User, err error) {
	us.mu.Lock()
	defer us.mu.Unlock()
	read := map[string]*permissions{}
	var wrong []string
	for n, line := range strings.Split(text, "\n") {
		if why := us.readLine(read, line); why != "" {
			wrong = append(wrong, fmt.Sprintf("%s:%d: %s. ", path, n+1, why))
		}
	}
	if wrong != nil {
		return nil, fmt.Errorf("%sWARNING: ACL errors detected, no change to the previously active ACL rules was performed",
			strings.Join(wrong, ""))
	}
	if read[DefaultUser] == nil {
		read[DefaultUser] = us.openPermissions()
	}
	for name, u := range us.byName {
		switch now := read[name]; {
		case now == nil:
			delete(us.byName, name)
			u.gone.Store(true)
			ended = append(ended, u)
		case now.describe() != u.p.Load().describe():
			u.p.Store(now.settle())
			if name != DefaultUser {
				ended = append(ended, u)
			}
		}
	}
	for name, p := range read {
		if us.byName[name] == nil {
			us.byName[name] = us.newUser(name, p)
		}
	}
	return ended, nil
}

// readLine reads one line of an aclfile and answers what is wrong with it.
func (us *Users) readLine(read map[string]*permissions, line string) (wrong string) {
	line = strings.Trim(line, " \t\r\n")
	if line == "" {
		return ""
	}
	words, err := conf.SplitArgs(line)
	switch {
	case err != nil:
		return "unbalanced quotes in acl line"
	case len(words) < 2 || words[0] != "user":
		return "should start with user keyword followed by the username"
	case hasSpaces(words[1]):
		return "username '" + words[1] + "' contains invalid characters"
	case read[words[1]] != nil:
		return "Duplicate user '" + words[1] + "' found"
	}
	rules, err := joinSelectors(words[2:])
	if err != nil {
		return "Unmatched parentheses in selector definition"
	}
	p := newPermissions(us.allChannels)
	for _, rule := range rules {
		if err := p.apply(us.table, rule, us.allChannels); err != nil {
			return err.Error()
		}
	}
	read[words[1]] = p
	return ""
}

// Text is what Load reads: all users, a line each.
func (us *Users) Text() string { return strings.Join(us.List(), "\n") + "\n" }

// ValidName reports whether a user may be called so.
func ValidName(name string) bool { return !hasSpaces(name) }

package server

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/vedette-ha/vedette/internal/conf"
	"github.com/vedette-ha/vedette/internal/errno"
	"github.com/vedette-ha/vedette/server/command"
)

// masterValue: replicaof host port, or replicaof no one.
type masterValue struct{ p *Endpoint }

func masterAddr(p *Endpoint) value { return masterValue{p} }

func (v masterValue) set(args []string) error {
	if len(args) != 2 {
		return errArgCount
	}
	if strings.EqualFold(args[0], "no") && strings.EqualFold(args[1], "one") {
		*v.p = Endpoint{}
		return nil
	}
	port, err := strconv.ParseUint(args[1], 10, 16)
	if err != nil {
		return configError("Invalid master port")
	}
	*v.p = Endpoint{Host: args[0], Port: int(port)}
	return nil
}

func (v masterValue) String() string {
	if v.p.IsZero() {
		return ""
	}
	return v.p.Host + " " + strconv.Itoa(v.p.Port)
}

func (v masterValue) keep() func() { return keepPointer(v.p) }

func (v masterValue) lines() []string {
	if v.p.IsZero() {
		return nil
	}
	return []string{conf.QuoteIfNeeded(v.p.Host) + " " + strconv.Itoa(v.p.Port)}
}

// directoryValue: dir path; kept as an absolute path.
type directoryValue struct{ p *string }

func directory(p *string) value {
	*p, _ = os.Getwd() // "" where there is none: the first dir line repairs it
	return directoryValue{p}
}

func (v directoryValue) set(args []string) error {
	path := args[0]
	if path == "" {
		return systemError(syscall.ENOENT)
	}
	if !filepath.IsAbs(path) {
		path = filepath.Join(*v.p, path)
	}
	path = filepath.Clean(path)
	st, err := os.Stat(path)
	if err == nil && !st.IsDir() {
		err = syscall.ENOTDIR
	}
	if err != nil {
		return systemError(err)
	}
	*v.p = path
	return nil
}

// systemError is the text of the C library for an error of the system.
func systemError(err error) error {
	if text, ok := errno.Text(err); ok {
		return configError(text)
	}
	return err
}

func (v directoryValue) String() string  { return *v.p }
func (v directoryValue) keep() func()    { return keepPointer(v.p) }
func (v directoryValue) lines() []string { return []string{conf.Quote(*v.p)} }

// shutdownValue: default, or several of save, nosave, now, force.
type shutdownValue struct{ p *ShutdownOn }

func shutdownOptions(p *ShutdownOn) value { return shutdownValue{p} }

func shutdownNames() []enumName[ShutdownOn] {
	return []enumName[ShutdownOn]{{"default", 0}, {"save", ShutdownSave},
		{"nosave", ShutdownNoSave}, {"now", ShutdownNow}, {"force", ShutdownForce}}
}

func (v shutdownValue) set(args []string) error {
	var flags ShutdownOn
	if len(args) == 0 {
		return notOneOf(shutdownNames())
	}
	for _, a := range args {
		var one ShutdownOn
		if (enumValue[ShutdownOn]{&one, shutdownNames()}).set([]string{a}) != nil {
			return notOneOf(shutdownNames())
		}
		flags |= one
	}
	if flags&ShutdownSave != 0 && flags&ShutdownNoSave != 0 {
		return configError("shutdown options SAVE and NOSAVE can't be used simultaneously")
	}
	*v.p = flags
	return nil
}

func (v shutdownValue) String() string {
	var out []string
	for _, n := range shutdownNames()[1:] {
		if *v.p&n.v != 0 {
			out = append(out, n.name)
		}
	}
	if out == nil {
		return "default"
	}
	return strings.Join(out, " ")
}

func (v shutdownValue) keep() func()    { return keepPointer(v.p) }
func (v shutdownValue) lines() []string { return []string{v.String()} }

// eventsValue: notify-keyspace-events letters.
type eventsValue struct{ p *command.Class }

func eventClasses(p *command.Class) value { return eventsValue{p} }

// eventLetters are the classes that A stands for, in the order Redis lists them,
// and behind them the others.
func eventLetters() (inA, others []eventLetter) {
	return []eventLetter{
			{'g', command.Generic}, {'$', command.String}, {'l', command.List}, {'s', command.Set},
			{'h', command.Hash}, {'z', command.ZSet}, {'x', command.Expired},
			{'e', command.Evicted}, {'t', command.Stream}, {'d', command.ModuleEvent},
		}, []eventLetter{
			{'n', command.NewKey}, {'K', command.Keyspace}, {'E', command.Keyevent},
			{'m', command.KeyMiss},
		}
}

type eventLetter struct {
	letter byte
	class  command.Class
}

func (v eventsValue) set(args []string) error {
	inA, others := eventLetters()
	var classes command.Class
	for i := range len(args[0]) {
		one := command.Class(0)
		for _, l := range slices.Concat(inA, others) {
			if args[0][i] == l.letter || args[0][i] == 'A' && l.class&classesOf(inA) != 0 {
				one |= l.class
			}
		}
		if one == 0 {
			return configError("Invalid event class character. Use 'Ag$lshzxeKEtmdn'.")
		}
		classes |= one
	}
	*v.p = classes
	return nil
}

func classesOf(letters []eventLetter) command.Class {
	var c command.Class
	for _, l := range letters {
		c |= l.class
	}
	return c
}

// String follows Redis in leaving n out beside A.
func (v eventsValue) String() string {
	inA, others := eventLetters()
	letters := slices.Concat(inA, others)
	var b strings.Builder
	if all := classesOf(inA); *v.p&all == all {
		b.WriteByte('A')
		letters = others[1:]
	}
	for _, l := range letters {
		if *v.p&l.class != 0 {
			b.WriteByte(l.letter)
		}
	}
	return b.String()
}

func (v eventsValue) keep() func()    { return keepPointer(v.p) }
func (v eventsValue) lines() []string { return []string{conf.Quote(v.String())} }

// hostName is a text of letters, digits, hyphens and dots.
func hostName(p *string) value {
	return textValue{p: p, opt: true, valid: func(s string) error {
		for i := range len(s) {
			c := s[i] | 0x20
			if c >= 'a' && c <= 'z' || s[i] >= '0' && s[i] <= '9' || s[i] == '-' || s[i] == '.' {
				continue
			}
			return configError("Hostnames may only contain alphanumeric characters, " +
				"hyphens or dots")
		}
		return nil
	}}
}

// ExpandTitle fills the variables of a proc-title-template in; {{ stands for {. ok is
// false if one is not known.
func ExpandTitle(template string, values map[string]string) (title string, ok bool) {
	var b strings.Builder
	for {
		text, rest, open := strings.Cut(template, "{")
		b.WriteString(text)
		if !open {
			return strings.Trim(b.String(), " "), true
		}
		if rest, open = strings.CutPrefix(rest, "{"); open {
			b.WriteByte('{')
			template = rest
			continue
		}
		name, rest, closed := strings.Cut(rest, "}")
		value, known := values[name]
		if !closed || !known {
			return "", false
		}
		b.WriteString(value)
		template = rest
	}
}

// validTitle checks that a proc-title-template uses known variables only, and leaves
// something to be shown of a server that is nothing special.
func (c *Config) validTitle(s string) error {
	title, ok := ExpandTitle(s, map[string]string{"title": "", "listen-addr": "*:6379", "server-mode": "",
		"port": "6379", "tls-port": "0", "unixsocket": c.UnixSocket, "config-file": c.file})
	if !ok || title == "" {
		return configError("template format is invalid or contains unknown variables")
	}
	return nil
}

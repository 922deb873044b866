package sim

import (
	"bytes"
	"context"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
)

// What the claimant of a failover does is, for others, a sequence of moments: it puts an
// entry into the log, or sends a command to a data server.

// moment is the nth thing of its name that a claimant does, and what is to happen before
// its bytes have left, or right after.
type moment struct {
	name  string
	nth   int
	after bool
}

func (p moment) String() string {
	when := "before"
	if p.after {
		when = "after"
	}
	return fmt.Sprintf("%s %s %d", when, p.name, p.nth)
}

// entryKinds are the entries of the log that a failover consists of.
func entryKinds() []string {
	return []string{"claim", "select", "target-failed", "switch", "end", "abort"}
}

// decides reports whether p changes anything for others. What comes after something that
// does not is the same as what comes before the next moment.
func (p moment) decides() bool {
	command, _, _ := strings.Cut(p.name, " to ")
	return slices.Contains(entryKinds(), command) ||
		slices.Contains([]string{"SLAVEOF", "EXEC", "FAILOVER", "CLIENT PAUSE", "CLIENT UNPAUSE"}, command)
}

// conspiracy watches the claimant of a failover, whoever that becomes, and does something
// at one of its moments.
type conspiracy struct {
	c      *cluster
	at     moment                 // the zero one never comes
	strike func(claimant *sentry) // called on a goroutine of the claimant
	struck chan *sentry           // holds the claimant once it was called

	mu       sync.Mutex // guards what follows
	ids      map[*sentry]string
	claimant *sentry // nil until it proposes its claim
	target   string  // address, "" until it is proposed
	old      string  // address of the master
	times    map[string]int
	seen     []moment
	over     bool
}

// conspire begins to watch.
func (c *cluster) conspire(at moment, strike func(claimant *sentry)) *conspiracy {
	y := &conspiracy{c: c, at: at, strike: strike, struck: make(chan *sentry, 1),
		ids: map[*sentry]string{}, times: map[string]int{}, old: c.newest()}
	for _, s := range c.sens {
		v, err := c.ask.do(context.Background(), s.addr(), "SENTINEL", "MYID")
		c.must(err)
		y.ids[s] = v.Text()
	}
	for _, s := range c.sens {
		s.spy.set(func(addr string, b []byte, write func([]byte) (int, error)) (int, error) {
			return y.meet(s, addr, b, write)
		})
	}
	return y
}

// end stops watching and returns what was seen.
func (y *conspiracy) end() []moment {
	for _, s := range y.c.sens {
		s.spy.set(nil)
	}
	y.mu.Lock()
	defer y.mu.Unlock()
	return y.seen
}

// meet is the intercept of s.
func (y *conspiracy) meet(s *sentry, addr string, b []byte, write func([]byte) (int, error)) (int, error) {
	y.mu.Lock()
	cut, hit := y.look(s, addr, b)
	y.mu.Unlock()
	if !hit {
		return write(b)
	}
	life := s.life
	if cut > 0 {
		if n, err := write(b[:cut]); err != nil {
			return n, err
		}
	}
	y.strike(s)
	y.struck <- s
	if life.dead.Load() {
		return cut, syscall.ECONNRESET
	}
	n, err := write(b[cut:])
	return cut + n, err
}

// look finds moments in what s writes. If the one to strike at is among them, cut is how
// much leaves before. The caller holds mu.
func (y *conspiracy) look(s *sentry, addr string, b []byte) (cut int, hit bool) {
	if y.over {
		return 0, false
	}
	if name := y.entry(s, b); name != "" {
		return y.reached(name, 0, len(b))
	}
	if s != y.claimant || y.c.node(addr) == nil {
		return 0, false
	}
	for at := 0; at < len(b); {
		words, next := command(b, at)
		if cut, hit := y.reached(y.name(addr, words), at, next); hit {
			return cut, true
		}
		at = next
	}
	return 0, false
}

// reached takes note of a moment that the bytes from begin to end are.
func (y *conspiracy) reached(name string, begin, end int) (cut int, hit bool) {
	if name != "end" && y.times["end"] > 0 {
		return 0, false // no part of the failover any more
	}
	y.times[name]++
	for _, p := range []moment{{name, y.times[name], false}, {name, y.times[name], true}} {
		y.seen = append(y.seen, p)
		if p != y.at {
			continue
		}
		y.over = true
		if p.after {
			return end, true
		}
		return begin, true
	}
	return 0, false
}

var (
	entryInLog  = regexp.MustCompile(`"from":"([0-9a-f]{40})","at":"[^"]*","kind":"([a-z-]+)"`)
	entryTarget = regexp.MustCompile(`"pick":"([^"]*)"`)
)

// entry names the entry for the log in what s sends to a peer, "" if there is none of its
// own failover.
func (y *conspiracy) entry(s *sentry, b []byte) string {
	kind := ""
	for _, m := range entryInLog.FindAllSubmatch(b, -1) {
		if string(m[1]) == y.ids[s] && slices.Contains(entryKinds(), string(m[2])) {
			kind = string(m[2])
		}
	}
	switch {
	case kind == "claim":
		y.claimant = s
	case s != y.claimant:
		return ""
	case kind == "select":
		y.target = string(entryTarget.FindSubmatch(b)[1])
	}
	return kind
}

// name is what a command to a data server is called, whoever is who in this run.
func (y *conspiracy) name(addr string, words []string) string {
	who := "another"
	switch {
	case addr == y.old:
		who = "the old master"
	case y.target == "":
		who = "a replica"
	case addr == y.target:
		who = "the target"
	}
	switch text := strings.Join(words[:min(2, len(words))], " "); words[0] {
	case "CLIENT", "CONFIG":
		if text == "CLIENT KILL" {
			text = strings.Join(words, " ")
		}
		return text + " to " + who
	}
	return words[0] + " to " + who
}

// command reads the command that begins at a place; next is where it ends.
func command(b []byte, at int) (words []string, next int) {
	line := func() string {
		n := bytes.Index(b[at:], []byte("\r\n"))
		text := string(b[at : at+n])
		at += n + 2
		return text
	}
	count, _ := strconv.Atoi(line()[1:])
	for range count {
		size, _ := strconv.Atoi(line()[1:])
		words = append(words, string(b[at:at+size]))
		at += size + 2
	}
	return words, at
}

// cutDown ends a sentinel's life as others see it; it may be called from within. kill has
// to follow, from outside.
func (s *sentry) cutDown() {
	s.life.dead.Store(true)
	s.life.host.Kill()
	s.disk.Crash()
}

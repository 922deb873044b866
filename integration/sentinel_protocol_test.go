package integration

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/vedette-ha/vedette/internal/conf"
)

// sentinelTwins are a sentinel of ours and one of Redis, each over a master and a
// replica of its own.
type sentinelTwins struct {
	*twins
	data  [2][]*process // a master and its replica
	known map[string]bool
}

func newSentinelTwins(t *testing.T) *sentinelTwins {
	t.Helper()
	redis := need(t, "redis-server")
	s := &sentinelTwins{known: knownDifferences(t)}
	var procs [2]*process
	for i, bin := range []string{vedette, redis} {
		one := newSet(t, redis, redis)
		one.quorum = 1
		s.data[i] = one.data
		procs[i] = one.addSentinel(bin)
	}
	s.twins = newTwins(t, procs[0], procs[1], "2")
	s.awaitLinks()
	eventually(t, patience, func() error { return formed(procs[0], 1) })
	return s
}

// awaitLinks waits until both reach their master and its replica.
func (s *sentinelTwins) awaitLinks() {
	s.t.Helper()
	for _, p := range s.procs {
		eventually(s.t, patience, func() error {
			m, err := askMap(p, "SENTINEL", "MASTER", setName)
			if err == nil && (m["flags"] != "master" || m["num-slaves"] != "1") {
				err = fmt.Errorf("%s has flags %q and %s replicas", p.name, m["flags"], m["num-slaves"])
			}
			if err == nil {
				err = allWell(p, "REPLICAS")
			}
			return err
		})
	}
}

var (
	anyID     = regexp.MustCompile(`\b[0-9a-f]{40}\b`)
	anyNumber = regexp.MustCompile(`\b[0-9]+\b`)
	// ourFlags are flags of instances Redis does not have; ours has them only beside one
	// that says the instance cannot be used.
	ourFlags = regexp.MustCompile(`,disconnected,(refused|silent|name)$`)
)

// plain is a reply of one of the twins with its own ports under common names.
func (s *sentinelTwins) plain(i int, text string) string {
	for j, name := range []string{"mport", "rport"} { // as long as a port: lengths stay
		text = strings.ReplaceAll(text, strconv.Itoa(s.data[i][j].port), name)
	}
	return text
}

// masked is a reply without ids and numbers, and so without lengths.
func (s *sentinelTwins) masked(i int, r reply) string {
	if len(r.elems) == 0 {
		r.text = ourFlags.ReplaceAllString(r.text, ",disconnected")
		return string(r.kind) + anyNumber.ReplaceAllString(anyID.ReplaceAllString(s.plain(i, r.text), "ID"), "N") + "\n"
	}
	text := fmt.Sprintf("%c%d\n", r.kind, len(r.elems))
	for _, e := range r.elems {
		text += s.masked(i, e)
	}
	return text
}

// Everything a sentinel answers, errors included, in RESP2 and RESP3, is what Redis's
// answers.
func TestSentinelProtocol(t *testing.T) {
	oneCluster.Lock()
	defer oneCluster.Unlock()
	s := newSentinelTwins(t)
	for _, proto := range []string{"2", "3"} {
		s.proto = proto
		s.close("1", s.conn("1"))
		s.awaitLinks() // auth-pass opens them anew
		s.script("testdata/sentinel/protocol.txt")
	}
	s.proto = "2"
	s.commands()
	s.events()
	s.crash()
}

// commands compares what both say of the commands Redis's sentinel has: name, number of
// words, flags, key positions and categories, and what there is to read in COMMAND DOCS.
func (s *sentinelTwins) commands() {
	s.t.Helper()
	changed := map[string]bool{ // since 7.0, or by us, who take more words
		"command|getkeys": true, "command|getkeysandflags": true, "publish": true, "sentinel|config": true,
		"sentinel|failover": true, "sentinel|remove": true,
	}
	p := s.conn("1")
	_, list := s.do(p, "COMMAND", "LIST")
	if len(list.elems) < 70 {
		s.t.Fatalf("COMMAND LIST: %q", list.raw)
	}
	for _, name := range list.strings() {
		ours, theirs := s.do(p, "COMMAND", "INFO", name)
		a, b := ours.elems[0].elems, theirs.elems[0].elems
		if len(a) != len(b) {
			s.t.Errorf("COMMAND INFO %s: %q, not %q", name, ours.raw, theirs.raw)
			continue
		}
		for i := range 7 {
			if a[i].raw != b[i].raw && !changed[name] {
				s.t.Errorf("COMMAND INFO %s: %q, not %q", name, a[i].raw, b[i].raw)
			}
		}
		ours, theirs = s.do(p, "COMMAND", "DOCS", name)
		mine := pairs(ours.elems[1])
		for field := range pairs(theirs.elems[1]) {
			if _, has := mine[field]; !has && field != "history" {
				s.t.Errorf("COMMAND DOCS %s lacks %s", name, field)
			}
		}
	}
}

// crash ends both at the worst moment of a failover, as they were asked to.
func (s *sentinelTwins) crash() {
	s.t.Helper()
	for i := range s.procs {
		s.data[i][0].start() // becomes the replica
	}
	s.data[0], s.data[1] = []*process{s.data[0][1], s.data[0][0]}, []*process{s.data[1][1], s.data[1][0]}
	s.awaitLinks()
	s.both("SENTINEL", "SIMULATE-FAILURE", "crash-after-promotion")
	for _, p := range s.procs {
		eventually(s.t, patience, func() error {
			if p.ended() {
				return nil
			}
			_, err := ask(p, "SENTINEL", "FAILOVER", setName) // while its replica is young it refuses
			return fmt.Errorf("it goes on: %v", err)
		})
		if status := p.cmd.ProcessState.ExitCode(); status != 99 {
			s.t.Errorf("%s ended with status %d", p.name, status)
		}
	}
}

func (s *sentinelTwins) script(path string) {
	f, err := os.Open(path)
	if err != nil {
		s.t.Fatal(err)
	}
	defer f.Close()
	sc := bufio.NewScanner(f)
	for n := 1; sc.Scan(); n++ {
		if line := strings.TrimSpace(sc.Text()); line != "" && !strings.HasPrefix(line, "#") {
			s.line(fmt.Sprintf("%s:%d/resp%s", filepath.Base(path), n, s.proto), line)
		}
	}
}

func (s *sentinelTwins) line(where, line string) {
	s.t.Helper()
	mode := ""
	if strings.ContainsRune("%~?", rune(line[0])) {
		mode, line = line[:1], line[1:]
	} else if strings.HasPrefix(line, "[") {
		mode, line, _ = strings.Cut(line[1:], "]")
		if !s.known[mode] {
			s.t.Errorf("%s: docs/differences-7.0-7.2.md does not have %q", where, mode)
		}
	}
	args, err := conf.SplitArgs(line)
	if err != nil {
		s.t.Fatalf("%s: %v", where, err)
	}
	for i, a := range args {
		if a == "m" {
			args[i] = setName
		}
	}
	p := s.conn("1")
	for i, c := range p.peers {
		out := slices.Clone(args)
		for j := range out {
			out[j] = strings.ReplaceAll(out[j], "{master}", strconv.Itoa(s.data[i][0].port))
		}
		c.send(out...)
	}
	a, b := s.read(p)
	x, y := s.plain(0, a.raw), s.plain(1, b.raw)
	switch mode {
	case "%":
		x, y = s.masked(0, a), s.masked(1, b)
	case "~":
		x, y = a.sorted(), b.sorted()
	case "?":
		x, y = string(a.kind), string(b.kind)
	}
	if same := x == y; same != (len(mode) < 2) {
		s.t.Errorf("%s: %s\n  vedette %.3000q\n  redis   %.3000q", where, line, x, y)
	}
}

// events compares what both publish: first each for itself, then through a failover.
func (s *sentinelTwins) events() {
	p := s.conn("events")
	s.do(p, "PSUBSCRIBE", "*")
	s.both("SENTINEL", "MONITOR", "other", "127.0.0.1", "1", "1")
	s.both("SENTINEL", "SET", "other", "Down-After-Milliseconds", "60000", "AUTH-PASS", "secret", "rename-command", "A", "B")
	s.both("SENTINEL", "REMOVE", "other")
	s.published("changes", nil, "-monitor")
	s.both("SENTINEL", "RESET", setName)
	s.published("reset", nil, "+slave")
	s.data[0][0].kill()
	s.data[1][0].kill()
	// In Redis +switch-master comes at the very end of a failover, with ours as soon as
	// it is decided; what a replica says of its role depends on when it is asked.
	s.published("failover", func(events []string) []string {
		slices.Sort(events)
		return slices.DeleteFunc(events, func(e string) bool { return strings.Contains(e, "role-change") })
	}, "+sdown slave", "+failover-end")
}

func (s *sentinelTwins) both(args ...string) {
	s.t.Helper()
	for i, p := range s.procs {
		eventually(s.t, patience, func() error {
			_, err := ask(p, args...)
			if err != nil {
				return fmt.Errorf("%s: %w", s.procs[i].name, err)
			}
			return nil
		})
	}
}

// published reads the events of both until each of last has come, which are what events
// begin with, and compares them, in an order that order makes of them.
func (s *sentinelTwins) published(what string, order func([]string) []string, last ...string) {
	s.t.Helper()
	var seen [2][]string
	for i, c := range s.conn("events").peers {
		missing := slices.Clone(last)
		for len(missing) > 0 {
			r := readOrEOFWithin(c, patience)
			words := r.strings()
			if len(words) != 4 {
				s.t.Fatalf("%s: %s: no event %q after %q: %q", what, s.procs[i].name, missing, seen[i], r.raw)
			}
			if strings.HasSuffix(words[2], "trouble") {
				continue // ours only
			}
			e := anyID.ReplaceAllString(s.plain(i, words[2]+" "+words[3]), "ID")
			seen[i] = append(seen[i], e)
			missing = slices.DeleteFunc(missing, func(m string) bool { return strings.HasPrefix(e, m) })
		}
		if order != nil {
			seen[i] = order(seen[i])
		}
	}
	if !slices.Equal(seen[0], seen[1]) {
		s.t.Errorf("%s:\nvedette %s\n\nredis   %s", what, strings.Join(seen[0], "\n        "), strings.Join(seen[1], "\n        "))
	}
}

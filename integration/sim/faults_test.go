package sim

import (
	"bufio"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/vedette-ha/vedette/internal/memnet"
)

// A script is lines of a time since the deployment was settled and a fault:
//
//	1.5s kill n1             a process dies, its port refuses; s1 likewise
//	3s start n1              it comes back with its data and its rewritten file
//	3s start n1 anew         with its data and its first file
//	3s start n1 empty        without data, when others have them; waits until it has
//	2s pause s2              as SIGSTOP; resume ends it
//	2s freeze s2             only its network stands still, its timers go on; thaw ends it
//	2s slow n1 5ms           each turn of its loop waits up to so long for the processor
//	2s clock n1 -1h          its wall clock is set back, or forward
//	2s reset n1              all its connections are reset
//	2s cut n1 s1,s2          no bytes pass between the first and the second; c is the clients'
//	2s oneway n1 s2          none from the first to the second
//	2s part n1 s1 c          these on one side, the rest on the other
//	2s bridge n1 n2 s1       these on one side, the rest on the other, but for the first,
//	                         which both sides reach
//	2s heal                  ends every cut
//	2s delay n1 n2 20ms      bytes take so long between them, both ways
//	2s hello s1 lost         hellos do not reach it, or late ("3s"); "hello s1 ok" ends it
//	2s disk s1 20ms          each write of its store takes so long; or it is "stuck", or
//	                         "full", until "disk s1 ok"
//	4s failover s1           SENTINEL FAILOVER is sent to it
//	4s on +switch-master kill k
//	                         the fault comes when that is next published, if it is soon;
//	                         k is the sentinel that did
//
// What makes no sense at that moment (a dead process is killed) does nothing. In place of
// a name, m is the master that the sentinels name at that moment, l the sentinel that
// leads the others (the first ones, if nobody knows); nodes, replicas, sentinels and
// followers are several.
type fault struct {
	at   time.Duration
	line string
}

func (f fault) String() string { return f.at.String() + " " + f.line }

// readScript reads a script; blank lines and those that begin with # are skipped.
func readScript(text string) (script []fault, err error) {
	for lines := bufio.NewScanner(strings.NewReader(text)); lines.Scan(); {
		line := strings.TrimSpace(lines.Text())
		if line == "" || line[0] == '#' {
			continue
		}
		at, what, _ := strings.Cut(line, " ")
		d, err := time.ParseDuration(at)
		if err != nil {
			return nil, fmt.Errorf("%q: %w", line, err)
		}
		script = append(script, fault{d, strings.TrimSpace(what)})
	}
	return script, nil
}

// run lives through a script and ends all faults at its end.
func (c *cluster) run(script []fault) {
	c.t.Helper()
	over := make(chan struct{})
	defer close(over)
	r := &running{c: c, begin: time.Now(), fired: make(chan string, len(script)), over: over}
	for _, f := range script {
		r.wait(r.begin.Add(f.at))
		r.strike(f.line)
	}
	c.calm()
}

// running is a script on its way.
type running struct {
	c     *cluster
	begin time.Time
	fired chan string   // faults that waited for an event
	over  chan struct{} // closed at the end
}

// wait lets time pass; what was to happen on an event does.
func (r *running) wait(until time.Time) {
	t := time.NewTimer(time.Until(until))
	defer t.Stop()
	for {
		select {
		case line := <-r.fired:
			line = r.c.resolve(line)
			r.note("# then: " + line)
			r.c.do(line)
		case <-t.C:
			return
		}
	}
}

// strike does a line of the script.
func (r *running) strike(line string) {
	if rest, ok := strings.CutPrefix(line, "on "); ok {
		event, then, _ := strings.Cut(rest, " ")
		r.note(fault{time.Since(r.begin), line}.String())
		go r.arm(event, then)
		return
	}
	line = r.c.resolve(line)
	r.note(fault{time.Since(r.begin), line}.String())
	r.c.do(line)
}

func (r *running) note(line string) { r.c.done = append(r.c.done, line) }

// armedFor is how long a fault waits for its event.
const armedFor = 5 * time.Second

// arm waits for an event.
func (r *running) arm(event, then string) {
	select {
	case e := <-r.c.heard.expect(event):
		words := strings.Fields(then)
		for i, w := range words {
			if w == "k" {
				words[i] = e.from
			}
		}
		r.fired <- strings.Join(words, " ")
	case <-time.After(armedFor):
	case <-r.over:
	}
}

// resolve puts names in the place of m, l and the groups.
func (c *cluster) resolve(line string) string {
	words := strings.Fields(line)
	for i, w := range words[1:] {
		words[i+1] = c.called(w)
	}
	return strings.Join(words, " ")
}

// called is who is meant by a word of a script, separated by commas.
func (c *cluster) called(word string) string {
	names := hostNames()
	switch word {
	case "m":
		if n := c.node(c.newest()); n != nil {
			return n.name
		}
		return names[0]
	case "l":
		return c.leader().name
	case "nodes":
		return strings.Join(names[:3], ",")
	case "sentinels":
		return strings.Join(names[3:6], ",")
	case "replicas":
		return except(names[:3], c.called("m"))
	case "followers":
		return except(names[3:6], c.called("l"))
	}
	return word
}

func except(names []string, one string) string {
	return strings.Join(slices.DeleteFunc(names, func(n string) bool { return n == one }), ",")
}

// leader is the sentinel that says it leads, the first one if none does.
func (c *cluster) leader() *sentry {
	for _, s := range c.sens {
		v, err := c.ask.do(context.Background(), s.addr(), "INFO", "raft")
		if err == nil && strings.Contains(v.Text(), "raft_leading:1") {
			return s
		}
	}
	return c.sens[0]
}

// do does one fault.
func (c *cluster) do(line string) {
	c.t.Helper()
	word := append(strings.Fields(line), "", "", "", "")
	who := word[1]
	switch word[0] {
	case "kill":
		c.kill(who)
	case "start":
		c.begin(who, word[2])
	case "pause", "resume", "slow":
		c.hinder(word[0], who, word[2])
	case "freeze":
		c.host(who).Freeze()
	case "thaw":
		c.host(who).Thaw()
	case "reset":
		c.host(who).Reset()
	case "cut", "oneway":
		c.cut(word[0], strings.Split(who, ","), strings.Split(word[2], ","))
	case "part":
		c.part(strings.Fields(line)[1:])
	case "bridge":
		c.part(strings.Fields(line)[2:], who)
	case "heal":
		c.net.HealAll()
	case "delay":
		c.delay(who, word[2], word[3])
	case "hello":
		c.hello(c.sentry(who), word[2])
	case "disk":
		c.disk(c.sentry(who), word[2])
	case "clock":
		c.step(who, word[2])
	case "failover":
		a := &asker{host: c.net.Host(observerIP)}
		go func() { _, _ = a.do(context.Background(), c.sentry(who).addr(), "SENTINEL", "FAILOVER", "m") }()
	default:
		c.t.Fatalf("no fault %q", line)
	}
}

// hostNames are the names of scripts.
func hostNames() []string { return []string{"n1", "n2", "n3", "s1", "s2", "s3", "c"} }

func (c *cluster) host(name string) *memnet.Host {
	c.t.Helper()
	i := slices.Index(hostNames(), name)
	switch {
	case i < 0:
		c.t.Fatalf("no host %q", name)
	case i < 3:
		return c.nodes[i].host
	case i < 6:
		return c.sens[i-3].host
	}
	return c.net.Host(clientIP)
}

func (c *cluster) sentry(name string) *sentry {
	c.t.Helper()
	i := slices.IndexFunc(c.sens, func(s *sentry) bool { return s.name == name })
	if i < 0 {
		c.t.Fatalf("no sentinel %q", name)
	}
	return c.sens[i]
}

func (c *cluster) kill(name string) {
	if i := slices.IndexFunc(c.nodes, func(n *node) bool { return n.name == name }); i >= 0 {
		c.nodes[i].kill()
		return
	}
	c.sentry(name).kill()
}

func (c *cluster) begin(name, how string) {
	i := slices.IndexFunc(c.nodes, func(n *node) bool { return n.name == name })
	switch {
	case i < 0:
		if s := c.sentry(name); s.life == nil {
			s.start()
		}
	case c.nodes[i].life != nil:
	case how == "empty":
		c.beginEmpty(c.nodes[i])
	default:
		c.nodes[i].start(how)
	}
}

// beginEmpty starts a server without data, and waits until it has them from the
// others: should the only ones who hold something die meanwhile, it would be lost by
// right. So it does not happen to the master, nor beside other faults.
func (c *cluster) beginEmpty(n *node) {
	c.t.Helper()
	for _, other := range c.nodes {
		if other != n && other.life == nil {
			n.start("")
			return
		}
	}
	c.mend()
	c.await(settleTime, "agreement before an empty start", func() string {
		addr, why := c.named()
		if why == "" && (c.node(addr) == n || c.role(c.node(addr)) != "master") {
			why = addr + " is not what it is named"
		}
		return why
	})
	n.start("empty")
	c.await(settleTime, "data on "+n.name, c.settled)
}

// cut stops the bytes between each of some hosts and each of others.
func (c *cluster) cut(how string, some, others []string) {
	c.t.Helper()
	for _, a := range some {
		for _, b := range others {
			from, to := c.host(a).IP(), c.host(b).IP()
			switch {
			case a == b:
			case how == "oneway":
				c.net.CutOneWay(from, to)
			default:
				c.net.Cut(from, to)
			}
		}
	}
}

// part cuts the named hosts off from the others, but for bridges, which reach both.
func (c *cluster) part(names []string, bridges ...string) {
	c.t.Helper()
	rest := slices.DeleteFunc(hostNames(), func(n string) bool {
		return slices.Contains(names, n) || slices.Contains(bridges, n)
	})
	names = slices.DeleteFunc(slices.Clone(names), func(n string) bool { return slices.Contains(bridges, n) })
	c.cut("cut", names, rest)
}

func (c *cluster) delay(a, b, d string) {
	c.t.Helper()
	took, err := time.ParseDuration(d)
	c.must(err)
	c.net.Delay(c.host(a).IP(), c.host(b).IP(), took, took/2)
	c.net.Delay(c.host(b).IP(), c.host(a).IP(), took, took/2)
}

// stuck is how long a write takes on a disk that hangs.
const stuck = 24 * time.Hour

// disk sets how a sentinel's store behaves.
func (c *cluster) disk(s *sentry, how string) {
	c.t.Helper()
	s.disk.SetFull(how == "full")
	switch how {
	case "full":
	case "ok":
		s.disk.SetDelay(0)
	case "stuck":
		s.disk.SetDelay(stuck)
	default:
		d, err := time.ParseDuration(how)
		c.must(err)
		s.disk.SetDelay(d)
	}
}

// hello sets what befalls the hellos a sentinel reads.
func (c *cluster) hello(s *sentry, how string) {
	c.t.Helper()
	var late time.Duration
	if how != "ok" && how != "lost" {
		var err error
		late, err = time.ParseDuration(how)
		c.must(err)
	}
	s.hellos.set(how == "lost", late)
}

// step sets the wall clock of a process.
func (c *cluster) step(name, by string) {
	c.t.Helper()
	d, err := time.ParseDuration(by)
	c.must(err)
	for _, n := range c.nodes {
		if n.name == name {
			n.clock.step(d)
			return
		}
	}
	c.sentry(name).clock.step(d)
}

// process is the life of a program, nil if it is dead.
func (c *cluster) process(name string) *process {
	c.t.Helper()
	for _, n := range c.nodes {
		if n.name == name {
			return n.life
		}
	}
	return c.sentry(name).life
}

// hinder keeps a process from running, or lets it.
func (c *cluster) hinder(how, name, d string) {
	c.t.Helper()
	p := c.process(name)
	if p == nil {
		return
	}
	switch how {
	case "pause":
		p.pause()
	case "resume":
		p.resume()
	case "slow":
		most, err := time.ParseDuration(d)
		c.must(err)
		p.gate.slow(most)
	}
}

// calm ends every fault; wrong clocks stay wrong.
func (c *cluster) calm() {
	c.mend()
	for _, a := range hostNames() {
		for _, b := range hostNames() {
			c.delay(a, b, "0s")
		}
	}
	for _, n := range c.nodes {
		c.begin(n.name, "")
	}
	for _, name := range hostNames()[:6] {
		c.hinder("slow", name, "0s")
	}
}

// mend ends what keeps some from working or talking to others, but for dead nodes.
func (c *cluster) mend() {
	for _, name := range hostNames() {
		c.host(name).Thaw()
	}
	for _, name := range hostNames()[:6] {
		c.hinder("resume", name, "")
	}
	for _, s := range c.sens {
		c.disk(s, "ok")
		c.hello(s, "ok")
		c.begin(s.name, "")
	}
	c.net.HealAll()
}

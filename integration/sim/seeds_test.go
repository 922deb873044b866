package sim

import (
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

var (
	seeds  = flag.Uint64("seeds", seedsByDefault, "how many seeds of random faults")
	from   = flag.Uint64("from", 1, "the first of -seeds")
	seed   = flag.Uint64("seed", 0, "the only seed to run, or of the network under -script; 0: -seeds")
	report = flag.Duration("report", 0, "how often to say how far it is; 0: never")
	script = flag.String("script", "", "a file with faults for TestScript")
)

// Random faults, several at once, then none: whatever happened, what package sim
// promises holds.
func TestSeeds(t *testing.T) {
	first, last := *from, *from+*seeds-1
	if *seed != 0 {
		first, last = *seed, *seed
	}
	p := &progress{of: last - first + 1, begun: time.Now()}
	if *report > 0 {
		over := make(chan struct{})
		t.Cleanup(func() { close(over) })
		go p.run(*report, over)
	}
	for n := first; n <= last; n++ {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			t.Parallel()
			defer func() { p.ran(n, t.Failed()) }()
			inCluster(t, n, func(c *cluster) { c.run(draw(n)) })
		})
	}
}

// progress says how far a long run is, since the failures come out at its end.
type progress struct {
	of    uint64
	begun time.Time

	mu     sync.Mutex // guards what follows
	done   uint64
	failed []uint64
}

func (p *progress) ran(seed uint64, failed bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done++
	if failed {
		p.failed = append(p.failed, seed)
	}
}

func (p *progress) run(every time.Duration, over <-chan struct{}) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-over:
			return
		}
		p.mu.Lock()
		fmt.Fprintf(os.Stderr, "%s: %d of %d seeds, failed: %v\n", time.Since(p.begun).Round(time.Second), p.done, p.of, p.failed)
		p.mu.Unlock()
	}
}

// TestScript runs the faults of a file.
func TestScript(t *testing.T) {
	if *script == "" {
		t.Skip("no -script given")
	}
	text, err := os.ReadFile(*script)
	if err != nil {
		t.Fatal(err)
	}
	faults, err := readScript(string(text))
	if err != nil {
		t.Fatal(err)
	}
	inCluster(t, max(*seed, 1), func(c *cluster) { c.run(faults) })
}

// draw makes a script of a seed.
func draw(seed uint64) (script []fault) {
	d := &drawer{r: rand.New(rand.NewPCG(seed, 1)), broken: map[string]string{}}
	at := time.Duration(0)
	for range 6 + d.r.IntN(8) {
		at += d.pause()
		script = append(script, fault{at, d.fault()})
	}
	return append(script, fault{at + d.pause(), "heal"})
}

// drawer draws faults. It remembers what it broke, to mend it later.
type drawer struct {
	r      *rand.Rand
	broken map[string]string // the line that mends it, by host
	cuts   bool
}

// pause is the time to the next fault: often so short that it hits the consequences
// of the one before, sometimes long enough for a failover to end.
func (d *drawer) pause() time.Duration {
	most := []time.Duration{30 * time.Millisecond, 2 * time.Second, 5 * time.Second}[d.r.IntN(3)]
	return time.Duration(d.r.Int64N(int64(most))).Truncate(time.Millisecond)
}

// fault draws one line: something is mended about as often as something breaks.
func (d *drawer) fault() string {
	if d.r.IntN(5) < 2 {
		if line := d.mend(); line != "" {
			return line
		}
	}
	switch d.r.IntN(10) {
	case 0, 1, 2:
		return d.smash("kill", "start")
	case 3:
		if d.r.IntN(2) == 0 {
			return d.smash("pause", "resume")
		}
		return d.smash("freeze", "thaw")
	case 4, 5:
		return d.cut()
	case 6:
		return d.surprise()
	case 7:
		return "failover " + d.sentry()
	}
	return d.nuisance()
}

// smash kills or stops something that runs.
func (d *drawer) smash(how, mend string) string {
	name := one(d, d.node(), d.node(), d.sentry())
	if name != "m" && name != "l" {
		if d.broken[name] != "" {
			return d.nuisance()
		}
		d.broken[name] = mend + " " + name
	} else if how == "kill" {
		name := hostNames()[d.r.IntN(6)] // perhaps it was this one
		d.broken[name] = mend + " " + name
	}
	return how + " " + name
}

// cut draws a partition.
func (d *drawer) cut() string {
	d.cuts = true
	switch d.r.IntN(6) {
	case 0:
		return one(d, "cut ", "oneway ") + d.pair()
	case 1:
		return "part " + one(d, d.host(), d.node()+" "+d.sentry()+" c")
	case 2:
		return "bridge " + d.host() + d.half()
	}
	return one(d, "cut ", "cut ", "oneway ") + d.classes()
}

// classes draws two kinds of programs, in either order.
func (d *drawer) classes() string {
	pairs := classPairs()
	p := pairs[d.r.IntN(len(pairs))]
	if d.r.IntN(2) == 0 {
		return p[0] + " " + p[1]
	}
	return p[1] + " " + p[0]
}

// half is about half of the hosts.
func (d *drawer) half() string {
	some := ""
	for _, name := range hostNames() {
		if d.r.IntN(2) == 0 {
			some += " " + name
		}
	}
	return some
}

// surprise is a fault in the middle of a failover.
func (d *drawer) surprise() string {
	event := one(d, "+sdown", "+odown", "+try-failover", "+elected-leader", "+selected-slave", "+promoted-slave",
		"+switch-master", "+slave-reconf-sent", "+convert-to-slave")
	who := one(d, "k", "k", "l", "m", d.node(), d.sentry())
	how := one(d, "kill", "kill", "pause", "freeze", "part", "cut")
	if how != "cut" {
		d.cuts = d.cuts || how == "part"
		return "on " + event + " " + how + " " + who
	}
	d.cuts = true
	return "on " + event + " cut " + who + " " + one(d, "nodes", "sentinels", "m", "replicas")
}

// mend undoes one fault, "" if there is none.
func (d *drawer) mend() string {
	names := slices.Sorted(maps.Keys(d.broken))
	if d.cuts && (len(names) == 0 || d.r.IntN(2) == 0) {
		d.cuts = false
		return "heal"
	}
	if len(names) == 0 {
		return ""
	}
	name := names[d.r.IntN(len(names))]
	line := d.broken[name]
	delete(d.broken, name)
	if name[0] == 'n' && strings.HasPrefix(line, "start") {
		line += one(d, "", " anew", " empty")
	}
	return line
}

// nuisance is what slows things down, or is a lie.
func (d *drawer) nuisance() string {
	switch d.r.IntN(7) {
	case 0:
		return fmt.Sprintf("delay %s %dms", d.pair(), 1+d.r.IntN(50))
	case 1:
		return fmt.Sprintf("disk %s %s", d.sentry(), one(d, fmt.Sprintf("%dms", 1+d.r.IntN(100)), "stuck", "full", "ok"))
	case 2:
		return fmt.Sprintf("hello %s %s", d.sentry(), one(d, "lost", fmt.Sprintf("%dms", d.r.IntN(5000)), "ok"))
	case 3:
		return fmt.Sprintf("clock %s %ds", one(d, d.node(), d.sentry()), d.r.IntN(7200)-3600)
	case 4:
		return fmt.Sprintf("slow %s %dms", one(d, d.node(), d.sentry()), 1+d.r.IntN(10))
	}
	return "reset " + d.host()
}

// one draws one of several.
func one(d *drawer, of ...string) string { return of[d.r.IntN(len(of))] }

func (d *drawer) host() string   { return hostNames()[d.r.IntN(len(hostNames()))] }
func (d *drawer) node() string   { return one(d, "n1", "n2", "n3", "m") }
func (d *drawer) sentry() string { return one(d, "s1", "s2", "s3", "l") }

// pair is two hosts.
func (d *drawer) pair() string {
	names := hostNames()
	a := d.r.IntN(len(names))
	b := (a + 1 + d.r.IntN(len(names)-1)) % len(names)
	return names[a] + " " + names[b]
}

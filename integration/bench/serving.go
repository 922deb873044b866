package main

import (
	"context"
	"fmt"
	"os/exec"
	"regexp"
	"strconv"
	"time"
)

// load is one shape of traffic of redis-benchmark.
type load struct {
	command  string
	bytes    int // of the values
	conns    int
	pipeline int
}

func (l load) name() string {
	return fmt.Sprintf("%s-%dB-c%d-P%d", l.command, l.bytes, l.conns, l.pipeline)
}

func (l load) title() string {
	return fmt.Sprintf("%s %d B, %s, pipeline %d", upper(l.command), l.bytes, count(l.conns, "connection"), l.pipeline)
}

func upper(command string) string { return map[string]string{"set": "SET", "get": "GET"}[command] }

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// servingKeys is how many keys redis-benchmark draws from.
const servingKeys = 100_000

// loads are the cases of part serving, sorted so that a data set serves several.
func loads() []load {
	var ls []load
	for _, bytes := range []int{100, 3} {
		for _, shape := range [][2]int{{50, 1}, {50, 16}, {500, 1}, {1, 1}} {
			for _, command := range []string{"set", "get"} {
				ls = append(ls, load{command, bytes, shape[0], shape[1]})
			}
		}
	}
	return ls
}

// requests is how many make about two seconds.
func (l load) requests(quick bool) int {
	n := 200_000
	switch {
	case l.pipeline > 1:
		n = 2_000_000
	case l.conns == 1:
		n = 40_000
	}
	if quick {
		n /= 10
	}
	return n
}

func servingPart() part {
	return part{
		name: "serving", title: "Serving", run: runServing, report: reportServing,
		cases: func(*options) []measured {
			var cases []measured
			for _, l := range loads() {
				cases = append(cases, measured{l.name(), l.title()})
			}
			return cases
		},
	}
}

// runServing keeps one server of each side up and sends them one load after the other;
// the one that is not measured is idle.
func runServing(ctx context.Context, b *bench) error {
	servers, err := b.startPair(ctx)
	if err != nil {
		return err
	}
	defer killAll(servers)
	filled := 0 // the size of the values the servers hold
	for _, l := range loads() {
		if !b.includes(l.name()) {
			continue
		}
		if filled != l.bytes {
			filled = l.bytes
			for _, p := range servers {
				fill := load{"set", l.bytes, 50, 16}
				if _, err := fill.run(ctx, p, 5*servingKeys); err != nil {
					return err
				}
			}
		}
		for pair := range b.pairs {
			for _, side := range sides(pair) {
				if b.journal.has(l.name(), side, pair) {
					continue
				}
				f, err := l.run(ctx, servers[side], l.requests(b.quick))
				if err != nil {
					return err
				}
				if err := b.journal.add(l.name(), side, pair, f); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// includes reports whether a case is among those to run.
func (b *bench) includes(name string) bool {
	for _, c := range b.cases {
		if c.name == name {
			return true
		}
	}
	return false
}

// run sends n requests.
func (l load) run(ctx context.Context, p *process, n int) (figures, error) {
	return p.benchmark(ctx, n, "-t", l.command, "-r", strconv.Itoa(servingKeys), "-d", strconv.Itoa(l.bytes),
		"-c", strconv.Itoa(l.conns), "-P", strconv.Itoa(l.pipeline))
}

// benchmark lets redis-benchmark send n requests and returns what it and the system say.
func (p *process) benchmark(ctx context.Context, n int, args ...string) (figures, error) {
	args = append([]string{"-p", strconv.Itoa(p.port), "-n", strconv.Itoa(n), "--precision", "3"}, args...)
	before, err := p.cpu()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, "redis-benchmark", args...)
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("redis-benchmark: %w", err)
	}
	after, err := p.cpu()
	if err != nil {
		return nil, err
	}
	f, err := parseBenchmark(string(out))
	if err != nil {
		return nil, err
	}
	f["cpu_us"] = float64(after-before) / float64(n) / float64(time.Microsecond)
	client := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	f["client_busy"] = client.Seconds() * f["rps"] / float64(n)
	return f, nil
}

// parseBenchmark reads the report of redis-benchmark: its throughput, and of the list of
// latencies, which goes up, the first at or above each percentile wanted.
func parseBenchmark(text string) (figures, error) {
	f := figures{}
	m := regexp.MustCompile(`throughput summary: ([\d.]+) requests`).FindStringSubmatch(text)
	if m == nil {
		return nil, fmt.Errorf("redis-benchmark's report is not understood: %.300s", text)
	}
	f["rps"], _ = strconv.ParseFloat(m[1], 64)
	for _, m := range regexp.MustCompile(`(?m)^([\d.]+)% <= ([\d.]+) milliseconds \(cum`).FindAllStringSubmatch(text, -1) {
		share, _ := strconv.ParseFloat(m[1], 64)
		ms, _ := strconv.ParseFloat(m[2], 64)
		for name, want := range map[string]float64{"p50_ms": 50, "p99_ms": 99, "p999_ms": 99.9} {
			if _, found := f[name]; !found && share >= want {
				f[name] = ms
			}
		}
	}
	if len(f) != 4 {
		return nil, fmt.Errorf("redis-benchmark's percentiles are not understood: %.300s", text)
	}
	return f, nil
}

// clientBusy explains a column of the tables.
const clientBusy = "The client is one thread: where it is busy for all of the time (1.00), it can send no more, whatever the server does."

func reportServing(t *table, j *journal, cases []measured) {
	t.head = []string{"load", "throughput, ratio", "CPU per request, ratio", "requests/s, ours – Redis",
		"p50 ms", "p99 ms", "p99.9 ms", "client busy", "pairs"}
	both := func(name, figure string, digits int) string {
		return mid(j.values(name, ours, figure), digits) + " – " + mid(j.values(name, theirs, figure), digits)
	}
	for _, c := range cases {
		if j.pairs(c.name) == 0 {
			continue
		}
		t.row(c.title, spread(j.ratios(c.name, "rps"), 2), spread(j.ratios(c.name, "cpu_us"), 2),
			both(c.name, "rps", 0), both(c.name, "p50_ms", 2), both(c.name, "p99_ms", 2), both(c.name, "p999_ms", 2),
			both(c.name, "client_busy", 2), strconv.Itoa(j.pairs(c.name)))
	}
	t.note("Ratios are ours to Redis's, median of the pairs (first to third quartile); the other columns are medians, ours – Redis. " + clientBusy)
}

package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"
)

// slowestOf is a run of one command against a large data set, of which the slowest is
// looked for.
type slowestOf struct {
	name    string
	title   string
	n       int // how many, in thousandths of the keys
	request func(keys int, rng *rand.Rand, i int) []string
}

// Each case finds the data set as the ones before it left it, so they run in order.
func stallCases() []slowestOf {
	key := func(i int) string { return "key:" + strconv.Itoa(i) }
	random := func(command string, more ...string) func(int, *rand.Rand, int) []string {
		return func(keys int, rng *rand.Rand, _ int) []string {
			return append([]string{command, key(rng.IntN(keys))}, more...)
		}
	}
	return []slowestOf{
		{"set", "SET of new keys, from none to ten million", 1000, func(_ int, _ *rand.Rand, i int) []string {
			return []string{"SET", key(i), "value:" + strconv.Itoa(i)}
		}},
		{"get", "GET", 200, random("GET")},
		{"overwrite", "SET of keys that are there", 200, random("SET", "another value")},
		{"expire", "EXPIRE", 200, random("EXPIRE", "86400")},
		{"hset", "HSET, one hash growing to a million fields", 100, func(_ int, _ *rand.Rand, i int) []string {
			return []string{"HSET", "hash", "field:" + strconv.Itoa(i), "value"}
		}},
		{"sadd", "SADD, one set growing to a million members", 100, func(_ int, _ *rand.Rand, i int) []string {
			return []string{"SADD", "set", "member:" + strconv.Itoa(i)}
		}},
		{"zadd", "ZADD, one sorted set growing to a million members", 100, func(_ int, rng *rand.Rand, i int) []string {
			return []string{"ZADD", "zset", strconv.Itoa(rng.IntN(1e9)), "member:" + strconv.Itoa(i)}
		}},
		{"lpush", "LPUSH, one list growing to a million elements", 100, func(_ int, _ *rand.Rand, i int) []string {
			return []string{"LPUSH", "list", "value:" + strconv.Itoa(i)}
		}},
		{"xadd", "XADD, one stream growing to a million entries", 100, func(_ int, _ *rand.Rand, i int) []string {
			return []string{"XADD", "stream", "*", "field", strconv.Itoa(i)}
		}},
		{"unlink", "UNLINK of what holds a million each", 0, func(_ int, _ *rand.Rand, i int) []string {
			return []string{"UNLINK", []string{"hash", "set", "zset", "list", "stream"}[i]}
		}},
		{"del", "DEL of nine keys in ten", 900, func(_ int, _ *rand.Rand, i int) []string { return []string{"DEL", key(i)} }},
	}
}

// unlinked is how many keys the case unlink has.
const unlinked = 5

func (s slowestOf) requests(keys int) int {
	if s.n == 0 {
		return unlinked
	}
	return keys / 1000 * s.n
}

func stallKeys(quick bool) int {
	if quick {
		return 200_000
	}
	return 10_000_000
}

// noticed is from where on the servers note how long a command took.
const noticed = 50 * time.Microsecond

func stallsPart() part {
	return part{
		name: "stalls", title: "Longest stalls", run: runStalls, report: reportStalls,
		cases: func(*options) []measured {
			var cases []measured
			for _, c := range stallCases() {
				cases = append(cases, measured{c.name, c.title})
			}
			return cases
		},
	}
}

// runStalls goes through all cases on a fresh server of each side, whichever are still
// wanted: each needs what the others made.
func runStalls(ctx context.Context, b *bench) error {
	for pair := range b.pairs {
		for _, side := range sides(pair) {
			if len(b.wants(pair, side)) == 0 {
				continue
			}
			if err := stallsOf(ctx, b, pair, side); err != nil {
				return err
			}
		}
	}
	return nil
}

func stallsOf(ctx context.Context, b *bench, pair int, side string) error {
	p, err := b.startServer(ctx, side, "--slowlog-max-len", "1000000",
		"--slowlog-log-slower-than", strconv.FormatInt(noticed.Microseconds(), 10))
	if err != nil {
		return err
	}
	defer p.kill()
	keys := stallKeys(b.quick)
	for _, c := range stallCases() {
		f, err := c.slowest(ctx, p, keys)
		if err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
		if !b.includes(c.name) || b.journal.has(c.name, side, pair) {
			continue
		}
		if err := b.journal.add(c.name, side, pair, f); err != nil {
			return err
		}
	}
	return nil
}

// slowest sends the commands and asks the server which took longest.
func (s slowestOf) slowest(ctx context.Context, p *process, keys int) (figures, error) {
	c := p.client()
	defer c.Close()
	if err := c.Do(ctx, "SLOWLOG", "RESET").Err(); err != nil {
		return nil, err
	}
	err := pipelined(ctx, p.addr(), s.requests(keys), func(first int) request {
		rng := rand.New(rand.NewPCG(uint64(first), 1))
		return func(out []byte, i int) []byte { return appendWords(out, s.request(keys, rng, i)...) }
	})
	if err != nil {
		return nil, err
	}
	log, err := c.SlowLogGet(ctx, -1).Result()
	if err != nil {
		return nil, err
	}
	longest, over := noticed, 0
	for _, entry := range log {
		longest = max(longest, entry.Duration)
		if entry.Duration > time.Millisecond {
			over++
		}
	}
	return figures{"longest_ms": milliseconds(longest), "over_1ms": float64(over)}, nil
}

func reportStalls(t *table, j *journal, cases []measured) {
	t.head = []string{"command, ten million keys", "longest ms, ours", "longest ms, Redis", "ratio",
		"longer than 1 ms, ours – Redis", "pairs"}
	for _, c := range cases {
		if j.pairs(c.name) == 0 {
			continue
		}
		t.row(c.title, extremes(j.values(c.name, ours, "longest_ms"), 2), extremes(j.values(c.name, theirs, "longest_ms"), 2),
			spread(j.ratios(c.name, "longest_ms"), 2),
			mid(j.values(c.name, ours, "over_1ms"), 0)+" – "+mid(j.values(c.name, theirs, "over_1ms"), 0), strconv.Itoa(j.pairs(c.name)))
	}
	t.note("By the servers' own account, SLOWLOG: how long one command kept the loop, median of the runs (shortest–longest). Times below 0.05 ms are not told apart.")
}

package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
)

// typeLoad is one command on a collection.
type typeLoad struct {
	name     string
	title    string
	command  string // words; __rand_int__ is drawn below spread
	spread   int
	conns    int
	pipeline int
	requests int
	counted  bool // sent by repeat, not by redis-benchmark
	// prepare fills an empty server before each run; nil leaves it empty. n is how many
	// requests will come.
	prepare func(ctx context.Context, addr string, n int) error
}

// The sizes of collections.
const (
	largeZSet  = 1_000_000
	largeSet   = 100_000 // of each of the two that are intersected
	smallCount = 50      // fields or members of what is read as a whole
)

// typeLoads are the cases of part types.
func typeLoads() []typeLoad {
	var ls []typeLoad
	for _, l := range []typeLoad{
		{name: "lpush", title: "LPUSH", command: "LPUSH key value:__rand_int__"},
		{name: "rpop", title: "RPOP", command: "RPOP key", prepare: fillWith("RPUSH key value:%012d")},
		{name: "sadd", title: "SADD", command: "SADD key member:__rand_int__"},
		{name: "spop", title: "SPOP", command: "SPOP key", prepare: fillWith("SADD key member:%012d")},
		{name: "hset", title: "HSET", command: "HSET key field:__rand_int__ value"},
		{name: "zadd", title: "ZADD", command: "ZADD key __rand_int__ member:__rand_int__"},
		{name: "xadd", title: "XADD", command: "XADD key * sensor 1234 temperature 19.8"},
	} {
		for _, pipeline := range []int{1, 16} {
			c := l
			c.name, c.title = fmt.Sprintf("%s-P%d", l.name, pipeline), fmt.Sprintf("%s, pipeline %d", l.title, pipeline)
			c.pipeline, c.requests, c.conns, c.spread = pipeline, 200_000, 50, 100_000
			if pipeline > 1 {
				c.requests = 1_000_000
			}
			ls = append(ls, c)
		}
		l = ls[len(ls)-1]
		l.name, l.title, l.counted = l.name+"-counted", l.title+", replies counted", true
		ls = append(ls, l)
	}
	for _, l := range []typeLoad{
		{name: "lrange-100", title: "LRANGE of 100", command: "LRANGE key 0 99", requests: 100_000, prepare: filled("RPUSH key value:%012d", 600)},
		{name: "lrange-600", title: "LRANGE of 600", command: "LRANGE key 0 599", requests: 20_000, prepare: filled("RPUSH key value:%012d", 600)},
		{name: "zrange-100", title: "ZRANGE of 100", command: "ZRANGE key 0 99", requests: 100_000, prepare: filled("ZADD key %d member:%012d", 10_000)},
		{name: "hgetall-50", title: "HGETALL of 50 fields", command: "HGETALL key", requests: 100_000, prepare: filled("HSET key field:%d value:%d", smallCount)},
		{name: "smembers-50", title: "SMEMBERS of 50", command: "SMEMBERS key", requests: 100_000, prepare: filled("SADD key member:%d", smallCount)},
		{name: "zadd-large", title: "ZADD, a million members", command: "ZADD key __rand_int__ member:__rand_int__", requests: 500_000,
			pipeline: 16, prepare: filled("ZADD key %d member:%012d", largeZSet)},
		{name: "zrank-large", title: "ZRANK, a million members", command: "ZRANK key member:__rand_int__", requests: 500_000,
			pipeline: 16, prepare: filled("ZADD key %d member:%012d", largeZSet)},
		{name: "sinter-large", title: "SINTER of two sets of 100 000", command: "SINTER key other", requests: 100, conns: 1, prepare: fillTwoSets},
	} {
		if l.conns == 0 {
			l.conns = 50
		}
		l.pipeline, l.spread = max(l.pipeline, 1), largeZSet
		ls = append(ls, l)
		if large := !strings.Contains(l.command, "_") && l.conns > 1; large {
			counted, many := l, l
			counted.name, counted.title, counted.counted = l.name+"-counted", l.title+", replies counted", true
			many.name, many.title, many.pipeline = l.name+"-P16", l.title+", pipeline 16", 16
			ls = append(ls, counted, many)
		}
	}
	return ls
}

// fillWith sends command for each of the requests to come, %d and its like replaced by
// its number.
func fillWith(command string) func(context.Context, string, int) error {
	return func(ctx context.Context, addr string, n int) error { return fillKey(ctx, addr, command, n) }
}

// filled is fillWith so many times.
func filled(command string, n int) func(context.Context, string, int) error {
	return func(ctx context.Context, addr string, _ int) error { return fillKey(ctx, addr, command, n) }
}

func fillKey(ctx context.Context, addr, command string, n int) error {
	words := strings.Fields(command)
	return pipelined(ctx, addr, n, func(int) request {
		now := make([]string, len(words))
		return func(out []byte, i int) []byte {
			for k, w := range words {
				if now[k] = w; strings.Contains(w, "%") {
					now[k] = fmt.Sprintf(w, i)
				}
			}
			return appendWords(out, now...)
		}
	})
}

// fillTwoSets makes two sets that have half of their members in common.
func fillTwoSets(ctx context.Context, addr string, _ int) error {
	if err := fillKey(ctx, addr, "SADD key member:%d", largeSet); err != nil {
		return err
	}
	return pipelined(ctx, addr, largeSet, func(int) request {
		return func(out []byte, i int) []byte {
			return appendWords(out, "SADD", "other", "member:"+strconv.Itoa(i+largeSet/2))
		}
	})
}

func typesPart() part {
	return part{
		name: "types", title: "Data types", run: runTypes, report: reportTypes,
		cases: func(*options) []measured {
			var cases []measured
			for _, l := range typeLoads() {
				cases = append(cases, measured{l.name, l.title})
			}
			return cases
		},
	}
}

// runTypes keeps one server of each side up, as runServing does, and fills it anew for
// each run.
func runTypes(ctx context.Context, b *bench) error {
	servers, err := b.startPair(ctx)
	if err != nil {
		return err
	}
	defer killAll(servers)
	for _, l := range typeLoads() {
		if !b.includes(l.name) {
			continue
		}
		if b.quick {
			l.requests /= 10
		}
		for pair := range b.pairs {
			for _, side := range sides(pair) {
				if b.journal.has(l.name, side, pair) {
					continue
				}
				f, err := l.run(ctx, servers[side])
				if err != nil {
					return fmt.Errorf("%s: %w", l.name, err)
				}
				if err := b.journal.add(l.name, side, pair, f); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// run fills the server and sends the requests.
func (l typeLoad) run(ctx context.Context, p *process) (figures, error) {
	c := p.client()
	defer c.Close()
	if err := c.FlushAll(ctx).Err(); err != nil {
		return nil, err
	}
	if l.prepare != nil { // for one more: newRepeated sends it
		if err := l.prepare(ctx, p.addr(), l.requests+1); err != nil {
			return nil, err
		}
	}
	if l.counted {
		return p.repeat(ctx, l)
	}
	args := []string{"-r", strconv.Itoa(l.spread), "-c", strconv.Itoa(l.conns), "-P", strconv.Itoa(l.pipeline)}
	return p.benchmark(ctx, l.requests, append(args, strings.Fields(l.command)...)...)
}

func reportTypes(t *table, j *journal, cases []measured) {
	t.head = []string{"command", "throughput, ratio", "CPU per request, ratio", "requests/s, ours – Redis", "p99 ms", "client busy", "pairs"}
	for _, c := range cases {
		if j.pairs(c.name) == 0 {
			continue
		}
		both := func(figure string, digits int) string {
			return mid(j.values(c.name, ours, figure), digits) + " – " + mid(j.values(c.name, theirs, figure), digits)
		}
		t.row(c.title, spread(j.ratios(c.name, "rps"), 2), spread(j.ratios(c.name, "cpu_us"), 2),
			both("rps", 0), both("p99_ms", 2), both("client_busy", 2), strconv.Itoa(j.pairs(c.name)))
	}
	t.note("Fifty connections, one for SINTER. Where replies are counted, the client does not read their elements. Ratios are ours to Redis's, median of the pairs (first to third quartile). " + clientBusy)
}

package main

import (
	"context"
	"math/rand/v2"
	"strconv"
	"time"
)

// collection is a data set of one type whose memory is measured.
type collection struct {
	name     string
	title    string
	requests int
	request  func(first int) request
}

// collections are the cases of part typememory: a million of each.
func collections(quick bool) []collection {
	n := 1_000_000
	if quick {
		n = 50_000
	}
	return []collection{
		{"hashes", "a million hashes of 5 fields of 10 B", n, manyHashes},
		{"set", "a set of a million members of 19 B", n, oneSet},
		{"zset", "a sorted set of a million members of 19 B", n, oneZSet},
		{"lists", "a million lists of 10 elements of 10 B", n, manyLists},
		{"stream", "a stream of a million entries of 2 fields", n, oneStream},
	}
}

func manyHashes(first int) request {
	value := newValues(10, uint64(first))
	words := []string{"HSET", "", "name", "", "city", "", "mail", "", "phone", "", "visits", ""}
	return func(out []byte, i int) []byte {
		words[1] = "user:" + strconv.Itoa(i)
		for k := 3; k < len(words); k += 2 {
			words[k] = string(value.next())
		}
		return appendWords(out, words...)
	}
}

func oneSet(first int) request {
	value := newValues(12, uint64(first))
	return func(out []byte, _ int) []byte {
		return appendWords(out, "SADD", "key", "member:"+string(value.next()))
	}
}

func oneZSet(first int) request {
	rng := rand.New(rand.NewPCG(uint64(first), 1))
	value := newValues(12, uint64(first))
	return func(out []byte, _ int) []byte {
		return appendWords(out, "ZADD", "key", strconv.Itoa(rng.IntN(1e9)), "member:"+string(value.next()))
	}
}

func manyLists(first int) request {
	value := newValues(10, uint64(first))
	words := make([]string, 12)
	words[0] = "RPUSH"
	return func(out []byte, i int) []byte {
		words[1] = "list:" + strconv.Itoa(i)
		for k := 2; k < len(words); k++ {
			words[k] = string(value.next())
		}
		return appendWords(out, words...)
	}
}

func oneStream(first int) request {
	rng := rand.New(rand.NewPCG(uint64(first), 1))
	return func(out []byte, _ int) []byte {
		return appendWords(out, "XADD", "key", "*", "sensor", strconv.Itoa(rng.IntN(10_000)),
			"temperature", strconv.FormatFloat(float64(rng.IntN(1000))/10, 'f', 1, 64))
	}
}

func typeMemoryPart() part {
	return part{
		name: "typememory", title: "Memory of the data types", run: runTypeMemory, report: reportTypeMemory,
		cases: func(o *options) []measured {
			var cases []measured
			for _, c := range collections(o.quick) {
				cases = append(cases, measured{c.name, c.title})
			}
			return cases
		},
	}
}

func runTypeMemory(ctx context.Context, b *bench) error {
	for _, c := range collections(b.quick) {
		if !b.includes(c.name) {
			continue
		}
		for pair := range b.pairs {
			for _, side := range sides(pair) {
				if b.journal.has(c.name, side, pair) {
					continue
				}
				f, err := c.measure(ctx, b, side)
				if err != nil {
					return err
				}
				if err := b.journal.add(c.name, side, pair, f); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// measure fills a fresh server and reads its memory when it has settled.
func (c collection) measure(ctx context.Context, b *bench, side string) (figures, error) {
	p, err := b.startServer(ctx, side)
	if err != nil {
		return nil, err
	}
	defer p.kill()
	empty, err := p.rss()
	if err != nil {
		return nil, err
	}
	start := time.Now()
	if err := pipelined(ctx, p.addr(), c.requests, c.request); err != nil {
		return nil, err
	}
	took := time.Since(start)
	time.Sleep(settling(b.quick))
	full, err := p.rss()
	if err != nil {
		return nil, err
	}
	return figures{"rss_mb": full / megabyte, "each_bytes": (full - empty) / float64(c.requests), "load_s": took.Seconds()}, nil
}

func reportTypeMemory(t *table, j *journal, cases []measured) {
	t.head = []string{"data", "RSS, ratio", "RSS MiB, ours – Redis", "bytes each", "load s", "load time, ratio", "pairs"}
	for _, c := range cases {
		if j.pairs(c.name) == 0 {
			continue
		}
		both := func(figure string, digits int) string {
			return mid(j.values(c.name, ours, figure), digits) + " – " + mid(j.values(c.name, theirs, figure), digits)
		}
		t.row(c.title, spread(j.ratios(c.name, "rss_mb"), 2), both("rss_mb", 0), both("each_bytes", 1),
			both("load_s", 1), spread(j.ratios(c.name, "load_s"), 2), strconv.Itoa(j.pairs(c.name)))
	}
	t.note("The RSS is the whole process's, 30 s after the load; bytes each leave out that of the empty server.")
}

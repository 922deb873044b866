package main

import (
	"context"
	"strconv"
	"time"
)

// smallKeys is the data set of the memory and snapshot parts: 16-byte keys, 32-byte
// values.
func smallKeys(quick bool) fill {
	if quick {
		return fill{200_000, 32}
	}
	return fill{5_000_000, 32}
}

// settling is how long after the load the memory is read.
func settling(quick bool) time.Duration {
	if quick {
		return time.Second
	}
	return 30 * time.Second
}

const megabyte = 1 << 20

func memoryPart() part {
	return part{
		name: "memory", title: "Memory", run: runMemory, report: reportMemory,
		cases: func(*options) []measured {
			return []measured{{"small-keys", "small keys"}}
		},
	}
}

func runMemory(ctx context.Context, b *bench) error {
	for pair := range b.pairs {
		for _, side := range sides(pair) {
			if len(b.wants(pair, side)) == 0 {
				continue
			}
			f, err := measureMemory(ctx, b, side)
			if err != nil {
				return err
			}
			if err := b.journal.add("small-keys", side, pair, f); err != nil {
				return err
			}
		}
	}
	return nil
}

// measureMemory fills a fresh server, reads its memory, saves, and starts it again.
func measureMemory(ctx context.Context, b *bench, side string) (figures, error) {
	p, err := b.startServer(ctx, side)
	if err != nil {
		return nil, err
	}
	defer func() { p.kill() }()
	empty, err := p.rss()
	if err != nil {
		return nil, err
	}
	data := smallKeys(b.quick)
	start := time.Now()
	if err := data.load(ctx, p.addr()); err != nil {
		return nil, err
	}
	f := figures{"load_s": time.Since(start).Seconds(), "empty_mb": empty / megabyte}
	time.Sleep(settling(b.quick))
	full, err := p.rss()
	if err != nil {
		return nil, err
	}
	f["rss_mb"], f["per_key_bytes"] = full/megabyte, full/float64(data.keys)
	c := p.client()
	defer c.Close()
	start = time.Now()
	if err := c.Save(ctx).Err(); err != nil {
		return nil, err
	}
	f["save_s"] = time.Since(start).Seconds()
	p.kill()
	start = time.Now()
	if err := p.start(); err != nil {
		return nil, err
	}
	if err := p.ready(ctx); err != nil {
		return nil, err
	}
	f["start_s"] = time.Since(start).Seconds()
	if n, err := c.DBSize(ctx).Result(); err != nil || n != int64(data.keys) {
		return nil, unexpectedSize(n, err)
	}
	return f, nil
}

func reportMemory(t *table, j *journal, _ []measured) {
	t.head = []string{"five million keys of 16 B with values of 32 B", "ours", "Redis", "ratio", "pairs"}
	const name = "small-keys"
	if j.pairs(name) == 0 {
		return
	}
	for _, row := range []struct {
		figure, title string
		digits        int
	}{
		{"rss_mb", "RSS 30 s after the load, MiB", 0},
		{"per_key_bytes", "RSS per key, bytes", 1},
		{"empty_mb", "RSS of the empty server, MiB", 1},
		{"load_s", "loading through four pipelined connections, s", 1},
		{"save_s", "SAVE, s", 1},
		{"start_s", "start with the RDB file until PING is answered, s", 1},
	} {
		t.row(row.title, spread(j.values(name, ours, row.figure), row.digits),
			spread(j.values(name, theirs, row.figure), row.digits), spread(j.ratios(name, row.figure), 2),
			strconv.Itoa(j.pairs(name)))
	}
}

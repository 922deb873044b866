package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"
)

// The cases of part snapshot.
const (
	toDisk    = "bgsave"
	toReplica = "slow-replica"
)

const (
	// snapshotRate is the traffic during a snapshot, requests per second.
	snapshotRate = 15_000
	// slowReplica is what the slow replica reads, bytes per second.
	slowReplica = 10_000_000
)

func snapshotPart() part {
	return part{
		name: "snapshot", title: "Snapshot under load", run: runSnapshot, report: reportSnapshot,
		cases: func(*options) []measured {
			return []measured{{toDisk, "BGSAVE"}, {toReplica, "full synchronization of a replica that reads 10 MB/s"}}
		},
	}
}

func unexpectedSize(n int64, err error) error {
	return errors.Join(err, fmt.Errorf("the server holds %d keys", n))
}

func runSnapshot(ctx context.Context, b *bench) error {
	for pair := range b.pairs {
		if len(b.wants(pair, ours))+len(b.wants(pair, theirs)) == 0 {
			continue
		}
		for _, side := range sides(pair) {
			if err := snapshotSide(ctx, b, pair, side); err != nil {
				return err
			}
		}
	}
	return nil
}

// snapshotSide fills a fresh server, so that each run's memory is as after a load, and
// takes the snapshots of one pair.
func snapshotSide(ctx context.Context, b *bench, pair int, side string) error {
	todo := b.wants(pair, side)
	if len(todo) == 0 {
		return nil
	}
	p, err := b.startServer(ctx, side, "--repl-diskless-sync-delay", "0")
	if err != nil {
		return err
	}
	defer p.kill()
	data := smallKeys(b.quick)
	if err := data.load(ctx, p.addr()); err != nil {
		return err
	}
	time.Sleep(settling(b.quick))
	base, err := p.rss()
	if err != nil {
		return err
	}
	for _, c := range todo {
		f, err := snapshotUnderLoad(ctx, p, data, base, c.name)
		if err != nil {
			return err
		}
		if err := b.journal.add(c.name, side, pair, f); err != nil {
			return err
		}
	}
	return nil
}

// snapshotUnderLoad sends traffic for some seconds, takes one snapshot, and compares.
func snapshotUnderLoad(ctx context.Context, p *process, data fill, base float64, kind string) (figures, error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	traffic := &steady{rate: snapshotRate, data: data}
	ended := make(chan error, 1)
	go func() { ended <- traffic.run(ctx, p.addr()) }()
	time.Sleep(time.Second) // connections and caches
	quiet := time.Now()
	time.Sleep(4 * time.Second)
	before, err := p.rss()
	if err != nil {
		return nil, err
	}
	peak := p.watchRSS(ctx)
	begin := time.Now()
	if err := takeSnapshot(ctx, p, kind); err != nil {
		return nil, err
	}
	end := time.Now()
	highest := peak()
	time.Sleep(200 * time.Millisecond) // replies to what was due before the end
	stop()
	if err := <-ended; err != nil {
		return nil, fmt.Errorf("traffic: %w", err)
	}
	copied, err := p.copiedByChild(kind)
	if err != nil {
		return nil, err
	}
	calm, busy := traffic.between(quiet, begin), traffic.between(begin, end)
	return figures{
		"snapshot_s":    end.Sub(begin).Seconds(),
		"extra_mb":      (highest - before + copied) / megabyte,
		"extra_percent": 100 * (max(highest-base, 0) + copied) / base,
		"p99_ms":        quantile(busy, 0.99),
		"p999_ms":       quantile(busy, 0.999),
		"worst_ms":      slices.Max(busy),
		"calm_p999_ms":  quantile(calm, 0.999),
		"calm_worst_ms": slices.Max(calm),
		"requests":      float64(len(busy)),
	}, nil
}

// takeSnapshot returns when the snapshot has been taken.
func takeSnapshot(ctx context.Context, p *process, kind string) error {
	if kind == toReplica {
		_, err := discardSync(ctx, p.addr(), slowReplica)
		return err
	}
	c := p.client()
	defer c.Close()
	if err := c.BgSave(ctx).Err(); err != nil {
		return err
	}
	return p.until(ctx, 5*time.Minute, func() error {
		running, err := infoField(ctx, c, "persistence", "rdb_bgsave_in_progress")
		if err == nil && running != 0 {
			return errors.New("the snapshot goes on")
		}
		return err
	})
}

// watchRSS samples the memory of the process until the function it returns is called,
// which returns the highest.
func (p *process) watchRSS(ctx context.Context) func() float64 {
	ctx, stop := context.WithCancel(ctx)
	highest := make(chan float64, 1)
	go func() {
		most := 0.0
		for ctx.Err() == nil {
			if now, err := p.rss(); err == nil {
				most = max(most, now)
			}
			select {
			case <-ctx.Done():
			case <-time.After(20 * time.Millisecond):
			}
		}
		highest <- most
	}()
	return func() float64 {
		stop()
		return <-highest
	}
}

// copiedByChild is the memory a forked child held of its own, in bytes, by the server's own
// account; a server that does not fork says 0.
func (p *process) copiedByChild(string) (float64, error) {
	c := p.client()
	defer c.Close()
	return infoField(context.Background(), c, "persistence", "rdb_last_cow_size")
}

func reportSnapshot(t *table, j *journal, cases []measured) {
	t.head = []string{"snapshot of five million keys at 15 000 requests/s", "ours", "Redis", "ratio", "pairs"}
	for _, c := range cases {
		if j.pairs(c.name) == 0 {
			continue
		}
		for _, row := range []struct {
			figure, title string
			digits        int
		}{
			{"snapshot_s", "duration, s", 1},
			{"extra_mb", "extra memory, MiB", 1},
			{"extra_percent", "extra memory, % of the RSS 30 s after loading", 1},
			{"p999_ms", "p99.9, ms", 1},
			{"worst_ms", "longest stall, ms", 1},
			{"calm_p999_ms", "p99.9 before the snapshot, ms", 1},
			{"calm_worst_ms", "longest stall before it, ms", 1},
		} {
			t.row(c.title+": "+row.title, spread(j.values(c.name, ours, row.figure), row.digits),
				spread(j.values(c.name, theirs, row.figure), row.digits), spread(j.ratios(c.name, row.figure), 2),
				strconv.Itoa(j.pairs(c.name)))
		}
	}
	t.note("Half SET, half GET, of random keys, at a fixed rate over eight connections; a latency counts from when the request was due. Extra memory is the highest RSS less that before the snapshot; for Redis, what its child copied (`rdb_last_cow_size`) is added.")
}

package main

import (
	"context"
	"errors"
	"strconv"
	"time"
)

// The cases of part fullsync.
const (
	syncReplica = "replica"
	syncDiscard = "discard"
)

// bigData is about a gigabyte that does not compress.
func bigData(quick bool) fill {
	if quick {
		return fill{20_000, 1000}
	}
	return fill{1_000_000, 1000}
}

func fullSyncPart() part {
	return part{
		name: "fullsync", title: "Full synchronization of 1 GB", run: runFullSync, report: reportFullSync,
		cases: func(*options) []measured {
			return []measured{
				{syncReplica, "a replica of the same kind, from REPLICAOF until the link is up"},
				{syncDiscard, "a replica that discards what it reads"},
			}
		},
	}
}

// runFullSync keeps one filled master of each side up and synchronizes one replica after
// the other.
func runFullSync(ctx context.Context, b *bench) error {
	masters, err := b.startPair(ctx, "--repl-diskless-sync-delay", "0")
	if err != nil {
		return err
	}
	defer killAll(masters)
	for _, p := range masters {
		if err := bigData(b.quick).load(ctx, p.addr()); err != nil {
			return err
		}
	}
	for pair := range b.pairs {
		for _, side := range sides(pair) {
			for _, c := range b.wants(pair, side) {
				f, err := fullSync(ctx, b, side, masters[side], c.name)
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

// fullSync makes one replica.
func fullSync(ctx context.Context, b *bench, side string, master *process, kind string) (figures, error) {
	before, err := master.cpu()
	if err != nil {
		return nil, err
	}
	peak := master.watchRSS(ctx)
	base, err := master.rss()
	if err != nil {
		return nil, err
	}
	var took time.Duration
	if kind == syncDiscard {
		start := time.Now()
		if _, err := discardSync(ctx, master.addr(), 0); err != nil {
			return nil, err
		}
		took = time.Since(start)
	} else if took, err = syncRealReplica(ctx, b, side, master); err != nil {
		return nil, err
	}
	if err := noChild(ctx, master); err != nil { // its time counts once it was waited for
		return nil, err
	}
	after, err := master.cpu()
	if err != nil {
		return nil, err
	}
	return figures{"sync_s": took.Seconds(), "master_cpu_s": (after - before).Seconds(), "extra_mb": (peak() - base) / megabyte}, nil
}

// syncRealReplica starts a server, makes it a replica and returns how long that took.
func syncRealReplica(ctx context.Context, b *bench, side string, master *process) (time.Duration, error) {
	replica, err := b.startServer(ctx, side)
	if err != nil {
		return 0, err
	}
	defer replica.kill()
	c := replica.client()
	defer c.Close()
	start := time.Now()
	if err := c.ReplicaOf(ctx, "127.0.0.1", strconv.Itoa(master.port)).Err(); err != nil {
		return 0, err
	}
	err = replica.until(ctx, 5*time.Minute, func() error { return linkUp(ctx, replica) })
	return time.Since(start), err
}

// linkUp returns nil once the process is a replica in step with its master.
func linkUp(ctx context.Context, p *process) error {
	c := p.client()
	defer c.Close()
	status, err := infoText(ctx, c, "replication", "master_link_status")
	if err == nil && status != "up" {
		return errors.New("the link is " + status)
	}
	return err
}

// noChild waits until no snapshot is being taken.
func noChild(ctx context.Context, p *process) error {
	c := p.client()
	defer c.Close()
	return p.until(ctx, time.Minute, func() error {
		running, err := infoField(ctx, c, "persistence", "rdb_bgsave_in_progress")
		if err == nil && running != 0 {
			return errors.New("the snapshot goes on")
		}
		return err
	})
}

func reportFullSync(t *table, j *journal, cases []measured) {
	t.head = []string{"full synchronization of 1 GB (a million values of 1000 B)", "ours", "Redis", "ratio", "pairs"}
	for _, c := range cases {
		if j.pairs(c.name) == 0 {
			continue
		}
		for _, row := range []struct{ figure, title string }{{"sync_s", "s"}, {"master_cpu_s", "CPU of the master, s"}} {
			t.row(c.title+": "+row.title, spread(j.values(c.name, ours, row.figure), 2),
				spread(j.values(c.name, theirs, row.figure), 2), spread(j.ratios(c.name, row.figure), 2), strconv.Itoa(j.pairs(c.name)))
		}
	}
	t.note("The CPU of Redis's master includes its child.")
}

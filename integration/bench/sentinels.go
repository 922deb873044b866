package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// scale is how many sets three sentinels watch, and how many of their masters die.
type scale struct {
	name, title string
	sets, die   int
	oursOnly    bool
}

func scales(o *options) []scale {
	if o.quick {
		return []scale{{name: "idle-1", title: "1 master", sets: 1}, {name: "death-30", title: "30 masters, 10 of them die at once", sets: 30, die: 10}}
	}
	return []scale{
		{name: "idle-1", title: "1 master", sets: 1},
		{name: "idle-100", title: "100 masters", sets: 100},
		{name: "death-1000", title: "1000 masters, 100 of them die at once", sets: 1000, die: 100, oursOnly: true},
	}
}

func sentinelsPart() part {
	return part{
		name: "sentinels", title: "Many masters", run: runSentinels, report: reportSentinels,
		cases: func(o *options) (cases []measured) {
			for _, s := range scales(o) {
				cases = append(cases, measured{s.name, s.title})
			}
			return cases
		},
	}
}

const (
	scaleForm   = 3 * time.Minute  // until all sentinels know everything
	scaleIdle   = 20 * time.Second // of measuring
	scaleSwitch = time.Minute      // for every dead master to be replaced everywhere
)

func runSentinels(ctx context.Context, b *bench) error {
	moreFiles()
	for pair := range b.pairs {
		for _, side := range sides(pair) {
			for _, s := range scales(b.options) {
				if !wanted(b.wants(pair, side), s.name) || s.oursOnly && side == theirs {
					continue
				}
				f, err := s.run(ctx, b, side)
				if err != nil {
					return fmt.Errorf("sentinels: %s with %s: %w", s.name, side, err)
				}
				if err := b.journal.add(s.name, side, pair, f); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func wanted(cases []measured, name string) bool {
	for _, c := range cases {
		if c.name == name {
			return true
		}
	}
	return false
}

func (s scale) run(ctx context.Context, b *bench, side string) (figures, error) {
	f, err := startFakes(s.sets)
	if err != nil {
		return nil, err
	}
	defer f.stop()
	d := &deployment{side: side}
	defer d.stop()
	began := time.Now()
	for range 3 {
		if err := s.startSentinel(b, d, f); err != nil {
			return nil, err
		}
	}
	for _, p := range d.sentinels {
		if err := p.until(ctx, scaleForm, func() error { return s.knowsAll(ctx, p) }); err != nil {
			return nil, err
		}
	}
	got := figures{"form_s": time.Since(began).Seconds()}
	if err := sleep(ctx, settling(b.quick)); err != nil {
		return nil, err
	}
	if err := idleCost(ctx, d, got); err != nil {
		return nil, err
	}
	if s.die > 0 {
		err = s.kill(ctx, d, f, got)
	}
	return got, err
}

func (s scale) startSentinel(b *bench, d *deployment, f *fakes) error {
	port, err := freePort()
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp(b.dir, "sentinel")
	if err != nil {
		return err
	}
	var conf strings.Builder
	fmt.Fprintf(&conf, "port %d\nbind 127.0.0.1\ndir %s\n", port, dir)
	for i, set := range f.sets {
		fmt.Fprintf(&conf, "sentinel monitor m%d 127.0.0.1 %d 2\nsentinel down-after-milliseconds m%d 5000\n", i, set.nodes[0].port, i)
	}
	file := filepath.Join(dir, "sentinel.conf")
	if err := os.WriteFile(file, []byte(conf.String()), 0o644); err != nil {
		return err
	}
	p := &process{port: port, dir: dir, bin: b.redis, args: []string{file, "--sentinel"}}
	if d.side == ours {
		p.bin, p.args = b.vedette, []string{"sentinel", file}
	}
	if err := p.start(); err != nil {
		return err
	}
	d.sentinels = append(d.sentinels, p)
	return nil
}

// knowsAll returns nil once a sentinel knows all replicas and both peers of each master.
func (s scale) knowsAll(ctx context.Context, p *process) error {
	time.Sleep(200 * time.Millisecond) // INFO of a thousand masters is not free
	c := p.client()
	defer c.Close()
	text, err := c.Info(ctx, "sentinel").Result()
	if err != nil {
		return err
	}
	if n := strings.Count(text, ",slaves=2,sentinels=3\r\n"); n != s.sets {
		return fmt.Errorf("%d of %d masters are known with all that belongs to them", n, s.sets)
	}
	return nil
}

// idleCost measures what the sentinels take while nothing happens, each on average.
func idleCost(ctx context.Context, d *deployment, got figures) error {
	total := func() (sum time.Duration, err error) {
		for _, p := range d.sentinels {
			cpu, err := p.cpu()
			if err != nil {
				return 0, err
			}
			sum += cpu
		}
		return sum, nil
	}
	before, err := total()
	if err != nil {
		return err
	}
	start := time.Now()
	if err := sleep(ctx, scaleIdle); err != nil {
		return err
	}
	after, err := total()
	if err != nil {
		return err
	}
	n := float64(len(d.sentinels))
	got["idle_core_percent"] = 100 * (after - before).Seconds() / time.Since(start).Seconds() / n
	for _, p := range d.sentinels {
		rss, err := p.rss()
		if err != nil {
			return err
		}
		got["rss_mb"] += rss / megabyte / n
	}
	return nil
}

// kill ends masters at once and waits until all sentinels name others.
func (s scale) kill(ctx context.Context, d *deployment, f *fakes, got figures) error {
	start := time.Now()
	for _, set := range f.sets[:s.die] {
		set.nodes[0].die()
	}
	for _, p := range d.sentinels {
		if err := p.until(ctx, scaleSwitch, func() error { return s.switched(ctx, p, f) }); err != nil {
			return err
		}
	}
	got["switched_s"] = time.Since(start).Seconds()
	return nil
}

func (s scale) switched(ctx context.Context, p *process, f *fakes) error {
	time.Sleep(100 * time.Millisecond)
	c := p.client()
	defer c.Close()
	text, err := c.Info(ctx, "sentinel").Result()
	if err != nil {
		return err
	}
	left := 0
	for i, set := range f.sets[:s.die] {
		if strings.Contains(text, fmt.Sprintf("name=m%d,", i)) &&
			strings.Contains(text, ",address=127.0.0.1:"+strconv.Itoa(set.nodes[0].port)+",") {
			left++
		}
	}
	if left > 0 {
		return errors.New(strconv.Itoa(left) + " dead masters are not replaced")
	}
	return nil
}

func reportSentinels(t *table, j *journal, cases []measured) {
	t.head = []string{"three sentinels, two replicas a master", "side", "CPU of one sentinel, % of a core", "its RSS, MiB", "from start until all is known, s", "all dead masters replaced everywhere, s", "runs"}
	for _, c := range cases {
		for _, side := range []string{ours, theirs} {
			runs := j.values(c.name, side, "rss_mb")
			if len(runs) == 0 {
				continue
			}
			t.row(c.title, map[string]string{ours: "ours", theirs: "Redis"}[side],
				spread(j.values(c.name, side, "idle_core_percent"), 2), spread(runs, 0),
				spread(j.values(c.name, side, "form_s"), 1), spread(j.values(c.name, side, "switched_s"), 1), strconv.Itoa(len(runs)))
		}
	}
	t.note("down-after-milliseconds 5000; the time to replace includes it. The data servers are responders in the measuring process.")
}

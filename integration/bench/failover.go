package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// scenario is one fault, in one setting.
type scenario struct {
	name, title string
	fault       fault
	oursOnly    bool
	conf        []string // further lines of sentinel.conf; "%s" stands for the master's name
	env         []string // of our sentinels
}

// fault is what happens to the set.
type fault int

const (
	killMaster   fault = iota
	freezeMaster       // SIGSTOP, and SIGCONT later
	killClaimant       // kill -9 of the master, and of the sentinel that says +elected-leader
	manual             // SENTINEL FAILOVER
	isolate            // the master and one client of it are cut off from everything else
)

// slowStore makes each write of the sentinel's Raft store take ten milliseconds longer.
const slowStore = "VEDETTE_TEST_STORE_DELAY=10ms"

func scenarios() []scenario {
	crash := []string{"sentinel crash-down-after-milliseconds %s 200"}
	slow := []string{slowStore}
	return []scenario{
		{name: "kill", title: "(a) kill -9 of the master", fault: killMaster},
		{name: "freeze", title: "(b) SIGSTOP of the master", fault: freezeMaster},
		{name: "claimant", title: "(c) kill -9 of the master, then of the sentinel elected", fault: killClaimant},
		{name: "manual", title: "(d) SENTINEL FAILOVER", fault: manual},
		{name: "isolate", title: "(e) master and one client cut off", fault: isolate},
		{name: "crash-200", title: "(a) with crash-down-after-milliseconds 200", fault: killMaster, oursOnly: true, conf: crash},
		{name: "kill-slow", title: "(a), 10 ms more for each write of the store", fault: killMaster, oursOnly: true, env: slow},
		{name: "crash-200-slow", title: "(a) with crash-down-after-milliseconds 200, 10 ms more for each write", fault: killMaster, oursOnly: true, conf: crash, env: slow},
		{name: "freeze-slow", title: "(b), 10 ms more for each write", fault: freezeMaster, oursOnly: true, env: slow},
		{name: "claimant-slow", title: "(c), 10 ms more for each write", fault: killClaimant, oursOnly: true, env: slow},
		{name: "manual-slow", title: "(d), 10 ms more for each write", fault: manual, oursOnly: true, env: slow},
	}
}

func failoverPart() part {
	return part{
		name: "failover", title: "Failover", run: runFailover, report: reportFailover,
		cases: func(*options) []measured {
			var cases []measured
			for _, s := range scenarios() {
				cases = append(cases, measured{s.name, s.title})
			}
			return cases
		},
	}
}

func runFailover(ctx context.Context, b *bench) error {
	for pair := range b.pairs {
		for _, s := range scenarios() {
			if !b.includes(s.name) {
				continue
			}
			for _, side := range sides(pair) {
				if s.oursOnly && side == theirs || b.journal.has(s.name, side, pair) {
					continue
				}
				f, err := s.run(ctx, b, side)
				if err != nil {
					return fmt.Errorf("%s with %s: %w", s.name, side, err)
				}
				if err := b.journal.add(s.name, side, pair, f); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

const (
	warmUp = 2 * time.Second // of the writers, before the fault
	// switchLimit bounds the wait for a failover: Redis takes 22 s for the slowest.
	switchLimit = 60 * time.Second
	// downTime is how long the old master stays away once all know the new one.
	downTime = 2 * time.Second
	// returnLimit bounds the wait for the old master to replicate again.
	returnLimit = 60 * time.Second
	// aftermath is how long the set is watched after that, for a second failover.
	aftermath = 3 * time.Second
)

// run starts a set, harms it while two clients write, repairs it, and says how long
// everything took and what was lost.
func (s scenario) run(ctx context.Context, b *bench, side string) (figures, error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	d, err := startDeployment(ctx, b, side, s)
	if err != nil {
		return nil, err
	}
	defer d.stop()
	w := d.watch(ctx)
	defer w.close()
	writers := d.startWriters(ctx)
	time.Sleep(warmUp)
	f, err := s.execute(ctx, d, w)
	stop()
	for _, writer := range writers {
		<-writer.done
	}
	if err != nil {
		return nil, fmt.Errorf("%w\nevents:\n%s", err, w)
	}
	return f, d.countLost(context.Background(), f, writers, w)
}

// execute is the course of events.
func (s scenario) execute(ctx context.Context, d *deployment, w *watch) (figures, error) {
	if s.fault == killClaimant {
		w.onElected = d.killSentinel
	}
	w.begin()
	if err := s.harm(ctx, d); err != nil {
		return nil, err
	}
	if err := w.waitAnswers(ctx, switchLimit); err != nil {
		return nil, err
	}
	if err := sleep(ctx, downTime); err != nil {
		return nil, err
	}
	back := w.start // a manual failover demotes a master that is there
	if s.fault != manual {
		back = time.Now()
		if err := s.repair(d); err != nil {
			return nil, err
		}
	}
	role, link, err := d.waitReturn(ctx, w.newAddr())
	if err != nil && w.figures()["false_failovers"] == 0 {
		return nil, err
	}
	returned := err == nil // after a second, false failover nobody follows the first new master
	if err := sleep(ctx, aftermath); err != nil {
		return nil, err
	}
	f := w.figures()
	if s.fault != manual && returned {
		f["return_role_ms"] = milliseconds(role.Sub(back))
		f["return_link_ms"] = milliseconds(link.Sub(back))
	}
	return f, nil
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// harm is the fault.
func (s scenario) harm(ctx context.Context, d *deployment) error {
	switch s.fault {
	case killMaster, killClaimant:
		d.nodes[0].kill()
	case freezeMaster:
		return d.nodes[0].signal(sigStop)
	case manual:
		c := d.sentinels[0].client()
		defer c.Close()
		return c.Do(ctx, "SENTINEL", "FAILOVER", masterName).Err()
	case isolate:
		d.doors[0].cut()
	}
	return nil
}

// repair undoes the fault.
func (s scenario) repair(d *deployment) error {
	switch s.fault {
	case killMaster, killClaimant:
		return d.nodes[0].start()
	case freezeMaster:
		return d.nodes[0].signal(sigCont)
	case isolate:
		d.doors[0].heal()
	}
	return nil
}

// waitReturn waits until the first master is a replica of the new one, and says when it
// was and when it was in step.
func (d *deployment) waitReturn(ctx context.Context, master string) (role, link time.Time, err error) {
	_, port, _ := strings.Cut(master, ":")
	c := d.nodes[0].client()
	defer c.Close()
	err = d.nodes[0].until(ctx, returnLimit, func() error {
		text, err := c.Info(ctx, "replication").Result()
		if err != nil {
			return err
		}
		if !strings.Contains(text, "master_port:"+port+"\r\n") {
			return errors.New("the old master is no replica of the new one")
		}
		if role.IsZero() {
			role = time.Now()
		}
		if !strings.Contains(text, "master_link_status:up") {
			return errors.New("the old master's link is down")
		}
		link = time.Now()
		return nil
	})
	return role, link, err
}

func reportFailover(t *table, j *journal, cases []measured) {
	t.head = []string{"fault", "side", "first +sdown", "first +switch-master", "all sentinels answer the new address, after the first",
		"write outage", "acknowledged writes lost", "old master a replica again", "and in step", "false failovers", "runs"}
	for _, c := range cases {
		for _, side := range []string{ours, theirs} {
			runs := len(j.values(c.name, side, "false_failovers"))
			if runs == 0 {
				continue
			}
			lost := extremes(j.values(c.name, side, "lost"), 0)
			if cut := j.values(c.name, side, "lost_isolated"); len(cut) > 0 {
				lost += "; of the client cut off " + extremes(cut, 0)
			}
			cells := []string{c.title, map[string]string{ours: "ours", theirs: "Redis"}[side]}
			for _, figure := range []string{"sdown_ms", "switch_ms", "agree_ms", "outage_ms"} {
				cells = append(cells, spread(j.values(c.name, side, figure), 0))
			}
			cells = append(cells, lost, mid(j.values(c.name, side, "return_role_ms"), 0),
				mid(j.values(c.name, side, "return_link_ms"), 0),
				number(sum(j.values(c.name, side, "false_failovers")), 0), strconv.Itoa(runs))
			t.row(cells...)
		}
	}
	t.note("Milliseconds from the fault (the return: from the old master's restart, SIGCONT or reconnection), median of the runs (first to third quartile); writes lost per run, median (least–most). False failovers are counted over all runs.")
}

func sum(values []float64) float64 {
	total := 0.0
	for _, v := range values {
		total += v
	}
	return total
}

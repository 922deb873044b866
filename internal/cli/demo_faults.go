//go:build !nodemo

package cli

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"syscall"
	"time"

	"github.com/vedette-ha/vedette/internal/resp"
)

// demoFault is something that is done to the master.
type demoFault struct {
	name  string // in JSON
	title string
	row   string // in the table
	word  string // on the timeline
	// strike does it.
	strike func(ctx context.Context, d *demo, master *demoNode) error
	// undo lets the old master return; nil if it was never gone.
	undo     func(d *demo, old *demoNode) error
	undoWord string
	// lossless says that nothing at all may be lost, up to the last instant.
	lossless bool
}

func demoFaults() []demoFault {
	return []demoFault{
		{
			name: "kill", title: "kill -9 of the master", row: "kill -9", word: "SIGKILL",
			strike:   func(_ context.Context, _ *demo, master *demoNode) error { return master.kill() },
			undo:     func(_ *demo, old *demoNode) error { <-old.done; return old.start() },
			undoWord: whatStarted,
		},
		{
			name: "freeze", title: "SIGSTOP of the master", row: "SIGSTOP", word: "SIGSTOP",
			strike: func(_ context.Context, _ *demo, master *demoNode) error {
				return master.signal(syscall.SIGSTOP)
			},
			undo:     func(_ *demo, old *demoNode) error { return old.signal(syscall.SIGCONT) },
			undoWord: "SIGCONT",
		},
		{
			name: "manual", title: "manual failover", row: "manual", word: whatFailover,
			strike: requestFailover, lossless: true,
		},
	}
}

// requestFailover asks the first sentinel.
func requestFailover(ctx context.Context, d *demo, _ *demoNode) error {
	_, err := d.askers.of(d.set.sentinels[0]).ask(ctx, "SENTINEL", "FAILOVER", demoMaster)
	return err
}

// suffer takes the set through one fault, until it is whole again under another
// master, and checks what the writers were promised.
func (d *demo) suffer(ctx context.Context, number int, f demoFault) error {
	old, err := d.master(ctx)
	if err != nil {
		return err
	}
	d.screen.heading(number, f.title, old.Name)
	d.watch.fast.Store(true)
	mark, err := d.mark(ctx, old)
	if err != nil {
		return err
	}
	at, err := d.strike(ctx, f, old)
	if err != nil {
		return err
	}
	master, err := d.untilSwitched(ctx, old, at)
	if err != nil {
		return err
	}
	recovered := time.Now()
	d.watch.fast.Store(false)
	back, err := d.letReturn(ctx, f, old, master, at)
	if err != nil {
		return err
	}
	if err := d.untilWhole(ctx, master); err != nil {
		return err
	}
	r := newFaultResult(f, old.Name, master.Name, d.timeline.since(at), at, back)
	r.measureOutage(d.ledgers(), at, recovered)
	if f.lossless {
		mark = markOf(d.ledgers())
	}
	r.Mark = mark.total()
	if r.Check, err = d.check(ctx, master, mark); err != nil {
		return err
	}
	r.State = fmt.Sprintf("%s master, 2 replicas", master.Name)
	d.result.Faults = append(d.result.Faults, r)
	d.screen.checked(r.Check, master.Name)
	return nil
}

// Sentinels without a leader, for the moment, refuse a request and may be asked again.
const (
	refusedTries = 10
	refusedPause = 500 * time.Millisecond
)

// strike does it, and returns the moment right before.
func (d *demo) strike(ctx context.Context, f demoFault, master *demoNode) (at time.Time, err error) {
	for try := 1; ; try++ {
		at = time.Now()
		d.screen.zero(at)
		d.timeline.add(demoEvent{At: at, Who: master.Name, What: f.word})
		err = f.strike(ctx, d, master)
		var refused *resp.Error
		if !errors.As(err, &refused) || refused.Prefix() != "NOQUORUM" || try == refusedTries {
			return at, err
		}
		d.timeline.add(demoEvent{At: time.Now(), Who: master.Name, What: "refused", Text: refused.Error()})
		if err := pause(ctx, refusedPause); err != nil {
			return at, err
		}
	}
}

// master is the data server that the first sentinel names.
func (d *demo) master(ctx context.Context) (*demoNode, error) {
	addr, err := d.askers.of(d.set.sentinels[0]).masterAddr(ctx)
	if err != nil {
		return nil, err
	}
	if n := d.set.dataNode(addr); n != nil {
		return n, nil
	}
	return nil, fmt.Errorf("%s is none of our data servers", addr)
}

// waitMS bounds how long replicas may take to confirm the mark.
const waitMS = 2000

// mark notes what is acknowledged by now, and returns once both replicas have all of
// it: they confirm a write that came after.
func (d *demo) mark(ctx context.Context, master *demoNode) (demoMark, error) {
	m := markOf(d.ledgers())
	a := d.askers.of(master)
	if _, err := a.ask(ctx, "SET", "demo:mark", strconv.Itoa(m.total())); err != nil {
		return nil, fmt.Errorf("mark: %w", err)
	}
	v, err := a.ask(ctx, "WAIT", strconv.Itoa(demoData-1), strconv.Itoa(waitMS))
	if err != nil {
		return nil, fmt.Errorf("mark: %w", err)
	}
	if v.Int < demoData-1 {
		return nil, fmt.Errorf("mark: %d of %d replicas have confirmed it", v.Int, demoData-1)
	}
	return m, nil
}

// untilSwitched waits until all sentinels name one other master, have published it,
// and all writers write to it.
func (d *demo) untilSwitched(ctx context.Context, old *demoNode, at time.Time) (master *demoNode, err error) {
	limit := d.opts.downAfter + settleLimit
	err = d.until(ctx, limit, "the sentinels fail over", func(ctx context.Context) error {
		master = nil
		for _, s := range d.set.sentinels {
			addr, err := d.askers.of(s).masterAddr(ctx)
			if err != nil {
				return fmt.Errorf("%s: %w", s.Name, err)
			}
			n := d.set.dataNode(addr)
			switch {
			case n == nil || n == old:
				return fmt.Errorf("%s still names %s", s.Name, d.set.nameOf(addr))
			case master != nil && master != n:
				return fmt.Errorf("%s names %s, another %s", s.Name, n.Name, master.Name)
			}
			master = n
		}
		if f := figuresOf(d.timeline.since(at), at, master.Name); f.published < demoSentinels {
			return fmt.Errorf("%d of %d sentinels have published the switch", f.published, demoSentinels)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return master, d.until(ctx, settleLimit, "the writers find "+master.Name, func(context.Context) error {
		for _, l := range d.ledgers() {
			if a, ok := l.last(); !ok || a.Node != master.Name {
				return fmt.Errorf("%s has not written to %s", l.writer, master.Name)
			}
		}
		return nil
	})
}

// letReturn brings the old master back and waits until it replicates from the new
// one. back is when it was let return.
func (d *demo) letReturn(ctx context.Context, f demoFault, old, master *demoNode, at time.Time) (
	back time.Time, err error) {
	back = at
	if f.undo != nil {
		rest := d.set.others(old)
		err := d.until(ctx, settleLimit, "the remaining replica follows "+master.Name,
			func(ctx context.Context) error {
				for _, n := range rest {
					if n != master {
						return d.askers.following(ctx, n, master)
					}
				}
				return nil
			})
		if err != nil {
			return back, err
		}
		d.askers.of(old).close()
		back = time.Now()
		if err := f.undo(d, old); err != nil {
			return back, err
		}
		d.timeline.add(demoEvent{At: back, Who: old.Name, What: f.undoWord})
	}
	return back, d.untilFollows(ctx, old, master, back)
}

// untilFollows notes when n has become a replica of master, and when it has the data.
func (d *demo) untilFollows(ctx context.Context, n, master *demoNode, since time.Time) error {
	replica := false
	note := func(what, text string) {
		now := time.Now()
		d.timeline.add(demoEvent{At: now, Who: n.Name, What: what,
			Text: fmt.Sprintf("%s %s, %v ms after its return", text, master.Name, ms(now.Sub(since)))})
	}
	what := n.Name + " returns as a replica"
	return d.until(ctx, settleLimit, what, func(ctx context.Context) error {
		s, err := d.askers.of(n).dataState(ctx)
		if err != nil {
			return err
		}
		if s.master || s.follows != master.addr() {
			return errors.New("it is none yet")
		}
		if !replica {
			replica = true
			note(whatReplica, "of")
		}
		if !s.linkUp {
			return errors.New("it is not in sync yet")
		}
		note(whatInSync, "with")
		return nil
	})
}

//go:build !nodemo

package cli

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// Limits of the stages. They are for machines that are slow, and generous: what takes
// so long has gone wrong.
const (
	startLimit   = 20 * time.Second // processes, first synchronization, forming
	settleLimit  = 20 * time.Second // until everything is whole again after a fault
	startedTries = 3                // sets that found a port taken meanwhile
	warmUp       = time.Second      // of writing, before each fault
	untilPause   = 10 * time.Millisecond
)

// demo is one run. Its fields are for the goroutine of run, except for what says
// that it is safe for concurrent use.
type demo struct {
	opts     demoOptions
	began    time.Time
	screen   *demoScreen
	set      *demoSet
	timeline *demoTimeline
	watch    *demoWatch
	askers   demoAskers
	writers  []*demoWriter
	stop     context.CancelFunc // of the writers
	writing  sync.WaitGroup     // the writers
	crew     sync.WaitGroup     // everything else
	result   demoResult
}

func newDemo(o demoOptions, screen *demoScreen) *demo {
	return &demo{opts: o, began: time.Now(), screen: screen, timeline: screen.timeline,
		askers: demoAskers{}, stop: func() {}, result: newDemoResult(o)}
}

// run takes a set through all faults. It ends with ctx at the latest, and leaves
// nothing running. cancel ends ctx if something that runs beside it breaks.
func (d *demo) run(ctx context.Context, cancel context.CancelCauseFunc) error {
	runtime.LockOSThread() // see demoNode.start
	defer runtime.UnlockOSThread()
	redis.SetLogger(quietRedis{})
	defer d.end(cancel) // also after a panic
	return d.script(ctx, cancel)
}

// script is what happens, in order.
func (d *demo) script(ctx context.Context, cancel context.CancelCauseFunc) error {
	if err := d.startSet(ctx); err != nil {
		return err
	}
	if err := d.startWatch(ctx, cancel); err != nil {
		return err
	}
	d.startWriters(ctx, cancel)
	for i, f := range demoFaults() {
		d.screen.progress("writing")
		if err := pause(ctx, warmUp); err != nil {
			return err
		}
		if err := d.suffer(ctx, i+1, f); err != nil {
			return fmt.Errorf("%s: %w", f.title, err)
		}
	}
	return d.conclude(ctx)
}

// end ends everything that was started; a second call does nothing.
func (d *demo) end(cancel context.CancelCauseFunc) {
	d.screen.progress("ending all processes")
	d.stop()
	cancel(nil)
	if d.set != nil {
		d.set.end()
	}
	d.writing.Wait()
	d.crew.Wait()
	d.askers.close()
}

// settleFolder removes the folder, unless it is to be kept or may say what went wrong.
func (d *demo) settleFolder() {
	if d.set == nil || d.set.dir == "" {
		return
	}
	if !d.opts.keep && (d.result.OK || d.result.Interrupted) && os.RemoveAll(d.set.dir) == nil {
		return
	}
	d.result.Folder = d.set.dir
}

// beside runs work on a goroutine of wg. A panic there, or an error, ends the demo in
// order.
func (d *demo) beside(wg *sync.WaitGroup, cancel context.CancelCauseFunc, work func() error) {
	wg.Go(func() {
		defer func() {
			if p := recover(); p != nil {
				cancel(fmt.Errorf("panic: %v\n%s", p, debug.Stack()))
			}
		}()
		if err := work(); err != nil {
			cancel(err)
		}
	})
}

// startSet starts the processes and waits until all are ready for what comes.
func (d *demo) startSet(ctx context.Context) error {
	d.screen.title(d.opts)
	for try := 1; ; try++ {
		set, err := newDemoSet(d.opts)
		d.set = set
		if err == nil {
			err = d.bringUp(ctx)
		}
		if err == nil || ctx.Err() != nil || try == startedTries || !portTaken(err) {
			return err
		}
		set.end()
		d.askers.close()
		d.askers = demoAskers{}
		_ = os.RemoveAll(set.dir)
	}
}

// portTaken recognises the last words of a process whose port somebody else has got.
func portTaken(err error) bool {
	return strings.Contains(strings.ToLower(err.Error()), "already in use")
}

func (d *demo) bringUp(ctx context.Context) error {
	if err := d.set.start(); err != nil {
		return err
	}
	for _, n := range d.set.nodes() {
		err := d.until(ctx, startLimit, "starting "+n.Name, func(ctx context.Context) error {
			_, err := d.askers.of(n).ask(ctx, "PING")
			return err
		})
		if err != nil {
			return err
		}
	}
	d.screen.setTable(d.set)
	err := d.until(ctx, startLimit, "the sentinels find each other", func(ctx context.Context) error {
		for _, s := range d.set.sentinels {
			if err := d.askers.formed(ctx, s); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return d.untilWhole(ctx, d.set.data[0])
}

// untilWhole waits until nothing is wrong with the set under its master.
func (d *demo) untilWhole(ctx context.Context, master *demoNode) error {
	what := "both replicas in sync, all sentinels content"
	return d.until(ctx, settleLimit, what, func(ctx context.Context) error {
		if err := d.askers.whole(ctx, d.set, master); err != nil {
			return err
		}
		for _, s := range d.set.sentinels {
			if err := d.askers.agreed(ctx, s, master); err != nil {
				return err
			}
		}
		return nil
	})
}

// startWatch subscribes to every sentinel, and begins to ask them.
func (d *demo) startWatch(ctx context.Context, cancel context.CancelCauseFunc) error {
	names := map[string]string{}
	for _, s := range d.set.sentinels {
		v, err := d.askers.of(s).ask(ctx, "SENTINEL", "MYID")
		if err != nil {
			return fmt.Errorf("id of %s: %w", s.Name, err)
		}
		names[v.Text()] = s.Name
	}
	d.watch = &demoWatch{timeline: d.timeline, name: func(s string) string {
		if n, ok := names[s]; ok {
			return n
		}
		return d.set.nameOf(s)
	}}
	ready := make(chan struct{}, demoSentinels) // one token from each
	for _, s := range d.set.sentinels {
		d.beside(&d.crew, cancel, func() error {
			return d.watch.subscribe(ctx, s, func() { ready <- struct{}{} })
		})
		d.beside(&d.crew, cancel, func() error { d.watch.poll(ctx, s, d.set.data[0].addr()); return nil })
	}
	d.beside(&d.crew, cancel, func() error { d.screen.live(ctx); return nil })
	for range d.set.sentinels {
		select {
		case <-ready:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

func (d *demo) startWriters(ctx context.Context, cancel context.CancelCauseFunc) {
	ctx, d.stop = context.WithCancel(ctx)
	for i := range demoWriters {
		w := newDemoWriter(fmt.Sprintf("writer-%d", i+1), d.set, d.timeline)
		d.writers = append(d.writers, w)
		d.beside(&d.writing, cancel, func() error { w.run(ctx); return nil })
	}
	d.screen.ready(time.Since(d.began))
}

func (d *demo) ledgers() (all []*demoLedger) {
	for _, w := range d.writers {
		all = append(all, w.ledger)
	}
	return all
}

// until calls check again and again until it returns nil. It gives up after the
// limit, when a process has ended by itself, and with ctx.
func (d *demo) until(ctx context.Context, limit time.Duration, what string,
	check func(context.Context) error) error {
	began := time.Now()
	for {
		lacking := check(ctx)
		if lacking == nil {
			return nil
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err := d.set.fallen(); err != nil {
			return err
		}
		spent := time.Since(began)
		if spent > limit {
			return fmt.Errorf("%s: not after %v: %w", what, limit, lacking)
		}
		d.screen.progress(fmt.Sprintf("%s … %.1f s", what, spent.Seconds()))
		if err := pause(ctx, untilPause); err != nil {
			return err
		}
	}
}

// pause sleeps unless ctx ends.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(d):
		return nil
	}
}

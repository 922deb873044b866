package cli

import (
	"context"
	"fmt"
	"io"
	"net"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/vedette-ha/vedette/internal/client"
)

func watchCommand(std Streams) *cli.Command {
	return &cli.Command{
		Name:         "watch",
		Usage:        "write and read through the sentinels, and show where the master is",
		UsageText:    "vedette watch [option ...]",
		Description:  watchDescription,
		OnUsageError: badUsage,
		Flags: []cli.Flag{
			&cli.StringSliceFlag{Name: "sentinel", Value: cli.NewStringSlice("127.0.0.1:26379"), Usage: "host:port of a sentinel; may be repeated"},
			&cli.StringFlag{Name: "name", Value: "mymaster", Usage: "what the sentinels call the master"},
			&cli.StringFlag{Name: "pass", Usage: "password of the data servers", EnvVars: []string{"REDISCLI_AUTH"}},
			&cli.DurationFlag{Name: "every", Value: time.Second, Usage: "how often to print a line"},
			&cli.DurationFlag{Name: "for", Usage: "end after so long, 0s: never; the exit status is 1 if no write succeeded lately"},
		},
		Action: func(c *cli.Context) error {
			if err := optionsOnly(c); err != nil {
				return err
			}
			if c.Duration("every") <= 0 {
				return usagef("--every takes a time above 0, such as 500ms (see vedette watch --help)")
			}
			for _, addr := range c.StringSlice("sentinel") {
				if _, _, err := net.SplitHostPort(addr); err != nil {
					return usagef("--sentinel takes host:port, such as 127.0.0.1:26379; %q is none (see vedette watch --help)", addr)
				}
			}
			w := newWatcher(c.StringSlice("sentinel"), c.String("name"), c.String("pass"))
			return w.run(c.Context, std.Out, c.Duration("every"), c.Duration("for"))
		},
	}
}

const watchDescription = `A client as yours would be: it asks the sentinels for the master, writes a counter
and reads it back, and prints a line now and then with what worked, and the last
error if something did not.

    vedette watch --sentinel s1:26379 --sentinel s2:26379 --sentinel s3:26379

The keys it uses begin with "vedette:watch:".`

// watchPause spaces the watcher's writes: enough to see an outage to the 20 ms, and
// no load to speak of.
const watchPause = 10 * time.Millisecond

// watchTimeout bounds each step: to ask a sentinel, to connect, to write.
const watchTimeout = 500 * time.Millisecond

// watcher is one writing and reading client and what it has seen. It does what a
// client of Sentinel is to do: ask the sentinels in turn, connect to what the first
// that answers says, verify its role, and begin again when anything goes wrong.
type watcher struct {
	name      string
	sentinels []string
	pass      string
	key       string
	conn      *client.Conn // to the master; nil while there is none

	master                atomic.Value // string
	trouble               atomic.Value // string: the last error since the last write, "" if none
	writes, reads, failed atomic.Int64
	wrote                 atomic.Bool  // once at least
	lastOK                atomic.Int64 // Unix ms: the last write, before it the start
	worst                 atomic.Int64 // longest time without a write since the last line, ms
}

func newWatcher(sentinels []string, name, pass string) *watcher {
	w := &watcher{name: name, sentinels: sentinels, pass: pass,
		key: "vedette:watch:" + strconv.FormatInt(time.Now().UnixNano(), 36)}
	w.master.Store("?")
	w.trouble.Store("")
	return w
}

// run prints lines to out until ctx ends or limit (0: none) is over.
func (w *watcher) run(ctx context.Context, out io.Writer, every, limit time.Duration) error {
	if limit > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, limit)
		defer cancel()
	}
	w.lastOK.Store(time.Now().UnixMilli())
	done := make(chan struct{})
	go func() {
		defer close(done)
		w.work(ctx)
	}()
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			<-done
			return w.verdict(2*every + time.Second)
		case now := <-tick.C:
			fmt.Fprintln(out, w.line(now))
		}
	}
}

// verdict is an error if no write succeeded, or none for longer than patience.
func (w *watcher) verdict(patience time.Duration) error {
	switch {
	case !w.wrote.Load():
		return fmt.Errorf("no write succeeded: %s", w.trouble.Load())
	case time.Since(time.UnixMilli(w.lastOK.Load())) > patience:
		return fmt.Errorf("no write succeeded lately: %s", w.trouble.Load())
	}
	return nil
}

// work writes and reads back, again and again.
func (w *watcher) work(ctx context.Context) {
	defer w.hangUp()
	for n := int64(1); ctx.Err() == nil; n++ {
		w.once(ctx, n)
		select {
		case <-ctx.Done():
		case <-time.After(watchPause):
		}
	}
}

// once writes n and reads it back, on a connection made anew if need be.
func (w *watcher) once(all context.Context, n int64) {
	ctx, cancel := context.WithTimeout(all, watchTimeout)
	defer cancel()
	if err := w.write(ctx, n); err != nil {
		if all.Err() == nil { // or else it is the end that broke it off
			w.failed.Add(1)
			w.trouble.Store(describe(err).Error())
		}
		w.hangUp()
		return
	}
	w.writes.Add(1)
	w.wrote.Store(true)
	w.trouble.Store("")
	now := time.Now().UnixMilli()
	if gap := now - w.lastOK.Swap(now); gap > w.worst.Load() {
		w.worst.Store(gap)
	}
	v, err := w.conn.Do(ctx, "GET", w.key)
	if got, ok := v.Int64(); err == nil && ok && got == n {
		w.reads.Add(1)
	}
}

func (w *watcher) write(ctx context.Context, n int64) error {
	if w.conn == nil {
		if err := w.connect(ctx); err != nil {
			return err
		}
	}
	_, err := w.conn.Do(ctx, "SET", w.key, n, "EX", 60)
	return err
}

func (w *watcher) hangUp() {
	if w.conn != nil {
		w.conn.Close()
		w.conn = nil
	}
}

// connect asks the sentinels in turn, and keeps the one that answered in front.
func (w *watcher) connect(ctx context.Context) error {
	var last error
	for i, addr := range w.sentinels {
		master, err := w.ask(ctx, addr)
		if err == nil {
			w.sentinels[0], w.sentinels[i] = w.sentinels[i], w.sentinels[0]
			return w.open(ctx, master)
		}
		last = err
	}
	return last
}

// ask is one sentinel's answer to where the master is.
func (w *watcher) ask(ctx context.Context, sentinel string) (addr string, err error) {
	ctx, cancel := context.WithTimeout(ctx, watchTimeout/3)
	defer cancel()
	c, err := client.Dial(ctx, "tcp", sentinel, client.Options{})
	if err != nil {
		return "", err
	}
	defer c.Close()
	v, err := c.Do(ctx, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", w.name)
	if err != nil {
		return "", err
	}
	if len(v.Array) != 2 {
		return "", fmt.Errorf("%s knows no master %q", sentinel, w.name)
	}
	return net.JoinHostPort(v.Array[0].Text(), v.Array[1].Text()), nil
}

// open connects to the master and makes sure that it is one.
func (w *watcher) open(ctx context.Context, addr string) error {
	c, err := client.Dial(ctx, "tcp", addr, client.Options{Password: w.pass})
	if err != nil {
		return err
	}
	v, err := c.Do(ctx, "ROLE")
	if err == nil && (len(v.Array) == 0 || v.Array[0].Text() != "master") {
		err = fmt.Errorf("%s is no master", addr)
	}
	if err != nil {
		c.Close()
		return err
	}
	w.conn = c
	w.master.Store(addr)
	return nil
}

// line is one line of output; the counters start anew.
func (w *watcher) line(now time.Time) string {
	gap := max(w.worst.Swap(0), now.UnixMilli()-w.lastOK.Load())
	text := fmt.Sprintf("%s  master %-24s writes %4d  reads %4d  errors %3d  longest gap %5d ms",
		now.Format("15:04:05"), w.master.Load(), w.writes.Swap(0), w.reads.Swap(0), w.failed.Swap(0), gap)
	if trouble := w.trouble.Load(); trouble != "" {
		text += fmt.Sprintf("  (%s)", trouble)
	}
	return text
}

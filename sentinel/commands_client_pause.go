package sentinel

import (
	"context"
	"math"
	"sync"
	"time"

	"github.com/vedette-ha/vedette/internal/resp"
)

// pause is how long clients have to wait for the execution of their commands. Safe for
// concurrent use.
type pause struct {
	mu    sync.Mutex // guards what follows; never held while waiting
	until time.Time
	over  chan struct{} // closed by end; nil: nobody waits
}

// extend lets clients wait until t at least.
func (p *pause) extend(t time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if t.After(p.until) {
		p.until = t
	}
}

func (p *pause) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.until = time.Time{}
	if p.over != nil {
		close(p.over)
		p.over = nil
	}
}

// left is how long the pause lasts, and what is closed if it ends before.
func (p *pause) left() (time.Duration, <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	d := time.Until(p.until)
	if d > 0 && p.over == nil {
		p.over = make(chan struct{})
	}
	return d, p.over
}

// waitOut waits while clients are paused; an error ends the session.
func (c *session) waitOut(ctx context.Context) error {
	for {
		d, over := c.s.clients.pause.left()
		if d <= 0 {
			return nil
		}
		if err := c.flush(); err != nil {
			return err
		}
		select {
		case <-time.After(d):
		case <-over:
		case <-ctx.Done():
			return errSessionDone
		case <-c.out.gone:
			return errSessionDone
		}
	}
}

// CLIENT PAUSE milliseconds [ALL|WRITE]. What sentinels say to each other goes on (see
// [command.unpaused]), and as nothing else a sentinel is told is a write, WRITE pauses
// nobody.
func clientPause(_ context.Context, c *session, args [][]byte) error {
	if len(args) > 4 {
		return errArgumentsOf(args)
	}
	all := len(args) == 3 || is(args[3], "all")
	if !all && !is(args[3], "write") {
		return resp.Errorf("ERR CLIENT PAUSE mode must be WRITE or ALL")
	}
	ms, ok := resp.ParseInt(args[2])
	switch {
	case !ok:
		return resp.Errorf("ERR timeout is not an integer or out of range")
	case ms < 0:
		return resp.Errorf("ERR timeout is negative")
	case ms > math.MaxInt64-time.Now().UnixMilli():
		return resp.Errorf("ERR timeout is out of range")
	}
	if all {
		const most = math.MaxInt64 / int64(time.Millisecond)
		c.s.clients.pause.extend(time.Now().Add(time.Duration(min(ms, most)) * time.Millisecond))
	}
	c.w.Status("OK")
	return nil
}

// CLIENT UNPAUSE: unlike Redis's it does not wait for the end of the pause itself.
func clientUnpause(_ context.Context, c *session, _ [][]byte) error {
	c.s.clients.pause.end()
	c.w.Status("OK")
	return nil
}

package sim

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vedette-ha/vedette/internal/resp"
)

// writer is a client that writes keys, each once, to whatever the sentinels call the
// master, and asks them again when that fails.
type writer struct {
	c    *cluster
	ask  *asker
	addr string       // of the master; "": ask
	pace atomic.Int64 // nanoseconds between two writes

	stop context.CancelFunc // ends run
	done chan struct{}      // closed when it has ended

	mu    sync.Mutex // guards what follows
	keys  []string   // all that were tried
	safe  []string   // what all replicas have acknowledged
	at    time.Time  // of the newest of safe
	acked time.Time  // when a master last acknowledged a key
}

const (
	writeEvery = 20 * time.Millisecond
	// waitMillis is the timeout of WAIT.
	waitMillis = 200
)

func newWriter(c *cluster) *writer {
	w := &writer{c: c, ask: &asker{host: c.net.Host(clientIP)}, done: make(chan struct{})}
	ctx, stop := context.WithCancel(context.Background())
	w.stop = stop
	w.pace.Store(int64(writeEvery))
	go w.run(ctx)
	return w
}

// end stops writing, for good.
func (w *writer) end() {
	w.stop()
	<-w.done
}

func (w *writer) run(ctx context.Context) {
	defer close(w.done)
	for i := 0; ctx.Err() == nil; i++ {
		if w.addr == "" {
			w.addr = w.discover(ctx, i)
		}
		if w.addr != "" && !w.write(ctx, fmt.Sprint("key:", i)) {
			w.ask.drop(w.addr)
			w.addr = ""
		}
		select {
		case <-time.After(time.Duration(w.pace.Load())):
		case <-ctx.Done():
		}
	}
}

// discover asks one sentinel after the other, as client libraries do.
func (w *writer) discover(ctx context.Context, first int) string {
	for i := range w.c.sens {
		s := w.c.sens[(first+i)%len(w.c.sens)]
		v, err := w.ask.do(ctx, s.addr(), "SENTINEL", "GET-MASTER-ADDR-BY-NAME", "m")
		if err == nil && len(v.Array) == 2 {
			return v.Array[0].Text() + ":" + v.Array[1].Text()
		}
	}
	return ""
}

// write writes a key and waits for the replicas; false: try another server.
func (w *writer) write(ctx context.Context, key string) bool {
	w.note(func() { w.keys = append(w.keys, key) })
	if _, err := w.ask.do(ctx, w.addr, "SET", key, key); err != nil {
		return false
	}
	w.note(func() { w.acked = time.Now() })
	v, err := w.ask.do(ctx, w.addr, "WAIT", len(w.c.nodes)-1, waitMillis)
	if err != nil {
		return false
	}
	if n, _ := v.Int64(); int(n) == len(w.c.nodes)-1 {
		w.note(func() { w.safe, w.at = append(w.safe, key), time.Now() })
	}
	return true
}

func (w *writer) note(f func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f()
}

// written is what was tried and what of it every replica has acknowledged.
func (w *writer) written() (keys, safe []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.keys[:len(w.keys):len(w.keys)], w.safe[:len(w.safe):len(w.safe)]
}

// safeSince reports whether all replicas have acknowledged a key since.
func (w *writer) safeSince(t time.Time) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.at.After(t)
}

// ackedSince reports whether a master has acknowledged a key since.
func (w *writer) ackedSince(t time.Time) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.acked.After(t)
}

// have asks a server which of these keys it has; a value is its key.
func (a *asker) have(ctx context.Context, n *node, keys []string) (map[string]bool, error) {
	have := map[string]bool{}
	for len(keys) > 0 {
		some := keys[:min(1000, len(keys))]
		keys = keys[len(some):]
		args := []any{"MGET"}
		for _, k := range some {
			args = append(args, k)
		}
		v, err := a.do(ctx, n.addr(), args...)
		if err != nil {
			return nil, err
		}
		for i, got := range v.Array {
			if got.Null {
				continue
			}
			if have[some[i]] = true; got.Text() != some[i] {
				return nil, resp.Errorf("%s holds %q", some[i], got.Text())
			}
		}
	}
	return have, nil
}

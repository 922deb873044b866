package sentinel

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// A look-up serves everyone who asks meanwhile and for a moment after; when the name
// server is away the last answer does.
func TestNamesAreRemembered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked, heard atomic.Int32
		takes, answer, fails := 100*time.Millisecond, []string{"10.0.0.1", "10.0.0.2"}, error(nil)
		r := &names{
			lookup: func(ctx context.Context, host string) ([]string, error) {
				asked.Add(1)
				select {
				case <-time.After(takes):
					return answer, fails
				case <-ctx.Done():
					return nil, ctx.Err()
				}
			},
			news: func(_ context.Context, host, ip string) { heard.Add(1) },
		}
		want := func(ip string, took time.Duration, questions int32) {
			t.Helper()
			begun := time.Now()
			got, err := r.resolve(t.Context(), "redis-1")
			if got != ip || (err == nil) != (ip != "") || time.Since(begun) != took || asked.Load() != questions {
				t.Errorf("%q, %v after %v and %d questions; want %q after %v and %d",
					got, err, time.Since(begun), asked.Load(), ip, took, questions)
			}
		}
		var wg sync.WaitGroup
		for range 5 {
			wg.Go(func() { want("10.0.0.1", takes, 1) })
		}
		wg.Wait()
		want("10.0.0.1", 0, 1)
		time.Sleep(freshName)
		answer = []string{"10.0.0.2", "10.0.0.1"} // the order means nothing
		want("10.0.0.1", takes, 2)
		time.Sleep(freshName)
		answer = []string{"10.0.0.3"}
		want("10.0.0.3", takes, 3)
		time.Sleep(freshName)
		fails = errors.New("no name server")
		want("10.0.0.3", takes, 4)
		want("10.0.0.3", 0, 4)
		time.Sleep(freshName)
		takes = time.Minute
		want("10.0.0.3", staleName, 5)
		if heard.Load() != 2 {
			t.Errorf("%d news, want 2", heard.Load())
		}
		if ip, err := r.resolve(t.Context(), "::1"); ip != "::1" || err != nil || asked.Load() != 5 {
			t.Errorf("%q, %v", ip, err)
		}
		takes = time.Millisecond
		if _, err := r.resolve(t.Context(), "redis-2"); err == nil {
			t.Error("an unknown name stands for something")
		}
	})
}

// A master monitored by name is shown by its address, or by its name if that is
// announced.
func TestMasterByHostName(t *testing.T) {
	inWorld(t, func(w *world) {
		for _, x := range w.sens {
			x.s.names.lookup = func(_ context.Context, host string) ([]string, error) {
				if host == "redis-1" {
					return []string{"10.0.1.1"}, nil
				}
				return nil, errors.New("no such host")
			}
			c := w.dial(x)
			c.says("SENTINEL MONITOR n redis-1 6379 2\r\n", "-ERR Invalid IP address or hostname specified\r\n")
			c.says("SENTINEL CONFIG SET resolve-hostnames yes\r\n", "+OK\r\n")
		}
		c := w.dial(w.sens[0])
		c.says("SENTINEL MONITOR n redis-2 6379 2\r\n", "-ERR Invalid IP address or hostname specified\r\n")
		c.says("SENTINEL MONITOR n redis-1 6379 2\r\n", "+OK\r\n")
		for _, x := range w.sens {
			w.await(5*time.Second, "the address", func() bool {
				got, _ := x.do("SENTINEL GET-MASTER-ADDR-BY-NAME n")
				return got == `[$"10.0.1.1" $"6379"]`
			})
		}
		w.await(5*time.Second, "the replicas", func() bool {
			n := 0
			_ = w.sens[0].s.do(w.t.Context(), func(lp *loop) { n = len(lp.m.Replicas(time.Now(), "n")) })
			return n == 2
		})
		if got, err := w.sens[0].do("SENTINEL IS-MASTER-DOWN-BY-ADDR 10.0.1.1 6379 0 *"); err != nil || got != `[:0 $"*" :0]` {
			t.Error(got, err)
		}
		c.says("SENTINEL CONFIG SET announce-hostnames yes\r\n", "+OK\r\n")
		c.says("SENTINEL GET-MASTER-ADDR-BY-NAME n\r\n", bulks("redis-1", "6379"))
		w.set.nodes[0].kill()
		w.await(40*time.Second, "a failover", func() bool {
			return w.count("+switch-master n redis-1 6379 10.0.1.") == 1 && w.count("+switch-master n 10.0.1.1 6379 10.0.1.") == 2
		})
	})
}

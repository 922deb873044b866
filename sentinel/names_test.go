package sentinel

import (
	"context"
	"errors"
	"net"
	"strings"
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
		resolves := true
		want := func(ip string, took time.Duration, questions int32) {
			t.Helper()
			begun := time.Now()
			got, err := r.resolve(t.Context(), "redis-1")
			if got != ip || (err == nil) != resolves || time.Since(begun) != took || asked.Load() != questions {
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
		fails, resolves = errors.New("no name server"), false
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

// hosts is a name server for the data nodes, "redis-1" and so on.
type hosts struct{ away atomic.Bool }

func (h *hosts) lookup(_ context.Context, host string) ([]string, error) {
	if n, ok := strings.CutPrefix(host, "redis-"); ok && !h.away.Load() {
		return []string{"10.0.1." + n}, nil
	}
	return nil, &net.DNSError{Err: "no such host", Name: host}
}

// byName makes all sentinels watch the set by its name as "n", and forget "m".
func (w *world) byName() {
	for _, x := range w.sens {
		w.dial(x).says("SENTINEL CONFIG SET resolve-hostnames yes\r\n", "+OK\r\n")
	}
	c := w.dial(w.sens[0])
	c.says("SENTINEL REMOVE m\r\n", "+OK\r\n")
	c.says("SENTINEL MONITOR n redis-1 6379 2\r\n", "+OK\r\n")
	c.says("SENTINEL SET n down-after-milliseconds 1000\r\n", "+OK\r\n")
	for _, x := range w.sens {
		w.await(15*time.Second, "a set that is known by name", func() bool {
			m := x.named("n")
			return m["num-slaves"] == "2" && m["num-other-sentinels"] == "2" && m["flags"] == "master"
		})
	}
}

// A name server that is away makes nobody fail over: neither while connections last, nor
// when they are cut, nor when the sentinels start without it. Only in the last case they
// cannot reach the master, and say why.
func TestNameServerIsAway(t *testing.T) {
	inWorld(t, func(w *world) {
		w.byName()
		w.dns.away.Store(true)
		time.Sleep(10 * time.Second)
		w.set.nodes[0].host.Reset()
		time.Sleep(10 * time.Second)
		if n := w.count("trouble") + w.count("+sdown"); n > 0 {
			t.Errorf("events:\n%s", strings.Join(w.events(), "\n"))
		}
		for _, x := range w.sens {
			x.kill()
		}
		for _, x := range w.sens {
			x.start()
		}
		for _, x := range w.sens {
			w.await(10*time.Second, "the trouble", func() bool {
				return x.named("n")["flags"] == "s_down,master,disconnected,unresolved"
			})
			why, err := x.do("SENTINEL WHY n")
			if err != nil || !strings.Contains(why, "its host name does not resolve") || !strings.Contains(why, "No failover from here") {
				t.Errorf("s%d: WHY %s, %v", x.n, why, err)
			}
		}
		time.Sleep(time.Minute)
		if n := w.count("+trouble master n redis-1 6379 #unresolved"); n != 3 {
			t.Errorf("%d times +trouble #unresolved, want 3", n)
		}
		w.dns.away.Store(false)
		for _, x := range w.sens {
			w.await(5*time.Second, "a master without trouble", func() bool { return x.named("n")["flags"] == "master" })
		}
		if n := w.count("-trouble master n 10.0.1.1 6379 #unresolved"); n != 3 {
			t.Errorf("%d times -trouble #unresolved, want 3", n)
		}
		if n := w.count("+odown") + w.count("+try-failover") + w.count("+switch-master"); n > 0 {
			t.Errorf("events:\n%s", strings.Join(w.events(), "\n"))
		}
	})
}

// A host that dies and takes its name along is failed over, and the trouble is the name.
func TestNameGoesWithItsHost(t *testing.T) {
	inWorld(t, func(w *world) {
		w.byName()
		time.Sleep(2 * freshName)
		w.dns.away.Store(true)
		w.set.nodes[0].kill()
		w.await(5*time.Second, "a failover", func() bool { return w.count("+switch-master n 10.0.1.1 6379 10.0.1.") == 3 })
		if n := w.count("+trouble master n 10.0.1.1 6379 #unresolved"); n != 3 {
			t.Errorf("%d times +trouble #unresolved, want 3\n%s", n, strings.Join(w.events(), "\n"))
		}
	})
}

package sim

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vedette-ha/vedette/internal/client"
	"github.com/vedette-ha/vedette/internal/memnet"
	"github.com/vedette-ha/vedette/internal/resp"
	"github.com/vedette-ha/vedette/sentinel"
)

// cluster is a deployment: n1 to n3 are data servers, n1 the master in the beginning,
// s1 to s3 sentinels, c the host of the clients.
type cluster struct {
	t      *testing.T
	net    *memnet.Network
	random io.Reader
	start  time.Time
	nodes  []*node
	sens   []*sentry
	heard  *testimony
	writer *writer
	ask    *asker // of the test
	done   []string
}

// settleTime is how long a deployment may take, without faults, to be as it should.
const settleTime = time.Minute

// inCluster runs f with a deployment that has formed and takes writes. At its end
// everything is stopped; goroutines left behind fail the test.
func inCluster(t *testing.T, seed uint64, f func(c *cluster)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, seed)
		ctx, stop := context.WithCancel(context.Background())
		var wg sync.WaitGroup
		for _, s := range c.sens {
			wg.Go(func() { c.heard.poll(ctx, s, &asker{host: c.net.Host(observerIP)}) })
			wg.Go(func() { c.heard.subscribe(ctx, s, c.net.Host(observerIP)) })
		}
		defer func() {
			if t.Failed() {
				t.Log(c.report())
			}
			stop()
			c.writer.end()
			c.stop()
			wg.Wait()
		}()
		c.await(settleTime, "a deployment that knows itself", c.settled)
		f(c)
		c.check()
	})
}

const (
	clientIP   = "10.0.3.1"
	observerIP = "10.0.9.1" // of the test itself; nothing is ever cut there
)

func newCluster(t *testing.T, seed uint64) *cluster {
	n := memnet.New(seed)
	var key [32]byte
	binary.LittleEndian.PutUint64(key[:], seed)
	c := &cluster{
		t: t, net: n, random: &seeded{src: rand.NewChaCha8(key)}, start: time.Now(),
		ask: &asker{host: n.Host(observerIP)},
	}
	c.heard = newTestimony(c.start)
	dir := t.TempDir()
	for i := range 3 {
		x := &node{c: c, name: fmt.Sprint("n", i+1), host: n.Host(fmt.Sprintf("10.0.1.%d", i+1))}
		x.dir, x.log.start = filepath.Join(dir, x.name), c.start
		c.must(os.Mkdir(x.dir, 0o755))
		c.nodes = append(c.nodes, x)
		x.configure()
		x.start("")
	}
	for i := range 3 {
		s := &sentry{c: c, name: fmt.Sprint("s", i+1), host: n.Host(fmt.Sprintf("10.0.2.%d", i+1)), disk: sentinel.NewMemoryDisk()}
		s.path, s.log.start = filepath.Join(dir, s.name+".conf"), c.start
		c.must(os.WriteFile(s.path, fmt.Appendf(nil, sentryConf, c.nodes[0].host.IP()), 0o644))
		c.sens = append(c.sens, s)
		s.start()
	}
	c.writer = newWriter(c)
	return c
}

// stop ends everything that runs.
func (c *cluster) stop() {
	for _, s := range c.sens {
		s.kill()
	}
	for _, n := range c.nodes {
		n.kill()
	}
	c.net.Host(clientIP).Kill()
	c.net.Host(observerIP).Kill()
}

func (c *cluster) must(err error) {
	c.t.Helper()
	if err != nil {
		c.t.Fatal(err)
	}
}

// await lets time pass until what is wrong is nothing, and answers how much did.
func (c *cluster) await(limit time.Duration, what string, wrong func() string) time.Duration {
	c.t.Helper()
	for start := time.Now(); ; time.Sleep(50 * time.Millisecond) {
		why := wrong()
		if why == "" {
			return time.Since(start)
		}
		if time.Since(start) > limit {
			c.t.Fatalf("%.3fs: no %s after %v: %s", time.Since(c.start).Seconds(), what, limit, why)
		}
	}
}

// seldom makes clients write, and the test ask, only so often: for what takes hours. 0
// is as usual.
func (c *cluster) seldom(every time.Duration) {
	c.heard.pace.Store(int64(max(every, pollEvery)))
	c.writer.pace.Store(int64(max(every, writeEvery)))
}

// heed waits for an event that was expected.
func (c *cluster) heed(what string, limit time.Duration, event <-chan event) (e event) {
	c.t.Helper()
	select {
	case e = <-event:
	case <-time.After(limit):
		c.t.Fatalf("%.3fs: no %s after %v", time.Since(c.start).Seconds(), what, limit)
	}
	return e
}

// node returns the data server with an address.
func (c *cluster) node(addr string) *node {
	for _, n := range c.nodes {
		if n.addr() == addr {
			return n
		}
	}
	return nil
}

// report tells what happened, for a run that failed.
func (c *cluster) report() string {
	var b strings.Builder
	fmt.Fprintf(&b, "The faults, as a script:\n%s\n\nWhat the sentinels published:\n%s\n", strings.Join(c.done, "\n"), c.heard)
	for _, n := range c.nodes {
		fmt.Fprintf(&b, "\n%s says %s, logged:\n%s\n", n.name, c.role(n), &n.log)
	}
	for _, s := range c.sens {
		m, err := c.master(s)
		fmt.Fprintf(&b, "\n%s says %v, %v, logged:\n%s\n", s.name, m, err, &s.log)
	}
	return b.String()
}

// asker is a client with a connection to each server it has talked to. Not safe for
// concurrent use.
type asker struct {
	host  *memnet.Host
	conns map[string]*client.Conn
}

// patience is how long a client waits for a reply.
const patience = 500 * time.Millisecond

// do sends one command and returns its reply, an error reply as the error.
func (a *asker) do(ctx context.Context, addr string, args ...any) (resp.Value, error) {
	return a.doWithin(ctx, patience, addr, args...)
}

func (a *asker) doWithin(ctx context.Context, d time.Duration, addr string, args ...any) (resp.Value, error) {
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	conn := a.conns[addr]
	if conn == nil {
		var err error
		if conn, err = client.Dial(ctx, "tcp", addr, client.Options{Dial: a.host.Dial}); err != nil {
			return resp.Value{}, err
		}
		if a.conns == nil {
			a.conns = map[string]*client.Conn{}
		}
		a.conns[addr] = conn
	}
	v, err := conn.Do(ctx, args...)
	if err != nil && v.Err() == nil {
		a.drop(addr)
	}
	return v, err
}

// drop closes the connection to a server.
func (a *asker) drop(addr string) {
	if conn := a.conns[addr]; conn != nil {
		conn.Close()
		delete(a.conns, addr)
	}
}

// master is what a sentinel says of the master, field by field.
func (c *cluster) master(s *sentry) (map[string]string, error) {
	return c.ask.master(context.Background(), s)
}

func (a *asker) master(ctx context.Context, s *sentry) (map[string]string, error) {
	v, err := a.do(ctx, s.addr(), "SENTINEL", "MASTER", "m")
	if err != nil {
		return nil, err
	}
	m := map[string]string{}
	for i := 0; i+1 < len(v.Array); i += 2 {
		m[v.Array[i].Text()] = v.Array[i+1].Text()
	}
	return m, nil
}

// role is what a data server says it is: "master", or "slave of ip:port connected".
func (c *cluster) role(n *node) string {
	v, err := c.ask.do(context.Background(), n.addr(), "ROLE")
	if err != nil {
		return err.Error()
	}
	if len(v.Array) < 4 {
		return v.Array[0].Text()
	}
	return fmt.Sprintf("slave of %s:%s %s", v.Array[1].Text(), v.Array[2].Text(), v.Array[3].Text())
}

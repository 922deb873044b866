package sentinel

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"github.com/vedette-ha/vedette/failover"
	"github.com/vedette-ha/vedette/internal/client"
	"github.com/vedette-ha/vedette/internal/memnet"
	"github.com/vedette-ha/vedette/internal/resp"
)

// bench is a set of quorums on a network in memory, each with a port that knows
// SENTINEL RAFT and nothing else. It runs inside a synctest bubble.
type bench struct {
	t     *testing.T
	net   *memnet.Network
	nodes []*benchNode
	start time.Time
	log   bool
}

// benchNode is one sentinel's consensus half. It survives being killed.
type benchNode struct {
	b    *bench
	n    int
	id   string
	host *memnet.Host
	disk *MemoryDisk

	quorum  int // of the master its file names
	expect  int
	cleanup time.Duration
	file    *failover.Agreed

	q    *quorum
	life *lifeline
	stop context.CancelFunc
	done chan struct{}

	mu      sync.Mutex
	commits []commit
	at      map[string]time.Time // when the master of that name was learned
	conns   sync.WaitGroup

	strangers atomic.Int32 // Raft connections refused to them, or to somebody else
}

func newBench(t *testing.T, size, quorum int) *bench {
	b := &bench{t: t, net: memnet.New(1), start: time.Now()}
	for n := 1; n <= size; n++ {
		b.nodes = append(b.nodes, &benchNode{
			b: b, n: n, id: fmt.Sprintf("%d%s", n, strings.Repeat("a", 39)),
			host: b.net.Host(fmt.Sprintf("10.0.0.%d", n)), disk: NewMemoryDisk(),
			quorum: quorum, at: map[string]time.Time{}, file: fileState("m", quorum, 0),
		})
	}
	return b
}

// fileState is what a sentinel.conf with one master says.
func fileState(name string, quorum int, epoch uint64) *failover.Agreed {
	var a failover.Agreed
	a.Apply(0, failover.Command{Body: failover.Monitor{
		Name: name, Addr: failover.Addr{Host: "10.0.1.1", Port: 6379},
		Settings: failover.DefaultSettings(quorum),
	}})
	a.Masters[0].ConfigEpoch, a.Epoch = epoch, epoch
	return &a
}

func (b *bench) startAll() {
	for _, n := range b.nodes {
		n.start()
	}
}

func (b *bench) stopAll() {
	for _, n := range b.nodes {
		n.kill()
	}
}

// introduceAll lets everybody's hello reach everybody, as a data node would.
func (b *bench) introduceAll() {
	for _, n := range b.nodes {
		n.meet(b.nodes...)
	}
}

func (n *benchNode) addr() string { return n.host.IP() + ":26379" }

// meet makes n see the hellos of others.
func (n *benchNode) meet(others ...*benchNode) {
	n.q.SawDataNode(true)
	for _, o := range others {
		if o != n {
			n.q.SawSentinel(o.id, o.addr())
		}
	}
}

func (n *benchNode) start() {
	n.b.t.Helper()
	log := zerolog.Nop()
	if n.b.log {
		log = zerolog.New(zerolog.ConsoleWriter{Out: testWriter{n.b.t, n.b.start}, NoColor: true,
			PartsExclude: []string{"time"}}).With().Int("n", n.n).Logger().Level(zerolog.InfoLevel)
	}
	life := &lifeline{host: n.host}
	n.life = life
	q, err := newQuorum(quorumConfig{
		MyID: n.id, Stores: n.disk.open(), Initial: n.file, Announce: n.addr, Expect: n.expect, CleanupAfter: n.cleanup,
		Options: func() client.Options { return client.Options{Dial: life.dial} },
		Answer: func(kind string, body []byte) ([]byte, error) {
			return append([]byte(kind+" "), body...), nil
		},
		Log: log,
	})
	if err != nil {
		n.b.t.Fatal(err)
	}
	n.q, n.done = q, make(chan struct{})
	ln, err := n.host.Listen(":26379")
	if err != nil {
		n.b.t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	n.stop = stop
	n.conns.Go(func() { n.serve(ctx, q, ln) })
	n.conns.Go(func() { n.read(ctx, q) })
	go func() {
		defer close(n.done)
		if err := q.Run(ctx); err != nil {
			n.b.t.Errorf("sentinel %d: %v", n.n, err)
		}
	}()
}

// kill ends the sentinel as kill -9 does: the disk keeps what was synced.
func (n *benchNode) kill() {
	if n.q == nil {
		return
	}
	n.life.end()
	n.disk.Crash()
	n.stop()
	<-n.done
	n.conns.Wait()
	n.q = nil
}

func (n *benchNode) read(ctx context.Context, q *quorum) {
	for {
		select {
		case <-ctx.Done():
			return
		case c := <-q.Commits():
			n.mu.Lock()
			n.commits = append(n.commits, c)
			if m, ok := c.Command.Body.(failover.Monitor); ok {
				n.at[m.Name] = time.Now()
			}
			n.mu.Unlock()
		}
	}
}

// seen is what n was handed out so far.
func (n *benchNode) seen() []commit {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.commits)
}

func (n *benchNode) serve(ctx context.Context, q *quorum, ln net.Listener) {
	for {
		conn, err := ln.Accept()
		if err != nil {
			return
		}
		n.conns.Go(func() { n.session(ctx, q, conn) })
	}
}

// session is the part of the port that the quorum needs.
func (n *benchNode) session(ctx context.Context, q *quorum, conn net.Conn) {
	var p resp.Parser
	var buf []byte
	lim := resp.DefaultLimits()
	chunk := make([]byte, 4096)
	for {
		args, used, err := p.Next(buf, &lim)
		if err != nil {
			conn.Close()
			return
		}
		if used == 0 {
			k, err := conn.Read(chunk)
			if buf = append(buf, chunk[:k]...); err != nil {
				conn.Close()
				return
			}
			continue
		}
		rest := buf[used:]
		if strings.EqualFold(string(args[2]), subConnect) {
			if errors.Is(q.HandleConn(conn, args[2:], rest), errStranger) {
				n.strangers.Add(1)
			}
			return
		}
		var w resp.Writer
		q.HandleCommand(ctx, args[2:], &w)
		buf = bytes.Clone(rest)
		if _, err := conn.Write(w.Buf); err != nil {
			conn.Close()
			return
		}
	}
}

// await polls until cond holds; virtual time costs nothing.
func (b *bench) await(within time.Duration, what string, cond func() bool) {
	b.t.Helper()
	deadline := time.Now().Add(within)
	for !cond() {
		if time.Now().After(deadline) {
			for _, n := range b.nodes {
				if n.q != nil {
					b.t.Logf("%d: %+v waits for %q", n.n, n.q.Status(), n.q.waitsFor)
				}
			}
			b.t.Fatalf("%v: not %s", time.Since(b.start), what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// formed reports that these are the voters of one cluster, and know it.
func formed(nodes ...*benchNode) bool {
	for _, n := range nodes {
		s := n.q.Status()
		voters := 0
		for _, m := range s.Members {
			if m.Voter {
				voters++
			}
		}
		if !s.Formed || voters != len(nodes) || s.Cluster != nodes[0].q.Status().Cluster || s.Leader == "" {
			return false
		}
	}
	return true
}

func (b *bench) leader() *benchNode {
	for _, n := range b.nodes {
		if n.q != nil && n.q.Status().Leading {
			return n
		}
	}
	return nil
}

// monitor proposes a new master through n.
func (n *benchNode) monitor(name string) (failover.Result, error) {
	return n.q.Propose(context.Background(), failover.Command{At: time.Now(), Body: failover.Monitor{
		Name: name, Addr: failover.Addr{Host: "10.0.1.9", Port: 6379}, Settings: failover.DefaultSettings(2),
	}})
}

// names are the masters n knows of.
func (n *benchNode) names() []string {
	names := []string{}
	if _, state := n.q.cluster(); state != nil && state.released.Load() {
		names = masterNames(state.clone())
	} else {
		names = append(names, masterNames(n.q.localState())...)
	}
	slices.Sort(names)
	return names
}

type testWriter struct {
	t     *testing.T
	start time.Time
}

func (w testWriter) Write(b []byte) (int, error) {
	w.t.Logf("%8v %s", time.Since(w.start).Round(time.Millisecond), bytes.TrimSpace(b))
	return len(b), nil
}

var _ io.Writer = testWriter{}

// simulate runs a test in virtual time and stops every sentinel at its end.
func simulate(t *testing.T, size, quorum int, test func(t *testing.T, b *bench)) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, size, quorum)
		b.log = testing.Verbose()
		defer b.stopAll()
		test(t, b)
	})
}

// serveForeign answers every command as a sentinel of Redis answers one it does
// not know.
func serveForeign(ln net.Listener) {
	for {
		conn, err := ln.Accept()
		if err != nil {
			return
		}
		go func() {
			defer conn.Close()
			chunk := make([]byte, 64<<10)
			for {
				if _, err := conn.Read(chunk); err != nil {
					return
				}
				if _, err := io.WriteString(conn, "-ERR Unknown sentinel subcommand 'RAFT'\r\n"); err != nil {
					return
				}
			}
		}()
	}
}

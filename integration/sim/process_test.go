package sim

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/rs/zerolog"

	"github.com/vedette-ha/vedette/internal/conf"
	"github.com/vedette-ha/vedette/internal/memnet"
	"github.com/vedette-ha/vedette/sentinel"
	"github.com/vedette-ha/vedette/server"
)

// process is one life of a program, from its start to its death.
type process struct {
	host *memnet.Host
	dead atomic.Bool // nothing reaches or leaves it any more
	spy  *spy        // sees what it writes on the connections it opens; may be nil
	gate gate
	end  context.CancelCauseFunc
	done chan struct{} // closed when everything it started has ended
}

// launch runs a program until the process is killed. An error of Run while it lives is
// complained of.
func (c *cluster) launch(name string, p *process, run func(context.Context) error) {
	ctx, end := context.WithCancelCause(context.Background())
	p.end, p.done = end, make(chan struct{})
	go func() {
		defer close(p.done)
		if err := run(ctx); err != nil && !p.dead.Load() {
			c.t.Errorf("%s: Run = %v", name, err)
		}
	}()
}

// dial is how the program connects: not at all once it is dead, though it may not
// know yet.
func (p *process) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	if p.dead.Load() {
		return nil, syscall.ECONNABORTED
	}
	conn, err := p.host.Dial(ctx, network, addr)
	if err == nil && p.dead.Load() {
		conn.Close()
		return nil, syscall.ECONNABORTED
	}
	if err == nil && p.spy != nil {
		conn = &spiedConn{conn, addr, p.spy}
	}
	return conn, err
}

// killed is the cause of a process's end.
type killed struct{}

func (killed) Error() string            { return "killed" }
func (killed) Received() syscall.Signal { return syscall.SIGTERM }

// kill takes the network away, so that others see what they see of kill -9, lets
// crash do what it means for the disk, and ends the program.
func (p *process) kill(crash func()) {
	p.dead.Store(true)
	p.host.Kill()
	p.gate.slow(0)
	p.gate.open()
	crash()
	p.end(killed{})
	<-p.done
}

// pause is SIGSTOP: nothing reaches or leaves it, and its loop does not turn. What the
// Raft library does by its own timers goes on, where nobody hears of it.
func (p *process) pause() {
	p.host.Freeze()
	p.gate.shut()
}

// resume is SIGCONT.
func (p *process) resume() {
	p.gate.open()
	p.host.Thaw()
}

// node is a data server, which may die and come back.
type node struct {
	c    *cluster
	name string
	host *memnet.Host
	dir  string
	life *process // nil while it is dead
	log  journal
	clock
}

// nodeConf is what the operator wrote. A killed node leaves everything it has in its
// RDB file, as one with "appendfsync always" would, so that only the disk's owner
// decides what is lost.
const nodeConf = `port 6379
protected-mode no
save ""
shutdown-on-sigterm save now force
repl-diskless-sync-delay 0
repl-timeout 10
repl-ping-replica-period 1
`

// configure writes the node's file as it was in the beginning: the first node is the
// master.
func (n *node) configure() {
	text := nodeConf + "dir " + n.dir + "\n"
	if n.name != "n1" {
		text += "replicaof " + n.c.nodes[0].host.IP() + " 6379\n"
	}
	n.c.must(os.WriteFile(n.confPath(), []byte(text), 0o644))
}

func (n *node) confPath() string { return filepath.Join(n.dir, "redis.conf") }

// start begins a life with the data the last one left. How "" keeps the file as it
// was rewritten since, "anew" brings the original back, "empty" drops the data, too.
func (n *node) start(how string) {
	switch how {
	case "empty":
		n.c.must(os.RemoveAll(filepath.Join(n.dir, "dump.rdb")))
		n.configure()
	case "anew":
		n.configure()
	}
	ds, err := conf.Load(n.confPath())
	n.c.must(err)
	cfg, err := server.LoadConfig(n.confPath(), ds)
	n.c.must(err)
	ln, err := n.host.Listen(":6379")
	n.c.must(err)
	p := &process{host: n.host}
	s, err := server.New(server.Options{
		Config: cfg, Log: n.log.logger(), Listeners: []net.Listener{ln}, Dial: p.dial, Virtual: true,
		Turn: p.gate.turn, Wall: n.clock.read,
	})
	n.c.must(err)
	n.log.begin(how)
	n.life = p
	n.c.launch(n.name, p, s.Run)
}

func (n *node) kill() {
	if n.life == nil {
		return
	}
	n.log.add("-- kill")
	n.life.kill(func() {})
	n.life = nil
}

func (n *node) addr() string { return n.host.IP() + ":6379" }

// sentry is a sentinel, which may die and come back with what its disk kept.
type sentry struct {
	c    *cluster
	name string
	host *memnet.Host
	disk *sentinel.MemoryDisk
	path string
	life *process
	log  journal
	spy  spy
	clock
	hellos
}

const sentryConf = `port 26379
sentinel monitor m %s 6379 2
sentinel down-after-milliseconds m 1000
sentinel failover-timeout m 10000
`

func (s *sentry) start() {
	cf, err := sentinel.ReadConf(s.path)
	s.c.must(err)
	p := &process{host: s.host, spy: &s.spy}
	x, err := sentinel.New(sentinel.Options{
		Config: cf.Config, Version: "0", Log: s.log.logger(), Disk: s.disk, Random: s.c.random,
		Turn: p.gate.turn, Wall: s.clock.read,
		Dial: func(ctx context.Context, network, addr string) (net.Conn, error) {
			conn, err := p.dial(ctx, network, addr)
			if err != nil {
				return nil, err
			}
			return newHelloConn(conn, &s.hellos), nil
		},
		Listen: func(_ context.Context, host string, port int) (net.Listener, error) {
			return s.host.Listen(fmt.Sprintf("%s:%d", host, port))
		},
	})
	s.c.must(err)
	s.log.begin("")
	s.life = p
	s.c.launch(s.name, p, x.Run)
}

// kill forgets what was not written durably.
func (s *sentry) kill() {
	if s.life == nil {
		return
	}
	s.log.add("-- kill")
	s.life.kill(s.disk.Crash)
	s.life = nil
}

func (s *sentry) addr() string { return s.host.IP() + ":26379" }

// journal keeps the newest lines a program logged, with the time since the start.
type journal struct {
	start time.Time

	mu     sync.Mutex // guards what follows
	lines  []string
	starts int // of the program
}

// journalMax is how many lines are kept.
const journalMax = 400

func (j *journal) logger() zerolog.Logger {
	return zerolog.New(zerolog.ConsoleWriter{Out: j, NoColor: true, PartsExclude: []string{"time"}}).Level(zerolog.InfoLevel)
}

// begin marks the start of a program.
func (j *journal) begin(how string) {
	j.add(strings.TrimSpace("-- start " + how))
	j.mu.Lock()
	defer j.mu.Unlock()
	j.starts++
}

// lives is how often the program was started.
func (j *journal) lives() int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.starts
}

func (j *journal) Write(b []byte) (int, error) {
	j.add(strings.TrimSpace(string(b)))
	return len(b), nil
}

func (j *journal) add(line string) {
	line = fmt.Sprintf("%8.3fs %s", time.Since(j.start).Seconds(), line)
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.lines = append(j.lines, line); len(j.lines) > journalMax {
		j.lines = j.lines[1:]
	}
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return strings.Join(j.lines, "\n")
}

// seeded is a source of randomness that is the same for the same seed.
type seeded struct {
	mu  sync.Mutex // guards src
	src interface{ Read([]byte) (int, error) }
}

func (s *seeded) Read(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.src.Read(b)
}

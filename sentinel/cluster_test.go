package sentinel

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"github.com/vedette-ha/vedette/failover"
	"github.com/vedette-ha/vedette/internal/client"
	"github.com/vedette-ha/vedette/internal/events"
	"github.com/vedette-ha/vedette/internal/memnet"
)

// world is three sentinels and three data nodes on a network of their own, in
// virtual time: everything of a sentinel runs but the sockets and the disk.
type world struct {
	t    *testing.T
	net  *memnet.Network
	set  *fakeSet
	sens []*worldSentinel
	dns  hosts

	mu  sync.Mutex // guards log
	log []string   // "s0 +sdown master m …", in the order of publishing
}

type worldSentinel struct {
	w    *world
	n    int
	host *memnet.Host
	disk *MemoryDisk
	s    *Sentinel
	stop func()
	tune func(*Config) // changes the configuration of the next start; nil: nothing
	// rewrite takes what sentinel.conf would become; nil: there is no file.
	rewrite func(State) error
}

const testDownAfter = time.Second

// inWorld runs f with a formed cluster that knows everything.
func inWorld(t *testing.T, f func(w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		n := memnet.New(1)
		w := &world{t: t, net: n, set: newFakeSet(n, 3)}
		for _, node := range w.set.nodes {
			node.start(t)
		}
		for i := range 3 {
			w.sens = append(w.sens, &worldSentinel{
				w: w, n: i, host: n.Host(fmt.Sprintf("10.0.2.%d", i+1)), disk: NewMemoryDisk(),
			})
			w.sens[i].start()
		}
		defer func() {
			for _, s := range w.sens {
				s.kill()
			}
			for _, node := range w.set.nodes {
				node.kill()
			}
		}()
		w.await(10*time.Second, "a cluster that knows everything", func() bool {
			return !slices.ContainsFunc(w.sens, func(s *worldSentinel) bool {
				m := s.master()
				return m["num-slaves"] != "2" || m["num-other-sentinels"] != "2" || !s.s.quorum.Status().Formed
			})
		})
		f(w)
	})
}

// start runs the sentinel with what its disk holds.
func (x *worldSentinel) start() {
	settings := failover.DefaultSettings(2)
	settings.DownAfter, settings.FailoverTimeout = testDownAfter, 10*time.Second
	life := &lifeline{host: x.host}
	o := Options{
		Version: "0", Log: zerolog.Nop(), Disk: x.disk, Dial: life.dial, Lookup: x.w.dns.lookup, Rewrite: x.rewrite,
		Listen: func(_ context.Context, host string, port int) (net.Listener, error) {
			return x.host.Listen(net.JoinHostPort(host, strconv.Itoa(port)))
		},
		Config: Config{Initial: &failover.Agreed{Masters: []failover.Master{{
			Name: "m", Addr: addrOf("10.0.1.1"), First: addrOf("10.0.1.1"), FirstQuorum: 2, Settings: settings,
		}}}},
	}
	if x.tune != nil {
		x.tune(&o.Config)
	}
	s, err := New(o)
	if err != nil {
		x.w.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	sub := s.hub.Subscribe(1000)
	sub.PSubscribe("*")
	var wg sync.WaitGroup
	wg.Go(func() { _ = s.hub.Run(ctx, sub, x.heard) })
	wg.Go(func() {
		if err := s.Run(ctx); err != nil && !life.dead.Load() {
			x.w.t.Errorf("s%d: Run = %v", x.n, err)
		}
	})
	x.s, x.stop = s, func() {
		life.end()
		x.disk.Crash()
		cancel()
		wg.Wait()
	}
}

// lifeline is the network of one life of a sentinel: at its end nothing it does reaches
// anybody, though it may go on a little before it is stopped.
type lifeline struct {
	host *memnet.Host
	dead atomic.Bool
}

func (l *lifeline) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	if l.dead.Load() {
		return nil, net.ErrClosed
	}
	conn, err := l.host.Dial(ctx, network, addr)
	if err == nil && l.dead.Load() {
		conn.Close()
		return nil, net.ErrClosed
	}
	return conn, err
}

func (l *lifeline) end() {
	l.dead.Store(true)
	l.host.Kill()
}

func (x *worldSentinel) heard(d events.Delivery) error {
	x.w.mu.Lock()
	defer x.w.mu.Unlock()
	x.w.log = append(x.w.log, fmt.Sprintf("s%d %s %s", x.n, d.Channel, d.Payload))
	return nil
}

// kill ends the sentinel as a crash would: its connections are reset and its disk
// takes nothing any more.
func (x *worldSentinel) kill() {
	if x.s == nil {
		return
	}
	x.stop()
	x.s = nil
}

// do runs one command on the sentinel port, from another host.
func (x *worldSentinel) do(cmd string) (string, error) {
	conn, err := client.Dial(context.Background(), "tcp", x.host.IP()+":26379", client.Options{Dial: x.w.net.Host("10.0.3.1").Dial})
	if err != nil {
		return "", err
	}
	defer conn.Close()
	var args []any
	for _, word := range strings.Fields(cmd) {
		args = append(args, word)
	}
	v, err := conn.Do(context.Background(), args...)
	if err != nil {
		return "", err
	}
	return show(v), nil
}

// master is SENTINEL MASTER m as a map.
func (x *worldSentinel) master() map[string]string { return x.named("m") }

// named is SENTINEL MASTER of a name.
func (x *worldSentinel) named(name string) map[string]string {
	m := map[string]string{}
	_ = x.s.do(context.Background(), func(lp *loop) {
		f := lp.masterFields(name)
		for i := 0; i+1 < len(f); i += 2 {
			m[f[i]] = f[i+1]
		}
	})
	return m
}

// await lets time pass until ok holds, and answers how much did.
func (w *world) await(limit time.Duration, what string, ok func() bool) time.Duration {
	w.t.Helper()
	for start := time.Now(); ; time.Sleep(5 * time.Millisecond) {
		if synctest.Wait(); ok() {
			return time.Since(start)
		}
		if time.Since(start) > limit {
			w.t.Fatalf("no %s after %v\n%s\n%s", what, limit, strings.Join(w.events(), "\n"), w.state())
		}
	}
}

// agree says whether all sentinels that run answer one address other than old.
func (w *world) agree(old string) bool {
	seen := map[string]bool{}
	for _, x := range w.sens {
		if x.s != nil {
			seen[x.master()["ip"]] = true
		}
	}
	return len(seen) == 1 && !seen[old]
}

func (w *world) events() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.log)
}

// state describes everybody, for a test that fails.
func (w *world) state() string {
	var b strings.Builder
	for i, n := range w.set.nodes {
		fmt.Fprintf(&b, "%s follows %q, told %q\n", n.ip, w.set.follows(i), n.said)
	}
	for _, x := range w.sens {
		if x.s == nil {
			fmt.Fprintf(&b, "s%d is dead\n", x.n)
			continue
		}
		st := x.s.quorum.Status()
		fmt.Fprintf(&b, "s%d formed %v leader %.4s term %d commit %d members %d: %v\n",
			x.n, st.Formed, st.Leader, st.Term, st.Commit, len(st.Members), x.master())
	}
	return b.String()
}

// count is how many events contain text.
func (w *world) count(text string) (n int) {
	for _, e := range w.events() {
		if strings.Contains(e, text) {
			n++
		}
	}
	return n
}

// A killed master is replaced within down-after and 300 ms, all sentinels say so
// within 50 ms of each other, each publishes +switch-master once, the other replica
// follows the new master, and the old one when it is back.
func TestKilledMasterIsReplaced(t *testing.T) {
	inWorld(t, func(w *world) {
		time.Sleep(5 * time.Second)
		w.set.nodes[0].kill()
		if d := w.await(5*time.Second, "switch", func() bool { return w.agree("10.0.1.1") }); d > testDownAfter+300*time.Millisecond {
			t.Errorf("all sentinels answer a new address after %v", d)
		}
		w.await(time.Second, "one master", func() bool { return len(w.set.masters()) == 1 })
		now := w.set.masters()[0]
		w.await(5*time.Second, "the end", func() bool { return w.count("+failover-end master") == 1 })
		for i, node := range w.set.nodes {
			if i > 0 && node.ip != now && w.set.follows(i) != now {
				t.Errorf("the other replica follows %q, not %q", w.set.follows(i), now)
			}
		}
		if n := w.count("+switch-master m 10.0.1.1 6379 " + now + " 6379"); n != 3 {
			t.Errorf("%d +switch-master, want 3\n%s", n, strings.Join(w.events(), "\n"))
		}
		for _, x := range w.sens {
			if m := x.master(); m["flags"] != "master" || m["config-epoch"] != "1" {
				t.Errorf("s%d: flags %q config-epoch %q", x.n, m["flags"], m["config-epoch"])
			}
		}
		w.set.nodes[0].start(t)
		if d := w.await(5*time.Second, "return", func() bool { return w.set.follows(0) == now }); d > 500*time.Millisecond {
			t.Errorf("the old master follows after %v", d)
		}
	})
}

// A frozen master, whose connections stay open, is replaced as well.
func TestFrozenMasterIsReplaced(t *testing.T) {
	inWorld(t, func(w *world) {
		time.Sleep(5 * time.Second)
		w.set.nodes[0].host.Freeze()
		if d := w.await(5*time.Second, "switch", func() bool { return w.agree("10.0.1.1") }); d > 1400*time.Millisecond {
			t.Errorf("all sentinels answer a new address after %v", d)
		}
		time.Sleep(3 * time.Second)
		w.set.nodes[0].host.Thaw()
		w.await(2*time.Second, "its conversion", func() bool { return w.set.follows(0) != "" })
		if m := w.set.masters(); len(m) != 1 {
			t.Errorf("masters: %v", m)
		}
	})
}

// The claimant dies right after its election: the others resume.
func TestClaimantDies(t *testing.T) {
	inWorld(t, func(w *world) {
		time.Sleep(5 * time.Second)
		w.set.nodes[0].kill()
		w.await(3*time.Second, "claim", func() bool { return w.count("+elected-leader") > 0 })
		for _, e := range w.events() {
			if strings.Contains(e, "+elected-leader") {
				w.sens[atoi(e[1:2])].kill()
			}
		}
		if d := w.await(10*time.Second, "switch", func() bool { return w.agree("10.0.1.1") }); d > 2500*time.Millisecond {
			t.Errorf("switched %v after the claimant died", d)
		}
		w.await(time.Second, "one master", func() bool { return len(w.set.masters()) == 1 })
	})
}

// One sentinel without contact to the master is not enough, and does not disturb
// the others.
func TestOneSentinelCutOffTheMaster(t *testing.T) {
	inWorld(t, func(w *world) {
		time.Sleep(5 * time.Second)
		w.net.Cut(w.sens[0].host.IP(), "10.0.1.1")
		w.await(5*time.Second, "+sdown", func() bool { return w.count("s0 +sdown master") == 1 })
		time.Sleep(20 * time.Second)
		w.net.HealAll()
		w.await(5*time.Second, "-sdown", func() bool { return w.count("s0 -sdown master") == 1 })
		if n := w.count("+odown") + w.count("+switch-master") + w.count("s1 +sdown") + w.count("s2 +sdown"); n > 0 {
			t.Errorf("events:\n%s", strings.Join(w.events(), "\n"))
		}
	})
}

// All sentinels die and come back: they know the new master and do not repeat
// what they announced.
func TestRestartRemembers(t *testing.T) {
	inWorld(t, func(w *world) {
		w.set.nodes[0].kill()
		w.await(5*time.Second, "switch", func() bool { return w.agree("10.0.1.1") })
		w.await(5*time.Second, "the end", func() bool { return w.count("+failover-end master") == 1 })
		time.Sleep(time.Second) // for the copy that answers clients before there is a leader
		now := w.sens[0].master()["ip"]
		for _, x := range w.sens {
			x.kill()
		}
		w.log = nil
		for _, x := range w.sens {
			x.start()
		}
		w.await(5*time.Second, "leader", func() bool { return w.sens[0].s.quorum.Status().Leader != "" })
		for _, x := range w.sens {
			if m := x.master(); m["ip"] != now || m["num-other-sentinels"] != "2" {
				t.Errorf("s%d answers %v with %v others, want %s", x.n, m["ip"], m["num-other-sentinels"], now)
			}
		}
		if n := w.count("+switch-master"); n > 0 {
			t.Errorf("an old failover was announced again\n%s", strings.Join(w.events(), "\n"))
		}
	})
}

// What one sentinel is told all of them do.
func TestSettingsApplyEverywhere(t *testing.T) {
	inWorld(t, func(w *world) {
		steps := []struct{ cmd, want string }{
			{"SENTINEL SET m down-after-milliseconds 2000 parallel-syncs 3", `+"OK"`},
			{"SENTINEL MONITOR other 10.0.1.9 6379 2", `+"OK"`},
			{"SENTINEL MONITOR other 10.0.1.9 6379 2", `+"OK"`},
			{"SENTINEL CKQUORUM m", `+"OK 3 usable Sentinels. Quorum and failover authorization can be reached"`},
		}
		for i, s := range steps {
			got, err := w.sens[i%3].do(s.cmd)
			if err != nil || got != s.want {
				t.Errorf("%s: %s, %v", s.cmd, got, err)
			}
		}
		time.Sleep(50 * time.Millisecond)
		for _, x := range w.sens {
			if m := x.master(); m["down-after-milliseconds"] != "2000" || m["parallel-syncs"] != "3" {
				t.Errorf("s%d: %v", x.n, m)
			}
			if got, err := x.do("ROLE"); got != `[$"sentinel" [$"m" $"other"]]` {
				t.Errorf("s%d: ROLE %s, %v", x.n, got, err)
			}
		}
	})
}

// A leader that reaches fewer data nodes than the others lets another lead, once, though
// it is well and keeps its vote.
func TestLeaderThatSeesLess(t *testing.T) {
	inWorld(t, func(w *world) {
		lead := func() (leader string) {
			for _, x := range w.sens {
				st := x.s.quorum.Status()
				if leader != "" && st.Leader != leader {
					return ""
				}
				leader = st.Leader
			}
			return leader
		}
		w.await(5*time.Second, "leader", func() bool { return lead() != "" })
		first := lead()
		i := slices.IndexFunc(w.sens, func(x *worldSentinel) bool { return x.s.id == first })
		w.net.Cut(w.sens[i].host.IP(), w.set.nodes[2].ip)
		w.await(10*time.Second, "another leader", func() bool { return lead() != "" && lead() != first })
		term := w.sens[i].s.quorum.Status().Term
		time.Sleep(time.Minute)
		w.net.HealAll()
		time.Sleep(time.Minute)
		if now := w.sens[i].s.quorum.Status().Term; now != term {
			t.Errorf("the leadership went on from term %d to %d", term, now)
		}
		if n := w.count("+odown") + w.count("+switch-master"); n > 0 {
			t.Errorf("events:\n%s", strings.Join(w.events(), "\n"))
		}
	})
}

// Whoever was told that a change is made finds it made by its next command, on every
// sentinel, however busy that is.
func TestChangesAreReadBack(t *testing.T) {
	inWorld(t, func(w *world) {
		ctx, cancel := context.WithCancel(context.Background())
		var busy sync.WaitGroup
		for _, x := range w.sens {
			busy.Go(func() {
				for x.s.do(ctx, func(*loop) { time.Sleep(5 * time.Millisecond) }) == nil {
				}
			})
		}
		defer busy.Wait()
		defer cancel()
		for i := range 60 {
			c := w.dial(w.sens[i%3])
			name := fmt.Sprintf("n%d", i)
			c.says("SENTINEL MONITOR "+name+" 10.0.1.9 6379 2\r\n", "+OK\r\n")
			c.says("SENTINEL SET "+name+" quorum 3\r\n", "+OK\r\n")
			c.says("SENTINEL REMOVE "+name+"\r\n", "+OK\r\n")
			c.says("SENTINEL SET "+name+" quorum 3\r\n", "-ERR No such master with that name\r\n")
		}
	})
}

// A sentinel that was away is brought up to date with exactly what was committed,
// though it was proposed through followers, on connections used again since.
func TestLateSentinelCatchesUp(t *testing.T) {
	inWorld(t, func(w *world) {
		w.sens[2].kill()
		time.Sleep(2 * time.Second) // one of the others leads
		for i := range 20 {
			cmd := fmt.Sprintf("SENTINEL SET m parallel-syncs %d", i+1)
			if got, err := w.sens[i%2].do(cmd); err != nil || got != `+"OK"` {
				t.Fatalf("%s: %s, %v", cmd, got, err)
			}
		}
		w.sens[2].start()
		w.await(10*time.Second, "the same state", func() bool { return w.sens[2].snapshot() == w.sens[0].snapshot() })
	})
}

// A sentinel of a cluster that comes back and reaches the data nodes but no sentinel
// knows that it has to ask: it does not follow a replica to its master, nor a hello.
func TestMemberDecidesNothingAlone(t *testing.T) {
	inWorld(t, func(w *world) {
		away := w.sens[2]
		away.kill()
		w.set.nodes[0].kill()
		w.await(5*time.Second, "the end", func() bool { return w.count("+failover-end master") == 1 })
		w.set.nodes[0].start(t)
		w.await(5*time.Second, "return", func() bool { return w.set.follows(0) != "" })
		for _, x := range w.sens[:2] {
			w.net.Cut(x.host.IP(), away.host.IP())
		}
		away.start()
		time.Sleep(10 * time.Second)
		if m := away.master(); m["ip"] != "10.0.1.1" || m["config-epoch"] != "0" {
			t.Errorf("alone it answers %s in config-epoch %s", m["ip"], m["config-epoch"])
		}
		w.net.HealAll()
		w.await(5*time.Second, "agreement", func() bool { return w.agree("10.0.1.1") })
	})
}

// A sentinel that is told to stop does so while a client waits for SENTINEL FAILOVER.
func TestStopWhileFailoverIsAsked(t *testing.T) {
	inWorld(t, func(w *world) {
		for _, x := range w.sens[1:] {
			w.net.Cut(w.sens[0].host.IP(), x.host.IP())
		}
		var asked sync.WaitGroup
		asked.Go(func() { _, _ = w.sens[0].do("SENTINEL FAILOVER m") })
		time.Sleep(100 * time.Millisecond)
		start := time.Now()
		w.sens[0].kill()
		if took := time.Since(start); took > 2*time.Second {
			t.Errorf("stopping took %v", took)
		}
		asked.Wait()
	})
}

// snapshot is what the sentinel takes for agreed.
func (x *worldSentinel) snapshot() (text string) {
	_ = x.s.do(context.Background(), func(lp *loop) {
		b, err := lp.m.Agreed().Snapshot()
		if err != nil {
			x.w.t.Error(err)
		}
		text = string(b)
	})
	return text
}

package integration

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// Three sentinels of ours take any set through the death of its master, its return, a
// failover on request, and their own death.
func TestFailover(t *testing.T) {
	for _, mix := range []struct {
		name  string
		redis []bool // which of the data servers are Redis
	}{
		{"vedette", []bool{false, false, false}},
		{"redis", []bool{true, true, true}},
		{"mixed", []bool{true, false, true}},
	} {
		t.Run(mix.name, func(t *testing.T) {
			oneCluster.Lock()
			defer oneCluster.Unlock()
			programs := []string{vedette, vedette, vedette}
			for i, redis := range mix.redis {
				if redis {
					programs[i] = need(t, "redis-server")
				}
			}
			s := newSet(t, programs...)
			s.addSentinels(vedette, 3)
			killAndReturn(t, s)
			failOverOnRequest(t, s)
			killSentinels(t, s)
		})
	}
}

// killAndReturn kills the master, checks what becomes of the set and what the
// sentinels publish, and starts it again.
func killAndReturn(t *testing.T, s *set) {
	t.Helper()
	old := s.data[0]
	var watchers []*watcher
	for _, p := range s.sentinels {
		watchers = append(watchers, watch(t, p))
	}
	s.store(old, "before")
	old.kill()
	master := s.awaitMaster(old)
	s.holds(master, "before")
	checkFailoverEvents(t, s, watchers, old, master)

	old.restart()
	eventually(t, patience, func() error { return s.followed(master) })
	s.holds(old, "before")
	s.awaitSettled()
	replica := fmt.Sprintf(" slave 127.0.0.1:%d 127.0.0.1 %d @ %s 127.0.0.1 %d", old.port, old.port, setName, master.port)
	converted := 0
	for _, w := range watchers {
		w.await(t, []string{"-sdown" + replica})
		converted += w.count("+convert-to-slave")
		if n := w.count("+switch-master"); n != 1 {
			t.Errorf("%d switches for one death:\n%s", n, strings.Join(w.seen(), "\n"))
		}
	}
	if converted == 0 {
		t.Error("nobody published +convert-to-slave")
	}
}

// checkFailoverEvents holds what each sentinel published against the table of events.
func checkFailoverEvents(t *testing.T, s *set, watchers []*watcher, old, master *process) {
	t.Helper()
	claimant := -1
	eventually(t, patience, func() error {
		claimant = slices.IndexFunc(watchers, func(w *watcher) bool { return w.count("+failover-end") > 0 })
		if claimant < 0 {
			return fmt.Errorf("no +failover-end")
		}
		return nil
	})
	id, err := ask(s.sentinels[claimant], "SENTINEL", "MYID")
	if err != nil {
		t.Fatal(err)
	}
	was := fmt.Sprintf(" master %s 127.0.0.1 %d", setName, old.port)
	chosen := fmt.Sprintf(" slave 127.0.0.1:%d 127.0.0.1 %d @ %s 127.0.0.1 %d", master.port, master.port, setName, old.port)
	other := s.third(old, master)
	follower := fmt.Sprintf(" slave 127.0.0.1:%d 127.0.0.1 %d @ %s 127.0.0.1 %d", other.port, other.port, setName, old.port)
	vote := "+vote-for-leader " + id.text + " 1"
	switched := fmt.Sprintf("+switch-master %s 127.0.0.1 %d 127.0.0.1 %d", setName, old.port, master.port)
	now := func(p *process) string {
		return fmt.Sprintf(" slave 127.0.0.1:%d 127.0.0.1 %d @ %s 127.0.0.1 %d", p.port, p.port, setName, master.port)
	}

	watchers[claimant].await(t, []string{
		"+sdown" + was, "+new-epoch 1", "+try-failover" + was, vote, "+elected-leader" + was,
		"+failover-state-select-slave" + was, "+selected-slave" + chosen,
		"+failover-state-send-slaveof-noone" + chosen, "+failover-state-wait-promotion" + chosen,
		"+promoted-slave" + chosen, "+failover-state-reconf-slaves" + was, switched,
		"+slave-reconf-sent" + follower, "+slave-reconf-done" + follower, "+failover-end" + was,
	})
	sentinel := fmt.Sprintf(" sentinel %s 127.0.0.1 %d @ %s 127.0.0.1 %d", id.text, s.sentinels[claimant].port, setName, old.port)
	odown := regexp.MustCompile(`(?m)^\+odown` + regexp.QuoteMeta(was) + ` #quorum [23]/2$`)
	for i, w := range watchers {
		if i != claimant {
			w.await(t, []string{"+new-epoch 1", vote, "+config-update-from" + sentinel, switched})
			w.await(t, []string{"+sdown" + was, switched})
			if n := w.count("+try-failover") + w.count("+elected-leader"); n > 0 {
				t.Errorf("sentinel %d claimed too", i)
			}
		} else if !odown.MatchString(strings.Join(w.seen(), "\n")) {
			t.Errorf("no +odown among\n%s", strings.Join(w.seen(), "\n"))
		}
		w.await(t, []string{switched, "+slave" + now(old)})
		w.await(t, []string{switched, "+slave" + now(other)})
		w.await(t, []string{switched, "+sdown" + now(old)})
	}
}

// third is the data server that is neither of two.
func (s *set) third(a, b *process) *process {
	i := slices.IndexFunc(s.data, func(p *process) bool { return p != a && p != b })
	return s.data[i]
}

// failOverOnRequest moves the master while clients write, and looks up every write
// that was acknowledged.
func failOverOnRequest(t *testing.T, s *set) {
	t.Helper()
	var writers []*ledger
	for i := range 3 {
		writers = append(writers, s.startWriter(fmt.Sprintf("w%d", i)))
	}
	for _, w := range writers {
		w.awaitMore(t, 20)
	}
	master := s.failOver(s.sentinels[1])
	c := dial(t, master)
	for _, w := range writers {
		w.awaitMore(t, 20)
		for _, key := range w.end() {
			if r := c.do("GET", key); r.text != "v" {
				t.Errorf("%s was acknowledged, and the new master says %q", key, r.raw)
			}
		}
	}
	s.awaitSettled()
}

// failOver asks a sentinel of ours for a failover and returns the new master. While the
// sentinels have no leader, on a machine that has stalled, they refuse.
func (s *set) failOver(p *process) *process {
	s.t.Helper()
	old, err := s.agreed()
	if err != nil {
		s.t.Fatal(err)
	}
	eventually(s.t, patience, func() error {
		if now, err := s.agreed(); err == nil && now != old {
			return nil // it was done, though refused
		}
		_, err := ask(p, "SENTINEL", "FAILOVER", setName)
		if err != nil && !strings.Contains(err.Error(), ": NOQUORUM ") && !strings.Contains(err.Error(), ": INPROG ") {
			s.t.Fatal(err)
		}
		return err
	})
	return s.awaitMaster(old)
}

// ledger is a client that asks the sentinels for the master and writes to it, each
// write to a key of its own.
type ledger struct {
	set  *set
	name string
	stop chan struct{} // closed by end
	keys chan string   // of acknowledged writes; closed when the writer has ended
	have []string
}

// ledgerLimit is how many writes a ledger can note. Then the writer waits for its end.
const ledgerLimit = 1 << 20

func (s *set) startWriter(name string) *ledger {
	l := &ledger{set: s, name: name, stop: make(chan struct{}), keys: make(chan string, ledgerLimit)}
	go l.run()
	s.t.Cleanup(func() {
		l.end()
	})
	return l
}

func (l *ledger) run() {
	defer close(l.keys)
	var conn *peer
	defer func() {
		if conn != nil {
			conn.c.Close()
		}
	}()
	for n := 0; ; {
		select {
		case <-l.stop:
			return
		default:
		}
		if conn == nil {
			time.Sleep(2 * time.Millisecond)
			master := l.ask(n)
			if master == nil {
				continue
			}
			if conn = tryDial(l.set.t, master); conn == nil {
				continue
			}
		}
		key := fmt.Sprintf("%s:%d", l.name, n)
		if err := conn.trySet(key); err != nil {
			conn.c.Close()
			conn = nil
			continue
		}
		select {
		case l.keys <- key:
			n++
		case <-l.stop:
			return
		}
	}
}

// ask asks one of the sentinels for the master.
func (l *ledger) ask(n int) *process {
	r, err := ask(l.set.sentinels[n%len(l.set.sentinels)], "SENTINEL", "GET-MASTER-ADDR-BY-NAME", setName)
	if err != nil {
		return nil
	}
	return l.set.nodeAt(r.strings())
}

// tryDial connects, or returns nil.
func tryDial(t *testing.T, p *process) *peer {
	c, err := net.DialTimeout("tcp", p.addr(), time.Second)
	if err != nil {
		return nil
	}
	return &peer{t, c, bufio.NewReader(c)}
}

// trySet writes one key.
func (p *peer) trySet(key string) error {
	_ = p.c.SetDeadline(time.Now().Add(2 * time.Second))
	if _, err := p.c.Write(encode([]string{"SET", key, "v"})); err != nil {
		return err
	}
	r, err := readReply(p.br)
	if err == nil && r.raw != "+OK\r\n" {
		err = fmt.Errorf("SET: %s", r.text)
	}
	return err
}

// awaitMore waits for acknowledged writes from now on.
func (l *ledger) awaitMore(t *testing.T, n int) {
	t.Helper()
	for len(l.keys) > 0 {
		l.have = append(l.have, <-l.keys)
	}
	late := time.After(patience)
	for range n {
		select {
		case key := <-l.keys:
			l.have = append(l.have, key)
		case <-late:
			t.Fatalf("%s cannot write", l.name)
		}
	}
}

// end stops the writer and returns the keys of all acknowledged writes.
func (l *ledger) end() []string {
	select {
	case <-l.stop:
	default:
		close(l.stop)
	}
	for key := range l.keys {
		l.have = append(l.have, key)
	}
	return l.have
}

// killSentinels kills all sentinels at once: they come back with the same master, and
// their files were good for Redis Sentinel in between.
func killSentinels(t *testing.T, s *set) {
	t.Helper()
	master, err := s.agreed()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range s.sentinels {
		p.kill()
	}
	for _, p := range s.sentinels {
		checkRewrittenConf(t, s, p, master)
	}
	if redis, err := exec.LookPath("redis-server"); err == nil {
		readByRedis(t, redis, s.sentinels[0], master)
	} else {
		t.Log("redis-server is not installed: nobody else has read sentinel.conf")
	}
	var watchers []*watcher
	for _, p := range s.sentinels {
		p.restart()
		r, err := ask(p, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", setName)
		if err != nil || s.nodeAt(r.strings()) != master {
			t.Errorf("after its restart, %s names %q, %v", p.name, r.strings(), err)
		}
		watchers = append(watchers, watch(t, p))
	}
	s.awaitSettled()
	if now, err := s.agreed(); now != master {
		t.Errorf("the master was %s, and is %v (%v)", master.name, now, err)
	}
	for _, w := range watchers {
		if n := w.count("+switch-master"); n > 0 {
			t.Errorf("a restart is no news: %q", w.seen())
		}
	}
}

// checkRewrittenConf looks at the sentinel.conf of a sentinel after two failovers.
func checkRewrittenConf(t *testing.T, s *set, p, master *process) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(p.dir, "sentinel.conf"))
	if err != nil {
		t.Fatal(err)
	}
	text := string(b)
	want := []string{fmt.Sprintf("sentinel monitor %s 127.0.0.1 %d %d", setName, master.port, s.quorum),
		"sentinel current-epoch 2", "sentinel config-epoch " + setName + " 2"}
	for _, d := range s.data {
		if d != master {
			want = append(want, fmt.Sprintf("sentinel known-replica %s 127.0.0.1 %d", setName, d.port))
		}
	}
	for _, o := range s.sentinels {
		if o != p {
			want = append(want, fmt.Sprintf("sentinel known-sentinel %s 127.0.0.1 %d ", setName, o.port))
		}
	}
	for _, line := range want {
		if strings.Count(text, "\n"+line) != 1 {
			t.Errorf("%s has not one line %q:\n%s", p.name, line, text)
		}
	}
}

// readByRedis starts Redis Sentinel on a copy of what a sentinel of ours left.
func readByRedis(t *testing.T, program string, p, master *process) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(p.dir, "sentinel.conf"))
	if err != nil {
		t.Fatal(err)
	}
	dir, port := t.TempDir(), clusterPort(t)
	text := strings.ReplaceAll(string(b), p.dir, dir)
	text = strings.Replace(text, "port "+strconv.Itoa(p.port), "port "+strconv.Itoa(port), 1)
	file := filepath.Join(dir, "sentinel.conf")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	redis := launch(t, program, port, dir, file, "--sentinel")
	redis.waitReady()
	m, err := askMap(redis, "SENTINEL", "MASTER", setName)
	if err != nil {
		t.Fatal(err)
	}
	redis.kill()
	for field, want := range map[string]string{"port": strconv.Itoa(master.port), "config-epoch": "2",
		"num-slaves": "2", "num-other-sentinels": "2", "quorum": "2",
		"down-after-milliseconds": strconv.FormatInt(downAfter.Milliseconds(), 10)} {
		if m[field] != want {
			t.Errorf("Redis Sentinel reads %s %q, not %q, from\n%s", field, m[field], want, text)
		}
	}
}

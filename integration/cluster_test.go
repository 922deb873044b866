package integration

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// setName is the name under which sentinels know the master.
const setName = "mymaster"

// downAfter is how long the master is silent before a sentinel calls it down. Shorter
// would mean that a busy machine looks like a dead master.
const downAfter = 3 * time.Second

// patience bounds what happens within a second or two on an idle machine.
const patience = 40 * time.Second

// set is a master with its replicas, and the sentinels over them.
type set struct {
	t          *testing.T
	quorum     int
	directives string     // more lines for sentinel.conf
	first      int        // port of the first master, which all sentinel.conf name
	data       []*process // data[0] starts as the master
	sentinels  []*process
}

// newSet starts one data server of each program, the first as master of the others.
func newSet(t *testing.T, programs ...string) *set {
	t.Helper()
	s := &set{t: t, quorum: 2}
	for i, bin := range programs {
		dir, port := t.TempDir(), clusterPort(t)
		args := []string{"--port", strconv.Itoa(port), "--bind", "127.0.0.1", "--dir", dir,
			"--save", "", "--appendonly", "no", "--repl-diskless-sync-delay", "0"}
		if i > 0 {
			args = append(args, "--replicaof", "127.0.0.1", strconv.Itoa(s.first))
		} else {
			s.first = port
		}
		s.data = append(s.data, launch(t, bin, port, dir, args...))
	}
	for _, p := range s.data {
		p.waitReady()
	}
	return s
}

// launch starts a program that listens on a port; it is ended with the test.
func launch(t *testing.T, bin string, port int, dir string, args ...string) *process {
	t.Helper()
	p := &process{t: t, name: fmt.Sprintf("%s %d", filepath.Base(bin), port),
		bin: bin, port: port, dir: dir, args: args}
	p.start()
	t.Cleanup(func() {
		p.kill()
		if t.Failed() {
			t.Logf("%s said:\n%s", p.name, p.out)
		}
	})
	return p
}

// addSentinel starts one more sentinel with a plain sentinel.conf, as vedette FILE
// --sentinel or redis-server FILE --sentinel.
func (s *set) addSentinel(bin string) *process {
	s.t.Helper()
	dir, port := s.t.TempDir(), clusterPort(s.t)
	file := filepath.Join(dir, "sentinel.conf")
	text := fmt.Sprintf(`port %d
bind 127.0.0.1
dir %s
sentinel monitor %s 127.0.0.1 %d %d
sentinel down-after-milliseconds %s %d
sentinel failover-timeout %s 10000
%s`, port, dir, setName, s.first, s.quorum, setName, downAfter.Milliseconds(), setName, s.directives)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
	p := launch(s.t, bin, port, dir, file, "--sentinel")
	s.sentinels = append(s.sentinels, p)
	return p
}

// addSentinels starts n sentinels and waits until they know each other and the set,
// and ours until they are formed.
func (s *set) addSentinels(bin string, n int) {
	s.t.Helper()
	for range n {
		s.addSentinel(bin)
	}
	s.awaitSettled()
}

// awaitSettled waits until all sentinels say that all is well, and agree.
func (s *set) awaitSettled() {
	s.t.Helper()
	eventually(s.t, patience, func() error {
		for _, p := range s.sentinels {
			if err := s.settled(p); err != nil {
				return fmt.Errorf("%s: %w", p.name, err)
			}
		}
		_, err := s.agreed()
		return err
	})
}

// settled is nil if a sentinel sees everybody, and everybody well.
func (s *set) settled(p *process) error {
	m, err := askMap(p, "SENTINEL", "MASTER", setName)
	if err != nil {
		return err
	}
	want := map[string]string{"flags": "master", "num-slaves": strconv.Itoa(len(s.data) - 1),
		"num-other-sentinels": strconv.Itoa(len(s.sentinels) - 1)}
	for field, v := range want {
		if m[field] != v {
			return fmt.Errorf("%s is %q, not %q", field, m[field], v)
		}
	}
	if slices.Contains(append(p.args, p.bin), vedette) {
		if err := formed(p, len(s.sentinels)); err != nil {
			return err
		}
	}
	for _, of := range []string{"REPLICAS", "SENTINELS"} {
		if err := allWell(p, of); err != nil {
			return err
		}
	}
	return nil
}

// formed is nil if a sentinel of ours belongs to a cluster of that many voters.
func formed(p *process, voters int) error {
	r, err := ask(p, "INFO", "raft")
	if err != nil {
		return err
	}
	if want := fmt.Sprintf("raft_voters:%d\r\n", voters); !strings.Contains(r.text, want) || !strings.Contains(r.text, "raft_formed:1\r\n") {
		return fmt.Errorf("INFO raft says %q", r.text)
	}
	return nil
}

// allWell is nil if the flags of the instances a sentinel lists name nothing but the
// role, and replicas have their master.
func allWell(p *process, list string) error {
	r, err := ask(p, "SENTINEL", list, setName)
	if err != nil {
		return err
	}
	for _, e := range r.elems {
		m := pairs(e)
		if f := m["flags"]; f != "slave" && f != "sentinel" {
			return fmt.Errorf("%s is %s", m["name"], f)
		}
		if m["flags"] == "slave" && m["master-link-status"] != "ok" {
			return fmt.Errorf("%s has no link to its master", m["name"])
		}
	}
	return nil
}

// agreed is the data server that all living sentinels name.
func (s *set) agreed() (*process, error) {
	var master *process
	for _, p := range s.sentinels {
		if p.ended() {
			continue
		}
		r, err := ask(p, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", setName)
		if err != nil {
			return nil, err
		}
		named := s.nodeAt(r.strings())
		if named == nil || master != nil && named != master {
			return nil, fmt.Errorf("%s names %q", p.name, r.strings())
		}
		master = named
	}
	return master, nil
}

// nodeAt is the data server with an address of host and port, or nil.
func (s *set) nodeAt(addr []string) *process {
	for _, p := range s.data {
		if len(addr) == 2 && addr[0] == "127.0.0.1" && addr[1] == strconv.Itoa(p.port) {
			return p
		}
	}
	return nil
}

// awaitMaster waits until all living sentinels name another master than old, which
// the living others follow, and returns it.
func (s *set) awaitMaster(old *process) (master *process) {
	s.t.Helper()
	eventually(s.t, patience, func() (err error) {
		if master, err = s.agreed(); err != nil {
			return err
		}
		if master == old {
			return fmt.Errorf("the master is still %s", old.name)
		}
		return s.followed(master)
	})
	return master
}

// followed is nil if master is one and all other living data servers are its
// replicas, with a link that is up.
func (s *set) followed(master *process) error {
	for _, p := range s.data {
		if p.ended() {
			continue
		}
		r, err := ask(p, "ROLE")
		if err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
		got, want := strings.Join(r.strings(), " "), fmt.Sprintf("slave 127.0.0.1 %d connected ", master.port)
		if p == master {
			want = "master "
		}
		if !strings.HasPrefix(got, want) {
			return fmt.Errorf("%s has the role %q", p.name, got)
		}
	}
	return nil
}

// store writes keys to the master that all replicas confirm to have.
func (s *set) store(master *process, prefix string) {
	s.t.Helper()
	c := dial(s.t, master)
	for i := range 100 {
		c.do("SET", fmt.Sprintf("%s:%d", prefix, i), strconv.Itoa(i))
	}
	if r := c.do("WAIT", strconv.Itoa(len(s.data)-1), "15000"); r.raw != fmt.Sprintf(":%d\r\n", len(s.data)-1) {
		s.t.Fatalf("WAIT: %q", r.raw)
	}
}

// holds checks what store wrote.
func (s *set) holds(p *process, prefix string) {
	s.t.Helper()
	c := dial(s.t, p)
	for i := range 100 {
		if r := c.do("GET", fmt.Sprintf("%s:%d", prefix, i)); r.text != strconv.Itoa(i) {
			s.t.Fatalf("%s lost %s:%d: %q", p.name, prefix, i, r.raw)
		}
	}
}

// restart starts a process that has ended once more.
func (p *process) restart() {
	p.t.Helper()
	p.start()
	p.waitReady()
}

// ended reports that the process does not run.
func (p *process) ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// ask sends one command over a connection of its own. An error reply is an error.
func ask(p *process, args ...string) (reply, error) { return askAt(p.addr(), args...) }

// askAt is ask by address.
func askAt(addr string, args ...string) (reply, error) {
	c, err := net.DialTimeout("tcp", addr, 2*time.Second)
	if err != nil {
		return reply{}, err
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(5 * time.Second))
	if _, err := c.Write(encode(args)); err != nil {
		return reply{}, err
	}
	r, err := readReply(bufio.NewReader(c))
	if err == nil && r.kind == '-' {
		err = fmt.Errorf("%s: %s", strings.Join(args, " "), r.text)
	}
	return r, err
}

// askMap is ask for a reply of fields and values.
func askMap(p *process, args ...string) (map[string]string, error) {
	r, err := ask(p, args...)
	return pairs(r), err
}

// pairs is a flat array of fields and values as a map.
func pairs(r reply) map[string]string {
	m := make(map[string]string)
	for i := 0; i+1 < len(r.elems); i += 2 {
		m[r.elems[i].text] = r.elems[i+1].text
	}
	return m
}

// encode is a command on the wire.
func encode(args []string) []byte {
	var b []byte
	b = fmt.Appendf(b, "*%d\r\n", len(args))
	for _, a := range args {
		b = fmt.Appendf(b, "$%d\r\n%s\r\n", len(a), a)
	}
	return b
}

// clusterPort is a port nobody listens on, below those the system gives to outgoing
// connections: a client that keeps dialing a dead node could take its port otherwise.
func clusterPort(t *testing.T) int {
	t.Helper()
	for range 100 {
		port := 15000 + rand.IntN(17000)
		ln, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err != nil {
			continue
		}
		ln.Close()
		return port
	}
	t.Fatal("no free port found")
	return 0
}

// watcher collects the events that one sentinel publishes.
type watcher struct {
	mu     sync.Mutex // guards events
	events []string   // channel and message
}

// watch subscribes to all events of a sentinel.
func watch(t *testing.T, p *process) *watcher {
	t.Helper()
	c := dial(t, p)
	if r := c.do("PSUBSCRIBE", "*"); len(r.elems) != 3 {
		t.Fatalf("PSUBSCRIBE: %q", r.raw)
	}
	w := &watcher{}
	_ = c.c.SetReadDeadline(time.Time{})
	go func() {
		for {
			r, err := readReply(c.br)
			if err != nil {
				return // the sentinel or the test has ended
			}
			if len(r.elems) == 4 {
				w.mu.Lock()
				w.events = append(w.events, r.elems[2].text+" "+r.elems[3].text)
				w.mu.Unlock()
			}
		}
	}()
	return w
}

// seen is what came so far.
func (w *watcher) seen() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]string(nil), w.events...)
}

// count is how many events of a channel came.
func (w *watcher) count(channel string) (n int) {
	for _, e := range w.seen() {
		if strings.HasPrefix(e, channel+" ") {
			n++
		}
	}
	return n
}

// missing is the first of the wanted events that did not come after those before it,
// "" if all came in order.
func (w *watcher) missing(want []string) string {
	for _, e := range w.seen() {
		if len(want) > 0 && e == want[0] {
			want = want[1:]
		}
	}
	if len(want) > 0 {
		return want[0]
	}
	return ""
}

// await waits for events that must come in that order, among others.
func (w *watcher) await(t *testing.T, want []string) {
	t.Helper()
	eventually(t, patience, func() error {
		if m := w.missing(want); m != "" {
			return fmt.Errorf("no event %q, or not in its place, among\n%s", m, strings.Join(w.seen(), "\n"))
		}
		return nil
	})
}

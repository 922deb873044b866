package failover

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

var rewrite = flag.Bool("rewrite", false, "rewrite the expected output in testdata")

// The scripts in testdata read as prose: above ---- what happens to a deployment, below
// what its sentinels then say. A line of input is "at 4s kill 10.0.0.1:6379" or the
// same without time; the first block sets the deployment up and runs it for 3 s.
func TestScripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := runScript(t, string(text))
			if *rewrite {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if got != string(text) {
				t.Errorf("%s differs; got:\n%s", file, got)
			}
			if again := runScript(t, string(text)); again != got {
				t.Errorf("equal events gave other actions:\n%s", again)
			}
		})
	}
}

// runScript executes the inputs of a script and returns it with the outputs they had.
func runScript(t *testing.T, text string) string {
	t.Helper()
	w := newWorld(0)
	var b strings.Builder
	for i, block := range strings.Split(strings.TrimSpace(text), "\n\n") {
		input, _, _ := strings.Cut(block, "----")
		b.WriteString(input + "----\n")
		w.out = nil
		until := w.now.Sub(w.start)
		for line := range strings.SplitSeq(strings.TrimSpace(input), "\n") {
			if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
				if err := w.line(line, &until); err != nil {
					t.Fatalf("%q: %v", line, err)
				}
			}
		}
		if i == 0 {
			w.deploy()
			until = 3 * time.Second
		}
		w.runUntil(until)
		for _, line := range w.out {
			b.WriteString(line + "\n")
		}
		b.WriteString("\n")
	}
	for _, p := range w.problems {
		t.Error(p)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// line executes one line of input. "until 9s" says how long the block lasts.
func (w *world) line(line string, until *time.Duration) error {
	f := strings.Fields(line)
	if f[0] == "at" {
		at, err := time.ParseDuration(f[1])
		if err != nil {
			return err
		}
		w.runUntil(at)
		*until = max(*until, at)
		f = f[2:]
	}
	if f[0] == "until" {
		at, err := time.ParseDuration(f[1])
		*until = at
		return err
	}
	if f[0] == "sends" {
		w.verbose = true
		return nil
	}
	if len(w.log) == 0 {
		return w.setup(f)
	}
	return w.command(f)
}

// setup reads the lines that describe the deployment.
func (w *world) setup(f []string) error {
	switch f[0] {
	case "sentinels":
		n, err := strconv.Atoi(f[1])
		for i := range n {
			w.sentinels = append(w.sentinels, &simSentinel{name: fmt.Sprintf("s%d", i+1)})
		}
		return err
	case "master":
		addr, err := ParseAddr(f[1])
		w.masters = append(w.masters, Master{Name: "m", Addr: addr, Settings: DefaultSettings(2)})
		w.nodes = append(w.nodes, newNode(addr, RoleMaster, Addr{}, f[2:]))
		return err
	case "replica":
		addr, err := ParseAddr(f[1])
		w.nodes = append(w.nodes, newNode(addr, RoleSlave, w.masters[0].Addr, f[2:]))
		return err
	case "set":
		return w.masters[0].Settings.Set(Edit{Option: f[1], Values: f[2:]})
	}
	return fmt.Errorf("unknown word %q", f[0])
}

func newNode(addr Addr, role Role, master Addr, options []string) *simNode {
	n := &simNode{addr: addr, alive: true, role: role, master: master, link: true, priority: 100,
		runID: "run-" + addr.Host, features: "failover"}
	for _, o := range options {
		n.option(o)
	}
	return n
}

// option sets one property of a data node: "offset=100".
func (n *simNode) option(o string) {
	key, value, _ := strings.Cut(o, "=")
	number, _ := strconv.Atoi(value)
	switch key {
	case "offset":
		n.offset = int64(number)
	case "priority":
		n.priority = number
	case "runid":
		n.runID = value
	case "down":
		n.alive = false
	case "linkdown":
		n.link, n.linkDown = false, time.Duration(number)*time.Millisecond
	case "features":
		n.features = value
	case "deaf":
		n.deaf = true
	case "refuse":
		n.refuse = strings.ReplaceAll(value, "_", " ")
	case "replid":
		n.replID = value
	case "keys":
		n.keys = int64(number)
	case "disk":
		n.disk = value == "bad"
	case "neversynced":
		n.link, n.linkDown, n.offset = false, -time.Second, 1
	case "lag":
		n.lag = int64(number)
	case "slowsync":
		n.syncSlow = time.Duration(number) * time.Millisecond
	case "follows":
		n.role = RoleSlave
		n.master, _ = ParseAddr(value)
	case "role":
		n.role, n.master = RoleMaster, Addr{}
	case "ping":
		n.pingReply = map[string]Reply{"PONG": ReplyPong, "LOADING": ReplyLoading, "MASTERDOWN": ReplyMasterDown,
			"BUSY": ReplyBusy, "MISCONF": ReplyMisconf, "UNKNOWN": ReplyUnknown, "NOAUTH": ReplyNoAuth, "NOPERM": ReplyNoPerm}[value]
	default:
		panic("unknown option " + o)
	}
}

// deploy forms the cluster and starts the sentinels.
func (w *world) deploy() {
	w.leader = 0
	w.commit(Command{ID: "form", From: "s1", At: w.now, Body: Form{Cluster: "c", Masters: w.masters}})
	for _, s := range w.sentinels {
		w.boot(s, nil)
	}
	w.write(10 * time.Millisecond)
}

// command executes what happens later.
func (w *world) command(f []string) error {
	arg := ""
	if len(f) > 1 {
		arg = f[1]
	}
	addr, _ := ParseAddr(arg)
	n, s := w.node(addr), w.sentinel(arg)
	if n == nil && s == nil && f[0] != "cut" && f[0] != "heal" {
		return fmt.Errorf("nothing is called %q", arg)
	}
	switch f[0] {
	case "kill":
		if s != nil {
			w.killSentinel(s)
			return nil
		}
		w.killNode(n)
	case "start":
		if s != nil {
			w.boot(s, nil)
			return nil
		}
		n.alive, n.role, n.master = true, RoleMaster, Addr{}
		n.runID += "'"
		for _, o := range f[2:] {
			n.option(o)
		}
	case "freeze":
		if s != nil {
			s.frozen = true
			w.electIfNeeded()
			return nil
		}
		n.frozen = true
	case "thaw":
		if s != nil {
			w.thawSentinel(s)
			return nil
		}
		w.thaw(n)
	case "node":
		for _, o := range f[2:] {
			n.option(o)
		}
	case "cut":
		w.cut[[2]string{f[1], f[2]}] = true
		w.electIfNeeded()
	case "heal":
		clear(w.cut)
		w.electIfNeeded()
	case "failover":
		return w.requestFailover(s, f[2:])
	case "tell": // tell s1 set down-after-milliseconds 500
		return w.tell(s, f[2:])
	case "show":
		w.show(s)
	case "why":
		lines, _ := s.m.Why(w.now, "m")
		for _, l := range lines {
			w.printf("%s %s", s.name, l)
		}
	case "history":
		w.history(s)
	default:
		return fmt.Errorf("unknown word %q", f[0])
	}
	return nil
}

// requestFailover is SENTINEL FAILOVER: "to=10.0.0.2:6379 timeout=1s force accept".
func (w *world) requestFailover(s *simSentinel, options []string) (err error) {
	r := FailoverRequest{At: w.now, Master: "m", Token: 1}
	for _, o := range options {
		key, value, _ := strings.Cut(o, "=")
		switch key {
		case "coordinated":
			r.Coordinated = true
		case "force":
			r.Force = true
		case "accept":
			r.AcceptLoss = true
		case "to":
			r.To, err = ParseAddr(value)
		case "timeout":
			r.Timeout, err = time.ParseDuration(value)
		default:
			err = fmt.Errorf("unknown option %q", o)
		}
	}
	w.step(s, r)
	return err
}

// history prints the records as a sentinel has them.
func (w *world) history(s *simSentinel) {
	at := func(t time.Time) string { return strconv.FormatInt(t.Sub(w.start).Milliseconds(), 10) + "ms" }
	for _, r := range s.m.Agreed().History {
		w.printf("%s record %d: %s, old %s, new %s, trouble %q, lost %d", s.name, r.ID, r.Outcome, r.Old, r.Target,
			r.Evidence.Trouble, r.Loss)
		for _, x := range r.Evidence.Seen {
			w.printf("%s   %s says down %v", s.name, x.Sentinel, x.Down)
		}
		for _, x := range r.Evidence.Opinions {
			w.printf("%s   %s sees the master %v", s.name, x.Addr, x.LinkUp)
		}
		for _, x := range r.Candidates {
			w.printf("%s   candidate %s priority %d offset %d lag %d %s", s.name, x.Addr, x.Priority, x.Offset, x.Lag, x.Why)
		}
		for _, x := range r.Moments {
			w.printf("%s   at %s %s by %s %s", s.name, at(x.At), x.What, x.By, x.Detail)
		}
	}
}

func (w *world) thawSentinel(s *simSentinel) {
	s.frozen = false
	held := s.held
	s.held = nil
	for _, ev := range held {
		at := reflect.New(reflect.TypeOf(ev)).Elem()
		at.Set(reflect.ValueOf(ev))
		at.FieldByName("At").Set(reflect.ValueOf(w.now))
		w.step(s, at.Interface().(Event))
	}
	w.catchUp(s)
	w.step(s, w.quorum())
}

func (w *world) tell(s *simSentinel, f []string) error {
	seconds, _ := time.ParseDuration(f[len(f)-1])
	bodies := map[string]Body{
		"pause": Pause{Name: "m", For: seconds}, "resume": Resume{Name: "m"},
		"reset": Reset{Name: "m"}, "remove": Remove{Name: "m"}, "removenow": Remove{Name: "m", Now: true},
		"set":     Set{Name: "m", Edits: []Edit{{Option: f[min(1, len(f)-1)], Values: f[min(2, len(f)):]}}},
		"monitor": Monitor{Name: "m", Addr: w.masters[0].Addr, Settings: w.masters[0].Settings},
	}
	b, ok := bodies[f[0]]
	if !ok {
		return fmt.Errorf("unknown command %q", f[0])
	}
	w.propose(s, s.m.command(b))
	return nil
}

// show prints the views of a sentinel.
func (w *world) show(s *simSentinel) {
	v, ok := s.m.Master(w.now, "m")
	if !ok {
		w.printf("%s no master m", s.name)
		return
	}
	w.printf("%s master %s flags=%s state=%s epoch=%d slaves=%d sentinels=%d",
		s.name, v.Addr, v.Flags, v.FailoverState, v.ConfigEpoch, v.NumSlaves, v.NumOthers)
	for _, r := range s.m.Replicas(w.now, "m") {
		link := "err"
		if r.MasterLinkUp {
			link = "ok"
		}
		w.printf("%s slave %s flags=%s of=%s:%d link=%s", s.name, r.Name, r.Flags, r.MasterHost, r.MasterPort, link)
	}
	for _, p := range s.m.Sentinels(w.now, "m") {
		w.printf("%s sentinel %s flags=%s voted=%s/%d", s.name, p.Name, p.Flags, p.VotedLeader, p.VotedLeaderEpoch)
	}
}

// what returns the lines of out that contain all words.
func what(out []string, words ...string) []string {
	var found []string
	for _, line := range out {
		if !slices.ContainsFunc(words, func(x string) bool { return !strings.Contains(line, x) }) {
			found = append(found, line)
		}
	}
	return found
}

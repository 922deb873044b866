package failover

import (
	"cmp"
	"container/heap"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// A world is a whole deployment in virtual time: sentinels that are Machines, a log
// that commits, data nodes that obey. It executes Actions and feeds back Events, with
// small delays; everything it does follows from its seed.
type world struct {
	now     time.Time
	start   time.Time
	queue   eventQueue
	seq     int
	rng     *rand.Rand // nil: all delays fixed
	masters []Master

	sentinels []*simSentinel
	nodes     []*simNode
	leader    int // index, -1: none
	log       []Command
	agreed    Agreed             // log, applied
	cut       map[[2]string]bool // pairs that cannot talk

	out      []string
	verbose  bool // also print sends and proposals
	problems []string
	lost     int64             // bytes of replication stream
	claims   map[string]string // "name epoch" → claimant, for the invariant
}

type simSentinel struct {
	name    string
	m       *Machine
	alive   bool
	frozen  bool
	applied int
	boots   int
	wakeAt  time.Time
	dialing map[Node]bool
	up      map[Node]int // generation of the connection
	wanted  map[Node]Connect
	gen     int
	held    []Event // while frozen
	answers map[uint64]string
}

type simNode struct {
	addr        Addr
	alive       bool
	frozen      bool
	role        Role
	master      Addr
	link        bool // of replication
	linkDown    time.Duration
	offset      int64
	priority    int
	runID       string
	features    string // "failover", "pause", "none"
	deaf        bool   // obeys SLAVEOF NO ONE never
	refuse      string // error to SLAVEOF
	pausedUntil time.Time
	handing     time.Time // FAILOVER is under way until then
	pingReply   Reply
	lag         int64 // a replica stays so far behind
	held        []func()
	syncSlow    time.Duration
	promotedAt  int64 // offset when it last became a master
	replID      string
	keys        int64
	disk        bool // it cannot write to its disk
}

type queued struct {
	at  time.Time
	seq int
	run func()
}

type eventQueue []queued

func (q eventQueue) Len() int { return len(q) }
func (q eventQueue) Less(i, j int) bool {
	if !q[i].at.Equal(q[j].at) {
		return q[i].at.Before(q[j].at)
	}
	return q[i].seq < q[j].seq
}
func (q eventQueue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *eventQueue) Push(x any)   { *q = append(*q, x.(queued)) }
func (q *eventQueue) Pop() any {
	old := *q
	x := old[len(old)-1]
	*q = old[:len(old)-1]
	return x
}

func newWorld(seed uint64) *world {
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	w := &world{now: start, start: start, leader: -1, cut: map[[2]string]bool{}, claims: map[string]string{}}
	if seed != 0 {
		w.rng = rand.New(rand.NewPCG(seed, 1))
	}
	return w
}

// delay returns d, or something up to four times d in a seeded world.
func (w *world) delay(d time.Duration) time.Duration {
	if w.rng == nil {
		return d
	}
	return d + time.Duration(w.rng.Int64N(int64(3*d)+1))
}

func (w *world) after(d time.Duration, f func()) {
	w.seq++
	heap.Push(&w.queue, queued{at: w.now.Add(d), seq: w.seq, run: f})
}

// runUntil lives on until t after the start.
func (w *world) runUntil(t time.Duration) {
	end := w.start.Add(t)
	for len(w.queue) > 0 && !w.queue[0].at.After(end) {
		q := heap.Pop(&w.queue).(queued)
		w.now = later(w.now, q.at)
		q.run()
	}
	w.now = later(w.now, end)
}

func (w *world) printf(format string, args ...any) {
	ms := w.now.Sub(w.start).Milliseconds()
	w.out = append(w.out, fmt.Sprintf("at %dms ", ms)+fmt.Sprintf(format, args...))
}

// Sentinels.

func (w *world) boot(s *simSentinel, local *Agreed) {
	s.alive, s.frozen, s.held = true, false, nil
	s.boots++
	s.dialing, s.up, s.wanted = map[Node]bool{}, map[Node]int{}, map[Node]Connect{}
	s.answers = map[uint64]string{}
	s.wakeAt = time.Time{}
	s.m = New(Config{ID: s.name, Boot: fmt.Sprint(s.boots), Now: w.now, Local: local})
	for i := range w.log {
		s.applied = i + 1
		w.step(s, Committed{At: w.now, Index: uint64(i + 1), Command: w.log[i], Replayed: true})
	}
	w.step(s, ReplayDone{At: w.now})
	w.step(s, w.quorum())
}

func (w *world) quorum() Quorum {
	q := Quorum{At: w.now, Formed: len(w.log) > 0}
	for _, s := range w.sentinels {
		q.Voters = append(q.Voters, s.name)
	}
	if w.leader >= 0 {
		q.Leader = w.sentinels[w.leader].name
	}
	return q
}

func (w *world) step(s *simSentinel, ev Event) {
	if !s.alive {
		return
	}
	if s.frozen {
		s.held = append(s.held, ev)
		return
	}
	actions := slices.Clone(s.m.Step(ev))
	for _, a := range actions {
		w.act(s, a)
	}
	w.arm(s)
}

// arm sets the timer of a sentinel.
func (w *world) arm(s *simSentinel) {
	due := later(s.m.NextDeadline(), w.now)
	if !s.wakeAt.IsZero() && !s.wakeAt.After(due) && !s.wakeAt.Before(w.now) {
		return
	}
	s.wakeAt = due
	boots := s.boots
	w.after(due.Sub(w.now), func() {
		if !s.alive || s.boots != boots || !s.wakeAt.Equal(due) {
			return
		}
		s.wakeAt = time.Time{}
		w.step(s, Tick{At: w.now})
		if s.alive && !s.frozen && !s.m.NextDeadline().After(w.now) {
			// one more round may be needed, a storm never
			w.step(s, Tick{At: w.now})
			if !s.m.NextDeadline().After(w.now) {
				w.problems = append(w.problems, fmt.Sprintf("%s: deadline not after the tick", s.name))
			}
		}
	})
}

func (w *world) act(s *simSentinel, a Action) {
	switch a := a.(type) {
	case Publish:
		if a.Level != Debug {
			w.printf("%s publish %s %s", s.name, a.Event, a.Payload)
		}
	case Connect:
		s.wanted[a.Node] = a
		w.dial(s, a.Node, 0)
	case Disconnect:
		delete(s.wanted, a.Node)
		delete(s.up, a.Node)
	case Reconnect:
		if _, up := s.up[a.Node]; up {
			w.drop(s, a.Node, FaultClosed)
		}
	case Ping:
		w.request(s, a.Node, func() Event {
			r := ReplyPong
			if n := w.node(a.Node.Addr); n != nil && n.pingReply != ReplyOther {
				r = n.pingReply
			}
			return PingReply{At: w.now, Node: a.Node, Reply: r}
		})
	case AskInfo:
		w.request(s, a.Node, func() Event {
			if n := w.node(a.Node.Addr); n.pingReply == ReplyNoAuth {
				return InfoFailed{At: w.now, Node: a.Node, Reply: n.pingReply}
			}
			return InfoReply{At: w.now, Node: a.Node, Info: w.info(w.node(a.Node.Addr))}
		})
	case SayHello:
		w.checkHello(s, a)
		w.request(s, a.Node, func() Event { w.spreadHello(s, a); return nil })
	case Send:
		w.send(s, a)
	case Report:
		w.report(s, a)
	case Propose:
		w.propose(s, a.Command)
	case Renew:
		w.renew(s, a)
	case Answer:
		w.printf("%s answer %s", s.name, cmp.Or(a.Err, "OK"))
	case RunScript:
		w.printf("%s script %s %s", s.name, a.Path, strings.Join(a.Args, " "))
	case RunCheck:
		w.runCheck(s, a)
	case Sight:
		w.request(s, Node{Sentinel: a.To}, func() Event {
			w.step(w.sentinel(a.To), PeerSight{At: w.now, From: s.name, Nodes: a.Nodes})
			return nil
		})
	case Yield:
		w.printf("%s yields to %s, which reaches %d nodes, not %d", s.name, a.To, a.Reaches, a.Here)
		w.after(w.delay(time.Millisecond), func() { w.yield(s, a.To) })
	case Rewrite, AskMasterDown, AnswerRenew:
	default:
		panic(fmt.Sprintf("world: %T", a))
	}
}

// runCheck is the pre-failover script: its path is its answer, "yes", "no" or "hang".
func (w *world) runCheck(s *simSentinel, a RunCheck) {
	w.printf("%s check %s %s", s.name, a.Path, strings.Join(a.Args, " "))
	if a.Path == "hang" {
		return
	}
	w.after(w.delay(20*time.Millisecond), func() {
		w.step(s, CheckDone{At: w.now, Token: a.Token, Allowed: a.Path == "yes", Text: "exit status 1"})
	})
}

// reachable reports whether packets pass between a sentinel and the thing behind n.
func (w *world) reachable(s *simSentinel, n Node) bool {
	other := n.Sentinel
	if other == "" {
		other = n.Addr.String()
	}
	return !w.cut[[2]string{s.name, other}] && !w.cut[[2]string{other, s.name}]
}

func (w *world) listening(n Node) bool {
	if n.IsSentinel() {
		p := w.sentinel(n.Sentinel)
		return p != nil && p.alive
	}
	d := w.node(n.Addr)
	return d != nil && d.alive
}

func (w *world) stalled(n Node) bool {
	if n.IsSentinel() {
		p := w.sentinel(n.Sentinel)
		return p != nil && p.frozen
	}
	d := w.node(n.Addr)
	return d != nil && d.frozen
}

func (w *world) dial(s *simSentinel, n Node, d time.Duration) {
	if s.dialing[n] {
		return
	}
	if _, up := s.up[n]; up {
		return
	}
	s.dialing[n] = true
	boots := s.boots
	w.after(d+w.delay(200*time.Microsecond), func() {
		c, wanted := s.wanted[n]
		if s.boots != boots || !s.alive {
			return
		}
		s.dialing[n] = false
		if !wanted {
			return
		}
		switch {
		case !w.reachable(s, n), w.stalled(n):
			w.step(s, LinkDown{At: w.now, Node: n, Fault: FaultTimeout})
		case !w.listening(n):
			w.step(s, LinkDown{At: w.now, Node: n, Fault: FaultRefused})
		default:
			s.gen++
			s.up[n] = s.gen
			w.step(s, LinkUp{At: w.now, Node: n})
			return
		}
		w.dial(s, n, c.Every)
	})
}

func (w *world) drop(s *simSentinel, n Node, f Fault) {
	delete(s.up, n)
	w.step(s, LinkDown{At: w.now, Node: n, Fault: f})
	w.dial(s, n, 0)
}

// request delivers what f returns after a round trip, if the link lives that long; a
// frozen node answers when it is thawed.
func (w *world) request(s *simSentinel, n Node, f func() Event) {
	gen, up := s.up[n]
	if !up {
		return
	}
	answer := func() {
		if ev := f(); ev != nil && s.up[n] == gen {
			w.step(s, ev)
		}
	}
	w.after(w.delay(100*time.Microsecond), func() {
		if !w.reachable(s, n) || !w.listening(n) {
			return
		}
		if d := w.node(n.Addr); d != nil && d.frozen {
			d.held = append(d.held, answer)
			return
		}
		if !w.stalled(n) {
			answer()
		}
	})
}

func (w *world) sentinel(name string) *simSentinel {
	for _, s := range w.sentinels {
		if s.name == name {
			return s
		}
	}
	return nil
}

func (w *world) node(a Addr) *simNode {
	for _, n := range w.nodes {
		if n.addr == a {
			return n
		}
	}
	return nil
}

package failover

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"
)

// eventsFrom turns bytes into events over a small world, so that they meet: three
// data nodes, two peers, a few epochs and commands. Time mostly advances.
type eventsFrom struct {
	b   []byte
	now time.Time
	log uint64
	own []Command // proposals of the machine so far
}

func (f *eventsFrom) next() byte {
	if len(f.b) == 0 {
		return 0
	}
	x := f.b[0]
	f.b = f.b[1:]
	return x
}

func (f *eventsFrom) pick(n int) int { return int(f.next()) % n }

func (f *eventsFrom) addr() Addr { return []Addr{addr1, addr2, addr3}[f.pick(3)] }

func (f *eventsFrom) node() Node {
	if f.pick(4) == 0 {
		return Node{Sentinel: f.id()}
	}
	return Node{Master: "m", Addr: f.addr()}
}

func (f *eventsFrom) id() string { return []string{"s1", "s2", "s3", "foreign"}[f.pick(4)] }

func (f *eventsFrom) event() Event {
	f.now = f.now.Add(time.Duration(f.next()) * time.Duration(f.next()) * time.Millisecond)
	at := f.now
	switch f.pick(20) {
	case 0, 1:
		return Tick{At: at}
	case 2, 3:
		return LinkUp{At: at, Node: f.node()}
	case 4:
		return LinkDown{At: at, Node: f.node(), Fault: Fault(f.pick(7))}
	case 5, 6:
		return PingReply{At: at, Node: f.node(), Reply: Reply(f.pick(8))}
	case 7, 8:
		return InfoReply{At: at, Node: f.node(), Info: Info{
			RunID: []string{"", "a", "b"}[f.pick(3)], Role: Role(f.pick(4)), Replicas: []Addr{f.addr()},
			MasterAddr: f.addr(), MasterLinkUp: f.pick(2) == 0, Priority: f.pick(3), Offset: int64(f.next()),
			FailoverState: []string{"", "no-failover", "failover-in-progress"}[f.pick(3)],
		}}
	case 9:
		return InfoFailed{At: at, Node: f.node(), Reply: Reply(f.pick(8))}
	case 10:
		return SendReply{At: at, Node: f.node(), Seq: uint64(f.next()),
			Err: []string{"", ErrNotLeader, "LOADING x", "ERR unknown command", "NOPERM x"}[f.pick(5)]}
	case 11:
		return Hello{At: at, ID: f.id(), Addr: f.addr(), CurrentEpoch: uint64(f.pick(9)), Name: "m",
			Master: f.addr(), ConfigEpoch: uint64(f.pick(9))}
	case 12:
		return Peer{At: at, ID: f.id(), Addr: f.addr(), Foreign: f.pick(2) == 0}
	case 13:
		if f.pick(4) == 0 {
			return PeerSight{At: at, From: f.id(), Nodes: f.pick(9)}
		}
		return PeerReport{At: at, From: f.id(), Master: "m", Addr: f.addr(), Epoch: uint64(f.pick(4)), Down: f.pick(4) > 0}
	case 14:
		return Quorum{At: at, Formed: f.pick(4) > 0, Leader: []string{"", "s1", "s1", "s2"}[f.pick(4)],
			Voters: []string{"s1", "s2", "s3"}}
	case 15, 16:
		return f.committed()
	case 17:
		return Renewed{At: at, Sent: at, Master: "m", Epoch: uint64(f.pick(5)), OK: f.pick(4) > 0}
	case 18:
		return RenewRequest{At: at, From: f.id(), Master: "m", Epoch: uint64(f.pick(5)), Token: 1}
	}
	return f.rare()
}

func (f *eventsFrom) rare() Event {
	at := f.now
	switch f.pick(8) {
	case 0:
		return Forget{At: at, ID: f.id()}
	case 1:
		return FailoverRequest{At: at, Master: []string{"m", "x"}[f.pick(2)], Token: 2}
	case 2:
		return Resolved{At: at, Host: f.addr().Host, IP: f.addr().Host}
	case 3:
		return Local{At: at, Command: Command{At: at, Body: NewEpoch{Epoch: uint64(f.pick(9))}}}
	case 4:
		if len(f.own) > 0 {
			return ProposalFailed{At: at, ID: f.own[f.pick(len(f.own))].ID}
		}
		return PubSubUp{At: at, Node: f.node()}
	case 5:
		return ReplayDone{At: at}
	case 6:
		return SetTimers{At: at, Timers: DefaultTimers()}
	}
	return PubSubDown{At: at, Node: f.node()}
}

// committed is a proposal of the machine, or something others proposed.
func (f *eventsFrom) committed() Event {
	f.log++
	ev := Committed{At: f.now, Index: f.log, Command: Command{From: "s2", At: f.now}}
	if len(f.own) > 0 && f.pick(4) > 0 {
		ev.Command = f.own[len(f.own)-1-f.pick(min(4, len(f.own)))]
		return ev
	}
	s := Stand{Name: "m", Epoch: uint64(f.pick(5)), Claimant: f.id(), Step: StepSelected, Target: f.addr()}
	all := bodies()
	switch b := all[f.pick(len(all))].(type) {
	case Takeover:
		b.Stand = s
		ev.Command.Body = b
	case Claim:
		b.Claimant, b.Addr, b.ConfigEpoch = f.id(), f.addr(), uint64(f.pick(3))
		ev.Command.Body = b
	default:
		ev.Command.Body = b
	}
	return ev
}

// Any sequence of events: no panic, equal actions for equal events, a deadline that a
// Tick takes care of, at most one live claim for a master and epoch, and nothing told
// to a data node to become a master but the committed target of our own claim.
func FuzzStep(f *testing.F) {
	f.Add([]byte("the quick brown fox jumps over the lazy dog"))
	f.Add([]byte{0, 0, 2, 1, 0, 0, 0, 5, 1, 0, 1, 0, 0, 7, 1, 0, 1, 1, 0, 0, 1, 5, 200, 200, 0, 1, 1, 0})
	f.Fuzz(live)
}

// The same with long random sequences, which get further than the seeds.
func TestRandomEvents(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for range 20 {
		b := make([]byte, 3000)
		for i := range b {
			b[i] = byte(rng.Uint32())
			if rng.IntN(3) == 0 {
				b[i] %= 4
			}
		}
		live(t, b)
	}
}

// live steps two machines through the events b stands for and checks what FuzzStep
// promises.
func live(t *testing.T, b []byte) {
	src := &eventsFrom{b: b, now: day}
	config := Config{ID: "s1", Boot: "1", Now: day}
	one, two := New(config), New(config)
	start := Committed{At: day, Index: 1, Command: Command{ID: "form", At: day, Body: Form{
		Cluster: "c", Masters: []Master{{Name: "m", Addr: addr1, Settings: DefaultSettings(2),
			Replicas: []Replica{{addr2, "a"}, {addr3, "b"}}}}}}}
	src.log = 1
	one.Step(start)
	two.Step(start)
	claims := map[string]string{}
	for len(src.b) > 0 {
		ev := src.event()
		a := one.Step(ev)
		if b := two.Step(ev); !reflect.DeepEqual(a, b) {
			t.Fatalf("%+v gave\n%+v\nand\n%+v", ev, a, b)
		}
		for _, act := range a {
			switch act := act.(type) {
			case Propose:
				src.own = append(src.own, act.Command)
			case Send:
				checkSend(t, one, act)
			}
		}
		checkClaims(t, one, claims)
		checkDeadline(t, one, two, src)
	}
	for _, name := range one.Names() {
		one.Master(src.now, name)
		one.Replicas(src.now, name)
		one.Sentinels(src.now, name)
	}
}

func checkSend(t *testing.T, m *Machine, s Send) {
	master := m.Agreed().Master(s.Node.Master)
	if s.Purpose != PurposePromote {
		return
	}
	if c := master.Claim; c == nil || c.Claimant != "s1" || c.Target != s.Node.Addr || c.Step != StepSelected {
		t.Fatalf("%+v sent; claim %+v", s, c)
	}
}

func checkClaims(t *testing.T, m *Machine, claims map[string]string) {
	for _, master := range m.Agreed().Masters {
		c := master.Claim
		if c == nil || c.Takeovers > 0 {
			continue
		}
		key := fmt.Sprint(master.Name, c.Epoch)
		if other, ok := claims[key]; ok && other != c.Claimant {
			t.Fatalf("claims of %s and %s in epoch %d", other, c.Claimant, c.Epoch)
		}
		claims[key] = c.Claimant
	}
}

// checkDeadline ticks both machines when they ask for it: the deadline must then lie
// in the future, or the caller would spin. It is the one a walk over all watches finds.
func checkDeadline(t *testing.T, one, two *Machine, src *eventsFrom) {
	due := one.NextDeadline()
	for _, w := range one.watches {
		if w.next.Before(due) || one.agenda.heap[w.place] != w {
			t.Fatalf("deadline %v, but %s is due at %v", due, w.name, w.next)
		}
	}
	if len(one.agenda.heap) != len(one.watches) {
		t.Fatalf("%d watches, %d in the agenda", len(one.watches), len(one.agenda.heap))
	}
	if due.After(src.now.Add(50 * time.Millisecond)) {
		return
	}
	src.now = later(src.now, due)
	for range 3 {
		one.Step(Tick{At: src.now})
		two.Step(Tick{At: src.now})
		if one.NextDeadline().After(src.now) {
			return
		}
	}
	t.Fatalf("deadline %v not after the tick at %v", one.NextDeadline(), src.now)
}

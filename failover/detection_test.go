package failover

import (
	"testing"
	"time"
)

// overdue is a machine whose master has owed an answer for just down-after, and which is
// told nothing but that the replica answers.
func overdue(t *testing.T) (b *bench, master, replica Node) {
	b = newBench(t, nil)
	b.commit(formed("m", addr1, addr2))
	master, replica = Node{Master: "m", Addr: addr1}, Node{Master: "m", Addr: addr2}
	for _, n := range []Node{master, replica} {
		b.step(LinkUp{At: b.now, Node: n})
	}
	b.m.watch("m").master.unanswered = b.now
	for end := b.now.Add(DefaultDownAfter); ; {
		due := later(b.m.NextDeadline(), b.now)
		if !due.Before(end) {
			b.now = end
			return b, master, replica
		}
		b.now = due
		b.step(Tick{At: b.now})
		b.step(PingReply{At: b.now, Node: replica, Reply: ReplyPong})
	}
}

// Silence is judged when everything that has arrived was passed on, not while some of it
// is: the answer may be next.
func TestSilenceIsJudgedLast(t *testing.T) {
	b, master, replica := overdue(t)
	w := b.m.watch("m")
	b.step(PingReply{At: b.now, Node: replica, Reply: ReplyPong})
	b.step(LinkDown{At: b.now, Node: replica})
	if w.master.sdown.down {
		t.Fatal("down before its answer could be passed on")
	}
	if b.m.NextDeadline().After(b.now) {
		t.Error("nobody asks for it to be judged")
	}
	b.step(PingReply{At: b.now, Node: master, Reply: ReplyPong})
	if b.step(Tick{At: b.now}); w.master.sdown.down {
		t.Error("down, though it answered")
	}

	b, _, _ = overdue(t)
	if b.step(Tick{At: b.now}); !b.m.watch("m").master.sdown.down {
		t.Error("not down after down-after")
	}
}

// A sentinel that was held up while it waited for an answer waits as much longer, and
// does not give up the connection on which it may be.
func TestHeldUpWhileWaiting(t *testing.T) {
	b, master, _ := overdue(t)
	w := b.m.watch("m")
	const held = 300 * time.Millisecond
	b.now = b.now.Add(held)
	b.step(Tick{At: b.now})
	if w.master.sdown.down || len(text[Reconnect](b.got)) > 0 {
		t.Fatalf("right after it was held up: down %v, %v", w.master.sdown.down, b.got)
	}
	since := b.now
	for !w.master.sdown.down && b.now.Before(since.Add(time.Second)) {
		b.now = later(b.m.NextDeadline(), b.now)
		b.step(Tick{At: b.now})
	}
	if d := b.now.Sub(since); d != held {
		t.Errorf("down %v later, want %v", d, held)
	}
	b.step(PingReply{At: b.now, Node: master, Reply: ReplyPong})
	if w.master.sdown.down {
		t.Error("down, though it answers")
	}
}

package failover

import (
	"strings"
	"testing"
	"time"
)

// A silent instance whose kernel still takes connections stays silent until it answers:
// the trouble is announced once, however often the link is dialled anew.
func TestSilentUntilItAnswers(t *testing.T) {
	b := newBench(t, nil)
	b.commit(formed("m", addr1, addr2))
	node := Node{Master: "m", Addr: addr2}
	b.step(LinkUp{At: b.now, Node: node})
	b.runFor(5 * time.Second)
	b.all = nil
	nothing := func(d time.Duration) { // answers
		for end := b.now.Add(d); b.now.Before(end); b.step(Tick{At: b.now}) {
			b.now = b.now.Add(lateSlack / 2)
		}
	}
	nothing(DefaultDownAfter / 2)
	for range 12 {
		b.step(LinkDown{At: b.now, Node: node, Fault: FaultLost})
		b.step(LinkUp{At: b.now, Node: node})
		nothing(3 * time.Second)
	}
	trouble := func() (lines []string) {
		for line := range strings.Lines(text[Publish](b.all)) {
			if strings.Contains(line, "trouble") && strings.Contains(line, "10.0.0.2:6379") {
				lines = append(lines, strings.TrimSpace(line))
			}
		}
		return lines
	}
	silent := "trouble slave 10.0.0.2:6379 10.0.0.2 6379 @ m 10.0.0.1 6379 #silent"
	if got := strings.Join(trouble(), "\n"); got != "+"+silent {
		t.Errorf("announced\n%s", got)
	}
	b.step(PingReply{At: b.now, Node: node, Reply: ReplyPong})
	b.step(Tick{At: b.now})
	if got := strings.Join(trouble(), "\n"); got != "+"+silent+"\n-"+silent {
		t.Errorf("after the answer, announced\n%s", got)
	}
}

// What a master owes while nobody knows its address is no silence of its own: once the
// name resolves it has down-after to answer, whatever is found there.
func TestSilenceBeginsWithTheName(t *testing.T) {
	node := Node{Master: "m", Addr: addr1}
	for name, found := range map[string]func(now time.Time) Event{
		"connected": func(now time.Time) Event { return LinkUp{At: now, Node: node} },
		"refused":   func(now time.Time) Event { return LinkDown{At: now, Node: node, Fault: FaultRefused} },
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, nil)
			b.commit(formed("m", addr1, addr2))
			b.step(LinkUp{At: b.now, Node: Node{Master: "m", Addr: addr2}})
			b.step(PingReply{At: b.now, Node: Node{Master: "m", Addr: addr2}, Reply: ReplyPong})
			b.step(LinkDown{At: b.now, Node: node, Fault: FaultName})
			b.runFor(2 * DefaultDownAfter)
			w := b.m.watch("m")
			if !w.master.sdown.down || w.master.troubled != TroubleName || !b.m.abstains(w) {
				t.Fatalf("down %v, trouble %q, abstains %v", w.master.sdown.down, w.master.troubled, b.m.abstains(w))
			}
			b.step(found(b.now))
			if b.runFor(DefaultDownAfter / 2); w.master.sdown.down {
				t.Error("down for what it owed when it had no address")
			}
			b.step(found(b.now)) // a new connection is no answer
			if b.runFor(DefaultDownAfter); !w.master.sdown.down || b.m.abstains(w) {
				t.Errorf("down %v, abstains %v after it said nothing for long", w.master.sdown.down, b.m.abstains(w))
			}
		})
	}
}

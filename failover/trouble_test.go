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
	for range 12 { // nothing answers
		b.step(LinkDown{At: b.now, Node: node, Fault: FaultLost})
		b.step(LinkUp{At: b.now, Node: node})
		for range 30 {
			b.now = b.now.Add(100 * time.Millisecond)
			b.step(Tick{At: b.now})
		}
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

package failover

import (
	"strings"
	"testing"
	"time"
)

// alone is a voter whose two peers were replaced by Redis's sentinels, which know of a
// newer master.
func alone(t *testing.T) *bench {
	b := newBench(t, nil)
	b.commit(formed("m", addr1, addr2))
	b.step(Quorum{At: b.now, Formed: true, Leader: "s2", Voters: []string{"s1", "s2", "s3"}})
	for i, id := range []string{"s2", "s3"} {
		b.step(Peer{At: b.now, ID: id, Addr: Addr{"10.0.1.1", 26380 + i}, Foreign: true})
		b.step(LinkUp{At: b.now, Node: Node{Sentinel: id}})
		b.step(PingReply{At: b.now, Node: Node{Sentinel: id}, Reply: ReplyPong})
	}
	b.step(Quorum{At: b.now, Formed: true, Voters: []string{"s1", "s2", "s3"}})
	return b
}

func (b *bench) hello(epoch uint64, master Addr) *bench {
	return b.step(Hello{At: b.now, ID: "s2", Addr: Addr{"10.0.1.1", 26380}, CurrentEpoch: epoch, Name: "m",
		Master: master, ConfigEpoch: epoch})
}

// Cut off from its quorum among foreign sentinels in the majority, it follows their
// switch at once, though the log cannot have it.
func TestAloneAmongForeignFollowsThem(t *testing.T) {
	b := alone(t)
	b.hello(5, addr2)
	if got := b.m.Agreed().Master("m").Addr; got != addr1 {
		t.Fatalf("within an election's time it follows: %v", got)
	}
	b.now = b.now.Add(CutOffAfter + time.Second)
	b.hello(5, addr2)
	if got := b.m.Agreed().Master("m").Addr; got != addr2 {
		t.Fatalf("it does not follow: %v", got)
	}
	if !strings.Contains(text[Publish](b.got), "+switch-master m 10.0.0.1 6379 10.0.0.2 6379") {
		t.Errorf("it published\n%s", text[Publish](b.got))
	}
}

// When its quorum is back it proposes what it adopted, and returns to the log when that
// has it, without a word.
func TestAloneReturnsToItsLog(t *testing.T) {
	b := alone(t)
	b.now = b.now.Add(CutOffAfter + time.Second)
	b.hello(5, addr2)
	b.step(Quorum{At: b.now, Formed: true, Leader: "s3", Voters: []string{"s1", "s2", "s3"}})
	if !strings.Contains(text[Propose](b.got), "adopt") && !strings.Contains(text[Propose](b.got), "foreign") {
		t.Errorf("it proposed %q", text[Propose](b.got))
	}
	if got := b.m.Agreed().Master("m").Addr; got != addr2 {
		t.Errorf("it went back: %v", got)
	}
	b.commit(Adopt{Name: "m", Old: addr1, Addr: addr2, ConfigEpoch: 5, Why: "foreign", Source: "s1"})
	if got := b.m.Agreed(); got.Master("m").Addr != addr2 || got.Index == 0 || b.m.adrift != nil {
		t.Errorf("not back at the log: %+v", got)
	}
	if strings.Contains(text[Publish](b.got), "+switch-master") {
		t.Errorf("it published again\n%s", text[Publish](b.got))
	}
}

// A log that decided otherwise meanwhile wins after a while.
func TestAloneGivesInToItsLog(t *testing.T) {
	b := alone(t)
	b.now = b.now.Add(CutOffAfter + time.Second)
	b.hello(5, addr2)
	b.step(Quorum{At: b.now, Formed: true, Leader: "s3", Voters: []string{"s1", "s2", "s3"}})
	b.now = b.now.Add(proposalPatient)
	b.step(Tick{At: b.now})
	if got := b.m.Agreed().Master("m").Addr; got != addr1 {
		t.Errorf("it holds on to what nobody agreed on: %v", got)
	}
}

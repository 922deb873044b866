package failover

import (
	"slices"
	"testing"
	"time"
)

// calm is a leader with a master and a replica in sync, both well, down-after two seconds.
type calm struct {
	*bench
	pings, hellos map[Addr]int
}

func newCalm(t *testing.T) *calm {
	form := formed("m", addr1, addr2)
	form.Masters[0].Settings.DownAfter = 2 * time.Second
	c := &calm{bench: newBench(t, nil), pings: map[Addr]int{}, hellos: map[Addr]int{}}
	c.commit(form)
	c.step(Quorum{At: c.now, Formed: true, Leader: "s1", Voters: []string{"s1", "s2", "s3"}})
	for _, addr := range []Addr{addr1, addr2} {
		c.feed([]Addr{addr1, addr2}, LinkUp{At: c.now, Node: Node{Master: "m", Addr: addr}})
	}
	c.live(20*time.Second, addr1, addr2) // links are not young any more
	return c
}

// live lets time pass, in which the nodes at these addresses answer at once, and counts
// how often each is pinged and greeted.
func (c *calm) live(d time.Duration, answering ...Addr) {
	c.pings, c.hellos, c.all = map[Addr]int{}, map[Addr]int{}, nil
	for end := c.now.Add(d); ; {
		due := later(c.m.NextDeadline(), c.now.Add(time.Millisecond))
		if due.After(end) {
			c.now = end
			return
		}
		c.now = due
		c.feed(answering, Tick{At: c.now})
	}
}

// feed steps the machine, and gives it the answers to what it asks.
func (c *calm) feed(answering []Addr, events ...Event) {
	for len(events) > 0 {
		c.step(events[0])
		events = events[1:]
		for _, a := range c.got {
			switch a := a.(type) {
			case Ping:
				c.pings[a.Node.Addr]++
				if slices.Contains(answering, a.Node.Addr) {
					events = append(events, PingReply{At: c.now, Node: a.Node, Reply: ReplyPong})
				}
			case SayHello:
				c.hellos[a.Node.Addr]++
			case AskInfo:
				info := Info{Role: RoleMaster, Replicas: []Addr{addr2}}
				if a.Node.Addr != addr1 {
					info = Info{Role: RoleSlave, MasterAddr: addr1, MasterLinkUp: true, Priority: 100}
				}
				if slices.Contains(answering, a.Node.Addr) {
					events = append(events, InfoReply{At: c.now, Node: a.Node, Info: info})
				}
			}
		}
	}
}

// A replica of a master that is well is pinged less often than its master, and left to
// relay the hellos that are said on the master. That ends with the peace.
func TestReplicaOfACalmMaster(t *testing.T) {
	c := newCalm(t)
	c.live(20*time.Second, addr1, addr2)
	if n := c.pings[addr1]; n < 98 || n > 112 {
		t.Errorf("the master was pinged %d times in ten times down-after", n)
	}
	if n := c.pings[addr2]; n < 40 || n > 52 {
		t.Errorf("the replica was pinged %d times", n)
	}
	if c.hellos[addr1] != 10 || c.hellos[addr2] != 2 {
		t.Errorf("hellos: %v", c.hellos)
	}
	c.feed(nil, LinkDown{At: c.now, Node: Node{Master: "m", Addr: addr1}, Fault: FaultRefused})
	if c.live(time.Second, addr2); c.pings[addr2] < 4 {
		t.Errorf("with the master gone the replica was pinged %d times in a second", c.pings[addr2])
	}
	if c.live(4*time.Second, addr2); c.hellos[addr2] < 2 {
		t.Errorf("with the master gone the replica got %d hellos in two periods", c.hellos[addr2])
	}
}

// A leader that no replica has answered since the master fell silent leaves the claim to
// others for a moment, though the replicas are not down yet: it may be cut off itself.
func TestDeafLeaderDoesNotClaimAtOnce(t *testing.T) {
	silence := func(t *testing.T, answering ...Addr) *calm {
		c := newCalm(t)
		for !c.m.watch("m").master.sdown.down {
			c.live(10*time.Millisecond, answering...)
		}
		c.all = nil
		c.feed(answering, PeerReport{At: c.now, From: "s2", Master: "m", Addr: addr1, Down: true})
		return c
	}
	if c := silence(t, addr2); text[Propose](c.all) == "" {
		t.Error("a leader whose replica answers does not claim")
	}
	c := silence(t)
	if c.m.watch("m").node(addr2).sdown.down {
		t.Fatal("the replica is down as early as the master")
	}
	if c.live(500 * time.Millisecond); text[Propose](c.all) != "" {
		t.Error("claimed at once")
	}
	if c.live(2 * time.Second); text[Propose](c.all) == "" {
		t.Error("never claimed, though nobody else did")
	}
}

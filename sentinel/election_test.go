package sentinel

import (
	"slices"
	"testing"
	"time"
)

// A leader that dies is replaced as soon as both others have noticed: the one that notices
// first is not elected by one that still has a leader.
func TestElectionIsQuick(t *testing.T) {
	simulate(t, 3, 2, func(t *testing.T, b *bench) {
		b.startAll()
		b.introduceAll()
		b.await(3*time.Second, "formed", func() bool { return formed(b.nodes...) })
		for i, n := range b.nodes { // as on any network
			for _, o := range b.nodes[i+1:] {
				b.net.Delay(n.host.IP(), o.host.IP(), 200*time.Microsecond, time.Millisecond)
				b.net.Delay(o.host.IP(), n.host.IP(), 200*time.Microsecond, time.Millisecond)
			}
		}
		leads := func(n *benchNode) bool {
			if n.q == nil {
				return false
			}
			node, _ := n.q.cluster()
			return node != nil && node.leading()
		}
		var took []time.Duration
		for range 50 {
			b.await(5*time.Second, "a leader", func() bool { return slices.ContainsFunc(b.nodes, leads) })
			time.Sleep(3 * time.Second)
			old := b.nodes[slices.IndexFunc(b.nodes, leads)]
			old.kill()
			begun := time.Now()
			b.await(5*time.Second, "another leader", func() bool { return slices.ContainsFunc(b.nodes, leads) })
			took = append(took, time.Since(begun))
			old.start()
			old.meet(b.nodes...)
			time.Sleep(time.Second)
		}
		slices.Sort(took)
		t.Log("least", took[0], "median", took[25], "nine of ten", took[45], "most", took[49])
		if usual := took[45]; usual > silenceLimit+100*time.Millisecond {
			t.Errorf("one election of ten takes longer than %v", usual)
		}
	})
}

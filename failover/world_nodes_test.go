package failover

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Data nodes.

func (w *world) info(n *simNode) Info {
	i := Info{RunID: n.runID, Role: n.role, Priority: n.priority, Announced: true}
	i.Vedette = n.features == "failover"
	i.ReplID, i.Keys, i.DiskError = n.replID, n.keys, n.disk
	if n.features == "failover" || n.features == "redis" {
		i.FailoverState = "no-failover"
		if w.now.Before(n.handing) {
			i.FailoverState = "waiting-for-sync"
		}
	}
	if n.role == RoleMaster {
		i.MasterOffset = n.offset
		for _, r := range w.nodes {
			if r.alive && r.role == RoleSlave && r.master == n.addr {
				i.Replicas = append(i.Replicas, r.addr)
			}
		}
		return i
	}
	m := w.node(n.master)
	i.MasterAddr = n.master
	i.MasterLinkUp = n.link && m != nil && m.alive && !m.frozen
	i.MasterLinkDown = n.linkDown
	i.Offset = n.offset
	return i
}

func (w *world) send(s *simSentinel, a Send) {
	var text []string
	for _, c := range a.Commands {
		text = append(text, strings.Join(c, " "))
	}
	if w.verbose {
		w.printf("%s send %s %s: %s", s.name, a.Node.Addr, a.Purpose, strings.Join(text, "; "))
	}
	w.checkSend(s, a)
	if a.Verify && w.leader != slices.Index(w.sentinels, s) {
		w.after(0, func() {
			w.step(s, SendReply{At: w.now, Node: a.Node, Seq: a.Seq, Err: ErrNotLeader})
		})
		return
	}
	w.request(s, a.Node, func() Event {
		err := ""
		n := w.node(a.Node.Addr)
		for _, c := range a.Commands {
			if e := w.execute(n, c); e != "" && err == "" {
				err = e
			}
		}
		return SendReply{At: w.now, Node: a.Node, Seq: a.Seq, Err: err}
	})
}

// checkSend holds the invariant that only the claimant of the log acts on a failover,
// and a successor never beside its predecessor.
func (w *world) checkSend(s *simSentinel, a Send) {
	switch a.Purpose {
	case PurposePromote, PurposeCoordinate, PurposePause:
	default:
		return
	}
	c := w.agreed.Master(a.Node.Master).Claim
	if c == nil || c.Claimant != s.name {
		w.problems = append(w.problems, fmt.Sprintf("at %v %s sends %s, and is not the claimant",
			w.now.Sub(w.start), s.name, a.Purpose))
		return
	}
	if a.Purpose == PurposePromote && (c.Step == StepClaimed || c.Target != a.Node.Addr) {
		w.problems = append(w.problems, fmt.Sprintf("at %v %s promotes %s, the target is %s",
			w.now.Sub(w.start), s.name, a.Node.Addr, c.Target))
	}
}

// checkHello: PUBLISH on a paused node would block the link of the claimant, and with
// it the commands that end the pause.
func (w *world) checkHello(s *simSentinel, a SayHello) {
	n, m := w.node(a.Node.Addr), w.agreed.Master("m")
	if n == nil || !w.now.Before(n.pausedUntil) || m.Claim == nil || m.Claim.Claimant != s.name {
		return
	}
	w.problems = append(w.problems, fmt.Sprintf("at %v %s says hello on the paused %s",
		w.now.Sub(w.start), s.name, n.addr))
}

func (w *world) execute(n *simNode, c []string) string {
	switch c[0] {
	case "SLAVEOF":
		if n.refuse != "" {
			return n.refuse
		}
		if c[1] == "NO" {
			if !n.deaf {
				n.role, n.master, n.promotedAt = RoleMaster, Addr{}, n.offset
			}
			return ""
		}
		a, _ := ParseAddr(c[1] + ":" + c[2])
		w.demoted(n, a)
		n.role, n.master, n.link = RoleSlave, a, false
		w.after(w.delay(5*time.Millisecond)+n.syncSlow, func() { n.link = true })
	case "FAILOVER":
		return w.handOver(n, c)
	case "CLIENT":
		if c[1] == "PAUSE" {
			if n.features == "none" || n.features == "nopause" {
				return "NOPERM this user has no permissions to run the 'client|pause' command"
			}
			n.pausedUntil = w.now.Add(pauseTime)
		}
		if c[1] == "UNPAUSE" {
			n.pausedUntil = time.Time{}
		}
	}
	return ""
}

func (w *world) handOver(n *simNode, c []string) string {
	if n.features == "pause" || n.features == "none" {
		return "ERR unknown command 'FAILOVER'"
	}
	if n.role != RoleMaster {
		return "ERR FAILOVER is not valid when server is a replica."
	}
	if c[1] == "ABORT" {
		n.pausedUntil, n.handing = time.Time{}, time.Time{}
		return ""
	}
	to, _ := ParseAddr(c[2] + ":" + c[3])
	n.pausedUntil = w.now.Add(pauseTime)
	n.handing = n.pausedUntil
	w.after(w.delay(3*time.Millisecond), func() {
		t := w.node(to)
		if t == nil || !t.alive || t.frozen || t.lag > 0 || !n.alive {
			return
		}
		t.role, t.master, t.promotedAt = RoleMaster, Addr{}, t.offset
		w.demoted(n, to)
		n.role, n.master, n.link = RoleSlave, to, true
		n.pausedUntil, n.handing = time.Time{}, time.Time{}
	})
	return ""
}

// demoted counts what a master that becomes a replica had taken and its successor
// does not have.
func (w *world) demoted(n *simNode, to Addr) {
	t := w.node(to)
	if n.role == RoleMaster && t != nil && n.offset > t.promotedAt {
		w.lost += n.offset - t.promotedAt
	}
}

// write lets time pass on the data nodes: the master takes a write now and then.
func (w *world) write(every time.Duration) {
	for _, n := range w.nodes {
		if !n.alive || n.frozen || n.role != RoleMaster || w.now.Before(n.pausedUntil) {
			continue
		}
		n.offset += 10
	}
	for _, n := range w.nodes {
		m := w.node(n.master)
		if n.alive && !n.frozen && n.role == RoleSlave && n.link && m != nil && m.alive && !m.frozen {
			n.offset = max(n.offset, m.offset-n.lag)
		}
	}
	w.after(every, func() { w.write(every) })
}

func (w *world) killNode(n *simNode) {
	n.alive, n.frozen, n.held = false, false, nil
	for _, s := range w.sentinels {
		for _, node := range sortedNodes(s.up) {
			if node.Addr == n.addr {
				w.drop(s, node, FaultLost)
			}
		}
	}
}

func (w *world) thaw(n *simNode) {
	n.frozen = false
	held := n.held
	n.held = nil
	for _, f := range held {
		f()
	}
}

func (w *world) killSentinel(s *simSentinel) {
	s.alive = false
	for _, p := range w.sentinels {
		if _, up := p.up[Node{Sentinel: s.name}]; up && p.alive {
			w.drop(p, Node{Sentinel: s.name}, FaultLost)
		}
	}
	w.electIfNeeded()
}

func sortedNodes(m map[Node]int) []Node {
	var nodes []Node
	for n := range m {
		nodes = append(nodes, n)
	}
	slices.SortFunc(nodes, func(a, b Node) int { return cmp.Compare(a.String(), b.String()) })
	return nodes
}

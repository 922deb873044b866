package sentinel

import (
	"context"
	"sync"
	"time"

	"github.com/vedette-ha/vedette/failover"
)

// nodeLinks is what the loop keeps open to one node. Only the loop touches it.
type nodeLinks struct {
	command *link
	pubsub  *link // nil for a sentinel
	set     *linkSettings
	stop    context.CancelFunc
	answers bool // the last PING was answered well and the link is up since

	info   string    // the last INFO, for INFO-CACHE
	infoAt time.Time // when it came
}

// linkSettings is what the machine said about a node's links. Safe for concurrent
// use.
type linkSettings struct {
	mu sync.Mutex // guards what follows
	failover.Connect
}

func (s *linkSettings) get() failover.Connect {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.Connect
}

// replace answers what was set before.
func (s *linkSettings) replace(c failover.Connect) failover.Connect {
	s.mu.Lock()
	defer s.mu.Unlock()
	old := s.Connect
	s.Connect = c
	return old
}

// connect opens the links of a node, or changes those it has.
func (lp *loop) connect(a failover.Connect) {
	if n := lp.links[a.Node]; n != nil {
		old := n.set.replace(a)
		for _, l := range n.all() {
			l.moveTo(a.Addr.String())
			if old.Greeting != a.Greeting {
				l.reset()
			}
		}
		return
	}
	set := &linkSettings{Connect: a}
	ctx, stop := context.WithCancel(lp.ctx)
	n := &nodeLinks{set: set, stop: stop}
	env := linkEnv{
		dial:   lp.s.dialNode,
		greet:  func(l *link) [][]any { return lp.s.greeting(l, set.get().Greeting) },
		listen: func() string { return set.get().Subscribe },
		quiet:  func() time.Duration { return quietPeriods * max(helloPeriod, lp.s.timers().PublishPeriod) },
		retry:  func(*link) time.Duration { return set.get().Every },
		turns:  lp.s.opening,
		echo:   lp.s.echoes.is,
		report: lp.s.reported,
	}
	n.command = newLink(a.Node, commandLink, a.Addr.String(), env)
	if !a.Node.IsSentinel() {
		n.pubsub = newLink(a.Node, pubsubLink, a.Addr.String(), env)
		n.command.leads, n.pubsub.follows = n.pubsub, n.command
	}
	lp.links[a.Node] = n
	if a.Node.IsSentinel() {
		lp.sentinels[a.Node.Sentinel] = n
	}
	for _, l := range n.all() {
		lp.s.wg.Go(func() { l.run(ctx) })
	}
}

func (n *nodeLinks) all() []*link {
	if n.pubsub == nil {
		return []*link{n.command}
	}
	return []*link{n.command, n.pubsub}
}

// disconnect closes the links of a node; what they still report is dropped.
func (lp *loop) disconnect(node failover.Node) {
	n := lp.links[node]
	if n == nil {
		return
	}
	n.stop()
	lp.noteAnswers(node, false)
	delete(lp.links, node)
	delete(lp.sentinels, node.Sentinel)
	delete(lp.waiting, n.command)
}

func (lp *loop) reconnect(node failover.Node) {
	if n := lp.links[node]; n != nil {
		n.command.reset()
	}
}

// current says whether a link is still wanted.
func (lp *loop) current(l *link) bool {
	n := lp.links[l.node]
	return n != nil && (n.command == l || n.pubsub == l)
}

func (lp *loop) keepInfo(node failover.Node, at time.Time, text string) {
	n := lp.links[node]
	n.info, n.infoAt = text, at
}

// greeting is what a new connection says first: who we are.
func (s *Sentinel) greeting(l *link, g failover.Greeting) [][]any {
	if l.node.IsSentinel() {
		g = failover.Greeting{Auth: "AUTH", Client: "CLIENT"}
		g.User, g.Pass = s.peerAuth()
	}
	var cmds [][]any
	switch {
	case g.Pass != "" && g.User != "":
		cmds = append(cmds, []any{g.Auth, g.User, g.Pass})
	case g.Pass != "":
		cmds = append(cmds, []any{g.Auth, g.Pass})
	}
	return append(cmds, []any{g.Client, "SETNAME", "sentinel-" + s.id[:8] + "-" + string(l.channel)})
}

package sentinel

import (
	"context"
	"net"
	"time"

	"github.com/vedette-ha/vedette/failover"
)

// What a reply on a command link answers.
type (
	pingTag struct{}
	infoTag struct{}
	sendTag struct {
		seq      uint64
		commands [][]string
	}
	downTag struct { // SENTINEL IS-MASTER-DOWN-BY-ADDR to a foreign sentinel
		master string
		addr   failover.Addr
	}
)

// act does one thing the machine asks for. It only routes.
func (lp *loop) act(a failover.Action) {
	switch a := a.(type) {
	case failover.Connect:
		lp.connect(a)
	case failover.Disconnect:
		lp.disconnect(a.Node)
	case failover.Reconnect:
		lp.reconnect(a.Node)
	case failover.Ping:
		lp.ping(a)
	case failover.AskInfo:
		lp.askInfo(a)
	case failover.SayHello:
		lp.sayHello(a)
	case failover.Send:
		lp.send(a)
	case failover.Report:
		lp.tellPeers(a)
	case failover.AskMasterDown:
		lp.askMasterDown(a)
	case failover.Propose:
		lp.propose(a.Command)
	case failover.Renew:
		lp.askRenewal(a)
	case failover.AnswerRenew:
		lp.answerRenew(a)
	case failover.Answer:
		lp.answerRequest(a)
	case failover.Publish:
		lp.s.publish(a)
		lp.s.simulate(a.Event)
	case failover.RunScript:
		lp.s.scripts.add(a.Path, a.Args)
	case failover.RunCheck:
		lp.runCheck(a)
	case failover.Sight:
		lp.sendTo(failover.Node{Sentinel: a.To}, nil, []any{"SENTINEL", "RAFT", "SIGHT", lp.s.id, a.Nodes})
	case failover.Yield:
		lp.yield(a)
	case failover.Rewrite:
		signal(lp.s.rewrite)
	default:
		panic("sentinel: unknown action")
	}
}

// sendTo sends commands on a node's command link; false if that is down or full.
func (lp *loop) sendTo(node failover.Node, tag any, cmds ...[]any) bool {
	n := lp.links[node]
	return n != nil && n.command.send(tag, cmds...)
}

func (lp *loop) ping(a failover.Ping) {
	n := lp.links[a.Node]
	if n == nil || !n.command.send(pingTag{}, []any{a.Command}) {
		return
	}
	if _, waits := lp.waiting[n.command]; !waits {
		lp.waiting[n.command] = &owed{overdue: time.Now().Add(a.Patience)}
	}
}

// askInfo always brings an answer, or the end of the link.
func (lp *loop) askInfo(a failover.AskInfo) {
	if !lp.sendTo(a.Node, infoTag{}, []any{a.Command}) {
		lp.step(failover.InfoFailed{At: time.Now(), Node: a.Node, Reply: failover.ReplyOther})
	}
}

// sayHello introduces this sentinel under the address its announce-ip says, else
// the one it has on this connection.
func (lp *loop) sayHello(a failover.SayHello) {
	n := lp.links[a.Node]
	if n == nil {
		return
	}
	ip, port := lp.s.announced(n.command.localIP())
	if ip == "" {
		return
	}
	h := hello{
		IP: ip, Port: port, ID: lp.s.id, Epoch: a.CurrentEpoch, Master: a.Master,
		MasterIP: a.Addr.Host, MasterPort: a.Addr.Port, ConfigEpoch: a.ConfigEpoch,
	}
	n.command.send(nil, []any{a.Command, helloChannel, h.String()})
}

// send passes commands to a data node. What demands leadership waits for its proof
// on a goroutine of its own.
func (lp *loop) send(a failover.Send) {
	lp.s.log.Info().Stringer("node", a.Node).Str("purpose", string(a.Purpose)).Msg("send")
	if !a.Verify {
		lp.sendVerified(a, nil)
		return
	}
	if !lp.s.background(lp.ctx, func(ctx context.Context) {
		proof, cancel := context.WithTimeout(ctx, verifyTimeout)
		defer cancel()
		err := lp.s.quorum.Verify(proof)
		_ = lp.s.do(ctx, func(lp *loop) { lp.sendVerified(a, err) })
	}) {
		lp.sendVerified(a, errNoQuorum)
	}
}

func (lp *loop) sendVerified(a failover.Send, err error) {
	failed := func(text string) {
		lp.step(failover.SendReply{At: time.Now(), Node: a.Node, Seq: a.Seq, Err: text})
	}
	if err != nil {
		failed(failover.ErrNotLeader)
		return
	}
	cmds := make([][]any, len(a.Commands))
	for i, words := range a.Commands {
		for _, w := range words {
			cmds[i] = append(cmds[i], w)
		}
	}
	if !lp.sendTo(a.Node, sendTag{a.Seq, a.Commands}, cmds...) {
		failed("the link is down")
	}
}

// tellPeers passes our view of a master to one peer, or to all of our kind.
func (lp *loop) tellPeers(a failover.Report) {
	down := "0"
	if a.Down {
		down = "1"
	}
	cmd := []any{"SENTINEL", "RAFT", "REPORT", lp.s.id, a.Master, a.Addr.Host, a.Addr.Port, a.Epoch, down}
	for id, n := range lp.sentinels {
		if a.To == id || a.To == "" && !lp.peers[id].Foreign {
			n.command.send(nil, cmd)
		}
	}
}

func (lp *loop) askMasterDown(a failover.AskMasterDown) {
	lp.sendTo(failover.Node{Sentinel: a.To}, downTag{a.Master, a.Addr}, []any{
		"SENTINEL", "IS-MASTER-DOWN-BY-ADDR", lp.m.Shown(a.Addr).Host, a.Addr.Port, a.CurrentEpoch, "*",
	})
}

// Limits of what runs beside the loop.
const (
	verifyTimeout = 500 * time.Millisecond // for the proof that we still lead
)

// propose puts a command into the log. Its outcome is a commit or ProposalFailed.
func (lp *loop) propose(c failover.Command) {
	failed := func(lp *loop) { lp.step(failover.ProposalFailed{At: time.Now(), ID: c.ID}) }
	if !lp.s.background(lp.ctx, func(ctx context.Context) {
		if _, err := lp.s.quorum.Propose(ctx, c); err != nil {
			lp.s.log.Debug().Err(err).Str("kind", c.Kind()).Msg("proposal failed")
			_ = lp.s.do(ctx, failed)
		}
	}) {
		failed(lp)
	}
}

func (lp *loop) answerRequest(a failover.Answer) {
	if f := lp.answer[a.Token]; f != nil {
		delete(lp.answer, a.Token)
		f(a.Err)
	}
}

// localIP is this sentinel's own address on the link, empty while it is down.
func (l *link) localIP() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.conn == nil {
		return ""
	}
	return hostOf(l.conn.NetConn().LocalAddr())
}

func hostOf(a net.Addr) string {
	host, _, err := net.SplitHostPort(address(a))
	if err != nil {
		return ""
	}
	return host
}

// yield has another sentinel lead.
func (lp *loop) yield(a failover.Yield) {
	lp.s.log.Warn().Str("to", a.To).Int("reaches", a.Reaches).Int("here", a.Here).
		Msg("another sentinel reaches more data nodes: it is to lead")
	lp.s.background(lp.ctx, func(context.Context) {
		if err := lp.s.quorum.transfer(a.To); err != nil {
			lp.s.log.Warn().Err(err).Msg("give up the leadership")
		}
	})
}

package sentinel

import (
	"context"
	"errors"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/vedette-ha/vedette/failover"
	"github.com/vedette-ha/vedette/internal/resp"
)

// helloHeard is a hello that another sentinel brought itself.
type helloHeard struct{ hello }

// report turns what a link saw, or a peer said, into events for the machine. Reports of
// a link that was closed meanwhile are dropped.
func (lp *loop) report(ev any) {
	now := time.Now()
	switch ev := ev.(type) {
	case resolved:
		lp.step(failover.Resolved{At: now, Host: ev.host, IP: ev.ip})
	case linkUp:
		if lp.current(ev.l) {
			lp.linkUp(ev.l, now)
		}
	case linkDown:
		if lp.current(ev.l) {
			lp.linkDown(ev, now)
		}
	case linkReply:
		if lp.current(ev.l) {
			lp.reply(ev, now)
		}
	case failover.PeerReport:
		ev.At = now
		lp.step(ev)
	case failover.PeerSight:
		ev.At = now
		lp.step(ev)
	case helloHeard:
		lp.heard(ev.hello, now)
	case linkMessage:
		if h, err := parseHello(ev.payload); err == nil && lp.current(ev.l) {
			lp.heard(h, now)
		}
	}
}

func (lp *loop) linkUp(l *link, now time.Time) {
	node := l.node
	if l.channel == pubsubLink {
		lp.step(failover.PubSubUp{At: now, Node: node})
		return
	}
	if ip := l.localIP(); ip != "" {
		lp.s.sawOwnIP(ip)
	}
	if ip := lp.s.names.last(node.Addr.Host); ip != "" {
		lp.step(failover.Resolved{At: now, Host: node.Addr.Host, IP: ip})
	}
	lp.step(failover.LinkUp{At: now, Node: node})
}

func (lp *loop) linkDown(ev linkDown, now time.Time) {
	delete(lp.waiting, ev.l)
	if ev.l.channel == pubsubLink {
		lp.step(failover.PubSubDown{At: now, Node: ev.l.node})
		return
	}
	lp.noteAnswers(ev.l.node, false)
	var stale *staleError
	lp.step(failover.LinkDown{
		At: now, Node: ev.l.node, Fault: faultOf(ev.cause), Unresolved: errors.As(ev.cause, &stale),
	})
}

// faultOf says what the end of a connection, or a dial that failed, means.
func faultOf(err error) failover.Fault {
	var name *nameError
	var timeout net.Error
	switch {
	case errors.Is(err, errLinkReset):
		return failover.FaultClosed
	case isRefused(err):
		return failover.FaultRefused
	case errors.As(err, &name):
		return failover.FaultName
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return failover.FaultTimeout
	case errors.Is(err, errLinkEnded):
		return failover.FaultLost
	}
	return failover.FaultUnreachable
}

// reply routes the answer to a command by what was asked.
func (lp *loop) reply(ev linkReply, now time.Time) {
	node, last := ev.l.node, ev.values[len(ev.values)-1]
	switch tag := ev.tag.(type) {
	case pingTag:
		lp.pong(ev.l, last, now)
	case infoTag:
		if err := last.Err(); err != nil {
			lp.step(failover.InfoFailed{At: now, Node: node, Reply: classify(last)})
			return
		}
		lp.keepInfo(node, now, last.Text())
		info := parseInfo(last.Bytes())
		info.Replicas = slices.DeleteFunc(info.Replicas, func(a failover.Addr) bool { return !lp.s.usable(a.Host) })
		lp.step(failover.InfoReply{At: now, Node: node, Info: info})
	case sendTag:
		lp.step(failover.SendReply{At: now, Node: node, Seq: tag.seq, Err: firstError(tag.commands, ev.values)})
	case downTag:
		if a := last.Array; len(a) == 3 {
			lp.step(failover.PeerReport{
				At: now, From: node.Sentinel, Master: tag.master, Addr: tag.addr, Down: a[0].Int == 1,
			})
		}
	}
}

func (lp *loop) pong(l *link, v resp.Value, now time.Time) {
	delete(lp.waiting, l)
	class := classify(v)
	if class == failover.ReplyPong || class == failover.ReplyLoading || class == failover.ReplyMasterDown {
		lp.noteAnswers(l.node, true)
	}
	lp.step(failover.PingReply{At: now, Node: l.node, Reply: class})
}

// classify reads the answer to PING or INFO.
func classify(v resp.Value) failover.Reply {
	err := v.Err()
	if err == nil {
		if v.Text() == "PONG" {
			return failover.ReplyPong
		}
		return failover.ReplyOther
	}
	var e *resp.Error
	if !errors.As(err, &e) {
		return failover.ReplyOther
	}
	switch e.Prefix() {
	case "LOADING":
		return failover.ReplyLoading
	case "MASTERDOWN":
		return failover.ReplyMasterDown
	case "BUSY":
		return failover.ReplyBusy
	case "MISCONF":
		return failover.ReplyMisconf
	case "NOAUTH", "WRONGPASS":
		return failover.ReplyNoAuth
	case "NOPERM":
		return failover.ReplyNoPerm
	}
	if strings.HasPrefix(e.Error(), "ERR unknown command") {
		return failover.ReplyUnknown
	}
	return failover.ReplyOther
}

// firstError answers the first error that counts among the replies to commands
// sent in one piece: any up to and with EXEC's, and the first inside EXEC. Later
// commands inside it may fail (CONFIG REWRITE does on a server without a file).
func firstError(commands [][]string, values []resp.Value) string {
	for i, v := range values {
		exec := i < len(commands) && commands[i][0] == "EXEC"
		if exec && v.Err() == nil && len(v.Array) > 0 {
			v = v.Array[0]
		}
		if err := v.Err(); err != nil {
			return err.Error()
		}
		if exec {
			break
		}
	}
	return ""
}

// heard takes a hello message, from a data node's channel or published to us.
func (lp *loop) heard(h hello, now time.Time) {
	addr := failover.Addr{Host: h.IP, Port: h.Port}
	if h.ID == lp.s.id {
		lp.s.sawOurself(addr)
		return
	}
	if !lp.s.usable(h.IP) {
		return
	}
	if !lp.s.usable(h.MasterIP) {
		h.ConfigEpoch = 0 // its address is of no use to us
	}
	lp.s.quorum.SawSentinel(h.ID, addr.String())
	lp.step(failover.Hello{
		At: now, ID: h.ID, Addr: addr, CurrentEpoch: h.Epoch, Name: h.Master,
		Master: failover.Addr{Host: h.MasterIP, Port: h.MasterPort}, ConfigEpoch: h.ConfigEpoch,
	})
}

// noteAnswers notes whether a node answers, and tells the quorum when the first data
// node does and when none does any more.
func (lp *loop) noteAnswers(node failover.Node, answers bool) {
	n := lp.links[node]
	if n.answers == answers {
		return
	}
	n.answers = answers
	if node.IsSentinel() {
		return
	}
	before := lp.answering
	if lp.answering--; answers {
		lp.answering += 2
	}
	if (before > 0) != (lp.answering > 0) {
		lp.s.quorum.SawDataNode(lp.answering > 0)
	}
}

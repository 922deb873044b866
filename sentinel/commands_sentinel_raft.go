package sentinel

import (
	"context"
	"errors"
	"math"
	"net"
	"slices"
	"strconv"
	"time"

	"github.com/vedette-ha/vedette/failover"
	"github.com/vedette-ha/vedette/internal/resp"
)

// SENTINEL RAFT STATUS | REMOVE id | TRANSFER [id] are for operators; the rest is what
// sentinels say to each other. REPORT is a peer's view of a master, SIGHT how many data
// nodes it reaches, CONNECT makes the connection Raft's, what is left is the quorum's.
func sentinelRaft(ctx context.Context, c *session, args [][]byte) error {
	// What is proposed stays in the log, in memory as well: it must not share the
	// session's buffer, which the next command overwrites.
	words := cloneWords(args[2:])
	switch {
	case is(args[2], "status") && len(args) == 3:
		c.raftStatus()
		return nil
	case is(args[2], "remove") && len(args) == 4:
		return c.askLeader(ctx, removeKind, words[1])
	case is(args[2], "transfer") && len(args) <= 4:
		return c.askLeader(ctx, transferKind, slices.Concat(words[1:]...))
	case is(args[2], "report"):
		return c.takeReport(ctx, args[3:])
	case is(args[2], "sight") && len(args) == 5:
		return c.takeSight(ctx, args[3:])
	case is(args[2], "connect"):
		c.handOver = func(conn net.Conn, first []byte) {
			if err := c.s.quorum.HandleConn(conn, words, first); err != nil {
				c.s.log.Debug().Err(err).Str("peer", address(conn.RemoteAddr())).Msg("raft connection refused")
			}
		}
		return errSessionDone
	}
	c.s.quorum.HandleCommand(ctx, words, &c.w)
	return nil
}

// takeReport reads what tellPeers writes: id, master, ip, port, epoch, 0 or 1.
func (c *session) takeReport(ctx context.Context, words [][]byte) error {
	if len(words) != 6 {
		return errArity("sentinel|raft")
	}
	port, err := parsePort(string(words[3]))
	epoch, err2 := strconv.ParseUint(string(words[4]), 10, 64)
	if err != nil || err2 != nil || !isRunID(string(words[0])) {
		return resp.ErrSyntax
	}
	c.s.reported(ctx, failover.PeerReport{
		At: time.Now(), From: string(words[0]), Master: string(words[1]),
		Addr: failover.Addr{Host: string(words[2]), Port: port}, Epoch: epoch, Down: string(words[5]) == "1",
	})
	return c.ok(nil)
}

// takeSight reads what a Sight says: id, number of nodes.
func (c *session) takeSight(ctx context.Context, words [][]byte) error {
	nodes, ok := resp.ParseInt(words[1])
	if !ok || nodes < 0 || nodes > math.MaxInt32 || !isRunID(string(words[0])) {
		return resp.ErrSyntax
	}
	c.s.reported(ctx, failover.PeerSight{From: string(words[0]), Nodes: int(nodes)})
	return c.ok(nil)
}

func cloneWords(args [][]byte) [][]byte {
	words := make([][]byte, len(args))
	for i, a := range args {
		words[i] = append([]byte(nil), a...)
	}
	return words
}

// askLeader has the leader, which may be us, change the cluster.
func (c *session) askLeader(ctx context.Context, kind string, id []byte) error {
	_, err := c.s.quorum.Ask(ctx, kind, id)
	var refused errRefused
	switch {
	case errors.Is(err, errUnformed):
		return resp.NewError("ERR No cluster of sentinels is formed")
	case errors.Is(err, errNoQuorum):
		return errNotAgreed
	case errors.As(err, &refused):
		return resp.NewError(string(refused))
	}
	return c.ok(err)
}

// raftStatus writes how we stand with our cluster, and whom it has.
func (c *session) raftStatus() {
	st := c.s.quorum.Status()
	heard := map[string]time.Time{c.s.id: time.Now()}
	for _, p := range c.s.quorum.Peers() {
		heard[p.ID] = p.Seen
	}
	var f fields
	f.text("myid", c.s.id)
	f.text("formed", yesNo(st.Formed))
	f.text("cluster", st.Cluster)
	f.text("leader", st.Leader)
	f.text("term", strconv.FormatUint(st.Term, 10))
	f.text("commit-index", strconv.FormatUint(st.Commit, 10))
	f.ms("last-contact", ageOf(st.LastContact))
	f.num("foreign-sentinels", int64(st.Foreign))
	w := &c.w
	w.Map(len(f)/2 + 1)
	for _, s := range f {
		w.BulkString(s)
	}
	w.BulkString("members")
	w.Array(len(st.Members))
	for _, m := range st.Members {
		memberFields(m, st, heard[m.ID]).write(w)
	}
}

func memberFields(m quorumMember, st quorumStatus, heard time.Time) (f fields) {
	f.text("id", m.ID)
	f.text("addr", m.Addr)
	f.text("voter", yesNo(m.Voter))
	f.text("leader", yesNo(m.ID == st.Leader))
	f.ms("last-heard", ageOf(heard))
	return f
}

// ageOf is how long ago t was, -1 ms for never.
func ageOf(t time.Time) time.Duration {
	if t.IsZero() {
		return -time.Millisecond
	}
	return max(time.Since(t), 0)
}

func yesNo(on bool) string {
	if on {
		return "yes"
	}
	return "no"
}

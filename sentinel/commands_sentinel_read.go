package sentinel

import (
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/vedette-ha/vedette/failover"
	"github.com/vedette-ha/vedette/internal/resp"
)

var errNoSuchMaster = resp.NewError("ERR No such master with that name")

// look runs f on the loop if the master exists.
func (c *session) look(ctx context.Context, name []byte, f func(lp *loop, m *failover.Master)) error {
	found := false
	err := c.s.do(ctx, func(lp *loop) {
		if m := lp.m.Agreed().Master(string(name)); m != nil {
			found = true
			f(lp, m)
		}
	})
	if err == nil && !found {
		err = errNoSuchMaster
	}
	return err
}

// ROLE
func cmdRole(ctx context.Context, c *session, _ [][]byte) error {
	var names []string
	if err := c.s.do(ctx, func(lp *loop) { names = lp.m.Names() }); err != nil {
		return err
	}
	c.w.Array(2)
	c.w.BulkString("sentinel")
	c.w.Array(len(names))
	for _, n := range names {
		c.w.BulkString(n)
	}
	return nil
}

func sentinelMyID(_ context.Context, c *session, _ [][]byte) error {
	c.w.BulkString(c.s.id)
	return nil
}

// SENTINEL MASTERS
func sentinelMasters(ctx context.Context, c *session, _ [][]byte) error {
	var maps []fields
	if err := c.s.do(ctx, func(lp *loop) {
		for _, name := range lp.m.Names() {
			maps = append(maps, lp.masterFields(name))
		}
	}); err != nil {
		return err
	}
	c.writeMaps(maps)
	return nil
}

// SENTINEL MASTER name
func sentinelMaster(ctx context.Context, c *session, args [][]byte) error {
	var f fields
	err := c.look(ctx, args[2], func(lp *loop, m *failover.Master) { f = lp.masterFields(m.Name) })
	if err == nil {
		f.write(&c.w)
	}
	return err
}

func (lp *loop) masterFields(name string) fields {
	v, _ := lp.m.Master(time.Now(), name)
	v.Pending = lp.pending(v.Node)
	return masterFields(v)
}

// pending is what SENTINEL shows as link-pending-commands.
func (lp *loop) pending(node failover.Node) int {
	if n := lp.links[node]; n != nil {
		return n.command.pending()
	}
	return 0
}

// SENTINEL REPLICAS name: those that want to be announced.
func sentinelReplicas(ctx context.Context, c *session, args [][]byte) error {
	var maps []fields
	err := c.look(ctx, args[2], func(lp *loop, m *failover.Master) {
		for _, v := range lp.m.Replicas(time.Now(), m.Name) {
			if v.ReplicaAnnounced {
				v.Pending = lp.pending(v.Node)
				maps = append(maps, replicaFields(v))
			}
		}
	})
	if err == nil {
		c.writeMaps(maps)
	}
	return err
}

// SENTINEL SENTINELS name
func sentinelSentinels(ctx context.Context, c *session, args [][]byte) error {
	var maps []fields
	err := c.look(ctx, args[2], func(lp *loop, m *failover.Master) {
		for _, v := range lp.m.Sentinels(time.Now(), m.Name) {
			v.Pending = lp.pending(v.Node)
			maps = append(maps, sentinelFields(v))
		}
	})
	if err == nil {
		c.writeMaps(maps)
	}
	return err
}

func (c *session) writeMaps(maps []fields) {
	c.w.Array(len(maps))
	for _, f := range maps {
		f.write(&c.w)
	}
}

// errStale answers a question for an address under strict-discovery.
var errStale = resp.NewError("NOQUORUM This sentinel is cut off from the quorum, the master it knows may be an old one (strict-discovery yes)")

// SENTINEL GET-MASTER-ADDR-BY-NAME name
func sentinelGetMasterAddr(ctx context.Context, c *session, args [][]byte) error {
	if c.s.settings().StrictDiscovery && c.s.quorum.Status().health() == healthNoQuorum {
		return errStale
	}
	var addr failover.Addr
	err := c.look(ctx, args[2], func(lp *loop, m *failover.Master) { addr = lp.m.Shown(m.Addr) })
	if err == errNoSuchMaster {
		c.w.NullArray()
		return nil
	}
	if err != nil {
		return err
	}
	c.w.Array(2)
	c.w.BulkString(addr.Host)
	c.w.BulkString(strconv.Itoa(addr.Port))
	return nil
}

// SENTINEL IS-MASTER-DOWN-BY-ADDR ip port current-epoch runid: whoever asks for a
// vote gets the state and no vote, because leaders are made by the log.
func sentinelIsMasterDown(ctx context.Context, c *session, args [][]byte) error {
	port, ok := resp.ParseInt(args[3])
	_, ok2 := resp.ParseInt(args[4])
	if !ok || !ok2 {
		return resp.ErrNotInteger
	}
	down := false
	if err := c.s.do(ctx, func(lp *loop) {
		down = lp.m.MasterDown(failover.Addr{Host: string(args[2]), Port: int(port)})
	}); err != nil {
		return err
	}
	c.w.Array(3)
	c.w.Int(int64(b2i(down)))
	c.w.BulkString("*")
	c.w.Int(0)
	return nil
}

// SENTINEL CKQUORUM name
func sentinelCkquorum(ctx context.Context, c *session, args [][]byte) error {
	var usable, known, quorum int
	if err := c.look(ctx, args[2], func(lp *loop, m *failover.Master) {
		usable, known = lp.m.Usable(m.Name)
		quorum = m.Settings.Quorum
	}); err != nil {
		return err
	}
	text, ok := quorumText(usable, known, quorum)
	if !ok {
		return resp.NewError(text)
	}
	c.w.Status(text)
	return nil
}

// quorumText is the answer of CKQUORUM: a quorum agrees that a master is down, a
// majority of all known sentinels authorizes the failover.
func quorumText(usable, known, quorum int) (text string, ok bool) {
	n := strconv.Itoa(usable) + " usable Sentinels. "
	var missing []string
	if usable < quorum {
		missing = append(missing, "Not enough available Sentinels to reach the specified quorum for this master")
	}
	if usable < known/2+1 {
		missing = append(missing, "Not enough available Sentinels to reach the majority and authorize a failover")
	}
	switch len(missing) {
	case 0:
		return "OK " + n + "Quorum and failover authorization can be reached", true
	case 1:
		return "NOQUORUM " + n + missing[0], false
	}
	return "NOQUORUM " + n + missing[0] + ". " + missing[1], false
}

// SENTINEL INFO-CACHE name [name ...]: for each master its name and, for it and its
// replicas, the age of the last INFO in milliseconds and its text.
func sentinelInfoCache(ctx context.Context, c *session, args [][]byte) error {
	type cached struct {
		age  int64
		info string
	}
	type group struct {
		name  string
		nodes []cached
	}
	var groups []group
	if err := c.s.do(ctx, func(lp *loop) {
		for _, arg := range args[2:] {
			m := lp.m.Agreed().Master(string(arg))
			if m == nil || slices.ContainsFunc(groups, func(g group) bool { return g.name == m.Name }) {
				continue
			}
			g := group{name: m.Name}
			for _, node := range lp.nodesOf(m) {
				one := cached{}
				if n := lp.links[node]; n != nil && n.info != "" {
					one = cached{time.Since(n.infoAt).Milliseconds(), n.info}
				}
				g.nodes = append(g.nodes, one)
			}
			groups = append(groups, g)
		}
	}); err != nil {
		return err
	}
	c.w.Array(2 * len(groups)) // in RESP3, too
	for _, g := range groups {
		c.w.BulkString(g.name)
		c.w.Array(len(g.nodes))
		for _, n := range g.nodes {
			c.w.Array(2)
			c.w.Int(n.age)
			if n.info == "" {
				c.w.Null()
			} else {
				c.w.BulkString(n.info)
			}
		}
	}
	return nil
}

// nodesOf lists a master and the replicas this sentinel knows, the master first.
func (lp *loop) nodesOf(m *failover.Master) []failover.Node {
	nodes := []failover.Node{{Master: m.Name, Addr: m.Addr}}
	for _, v := range lp.m.Replicas(time.Now(), m.Name) {
		nodes = append(nodes, v.Node)
	}
	return nodes
}

// hubCounts is what INFO shows of subscriptions.
func (s *Sentinel) hubCounts() (channels, patterns int) {
	for _, c := range s.clients.list(func(*session) bool { return true }) {
		c.stats.mu.Lock()
		patterns += c.stats.patterns
		c.stats.mu.Unlock()
	}
	return len(s.hub.Channels()), patterns
}

package sim

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// settled says what keeps the deployment from being as it should: one master that
// all sentinels name and watch undisturbed, and that all others follow.
func (c *cluster) settled() string {
	first, why := c.named()
	if why != "" {
		return why
	}
	for _, n := range c.nodes {
		want := "master"
		if n.addr() != first {
			want = "slave of " + first + " connected"
		}
		if got := c.role(n); n.life == nil || got != want {
			return fmt.Sprintf("%s says %q, not %q", n.name, got, want)
		}
	}
	return ""
}

// named is the master that all sentinels name, or why there is none.
func (c *cluster) named() (addr, why string) {
	epoch := ""
	for _, s := range c.sens {
		if s.life == nil {
			return "", s.name + " is dead"
		}
		m, err := c.master(s)
		if err != nil {
			return "", fmt.Sprintf("%s: %v", s.name, err)
		}
		says := m["ip"] + ":" + m["port"]
		if addr == "" {
			addr, epoch = says, m["config-epoch"]
		}
		switch state := m["failover-state"]; {
		case says != addr || m["config-epoch"] != epoch:
			return "", fmt.Sprintf("%s says %s in epoch %s, %s %s in %s", s.name, says, m["config-epoch"], c.sens[0].name, addr, epoch)
		case m["flags"] != "master" || state != "" && state != "none":
			return "", fmt.Sprintf("%s: flags %q, failover-state %q", s.name, m["flags"], state)
		case m["num-slaves"] != "2" || m["num-other-sentinels"] != "2":
			return "", fmt.Sprintf("%s knows %s replicas and %s other sentinels", s.name, m["num-slaves"], m["num-other-sentinels"])
		}
		if why := c.unformed(s); why != "" {
			return "", why
		}
	}
	return addr, ""
}

// unformed says what a sentinel lacks to be one of three voters that can decide.
func (c *cluster) unformed(s *sentry) string {
	if _, err := c.ask.do(context.Background(), s.addr(), "SENTINEL", "CKQUORUM", "m"); err != nil {
		return fmt.Sprintf("%s: CKQUORUM: %v", s.name, err)
	}
	v, err := c.ask.do(context.Background(), s.addr(), "INFO", "raft")
	if err != nil {
		return fmt.Sprintf("%s: INFO: %v", s.name, err)
	}
	for _, want := range []string{"raft_formed:1\r\n", "raft_voters:3\r\n"} {
		if !strings.Contains(v.Text(), want) {
			return fmt.Sprintf("%s: INFO lacks %q: %q", s.name, want, v.Text())
		}
	}
	return ""
}

// newest is the master of the highest config-epoch that any sentinel names, "" if
// none answers.
func (c *cluster) newest() (addr string) {
	most := -1
	for _, s := range c.sens {
		m, err := c.master(s)
		if err != nil {
			continue
		}
		epoch := 0
		fmt.Sscan(m["config-epoch"], &epoch)
		if epoch > most {
			most, addr = epoch, m["ip"]+":"+m["port"]
		}
	}
	return addr
}

// lingers is how long a peace is watched: what a fault has set off may come later.
const lingers = 3 * time.Second

// check is what must hold once the faults are over.
func (c *cluster) check() {
	c.t.Helper()
	healed := time.Now()
	took := c.await(settleTime, "peace", c.settled)
	time.Sleep(lingers)
	c.await(settleTime-time.Since(healed), "lasting peace", c.settled)
	peace := time.Now()
	c.await(10*time.Second, "a write on all", func() string {
		if !c.writer.safeSince(peace) {
			return fmt.Sprint("none acknowledged since ", peace.Sub(c.start))
		}
		return ""
	})
	c.writer.end()
	time.Sleep(patience) // what it sent last is executed, or never will be
	c.checkData()
	if _, why := c.named(); why != "" {
		c.t.Errorf("the peace did not last: %s", why)
	}
	for _, w := range c.heard.contradictions() {
		c.t.Error(w)
	}
	keys, safe := c.writer.written()
	c.t.Logf("%d switches, settled %v after the faults, %d of %d keys on all servers",
		c.heard.switches(), took, len(safe), len(keys))
}

// checkData compares what the servers have: all of what they all acknowledged, and
// the same of the rest.
func (c *cluster) checkData() {
	c.t.Helper()
	first, _ := c.named()
	if master := c.node(first); master != nil {
		c.await(10*time.Second, "replicas that have it all", func() string { return c.behind(master) })
	}
	keys, safe := c.writer.written()
	var all map[string]bool
	for _, n := range c.nodes {
		have, err := c.ask.have(context.Background(), n, keys)
		if err != nil {
			c.t.Errorf("%s: %v", n.name, err)
			continue
		}
		if lost := missing(safe, have); len(lost) > 0 {
			c.t.Errorf("%s lost %d of %d keys that all servers had: %s to %s", n.name, len(lost), len(safe), lost[0], lost[len(lost)-1])
		}
		if all == nil {
			all = have
		}
		differ := slices.DeleteFunc(slices.Clone(keys), func(k string) bool { return have[k] == all[k] })
		if len(differ) > 0 {
			c.t.Errorf("%s and %s differ in %d keys: %s …", n.name, c.nodes[0].name, len(differ), differ[0])
		}
	}
}

func missing(keys []string, have map[string]bool) (lost []string) {
	for _, k := range keys {
		if !have[k] {
			lost = append(lost, k)
		}
	}
	return lost
}

// behind writes a key to the master and says what keeps it from all replicas.
func (c *cluster) behind(master *node) string {
	ctx := context.Background()
	if _, err := c.ask.do(ctx, master.addr(), "SET", "end", "end"); err != nil {
		return err.Error()
	}
	v, err := c.ask.do(ctx, master.addr(), "WAIT", len(c.nodes)-1, waitMillis)
	if n, _ := v.Int64(); err == nil && int(n) < len(c.nodes)-1 {
		err = fmt.Errorf("%d replicas have it", n)
	}
	if err != nil {
		return err.Error()
	}
	return ""
}

package sentinel

import (
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/vedette-ha/vedette/failover"
	"github.com/vedette-ha/vedette/internal/memnet"
	"github.com/vedette-ha/vedette/internal/resp"
)

// fakeSet is a replication set of scripted data nodes: each knows its role and
// whom it follows, and their offsets follow their masters' at once.
type fakeSet struct {
	net *memnet.Network

	mu    sync.Mutex // guards what follows and the nodes
	nodes []*fakeNode
}

// fakeNode answers what a sentinel asks of Redis.
type fakeNode struct {
	set  *fakeSet
	host *memnet.Host
	ip   string

	alive  bool
	runs   int    // times started; the run id names it
	master string // ip it follows; empty: it is a master
	offset int64
	link   map[*fakeClient]bool
	said   []string // SLAVEOF commands taken
}

// fakeClient is one connection to a fakeNode.
type fakeClient struct {
	node *fakeNode
	conn net.Conn
	out  chan []byte // never closed; bounded like a socket buffer, more is lost
	sub  bool

	multi  bool
	queued [][]string
}

func newFakeSet(n *memnet.Network, count int) *fakeSet {
	s := &fakeSet{net: n}
	for i := range count {
		ip := fmt.Sprintf("10.0.1.%d", i+1)
		node := &fakeNode{set: s, host: n.Host(ip), ip: ip, offset: 1000, link: map[*fakeClient]bool{}}
		if i > 0 {
			node.master = s.nodes[0].ip
		}
		s.nodes = append(s.nodes, node)
	}
	return s
}

// start lets the node serve; a node that was killed comes back in the role it had.
func (n *fakeNode) start(t *testing.T) {
	t.Helper()
	ln, err := n.host.Listen(":6379")
	if err != nil {
		t.Fatal(err)
	}
	n.set.mu.Lock()
	defer n.set.mu.Unlock()
	n.alive = true
	n.runs++
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			c := &fakeClient{node: n, conn: conn, out: make(chan []byte, 1000)}
			n.set.mu.Lock()
			n.link[c] = true
			n.set.mu.Unlock()
			go c.serve()
		}
	}()
}

// kill is kill -9.
func (n *fakeNode) kill() {
	n.host.Kill()
	n.set.mu.Lock()
	defer n.set.mu.Unlock()
	n.alive = false
	clear(n.link)
}

func (c *fakeClient) serve() {
	done := make(chan struct{})
	go c.writeAll(done)
	defer func() {
		close(done)
		c.conn.Close()
		c.node.set.mu.Lock()
		delete(c.node.link, c)
		c.node.set.mu.Unlock()
	}()
	var p resp.Parser
	var buf []byte
	limits := resp.DefaultLimits()
	for {
		args, n, err := p.Next(buf, &limits)
		if err != nil {
			return
		}
		if len(args) > 0 {
			words := make([]string, len(args))
			for i, a := range args {
				words[i] = string(a)
			}
			buf = buf[n:]
			c.write(c.execute(words))
			continue
		}
		if n > 0 {
			buf = buf[n:]
			continue
		}
		chunk := make([]byte, 4096)
		m, err := c.conn.Read(chunk)
		if err != nil {
			return
		}
		buf = append(buf, chunk[:m]...)
	}
}

func (c *fakeClient) write(b []byte) {
	select {
	case c.out <- b:
	default:
	}
}

func (c *fakeClient) writeAll(done chan struct{}) {
	for {
		select {
		case b := <-c.out:
			if _, err := c.conn.Write(b); err != nil {
				return
			}
		case <-done:
			return
		}
	}
}

// execute answers one command, MULTI and EXEC included.
func (c *fakeClient) execute(words []string) []byte {
	var w resp.Writer
	words[0] = strings.ToUpper(words[0])
	switch {
	case words[0] == "MULTI":
		c.multi = true
		w.Status("OK")
	case words[0] == "EXEC":
		w.Array(len(c.queued))
		for _, q := range c.queued {
			w.Raw(c.run(q))
		}
		c.multi, c.queued = false, nil
	case c.multi:
		c.queued = append(c.queued, words)
		w.Status("QUEUED")
	default:
		return c.run(words)
	}
	return w.Buf
}

func (c *fakeClient) run(words []string) []byte {
	n, w := c.node, resp.Writer{}
	n.set.mu.Lock()
	defer n.set.mu.Unlock()
	switch words[0] {
	case "PING":
		w.Status("PONG")
	case "INFO":
		w.BulkString(n.info())
	case "PUBLISH":
		w.Int(n.publish(words[2]))
	case "SUBSCRIBE":
		c.sub = true
		w.Array(3)
		w.BulkString("subscribe")
		w.BulkString(words[1])
		w.Int(1)
	case "SLAVEOF", "REPLICAOF":
		n.said = append(n.said, strings.Join(words[1:], " "))
		if n.master = words[1]; strings.EqualFold(words[1], "no") {
			n.master = ""
		}
		w.Status("OK")
	case "CLIENT":
		w.Status("OK")
	case "CONFIG":
		w.Error("ERR The server is running without a config file")
	default:
		w.Error("ERR unknown command '" + words[0] + "'")
	}
	return w.Buf
}

// publish hands a hello to the subscribers of this node and its replicas. The
// caller holds the set's lock.
func (n *fakeNode) publish(payload string) (count int64) {
	var w resp.Writer
	w.Array(3)
	w.BulkString("message")
	w.BulkString(helloChannel)
	w.BulkString(payload)
	for _, other := range n.set.nodes {
		if other != n && other.master != n.ip {
			continue
		}
		for c := range other.link {
			if c.sub {
				count++
				c.write(w.Buf)
			}
		}
	}
	return count
}

func (n *fakeNode) info() string {
	var b strings.Builder
	runID := fmt.Sprintf("%040x", int(n.ip[len(n.ip)-1])*1000+n.runs)
	fmt.Fprintf(&b, "# Server\r\nredis_version:7.0.15\r\nrun_id:%s\r\n\r\n# Replication\r\n", runID)
	if n.master == "" {
		b.WriteString("role:master\r\n")
		i := 0
		for _, r := range n.set.nodes {
			if r.alive && r.master == n.ip {
				r.offset = n.offset
				fmt.Fprintf(&b, "slave%d:ip=%s,port=6379,state=online,offset=%d,lag=0\r\n", i, r.ip, r.offset)
				i++
			}
		}
		fmt.Fprintf(&b, "master_repl_offset:%d\r\n", n.offset)
		return b.String()
	}
	status, down := "down", "master_link_down_since_seconds:1\r\n"
	if n.linked() {
		status, down = "up", ""
	}
	fmt.Fprintf(&b, "role:slave\r\nmaster_host:%s\r\nmaster_port:6379\r\nmaster_link_status:%s\r\n%sslave_priority:100\r\n"+
		"slave_repl_offset:%d\r\nreplica_announced:1\r\n", n.master, status, down, n.offset)
	return b.String()
}

// linked says whether the node's master is there and a master.
func (n *fakeNode) linked() bool {
	return slices.ContainsFunc(n.set.nodes, func(m *fakeNode) bool {
		return m.ip == n.master && m.alive && m.master == ""
	})
}

// masters lists the nodes that are up and say they are master.
func (s *fakeSet) masters() (ips []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, n := range s.nodes {
		if n.alive && n.master == "" {
			ips = append(ips, n.ip)
		}
	}
	return ips
}

// follows answers whom a node follows.
func (s *fakeSet) follows(i int) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.nodes[i].master
}

func addrOf(ip string) failover.Addr { return failover.Addr{Host: ip, Port: 6379} }

func atoi(s string) int { n, _ := strconv.Atoi(s); return n }

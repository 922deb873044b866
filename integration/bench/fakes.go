package main

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"github.com/vedette-ha/vedette/internal/resp"
)

// fakes are replication sets of responders in this process: what a sentinel sees of
// data servers, at the price of a goroutine a connection.
//
// A master listens itself, so that it can refuse connections once it is dead. The
// replicas share one listener, each at a loopback address of its own: a thousand sets
// and the links of three sentinels to them fit into twenty thousand files.
type fakes struct {
	sets     []*fakeSet
	shared   net.Listener
	replicas map[string]*fakeNode // by host; not changed once connections come
}

// fakeSet is a master and its replicas. Roles are indexes into nodes.
type fakeSet struct {
	mu    sync.Mutex // guards what follows and the nodes' subscribers
	nodes []*fakeNode
}

type fakeNode struct {
	set    *fakeSet
	host   string
	port   int
	ln     net.Listener // nil for a replica
	master *fakeNode    // whom it follows, nil: it is a master
	dead   bool
	conns  map[*fakeConn]struct{}
}

// fakeConn is one connection of a sentinel.
type fakeConn struct {
	node   *fakeNode
	conn   net.Conn
	mu     sync.Mutex // guards out; taken after the set's
	out    *bufio.Writer
	sub    bool
	multi  bool
	queued [][]string
}

// moreFiles lets this process and its children open as many files as the part needs.
func moreFiles() {
	limit := syscall.Rlimit{Cur: 1 << 16, Max: 1 << 16}
	_ = syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit) // without the right to, fewer sets fit
}

// startFakes makes sets of a master and two replicas, on free ports of loopback.
func startFakes(sets int) (_ *fakes, err error) {
	f := &fakes{replicas: map[string]*fakeNode{}}
	if f.shared, err = net.Listen("tcp4", "0.0.0.0:0"); err != nil {
		return nil, err
	}
	for i := range sets {
		if err := f.addSet(i); err != nil {
			f.stop()
			return nil, err
		}
	}
	go f.acceptReplicas()
	return f, nil
}

func (f *fakes) addSet(i int) error {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	set := &fakeSet{}
	f.sets = append(f.sets, set)
	master := set.add("127.0.0.1", ln, nil)
	for r := range 2 {
		replica := set.add(fmt.Sprintf("127.%d.%d.%d", 1+r, i/250, 1+i%250), f.shared, master)
		replica.ln = nil
		f.replicas[replica.host] = replica
	}
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			master.connected(conn)
		}
	}()
	return nil
}

func (s *fakeSet) add(host string, ln net.Listener, master *fakeNode) *fakeNode {
	n := &fakeNode{set: s, host: host, port: ln.Addr().(*net.TCPAddr).Port, ln: ln, master: master,
		conns: map[*fakeConn]struct{}{}}
	s.nodes = append(s.nodes, n)
	return n
}

func (f *fakes) acceptReplicas() {
	for {
		conn, err := f.shared.Accept()
		if err != nil {
			return
		}
		if n := f.replicas[conn.LocalAddr().(*net.TCPAddr).IP.String()]; n != nil {
			n.connected(conn)
			continue
		}
		conn.Close()
	}
}

func (f *fakes) stop() {
	f.shared.Close()
	for _, s := range f.sets {
		for _, n := range s.nodes {
			n.die()
		}
	}
}

// die ends the node as kill -9 does. A replica that is dead closes what comes.
func (n *fakeNode) die() {
	if n.ln != nil {
		n.ln.Close()
	}
	n.set.mu.Lock()
	defer n.set.mu.Unlock()
	n.dead = true
	for c := range n.conns {
		c.conn.Close()
	}
}

func (n *fakeNode) connected(conn net.Conn) {
	c := &fakeConn{node: n, conn: conn, out: bufio.NewWriterSize(conn, 512)}
	n.set.mu.Lock()
	if n.dead {
		conn.Close()
	}
	n.conns[c] = struct{}{}
	n.set.mu.Unlock()
	go c.serve()
}

func (c *fakeConn) serve() {
	defer func() {
		c.conn.Close()
		c.node.set.mu.Lock()
		delete(c.node.conns, c)
		c.node.set.mu.Unlock()
	}()
	var p resp.Parser
	limits := resp.DefaultLimits()
	buf := make([]byte, 0, 512)
	for {
		if len(buf) == cap(buf) {
			buf = slices.Grow(buf, 512)
		}
		n, err := c.conn.Read(buf[len(buf):cap(buf)])
		if err != nil {
			return
		}
		buf = buf[:len(buf)+n]
		used := c.execute(&p, &limits, buf)
		if used < 0 {
			return
		}
		buf = append(buf[:0], buf[used:]...)
	}
}

// execute answers the complete commands in buf and returns how long they are, -1 after
// an error.
func (c *fakeConn) execute(p *resp.Parser, limits *resp.Limits, buf []byte) (used int) {
	for {
		args, n, err := p.Next(buf[used:], limits)
		if err != nil {
			return -1
		}
		if n == 0 {
			break
		}
		used += n
		if len(args) > 0 {
			words := make([]string, len(args))
			for i, a := range args {
				words[i] = string(a)
			}
			c.answer(words)
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.out.Flush() != nil {
		return -1
	}
	return used
}

func (c *fakeConn) answer(words []string) {
	var w resp.Writer
	words[0] = strings.ToUpper(words[0])
	c.node.set.mu.Lock()
	switch {
	case words[0] == "MULTI":
		c.multi = true
		w.Status("OK")
	case words[0] == "EXEC":
		w.Array(len(c.queued))
		for _, q := range c.queued {
			c.node.run(c, q, &w)
		}
		c.multi, c.queued = false, nil
	case c.multi:
		c.queued = append(c.queued, words)
		w.Status("QUEUED")
	default:
		c.node.run(c, words, &w)
	}
	c.node.set.mu.Unlock()
	c.mu.Lock()
	_, _ = c.out.Write(w.Buf)
	c.mu.Unlock()
}

// run executes one command. The set's lock is held.
func (n *fakeNode) run(c *fakeConn, words []string, w *resp.Writer) {
	switch words[0] {
	case "PING":
		w.Status("PONG")
	case "INFO":
		w.BulkString(n.info())
	case "PUBLISH":
		w.Int(n.publish(words[1], words[2]))
	case "SUBSCRIBE":
		c.sub = true
		w.Array(3)
		w.BulkString("subscribe")
		w.BulkString(words[1])
		w.Int(1)
	case "SLAVEOF", "REPLICAOF":
		n.master = n.set.at(words[1], words[2])
		w.Status("OK")
	case "CLIENT", "CONFIG":
		w.Status("OK")
	default:
		w.Error("ERR unknown command '" + words[0] + "'")
	}
}

// at returns the node of that address, nil if there is none or it is "no one".
func (s *fakeSet) at(host, port string) *fakeNode {
	for _, n := range s.nodes {
		if n.host == host && strconv.Itoa(n.port) == port {
			return n
		}
	}
	return nil
}

// publish hands a hello to the subscribers of this node and of its replicas.
func (n *fakeNode) publish(channel, payload string) (count int64) {
	var w resp.Writer
	w.Array(3)
	w.BulkString("message")
	w.BulkString(channel)
	w.BulkString(payload)
	for _, other := range n.set.nodes {
		if other != n && other.master != n || other.dead {
			continue
		}
		for c := range other.conns {
			if c.sub {
				count++
				c.mu.Lock()
				_, _ = c.out.Write(w.Buf)
				_ = c.out.Flush()
				c.mu.Unlock()
			}
		}
	}
	return count
}

// id is the address as a number.
func (n *fakeNode) id() uint64 {
	return uint64(binary.BigEndian.Uint32(net.ParseIP(n.host).To4()))<<16 | uint64(n.port)
}

// info is INFO as far as a sentinel reads it. The offset is the same for all.
func (n *fakeNode) info() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# Server\r\nredis_version:7.0.15\r\nrun_id:%040x\r\n\r\n# Replication\r\n", n.id())
	if n.master == nil {
		b.WriteString("role:master\r\n")
		i := 0
		for _, r := range n.set.nodes {
			if r.master == n && !r.dead {
				fmt.Fprintf(&b, "slave%d:ip=%s,port=%d,state=online,offset=1000,lag=0\r\n", i, r.host, r.port)
				i++
			}
		}
		b.WriteString("master_repl_offset:1000\r\n")
		return b.String()
	}
	status := "down"
	if m := n.master; !m.dead && m.master == nil {
		status = "up"
	}
	fmt.Fprintf(&b, "role:slave\r\nmaster_host:%s\r\nmaster_port:%d\r\nmaster_link_status:%s\r\n",
		n.master.host, n.master.port, status)
	if status == "down" {
		b.WriteString("master_link_down_since_seconds:1\r\n")
	}
	b.WriteString("slave_priority:100\r\nslave_repl_offset:1000\r\nreplica_announced:1\r\n")
	return b.String()
}

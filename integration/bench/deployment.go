package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	masterName = "mymaster"
	sigStop    = syscall.SIGSTOP
	sigCont    = syscall.SIGCONT
	// formLimit bounds the wait until three sentinels know each other and all nodes.
	formLimit = 60 * time.Second
)

// deployment is a master, two replicas and three sentinels of one side.
type deployment struct {
	side      string
	nodes     []*process // the first is the master to begin with
	sentinels []*process
	doors     []*door // before the nodes, where a scenario cuts one off
}

// startDeployment returns once every sentinel knows everything and a majority of them may
// fail over.
func startDeployment(ctx context.Context, b *bench, side string, s scenario) (_ *deployment, err error) {
	started := &deployment{side: side}
	defer func() {
		if err != nil {
			started.stop()
		}
	}()
	return started, started.start(ctx, b, s)
}

func (d *deployment) start(ctx context.Context, b *bench, s scenario) error {
	if err := d.startNodes(ctx, b, s.fault == isolate); err != nil {
		return err
	}
	for range 3 {
		if err := d.startSentinel(b, s); err != nil {
			return err
		}
	}
	for _, p := range d.sentinels {
		if err := p.until(ctx, formLimit, func() error { return knowsAll(ctx, p) }); err != nil {
			return err
		}
	}
	return nil
}

// startNodes starts the data servers; behind doors, they know each other by the addresses of
// these.
func (d *deployment) startNodes(ctx context.Context, b *bench, doors bool) error {
	for i := range 3 {
		args := []string{"--repl-diskless-sync-delay", "0"}
		var in *door
		if doors {
			var err error
			if in, err = openDoor(); err != nil {
				return err
			}
			d.doors = append(d.doors, in)
			args = append(args, "--replica-announce-ip", "127.0.0.1", "--replica-announce-port", strconv.Itoa(in.port()))
		}
		if i > 0 {
			args = append(args, "--replicaof", "127.0.0.1 "+strconv.Itoa(d.portOf(0)))
		}
		p, err := b.startServer(ctx, d.side, args...)
		if err != nil {
			return err
		}
		d.nodes = append(d.nodes, p)
		if doors {
			in.lead(p.addr())
		}
	}
	for _, p := range d.nodes[1:] {
		if err := p.until(ctx, formLimit, func() error { return linkUp(ctx, p) }); err != nil {
			return err
		}
	}
	return nil
}

// portOf is where others reach a node.
func (d *deployment) portOf(i int) int {
	if d.doors != nil {
		return d.doors[i].port()
	}
	return d.nodes[i].port
}

func (d *deployment) startSentinel(b *bench, s scenario) error {
	port, err := freePort()
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp(b.dir, "sentinel")
	if err != nil {
		return err
	}
	lines := []string{
		fmt.Sprintf("port %d", port), "bind 127.0.0.1", "dir " + dir,
		fmt.Sprintf("sentinel monitor %s 127.0.0.1 %d 2", masterName, d.portOf(0)),
		"sentinel down-after-milliseconds " + masterName + " 1000",
		"sentinel failover-timeout " + masterName + " 10000",
	}
	for _, l := range s.conf {
		lines = append(lines, fmt.Sprintf(l, masterName))
	}
	file := filepath.Join(dir, "sentinel.conf")
	if err := os.WriteFile(file, []byte(strings.Join(lines, "\n")+"\n"), 0o644); err != nil {
		return err
	}
	p := &process{port: port, dir: dir, bin: b.redis, args: []string{file, "--sentinel"}}
	if d.side == ours {
		p.bin, p.args, p.env = b.vedette, []string{"sentinel", file}, s.env
	}
	if err := p.start(); err != nil {
		return err
	}
	d.sentinels = append(d.sentinels, p)
	return nil
}

// knowsAll returns nil once a sentinel knows both replicas and both peers and has a quorum.
func knowsAll(ctx context.Context, p *process) error {
	c := p.client()
	defer c.Close()
	m, err := c.Do(ctx, "SENTINEL", "MASTER", masterName).Slice()
	if err != nil {
		return err
	}
	for i := 0; i+1 < len(m); i += 2 {
		if k := m[i]; (k == "num-slaves" || k == "num-other-sentinels") && m[i+1] != "2" {
			return fmt.Errorf("%v is %v", k, m[i+1])
		}
	}
	replicas, err := c.Do(ctx, "SENTINEL", "REPLICAS", masterName).Slice()
	if err != nil {
		return err
	}
	for _, r := range replicas {
		if !strings.Contains(fmt.Sprint(r), "master-link-status ok") {
			return errors.New("a replica's link is not known to be up")
		}
	}
	return c.Do(ctx, "SENTINEL", "CKQUORUM", masterName).Err()
}

// killSentinel ends the sentinel on this port as kill -9 does.
func (d *deployment) killSentinel(port int) {
	for _, p := range d.sentinels {
		if p.port == port {
			p.kill()
		}
	}
}

// stop ends everything.
func (d *deployment) stop() {
	for _, p := range append(d.sentinels, d.nodes...) {
		p.kill()
	}
	for _, in := range d.doors {
		in.close()
	}
}

// master is a client of the node that the sentinels name.
func (d *deployment) master(addr string) *redis.Client {
	return redis.NewClient(&redis.Options{Addr: addr, Protocol: 2, DisableIdentity: true})
}

// door passes connections on to a node, until it is cut.
type door struct {
	ln    net.Listener
	to    chan string   // holds where the node is, once it is known
	gates chan chan any // holds the gate: closed while data may pass
}

// openDoor opens a door that leads nowhere yet: connections wait.
func openDoor() (*door, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	in := &door{ln: ln, to: make(chan string, 1), gates: make(chan chan any, 1)}
	gate := make(chan any)
	close(gate)
	in.gates <- gate
	go in.accept()
	return in, nil
}

func (in *door) port() int        { return in.ln.Addr().(*net.TCPAddr).Port }
func (in *door) lead(addr string) { in.to <- addr }
func (in *door) close()           { in.ln.Close() }

func (in *door) accept() {
	addr := ""
	for {
		c, err := in.ln.Accept()
		if err != nil {
			return
		}
		if addr == "" {
			addr = <-in.to
		}
		go in.serve(c, addr)
	}
}

// serve passes one connection's bytes both ways until either side closes it.
func (in *door) serve(c net.Conn, addr string) {
	defer c.Close()
	in.wait()
	n, err := net.Dial("tcp", addr)
	if err != nil {
		return
	}
	defer n.Close()
	ended := make(chan struct{}, 2)
	for _, way := range [][2]net.Conn{{c, n}, {n, c}} {
		go func() {
			in.pump(way[0], way[1])
			ended <- struct{}{}
		}()
	}
	<-ended
	in.wait() // a peer behind a cut does not hear that a connection was closed
}

func (in *door) pump(from, to net.Conn) {
	b := make([]byte, 16<<10)
	for {
		n, err := from.Read(b)
		in.wait()
		if err != nil {
			return
		}
		if _, err := to.Write(b[:n]); err != nil {
			return
		}
	}
}

// wait returns while the door is open.
func (in *door) wait() {
	gate := <-in.gates
	in.gates <- gate
	<-gate
}

// cut lets nothing pass from now on.
func (in *door) cut() {
	<-in.gates
	in.gates <- make(chan any)
}

// heal lets pass what was held back, and all that comes.
func (in *door) heal() {
	gate := <-in.gates
	close(gate)
	in.gates <- gate
}

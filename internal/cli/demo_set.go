//go:build !nodemo

package cli

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

const (
	demoHost      = "127.0.0.1"
	demoMaster    = "demo" // the name under which the sentinels know the set
	demoData      = 3
	demoSentinels = 3
	demoQuorum    = 2
)

// demoSet is the data servers and the sentinels, in a folder of their own.
type demoSet struct {
	dir       string
	data      []*demoNode // data[0] starts as the master
	sentinels []*demoNode
}

// newDemoSet makes the folder and the files; nothing runs yet.
func newDemoSet(o demoOptions) (*demoSet, error) {
	dir, err := os.MkdirTemp("", "vedette-demo-")
	if err != nil {
		return nil, err
	}
	s := &demoSet{dir: dir}
	ports, err := freePorts(demoData + demoSentinels)
	if err != nil {
		return s, err
	}
	for i := range demoData {
		s.data = append(s.data, &demoNode{Name: fmt.Sprintf("data-%d", i+1), Port: ports[i]})
	}
	for i := range demoSentinels {
		s.sentinels = append(s.sentinels,
			&demoNode{Name: fmt.Sprintf("sentinel-%d", i+1), Port: ports[demoData+i]})
	}
	return s, s.prepare(o)
}

func (s *demoSet) nodes() []*demoNode { return slices.Concat(s.data, s.sentinels) }

// prepare gives every node its folder and its command line.
func (s *demoSet) prepare(o demoOptions) error {
	for _, n := range s.nodes() {
		n.dir = filepath.Join(s.dir, n.Name)
		if err := os.Mkdir(n.dir, 0o700); err != nil {
			return err
		}
	}
	for i, n := range s.data {
		n.program, n.args = o.self, append([]string{"server"}, dataArgs(n)...)
		if o.data != "" {
			n.program, n.args = o.data, dataArgs(n)
		}
		if i > 0 {
			n.args = append(n.args, "--replicaof", demoHost, strconv.Itoa(s.data[0].Port))
		}
	}
	for _, n := range s.sentinels {
		file := filepath.Join(n.dir, "sentinel.conf")
		n.program, n.args = o.self, []string{"sentinel", file}
		if err := os.WriteFile(file, []byte(s.sentinelConf(n, o)), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// dataArgs keep nothing on disk: a data server that was killed comes back empty, so
// that all it has afterwards came from the new master.
func dataArgs(n *demoNode) []string {
	return []string{"--port", strconv.Itoa(n.Port), "--bind", demoHost, "--dir", n.dir,
		"--save", "", "--appendonly", "no", "--repl-diskless-sync-delay", "0"}
}

func (s *demoSet) sentinelConf(n *demoNode, o demoOptions) string {
	return fmt.Sprintf(`port %d
bind %s
dir "%s"
sentinel monitor %s %s %d %d
sentinel down-after-milliseconds %s %d
sentinel failover-timeout %s 10000
`, n.Port, demoHost, n.dir, demoMaster, demoHost, s.data[0].Port, demoQuorum,
		demoMaster, o.downAfter.Milliseconds(), demoMaster)
}

// start starts all nodes.
func (s *demoSet) start() error {
	for _, n := range s.nodes() {
		if err := n.start(); err != nil {
			return err
		}
	}
	return nil
}

// fallen is not nil if a node has ended by itself.
func (s *demoSet) fallen() error {
	for _, n := range s.nodes() {
		if err := n.fallen(); err != nil {
			return err
		}
	}
	return nil
}

// end kills all nodes and waits until they are gone.
func (s *demoSet) end() {
	for _, n := range s.nodes() {
		if n.cmd != nil {
			_ = n.kill() // it may have ended before
		}
	}
	for _, n := range s.nodes() {
		if n.cmd != nil {
			<-n.done
		}
	}
}

// nameOf is the name of the node with an address, or the address.
func (s *demoSet) nameOf(addr string) string {
	for _, n := range s.nodes() {
		if n.addr() == addr {
			return n.Name
		}
	}
	return addr
}

// dataNode is the data server with an address, or nil.
func (s *demoSet) dataNode(addr string) *demoNode {
	for _, n := range s.data {
		if n.addr() == addr {
			return n
		}
	}
	return nil
}

// others are the data servers without n.
func (s *demoSet) others(n *demoNode) (rest []*demoNode) {
	for _, o := range s.data {
		if o != n {
			rest = append(rest, o)
		}
	}
	return rest
}

// Ports are taken from below those that the system gives to outgoing connections:
// among these, a client that keeps dialing a dead node could take its port, or even
// be connected to itself.
const (
	lowestPort        = 15000
	ephemeralStart    = 32768 // unless the system says otherwise
	ephemeralRange    = "/proc/sys/net/ipv4/ip_local_port_range"
	portAttempts      = 200
	lowestPortFew     = 1024 // where the ephemeral ports begin lower
	fewestPortsToPick = 2000
)

// freePorts returns n ports nobody listens on.
func freePorts(n int) ([]int, error) {
	low, high := portRange()
	var ports []int
	for range portAttempts {
		ln, err := net.Listen("tcp", net.JoinHostPort(demoHost, strconv.Itoa(low+rand.IntN(high-low))))
		if err != nil {
			continue
		}
		defer ln.Close() // at the end, so that none is found twice
		if ports = append(ports, ln.Addr().(*net.TCPAddr).Port); len(ports) == n {
			return ports, nil
		}
	}
	return nil, errors.New("no free ports found on " + demoHost)
}

// portRange is where to look: [low, high).
func portRange() (low, high int) {
	low, high = lowestPort, ephemeralStart
	if text, err := os.ReadFile(ephemeralRange); err == nil {
		if f := strings.Fields(string(text)); len(f) == 2 {
			if start, err := strconv.Atoi(f[0]); err == nil {
				high = start
			}
		}
	}
	if high < low+fewestPortsToPick {
		low = lowestPortFew
	}
	if high < low+fewestPortsToPick {
		low, high = lowestPort, ephemeralStart // all ports are ephemeral here
	}
	return low, high
}

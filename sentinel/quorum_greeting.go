package sentinel

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"

	"github.com/vedette-ha/vedette/failover"
)

// The subcommands of SENTINEL RAFT, by which sentinels of ours speak to each other
// on the sentinel port. HELLO is the question and the answer of two equals, and
// tells ours from Redis's, which know no such subcommand. JOIN takes an unformed
// sentinel into a cluster. PROPOSE and ASK go to the leader. CONNECT makes the
// connection a Raft stream.
const (
	subHello   = "HELLO"
	subJoin    = "JOIN"
	subPropose = "PROPOSE"
	subAsk     = "ASK"
	subConnect = "CONNECT"
)

// Bounds on what peers say.
const (
	greetingMaxBytes = 32 << 10
	greetingMaxReach = 256
	joinMaxBytes     = failover.MaxCommandBytes
)

// greetingVersion is raised when an older sentinel must not take part any more.
const greetingVersion = 1

// greeting is what a sentinel says of itself in HELLO, both ways.
type greeting struct {
	Version int     `json:"v"`
	ID      string  `json:"id"`     // myid
	Server  string  `json:"server"` // "<myid>-<incarnation>"
	Addr    string  `json:"addr,omitempty"`
	Cluster string  `json:"cluster,omitempty"`
	Ready   bool    `json:"ready,omitempty"`   // that cluster may decide
	Voters  int     `json:"voters,omitempty"`  // of that cluster
	Decided bool    `json:"decided,omitempty"` // it has decided a failover
	Index   uint64  `json:"index,omitempty"`   // of the log, applied
	Promise promise `json:"promise,omitzero"`
	// Reach lists the myids that answered the sender lately.
	Reach []string `json:"reach,omitempty"`
	// Outside are addresses, by myid, of sentinels that reach this member of a
	// cluster and belong to none: the leader may not have heard of them.
	Outside map[string]string `json:"outside,omitempty"`
	// Masters lists the monitored names, to name what two clusters share.
	Masters []string `json:"masters,omitempty"`
}

// joinRequest takes an unformed sentinel into a cluster. Whoever may speak to the
// port may send one: admission is as trusted as the port.
type joinRequest struct {
	Cluster string `json:"cluster"`
	Key     []byte `json:"key"`
	Founder string `json:"founder"` // myid
	Need    int    `json:"need"`
	Ready   bool   `json:"ready"`
	Server  string `json:"server"` // whom it is meant for
}

// joinAnswer says what the joining sentinel's own state was.
type joinAnswer struct {
	Greeting greeting          `json:"greeting"`
	Epoch    uint64            `json:"epoch,omitempty"`
	Masters  []failover.Master `json:"masters,omitempty"`
}

var errBadGreeting = errors.New("malformed greeting")

// decodeGreeting reads and checks a greeting from the wire.
func decodeGreeting(b []byte) (greeting, error) {
	var g greeting
	if len(b) > greetingMaxBytes {
		return g, fmt.Errorf("%w: longer than %d bytes", errBadGreeting, greetingMaxBytes)
	}
	if err := json.Unmarshal(b, &g); err != nil {
		return greeting{}, fmt.Errorf("%w: %w", errBadGreeting, err)
	}
	switch {
	case g.Version != greetingVersion:
		return greeting{}, fmt.Errorf("%w: version %d, this program speaks %d", errBadGreeting, g.Version, greetingVersion)
	case !isSentinelID(g.ID), myIDOf(g.Server) != g.ID, len(g.Server) > 128:
		return greeting{}, fmt.Errorf("%w: id", errBadGreeting)
	case len(g.Reach) > greetingMaxReach, len(g.Outside) > greetingMaxReach:
		return greeting{}, fmt.Errorf("%w: too many peers", errBadGreeting)
	case g.Addr != "" && !isAddr(g.Addr):
		return greeting{}, fmt.Errorf("%w: address", errBadGreeting)
	}
	return g, nil
}

// isSentinelID reports whether id has the form of a myid: 40 hex digits.
func isSentinelID(id string) bool {
	if len(id) != 40 {
		return false
	}
	for i := range len(id) {
		c := id[i]
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') && (c < 'A' || c > 'F') {
			return false
		}
	}
	return true
}

func isAddr(addr string) bool {
	host, port, err := net.SplitHostPort(addr)
	return err == nil && host != "" && port != ""
}

// myIDOf is the myid of a server id.
func myIDOf(server string) string {
	if len(server) < 41 || server[40] != '-' {
		return ""
	}
	return server[:40]
}

// splitTarget takes "<server id>@<host:port>" apart.
func splitTarget(to string) (server, addr string) {
	for i := range len(to) {
		if to[i] == '@' {
			return to[:i], to[i+1:]
		}
	}
	return "", to
}

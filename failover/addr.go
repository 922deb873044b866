package failover

import (
	"cmp"
	"errors"
	"strconv"
	"strings"
)

// Addr is the address of an instance as it is announced: an IP address or a host
// name, and a port. It is compared as text; see [Resolved] for names.
type Addr struct {
	Host string
	Port int
}

// String returns host:port, with brackets around an IPv6 address.
func (a Addr) String() string {
	port := strconv.Itoa(a.Port)
	if strings.Contains(a.Host, ":") {
		return "[" + a.Host + "]:" + port
	}
	return a.Host + ":" + port
}

// IsZero reports whether a names nothing.
func (a Addr) IsZero() bool { return a == Addr{} }

// ParseAddr is the inverse of [Addr.String]. The port is 1 to 65535.
func ParseAddr(s string) (Addr, error) {
	host, port, ok := cutPort(s)
	n, err := strconv.ParseUint(port, 10, 16)
	if !ok || err != nil || n == 0 || host == "" {
		return Addr{}, errors.New("invalid address " + strconv.Quote(s))
	}
	return Addr{Host: host, Port: int(n)}, nil
}

// cutPort takes host:port apart. A host with colons stands in brackets, and no other
// host has any.
func cutPort(s string) (host, port string, ok bool) {
	if inner, found := strings.CutPrefix(s, "["); found {
		host, port, ok = strings.Cut(inner, "]:")
	} else {
		host, port, ok = strings.Cut(s, ":")
	}
	return host, port, ok && !strings.ContainsAny(host, "[]")
}

func (a Addr) compare(b Addr) int {
	return cmp.Or(cmp.Compare(a.Host, b.Host), cmp.Compare(a.Port, b.Port))
}

// MarshalText makes an Addr a JSON string.
func (a Addr) MarshalText() ([]byte, error) {
	if a.IsZero() {
		return nil, nil
	}
	return []byte(a.String()), nil
}

// UnmarshalText reads what MarshalText wrote.
func (a *Addr) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*a = Addr{}
		return nil
	}
	parsed, err := ParseAddr(string(text))
	if err != nil {
		return err
	}
	*a = parsed
	return nil
}

// Node names what a link goes to. It is comparable: use it as a map key.
//
// A data node is named by the master's name and its own address, whatever its role
// is at the moment: the links of a promoted replica stay. A sentinel is named by its
// id; one link serves all masters, and its address may change.
type Node struct {
	Master   string // name of the master whose set a data node belongs to
	Addr     Addr   // of a data node; zero for a sentinel
	Sentinel string // id of a sentinel; empty for a data node
}

// IsSentinel reports whether n is another sentinel.
func (n Node) IsSentinel() bool { return n.Sentinel != "" }

func (n Node) String() string {
	if n.IsSentinel() {
		return "sentinel " + n.Sentinel
	}
	return n.Master + " " + n.Addr.String()
}

// Role is what an instance says it is in INFO.
type Role int

// The roles of INFO's role field.
const (
	RoleUnknown Role = iota
	RoleMaster
	RoleSlave
	RoleSentinel
)

// String returns the word of the wire: master, slave or sentinel.
func (r Role) String() string {
	switch r {
	case RoleMaster:
		return "master"
	case RoleSlave:
		return "slave"
	case RoleSentinel:
		return "sentinel"
	}
	return "unknown"
}

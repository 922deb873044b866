package replication

import (
	"fmt"
	"net"
	"strconv"
	"strings"

	"github.com/vedette-ha/vedette/internal/resp"
)

// Peer is what a connection has told about itself with REPLCONF before it asks for
// synchronization. The zero value is a connection that has said nothing.
type Peer struct {
	Port       int    // listening-port; 0 unknown
	IP         string // ip-address it wants to be known by; "" the one it comes from
	EOF        bool   // capa eof: takes a snapshot without a length
	PSYNC2     bool   // capa psync2: takes +CONTINUE with a new id
	FieldTTL   bool   // capa field-ttl: knows times to live of the fields of hashes
	Version    string // version of the replica's server
	RDBOnly    bool   // wants the snapshot and no stream
	NoData     bool   // rdb-filter-only without keys
	NoFunction bool   // rdb-filter-only without functions
}

// maxIPLen limits ip-address, as an address or host name has it.
const maxIPLen = 255

// filtered reports whether the snapshot it wants is not the whole data set.
func (p *Peer) filtered() bool { return p.NoData || p.NoFunction }

// set applies one REPLCONF option and its value.
func (p *Peer) set(option, value string) error {
	switch strings.ToLower(option) {
	case "listening-port":
		n, ok := resp.ParseInt([]byte(value))
		if !ok {
			return resp.ErrNotInteger
		}
		p.Port = int(n)
	case "ip-address":
		if len(value) > maxIPLen {
			return resp.Errorf("ERR REPLCONF ip-address provided by replica instance is too long: %d bytes", len(value))
		}
		p.IP = value
	case "capa":
		p.capability(value)
	case "version":
		p.Version = value
	case "rdb-only":
		return p.setRDBOnly(value)
	case "rdb-filter-only":
		return p.setFilter(value)
	default:
		return resp.Errorf("ERR Unrecognized REPLCONF option: %s", option)
	}
	return nil
}

// capability notes what the replica can do; unknown words are for later versions.
func (p *Peer) capability(word string) {
	switch strings.ToLower(word) {
	case "eof":
		p.EOF = true
	case "psync2":
		p.PSYNC2 = true
	case capaFieldTTL:
		p.FieldTTL = true
	}
}

// capaFieldTTL is a word of ours: Redis knows such fields from 7.4 on and does not
// say so.
const capaFieldTTL = "field-ttl"

// KnowsFieldTTL reports whether the peer can hold hashes with fields that expire, or
// wants nothing but a file.
func (p *Peer) KnowsFieldTTL() bool {
	if p.FieldTTL || p.RDBOnly || p.NoData {
		return true
	}
	major, rest, _ := strings.Cut(p.Version, ".")
	minor, _, _ := strings.Cut(rest, ".")
	a, err1 := strconv.Atoi(major)
	b, err2 := strconv.Atoi(minor)
	return err1 == nil && err2 == nil && (a > 7 || a == 7 && b >= 4)
}

func (p *Peer) setRDBOnly(value string) error {
	n, ok := resp.ParseInt([]byte(value))
	if !ok {
		return resp.ErrNotInteger
	}
	if n < 0 || n > 1 {
		return resp.Errorf("ERR value is out of range, value must between 0 and 1")
	}
	p.RDBOnly = n == 1
	return nil
}

// setFilter reads the words of rdb-filter-only: what the snapshot shall contain.
func (p *Peer) setFilter(value string) error {
	if strings.Count(value, `"`)%2 == 1 || strings.Count(value, `'`)%2 == 1 {
		return resp.Errorf("ERR Missing rdb-filter-only values")
	}
	p.NoData, p.NoFunction = true, true
	for _, word := range strings.Fields(value) {
		if !strings.EqualFold(strings.Trim(word, `"'`), "functions") {
			return resp.Errorf("ERR Unsupported rdb-filter-only option: %s", word)
		}
		p.NoFunction = false
	}
	return nil
}

// name is how logs call a replica: address and port, the latter if it told.
func (p *Peer) name(host string) string {
	if p.IP != "" {
		host = p.IP
	}
	if p.Port == 0 {
		return fmt.Sprintf("%s:<unknown-replica-port>", host)
	}
	return net.JoinHostPort(host, strconv.Itoa(p.Port))
}

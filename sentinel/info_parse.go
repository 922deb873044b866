package sentinel

import (
	"bytes"
	"strconv"
	"strings"
	"time"

	"github.com/vedette-ha/vedette/failover"
)

// Bounds of what is taken from the INFO of a data node.
const (
	longestInfo  = 1 << 20 // bytes looked at; Redis's INFO has some 6 kB
	mostReplicas = 512     // replicas one master may name
)

// parseInfo reads the reply to INFO. Lines it does not know are skipped, and a
// value that makes no sense leaves its field as it was: a data node of another
// make must not be declared down for an odd line.
func parseInfo(text []byte) failover.Info {
	info := failover.Info{Priority: 100, Announced: true}
	text = text[:min(len(text), longestInfo)]
	for line := range bytes.Lines(text) {
		key, value, ok := strings.Cut(strings.TrimRight(string(line), "\r\n"), ":")
		if ok && key != "" && len(line) < 1024 {
			setInfo(&info, key, value)
		}
	}
	return info
}

// setInfo takes one line.
func setInfo(i *failover.Info, key, value string) {
	switch key {
	case "run_id":
		if len(value) == 40 && isWord(value) {
			i.RunID = value
		}
	case "role":
		i.Role = roleOf(value)
	case "master_host":
		if isWord(value) {
			i.MasterAddr.Host = value
		}
	case "master_port":
		if p, err := parsePort(value); err == nil {
			i.MasterAddr.Port = p
		}
	case "master_link_status":
		i.MasterLinkUp = value == "up"
	case "master_link_down_since_seconds":
		i.MasterLinkDown = time.Duration(boundedInt(value, -1, maxSeconds)) * time.Second
	case "slave_priority":
		i.Priority = int(boundedInt(value, 0, 1<<31-1))
	case "slave_repl_offset":
		i.Offset = boundedInt(value, -1, 1<<63-1)
	case "master_repl_offset":
		i.MasterOffset = boundedInt(value, -1, 1<<63-1)
	case "replica_announced":
		i.Announced = value != "0"
	case "master_failover_state":
		i.FailoverState = value
	case "master_replid":
		i.ReplID = replID(value)
	case "master_replid2":
		i.ReplID2 = replID(value)
	case "loading":
		i.Loading = value == "1"
	case "rdb_last_bgsave_status", "aof_last_bgrewrite_status", "aof_last_write_status":
		i.DiskError = i.DiskError || value == "err"
	case "vedette_version":
		i.Vedette = true
	default:
		addReplica(i, key, value)
		addKeys(i, key, value)
	}
}

// replID takes the id of a history; the one of zeros is none.
func replID(value string) string {
	if len(value) != 40 || !isWord(value) || strings.Trim(value, "0") == "" {
		return ""
	}
	return value
}

// addKeys takes "db0:keys=…,expires=…,…".
func addKeys(i *failover.Info, key, value string) {
	n, isDB := strings.CutPrefix(key, "db")
	if _, err := strconv.ParseUint(n, 10, 31); !isDB || err != nil {
		return
	}
	for _, f := range strings.Split(value, ",") {
		if v, ok := strings.CutPrefix(f, "keys="); ok {
			i.Keys += boundedInt(v, 0, 1<<40)
		}
	}
}

func roleOf(word string) failover.Role {
	switch word {
	case "master":
		return failover.RoleMaster
	case "slave":
		return failover.RoleSlave
	case "sentinel":
		return failover.RoleSentinel
	}
	return failover.RoleUnknown
}

// maxSeconds keeps a duration in seconds from overflowing.
const maxSeconds = int64((1<<63 - 1) / time.Second)

// addReplica takes "slave0:ip=…,port=…,state=…,offset=…,lag=…" and the form before
// Redis 2.8, "slave0:ip,port,state".
func addReplica(i *failover.Info, key, value string) {
	n, isSlave := strings.CutPrefix(key, "slave")
	if _, err := strconv.ParseUint(n, 10, 16); !isSlave || err != nil || len(i.Replicas) >= mostReplicas {
		return
	}
	var host, port string
	fields := strings.Split(value, ",")
	if !strings.Contains(value, "=") && len(fields) >= 2 {
		host, port = fields[0], fields[1]
	}
	for _, f := range fields {
		switch k, v, _ := strings.Cut(f, "="); k {
		case "ip":
			host = v
		case "port":
			port = v
		}
	}
	if p, err := parsePort(port); err == nil && isWord(host) {
		i.Replicas = append(i.Replicas, failover.Addr{Host: host, Port: p})
	}
}

// boundedInt reads a decimal number; outside [low, high], or not a number, it
// is the nearer bound, or low.
func boundedInt(s string, low, high int64) int64 {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		n = low
	}
	return min(max(n, low), high)
}

package replication

import (
	"strings"
	"testing"
	"time"
)

func TestReplconf(t *testing.T) {
	long := strings.Repeat("a", 300)
	tests := []struct {
		line string
		want Peer
		err  string
	}{
		{"listening-port 6380 ip-address 10.0.0.1", Peer{Port: 6380, IP: "10.0.0.1"}, ""},
		{"capa eof capa psync2 capa later", Peer{EOF: true, PSYNC2: true}, ""},
		{"capa field-ttl", Peer{FieldTTL: true}, ""},
		{"CAPA EOF version 7.2.4", Peer{EOF: true, Version: "7.2.4"}, ""},
		{"rdb-only 1", Peer{RDBOnly: true}, ""},
		{"rdb-only 0", Peer{}, ""},
		{"rdb-filter-only functions", Peer{NoData: true}, ""},
		{"", Peer{}, ""},
		{"capa", Peer{}, "ERR syntax error"},
		{"foo bar", Peer{}, "ERR Unrecognized REPLCONF option: foo"},
		{"listening-port x", Peer{}, "ERR value is not an integer or out of range"},
		{"rdb-only 2", Peer{}, "ERR value is out of range, value must between 0 and 1"},
		{"rdb-only x", Peer{}, "ERR value is not an integer or out of range"},
		{"rdb-filter-only foo", Peer{NoData: true, NoFunction: true}, "ERR Unsupported rdb-filter-only option: foo"},
		{`rdb-filter-only "x`, Peer{}, "ERR Missing rdb-filter-only values"},
		{"ip-address " + long, Peer{}, "ERR REPLCONF ip-address provided by replica instance is too long: 300 bytes"},
	}
	for _, tt := range tests {
		n := NewNode(defaultConfig(), Options{})
		var p Peer
		ok, err := n.Replconf(nil, &p, words(tt.line), time.Time{})
		text := ""
		if err != nil {
			text = err.Error()
		}
		if text != tt.err || ok != (tt.err == "") || p != tt.want {
			t.Errorf("%s: %v %q %+v", tt.line, ok, text, p)
		}
	}
}

// An empty filter takes everything out of the snapshot.
func TestEmptyFilter(t *testing.T) {
	var p Peer
	if err := p.set("rdb-filter-only", ""); err != nil || !p.NoData || !p.NoFunction {
		t.Errorf("%+v, %v", p, err)
	}
}

func TestReplicaName(t *testing.T) {
	tests := []struct {
		peer Peer
		want string
	}{
		{Peer{}, "10.0.0.9:<unknown-replica-port>"},
		{Peer{Port: 6380}, "10.0.0.9:6380"},
		{Peer{Port: 6380, IP: "::1"}, "[::1]:6380"},
	}
	for _, tt := range tests {
		if got := tt.peer.name("10.0.0.9"); got != tt.want {
			t.Errorf("%+v: %s, want %s", tt.peer, got, tt.want)
		}
	}
}

package sentinel

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/vedette-ha/vedette/failover"
)

func TestParseInfo(t *testing.T) {
	tests := []struct {
		name, in string
		want     failover.Info
	}{
		{"nothing", "", failover.Info{Priority: 100, Announced: true}},
		{
			"a master of Redis 7",
			"# Server\r\nredis_version:7.0.15\r\nrun_id:" + runIDa + "\r\nuptime_in_seconds:12\r\n\r\n# Replication\r\n" +
				"role:master\r\nconnected_slaves:2\r\nslave0:ip=10.0.0.2,port=6379,state=online,offset=42,lag=0\r\n" +
				"slave1:ip=::1,port=6380,state=wait_bgsave,offset=0,lag=3\r\nmaster_repl_offset:43\r\n",
			failover.Info{
				RunID: runIDa, Role: failover.RoleMaster, Priority: 100, Announced: true, MasterOffset: 43,
				Replicas: []failover.Addr{{Host: "10.0.0.2", Port: 6379}, {Host: "::1", Port: 6380}},
			},
		},
		{
			"a replica",
			"role:slave\r\nmaster_host:10.0.0.1\r\nmaster_port:6379\r\nmaster_link_status:down\r\n" +
				"master_link_down_since_seconds:7\r\nslave_priority:5\r\nslave_repl_offset:99\r\nreplica_announced:0\r\n",
			failover.Info{
				Role: failover.RoleSlave, MasterAddr: failover.Addr{Host: "10.0.0.1", Port: 6379}, MasterLinkDown: 7 * time.Second,
				Priority: 5, Offset: 99,
			},
		},
		{
			"a master of Redis 2.4",
			"role:master\nslave0:10.0.0.2,6379,online\n",
			failover.Info{Role: failover.RoleMaster, Priority: 100, Announced: true, Replicas: []failover.Addr{{Host: "10.0.0.2", Port: 6379}}},
		},
		{
			"values that make no sense",
			"run_id:x\nrole:king\nmaster_port:99999\nslave_priority:-4\nmaster_link_down_since_seconds:-1\n" +
				"slave0:ip=,port=1\nslave1:ip=a,port=0\nslavex:ip=a,port=1\n:\nrole\n",
			failover.Info{Announced: true, MasterLinkDown: -time.Second},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := parseInfo([]byte(tt.in)); !reflect.DeepEqual(got, tt.want) {
				t.Errorf("got  %+v\nwant %+v", got, tt.want)
			}
		})
	}
}

// Whatever a node answers, what is kept is bounded and usable as an address.
func FuzzParseInfo(f *testing.F) {
	f.Add([]byte("role:master\r\nslave0:ip=10.0.0.2,port=6379,state=online,offset=42,lag=0\r\n"))
	f.Add([]byte("role:slave\r\nmaster_host:::1\r\nmaster_port:6379\r\nmaster_link_down_since_seconds:9999999999999999999\r\n"))
	f.Add([]byte(strings.Repeat("slave1:1.1.1.1,1\n", mostReplicas+1)))
	f.Fuzz(func(t *testing.T, b []byte) {
		info := parseInfo(b)
		if len(info.Replicas) > mostReplicas {
			t.Errorf("%d replicas", len(info.Replicas))
		}
		for _, r := range info.Replicas {
			if !isWord(r.Host) || r.Port < 1 || r.Port > 65535 {
				t.Errorf("replica %+v", r)
			}
		}
		if info.MasterLinkDown < -time.Second || info.Priority < 0 {
			t.Errorf("link down %v, priority %d", info.MasterLinkDown, info.Priority)
		}
		if !reflect.DeepEqual(info, parseInfo(b)) {
			t.Error("equal bytes, different INFO")
		}
	})
}

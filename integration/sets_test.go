package integration

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"testing"
	"time"
)

// What SPOP takes is chance, and its replicas must lose the same: with a replica of the
// other make on either side, sets of all sizes and forms are the same in the end.
func TestPoppedMembersAreGoneFromReplicas(t *testing.T) {
	for name, start := range map[string][2]func(*testing.T, ...string) *process{
		"redis behind vedette": {startVedette, startRedis},
		"vedette behind redis": {startRedis, startVedette},
	} {
		t.Run(name, func(t *testing.T) {
			master := start[0](t, "--repl-diskless-sync-delay", "0")
			replica := start[1](t, "--replicaof", "127.0.0.1 "+strconv.Itoa(master.port))
			m, r := dial(t, master), dial(t, replica)
			m.do("SADD", "before", "a", "b", "1") // comes with the full synchronization
			eventually(t, 20*time.Second, func() error {
				if up := r.info("replication", "master_link_status"); up != "up" {
					return fmt.Errorf("master_link_status:%s", up)
				}
				return nil
			})
			popAtRandom(m)
			if got := m.do("WAIT", "1", "20000").text; got != "1" {
				t.Fatalf("WAIT: %s", got)
			}
			a, b := m.do("DEBUG", "DIGEST"), r.do("DEBUG", "DIGEST")
			if a.raw != b.raw {
				t.Errorf("the master has %s, the replica %s", a.raw, b.raw)
			}
		})
	}
}

// popAtRandom fills sets and pops from them, few and many at a time.
func popAtRandom(p *peer) {
	r := rand.New(rand.NewPCG(1, 2))
	for i := range 200 {
		key := fmt.Sprint("s", r.IntN(12))
		size := 1 + r.IntN([]int{4, 100, 700, 4000}[r.IntN(4)])
		args := []string{"SADD", key}
		for range size {
			member := strconv.Itoa(r.IntN(10_000))
			if i%2 == 0 {
				member = "word " + member
			}
			args = append(args, member)
		}
		p.do(args...)
		p.do("SPOP", key)
		p.do("SPOP", key, strconv.Itoa(r.IntN(2*size)))
		p.do("SMOVE", key, fmt.Sprint("s", r.IntN(12)), args[2])
	}
}

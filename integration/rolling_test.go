package integration

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// Three Redis Sentinels are replaced by ours, one after the other, with the files they
// have, and ours by Redis's again. At each stage the master is killed: there is always
// one master, everybody names it, nothing is lost, and the old one comes back as a
// replica.
func TestRollingReplacement(t *testing.T) {
	oneCluster.Lock()
	defer oneCluster.Unlock()
	redis := need(t, "redis-server")
	s := newSet(t, vedette, redis, vedette)
	s.addSentinels(redis, 3)
	for stage := 1; stage <= 6; stage++ {
		i, bin := (stage-1)%3, vedette
		if stage > 3 {
			bin = redis
		}
		s.replaceSentinel(i, bin)
		began := time.Now()
		s.killMaster(fmt.Sprintf("stage%d", stage))
		t.Logf("stage %d (%s): %v", stage, s.makes(), time.Since(began).Round(time.Millisecond))
	}
}

// replaceSentinel stops a sentinel and starts another program with its file.
func (s *set) replaceSentinel(i int, bin string) {
	s.t.Helper()
	p := s.sentinels[i]
	p.kill()
	p.bin = bin
	p.name = fmt.Sprintf("sentinel %d, now %s", i, bin)
	p.restart()
	eventually(s.t, 2*patience, func() error {
		for _, p := range s.sentinels {
			m, err := askMap(p, "SENTINEL", "MASTER", setName)
			if err != nil {
				return err
			}
			// One of ours among Redis's cannot reach a quorum of ours, and says so.
			flags := strings.TrimSuffix(m["flags"], ",no_quorum")
			if m["num-other-sentinels"] != "2" || flags != "master" {
				return fmt.Errorf("%s sees %s others, flags %s", p.name, m["num-other-sentinels"], m["flags"])
			}
			if err := allWell(p, "SENTINELS"); err != nil {
				return err
			}
		}
		_, err := s.agreed()
		return err
	})
}

// killMaster kills the master, checks the one that takes its place, and takes the old
// one back.
func (s *set) killMaster(prefix string) {
	s.t.Helper()
	old, err := s.agreed()
	if err != nil {
		s.t.Fatal(err)
	}
	s.store(old, prefix)
	old.kill()
	master := s.awaitMaster(old)
	s.holds(master, prefix)
	old.restart()
	eventually(s.t, redisRepairs, func() error { return s.followed(master) })
}

// makes names the programs of the sentinels.
func (s *set) makes() (names string) {
	for _, p := range s.sentinels {
		if p.bin == vedette {
			names += "ours "
		} else {
			names += "Redis "
		}
	}
	return names
}

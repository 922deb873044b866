package integration

import (
	"testing"
	"time"
)

// redisRepairs bounds how long Redis Sentinel takes to make a returned master a
// replica: it watches it for ten seconds first.
const redisRepairs = 60 * time.Second

// Data servers of ours are failed over by Redis's own sentinels, and taken back.
func TestUnderRedisSentinels(t *testing.T) {
	oneCluster.Lock()
	defer oneCluster.Unlock()
	redis := need(t, "redis-server")
	s := newSet(t, vedette, vedette, vedette)
	s.addSentinels(redis, 3)
	old := s.data[0]
	s.store(old, "before")
	old.kill()
	master := s.awaitMaster(old)
	s.holds(master, "before")
	s.holds(s.third(old, master), "before")

	old.restart()
	eventually(t, redisRepairs, func() error { return s.followed(master) })
	s.holds(old, "before")
}

package integration

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// One sentinel.conf goes from Redis's Sentinel to ours and back: who it is, where the
// master is and since which epoch, the replicas, the operator's comment.
func TestSentinelFileThereAndBack(t *testing.T) {
	oneCluster.Lock()
	defer oneCluster.Unlock()
	redis := need(t, "redis-server")
	s := newSet(t, redis, redis)
	s.quorum = 1
	p := s.addSentinel(redis)
	file := filepath.Join(p.dir, "sentinel.conf")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	p.stop()
	const comment = "# the operator's words"
	// Lines in any order: those of a master before the one that names it.
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	for i, j := 0, len(lines)-1; i < j; i, j = i+1, j-1 {
		lines[i], lines[j] = lines[j], lines[i]
	}
	lines = append(lines, comment, "sentinel rename-command "+setName+" DEBUG NOBUG")
	if err := os.WriteFile(file, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	id := ""
	for i, bin := range []string{redis, vedette} {
		p.bin = bin
		p.start()
		eventually(t, patience, func() error { return s.failsOver(p, i) })
		p.stop()
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		now := ""
		for _, want := range []string{comment, "rename-command", "known-replica", "down-after-milliseconds " + setName + " 3000"} {
			if !strings.Contains(string(text), want) {
				t.Errorf("%s: no %q in\n%s", bin, want, text)
			}
		}
		for line := range strings.Lines(string(text)) {
			if v, ok := strings.CutPrefix(line, "sentinel myid "); ok {
				now = strings.TrimSpace(v)
			}
		}
		if now == "" || id != "" && now != id {
			t.Errorf("%s: the id is %q, was %q", bin, now, id)
		}
		id = now
	}
	p.bin = redis
	p.start()
	eventually(t, patience, func() error {
		m, err := askMap(p, "SENTINEL", "MASTER", setName)
		if err == nil && (m["config-epoch"] != "2" || m["num-slaves"] != "1") {
			err = fmt.Errorf("config-epoch %s, %s replicas", m["config-epoch"], m["num-slaves"])
		}
		return err
	})
	if _, err := s.agreed(); err != nil {
		t.Error(err)
	}
}

// failsOver makes a sentinel that remembers n failovers do the next one.
func (s *set) failsOver(p *process, n int) error {
	m, err := askMap(p, "SENTINEL", "MASTER", setName)
	if err != nil {
		return err
	}
	switch m["config-epoch"] {
	case strconv.Itoa(n + 1):
		if m["flags"] != "master" {
			return fmt.Errorf("flags %s", m["flags"])
		}
		return nil
	case strconv.Itoa(n):
	default:
		return fmt.Errorf("config-epoch is %s after %d failovers", m["config-epoch"], n)
	}
	_, err = ask(p, "SENTINEL", "FAILOVER", setName)
	if err == nil {
		err = fmt.Errorf("failing over")
	}
	return err
}

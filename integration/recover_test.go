package integration

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Two of three sentinels are lost with their disks. The third is told to go on alone,
// fails over, and takes new ones in.
func TestSentinelRecover(t *testing.T) {
	oneCluster.Lock()
	defer oneCluster.Unlock()
	s := newSet(t, vedette, vedette, vedette)
	s.addSentinels(vedette, 3)
	left := s.sentinels[0]
	for _, p := range s.sentinels[1:] {
		p.kill()
	}
	s.sentinels = s.sentinels[:1]
	file := filepath.Join(left.dir, "sentinel.conf")
	if out, err := recoverIt(file); err == nil || !strings.Contains(out, "in use by another process") {
		t.Errorf("while it runs: %v\n%s", err, out)
	}
	left.stop()
	if out, err := recoverIt(file); err != nil || !strings.Contains(out, "of 3 sentinels") ||
		!strings.Contains(out, fmt.Sprintf("master    %s at 127.0.0.1:%d since epoch 0, quorum 2, 2 replicas", setName, s.first)) ||
		!strings.Contains(out, "Nothing was changed") {
		t.Fatalf("a look: %v\n%s", err, out)
	}
	if out, err := recoverIt("--alone", "--yes", file); err != nil || !strings.Contains(out, "It will decide alone") {
		t.Fatalf("recovery: %v\n%s", err, out)
	}
	left.start()
	eventually(t, patience, func() error { return formed(left, 1) })
	if r, err := ask(left, "SENTINEL", "SENTINELS", setName); err != nil || len(r.elems) != 0 {
		t.Errorf("it still knows %v, %v", r, err)
	}
	eventually(t, patience, func() error {
		_, err := ask(left, "SENTINEL", "SET", setName, "quorum", "1")
		return err
	})
	old := s.data[0]
	old.kill()
	s.first = s.awaitMaster(old).port
	s.addSentinel(vedette)
	s.addSentinel(vedette)
	for _, p := range s.sentinels {
		eventually(t, patience, func() error { return formed(p, 3) })
	}
	if out, err := recoverIt("--yes", "/nonexistent/sentinel.conf"); err == nil {
		t.Errorf("no such file: %s", out)
	}
}

func recoverIt(args ...string) (string, error) {
	out, err := exec.Command(vedette, slices.Concat([]string{"sentinel-recover"}, args)...).CombinedOutput()
	return string(out), err
}

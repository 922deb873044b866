package integration

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// One sentinel with quorum 1 needs nobody: it forms alone and fails over.
func TestSentinelAlone(t *testing.T) {
	oneCluster.Lock()
	defer oneCluster.Unlock()
	s := newSet(t, vedette, vedette)
	s.quorum = 1
	s.addSentinels(vedette, 1)
	old := s.data[0]
	s.store(old, "before")
	old.kill()
	s.holds(s.awaitMaster(old), "before")
}

// Sentinels come and go while the cluster lives on: what one is told all know, one
// that lost its store votes again, the death of the one that conducts a failover does
// not end it, and a newcomer takes the place of the dead.
func TestSentinelsComeAndGo(t *testing.T) {
	oneCluster.Lock()
	defer oneCluster.Unlock()
	s := newSet(t, vedette, vedette, vedette)
	s.addSentinels(vedette, 3)
	settingsApplyEverywhere(t, s)
	comesBackEmpty(t, s)
	claimantDies(t, s)
	newcomerVotes(t, s)
}

// settingsApplyEverywhere tells one sentinel, then asks all.
func settingsApplyEverywhere(t *testing.T, s *set) {
	t.Helper()
	other := launchData(t)
	tell := func(i int, args ...string) {
		t.Helper()
		eventually(t, patience, func() error {
			_, err := ask(s.sentinels[i], args...)
			return err
		})
	}
	all := func(check func(p *process) error) {
		t.Helper()
		for _, p := range s.sentinels {
			eventually(t, patience, func() error { return check(p) })
		}
	}
	tell(0, "SENTINEL", "MONITOR", "other", "127.0.0.1", strconv.Itoa(other.port), "2")
	all(func(p *process) error {
		_, err := ask(p, "SENTINEL", "MASTER", "other")
		return err
	})
	tell(1, "SENTINEL", "SET", "other", "down-after-milliseconds", "4321", "parallel-syncs", "3")
	all(func(p *process) error {
		m, err := askMap(p, "SENTINEL", "MASTER", "other")
		if err != nil {
			return err
		}
		if m["port"] != strconv.Itoa(other.port) || m["down-after-milliseconds"] != "4321" || m["parallel-syncs"] != "3" || m["quorum"] != "2" {
			return fmt.Errorf("%s says %v", p.name, m)
		}
		return inFile(p, "sentinel monitor other 127.0.0.1 "+strconv.Itoa(other.port)+" 2", true)
	})
	tell(2, "SENTINEL", "REMOVE", "other")
	all(func(p *process) error {
		r, err := ask(p, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", "other")
		if err != nil {
			return err
		}
		if !r.null {
			return fmt.Errorf("%s still knows %q", p.name, r.strings())
		}
		return inFile(p, " other ", false)
	})
}

// launchData starts a data server that belongs to no set.
func launchData(t *testing.T) *process {
	t.Helper()
	return newSet(t, vedette).data[0]
}

// inFile is nil if a sentinel's file has some text, or has not.
func inFile(p *process, text string, want bool) error {
	b, err := os.ReadFile(filepath.Join(p.dir, "sentinel.conf"))
	if err == nil && strings.Contains(string(b), text) != want {
		err = fmt.Errorf("%s: %q in sentinel.conf: %v", p.name, text, !want)
	}
	return err
}

// comesBackEmpty kills a sentinel and takes its store away. With its file it is the
// same sentinel to Redis's eyes, and another voter to ours.
func comesBackEmpty(t *testing.T, s *set) {
	t.Helper()
	p := s.sentinels[1]
	before, err := ask(p, "SENTINEL", "MYID")
	if err != nil {
		t.Fatal(err)
	}
	p.kill()
	stores, err := filepath.Glob(filepath.Join(p.dir, "vedette-sentinel-*"))
	if err != nil || len(stores) != 1 {
		t.Fatalf("the stores of %s: %q, %v", p.name, stores, err)
	}
	if err := os.RemoveAll(stores[0]); err != nil {
		t.Fatal(err)
	}
	p.restart()
	s.awaitSettled()
	if after, err := ask(p, "SENTINEL", "MYID"); err != nil || after.text != before.text {
		t.Errorf("MYID was %s, and is %s (%v)", before.text, after.text, err)
	}
	told := false
	for _, o := range s.sentinels {
		told = told || strings.Contains(o.out.String(), "came back without its store")
	}
	if !told {
		t.Error("nobody noticed that a sentinel lost its store")
	}
}

// claimantDies kills the master, and the sentinel that claims the failover right after
// it was elected. The other two, one of which came back without its store, end it.
func claimantDies(t *testing.T, s *set) {
	t.Helper()
	old := s.data[0]
	s.store(old, "before")
	var watchers []*watcher
	for _, p := range s.sentinels {
		watchers = append(watchers, watch(t, p))
	}
	old.kill()
	var claimant *process
	eventually(t, patience, func() error {
		for i, w := range watchers {
			if w.count("+elected-leader") > 0 {
				claimant = s.sentinels[i]
				return nil
			}
		}
		return fmt.Errorf("nobody was elected")
	})
	claimant.kill()
	master := s.awaitMaster(old)
	s.holds(master, "before")
	switched := fmt.Sprintf("+switch-master %s 127.0.0.1 %d 127.0.0.1 %d", setName, old.port, master.port)
	for i, w := range watchers {
		if s.sentinels[i] != claimant {
			w.await(t, []string{switched})
		}
	}
	s.sentinels = slices.DeleteFunc(s.sentinels, func(p *process) bool { return p == claimant })
	old.restart()
	eventually(t, patience, func() error { return s.followed(master) })
}

// newcomerVotes adds a sentinel with a fresh file, after one has died for good. Of
// four voters one is dead, so nothing is decided without the newcomer.
func newcomerVotes(t *testing.T, s *set) {
	t.Helper()
	p := s.addSentinel(vedette)
	eventually(t, patience, func() error {
		if err := formed(p, len(s.sentinels)+1); err != nil {
			return err
		}
		_, err := s.agreed()
		return err
	})
	eventually(t, patience, func() error { return allWell(p, "REPLICAS") })
	s.holds(s.failOver(p), "before")
}

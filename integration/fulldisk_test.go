package integration

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// The disk of the leading sentinel fills up: it says so and answers on, the others decide
// a failover, and with room again it knows what they decided.
func TestFullDiskOfLeader(t *testing.T) {
	oneCluster.Lock()
	defer oneCluster.Unlock()
	s := newSet(t, vedette, vedette)
	for range 3 {
		s.addSentinelOnSmallDisk()
	}
	s.awaitSettled()
	leader := s.leading()
	others := make([]*process, 0, 2)
	for _, p := range s.sentinels {
		if p != leader {
			others = append(others, p)
		}
	}
	free := fillDisk(t, leader)
	eventually(t, patience, func() error {
		n := time.Now().UnixNano() % 1000 // each change is an entry more for the full disk
		if _, err := ask(others[0], "SENTINEL", "SET", setName, "failover-timeout", fmt.Sprint(10000+n)); err != nil {
			return err
		}
		return says(leader, "raft_store:failing\r\n", "no space left on device", "raft_state:no-quorum\r\n")
	})
	s.data[0].kill()
	want := strconv.Itoa(s.data[1].port)
	for _, p := range others {
		eventually(t, patience, func() error { return names(p, want) })
	}
	if err := names(leader, strconv.Itoa(s.data[0].port)); err != nil {
		t.Errorf("the full one, which cannot know: %v", err)
	}
	free()
	eventually(t, patience, func() error { return names(leader, want) })
	eventually(t, patience, func() error { return says(leader, "raft_store:ok\r\n", "raft_state:ok\r\n") })
	if leader.ended() {
		t.Error("the sentinel with the full disk ended")
	}
}

// addSentinelOnSmallDisk starts a sentinel whose store is on a file system of its own, of
// two megabytes, which no other process sees.
func (s *set) addSentinelOnSmallDisk() {
	s.t.Helper()
	unshare := need(s.t, "unshare")
	if err := exec.Command(unshare, "-m", "mount", "-t", "tmpfs", "none", s.t.TempDir()).Run(); err != nil {
		s.t.Skip("not allowed to mount a file system in a namespace")
	}
	dir, port := s.t.TempDir(), clusterPort(s.t)
	file, store := filepath.Join(dir, "sentinel.conf"), filepath.Join(dir, "store")
	text := fmt.Sprintf("port %d\nbind 127.0.0.1\ndir %s\nsentinel monitor %s 127.0.0.1 %d %d\nsentinel down-after-milliseconds %s %d\n",
		port, store, setName, s.first, s.quorum, setName, downAfter.Milliseconds())
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
	if err := os.Mkdir(store, 0o700); err != nil {
		s.t.Fatal(err)
	}
	s.sentinels = append(s.sentinels, launch(s.t, unshare, port, dir,
		"-m", "sh", "-c", `mount -t tmpfs -o size=2m none "$0" && exec "$@"`, store, vedette, file, "--sentinel"))
}

// leading is the sentinel that leads the others.
func (s *set) leading() (leader *process) {
	s.t.Helper()
	eventually(s.t, patience, func() error {
		for _, p := range s.sentinels {
			if says(p, "raft_leading:1\r\n") == nil {
				leader = p
				return nil
			}
		}
		return fmt.Errorf("none leads")
	})
	return leader
}

// fillDisk fills the store's file system of a sentinel until free is called.
func fillDisk(t *testing.T, p *process) (free func()) {
	t.Helper()
	path := filepath.Join(fmt.Sprintf("/proc/%d/root", p.cmd.Process.Pid), p.dir, "store", "filler")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	for n := 64 << 10; n > 0; {
		if _, err := f.Write(make([]byte, n)); err != nil {
			n /= 2
		}
	}
	if n, err := f.Seek(0, io.SeekCurrent); err != nil || n < 1<<20 {
		t.Fatalf("filled %d bytes, %v", n, err)
	}
	return func() {
		if err := f.Truncate(0); err != nil {
			t.Fatal(err)
		}
		f.Close()
	}
}

// says is nil if INFO raft of a sentinel contains these.
func says(p *process, want ...string) error {
	r, err := ask(p, "INFO", "raft")
	if err != nil {
		return err
	}
	for _, w := range want {
		if !strings.Contains(r.text, w) {
			return fmt.Errorf("%s: INFO raft lacks %q: %q", p.name, w, r.text)
		}
	}
	return nil
}

// names is nil if a sentinel says that the master is on a port.
func names(p *process, port string) error {
	r, err := ask(p, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", setName)
	if err != nil {
		return err
	}
	if got := strings.Join(r.strings(), ":"); got != "127.0.0.1:"+port {
		return fmt.Errorf("%s names %s, not port %s", p.name, got, port)
	}
	return nil
}

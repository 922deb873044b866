package integration

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// A set of Redis's servers that renamed what a sentinel needs, and let its user do no
// more than the manual says: a failover works, planned and not, and the scripts are
// called with what Redis calls them with.
func TestSentinelDirectives(t *testing.T) {
	oneCluster.Lock()
	defer oneCluster.Unlock()
	redis := need(t, "redis-server")
	s := &set{t: t, quorum: 1}
	for i := range 2 {
		dir, port := t.TempDir(), clusterPort(t)
		file := filepath.Join(dir, "redis.conf")
		text := fmt.Sprintf("port %d\nbind 127.0.0.1\ndir %s\nsave \"\"\nrepl-diskless-sync-delay 0\n"+
			"rename-command SLAVEOF follow\nrename-command CONFIG setup\nrename-command PUBLISH tell\n"+
			"user sentinel on >secret +subscribe +publish +failover +script|kill +ping +info +multi +exec +slaveof "+
			"+config|rewrite +client|kill +client|setname +client|pause +client|unpause &__sentinel__:hello\n", port, dir)
		if i == 0 {
			s.first = port
		} else {
			text += fmt.Sprintf("replicaof 127.0.0.1 %d\n", s.first)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		s.data = append(s.data, launch(t, redis, port, dir, file))
	}
	dir, port := t.TempDir(), clusterPort(t)
	script, out := filepath.Join(dir, "script"), filepath.Join(dir, "called")
	if err := os.WriteFile(script, []byte("#!/bin/sh\n(printf '%s' \"$#\"; printf '|%s' \"$@\"; echo) >> "+out+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "sentinel.conf")
	lines := []string{ // those that name the master before the one that names it
		"sentinel auth-user m sentinel", "sentinel auth-pass m secret", "sentinel rename-command m slaveof follow",
		"sentinel rename-command m CONFIG setup", "sentinel rename-command m publish tell",
		"sentinel down-after-milliseconds m " + strconv.Itoa(int(downAfter.Milliseconds())),
		"sentinel failover-timeout m 10000", "sentinel notification-script m " + script,
		"sentinel client-reconfig-script m " + script, fmt.Sprintf("sentinel monitor m 127.0.0.1 %d 1", s.first),
		"port " + strconv.Itoa(port), "bind 127.0.0.1", "dir " + dir, "loglevel verbose",
	}
	text := strings.ReplaceAll(strings.Join(lines, "\n")+"\n", " m ", " "+setName+" ")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	p := launch(t, vedette, port, dir, file, "--sentinel")
	s.sentinels = append(s.sentinels, p)
	s.awaitSettled()
	first, second := s.data[0], s.data[1]
	eventually(t, patience, func() error { _, err := ask(p, "SENTINEL", "FAILOVER", setName); return err })
	if m := s.awaitMaster(first); m != second {
		t.Fatalf("the master is %s", m.name)
	}
	eventually(t, patience, func() error { return allWell(p, "REPLICAS") })
	second.kill()
	s.awaitMaster(second)
	there := fmt.Sprintf("7|%s|leader|start|127.0.0.1|%d|127.0.0.1|%d\n", setName, first.port, second.port)
	back := fmt.Sprintf("7|%s|leader|start|127.0.0.1|%d|127.0.0.1|%d\n", setName, second.port, first.port)
	eventually(t, patience, func() error {
		called, err := os.ReadFile(out)
		if err != nil {
			return err
		}
		for _, want := range []string{there, back,
			fmt.Sprintf("2|+monitor|master %s 127.0.0.1 %d quorum 1\n", setName, first.port),
			fmt.Sprintf("2|+switch-master|%s 127.0.0.1 %d 127.0.0.1 %d\n", setName, first.port, second.port),
			fmt.Sprintf("2|+sdown|master %s 127.0.0.1 %d\n", setName, second.port),
		} {
			if !strings.Contains(string(called), want) {
				return fmt.Errorf("no %q among\n%s", want, called)
			}
		}
		return nil
	})
	eventually(t, patience, func() error { // the last one may still run; none waits for another attempt
		r, err := ask(p, "SENTINEL", "PENDING-SCRIPTS")
		if err == nil && len(r.elems) != 0 {
			err = fmt.Errorf("pending scripts: %q", r.raw)
		}
		return err
	})
	if r, err := ask(first, "ACL", "LOG"); err != nil || len(r.elems) != 0 {
		t.Errorf("the sentinel was refused something: %q, %v", r.raw, err)
	}
}

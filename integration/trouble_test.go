package integration

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// A master that cannot save is in trouble, and not down: it answers. Once it refuses
// writes for that, and PING with them, it is down as for Redis Sentinel, and the record
// of the failover tells the reason.
func TestDiskError(t *testing.T) {
	for _, name := range []string{"vedette", "redis-server"} {
		t.Run(name, func(t *testing.T) {
			oneCluster.Lock()
			defer oneCluster.Unlock()
			program := vedette
			if name != "vedette" {
				program = need(t, name)
			}
			s := newSet(t, program, program)
			s.addSentinels(vedette, 3)
			master := s.data[0]
			var watchers []*watcher
			for _, p := range s.sentinels {
				watchers = append(watchers, watch(t, p))
			}
			c := dial(t, master)
			c.do("SET", "key", "value")
			if err := os.RemoveAll(master.dir); err != nil {
				t.Fatal(err)
			}
			c.do("BGSAVE")
			event := fmt.Sprintf("+trouble master %s 127.0.0.1 %d #disk_error", setName, master.port)
			for i, w := range watchers {
				w.await(t, []string{event})
				m, err := askMap(s.sentinels[i], "SENTINEL", "MASTER", setName)
				if err != nil || m["flags"] != "master" || m["trouble"] != "disk_error" {
					t.Errorf("flags %q, trouble %q, %v", m["flags"], m["trouble"], err)
				}
				why, err := ask(s.sentinels[i], "SENTINEL", "WHY", setName)
				if err != nil || !strings.Contains(why.raw, "It is not down, but in trouble: it cannot write to its disk.") {
					t.Errorf("WHY: %s, %v", why.raw, err)
				}
			}
			time.Sleep(2 * downAfter)
			for _, w := range watchers {
				if n := w.count("+sdown"); n > 0 {
					t.Errorf("down though it answers:\n%s", strings.Join(w.seen(), "\n"))
				}
			}
			if r := c.do("CONFIG", "SET", "save", "3600 1"); r.text != "OK" {
				t.Fatal(r.raw)
			}
			if r := c.do("PING"); !strings.HasPrefix(r.text, "MISCONF") {
				t.Errorf("PING: %q", r.raw)
			}
			// It follows, though it has no disk to receive a data set on.
			follows := fmt.Sprintf("slave 127.0.0.1 %d ", s.data[1].port)
			eventually(t, patience, func() error {
				r, err := ask(master, "ROLE")
				if err != nil || !strings.HasPrefix(strings.Join(r.strings(), " "), follows) {
					return fmt.Errorf("the old master says %s, %v", r.raw, err)
				}
				return recorded(s.sentinels[0], "done", "disk_error")
			})
		})
	}
}

// The pre-failover script stops a failover while it says no, is told what is wrong, and
// each refusal is on record; once it consents the failover goes on by itself.
func TestVeto(t *testing.T) {
	oneCluster.Lock()
	defer oneCluster.Unlock()
	s := newSet(t, vedette, vedette)
	dir := t.TempDir()
	script, veto, called := filepath.Join(dir, "script"), filepath.Join(dir, "veto"), filepath.Join(dir, "called")
	for file, text := range map[string]string{
		script: fmt.Sprintf("#!/bin/sh\necho \"$@\" >>%s\ntest ! -e %s\n", called, veto), veto: "",
	} {
		if err := os.WriteFile(file, []byte(text), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	s.directives = "sentinel pre-failover-script " + setName + " " + script + "\n"
	s.addSentinels(vedette, 3)
	var watchers []*watcher
	for _, p := range s.sentinels {
		watchers = append(watchers, watch(t, p))
	}
	master := s.data[0]
	master.kill()
	refused := fmt.Sprintf("-failover-refused master %s 127.0.0.1 %d #pre-failover-script: exit status 1", setName, master.port)
	for i, w := range watchers {
		w.await(t, []string{refused})
		why, err := ask(s.sentinels[i], "SENTINEL", "WHY", setName)
		if err != nil || !strings.Contains(why.raw, ": pre-failover-script: exit status 1.") {
			t.Errorf("WHY: %s, %v", why.raw, err)
		}
		if err := recorded(s.sentinels[i], "refused: pre-failover-script: exit status 1"); err != nil {
			t.Error(err)
		}
		if n := w.count("+try-failover"); n > 0 {
			t.Errorf("tried in spite of the veto:\n%s", strings.Join(w.seen(), "\n"))
		}
	}
	want := strings.Join([]string{setName, "127.0.0.1", strconv.Itoa(master.port), "0", "refused"}, " ")
	if text, err := os.ReadFile(called); err != nil || !strings.HasPrefix(string(text), want+"\n") {
		t.Errorf("called with %q, %v; want %q", text, err, want)
	}
	if err := os.Remove(veto); err != nil {
		t.Fatal(err)
	}
	s.awaitMaster(master)
	eventually(t, patience, func() error { return recorded(s.sentinels[0], "done") })
}

// recorded is nil if the last record of a sentinel has the words.
func recorded(p *process, words ...string) error {
	r, err := ask(p, "SENTINEL", "HISTORY", setName, "COUNT", "1")
	for _, word := range words {
		if err == nil && !strings.Contains(r.raw, word) {
			err = fmt.Errorf("no %q in the last record: %s", word, r.raw)
		}
	}
	return err
}

package integration

import (
	"fmt"
	"strconv"
	"testing"
	"time"
)

// What clients of a writable replica let expire goes there, too, though the master knows
// nothing of it; what came from the master waits for the master. Here and in Redis.
func TestWritableReplicaExpiresItsOwn(t *testing.T) {
	for name, start := range map[string]func(*testing.T, ...string) *process{"vedette": startVedette, "redis": startRedis} {
		t.Run(name, func(t *testing.T) {
			master := start(t, "--repl-diskless-sync-delay", "0")
			replica := start(t, "--replica-read-only", "no", "--replicaof", "127.0.0.1 "+strconv.Itoa(master.port))
			m, r := dial(t, master), dial(t, replica)
			m.do("DEBUG", "SET-ACTIVE-EXPIRE", "0")
			m.do("SET", "masters", "v", "PX", "50")
			eventually(t, 20*time.Second, func() error {
				if got := r.do("DBSIZE").text; got != "1" {
					return fmt.Errorf("%s keys from the master", got)
				}
				return nil
			})
			r.do("SET", "stays", "v", "PX", "100000")
			r.do("SET", "set", "v", "PX", "50")
			r.do("RPUSH", "expired", "a")
			r.do("PEXPIRE", "expired", "50")
			r.do("SET", "kept", "v", "PX", "50")
			r.do("PERSIST", "kept")
			eventually(t, 20*time.Second, func() error {
				size, tracked := r.do("DBSIZE").text, infoFields(r.do("INFO", "stats").text)["slave_expires_tracked_keys"]
				if size != "3" || tracked != "1" { // masters, stays, kept
					return fmt.Errorf("%s keys, %s tracked", size, tracked)
				}
				return nil
			})
			r.do("REPLICAOF", "NO", "ONE")
			eventually(t, 20*time.Second, func() error {
				if size := r.do("DBSIZE").text; size != "2" {
					return fmt.Errorf("as a master: %s keys", size)
				}
				return nil
			})
		})
	}
}

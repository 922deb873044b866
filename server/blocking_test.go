package server

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

const popped = "*2\r\n$1\r\nk\r\n$1\r\n%s\r\n"

// Who has waited longest is served first, one element each.
func TestLongestWaitIsServedFirst(t *testing.T) {
	hostile(t, unchanged, func(t *testing.T, v *virtual) {
		var waiting []*wire
		for range 5 {
			w := v.wire()
			w.says("BLPOP other k 0\r\n")
			synctest.Wait()
			waiting = append(waiting, w)
		}
		push := v.wire()
		push.says("INFO clients\r\n")
		push.until("blocked_clients:5\r\n")
		push.until("total_blocking_keys:2\r\ntotal_blocking_keys_on_nokey:0\r\n\r\n")
		push.says("RPUSH k a b\r\nMULTI\r\nRPUSH k c d\r\nRPUSH k e f\r\nEXEC\r\n")
		push.hears(":2\r\n+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n:2\r\n:4\r\n")
		for i, want := range strings.Fields("a b c d e") {
			waiting[i].hears(fmt.Sprintf(popped, want))
		}
		push.says("LRANGE k 0 -1\r\nINFO clients\r\n")
		push.hears("*1\r\n$1\r\nf\r\n")
		push.until("blocked_clients:0\r\n")
		push.until("total_blocking_keys:0\r\n")
	})
}

// A timeout counts from the first call, however often the command runs again.
func TestTimeoutCountsFromTheFirstCall(t *testing.T) {
	hostile(t, unchanged, func(t *testing.T, v *virtual) {
		w, other := v.wire(), v.wire()
		start := time.Now()
		w.says("BLMOVE k dst LEFT LEFT 1.5\r\nBLPOP k 0.0001\r\n")
		for range 3 {
			time.Sleep(400 * time.Millisecond)
			other.says("MULTI\r\nRPUSH k x\r\nDEL k\r\nEXEC\r\n")
			other.until(":1\r\n:1\r\n")
		}
		w.hears("*-1\r\n")
		if d := time.Since(start); d < 1500*time.Millisecond || d > 1502*time.Millisecond {
			t.Errorf("the time was up after %v", d)
		}
		w.hears("*-1\r\n")
	})
}

// CLIENT UNBLOCK ends a wait as its timeout would, or with an error; the counters say
// one call, whatever happened meanwhile.
func TestClientUnblock(t *testing.T) {
	hostile(t, unchanged, func(t *testing.T, v *virtual) {
		w, other := v.wire(), v.wire()
		w.says("CLIENT ID\r\n")
		id := w.line()[1:]
		other.says("CONFIG RESETSTAT\r\nCLIENT UNBLOCK " + id + "\r\n")
		other.hears("+OK\r\n:0\r\n")
		for reason, want := range map[string]string{"": "*-1\r\n", " TIMEOUT": "*-1\r\n", " error": "-UNBLOCKED client unblocked via CLIENT UNBLOCK\r\n"} {
			w.says("BLPOP k 0\r\n")
			synctest.Wait()
			other.says("CLIENT LIST ID " + id + "\r\n")
			other.until(" flags=b ")
			other.until("cmd=blpop")
			other.says("CLIENT UNBLOCK " + id + reason + "\r\n")
			other.until("\r\n:1\r\n")
			w.hears(want)
		}
		other.says("INFO commandstats\r\n")
		other.until("cmdstat_blpop:calls=3,")
		other.until("rejected_calls=0,failed_calls=1\r\n")
	})
}

// A connection that ends while it waits takes nothing with it.
func TestDisconnectWhileWaiting(t *testing.T) {
	hostile(t, unchanged, func(t *testing.T, v *virtual) {
		w, other := v.wire(), v.wire()
		w.says("BLPOP k k2 0\r\n")
		synctest.Wait()
		w.conn.Close()
		synctest.Wait()
		other.says("RPUSH k x\r\nLLEN k\r\n")
		other.hears(":1\r\n:1\r\n")
	})
}

// A server that becomes a replica ends all waits with an error, and their connections.
func TestWaitEndsWithTheRole(t *testing.T) {
	hostile(t, unchanged, func(t *testing.T, v *virtual) {
		w, acks, other := v.wire(), v.wire(), v.wire()
		w.says("BLPOP k 0\r\n")
		acks.says("WAIT 1 0\r\n")
		synctest.Wait()
		other.says("REPLICAOF 127.0.0.1 1\r\n")
		other.hears("+OK\r\n")
		for _, c := range []*wire{w, acks} {
			c.hears("-UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)\r\n")
			c.ends()
		}
		other.says("REPLICAOF NO ONE\r\n")
		other.hears("+OK\r\n")
	})
}

// What a wait took leaves as the plain command, after what it waited for.
func TestEffectsOfServedWaits(t *testing.T) {
	hostile(t, unchanged, func(t *testing.T, v *virtual) {
		replica := v.wire()
		replica.follow()
		for _, cmd := range []string{"BLPOP k 0", "BRPOP a k 0", "BLMPOP 0 1 k RIGHT COUNT 2", "BLMOVE k l LEFT RIGHT 0", "BRPOPLPUSH l m 0"} {
			w := v.wire()
			w.says(cmd + "\r\n")
			synctest.Wait()
		}
		other := v.wire()
		other.says("MULTI\r\nRPUSH k 1 2 3\r\nRPUSH k 4 5\r\nEXEC\r\n")
		for _, want := range []string{"MULTI", "SELECT 0", "RPUSH k 1 2 3", "RPUSH k 4 5", "EXEC",
			"LPOP k", "RPOP k", "RPOP k 2", "LMOVE k l LEFT RIGHT", "RPOPLPUSH l m"} {
			if got := replica.next(); got != want {
				t.Fatalf("the stream has %q, want %q", got, want)
			}
		}
	})
}

// While writes are paused a wait that would write is not served; it is when the pause
// ends.
func TestPauseHoldsServedWaits(t *testing.T) {
	hostile(t, unchanged, func(t *testing.T, v *virtual) {
		w, other := v.wire(), v.wire()
		w.says("BLPOP k 0\r\n")
		synctest.Wait()
		start := time.Now()
		other.says("MULTI\r\nRPUSH k a\r\nCLIENT PAUSE 300 WRITE\r\nEXEC\r\nLLEN k\r\n")
		other.until("*2\r\n:1\r\n+OK\r\n:1\r\n")
		w.hears(fmt.Sprintf(popped, "a"))
		if d := time.Since(start); d < 300*time.Millisecond {
			t.Errorf("served after %v, during the pause", d)
		}
		other.says("LLEN k\r\n")
		other.hears(":0\r\n")
	})
}

// What runs again is refused for what would refuse it now.
func TestRefusalOfServedWait(t *testing.T) {
	hostile(t, unchanged, func(t *testing.T, v *virtual) {
		w, other := v.wire(), v.wire()
		w.says("BLPOP k 0\r\n")
		synctest.Wait()
		other.says("MULTI\r\nRPUSH k a\r\nCONFIG SET min-replicas-to-write 1\r\nEXEC\r\n")
		w.hears("-NOREPLICAS Not enough good replicas to write.\r\n")
		other.says("CONFIG SET min-replicas-to-write 0\r\nLLEN k\r\n")
		other.until("*2\r\n:1\r\n+OK\r\n+OK\r\n:1\r\n")
	})
}

// MONITOR shows a command that waits once, when it comes.
func TestMonitorShowsWaitOnce(t *testing.T) {
	hostile(t, unchanged, func(t *testing.T, v *virtual) {
		m, w, other := v.wire(), v.wire(), v.wire()
		m.says("MONITOR\r\n")
		m.hears("+OK\r\n")
		w.says("BLPOP k 0\r\n")
		synctest.Wait()
		other.says("RPUSH k a\r\nPING\r\n")
		for _, want := range []string{`"BLPOP" "k" "0"`, `"RPUSH" "k" "a"`, `"PING"`} {
			if line := m.line(); !strings.HasSuffix(line, want) {
				t.Errorf("MONITOR shows %s, want %s", line, want)
			}
		}
	})
}

// Many sessions that wait for one key are each served at the same price.
func TestManyWaits(t *testing.T) {
	hostile(t, func(c *Config) { c.MaxClients = 5000 }, func(t *testing.T, v *virtual) {
		const n = 1000
		var waiting []*wire
		for range n {
			w := v.wire()
			w.says("BLPOP k 0\r\n")
			waiting = append(waiting, w)
		}
		synctest.Wait()
		other := v.wire()
		for range n {
			other.says("RPUSH k a\r\n")
			other.hears(":1\r\n")
		}
		for _, w := range waiting {
			w.hears(fmt.Sprintf(popped, "a"))
		}
	})
}

// A SHUTDOWN that waits for replicas ends with the role, too.
func TestShutdownEndsWithTheRole(t *testing.T) {
	hostile(t, unchanged, func(t *testing.T, v *virtual) {
		replica, w, other := v.wire(), v.wire(), v.wire()
		replica.follow()
		other.says("SET k v\r\n")
		other.hears("+OK\r\n")
		w.says("SHUTDOWN NOSAVE\r\n")
		synctest.Wait()
		other.says("REPLICAOF 127.0.0.1 1\r\nSHUTDOWN ABORT\r\nREPLICAOF NO ONE\r\n")
		other.hears("+OK\r\n+OK\r\n+OK\r\n")
		w.hears("-UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)\r\n")
		w.ends()
	})
}

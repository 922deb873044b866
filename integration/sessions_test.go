package integration

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"
)

// clientField is a field of CLIENT LIST, of the line of a session with that name.
func clientField(p *peer, name, field string) string {
	for line := range strings.Lines(p.do("CLIENT", "LIST").text) {
		if !strings.Contains(line, " name="+name+" ") {
			continue
		}
		for _, f := range clientFields(line) {
			if f[0] == field {
				return f[1]
			}
		}
	}
	return ""
}

// untilField waits until a field of a session's line has the value.
func untilField(t *testing.T, p *peer, name, field, want string) {
	t.Helper()
	eventually(t, 10*time.Second, func() error {
		if got := clientField(p, name, field); got != want {
			return fmt.Errorf("%s=%s, want %s", field, got, want)
		}
		return nil
	})
}

func bothServers(t *testing.T, args ...string) map[string]*process {
	return map[string]*process{"vedette": startVedette(t, args...), "redis": startRedis(t, args...)}
}

// A client whose command is held back by a pause counts as blocked, here and in Redis.
func TestPausedIsBlocked(t *testing.T) {
	for name, proc := range bothServers(t) {
		t.Run(name, func(t *testing.T) {
			c, held := dial(t, proc), dial(t, proc)
			held.do("CLIENT", "SETNAME", "held")
			c.do("CLIENT", "PAUSE", "60000", "WRITE")
			held.send("SET", "k", "v")
			untilField(t, c, "held", "flags", "b")
			if got := infoFields(c.do("INFO", "clients").text)["blocked_clients"]; got != "1" {
				t.Errorf("blocked_clients:%s", got)
			}
			if got := clientField(c, "held", "cmd"); got != "set" {
				t.Errorf("cmd=%s", got)
			}
			c.do("CLIENT", "UNPAUSE")
			if r := readOrEOF(held); r.text != "OK" {
				t.Errorf("SET after the pause: %q", r.raw)
			}
			if got := infoFields(c.do("INFO", "clients").text)["blocked_clients"]; got != "0" {
				t.Errorf("blocked_clients:%s after the pause", got)
			}
		})
	}
}

// The buffer for a client's replies shrinks while it needs little, and grows when it
// needs more, here and in Redis.
func TestReplyBufferFollowsNeed(t *testing.T) {
	for name, proc := range bothServers(t) {
		t.Run(name, func(t *testing.T) {
			c, x := dial(t, proc), dial(t, proc)
			c.do("DEBUG", "REPLYBUFFER", "PEAK-RESET-TIME", "100")
			x.do("CLIENT", "SETNAME", "x")
			x.do("SET", "big", strings.Repeat("x", 32<<10))
			untilField(t, c, "x", "rbs", "1024")
			c.do("DEBUG", "REPLYBUFFER", "PEAK-RESET-TIME", "NEVER")
			eventually(t, 10*time.Second, func() error {
				x.do("GET", "big")
				if got := clientField(c, "x", "rbs"); got != "16384" {
					return fmt.Errorf("rbs=%s", got)
				}
				return nil
			})
			stats := infoFields(c.do("INFO", "stats").text)
			if stats["reply_buffer_shrinks"] == "0" || stats["reply_buffer_expands"] == "0" {
				t.Errorf("shrinks %s, expands %s", stats["reply_buffer_shrinks"], stats["reply_buffer_expands"])
			}
		})
	}
}

// What a client has sent of a command, what it waits with, what it has queued and what
// it has not read shows in CLIENT LIST.
func TestClientListShowsWhatIsHeld(t *testing.T) {
	for name, proc := range bothServers(t) {
		t.Run(name, func(t *testing.T) {
			c := dial(t, proc)
			session := func(name string) *peer {
				x := dial(t, proc)
				x.do("CLIENT", "SETNAME", name)
				return x
			}
			me := session("me")
			if got := clientField(me, "me", "qbuf"); got != "26" {
				t.Errorf("qbuf=%s of the client that asks, want what it has sent", got)
			}
			if got := clientField(me, "me", "argv-mem"); got != "10" {
				t.Errorf("argv-mem=%s of the client that asks", got)
			}
			session("waits").send("BLPOP", "nokey", "0")
			untilField(t, c, "waits", "argv-mem", "11")

			full := session("full")
			c.do("SET", "big", strings.Repeat("x", 1<<20))
			for range 20 {
				full.send("GET", "big")
			}
			eventually(t, 10*time.Second, func() error {
				if len(clientField(c, "full", "omem")) < len("1000000") || clientField(c, "full", "oll") == "0" {
					return fmt.Errorf("omem=%s oll=%s", clientField(c, "full", "omem"), clientField(c, "full", "oll"))
				}
				return nil
			})
			queues := session("queues")
			queues.do("MULTI")
			queues.do("SET", "k", strings.Repeat("v", 1000))
			if got := clientField(c, "queues", "multi-mem"); len(got) != len("1000") {
				t.Errorf("multi-mem=%s", got)
			}
		})
	}
}

// What a replica has yet to read counts for it beyond the size of the backlog, and shows
// in its line of CLIENT LIST, here and in Redis.
func TestSlowReplicaShows(t *testing.T) {
	for name, proc := range bothServers(t, "--repl-diskless-sync-delay", "0", "--client-output-buffer-limit", "replica 0 0 0") {
		t.Run(name, func(t *testing.T) {
			c := dial(t, proc)
			slow := followStream(t, proc) // and reads no more
			for range 20 {
				c.do("SET", "k", strings.Repeat("v", 1<<20))
			}
			number := func(s string) int {
				n, err := strconv.Atoi(s)
				if err != nil {
					t.Errorf("%q: %v", s, err)
				}
				return n
			}
			eventually(t, 10*time.Second, func() error {
				mem := infoFields(c.do("INFO", "memory").text)
				behind, backlog := number(mem["mem_clients_slaves"]), number(mem["mem_replication_backlog"])
				if behind < 8<<20 || backlog < 1<<20 || backlog > 11<<20/10 || number(mem["mem_total_replication_buffers"]) < behind {
					return fmt.Errorf("behind %d, backlog %d, together %s", behind, backlog, mem["mem_total_replication_buffers"])
				}
				for _, f := range clientFields(c.do("CLIENT", "LIST", "TYPE", "replica").text) {
					if (f[0] == "omem" || f[0] == "tot-mem") && number(f[1]) < behind {
						return fmt.Errorf("%s=%s, behind %d", f[0], f[1], behind)
					}
				}
				return nil
			})
			slow.p.c.Close()
			eventually(t, 10*time.Second, func() error {
				if got := infoFields(c.do("INFO", "memory").text)["mem_clients_slaves"]; got != "0" {
					return fmt.Errorf("mem_clients_slaves:%s without a replica", got)
				}
				return nil
			})
		})
	}
}

// While the end waits for replicas clients are served, new ones too, and can call it off.
func TestShutdownThatWaits(t *testing.T) {
	for name, proc := range bothServers(t, "--repl-diskless-sync-delay", "0", "--shutdown-timeout", "3600") {
		t.Run(name, func(t *testing.T) {
			followStream(t, proc) // and acknowledges nothing
			c := dial(t, proc)
			c.do("SET", "k", "v")
			c.send("SHUTDOWN")
			eventually(t, 10*time.Second, func() error {
				x := dial(t, proc)
				if got := infoFields(x.do("INFO", "server").text)["shutdown_in_milliseconds"]; len(got) != len("3599000") {
					return fmt.Errorf("shutdown_in_milliseconds:%s", got)
				}
				return nil
			})
			x := dial(t, proc)
			if r := x.do("SHUTDOWN", "ABORT"); r.text != "OK" {
				t.Errorf("SHUTDOWN ABORT: %q", r.raw)
			}
			if r := readOrEOF(c); !strings.Contains(r.raw, "Errors trying to SHUTDOWN") {
				t.Errorf("SHUTDOWN that was called off: %q", r.raw)
			}
			if _, there := infoFields(x.do("INFO", "server").text)["shutdown_in_milliseconds"]; there {
				t.Error("shutdown_in_milliseconds without a shutdown")
			}
		})
	}
}

// Under CLIENT NO-TOUCH only TOUCH changes when a key was last used.
func TestNoTouch(t *testing.T) {
	proc := startVedette(t)
	c, x := dial(t, proc), dial(t, proc)
	c.do("SET", "k", "v")
	dump := c.do("DUMP", "k").text
	idle := func() string {
		if c.do("OBJECT", "IDLETIME", "k").text == "0" {
			return "used"
		}
		return "idle"
	}
	x.do("CLIENT", "NO-TOUCH", "ON")
	for _, tt := range []struct{ command, want string }{
		{"GET k", "idle"}, {"MGET k", "idle"}, {"STRLEN k", "idle"}, {"EXPIRE k 1000", "idle"}, {"TOUCH k", "used"},
		{"CLIENT NO-TOUCH OFF", "idle"}, {"GET k", "used"}, {"CLIENT NO-TOUCH ON", "idle"}, {"GET k", "idle"}, {"RESET", "idle"}, {"GET k", "used"},
	} {
		c.do("RESTORE", "k", "0", dump, "REPLACE", "IDLETIME", "1000")
		x.do(strings.Fields(tt.command)...)
		if got := idle(); got != tt.want {
			t.Errorf("after %s the key is %s, want %s", tt.command, got, tt.want)
		}
	}
}

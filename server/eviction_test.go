package server

import (
	"fmt"
	"io"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"
)

// ask sends a command in the inline form and returns the first line of the reply.
func (w *wire) ask(format string, args ...any) string {
	w.t.Helper()
	w.says(fmt.Sprintf(format, args...) + "\r\n")
	return w.line()
}

// info is one field of INFO.
func (w *wire) info(name string) string {
	w.t.Helper()
	size, _ := strconv.Atoi(strings.TrimPrefix(w.ask("INFO everything"), "$"))
	value := ""
	for size > 0 {
		line := w.line()
		size -= len(line) + 2
		if v, ok := strings.CutPrefix(line, name+":"); ok {
			value = v
		}
	}
	w.line()
	return value
}

func (w *wire) infoInt(name string) int {
	w.t.Helper()
	n, err := strconv.Atoi(w.info(name))
	if err != nil {
		w.t.Fatalf("INFO %s: %v", name, err)
	}
	return n
}

// fill sets so many keys of about 1 KiB and returns how many were refused.
func (w *wire) fill(prefix string, keys int, options string) (refused int) {
	w.t.Helper()
	for i := range keys {
		switch got := w.ask("SET %s%d %s %s", prefix, i, strings.Repeat("x", 1000), options); got {
		case "+OK":
		case "-" + errOOM.Error():
			refused++
		default:
			w.t.Fatalf("SET: %s", got)
		}
	}
	return refused
}

const evictionLimit = 4 << 20

func limited(policy MaxMemoryPolicy) func(*Config) {
	return func(c *Config) { c.MaxMemory, c.MaxMemoryPolicy = evictionLimit, policy }
}

// With every policy that evicts, memory stays at the limit however much is written,
// and with the volatile ones what has no expiry stays, too.
func TestMemoryStaysAtTheLimit(t *testing.T) {
	for _, p := range policyNames() {
		policy := p.v
		if policy == NoEviction {
			continue
		}
		t.Run(p.name, func(t *testing.T) {
			hostile(t, limited(policy), func(t *testing.T, v *virtual) {
				w := v.wire()
				if n := w.fill("persistent", 500, ""); n > 0 {
					t.Fatalf("%d refused though there is room", n)
				}
				if n := w.fill("volatile", 8000, "EX 1000"); n > 0 {
					t.Errorf("%d refused", n)
				}
				if used := w.infoInt("used_memory"); used > evictionLimit+evictionLimit/20 || used < evictionLimit*9/10 {
					t.Errorf("%d bytes used of %d", used, evictionLimit)
				}
				if n := w.infoInt("evicted_keys"); n < 4000 {
					t.Errorf("%d evicted", n)
				}
				if policy >= AllKeysLRU {
					return
				}
				for i := range 500 {
					if got := w.ask("EXISTS persistent%d", i); got != ":1" {
						t.Fatalf("persistent%d is gone", i)
					}
				}
			})
		})
	}
}

// What big collections take counts as it grows, and is given back when they go.
func TestCollectionsCountForTheLimit(t *testing.T) {
	for _, grow := range []string{"HSET h f%d %s", "SADD h %d%s", "ZADD h %d %[1]d%[2]s", "RPUSH h %d%s", "XADD h * f%d %s"} {
		hostile(t, limited(VolatileLRU), func(t *testing.T, v *virtual) {
			w := v.wire()
			w.fill("k", 2000, "EX 10000")
			r, most := rand.New(rand.NewPCG(1, 1)), 0
			for i := range 10_000 {
				text := "" // that does not compress, as streams do
				for len(text) < 200 {
					text += fmt.Sprintf("%016x", r.Uint64())
				}
				got := w.ask(grow, i, text)
				if got[0] == '$' {
					w.line() // the id of an entry
				} else if got[0] != ':' {
					t.Fatalf("%s: %s", grow, got)
				}
				if i%500 == 0 {
					most = max(most, w.infoInt("used_memory"))
				}
			}
			if most > evictionLimit+evictionLimit/20 {
				t.Errorf("%s: %d bytes used of %d", grow, most, evictionLimit)
			}
			if n := w.infoInt("evicted_keys"); n < 300 || w.ask("EXISTS h") != ":1" {
				t.Errorf("%s: %d evicted", grow, n)
			}
			w.ask("FLUSHALL")
			if used := w.infoInt("used_memory"); used > startupBytes+200<<10 {
				t.Errorf("%s: %d bytes used without keys", grow, used)
			}
		})
	}
}

// A group that somebody reads is evicted with its stream: the reader hears of it.
func TestReadersOfAnEvictedStreamAreWoken(t *testing.T) {
	hostile(t, func(c *Config) { c.MaxMemoryPolicy = AllKeysLRU }, func(t *testing.T, v *virtual) {
		reader, w := v.wire(), v.wire()
		w.ask("XGROUP CREATE s g $ MKSTREAM")
		reader.says("XREADGROUP GROUP g c BLOCK 0 STREAMS s >\r\n")
		time.Sleep(10 * time.Millisecond)
		w.ask("CONFIG SET maxmemory 1")
		if got := reader.line(); !strings.HasPrefix(got, "-NOGROUP ") && !strings.HasPrefix(got, "-UNBLOCKED ") {
			t.Errorf("the reader heard %q", got)
		}
		w.ask("CONFIG SET maxmemory 0")
	})
}

// Each evicted key is an event of its own, and replicas are told to delete it before
// they are told of the write that made the room necessary.
func TestEvictionIsToldOf(t *testing.T) {
	for lazy, word := range map[bool]string{false: "DEL", true: "UNLINK"} {
		change := func(c *Config) {
			limited(AllKeysLRU)(c)
			c.LazyFreeEviction = lazy
		}
		hostile(t, change, func(t *testing.T, v *virtual) {
			w, replica, listener := v.wire(), v.wire(), v.wire()
			replica.follow()
			w.fill("a", 100, "")
			for range 101 { // SELECT, and the writes
				replica.next()
			}
			w.ask("CONFIG SET notify-keyspace-events Ee")
			listener.ask("SUBSCRIBE __keyevent@0__:evicted")
			for range 5 {
				listener.line()
			}
			used := w.infoInt("used_memory")
			w.ask("CONFIG SET maxmemory %d", used-50_000)
			if got := w.ask("SET b 1"); got != "+OK" {
				t.Fatal(got)
			}
			evicted := 0
			for ; ; evicted++ {
				told := replica.next()
				if told == "SET b 1" {
					break
				}
				key, ok := strings.CutPrefix(told, word+" ")
				if !ok {
					t.Fatalf("told %q", told)
				}
				event := ""
				for range 7 {
					event = listener.line()
				}
				if event != key {
					t.Errorf("event of %q, replica told of %q", event, key)
				}
			}
			if n := w.infoInt("evicted_keys"); n != evicted || n == 0 {
				t.Errorf("%d evicted, %d told", n, evicted)
			}
		})
	}
}

// When nothing may be evicted, what could grow is refused, and so is everything that
// a transaction would queue; what frees memory and what ends a transaction runs.
func TestOutOfMemory(t *testing.T) {
	oom := "-" + errOOM.Error()
	for _, policy := range []MaxMemoryPolicy{NoEviction, VolatileLRU, VolatileTTL, VolatileRandom} {
		hostile(t, limited(policy), func(t *testing.T, v *virtual) {
			w := v.wire()
			if n := w.fill("k", 5000, ""); n == 0 {
				t.Fatal("nothing was refused")
			}
			for _, step := range []struct{ do, want string }{
				{"SET a b", oom}, {"GET k1x", "$-1"}, {"EXISTS k1", ":1"}, {"INCR n", oom}, {"EXPIRE nokey 10", ":0"},
				{"MULTI", "+OK"}, {"GET k1", oom}, {"EXEC", "-EXECABORT Transaction discarded because of previous errors."},
				{"MULTI", "+OK"}, {"SET a b", oom}, {"DISCARD", "+OK"},
			} {
				if got := w.ask("%s", step.do); got != step.want {
					t.Errorf("%s: %s, want %s", step.do, got, step.want)
				}
			}
			if w.info("current_eviction_exceeded_time") == "" {
				t.Error("no current_eviction_exceeded_time")
			}
			time.Sleep(50 * time.Millisecond)
			for i := range 200 {
				w.ask("DEL k%d", i)
			}
			if got := w.ask("SET a b"); got != "+OK" {
				t.Errorf("after DEL: %s", got)
			}
			if n := w.infoInt("total_eviction_exceeded_time"); n < 50 {
				t.Errorf("memory exceeded for %d ms", n)
			}
			if n := w.infoInt("current_eviction_exceeded_time"); n != 0 {
				t.Errorf("memory still exceeded for %d ms", n)
			}
		})
	}
}

// EXEC is refused for what was queued while there was memory, and the transaction is
// gone.
func TestExecOutOfMemory(t *testing.T) {
	hostile(t, limited(NoEviction), func(t *testing.T, v *virtual) {
		w, other := v.wire(), v.wire()
		w.ask("MULTI")
		w.ask("SET a b")
		other.fill("k", 5000, "")
		want := "-EXECABORT Transaction discarded because of: " + errOOM.Error()
		if got := w.ask("EXEC"); got != want {
			t.Errorf("EXEC: %s", got)
		}
		if got := w.ask("EXEC"); got != "-ERR EXEC without MULTI" {
			t.Errorf("second EXEC: %s", got)
		}
	})
}

// A replica leaves eviction to its master, unless told otherwise.
func TestReplicasDoNotEvict(t *testing.T) {
	for ignore, want := range map[bool]bool{true: false, false: true} {
		change := func(c *Config) {
			c.MaxMemoryPolicy, c.ReplicaIgnoreMaxMemory, c.ReplicaReadOnly = AllKeysLRU, ignore, false
		}
		hostile(t, change, func(t *testing.T, v *virtual) {
			w := v.wire()
			w.fill("k", 1000, "")
			w.ask("REPLICAOF 10.9.9.9 6379")
			w.ask("CONFIG SET maxmemory %d", 1500<<10)
			w.ask("EXISTS k1")
			w.ask("PING")
			time.Sleep(time.Second)
			if evicted := w.infoInt("evicted_keys") > 0; evicted != want {
				t.Errorf("replica-ignore-maxmemory %v: evicted %v", ignore, evicted)
			}
		})
	}
}

// Lowering the limit by far evicts in goes of limited time between which clients are
// served, and gets there without further commands.
func TestEvictionGoesOnByItself(t *testing.T) {
	hostile(t, func(c *Config) { c.MaxMemoryPolicy, c.MaxMemoryEvictionTenacity = AllKeysLRU, 0 }, func(t *testing.T, v *virtual) {
		w := v.wire()
		w.fill("k", 4000, "")
		w.ask("CONFIG SET maxmemory %d", 2<<20)
		time.Sleep(time.Second)
		if used := w.infoInt("used_memory"); used > 2<<20+100<<10 {
			t.Errorf("%d bytes used of %d", used, 2<<20)
		}
	})
}

// Nothing is evicted while clients are paused.
func TestNothingIsEvictedWhilePaused(t *testing.T) {
	hostile(t, func(c *Config) { c.MaxMemoryPolicy = AllKeysLRU }, func(t *testing.T, v *virtual) {
		w := v.wire()
		w.fill("k", 1000, "")
		w.ask("CLIENT PAUSE 5000 WRITE")
		w.ask("CONFIG SET maxmemory %d", 1500<<10)
		w.ask("GET nokey")
		if n := w.infoInt("evicted_keys"); n != 0 {
			t.Errorf("%d keys evicted", n)
		}
		time.Sleep(6 * time.Second)
		w.ask("GET nokey")
		if n := w.infoInt("evicted_keys"); n == 0 {
			t.Error("nothing evicted after the pause")
		}
	})
}

// Over maxmemory-clients those who hold most lose their connections first; who asked
// not to be evicted keeps it.
func TestSessionsAreEvicted(t *testing.T) {
	hostile(t, func(c *Config) { c.MaxMemoryClients = 1 << 20 }, func(t *testing.T, v *virtual) {
		small, safe, big := v.wire(), v.wire(), v.wire()
		small.ask("PING")
		safe.ask("CLIENT NO-EVICT on")
		half := strings.Repeat("x", 600<<10)
		safe.says("*2\r\n$3\r\nGET\r\n$2000000\r\n" + half)
		if got := small.ask("PING"); got != "+PONG" {
			t.Fatal(got)
		}
		_, _ = io.WriteString(big.conn, "*2\r\n$3\r\nGET\r\n$2000000\r\n"+half+half) // cut off
		big.ends()
		if got := small.ask("PING"); got != "+PONG" {
			t.Error(got)
		}
		if n := small.infoInt("evicted_clients"); n != 1 {
			t.Errorf("%d clients evicted", n)
		}
		safe.says(strings.Repeat("x", 2000000-len(half)) + "\r\n")
		if got := safe.line(); got != "$-1" {
			t.Errorf("the client that is not to be evicted: %q", got)
		}
	})
}

// What sessions are counted with goes when they go.
func TestSessionBytesAreCounted(t *testing.T) {
	hostile(t, unchanged, func(t *testing.T, v *virtual) {
		w := v.wire()
		before := w.infoInt("mem_clients_normal")
		for range 5 {
			x := v.wire()
			x.ask("MULTI")
			x.ask("SET a %s", strings.Repeat("x", 50<<10))
			if grown := w.infoInt("mem_clients_normal") - before; grown < 50<<10 {
				t.Errorf("50 KiB were queued, the count grew by %d", grown)
			}
			x.conn.Close()
			time.Sleep(10 * time.Millisecond)
		}
		if after := w.infoInt("mem_clients_normal"); after > before+1024 {
			t.Errorf("%d bytes before, %d after", before, after)
		}
	})
}

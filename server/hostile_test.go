package server

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// wire is one client as its bytes.
type wire struct {
	t    *testing.T
	conn net.Conn
	br   *bufio.Reader
}

func (v *virtual) wire() *wire {
	v.t.Helper()
	conn, br := v.dial()
	return &wire{v.t, conn, br}
}

func (w *wire) says(raw string) {
	w.t.Helper()
	if _, err := io.WriteString(w.conn, raw); err != nil {
		w.t.Fatalf("write %.40q: %v", raw, err)
	}
}

func (w *wire) hears(want string) {
	w.t.Helper()
	got := make([]byte, len(want))
	_ = w.conn.SetReadDeadline(time.Now().Add(time.Minute))
	n, err := io.ReadFull(w.br, got)
	if string(got[:n]) != want {
		w.t.Fatalf("heard %.200q (%v), want %.200q", got[:n], err, want)
	}
}

// ends expects the server to hang up without another byte.
func (w *wire) ends() {
	w.t.Helper()
	_ = w.conn.SetReadDeadline(time.Now().Add(time.Minute))
	if b, err := w.br.ReadByte(); err == nil {
		rest, _ := w.br.Peek(w.br.Buffered())
		w.t.Fatalf("heard %q, want the end", string(b)+string(rest))
	} else if errors.Is(err, net.ErrClosed) || strings.Contains(err.Error(), "timeout") {
		w.t.Fatalf("%v, want the end", err)
	}
}

// hostile runs a test against a server in virtual time, and checks that the server
// still answers afterwards and ends in order.
func hostile(t *testing.T, change func(*Config), test func(t *testing.T, v *virtual)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		v := startVirtual(t, change)
		v.conn.Close()
		test(t, v)
		last := v.wire()
		last.says("PING\r\n")
		if line, err := last.br.ReadString('\n'); line != "+PONG\r\n" && !strings.HasPrefix(line, "-NOAUTH") {
			t.Errorf("afterwards PING answers %q, %v", line, err)
		}
		v.stop(nil)
		v.ended()
	})
}

func unchanged(*Config) {}

// A request beyond a limit, or none at all, is answered as Redis does and ends the
// connection; what came before it in the same packet has been executed.
func TestProtocolErrors(t *testing.T) {
	secret := func(c *Config) { c.RequirePass = "secret" }
	small := func(c *Config) { c.ProtoMaxBulkLen = 1 << 20 }
	for name, tc := range map[string]struct {
		change     func(*Config)
		send, want string
	}{
		"negative bulk":           {unchanged, "*1\r\n$-2\r\n", "-ERR Protocol error: invalid bulk length\r\n"},
		"huge bulk":               {unchanged, "*1\r\n$9223372036854775807\r\n", "-ERR Protocol error: invalid bulk length\r\n"},
		"bulk over the limit":     {small, "*1\r\n$1048577\r\n", "-ERR Protocol error: invalid bulk length\r\n"},
		"huge array":              {unchanged, "*3000000000\r\n", "-ERR Protocol error: invalid multibulk length\r\n"},
		"no number":               {unchanged, "*x\r\n", "-ERR Protocol error: invalid multibulk length\r\n"},
		"no bulk":                 {unchanged, "*1\r\n:1\r\n", "-ERR Protocol error: expected '$', got ':'\r\n"},
		"quotes":                  {unchanged, "SET a \"b\r\n", "-ERR Protocol error: unbalanced quotes in request\r\n"},
		"inline of 64 KB":         {unchanged, strings.Repeat("a", 65<<10), "-ERR Protocol error: too big inline request\r\n"},
		"after good commands":     {unchanged, "PING\r\n*1\r\n$4\r\nPING\r\n*1\r\n$-1\r\nPING\r\n", "+PONG\r\n+PONG\r\n-ERR Protocol error: invalid bulk length\r\n"},
		"a browser":               {unchanged, "POST / HTTP/1.1\r\nContent-Type: text/plain\r\n\r\nSET a 1\r\n", ""},
		"a browser's header":      {unchanged, "GET /\r\nhost: localhost\r\nSET a 1\r\n", ""},
		"stranger's array":        {secret, "*11\r\n", "-ERR Protocol error: unauthenticated multibulk length\r\n"},
		"stranger's bulk":         {secret, "*1\r\n$16385\r\n", "-ERR Protocol error: unauthenticated bulk length\r\n"},
		"stranger after commands": {secret, "PING\r\n*11\r\n", "-NOAUTH Authentication required.\r\n-ERR Protocol error: unauthenticated multibulk length\r\n"},
	} {
		t.Run(name, func(t *testing.T) {
			hostile(t, tc.change, func(t *testing.T, v *virtual) {
				w := v.wire()
				w.says(tc.send)
				w.hears(tc.want)
				w.ends()
			})
		})
	}
}

// Empty requests are no requests, in any number.
func TestEmptyRequests(t *testing.T) {
	hostile(t, unchanged, func(t *testing.T, v *virtual) {
		w := v.wire()
		w.says("\r\n*0\r\n*-1\r\n\r\n\n" + strings.Repeat("\r\n", 5000) + "PING\r\n")
		w.hears("+PONG\r\n")
	})
}

// Who authenticates may go on in the same packet with what strangers may not send.
func TestAuthThenBigCommand(t *testing.T) {
	big := strings.Repeat("x", 100<<10)
	hostile(t, func(c *Config) { c.RequirePass = "secret" }, func(t *testing.T, v *virtual) {
		w := v.wire()
		w.says("GET a\r\nAUTH wrong\r\nAUTH secret\r\n")
		w.says(fmt.Sprintf("*3\r\n$3\r\nSET\r\n$1\r\na\r\n$%d\r\n%s\r\n", len(big), big))
		w.says("STRLEN a\r\nHELLO 2 AUTH default wrong\r\nGET b\r\n")
		w.hears("-NOAUTH Authentication required.\r\n-WRONGPASS invalid username-password pair or user is disabled.\r\n+OK\r\n+OK\r\n:102400\r\n-WRONGPASS invalid username-password pair or user is disabled.\r\n$-1\r\n")
		w.says("RESET\r\nGET a\r\n")
		w.hears("+RESET\r\n-NOAUTH Authentication required.\r\n")
		w.says("AUTH default secret\r\nCONFIG SET requirepass \"\"\r\n")
		w.hears("+OK\r\n+OK\r\n")
		free := v.wire()
		free.says("GET b\r\n")
		free.hears("$-1\r\n")
	})
}

// Without a password nobody is a stranger, also who came while there was one.
func TestPasswordTakenAway(t *testing.T) {
	hostile(t, func(c *Config) { c.RequirePass = "secret" }, func(t *testing.T, v *virtual) {
		early, admin := v.wire(), v.wire()
		early.says("GET a\r\n")
		early.hears("-NOAUTH Authentication required.\r\n")
		admin.says("AUTH secret\r\nCONFIG SET requirepass \"\"\r\n")
		admin.hears("+OK\r\n+OK\r\n")
		early.says("GET a\r\n")
		early.hears("$-1\r\n")
		admin.says("CONFIG SET requirepass new\r\nGET a\r\n")
		admin.hears("+OK\r\n$-1\r\n")
	})
}

func TestProtectedMode(t *testing.T) {
	hostile(t, func(c *Config) { c.ProtectedMode = true; c.RequirePass = "x" }, func(t *testing.T, v *virtual) {
		admin := v.wire()
		admin.says("AUTH x\r\nCONFIG SET requirepass \"\"\r\n")
		admin.hears("+OK\r\n+OK\r\n")
		w := v.wire()
		w.hears(protectedModeText)
		w.ends()
		admin.says("CONFIG SET protected-mode no\r\n")
		admin.hears("+OK\r\n")
	})
}

func TestMaxClients(t *testing.T) {
	hostile(t, func(c *Config) { c.MaxClients = 3 }, func(t *testing.T, v *virtual) {
		var in []*wire
		for range 3 {
			w := v.wire()
			w.says("PING\r\n")
			w.hears("+PONG\r\n")
			in = append(in, w)
		}
		w := v.wire()
		w.hears("-ERR max number of clients reached\r\n")
		w.ends()
		in[0].conn.Close()
		synctest.Wait()
	})
}

// A client that wants no replies gets none about its broken protocol either.
func TestProtocolErrorWithoutReply(t *testing.T) {
	hostile(t, unchanged, func(t *testing.T, v *virtual) {
		for _, reply := range []string{"OFF", "SKIP"} {
			w := v.wire()
			w.says("CLIENT REPLY " + reply + "\r\n*1\r\n:\r\n")
			w.ends()
		}
	})
}

// What a replica has read after its snapshot is history, so nothing it sends has a reply:
// it is sent away instead.
func TestReplicaGetsNoReply(t *testing.T) {
	hostile(t, unchanged, func(t *testing.T, v *virtual) {
		for _, command := range []string{"GET k", "PING", "nosuch", "REPLCONF nosuch 1", "MULTI"} {
			w := v.wire()
			w.says("REPLCONF capa eof\r\n")
			w.hears("+OK\r\n")
			w.says("PSYNC ? -1\r\nREPLCONF ACK 0\r\n" + command + "\r\nPING\r\n")
			_ = w.conn.SetReadDeadline(time.Now().Add(time.Minute))
			if got, err := io.ReadAll(w.br); err != nil || len(got) > 0 && got[0] != '+' {
				t.Errorf("%s: heard %q, %v", command, got, err)
			}
		}
	})
}

// timeout closes idle clients, but not those that wait for messages or for replicas, or
// watch what others do.
func TestIdleTimeout(t *testing.T) {
	hostile(t, func(c *Config) { c.Timeout = 10 }, func(t *testing.T, v *virtual) {
		idle, subscriber, waiting, busy := v.wire(), v.wire(), v.wire(), v.wire()
		monitor := v.wire()
		monitor.says("MONITOR\r\n")
		monitor.hears("+OK\r\n")
		subscriber.says("SUBSCRIBE a\r\n")
		subscriber.hears("*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n")
		waiting.says("WAIT 1 0\r\n")
		start := time.Now()
		for range 5 {
			time.Sleep(4 * time.Second)
			busy.says("PING\r\n")
			busy.hears("+PONG\r\n")
		}
		idle.ends()
		if d := time.Since(start); d > 21*time.Second {
			t.Errorf("closed after %v", d)
		}
		busy.says("PUBLISH a x\r\n")
		busy.hears(":1\r\n")
		subscriber.hears("*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$1\r\nx\r\n")
		monitor.says("RESET\r\n")
		for line := ""; line != "+RESET\r\n"; {
			var err error
			if line, err = monitor.br.ReadString('\n'); err != nil {
				t.Fatalf("MONITOR ended: %v", err)
			}
		}
	})
}

// A command that arrives byte by byte is executed once it is complete, and costs time
// in proportion to its length.
func TestCommandInManyPackets(t *testing.T) {
	hostile(t, unchanged, func(t *testing.T, v *virtual) {
		w := v.wire()
		for _, b := range []byte("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$5\r\nvalue\r\nGET k\r\n") {
			w.says(string(b))
			synctest.Wait()
		}
		w.hears("+OK\r\n$5\r\nvalue\r\n")
		var b strings.Builder
		const n = 100_000
		fmt.Fprintf(&b, "*%d\r\n$4\r\nMSET\r\n", 2*n+1)
		for i := range n {
			fmt.Fprintf(&b, "$6\r\n%06d\r\n$1\r\nv\r\n", i)
		}
		start := cpuTime()
		for raw := b.String(); raw != ""; {
			piece := raw[:min(len(raw), 1400)]
			raw = raw[len(piece):]
			w.says(piece)
		}
		w.hears("+OK\r\n")
		if took := cpuTime() - start; took > 4*time.Second {
			t.Errorf("%d words in small packets took %v of CPU", 2*n, took)
		}
	})
}

// A length that is claimed and not sent costs no memory.
func TestClaimedLengthCostsNothing(t *testing.T) {
	hostile(t, unchanged, func(t *testing.T, v *virtual) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for range 200 {
			w := v.wire()
			w.says("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$536870912\r\nabc")
			w = v.wire()
			w.says("*1048576\r\n$3\r\nSET\r\n")
		}
		synctest.Wait()
		runtime.ReadMemStats(&after)
		if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 100<<20 {
			t.Errorf("400 claims cost %d MB", grown>>20)
		}
	})
}

// A pipeline of a hundred thousand commands in one go is answered in order.
func TestLongPipeline(t *testing.T) {
	hostile(t, unchanged, func(t *testing.T, v *virtual) {
		w := v.wire()
		const n = 100_000
		go func() { _, _ = io.WriteString(w.conn, strings.Repeat("INCR n\r\n", n)) }()
		for i := range n {
			line, err := w.br.ReadString('\n')
			if want := fmt.Sprintf(":%d\r\n", i+1); line != want {
				t.Fatalf("reply %d: %q, %v", i, line, err)
			}
		}
	})
}

// A subscriber that does not read is dropped at its limit; publishers never wait.
func TestSlowSubscriberIsDropped(t *testing.T) {
	hostile(t, func(c *Config) {
		c.ClientOutputBufferLimits[classPubSub] = OutputLimit{Hard: 1 << 20, Soft: 1 << 18, SoftSeconds: 20}
	}, func(t *testing.T, v *virtual) {
		slow, reader, publisher := v.wire(), v.wire(), v.wire()
		for _, w := range []*wire{slow, reader} {
			w.says("SUBSCRIBE a\r\n")
			w.hears("*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n")
		}
		message := strings.Repeat("m", 100<<10)
		publish := fmt.Sprintf("*3\r\n$7\r\nPUBLISH\r\n$1\r\na\r\n$%d\r\n%s\r\n", len(message), message)
		deliver := fmt.Sprintf("*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$%d\r\n%s\r\n", len(message), message)
		start := time.Now()
		for i := range 20 {
			publisher.says(publish)
			line, err := publisher.br.ReadString('\n')
			if err != nil || i < 8 && line != ":2\r\n" || i > 14 && line != ":1\r\n" {
				t.Fatalf("publish %d: %q, %v", i, line, err)
			}
			reader.hears(deliver)
		}
		if d := time.Since(start); d != 0 {
			t.Errorf("the publisher waited %v", d)
		}
		// Half the hard limit, for as long as the soft limit allows and a little more.
		lazy := v.wire()
		lazy.says("SUBSCRIBE a\r\n")
		lazy.hears("*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n")
		for range 7 {
			publisher.says(publish)
			publisher.hears(":2\r\n")
			reader.hears(deliver)
		}
		time.Sleep(15 * time.Second)
		publisher.says("PUBSUB NUMSUB a\r\n")
		publisher.hears("*2\r\n$1\r\na\r\n:2\r\n")
		time.Sleep(10 * time.Second)
		publisher.says("PUBSUB NUMSUB a\r\n")
		publisher.hears("*2\r\n$1\r\na\r\n:1\r\n")
	})
}

// A client that asks for much and reads nothing is dropped at its limit, in the
// middle of its own pipeline if need be.
func TestUnreadRepliesAreLimited(t *testing.T) {
	hostile(t, func(c *Config) {
		c.ClientOutputBufferLimits[classNormal] = OutputLimit{Hard: 4 << 20}
	}, func(t *testing.T, v *virtual) {
		w := v.wire()
		value := strings.Repeat("v", 1<<20)
		w.says(fmt.Sprintf("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$%d\r\n%s\r\n", len(value), value))
		w.hears("+OK\r\n")
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		w.says(strings.Repeat("GET k\r\n", 3000)) // three gigabytes
		synctest.Wait()
		runtime.ReadMemStats(&after)
		if grown := int64(after.TotalAlloc) - int64(before.TotalAlloc); grown > 64<<20 {
			t.Errorf("allocated %d MB", grown>>20)
		}
		if _, err := io.Copy(io.Discard, w.br); err != nil && !strings.Contains(err.Error(), "reset") {
			t.Error(err)
		}
	})
}

// What fits in a session's first buffer never counts, however small the limit.
func TestSmallRepliesAreNotLimited(t *testing.T) {
	hostile(t, func(c *Config) {
		c.ClientOutputBufferLimits[classNormal] = OutputLimit{Hard: 1, Soft: 1}
	}, func(t *testing.T, v *virtual) {
		w := v.wire()
		value := strings.Repeat("v", 10000)
		w.says("SET k " + value + "\r\nGET k\r\n")
		w.hears("+OK\r\n$10000\r\n" + value + "\r\n")
		w.says("MGET k k\r\n")
		if b, err := io.ReadAll(w.br); len(b) > 0 {
			t.Errorf("%d bytes, %v", len(b), err)
		}
	})
}

// A client that is blocked and goes on sending is dropped at client-query-buffer-limit.
func TestQueryBufferLimit(t *testing.T) {
	hostile(t, func(c *Config) { c.ClientQueryBufferLimit = 1 << 20 }, func(t *testing.T, v *virtual) {
		w := v.wire()
		w.says("WAIT 1 0\r\n")
		_ = w.conn.SetWriteDeadline(time.Now().Add(time.Minute))
		sent := 0
		for ; sent < 8<<20; sent += 1 << 16 {
			if _, err := io.WriteString(w.conn, strings.Repeat("PING\r\n\r\n", 1<<13)); err != nil {
				break
			}
		}
		if sent >= 4<<20 {
			t.Errorf("%d bytes were taken", sent)
		}
	})
}

// So is one that sends empty arguments without end, long before it has sent that much.
func TestQueryBufferLimitOfArguments(t *testing.T) {
	hostile(t, func(c *Config) { c.ClientQueryBufferLimit = 4 << 20 }, func(t *testing.T, v *virtual) {
		w := v.wire()
		_ = w.conn.SetWriteDeadline(time.Now().Add(time.Minute))
		const empty = "$0\r\n\r\n"
		_, err := io.WriteString(w.conn, "*2000000000\r\n")
		sent := 0
		for ; err == nil && sent < 8<<20; sent += 10_000 * len(empty) {
			_, err = io.WriteString(w.conn, strings.Repeat(empty, 10_000))
		}
		if sent >= 3<<20 {
			t.Errorf("%d bytes were taken", sent)
		}
	})
}

// Whatever byte a connection ends at, nothing of it stays.
func TestDisconnects(t *testing.T) {
	const talk = "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$5\r\nvalue\r\nWATCH k\r\nMULTI\r\nGET k\r\nSUBSCRIBE a\r\nEXEC\r\nPSUBSCRIBE *\r\nSSUBSCRIBE s\r\nRESET\r\nMONITOR\r\nCLIENT PAUSE 10\r\nWAIT 1 1000\r\n"
	hostile(t, unchanged, func(t *testing.T, v *virtual) {
		for n := range len(talk) {
			w := v.wire()
			w.says(talk[:n])
			if n%2 == 0 {
				synctest.Wait()
			}
			w.conn.Close()
		}
		time.Sleep(5 * time.Second)
		w := v.wire()
		w.says("INFO clients\r\n")
		time.Sleep(time.Second)
		info := make([]byte, 4096)
		n, _ := w.br.Read(info)
		for _, want := range []string{"connected_clients:1\r\n", "blocked_clients:0\r\n", "pubsub_clients:0\r\n", "watching_clients:0\r\n", "total_watched_keys:0\r\n"} {
			if !strings.Contains(string(info[:n]), want) {
				t.Errorf("INFO lacks %q: %s", want, info[:n])
			}
		}
		w.says("PUBSUB NUMPAT\r\nPUBSUB CHANNELS\r\nPUBSUB SHARDCHANNELS\r\n")
		w.hears(":0\r\n*0\r\n*0\r\n")
	})
}

// Clients that die in the middle of whatever they do, many at once, in random order.
func TestRandomDisconnects(t *testing.T) {
	hostile(t, unchanged, func(t *testing.T, v *virtual) {
		r := rand.New(rand.NewPCG(1, 2))
		words := []string{"PING\r\n", "SUBSCRIBE a\r\n", "PUBLISH a x\r\n", "MULTI\r\n", "EXEC\r\n", "GET k\r\n", "CLIENT KILL TYPE pubsub\r\n",
			"CLIENT KILL TYPE normal\r\n", "MONITOR\r\n", "*2\r\n$3\r\nGE", "CLIENT REPLY OFF\r\n", "QUIT\r\n", "WAIT 1 50\r\n", "CLIENT LIST\r\n", "RESET\r\n", "HELLO 3\r\n"}
		var open []*wire
		for range 3000 {
			switch {
			case len(open) < 20:
				open = append(open, v.wire())
			case r.IntN(10) == 0:
				i := r.IntN(len(open))
				open[i].conn.Close()
				open = append(open[:i], open[i+1:]...)
			default:
				w := open[r.IntN(len(open))]
				_ = w.conn.SetWriteDeadline(time.Now().Add(time.Millisecond))
				_, _ = io.WriteString(w.conn, words[r.IntN(len(words))])
			}
			if r.IntN(4) == 0 {
				synctest.Wait()
			}
		}
		for _, w := range open {
			w.conn.Close()
		}
		time.Sleep(10 * time.Second)
	})
}

// A push that a client's own command brings it follows the reply, inside a
// transaction too; CLIENT REPLY OFF silences replies and not pushes.
func TestPushesFollowReplies(t *testing.T) {
	hostile(t, unchanged, func(t *testing.T, v *virtual) {
		w := v.wire()
		w.says("HELLO 3\r\n")
		w.until("*0\r\n")
		const pushed = ">3\r\n$7\r\nmessage\r\n$1\r\na\r\n$1\r\nx\r\n"
		w.says("SUBSCRIBE a\r\nPUBLISH a x\r\nMULTI\r\nPUBLISH a x\r\nPING\r\nEXEC\r\n")
		w.hears(">3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n:1\r\n" + pushed + "+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n:1\r\n+PONG\r\n" + pushed)
		w.says("CLIENT REPLY OFF\r\nPUBLISH a x\r\nSUBSCRIBE b\r\nGET k\r\nCLIENT REPLY ON\r\n")
		w.hears(pushed + ">3\r\n$9\r\nsubscribe\r\n$1\r\nb\r\n:2\r\n+OK\r\n")
	})
}

package sentinel

import (
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/vedette-ha/vedette/failover"
)

// portClient is a raw connection to a sentinel's port.
type portClient struct {
	t    *testing.T
	conn net.Conn
}

func (w *world) dial(x *worldSentinel) *portClient {
	w.t.Helper()
	conn, err := w.net.Host("10.0.3.1").Dial(w.t.Context(), "tcp", x.host.IP()+":26379")
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { conn.Close() })
	return &portClient{w.t, conn}
}

// says sends text, inline commands or RESP, and wants exactly the bytes of want.
func (c *portClient) says(text, want string) {
	c.t.Helper()
	if _, err := io.WriteString(c.conn, text); err != nil {
		c.t.Fatal(err)
	}
	c.wants(want)
}

func (c *portClient) wants(want string) {
	c.t.Helper()
	got := make([]byte, len(want))
	_ = c.conn.SetReadDeadline(time.Now().Add(time.Second))
	n, err := io.ReadFull(c.conn, got)
	if string(got[:n]) != want {
		c.t.Errorf("got  %q, %v\nwant %q", got[:n], err, want)
	}
}

// closed wants the end of the connection and nothing before it.
func (c *portClient) closed() {
	c.t.Helper()
	_ = c.conn.SetReadDeadline(time.Now().Add(time.Second))
	if n, err := c.conn.Read(make([]byte, 100)); n > 0 || err == nil {
		c.t.Errorf("read %d bytes, %v, want the end", n, err)
	} else if e, ok := err.(net.Error); ok && e.Timeout() {
		c.t.Error("the connection is still open")
	}
}

func event(name, payload string) failover.Publish {
	return failover.Publish{Level: failover.Warning, Event: name, Payload: payload}
}

// The conversations of clients, byte for byte.
func TestSessions(t *testing.T) {
	inWorld(t, func(w *world) {
		x := w.sens[0]
		t.Run("a browser", func(t *testing.T) {
			c := w.dial(x)
			c.says("PING\r\n", "+PONG\r\n")
			if _, err := io.WriteString(c.conn, "POST / HTTP/1.1\r\nHost: x\r\n\r\nPING\r\n"); err != nil {
				t.Fatal(err)
			}
			c.closed()
		})
		t.Run("subscriber", func(t *testing.T) {
			c := w.dial(x)
			c.says("SUBSCRIBE +a\r\n", "*3\r\n$9\r\nsubscribe\r\n$2\r\n+a\r\n:1\r\n")
			c.says("PSUBSCRIBE +*\r\n", "*3\r\n$10\r\npsubscribe\r\n$2\r\n+*\r\n:2\r\n")
			c.says("ROLE\r\n", "-ERR Can't execute 'role': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / "+
				"PING / QUIT / RESET are allowed in this context\r\n")
			c.says("PING\r\n", "*2\r\n$4\r\npong\r\n$0\r\n\r\n")
			x.s.publish(event("+a", "x"))
			c.wants("*3\r\n$7\r\nmessage\r\n$2\r\n+a\r\n$1\r\nx\r\n*4\r\n$8\r\npmessage\r\n$2\r\n+*\r\n$2\r\n+a\r\n$1\r\nx\r\n")
			c.says("UNSUBSCRIBE\r\n", "*3\r\n$11\r\nunsubscribe\r\n$2\r\n+a\r\n:1\r\n")
			c.says("PUNSUBSCRIBE\r\n", "*3\r\n$12\r\npunsubscribe\r\n$2\r\n+*\r\n:0\r\n")
			c.says("PUNSUBSCRIBE\r\n", "*3\r\n$12\r\npunsubscribe\r\n$-1\r\n:0\r\n")
			c.says("PING\r\n", "+PONG\r\n")
			c.says("RESET\r\n", "+RESET\r\n")
			c.says("QUIT\r\n", "+OK\r\n")
			c.closed()
		})
		t.Run("RESP3", func(t *testing.T) {
			c := w.dial(x)
			c.says("HELLO 3 SETNAME me\r\n", "%6\r\n$6\r\nserver\r\n$5\r\nredis\r\n$7\r\nversion\r\n$5\r\n"+compatVersion+
				"\r\n$5\r\nproto\r\n:3\r\n$2\r\nid\r\n")
			c.wants(":")
			var rest [64]byte
			_, _ = c.conn.Read(rest[:])
			c.says("CLIENT GETNAME\r\n", "$2\r\nme\r\n")
			c.says("SENTINEL GET-MASTER-ADDR-BY-NAME nosuch\r\n", "_\r\n")
			c.says("SUBSCRIBE +a\r\n", ">3\r\n$9\r\nsubscribe\r\n$2\r\n+a\r\n:1\r\n")
			c.says("PING\r\n", "+PONG\r\n") // and any other command
			x.s.publish(event("+a", "x"))
			c.wants(">3\r\n$7\r\nmessage\r\n$2\r\n+a\r\n$1\r\nx\r\n")
		})
		t.Run("silence on request", func(t *testing.T) {
			c := w.dial(x)
			c.says("CLIENT REPLY SKIP\r\nPING\r\nPING a\r\n", "$1\r\na\r\n")
			c.says("CLIENT REPLY OFF\r\nPING\r\nCLIENT REPLY ON\r\n", "+OK\r\n")
		})
		t.Run("pipeline with a protocol error", func(t *testing.T) {
			c := w.dial(x)
			c.says("PING\r\nPING a\r\n*1\r\nx\r\n", "+PONG\r\n$1\r\na\r\n-ERR Protocol error: expected '$', got 'x'\r\n")
			c.closed()
		})
		t.Run("kill", func(t *testing.T) {
			victim, c := w.dial(x), w.dial(x)
			victim.says("CLIENT SETNAME victim\r\n", "+OK\r\n")
			id := x.s.clients.list(func(o *session) bool { return strings.Contains(o.describe(time.Now()), "name=victim ") })[0].id
			c.says(fmt.Sprintf("CLIENT KILL ID %d\r\n", id), ":1\r\n")
			victim.closed()
			c.says("CLIENT KILL SKIPME no USER default TYPE normal\r\n", ":")
		})
	})
}

// A password is asked for; limits before it are narrow.
func TestPassword(t *testing.T) {
	inWorld(t, func(w *world) {
		x := w.sens[0]
		x.s.users.SetPassword("secret")
		c := w.dial(x)
		c.says("PING\r\n", "-NOAUTH Authentication required.\r\n")
		c.says("NOSUCH\r\n", "-ERR unknown command 'NOSUCH', with args beginning with: \r\n")
		c.says("AUTH wrong\r\n", "-WRONGPASS invalid username-password pair or user is disabled.\r\n")
		c.says("HELLO 2\r\n", "-NOAUTH HELLO must be called with the client already authenticated, otherwise the "+
			"HELLO <proto> AUTH <user> <pass> option can be used to authenticate the client and select the RESP "+
			"protocol version at the same time\r\n")
		c.says("AUTH secret\r\nPING\r\n", "+OK\r\n+PONG\r\n")
		stranger := w.dial(x)
		stranger.says("*20\r\n", "-ERR Protocol error: unauthenticated multibulk length\r\n")
		stranger.closed()
	})
}

// A subscriber that does not read is dropped; nobody waits for it.
func TestSlowSubscriberIsDropped(t *testing.T) {
	inWorld(t, func(w *world) {
		x := w.sens[0]
		c := w.dial(x)
		c.says("PSUBSCRIBE *\r\n", "*3\r\n$10\r\npsubscribe\r\n$1\r\n*\r\n:1\r\n")
		before, _, _ := x.s.clients.counts()
		start, payload := time.Now(), strings.Repeat("x", 1<<16)
		for range outboxEvents>>16 + queuedEvents + 8 {
			x.s.publish(event("+a", payload))
		}
		if d := time.Since(start); d != 0 {
			t.Errorf("publishing took %v", d)
		}
		w.await(time.Second, "its end", func() bool {
			open, _, _ := x.s.clients.counts()
			return open < before
		})
	})
}

// Beyond maxclients a client is told so.
func TestMaxClients(t *testing.T) {
	inWorld(t, func(w *world) {
		x := w.sens[0]
		x.s.clients.mu.Lock()
		x.s.clients.max = len(x.s.clients.byID)
		x.s.clients.mu.Unlock()
		c := w.dial(x)
		c.wants("-ERR max number of clients reached\r\n")
		c.closed()
	})
}

// CLIENT PAUSE holds back clients, but not what sentinels say to each other, until it is
// over or somebody ends it.
func TestClientPause(t *testing.T) {
	inWorld(t, func(w *world) {
		c, other := w.dial(w.sens[0]), w.dial(w.sens[0])
		start := time.Now()
		c.says("CLIENT PAUSE 800\r\nPING\r\n", "+OK\r\n")
		other.says("PUBLISH __sentinel__:hello x\r\n", ":1\r\n")
		if d := time.Since(start); d >= 800*time.Millisecond {
			t.Errorf("a hello was paused for %v", d)
		}
		c.wants("+PONG\r\n")
		if d := time.Since(start); d < 800*time.Millisecond {
			t.Errorf("PING was answered after %v", d)
		}
		c.says("CLIENT PAUSE 800000000000000\r\nPING\r\n", "+OK\r\n")
		other.says("CLIENT UNPAUSE\r\n", "+OK\r\n")
		c.wants("+PONG\r\n")
		c.says("CLIENT PAUSE 800000 WRITE\r\nPING\r\n", "+OK\r\n+PONG\r\n")
		c.says("CLIENT PAUSE 9223372036854775807\r\n", "-ERR timeout is out of range\r\n")
	})
}

// A client that says nothing for timeout is closed, one that listens is not.
func TestIdleClients(t *testing.T) {
	inWorld(t, func(w *world) {
		x := w.sens[0]
		x.kill()
		x.tune = func(c *Config) { c.IdleTimeout = 2 * time.Second }
		x.start()
		time.Sleep(5 * time.Second)
		idle, busy, listener := w.dial(x), w.dial(x), w.dial(x)
		listener.says("SUBSCRIBE +a\r\n", "*3\r\n$9\r\nsubscribe\r\n$2\r\n+a\r\n:1\r\n")
		idle.says("PING\r\n", "+PONG\r\n")
		for range 3 {
			busy.says("PING\r\n", "+PONG\r\n")
			time.Sleep(1500 * time.Millisecond)
		}
		idle.closed()
		busy.says("PING\r\n", "+PONG\r\n")
		listener.says("PING\r\n", "*2\r\n$4\r\npong\r\n$0\r\n\r\n")
	})
}

package sentinel

import (
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/vedette-ha/vedette/failover"
	"github.com/vedette-ha/vedette/internal/client"
	"github.com/vedette-ha/vedette/internal/resp"
)

// The same commands go to Redis's Sentinel and to ours, both alone with one master
// and its replica; the raw answers must be equal.
func TestRepliesAreThoseOfRedis(t *testing.T) {
	redis := lookRedis(t)
	var masters [2]string // one each, or they would find each other
	for i := range masters {
		masters[i] = freePort(t)
		startRedis(t, redis, masters[i])
		startRedis(t, redis, freePort(t), "--replicaof", "127.0.0.1", masters[i])
	}
	theirs := dialSentinel(t, startRedisSentinel(t, redis, masters[0]))
	ours := dialSentinel(t, startOurs(t, masters[1]))
	for _, c := range []*client.Conn{theirs, ours} {
		waitFor(t, "a replica", func() bool { return len(ask(t, c, "SENTINEL REPLICAS m").Array) == 1 })
	}
	for _, cmd := range equalReplies() {
		want, got := ask(t, theirs, cmd), ask(t, ours, cmd)
		if show(want) != show(got) {
			t.Errorf("%s\nRedis: %s\nours:  %s", cmd, show(want), show(got))
		}
	}
	for _, cmd := range []string{"SENTINEL MASTER m", "SENTINEL MASTERS", "SENTINEL REPLICAS m", "SENTINEL SLAVES m"} {
		want, got := fieldNames(ask(t, theirs, cmd)), fieldNames(ask(t, ours, cmd))
		if !slices.Equal(want, got) {
			t.Errorf("%s\nRedis: %q\nours:  %q", cmd, want, got)
		}
	}
	want, got := infoNames(ask(t, theirs, "INFO sentinel")), infoNames(ask(t, ours, "INFO sentinel"))
	if !slices.Equal(want, got) {
		t.Errorf("INFO sentinel\nRedis: %q\nours:  %q", want, got)
	}
}

// equalReplies are commands whose answer does not depend on time or chance. Those
// that change something come last.
func equalReplies() []string {
	return []string{
		"PING", "PING hello", "PING a b", "ping", "ROLE", "ROLE x",
		"GET a", "CONFIG GET x", "nosuch " + strings.Repeat("a", 200), "MULTI", "ECHO x",
		"PUBLISH a b", "PUBLISH __sentinel__:hello nonsense", "PUBLISH a",
		"SUBSCRIBE", "PSUBSCRIBE", "UNSUBSCRIBE", "PUNSUBSCRIBE", "UNSUBSCRIBE a",
		"AUTH x", "AUTH default x", "AUTH other x", "AUTH a b c",
		"HELLO 4", "HELLO x", "HELLO 2 NONSENSE", "HELLO 2 SETNAME", "HELLO 2 AUTH other x",
		"CLIENT", "CLIENT NONSENSE", "CLIENT GETNAME", "CLIENT SETNAME a", "CLIENT GETNAME", "CLIENT SETNAME",
		"CLIENT LIST TYPE x", "CLIENT LIST ID x", "CLIENT LIST x", "CLIENT KILL 1.2.3.4:5", "CLIENT KILL ID x",
		"CLIENT KILL ID 0", "CLIENT KILL TYPE x", "CLIENT KILL USER x", "CLIENT KILL ID 100000", "CLIENT KILL ID",
		"CLIENT NO-EVICT on", "CLIENT NO-EVICT x", "CLIENT REPLY x", "CLIENT REPLY on", "CLIENT GETREDIR",
		"CLIENT UNBLOCK 1", "CLIENT UNBLOCK x", "CLIENT UNBLOCK 1 x",
		"COMMAND NONSENSE", "COMMAND COUNT x", "COMMAND INFO nosuch", "COMMAND DOCS nosuch",
		"COMMAND GETKEYS get a", "COMMAND GETKEYS ping a", "COMMAND INFO ping", "COMMAND INFO role",
		"SENTINEL", "SENTINEL nonsense", "SENTINEL MASTER", "SENTINEL MASTER nosuch", "SENTINEL MASTERS x",
		"SENTINEL REPLICAS nosuch", "SENTINEL SLAVES nosuch", "SENTINEL SLAVES", "SENTINEL SENTINELS nosuch", "SENTINEL SENTINELS m",
		"SENTINEL GET-MASTER-ADDR-BY-NAME nosuch", "SENTINEL GET-MASTER-ADDR-BY-NAME",
		"SENTINEL IS-MASTER-DOWN-BY-ADDR 127.0.0.1 1 0 *", "SENTINEL IS-MASTER-DOWN-BY-ADDR 127.0.0.1 x 0 *",
		"SENTINEL IS-MASTER-DOWN-BY-ADDR 127.0.0.1 1 x *", "SENTINEL IS-MASTER-DOWN-BY-ADDR 127.0.0.1 1 0",
		"SENTINEL CKQUORUM m", "SENTINEL CKQUORUM nosuch", "SENTINEL CKQUORUM",
		"SENTINEL INFO-CACHE nosuch", "SENTINEL PENDING-SCRIPTS", "SENTINEL MYID x",
		"SENTINEL FAILOVER nosuch", "SENTINEL FAILOVER", "SENTINEL RESET nosuch*", "SENTINEL REMOVE nosuch", "SENTINEL REMOVE",
		"SENTINEL MONITOR a b c d", "SENTINEL MONITOR a b 1 0", "SENTINEL MONITOR a b 1 -1", "SENTINEL MONITOR a b 1 1",
		"SENTINEL MONITOR a 127.0.0.1 100000 1", "SENTINEL MONITOR a 127.0.0.1 -1 1", "SENTINEL MONITOR m 127.0.0.1 1 1",
		"SENTINEL MONITOR a b c", "SENTINEL SET", "SENTINEL SET m a", "SENTINEL SET nosuch a b", "SENTINEL SET m a b",
		"SENTINEL SET m quorum x", "SENTINEL SET m quorum 0", "SENTINEL SET m down-after-milliseconds -1",
		"SENTINEL SET m parallel-syncs 0", "SENTINEL SET m failover-timeout x", "SENTINEL SET m rename-command a",
		"SENTINEL SET m notification-script /bin/true", "SENTINEL SET m quorum",
		"SENTINEL SET m parallel-syncs 2 quorum x", "SENTINEL SET m parallel-syncs 3 quorum 1",
		"SENTINEL FLUSHCONFIG", "SENTINEL FLUSHCONFIG x",
		"SENTINEL MONITOR b 127.0.0.1 1 1", "SENTINEL GET-MASTER-ADDR-BY-NAME b", "SENTINEL REMOVE b",
		"SENTINEL CKQUORUM b",
		"SHUTDOWN ABORT", "SHUTDOWN x",
	}
}

func lookRedis(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("redis-server")
	if err != nil {
		t.Skip("redis-server is not installed")
	}
	return path
}

func freePort(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return strconv.Itoa(ln.Addr().(*net.TCPAddr).Port)
}

// startRedis runs a data server until the test ends.
func startRedis(t *testing.T, path, port string, args ...string) {
	t.Helper()
	run(t, exec.Command(path, append([]string{
		"--port", port, "--save", "", "--appendonly", "no", "--dir", t.TempDir(), "--repl-diskless-sync-delay", "0",
	}, args...)...), port)
}

func startRedisSentinel(t *testing.T, path, masterPort string) string {
	t.Helper()
	port, dir := freePort(t), t.TempDir()
	file := filepath.Join(dir, "sentinel.conf")
	conf := "port " + port + "\nbind 127.0.0.1\ndir " + dir + "\nsentinel monitor m 127.0.0.1 " + masterPort + " 1\n"
	if err := os.WriteFile(file, []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	run(t, exec.Command(path, file, "--sentinel"), port)
	return port
}

// run starts a process, waits for its port and kills it at the end of the test.
func run(t *testing.T, cmd *exec.Cmd, port string) {
	t.Helper()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	waitFor(t, "port "+port, func() bool {
		conn, err := net.Dial("tcp", "127.0.0.1:"+port)
		if err == nil {
			conn.Close()
		}
		return err == nil
	})
}

// startOurs runs a sentinel of ours in this process.
func startOurs(t *testing.T, masterPort string) string {
	t.Helper()
	port, err := strconv.Atoi(freePort(t))
	if err != nil {
		t.Fatal(err)
	}
	master, err := failover.ParseAddr("127.0.0.1:" + masterPort)
	if err != nil {
		t.Fatal(err)
	}
	s, err := New(Options{
		Version: "0", Log: zerolog.Nop(), Disk: NewMemoryDisk(),
		Config: Config{Port: port, Bind: []string{"127.0.0.1"}, Initial: &failover.Agreed{Masters: []failover.Master{{
			Name: "m", Addr: master, First: master, FirstQuorum: 1, Settings: failover.DefaultSettings(1),
		}}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("Run = %v", err)
		}
	})
	return strconv.Itoa(port)
}

func dialSentinel(t *testing.T, port string) *client.Conn {
	t.Helper()
	var conn *client.Conn
	waitFor(t, "sentinel "+port, func() (ok bool) {
		var err error
		conn, err = client.Dial(t.Context(), "tcp", "127.0.0.1:"+port, client.Options{})
		return err == nil
	})
	t.Cleanup(func() { conn.Close() })
	return conn
}

func ask(t *testing.T, c *client.Conn, cmd string) resp.Value {
	t.Helper()
	var args []any
	for _, w := range strings.Fields(cmd) {
		args = append(args, w)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	v, err := c.Do(ctx, args...)
	if err != nil && v.Err() == nil {
		t.Fatalf("%s: %v", cmd, err)
	}
	return v
}

// show renders a reply, type and text.
func show(v resp.Value) string {
	if v.Null {
		return string(v.Kind) + "null"
	}
	switch v.Kind {
	case resp.KindArray:
		parts := make([]string, len(v.Array))
		for i, e := range v.Array {
			parts[i] = show(e)
		}
		return "[" + strings.Join(parts, " ") + "]"
	case resp.KindInt:
		return ":" + strconv.FormatInt(v.Int, 10)
	}
	return string(v.Kind) + strconv.Quote(v.Text())
}

// fieldNames are the names in one instance map or a list of them.
func fieldNames(v resp.Value) (names []string) {
	if len(v.Array) > 0 && v.Array[0].Kind == resp.KindArray {
		return fieldNames(v.Array[0])
	}
	for i := 0; i < len(v.Array); i += 2 {
		names = append(names, v.Array[i].Text())
	}
	return names
}

func infoNames(v resp.Value) (names []string) {
	for line := range strings.Lines(v.Text()) {
		name, _, _ := strings.Cut(line, ":")
		names = append(names, strings.TrimSpace(name))
	}
	return names
}

// waitFor polls a condition until it holds; real processes have no other clock.
func waitFor(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(15 * time.Second); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("no %s after 15 s", what)
		}
	}
}

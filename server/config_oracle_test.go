package server

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vedette-ha/vedette/internal/client"
	"github.com/vedette-ha/vedette/internal/conf"
	"github.com/vedette-ha/vedette/internal/resp"
)

// oracle is a redis-server on a Unix socket, with the file ours reads too.
type oracle struct {
	t    *testing.T
	dir  string
	conn *client.Conn
}

// startOracle starts redis-server with the text as its redis.conf, in whose
// directory %DIR% is replaced.
func startOracle(t *testing.T, text string) *oracle {
	t.Helper()
	bin, err := exec.LookPath("redis-server")
	if err != nil {
		t.Skip("redis-server is not installed")
	}
	o := &oracle{t: t, dir: t.TempDir()}
	path := o.file()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(bin, path, "--port", "0", "--unixsocket", o.dir+"/s")
	cmd.Dir = o.dir
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	o.connect()
	return o
}

func (o *oracle) file() string { return filepath.Join(o.dir, "redis.conf") }

func (o *oracle) connect() {
	o.t.Helper()
	ctx, cancel := context.WithTimeout(o.t.Context(), 10*time.Second)
	defer cancel()
	for {
		c, err := client.Dial(ctx, "unix", o.dir+"/s", client.Options{})
		if err == nil {
			o.conn = c
			o.t.Cleanup(func() { _ = c.Close() })
			return
		}
		if ctx.Err() != nil {
			o.t.Fatalf("redis-server does not answer: %v", err)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// do returns the reply flattened to strings; an error reply is its text.
func (o *oracle) do(args ...any) []string {
	o.t.Helper()
	v, err := o.conn.Do(o.t.Context(), args...)
	var reply *resp.Error
	if errors.As(err, &reply) {
		return []string{reply.Error()}
	}
	if err != nil {
		o.t.Fatal(err)
	}
	if v.Kind != resp.KindArray {
		return []string{string(v.Str)}
	}
	var out []string
	for _, e := range v.Array {
		out = append(out, string(e.Str))
	}
	return out
}

// ours is the same configuration read by us.
func (o *oracle) ours() *Config {
	o.t.Helper()
	o.t.Chdir(o.dir)
	ds, err := conf.Load(o.file())
	if err != nil {
		o.t.Fatal(err)
	}
	extra, err := conf.Parse("command line", "port 0\nunixsocket "+o.dir+"/s\n")
	if err != nil {
		o.t.Fatal(err)
	}
	c, err := LoadConfig(o.file(), append(ds, extra...))
	if err != nil {
		o.t.Fatal(err)
	}
	return c
}

// newIn72 are the directives 7.0 does not have.
func newIn72() []string {
	return []string{"set-max-listpack-entries", "set-max-listpack-value",
		"cluster-announce-human-nodename", "locale-collate"}
}

// CONFIG GET * of a server started with no directives, and with many, is Redis's.
func TestGetIsRedis(t *testing.T) {
	for name, text := range map[string]string{
		"defaults": "",
		"odd": `
save
bind "\"127.0.0.1\" ::1"
latency-tracking-info-percentiles
client-output-buffer-limit
list-max-ziplist-entries 1
list-max-ziplist-value 1
lua-replicate-commands no
`,
		"quoted": "save \"'' \"\n",
		"saves":  "save 1 2\nsave\nsave 3 4\n",
		"many": `
maxmemory 100mb
maxmemory-clients 7%
save 900 1
save 300 10
slave-read-only no
client-output-buffer-limit slave 1mb 2 3 pubsub 4kb 5kb 6
notify-keyspace-events gKEx$
latency-tracking-info-percentiles 50 0.001 100
oom-score-adj yes
oom-score-adj-values 1 -2 3
shutdown-on-sigint force now
logfile "a b"
unixsocketperm 0755
lua-time-limit 7
hz 0
bind-source-addr 127.0.0.1
acl-pubsub-default allchannels
appendfsync no
loglevel warning
`} {
		t.Run(name, func(t *testing.T) {
			o := startOracle(t, text)
			theirs := map[string]string{}
			for pair := range slices.Chunk(o.do("CONFIG", "GET", "*"), 2) {
				theirs[pair[0]] = pair[1]
			}
			for _, p := range o.ours().Get("*") {
				want, ok := theirs[p.Name]
				if !ok && !slices.Contains(newIn72(), p.Name) {
					t.Errorf("Redis has no %s", p.Name)
				}
				if ok && p.Value != want {
					t.Errorf("%s is %q, Redis has %q", p.Name, p.Value, want)
				}
				delete(theirs, p.Name)
			}
			delete(theirs, "aof-disable-auto-gc") // hidden since 7.2
			if len(theirs) > 0 {
				t.Errorf("missing: %v", theirs)
			}
		})
	}
}

// The same CONFIG SETs give the same replies and leave the same values.
func TestSetIsRedis(t *testing.T) {
	o := startOracle(t, "enable-protected-configs yes\n")
	c := o.ours()
	for _, line := range strings.Split(strings.TrimSpace(setProbes), "\n") {
		args, err := conf.SplitArgs(line)
		if err != nil {
			t.Fatal(err)
		}
		var pairs []Pair
		for p := range slices.Chunk(args, 2) {
			pairs = append(pairs, Pair{p[0], p[1]})
		}
		req := []any{"CONFIG", "SET"}
		for _, a := range args {
			req = append(req, a)
		}
		got := "OK"
		if err := c.Set(pairs, SetContext{Local: true}); err != nil {
			got = err.Error()
		}
		if want := o.do(req...)[0]; got != want {
			t.Errorf("CONFIG SET %s\n got %s\nwant %s", line, got, want)
		}
		for _, p := range pairs {
			want := o.do("CONFIG", "GET", p.Name)
			var mine []string
			for _, m := range c.Get(p.Name) {
				mine = append(mine, m.Name, m.Value)
			}
			if strings.Join(mine, "|") != strings.Join(want, "|") {
				t.Errorf("after CONFIG SET %s: %q, Redis has %q", line, mine, want)
			}
		}
	}
}

const setProbes = `
nosuch 1
nosuch 1 port 2
port 1 nosuch 2
"" ""
daemonize yes
daemonize yes nosuch 1
daemonize yes daemonize no
timeout x
timeout 1 timeout 2
Timeout 1 timeout 2
timeout 99999999999
timeout -1
TIMEOUT 7
tcp-keepalive ""
tcp-keepalive " 1"
tcp-keepalive +1
tcp-keepalive 01
tcp-keepalive -0
tcp-keepalive 1.5
appendfsync Always
appendfsync sometimes
maxmemory-policy x
replica-read-only maybe
slave-read-only no replica-read-only yes
shutdown-on-sigint "save foo"
shutdown-on-sigint "save nosave"
shutdown-on-sigint "now force"
shutdown-on-sigint ""
shutdown-on-sigterm "save  now"
shutdown-on-sigterm "default now"
shutdown-on-sigterm default
dir /nonexistent
dir /dev/null
dir ""
dbfilename a/b
dbfilename x.rdb
save 1
save "a b"
save "1 0"
save "-1 3"
save "0 3"
save "3600 -1"
save "3600 1  60 2"
save " 3600 1"
save "900 1 300 10"
save ""
notify-keyspace-events Z
notify-keyspace-events KEA
notify-keyspace-events Kxg
notify-keyspace-events AKEmn
notify-keyspace-events nKd
notify-keyspace-events g$lshzxetd
notify-keyspace-events ""
client-output-buffer-limit "normal 1 2"
client-output-buffer-limit "foo 1 2 3"
client-output-buffer-limit "normal 1 2 x"
client-output-buffer-limit "normal 1kb 2 -1"
client-output-buffer-limit "master 1 2 3"
client-output-buffer-limit "slave 1mb 2 3 pubsub 1 1 1"
client-output-buffer-limit "Normal 0 0 0"
client-output-buffer-limit "normal 1 1 1 normal 2 2 2"
client-output-buffer-limit "normal 1 1 1 foo 2 2 2"
client-output-buffer-limit ""
oom-score-adj-values "1 2"
oom-score-adj-values " 1 2 3"
oom-score-adj-values "1 2 3000"
oom-score-adj-values "a 2 3"
oom-score-adj-values "1 3 2"
oom-score-adj-values "3 2 1"
latency-tracking-info-percentiles "50 99.9 100.1"
latency-tracking-info-percentiles "-1"
latency-tracking-info-percentiles "99 50 0.0001 12.3456789"
latency-tracking-info-percentiles x
latency-tracking-info-percentiles "50 x"
latency-tracking-info-percentiles 0x10
latency-tracking-info-percentiles nan
latency-tracking-info-percentiles 1_0
latency-tracking-info-percentiles 1e-400
proc-title-template ""
proc-title-template "  "
proc-title-template {title}
proc-title-template {unixsocket}
proc-title-template "{config-file} "
proc-title-template {{title}}
proc-title-template {{
proc-title-template {title}{
proc-title-template {title
proc-title-template "{title} {server-mode} x"
save "5 "
save " 5"
save "900 -0"
save "900 +1"
client-output-buffer-limit "normal 1 2 2147483648"
client-output-buffer-limit "normal 1 2 2147483647"
latency-tracking-info-percentiles ""
replicaof "a 1"
maxmemory-clients 5%
maxmemory-clients 101%
maxmemory-clients -1
maxmemory-clients x%
maxmemory-clients 05%
maxmemory-clients 5%%
maxmemory-clients 1kb
maxmemory-clients ""
maxmemory -1
maxmemory 99999999999999999999
maxmemory 18446744073709551615
maxmemory " 1"
maxmemory "1 "
maxmemory +1
maxmemory 01
maxmemory 1gB
maxmemory 1bb
maxmemory 1.5gb
maxmemory 0x10
maxmemory b
maxmemory ""
proc-title-template {foo}
proc-title-template "{title} {port}{tls-port} x"
proc-title-template "{title"
proc-title-template "title}"
unixsocketperm 700
hz 1000
hz 0
hz 10
slowlog-log-slower-than -2
slowlog-log-slower-than -1
repl-ping-slave-period 0
lua-time-limit -1
rdb-key-save-delay -5
set-max-intset-entries -1
replica-announce-ip ""
watchdog-period x
proto-max-bulk-len 1
proto-max-bulk-len 99999999999999999999
acl-pubsub-default foo
propagation-error-behavior x
bind-source-addr 1.2.3.4
ignore-warnings foo
replica-announced maybe
cluster-announce-hostname "a b"
cluster-announce-hostname "a.b-9"
replica-priority 100 Replica-Priority 99
loading-process-events-interval-bytes 100
loading-process-events-interval-bytes 1kb
repl-backlog-size 0
repl-backlog-size 1
auto-aof-rewrite-percentage 2147483648
cluster-link-sendbuf-limit 18446744073709551615
list-max-listpack-size -2147483649
list-max-listpack-size -6
masterauth "a b"
use-exit-on-panic yes
oom-score-adj absolute
oom-score-adj no
repl-diskless-load on-empty-db
sanitize-dump-payload clients
tls-auth-clients optional
`

// Both rewrite the same file after the same changes to the same lines, but for
// the order below the marker and the lines only one of them writes.
func TestRewriteIsRedis(t *testing.T) {
	text := `# my comment
port 17502

  # indented comment
bind 127.0.0.1 -::1
slave-read-only yes
maxmemory 100mb
maxmemory 200MB


save 900 1
save 300 10
appendonly NO
client-output-buffer-limit pubsub 32mb 8mb 60
masterauth "a b\x41"
unixsocketperm 700
logfile ""
hz 20
dbfilename dump.rdb
timeout 0
notify-keyspace-events ""
loglevel notice
Lua-Time-Limit 4000
cluster-announce-hostname ""
# tail
`
	changes := [][]any{
		{},
		{"maxmemory", "1500", "save", "", "masterauth", "pa\"ss", "hz", "10",
			"notify-keyspace-events", "KEA", "client-output-buffer-limit",
			"slave 1mb 1kb 10 normal 5 5 5", "oom-score-adj-values", "1 2 3",
			"latency-tracking-info-percentiles", "50 99", "maxmemory-clients", "10%",
			"shutdown-on-sigterm", "save now", "maxmemory-policy", "allkeys-lru",
			"repl-backlog-size", "1536", "proto-max-bulk-len", "1gb"},
		{"maxmemory", "3gb", "masterauth", "", "latency-tracking-info-percentiles", "",
			"client-output-buffer-limit", "slave 256mb 64mb 60 normal 0 0 0", "save", "10 1 20 2",
			"oom-score-adj-values", "0 200 800", "maxmemory-clients", "0",
			"maxmemory-policy", "noeviction", "notify-keyspace-events", ""},
	}
	o := startOracle(t, text)
	c := o.ours()
	mine := filepath.Join(t.TempDir(), "mine.conf")
	if err := os.WriteFile(mine, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c.file = mine
	for i, change := range changes {
		if len(change) > 0 {
			if got := o.do(append([]any{"CONFIG", "SET"}, change...)...); got[0] != "OK" {
				t.Fatal(got)
			}
			var pairs []Pair
			for p := range slices.Chunk(change, 2) {
				pairs = append(pairs, Pair{p[0].(string), p[1].(string)})
			}
			if err := c.Set(pairs, SetContext{}); err != nil {
				t.Fatal(err)
			}
		}
		if got := o.do("CONFIG", "REWRITE"); got[0] != "OK" {
			t.Fatal(got)
		}
		if err := c.Rewrite(); err != nil {
			t.Fatal(err)
		}
		gotHead, gotTail := rewrittenParts(t, mine)
		wantHead, wantTail := rewrittenParts(t, o.file())
		if gotHead != wantHead {
			t.Errorf("change %d: the operator's part is\n%s\nRedis has\n%s", i, gotHead, wantHead)
		}
		if !slices.Equal(gotTail, wantTail) {
			t.Errorf("change %d: appended\n%s\nRedis has\n%s", i,
				strings.Join(gotTail, "\n"), strings.Join(wantTail, "\n"))
		}
	}
}

// rewrittenParts splits a file at the marker; the lines below it are sorted, and
// without blanks and the user lines, which Redis adds.
func rewrittenParts(t *testing.T, path string) (head string, tail []string) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, _ := strings.Cut(string(b), conf.Marker+"\n")
	for _, line := range strings.Split(rest, "\n") {
		if line != "" && !strings.HasPrefix(line, "user ") {
			tail = append(tail, line)
		}
	}
	slices.Sort(tail)
	return strings.TrimRight(head, "\n"), tail
}

package server

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/vedette-ha/vedette/internal/conf"
	"github.com/vedette-ha/vedette/server/command"
)

func loadText(t *testing.T, text string) (*Config, error) {
	t.Helper()
	ds, err := conf.Parse("redis.conf", text)
	if err != nil {
		t.Fatal(err)
	}
	return LoadConfig("", ds)
}

func TestLoadConfig(t *testing.T) {
	c, err := loadText(t, `
bind 127.0.0.1 -::1
port 7000
maxmemory 2gb
maxmemory-policy allkeys-lfu
slave-priority 5
slaveof 10.0.0.1 6380
save 900 1
save 300 10
client-output-buffer-limit replica 1gb 512mb 30 pubsub 1 2 3
notify-keyspace-events KA
appendfsync Always
unixsocketperm 700
shutdown-on-sigterm nosave force
user alice on nopass ~* +@all
rename-command FLUSHALL ""
enable-debug-command local
repl-backlog-size 1kb
hz 1000
maxmemory-clients 5%
io-threads 4
`)
	if err != nil {
		t.Fatal(err)
	}
	events := command.Keyspace | command.Generic | command.String | command.List | command.Set |
		command.Hash | command.ZSet | command.Expired | command.Evicted | command.Stream |
		command.ModuleEvent
	for name, ok := range map[string]bool{
		"bind":       slices.Equal(c.Bind, []string{"127.0.0.1", "-::1"}),
		"port":       c.Port == 7000,
		"maxmemory":  c.MaxMemory == 2<<30 && c.MaxMemoryPolicy == AllKeysLFU,
		"priority":   c.ReplicaPriority == 5,
		"replicaof":  c.ReplicaOf == Endpoint{"10.0.0.1", 6380},
		"save":       slices.Equal(c.SavePoints, []SavePoint{{900, 1}, {300, 10}}),
		"limits":     c.ClientOutputBufferLimits == [3]OutputLimit{{}, {1 << 30, 512 << 20, 30}, {1, 2, 3}},
		"events":     c.NotifyKeyspaceEvents == events,
		"fsync":      c.AppendFsync == FsyncAlways,
		"socketperm": c.UnixSocketPerm == 0o700,
		"shutdown":   c.ShutdownOnSIGTERM == ShutdownNoSave|ShutdownForce,
		"user":       len(c.Users) == 1 && c.Users[0].Name == "alice" && len(c.Users[0].Rules) == 4,
		"rename":     len(c.RenamedCommands) == 1 && slices.Equal(c.RenamedCommands[0].Args, []string{"FLUSHALL", ""}),
		"debug":      c.EnableDebugCommand.Allowed(true) && !c.EnableDebugCommand.Allowed(false),
		"backlog":    c.ReplBacklogSize == minBacklogBytes,
		"hz":         c.Hz == 500,
		"percent":    c.MaxMemoryClients == -5,
		"inert":      slices.Contains(c.Inert(), "io-threads"),
		"untouched":  c.Timeout == 0 && c.TCPKeepAlive == 300 && c.Databases == 16,
	} {
		if !ok {
			t.Errorf("%s is wrong", name)
		}
	}
}

func TestLoadConfigNamesTheLine(t *testing.T) {
	for text, want := range map[string]string{
		"tls-port 0\ntls-replication yes": "redis.conf:2: the server does not speak TLS: whoever asks for it would get plain text instead",
		"port 0\ntls-port 6380":           "redis.conf:2: the server does not speak TLS: whoever asks for it would get plain text instead",
		"port 1\nmaxmemry 5":              "redis.conf:2: Bad directive or wrong number of arguments (did you mean 'maxmemory'?)",
		"completely-unknown 5":            "redis.conf:1: Bad directive or wrong number of arguments",
		"port":                            "redis.conf:1: wrong number of arguments",
		"port 1 2":                        "redis.conf:1: wrong number of arguments",
		"port x":                          "redis.conf:1: argument couldn't be parsed into an integer",
		"appendonly maybe":                "redis.conf:1: argument must be 'yes' or 'no'",
		"unixsocketperm 1000":             "redis.conf:1: argument must be between 0 and 777 inclusive",
		"unixsocketperm 9":                "redis.conf:1: argument couldn't be parsed as an octal number",
		"replicaof a":                     "redis.conf:1: wrong number of arguments",
		"replicaof a b":                   "redis.conf:1: Invalid master port",
		"dir /nonexistent":                "redis.conf:1: No such file or directory",
		"dir /dev/null":                   "redis.conf:1: Not a directory",
		"sentinel monitor m":              "redis.conf:1: sentinel directive while not in sentinel mode",
		"loadmodule x.so":                 "redis.conf:1: modules cannot be loaded",
		"dbfilename a/b":                  "redis.conf:1: dbfilename can't be a path, just a filename",
		"user a on\nuser b on\nuser a on": "redis.conf:3: Error in user declaration 'a': Duplicate user found. A user can only be defined once in config files",
		"shutdown-on-sigint":              "redis.conf:1: argument(s) must be one of the following: default, save, nosave, now, force",
		"oom-score-adj-values":            "redis.conf:1: wrong number of arguments",
		"list-max-ziplist-value":          "redis.conf:1: Bad directive or wrong number of arguments (did you mean 'hash-max-ziplist-value'?)",
		"rename-command a":                "redis.conf:1: Bad directive or wrong number of arguments",
		"proc-title-template {":           "redis.conf:1: template format is invalid or contains unknown variables",
	} {
		_, err := loadText(t, text)
		var e *conf.Error
		if !errors.As(err, &e) || err.Error() != want {
			t.Errorf("%q: %v\nwant %s", text, err, want)
		}
	}
}

func TestSaveLines(t *testing.T) {
	for text, want := range map[string]string{
		"":                            "3600 1 300 100 60 10000",
		"save \"\"":                   "",
		"save 1 2 3 4":                "1 2 3 4",
		"save '1 2 3 4'":              "1 2 3 4",
		"save 1 2\nsave 3 4":          "1 2 3 4",
		"save 1 2\nsave ''":           "",
		"save 1 2\nsave ''\nsave 3 4": "3 4",
	} {
		c, err := loadText(t, text)
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		if got := c.Get("save")[0].Value; got != want {
			t.Errorf("%q: save is %q, want %q", text, got, want)
		}
	}
}

func TestDirIsRelativeToTheOneBefore(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "sub"), 0o700); err != nil {
		t.Fatal(err)
	}
	c, err := loadText(t, "dir "+dir+"\ndir ./sub")
	if err != nil || c.Dir != filepath.Join(dir, "sub") {
		t.Errorf("dir is %s, %v", c.Dir, err)
	}
}

func TestGet(t *testing.T) {
	c := NewConfig()
	get := func(patterns ...string) string {
		var names []string
		for _, p := range c.Get(patterns...) {
			names = append(names, p.Name)
		}
		return strings.Join(names, " ")
	}
	for pattern, want := range map[string]string{
		"port":               "port",
		"PORT":               "PORT",
		"*-priority":         "replica-priority slave-priority",
		"rdb-key-save-*":     "", // hidden
		"rdb-key-save-delay": "rdb-key-save-delay",
		"nothing":            "",
	} {
		if got := get(pattern); got != want {
			t.Errorf("Get(%s) = %s, want %s", pattern, got, want)
		}
	}
	if got := get("port", "p?rt", "appendonly"); got != "appendonly port" {
		t.Errorf("several patterns: %s", got)
	}
}

func TestSetIsAllOrNothing(t *testing.T) {
	c := NewConfig()
	var ran []string
	hook := func(name string, err error) func() error {
		return func() error { ran = append(ran, name+"="+c.Get(name)[0].Value); return err }
	}
	c.OnChange(hook("port", nil), "port")
	c.OnChange(hook("bind", errors.New("Failed to bind to specified addresses.")), "bind")
	c.OnChange(hook("timeout", nil), "timeout", "tcp-keepalive")

	err := c.Set([]Pair{{"timeout", "5"}, {"tcp-keepalive", "7"}, {"hz", "20"}}, SetContext{})
	if err != nil || c.Timeout != 5 || c.TCPKeepAlive != 7 || c.Hz != 20 {
		t.Errorf("Set = %v, timeout %d, hz %d", err, c.Timeout, c.Hz)
	}
	if want := []string{"timeout=5"}; !slices.Equal(ran, want) {
		t.Errorf("hooks ran %v, want %v: one for two names once, none for hz", ran, want)
	}

	ran = nil
	err = c.Set([]Pair{{"timeout", "6"}, {"timeout-x", "1"}}, SetContext{})
	if err == nil || c.Timeout != 5 || ran != nil {
		t.Errorf("unknown name: %v, timeout %d, hooks %v", err, c.Timeout, ran)
	}
	err = c.Set([]Pair{{"timeout", "6"}, {"hz", "x"}}, SetContext{})
	if err == nil || c.Timeout != 5 || ran != nil {
		t.Errorf("bad value: %v, timeout %d, hooks %v", err, c.Timeout, ran)
	}
	err = c.Set([]Pair{{"port", "7"}, {"bind", "x"}, {"timeout", "6"}}, SetContext{})
	want := "ERR CONFIG SET failed (possibly related to argument 'bind') - " +
		"Failed to bind to specified addresses."
	if err == nil || err.Error() != want || c.Port != 6379 || c.Timeout != 5 {
		t.Errorf("failing hook: %v, port %d, timeout %d", err, c.Port, c.Timeout)
	}
	wantRan := []string{"port=7", "bind=x", "port=6379", "bind=* -::*"}
	if !slices.Equal(ran, wantRan) {
		t.Errorf("hooks ran %v, want %v", ran, wantRan)
	}

	ran = nil
	if err := c.Set([]Pair{{"timeout", "5"}}, SetContext{}); err != nil || ran != nil {
		t.Errorf("an unchanged value: %v, hooks %v", err, ran)
	}
}

func TestSetRefusals(t *testing.T) {
	c := NewConfig()
	loading := SetContext{Loading: true}
	for _, tt := range []struct {
		pairs []Pair
		by    SetContext
		want  string
	}{
		{[]Pair{{"appendonly", "yes"}}, loading, "LOADING Redis is loading the dataset in memory"},
		{[]Pair{{"appendonly", "yes"}, {"daemonize", "no"}}, loading,
			"LOADING Redis is loading the dataset in memory"},
		{[]Pair{{"daemonize", "no"}, {"appendonly", "yes"}}, loading,
			"ERR CONFIG SET failed (possibly related to argument 'daemonize') - can't set immutable config"},
		{[]Pair{{"tls-replication", "yes"}}, SetContext{},
			"ERR CONFIG SET failed (possibly related to argument 'tls-replication') - " + errNoTLS.Error()},
		{[]Pair{{"dir", "/"}}, SetContext{Local: true},
			"ERR CONFIG SET failed (possibly related to argument 'dir') - can't set protected config"},
	} {
		if err := c.Set(tt.pairs, tt.by); err == nil || err.Error() != tt.want {
			t.Errorf("Set(%v) = %v, want %s", tt.pairs, err, tt.want)
		}
	}
	if c.TLS.Replication {
		t.Error("what was refused is set")
	}
	if err := c.Set([]Pair{{"tls-replication", "no"}}, SetContext{}); err != nil {
		t.Errorf("tls-replication as it is: %v", err)
	}
	c.EnableProtectedConfigs = ActionLocal
	if err := c.Set([]Pair{{"dir", "/"}}, SetContext{Local: true}); err != nil || c.Dir != "/" {
		t.Errorf("dir from loopback: %v, %s", err, c.Dir)
	}
	if err := c.Set([]Pair{{"dir", "/tmp"}}, SetContext{}); err == nil {
		t.Error("dir from elsewhere is accepted")
	}
}

func TestRewriteNeedsAFile(t *testing.T) {
	if err := NewConfig().Rewrite(); !errors.Is(err, errNoFile) {
		t.Errorf("Rewrite = %v, want %v", err, errNoFile)
	}
}

// What a rewritten file says is what was running.
func TestRewriteReadsBack(t *testing.T) {
	path := filepath.Join(t.TempDir(), "redis.conf")
	text := "# mine\nport 7000\nsave 1 1\nuser bob on\nslave-priority 3\nnosuch 1\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := LoadConfig(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	pairs := []Pair{
		{"save", "900 1 300 10"}, {"bind", ""}, {"masterauth", "a\"b\x00"},
		{"maxmemory", "1500"}, {"repl-backlog-size", "3mb"}, {"maxmemory-clients", "10%"},
		{"client-output-buffer-limit", "slave 1mb 1kb 10 normal 5 5 5"},
		{"notify-keyspace-events", "KEA"}, {"latency-tracking-info-percentiles", ""},
		{"shutdown-on-sigterm", "save now"}, {"oom-score-adj-values", "1 2 3"},
		{"cluster-link-sendbuf-limit", "18446744073709551615"}, {"list-max-listpack-size", "-5"},
		{"slowlog-log-slower-than", "-1"}, {"loglevel", "nothing"},
	}
	if err := c.Set(pairs, SetContext{}); err != nil {
		t.Fatal(err)
	}
	c.ReplicaOf = Endpoint{"::1", 6380}
	if err := c.Rewrite(); err != nil {
		t.Fatal(err)
	}
	ds, err := conf.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	again, err := LoadConfig(path, ds)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := again.Get("*"), c.Get("*"); !slices.Equal(got, want) {
		for i := range got {
			if got[i] != want[i] {
				t.Errorf("%s: %q came back as %q", want[i].Name, want[i].Value, got[i].Value)
			}
		}
	}
	b, _ := os.ReadFile(path)
	head := "# mine\nport 6379\nsave 900 1\nuser bob on\nreplica-priority 100\n# ??? nosuch 1\n\n" +
		"# Generated by CONFIG REWRITE\n"
	if !strings.HasPrefix(string(b), head) {
		t.Errorf("file is\n%s\nwant it to start with\n%s", b, head)
	}
}

// No value, wherever it comes from, may crash the reader, and what is accepted
// is read back from a rewritten line as the same value.
func FuzzDirective(f *testing.F) {
	for _, s := range []string{"save", "bind", "maxmemory", "client-output-buffer-limit",
		"notify-keyspace-events", "shutdown-on-sigint", "latency-tracking-info-percentiles"} {
		f.Add(s, "1 2 3 4")
		f.Add(s, "")
		f.Add(s, " ")
	}
	f.Fuzz(func(t *testing.T, name, val string) {
		c := NewConfig()
		d := c.byName[name]
		if d == nil || name == "dir" {
			return
		}
		if _, err := d.change(val); err != nil {
			return
		}
		got := d.v.String()
		var text strings.Builder
		for _, line := range d.v.lines() {
			text.WriteString(name + " " + line + "\n")
		}
		ds, err := conf.Parse("f", text.String())
		if err != nil {
			t.Fatalf("%s %q: %q: %v", name, val, text.String(), err)
		}
		again, err := LoadConfig("", ds)
		if err != nil {
			t.Fatalf("%s %q: %q: %v", name, val, text.String(), err)
		}
		if back := again.byName[name].v.String(); back != got {
			t.Fatalf("%s %q: %q came back as %q", name, val, got, back)
		}
	})
}

func TestNumbersAtTheirBounds(t *testing.T) {
	c := NewConfig()
	if err := c.Set([]Pair{{"maxmemory", "18446744073709551615"}}, SetContext{}); err != nil ||
		c.MaxMemory != math.MaxUint64 {
		t.Errorf("maxmemory is %d, %v", c.MaxMemory, err)
	}
	if err := c.Set([]Pair{{"rdb-key-save-delay", "-2147483648"}}, SetContext{}); err != nil ||
		c.RDBKeySaveDelay != math.MinInt32 {
		t.Errorf("rdb-key-save-delay is %d, %v", c.RDBKeySaveDelay, err)
	}
}

// Every directive but the hidden ones is what CONFIG GET * lists, and only those
// with a meaning have a field.
func TestDirectives(t *testing.T) {
	listed := map[string]bool{}
	for _, p := range NewConfig().Get("*") {
		listed[p.Name] = true
	}
	inert := 0
	for _, d := range Directives() {
		if listed[d.Name] == d.Hidden {
			t.Errorf("%s: listed %v, hidden %v", d.Name, listed[d.Name], d.Hidden)
		}
		delete(listed, d.Name)
		delete(listed, d.Alias)
		if d.Inert {
			inert++
		}
	}
	if len(listed) > 0 || inert == 0 {
		t.Errorf("not described: %v; %d inert", listed, inert)
	}
}

// loadFile is the configuration that a server starts with from a file.
func loadFile(t *testing.T, path string) *Config {
	t.Helper()
	ds, err := conf.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	c, err := LoadConfig(path, ds)
	if err == nil {
		err = c.applyUsers()
	}
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// A file with every directive, as DEBUG CONFIG-REWRITE-FORCE-ALL writes it, is read as
// what it was written from.
func TestRewriteAll(t *testing.T) {
	path := filepath.Join(t.TempDir(), "all.conf")
	if err := os.WriteFile(path, []byte("maxmemory 100mb\nsave 900 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c := loadFile(t, path)
	if err := c.rewrite(true); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil || !strings.Contains(string(b), "\nhz 10\n") {
		t.Errorf("%v: no line for what has its default:\n%s", err, b)
	}
	if got, want := loadFile(t, path).Get("*"), c.Get("*"); !slices.Equal(got, want) {
		t.Errorf("read again it is\n%v, want\n%v", got, want)
	}
}

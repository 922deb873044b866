package sentinel

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"github.com/vedette-ha/vedette/failover"
	"github.com/vedette-ha/vedette/internal/conf"
	"github.com/vedette-ha/vedette/internal/memnet"
)

const idA, idB = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

// writeConf puts text into a file of its own.
func writeConf(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "sentinel.conf")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// Lines may come in any order: those that name a master before its monitor line.
func TestReadConf(t *testing.T) {
	c, err := ReadConf(writeConf(t, `
port 26380
bind 127.0.0.1 -::1
requirepass secret
dir /var/lib/x
loglevel notice
sentinel known-replica mymaster 10.0.0.2 6379
sentinel known-slave mymaster 10.0.0.3 6379
sentinel down-after-milliseconds mymaster 5000
SENTINEL Parallel-Syncs mymaster 2
sentinel crash-down-after-milliseconds mymaster 200
sentinel auth-pass mymaster "pass word"
sentinel rename-command mymaster CONFIG "x y"
sentinel known-sentinel mymaster 10.0.0.9 26379 `+idB+`
sentinel known-sentinel mymaster 10.0.0.8 26379
sentinel config-epoch mymaster 4
sentinel leader-epoch mymaster 6
sentinel monitor mymaster redis.example 6379 2
sentinel myid `+idA+`
sentinel current-epoch 5
sentinel resolve-hostnames yes
sentinel announce-ip 1.2.3.4
sentinel announce-port 1234
sentinel deny-scripts-reconfig no
sentinel bootstrap-expect 3
sentinel rewrite-config no
`))
	if err != nil {
		t.Fatal(err)
	}
	got := c.Config
	m := got.Initial.Master("mymaster")
	if m == nil {
		t.Fatal("no master")
	}
	want := failover.DefaultSettings(2)
	want.DownAfter, want.ParallelSyncs, want.CrashDownAfter = 5*time.Second, 2, 200*time.Millisecond
	want.AuthPass, want.Renames = "pass word", map[string]string{"CONFIG": "x y"}
	if !reflect.DeepEqual(m.Settings, want) {
		t.Errorf("settings %+v\nwant     %+v", m.Settings, want)
	}
	if m.Addr.String() != "redis.example:6379" || m.ConfigEpoch != 4 || got.Initial.Epoch != 6 || len(m.Replicas) != 2 {
		t.Errorf("master %+v, current epoch %d", m, got.Initial.Epoch)
	}
	got.Initial, got.Known = nil, nil
	if want := (Config{
		Port: 26380, Bind: []string{"127.0.0.1", "-::1"}, RequirePass: "secret", MaxClients: 10000,
		Dir: "/var/lib/x", AnnounceIP: "1.2.3.4", AnnouncePort: 1234, ResolveHostnames: true,
		AllowScriptsReconfig: true, BootstrapExpect: 3, LogLevel: "notice", MyID: idA, File: c.path,
	}); !reflect.DeepEqual(got, want) {
		t.Errorf("config %+v\nwant   %+v", got, want)
	}
	if k := c.Config.Known; len(k) != 1 || k[0].ID != idB || k[0].Addr.String() != "10.0.0.9:26379" {
		t.Errorf("known sentinels %+v", k)
	}
	if c.RewriteConfig || len(c.Plain) != 5 {
		t.Errorf("rewrite %v, %d plain directives", c.RewriteConfig, len(c.Plain))
	}
}

// A script's path that does not begin at the root begins in dir, as when it is run.
func TestReadConfScriptInDir(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "notify"), []byte("#!/bin/sh\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	text := "sentinel monitor m 127.0.0.1 6379 2\nsentinel notification-script m notify\n"
	for more, missing := range map[string]int{"dir " + dir + "\n": 0, "": 1} {
		c, err := ReadConf(writeConf(t, text+more))
		if err != nil || len(c.Config.MissingScripts) != missing {
			t.Errorf("%q: %v, missing %+v, want %d", more, err, c.Config.MissingScripts, missing)
		}
	}
}

// A script that is missing ends the start if somebody wrote it into the file, but not if
// the file had it before: another sentinel may have it.
func TestMissingScript(t *testing.T) {
	id := strings.Repeat("a", 40)
	c, err := ReadConf(writeConf(t, "sentinel myid "+id+"\nsentinel monitor m 127.0.0.1 6379 2\n"+
		"sentinel notification-script m /nowhere/x\n"))
	if err != nil {
		t.Fatal(err)
	}
	disk := NewMemoryDisk()
	_, err = New(Options{Config: c.Config, Log: zerolog.Nop(), Disk: disk})
	var line *conf.Error
	if !errors.As(err, &line) || line.Pos.Line != 3 || !strings.Contains(err.Error(), "non existing or non executable: /nowhere/x") {
		t.Errorf("written by hand: %v", err)
	}
	st := disk.open()
	lines := [][]string{{"monitor", "m", "2"}, {"notification-script", "m", "/nowhere/x"}}
	if err := st.saveMeta(&storeMeta{Version: storeVersion, MyID: id, LastRead: lines}); err != nil {
		t.Fatal(err)
	}
	if err := st.close(); err != nil {
		t.Fatal(err)
	}
	if _, err = New(Options{Config: c.Config, Log: zerolog.Nop(), Disk: disk}); err != nil {
		t.Errorf("known already: %v", err)
	}
}

// Each mistake is named with its line and with what is allowed.
func TestReadConfErrors(t *testing.T) {
	const monitor = "sentinel monitor m 127.0.0.1 6379 2\n"
	for _, c := range []struct {
		text string
		line int
		want string
	}{
		{"sentinel", 1, "followed by a directive"},
		{"sentinel monitro m 127.0.0.1 6379 2", 1, "did you mean monitor?"},
		{"sentinel monitor m 127.0.0.1 6379", 1, "sentinel monitor <name> <ip> <port> <quorum>"},
		{"sentinel monitor m 127.0.0.1 6379 0", 1, "Quorum must be 1 or greater."},
		{"sentinel monitor m 127.0.0.1 66666 1", 1, "1 to 65535"},
		{"sentinel monitor 'a b' 127.0.0.1 6379 1", 1, "monitor does not take the master name"},
		{"sentinel monitor m redis 6379 1", 1, "resolve-hostnames yes"},
		{monitor + monitor, 2, "line 1 has it already"},
		{monitor + "sentinel down-after-milliseconds n 1", 2, "No such master with specified name: n"},
		{"sentinel monitor mymaster 127.0.0.1 6379 2\nsentinel parallel-syncs mymastre 1", 2, "did you mean mymaster?"},
		{monitor + "sentinel down-after-milliseconds m 0", 2, "does not take \"0\""},
		{"\n\nsentinel myid 12", 3, "40 hexadecimal digits"},
		{"sentinel current-epoch x", 1, "Invalid epoch"},
		{"sentinel deny-scripts-reconfig maybe", 1, "'yes' or 'no'"},
		{"sentinel announce-port 99999", 1, "0 to 65535"},
		{"port 70000", 1, "1 to 65535"},
		{"port 0\ntls-port 26379", 1, "1 to 65535"},
		{"tls-port 26379", 1, "does not speak TLS"},
		{"tls-port 0\ntls-replication yes", 2, "does not speak TLS"},
		{monitor + "sentinel rename-command m config a\nsentinel rename-command m CONFIG b", 3, "renamed multiple times"},
		{monitor + "sentinel known-sentinel m 127.0.0.1 26379 zz", 2, "40 hexadecimal digits"},
	} {
		_, err := ReadConf(writeConf(t, c.text))
		var line *conf.Error
		if !errors.As(err, &line) || line.Pos.Line != c.line || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v, want line %d and %q", c.text, err, c.line, c.want)
		}
	}
}

// A rewrite keeps what the operator wrote, replaces values in place, drops what is
// no longer true, and reads back as what was to be written.
func TestRewrite(t *testing.T) {
	path := writeConf(t, `# my sentinel
port 26379
daemonize no

# the master
sentinel monitor m 127.0.0.1 6379 2
sentinel down-after-milliseconds m 5000
# sync one by one
sentinel parallel-syncs m 2
sentinel monitor gone 127.0.0.1 6380 2
sentinel known-slave m 127.0.0.1 6390
sentinel bootstrap-expect 3
`)
	c, err := ReadConf(path)
	if err != nil {
		t.Fatal(err)
	}
	a := c.Config.Initial
	a.Apply(0, failover.Command{Body: failover.Remove{Name: "gone", Now: true}})
	a.Apply(0, failover.Command{Body: failover.LearnReplica{Name: "m", Addr: failover.Addr{Host: "127.0.0.1", Port: 6381}}})
	a.Apply(0, failover.Command{Body: failover.Set{Name: "m", Edits: []failover.Edit{
		{Option: "parallel-syncs", Values: []string{"1"}}, {Option: "auth-pass", Values: []string{"a b"}},
	}}})
	m := a.Master("m")
	m.Addr.Port, m.ConfigEpoch, a.Epoch = 6380, 7, 8
	st := State{Config: c.Config, MyID: idA, Agreed: a, Known: map[string][]KnownSentinel{
		"m": {{ID: idB, Addr: failover.Addr{Host: "127.0.0.1", Port: 26380}}},
	}}
	if err := c.Rewrite(st); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	want := `# my sentinel
port 26379
daemonize no

# the master
sentinel monitor m 127.0.0.1 6380 2
sentinel down-after-milliseconds m 5000
# sync one by one
sentinel parallel-syncs m 1

sentinel known-replica m 127.0.0.1 6390
sentinel bootstrap-expect 3
# Generated by CONFIG REWRITE
sentinel myid ` + idA + `
sentinel auth-pass m "a b"
sentinel config-epoch m 7
sentinel leader-epoch m 8
sentinel known-replica m 127.0.0.1 6381
sentinel known-sentinel m 127.0.0.1 26380 ` + idB + `
sentinel current-epoch 8
`
	if strings.ReplaceAll(string(got), "\n\n", "\n") != strings.ReplaceAll(want, "\n\n", "\n") {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	again, err := ReadConf(path)
	if err != nil {
		t.Fatal(err)
	}
	back := again.Config.Initial.Master("m")
	if !reflect.DeepEqual(back.Settings, m.Settings) || back.Addr != m.Addr || back.ConfigEpoch != 7 ||
		again.Config.Initial.Epoch != 8 || again.Config.MyID != idA || len(again.Config.Known) != 1 || len(back.Replicas) != 2 {
		t.Errorf("read back: %+v", again.Config)
	}
	// Twice is once.
	if err := again.Rewrite(st); err != nil {
		t.Fatal(err)
	}
	if twice, _ := os.ReadFile(path); string(twice) != string(got) {
		t.Errorf("rewritten again:\n%s", twice)
	}
}

// Redis Sentinel starts from a file that we rewrote.
func TestRedisReadsRewrittenFile(t *testing.T) {
	redis := lookRedis(t)
	path := writeConf(t, "port "+freePort(t)+"\nbind 127.0.0.1\nsentinel monitor m 127.0.0.1 6379 2\nsentinel failover-timeout m 60000\n")
	c, err := ReadConf(path)
	if err != nil {
		t.Fatal(err)
	}
	a := c.Config.Initial
	a.Apply(0, failover.Command{Body: failover.LearnReplica{Name: "m", Addr: failover.Addr{Host: "127.0.0.1", Port: 6381}}})
	c.Config.AllowScriptsReconfig, c.Config.AnnounceIP, c.Config.AnnouncePort = true, "127.0.0.1", 1234
	st := State{Config: c.Config, MyID: idA, Agreed: a, Known: map[string][]KnownSentinel{
		"m": {{ID: idB, Addr: failover.Addr{Host: "127.0.0.1", Port: 1}}},
	}}
	if err := c.Rewrite(st); err != nil {
		t.Fatal(err)
	}
	out, err := redisSentinelSays(t, redis, path)
	if err != nil || !strings.Contains(out, "Sentinel ID is "+idA) {
		t.Errorf("%v: %s", err, out)
	}
}

// redisSentinelSays runs it until it has said its id, or has ended.
func redisSentinelSays(t *testing.T, redis, path string) (string, error) {
	cmd := exec.Command(redis, path, "--sentinel")
	cmd.Dir = filepath.Dir(path)
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return "", err
	}
	if err := cmd.Start(); err != nil {
		return "", err
	}
	defer cmd.Wait() //nolint:errcheck // it was killed
	stop := time.AfterFunc(10*time.Second, func() { _ = cmd.Process.Kill() })
	defer stop.Stop()
	var out strings.Builder
	chunk := make([]byte, 4096)
	for !strings.Contains(out.String(), "Sentinel ID is") {
		n, err := stdout.Read(chunk)
		out.Write(chunk[:n])
		if err == io.EOF {
			return out.String(), nil
		}
		if err != nil {
			return out.String(), err
		}
	}
	return out.String(), cmd.Process.Kill()
}

// Only what changed in the file since it was read or written last is an edit.
func TestFileEdits(t *testing.T) {
	const before = "sentinel monitor m 127.0.0.1 6379 2\n" +
		"sentinel down-after-milliseconds m 5000\nsentinel rename-command m CONFIG c1\n"
	set := func(edits ...failover.Edit) failover.Body { return failover.Set{Name: "m", Edits: edits} }
	edit := func(option string, values ...string) failover.Edit {
		return failover.Edit{Option: option, Values: values}
	}
	for _, c := range []struct {
		name, now string
		want      []failover.Body
	}{
		{"nothing", before, nil},
		{"another address", strings.Replace(before, "6379", "6380", 1), nil},
		{"quorum", strings.Replace(before, "6379 2", "6379 3", 1), []failover.Body{set(edit("quorum", "3"))}},
		{"value", strings.Replace(before, "5000", "7000", 1), []failover.Body{set(edit("down-after-milliseconds", "7000"))}},
		{"line taken out", "sentinel monitor m 127.0.0.1 6379 2\n", []failover.Body{
			set(edit("down-after-milliseconds", "30000"), edit("rename-command", "CONFIG", "CONFIG"))}},
		{"line added", before + "sentinel auth-user m bob\n", []failover.Body{set(edit("auth-user", "bob"))}},
		{"renamed again", strings.Replace(before, "c1", "c2", 1), []failover.Body{set(edit("rename-command", "CONFIG", "c2"))}},
		{"removed and added", "sentinel monitor n 127.0.0.1 6379 2\n", []failover.Body{
			failover.Remove{Name: "m", Now: true},
			failover.Monitor{Name: "n", Addr: failover.Addr{Host: "127.0.0.1", Port: 6379}, Settings: failover.DefaultSettings(2)}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			read := func(text string) *failover.Agreed {
				ds, err := conf.Parse("f", text)
				if err != nil {
					t.Fatal(err)
				}
				f, err := NewConf("f", ds)
				if err != nil {
					t.Fatal(err)
				}
				return f.Config.Initial
			}
			now := read(c.now)
			var got []failover.Body
			state := read(before)
			for _, cmd := range fileEdits(directivesOf(read(before)), directivesOf(now), now, time.Time{}) {
				got = append(got, cmd.Body)
				if r := state.Apply(0, cmd); !r.OK() {
					t.Errorf("%s refused: %+v", cmd.Kind(), r)
				}
			}
			if !reflect.DeepEqual(got, c.want) {
				t.Errorf("got  %+v\nwant %+v", got, c.want)
			}
		})
	}
}

// An edit of one sentinel's file reaches all; a file that is merely old does not.
func TestOperatorEditsReachAll(t *testing.T) {
	simulate(t, 3, 2, func(t *testing.T, b *bench) {
		b.formThree()
		time.Sleep(time.Second)
		change := failover.Command{At: time.Now(), Body: failover.Set{Name: "m",
			Edits: []failover.Edit{{Option: "failover-timeout", Values: []string{"60000"}}}}}
		if _, err := b.nodes[0].q.Propose(t.Context(), change); err != nil {
			t.Fatal(err)
		}
		n := b.nodes[1]
		n.kill()
		n.file = fileState("m", 2, 0)
		n.file.Masters[0].Settings.ParallelSyncs = 5
		n.start()
		n.meet(b.nodes...)
		b.await(5*time.Second, "followed", func() bool {
			for _, n := range b.nodes {
				_, state := n.q.cluster()
				if state == nil || !state.released.Load() || state.clone().Master("m").Settings.ParallelSyncs != 5 {
					return false
				}
			}
			return true
		})
		_, state := n.q.cluster()
		if s := state.clone().Master("m").Settings; s.FailoverTimeout != time.Minute {
			t.Errorf("the file's old failover-timeout won: %v", s.FailoverTimeout)
		}
	})
}

// A file that lost its content, and with it every master, removes none.
func TestEmptyFileRemovesNothing(t *testing.T) {
	simulate(t, 3, 2, func(t *testing.T, b *bench) {
		b.formThree()
		time.Sleep(time.Second)
		n := b.nodes[1]
		for quorum := 3; quorum > 1; quorum-- { // as if the file was written twice since
			if err := n.q.SaveDirectives(directivesOf(fileState("m", quorum, 0))); err != nil {
				t.Fatal(err)
			}
		}
		for _, file := range []*failover.Agreed{{}, fileState("m", 2, 0)} { // and whole again
			n.kill()
			n.file = file
			n.start()
			n.meet(b.nodes...)
			time.Sleep(5 * time.Second)
			for _, n := range b.nodes {
				_, state := n.q.cluster()
				if state == nil || !state.released.Load() || state.clone().Master("m") == nil {
					t.Errorf("sentinel %d forgot its master", n.n)
				}
			}
		}
	})
}

// The directives DirectiveNames lists are known, each once.
func TestDirectiveNames(t *testing.T) {
	names := DirectiveNames()
	sorted := slices.Clone(names)
	slices.Sort(sorted)
	if len(slices.Compact(sorted)) != len(names) {
		t.Errorf("a directive is listed twice: %v", names)
	}
	for _, want := range []string{"monitor", "down-after-milliseconds", "auth-pass", "known-sentinel", "crash-down-after-milliseconds"} {
		if !slices.Contains(names, want) {
			t.Errorf("%s is missing", want)
		}
	}
}

// Whatever can be read can be written, and reads back as the same.
func FuzzConf(f *testing.F) {
	f.Add("sentinel monitor m 127.0.0.1 6379 2\nsentinel auth-pass m \"\\x00 \\n\"\n")
	f.Add("sentinel current-epoch 3\nsentinel announce-ip ::1\nsentinel resolve-hostnames yes\nsentinel monitor 'a b' h 1 1\n")
	f.Add("sentinel monitor m ::1 1 1\nsentinel rename-command m a b\nsentinel known-replica m ::2 5\n")
	f.Fuzz(func(t *testing.T, text string) {
		if strings.Contains(strings.ToLower(text), "include") {
			t.Skip("includes read other files")
		}
		read := func(text string) (*Conf, error) {
			ds, err := conf.Parse("f", text)
			if err != nil {
				return nil, err
			}
			return NewConf("f", ds)
		}
		c, err := read(text)
		if err != nil {
			return
		}
		st := State{Config: c.Config, MyID: idA, Agreed: c.Config.Initial.Clone(), Known: map[string][]KnownSentinel{}}
		written := rewriteText(text, st)
		back, err := read(string(written))
		if err != nil {
			t.Fatalf("%v\n%s", err, written)
		}
		was, is := directivesOf(st.Agreed), directivesOf(back.Config.Initial)
		if !sameLines(was, is) || back.Config.Initial.Epoch != st.Agreed.Epoch {
			t.Errorf("%q\nread back as %q", was, is)
		}
	})
}

// Without a cluster the file has the replicas that were found, and keeps the line of a
// sentinel that was not met since the start until RESET.
func TestFileOfASentinelWithoutCluster(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := memnet.New(1)
		nodes := newFakeSet(n, 2).nodes // 10.0.1.1 and its replica
		for _, node := range nodes {
			node.start(t)
			defer node.kill()
		}
		path := writeConf(t, "sentinel monitor m 10.0.1.1 6379 2\nsentinel known-sentinel m 10.0.0.8 26379 "+idB+"\n")
		c, err := ReadConf(path)
		if err != nil {
			t.Fatal(err)
		}
		host := n.Host("10.0.0.1")
		s, stop := runOn(t, host, Options{Config: c.Config, Log: zerolog.Nop(), Rewrite: c.Rewrite})
		time.Sleep(20 * time.Second)
		text, _ := os.ReadFile(path)
		if !strings.Contains(string(text), "sentinel myid") || !strings.Contains(string(text), "known-sentinel m 10.0.0.8 26379 "+idB) ||
			!strings.Contains(string(text), "known-replica m 10.0.1.2 6379") {
			t.Errorf("the file is\n%s", text)
		}
		if _, err := s.quorum.Propose(t.Context(), failover.Command{Body: failover.Reset{Name: "m"}}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Second)
		if text, _ = os.ReadFile(path); strings.Contains(string(text), "known-sentinel") {
			t.Errorf("after RESET the file is\n%s", text)
		}
		stop()
	})
}

// runOn runs a sentinel on a host in memory until stop, with a disk of its own.
func runOn(t *testing.T, host *memnet.Host, o Options) (s *Sentinel, stop func()) {
	t.Helper()
	o.Disk, o.Dial = NewMemoryDisk(), host.Dial
	o.Listen = func(_ context.Context, addr string, port int) (net.Listener, error) {
		return host.Listen(net.JoinHostPort(addr, strconv.Itoa(port)))
	}
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { _ = s.Run(ctx) })
	return s, func() { cancel(); wg.Wait() }
}

// A leading '-' makes an address of bind optional; without any there is no port.
func TestOptionalAddress(t *testing.T) {
	there := func(_ context.Context, host string, _ int) (net.Listener, error) {
		if host == "::" {
			return nil, syscall.EADDRNOTAVAIL
		}
		return memnet.New(1).Host("10.0.0.1").Listen(net.JoinHostPort(host, "26379"))
	}
	for _, c := range []struct {
		bind []string
		open int
	}{
		{nil, 1}, {[]string{"*", "-::*"}, 1}, {[]string{"-::"}, 0}, {[]string{"10.0.0.1", "::"}, 0},
	} {
		s, err := New(Options{Config: Config{Bind: c.bind}, Log: zerolog.Nop(), Disk: NewMemoryDisk(), Listen: there})
		if err != nil {
			t.Fatal(err)
		}
		lns, err := s.listen(t.Context())
		if len(lns) != c.open || (err == nil) != (c.open > 0) {
			t.Errorf("bind %q: %d listeners, %v", c.bind, len(lns), err)
		}
	}
}

// A Unix socket is one more way in.
func TestUnixSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sock")
	s, err := New(Options{Config: Config{UnixSocket: path, UnixSocketPerm: 0o640, Bind: []string{"127.0.0.1"}},
		Log: zerolog.Nop(), Disk: NewMemoryDisk(),
		Listen: func(context.Context, string, int) (net.Listener, error) { return net.Listen("tcp", "127.0.0.1:0") }})
	if err != nil {
		t.Fatal(err)
	}
	lns, err := s.listen(t.Context())
	defer closeAll(lns)
	if err != nil || len(lns) != 2 {
		t.Fatalf("%d listeners, %v", len(lns), err)
	}
	if fi, err := os.Stat(path); err != nil || fi.Mode() != os.ModeSocket|0o640 {
		t.Errorf("the socket is %v, %v", fi, err)
	}
}

// rename-command is about the sentinel's own port.
func TestRenamedCommands(t *testing.T) {
	table := newTable(connectionCommands(), serverCommands())
	for _, c := range []struct{ old, name, want string }{
		{"ROLE", "Rolle", ""}, {"shutdown", "", ""}, {"get", "x", "No such command in rename-command"},
		{"PING", "info", "Target command name already exists"},
	} {
		if err := table.rename(c.old, c.name); c.want == "" != (err == nil) || err != nil && err.Error() != c.want {
			t.Errorf("rename-command %s %s: %v", c.old, c.name, err)
		}
	}
	for words, known := range map[string]bool{"ROLE": false, "ROLLE": true, "SHUTDOWN": false} {
		if _, err := table.lookup([][]byte{[]byte(words)}); (err == nil) != known {
			t.Errorf("%s: %v", words, err)
		}
	}
}

// A file that cannot be written is complained of once, and again after it could be.
func TestComplaintAboutTheFile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var full atomic.Bool
		var log bytes.Buffer
		s, stop := runOn(t, memnet.New(1).Host("10.0.0.1"), Options{Config: Config{Initial: fileState("m", 2, 0)}, Log: zerolog.New(&log),
			Rewrite: func(State) error {
				if full.Load() {
					return syscall.ENOSPC
				}
				return nil
			}})
		for _, isFull := range []bool{true, true, true, false, false, true} {
			full.Store(isFull)
			signal(s.rewrite)
			time.Sleep(time.Second)
		}
		stop()
		const bad, good = "sentinel.conf cannot be rewritten", "sentinel.conf can be rewritten again"
		if text := log.String(); strings.Count(text, bad) != 2 || strings.Count(text, good) != 1 {
			t.Errorf("the log is\n%s", text)
		}
	})
}

package integration

import (
	"bytes"
	"fmt"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// cli runs redis-cli against a process and returns what it prints.
func cli(t *testing.T, p *process, stdin string, args ...string) string {
	t.Helper()
	cmd := exec.Command(need(t, "redis-cli"), append([]string{"-p", strconv.Itoa(p.port)}, args...)...)
	cmd.Stdin = strings.NewReader(stdin)
	out, err := output(t, cmd, 30*time.Second)
	if err != nil {
		t.Errorf("redis-cli %q: %v\n%s", args, err, out)
	}
	return out
}

// output runs a program, at most for limit, and returns what it prints.
func output(t *testing.T, cmd *exec.Cmd, limit time.Duration) (string, error) {
	t.Helper()
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	timer := time.AfterFunc(limit, func() { _ = cmd.Process.Kill() })
	defer timer.Stop()
	err := cmd.Wait()
	return out.String(), err
}

// redis-cli's modes work as they do with Redis.
func TestRedisCLI(t *testing.T) {
	need(t, "redis-cli")
	p := startVedette(t)
	var pipe strings.Builder
	for i := range 2000 {
		fmt.Fprintf(&pipe, "SET key:%d \"%s\"\r\n", i, strings.Repeat("v", i%50))
	}
	for _, tc := range []struct {
		name, stdin string
		args        []string
		want        []string
	}{
		{"pipe", pipe.String(), []string{"--pipe"}, []string{"errors: 0, replies: 2000"}},
		{"scan", "", []string{"--scan", "--pattern", "key:199?"}, []string{"key:1990", "key:1999"}},
		{"bigkeys", "", []string{"--bigkeys"}, []string{"Sampled 2000 keys in the keyspace!", "Biggest string found", "2000 strings with 49000 bytes"}},
		{"memkeys", "", []string{"--memkeys"}, []string{"Sampled 2000 keys in the keyspace!"}},
		{"resp3", "", []string{"-3", "CLIENT", "TRACKINGINFO"}, []string{"flags off"}},
		{"json", "", []string{"-3", "--json", "CONFIG", "GET", "maxmemory"}, []string{`{"maxmemory":"0"}`}},
		{"csv", "", []string{"--csv", "MGET", "key:1", "nokey"}, []string{`"v",NULL`}},
		{"stdin", "PING\nECHO hi\n", nil, []string{"PONG\nhi"}},
		{"raw", "", []string{"--raw", "GET", "key:3"}, []string{"vvv"}},
		{"repeat", "", []string{"-r", "3", "-i", "0.01", "INCR", "n"}, []string{"1\n2\n3"}},
		{"transaction", "MULTI\nINCR n\nGET n\nEXEC\n", nil, []string{"QUEUED\nQUEUED\n4\n4"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			out := cli(t, p, tc.stdin, tc.args...)
			for _, want := range tc.want {
				if !strings.Contains(out, want) {
					t.Errorf("lacks %q:\n%s", want, out)
				}
			}
		})
	}
	t.Run("stat", func(t *testing.T) { // goes on until it is ended
		cmd := exec.Command(need(t, "stdbuf"), "-oL", "redis-cli", "-p", strconv.Itoa(p.port), "--stat", "-i", "0.1")
		out, _ := output(t, cmd, time.Second)
		if !strings.Contains(out, "2001 ") || !strings.Contains(out, "(+1)") {
			t.Errorf("%q", out)
		}
	})
	t.Run("latency", func(t *testing.T) {
		cmd := exec.Command(need(t, "redis-cli"), "-p", strconv.Itoa(p.port), "--latency", "--raw", "-i", "1")
		if out, err := output(t, cmd, 20*time.Second); err != nil || len(strings.Fields(out)) < 4 {
			t.Errorf("%v: %q", err, out)
		}
	})
	t.Run("rdb", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "copy.rdb")
		cli(t, p, "", "--rdb", file)
		if check, err := exec.LookPath("redis-check-rdb"); err == nil {
			out, err := output(t, exec.Command(check, file), 20*time.Second)
			if err != nil || !strings.Contains(out, "RDB looks OK") {
				t.Errorf("%v: %s", err, out)
			}
		}
	})
}

// MONITOR shows redis-cli what others do.
func TestRedisCLIMonitor(t *testing.T) {
	p := startVedette(t)
	cmd := exec.Command(need(t, "redis-cli"), "-p", strconv.Itoa(p.port), "MONITOR")
	out := &lockedBuffer{}
	cmd.Stdout = out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }()
	c := dial(t, p)
	eventually(t, 10*time.Second, func() error {
		c.do("SELECT", "3")
		c.do("SET", "k", "a\r\n\"\x00")
		c.do("AUTH", "secret")
		if got := out.String(); !strings.Contains(got, `" "k" "a\r\n\"\x00"`) || !strings.Contains(got, "[3 127.0.0.1:") {
			return fmt.Errorf("MONITOR shows %q", got)
		}
		return nil
	})
	if strings.Contains(out.String(), "secret") {
		t.Errorf("MONITOR shows a password: %s", out.String())
	}
}

// redis-benchmark's default tests run, those whose commands are there.
func TestRedisBenchmark(t *testing.T) {
	p := startVedette(t)
	for _, args := range [][]string{
		{"-t", "ping_inline,ping_mbulk,set,get,incr,mset"},
		{"-t", "set,get,incr", "-P", "16"},
		{"-t", "set,get", "-r", "1000", "-d", "10000", "-c", "20"},
		{"-t", "get", "-3"},
	} {
		cmd := exec.Command(need(t, "redis-benchmark"), append([]string{"-p", strconv.Itoa(p.port), "-q", "-n", "2000"}, args...)...)
		out, err := output(t, cmd, time.Minute)
		if err != nil || strings.Contains(out, "rror") || !strings.Contains(out, "requests per second") {
			t.Errorf("redis-benchmark %q: %v\n%s", args, err, out)
		}
	}
}

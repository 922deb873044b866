package cli

import (
	"bufio"
	"fmt"
	"net"
	"os/exec"
	"strings"
	"testing"
)

func TestHelpTeaches(t *testing.T) {
	for _, args := range [][]string{
		{"vedette"}, {"vedette", "--help"}, {"vedette", "help"},
		{"vedette", "server", "--help"}, {"vedette", "sentinel", "-h"}, {"vedette", "ping", "--help"},
		{"vedette", "completion", "--help"}, {"vedette", "version", "--help"},
	} {
		status, out, errs := run(t, args...)
		if status != 0 || errs != "" || !strings.Contains(out, "vedette") {
			t.Errorf("%q: %d, %s%s", args, status, out, errs)
		}
	}
}

func TestVersionFlags(t *testing.T) {
	for _, arg := range []string{"version", "--version", "-v"} {
		if status, out, errs := run(t, "vedette", arg); status != 0 || errs != "" || !strings.HasPrefix(out, "vedette ") {
			t.Errorf("vedette %s: %d, %s%s", arg, status, out, errs)
		}
	}
}

func TestMistakesAreExplained(t *testing.T) {
	for _, tt := range []struct{ args, want string }{
		{"vedette serve", `vedette: "serve" is no command and no file; did you mean "server"? (see vedette --help)`},
		{"vedette frobnicate", `vedette: "frobnicate" is no command and no file (see vedette --help)`},
		{"vedette ping --hots x", "vedette: flag provided but not defined: -hots (see vedette ping --help)"},
		{"vedette ping 10.0.0.1", `vedette: ping takes no arguments, only options; "10.0.0.1" is neither (see vedette ping --help)`},
		{"vedette version -v", "vedette: flag provided but not defined: -v (see vedette version --help)"},
		{"vedette -x", "vedette: flag provided but not defined: -x (see vedette --help)"},
		{"vedette watch --sentinel s1", `vedette: --sentinel takes host:port, such as 127.0.0.1:26379; "s1" is none (see vedette watch --help)`},
		{"vedette watch --every 0s", "vedette: --every takes a time above 0, such as 500ms (see vedette watch --help)"},
		{"vedette completion tcsh", "vedette: completion is for bash, zsh or fish (see vedette completion --help)"},
	} {
		status, out, errs := run(t, strings.Fields(tt.args)...)
		if status != 1 || out != "" || strings.TrimSpace(errs) != tt.want {
			t.Errorf("%s: %d, %s\n got %s\nwant %s", tt.args, status, out, errs, tt.want)
		}
	}
}

func TestVersion(t *testing.T) {
	if _, out, _ := run(t, "vedette", "version"); !strings.HasPrefix(out, "vedette "+release) {
		t.Errorf("vedette version: %s", out)
	}
	for _, args := range [][]string{{"/usr/bin/redis-server", "-v"}, {"vedette", "server", "--version"}} {
		status, out, _ := run(t, args...)
		if status != 0 || !strings.HasPrefix(out, "Redis server v=7.2.") {
			t.Errorf("%s: %d, %s", args, status, out)
		}
	}
	status, _, errs := run(t, "/usr/bin/redis-server", "--help")
	if status != 1 || !strings.HasPrefix(errs, "Usage: /usr/bin/redis-server [/path/to/redis.conf]") {
		t.Errorf("redis-server --help: %d, %s", status, errs)
	}
}

// scripted is a server that answers each line-terminated command in turn.
func scripted(t *testing.T, replies ...string) (port string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	go func() {
		conn, err := ln.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		in := bufio.NewReader(conn)
		for _, r := range replies {
			readCommand(in)
			fmt.Fprint(conn, r)
		}
		_, _ = in.ReadByte() // until the client goes
	}()
	_, port, _ = net.SplitHostPort(ln.Addr().String())
	return port
}

// readCommand reads one array of bulk strings.
func readCommand(in *bufio.Reader) {
	var n int
	head, _ := in.ReadString('\n')
	_, _ = fmt.Sscanf(head, "*%d", &n)
	for range 2 * n {
		_, _ = in.ReadString('\n')
	}
}

func TestPing(t *testing.T) {
	for _, tt := range []struct {
		name    string
		replies []string
		flags   []string
		status  int
		out     string
	}{
		{"pong", []string{"+PONG\r\n"}, nil, 0, "PONG\n"},
		{"loading is alive", []string{"-LOADING x\r\n"}, nil, 0, "LOADING x\n"},
		{"loading is not ready", []string{"-LOADING x\r\n"}, []string{"--ready"}, 1, "LOADING x\n"},
		{"masterdown is alive", []string{"-MASTERDOWN x\r\n"}, nil, 0, "MASTERDOWN x\n"},
		{"not let in", []string{"-NOAUTH x\r\n"}, nil, 1, "NOAUTH x\n"},
		{"password", []string{"+OK\r\n", "+PONG\r\n"}, []string{"-a", "p"}, 0, "PONG\n"},
		{"wrong password", []string{"-WRONGPASS x\r\n"}, []string{"-a", "p"}, 1, "WRONGPASS x\n"},
		{"silence", nil, []string{"--timeout", "20ms"}, 1, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			args := append([]string{"vedette", "ping", "-p", scripted(t, tt.replies...)}, tt.flags...)
			status, out, errs := run(t, args...)
			if status != tt.status || out != tt.out {
				t.Errorf("%d, %q, %q; want %d, %q", status, out, errs, tt.status, tt.out)
			}
		})
	}
}

// The shells that are installed accept their scripts.
func TestCompletion(t *testing.T) {
	for _, shell := range []string{"bash", "zsh", "fish"} {
		status, out, errs := run(t, "vedette", "completion", shell)
		if status != 0 || !strings.Contains(out, "--maxmemory-policy") ||
			!strings.Contains(out, "sentinel") || strings.Contains(out, "DIRECTIVES") {
			t.Errorf("%s: %d, %s%s", shell, status, out, errs)
		}
		bin, err := exec.LookPath(shell)
		if err != nil {
			continue // looked at above
		}
		cmd := exec.Command(bin, "-n")
		cmd.Stdin = strings.NewReader(out)
		if msg, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s -n: %v, %s", shell, err, msg)
		}
	}
}

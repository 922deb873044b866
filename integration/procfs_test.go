//go:build linux

package integration

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// procFile reads a file of /proc about the process, without what surrounds its text.
func procFile(t *testing.T, p *process, name string) string {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", p.cmd.Process.Pid, name))
	if err != nil {
		t.Fatal(err)
	}
	return strings.Trim(string(b), "\x00\n")
}

// What ps shows is what Redis has there: by default, with a template of one's own, and
// with a title that is longer than the command line.
func TestProcessTitle(t *testing.T) {
	ours := startVedette(t, "--unixsocket", "sock")
	theirs := startRedis(t, "--unixsocket", "sock")
	title := func(p *process) string {
		s, _, _ := strings.Cut(procFile(t, p, "cmdline"), "\x00") // Redis leaves a dot far behind
		return strings.ReplaceAll(strings.ReplaceAll(s, p.bin, "PROGRAM"), strconv.Itoa(p.port), "PORT")
	}
	if got, want := title(ours), title(theirs); got != want || want != "PROGRAM 127.0.0.1:PORT" {
		t.Errorf("title %q, Redis %q", got, want)
	}
	w := newTwins(t, ours, theirs, "2")
	for _, template := range []string{
		"T {title} {listen-addr} {port} {tls-port} {unixsocket} {config-file} {server-mode}",
		"{nosuch}",
		"x{port}x",
		"long " + strings.Repeat("=", 300),
	} {
		a, b := w.do(w.conn("1"), "CONFIG", "SET", "proc-title-template", template)
		if a.raw != b.raw {
			t.Errorf("%s: %q, Redis %q", template, a.raw, b.raw)
		}
		if got, want := title(ours), title(theirs); got != want {
			t.Errorf("%s: title %q, Redis %q", template, got, want)
		}
	}
	if got := procFile(t, startVedette(t, "--set-proc-title", "no"), "cmdline"); !strings.Contains(got, "\x00--set-proc-title\x00no") {
		t.Errorf("without a title: %q", got)
	}
}

// The environment of what the program starts is the one it got, title or not.
func TestTitleKeepsEnvironment(t *testing.T) {
	p := startVedette(t, "--logfile", filepath.Join(t.TempDir(), "log"))
	c := dial(t, p)
	c.do("CONFIG", "SET", "proc-title-template", strings.Repeat("=", 4000))
	c.send("DEBUG", "RESTART") // starts itself, with the arguments and the environment it had
	readOrEOF(c)
	eventually(t, 10*time.Second, func() error {
		out, err := exec.Command("redis-cli", "-p", strconv.Itoa(p.port), "CONFIG", "GET", "port").CombinedOutput()
		if err != nil || !strings.Contains(string(out), strconv.Itoa(p.port)) {
			return fmt.Errorf("%v: %s", err, out)
		}
		return nil
	})
}

// oom-score-adj does what it does in Redis, and is put back where the kernel refuses.
func TestOOMScore(t *testing.T) {
	ours, theirs := startVedette(t), startRedis(t)
	w := newTwins(t, ours, theirs, "2")
	for _, args := range [][]string{
		{"CONFIG", "SET", "oom-score-adj", "yes"},
		{"CONFIG", "SET", "oom-score-adj-values", "10 20 30"},
		{"REPLICAOF", "127.0.0.1", "1"},
		{"REPLICAOF", "NO", "ONE"},
		{"CONFIG", "SET", "oom-score-adj", "no"},
		{"CONFIG", "SET", "oom-score-adj", "absolute"},
		{"CONFIG", "SET", "oom-score-adj-values", "-1000 20 30"},
		{"CONFIG", "SET", "oom-score-adj-values", "1900 20 30", "oom-score-adj", "no", "maxmemory", "x"},
		{"CONFIG", "SET", "oom-score-adj-values", "1900 20 30", "oom-score-adj", "relative"},
		{"CONFIG", "SET", "oom-score-adj-values", "5 4 3"},
		{"CONFIG", "SET", "oom-score-adj-values", "-3000 4 3"},
	} {
		a, b := w.do(w.conn("1"), args...)
		if a.raw != b.raw {
			t.Errorf("%q: %q, Redis %q", args, a.raw, b.raw)
		}
		if got, want := procFile(t, ours, "oom_score_adj"), procFile(t, theirs, "oom_score_adj"); got != want {
			t.Errorf("%q: score %s, Redis %s", args, got, want)
		}
		for _, name := range []string{"oom-score-adj", "oom-score-adj-values"} {
			if a, b := w.do(w.conn("1"), "CONFIG", "GET", name); a.sorted() != b.sorted() {
				t.Errorf("%q: CONFIG GET %s: %q, Redis %q", args, name, a.raw, b.raw)
			}
		}
	}
}

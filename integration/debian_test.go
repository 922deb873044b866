package integration

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// debianFiles is where Debian's packages put their configuration.
const debianFiles = "/etc/redis"

// The files Debian ships start us as they start Redis, under Redis's names and in the
// background, and SIGTERM ends us cleanly. Only paths and ports differ.
func TestDebianFiles(t *testing.T) {
	dir := t.TempDir()
	server, sentinel := clusterPort(t), clusterPort(t)
	redis := debianFile(t, dir, "redis.conf", 6379, server)
	watch := debianFile(t, dir, "sentinel.conf", 26379, sentinel)
	replaceIn(t, watch, `(?m)^(sentinel monitor mymaster 127.0.0.1) 6379`, fmt.Sprintf("$1 %d", server))

	s := startDaemon(t, dir, "redis-server", redis, server)
	d := startDaemon(t, dir, "redis-sentinel", watch, sentinel)
	eventually(t, patience, func() error {
		r, err := ask(&d.process, "SENTINEL", "MASTER", "mymaster")
		if m := pairs(r); err == nil && m["flags"] != "master" {
			err = fmt.Errorf("flags %q", m["flags"])
		}
		return err
	})
	checkDaemon(t, s, "redis-server", "Ready to accept connections")
	checkDaemon(t, d, "redis-sentinel", "+monitor master mymaster 127.0.0.1")
}

// debianFile copies one of Debian's files, with everything it names below dir and
// another port.
func debianFile(t *testing.T, dir, name string, shipped, port int) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(debianFiles, name))
	if err != nil {
		t.Skipf("Debian's %s is not here or not readable: %v", name, err)
	}
	file := filepath.Join(dir, name)
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	home := filepath.Join(dir, strings.TrimSuffix(name, ".conf"))
	if err := os.Mkdir(home, 0o700); err != nil {
		t.Fatal(err)
	}
	replaceIn(t, file, fmt.Sprintf(`(?m)^port %d$`, shipped), "port "+strconv.Itoa(port))
	replaceIn(t, file, `(?m)^pidfile .*$`, "pidfile "+filepath.Join(home, "pid"))
	replaceIn(t, file, `(?m)^logfile .*$`, "logfile "+filepath.Join(home, "log"))
	replaceIn(t, file, `(?m)^dir .*$`, "dir "+home)
	return file
}

// replaceIn changes what must be there once.
func replaceIn(t *testing.T, file, pattern, by string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	re := regexp.MustCompile(pattern)
	if n := len(re.FindAll(text, -1)); n != 1 {
		t.Fatalf("%s has %d lines like %s", file, n, pattern)
	}
	if err := os.WriteFile(file, re.ReplaceAll(text, []byte(by)), 0o600); err != nil {
		t.Fatal(err)
	}
}

// daemon is a process that left its parent. Only its files and its port tell of it.
type daemon struct {
	process
	home string
	pid  int
}

// startDaemon runs us under another name, waits for that to end well, and for the
// process it left behind.
func startDaemon(t *testing.T, dir, name, file string, port int) *daemon {
	t.Helper()
	bin := filepath.Join(dir, "bin", name)
	if err := os.MkdirAll(filepath.Dir(bin), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(vedette, bin); err != nil {
		t.Fatal(err)
	}
	d := &daemon{process: process{t: t, name: name, port: port}, home: strings.TrimSuffix(file, ".conf")}
	if out, err := exec.Command(bin, file).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
	t.Cleanup(func() {
		if d.alive() {
			_ = syscall.Kill(d.pid, syscall.SIGKILL)
		}
	})
	eventually(t, patience, func() error {
		text, err := os.ReadFile(filepath.Join(d.home, "pid"))
		if err != nil {
			return err
		}
		if d.pid, err = strconv.Atoi(strings.TrimSpace(string(text))); err != nil {
			return err
		}
		if !d.alive() {
			return fmt.Errorf("%s %d is not alive; it said:\n%s", name, d.pid, d.log())
		}
		_, err = ask(&d.process, "PING")
		return err
	})
	return d
}

// alive reports whether the pid is still ours.
func (d *daemon) alive() bool {
	exe, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", d.pid))
	return err == nil && exe == vedette
}

func (d *daemon) log() string {
	text, _ := os.ReadFile(filepath.Join(d.home, "log"))
	return string(text)
}

// checkDaemon looks at what a daemon of ours did, and ends it.
func checkDaemon(t *testing.T, d *daemon, name, said string) {
	t.Helper()
	if !strings.Contains(d.log(), said) {
		t.Errorf("%s did not log %q:\n%s", name, said, d.log())
	}
	if parent, err := parentOf(d.pid); err != nil || parent == os.Getpid() {
		t.Errorf("%s is not detached: parent %d, %v", name, parent, err)
	}
	if err := syscall.Kill(d.pid, syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	eventually(t, 20*time.Second, func() error {
		if d.alive() {
			return fmt.Errorf("%s does not end on SIGTERM:\n%s", name, d.log())
		}
		return nil
	})
	if _, err := os.Stat(filepath.Join(d.home, "pid")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s left its pidfile: %v", name, err)
	}
}

// parentOf is the parent's process id.
func parentOf(pid int) (int, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	fields := strings.Fields(string(text)[strings.LastIndexByte(string(text), ')')+1:])
	if len(fields) < 2 {
		return 0, fmt.Errorf("stat of %d: %q", pid, text)
	}
	return strconv.Atoi(fields[1])
}

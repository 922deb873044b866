package cli

import (
	"bytes"
	"context"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/vedette-ha/vedette/server"
)

// asMain makes the test binary the program itself.
const asMain = "VEDETTE_TEST_AS_MAIN"

func TestMain(m *testing.M) {
	if os.Getenv(asMain) == "" {
		os.Exit(m.Run())
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	os.Exit(Run(ctx, os.Args, Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr}))
}

// program is a command that runs this test binary as the program called name.
func program(t *testing.T, name string, args ...string) *exec.Cmd {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), exe, args...)
	cmd.Args[0] = name
	cmd.Env = append(os.Environ(), asMain+"=1")
	cmd.Dir = t.TempDir()
	return cmd
}

// eventually waits for what another process does.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !ok(); {
		if time.Now().After(deadline) {
			t.Fatalf("not in time: %s", what)
		}
		time.Sleep(2 * time.Millisecond)
	}
}

// A daemonized server answers as soon as the command that started it returns,
// has a pid file while it lives, logs, and ends on SIGTERM.
func TestDaemonize(t *testing.T) {
	cmd := program(t, "redis-server", "-", "--port", "0", "--daemonize", "yes",
		"--pidfile", "pid", "--logfile", "log", "--save", "")
	cmd.Stdin = strings.NewReader("unixsocket s\n")
	if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
		t.Fatalf("start: %v, %s", err, out)
	}
	file := func(name string) string { return filepath.Join(cmd.Dir, name) }
	b, err := os.ReadFile(file("pid"))
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Kill(pid, syscall.SIGKILL) })

	status, out, _ := run(t, "vedette", "ping", "-s", file("s"))
	if status != 0 || out != "PONG\n" {
		t.Errorf("ping: %d, %s", status, out)
	}
	if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the pid file is removed", func() bool {
		_, err := os.Stat(file("pid"))
		return os.IsNotExist(err)
	})
	log, _ := os.ReadFile(file("log"))
	if !strings.Contains(string(log), b2s(b)+":M ") ||
		!strings.Contains(string(log), " * Ready to accept connections") {
		t.Errorf("log:\n%s", log)
	}
}

func b2s(b []byte) string { return strings.TrimSpace(string(b)) }

// A start in the background that fails says so, with status 1, and leaves the pid
// file of the one it collides with alone.
func TestDaemonizeFails(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	port := strconv.Itoa(ln.Addr().(*net.TCPAddr).Port)
	cmd := program(t, "redis-server", "--bind", "127.0.0.1", "--port", port, "--daemonize", "yes",
		"--pidfile", "pid", "--save", "")
	pid := filepath.Join(cmd.Dir, "pid")
	if err := os.WriteFile(pid, []byte("1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState.ExitCode() != 1 || !strings.Contains(string(out), "port "+port) {
		t.Errorf("start: %v, %s", err, out)
	}
	if b, _ := os.ReadFile(pid); string(b) != "1\n" {
		t.Errorf("the pid file holds %q", b)
	}
}

// A sentinel answers on its port, keeps its state beside the configured dir, and
// ends with status 0 on SIGTERM.
func TestSentinel(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := strconv.Itoa(ln.Addr().(*net.TCPAddr).Port)
	ln.Close()
	cmd := program(t, "redis-sentinel", "s.conf", "--bind", "127.0.0.1", "--port", port)
	text := "sentinel monitor m 127.0.0.1 1 2\ndaemonize no\nsentinel deny-scripts-reconfig yes\n"
	if err := os.WriteFile(filepath.Join(cmd.Dir, "s.conf"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	cmd.Stdout = &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the sentinel answers", func() bool {
		status, _, _ := run(t, "vedette", "ping", "-p", port)
		return status == 0
	})
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("ended with %v", err)
	}
	if !strings.Contains(out.String(), ":X ") ||
		!strings.Contains(out.String(), "Running mode=sentinel, port="+port) {
		t.Errorf("log:\n%s", out.String())
	}
	stores, _ := filepath.Glob(filepath.Join(cmd.Dir, "vedette-sentinel-*"))
	if len(stores) != 1 {
		t.Errorf("stores: %v", stores)
	}
}

// A line of sentinel.conf that is neither Sentinel's nor Redis's stops the start.
func TestSentinelConfIsChecked(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s.conf")
	for text, want := range map[string]string{
		"prot 1\n":                           "did you mean 'port'?",
		"sentinel montor m\n":                "at line 1 of " + path,
		"loglevel deafening\n":               "argument(s) must be one of the following: debug,",
		"port 26379\nrename-command GET x\n": "at line 2 of " + path + "\n>>> 'rename-command GET x'\nNo such command in",
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		status, _, errs := run(t, "vedette", "sentinel", path)
		if status != 1 || !strings.Contains(errs, want) {
			t.Errorf("%q: %d, %s", text, status, errs)
		}
	}
}

// run is Run with nothing on standard input.
func run(t *testing.T, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	status = Run(t.Context(), args, Streams{In: strings.NewReader(""), Out: &out, Err: &errs})
	return status, out.String(), errs.String()
}

func TestConfigErrorsStopTheStart(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "redis.conf")
	if err := os.WriteFile(path, []byte("# mine\nmaxmemry 5\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	head := "\n*** FATAL CONFIG FILE ERROR (Vedette " + buildVersion() + ", Redis " + server.Version +
		") ***\nReading the configuration file, at line "
	for _, tt := range []struct {
		args []string
		want string
	}{
		{[]string{"redis-server", path}, head + "2 of " + path + "\n>>> 'maxmemry 5'\n" +
			"Bad directive or wrong number of arguments (did you mean 'maxmemory'?)\n"},
		{[]string{"vedette", "server", "--hz", "1", "--port", "x"}, head +
			"2 of the command line\n>>> 'port \"x\"'\n" +
			"argument couldn't be parsed into an integer\n"},
		{[]string{"redis-server", dir + "/none"}, "Fatal error, can't open config file '" + dir +
			"/none': No such file or directory\n"},
		{[]string{"redis-server", "--sentinel"},
			"*** FATAL: Sentinel needs config file on disk to save state. Exiting...\n"},
	} {
		status, out, errs := run(t, tt.args...)
		if status != 1 || out != "" || errs != tt.want {
			t.Errorf("%q: %d, %s\n got %s\nwant %s", tt.args, status, out, errs, tt.want)
		}
	}
}

func TestSupervisorTellsSystemd(t *testing.T) {
	path := filepath.Join(t.TempDir(), "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	env := map[string]string{"NOTIFY_SOCKET": path}
	getenv := func(k string) string { return env[k] }
	s := supervisorOf("auto", getenv)
	if !s.watches() {
		t.Fatal("auto does not see NOTIFY_SOCKET")
	}
	s.tell("READY=1")
	ctx, cancel := context.WithCancel(t.Context())
	defer s.stopping(ctx)()
	cancel()
	_ = conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	b := make([]byte, 100)
	for _, want := range []string{"READY=1", "STOPPING=1\nSTATUS=Shutting down\n"} {
		n, err := conn.Read(b)
		if err != nil || string(b[:n]) != want {
			t.Errorf("told %q, %v, want %q", b[:n], err, want)
		}
	}
	for _, none := range []supervisor{supervisorOf("no", getenv), supervisorOf("upstart", getenv),
		supervisorOf("systemd", func(string) string { return "" })} {
		if none.watches() {
			t.Errorf("%+v is watched", none)
		}
		none.tell("READY=1") // does nothing
	}
}

func TestPIDFileOfAnotherProcessStays(t *testing.T) {
	f := pidFile{path: filepath.Join(t.TempDir(), "pid")}
	if err := f.write(); err != nil {
		t.Fatal(err)
	}
	if b, _ := os.ReadFile(f.path); string(b) != strconv.Itoa(os.Getpid())+"\n" {
		t.Errorf("holds %q", b)
	}
	if err := os.WriteFile(f.path, []byte("1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	f.remove()
	if _, err := os.Stat(f.path); err != nil {
		t.Errorf("removed: %v", err)
	}
}

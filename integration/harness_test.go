package integration

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// vedette is the path of the binary under test, built once by TestMain.
var vedette string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "vedette-integration")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	vedette = filepath.Join(dir, "vedette")
	build := exec.Command("go", "build", "-trimpath", "-o", vedette, "..") // as make build does: what is compiled is shared
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build vedette: %v\n%s", err, out)
		os.Exit(1)
	}
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// oneCluster serializes what needs the machine's full attention: on two shared
// cores, two clusters at once make each other's detectors fire.
var oneCluster sync.Mutex

// need skips the test unless the program is installed.
func need(t *testing.T, program string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	if err != nil {
		t.Skipf("%s is not installed", program)
	}
	return path
}

// freePort returns a port nobody listens on at the moment.
func freePort(t *testing.T) int {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().(*net.TCPAddr).Port
}

// process is a program a test started. It is ended with the test.
type process struct {
	t    *testing.T
	name string
	port int
	dir  string
	args []string
	bin  string
	cmd  *exec.Cmd
	out  *lockedBuffer
	done chan struct{}
}

// lockedBuffer collects a process's output while tests look at it.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// startVedette starts our data server in Redis's command line form.
func startVedette(t *testing.T, args ...string) *process {
	t.Helper()
	return startServer(t, vedette, args...)
}

// startRedis starts Debian's redis-server.
func startRedis(t *testing.T, args ...string) *process {
	t.Helper()
	return startServer(t, need(t, "redis-server"), args...)
}

// startServer starts a data server on a free port, in a folder of its own, without
// persistence unless args say otherwise, and waits until it answers.
func startServer(t *testing.T, bin string, args ...string) *process {
	t.Helper()
	dir := t.TempDir()
	port := freePort(t)
	p := &process{t: t, name: filepath.Base(bin), port: port, dir: dir, bin: bin,
		args: append([]string{"--port", strconv.Itoa(port), "--bind", "127.0.0.1", "--dir", dir,
			"--save", "", "--enable-debug-command", "yes"}, args...)}
	p.start()
	t.Cleanup(p.kill)
	p.waitReady()
	return p
}

func (p *process) start() {
	p.t.Helper()
	p.out = &lockedBuffer{}
	p.cmd = exec.Command(p.bin, p.args...)
	p.cmd.Dir = p.dir
	p.cmd.Stdout, p.cmd.Stderr = p.out, p.out
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := p.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	p.done = make(chan struct{})
	go func(cmd *exec.Cmd, done chan struct{}) {
		_ = cmd.Wait()
		close(done)
	}(p.cmd, p.done)
}

func (p *process) addr() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(p.port)) }

// waitReady waits until the process answers PING.
func (p *process) waitReady() {
	p.t.Helper()
	eventually(p.t, 20*time.Second, func() error {
		select {
		case <-p.done:
			p.t.Fatalf("%s ended:\n%s", p.name, p.out)
		default:
		}
		c, err := net.DialTimeout("tcp", p.addr(), time.Second)
		if err != nil {
			return err
		}
		defer c.Close()
		_ = c.SetDeadline(time.Now().Add(2 * time.Second))
		if _, err := c.Write([]byte("PING\r\n")); err != nil {
			return err
		}
		var b [64]byte
		n, err := c.Read(b[:])
		if err == nil && strings.HasPrefix(string(b[:n]), "-LOADING") {
			return errors.New("loading")
		}
		return err
	})
}

// signal sends a signal to the process.
func (p *process) signal(sig syscall.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(sig); err != nil {
		p.t.Fatal(err)
	}
}

// kill ends the process as kill -9 does, and waits for its end.
func (p *process) kill() {
	_ = p.cmd.Process.Signal(syscall.SIGCONT)
	_ = p.cmd.Process.Kill()
	<-p.done
}

// stop ends the process with SIGTERM and returns its exit status.
func (p *process) stop() int {
	p.t.Helper()
	p.signal(syscall.SIGTERM)
	select {
	case <-p.done:
	case <-time.After(20 * time.Second):
		p.t.Fatalf("%s does not end on SIGTERM:\n%s", p.name, p.out)
	}
	return p.cmd.ProcessState.ExitCode()
}

// eventually calls check until it returns nil, or fails the test after the limit.
func eventually(t *testing.T, limit time.Duration, check func() error) {
	t.Helper()
	deadline := time.Now().Add(limit)
	for {
		err := check()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("not after %v: %v", limit, err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

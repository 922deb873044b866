// Package redistest starts real redis-server processes, against which tests compare
// our behaviour. For tests only.
package redistest

import (
	"bufio"
	"fmt"
	"net"
	"os/exec"
	"strings"
	"testing"
)

// startAttempts is how often a port that somebody took meanwhile is replaced.
const startAttempts = 5

// Start runs redis-server on a free port of 127.0.0.1, without persistence, and
// returns its address. More arguments are directives, as on its command line. The
// process ends with the test. Without redis-server the test is skipped.
func Start(t testing.TB, directives ...string) (addr string) {
	t.Helper()
	binary, err := exec.LookPath("redis-server")
	if err != nil {
		t.Skip("redis-server is not installed")
	}
	for range startAttempts {
		addr = freeAddr(t)
		_, port, _ := net.SplitHostPort(addr)
		args := append([]string{"--port", port, "--bind", "127.0.0.1", "--save", "",
			"--appendonly", "no", "--dir", t.TempDir()}, directives...)
		if run(t, binary, args) {
			return addr
		}
	}
	t.Fatal("redis-server does not start")
	return ""
}

// run starts the server and waits until it accepts connections; false if it ended
// before.
func run(t testing.TB, binary string, args []string) bool {
	cmd := exec.Command(binary, args...)
	log, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(log)
	for lines.Scan() {
		if !strings.Contains(lines.Text(), "Ready to accept connections") {
			continue
		}
		drained := make(chan struct{})
		go func() { // or the server would block once the pipe is full
			defer close(drained)
			for lines.Scan() {
			}
		}()
		t.Cleanup(func() {
			cmd.Process.Kill()
			<-drained
			cmd.Wait()
		})
		return true
	}
	cmd.Wait()
	return false
}

func freeAddr(t testing.TB) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return fmt.Sprint(l.Addr())
}

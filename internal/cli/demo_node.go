//go:build !nodemo

package cli

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// demoNode is one of the processes of the demo. Its methods are for the demo's own
// goroutine.
type demoNode struct {
	Name string // data-1, sentinel-1, …
	Port int

	program string
	args    []string
	dir     string
	cmd     *exec.Cmd
	done    chan struct{} // closed when the process has ended
	running bool          // it should be: false before start and after kill
}

func (n *demoNode) addr() string { return net.JoinHostPort(demoHost, strconv.Itoa(n.Port)) }

func (n *demoNode) logFile() string { return filepath.Join(n.dir, "log") }

// start starts the process; its output is appended to its log. The calling goroutine
// must be locked to its thread: when a thread ends, the kernel kills the processes it
// started (see diesWithUs).
func (n *demoNode) start() error {
	log, err := os.OpenFile(n.logFile(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := exec.Command(n.program, n.args...)
	cmd.Dir = n.dir
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = diesWithUs()
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", n.Name, err)
	}
	n.cmd, n.done, n.running = cmd, make(chan struct{}), true
	go func(done chan struct{}) {
		_ = cmd.Wait() // how it ended is in cmd.ProcessState
		close(done)
	}(n.done)
	return nil
}

func (n *demoNode) pid() int { return n.cmd.Process.Pid }

// signal stops or continues the process.
func (n *demoNode) signal(sig syscall.Signal) error {
	if err := n.cmd.Process.Signal(sig); err != nil {
		return fmt.Errorf("%v to %s: %w", sig, n.Name, err)
	}
	return nil
}

// kill sends SIGKILL, which also ends a stopped process.
func (n *demoNode) kill() error {
	n.running = false
	return n.signal(syscall.SIGKILL)
}

// fallen is not nil if the process has ended by itself.
func (n *demoNode) fallen() error {
	if !n.running {
		return nil
	}
	select {
	case <-n.done:
		return fmt.Errorf("%s has ended by itself: %v%s", n.Name, n.cmd.ProcessState, n.lastWords())
	default:
		return nil
	}
}

// lastWords is the last line of the log, for an error.
func (n *demoNode) lastWords() string {
	text, err := os.ReadFile(n.logFile())
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	if err != nil || lines[len(lines)-1] == "" {
		return ""
	}
	return ": " + lines[len(lines)-1]
}

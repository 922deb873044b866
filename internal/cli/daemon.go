package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// daemonEnv tells a process that it is the one in the background, and which
// descriptor its parent waits on.
const daemonEnv = "VEDETTE_DAEMON_FD"

const readyWord = "ready"

// detach starts this command line again in a session of its own and waits until
// that process accepts clients or has ended; the exit status is 0 or 1. A
// process cannot fork once it has threads, so it is started anew.
func (p *process) detach(ctx context.Context) int {
	exe, err := os.Executable()
	if err != nil {
		return p.fail(fmt.Errorf("daemonize: %w", err))
	}
	r, w, err := os.Pipe()
	if err != nil {
		return p.fail(fmt.Errorf("daemonize: %w", err))
	}
	defer r.Close()
	cmd := exec.Command(exe, p.args[1:]...)
	cmd.Args[0] = p.args[0]
	cmd.Env = append(os.Environ(), daemonEnv+"=3")
	cmd.ExtraFiles = []*os.File{w}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if p.inv.stdin {
		cmd.Stdin = strings.NewReader(p.stdin)
	}
	if f, ok := p.std.Err.(*os.File); ok {
		cmd.Stderr = f // until it is ready: why it is not
	}
	err = cmd.Start()
	w.Close()
	if err != nil {
		return p.fail(fmt.Errorf("daemonize: %w", err))
	}
	stop := context.AfterFunc(ctx, func() { _ = cmd.Process.Signal(syscall.SIGTERM) })
	defer stop()
	word, _ := io.ReadAll(io.LimitReader(r, int64(len(readyWord))))
	if string(word) == readyWord {
		return 0
	}
	_ = cmd.Wait() // it has said why
	return 1
}

// daemon is the background end of a detach.
type daemon struct{ parent *os.File }

// daemonFromEnv returns nil in a process that was not started by detach.
func daemonFromEnv() *daemon {
	fd, err := strconv.Atoi(os.Getenv(daemonEnv))
	if err != nil || fd < 3 {
		return nil
	}
	_ = os.Unsetenv(daemonEnv) // not for those this process starts
	unix.CloseOnExec(fd)
	return &daemon{os.NewFile(uintptr(fd), "parent")}
}

// ready releases the parent and lets go of the terminal: what the runtime may
// still write (a crash) goes to logFile, if there is one.
func (d *daemon) ready(logFile string) {
	if d == nil {
		return
	}
	redirect(os.DevNull, 1)
	if logFile == "" {
		logFile = os.DevNull
	}
	redirect(logFile, 2)
	_, _ = d.parent.WriteString(readyWord) // a parent that is gone needs no word
	_ = d.parent.Close()
	d.parent = nil
}

// waitedFor reports whether a parent still waits for this process.
func (d *daemon) waitedFor() bool { return d != nil && d.parent != nil }

func redirect(path string, fd int) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return
	}
	defer f.Close()
	_ = unix.Dup2(int(f.Fd()), fd)
}

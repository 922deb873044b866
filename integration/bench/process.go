package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"
)

// process is a server under measurement.
type process struct {
	cmd  *exec.Cmd
	port int
	dir  string
	bin  string
	args []string
	env  []string
	done chan struct{} // closed when it has ended
}

// startServer starts a data server of one side on a free port, without save points
// unless args say otherwise, and waits until it answers.
func (b *bench) startServer(ctx context.Context, side string, args ...string) (*process, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(b.dir, side)
	if err != nil {
		return nil, err
	}
	p := &process{port: port, dir: dir, bin: b.binary(side), args: append([]string{
		"--port", strconv.Itoa(port), "--bind", "127.0.0.1", "--dir", dir, "--save", ""}, args...)}
	if err := p.start(); err != nil {
		return nil, err
	}
	if err := p.ready(ctx); err != nil {
		p.kill()
		return nil, err
	}
	return p, nil
}

func (b *bench) binary(side string) string {
	if side == ours {
		return b.vedette
	}
	return b.redis
}

// start runs the process, again after it has ended; its output goes to a log in its
// folder.
func (p *process) start() error {
	log, err := os.OpenFile(filepath.Join(p.dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer log.Close()
	p.cmd = exec.Command(p.bin, p.args...)
	p.cmd.Dir, p.cmd.Stdout, p.cmd.Stderr = p.dir, log, log
	p.cmd.Env = append(os.Environ(), p.env...)
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := p.cmd.Start(); err != nil {
		return err
	}
	p.done = make(chan struct{})
	go func(cmd *exec.Cmd, done chan struct{}) {
		_ = cmd.Wait()
		close(done)
	}(p.cmd, p.done)
	return nil
}

func (p *process) addr() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(p.port)) }
func (p *process) pid() int     { return p.cmd.Process.Pid }

// client is a go-redis client of the process; the caller closes it.
func (p *process) client() *redis.Client {
	return redis.NewClient(&redis.Options{Addr: p.addr(), Protocol: 2, DisableIdentity: true,
		ReadTimeout: time.Minute, MaxRetries: -1})
}

// ready waits until the process answers PING, its data loaded.
func (p *process) ready(ctx context.Context) error {
	c := p.client()
	defer c.Close()
	return p.until(ctx, 5*time.Minute, func() error { return c.Ping(ctx).Err() })
}

// until polls check until it returns nil, the process ends or the limit has passed.
func (p *process) until(ctx context.Context, limit time.Duration, check func() error) error {
	deadline := time.Now().Add(limit)
	for {
		err := check()
		if err == nil {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%s: not after %v: %w", filepath.Base(p.bin), limit, err)
		}
		select {
		case <-p.done:
			log, _ := os.ReadFile(filepath.Join(p.dir, "log"))
			return fmt.Errorf("%s ended: %w\n%s", filepath.Base(p.bin), err, tail(log, 2000))
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(2 * time.Millisecond):
		}
	}
}

func tail(b []byte, n int) []byte { return b[max(0, len(b)-n):] }

func (p *process) signal(sig syscall.Signal) error { return p.cmd.Process.Signal(sig) }

// kill ends the process as kill -9 does and waits for its end.
func (p *process) kill() {
	_ = p.signal(syscall.SIGCONT)
	_ = p.cmd.Process.Kill()
	<-p.done
}

// pair starts a server of each side.
func (b *bench) startPair(ctx context.Context, args ...string) (map[string]*process, error) {
	servers := map[string]*process{}
	for _, side := range []string{theirs, ours} {
		p, err := b.startServer(ctx, side, args...)
		if err != nil {
			killAll(servers)
			return nil, err
		}
		servers[side] = p
	}
	return servers, nil
}

func killAll(servers map[string]*process) {
	for _, p := range servers {
		p.kill()
	}
}

// sides is the order of the two in a pair: each goes first every other time.
func sides(pair int) []string {
	if pair%2 == 0 {
		return []string{theirs, ours}
	}
	return []string{ours, theirs}
}

// freePort returns a port nobody listens on, below those the system hands out.
func freePort() (int, error) {
	for range 100 {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return 0, err
		}
		port := ln.Addr().(*net.TCPAddr).Port
		ln.Close()
		if port < 55000 { // a sentinel or a cluster bus may want port+10000
			return port, nil
		}
	}
	return 0, errors.New("no free port")
}

// cpu is the processor time the process has used, that of the children it has waited
// for included: a fork for a snapshot is part of the price.
func (p *process) cpu() (time.Duration, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.pid()))
	if err != nil {
		return 0, err
	}
	_, rest, _ := strings.Cut(string(b), ") ") // the name may hold anything
	fields := strings.Fields(rest)
	if len(fields) < 15 {
		return 0, fmt.Errorf("unexpected /proc/%d/stat", p.pid())
	}
	var ticks time.Duration
	for _, f := range fields[11:15] { // utime stime cutime cstime
		n, err := strconv.Atoi(f)
		if err != nil {
			return 0, err
		}
		ticks += time.Duration(n)
	}
	return ticks * (time.Second / 100), nil
}

// rss is the resident memory of the process in bytes.
func (p *process) rss() (float64, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", p.pid()))
	if err != nil {
		return 0, err
	}
	var size, resident int
	if _, err := fmt.Sscan(string(b), &size, &resident); err != nil {
		return 0, err
	}
	return float64(resident * os.Getpagesize()), nil
}

// infoField reads one number of INFO.
func infoField(ctx context.Context, c *redis.Client, section, field string) (float64, error) {
	v, err := infoText(ctx, c, section, field)
	if err != nil {
		return 0, err
	}
	return strconv.ParseFloat(v, 64)
}

// infoText reads one field of INFO.
func infoText(ctx context.Context, c *redis.Client, section, field string) (string, error) {
	text, err := c.Info(ctx, section).Result()
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(text) {
		if v, ok := strings.CutPrefix(line, field+":"); ok {
			return strings.TrimSpace(v), nil
		}
	}
	return "", fmt.Errorf("INFO %s has no %s", section, field)
}

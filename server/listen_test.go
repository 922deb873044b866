package server

import (
	"context"
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/vedette-ha/vedette/internal/client"
	"github.com/vedette-ha/vedette/internal/conf"
)

// startOnPort runs a server on a free loopback port until the test ends.
func startOnPort(t testing.TB, cfg *Config) (*Server, int) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := ln.Addr().(*net.TCPAddr).Port
	cfg.Port = port
	cfg.Bind = []string{"127.0.0.1"}
	cfg.SavePoints = nil
	cfg.Dir = t.TempDir()
	ln.Close()
	ready := make(chan struct{})
	s, err := New(Options{Config: cfg, Log: zerolog.Nop(), Ready: func() { close(ready) }})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	select {
	case <-ready:
	case err := <-done:
		t.Fatal(err)
	}
	return s, port
}

func dialPort(t *testing.T, port int) *client.Conn {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	c, err := client.Dial(ctx, "tcp", fmt.Sprintf("127.0.0.1:%d", port), client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// CONFIG SET port moves the listener, keeps who is connected, and goes back to what
// worked when the new port is taken.
func TestConfigSetPort(t *testing.T) {
	_, old := startOnPort(t, NewConfig())
	c := dialPort(t, old)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	takenPort := taken.Addr().(*net.TCPAddr).Port
	_, err = c.Do(t.Context(), "CONFIG", "SET", "port", takenPort)
	want := "ERR CONFIG SET failed (possibly related to argument 'port') - Unable to listen on this port. Check server logs."
	if err == nil || err.Error() != want {
		t.Errorf("a taken port: %v, want %s", err, want)
	}
	dialPort(t, old)
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := free.Addr().(*net.TCPAddr).Port
	free.Close()
	if _, err := c.Do(t.Context(), "CONFIG", "SET", "port", port); err != nil {
		t.Fatal(err)
	}
	if _, err := dialPort(t, port).Do(t.Context(), "PING"); err != nil {
		t.Error(err)
	}
	if _, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", old)); err == nil {
		t.Error("the old port still answers")
	}
	if _, err := c.Do(t.Context(), "PING"); err != nil {
		t.Errorf("who was connected: %v", err)
	}
}

// rename-command gives a command another name or takes it away. One that Redis has and
// we have not may be named as well.
func TestRenameCommand(t *testing.T) {
	cfg := NewConfig()
	cfg.RenamedCommands = renames(t, "rename-command CONFIG HIDDEN\nrename-command FLUSHALL ''\nrename-command bgrewriteaof ''")
	_, port := startOnPort(t, cfg)
	c := dialPort(t, port)
	if _, err := c.Do(t.Context(), "HIDDEN", "GET", "port"); err != nil {
		t.Error(err)
	}
	for _, name := range []string{"CONFIG", "FLUSHALL"} {
		if _, err := c.Do(t.Context(), name, "x"); err == nil {
			t.Errorf("%s still answers", name)
		}
	}
	bad := NewConfig()
	bad.RenamedCommands = renames(t, "rename-command GET a\nrename-command NOSUCH x")
	_, err := New(Options{Config: bad, Log: zerolog.Nop(), Virtual: true})
	if want := "redis.conf:2: No such command in rename-command"; err == nil || err.Error() != want {
		t.Errorf("an unknown command: %v, want %s", err, want)
	}
}

func renames(t *testing.T, text string) []conf.Directive {
	t.Helper()
	lines, err := conf.Parse("redis.conf", text)
	if err != nil {
		t.Fatal(err)
	}
	return lines
}

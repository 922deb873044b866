package server

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"github.com/vedette-ha/vedette/internal/memnet"
)

// virtual is a server in a bubble, with one client.
type virtual struct {
	t    *testing.T
	host *memnet.Host // of the clients
	conn net.Conn
	br   *bufio.Reader
	dir  string
	log  *strings.Builder
	stop context.CancelCauseFunc
	done chan error
}

// startVirtual starts a server on an in-memory network, in virtual time.
func startVirtual(t *testing.T, change func(*Config)) *virtual {
	t.Helper()
	network := memnet.New(1)
	ln, err := network.Host("10.0.0.1").Listen(":6379")
	if err != nil {
		t.Fatal(err)
	}
	cfg := NewConfig()
	cfg.Dir, cfg.ProtectedMode, cfg.SavePoints, cfg.ReplDisklessSyncDelay = t.TempDir(), false, nil, 0
	change(cfg)
	v := &virtual{t: t, host: network.Host("10.0.0.2"), dir: cfg.Dir, log: &strings.Builder{}, done: make(chan error, 1)}
	s, err := New(Options{Config: cfg, Log: zerolog.New(zerolog.SyncWriter(v.log)), Listeners: []net.Listener{ln}, Virtual: true})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancelCause(context.Background())
	v.stop = stop
	go func() { v.done <- s.Run(ctx) }()
	v.conn, v.br = v.dial()
	return v
}

func (v *virtual) dial() (net.Conn, *bufio.Reader) {
	v.t.Helper()
	conn, err := v.host.Dial(v.t.Context(), "tcp", "10.0.0.1:6379")
	if err != nil {
		v.t.Fatal(err)
	}
	v.t.Cleanup(func() { conn.Close() })
	return conn, bufio.NewReader(conn)
}

// want sends a command and expects a reply of one line.
func (v *virtual) want(line, want string) {
	v.t.Helper()
	fmt.Fprintf(v.conn, "%s\r\n", line)
	got, err := v.br.ReadString('\n')
	if got = strings.TrimSuffix(got, "\r\n"); err != nil || got != want {
		v.t.Errorf("%s: %q, %v; want %q", line, got, err, want)
	}
}

// ended waits for the end of the server.
func (v *virtual) ended() {
	v.t.Helper()
	if err := <-v.done; err != nil {
		v.t.Error(err)
	}
}

func (v *virtual) savedAt() time.Time {
	info, err := os.Stat(filepath.Join(v.dir, "dump.rdb"))
	if err != nil {
		return time.Time{}
	}
	return info.ModTime()
}

// A save point saves when so many changes are so old, and after a failure tries again
// after five seconds.
func TestSavePoints(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := startVirtual(t, func(c *Config) { c.SavePoints = []SavePoint{{100, 2}, {1000, 1}} })
		v.want("SET a 1", "+OK")
		time.Sleep(200 * time.Second)
		if !v.savedAt().IsZero() {
			t.Fatal("one change was saved after 200 s")
		}
		v.want("SET b 1", "+OK")
		time.Sleep(time.Second)
		synctest.Wait()
		if got := contentsOf(t, filepath.Join(v.dir, "dump.rdb")); len(got) != 2 {
			t.Errorf("saved %v", got)
		}
		path := filepath.Join(v.dir, "dump.rdb")
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		v.want("SET c 1", "+OK")
		time.Sleep(999 * time.Second)
		if !v.savedAt().IsZero() {
			t.Error("saved too early")
		}
		if err := os.Mkdir(path, 0o755); err != nil {
			t.Fatal(err)
		}
		time.Sleep(4 * time.Second) // it fails
		v.want("SET d 1", "-"+errMisconf.Error())
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		time.Sleep(4 * time.Second) // and is repeated
		synctest.Wait()
		v.want("SET d 1", "+OK")
		v.stop(nil)
		v.ended()
		if got := contentsOf(t, path); len(got) != 4 { // the last save
			t.Errorf("saved %v", got)
		}
	})
}

// lagging connects a replica that gets everything and acknowledges what ack says.
func (v *virtual) lagging() (ack func(offset int)) {
	conn, br := v.dial()
	fmt.Fprint(conn, "REPLCONF capa eof\r\n")
	if line, err := br.ReadString('\n'); line != "+OK\r\n" {
		v.t.Fatalf("REPLCONF: %q, %v", line, err)
	}
	fmt.Fprint(conn, "PSYNC ? -1\r\n")
	go func() {
		for {
			if _, err := br.ReadByte(); err != nil {
				return
			}
		}
	}()
	time.Sleep(time.Second)
	ack = func(offset int) { fmt.Fprintf(conn, "REPLCONF ACK %d\r\n", offset) }
	ack(0)
	time.Sleep(time.Second)
	return ack
}

func (v *virtual) waits(d time.Duration) {
	v.t.Helper()
	time.Sleep(d)
	select {
	case err := <-v.done:
		v.t.Fatalf("ended already: %v\n%s", err, v.log)
	default:
	}
}

// SHUTDOWN waits for a replica that lags behind, with writes held back, until it has
// all, or shutdown-timeout is over, or the shutdown is called off.
func TestShutdownWaitsForReplicas(t *testing.T) {
	tests := []struct {
		name string
		then func(v *virtual, ack func(int))
		took time.Duration // at most
		log  string
	}{
		{"acknowledged", func(v *virtual, ack func(int)) { ack(1 << 20) }, time.Second, "1 of 1 replicas are in sync"},
		{"timed out", func(*virtual, func(int)) {}, 11 * time.Second, "0 of 1 replicas are in sync"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				v := startVirtual(t, func(*Config) {})
				ack := v.lagging()
				v.want("SET a 1", "+OK")
				fmt.Fprint(v.conn, "SHUTDOWN\r\n")
				writer, replies := v.dial()
				v.waits(time.Second)
				fmt.Fprint(writer, "SET b 2\r\n")
				v.waits(time.Second)
				start := time.Now()
				tt.then(v, ack)
				v.ended()
				if took := time.Since(start); took > tt.took {
					t.Errorf("took %v", took)
				}
				if line, err := replies.ReadString('\n'); err == nil {
					t.Errorf("a write during the shutdown was answered %q", line)
				}
				if !strings.Contains(v.log.String(), tt.log) {
					t.Errorf("the log does not say %q:\n%s", tt.log, v.log)
				}
			})
		})
	}
}

func TestShutdownAbort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := startVirtual(t, func(*Config) {})
		v.lagging()
		v.want("SET a 1", "+OK")
		waiting, replies := v.dial()
		fmt.Fprint(waiting, "SHUTDOWN\r\n")
		v.waits(time.Second)
		v.want("SHUTDOWN ABORT", "+OK")
		if line, err := replies.ReadString('\n'); line != "-ERR Errors trying to SHUTDOWN. Check logs.\r\n" {
			t.Errorf("SHUTDOWN answered %q, %v", line, err)
		}
		v.want("SET b 1", "+OK")
		v.want("SHUTDOWN ABORT", "-ERR No shutdown in progress.")
		fmt.Fprint(v.conn, "SHUTDOWN NOW\r\n")
		start := time.Now()
		v.ended()
		if took := time.Since(start); took > 0 {
			t.Errorf("SHUTDOWN NOW waited %v", took)
		}
	})
}

// received is the cause with which a context ends on a signal.
type received syscall.Signal

func (r received) Error() string            { return "a signal" }
func (r received) Received() syscall.Signal { return syscall.Signal(r) }

// A signal ends the server as shutdown-on-sigterm and shutdown-on-sigint say.
func TestShutdownBySignal(t *testing.T) {
	tests := []struct {
		sig   syscall.Signal
		saves bool
	}{{syscall.SIGTERM, false}, {syscall.SIGINT, true}}
	for _, tt := range tests {
		t.Run(tt.sig.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				v := startVirtual(t, func(c *Config) {
					c.ShutdownOnSIGTERM, c.ShutdownOnSIGINT = ShutdownNoSave, ShutdownSave|ShutdownNow
					c.SavePoints = []SavePoint{{3600, 1}}
				})
				v.want("SET a 1", "+OK")
				v.stop(received(tt.sig))
				v.ended()
				if saved := !v.savedAt().IsZero(); saved != tt.saves {
					t.Errorf("saved: %v", saved)
				}
			})
		})
	}
}

// againReceived is a SIGTERM that more may follow.
type againReceived struct {
	signals chan syscall.Signal
	wentOn  atomic.Int32
}

func (*againReceived) Error() string                  { return "a signal" }
func (*againReceived) Received() syscall.Signal       { return syscall.SIGTERM }
func (r *againReceived) Again() <-chan syscall.Signal { return r.signals }
func (r *againReceived) WentOn()                      { r.wentOn.Add(1) }

// An end that was called off can be asked for by another signal.
func TestShutdownBySecondSignal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := startVirtual(t, func(c *Config) { c.ShutdownOnSIGTERM = 0 })
		v.lagging()
		v.want("SET a 1", "+OK")
		again := &againReceived{signals: make(chan syscall.Signal, 1)}
		v.stop(again)
		v.waits(time.Second)
		v.want("SHUTDOWN ABORT", "+OK")
		v.waits(time.Second)
		v.want("SET b 1", "+OK")
		again.signals <- syscall.SIGINT
		v.waits(time.Second)
		v.want("SHUTDOWN ABORT", "+OK") // it was under way
		if n := again.wentOn.Load(); n != 2 {
			t.Errorf("the sender heard %d times that the server goes on, want 2", n)
		}
		again.signals <- syscall.SIGTERM
		v.ended()
	})
}

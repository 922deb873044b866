package server

import (
	"context"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/vedette-ha/vedette/internal/memnet"
)

// FuzzDispatch sends arbitrary bytes to a server: it must not panic, whatever is
// refused must not hold up others, and the connection itself must still be served or
// be closed.
func FuzzDispatch(f *testing.F) {
	for _, seed := range []string{
		"PING\r\n", "*2\r\n$3\r\nGET\r\n$1\r\nk\r\n", "*1\r\n$-2\r\n", "SET k v EX 10\r\nGETEX k PERSIST\r\nAPPEND k x\r\n",
		"MULTI\r\nSET a 1\r\nINCR a\r\nEXEC\r\n", "WATCH a\r\nMULTI\r\nEXEC\r\nRESET\r\n", "SUBSCRIBE a\r\nPSUBSCRIBE *\r\nPUBLISH a b\r\n",
		"HELLO 3 SETNAME x\r\nPUBLISH a b\r\nCLIENT TRACKINGINFO\r\n", "SETRANGE k 100 x\r\nGETRANGE k -5 -1\r\nLCS k k IDX WITHMATCHLEN\r\n",
		"SCAN 0 MATCH * COUNT 10 TYPE string\r\nKEYS [a-z]*\r\n", "CONFIG GET *\r\nCONFIG SET maxmemory 1kb\r\nSET a b\r\n", "CLIENT LIST\r\nCLIENT REPLY OFF\r\n",
		"CLIENT PAUSE 10 WRITE\r\nSET a 1\r\n", "COMMAND GETKEYSANDFLAGS mset a b c d\r\nCOMMAND DOCS get\r\n", "RESTORE k 0 \"\\x00\\x03abd\\n\\x005!\\xdf\\xe7:\\x89ox\"\r\nDUMP k\r\n",
		"WAIT 1 5\r\nPING\r\n", "MONITOR\r\nGET a\r\n", "SWAPDB 0 1\r\nMOVE a 1\r\nCOPY a b DB 2 REPLACE\r\n", "OBJECT FREQ a\r\nMEMORY USAGE a\r\nDEBUG OBJECT a\r\n",
		"INFO everything\r\nLATENCY HISTOGRAM\r\nSLOWLOG GET -1\r\nMEMORY DOCTOR\r\n", "REPLCONF listening-port 1\r\nPSYNC ? -1\r\n", "FAILOVER\r\nROLE\r\nREPLICAOF NO ONE\r\n",
		"INCRBYFLOAT f 1e300\r\nINCRBY n 9223372036854775807\r\nINCR n\r\n", "EXPIRE k 100 NX\r\nPEXPIREAT k 1\r\nGETDEL k\r\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if tooMuch(data) {
			t.Skip()
		}
		begun := time.Now()
		defer func() {
			if d := time.Since(begun); d > 2*time.Second {
				t.Errorf("took %v: %q", d, data)
			}
		}()
		network := memnet.New(1)
		ln, err := network.Host("10.0.0.1").Listen(":6379")
		if err != nil {
			t.Fatal(err)
		}
		stop, done := serveFuzzed(t, ln)
		dial := func() net.Conn {
			conn, err := network.Host("10.0.0.2").Dial(t.Context(), "tcp", "10.0.0.1:6379")
			if err != nil {
				t.Fatal(err)
			}
			return conn
		}
		hostile, other := dial(), dial()
		go func() { _, _ = io.Copy(io.Discard, hostile) }()
		_ = hostile.SetWriteDeadline(time.Now().Add(5 * time.Second))
		_, _ = hostile.Write(data)
		answersPing(t, other)
		hostile.Close()
		answersPing(t, other)
		other.Close()
		stop()
		select {
		case <-done:
		case <-time.After(20 * time.Second):
			t.Fatal("the server does not end")
		}
	})
}

// tooMuch keeps out what may rightly take long, end the server, or reach out of it.
func tooMuch(data []byte) bool {
	lower := strings.ToLower(string(data))
	for _, word := range []string{"debug", "shutdown", "replicaof", "slaveof", "config", "save", "pause", "requirepass", "setrange", "failover"} {
		if strings.Contains(lower, word) {
			return word != "config" || strings.Contains(lower, "set") || strings.Contains(lower, "rewrite")
		}
	}
	return false
}

func serveFuzzed(t *testing.T, ln net.Listener) (stop func(), done chan error) {
	cfg := NewConfig()
	cfg.Dir, cfg.ProtectedMode, cfg.SavePoints, cfg.ShutdownTimeout = t.TempDir(), false, nil, 0
	s, err := New(Options{Config: cfg, Log: zerolog.Nop(), Listeners: []net.Listener{ln}, Virtual: true})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done = make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	return cancel, done
}

func answersPing(t *testing.T, conn net.Conn) {
	t.Helper()
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := io.WriteString(conn, "PING\r\n"); err != nil {
		t.Fatal(err)
	}
	var b [64]byte
	n, err := io.ReadAtLeast(conn, b[:], len("+PONG\r\n"))
	// Somebody may have killed it, or made it a stranger: that is an answer too.
	if err != nil && !strings.Contains(err.Error(), "EOF") && !strings.Contains(err.Error(), "reset") ||
		err == nil && !strings.HasPrefix(string(b[:n]), "+PONG\r\n") {
		t.Fatalf("PING: %q, %v", b[:n], err)
	}
}

package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/vedette-ha/vedette/internal/client"
	"github.com/vedette-ha/vedette/internal/redistest"
	"github.com/vedette-ha/vedette/internal/resp"
)

// patience is how long a peer may take for anything.
const patience = 20 * time.Second

// node is a server under test, ours or a real one, with a connection for commands.
type node struct {
	t    *testing.T
	addr string
	c    *client.Conn
	dir  string // of ours
}

// ours starts a server in this process.
func ours(t *testing.T, change func(*Config)) *node {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	cfg := NewConfig()
	cfg.Dir, cfg.Port, cfg.SavePoints = t.TempDir(), ln.Addr().(*net.TCPAddr).Port, nil
	cfg.ReplDisklessSyncDelay = 0
	if change != nil {
		change(cfg)
	}
	s, err := New(Options{Config: cfg, Log: zerolog.New(zerolog.NewTestWriter(t)), Listeners: []net.Listener{ln}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Errorf("server: %v", err)
		}
	})
	n := connectNode(t, ln.Addr().String(), cfg.Dir)
	n.do("PING") // the listener accepts before the dump is looked for
	return n
}

// theirs starts a redis-server.
func theirs(t *testing.T) *node {
	t.Helper()
	return connectNode(t, redistest.Start(t, "--repl-diskless-sync-delay", "0"), "")
}

func connectNode(t *testing.T, addr, dir string) *node {
	t.Helper()
	c, err := client.Dial(t.Context(), "tcp", addr, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return &node{t, addr, c, dir}
}

// do runs a command given as words; an error is its text.
func (n *node) do(line string) string {
	n.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var args []any
	for _, w := range strings.Fields(line) {
		args = append(args, w)
	}
	v, err := n.c.Do(ctx, args...)
	var refused *resp.Error
	if errors.As(err, &refused) {
		return refused.Error()
	}
	if err != nil {
		n.t.Fatalf("%s: %v", line, err)
	}
	switch i, isInt := v.Int64(); {
	case v.IsNull():
		return "(nil)"
	case isInt:
		return fmt.Sprint(i)
	}
	return v.Text()
}

// info is one field of INFO.
func (n *node) info(field string) string {
	for line := range strings.SplitSeq(n.do("INFO everything"), "\r\n") {
		if v, ok := strings.CutPrefix(line, field+":"); ok {
			return v
		}
	}
	return ""
}

// follow makes n a replica of m and waits until it is in step.
func (n *node) follow(m *node) {
	n.t.Helper()
	host, port, _ := net.SplitHostPort(m.addr)
	if got := n.do("REPLICAOF " + host + " " + port); got != "OK" {
		n.t.Fatalf("REPLICAOF: %s", got)
	}
	n.inStep(m)
}

// inStep waits until n has all that m has.
func (n *node) inStep(m *node) {
	n.t.Helper()
	eventually(n.t, "the replica has all its master has", func() bool {
		return n.info("master_link_status") == "up" && n.info("master_replid") == m.info("master_replid") &&
			n.info("slave_repl_offset") == m.info("master_repl_offset")
	})
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

func (n *node) want(line, want string) {
	n.t.Helper()
	if got := n.do(line); got != want {
		n.t.Errorf("%s at %s: %s, want %s", line, n.addr, got, want)
	}
}

// mixes are the pairs of master and replica that must work.
func mixes(t *testing.T, run func(t *testing.T, master, replica *node)) {
	us := func(t *testing.T) *node { return ours(t, nil) }
	for _, m := range []struct {
		name            string
		master, replica func(*testing.T) *node
	}{{"ours-ours", us, us}, {"ours-redis", us, theirs}, {"redis-ours", theirs, us}} {
		t.Run(m.name, func(t *testing.T) { run(t, m.master(t), m.replica(t)) })
	}
}

// A replica gets what is there, then the stream, and after a cut only what it
// missed.
func TestReplication(t *testing.T) {
	mixes(t, func(t *testing.T, master, replica *node) {
		master.do("SET key value")
		master.do("SELECT 5")
		master.do("SET five 5 EX 1000")
		replica.follow(master)
		master.do("INCR streamed")
		master.do("MULTI")
		master.do("INCR streamed")
		master.do("SET other 1")
		master.do("EXEC")
		master.want("WAIT 1 10000", "1")
		replica.want("GET key", "value")
		replica.do("SELECT 5")
		replica.want("GET streamed", "2")
		replica.want("GET five", "5")
		replica.want("SET key x", "READONLY You can't write against a read only replica.")

		if killed := replica.do("CLIENT KILL TYPE master"); killed != "1" {
			t.Fatalf("killed %s links", killed)
		}
		master.do("SET missed 1")
		replica.inStep(master)
		replica.want("GET missed", "1")
		if got := master.info("sync_full") + " " + master.info("sync_partial_ok"); got != "1 1" {
			t.Errorf("full and partial synchronizations %s, want 1 1", got)
		}
	})
}

// After a promotion the old master continues as replica, and so does a sub-replica.
func TestPromotion(t *testing.T) {
	mixes(t, func(t *testing.T, master, replica *node) {
		sub := ours(t, nil)
		master.do("SET key value")
		replica.follow(master)
		sub.follow(replica)
		replica.want("REPLICAOF NO ONE", "OK")
		replica.do("SET key promoted")
		master.follow(replica)
		sub.inStep(replica)
		for _, n := range []*node{master, sub} {
			n.want("GET key", "promoted")
		}
		if got := replica.info("sync_partial_ok"); got != "2" {
			t.Errorf("%s partial synchronizations, want 2", got)
		}
	})
}

// FAILOVER hands over without losing an acknowledged write, and back.
func TestFailoverCommand(t *testing.T) {
	mixes(t, func(t *testing.T, master, replica *node) {
		replica.follow(master)
		master.want("SET n 0", "OK")
		acked := 0
		for range 2 {
			writer := connectNode(t, master.addr, "")
			last := make(chan int, 1)
			first := acked + 1 // on a busy machine a round may end before its first write
			go func() {
				for n := first; t.Context().Err() == nil; n++ {
					ctx, cancel := context.WithTimeout(context.Background(), patience)
					v, err := writer.c.Do(ctx, "SET", "n", n)
					cancel()
					if err != nil || v.Err() != nil {
						last <- n - 1
						return
					}
				}
			}()
			time.Sleep(20 * time.Millisecond)
			master.want("FAILOVER TIMEOUT 10000", "OK")
			acked = <-last
			master.inStep(replica)
			master.want("GET n", fmt.Sprint(acked))
			replica.want("GET n", fmt.Sprint(acked))
			if master.info("role")+replica.info("role") != "slavemaster" {
				t.Fatalf("roles %s and %s", master.info("role"), replica.info("role"))
			}
			if got := replica.info("sync_full"); got != "0" && got != "1" {
				t.Errorf("%s full synchronizations", got)
			}
			master, replica = replica, master
			if replica.info("master_failover_state") != "no-failover" {
				t.Errorf("state %s", replica.info("master_failover_state"))
			}
		}
	})
}

// Whatever goes wrong before a snapshot is safe, the old data stays and nothing is
// left in the directory.
func TestBrokenFullSyncKeepsData(t *testing.T) {
	id := strings.Repeat("a", 40)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	tried := make(chan int, 100)
	go func() {
		for n := 0; ; n++ {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			psyncOf(conn)
			fmt.Fprintf(conn, "+FULLRESYNC %s 7\r\n", id)
			switch n {
			case 0: // cut in the middle
				fmt.Fprint(conn, "$1000\r\nREDIS0010")
				conn.Close()
			case 1: // damaged
				fmt.Fprint(conn, "$20\r\nREDIS0010\xff12345678xx")
			default: // whole, but with the value of a module
				fmt.Fprint(conn, "$26\r\nREDIS0010\xfe\x00\x07\x01l\x01\x01e\xff\x00\x00\x00\x00\x00\x00\x00\x00\x00")
			}
			_, _ = io.Copy(io.Discard, conn) // until the replica has had enough
			conn.Close()
			tried <- n
		}
	}()
	master, replica := ours(t, nil), ours(t, nil)
	master.do("SET key value")
	replica.follow(master)
	id1 := replica.info("master_replid")
	host, port, _ := net.SplitHostPort(ln.Addr().String())
	replica.do("REPLICAOF " + host + " " + port)
	for n := 0; n < 3; n = <-tried {
		replica.want("GET key", "value")
	}
	if got := replica.info("master_replid"); got != id1 {
		t.Errorf("id %s, want %s", got, id1)
	}
	replica.follow(master)
	if got := replica.info("sync_full"); got != "0" {
		t.Error(got)
	}
	if left, _ := filepath.Glob(filepath.Join(replica.dir, "temp-*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// A transaction that is cut off is not applied, and asked for again from its start.
func TestCutTransaction(t *testing.T) {
	id := strings.Repeat("b", 40)
	before := string(resp.AppendCommandString(nil, "INCR", "n"))
	half := string(resp.AppendCommandString(nil, "MULTI")) + before
	rest := string(resp.AppendCommandString(nil, "EXEC"))
	asked := make(chan string, 10)
	rdbEmpty := "REDIS0010\xff\x00\x00\x00\x00\x00\x00\x00\x00"
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	go func() {
		for n := 0; ; n++ {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			asked <- psyncOf(conn)
			if n == 0 {
				fmt.Fprintf(conn, "+FULLRESYNC %s 100\r\n$%d\r\n%s", id, len(rdbEmpty), rdbEmpty)
				fmt.Fprint(conn, before+half)
				time.Sleep(200 * time.Millisecond) // the replica has it all
				conn.Close()
				continue
			}
			fmt.Fprint(conn, "+CONTINUE\r\n"+half+rest)
			defer conn.Close()
		}
	}()
	replica := ours(t, nil)
	host, port, _ := net.SplitHostPort(ln.Addr().String())
	replica.do("REPLICAOF " + host + " " + port)
	<-asked
	if got, want := <-asked, fmt.Sprintf("%s %d", id, 100+len(before)+1); got != want {
		t.Errorf("asked for %s, want %s", got, want)
	}
	eventually(t, "the transaction is applied", func() bool { return replica.do("GET n") == "2" })
	if got, want := replica.info("slave_repl_offset"), fmt.Sprint(100+len(before+half+rest)); got != want {
		t.Errorf("offset %s, want %s", got, want)
	}
}

// psyncOf plays a master up to PSYNC and returns what was asked for.
func psyncOf(conn net.Conn) string {
	var p resp.Parser
	lim := resp.DefaultLimits()
	var buf []byte
	for {
		args, n, err := p.Next(buf, &lim)
		switch {
		case err != nil:
			return err.Error()
		case n == 0:
			chunk := make([]byte, 1000)
			k, err := conn.Read(chunk)
			if err != nil {
				return errors.Join(err).Error()
			}
			buf = append(buf, chunk[:k]...)
			continue
		case equalFold(args[0], "PSYNC"):
			return string(args[1]) + " " + string(args[2])
		case equalFold(args[0], "PING"):
			fmt.Fprint(conn, "+PONG\r\n")
		default:
			fmt.Fprint(conn, "+OK\r\n")
		}
		buf = buf[n:]
	}
}

// A replica never deletes an expired key itself; its clients do not see it.
func TestReplicaExpiry(t *testing.T) {
	master, replica := ours(t, nil), ours(t, nil)
	replica.follow(master)
	master.do("SET gone soon PX 50")
	master.do("WAIT 1 10000")
	eventually(t, "the key is gone for clients", func() bool { return replica.do("GET gone") == "(nil)" })
	eventually(t, "the master tells", func() bool { return replica.do("DBSIZE") == "0" })
	replica.inStep(master)
}

// Both ways of sending a snapshot carry many keys, while writes go on.
func TestFullSyncUnderWrites(t *testing.T) {
	for _, diskless := range []bool{true, false} {
		master := ours(t, func(c *Config) { c.ReplDisklessSync = diskless })
		for i := range 3000 {
			if err := master.c.Send("SET", fmt.Sprintf("key:%d", i), strings.Repeat("v", 100+i%1000)); err != nil {
				t.Fatal(err)
			}
		}
		if err := master.c.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		for range 3000 {
			if _, err := master.c.Receive(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		for _, replica := range []*node{ours(t, nil), ours(t, func(c *Config) { c.ReplDisklessLoad = DisklessLoadSwapDB }), theirs(t)} {
			stop, done := make(chan struct{}), make(chan struct{})
			writer := connectNode(t, master.addr, "")
			go func() {
				defer close(done)
				for i := 0; ; i++ {
					select {
					case <-stop:
						return
					default:
						_, _ = writer.c.Do(context.Background(), "APPEND", fmt.Sprintf("key:%d", i%3000), "x")
						_, _ = writer.c.Do(context.Background(), "DEL", fmt.Sprintf("key:%d", (i*7)%3000))
					}
				}
			}()
			host, port, _ := net.SplitHostPort(master.addr)
			replica.do("REPLICAOF " + host + " " + port)
			eventually(t, "the link is up", func() bool { return replica.info("master_link_status") == "up" })
			close(stop)
			<-done
			replica.inStep(master)
			sameStrings(t, master, replica)
		}
	}
}

// sameStrings compares every key of two nodes.
func sameStrings(t *testing.T, a, b *node) {
	t.Helper()
	a.want("DBSIZE", b.do("DBSIZE"))
	args := []any{"MGET"}
	for i := range 3000 {
		args = append(args, fmt.Sprintf("key:%d", i))
	}
	x, errX := a.c.Do(t.Context(), args...)
	y, errY := b.c.Do(t.Context(), args...)
	if err := errors.Join(errX, errY); err != nil {
		t.Fatal(err)
	}
	for i := range x.Array {
		if u, v := x.Array[i], y.Array[i]; u.IsNull() != v.IsNull() || u.Text() != v.Text() {
			t.Fatalf("key:%d: %d bytes and %d", i, len(u.Text()), len(v.Text()))
		}
	}
}

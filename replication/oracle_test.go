package replication

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vedette-ha/vedette/internal/client"
	"github.com/vedette-ha/vedette/internal/redistest"
	"github.com/vedette-ha/vedette/internal/resp"
)

// patience is how long a real peer may take for anything.
const patience = 20 * time.Second

// peer is a real redis-server with a connection for commands.
type realPeer struct {
	t    *testing.T
	addr string
	c    *client.Conn
}

func startPeer(t *testing.T, directives ...string) *realPeer {
	addr := redistest.Start(t, directives...)
	c, err := client.Dial(t.Context(), "tcp", addr, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return &realPeer{t, addr, c}
}

// do runs a command given as words and returns the reply's text.
func (p *realPeer) do(line string) string {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var args []any
	for _, w := range strings.Fields(line) {
		args = append(args, w)
	}
	v, err := p.c.Do(ctx, args...)
	if err != nil {
		return err.Error()
	}
	if v.IsNull() {
		return "(nil)"
	}
	if n, ok := v.Int64(); ok {
		return fmt.Sprint(n)
	}
	return v.Text()
}

// info is one field of INFO replication.
func (p *realPeer) info(field string) string {
	for line := range strings.SplitSeq(p.do("INFO replication"), "\r\n") {
		if v, ok := strings.CutPrefix(line, field+":"); ok {
			return v
		}
	}
	return ""
}

// wait polls until ok, or fails the test.
func wait(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain until %s", what)
		}
	}
}

// As replica of redis-server: a full synchronization in both framings, the stream
// behind it, and a partial one after a cut that asks for what was missed.
func TestReplicaOfRedis(t *testing.T) {
	for _, diskless := range []string{"yes", "no"} {
		p := startPeer(t, "--repl-diskless-sync", diskless, "--repl-diskless-sync-delay", "0")
		p.do("SET key value")
		dial := func(ctx context.Context, network, addr string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, addr)
		}
		a := &Attempt{addr: p.addr, conf: defaultConfig(), opt: Options{Dial: dial, PID: os.Getpid()}}
		a.conf.Dir = t.TempDir()
		o, err := a.Run(t.Context())
		if err != nil || o.Full == nil {
			t.Fatalf("diskless %s: %v", diskless, err)
		}
		if file, err := os.ReadFile(o.Full.Path); err != nil || !bytes.Contains(file, []byte("value")) {
			t.Errorf("diskless %s: received %q, %v", diskless, file, err)
		}
		p.do("SET after cut")
		got := o.Full.Conn.Buffered
		wait(t, "the write arrives", func() bool {
			// The ACK counts only once the master has noticed the end of its snapshot.
			o.Full.Conn.Conn.SetDeadline(time.Now().Add(100 * time.Millisecond))
			o.Full.Conn.Conn.Write(resp.AppendCommandString(nil, "REPLCONF", "ACK", fmt.Sprint(o.Full.Offset)))
			buf := make([]byte, 1000)
			n, err := o.Full.Conn.Conn.Read(buf)
			if err != nil && !timedOut(err) {
				t.Fatalf("diskless %s: stream %q, %v", diskless, got, err)
			}
			got = append(got, buf[:n]...)
			return bytes.Contains(got, []byte("cut\r\n")) // a PING may follow
		})
		o.Full.Conn.close()
		p.do("SET while away")
		a.replID, a.offset = o.Full.ReplID, o.Full.Offset+Offset(len(got))
		o, err = a.Run(t.Context())
		if err != nil || o.Conn == nil {
			t.Fatalf("diskless %s: second try: %+v, %v", diskless, o, err)
		}
		want := "*3\r\n$3\r\nSET\r\n$5\r\nwhile\r\n$4\r\naway\r\n"
		got = o.Conn.Buffered
		o.Conn.Conn.SetDeadline(time.Now().Add(patience))
		for buf := make([]byte, 1000); !strings.Contains(string(got), want); {
			n, err := o.Conn.Conn.Read(buf)
			if err != nil {
				t.Fatalf("diskless %s: continued with %q, %v", diskless, got, err)
			}
			got = append(got, buf[:n]...)
		}
		if text := strings.TrimPrefix(string(got), pingFrame); !strings.HasPrefix(text, want) {
			t.Errorf("diskless %s: continued with %q, want nothing else before %q", diskless, got, want)
		}
		o.Conn.close()
	}
}

// miniServer is a master's loop around a Node, as small as it can be: one lock
// instead of the loop, goroutines instead of polling. Its data set is what
// snapshot() says, and its stream is what the test appends.
type miniServer struct {
	mu   sync.Mutex // guards node and what hangs on it
	node *Node
	addr string
	t    *testing.T
	log  lines
	data []byte
}

func startMini(t *testing.T, diskless bool) *miniServer {
	m := &miniServer{t: t, data: snapshot(t)}
	conf := defaultConfig()
	conf.Diskless, conf.DisklessDelay = diskless, 0
	m.node = NewNode(conf, Options{Source: m, Log: m.log.add})
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	m.addr = ln.Addr().String()
	ctx, stop := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { m.tick(ctx) })
	wg.Go(func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			context.AfterFunc(ctx, func() { conn.Close() })
			wg.Go(func() { m.serve(ctx, conn) })
		}
	})
	t.Cleanup(func() { stop(); ln.Close(); wg.Wait() })
	return m
}

func (m *miniServer) SyncBusy() bool { return false }
func (m *miniServer) StartSync(s *Sync) error {
	go func() {
		if s.Target == ToFile {
			m.mu.Lock()
			m.node.SyncFile(s, int64(len(m.data)))
			m.mu.Unlock()
		}
		s.Transfer.CopyFrom(context.Background(), bytes.NewReader(m.data))
	}()
	return nil
}

func (m *miniServer) tick(ctx context.Context) {
	for t := time.NewTicker(20 * time.Millisecond); ctx.Err() == nil; <-t.C {
		m.mu.Lock()
		m.node.Tick(time.Now())
		for _, a := range m.node.Take() {
			if c, ok := a.(CloseReplica); ok {
				c.Replica.Owner.(net.Conn).Close()
			}
		}
		m.mu.Unlock()
	}
}

// append adds an effect to the stream.
func (m *miniServer) append(line string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.node.Stream().AppendEffect(0, resp.AppendCommand(nil, words(line)...))
}

// serve talks to one replica: a reading half here, a writing half beside it.
func (m *miniServer) serve(ctx context.Context, conn net.Conn) {
	defer conn.Close()
	var r *Replica
	var peer Peer
	var p resp.Parser
	lim := resp.DefaultLimits()
	var buf []byte
	chunk := make([]byte, 4096)
	for {
		n, err := conn.Read(chunk)
		if err != nil {
			break
		}
		buf = append(buf, chunk[:n]...)
		for {
			args, used, err := p.Next(buf, &lim)
			if err != nil || used == 0 {
				break
			}
			if len(args) > 0 {
				r = m.answer(ctx, conn, r, &peer, args)
			}
			buf = buf[used:]
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if r != nil {
		m.node.Disconnected(r, time.Now())
	}
}

func (m *miniServer) answer(ctx context.Context, conn net.Conn, r *Replica, peer *Peer, args [][]byte) *Replica {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch lower(args[0]) {
	case "ping":
		io.WriteString(conn, "+PONG\r\n")
	case "replconf":
		if ok, _ := m.node.Replconf(r, peer, args[1:], time.Now()); ok {
			io.WriteString(conn, "+OK\r\n")
		}
	case "psync", "sync":
		var err error
		c := Caller{Owner: conn, Addr: conn.RemoteAddr().String()}
		if r, err = m.node.Sync(c, *peer, args, time.Now()); err != nil {
			fmt.Fprintf(conn, "-%s\r\n", err)
			return nil
		}
		go m.feed(ctx, conn, r)
	}
	return r
}

// feed writes to a replica what there is for it.
func (m *miniServer) feed(ctx context.Context, conn net.Conn, r *Replica) {
	for ; ctx.Err() == nil; time.Sleep(time.Millisecond) {
		m.mu.Lock()
		for p := r.Next(); len(p) > 0; p = r.Next() {
			n, err := conn.Write(p)
			r.Advance(n)
			if err != nil {
				m.mu.Unlock()
				return
			}
		}
		m.mu.Unlock()
	}
}

// As master of redis-server: both framings, the stream, acknowledgements, a partial
// synchronization after a cut and one by the second id after a promotion.
func TestMasterOfRedis(t *testing.T) {
	for _, diskless := range []bool{true, false} {
		m := startMini(t, diskless)
		p := startPeer(t)
		host, port, _ := net.SplitHostPort(m.addr)
		p.do("REPLICAOF " + host + " " + port)
		wait(t, "the link is up", func() bool { return p.info("master_link_status") == "up" })
		if got := p.do("GET key"); got != "value" {
			t.Errorf("diskless %v: key is %q", diskless, got)
		}
		m.append("SET streamed yes")
		wait(t, "the write arrives", func() bool { return p.do("GET streamed") == "yes" })

		m.mu.Lock()
		m.node.RequestAcks()
		at := m.node.Stream().quietFrom()
		m.mu.Unlock()
		wait(t, "the write is acknowledged", func() bool {
			m.mu.Lock()
			defer m.mu.Unlock()
			return m.node.AckedBy(at) == 1
		})

		m.mu.Lock()
		m.node.dropReplicas(time.Now())
		m.mu.Unlock()
		m.append("SET missed no")
		wait(t, "the missed write arrives", func() bool { return p.do("GET missed") == "no" })

		m.mu.Lock()
		m.node.Stream().Shift()
		m.node.dropReplicas(time.Now())
		id := string(m.node.Stream().ID())
		m.mu.Unlock()
		wait(t, "the replica has the new id", func() bool { return p.info("master_replid") == id })
		m.mu.Lock()
		if got := m.node.Stats(); got != (Stats{FullSyncs: 1, PartialOK: 2, PartialFailed: got.PartialFailed}) {
			t.Errorf("diskless %v: %+v", diskless, got)
		}
		info := string(m.node.AppendInfo(nil, time.Now()))
		_, own, _ := net.SplitHostPort(p.addr)
		if want := "slave0:ip=127.0.0.1,port=" + own + ",state=online,"; !strings.Contains(info, want) {
			t.Errorf("diskless %v: INFO without %q:\n%s", diskless, want, info)
		}
		m.mu.Unlock()
	}
}

package sentinel

import (
	"context"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vedette-ha/vedette/failover"
	"github.com/vedette-ha/vedette/internal/client"
	"github.com/vedette-ha/vedette/internal/memnet"
	"github.com/vedette-ha/vedette/internal/resp"
)

var testNode = failover.Node{Master: "m", Addr: failover.Addr{Host: "10.0.0.1", Port: 6379}}

// linkBench is a link on a network with one node, whose server answers every
// command with what it was asked.
type linkBench struct {
	net     *memnet.Network
	node    *memnet.Host
	link    *link
	reports chan any
}

func newLinkBench(t *testing.T, channel linkChannel, every time.Duration) *linkBench {
	n := memnet.New(1)
	b := &linkBench{net: n, node: n.Host("10.0.0.1"), reports: make(chan any, 100)}
	b.link = newLink(testNode, channel, testNode.Addr.String(), linkEnv{
		dial:   n.Host("10.0.0.2").Dial,
		greet:  func(*link) [][]any { return [][]any{{"CLIENT", "SETNAME", "x"}} },
		listen: func() string { return "LISTEN" },
		quiet:  func() time.Duration { return quietPeriods * helloPeriod },
		retry:  func(*link) time.Duration { return every },
		turns:  make(chan struct{}, openingMax),
		echo:   func([]byte, time.Time) bool { return false },
		report: func(_ context.Context, ev any) {
			b.reports <- ev
		},
	})
	ctx, stop := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { b.link.run(ctx) })
	t.Cleanup(func() {
		stop()
		wg.Wait()
	})
	return b
}

// serve lets the node listen; each command is answered by answer.
func (b *linkBench) serve(t *testing.T, answer func(words []string) string) {
	t.Helper()
	ln, err := b.node.Listen(":6379")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { conn.Close() })
			go serveWords(conn, answer)
		}
	}()
}

func serveWords(conn net.Conn, answer func([]string) string) {
	var p resp.Parser
	var buf []byte
	limits := resp.DefaultLimits()
	for {
		args, n, err := p.Next(buf, &limits)
		if err != nil {
			return
		}
		if len(args) > 0 {
			var words []string
			for _, a := range args {
				words = append(words, string(a))
			}
			if _, err := conn.Write([]byte(answer(words))); err != nil {
				return
			}
		}
		if buf = buf[n:]; n > 0 {
			continue
		}
		chunk := make([]byte, 1024)
		m, err := conn.Read(chunk)
		if err != nil {
			return
		}
		buf = append(buf, chunk[:m]...)
	}
}

func echo(words []string) string { return "+" + strings.Join(words, " ") + "\r\n" }

// next answers the next report and how long it took to come.
func (b *linkBench) next() (any, time.Duration) {
	start := time.Now()
	ev := <-b.reports
	return ev, time.Since(start)
}

// A node that refuses is told from one that is silent, and dialled again in the
// rhythm it was asked for.
func TestLinkTellsRefusedFromSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newLinkBench(t, commandLink, 100*time.Millisecond)
		for i := range 3 {
			ev, took := b.next()
			if down, ok := ev.(linkDown); !ok || faultOf(down.cause) != failover.FaultRefused {
				t.Fatalf("report %d = %+v, want refused", i, ev)
			}
			if i > 0 && took != 100*time.Millisecond {
				t.Errorf("dialled again after %v", took)
			}
		}
		b.node.PowerOff()
		b.next() // the dial under way when the host vanished
		ev, took := b.next()
		if down, ok := ev.(linkDown); !ok || faultOf(down.cause) != failover.FaultTimeout || took > dialTimeout {
			t.Errorf("after %v: %+v, want a timeout", took, ev)
		}
	})
}

// Replies to several commands come in one report, with the tag; a lost connection
// is made anew at once.
func TestLinkExchanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newLinkBench(t, commandLink, time.Second)
		b.serve(t, echo)
		ev, _ := b.next()
		if _, ok := ev.(linkDown); ok { // the first dial may have been quicker than serve
			ev, _ = b.next()
		}
		if _, ok := ev.(linkUp); !ok {
			t.Fatalf("report %+v, want linkUp", ev)
		}
		if !b.link.send("tag", []any{"MULTI"}, []any{"EXEC"}) {
			t.Fatal("send refused")
		}
		ev, _ = b.next()
		r, ok := ev.(linkReply)
		if !ok || r.tag != "tag" || len(r.values) != 2 || r.values[1].Text() != "EXEC" {
			t.Fatalf("report %+v", ev)
		}
		time.Sleep(10 * time.Second)
		b.node.Reset()
		ev, _ = b.next()
		if down, ok := ev.(linkDown); !ok || faultOf(down.cause) != failover.FaultLost {
			t.Errorf("report %+v, want a lost link", ev)
		}
		if ev, took := b.next(); took != 0 {
			t.Errorf("%T after %v, want a new connection at once", ev, took)
		}
		b.link.reset()
		ev, _ = b.next()
		if down, ok := ev.(linkDown); !ok || faultOf(down.cause) != failover.FaultClosed {
			t.Errorf("report %+v, want a link closed by us", ev)
		}
	})
}

// A node that takes commands and answers none is sent no more than the bound.
func TestLinkBoundsPending(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newLinkBench(t, commandLink, time.Second)
		b.serve(t, func([]string) string { return "" })
		for {
			if ev, _ := b.next(); isUp(ev) {
				break
			}
		}
		sent := 0
		for b.link.send("tag", []any{"PING"}) && sent < 2*mostPending {
			sent++
		}
		if sent >= mostPending+1 {
			t.Errorf("%d commands accepted", sent)
		}
	})
}

func isUp(ev any) bool {
	_, ok := ev.(linkUp)
	return ok
}

// A link begins with what the node calls AUTH and CLIENT; other sentinels rename nothing.
func TestGreeting(t *testing.T) {
	s := &Sentinel{id: strings.Repeat("0123456789", 4), config: Config{RequirePass: "ours"}}
	node := failover.Greeting{User: "u", Pass: "p", Auth: "LOGIN", Client: "GUEST", Subscribe: "LISTEN"}
	for _, c := range []struct {
		node failover.Node
		want string
	}{
		{testNode, "[[LOGIN u p] [GUEST SETNAME sentinel-01234567-cmd]]"},
		{failover.Node{Sentinel: "x"}, "[[AUTH ours] [CLIENT SETNAME sentinel-01234567-cmd]]"},
	} {
		l := newLink(c.node, commandLink, "", linkEnv{})
		if got := fmt.Sprint(s.greeting(l, node)); got != c.want {
			t.Errorf("%+v: %s, want %s", c.node, got, c.want)
		}
	}
}

// Hellos on the Pub/Sub link are reported; one that brings none is given up.
func TestPubSubLink(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newLinkBench(t, pubsubLink, time.Second)
		b.serve(t, func(words []string) string {
			if words[0] == "LISTEN" {
				confirm := "*3\r\n$9\r\nsubscribe\r\n$18\r\n" + helloChannel + "\r\n:1\r\n"
				return confirm + "*3\r\n$7\r\nmessage\r\n$18\r\n" + helloChannel + "\r\n$5\r\nhello\r\n"
			}
			return "+OK\r\n"
		})
		for {
			if ev, _ := b.next(); isUp(ev) {
				break
			}
		}
		ev, _ := b.next()
		if m, ok := ev.(linkMessage); !ok || string(m.payload) != "hello" {
			t.Fatalf("report %+v, want a message", ev)
		}
		ev, took := b.next()
		if _, ok := ev.(linkDown); !ok || took != quietPeriods*helloPeriod {
			t.Errorf("%+v after %v, want linkDown after %v", ev, took, quietPeriods*helloPeriod)
		}
	})
}

func TestFirstError(t *testing.T) {
	promote := [][]string{{"MULTI"}, {"SLAVEOF", "NO", "ONE"}, {"CONFIG", "REWRITE"}, {"EXEC"}}
	ok, fault := resp.Value{Kind: resp.KindStatus, Str: []byte("OK")}, resp.Value{Kind: resp.KindError, Str: []byte("ERR x")}
	exec := func(vs ...resp.Value) resp.Value { return resp.Value{Kind: resp.KindArray, Array: vs} }
	tests := []struct {
		name   string
		cmds   [][]string
		values []resp.Value
		want   string
	}{
		{"executed", promote, []resp.Value{ok, ok, ok, exec(ok, ok)}, ""},
		{"CONFIG REWRITE without a file", promote, []resp.Value{ok, ok, ok, exec(ok, fault)}, ""},
		{"SLAVEOF refused", promote, []resp.Value{ok, ok, ok, exec(fault, ok)}, "ERR x"},
		{"MULTI not allowed", promote, []resp.Value{fault, ok, ok, fault}, "ERR x"},
		{"EXEC aborted", promote, []resp.Value{ok, fault, ok, fault}, "ERR x"},
		{"one command", [][]string{{"SCRIPT", "KILL"}}, []resp.Value{fault}, "ERR x"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := firstError(tt.cmds, tt.values); got != tt.want {
				t.Errorf("firstError = %q, want %q", got, tt.want)
			}
		})
	}
}

var _ client.DialFunc = (*memnet.Host)(nil).Dial

// Nodes that cannot be reached hold those up that can when a sentinel starts, but not for
// long: hundreds of them for a second or two.
func TestOpeningPastTheUnreachable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const away = 400
		n := memnet.New(1)
		well := n.Host("10.0.1.1")
		ln, err := well.Listen(":6379")
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			for {
				conn, err := ln.Accept()
				if err != nil {
					return
				}
				go serveWords(conn, func([]string) string { return "+OK\r\n" })
			}
		}()
		ctx, stop := context.WithCancel(context.Background())
		var wg sync.WaitGroup
		defer wg.Wait()
		defer stop()
		defer ln.Close()
		up := make(chan any, 1)
		env := linkEnv{
			dial:  n.Host("10.0.0.2").Dial,
			greet: func(*link) [][]any { return [][]any{{"CLIENT", "SETNAME", "x"}} },
			retry: func(*link) time.Duration { return time.Second },
			turns: make(chan struct{}, openingMax),
			report: func(_ context.Context, ev any) {
				if ev, ok := ev.(linkUp); ok {
					up <- ev
				}
			},
		}
		open := func(ip string) {
			l := newLink(failover.Node{Master: "m", Addr: addrOf(ip)}, commandLink, ip+":6379", env)
			wg.Go(func() { l.run(ctx) })
		}
		for i := range away {
			ip := fmt.Sprintf("10.0.2.%d", i%250+1)
			n.Host(ip).PowerOff()
			open(ip)
		}
		synctest.Wait()
		begun := time.Now()
		open("10.0.1.1")
		<-up
		if took := time.Since(begun); took > 2*time.Second {
			t.Errorf("a node that is well was reached after %v", took)
		}
	})
}

// A node that refuses is tried by the command link only; when that is up, the Pub/Sub link
// comes up at once.
func TestPubSubFollowsTheCommandLink(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := memnet.New(1)
		b := &linkBench{node: n.Host("10.0.0.1")}
		ups := make(chan linkUp, 2)
		env := func(dials *atomic.Int32) linkEnv {
			return linkEnv{
				dial: func(ctx context.Context, network, addr string) (net.Conn, error) {
					dials.Add(1)
					return n.Host("10.0.0.2").Dial(ctx, network, addr)
				},
				greet:  func(*link) [][]any { return [][]any{{"CLIENT", "SETNAME", "x"}} },
				listen: func() string { return "SUBSCRIBE" },
				quiet:  func() time.Duration { return time.Hour },
				retry:  func(*link) time.Duration { return 100 * time.Millisecond },
				turns:  make(chan struct{}, openingMax),
				echo:   func([]byte, time.Time) bool { return false },
				report: func(_ context.Context, ev any) {
					if ev, ok := ev.(linkUp); ok {
						ups <- ev
					}
				},
			}
		}
		var commands, pubsubs atomic.Int32 // dials
		command := newLink(testNode, commandLink, testNode.Addr.String(), env(&commands))
		pubsub := newLink(testNode, pubsubLink, testNode.Addr.String(), env(&pubsubs))
		command.leads, pubsub.follows = pubsub, command
		ctx, stop := context.WithCancel(context.Background())
		var wg sync.WaitGroup
		defer wg.Wait()
		defer stop()
		wg.Go(func() { command.run(ctx) })
		wg.Go(func() { pubsub.run(ctx) })
		time.Sleep(1050 * time.Millisecond)
		synctest.Wait()
		if c, p := commands.Load(), pubsubs.Load(); c != 11 || p != 0 {
			t.Errorf("dialled %d and %d times in a second, want 11 and 0", c, p)
		}
		b.serve(t, echo)
		if first := <-ups; first.l != command {
			t.Errorf("%s came up first", first.l.channel)
		}
		begun := time.Now()
		if <-ups; time.Since(begun) != 0 {
			t.Errorf("pubsub came up %v later", time.Since(begun))
		}
	})
}

package client

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vedette-ha/vedette/internal/memnet"
	"github.com/vedette-ha/vedette/internal/redistest"
	"github.com/vedette-ha/vedette/internal/resp"
)

const serverAddr = "10.0.0.2:6379"

// serve runs handle on each connection to serverAddr and returns the network.
func serve(t *testing.T, handle func(c net.Conn)) *memnet.Network {
	t.Helper()
	n := memnet.New(1)
	l, err := n.Host("10.0.0.2").Listen(":6379")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				handle(c)
			}()
		}
	}()
	return n
}

func options(n *memnet.Network) Options { return Options{Dial: n.Host("10.0.0.1").Dial} }

// scripted answers the commands it expects, in order, each with raw bytes.
func scripted(t *testing.T, steps ...string) func(net.Conn) {
	return func(c net.Conn) {
		in := resp.NewReader(c, resp.DefaultReaderLimits())
		for i := 0; i < len(steps); i += 2 {
			v, err := in.Read()
			if err != nil {
				t.Errorf("instead of %s: %v", steps[i], err)
				return
			}
			if got := words(v); got != steps[i] {
				t.Errorf("got %s, want %s", got, steps[i])
			}
			io.WriteString(c, steps[i+1])
		}
		in.Read() // until the client closes
	}
}

func TestDialSetsUp(t *testing.T) {
	for _, tc := range []struct {
		name  string
		o     Options
		steps []string
		err   string
	}{
		{name: "nothing to set up"},
		{name: "password", o: Options{Password: "p"}, steps: []string{"AUTH p", "+OK\r\n"}},
		{name: "user", o: Options{Username: "u", Password: "p"}, steps: []string{"AUTH u p", "+OK\r\n"}},
		{name: "everything", o: Options{Password: "p", RESP3: true, Name: "sentinel-1-cmd"},
			steps: []string{"AUTH p", "+OK\r\n", "HELLO 3", "%1\r\n+proto\r\n:3\r\n", "CLIENT SETNAME sentinel-1-cmd", "+OK\r\n"}},
		{name: "name refused", o: Options{Name: "x"}, steps: []string{"CLIENT SETNAME x", "-NOPERM no\r\n"}},
		{name: "wrong password", o: Options{Password: "p", Name: "x"}, err: "AUTH: WRONGPASS no",
			steps: []string{"AUTH p", "-WRONGPASS no\r\n", "CLIENT SETNAME x", "-NOAUTH no\r\n"}},
		{name: "no password there", o: Options{Password: "p"}, err: "AUTH: ERR AUTH <password> called without any password configured for x",
			steps: []string{"AUTH p", "-ERR AUTH <password> called without any password configured for x\r\n"}},
		{name: "no password there, optional", o: Options{Password: "p", AuthOptional: true},
			steps: []string{"AUTH p", "-ERR AUTH <password> called without any password configured for x\r\n"}},
		{name: "wrong password, optional", o: Options{Password: "p", AuthOptional: true}, err: "AUTH: WRONGPASS no",
			steps: []string{"AUTH p", "-WRONGPASS no\r\n"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tc.o.Dial = options(serve(t, scripted(t, tc.steps...))).Dial
				c, err := Dial(t.Context(), "tcp", serverAddr, tc.o)
				if got := fmt.Sprint(err); got != tc.err && (err != nil || tc.err != "") {
					t.Fatalf("Dial: %v, want %v", err, tc.err)
				}
				if err == nil {
					c.Close()
				} else if !errors.As(err, new(*resp.Error)) {
					t.Errorf("%T is no *resp.Error", err)
				}
			})
		})
	}
}

func TestDoAndPipeline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := serve(t, scripted(t, "GET k", "$1\r\nv\r\n", "INCRBY k 7", "-ERR value is not an integer\r\n",
			"A 1", ":1\r\n", "B 2", ":2\r\n", "PSYNC ? -1", "+FULLRESYNC x 0\r\nraw"))
		c, err := Dial(t.Context(), "tcp", serverAddr, options(n))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if v, err := c.Do(t.Context(), "GET", []byte("k")); v.Text() != "v" || err != nil {
			t.Error(v, err)
		}
		var re *resp.Error
		if v, err := c.Do(t.Context(), "INCRBY", "k", 7); !errors.As(err, &re) || v.Kind != resp.KindError {
			t.Error(v, err)
		}
		if err := c.Send("A", int64(1)); err != nil {
			t.Error(err)
		}
		if err := c.Send("x", 1.5); err == nil {
			t.Error("a float was sent")
		}
		if err := errors.Join(c.Send("B", uint64(2)), c.Flush(t.Context())); err != nil {
			t.Error(err)
		}
		for want := int64(1); want <= 2; want++ {
			if v, err := c.Receive(t.Context()); v.Int != want || err != nil {
				t.Error(v, err)
			}
		}
		if v, err := c.Do(t.Context(), "PSYNC", "?", -1); !strings.HasPrefix(v.Text(), "FULLRESYNC") || err != nil {
			t.Error(v, err)
		}
		raw := make([]byte, 3)
		if _, err := io.ReadFull(c.Reader(), raw); string(raw) != "raw" {
			t.Errorf("%q, %v", raw, err)
		}
	})
}

// A context bounds each call; after that the connection is of no more use.
func TestContextBoundsCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := serve(t, func(c net.Conn) { io.Copy(io.Discard, c) })
		c, err := Dial(t.Context(), "tcp", serverAddr, options(n))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start := time.Now()
		_, err = c.Do(ctx, "PING")
		var ne net.Error
		if !errors.Is(err, os.ErrDeadlineExceeded) || !errors.As(err, &ne) || !ne.Timeout() || time.Since(start) != time.Second {
			t.Errorf("%v after %v", err, time.Since(start))
		}
		if _, err := c.Do(t.Context(), "PING"); !errors.Is(err, ErrBroken) {
			t.Error(err)
		}
		c2, err := Dial(t.Context(), "tcp", serverAddr, options(n))
		if err != nil {
			t.Fatal(err)
		}
		defer c2.Close()
		ctx2, cancel2 := context.WithCancel(t.Context())
		time.AfterFunc(time.Minute, cancel2)
		if _, err := c2.Do(ctx2, "PING"); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
}

// startLink dials and runs a link; done yields Run's error.
func startLink(t *testing.T, ctx context.Context, n *memnet.Network, o LinkOptions) (l *Link, done chan error) {
	t.Helper()
	c, err := Dial(ctx, "tcp", serverAddr, options(n))
	if err != nil {
		t.Fatal(err)
	}
	l = NewLink(c, o)
	done = make(chan error, 1)
	go func() { done <- l.Run(ctx) }()
	return l, done
}

// Replies come in the order of the commands, with the time of their arrival.
func TestLinkReplies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := serve(t, scripted(t, "PING", "+PONG\r\n", "INFO", "-LOADING wait\r\n", "PING", "+PONG\r\n"))
		n.Delay("10.0.0.1", "10.0.0.2", 30*time.Millisecond, 0)
		n.Delay("10.0.0.2", "10.0.0.1", 20*time.Millisecond, 0)
		ctx, cancel := context.WithCancel(t.Context())
		l, done := startLink(t, ctx, n, LinkOptions{})
		start := time.Now()
		var got []string
		note := func(r Reply) {
			got = append(got, fmt.Sprint(r.Value.Text(), " ", r.At.Sub(start), " ", r.Err))
			if r.Value.Err() != nil {
				l.Go(func(r Reply) { got = append(got, fmt.Sprint(r.At.Sub(start))) }, "PING")
			}
		}
		if err := errors.Join(l.Go(note, "PING"), l.Go(note, "INFO")); err != nil || l.Pending() != 2 {
			t.Error(err, l.Pending())
		}
		time.Sleep(time.Second)
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		if got := strings.Join(got, "; "); got != "PONG 50ms <nil>; LOADING wait 50ms <nil>; 100ms" {
			t.Error(got)
		}
		if err := l.Go(nil, "PING"); !errors.Is(err, ErrLinkDown) {
			t.Error(err)
		}
		time.Sleep(time.Second) // until the server has heard of the end, too
	})
}

// When the link ends, whatever is pending hears why, in order.
func TestLinkFailsPending(t *testing.T) {
	for _, tc := range []struct {
		name string
		end  func(n *memnet.Network, l *Link, cancel context.CancelFunc)
		want error
	}{
		{"peer is killed", func(n *memnet.Network, _ *Link, _ context.CancelFunc) { n.Host("10.0.0.2").Kill() }, io.EOF},
		{"peer resets", func(n *memnet.Network, _ *Link, _ context.CancelFunc) { n.Host("10.0.0.2").Reset() }, nil},
		{"cancelled", func(_ *memnet.Network, _ *Link, cancel context.CancelFunc) { cancel() }, context.Canceled},
		{"closed", func(_ *memnet.Network, l *Link, _ context.CancelFunc) { l.Close() }, net.ErrClosed},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := serve(t, func(c net.Conn) { io.Copy(io.Discard, c) })
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				l, done := startLink(t, ctx, n, LinkOptions{})
				var got []int
				for i := range 3 {
					l.Go(func(r Reply) {
						if got = append(got, i); r.Err == nil {
							t.Error("no error")
						}
					}, "PING")
				}
				synctest.Wait()
				tc.end(n, l, cancel)
				err := <-done
				if tc.want != nil && !errors.Is(err, tc.want) {
					t.Errorf("Run = %v", err)
				}
				if fmt.Sprint(got) != "[0 1 2]" || l.Pending() != 0 {
					t.Error(got, l.Pending())
				}
			})
		})
	}
}

// A peer that has stopped reading, or answering, never makes Go wait.
func TestLinkIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := serve(t, func(c net.Conn) { time.Sleep(time.Hour) })
		ctx, cancel := context.WithCancel(t.Context())
		l, done := startLink(t, ctx, n, LinkOptions{PendingMax: 100})
		big := strings.Repeat("x", 200<<10)
		sent := 0
		for l.Go(nil, "SET", big) == nil {
			sent++
			synctest.Wait()
		}
		if sent < 5 || sent > 10 {
			t.Errorf("%d commands of 200 KB queued", sent)
		}
		cancel()
		<-done

		ctx, cancel = context.WithCancel(t.Context())
		l, done = startLink(t, ctx, n, LinkOptions{PendingMax: 100})
		for range 100 {
			if err := l.Go(nil, "PING"); err != nil {
				t.Fatal(err)
			}
		}
		if err := l.Go(nil, "PING"); !errors.Is(err, ErrBusy) {
			t.Error(err)
		}
		cancel()
		<-done
		time.Sleep(time.Hour) // until the server's end has woken
	})
}

// A server that closes with an error says why, also before anything was asked.
func TestLinkReportsLastWords(t *testing.T) {
	for _, first := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			n := serve(t, func(c net.Conn) {
				if !first {
					c.Read(make([]byte, 1000))
				}
				io.WriteString(c, "-ERR max number of clients reached\r\n")
			})
			l, done := startLink(t, t.Context(), n, LinkOptions{})
			if first {
				synctest.Wait()
			} else {
				l.Subscribe("SUBSCRIBE", "c")
			}
			var re *resp.Error
			if err := <-done; !errors.As(err, &re) || re.Error() != "ERR max number of clients reached" {
				t.Error(err)
			}
		})
	}
}

// words shows a reply on one line.
func words(v resp.Value) string {
	if v.Array == nil {
		return v.Text()
	}
	var list []string
	for _, e := range v.Array {
		list = append(list, e.Text())
	}
	return strings.Join(list, " ")
}

// realLink connects to a real server.
func realLink(t *testing.T, o Options, lo LinkOptions) *Link {
	t.Helper()
	c, err := Dial(t.Context(), "tcp", redistest.Start(t), o)
	if err != nil {
		t.Fatal(err)
	}
	l := NewLink(c, lo)
	done := make(chan error, 1)
	go func() { done <- l.Run(t.Context()) }()
	t.Cleanup(func() { <-done })
	return l
}

// Messages and replies on one connection of a real server, in RESP2 and RESP3.
func TestLinkPubSubOfRedis(t *testing.T) {
	for _, resp3 := range []bool{false, true} {
		t.Run(fmt.Sprint("RESP3 ", resp3), func(t *testing.T) {
			events := make(chan string, 100)
			l := realLink(t, Options{RESP3: resp3, Name: "link"},
				LinkOptions{Push: func(v resp.Value, _ time.Time) { events <- words(v) }})
			reply := func(r Reply) { events <- "reply " + words(r.Value) }
			err := errors.Join(
				l.Go(reply, "CLIENT", "GETNAME"),
				l.Subscribe("SUBSCRIBE", "a", "b"),
				l.Subscribe("PSUBSCRIBE", "*"),
				l.Go(reply, "PING"),
				l.Subscribe("UNSUBSCRIBE"),
				l.Subscribe("PUNSUBSCRIBE", "*"),
				l.Go(reply, "ECHO", "end"),
			)
			if err != nil {
				t.Fatal(err)
			}
			pong := "reply pong "
			if resp3 {
				pong = "reply PONG"
			}
			want := []string{"reply link", "subscribe a 1", "subscribe b 2", "psubscribe * 3", pong,
				"unsubscribe a 2", "unsubscribe b 1", "punsubscribe * 0", "reply end"}
			var got []string
			for range want {
				got = append(got, <-events)
			}
			// UNSUBSCRIBE goes through the channels in an order of its own.
			if strings.HasPrefix(got[5], "unsubscribe b") {
				got[5], got[6] = "unsubscribe a 2", "unsubscribe b 1"
			}
			if strings.Join(got, "\n") != strings.Join(want, "\n") {
				t.Errorf("got\n%s", strings.Join(got, "\n"))
			}
		})
	}
}

// Over TLS, with the server's name verified.
func TestTLS(t *testing.T) {
	cert, pool := selfSigned(t)
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{cert}})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				if _, err := bufio.NewReader(c).ReadString('\n'); err == nil {
					io.WriteString(c, "+PONG\r\n")
				}
			}()
		}
	}()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	c, err := Dial(ctx, "tcp", l.Addr().String(), Options{TLS: &tls.Config{RootCAs: pool}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if v, err := c.Do(ctx, "PING"); v.Text() != "PONG" || err != nil {
		t.Error(v, err)
	}
	if _, err := Dial(ctx, "tcp", l.Addr().String(), Options{TLS: &tls.Config{}}); err == nil {
		t.Error("an unknown authority was accepted")
	}
}

func selfSigned(t *testing.T) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		NotAfter:     time.Now().Add(time.Hour),
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA:         true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(parsed)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}

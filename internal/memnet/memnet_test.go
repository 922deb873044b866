package memnet

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

const (
	alice = "10.0.0.1"
	bob   = "10.0.0.2"
)

// pair returns the two ends of a connection from alice to bob.
func pair(t *testing.T, n *Network) (a, b net.Conn) {
	t.Helper()
	l, err := n.Host(bob).Listen(":0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	port := l.Addr().(*net.TCPAddr).Port
	if a, err = n.Host(alice).Dial(t.Context(), "tcp", fmt.Sprint(bob, ":", port)); err != nil {
		t.Fatal(err)
	}
	if b, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close(); b.Close() })
	return a, b
}

// tcpPair is pair over the machine's loopback interface.
func tcpPair(t *testing.T) (a, b net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if a, err = net.Dial("tcp", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if b, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close(); b.Close() })
	return a, b
}

// outcome names what a program can tell an error by.
func outcome(n int, err error) string {
	word := "other: " + fmt.Sprint(err)
	for _, known := range []error{io.EOF, os.ErrDeadlineExceeded, net.ErrClosed,
		syscall.ECONNRESET, syscall.EPIPE, syscall.ECONNREFUSED} {
		if errors.Is(err, known) {
			word = known.Error()
		}
	}
	if err == nil {
		word = "ok"
	}
	var ne net.Error
	if errors.As(err, &ne) && ne.Timeout() {
		word += " (timeout)"
	}
	return fmt.Sprint(n, " ", word)
}

// What a program sees of the connection is what it sees of TCP on this machine:
// the same steps are taken on both.
func TestAsTCP(t *testing.T) {
	read := func(c net.Conn) string { return outcome(c.Read(make([]byte, 100))) }
	write := func(c net.Conn) string { return outcome(c.Write([]byte("hello"))) }
	for name, script := range map[string]func(a, b net.Conn, settle func()) []string{
		"bytes then end": func(a, b net.Conn, settle func()) []string {
			w := write(a)
			a.Close()
			settle()
			return []string{w, read(b), read(b), read(b)}
		},
		"close with unread bytes resets": func(a, b net.Conn, settle func()) []string {
			w := write(b)
			settle()
			a.Close()
			settle()
			return []string{w, read(b)}
		},
		"write to a closed peer": func(a, b net.Conn, settle func()) []string {
			a.Close()
			settle()
			w := write(b)
			settle()
			return []string{w, write(b)}
		},
		"half close": func(a, b net.Conn, settle func()) []string {
			a.(interface{ CloseWrite() error }).CloseWrite()
			settle()
			r := read(b)
			w := write(b)
			settle()
			return []string{r, w, read(a), write(a)}
		},
		"own close": func(a, b net.Conn, settle func()) []string {
			a.Close()
			return []string{read(a), write(a), outcome(0, a.Close())}
		},
		"deadline passed": func(a, b net.Conn, settle func()) []string {
			write(b)
			settle()
			a.SetDeadline(time.Unix(1, 0))
			r, w := read(a), write(a)
			a.SetDeadline(time.Time{})
			return []string{r, w, read(a)}
		},
		"deadline while reading": func(a, b net.Conn, settle func()) []string {
			a.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
			return []string{read(a), write(a)}
		},
		"close while reading": func(a, b net.Conn, settle func()) []string {
			go func() { settle(); a.Close() }()
			return []string{read(a)}
		},
		"peer does not read": func(a, b net.Conn, settle func()) []string {
			a.SetWriteDeadline(time.Now().Add(50 * time.Millisecond))
			_, err := a.Write(make([]byte, 64<<20))
			return []string{outcome(0, err)}
		},
		"empty read and write": func(a, b net.Conn, settle func()) []string {
			return []string{outcome(a.Read(nil)), outcome(a.Write(nil))}
		},
	} {
		t.Run(name, func(t *testing.T) {
			a, b := tcpPair(t)
			want := script(a, b, func() { time.Sleep(10 * time.Millisecond) })
			synctest.Test(t, func(t *testing.T) {
				a, b := pair(t, New(1))
				got := script(a, b, synctest.Wait)
				if g, w := strings.Join(got, "; "), strings.Join(want, "; "); g != w {
					t.Errorf("memnet: %s\n   TCP: %s", g, w)
				}
			})
		})
	}
}

func TestDial(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := New(1)
		short, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		l, err := n.Host(bob).Listen(bob + ":6379")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		if _, err := n.Host(bob).Listen(":6379"); !errors.Is(err, syscall.EADDRINUSE) {
			t.Errorf("second Listen: %v", err)
		}
		from := n.Host(alice)
		_, err = from.Dial(short, "tcp", bob+":6380")
		if !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("nobody listens: %v", err)
		}
		c, err := from.Dial(short, "tcp", bob+":6379")
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if got := c.RemoteAddr().String(); got != bob+":6379" {
			t.Errorf("RemoteAddr = %s", got)
		}
		if got := c.LocalAddr().(*net.TCPAddr).IP.String(); got != alice {
			t.Errorf("LocalAddr = %s", got)
		}
		self, err := n.Host(bob).Dial(short, "tcp", "127.0.0.1:6379")
		if err != nil {
			t.Fatalf("to itself: %v", err)
		}
		defer self.Close()
		if _, err := from.Dial(short, "tcp", "no-name:1"); !errors.As(err, new(*net.DNSError)) {
			t.Errorf("name: %v", err)
		}
		// Without a deadline a silent address costs what it costs on Linux.
		start := time.Now()
		_, err = from.Dial(t.Context(), "tcp", "10.9.9.9:1")
		if !errors.Is(err, syscall.ETIMEDOUT) || time.Since(start) != connectTimeout {
			t.Errorf("silent host: %v after %v", err, time.Since(start))
		}
	})
}

// A host that is off does not answer; a dead process on a live host refuses.
func TestSilentAndRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := New(1)
		h := n.Host(bob)
		dial := func() (string, time.Duration) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			start := time.Now()
			c, err := n.Host(alice).Dial(ctx, "tcp", bob+":1")
			if err == nil {
				c.Close()
			}
			return outcome(0, err), time.Since(start)
		}
		for _, step := range []struct {
			name string
			do   func()
			want string
			took time.Duration
		}{
			{"off", h.PowerOff, "0 other: dial tcp 10.0.0.2:1: context deadline exceeded (timeout)", time.Second},
			{"on again", h.PowerOn, "0 connection refused", 0},
			{"frozen", h.Freeze, "0 connection refused", 0},
			{"thawed and cut off", func() { h.Thaw(); n.Isolate(bob) }, "0 other: dial tcp 10.0.0.2:1: context deadline exceeded (timeout)", time.Second},
			{"healed", n.HealAll, "0 connection refused", 0},
		} {
			step.do()
			if got, took := dial(); got != step.want || took != step.took {
				t.Errorf("%s: %s after %v", step.name, got, took)
			}
		}
	})
}

// Bytes caught by a cut arrive, in order, once it has healed; so do bytes written
// meanwhile. One direction may be cut alone.
func TestCutAndHeal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := New(1)
		n.Delay(alice, bob, 10*time.Millisecond, 0)
		a, b := pair(t, n)
		a.Write([]byte("before "))
		time.Sleep(10 * time.Millisecond)
		a.Write([]byte("caught "))
		n.CutOneWay(alice, bob)
		a.Write([]byte("during"))
		if got := readFor(b, time.Minute); got != "before " {
			t.Errorf("while cut: %q", got)
		}
		b.Write([]byte("back"))
		if got := readFor(a, time.Second); got != "back" {
			t.Errorf("other direction: %q", got)
		}
		n.Heal(alice, bob)
		if got := readFor(b, time.Second); got != "caught during" {
			t.Errorf("healed: %q", got)
		}
	})
}

// readFor returns what arrives within d.
func readFor(c net.Conn, d time.Duration) string {
	c.SetReadDeadline(time.Now().Add(d))
	var got []byte
	for {
		buf := make([]byte, 100)
		k, err := c.Read(buf)
		got = append(got, buf[:k]...)
		if err != nil {
			return string(got)
		}
	}
}

func TestDelayAndJitter(t *testing.T) {
	run := func(seed uint64) (times []time.Duration) {
		synctest.Test(t, func(t *testing.T) {
			n := New(seed)
			n.Delay(alice, bob, 10*time.Millisecond, 5*time.Millisecond)
			a, b := pair(t, n)
			start := time.Now()
			for i := range 5 {
				a.Write([]byte{byte(i)})
			}
			for i := range 5 {
				one := make([]byte, 1)
				if _, err := b.Read(one); err != nil || one[0] != byte(i) {
					t.Fatal(one, err)
				}
				d := time.Since(start)
				if d < 10*time.Millisecond || d >= 15*time.Millisecond {
					t.Errorf("arrived after %v", d)
				}
				times = append(times, d)
			}
		})
		return times
	}
	first, again, other := fmt.Sprint(run(1)), fmt.Sprint(run(1)), fmt.Sprint(run(2))
	if first != again || first == other {
		t.Errorf("seed 1: %s, again: %s, seed 2: %s", first, again, other)
	}
}

// A frozen host takes connections and bytes until buffers are full, and answers
// all of it after the thaw; its deadlines do not pass meanwhile.
func TestFreeze(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := New(1)
		a, b := pair(t, n)
		n.Host(bob).Freeze()
		b.SetReadDeadline(time.Now().Add(time.Minute))
		got := make(chan string)
		go func() {
			buf := make([]byte, 100)
			got <- outcome(b.Read(buf))
		}()
		a.Write([]byte("ping"))
		time.Sleep(time.Second)
		select {
		case r := <-got:
			t.Fatal("a frozen host has read:", r)
		default:
		}
		n.Host(bob).Thaw()
		if r := <-got; r != "4 ok" {
			t.Error(r)
		}
		a.SetWriteDeadline(time.Now().Add(time.Second))
		n.Host(bob).Freeze()
		if k, err := a.Write(make([]byte, 2*BufferBytes)); k != BufferBytes || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Error(k, err)
		}
	})
}

// The kernel of a frozen host accepts; the program gets the connection at the thaw,
// or, if it is killed, never.
func TestDialFrozen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := New(1)
		h := n.Host(bob)
		l, err := h.Listen(":1")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		h.Freeze()
		c, err := n.Host(alice).Dial(t.Context(), "tcp", bob+":1")
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		time.AfterFunc(time.Minute, h.Thaw)
		start := time.Now()
		s, err := l.Accept()
		if err != nil || time.Since(start) != time.Minute {
			t.Fatal(err, time.Since(start))
		}
		s.Close()
		h.Freeze()
		c, err = n.Host(alice).Dial(t.Context(), "tcp", bob+":1")
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		h.Kill()
		if got := outcome(c.Read(make([]byte, 1))); got != "0 connection reset by peer" {
			t.Error(got)
		}
	})
}

func TestKillAndReset(t *testing.T) {
	for _, tc := range []struct {
		name  string
		fault func(n *Network)
		want  string // what the peer reads, having been sent "last"
	}{
		{"kill", func(n *Network) { n.Host(bob).Kill() }, "4 ok; 0 EOF"},
		{"reset", func(n *Network) { n.Host(bob).Reset() }, "4 ok; 0 connection reset by peer"},
		{"kill behind a cut", func(n *Network) { n.Cut(alice, bob); n.Host(bob).Kill() }, "4 ok; 0 i/o timeout (timeout)"},
		{"power off", func(n *Network) { n.Host(bob).PowerOff() }, "4 ok; 0 i/o timeout (timeout)"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := New(1)
				a, b := pair(t, n)
				b.Write([]byte("last"))
				tc.fault(n)
				a.SetReadDeadline(time.Now().Add(time.Second))
				buf := make([]byte, 100)
				got := outcome(a.Read(buf)) + "; " + outcome(a.Read(buf))
				if got != tc.want {
					t.Errorf("peer: %s, want %s", got, tc.want)
				}
				if _, err := b.Read(buf); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
					t.Errorf("own program: %v", err)
				}
			})
		})
	}
}

// After a power cycle the peer's old connection is reset by its next write.
func TestPowerCycle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := New(1)
		a, _ := pair(t, n)
		n.Host(bob).PowerOff()
		a.Write([]byte("into the void"))
		time.Sleep(time.Hour)
		n.Host(bob).PowerOn()
		_, err := a.Read(make([]byte, 1))
		if !errors.Is(err, syscall.ECONNRESET) {
			t.Error(err)
		}
	})
}

func TestAcceptEndsWithListener(t *testing.T) {
	for name, end := range map[string]func(l net.Listener, h *Host){
		"close": func(l net.Listener, _ *Host) { l.Close() },
		"kill":  func(_ net.Listener, h *Host) { h.Kill() },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := New(1).Host(bob)
				l, err := h.Listen(":1")
				if err != nil {
					t.Fatal(err)
				}
				got := make(chan error)
				go func() {
					_, err := l.Accept()
					got <- err
				}()
				synctest.Wait()
				end(l, h)
				if err := <-got; !errors.Is(err, net.ErrClosed) {
					t.Error(err)
				}
				if l, err := h.Listen(":1"); err != nil {
					t.Error("listen again:", err)
				} else {
					l.Close()
				}
			})
		})
	}
}

// A megabyte crosses in both directions at once, delayed, with a cut in between.
func TestBulk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := New(1)
		n.Delay(alice, bob, time.Millisecond, time.Millisecond)
		a, b := pair(t, n)
		sent := make([]byte, 1<<20)
		for i := range sent {
			sent[i] = byte(i * 7 >> 3)
		}
		var wg sync.WaitGroup
		for _, c := range []net.Conn{a, b} {
			wg.Go(func() {
				c.Write(sent)
				c.(*conn).CloseWrite()
			})
			wg.Go(func() {
				got, err := io.ReadAll(c)
				if err != nil || !bytes.Equal(got, sent) {
					t.Errorf("%d bytes, %v", len(got), err)
				}
			})
		}
		time.Sleep(5 * time.Millisecond)
		n.Cut(alice, bob)
		time.Sleep(time.Second)
		n.Heal(alice, bob)
		wg.Wait()
	})
}

// Bytes that have arrived and were not read can be seen, those on their way cannot.
func TestUnread(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := New(1)
		a, b := pair(t, n)
		n.Delay(alice, bob, time.Second, 0)
		unread := func() bool { return b.(*conn).Unread() }
		if _, err := a.Write([]byte("x")); err != nil {
			t.Fatal(err)
		}
		if unread() {
			t.Error("unread before it arrived")
		}
		time.Sleep(time.Second)
		if !unread() {
			t.Error("nothing unread when it has arrived")
		}
		if _, err := b.Read(make([]byte, 1)); err != nil || unread() {
			t.Errorf("unread after it was read, %v", err)
		}
	})
}

// A write larger than the buffer, to a peer that is gone, ends: the reset comes while it
// is under way.
func TestLongWriteToAClosedPeer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := pair(t, New(1))
		b.Close()
		if n, err := a.Write(make([]byte, 3*BufferBytes)); n != BufferBytes || !errors.Is(err, syscall.EPIPE) {
			t.Errorf("%s", outcome(n, err))
		}
	})
}

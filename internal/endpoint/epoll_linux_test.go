package endpoint

import (
	"net"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Small writes go out at once until SetNoDelay says otherwise.
func TestSetNoDelay(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	nc, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	p, err := NewPoller()
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	conn, err := p.Add(nc, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	check := func(want bool) {
		t.Helper()
		v, err := unix.GetsockoptInt(conn.FD(), unix.IPPROTO_TCP, unix.TCP_NODELAY)
		if err != nil || v != 0 != want {
			t.Errorf("TCP_NODELAY is %d, %v", v, err)
		}
	}
	check(true)
	conn.SetNoDelay(false)
	check(false)
	conn.SetNoDelay(true)
	check(true)
}

// TestRest: a rest lasts, and a wake in the midst of it is not lost.
func TestRest(t *testing.T) {
	p, err := NewPoller()
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	const rest, rests = time.Millisecond, 20
	start := time.Now()
	for range rests {
		go p.Wake()
		p.Rest(rest)
		if _, err := p.Wait(nil, -1); err != nil {
			t.Fatal(err)
		}
	}
	if took := time.Since(start); took < rests/2*rest { // a signal may end one early
		t.Fatalf("%d rests took only %v", rests, took)
	}
}

package endpoint

import (
	"net"
	"testing"

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

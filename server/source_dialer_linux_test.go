package server

import (
	"net"
	"testing"
)

// The link to a master comes from bind-source-addr, or, where that is no address of this
// machine, from any.
func TestSourceDialer(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	var d sourceDialer
	for _, tt := range []struct{ source, want string }{
		{"", "127.0.0.1"}, {"127.0.0.2", "127.0.0.2"}, {"192.0.2.1", "127.0.0.1"}, {"", "127.0.0.1"},
	} {
		d.setSource(tt.source)
		nc, err := d.DialContext(t.Context(), "tcp", ln.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		host, _, _ := net.SplitHostPort(nc.LocalAddr().String())
		if host != tt.want {
			t.Errorf("from %q: %s, want %s", tt.source, host, tt.want)
		}
		nc.Close()
	}
}

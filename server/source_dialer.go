package server

import (
	"context"
	"net"
	"sync/atomic"
)

// sourceDialer dials from the address that bind-source-addr names, if it can. Safe for
// concurrent use.
type sourceDialer struct {
	source atomic.Pointer[string] // host or IP; nil, or "": any
}

func (d *sourceDialer) setSource(host string) { d.source.Store(&host) }

// DialContext connects. Where the address cannot be bound, as on a machine that does not
// have it, any other is better than none.
func (d *sourceDialer) DialContext(ctx context.Context, network, addr string) (net.Conn, error) {
	var plain net.Dialer
	source := d.source.Load()
	if source == nil || *source == "" {
		return plain.DialContext(ctx, network, addr)
	}
	ips, err := net.DefaultResolver.LookupIP(ctx, "ip", *source)
	if err == nil && len(ips) > 0 {
		bound := net.Dialer{LocalAddr: &net.TCPAddr{IP: ips[0]}}
		if nc, err := bound.DialContext(ctx, network, addr); err == nil {
			return nc, nil
		}
	}
	return plain.DialContext(ctx, network, addr)
}

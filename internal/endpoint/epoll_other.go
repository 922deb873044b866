//go:build !linux

package endpoint

import "net"

// NewPoller returns a poller whose connections have a goroutine each way.
func NewPoller() (*Poller, error) { return NewChannelPoller(), nil }

// Add makes nc a connection of the loop; its events carry owner.
func (p *Poller) Add(nc net.Conn, owner any) (Conn, error) { return p.addGoroutine(nc, owner), nil }

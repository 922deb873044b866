//go:build !linux

package sentinel

import "net"

// hasUnread cannot tell of a socket on this platform.
func hasUnread(conn net.Conn) bool {
	mem, ok := conn.(unreader)
	return ok && mem.Unread()
}

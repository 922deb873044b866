package sentinel

import (
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// hasUnread asks the kernel whether bytes wait in a socket, without reading them.
func hasUnread(conn net.Conn) bool {
	if mem, ok := conn.(unreader); ok {
		return mem.Unread()
	}
	sc, ok := conn.(syscall.Conn)
	if !ok {
		return false
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return false
	}
	n := 0
	_ = raw.Control(func(fd uintptr) { n, _ = unix.IoctlGetInt(int(fd), unix.TIOCINQ) })
	return n > 0
}

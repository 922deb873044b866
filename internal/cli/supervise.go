package cli

import (
	"context"
	"net"
)

// supervisor tells systemd how far the process is. The zero value tells nobody.
type supervisor struct{ socket string }

// supervisorOf reads the value of supervised and the environment. With auto, and
// with systemd, it needs NOTIFY_SOCKET; upstart has no way to be told here.
func supervisorOf(supervised string, getenv func(string) string) supervisor {
	if supervised == "auto" || supervised == "systemd" {
		return supervisor{socket: getenv("NOTIFY_SOCKET")}
	}
	return supervisor{}
}

// watches reports whether somebody is told, and so the process must not leave
// the foreground.
func (s supervisor) watches() bool { return s.socket != "" }

// tell sends a state, as described in sd_notify(3). A failure changes nothing for
// the process and is not reported.
func (s supervisor) tell(state string) {
	if s.socket == "" {
		return
	}
	conn, err := net.Dial("unixgram", s.socket) // a leading @ is an abstract name
	if err != nil {
		return
	}
	defer conn.Close()
	_, _ = conn.Write([]byte(state))
}

// stopping tells of the end as soon as ctx ends; the function it returns takes
// the request back.
func (s supervisor) stopping(ctx context.Context) (cancel func() bool) {
	return context.AfterFunc(ctx, func() { s.tell("STOPPING=1\nSTATUS=Shutting down\n") })
}

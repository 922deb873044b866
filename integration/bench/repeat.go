package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"slices"
	"syscall"
	"time"
)

// repeated is one command whose reply always has the same length, so that a client may
// count its bytes. redis-benchmark, which reads every element of a large reply, is at its
// limit before either server is, and measures itself.
type repeated struct {
	request []byte
	size    int // of the reply, in bytes
}

// newRepeated finds out how long the reply is.
func newRepeated(addr string, words []string) (repeated, error) {
	r := repeated{request: appendWords(nil, words...)}
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return r, err
	}
	defer conn.Close()
	const pong = "+PONG\r\n"
	if _, err := conn.Write(appendWords(bytes.Clone(r.request), "PING")); err != nil {
		return r, err
	}
	var reply []byte
	for buf := make([]byte, 64<<10); !bytes.HasSuffix(reply, []byte(pong)); {
		n, err := conn.Read(buf)
		if err != nil {
			return r, err
		}
		reply = append(reply, buf[:n]...)
	}
	if reply[0] == '-' {
		return r, fmt.Errorf("%.100s", reply)
	}
	r.size = len(reply) - len(pong)
	return r, nil
}

// waiting is a connection on which a reply is on its way.
type waiting struct {
	fd    int
	left  int // bytes of the reply that are to come
	since time.Time
}

// repeat sends n requests, one at a time on each of conns connections.
func (p *process) repeat(ctx context.Context, n, conns int, words []string) (figures, error) {
	r, err := newRepeated(p.addr(), words)
	if err != nil {
		return nil, err
	}
	epoll, err := syscall.EpollCreate1(0)
	if err != nil {
		return nil, err
	}
	defer syscall.Close(epoll)
	all := map[int32]*waiting{}
	defer func() {
		for _, w := range all {
			syscall.Close(w.fd)
		}
	}()
	for range conns {
		fd, err := connect(p.port)
		if err != nil {
			return nil, err
		}
		all[int32(fd)] = &waiting{fd: fd}
		if err := syscall.EpollCtl(epoll, syscall.EPOLL_CTL_ADD, fd, &syscall.EpollEvent{Events: syscall.EPOLLIN, Fd: int32(fd)}); err != nil {
			return nil, err
		}
	}
	before, err := p.cpu()
	if err != nil {
		return nil, err
	}
	start, busyBefore := time.Now(), ownCPU()
	took, err := r.exchange(ctx, epoll, all, n)
	if err != nil {
		return nil, err
	}
	wall, busy := time.Since(start), ownCPU()-busyBefore
	after, err := p.cpu()
	if err != nil {
		return nil, err
	}
	slices.Sort(took)
	at := func(share float64) float64 { return milliseconds(took[int(share*float64(len(took)-1))]) }
	return figures{
		"rps": float64(n) / wall.Seconds(), "cpu_us": float64(after-before) / float64(n) / float64(time.Microsecond),
		"p50_ms": at(0.5), "p99_ms": at(0.99), "p999_ms": at(0.999),
		"client_busy": busy.Seconds() / wall.Seconds(),
	}, nil
}

// ownCPU is the processor time that this process has taken.
func ownCPU() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// exchange sends n requests and returns how long each took.
func (r repeated) exchange(ctx context.Context, epoll int, all map[int32]*waiting, n int) ([]time.Duration, error) {
	took := make([]time.Duration, 0, n)
	left := n // requests to send
	send := func(w *waiting) error {
		left--
		w.left, w.since = r.size, time.Now()
		_, err := syscall.Write(w.fd, r.request)
		return err
	}
	for _, w := range all {
		if left > 0 {
			if err := send(w); err != nil {
				return nil, err
			}
		}
	}
	events, buf := make([]syscall.EpollEvent, len(all)), make([]byte, 64<<10)
	for len(took) < n {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		ready, err := syscall.EpollWait(epoll, events, 1000)
		if err != nil && err != syscall.EINTR {
			return nil, err
		}
		for _, ev := range events[:max(ready, 0)] {
			w := all[ev.Fd]
			got, err := syscall.Read(w.fd, buf)
			if err != nil {
				return nil, err
			}
			if got == 0 {
				return nil, io.ErrUnexpectedEOF
			}
			if w.left -= got; w.left > 0 {
				continue
			}
			if w.left < 0 {
				return nil, fmt.Errorf("a reply of %d bytes is %d longer than the first", r.size, -w.left)
			}
			took = append(took, time.Since(w.since))
			if left > 0 {
				if err := send(w); err != nil {
					return nil, err
				}
			}
		}
	}
	return took, nil
}

// connect returns a blocking socket, connected to a server on loopback.
func connect(port int) (int, error) {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		return -1, err
	}
	_ = syscall.SetsockoptInt(fd, syscall.IPPROTO_TCP, syscall.TCP_NODELAY, 1)
	if err := syscall.Connect(fd, &syscall.SockaddrInet4{Port: port, Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		syscall.Close(fd)
		return -1, err
	}
	return fd, nil
}

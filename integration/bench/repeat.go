package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"syscall"
	"time"
)

// repeated is a command, or a pipeline of one, whose replies always have as many lines, so
// that a client need only count them. redis-benchmark makes an object of every element
// it reads: it is at its limit before either server is, and measures itself.
type repeated struct {
	requests [][]byte // sent in turn
	lines    int      // of the replies to one
}

// drawnRequests is how many requests are made where each is to differ.
const drawnRequests = 1 << 14

// newRepeated makes the requests of a load, and finds out how long a reply is by sending
// one command.
func newRepeated(addr string, l typeLoad) (repeated, error) {
	words := strings.Fields(l.command)
	one, err := countLines(addr, words)
	if err != nil {
		return repeated{}, err
	}
	r := repeated{lines: one * l.pipeline, requests: make([][]byte, 1)}
	if strings.Contains(l.command, randomWord) {
		r.requests = make([][]byte, drawnRequests)
	}
	rng := rand.New(rand.NewPCG(1, 1))
	for i := range r.requests {
		for range l.pipeline {
			r.requests[i] = appendDrawn(r.requests[i], words, rng, l.spread)
		}
	}
	return r, nil
}

// randomWord is what redis-benchmark replaces by a number below spread.
const randomWord = "__rand_int__"

func appendDrawn(out []byte, words []string, rng *rand.Rand, spread int) []byte {
	now := make([]string, len(words))
	for i, w := range words {
		if now[i] = w; strings.Contains(w, randomWord) {
			now[i] = strings.Replace(w, randomWord, fmt.Sprintf("%012d", rng.IntN(spread)), 1)
		}
	}
	return appendWords(out, now...)
}

// countLines sends a command and counts the lines of its reply.
func countLines(addr string, words []string) (int, error) {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	const pong = "+PONG\r\n"
	if _, err := conn.Write(appendWords(appendWords(nil, words...), "PING")); err != nil {
		return 0, err
	}
	var reply []byte
	for buf := make([]byte, 64<<10); !bytes.HasSuffix(reply, []byte(pong)); {
		n, err := conn.Read(buf)
		if err != nil {
			return 0, err
		}
		reply = append(reply, buf[:n]...)
	}
	if reply[0] == '-' {
		return 0, fmt.Errorf("%.100s", reply)
	}
	return bytes.Count(reply, []byte("\n")) - 1, nil
}

// waiting is a connection on which replies are on their way.
type waiting struct {
	fd    int
	left  int // lines of the replies that are to come
	since time.Time
}

// repeat sends a load: a pipeline at a time on each connection.
func (p *process) repeat(ctx context.Context, l typeLoad) (figures, error) {
	r, err := newRepeated(p.addr(), l)
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
	for range l.conns {
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
	took, err := r.exchange(ctx, epoll, all, l.requests/l.pipeline)
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
	n := float64(len(took) * l.pipeline)
	return figures{
		"rps": n / wall.Seconds(), "cpu_us": float64(after-before) / n / float64(time.Microsecond),
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
		w.left, w.since = r.lines, time.Now()
		_, err := syscall.Write(w.fd, r.requests[left%len(r.requests)])
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
			if w.left -= bytes.Count(buf[:got], []byte("\n")); w.left > 0 {
				continue
			}
			if w.left < 0 {
				return nil, fmt.Errorf("replies of %d lines are %d longer than the first", r.lines, -w.left)
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

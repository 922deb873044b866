package endpoint

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// maxEvents is how many ready sockets one wait reports; the rest come with the next.
const maxEvents = 512

// NewPoller returns a poller that waits in epoll.
func NewPoller() (*Poller, error) {
	epfd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("epoll_create: %w", err)
	}
	wfd, err := unix.Eventfd(0, unix.EFD_NONBLOCK|unix.EFD_CLOEXEC)
	if err != nil {
		unix.Close(epfd)
		return nil, fmt.Errorf("eventfd: %w", err)
	}
	ev := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(wfd)}
	if err := unix.EpollCtl(epfd, unix.EPOLL_CTL_ADD, wfd, &ev); err != nil {
		unix.Close(epfd)
		unix.Close(wfd)
		return nil, fmt.Errorf("epoll_ctl: %w", err)
	}
	return &Poller{w: &epoll{epfd: epfd, wakefd: wfd}}, nil
}

// epoll waits for sockets. Connections are found by descriptor number.
type epoll struct {
	epfd, wakefd int
	woken        atomic.Bool // spares the write when a wake is already under way
	conns        []*fdConn   // by descriptor
	rests        uint        // made so far
	evs          [maxEvents]unix.EpollEvent
}

func (e *epoll) wake() {
	if e.woken.Swap(true) {
		return
	}
	one := [8]byte{1}
	_, _ = unix.Write(e.wakefd, one[:])
}

func (e *epoll) close() {
	unix.Close(e.epfd)
	unix.Close(e.wakefd)
}

func (e *epoll) wait(evs []Event, timeout time.Duration) ([]Event, error) {
	n, err := e.epollWait(timeout)
	if err != nil {
		if errors.Is(err, unix.EINTR) {
			return evs, nil
		}
		return evs, fmt.Errorf("epoll_wait: %w", err)
	}
	for i := range n {
		ev := &e.evs[i]
		if int(ev.Fd) == e.wakefd {
			var b [8]byte
			_, _ = unix.Read(e.wakefd, b[:])
			e.woken.Store(false) // last: a wake in between would be read, and those after it spared
			continue
		}
		c := e.conns[ev.Fd]
		if c == nil {
			continue
		}
		evs = append(evs, Event{
			Owner:    c.owner,
			Readable: ev.Events&(unix.EPOLLIN|unix.EPOLLHUP|unix.EPOLLERR|unix.EPOLLRDHUP) != 0,
			Writable: ev.Events&unix.EPOLLOUT != 0,
		})
	}
	return evs, nil
}

// epollWait asks without blocking first, by a raw call that spares the scheduler's
// hand-over; only then does it wait, by a call the scheduler knows of.
func (e *epoll) epollWait(timeout time.Duration) (int, error) {
	n, _, errno := syscall.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(e.epfd),
		uintptr(unsafe.Pointer(&e.evs[0])), maxEvents, 0, 0, 0)
	if errno != 0 {
		return 0, errno
	}
	if n > 0 || timeout == 0 {
		return int(n), nil
	}
	ms := -1
	if timeout > 0 {
		ms = int((timeout + time.Millisecond - 1) / time.Millisecond)
	}
	return unix.EpollWait(e.epfd, e.evs[:], ms)
}

// timerSlack is by how much the kernel may be late, instead of its usual 50 µs.
const timerSlack = time.Microsecond

// rest sleeps in a raw call, as a read is: it is over before the scheduler would have
// handed over. The slack is the thread's, and the loop moves to another now and then.
func (e *epoll) rest(d time.Duration) {
	if e.rests%64 == 0 {
		_, _, _ = syscall.RawSyscall(unix.SYS_PRCTL, unix.PR_SET_TIMERSLACK, uintptr(timerSlack), 0)
	}
	e.rests++
	t := unix.NsecToTimespec(int64(d))
	_, _, _ = syscall.RawSyscall(unix.SYS_NANOSLEEP, uintptr(unsafe.Pointer(&t)), 0, 0)
}

// Add makes nc a connection of the loop; its events carry owner. A plain socket's
// descriptor is duplicated and nc closed; anything else gets two goroutines. Only
// the loop's goroutine may call it.
func (p *Poller) Add(nc net.Conn, owner any) (Conn, error) {
	e, ok := p.w.(*epoll)
	if !ok {
		return p.addGoroutine(nc, owner), nil
	}
	if _, isTLS := nc.(*tls.Conn); isTLS {
		return p.addGoroutine(nc, owner), nil
	}
	sc, ok := nc.(syscall.Conn)
	if !ok {
		return p.addGoroutine(nc, owner), nil
	}
	c, err := e.adopt(sc, nc, owner)
	if err != nil {
		nc.Close()
		return nil, err
	}
	nc.Close()
	return c, nil
}

func (e *epoll) adopt(sc syscall.Conn, nc net.Conn, owner any) (*fdConn, error) {
	rc, err := sc.SyscallConn()
	if err != nil {
		return nil, err
	}
	fd, dupErr := -1, error(nil)
	if err := rc.Control(func(s uintptr) {
		fd, dupErr = unix.FcntlInt(s, unix.F_DUPFD_CLOEXEC, 0)
	}); err != nil {
		return nil, err
	}
	if dupErr != nil {
		return nil, fmt.Errorf("duplicate the socket: %w", dupErr)
	}
	c := &fdConn{e: e, fd: fd, owner: owner, events: unix.EPOLLIN | unix.EPOLLRDHUP,
		unix: nc.LocalAddr().Network() == "unix", remote: addrString(nc.RemoteAddr()), local: addrString(nc.LocalAddr())}
	ev := unix.EpollEvent{Events: c.events, Fd: int32(fd)}
	if err := unix.EpollCtl(e.epfd, unix.EPOLL_CTL_ADD, fd, &ev); err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("epoll_ctl: %w", err)
	}
	for fd >= len(e.conns) {
		e.conns = append(e.conns, make([]*fdConn, max(64, fd+1-len(e.conns)))...)
	}
	e.conns[fd] = c
	return c, nil
}

// fdConn is a non-blocking socket. Its reads and writes are raw calls: they never
// wait, so the scheduler need not hear of them.
type fdConn struct {
	e             *epoll
	fd            int
	owner         any
	events        uint32
	unix          bool
	remote, local string
}

func (c *fdConn) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, ErrAgain
	}
	n, _, errno := syscall.RawSyscall(unix.SYS_READ, uintptr(c.fd), uintptr(unsafe.Pointer(&p[0])), uintptr(len(p)))
	if errno != 0 {
		return 0, ioError(errno)
	}
	if n == 0 {
		return 0, io.EOF
	}
	return int(n), nil
}

func (c *fdConn) Write(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	n, _, errno := syscall.RawSyscall6(unix.SYS_SENDTO, uintptr(c.fd), uintptr(unsafe.Pointer(&p[0])), uintptr(len(p)),
		unix.MSG_NOSIGNAL|unix.MSG_DONTWAIT, 0, 0)
	if errno != 0 {
		return 0, ioError(errno)
	}
	return int(n), nil
}

func ioError(errno syscall.Errno) error {
	if errno == unix.EAGAIN || errno == unix.EINTR {
		return ErrAgain
	}
	return errno
}

func (c *fdConn) WantWrite(on bool) { c.set(unix.EPOLLOUT, on) }

// PauseRead also stops the hang-up event, which would otherwise keep a wait from waiting.
func (c *fdConn) PauseRead(on bool) { c.set(unix.EPOLLIN|unix.EPOLLRDHUP, !on) }

// set changes the events waited for, when they differ.
func (c *fdConn) set(bit uint32, on bool) {
	events := c.events &^ bit
	if on {
		events |= bit
	}
	if events == c.events || c.fd < 0 {
		return
	}
	c.events = events
	ev := unix.EpollEvent{Events: events, Fd: int32(c.fd)}
	_ = unix.EpollCtl(c.e.epfd, unix.EPOLL_CTL_MOD, c.fd, &ev)
}

func (c *fdConn) Close() {
	if c.fd < 0 {
		return
	}
	c.e.conns[c.fd] = nil
	unix.Close(c.fd)
	c.fd = -1
}

func (c *fdConn) RemoteAddr() string { return c.remote }
func (c *fdConn) LocalAddr() string  { return c.local }
func (c *fdConn) FD() int            { return c.fd }
func (c *fdConn) Unix() bool         { return c.unix }

func (c *fdConn) SetNoDelay(on bool) {
	if c.unix {
		return
	}
	v := 0
	if on {
		v = 1
	}
	_ = unix.SetsockoptInt(c.fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, v)
}

func (c *fdConn) SetKeepAlive(period time.Duration) {
	if c.unix {
		return
	}
	on := 0
	if period > 0 {
		on = 1
	}
	_ = unix.SetsockoptInt(c.fd, unix.SOL_SOCKET, unix.SO_KEEPALIVE, on)
	if on == 0 {
		return
	}
	secs := int(period / time.Second)
	_ = unix.SetsockoptInt(c.fd, unix.IPPROTO_TCP, unix.TCP_KEEPIDLE, secs)
	_ = unix.SetsockoptInt(c.fd, unix.IPPROTO_TCP, unix.TCP_KEEPINTVL, max(secs/3, 1))
	_ = unix.SetsockoptInt(c.fd, unix.IPPROTO_TCP, unix.TCP_KEEPCNT, 3)
}

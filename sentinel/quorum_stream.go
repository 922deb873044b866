package sentinel

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"
)

// errStreamClosed ends Raft's use of the sentinel port.
var errStreamClosed = errors.New("the sentinel's raft stream is closed")

// rpcMaxBytes bounds what a peer may send before we have answered it (a request)
// and what it may answer to one request: the decoder behind it allocates only
// what has arrived. The largest message is a snapshot of the agreed state.
const rpcMaxBytes = stateMaxBytes + 1<<20

// stateMaxBytes bounds the encoded agreed state: thousands of masters.
const stateMaxBytes = 64 << 20

// peerStream is where connections of the sentinel port become Raft's: those that
// peers opened to us, after they proved to belong to our cluster, and those that
// we open. It is a net.Listener but for Addr. Safe for concurrent use.
type peerStream struct {
	// connect opens a connection to the server "id@host:port", the proofs included.
	connect func(ctx context.Context, to string) (net.Conn, error)

	incoming chan net.Conn // not closed; Accept ends with ctx
	// ctx is the stream's life: the library's interface to it passes none.
	ctx  context.Context
	stop context.CancelFunc

	mu    sync.Mutex // guards what follows; not held while closing connections
	conns map[*streamConn]struct{}
}

func newPeerStream(connect func(context.Context, string) (net.Conn, error)) *peerStream {
	ctx, stop := context.WithCancel(context.Background())
	return &peerStream{
		connect:  connect,
		incoming: make(chan net.Conn),
		ctx:      ctx,
		stop:     stop,
		conns:    map[*streamConn]struct{}{},
	}
}

// Accept returns the next connection of a peer.
func (s *peerStream) Accept() (net.Conn, error) {
	select {
	case c := <-s.incoming:
		return c, nil
	case <-s.ctx.Done():
		return nil, errStreamClosed
	}
}

// deliver gives a connection to Accept, which owns it from then on. It fails when
// the stream is closed; the connection is then closed too.
func (s *peerStream) deliver(conn net.Conn) error {
	c, err := s.own(conn)
	if err != nil {
		return err
	}
	select {
	case s.incoming <- c:
		return nil
	case <-s.ctx.Done():
		c.Close()
		return errStreamClosed
	}
}

// dial opens a connection to a server of the cluster.
func (s *peerStream) dial(to string, timeout time.Duration) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(s.ctx, timeout)
	defer cancel()
	conn, err := s.connect(ctx, to)
	if err != nil {
		return nil, err
	}
	return s.own(conn)
}

// own makes conn one that Close closes and that reads no more than rpcMaxBytes
// between two writes.
func (s *peerStream) own(conn net.Conn) (*streamConn, error) {
	c := &streamConn{Conn: conn, stream: s, left: rpcMaxBytes}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ctx.Err() != nil {
		conn.Close()
		return nil, errStreamClosed
	}
	s.conns[c] = struct{}{}
	return c, nil
}

// Close ends Accept and every connection.
func (s *peerStream) Close() error {
	s.stop()
	s.mu.Lock()
	conns := s.conns
	s.conns = nil
	s.mu.Unlock()
	for c := range conns {
		_ = c.Conn.Close() // it ends either way
	}
	return nil
}

// streamConn is a connection of a peerStream. Requests and answers alternate on
// it, so a write says that what was read before it was whole.
type streamConn struct {
	net.Conn
	stream *peerStream

	mu   sync.Mutex // guards left
	left int        // bytes that may be read before the next write
}

var errRPCTooBig = errors.New("raft message exceeds the limit")

func (c *streamConn) Read(b []byte) (int, error) {
	c.mu.Lock()
	left := c.left
	c.mu.Unlock()
	if left <= 0 {
		c.Close()
		return 0, errRPCTooBig
	}
	n, err := c.Conn.Read(b[:min(len(b), left)])
	c.mu.Lock()
	c.left -= n
	c.mu.Unlock()
	return n, err
}

func (c *streamConn) Write(b []byte) (int, error) {
	c.mu.Lock()
	c.left = rpcMaxBytes
	c.mu.Unlock()
	return c.Conn.Write(b)
}

func (c *streamConn) Close() error {
	c.stream.mu.Lock()
	delete(c.stream.conns, c)
	c.stream.mu.Unlock()
	return c.Conn.Close()
}

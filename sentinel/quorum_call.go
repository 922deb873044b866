package sentinel

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/vedette-ha/vedette/internal/client"
	"github.com/vedette-ha/vedette/internal/resp"
)

// Bounds of the connections a caller keeps.
const (
	callerIdleMax   = 16 // per address
	callerAddrsMax  = 256
	callerIdleAfter = 30 * time.Second
)

// callerLimits bound a peer's reply.
func callerLimits() resp.ReaderLimits {
	return resp.ReaderLimits{BytesMax: joinMaxBytes, ElemsMax: 64, DepthMax: 2}
}

// caller sends single commands to peers over connections it keeps for the next
// one. Safe for concurrent use.
type caller struct {
	options func() client.Options

	mu     sync.Mutex // guards what follows; not held during I/O
	idle   map[string][]idleConn
	closed bool
}

type idleConn struct {
	conn  *client.Conn
	since time.Time
}

// do sends one command and returns the reply. An error reply is a [*resp.Error].
// A kept connection that turns out to be dead is replaced once, so a command may
// be executed twice.
func (c *caller) do(ctx context.Context, addr string, args ...any) (resp.Value, error) {
	if conn := c.take(addr); conn != nil {
		v, err := conn.Do(ctx, args...)
		if isAnswer(err) {
			c.put(addr, conn)
			return v, err
		}
		conn.Close()
		if ctx.Err() != nil {
			return resp.Value{}, err
		}
	}
	opts := c.options()
	opts.Limits = callerLimits()
	conn, err := client.Dial(ctx, "tcp", addr, opts)
	if err != nil {
		return resp.Value{}, err
	}
	v, err := conn.Do(ctx, args...)
	if isAnswer(err) {
		c.put(addr, conn)
	} else {
		conn.Close()
	}
	return v, err
}

// isAnswer reports that the peer answered, be it with an error.
func isAnswer(err error) bool {
	var refused *resp.Error
	return err == nil || errors.As(err, &refused)
}

func (c *caller) take(addr string) *client.Conn {
	c.mu.Lock()
	defer c.mu.Unlock()
	for conns := c.idle[addr]; len(conns) > 0; conns = c.idle[addr] {
		last := conns[len(conns)-1]
		c.idle[addr] = conns[:len(conns)-1]
		if time.Since(last.since) < callerIdleAfter {
			return last.conn
		}
		last.conn.Close()
	}
	delete(c.idle, addr)
	return nil
}

func (c *caller) put(addr string, conn *client.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	full := len(c.idle[addr]) >= callerIdleMax || len(c.idle) >= callerAddrsMax
	if c.closed || full {
		conn.Close()
		return
	}
	if c.idle == nil {
		c.idle = map[string][]idleConn{}
	}
	c.idle[addr] = append(c.idle[addr], idleConn{conn, time.Now()})
}

// close closes what is kept; later calls keep nothing.
func (c *caller) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	for _, conns := range c.idle {
		for _, i := range conns {
			i.conn.Close()
		}
	}
	c.idle = nil
}

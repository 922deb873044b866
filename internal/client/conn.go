package client

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"github.com/vedette-ha/vedette/internal/resp"
)

// DialFunc makes a connection; net.Dialer.DialContext is one.
type DialFunc func(ctx context.Context, network, addr string) (net.Conn, error)

// Options say how to connect. The zero value connects without TLS, logs in as
// nobody and speaks RESP2.
type Options struct {
	// Dial makes the connection; nil means a net.Dialer.
	Dial DialFunc
	// TLS, if set, is the configuration of a TLS client. Without ServerName and
	// InsecureSkipVerify, the host that is dialled is verified.
	TLS *tls.Config
	// Username and Password are what AUTH sends; no AUTH without a Password.
	Username, Password string
	// AuthOptional accepts a server that has no password and so refuses AUTH. That
	// is how Sentinel treats data nodes.
	AuthOptional bool
	// Name is what CLIENT SETNAME sends; "" means none. A server that refuses it
	// is accepted.
	Name string
	// RESP3 asks for RESP3 with HELLO 3.
	RESP3 bool
	// Limits bound each reply; zero means [resp.DefaultReaderLimits].
	Limits resp.ReaderLimits
	// BufferBytes is the buffer replies are read through; 0 means one that is good for
	// a pipeline. Longer replies only take more reads.
	BufferBytes int
}

// ErrBroken is returned, wrapped, by a Conn on which an earlier call failed: its
// replies may be out of step.
var ErrBroken = errors.New("connection is broken")

// Conn is a connection to a server. Not safe for concurrent use, except for Close
// and NetConn.
type Conn struct {
	nc     net.Conn
	reader *resp.Reader
	out    []byte // what Send appended and Flush has not written
	broken error  // the first failure of the stream
}

// Dial connects to addr, over TLS if o says so, and does [Conn.Setup]. ctx bounds
// all of it. An error reply to the set-up is a [*resp.Error], wrapped.
func Dial(ctx context.Context, network, addr string, o Options) (*Conn, error) {
	dial := o.Dial
	if dial == nil {
		dial = (&net.Dialer{}).DialContext
	}
	nc, err := dial(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	if o.TLS != nil {
		if nc, err = handshake(ctx, nc, addr, o.TLS); err != nil {
			return nil, err
		}
	}
	c := newConn(nc, o.Limits, o.BufferBytes)
	if err := c.Setup(ctx, o); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// handshake makes nc a TLS connection; it closes nc if it fails.
func handshake(ctx context.Context, nc net.Conn, addr string, conf *tls.Config) (net.Conn, error) {
	if conf.ServerName == "" && !conf.InsecureSkipVerify {
		host, _, err := net.SplitHostPort(addr)
		if err != nil {
			host = addr
		}
		conf = conf.Clone()
		conf.ServerName = host
	}
	secure := tls.Client(nc, conf)
	if err := secure.HandshakeContext(ctx); err != nil {
		nc.Close()
		return nil, fmt.Errorf("TLS handshake with %s: %w", addr, err)
	}
	return secure, nil
}

// New returns a Conn over a connection that exists. The zero lim means
// [resp.DefaultReaderLimits].
func New(nc net.Conn, lim resp.ReaderLimits) *Conn { return newConn(nc, lim, 0) }

func newConn(nc net.Conn, lim resp.ReaderLimits, bufferBytes int) *Conn {
	if lim == (resp.ReaderLimits{}) {
		lim = resp.DefaultReaderLimits()
	}
	var in io.Reader = nc
	if bufferBytes > 0 {
		in = bufio.NewReaderSize(nc, bufferBytes)
	}
	return &Conn{nc: nc, reader: resp.NewReader(in, lim)}
}

// Setup says HELLO, AUTH and CLIENT SETNAME as far as o asks for them, in one
// flight.
func (c *Conn) Setup(ctx context.Context, o Options) error {
	steps := setupSteps(o)
	for _, s := range steps {
		if err := c.Send(s.args...); err != nil {
			return err
		}
	}
	if err := c.Flush(ctx); err != nil {
		return err
	}
	var refused error
	for _, s := range steps {
		v, err := c.Receive(ctx)
		if err != nil && v.Err() == nil {
			return err // of the stream
		}
		if err != nil && refused == nil && !s.mayFail(err, o) {
			refused = fmt.Errorf("%s: %w", s.name, err)
		}
	}
	return refused
}

type setupStep struct {
	name string
	args []any
}

// mayFail reports whether the connection serves although the server refused s.
func (s setupStep) mayFail(err error, o Options) bool {
	switch s.name {
	case "CLIENT SETNAME":
		return true
	case "AUTH":
		// What Redis says since 6.0, and before.
		return o.AuthOptional && (strings.Contains(err.Error(), "without any password configured") ||
			strings.Contains(err.Error(), "no password is set"))
	}
	return false
}

func setupSteps(o Options) (steps []setupStep) {
	auth := []any{"AUTH", o.Password}
	if o.Username != "" {
		auth = []any{"AUTH", o.Username, o.Password}
	}
	if o.Password != "" {
		steps = append(steps, setupStep{"AUTH", auth})
	}
	if o.RESP3 {
		steps = append(steps, setupStep{"HELLO", []any{"HELLO", "3"}})
	}
	if o.Name != "" {
		steps = append(steps, setupStep{"CLIENT SETNAME", []any{"CLIENT", "SETNAME", o.Name}})
	}
	return steps
}

// Do sends one command and returns its reply. Arguments are strings, byte slices
// or integers. An error reply comes back twice, as v and as an err that is a
// [*resp.Error]; any other err is of the stream, which is then broken.
func (c *Conn) Do(ctx context.Context, args ...any) (v resp.Value, err error) {
	if err := c.Send(args...); err != nil {
		return resp.Value{}, err
	}
	if err := c.Flush(ctx); err != nil {
		return resp.Value{}, err
	}
	return c.Receive(ctx)
}

// Send queues one command for [Conn.Flush]. It does no I/O.
func (c *Conn) Send(args ...any) error {
	if c.broken != nil {
		return c.brokenError()
	}
	out, err := appendArgs(c.out, args)
	if err != nil {
		return err
	}
	c.out = out
	return nil
}

// Flush writes what Send queued.
func (c *Conn) Flush(ctx context.Context) error {
	if c.broken != nil {
		return c.brokenError()
	}
	return c.within(ctx, func() error {
		_, err := c.nc.Write(c.out)
		c.out = c.out[:0]
		return err
	})
}

// Receive returns the next reply, or push message, with errors as in [Conn.Do].
func (c *Conn) Receive(ctx context.Context) (v resp.Value, err error) {
	if c.broken != nil {
		return resp.Value{}, c.brokenError()
	}
	err = c.within(ctx, func() error {
		v, err = c.reader.Read()
		return err
	})
	if err == nil {
		err = v.Err()
	}
	return v, err
}

// Reader returns the buffer in front of the connection, for a caller who takes the
// stream over, as a replica does after PSYNC.
func (c *Conn) Reader() *bufio.Reader { return c.reader.Buffered() }

// NetConn returns the connection itself. Reading from it directly misses what
// [Conn.Reader] holds.
func (c *Conn) NetConn() net.Conn { return c.nc }

// Close closes the connection; calls under way fail.
func (c *Conn) Close() error { return c.nc.Close() }

// within runs one piece of I/O and ends it when ctx ends. A failure breaks the Conn.
func (c *Conn) within(ctx context.Context, do func() error) error {
	deadline, _ := ctx.Deadline() // the zero time means none
	if err := c.nc.SetDeadline(deadline); err != nil {
		c.broken = err
		return err
	}
	interrupted := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		c.nc.SetDeadline(time.Unix(1, 0))
		close(interrupted)
	})
	err := do()
	if !stop() {
		<-interrupted // or it would cut a later call short
	}
	if err == nil {
		return nil
	}
	if cause := context.Cause(ctx); cause != nil {
		err = fmt.Errorf("%w (%w)", cause, err)
	}
	c.broken = err
	return err
}

func (c *Conn) brokenError() error { return fmt.Errorf("%w: %w", ErrBroken, c.broken) }

//go:build !nodemo

package cli

import (
	"context"
	"net"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	demoWriters = 3
	// writePause is the rest between two writes, writeRetry after one that failed.
	writePause = time.Millisecond
	writeRetry = 5 * time.Millisecond
	// writerPoolSize is not how many connections a writer has, which is one. It is how
	// many dials in a row may fail before go-redis dials only once a second, more than
	// there are while a master is dead.
	writerPoolSize = 4096
	writerDial     = time.Second
)

// demoWriter writes as an application does: through go-redis, which asks the sentinels
// where the master is and follows their +switch-master. Each write has a key of its
// own; one that fails is not repeated, the next key is written.
type demoWriter struct {
	ledger   *demoLedger
	timeline *demoTimeline
	client   *redis.Client
	spoke    atomic.Pointer[string] // name of the data server that was heard last
}

func newDemoWriter(name string, set *demoSet, t *demoTimeline) *demoWriter {
	w := &demoWriter{ledger: &demoLedger{writer: name}, timeline: t}
	o := &redis.FailoverOptions{
		MasterName:   demoMaster,
		ClientName:   "vedette-demo-" + name,
		Dialer:       w.dialer(set),
		DialTimeout:  writerDial,
		PoolSize:     writerPoolSize,
		MaxIdleConns: 1,
		// What fails is to be seen at once: by default go-redis sleeps up to half a
		// second before it tries again, which would be counted as outage.
		MaxRetries:       -1,
		DialerRetries:    1,
		PipelinePoolSize: -1,
	}
	for _, s := range set.sentinels {
		o.SentinelAddrs = append(o.SentinelAddrs, s.addr())
	}
	w.client = redis.NewFailoverClient(o)
	return w
}

// run writes until ctx ends, and closes the client.
func (w *demoWriter) run(ctx context.Context) {
	defer w.client.Close()
	for seq := 1; ctx.Err() == nil; seq++ {
		// Not under ctx: its end must not cut a write short whose ack is on its way.
		err := w.client.Set(context.WithoutCancel(ctx), w.ledger.key(seq), w.ledger.value(seq), 0).Err()
		pause := writePause
		if err == nil {
			w.acknowledged(seq, time.Now())
		} else {
			w.ledger.fail()
			pause = writeRetry
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
}

func (w *demoWriter) acknowledged(seq int, now time.Time) {
	by := ""
	if name := w.spoke.Load(); name != nil {
		by = *name
	}
	before, ok := w.ledger.acknowledge(demoAck{Seq: seq, At: now, Node: by})
	if ok && before.Node != by {
		gap := now.Sub(before.At)
		w.timeline.add(demoEvent{At: now, Who: w.ledger.writer, What: whatWrites,
			Text: "to " + by + ", " + ms(gap).String() + " ms after its last"})
	}
}

// dialer connects, and notes which data server the writer hears.
func (w *demoWriter) dialer(set *demoSet) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := (&net.Dialer{Timeout: writerDial}).DialContext(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		n := set.dataNode(addr)
		tcp, ok := conn.(*net.TCPConn)
		if n == nil || !ok {
			return conn, nil
		}
		return &heardConn{TCPConn: tcp, heard: func() { w.spoke.Store(&n.Name) }}, nil
	}
}

// heardConn calls heard when bytes have come in.
type heardConn struct {
	*net.TCPConn
	heard func()
}

func (c *heardConn) Read(b []byte) (int, error) {
	n, err := c.TCPConn.Read(b)
	if n > 0 {
		c.heard()
	}
	return n, err
}

// quietRedis drops what go-redis would print about connections that break, which is
// what the demo is about.
type quietRedis struct{}

func (quietRedis) Printf(context.Context, string, ...any) {}

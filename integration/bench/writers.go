package main

import (
	"context"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

// writer is a client that writes one key after the other and remembers which were
// acknowledged.
type writer struct {
	prefix   string
	isolated bool // it has no sentinel and stays with the first master
	client   *redis.Client
	done     chan struct{}
	acks     []ack // owned by the writer until done is closed
}

type ack struct {
	at  time.Time
	key int
}

// pause between a writer's writes makes about 700 a second.
const (
	pause      = 1300 * time.Microsecond
	retryAfter = 5 * time.Millisecond
)

// startWriters starts two failover clients; where a master is to be cut off, one of them,
// and a client that is cut off together with it.
func (d *deployment) startWriters(ctx context.Context) []*writer {
	var writers []*writer
	for i := range 2 {
		w := &writer{prefix: fmt.Sprintf("writer%d", i), done: make(chan struct{})}
		if i == 1 && d.doors != nil {
			w.isolated = true
			w.client = d.nodes[0].client()
		} else {
			w.client = d.failoverClient()
		}
		writers = append(writers, w)
		go w.run(ctx)
	}
	return writers
}

// failoverClient is go-redis's own, set to look for the master at once and not in steps of
// its patience: the servers are measured.
func (d *deployment) failoverClient() *redis.Client {
	o := &redis.FailoverOptions{MasterName: masterName, Protocol: 2, DisableIdentity: true,
		MaxRetries: -1, DialerRetries: 1,
		PipelinePoolSize: -1,
		PoolSize:         10_000} // it counts failed dials, and rests for a second after so many
	for _, p := range d.sentinels {
		o.SentinelAddrs = append(o.SentinelAddrs, p.addr())
	}
	return redis.NewFailoverClient(o)
}

func (w *writer) run(ctx context.Context) {
	defer close(w.done)
	defer w.client.Close()
	for key := 0; ctx.Err() == nil; key++ {
		wait := pause
		if err := w.client.Set(ctx, w.name(key), key, 0).Err(); err != nil {
			wait = retryAfter
		} else {
			w.acks = append(w.acks, ack{time.Now(), key})
		}
		_ = sleep(ctx, wait)
	}
}

func (w *writer) name(key int) string { return fmt.Sprintf("%s:%d", w.prefix, key) }

// outage is the longest time without an acknowledged write since shortly before the fault.
func (w *writer) outage(fault time.Time) time.Duration {
	longest := time.Duration(0)
	for i := 1; i < len(w.acks); i++ {
		if w.acks[i].at.After(fault) {
			longest = max(longest, w.acks[i].at.Sub(w.acks[i-1].at))
		}
	}
	return longest
}

// lost counts the acknowledged writes that a server does not have.
func (w *writer) lost(ctx context.Context, c *redis.Client) (int, error) {
	n := 0
	for at := 0; at < len(w.acks); at += 1000 {
		chunk := w.acks[at:min(at+1000, len(w.acks))]
		keys := make([]string, len(chunk))
		for i, a := range chunk {
			keys[i] = w.name(a.key)
		}
		there, err := c.Exists(ctx, keys...).Result()
		if err != nil {
			return 0, err
		}
		n += len(chunk) - int(there)
	}
	return n, nil
}

// silent keeps go-redis from telling of every dial that fails during an outage.
type silent struct{}

func (silent) Printf(context.Context, string, ...any) {}

// countLost adds what the writers went through. They have ended.
func (d *deployment) countLost(ctx context.Context, f figures, writers []*writer, w *watch) error {
	s := d.sentinels[0]
	for _, p := range d.sentinels {
		if p.port != w.dead {
			s = p
		}
	}
	addr, err := d.masterAddr(ctx, s)
	if err != nil {
		return err
	}
	c := d.master(addr)
	defer c.Close()
	for _, writer := range writers {
		lost, err := writer.lost(ctx, c)
		if err != nil {
			return err
		}
		if writer.isolated {
			f["lost_isolated"] = float64(lost)
			continue
		}
		f["lost"] += float64(lost)
		f["acknowledged"] += float64(len(writer.acks))
		f["outage_ms"] = max(f["outage_ms"], milliseconds(writer.outage(w.start)))
	}
	return nil
}

func (d *deployment) masterAddr(ctx context.Context, s *process) (string, error) {
	c := s.client()
	defer c.Close()
	a, err := c.Do(ctx, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", masterName).StringSlice()
	if err != nil || len(a) != 2 {
		return "", fmt.Errorf("no master: %v: %w", a, err)
	}
	return a[0] + ":" + a[1], nil
}

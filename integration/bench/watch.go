package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// event is what a sentinel published.
type event struct {
	at       time.Time
	sentinel int // its port
	name     string
	payload  string
}

// watch listens to all sentinels and, from begin on, keeps asking each for the master.
type watch struct {
	ctx     context.Context // of the asking goroutines; ends with close
	stop    context.CancelFunc
	wg      sync.WaitGroup
	sent    []*process // the sentinels
	oldAddr string
	start   time.Time // of the fault
	// onElected is called with a sentinel's port at the first +elected-leader.
	onElected func(port int)

	mu      sync.Mutex // guards what follows
	events  []event
	answers map[int]answer // by port: the first that named another address
	elected bool
	dead    int // the sentinel that onElected was called for
}

type answer struct {
	at   time.Time
	addr string
}

// watch subscribes to every sentinel.
func (d *deployment) watch(ctx context.Context) *watch {
	w := &watch{sent: d.sentinels, oldAddr: fmt.Sprintf("127.0.0.1:%d", d.portOf(0)), answers: map[int]answer{}}
	w.ctx, w.stop = context.WithCancel(ctx)
	for _, p := range d.sentinels {
		c := p.client()
		sub := c.PSubscribe(w.ctx, "*")
		_, _ = sub.Receive(w.ctx) // subscribed
		w.wg.Go(func() {
			defer c.Close()
			// ReceiveMessage does not end with its context.
			defer context.AfterFunc(w.ctx, func() { sub.Close() })()
			w.listen(p.port, sub)
		})
	}
	return w
}

func (w *watch) close() {
	w.stop()
	w.wg.Wait()
}

func (w *watch) listen(port int, sub *redis.PubSub) {
	for {
		m, err := sub.ReceiveMessage(w.ctx)
		if w.ctx.Err() != nil {
			return
		}
		if err != nil { // the sentinel was killed
			_ = sleep(w.ctx, 50*time.Millisecond)
			continue
		}
		w.note(event{time.Now(), port, m.Channel, m.Payload})
	}
}

func (w *watch) note(e event) {
	if e.name == "__sentinel__:hello" {
		return
	}
	w.mu.Lock()
	w.events = append(w.events, e)
	first := e.name == "+elected-leader" && !w.elected && w.onElected != nil
	if first {
		w.elected, w.dead = true, e.sentinel
	}
	w.mu.Unlock()
	if first {
		w.onElected(e.sentinel)
	}
}

// begin notes the time of the fault and starts to ask.
func (w *watch) begin() {
	w.mu.Lock()
	w.start = time.Now()
	w.mu.Unlock()
	for _, p := range w.sent {
		w.wg.Go(func() { w.ask(p) })
	}
}

// ask polls one sentinel until it names another master.
func (w *watch) ask(p *process) {
	c := p.client()
	defer c.Close()
	for w.ctx.Err() == nil {
		a, err := c.Do(w.ctx, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", masterName).StringSlice()
		if addr := strings.Join(a, ":"); err == nil && len(a) == 2 && addr != w.oldAddr {
			w.mu.Lock()
			w.answers[p.port] = answer{time.Now(), addr}
			w.mu.Unlock()
			return
		}
		_ = sleep(w.ctx, 3*time.Millisecond)
	}
}

// waitAnswers waits until every sentinel that lives has named the new master.
func (w *watch) waitAnswers(ctx context.Context, limit time.Duration) error {
	deadline := time.Now().Add(limit)
	for !w.allAnswered() {
		if time.Now().After(deadline) {
			return errors.New("no failover that all sentinels know of")
		}
		if err := sleep(ctx, 5*time.Millisecond); err != nil {
			return err
		}
	}
	return nil
}

func (w *watch) allAnswered() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, p := range w.sent {
		if _, ok := w.answers[p.port]; !ok && p.port != w.dead {
			return false
		}
	}
	return true
}

// newAddr is the address the sentinels named.
func (w *watch) newAddr() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, a := range w.answers {
		return a.addr
	}
	return ""
}

// figures are the times since the fault.
func (w *watch) figures() figures {
	w.mu.Lock()
	defer w.mu.Unlock()
	f := figures{"false_failovers": float64(w.falseFailovers()), "false_sdown": float64(w.falseSdown())}
	since := func(t time.Time) float64 { return milliseconds(t.Sub(w.start)) }
	for _, e := range w.events {
		name := map[string]string{"+sdown": "sdown_ms", "+odown": "odown_ms", "+elected-leader": "elected_ms", "+switch-master": "switch_ms"}[e.name]
		if name == "" || e.at.Before(w.start) || e.name == "+sdown" && !strings.HasPrefix(e.payload, "master ") {
			continue
		}
		if _, seen := f[name]; !seen {
			f[name] = since(e.at)
		}
		if e.name == "+switch-master" {
			f["last_switch_ms"] = max(f["last_switch_ms"], since(e.at))
		}
	}
	var at []time.Time
	for _, a := range w.answers {
		at = append(at, a.at)
	}
	first, last := slices.MinFunc(at, time.Time.Compare), slices.MaxFunc(at, time.Time.Compare)
	f["answer_ms"], f["agree_ms"] = since(first), milliseconds(last.Sub(first))
	return f
}

// falseFailovers is how many switches a sentinel saw beyond the one that was due. The
// caller holds mu.
func (w *watch) falseFailovers() int {
	most := 0
	for _, p := range w.sent {
		n := 0
		for _, e := range w.events {
			if e.sentinel == p.port && e.name == "+switch-master" {
				n++
			}
		}
		most = max(most, n-1)
	}
	return most
}

// falseSdown counts masters believed down that were not. The caller holds mu.
func (w *watch) falseSdown() int {
	n := 0
	old := strings.Replace(w.oldAddr, ":", " ", 1)
	for _, e := range w.events {
		if e.name == "+sdown" && strings.HasPrefix(e.payload, "master ") && !strings.HasSuffix(e.payload, old) {
			n++
		}
	}
	return n
}

// String lists the events, for a run that failed.
func (w *watch) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var b strings.Builder
	for _, e := range w.events {
		fmt.Fprintf(&b, "%8.0f ms  %d  %s %s\n", milliseconds(e.at.Sub(w.start)), e.sentinel, e.name, e.payload)
	}
	return b.String()
}

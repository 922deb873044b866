package sim

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vedette-ha/vedette/internal/client"
	"github.com/vedette-ha/vedette/internal/memnet"
)

// testimony is all that the sentinels ever said, held against itself.
type testimony struct {
	start time.Time
	pace  atomic.Int64 // nanoseconds between two questions to a sentinel

	mu      sync.Mutex // guards what follows
	events  []event
	masters map[string]string // address by config-epoch
	hopes   []hope
	wrong   []string
}

// event is what a sentinel published.
type event struct {
	at   time.Duration
	from string
	text string // channel and payload
}

// hope is an event somebody waits for.
type hope struct {
	text string
	got  chan event // holds the first one
}

func newTestimony(start time.Time) *testimony {
	y := &testimony{start: start, masters: map[string]string{}}
	y.pace.Store(int64(pollEvery))
	return y
}

// pollEvery is how often each sentinel is asked for the master, unless it is said.
const pollEvery = 50 * time.Millisecond

// poll asks a sentinel for the master until ctx ends.
func (y *testimony) poll(ctx context.Context, s *sentry, a *asker) {
	last := uint64(0)
	life := s.log.lives()
	for ctx.Err() == nil {
		if m, err := a.master(ctx, s); err == nil {
			if now := s.log.lives(); now != life {
				life, last = now, 0
			}
			last = y.answered(s, m, last)
		}
		select {
		case <-time.After(time.Duration(y.pace.Load())):
		case <-ctx.Done():
		}
	}
}

// answered takes note of an answer. The config-epoch of one process never goes back.
func (y *testimony) answered(s *sentry, m map[string]string, last uint64) uint64 {
	y.mu.Lock()
	defer y.mu.Unlock()
	epoch, err := strconv.ParseUint(m["config-epoch"], 10, 64)
	if err != nil || epoch < last {
		y.complain("%s answers config-epoch %q after %d", s.name, m["config-epoch"], last)
	}
	addr := m["ip"] + ":" + m["port"]
	if known, ok := y.masters[m["config-epoch"]]; ok && known != addr {
		y.complain("%s says %s is the master of config-epoch %d, that was said of %s", s.name, addr, epoch, known)
	}
	y.masters[m["config-epoch"]] = addr
	return max(epoch, last)
}

// complain takes note of what must not be. The caller holds mu.
func (y *testimony) complain(format string, args ...any) {
	at := fmt.Sprintf("%.3fs: ", time.Since(y.start).Seconds())
	y.wrong = append(y.wrong, at+fmt.Sprintf(format, args...))
}

// subscribe listens to the events of a sentinel until ctx ends.
func (y *testimony) subscribe(ctx context.Context, s *sentry, host *memnet.Host) {
	for ctx.Err() == nil {
		y.listen(ctx, s, host)
		select {
		case <-time.After(10 * time.Millisecond):
		case <-ctx.Done():
		}
	}
}

func (y *testimony) listen(ctx context.Context, s *sentry, host *memnet.Host) {
	conn, err := client.Dial(ctx, "tcp", s.addr(), client.Options{Dial: host.Dial})
	if err != nil {
		return
	}
	defer conn.Close()
	if _, err := conn.Do(ctx, "PSUBSCRIBE", "*"); err != nil {
		return
	}
	for {
		v, err := conn.Receive(ctx)
		if err != nil {
			return
		}
		if len(v.Array) == 4 {
			y.published(s, v.Array[2].Text(), v.Array[3].Text())
		}
	}
}

func (y *testimony) published(s *sentry, channel, payload string) {
	y.mu.Lock()
	defer y.mu.Unlock()
	e := event{time.Since(y.start), s.name, channel + " " + payload}
	y.events = append(y.events, e)
	y.hopes = slices.DeleteFunc(y.hopes, func(h hope) bool {
		if !strings.Contains(e.text, h.text) {
			return false
		}
		h.got <- e
		return true
	})
}

// expect returns a channel that will hold the next event that contains text.
func (y *testimony) expect(text string) <-chan event {
	y.mu.Lock()
	defer y.mu.Unlock()
	h := hope{text, make(chan event, 1)}
	y.hopes = append(y.hopes, h)
	return h.got
}

// count is how many events since contain text.
func (y *testimony) count(since time.Duration, text string) (n int) {
	y.mu.Lock()
	defer y.mu.Unlock()
	for _, e := range y.events {
		if e.at >= since && strings.Contains(e.text, text) {
			n++
		}
	}
	return n
}

// switches is how many masters there were after the first.
func (y *testimony) switches() int {
	y.mu.Lock()
	defer y.mu.Unlock()
	return max(0, len(y.masters)-1)
}

// contradictions are what must not have been said.
func (y *testimony) contradictions() []string {
	y.mu.Lock()
	defer y.mu.Unlock()
	return y.wrong[:len(y.wrong):len(y.wrong)]
}

func (y *testimony) String() string {
	y.mu.Lock()
	defer y.mu.Unlock()
	var b strings.Builder
	for _, e := range y.events {
		fmt.Fprintf(&b, "%8.3fs %s %s\n", e.at.Seconds(), e.from, e.text)
	}
	return b.String()
}

// Package events is a bounded Pub/Sub hub inside one process: it carries a
// Sentinel's events to the clients subscribed to them.
//
// A publisher never waits. Each [Subscription] has a queue with a bound; one that
// is full when a message is to be added ends the subscription with [ErrSlow], and
// its owner closes the client, as Redis does with a client over its output buffer
// limit. The hub knows nothing of RESP or connections.
package events

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"

	"github.com/vedette-ha/vedette/internal/glob"
)

// ErrSlow ends a subscription whose queue was full.
var ErrSlow = errors.New("subscriber is too slow")

// ErrClosed ends a subscription that its owner closed.
var ErrClosed = errors.New("subscription is closed")

// Message is what is published.
type Message struct {
	Channel string
	Payload string
}

// Delivery is a message on its way to a subscriber, once for the channel and once
// for each pattern that the subscriber asked for.
type Delivery struct {
	Message
	// Pattern is the one that matched; meaningful if ByPattern.
	Pattern string
	// ByPattern tells a pmessage from a message.
	ByPattern bool
}

// Hub hands messages to subscriptions. The zero value is ready for use. Safe for
// concurrent use.
type Hub struct {
	mu   sync.Mutex // guards subs and what subscriptions ask for; held for matching only
	subs map[*Subscription]struct{}
}

// Subscription is one client's interest in channels and patterns, and the queue of
// messages for it. Its methods are safe for concurrent use.
type Subscription struct {
	hub   *Hub
	queue chan Delivery // never closed; senders hold hub.mu and never wait
	done  chan struct{} // closed by Hub.end, once, under hub.mu

	// Guarded by hub.mu. The slices keep the order of subscribing.
	channels []string
	patterns []string
	err      error // why the subscription ended; nil while it lives
}

// Subscribe returns a subscription to nothing, to which channels and patterns are
// added. Its queue holds limit messages, at least one. It must be closed.
func (h *Hub) Subscribe(limit int) *Subscription {
	s := &Subscription{
		hub:   h,
		queue: make(chan Delivery, max(limit, 1)),
		done:  make(chan struct{}),
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.subs == nil {
		h.subs = make(map[*Subscription]struct{})
	}
	h.subs[s] = struct{}{}
	return s
}

// Publish queues m for every subscription that asked for it and returns the number
// of deliveries. It never waits. Messages published one after another arrive in
// that order.
func (h *Hub) Publish(m Message) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	delivered := 0
	for s := range h.subs {
		delivered += h.offer(s, m)
	}
	return delivered
}

// Channels returns the channels with at least one subscriber, sorted.
func (h *Hub) Channels() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	set := make(map[string]struct{})
	for s := range h.subs {
		for _, c := range s.channels {
			set[c] = struct{}{}
		}
	}
	return slices.Sorted(maps.Keys(set))
}

// offer queues m for s, first for its channel, then for each pattern.
func (h *Hub) offer(s *Subscription, m Message) (delivered int) {
	if slices.Contains(s.channels, m.Channel) {
		delivered += h.push(s, Delivery{Message: m})
	}
	for _, p := range s.patterns {
		if glob.Match(p, m.Channel) {
			delivered += h.push(s, Delivery{Message: m, Pattern: p, ByPattern: true})
		}
	}
	return delivered
}

func (h *Hub) push(s *Subscription, d Delivery) int {
	if s.err != nil {
		return 0
	}
	select {
	case s.queue <- d:
		return 1
	default:
		h.end(s, ErrSlow)
		return 0
	}
}

// end is called with h.mu held.
func (h *Hub) end(s *Subscription, why error) {
	if s.err != nil {
		return
	}
	s.err = why
	delete(h.subs, s)
	close(s.done)
}

// Run hands each message for s to deliver, in order, until ctx ends, deliver fails
// or the subscription ends; it closes s and returns the reason. What is queued when
// the subscription ends for slowness is not delivered.
func (h *Hub) Run(ctx context.Context, s *Subscription, deliver func(Delivery) error) error {
	defer s.Close()
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-s.done:
			return s.Err()
		case d := <-s.queue:
			if s.ended() {
				return s.Err()
			}
			if err := deliver(d); err != nil {
				return err
			}
		}
	}
}

// Messages is the queue, for an owner who waits for other things too. It is never
// closed: wait for [Subscription.Done] as well.
func (s *Subscription) Messages() <-chan Delivery { return s.queue }

// Done is closed when the subscription has ended; [Subscription.Err] says why.
func (s *Subscription) Done() <-chan struct{} { return s.done }

// Err returns nil while the subscription lives, then [ErrSlow] or [ErrClosed].
func (s *Subscription) Err() error {
	s.hub.mu.Lock()
	defer s.hub.mu.Unlock()
	return s.err
}

// Close ends the subscription; a second call does nothing.
func (s *Subscription) Close() {
	s.hub.mu.Lock()
	defer s.hub.mu.Unlock()
	s.hub.end(s, ErrClosed)
}

// Subscribe adds a channel; false if it was there.
func (s *Subscription) Subscribe(channel string) bool { return s.add(&s.channels, channel) }

// PSubscribe adds a pattern of package glob; false if it was there.
func (s *Subscription) PSubscribe(pattern string) bool { return s.add(&s.patterns, pattern) }

// Unsubscribe removes a channel; false if it was not there.
func (s *Subscription) Unsubscribe(channel string) bool { return s.remove(&s.channels, channel) }

// PUnsubscribe removes a pattern; false if it was not there.
func (s *Subscription) PUnsubscribe(pattern string) bool { return s.remove(&s.patterns, pattern) }

// Channels returns the channels in the order of subscribing.
func (s *Subscription) Channels() []string { return s.list(&s.channels) }

// Patterns returns the patterns in the order of subscribing.
func (s *Subscription) Patterns() []string { return s.list(&s.patterns) }

// Count returns the number of channels and patterns together, as the replies to
// SUBSCRIBE and its relatives have it.
func (s *Subscription) Count() int {
	s.hub.mu.Lock()
	defer s.hub.mu.Unlock()
	return len(s.channels) + len(s.patterns)
}

func (s *Subscription) ended() bool {
	select {
	case <-s.done:
		return true
	default:
		return false
	}
}

func (s *Subscription) add(list *[]string, name string) bool {
	s.hub.mu.Lock()
	defer s.hub.mu.Unlock()
	if slices.Contains(*list, name) {
		return false
	}
	*list = append(*list, name)
	return true
}

func (s *Subscription) remove(list *[]string, name string) bool {
	s.hub.mu.Lock()
	defer s.hub.mu.Unlock()
	i := slices.Index(*list, name)
	if i < 0 {
		return false
	}
	*list = slices.Delete(*list, i, i+1)
	return true
}

func (s *Subscription) list(list *[]string) []string {
	s.hub.mu.Lock()
	defer s.hub.mu.Unlock()
	return slices.Clone(*list)
}

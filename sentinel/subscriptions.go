package sentinel

import (
	"context"
	"errors"

	"github.com/vedette-ha/vedette/internal/events"
	"github.com/vedette-ha/vedette/internal/resp"
)

// queuedEvents is how many events may wait for one subscriber, beyond the bytes
// of its outbox, before it is dropped.
const queuedEvents = 1024

// subscriptions is what one client of the sentinel port listens to. The zero
// value listens to nothing.
type subscriptions struct {
	sub  *events.Subscription
	stop context.CancelFunc
	done chan struct{} // closed when nothing more is delivered
}

func (s *subscriptions) count() int {
	if s.sub == nil {
		return 0
	}
	return s.sub.Count()
}

// subscription answers the session's subscription; the first one begins the
// delivery of events, until the session ends or unsubscribeAll.
func (c *session) subscription(ctx context.Context) *events.Subscription {
	if c.subs.sub != nil {
		return c.subs.sub
	}
	ctx, stop := context.WithCancel(ctx)
	sub, done := c.s.hub.Subscribe(queuedEvents), make(chan struct{})
	c.subs = subscriptions{sub, stop, done}
	go func() { // ended by unsubscribeAll, which every session calls last
		defer close(done)
		err := c.s.hub.Run(ctx, sub, func(d events.Delivery) error { return c.out.push(encodeDelivery(d, c.protocol() == 3)) })
		if errors.Is(err, events.ErrSlow) || errors.Is(err, errSlowClient) {
			c.s.log.Warn().Str("client", address(c.conn.RemoteAddr())).Msg("subscriber is too slow, dropped")
			c.kill()
		}
	}()
	return sub
}

// unsubscribeAll ends the delivery of events and waits for that.
func (c *session) unsubscribeAll() {
	if c.subs.sub == nil {
		return
	}
	c.subs.stop()
	<-c.subs.done
	c.subs = subscriptions{}
	c.noteSubscriptions()
}

func encodeDelivery(d events.Delivery, resp3 bool) []byte {
	w := resp.Writer{RESP3: resp3}
	if d.ByPattern {
		w.Push(4)
		w.BulkString("pmessage")
		w.BulkString(d.Pattern)
	} else {
		w.Push(3)
		w.BulkString("message")
	}
	w.BulkString(d.Channel)
	w.BulkString(d.Payload)
	return w.Buf
}

// noteSubscriptions updates what CLIENT LIST shows.
func (c *session) noteSubscriptions() {
	channels, patterns := 0, 0
	if c.subs.sub != nil {
		channels, patterns = len(c.subs.sub.Channels()), len(c.subs.sub.Patterns())
	}
	c.stats.mu.Lock()
	defer c.stats.mu.Unlock()
	c.stats.channels, c.stats.patterns, c.stats.sub = channels, patterns, c.subs.sub
}

// mostSubscriptions bounds the names one client listens to.
const mostSubscriptions = 1 << 12

// confirm changes one subscription and appends its confirmation so that neither
// can be separated by an event.
func (c *session) confirm(kind string, name []byte, change func() int) {
	if c.mute == replyOff || c.mute == replySkip {
		change()
		return
	}
	_ = c.flush()
	c.out.atomically(func() []byte {
		w := resp.Writer{RESP3: c.w.RESP3}
		left := change()
		w.Push(3)
		w.BulkString(kind)
		if name == nil {
			w.Null()
		} else {
			w.Bulk(name)
		}
		w.Int(int64(left))
		return w.Buf
	})
}

// SUBSCRIBE channel [channel ...]
func cmdSubscribe(ctx context.Context, c *session, args [][]byte) error {
	return c.subscribe(ctx, "subscribe", args[1:], (*events.Subscription).Subscribe)
}

// PSUBSCRIBE pattern [pattern ...]
func cmdPSubscribe(ctx context.Context, c *session, args [][]byte) error {
	return c.subscribe(ctx, "psubscribe", args[1:], (*events.Subscription).PSubscribe)
}

func (c *session) subscribe(ctx context.Context, kind string, names [][]byte,
	add func(*events.Subscription, string) bool) error {
	sub := c.subscription(ctx)
	if sub.Count()+len(names) > mostSubscriptions {
		return resp.Errorf("ERR too many subscriptions")
	}
	for _, name := range names {
		c.confirm(kind, name, func() int {
			add(sub, string(name))
			return sub.Count()
		})
	}
	c.noteSubscriptions()
	return nil
}

// UNSUBSCRIBE [channel ...]
func cmdUnsubscribe(_ context.Context, c *session, args [][]byte) error {
	return c.unsubscribe("unsubscribe", args[1:], (*events.Subscription).Channels, (*events.Subscription).Unsubscribe)
}

// PUNSUBSCRIBE [pattern ...]
func cmdPUnsubscribe(_ context.Context, c *session, args [][]byte) error {
	return c.unsubscribe("punsubscribe", args[1:], (*events.Subscription).Patterns, (*events.Subscription).PUnsubscribe)
}

// unsubscribe without names ends all of that kind; it confirms once even if there
// is none.
func (c *session) unsubscribe(kind string, names [][]byte,
	all func(*events.Subscription) []string, remove func(*events.Subscription, string) bool) error {
	sub := c.subs.sub
	if len(names) == 0 && sub != nil {
		for _, n := range all(sub) {
			names = append(names, []byte(n))
		}
	}
	if len(names) == 0 {
		names = [][]byte{nil}
	}
	for _, name := range names {
		c.confirm(kind, name, func() int {
			if sub == nil {
				return 0
			}
			remove(sub, string(name))
			return sub.Count()
		})
	}
	c.noteSubscriptions()
	return nil
}

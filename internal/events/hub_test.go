package events

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// A subscriber gets the message for its channel, then one for each pattern.
func TestDeliveries(t *testing.T) {
	var h Hub
	s := h.Subscribe(10)
	defer s.Close()
	for _, step := range []struct {
		name string
		got  bool
		want bool
	}{
		{"Subscribe", s.Subscribe("+sdown"), true},
		{"Subscribe again", s.Subscribe("+sdown"), false},
		{"PSubscribe", s.PSubscribe("+*"), true},
		{"PSubscribe again", s.PSubscribe("+*"), false},
		{"second pattern", s.PSubscribe("*down"), true},
		{"third pattern", s.PSubscribe("-*"), true},
		{"Unsubscribe what is not there", s.Unsubscribe("+odown"), false},
		{"PUnsubscribe", s.PUnsubscribe("-*"), true},
	} {
		if step.got != step.want {
			t.Errorf("%s = %v", step.name, step.got)
		}
	}
	if got := fmt.Sprint(s.Channels(), s.Patterns(), s.Count(), h.Channels()); got != "[+sdown] [+* *down] 3 [+sdown]" {
		t.Error(got)
	}
	down, up := Message{"+sdown", "a"}, Message{"-sdown", "b"}
	if n := h.Publish(down); n != 3 {
		t.Errorf("Publish = %d", n)
	}
	if n := h.Publish(up); n != 1 {
		t.Errorf("Publish = %d", n)
	}
	if n := h.Publish(Message{"other", ""}); n != 0 {
		t.Errorf("Publish = %d", n)
	}
	want := []Delivery{{Message: down}, {down, "+*", true}, {down, "*down", true}, {up, "*down", true}}
	var got []Delivery
	for len(s.Messages()) > 0 {
		got = append(got, <-s.Messages())
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %v", got)
	}
}

// A subscriber whose socket stalls is dropped and the publisher never waits.
func TestSlowSubscriberIsDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var h Hub
		s := h.Subscribe(2)
		s.Subscribe("+sdown")
		done := make(chan error, 1)
		go func() {
			done <- h.Run(t.Context(), s, func(Delivery) error {
				time.Sleep(time.Hour) // a peer that has stopped reading
				return nil
			})
		}()
		start := time.Now()
		for range 4 { // one in flight, two queued, one too many
			h.Publish(Message{"+sdown", "master m 10.0.0.1 6379"})
			synctest.Wait()
		}
		if d := time.Since(start); d != 0 {
			t.Errorf("Publish waited %v for a slow subscriber", d)
		}
		if err := <-done; !errors.Is(err, ErrSlow) {
			t.Errorf("Run = %v, want ErrSlow", err)
		}
		if n := h.Publish(Message{"+sdown", "x"}); n != 0 || len(h.Channels()) != 0 {
			t.Error("a dropped subscriber is still there")
		}
	})
}

func TestRunEnds(t *testing.T) {
	failed := errors.New("write failed")
	for _, tc := range []struct {
		name string
		end  func(h *Hub, s *Subscription, cancel context.CancelFunc)
		want error
	}{
		{"context", func(_ *Hub, _ *Subscription, cancel context.CancelFunc) { cancel() }, context.Canceled},
		{"close", func(_ *Hub, s *Subscription, _ context.CancelFunc) { s.Close() }, ErrClosed},
		{"delivery fails", func(h *Hub, _ *Subscription, _ context.CancelFunc) { h.Publish(Message{"c", ""}) }, failed},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var h Hub
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				s := h.Subscribe(1)
				s.Subscribe("c")
				done := make(chan error)
				go func() { done <- h.Run(ctx, s, func(Delivery) error { return failed }) }()
				synctest.Wait()
				tc.end(&h, s, cancel)
				if err := <-done; !errors.Is(err, tc.want) {
					t.Errorf("Run = %v", err)
				}
				if n := h.Publish(Message{"c", ""}); n != 0 {
					t.Error("the subscription is still there")
				}
				s.Close() // a second time
			})
		})
	}
}

// Subscribing, publishing and closing at once neither race nor lose messages to
// subscribers who keep up.
func TestConcurrentUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var h Hub
		const messages = 1000
		got := make(chan int)
		for range 4 {
			s := h.Subscribe(messages)
			s.Subscribe("c")
			go func() {
				n := 0
				h.Run(t.Context(), s, func(d Delivery) error {
					if d.Payload != fmt.Sprint(n) {
						t.Errorf("%q instead of %d", d.Payload, n)
					}
					if n++; n == messages {
						return errors.New("enough")
					}
					return nil
				})
				got <- n
			}()
			go func() {
				for range 100 {
					passing := h.Subscribe(1)
					passing.PSubscribe("*")
					passing.Close()
				}
			}()
		}
		for i := range messages {
			h.Publish(Message{"c", fmt.Sprint(i)})
		}
		for range 4 {
			if n := <-got; n != messages {
				t.Errorf("%d messages", n)
			}
		}
	})
}

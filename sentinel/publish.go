package sentinel

import (
	"time"

	"github.com/rs/zerolog"

	"github.com/vedette-ha/vedette/failover"
	"github.com/vedette-ha/vedette/internal/events"
)

// publish logs an event under its own name and hands it to the subscribers.
func (s *Sentinel) publish(a failover.Publish) {
	s.log.WithLevel(logLevel(a.Level)).Str("payload", a.Payload).Msg(a.Event)
	if a.Level != failover.Debug {
		s.journal.add(time.Now(), a)
		s.hub.Publish(events.Message{Channel: a.Event, Payload: a.Payload})
	}
}

// logLevel of an event: what an operator wants at three in the morning is a warning
// in Redis.
func logLevel(l failover.Level) zerolog.Level {
	switch l {
	case failover.Warning:
		return zerolog.WarnLevel
	case failover.Notice:
		return zerolog.InfoLevel
	}
	return zerolog.DebugLevel
}

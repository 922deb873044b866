package server

import (
	"time"

	"github.com/vedette-ha/vedette/server/command"
)

// latencyMonitor remembers spikes by event, for LATENCY.
type latencyMonitor struct {
	events map[string]*latencyEvent
}

// latencyHistory is how many spikes of one event are kept.
const latencyHistory = 160

type latencyEvent struct {
	spikes []latencySpike // oldest first
	max    int64          // ms
}

// latencySpike is the worst of one second.
type latencySpike struct{ at, ms int64 } // Unix s; ms

// add notes a spike; several within one second count as the worst of them.
func (m *latencyMonitor) add(event string, nowMS int64, took time.Duration) {
	if m.events == nil {
		m.events = make(map[string]*latencyEvent)
	}
	e := m.events[event]
	if e == nil {
		e = &latencyEvent{}
		m.events[event] = e
	}
	at, ms := nowMS/1000, took.Milliseconds()
	e.max = max(e.max, ms)
	if n := len(e.spikes); n > 0 && e.spikes[n-1].at == at {
		e.spikes[n-1].ms = max(e.spikes[n-1].ms, ms)
		return
	}
	if len(e.spikes) == latencyHistory {
		e.spikes = append(e.spikes[:0], e.spikes[1:]...)
	}
	e.spikes = append(e.spikes, latencySpike{at, ms})
}

// latencyEventOf is the event a slow command belongs to.
func latencyEventOf(cmd *command.Command) string {
	if cmd.Has(command.Fast) {
		return "fast-command"
	}
	return "command"
}

package sim

import (
	"sync"
	"time"
)

// clock is the wall clock of one machine, which somebody may have set. The monotonic one
// is the time of the simulation.
type clock struct {
	mu sync.Mutex // guards by
	by time.Duration
}

// read is what the clock shows at a time.
func (c *clock) read(t time.Time) time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return t.Add(c.by)
}

func (c *clock) step(by time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.by += by
}

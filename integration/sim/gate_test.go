package sim

import (
	"math/rand/v2"
	"sync"
	"time"
)

// gate is where a program's loop waits for the processor before each turn.
type gate struct {
	mu     sync.Mutex    // guards what follows; not held while waiting
	closed chan struct{} // nil: it is open
	most   time.Duration // how long a turn may wait though it is open
}

func (g *gate) turn() {
	g.mu.Lock()
	closed, most := g.closed, g.most
	g.mu.Unlock()
	if most > 0 {
		time.Sleep(rand.N(most))
	}
	if closed != nil {
		<-closed
	}
}

func (g *gate) shut() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed == nil {
		g.closed = make(chan struct{})
	}
}

func (g *gate) open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed != nil {
		close(g.closed)
		g.closed = nil
	}
}

func (g *gate) slow(most time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.most = most
}

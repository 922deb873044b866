//go:build !nodemo

package cli

import (
	"fmt"
	"sync"
	"time"
)

// demoAck is a write that was acknowledged.
type demoAck struct {
	Seq  int
	At   time.Time
	Node string // that acknowledged it
	Lost bool   // a check did not find it
}

// demoLedger is what one writer has been promised. Safe for concurrent use.
type demoLedger struct {
	writer string

	mu     sync.Mutex // guards the rest
	acks   []demoAck
	failed int // writes that were refused, or whose fate is unknown
}

func (l *demoLedger) key(seq int) string   { return fmt.Sprintf("%s:%06d", l.writer, seq) }
func (l *demoLedger) value(seq int) string { return fmt.Sprintf("write %d of %s", seq, l.writer) }

// acknowledge adds an ack and returns the one before it, if any.
func (l *demoLedger) acknowledge(a demoAck) (before demoAck, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if n := len(l.acks); n > 0 {
		before, ok = l.acks[n-1], true
	}
	l.acks = append(l.acks, a)
	return before, ok
}

func (l *demoLedger) fail() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.failed++
}

// failures returns how many writes were not acknowledged.
func (l *demoLedger) failures() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.failed
}

// len returns how many writes were acknowledged.
func (l *demoLedger) len() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.acks)
}

// last returns the newest ack, if any.
func (l *demoLedger) last() (a demoAck, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.acks) == 0 {
		return a, false
	}
	return l.acks[len(l.acks)-1], true
}

// copy returns the first n acks.
func (l *demoLedger) copy(n int) []demoAck {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]demoAck(nil), l.acks[:n]...)
}

// lose notes that ack number i was not found.
func (l *demoLedger) lose(i int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.acks[i].Lost = true
}

// longestGap returns the longest time between two consecutive acks, of which the
// second is not before from and the first not after to. Without such a pair it is 0.
func longestGap(acks []demoAck, from, to time.Time) (gap time.Duration) {
	for i := 1; i < len(acks); i++ {
		if acks[i].At.Before(from) || acks[i-1].At.After(to) {
			continue
		}
		gap = max(gap, acks[i].At.Sub(acks[i-1].At))
	}
	return gap
}

// demoMark is how many acks each writer had at a moment.
type demoMark []int

func markOf(ledgers []*demoLedger) demoMark {
	m := make(demoMark, len(ledgers))
	for i, l := range ledgers {
		m[i] = l.len()
	}
	return m
}

func (m demoMark) total() (n int) {
	for _, k := range m {
		n += k
	}
	return n
}

// owed reports whether ack number i of a writer must be on the new master: it was
// acknowledged before the mark, or by the new master itself.
func (m demoMark) owed(writer, i int, a demoAck, newMaster string) bool {
	return i < m[writer] || a.Node == newMaster
}

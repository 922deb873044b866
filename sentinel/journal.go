package sentinel

import (
	"sync"
	"time"

	"github.com/vedette-ha/vedette/failover"
)

// journalMax is how many events are kept for SENTINEL EVENTS: a night of trouble.
const journalMax = 10000

// noted is one published event. Ids grow, also from one start of the process to the
// next; they say nothing about the ids of other sentinels.
type noted struct {
	id      int64 // microseconds since 1970 when it happened, or one more than the last
	at      time.Time
	name    string
	payload string
}

// journal keeps the last events, so that a client that was away can read what it
// missed. Safe for concurrent use; the zero value is empty.
type journal struct {
	mu   sync.Mutex // guards what follows
	ring []noted    // the oldest at next, once it is full
	next int
	last int64         // id of the newest
	gone int64         // id of the newest that is not kept any more
	more chan struct{} // closed at the next event; nil: nobody waits
}

// add appends an event.
func (j *journal) add(at time.Time, p failover.Publish) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.last == 0 {
		j.gone = at.UnixMicro() - 1 // what an earlier process knew
	}
	j.last = max(j.last+1, at.UnixMicro())
	e := noted{id: j.last, at: at, name: p.Event, payload: p.Payload}
	if len(j.ring) < journalMax {
		j.ring = append(j.ring, e)
	} else {
		j.gone = j.ring[j.next].id
		j.ring[j.next] = e
		j.next = (j.next + 1) % journalMax
	}
	if j.more != nil {
		close(j.more)
		j.more = nil
	}
}

// since returns up to count events with ids above id, oldest first, and whether some
// that came after id are not kept any more. An empty answer brings a channel that is
// closed at the next event.
func (j *journal) since(id int64, count int) (events []noted, lost bool, more <-chan struct{}) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for i := range j.ring {
		if e := j.ring[(j.next+i)%len(j.ring)]; e.id > id && len(events) < count {
			events = append(events, e)
		}
	}
	if len(events) == 0 {
		if j.more == nil {
			j.more = make(chan struct{})
		}
		more = j.more
	}
	return events, id > 0 && id < j.gone, more
}

// newest returns the id of the last event, 0 if there was none.
func (j *journal) newest() int64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.last
}

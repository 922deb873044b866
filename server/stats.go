package server

import (
	"maps"
	"time"
)

// maxErrorKinds bounds INFO errorstats: prefixes can come from replicas' streams
// and, later, from scripts.
const maxErrorKinds = 128

// stats are the counters of INFO stats that CONFIG RESETSTAT clears.
type stats struct {
	connections, rejectedConns    uint64
	commands                      uint64
	netIn, netOut                 uint64
	netReplIn, netReplOut         uint64
	protocolErrors                uint64
	queryLimitDisconnections      uint64
	outputLimitDisconnections     uint64
	errors                        uint64
	expired, evicted              uint64
	evictedSessions               uint64
	evictionExceeded              time.Duration
	expiredStalePerc              float64
	expireCapReached              uint64
	expireCycleUsec               uint64
	forks                         uint64
	rdbSaves                      uint64
	peakMemory                    uint64
	unexpectedErrors              uint64
	errorKinds                    map[string]uint64
	authDenied                    uint64
	lazyFreedBefore               int64 // CONFIG RESETSTAT
	reads, writes                 uint64
	replyShrinks, replyExpands    uint64
	ops, in, out, replIn, replOut rate
	turns                         uint64
	turnTime, commandTime         time.Duration
	turnRate                      rate
	turnTimeRate                  rate // µs per second
}

// errorReply counts an error by its prefix.
func (t *stats) errorReply(prefix string) {
	t.errors++
	if t.errorKinds == nil {
		t.errorKinds = make(map[string]uint64)
	}
	if _, known := t.errorKinds[prefix]; !known && len(t.errorKinds) >= maxErrorKinds {
		return
	}
	t.errorKinds[prefix]++
}

// turnUsec is how long a turn of the loop took lately, in microseconds.
func (t *stats) turnUsec() int64 {
	turns := t.turnRate.perSecond()
	if turns == 0 {
		return 0
	}
	return int64(t.turnTimeRate.perSecond() / turns)
}

// errorCounts is a copy for printing.
func (t *stats) errorCounts() map[string]uint64 { return maps.Clone(t.errorKinds) }

// rateSamples is how many samples INFO's instantaneous figures average.
const rateSamples = 16

// rate is a figure per second over the last samples.
type rate struct {
	samples  [rateSamples]float64
	next     int
	lastAt   int64 // Unix ms
	lastSeen uint64
}

// sample notes the counter's value at now (Unix ms).
func (r *rate) sample(now int64, value uint64) {
	if r.lastAt > 0 && now > r.lastAt {
		r.samples[r.next] = float64(value-min(r.lastSeen, value)) * 1000 / float64(now-r.lastAt)
		r.next = (r.next + 1) % rateSamples
	}
	r.lastAt, r.lastSeen = now, value
}

// perSecond is the mean of the samples.
func (r *rate) perSecond() float64 {
	var sum float64
	for _, v := range r.samples {
		sum += v
	}
	return sum / rateSamples
}

package command

import (
	"math/bits"
	"time"
)

// Stats is what INFO commandstats, INFO latencystats and LATENCY HISTOGRAM show of
// a command. Times are execution times on the loop.
type Stats struct {
	Calls    uint64
	Usec     uint64 // total
	Rejected uint64 // refused before running: arity, permissions, memory, …
	Failed   uint64 // replied with an error while running
	nsec     uint64 // what Usec rounds
	hist     *[histBuckets]uint32
}

// A latency lands in one of 16 linear parts of its power of two: the error is at
// most 6 %. The first 16 buckets are single microsecond-256ths below 4 µs.
const (
	histShift   = 4
	histBuckets = (64 - histShift) << histShift
)

// Record counts one run that took d.
func (s *Stats) Record(d time.Duration, track bool) {
	s.Calls++
	s.nsec += uint64(d)
	s.Usec = s.nsec / 1000
	if !track {
		return
	}
	if s.hist == nil {
		s.hist = new([histBuckets]uint32)
	}
	s.hist[bucketOf(uint64(d))]++
}

// Reset forgets everything (CONFIG RESETSTAT).
func (s *Stats) Reset() { *s = Stats{} }

// bucketOf is the number of the bucket that ns belongs to.
func bucketOf(ns uint64) int {
	if ns < 1<<histShift {
		return int(ns)
	}
	exp := bits.Len64(ns) - 1 - histShift
	return (exp+1)<<histShift + int(ns>>exp) - 1<<histShift
}

// upperBound is the largest duration, in ns, of bucket i.
func upperBound(i int) uint64 {
	if i < 1<<histShift {
		return uint64(i)
	}
	exp := i>>histShift - 1
	return uint64(i&(1<<histShift-1)+1<<histShift+1)<<exp - 1
}

// Tracked reports whether there are latencies to show.
func (s *Stats) Tracked() bool { return s.hist != nil }

// Percentile is the latency that p per cent of the runs did not exceed.
func (s *Stats) Percentile(p float64) time.Duration {
	if s.hist == nil {
		return 0
	}
	var total uint64
	for _, n := range s.hist {
		total += uint64(n)
	}
	want := max(uint64(float64(total)*p/100+0.5), 1)
	var seen uint64
	for i, n := range s.hist {
		if seen += uint64(n); seen >= want {
			return time.Duration(upperBound(i))
		}
	}
	return 0
}

// Cumulative calls fn with (upper bound in µs, runs at or below it) for each power
// of two of µs up to the first that holds all runs, leaving out those that add none.
func (s *Stats) Cumulative(fn func(usec, count uint64)) (buckets int) {
	if s.hist == nil {
		return 0
	}
	var counts [65]uint64
	top := 0
	for i, n := range s.hist {
		if n == 0 {
			continue
		}
		b := bits.Len64((upperBound(i) + 999) / 1000 * 1)
		if us := (upperBound(i) + 999) / 1000; us > 0 && us&(us-1) == 0 {
			b--
		}
		counts[b] += uint64(n)
		top = max(top, b)
	}
	var seen uint64
	for b := 0; b <= top; b++ {
		if counts[b] == 0 {
			continue
		}
		seen += counts[b]
		buckets++
		fn(1<<b, seen)
	}
	return buckets
}

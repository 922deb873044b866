package server

import (
	"flag"
	"math"
	"math/rand/v2"
	"runtime"
	"runtime/metrics"
	"strconv"
	"syscall"
	"testing"
	"time"
	"unsafe"
)

var stallKeys = flag.Int("stall.keys", 100_000, "how many keys BenchmarkLongestStall has")

// threadTime is the processor time of this thread: what it waits for, as when other
// processes have the processor, is not in it.
func threadTime() time.Duration {
	const threadClock = 3 // CLOCK_THREAD_CPUTIME_ID
	var ts syscall.Timespec
	if _, _, e := syscall.RawSyscall(syscall.SYS_CLOCK_GETTIME, threadClock, uintptr(unsafe.Pointer(&ts)), 0); e != 0 {
		panic(e)
	}
	return time.Duration(ts.Nano())
}

// The longest processor time one command takes on a large keyspace and in collections
// that grow to a tenth of it, and the longest time the collector stopped all for:
//
//	go test ./server -run - -bench LongestStall -benchtime 1x -args -stall.keys 10000000
func BenchmarkLongestStall(b *testing.B) {
	keys := *stallKeys
	rng := rand.New(rand.NewPCG(1, 2))
	c := direct(b)
	n := func(i int) string { return strconv.Itoa(i) }
	key := func(i int) string { return "key:" + n(i) }
	some := func() string { return key(rng.IntN(keys)) }
	for _, s := range []struct {
		name string
		n    int
		args func(i int) []string
	}{
		{"SET_new", keys, func(i int) []string { return []string{"SET", key(i), "value:" + n(i)} }},
		{"GET", keys / 5, func(int) []string { return []string{"GET", some()} }},
		{"SET_again", keys / 5, func(int) []string { return []string{"SET", some(), "another value"} }},
		{"EXPIRE", keys / 5, func(int) []string { return []string{"EXPIRE", some(), "86400"} }},
		{"HSET", keys / 10, func(i int) []string { return []string{"HSET", "hash", "field:" + n(i), "value"} }},
		{"SADD", keys / 10, func(i int) []string { return []string{"SADD", "set", "member:" + n(i)} }},
		{"ZADD", keys / 10, func(i int) []string { return []string{"ZADD", "zset", n(rng.IntN(1e9)), "member:" + n(i)} }},
		{"LPUSH", keys / 10, func(i int) []string { return []string{"LPUSH", "list", "value:" + n(i)} }},
		{"XADD", keys / 10, func(i int) []string { return []string{"XADD", "stream", n(i+1) + "-0", "field", n(i)} }},
		{"UNLINK_collections", 5, func(i int) []string {
			return []string{"UNLINK", []string{"hash", "set", "zset", "list", "stream"}[i]}
		}},
		{"DEL", keys * 9 / 10, func(i int) []string { return []string{"DEL", key(i)} }},
	} {
		b.Run(s.name, func(b *testing.B) {
			runtime.LockOSThread() // threadTime is this thread's
			defer runtime.UnlockOSThread()
			for range b.N {
				paused := collectorPauses()
				longest, over := time.Duration(0), 0
				for i := range s.n {
					packet := request(s.args(i)...)
					start := threadTime()
					c.turn(packet)
					took := threadTime() - start
					longest = max(longest, took)
					if took > time.Millisecond {
						over++
					}
				}
				b.ReportMetric(float64(longest.Microseconds()), "longest-µs")
				b.ReportMetric(float64(over), "over-1ms")
				b.ReportMetric(1e6*longestSince(paused), "stopped-µs")
			}
		})
	}
}

// collectorPauses counts the times the collector has stopped everything, by length.
func collectorPauses() *metrics.Float64Histogram {
	sample := []metrics.Sample{{Name: "/sched/pauses/total/gc:seconds"}}
	metrics.Read(sample)
	h := sample[0].Value.Float64Histogram()
	counts := append([]uint64(nil), h.Counts...)
	return &metrics.Float64Histogram{Counts: counts, Buckets: h.Buckets}
}

// longestSince returns the upper bound, in seconds, of the longest pause since before.
func longestSince(before *metrics.Float64Histogram) float64 {
	now := collectorPauses()
	for i := len(now.Counts) - 1; i >= 0; i-- {
		if now.Counts[i] > before.Counts[i] {
			if up := now.Buckets[i+1]; !math.IsInf(up, 1) {
				return up
			}
			return now.Buckets[i]
		}
	}
	return 0
}

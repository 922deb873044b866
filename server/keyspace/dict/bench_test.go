package dict

import (
	"fmt"
	"runtime"
	"testing"
	"time"
)

const benchEntries = 1 << 20

func benchKeys() [][]byte {
	keys := make([][]byte, benchEntries)
	for i := range keys {
		keys[i] = fmt.Appendf(nil, "member:%07d", i)
	}
	return keys
}

func filled(keys [][]byte) *Dict {
	d := New()
	var val [8]byte
	for _, k := range keys {
		d.Set(k, val[:])
	}
	return d
}

func BenchmarkGet(b *testing.B) {
	keys := benchKeys()
	d := filled(keys)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		d.Get(keys[i*7919&(benchEntries-1)])
	}
}

func BenchmarkGetMissing(b *testing.B) {
	d := filled(benchKeys())
	key := []byte("missing:0000000")
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		key[9], key[10], key[11], key[12] = byte(i), byte(i>>8), byte(i>>16), byte(i>>24)
		d.Get(key)
	}
}

func BenchmarkOverwrite(b *testing.B) {
	keys := benchKeys()
	d := filled(keys)
	var val [8]byte
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		d.Set(keys[i*7919&(benchEntries-1)], val[:])
	}
}

// BenchmarkSet reports what an insertion into a growing table takes, at worst,
// too, and what memory an entry takes beyond its key and its value.
func BenchmarkSet(b *testing.B) {
	keys := benchKeys()
	b.ReportAllocs()
	var worst time.Duration
	var d *Dict
	for b.Loop() {
		d = New()
		var val [8]byte
		for i, k := range keys {
			if i%64 != 0 {
				d.Set(k, val[:])
				continue
			}
			start := time.Now()
			d.Set(k, val[:])
			worst = max(worst, time.Since(start))
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/benchEntries, "ns/set")
	b.ReportMetric(float64(worst.Microseconds()), "µs/worst")
	b.ReportMetric(float64(d.MemoryUsage(0))/benchEntries-float64(len(keys[0])+8), "extra-B/entry")
}

func BenchmarkDelete(b *testing.B) {
	keys := benchKeys()
	d := filled(keys)
	i := 0
	b.ReportAllocs()
	for b.Loop() {
		if i == len(keys) {
			b.StopTimer()
			d, i = filled(keys), 0
			b.StartTimer()
		}
		d.Delete(keys[i])
		i++
	}
}

func BenchmarkRandom(b *testing.B) {
	d := filled(benchKeys())
	var r Draws
	b.ReportAllocs()
	for b.Loop() {
		d.Random(&r)
	}
}

// BenchmarkDrain draws and removes all entries, one by one, as SPOP does; warm as it
// does in a pipeline.
func BenchmarkDrain(b *testing.B) {
	keys := benchKeys()
	for _, ahead := range []int{1, warmMax} {
		b.Run(fmt.Sprint("ahead=", ahead), func(b *testing.B) {
			var r Draws
			for b.Loop() {
				b.StopTimer()
				d := New()
				for _, k := range keys {
					d.Set(k, nil)
				}
				b.StartTimer()
				for i := 0; d.Len() > 0; i++ {
					if ahead > 1 && i%ahead == 0 {
						d.WarmDraws(&r, ahead)
					}
					k, _ := d.Random(&r)
					d.Delete(k)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/benchEntries, "ns/entry")
		})
	}
}

func BenchmarkAll(b *testing.B) {
	d := filled(benchKeys())
	for b.Loop() {
		for range d.All() {
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/benchEntries, "ns/entry")
}

// BenchmarkSetAfterFreeze is the worst a change may have to wait for.
func BenchmarkSetAfterFreeze(b *testing.B) {
	keys := benchKeys()
	d := filled(keys)
	var val [8]byte
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		d.Freeze()
		d.Set(keys[i*7919&(benchEntries-1)], val[:])
	}
}

// BenchmarkCollect is what the collector has to do for a million entries.
func BenchmarkCollect(b *testing.B) {
	d := filled(benchKeys())
	for b.Loop() {
		runtime.GC()
	}
	runtime.KeepAlive(d)
}

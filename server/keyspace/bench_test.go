package keyspace

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"
)

// benchKey writes the 16-byte key of number i to dst.
func benchKey(dst []byte, i int) []byte {
	dst = append(dst[:0], "key:000000000000"...)
	for at := 15; i > 0; at-- {
		dst[at] = '0' + byte(i%10)
		i /= 10
	}
	return dst
}

func fill(b testing.TB, db *DB, n int) {
	var key [16]byte
	val := make([]byte, 32)
	for i := range n {
		binary.LittleEndian.PutUint64(val, uint64(i))
		if err := db.SetString(benchKey(key[:], i), val, Raw, SetOpt{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkGet(b *testing.B) {
	for _, n := range []int{1000, 1_000_000, 5_000_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			s := newTest(b, Options{})
			fill(b, s.DB(0), n)
			r := rand.New(rand.NewPCG(1, 2))
			var key [16]byte
			b.ReportAllocs()
			for b.Loop() {
				if _, ok := s.DB(0).Get(benchKey(key[:], r.IntN(n))); !ok {
					b.Fatal("missing")
				}
			}
		})
	}
}

func BenchmarkSet(b *testing.B) {
	for _, n := range []int{1000, 1_000_000, 5_000_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			s := newTest(b, Options{})
			fill(b, s.DB(0), n)
			r := rand.New(rand.NewPCG(1, 2))
			var key [16]byte
			val := make([]byte, 32)
			b.ReportAllocs()
			for b.Loop() {
				if s.DB(0).SetString(benchKey(key[:], r.IntN(n)), val, Raw, SetOpt{}) != nil {
					b.Fatal("full")
				}
			}
		})
	}
}

// BenchmarkFill reports what five million keys of 16 + 32 bytes take, and the
// longest single insertion on the way. It wants -benchtime 1x.
func BenchmarkFill(b *testing.B) {
	if testing.Short() {
		b.Skip("five million keys")
	}
	const n = 5_000_000
	for b.Loop() {
		before := residentBytes(b)
		s := New(Options{Seed: 1})
		var key [16]byte
		var worst time.Duration
		val := make([]byte, 32)
		start := time.Now()
		last := start
		for i := range n {
			if err := s.DB(0).SetString(benchKey(key[:], i), val, Raw, SetOpt{}); err != nil {
				b.Fatal(err)
			}
			now := time.Now()
			worst = max(worst, now.Sub(last))
			last = now
		}
		b.ReportMetric(float64(time.Since(start))/n, "ns/set")
		b.ReportMetric(float64(worst.Microseconds()), "µs-worst")
		b.ReportMetric(float64(residentBytes(b)-before)/n, "rss-B/key")
		b.ReportMetric(float64(s.Stats().Used)/n, "used-B/key")
		s.Close()
	}
}

// residentBytes reads VmRSS, or skips where there is none.
func residentBytes(b *testing.B) int64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		b.Skip("no /proc here")
	}
	_, rest, _ := strings.Cut(string(status), "VmRSS:")
	var kB int64
	if _, err := fmt.Sscan(rest, &kB); err != nil {
		b.Fatal(err)
	}
	return kB << 10
}

// BenchmarkSnapshotRecord is what one entry costs the walker.
func BenchmarkSnapshotRecord(b *testing.B) {
	s := newTest(b, Options{})
	fill(b, s.DB(0), 1_000_000)
	b.ReportAllocs()
	var bytes int
	for n := 0; b.Loop(); {
		if n == 0 {
			sn, err := s.BeginSnapshot(func(r Record) { bytes += len(r.Value); n++ })
			if err != nil {
				b.Fatal(err)
			}
			sn.Step(nil)
		}
		n--
	}
}

func BenchmarkUsed(b *testing.B) {
	s := newTest(b, Options{Databases: 16})
	fill(b, s.DB(0), 1000)
	b.ReportAllocs()
	for b.Loop() {
		s.Used()
	}
}

func BenchmarkAppend(b *testing.B) {
	s := newTest(b, Options{})
	suffix := make([]byte, 16)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if i%100_000 == 0 {
			s.DB(0).Delete([]byte("k"))
		}
		if _, err := s.DB(0).Append([]byte("k"), suffix); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSetExpire(b *testing.B) {
	s := newTest(b, Options{})
	fill(b, s.DB(0), 1000)
	var key [16]byte
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if _, err := s.DB(0).SetExpire(benchKey(key[:], i%1000), s.Now()+int64(i)+1); err != nil {
			b.Fatal(err)
		}
		if i%3 == 0 {
			s.DB(0).Persist(key[:])
		}
	}
}

func BenchmarkAddDelete(b *testing.B) {
	s := newTest(b, Options{})
	fill(b, s.DB(0), 100_000)
	var key [16]byte
	val := make([]byte, 32)
	b.ReportAllocs()
	for i := 100_000; b.Loop(); i++ {
		if err := s.DB(0).SetString(benchKey(key[:], i), val, Raw, SetOpt{}); err != nil {
			b.Fatal(err)
		}
		s.DB(0).Delete(benchKey(key[:], i-100_000))
	}
}

package rdb_test

import (
	"bytes"
	"fmt"
	"io"
	"testing"

	"github.com/vedette-ha/vedette/internal/rdb"
)

// manyKeys is a snapshot of n keys of 16 bytes with values of 32.
func manyKeys(n int) []byte {
	var out bytes.Buffer
	w := rdb.NewWriter(&out, rdb.Options{Compress: true})
	w.Header()
	w.SelectDB(0)
	for i := range n {
		w.StringKey(rdb.NoMeta(), fmt.Appendf(nil, "key:%012d", i), fmt.Appendf(nil, "%08x-value-of-some-32-%08x...", i*7919, i))
	}
	w.End()
	return out.Bytes()
}

func BenchmarkReadKey(b *testing.B) {
	const n = 100_000
	p := manyKeys(n)
	b.ReportAllocs()
	for b.Loop() {
		r := rdb.NewReader(bytes.NewReader(p), rdb.ReaderOptions{})
		for {
			if _, err := r.Next(); err == io.EOF {
				break
			} else if err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/key")
}

func BenchmarkWriteKey(b *testing.B) {
	w := rdb.NewWriter(io.Discard, rdb.Options{Compress: true})
	w.Header()
	key, value := []byte("key:000000000012"), []byte("00001ef7-value-of-some-32-000001")
	b.ReportAllocs()
	for b.Loop() {
		w.StringKey(rdb.NoMeta(), key, value)
	}
}

package command

import (
	"fmt"
	"testing"
)

func BenchmarkZRange100(b *testing.B) {
	w := newZSetWorld(b)
	for i := range 10000 {
		w.run(fmt.Sprintf("ZADD z %d member:%07d", i, i))
	}
	args := [][]byte{[]byte("ZRANGE"), []byte("z"), []byte("5000"), []byte("5099")}
	for b.Loop() {
		w.do(args...)
	}
}

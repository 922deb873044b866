package resp

import (
	"bytes"
	"testing"
)

// A short string is written as any other, wherever it is and whatever is behind it.
func TestAppendShort(t *testing.T) {
	src := bytes.Repeat([]byte("0123456789abcdefghijklmnopqrstuvwxyz"), 5)
	for _, room := range []int{0, 200} {
		for n := range 64 {
			for _, from := range []int{0, 1, len(src) - 64, len(src) - 63, len(src) - n} {
				if from+n > len(src) {
					continue
				}
				want := Writer{Buf: []byte("before")}
				want.Bulk(src[from : from+n])
				dst := append(make([]byte, 0, len("before")+room), "before"...)
				if got := AppendShort(dst, src, from, n); !bytes.Equal(got, want.Buf) {
					t.Fatalf("%d from %d on: %q, want %q", n, from, got, want.Buf)
				}
			}
		}
	}
}

package server

import "testing"

// A buffer shrinks to what is used of it, and doubles when all of it is.
func TestReplyFit(t *testing.T) {
	f := replyFit{size: replyBufferMax, peak: replyBufferMax}
	if got := f.fit(); got != 0 || f.room() != replyBufferMin {
		t.Errorf("at first: %d, room for %d", got, f.room())
	}
	f.peak = 0
	for _, step := range []struct{ used, way, size, room int }{
		{8192, 0, 16384, 8192},
		{8000, 0, 16384, 8192}, // the peak counts
	} {
		f.note(step.used)
		if way := f.fit(); way != step.way || f.size != step.size || f.room() != step.room {
			t.Errorf("%d used: %d, size %d, room %d, want %+v", step.used, way, f.size, f.room(), step)
		}
	}
	for _, step := range []struct{ used, way, size, room int }{
		{3000, -1, 3001, 3000},
		{100, -1, 1024, 1024},
		{10, 0, 1024, 1024},
		{1024, 1, 2048, 1024},
		{99999, 1, 4096, 99999},
		{99999, 1, 8192, 99999},
		{99999, 1, 16384, 99999},
		{9 << 20, 0, 16384, 1 << 20},
	} {
		f.peak, f.need = 0, 0 // as after some seconds
		f.note(step.used)
		if way := f.fit(); way != step.way || f.size != step.size || f.room() != step.room {
			t.Errorf("%d used: %d, size %d, room %d, want %+v", step.used, way, f.size, f.room(), step)
		}
	}
}

// Buffers that were needed are kept by size, up to a limit; those that are not are given
// up at the second trim.
func TestSpareBuffers(t *testing.T) {
	var p spareBuffers
	if got := cap(p.take(1)); got != replyBufferMin {
		t.Errorf("a byte gets %d", got)
	}
	for _, n := range []int{1024, 1025, 5000, 1 << 20} {
		b := p.take(n)
		if len(b) != 0 || cap(b) < n || cap(b) >= 2*n && n > replyBufferMin {
			t.Errorf("%d bytes get room for %d", n, cap(b))
		}
		p.put(b)
		if again := p.take(n); &again[:1][0] != &b[:1][0] {
			t.Errorf("%d bytes: it was not kept", n)
		}
		p.put(b)
	}
	p.put(make([]byte, 0, 3<<20))
	p.put(nil)
	if want := 1024 + 2048 + 8192 + 1<<20; p.bytes != want {
		t.Errorf("%d bytes kept, want %d", p.bytes, want)
	}
	for range 40 {
		p.put(make([]byte, 0, 1<<20))
	}
	if p.bytes > sparesMost {
		t.Errorf("%d bytes kept", p.bytes)
	}
	p.trim()
	p.put(p.take(5000))
	p.trim()
	if p.bytes != 8192 {
		t.Errorf("%d bytes kept after trimming", p.bytes)
	}
}

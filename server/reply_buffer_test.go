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
		{99999, 1, 4096, 2048},
		{99999, 1, 8192, 4096},
		{99999, 1, 16384, 8192},
		{99999, 0, 16384, 16384},
	} {
		f.peak, f.need = 0, 0 // as after some seconds
		f.note(step.used)
		if way := f.fit(); way != step.way || f.size != step.size || f.room() != step.room {
			t.Errorf("%d used: %d, size %d, room %d, want %+v", step.used, way, f.size, f.room(), step)
		}
	}
}

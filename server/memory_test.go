package server

import "testing"

// The collector is told when the data on the heap is gone, not when it has found out; and
// left alone when little has changed.
func TestCollectorTune(t *testing.T) {
	const mb = 1 << 20
	const headroom = 64 * mb
	var g collector
	for _, step := range []struct {
		data, live int64
		percent    int
		collect    bool
	}{
		{0, 3 * mb, 400, false},
		{10 * mb, 14 * mb, 400, false},
		{60 * mb, 64 * mb, 100, false},
		{62 * mb, 66 * mb, 100, false}, // as good
		{99 * mb, 100 * mb, 64, false},
		{990 * mb, 1000 * mb, 25, false},
		{750 * mb, 800 * mb, 25, false}, // a quarter may go
		{700 * mb, 750 * mb, 25, true},
		{690 * mb, 750 * mb, 25, false}, // once
		{1 * mb, 17 * mb, 376, true},
		{1 * mb, 3 * mb, 376, false}, // as good
		{0, 1 * mb, 376, false},
	} {
		percent, collect := g.tune(step.data, step.live, headroom)
		if percent != step.percent || collect != step.collect {
			t.Errorf("%+v: %d, %v", step, percent, collect)
		}
		g.percent = percent
	}
}

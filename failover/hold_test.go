package failover

import (
	"testing"
	"time"
)

// failover-min-interval is measured with wall clocks, as sentinels share no other. One
// that was wrong when it stamped the last switch, or is wrong now, does not keep a dead
// master in place.
func TestMinIntervalAndWrongClocks(t *testing.T) {
	for _, c := range []struct {
		name     string
		switched time.Duration // by its stamp, against the true time
		ours     time.Duration // our clock, likewise
		held     bool
	}{
		{"just now", 0, 0, true},
		{"by a clock a second ahead", time.Second, 0, true},
		{"long ago", -2 * time.Minute, 0, false},
		{"by a clock an hour ahead", time.Hour, 0, false},
		{"our clock was set back an hour", 0, -time.Hour, false},
		{"our clock was set forward an hour", 0, time.Hour, false},
		{"all clocks were set forward", time.Hour, time.Hour, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t, nil)
			b.m.wall = func(t time.Time) time.Time { return t.Add(c.ours) }
			b.commit(formed("m", addr1, addr2))
			w := b.m.watch("m")
			w.agreed.Settings.FailoverMinInterval = time.Minute
			w.agreed.SwitchedAt = b.now.Add(c.switched)
			why, until := b.m.hold(w)
			if held := why != ""; held != c.held {
				t.Errorf("held = %v (%q), want %v", held, why, c.held)
			}
			if left := until.Sub(b.now); c.held && (left <= 0 || left > time.Minute+time.Second) {
				t.Errorf("held for %v", left)
			}
		})
	}
}

package server

import (
	"strconv"
	"testing"
)

// A large buffer is remembered for some seconds, and forgotten then.
func TestRecentBuffers(t *testing.T) {
	s := &Server{}
	big, small := &session{srv: s, in: make([]byte, 10, 5000)}, &session{srv: s, in: make([]byte, 10, 100)}
	big.out.Buf, big.sent = make([]byte, 700), 100
	var r recentBuffers
	for _, step := range []struct {
		at      int64 // Unix ms
		c       *session
		in, out int
	}{
		{1_000_000, big, 5000, 600},
		{1_000_500, small, 5000, 600},
		{1_007_999, small, 5000, 600},
		{1_008_000, small, 100, 0},
		{1_100_000, nil, 0, 0},
	} {
		if step.c != nil {
			r.note(step.c, step.at)
		}
		if in, out := r.most(step.at); in != step.in || out != step.out {
			t.Errorf("at %d: %d and %d, want %d and %d", step.at, in, out, step.in, step.out)
		}
	}
}

// Turns of the loop, and the time of commands in them, are counted and can be cleared.
func TestTurnsAreCounted(t *testing.T) {
	n := ours(t, func(c *Config) { c.EnableDebugCommand = ActionYes })
	count := func(field string) int {
		v, err := strconv.Atoi(n.info(field))
		if err != nil {
			t.Errorf("%s: %v", field, err)
		}
		return v
	}
	turns := count("eventloop_cycles")
	n.want("DEBUG SLEEP 0.2", "OK")
	if now := count("eventloop_cycles"); now <= turns {
		t.Errorf("%d turns, then %d", turns, now)
	}
	if cmds, all := count("eventloop_duration_cmd_sum"), count("eventloop_duration_sum"); cmds < 200_000 || all < cmds {
		t.Errorf("commands took %d µs of %d", cmds, all)
	}
	n.want("CONFIG RESETSTAT", "OK")
	if cmds := count("eventloop_duration_cmd_sum"); cmds >= 200_000 {
		t.Errorf("commands took %d µs since CONFIG RESETSTAT", cmds)
	}
}

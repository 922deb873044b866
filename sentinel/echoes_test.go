package sentinel

import (
	"strconv"
	"testing"
	"time"
)

// Of equal hellos within a moment the first counts; the sender's next one does again,
// and so does any that says something else. However many come, few are remembered.
func TestEchoes(t *testing.T) {
	var e echoes
	now := time.Now()
	for _, step := range []struct {
		after   time.Duration
		payload string
		echo    bool
	}{
		{0, "a", false},
		{time.Millisecond, "a", true},
		{0, "b", false},
		{echoTime - 2*time.Millisecond, "a", true},
		{time.Millisecond, "b", true}, // after a turn
		{0, "c", false},
		{helloPeriod - echoTime, "a", false},
		{0, "b", false},
		{helloPeriod, "a", false},
		{echoTime, "a", true},
		{echoTime, "a", false},
	} {
		now = now.Add(step.after)
		if got := e.is([]byte(step.payload), now); got != step.echo {
			t.Errorf("%+v: echo %v", step, got)
		}
	}
	for i := range 3 * echoesMax {
		e.is([]byte(strconv.Itoa(i)), now)
	}
	if n := len(e.now) + len(e.old); n > 2*echoesMax {
		t.Errorf("%d hellos remembered", n)
	}
}

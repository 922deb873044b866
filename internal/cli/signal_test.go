package cli

import (
	"syscall"
	"testing"
)

// Only a SIGINT while an end is under way insists; what asks again is passed on.
func TestLater(t *testing.T) {
	later := NewLater()
	first := Signal{Signal: syscall.SIGTERM, Later: later}
	next := func() syscall.Signal {
		select {
		case sig := <-first.Again():
			return sig
		default:
			return 0
		}
	}
	if later.Take(syscall.SIGTERM) || next() != syscall.SIGTERM {
		t.Error("a second SIGTERM is not passed on")
	}
	first.WentOn()
	if later.Take(syscall.SIGINT) || next() != syscall.SIGINT {
		t.Error("a SIGINT after the end was called off is not passed on")
	}
	if !later.Take(syscall.SIGINT) || next() != 0 {
		t.Error("a SIGINT does not insist on the end that another asked for")
	}
	first.WentOn()
	for range 3 {
		if later.Take(syscall.SIGTERM) {
			t.Error("a SIGTERM insists")
		}
	}
}

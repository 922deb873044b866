package cli

import (
	"context"
	"fmt"
	"syscall"
)

// Signal is the cause with which a context ends when the process is told to.
// Receivers that care which signal it was look for its method Received.
type Signal struct {
	Signal syscall.Signal
	Terms  <-chan struct{} // SIGTERMs that came later; nil is none
}

// Error names the signal as the shell does.
func (s Signal) Error() string { return "received " + s.name() }

// Is makes the cause of an asked-for end pass for a cancelled context.
func (s Signal) Is(target error) bool { return target == context.Canceled }

// Received is the signal.
func (s Signal) Received() syscall.Signal { return s.Signal }

// Again is sent to by each SIGTERM after the signal.
func (s Signal) Again() <-chan struct{} { return s.Terms }

func (s Signal) name() string {
	switch s.Signal {
	case syscall.SIGTERM:
		return "SIGTERM"
	case syscall.SIGINT:
		return "SIGINT"
	}
	return fmt.Sprintf("signal %d", int(s.Signal))
}

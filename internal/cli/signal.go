package cli

import (
	"context"
	"fmt"
	"sync/atomic"
	"syscall"
)

// Signal is the cause with which a context ends when the process is told to.
// Receivers that care which signal it was look for its method Received.
type Signal struct {
	Signal syscall.Signal
	Later  *Later // nil: no others will be told of
}

// Later takes the signals after the first one. All its methods may be called from
// anywhere.
type Later struct {
	signals chan syscall.Signal
	wentOn  atomic.Bool
}

// NewLater returns a Later that has taken none.
func NewLater() *Later { return &Later{signals: make(chan syscall.Signal, 1)} }

// Take takes a signal, and reports whether it insists: whether it is a SIGINT while an
// end that was asked for is under way.
func (l *Later) Take(sig syscall.Signal) (insists bool) {
	if wentOn := l.wentOn.Swap(false); !wentOn && sig == syscall.SIGINT {
		return true
	}
	select {
	case l.signals <- sig:
	default: // it is asked already
	}
	return false
}

// Error names the signal as the shell does.
func (s Signal) Error() string { return "received " + s.name() }

// Is makes the cause of an asked-for end pass for a cancelled context.
func (s Signal) Is(target error) bool { return target == context.Canceled }

// Received is the signal.
func (s Signal) Received() syscall.Signal { return s.Signal }

// Again is where signals after this one come from that do not insist.
func (s Signal) Again() <-chan syscall.Signal {
	if s.Later == nil {
		return nil
	}
	return s.Later.signals
}

// WentOn tells that nobody is about to end any more: the next SIGINT asks anew.
func (s Signal) WentOn() {
	if s.Later != nil {
		s.Later.wentOn.Store(true)
	}
}

func (s Signal) name() string {
	switch s.Signal {
	case syscall.SIGTERM:
		return "SIGTERM"
	case syscall.SIGINT:
		return "SIGINT"
	}
	return fmt.Sprintf("signal %d", int(s.Signal))
}

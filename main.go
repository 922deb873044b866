// Vedette is a Redis-compatible data server and a Sentinel with a quorum.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/vedette-ha/vedette/internal/cli"
	"github.com/vedette-ha/vedette/internal/proctitle"
)

func main() {
	title := proctitle.Take() // before anything keeps an argument
	ctx, stop := signalContext()
	status := cli.Run(ctx, os.Args, cli.Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Title: title.Set})
	stop()
	os.Exit(status)
}

// signalContext ends with the first SIGTERM or SIGINT, whose [cli.Signal] is its
// cause. A SIGINT after that does not wait for the orderly end; any other, or one that
// comes when the end was called off, asks for it again. Signals that mean something to
// other programs, or that a broken pipe raises, are ignored.
func signalContext() (context.Context, func()) {
	signal.Ignore(syscall.SIGHUP, syscall.SIGPIPE, syscall.SIGUSR1)
	ctx, cancel := context.WithCancelCause(context.Background())
	got := make(chan os.Signal, 2) // one to end, one to insist
	signal.Notify(got, syscall.SIGTERM, syscall.SIGINT)
	later := cli.NewLater()
	go func() {
		for sig := range got {
			if ctx.Err() == nil {
				cancel(cli.Signal{Signal: sig.(syscall.Signal), Later: later})
				continue
			}
			if later.Take(sig.(syscall.Signal)) {
				os.Exit(1)
			}
		}
	}()
	return ctx, func() { signal.Stop(got); cancel(nil) }
}

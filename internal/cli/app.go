package cli

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/urfave/cli/v2"
)

// Streams are what a process reads and writes when it starts.
type Streams struct {
	In       io.Reader
	Out, Err io.Writer
	Title    func(string) // changes what ps shows; may be nil
}

// Run does what args, the program's name included, ask for, and returns the exit
// status. It blocks until that is done; a server or a sentinel ends when ctx does.
func Run(ctx context.Context, args []string, std Streams) int {
	if len(args) == 0 {
		args = []string{"vedette"}
	}
	app := newApp(args, std)
	if inv, ok := redisForm(args, commandNames(app)); ok {
		return runRedisForm(ctx, inv, args, std)
	}
	if len(args) == 2 && isVersion(args[1]) {
		args = []string{args[0], "version"}
	}
	err := app.RunContext(ctx, args)
	var status exitStatus
	switch {
	case err == nil:
		return 0
	case errors.As(err, &status):
		return int(status)
	}
	fmt.Fprintf(std.Err, "vedette: %v\n", err)
	return 1
}

// exitStatus ends a subcommand that has said all there is to say.
type exitStatus int

func (s exitStatus) Error() string { return fmt.Sprintf("exit status %d", int(s)) }

// statusError is nil for 0.
func statusError(status int) error {
	if status == 0 {
		return nil
	}
	return exitStatus(status)
}

// newApp is the tree of subcommands. args is the whole command line.
func newApp(args []string, std Streams) *cli.App {
	return &cli.App{
		Name:        "vedette",
		Usage:       "a Redis-compatible data server, and a Sentinel with a quorum",
		UsageText:   "vedette COMMAND [argument ...]\nvedette FILE [--directive value ...]",
		Description: appDescription,
		Version:     buildVersion(),
		HideVersion: true,
		Reader:      std.In,
		Writer:      std.Out,
		ErrWriter:   std.Err,
		Suggest:     true,
		Commands: []*cli.Command{
			serverCommand(args, std), sentinelCommand(args, std), demoCommand(std),
			recoverCommand(std), pingCommand(std), watchCommand(std), completionCommand(std), versionCommand(std),
		},
		ExitErrHandler: func(*cli.Context, error) {}, // Run decides about the exit status
		OnUsageError:   badUsage,
		Action: func(c *cli.Context) error {
			if c.Args().Present() {
				return unknownCommand(c)
			}
			return cli.ShowAppHelp(c)
		},
	}
}

const appDescription = `One binary that keeps data and keeps it available.

Start a data server, and talk to it with any Redis client:

    vedette server --port 6379
    redis-cli ping

Start a replica of it:

    vedette server --port 6380 --replicaof 127.0.0.1 6379

Watch both with three sentinels; each needs a file of its own that says

    port 26379
    sentinel monitor mymaster 127.0.0.1 6379 2

and is started with

    vedette sentinel sentinel.conf

See it all fail over, on this machine, in under a minute:

    vedette demo

Files and command lines written for Redis work unchanged: "vedette redis.conf
--port 7000", "vedette sentinel.conf --sentinel", and a link called redis-server
or redis-sentinel that points to this binary.`

// badUsage is for flags that cannot be parsed.
func badUsage(c *cli.Context, err error, _ bool) error {
	command := "vedette"
	if name := c.Command.Name; name != command { // the app itself has its name
		command += " " + name
	}
	return usagef("%v (see %s --help)", err, command)
}

// optionsOnly refuses words that are no options: who types them means something by them.
func optionsOnly(c *cli.Context) error {
	if !c.Args().Present() {
		return nil
	}
	return usagef("%s takes no arguments, only options; %q is neither (see vedette %[1]s --help)",
		c.Command.Name, c.Args().First())
}

// commandNames are all words that are subcommands and not files.
func commandNames(app *cli.App) []string {
	names := []string{"help", "h"}
	for _, c := range app.Commands {
		names = append(names, c.Names()...)
	}
	return names
}

func unknownCommand(c *cli.Context) error {
	typed := c.Args().First()
	text := fmt.Sprintf("%q is no command and no file", typed)
	if near := nearestCommand(typed, c.App); near != "" {
		text += fmt.Sprintf("; did you mean %q?", near)
	}
	return usagef("%s (see vedette --help)", text)
}

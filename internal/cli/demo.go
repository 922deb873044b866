//go:build !nodemo

package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"

	"github.com/urfave/cli/v2"
)

func demoCommand(std Streams) *cli.Command {
	return &cli.Command{
		Name:            "demo",
		Usage:           "start a small cluster on this machine, break it, and show how it fails over",
		UsageText:       "vedette demo [option ...]",
		Description:     demoDescription,
		HideHelpCommand: true,
		OnUsageError:    badUsage,
		Flags: []cli.Flag{
			&cli.DurationFlag{Name: "down-after", Value: time.Second,
				Usage: "`TIME` of silence that means down"},
			&cli.StringFlag{Name: "binary-data", Usage: "run `PROGRAM` as data servers, not vedette"},
			&cli.BoolFlag{Name: "keep", DisableDefaultText: true, Usage: "keep the folder with logs and files"},
			&cli.BoolFlag{Name: "json", DisableDefaultText: true, Usage: "print only the result, a JSON object"},
			&cli.BoolFlag{Name: "no-color", DisableDefaultText: true, Usage: "plain text, as with NO_COLOR set"},
		},
		Action: func(c *cli.Context) error {
			o, err := demoOptionsOf(c)
			if err != nil {
				return err
			}
			return statusError(runDemo(c.Context, o, std))
		},
	}
}

const demoDescription = `Six processes of this binary start on free ports of 127.0.0.1: a master, two
replicas and three sentinels. Three writers, real go-redis failover clients,
ask the sentinels where the master is and write to it all the time, each
write to a key of its own. Then the set is hurt, three times:

    1  kill -9 of the master; later it is started again, empty, and must
       return as a replica
    2  SIGSTOP of the new master, which keeps its connections open and
       answers nothing; after SIGCONT it, too, must return as a replica
    3  SENTINEL FAILOVER, a change of the master on request

What happens is shown as it happens, in milliseconds from each fault:

    +sdown            a sentinel takes the master for down, for itself
    +odown            the quorum agrees: it is down
    +vote-for-leader  the sentinels agree who conducts the failover
    +elected-leader   the one who does
    +promoted-slave   the chosen replica is a master
    +switch-master    a sentinel tells its clients of the new master
    answers           a sentinel that is asked names the new master
    writes again      the first write of a writer that it acknowledged

and at the end as a table. Every write that was acknowledged is looked up on
the new master, key by key. Replication is asynchronous: a write acknowledged
in the last instant before kill -9 may have reached no replica. So a mark is
set right before each fault, and both replicas confirm that they are past it;
what was acknowledged before the mark must be there; what came after it and
is missing is counted. A failover on request may lose nothing at all.

The exit status is 0 only if there is one master at the end, both others
follow it with the same offset, all sentinels name it, nothing failed over
that was not asked to, and no write was lost that must be there.

Everything lives in a temporary folder, which is removed, and nothing is left
running. If something goes wrong, the folder and its logs stay.

    vedette demo
    vedette demo --down-after 300ms
    vedette demo --binary-data redis-server    our sentinels, their servers
    vedette demo --json | jq .faults`

// downAfterMin is the shortest silence the demo offers: below it, an ordinary machine
// that is busy for a moment looks like a dead master.
const downAfterMin = 100 * time.Millisecond

// demoOptions are what the command line asks for.
type demoOptions struct {
	downAfter time.Duration
	data      string // path of the data server's program; "" is this one
	self      string // path of this program
	keep      bool
	json      bool
	noColor   bool
}

func demoOptionsOf(c *cli.Context) (demoOptions, error) {
	o := demoOptions{
		downAfter: c.Duration("down-after"), keep: c.Bool("keep"), json: c.Bool("json"),
		noColor: c.Bool("no-color") || os.Getenv("NO_COLOR") != "",
	}
	if err := optionsOnly(c); err != nil {
		return o, err
	}
	if o.downAfter < downAfterMin {
		return o, usagef("--down-after must be at least %v", downAfterMin)
	}
	self, err := os.Executable()
	if err != nil {
		return o, fmt.Errorf("find this program: %w", err)
	}
	o.self = self
	if name := c.String("binary-data"); name != "" {
		if o.data, err = exec.LookPath(name); err != nil {
			return o, usagef("--binary-data: %v", err)
		}
		o.data = absolute(o.data)
	}
	return o, nil
}

// runDemo does it all and returns the exit status.
func runDemo(ctx context.Context, o demoOptions, std Streams) int {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	screen := newDemoScreen(std.Out, o, cancel)
	d := newDemo(o, screen)
	err := d.run(ctx, cancel)
	screen.close()
	d.result.finish(err, time.Since(d.began))
	d.settleFolder()
	if o.json {
		if err := d.result.writeJSON(std.Out); err != nil {
			return 1
		}
	} else {
		screen.print(reportLines(&d.result, screen.width(), screen.paint))
	}
	return d.status(err)
}

// status is the exit status: as the shell has it if a signal ended the demo.
func (d *demo) status(err error) int {
	var sig Signal
	switch {
	case errors.As(err, &sig) && sig.Signal == syscall.SIGINT:
		return 130
	case errors.As(err, &sig):
		return 143
	case d.result.OK:
		return 0
	}
	return 1
}

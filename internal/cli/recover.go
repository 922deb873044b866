package cli

import (
	"fmt"
	"io"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/vedette-ha/vedette/sentinel"
	"github.com/vedette-ha/vedette/server"
)

func recoverCommand(std Streams) *cli.Command {
	return &cli.Command{
		Name:         "sentinel-recover",
		Usage:        "bring a stopped sentinel back whose cluster lost its majority for good",
		UsageText:    "vedette sentinel-recover [option ...] FILE",
		Description:  recoverDescription,
		OnUsageError: badUsage,
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "alone", Usage: "let it decide alone, until others join it"},
			&cli.BoolFlag{Name: "yes", Usage: "do it; without this nothing is changed"},
		},
		Action: func(c *cli.Context) error {
			if c.NArg() != 1 {
				return usagef("sentinel-recover needs the sentinel.conf of one sentinel, behind the options")
			}
			return recoverSentinel(c.Args().First(), c.Bool("alone"), c.Bool("yes"), std.Out)
		},
	}
}

const recoverDescription = `Two of three sentinels are lost for good, with their disks: the one that is left
answers clients and decides nothing any more, and new sentinels cannot join it,
since that, too, is a decision. As long as a majority can be started again, with
its folders, do that instead: nothing else is needed.

FILE is the sentinel.conf of a sentinel that does not run. Its store is changed so
that it belongs to no cluster but keeps what it knew: which masters there are and
where, settings, replicas, epochs. Failovers that were running are given up.

  1. Make sure that the lost sentinels do not come back: as long as most of them
     can run somewhere, they go on deciding by themselves.
  2. Stop the sentinels that are left. Run this for each, and look at what it says:
     the one with the highest epoch knows most.
  3. With new sentinels at hand, run it with --yes for each that is left, then
     start them all: they form a cluster as on the first day.
     Without, run it with --yes --alone for ONE of them, with --yes for the others,
     start that one first, then the others: they join it.

    vedette sentinel-recover /etc/vedette/sentinel.conf
    vedette sentinel-recover --alone --yes /etc/vedette/sentinel.conf`

func recoverSentinel(file string, alone, yes bool, out io.Writer) error {
	c, err := sentinel.ReadConf(absolute(file))
	if err != nil {
		return err
	}
	plain, err := server.LoadConfig(file, c.Plain)
	if err != nil {
		return err
	}
	r, err := sentinel.OpenRecovery(plain.Dir, c.Config.Port)
	if err != nil {
		return err
	}
	defer r.Close()
	describeRecovery(r, out)
	switch {
	case r.Cluster == "":
		return nil
	case !yes:
		fmt.Fprintln(out, "\nNothing was changed. Read vedette sentinel-recover --help, then add --yes.")
		return nil
	}
	if err := r.Forget(alone); err != nil {
		return err
	}
	if err := c.ForgetSentinels(r.Members); err != nil {
		return fmt.Errorf("the store is changed, but not %s: take its known-sentinel lines out by hand: %w", file, err)
	}
	fmt.Fprintln(out, "\nDone. It belongs to no cluster any more; start it.")
	if alone {
		fmt.Fprintln(out, "It will decide alone. Add sentinels soon: while there is one, its loss is that of all.")
	}
	return nil
}

// describeRecovery says what the store holds.
func describeRecovery(r *sentinel.Recovery, out io.Writer) {
	fmt.Fprintf(out, "sentinel  %s\n", r.MyID)
	if r.Cluster == "" {
		fmt.Fprintln(out, "cluster   none: there is nothing to recover from")
		return
	}
	fmt.Fprintf(out, "cluster   %s, of %d sentinels:\n          %s\n",
		r.Cluster, len(r.Members), strings.Join(r.Members, "\n          "))
	fmt.Fprintf(out, "epoch     %d, the last decision it knows of is number %d\n", r.Agreed.Epoch, r.Agreed.Index)
	for i := range r.Agreed.Masters {
		m := &r.Agreed.Masters[i]
		fmt.Fprintf(out, "master    %s at %s since epoch %d, quorum %d, %d replicas\n",
			m.Name, m.Addr, m.ConfigEpoch, m.Settings.Quorum, len(m.Replicas))
	}
	for _, c := range r.Dropped {
		fmt.Fprintf(out, "failover  of %s, epoch %d, was running (%s): given up\n", c.Old, c.Epoch, c.Step)
	}
}

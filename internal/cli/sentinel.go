package cli

import (
	"context"
	"os"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/vedette-ha/vedette/sentinel"
	"github.com/vedette-ha/vedette/server"
)

func sentinelCommand(args []string, std Streams) *cli.Command {
	return &cli.Command{
		Name:            "sentinel",
		Usage:           "watch data servers and fail over, together with other sentinels",
		UsageText:       "vedette sentinel FILE [--directive value ...]",
		Description:     sentinelDescription,
		HideHelpCommand: true,
		SkipFlagParsing: true,
		Action:          func(c *cli.Context) error { return runNode(c, sentinelNode, args, std) },
	}
}

const sentinelDescription = `FILE is a sentinel.conf; the sentinel writes what it learns back into it. The
least it needs to say is which master to watch and how many sentinels must agree
that it is down:

    port 26379
    sentinel monitor mymaster 127.0.0.1 6379 2
    sentinel down-after-milliseconds mymaster 5000

Start three, on three machines, with the same lines. They find each other and the
replicas through the master; nothing else has to be configured.

    vedette sentinel /etc/redis/sentinel.conf
    vedette sentinel ./sentinel.conf --port 26380 --dir /var/lib/vedette`

const errNoSentinelFile = redisError("Sentinel needs config file on disk to save state. Exiting...")

// sentinel runs a sentinel.
func (p *process) sentinel(ctx context.Context) int {
	if p.inv.file == "" {
		return p.fail(errNoSentinelFile)
	}
	ds, err := p.inv.directives(strings.NewReader(p.stdin))
	if err != nil {
		return p.fail(err)
	}
	c, err := sentinel.NewConf(absolute(p.inv.file), ds)
	if err != nil {
		return p.fail(err)
	}
	// What is not about masters has the names and the values of redis.conf.
	plain, err := server.LoadConfig(p.inv.file, c.Plain)
	if err != nil {
		return p.fail(err)
	}
	c.Config.Dir = plain.Dir
	c.Config.UnixSocket, c.Config.UnixSocketPerm = plain.UnixSocket, os.FileMode(plain.UnixSocketPerm)
	c.Config.IdleTimeout = time.Duration(plain.Timeout) * time.Second
	c.Config.Renamed = plain.RenamedCommands
	return p.become(ctx, processSettings(plain), func(ready func()) (node, error) {
		p.announceNode('X', "sentinel", c.Config.Port, plain)
		p.showTitle(plain, c.Config.Port, "[sentinel]")
		o := sentinel.Options{Config: c.Config, Version: buildVersion(), Log: p.log.Logger,
			Ready:       ready,
			SetLogLevel: p.log.level.set,
			StoreDelay:  storeDelay(os.Getenv(storeDelayEnv))}
		if c.RewriteConfig {
			o.Rewrite = c.Rewrite
		}
		return sentinel.New(o)
	})
}

// storeDelayEnv names how much longer each write of the Raft store is to take, as in
// 10ms: what a slow disk would do to a failover. It is for measurements.
const storeDelayEnv = "VEDETTE_TEST_STORE_DELAY"

// storeDelay is 0 for what is no duration.
func storeDelay(value string) time.Duration {
	d, _ := time.ParseDuration(value)
	return max(d, 0)
}

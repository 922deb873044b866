package cli

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/vedette-ha/vedette/server"
)

// release is the version of this source; builds between releases add a revision.
const release = "0.1.0"

// buildVersion is the release, and the revision it was built from if known.
func buildVersion() string {
	if rev := shortRevision(); rev != "00000000" {
		return release + "+" + rev
	}
	return release
}

// shortRevision is the start of the revision the binary was built from.
func shortRevision() string {
	info, ok := debug.ReadBuildInfo()
	if ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" && len(s.Value) >= 8 {
				return s.Value[:8]
			}
		}
	}
	return "00000000"
}

func versionCommand(std Streams) *cli.Command {
	return &cli.Command{
		Name:         "version",
		Usage:        "print the versions of vedette, of the Redis it stands in for, and of Go",
		UsageText:    "vedette version",
		OnUsageError: badUsage,
		Action: func(c *cli.Context) error {
			if err := optionsOnly(c); err != nil {
				return err
			}
			fmt.Fprintf(std.Out, "vedette %s (redis %s, %s, %s/%s)\n",
				buildVersion(), server.Version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
			return nil
		},
	}
}

// redisInfo answers -v and -h of redis-server.
func redisInfo(args []string, std Streams) int {
	if isVersion(args[1]) {
		fmt.Fprintf(std.Out, "Redis server v=%s sha=%s:0 malloc=go bits=64 build=vedette-%s\n",
			server.Version, shortRevision(), buildVersion())
		return 0
	}
	fmt.Fprint(std.Err, strings.ReplaceAll(redisUsage, "NAME", args[0]))
	return 1
}

const redisUsage = `Usage: NAME [/path/to/redis.conf] [options] [-]
       NAME - (read config from stdin)
       NAME -v or --version
       NAME -h or --help

Examples:
       NAME (run the server with default conf)
       echo 'maxmemory 128mb' | NAME -
       NAME /etc/redis/6379.conf
       NAME --port 7777
       NAME --port 7777 --replicaof 127.0.0.1 8888
       NAME /etc/myredis.conf --loglevel verbose -
       NAME /etc/myredis.conf --loglevel verbose

Sentinel mode:
       NAME /etc/sentinel.conf --sentinel

This is Vedette. As vedette it has more to offer: see vedette --help.
`

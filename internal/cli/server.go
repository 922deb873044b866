package cli

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/vedette-ha/vedette/server"
)

// defaultPIDFile is where Redis writes its process id in the background if
// nothing else is said.
const defaultPIDFile = "/var/run/redis.pid"

func serverCommand(args []string, std Streams) *cli.Command {
	return &cli.Command{
		Name:            "server",
		Usage:           "run a data server",
		UsageText:       "vedette server [FILE] [--directive value ...] [-]",
		Description:     serverDescription,
		HideHelpCommand: true,
		SkipFlagParsing: true, // --port is a directive
		Action:          func(c *cli.Context) error { return runNode(c, dataServer, args, std) },
	}
}

const serverDescription = `FILE is a redis.conf. Every directive of Redis 7.2 may stand in it or follow
behind two dashes, where it wins over the file. A last "-" reads more of the
configuration from standard input.

    vedette server                                  port 6379, data in the working directory
    vedette server --port 7000 --save ""            another port, nothing saved
    vedette server --port 7001 --replicaof 127.0.0.1 7000
    vedette server /etc/redis/redis.conf --loglevel verbose
    vedette server --requirepass secret --masterauth secret
    echo "maxmemory 100mb" | vedette server -

It logs to standard output, or to "logfile": text on a terminal, JSON elsewhere.
It ends on SIGTERM and SIGINT, after saving if save points are set.`

// runNode is the action of `vedette server` and `vedette sentinel`.
func runNode(c *cli.Context, r role, all []string, std Streams) error {
	args := c.Args().Slice()
	if len(args) > 0 && isHelp(args[0]) {
		return cli.ShowSubcommandHelp(c)
	}
	if len(args) > 0 && isVersion(args[0]) {
		return statusError(redisInfo([]string{"", args[0]}, std))
	}
	inv := parseInvocation(args)
	inv.role = r
	return statusError(runInvocation(c.Context, inv, all, std))
}

// server runs a data server.
func (p *process) server(ctx context.Context) int {
	ds, err := p.inv.directives(strings.NewReader(p.stdin))
	if err != nil {
		return p.fail(err)
	}
	cfg, err := server.LoadConfig(p.inv.file, ds)
	if err != nil {
		return p.fail(err)
	}
	return p.become(ctx, processSettings(cfg), func(ready func()) (node, error) {
		role := 'M'
		if !cfg.ReplicaOf.IsZero() {
			role = 'S'
		}
		p.announceNode(role, "standalone", cfg.Port, cfg)
		p.showTitle(cfg, cfg.Port, "")
		cfg.OnChange(func() error { p.showTitle(cfg, cfg.Port, ""); return nil }, "proc-title-template")
		cfg.OnChange(func() error { p.log.level.set(cfg.Get("loglevel")[0].Value); return nil },
			"loglevel")
		return server.New(server.Options{
			Config: cfg, Log: p.log.Logger, Build: buildVersion(), Ready: ready, RoleChanged: p.showRole,
		})
	})
}

// showRole keeps the letter of Redis-shaped log lines right.
func (p *process) showRole(replica bool) {
	if p.log.lines == nil {
		return
	}
	if replica {
		p.log.lines.setRole('S')
	} else {
		p.log.lines.setRole('M')
	}
}

// processSettings are the directives about the process, which mean the same in
// both roles.
func processSettings(cfg *server.Config) settings {
	get := func(name string) string { return cfg.Get(name)[0].Value }
	s := settings{
		log: logSettings{level: get("loglevel"), file: cfg.LogFile, syslog: cfg.SyslogEnabled,
			ident: cfg.SyslogIdent, facility: cfg.SyslogFacility},
		dir: cfg.Dir, daemonize: cfg.Daemonize, supervised: get("supervised"), pidFile: cfg.PIDFile,
	}
	if s.daemonize && s.pidFile == "" {
		cfg.PIDFile = defaultPIDFile
		s.pidFile = defaultPIDFile
	}
	return s
}

// announceNode logs what the process is about to be; role is Redis's letter for it.
func (p *process) announceNode(role rune, mode string, port int, cfg *server.Config) {
	if inert := cfg.Inert(); len(inert) > 0 {
		p.log.Warn().Strs("directives", inert).Msg("Set, but without effect in Vedette")
	}
	switch {
	case p.log.lines == nil:
		p.log.Info().Str("mode", mode).Str("version", buildVersion()).Int("port", port).
			Int("pid", os.Getpid()).Msg("Starting Vedette")
	case cfg.AlwaysShowLogo || isTerminal(p.std.Out) && cfg.LogFile == "":
		p.log.lines.setRole(role)
		p.log.lines.raw(logo(mode, port))
	default:
		p.log.lines.setRole(role)
		p.log.Info().Msgf("Running mode=%s, port=%d.", mode, port)
	}
}

// logo is shown where Redis shows its own; programs look for the line of the PID.
func logo(mode string, port int) string {
	return fmt.Sprintf(`
        |\
        | \      Vedette %s, standing in for Redis %s
        |__\
        |        Running in %s mode
        |        Port: %d
       /|\       PID: %d

`, buildVersion(), server.Version, mode, port, os.Getpid())
}

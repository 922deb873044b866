package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/vedette-ha/vedette/internal/conf"
	"github.com/vedette-ha/vedette/server"
)

// settings are the directives that concern the process, of either role.
type settings struct {
	log        logSettings
	dir        string // the working directory; "" stays
	daemonize  bool
	supervised string // no, auto, systemd, upstart
	pidFile    string // relative to dir; "" none
}

// node is a data server or a sentinel.
type node interface {
	Run(ctx context.Context) error
}

// process is this process on its way to being a node.
type process struct {
	settings
	inv   invocation
	args  []string // the command line, for starting it again in the background
	stdin string   // what was read from standard input
	std   Streams
	log   *logging
}

// runRedisForm is all of redis-server and redis-sentinel.
func runRedisForm(ctx context.Context, inv invocation, args []string, std Streams) int {
	if len(args) > 1 && (isVersion(args[1]) || isHelp(args[1])) {
		return redisInfo(args, std)
	}
	return runInvocation(ctx, inv, args, std)
}

// runInvocation becomes the node that inv asks for and returns the exit status.
func runInvocation(ctx context.Context, inv invocation, args []string, std Streams) int {
	p := &process{inv: inv, args: args, std: std}
	if inv.stdin {
		text, err := io.ReadAll(io.LimitReader(std.In, conf.MaxFileBytes+1))
		if err != nil {
			return p.fail(fmt.Errorf("read standard input: %w", err))
		}
		p.stdin = string(text)
	}
	if inv.role == sentinelNode {
		return p.sentinel(ctx)
	}
	return p.server(ctx)
}

// become turns the process into what its settings ask for, makes the node and
// runs it. The result is the exit status.
func (p *process) become(ctx context.Context, s settings, start func(ready func()) (node, error)) int {
	p.settings = s
	sup := supervisorOf(s.supervised, os.Getenv)
	daemon := daemonFromEnv()
	if s.daemonize && !sup.watches() && daemon == nil {
		return p.detach(ctx)
	}
	if err := p.enterDir(); err != nil {
		return p.fail(err)
	}
	log, err := newLogging(p.settings.log, p.inv.asRedis, p.std.Out)
	if err != nil {
		return p.fail(err)
	}
	p.log = log
	p.announceStart()
	pid := pidFile{path: p.pidFile}
	defer pid.remove()
	n, err := start(func() {
		// Only now: the file may still belong to a process that holds the port.
		if err := pid.write(); err != nil {
			log.Warn().Msgf("Failed to write PID file: %s", reason(err))
		}
		daemon.ready(p.settings.log.file)
		sup.tell("READY=1\nSTATUS=Ready to accept connections\n")
	})
	if err != nil {
		return p.abort(err, daemon)
	}
	defer sup.stopping(ctx)()
	if err := n.Run(ctx); err != nil {
		return p.abort(err, daemon)
	}
	return 0
}

// enterDir makes dir the working directory and logfile independent of it.
func (p *process) enterDir() error {
	if p.dir != "" {
		if err := os.Chdir(p.dir); err != nil {
			return redisError(fmt.Sprintf("Can't chdir to '%s': %s", p.dir, reason(err)))
		}
	}
	if p.settings.log.file == "" {
		return nil
	}
	abs, err := filepath.Abs(p.settings.log.file)
	p.settings.log.file = abs
	return err
}

// announceStart logs the first lines; in Redis's shape they are Redis's.
func (p *process) announceStart() {
	if !p.inv.asRedis {
		return
	}
	p.log.Info().Msg("oO0OoO0OoO0Oo Redis is starting oO0OoO0OoO0Oo")
	p.log.Info().Msgf("Redis version=%s, bits=64, commit=%s, modified=0, pid=%d, just started",
		server.Version, shortRevision(), os.Getpid())
	if p.inv.file != "" || p.inv.stdin || p.inv.options != "" {
		p.log.Info().Msg("Configuration loaded")
		return
	}
	p.log.Warn().Msgf("Warning: no config file specified, using the default config. "+
		"In order to specify a config file use %s /path/to/redis.conf", p.args[0])
}

// abort logs why a node that was made, or nearly so, cannot go on. In the
// background, before it is ready, the terminal hears of it, too. A line of the
// configuration that only then proved wrong is shown as one that could not be read.
func (p *process) abort(err error, d *daemon) int {
	p.log.Error().Msg(err.Error())
	var line *conf.Error
	if errors.As(err, &line) {
		return p.fail(err)
	}
	if d.waitedFor() {
		fmt.Fprintln(p.std.Err, err)
	}
	return 1
}

// fail says on standard error why nothing was started, in Redis's form for a
// line of the configuration.
func (p *process) fail(err error) int {
	var line *conf.Error
	var open *os.PathError
	switch {
	case errors.As(err, &line):
		fmt.Fprintf(p.std.Err, "\n*** FATAL CONFIG FILE ERROR (Vedette %s, Redis %s) ***\n"+
			"Reading the configuration file, at line %d of %s\n>>> '%s'\n%v\n",
			buildVersion(), server.Version, line.Pos.Line, line.Pos.File, line.Text, line.Err)
	case errors.As(err, &open) && open.Path == p.inv.file:
		fmt.Fprintf(p.std.Err, "Fatal error, can't open config file '%s': %s\n",
			absolute(p.inv.file), reason(open.Err))
	default:
		fmt.Fprintf(p.std.Err, "*** FATAL: %v\n", err)
	}
	return 1
}

func absolute(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		return abs
	}
	return path
}

// redisError is an error in the words of Redis, capital letter and all.
type redisError string

func (e redisError) Error() string { return string(e) }

// reason is the innermost text of an error of the system, with a capital letter,
// as the C library has it.
func reason(err error) string {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			break
		}
		err = inner
	}
	s := err.Error()
	return strings.ToUpper(s[:1]) + s[1:]
}

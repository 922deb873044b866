package sentinel

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/vedette-ha/vedette/failover"
	"github.com/vedette-ha/vedette/internal/glob"
	"github.com/vedette-ha/vedette/internal/resp"
)

// errNotAgreed tells a client that its change may or may not have been made.
var errNotAgreed = resp.NewError("NOQUORUM No majority of sentinels answered in time, try again")

// lookupTimeout bounds the look-up of a host name for a client.
const lookupTimeout = 2 * time.Second

// change makes a command part of what all sentinels agree on and answers what
// became of it as an error for the client.
func (c *session) change(ctx context.Context, body failover.Body) error {
	r, err := c.s.quorum.Propose(ctx, failover.Command{From: c.s.id, At: time.Now(), Body: body})
	if errors.Is(err, errNoQuorum) || errors.Is(err, errUnformed) {
		return errNotAgreed
	}
	if err != nil {
		return err
	}
	switch r.Reason {
	case "":
		return nil
	case failover.NoSuchMaster:
		return errNoSuchMaster
	case failover.DuplicateMaster:
		return resp.NewError("ERR Duplicate master name.")
	}
	return resp.Errorf("ERR %s: %s", r.Reason, r.Text)
}

// SENTINEL MONITOR name ip port quorum
func sentinelMonitor(ctx context.Context, c *session, args [][]byte) error {
	quorum, ok := resp.ParseInt(args[5])
	if !ok {
		return resp.NewError("ERR Invalid quorum")
	}
	port, ok := resp.ParseInt(args[4])
	if !ok {
		return resp.NewError("ERR Invalid port")
	}
	if quorum <= 0 || quorum > 1<<31-1 {
		return resp.NewError("ERR Quorum must be 1 or greater.")
	}
	host := string(args[3])
	if !c.s.knowsHost(ctx, host) {
		return resp.NewError("ERR Invalid IP address or hostname specified")
	}
	if !isWord(string(args[2])) {
		return resp.NewError("ERR Invalid master name")
	}
	if port <= 0 || port > 65535 {
		return resp.NewError("ERR Invalid port number.")
	}
	settings, timers := failover.DefaultSettings(int(quorum)), c.s.timers()
	settings.DownAfter, settings.FailoverTimeout = timers.DefaultDownAfter, timers.DefaultFailoverTimeout
	err := c.change(ctx, failover.Monitor{
		Name: string(args[2]), Addr: failover.Addr{Host: host, Port: int(port)}, Settings: settings,
	})
	return c.ok(err)
}

// knowsHost says whether host is an IP address or, with resolve-hostnames, the name of
// one.
func (s *Sentinel) knowsHost(ctx context.Context, host string) bool {
	if !s.usable(host) || !isWord(host) {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	ip, _ := s.names.resolve(ctx, host)
	return ip != ""
}

// ok answers OK unless there is an error.
func (c *session) ok(err error) error {
	if err == nil {
		c.w.Status("OK")
	}
	return err
}

// SENTINEL REMOVE name [NOW]
func sentinelRemove(ctx context.Context, c *session, args [][]byte) error {
	if len(args) > 4 || len(args) == 4 && !is(args[3], "now") {
		return errArity("sentinel|remove")
	}
	return c.ok(c.change(ctx, failover.Remove{Name: string(args[2]), Now: len(args) == 4}))
}

// SENTINEL RESET pattern
func sentinelReset(ctx context.Context, c *session, args [][]byte) error {
	var names []string
	if err := c.s.do(ctx, func(lp *loop) { names = lp.m.Names() }); err != nil {
		return err
	}
	reset := 0
	for _, name := range names {
		if !glob.Match(string(args[2]), name) {
			continue
		}
		switch err := c.change(ctx, failover.Reset{Name: name}); err {
		case nil:
			reset++
		case errNoSuchMaster: // removed meanwhile
		default:
			return err
		}
	}
	c.w.Int(int64(reset))
	return nil
}

// SENTINEL SET name option value [option value ...]: the options before a bad one
// stay set, as in Redis.
func sentinelSet(ctx context.Context, c *session, args [][]byte) error {
	var settings failover.Settings
	if err := c.look(ctx, args[2], func(_ *loop, m *failover.Master) { settings = m.Settings.Clone() }); err != nil {
		return err
	}
	edits, bad := c.parseEdits(settings, args[3:])
	if len(edits) > 0 {
		if err := c.change(ctx, failover.Set{Name: string(args[2]), Edits: edits}); err != nil {
			return err
		}
	}
	return c.ok(bad)
}

// parseEdits reads options up to the first bad one; bad is what is wrong with that.
func (c *session) parseEdits(s failover.Settings, words [][]byte) (edits []failover.Edit, bad error) {
	for len(words) > 0 {
		option := string(words[0])
		n := failover.OptionValues(option)
		if n == 0 || len(words) < 1+n {
			return edits, errUnknownOption(option)
		}
		e := failover.Edit{Option: strings.ToLower(option)}
		for _, v := range words[1 : 1+n] {
			e.Values = append(e.Values, string(v))
		}
		if err := c.checkScript(e); err != nil {
			return edits, err
		}
		if err := s.Set(e); err != nil {
			var invalid *failover.InvalidValueError
			if errors.As(err, &invalid) {
				return edits, errInvalidValue(invalid.Value, option)
			}
			return edits, errUnknownOption(option)
		}
		e.Option = option // as it was typed: so +set shows it
		edits = append(edits, e)
		words = words[1+n:]
	}
	return edits, nil
}

func errUnknownOption(option string) error {
	return resp.Errorf("ERR Unknown option or number of arguments for SENTINEL SET '%s'", option)
}

func errInvalidValue(value, option string) error {
	return resp.Errorf("ERR Invalid argument '%s' for SENTINEL SET '%s'", value, option)
}

// checkScript refuses scripts that must not be set from afar, or cannot be run.
func (c *session) checkScript(e failover.Edit) error {
	if !strings.HasSuffix(e.Option, "-script") {
		return nil
	}
	if !c.s.settings().AllowScriptsReconfig {
		return resp.NewError("ERR Reconfiguration of scripts path is denied for security reasons. " +
			"Check the deny-scripts-reconfig configuration directive in your Sentinel configuration")
	}
	if path := e.Values[0]; path != "" && !executable(path) {
		return resp.Errorf("ERR %s script seems non existing or non executable", scriptKind(e.Option))
	}
	return nil
}

// scriptKind is what error messages call the script of an option.
func scriptKind(option string) string {
	switch option {
	case "notification-script":
		return "Notification"
	case "client-reconfig-script":
		return "Client reconfiguration"
	}
	return "Pre-failover"
}

// SENTINEL FLUSHCONFIG
func sentinelFlushConfig(ctx context.Context, c *session, _ [][]byte) error {
	if _, err := c.s.flushConfig(ctx); err != nil {
		c.s.log.Warn().Err(err).Msg("rewrite sentinel.conf")
		return resp.NewError("ERR Failed to save config file. Check server logs.")
	}
	c.w.Status("OK")
	return nil
}

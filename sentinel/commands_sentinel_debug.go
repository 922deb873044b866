package sentinel

import (
	"context"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/vedette-ha/vedette/failover"
	"github.com/vedette-ha/vedette/internal/resp"
)

// debugTimer is a parameter of SENTINEL DEBUG, in milliseconds.
type debugTimer struct {
	name string
	of   func(t *failover.Timers) *time.Duration
}

// debugTimers lists them in the order SENTINEL DEBUG shows them.
func debugTimers() []debugTimer {
	return []debugTimer{
		{"info-period", func(t *failover.Timers) *time.Duration { return &t.InfoPeriod }},
		{"ping-period", func(t *failover.Timers) *time.Duration { return &t.PingPeriod }},
		{"ask-period", func(t *failover.Timers) *time.Duration { return &t.AskPeriod }},
		{"publish-period", func(t *failover.Timers) *time.Duration { return &t.PublishPeriod }},
		{"default-down-after", func(t *failover.Timers) *time.Duration { return &t.DefaultDownAfter }},
		{"default-failover-timeout", func(t *failover.Timers) *time.Duration { return &t.DefaultFailoverTimeout }},
		{"tilt-trigger", func(t *failover.Timers) *time.Duration { return &t.TiltTrigger }},
		{"tilt-period", func(t *failover.Timers) *time.Duration { return &t.TiltPeriod }},
		{"slave-reconf-timeout", func(t *failover.Timers) *time.Duration { return &t.SlaveReconfTimeout }},
		{"min-link-reconnect-period", func(t *failover.Timers) *time.Duration { return &t.MinLinkReconnect }},
		{"election-timeout", func(t *failover.Timers) *time.Duration { return &t.ElectionTimeout }},
		{"script-max-runtime", func(t *failover.Timers) *time.Duration { return &t.ScriptMaxRuntime }},
		{"script-retry-delay", func(t *failover.Timers) *time.Duration { return &t.ScriptRetryDelay }},
	}
}

// longestTimer bounds a timer so that no sum of a few overflows: a year.
const longestTimer = 365 * 24 * int64(time.Hour/time.Millisecond)

// SENTINEL DEBUG [parameter milliseconds ...]: what stands before a bad parameter is
// set, as in Redis.
func sentinelDebug(ctx context.Context, c *session, args [][]byte) error {
	timers := c.s.timers()
	if len(args) == 2 {
		var f fields
		for _, t := range debugTimers() {
			f.ms(strings.ToUpper(t.name), *t.of(&timers))
		}
		f.write(&c.w)
		return nil
	}
	bad := setTimers(&timers, args[2:])
	if err := c.s.do(ctx, func(lp *loop) { lp.setTimers(timers) }); err != nil {
		return err
	}
	return c.ok(bad)
}

func setTimers(timers *failover.Timers, words [][]byte) error {
	for len(words) > 0 {
		t := findTimer(words[0])
		if t == nil || len(words) == 1 {
			return resp.Errorf("ERR Unknown option or number of arguments for SENTINEL DEBUG '%s'", words[0])
		}
		n, ok := resp.ParseInt(words[1])
		if !ok || n <= 0 || n > longestTimer {
			return resp.Errorf("ERR Invalid argument '%s' for SENTINEL DEBUG '%s'", words[1], words[0])
		}
		*t.of(timers) = time.Duration(n) * time.Millisecond
		words = words[2:]
	}
	return nil
}

func findTimer(name []byte) *debugTimer {
	for _, t := range debugTimers() {
		if is(name, t.name) {
			return &t
		}
	}
	return nil
}

// timers are the periods in force. Safe for any goroutine.
func (s *Sentinel) timers() failover.Timers { return *s.periods.Load() }

func (lp *loop) setTimers(t failover.Timers) {
	lp.s.periods.Store(&t)
	lp.step(failover.SetTimers{At: time.Now(), Timers: t})
	signal(lp.s.scripts.wake)
}

// Simulated failures, as INFO shows them.
const (
	crashAfterElection  = 1 << 0
	crashAfterPromotion = 1 << 1
)

// crashStatus is the exit status of a simulated failure.
const crashStatus = 99

// SENTINEL SIMULATE-FAILURE [crash-after-election] [crash-after-promotion] [help]
func sentinelSimulateFailure(_ context.Context, c *session, args [][]byte) error {
	c.s.failures.Store(0)
	for _, a := range args[2:] {
		switch lowerWord(a) {
		case "crash-after-election":
			c.s.failures.Or(crashAfterElection)
			c.s.log.Warn().Msg("Failure simulation: this Sentinel will crash after being successfully elected as failover leader")
		case "crash-after-promotion":
			c.s.failures.Or(crashAfterPromotion)
			c.s.log.Warn().Msg("Failure simulation: this Sentinel will crash after promoting the selected replica to master")
		case "help":
			c.w.Array(2)
			c.w.BulkString("crash-after-election")
			c.w.BulkString("crash-after-promotion")
			return nil
		default:
			return resp.NewError("ERR Unknown failure simulation specified")
		}
	}
	c.w.Status("OK")
	return nil
}

// simulate ends the process after an event of our own failover, if it was told to.
func (s *Sentinel) simulate(event string) {
	flags := s.failures.Load()
	if event == "+elected-leader" && flags&crashAfterElection != 0 ||
		event == "+promoted-slave" && flags&crashAfterPromotion != 0 {
		s.log.Warn().Msg("Sentinel CRASH because of SENTINEL simulate-failure")
		s.opts.Exit(crashStatus)
	}
}

// exit is [Options.Exit] unless that is set.
func exit(status int) { os.Exit(status) }

// SENTINEL PENDING-SCRIPTS
func sentinelPendingScripts(_ context.Context, c *session, _ [][]byte) error {
	list := c.s.scripts.pending()
	c.w.Array(len(list))
	for _, p := range list {
		c.writePending(p)
	}
	return nil
}

func (c *session) writePending(p pendingScript) {
	state, clock := "scheduled", "run-delay"
	if p.running {
		state, clock = "running", "run-time"
	}
	w := &c.w
	w.Map(5)
	w.BulkString("argv")
	w.Array(len(p.argv))
	for _, a := range p.argv {
		w.BulkString(a)
	}
	for _, s := range []string{
		"flags", state,
		"pid", strconv.Itoa(p.pid),
		clock, strconv.FormatInt(p.time.Milliseconds(), 10),
		"retry-num", strconv.Itoa(p.retries),
	} {
		w.BulkString(s)
	}
}

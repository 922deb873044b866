package sentinel

import (
	"context"
	"time"

	"github.com/vedette-ha/vedette/failover"
	"github.com/vedette-ha/vedette/internal/resp"
)

// failoverTimeout bounds the answer to SENTINEL FAILOVER; the failover itself
// takes its time.
const failoverTimeout = 2 * time.Second

// parseFailover reads what may follow the name of the master.
func parseFailover(words [][]byte) (r failover.FailoverRequest, err error) {
	for len(words) > 0 {
		used := 1
		switch {
		case is(words[0], "coordinated"):
			r.Coordinated = true
		case is(words[0], "force"):
			r.Force = true
		case is(words[0], "accept-data-loss"):
			r.AcceptLoss = true
		case is(words[0], "to") && len(words) > 2:
			port, err := parsePort(string(words[2]))
			if err != nil || !isWord(string(words[1])) {
				return r, resp.NewError("ERR Invalid address after TO")
			}
			r.To, used = failover.Addr{Host: string(words[1]), Port: port}, 3
		case is(words[0], "timeout") && len(words) > 1:
			ms, ok := resp.ParseInt(words[1])
			if !ok || ms < 1 || ms > int64(time.Hour/time.Millisecond) {
				return r, resp.NewError("ERR Invalid timeout, it takes 1 to 3600000 milliseconds")
			}
			r.Timeout, used = time.Duration(ms)*time.Millisecond, 2
		default:
			return r, resp.NewError("ERR Unknown failover option specified")
		}
		words = words[used:]
	}
	return r, nil
}

// SENTINEL FAILOVER name [TO ip port] [TIMEOUT ms] [COORDINATED] [FORCE] [ACCEPT-DATA-LOSS]
func sentinelFailover(ctx context.Context, c *session, args [][]byte) error {
	request, err := parseFailover(args[3:])
	if err != nil {
		return err
	}
	session := ctx
	ctx, cancel := context.WithTimeoutCause(ctx, failoverTimeout, errNoQuorum)
	defer cancel()
	answer, token := make(chan string, 1), uint64(0)
	if err := c.look(ctx, args[2], func(lp *loop, m *failover.Master) {
		lp.token++
		token = lp.token
		lp.answer[token] = func(text string) { answer <- text }
		request.At, request.Master, request.Token = time.Now(), m.Name, token
		lp.step(request)
	}); err != nil {
		return err
	}
	select {
	case text := <-answer:
		if text != "" {
			return resp.NewError(text)
		}
		c.w.Status("OK")
		return nil
	case <-ctx.Done():
		_ = c.s.do(session, func(lp *loop) { delete(lp.answer, token) })
		return errNotAgreed
	}
}

// longestPause is ten years in seconds; whoever wants more wants none at all.
const longestPause = 10 * 365 * 86400

// SENTINEL PAUSE name [FOR seconds]
func sentinelPause(ctx context.Context, c *session, args [][]byte) error {
	pause := failover.Pause{Name: string(args[2])}
	switch {
	case len(args) == 3:
	case len(args) == 5 && is(args[3], "for"):
		seconds, ok := resp.ParseInt(args[4])
		if !ok || seconds < 1 || seconds > longestPause {
			return resp.NewError("ERR Invalid number of seconds")
		}
		pause.For = time.Duration(seconds) * time.Second
	default:
		return resp.ErrSyntax
	}
	return c.ok(c.change(ctx, pause))
}

// SENTINEL RESUME name
func sentinelResume(ctx context.Context, c *session, args [][]byte) error {
	return c.ok(c.change(ctx, failover.Resume{Name: string(args[2])}))
}

package sentinel

import (
	"context"
	"slices"
	"strings"

	"github.com/vedette-ha/vedette/internal/resp"
)

// tracking is what CLIENT TRACKING asked for. A sentinel has no keys, so nothing is ever
// invalidated; clients that switch tracking on wherever they connect are answered as by
// Redis's sentinel. The zero value is off.
type tracking struct {
	on, bcast, optin, optout, noloop bool

	redirect int64    // client id, 0: the client itself
	prefixes []string // sorted
	caching  bool     // CLIENT CACHING was said of the next command
}

// Bounds of the prefixes of one client, which each new one is compared with.
const (
	prefixesMax    = 1024
	prefixBytesMax = 64 << 10
)

// redir is the client redirected to as replies show it: -1 if tracking is off.
func (t *tracking) redir() int64 {
	if !t.on {
		return -1
	}
	return t.redirect
}

// CLIENT TRACKING on|off [REDIRECT id] [PREFIX prefix ...] [BCAST] [OPTIN] [OPTOUT] [NOLOOP]
func clientTracking(_ context.Context, c *session, args [][]byte) error {
	next, err := c.parseTracking(args[3:])
	if err != nil {
		return err
	}
	switch lowerWord(args[2]) {
	case "on":
		if err := next.follows(&c.tracking); err != nil {
			return err
		}
		next.prefixes = append(next.prefixes, c.tracking.prefixes...)
		slices.Sort(next.prefixes)
		next.on = true
	case "off":
		next = tracking{}
	default:
		return resp.ErrSyntax
	}
	c.setTracking(next)
	c.w.Status("OK")
	return nil
}

func (c *session) setTracking(t tracking) {
	c.tracking = t
	c.stats.mu.Lock()
	defer c.stats.mu.Unlock()
	c.stats.tracking = t
}

func (c *session) parseTracking(opts [][]byte) (t tracking, err error) {
	for ; len(opts) > 0; opts = opts[1:] {
		switch word := lowerWord(opts[0]); {
		case word == "redirect" && len(opts) > 1:
			opts = opts[1:]
			if t.redirect, err = c.redirectTo(t.redirect, opts[0]); err != nil {
				return t, err
			}
		case word == "prefix" && len(opts) > 1:
			opts = opts[1:]
			t.prefixes = append(t.prefixes, string(opts[0]))
		case word == "bcast":
			t.bcast = true
		case word == "optin":
			t.optin = true
		case word == "optout":
			t.optout = true
		case word == "noloop":
			t.noloop = true
		default:
			return t, resp.ErrSyntax
		}
	}
	return t, nil
}

func (c *session) redirectTo(already int64, arg []byte) (int64, error) {
	if already != 0 {
		return 0, resp.Errorf("ERR A client can only redirect to a single other client")
	}
	id, ok := resp.ParseInt(arg)
	if !ok {
		return 0, resp.ErrNotInteger
	}
	if len(c.s.clients.list(func(o *session) bool { return o.id == id })) == 0 {
		return 0, resp.Errorf("ERR The client ID you want redirect to does not exist")
	}
	return id, nil
}

// follows checks that the options fit together, and the mode that is on.
func (t *tracking) follows(old *tracking) error {
	switch {
	case len(t.prefixes) > 0 && !t.bcast:
		return resp.Errorf("ERR PREFIX option requires BCAST mode to be enabled")
	case old.on && old.bcast != t.bcast:
		return resp.Errorf("ERR You can't switch BCAST mode on/off before disabling tracking for this client, " +
			"and then re-enabling it with a different mode.")
	case t.bcast && (t.optin || t.optout):
		return resp.Errorf("ERR OPTIN and OPTOUT are not compatible with BCAST")
	case t.optin && t.optout:
		return resp.Errorf("ERR You can't specify both OPTIN mode and OPTOUT mode")
	case t.optin && old.optout || t.optout && old.optin:
		return resp.Errorf("ERR You can't switch OPTIN/OPTOUT mode before disabling tracking for this client, " +
			"and then re-enabling it with a different mode.")
	}
	return t.collides(old)
}

// collides refuses prefixes of which one begins with another, and too many.
func (t *tracking) collides(old *tracking) error {
	if all := slices.Concat(t.prefixes, old.prefixes); len(all) > prefixesMax || len(strings.Join(all, "")) > prefixBytesMax {
		return resp.Errorf("ERR too many prefixes: a client may have %d, of %d bytes together", prefixesMax, prefixBytesMax)
	}
	for i, p := range t.prefixes {
		for _, q := range old.prefixes {
			if overlap(p, q) {
				return resp.Errorf("ERR Prefix '%s' overlaps with an existing prefix '%s'. "+
					"Prefixes for a single client must not overlap.", p, q)
			}
		}
		for _, q := range t.prefixes[i+1:] {
			if overlap(p, q) {
				return resp.Errorf("ERR Prefix '%s' overlaps with another provided prefix '%s'. "+
					"Prefixes for a single client must not overlap.", p, q)
			}
		}
	}
	return nil
}

func overlap(p, q string) bool { return strings.HasPrefix(p, q) || strings.HasPrefix(q, p) }

// CLIENT CACHING yes|no
func clientCaching(_ context.Context, c *session, args [][]byte) error {
	t := &c.tracking
	if !t.optin && !t.optout {
		return resp.Errorf("ERR CLIENT CACHING can be called only when the client is in tracking mode " +
			"with OPTIN or OPTOUT mode enabled")
	}
	switch lowerWord(args[2]) {
	case "yes":
		if !t.optin {
			return resp.Errorf("ERR CLIENT CACHING YES is only valid when tracking is enabled in OPTIN mode.")
		}
	case "no":
		if !t.optout {
			return resp.Errorf("ERR CLIENT CACHING NO is only valid when tracking is enabled in OPTOUT mode.")
		}
	default:
		return resp.ErrSyntax
	}
	t.caching = true
	c.w.Status("OK")
	return nil
}

// CLIENT TRACKINGINFO
func clientTrackingInfo(_ context.Context, c *session, _ [][]byte) error {
	t := &c.tracking
	c.w.Map(3)
	c.w.BulkString("flags")
	flags := t.flags()
	c.w.Set(len(flags))
	for _, f := range flags {
		c.w.BulkString(f)
	}
	c.w.BulkString("redirect")
	c.w.Int(t.redir())
	c.w.BulkString("prefixes")
	c.w.Array(len(t.prefixes))
	for _, p := range t.prefixes {
		c.w.BulkString(p)
	}
	return nil
}

func (t *tracking) flags() []string {
	if !t.on {
		return []string{"off"}
	}
	flags := []string{"on"}
	for _, f := range []struct {
		set  bool
		name string
	}{
		{t.bcast, "bcast"}, {t.optin, "optin"}, {t.optin && t.caching, "caching-yes"},
		{t.optout, "optout"}, {t.optout && t.caching, "caching-no"}, {t.noloop, "noloop"},
	} {
		if f.set {
			flags = append(flags, f.name)
		}
	}
	return flags
}

func clientGetRedir(_ context.Context, c *session, _ [][]byte) error {
	c.w.Int(c.tracking.redir())
	return nil
}

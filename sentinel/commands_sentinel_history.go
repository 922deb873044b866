package sentinel

import (
	"context"
	"strings"
	"time"

	"github.com/vedette-ha/vedette/failover"
	"github.com/vedette-ha/vedette/internal/resp"
)

// historyShown is how many records SENTINEL HISTORY shows unless it is told.
const historyShown = 10

// SENTINEL HISTORY [name] [COUNT n]: what failovers there were, the newest first, each
// as a map; a running one comes first.
func sentinelHistory(ctx context.Context, c *session, args [][]byte) error {
	name, count := "", int64(historyShown)
	words := args[2:]
	if len(words)%2 == 1 {
		name, words = string(words[0]), words[1:]
	}
	if len(words) > 0 {
		var ok bool
		if count, ok = resp.ParseInt(words[1]); len(words) != 2 || !is(words[0], "count") || !ok || count < 1 {
			return resp.ErrSyntax
		}
	}
	var records []failover.Record
	collect := func(lp *loop) { records = lp.history(name, int(min(count, 1<<20))) }
	if name == "" {
		if err := c.s.do(ctx, collect); err != nil {
			return err
		}
	} else if err := c.look(ctx, []byte(name), func(lp *loop, _ *failover.Master) { collect(lp) }); err != nil {
		return err
	}
	c.w.Array(len(records))
	for i := range records {
		writeRecord(&c.w, &records[i])
	}
	return nil
}

// history returns up to count records, newest first. Records do not change; running
// failovers are copied.
func (lp *loop) history(name string, count int) (records []failover.Record) {
	agreed := lp.m.Agreed()
	for i := range agreed.Masters {
		m := &agreed.Masters[i]
		if m.Claim != nil && (name == "" || m.Name == name) && len(records) < count {
			records = append(records, m.Running())
		}
	}
	for i := len(agreed.History) - 1; i >= 0 && len(records) < count; i-- {
		if r := agreed.History[i]; name == "" || r.Name == name {
			records = append(records, r)
		}
	}
	return records
}

// writeRecord writes a record as a map. Times are Unix milliseconds, 0 for what has
// not happened; bytes are -1 where they are not known.
func writeRecord(w *resp.Writer, r *failover.Record) {
	w.Map(24)
	num := func(name string, n int64) { w.BulkString(name); w.Int(n) }
	text := func(name, s string) { w.BulkString(name); w.BulkString(s) }
	num("id", int64(r.ID))
	text("name", r.Name)
	text("kind", kindOf(r))
	text("outcome", r.Outcome)
	text("claimant", r.Claimant)
	num("epoch", int64(r.Epoch))
	text("old", addrText(r.Old))
	text("new", addrText(r.Target))
	num("started", unixMS(r.Started))
	num("selected", unixMS(r.Selected))
	num("switched", unixMS(r.Switched))
	num("ended", unixMS(r.Ended))
	num("takeovers", int64(r.Takeovers))
	num("repeats", int64(r.Repeats))
	num("lost-bytes", r.Loss)
	text("trouble", string(r.Evidence.Trouble))
	writeEvidence(w, &r.Evidence)
	w.BulkString("candidates")
	w.Array(len(r.Candidates))
	for _, x := range r.Candidates {
		w.Map(6)
		text("addr", addrText(x.Addr))
		text("runid", x.RunID)
		num("priority", int64(x.Priority))
		num("offset", x.Offset)
		num("lag", x.Lag)
		text("excluded", x.Why)
	}
	w.BulkString("steps")
	w.Array(len(r.Moments))
	for _, x := range r.Moments {
		w.Map(4)
		num("at", unixMS(x.At))
		text("what", x.What)
		text("by", x.By)
		text("detail", x.Detail)
	}
}

// writeEvidence writes six pairs: who saw what.
func writeEvidence(w *resp.Writer, e *failover.Evidence) {
	w.BulkString("down-since")
	w.Int(unixMS(e.DownSince))
	w.BulkString("master-offset")
	w.Int(e.MasterOffset)
	w.BulkString("master-offset-at")
	w.Int(unixMS(e.MasterOffsetAt))
	w.BulkString("voters")
	w.Array(len(e.Voters))
	for _, id := range e.Voters {
		w.BulkString(id)
	}
	w.BulkString("sentinels")
	w.Array(len(e.Seen))
	for _, x := range e.Seen {
		w.Map(3)
		w.BulkString("id")
		w.BulkString(x.Sentinel)
		w.BulkString("down")
		w.Int(int64(b2i(x.Down)))
		w.BulkString("at")
		w.Int(unixMS(x.At))
	}
	w.BulkString("replicas")
	w.Array(len(e.Opinions))
	for _, x := range e.Opinions {
		w.Map(3)
		w.BulkString("addr")
		w.BulkString(addrText(x.Addr))
		w.BulkString("master-link-up")
		w.Int(int64(b2i(x.LinkUp)))
		w.BulkString("at")
		w.Int(unixMS(x.At))
	}
}

// kindOf is automatic, manual, adopted or refused.
func kindOf(r *failover.Record) string {
	for _, kind := range []string{"adopted", "refused"} {
		if strings.HasPrefix(r.Outcome, kind) {
			return kind
		}
	}
	if r.Manual {
		return "manual"
	}
	return "automatic"
}

func addrText(a failover.Addr) string {
	if a.IsZero() {
		return ""
	}
	return a.String()
}

func unixMS(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// SENTINEL WHY name: sentences on how the master is doing and why.
func sentinelWhy(ctx context.Context, c *session, args [][]byte) error {
	var lines []string
	err := c.look(ctx, args[2], func(lp *loop, m *failover.Master) { lines, _ = lp.m.Why(time.Now(), m.Name) })
	if err != nil {
		return err
	}
	c.w.Array(len(lines))
	for _, l := range lines {
		c.w.BulkString(l)
	}
	return nil
}

const (
	eventsShown = 100
	eventsMost  = 10000 // in one reply
	// eventsWait bounds BLOCK, since a client that goes away is noticed only then.
	eventsWait = time.Minute
)

// eventsQuery is what SENTINEL EVENTS asks for.
type eventsQuery struct {
	since  int64 // id; 0: from the oldest that is kept
	count  int
	blocks bool
	block  time.Duration
}

func parseEvents(words [][]byte) (q eventsQuery, err error) {
	q.count = eventsShown
	for ; len(words) > 1; words = words[2:] {
		n, ok := resp.ParseInt(words[1])
		switch {
		case is(words[0], "since") && is(words[1], "$"):
			q.since = -1
		case !ok || n < 0:
			return q, resp.ErrNotInteger
		case is(words[0], "since"):
			q.since = n
		case is(words[0], "count"):
			q.count = int(max(1, min(n, eventsMost)))
		case is(words[0], "block"):
			q.blocks, q.block = true, min(time.Duration(min(n, 1<<20))*time.Millisecond, eventsWait)
			if n == 0 {
				q.block = eventsWait
			}
		default:
			return q, resp.ErrSyntax
		}
	}
	if len(words) > 0 {
		return q, resp.ErrSyntax
	}
	return q, nil
}

// SENTINEL EVENTS [SINCE id|$] [COUNT n] [BLOCK ms]: the events this sentinel has
// published after the one of that id, oldest first, waiting for one if there is none, a
// minute at most.
// The reply is a map: "next" is what to give to SINCE next time, "lost" is 1 if events
// after id are not kept any more, "events" holds id, Unix time in milliseconds, name
// and payload of each.
func sentinelEvents(ctx context.Context, c *session, args [][]byte) error {
	q, err := parseEvents(args[2:])
	if err != nil {
		return err
	}
	j := &c.s.journal
	if q.since < 0 {
		q.since = j.newest()
	}
	ctx, cancel := context.WithTimeout(ctx, q.block)
	defer cancel()
	events, lost, more := j.since(q.since, q.count)
	for q.blocks && len(events) == 0 && ctx.Err() == nil {
		select {
		case <-more:
			events, lost, more = j.since(q.since, q.count)
		case <-ctx.Done():
		case <-c.out.gone:
			return errSessionDone
		}
	}
	next := q.since
	if len(events) > 0 {
		next = events[len(events)-1].id
	}
	c.w.Map(3)
	c.w.BulkString("next")
	c.w.Int(next)
	c.w.BulkString("lost")
	c.w.Int(int64(b2i(lost)))
	c.w.BulkString("events")
	c.w.Array(len(events))
	for _, e := range events {
		c.w.Array(4)
		c.w.Int(e.id)
		c.w.Int(e.at.UnixMilli())
		c.w.BulkString(e.name)
		c.w.BulkString(e.payload)
	}
	return nil
}

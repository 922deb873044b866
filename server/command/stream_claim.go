package command

import (
	"math"

	"github.com/vedette-ha/vedette/internal/resp"
	"github.com/vedette-ha/vedette/server/keyspace/stream"
)

// pendingOptions are the words of XPENDING behind the group.
type pendingOptions struct {
	from, to stream.ID
	count    int64
	minIdle  int64
	consumer []byte // nil: all
}

func (c *Ctx) parsePending() (o pendingOptions, err error) {
	args := c.Args[3:]
	if fold(args[0], "IDLE") {
		var ok bool
		if o.minIdle, ok = resp.ParseInt(args[1]); !ok {
			return o, resp.ErrNotInteger
		}
		if len(c.Args) < 8 {
			return o, resp.ErrSyntax
		}
		args = args[2:]
	}
	n, ok := resp.ParseInt(args[2])
	if !ok {
		return o, resp.ErrNotInteger
	}
	o.count = max(n, 0)
	if o.from, err = parseFrom(args[0]); err != nil {
		return o, err
	}
	if o.to, err = parseTo(args[1]); err != nil {
		return o, err
	}
	if len(args) > 3 {
		o.consumer = args[3]
	}
	return o, nil
}

// XPENDING key group [[IDLE ms] start end count [consumer]]
func cmdXPending(c *Ctx) error {
	n := len(c.Args)
	if n != 3 && (n < 6 || n > 9) {
		return resp.ErrSyntax
	}
	var o pendingOptions
	var err error
	if n > 3 {
		if o, err = c.parsePending(); err != nil {
			return err
		}
	}
	s, err := c.readStream(c.Args[1])
	if err != nil {
		return err
	}
	var g *stream.Group
	if s != nil {
		g = s.Group(c.Args[2])
	}
	switch {
	case g == nil:
		return errNoKeyOrGroup(c.Args[1], c.Args[2])
	case n == 3:
		c.replyPendingSummary(g)
	default:
		c.replyPending(g, &o)
	}
	return nil
}

func (c *Ctx) replyPendingSummary(g *stream.Group) {
	c.Out.Array(4)
	c.Out.Int(int64(g.PendingCount()))
	first, last, ok := g.PendingRange()
	if !ok {
		c.Out.Null()
		c.Out.Null()
		c.Out.NullArray()
		return
	}
	c.replyID(first)
	c.replyID(last)
	mark, n := c.beginArray(), 0
	for consumer := range g.Consumers() {
		if consumer.PendingCount() == 0 {
			continue
		}
		c.Out.Array(2)
		c.Out.Bulk(consumer.Name())
		c.Out.BulkInt(int64(consumer.PendingCount()))
		n++
	}
	c.endArray(mark, n)
}

func (c *Ctx) replyPending(g *stream.Group, o *pendingOptions) {
	var holder *stream.Consumer
	if o.consumer != nil {
		holder = g.Consumer(o.consumer)
	}
	if o.count == 0 || o.consumer != nil && holder == nil {
		c.Out.Array(0)
		return
	}
	mark, n := c.beginArray(), 0
	held := g.Held(holder, o.from)
	for int64(n) < o.count {
		id, p, more := held.Next()
		if !more || o.to.Less(id) {
			break
		}
		if o.minIdle != 0 && c.Now-p.DeliveredAt < o.minIdle {
			continue
		}
		c.Out.Array(4)
		c.replyID(id)
		c.Out.Bulk(g.Holder(*p).Name())
		c.Out.Int(max(c.Now-p.DeliveredAt, 0))
		c.Out.Int(int64(p.Deliveries))
		n++
	}
	c.endArray(mark, n)
}

// claimOptions are the words of XCLAIM behind the consumer.
type claimOptions struct {
	minIdle    int64
	ids        []stream.ID
	delivered  int64 // Unix ms
	retryCount int64 // -1: not given
	force      bool
	justID     bool
	lastID     stream.ID
}

func (c *Ctx) parseClaim() (o claimOptions, err error) {
	var ok bool
	if o.minIdle, ok = resp.ParseInt(c.Args[4]); !ok {
		return o, resp.Errorf("ERR Invalid min-idle-time argument for XCLAIM")
	}
	o.minIdle = max(o.minIdle, 0)
	args := c.Args[5:]
	for ; len(args) > 0; args = args[1:] {
		id, err := parseID(args[0], 0)
		if err != nil {
			break
		}
		o.ids = append(o.ids, id)
	}
	o.delivered, o.retryCount = -1, -1
	for ; len(args) > 0; args = args[1:] {
		took, err := o.parse(args, c.Now)
		if err != nil {
			return o, err
		}
		args = args[took:]
	}
	if o.delivered < 0 || o.delivered > c.Now {
		o.delivered = c.Now
	}
	return o, nil
}

// parse reads the option args begins with, and says how many values it had.
func (o *claimOptions) parse(args [][]byte, now int64) (took int, err error) {
	number := func(into *int64, name string) (int, error) {
		n, ok := resp.ParseInt(args[1])
		if !ok {
			return 1, resp.Errorf("ERR Invalid %s option argument for XCLAIM", name)
		}
		*into = n
		return 1, nil
	}
	switch more := len(args) > 1; {
	case fold(args[0], "FORCE"):
		o.force = true
	case fold(args[0], "JUSTID"):
		o.justID = true
	case more && fold(args[0], "IDLE"):
		took, err = number(&o.delivered, "IDLE")
		o.delivered = now - o.delivered
		return took, err
	case more && fold(args[0], "TIME"):
		return number(&o.delivered, "TIME")
	case more && fold(args[0], "RETRYCOUNT"):
		return number(&o.retryCount, "RETRYCOUNT")
	case more && fold(args[0], "LASTID"):
		o.lastID, err = parseID(args[1], 0)
		return 1, err
	default:
		return 0, resp.Errorf("ERR Unrecognized XCLAIM option '%s'", args[0])
	}
	return 0, nil
}

// XCLAIM key group consumer min-idle-ms id [id …] [IDLE ms] [TIME unix-ms] [RETRYCOUNT n] [FORCE] [JUSTID] [LASTID id]
func cmdXClaim(c *Ctx) error {
	key := c.Args[1]
	s, err := c.editReadStream(key)
	if err != nil {
		return err
	}
	var g *stream.Group
	if s != nil {
		g = s.EditGroup(c.Args[2])
	}
	if g == nil {
		return errNoKeyOrGroup(key, c.Args[2])
	}
	o, err := c.parseClaim()
	if err != nil {
		return err
	}
	c.NoEffect()
	tellLast := g.LastID.Less(o.lastID)
	if tellLast {
		g.LastID = o.lastID
	}
	consumer, isNew := c.seenConsumer(key, g, c.Args[3])
	mark, n := c.beginArray(), 0
	for i, id := range o.ids {
		claimed, told := c.claim(s, g, consumer, &o, id, c.Args[5+i])
		if claimed {
			n++
		}
		tellLast = tellLast && !told
	}
	if tellLast {
		c.groupIDEffect(key, g)
		c.AddDirty(1)
	}
	if isNew && n == 0 {
		c.consumerEffect(key, g, c.Args[3])
	}
	c.endArray(mark, n)
	return nil
}

// claim gives an entry to a consumer, and replies with it, if the options allow; told
// says that an effect tells of it.
func (c *Ctx) claim(s *stream.Stream, g *stream.Group, to *stream.Consumer, o *claimOptions, id stream.ID, arg []byte) (claimed, told bool) {
	p, pending := g.Pending(id)
	if !s.Has(c.Streams, id) {
		if pending {
			c.dropDeleted(g, id, arg, p)
		}
		return false, pending
	}
	switch {
	case !pending && !o.force:
		return false, false
	case !pending:
		p.Deliveries = 1
	case o.minIdle > 0 && c.Now-p.DeliveredAt < o.minIdle:
		return false, false
	}
	if o.retryCount >= 0 {
		p.Deliveries = uint64(o.retryCount)
	} else if !o.justID {
		p.Deliveries++
	}
	g.Deliver(id, to, o.delivered, p.Deliveries)
	to.ActiveAt = c.Now
	c.replyClaimed(s, id, o.justID)
	p, _ = g.Pending(id)
	c.claimEffect(c.Args[1], g, id, arg, p)
	c.AddDirty(1)
	return true, true
}

func (c *Ctx) replyClaimed(s *stream.Stream, id stream.ID, justID bool) {
	if justID {
		c.replyID(id)
		return
	}
	c.replyEntryOf(s, id)
}

// dropDeleted lets go of a pending entry that is no longer in the stream. The effect
// is a claim, at which a replica finds the same.
func (c *Ctx) dropDeleted(g *stream.Group, id stream.ID, arg []byte, p stream.Pending) {
	c.claimEffect(c.Args[1], g, id, arg, p)
	c.AddDirty(1)
	g.Ack(id)
}

// autoClaimOptions are the words of XAUTOCLAIM behind the consumer.
type autoClaimOptions struct {
	minIdle int64
	from    stream.ID
	count   int64
	justID  bool
}

// How many pending entries XAUTOCLAIM looks at for each it may claim, and what COUNT
// may be for that.
const (
	attemptsFactor = 10
	autoClaimMax   = math.MaxInt64 / stream.IDLen
)

func (c *Ctx) parseAutoClaim() (o autoClaimOptions, err error) {
	var ok bool
	if o.minIdle, ok = resp.ParseInt(c.Args[4]); !ok {
		return o, resp.Errorf("ERR Invalid min-idle-time argument for XAUTOCLAIM")
	}
	o.minIdle = max(o.minIdle, 0)
	if o.from, err = parseFrom(c.Args[5]); err != nil {
		return o, err
	}
	o.count = 100
	args := c.Args[6:]
	for ; len(args) > 0; args = args[1:] {
		switch {
		case len(args) > 1 && fold(args[0], "COUNT"):
			o.count, ok = resp.ParseInt(args[1])
			if !ok || o.count < 1 || o.count > autoClaimMax {
				return o, resp.Errorf("ERR COUNT must be > 0")
			}
			args = args[1:]
		case fold(args[0], "JUSTID"):
			o.justID = true
		default:
			return o, resp.ErrSyntax
		}
	}
	return o, nil
}

// XAUTOCLAIM key group consumer min-idle-ms start [COUNT n] [JUSTID]
func cmdXAutoClaim(c *Ctx) error {
	key := c.Args[1]
	e, there := c.Read(key)
	o, err := c.parseAutoClaim()
	if err != nil {
		return err
	}
	var g *stream.Group
	s, err := c.editStreamOf(e, there)
	if err != nil {
		return err
	}
	if s != nil {
		g = s.EditGroup(c.Args[2])
	}
	if g == nil {
		return errNoKeyOrGroup(key, c.Args[2])
	}
	c.NoEffect()
	consumer, isNew := c.seenConsumer(key, g, c.Args[3])
	if n := c.autoClaim(s, g, consumer, &o); isNew && n == 0 {
		c.consumerEffect(key, g, c.Args[3])
	}
	return nil
}

// autoClaim replies with where to go on, what was claimed, and what was pending but
// deleted. It returns how many entries were claimed.
func (c *Ctx) autoClaim(s *stream.Stream, g *stream.Group, to *stream.Consumer, o *autoClaimOptions) (n int) {
	var deleted []stream.ID
	c.Out.Array(3)
	cursorAt := len(c.Out.Buf)
	mark := c.beginArray()
	id, p, more := g.NextPending(o.from)
	left := o.count
	for attempts := o.count * attemptsFactor; more && attempts > 0 && left > 0; attempts-- {
		switch {
		case !s.Has(c.Streams, id):
			c.dropDeleted(g, id, nil, p)
			deleted = append(deleted, id)
			left--
		case o.minIdle == 0 || c.Now-p.DeliveredAt >= o.minIdle:
			if !o.justID {
				p.Deliveries++
			}
			g.Deliver(id, to, c.Now, p.Deliveries)
			to.ActiveAt = c.Now
			c.replyClaimed(s, id, o.justID)
			p, _ = g.Pending(id)
			c.claimEffect(c.Args[1], g, id, nil, p)
			c.AddDirty(1)
			n++
			left--
		}
		if id, more = id.Next(); more {
			id, p, more = g.NextPending(id)
		}
	}
	c.endArray(mark, n)
	if !more {
		id = stream.ID{}
	}
	c.insertID(cursorAt, id)
	c.Out.Array(len(deleted))
	for _, id := range deleted {
		c.replyID(id)
	}
	return n
}

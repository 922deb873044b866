package command

import (
	"slices"
	"time"

	"github.com/vedette-ha/vedette/internal/resp"
	"github.com/vedette-ha/vedette/server/keyspace"
	"github.com/vedette-ha/vedette/server/keyspace/stream"
)

// readOptions are the words of XREAD and XREADGROUP.
type readOptions struct {
	count           int // of each stream; 0: no limit
	blocks          bool
	timeout         time.Duration
	noAck           bool
	group, consumer []byte // nil for XREAD
	keys, args      [][]byte
	ids             []stream.ID // read what comes after; see parseReadIDs
}

var (
	errReadGroup   = resp.NewError("ERR The GROUP option is only supported by XREADGROUP. You called XREAD instead.")
	errReadNoAck   = resp.NewError("ERR The NOACK option is only supported by XREADGROUP. You called XREAD instead.")
	errGroupless   = resp.NewError("ERR Missing GROUP option for XREADGROUP")
	errReadNew     = resp.NewError("ERR The > ID can be specified only when calling XREADGROUP using the GROUP <group> <consumer> option.")
	errGroupDollar = resp.NewError("ERR The $ ID is meaningless in the context of XREADGROUP: you want to read the history of this consumer by specifying a proper ID, or use the > ID to get new messages. The $ ID would just return an empty result set.")
)

// parseRead reads the options of XREAD, or of XREADGROUP.
func (c *Ctx) parseRead(group bool) (o readOptions, err error) {
	args := c.Args[1:]
	for ; len(args) > 0 && o.keys == nil; args = args[1:] {
		took := 0
		switch more := len(args) - 1; {
		case more > 0 && fold(args[0], "STREAMS"):
			if o.keys, o.args, err = c.splitStreams(args[1:], group); err != nil {
				return o, err
			}
		case more > 0 && fold(args[0], "BLOCK"):
			o.timeout, err = c.TimeoutMillis(args[1])
			o.blocks, took = true, 1
		case more > 0 && fold(args[0], "COUNT"):
			n, ok := resp.ParseInt(args[1])
			if !ok {
				return o, resp.ErrNotInteger
			}
			o.count, took = int(max(n, 0)), 1
		case more > 1 && fold(args[0], "GROUP"):
			if !group {
				return o, errReadGroup
			}
			o.group, o.consumer, took = args[1], args[2], 2
		case fold(args[0], "NOACK"):
			if !group {
				return o, errReadNoAck
			}
			o.noAck = true
		default:
			return o, resp.ErrSyntax
		}
		if err != nil {
			return o, err
		}
		args = args[took:]
	}
	switch {
	case o.keys == nil:
		return o, resp.ErrSyntax
	case group && o.group == nil:
		return o, errGroupless
	}
	return o, nil
}

func (c *Ctx) splitStreams(args [][]byte, group bool) (keys, ids [][]byte, err error) {
	n := len(args) / 2
	if len(args)%2 == 0 {
		return args[:n], args[n:], nil
	}
	symbol := '$'
	if group {
		symbol = '>'
	}
	return nil, nil, resp.Errorf("ERR Unbalanced '%s' list of streams: for each stream key an ID or '%c' must be specified.", c.Cmd.Full, symbol)
}

// XREAD [COUNT n] [BLOCK ms] STREAMS key [key …] id [id …]
func cmdXRead(c *Ctx) error {
	o, err := c.parseRead(false)
	if err != nil {
		return err
	}
	o.ids = c.lendIDs(len(o.keys))
	for i, key := range o.keys {
		s, err := c.readStream(key)
		if err != nil {
			return err
		}
		if o.ids[i], err = c.readAfter(s, o.args[i]); err != nil {
			return err
		}
	}
	mark, n := c.beginArray(), 0
	for i, key := range o.keys {
		s, err := c.readStream(key)
		if err != nil {
			return err
		}
		if s == nil {
			continue
		}
		last, any := s.LastValid(c.Streams)
		if !any || !o.ids[i].Less(last) {
			continue
		}
		from, _ := o.ids[i].Next()
		c.beginStream(key)
		c.replyNew(s, from, o.count)
		n++
	}
	return c.endRead(mark, n, &o)
}

// readAfter is the id after which XREAD reads. s is nil if there is no stream.
func (c *Ctx) readAfter(s *stream.Stream, arg []byte) (id stream.ID, err error) {
	switch {
	case isWord(arg, '>'):
		return id, errReadNew
	case !isWord(arg, '$') && !isWord(arg, '+'):
		return parseID(arg, 0)
	case s == nil:
		return id, nil
	}
	if last, any := s.LastValid(c.Streams); any && isWord(arg, '+') {
		id, _ = last.Prev()
		return id, nil
	}
	return s.LastID(), nil
}

// beginStream begins what is read of one stream.
func (c *Ctx) beginStream(key []byte) {
	if !c.Out.RESP3 {
		c.Out.Array(2)
	}
	c.Out.Bulk(key)
}

func (c *Ctx) replyNew(s *stream.Stream, from stream.ID, count int) {
	mark, n := c.beginArray(), 0
	for it := s.Range(c.Streams, from, stream.MaxID); it.Next(); {
		c.replyEntry(&it)
		if n++; n == count {
			break
		}
	}
	c.endArray(mark, n)
}

// endRead ends the reply that began at mark, with n streams; without any the client
// waits, or gets null.
func (c *Ctx) endRead(mark, n int, o *readOptions) error {
	if n > 0 {
		c.endArray(mark, n)
		if c.Out.RESP3 {
			c.Out.Buf[mark] = '%'
		}
		return nil
	}
	c.Out.Buf = c.Out.Buf[:mark]
	if !o.blocks || !c.Block(o.wait(c.Args)) {
		c.Out.NullArray()
	}
	return nil
}

// wait is what a command of these options waits for. For XREAD the ids that depend on
// when they are read become what they are now.
func (o *readOptions) wait(args [][]byte) Wait {
	w := Wait{Kind: keyspace.Stream, Keys: o.keys, Timeout: o.timeout, OrGone: o.group != nil}
	for i, arg := range o.args {
		if !isWord(arg, '$') && !isWord(arg, '+') {
			continue
		}
		if w.Args == nil {
			w.Args = slices.Clone(args)
		}
		w.Args[len(args)-len(o.args)+i] = o.ids[i].Append(nil)
	}
	return w
}

// XREADGROUP GROUP group consumer [COUNT n] [BLOCK ms] [NOACK] STREAMS key [key …] id [id …]
func cmdXReadGroup(c *Ctx) error {
	o, err := c.parseRead(true)
	if err != nil {
		return err
	}
	o.ids = c.lendIDs(len(o.keys))
	for i, key := range o.keys {
		if o.ids[i], err = c.groupReadAfter(&o, key, o.args[i]); err != nil {
			return err
		}
	}
	c.NoEffect()
	mark, n := c.beginArray(), 0
	for i, key := range o.keys {
		s, err := c.editReadStream(key)
		if err != nil {
			return err
		}
		if c.readForGroup(s, &o, i) {
			n++
		}
	}
	return c.endRead(mark, n, &o)
}

// groupReadAfter is the id after which XREADGROUP reads what its consumer has
// pending, or MaxID, if it is to read what is new.
func (c *Ctx) groupReadAfter(o *readOptions, key, arg []byte) (id stream.ID, err error) {
	s, err := c.readStream(key)
	if err != nil {
		return id, err
	}
	if s == nil || s.Group(o.group) == nil {
		return id, resp.Errorf("NOGROUP No such key '%s' or consumer group '%s' in XREADGROUP with GROUP option", key, o.group)
	}
	switch {
	case isWord(arg, '$'):
		return id, errGroupDollar
	case isWord(arg, '>'):
		return stream.MaxID, nil
	}
	return parseID(arg, 0)
}

// readForGroup replies with what there is to read in stream i, and reports whether
// there was something; reading what is pending always is something.
func (c *Ctx) readForGroup(s *stream.Stream, o *readOptions, i int) bool {
	key, after := o.keys[i], o.ids[i]
	g := s.EditGroup(o.group)
	consumer, isNew := c.seenConsumer(key, g, o.consumer)
	last, any := s.LastValid(c.Streams)
	isBehind := any && g.LastID.Less(last)
	if isNew && (o.noAck || !isBehind || after != stream.MaxID) {
		c.consumerEffect(key, g, o.consumer)
	}
	if after != stream.MaxID {
		c.AddDirty(1)
		c.beginStream(key)
		c.replyHistory(s, g, consumer, after, o.count)
		return true
	}
	if !isBehind {
		return false
	}
	c.AddDirty(1)
	c.beginStream(key)
	c.deliver(s, g, consumer, o, key)
	return true
}

// deliver replies with what is new for a group, and makes it pending. Its effects end
// with one that tells how many entries the group has read, which claims do not.
func (c *Ctx) deliver(s *stream.Stream, g *stream.Group, to *stream.Consumer, o *readOptions, key []byte) {
	from, _ := g.LastID.Next()
	mark, n := c.beginArray(), 0
	for it := s.Range(c.Streams, from, stream.MaxID); it.Next(); {
		id := it.ID()
		s.Advance(g, id)
		c.replyEntry(&it)
		if !o.noAck {
			g.Deliver(id, to, c.Now, 1)
			to.ActiveAt = c.Now
			p, _ := g.Pending(id)
			c.claimEffect(key, g, id, nil, p)
		}
		if n++; n == o.count {
			break
		}
	}
	c.endArray(mark, n)
	c.groupIDEffect(key, g)
}

// replyHistory replies with what a consumer has pending after an id, as delivered
// once more; what was deleted since has no fields.
func (c *Ctx) replyHistory(s *stream.Stream, g *stream.Group, of *stream.Consumer, after stream.ID, count int) {
	mark, n := c.beginArray(), 0
	id, ok := after.Next()
	for ok && (count == 0 || n < count) {
		if id, ok = of.NextPending(id); !ok {
			break
		}
		if c.replyEntryOf(s, id) {
			p, _ := g.Pending(id)
			g.Deliver(id, of, c.Now, p.Deliveries+1)
		} else {
			c.Out.Array(2)
			c.replyID(id)
			c.Out.NullArray()
		}
		n++
		id, ok = id.Next()
	}
	c.endArray(mark, n)
}

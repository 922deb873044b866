package command

import (
	"github.com/vedette-ha/vedette/internal/resp"
	"github.com/vedette-ha/vedette/server/keyspace/stream"
)

// streamInfoCommands: https://redis.io/docs/latest/commands/xinfo/
func streamInfoCommands() []Row {
	return []Row{
		{Name: "XINFO STREAM", Run: cmdXInfoStream},
		{Name: "XINFO GROUPS", Run: cmdXInfoGroups},
		{Name: "XINFO CONSUMERS", Run: cmdXInfoConsumers},
		{Name: "XINFO HELP", Run: cmdXInfoHelp},
	}
}

// infoStream is the stream that XINFO names.
func (c *Ctx) infoStream() (*stream.Stream, error) {
	s, err := c.readStream(c.Args[2])
	if err == nil && s == nil {
		err = resp.ErrNoSuchKey
	}
	return s, err
}

// infoCount is how much of each list XINFO STREAM FULL shows unless told.
const infoCount = 10

// XINFO STREAM key [FULL [COUNT n]]
func cmdXInfoStream(c *Ctx) error {
	s, err := c.infoStream()
	if err != nil {
		return err
	}
	o := c.Args[3:]
	switch {
	case len(o) == 0:
		c.replyStreamInfo(s)
		return nil
	case len(o) != 1 && len(o) != 3, !fold(o[0], "FULL"), len(o) == 3 && !fold(o[1], "COUNT"):
		return c.errSubcommand()
	}
	count := int64(infoCount)
	if len(o) == 3 {
		var ok bool
		if count, ok = resp.ParseInt(o[2]); !ok {
			return resp.ErrNotInteger
		}
		if count < 0 {
			count = infoCount
		}
	}
	c.replyStreamFull(s, int(count))
	return nil
}

func (c *Ctx) infoInt(name string, n int64) {
	c.Out.BulkString(name)
	c.Out.Int(n)
}

func (c *Ctx) infoID(name string, id stream.ID) {
	c.Out.BulkString(name)
	c.replyID(id)
}

// streamInfoFields is how many pairs replyStreamHead writes.
const streamInfoFields = 7

func (c *Ctx) replyStreamHead(s *stream.Stream) {
	c.infoInt("length", int64(s.Len()))
	c.infoInt("radix-tree-keys", int64(s.Nodes()))
	c.infoInt("radix-tree-nodes", int64(s.RadixNodes()))
	c.infoID("last-generated-id", s.LastID())
	c.infoID("max-deleted-entry-id", s.MaxDeletedID())
	c.infoInt("entries-added", int64(s.Added()))
	c.infoID("recorded-first-entry-id", s.FirstID())
}

func (c *Ctx) replyStreamInfo(s *stream.Stream) {
	c.Out.Map(streamInfoFields + 3)
	c.replyStreamHead(s)
	c.infoInt("groups", int64(len(s.Groups())))
	c.Out.BulkString("first-entry")
	it := s.Range(c.Streams, stream.ID{}, stream.MaxID)
	c.replyEntryOrNull(&it)
	c.Out.BulkString("last-entry")
	it = s.RevRange(c.Streams, stream.ID{}, stream.MaxID)
	c.replyEntryOrNull(&it)
}

func (c *Ctx) replyEntryOrNull(it *stream.Iter) {
	if it.Next() {
		c.replyEntry(it)
		return
	}
	c.Out.Null()
}

func (c *Ctx) replyStreamFull(s *stream.Stream, count int) {
	c.Out.Map(streamInfoFields + 2)
	c.replyStreamHead(s)
	c.Out.BulkString("entries")
	c.replyNew(s, stream.ID{}, count)
	c.Out.BulkString("groups")
	c.Out.Array(len(s.Groups()))
	for _, g := range s.Groups() {
		c.replyGroupFull(s, g, count)
	}
}

func (c *Ctx) replyGroupFull(s *stream.Stream, g *stream.Group, count int) {
	c.Out.Map(7)
	c.Out.BulkString("name")
	c.Out.Bulk(g.Name())
	c.replyProgress(s, g)
	c.infoInt("pel-count", int64(g.PendingCount()))
	c.Out.BulkString("pending")
	mark, n := c.beginArray(), 0
	for id, p := range g.All(stream.ID{}) {
		c.Out.Array(4)
		c.replyID(id)
		c.Out.Bulk(g.Holder(*p).Name())
		c.Out.Int(p.DeliveredAt)
		c.Out.Int(int64(p.Deliveries))
		if n++; n == count {
			break
		}
	}
	c.endArray(mark, n)
	c.Out.BulkString("consumers")
	c.Out.Array(g.ConsumerCount())
	for consumer := range g.Consumers() {
		c.replyConsumerFull(g, consumer, count)
	}
}

// replyProgress writes how far a group has read: three pairs.
func (c *Ctx) replyProgress(s *stream.Stream, g *stream.Group) {
	c.infoID("last-delivered-id", g.LastID)
	c.Out.BulkString("entries-read")
	if g.EntriesRead == stream.ReadUnknown {
		c.Out.Null()
	} else {
		c.Out.Int(g.EntriesRead)
	}
	c.Out.BulkString("lag")
	if lag, ok := s.Lag(g); ok {
		c.Out.Int(lag)
	} else {
		c.Out.Null()
	}
}

func (c *Ctx) replyConsumerFull(g *stream.Group, of *stream.Consumer, count int) {
	c.Out.Map(5)
	c.Out.BulkString("name")
	c.Out.Bulk(of.Name())
	c.infoInt("seen-time", of.SeenAt)
	c.infoInt("active-time", of.ActiveAt)
	c.infoInt("pel-count", int64(of.PendingCount()))
	c.Out.BulkString("pending")
	mark, n := c.beginArray(), 0
	held := g.Held(of, stream.ID{})
	for id, p, more := held.Next(); more; id, p, more = held.Next() {
		c.Out.Array(3)
		c.replyID(id)
		c.Out.Int(p.DeliveredAt)
		c.Out.Int(int64(p.Deliveries))
		if n++; n == count {
			break
		}
	}
	c.endArray(mark, n)
}

// XINFO GROUPS key
func cmdXInfoGroups(c *Ctx) error {
	s, err := c.infoStream()
	if err != nil {
		return err
	}
	c.Out.Array(len(s.Groups()))
	for _, g := range s.Groups() {
		c.Out.Map(6)
		c.Out.BulkString("name")
		c.Out.Bulk(g.Name())
		c.infoInt("consumers", int64(g.ConsumerCount()))
		c.infoInt("pending", int64(g.PendingCount()))
		c.replyProgress(s, g)
	}
	return nil
}

// XINFO CONSUMERS key group
func cmdXInfoConsumers(c *Ctx) error {
	s, err := c.infoStream()
	if err != nil {
		return err
	}
	g := s.Group(c.Args[3])
	if g == nil {
		return errNoGroup(c.Args[3], c.Args[2])
	}
	c.Out.Array(g.ConsumerCount())
	for consumer := range g.Consumers() {
		inactive := int64(-1)
		if consumer.ActiveAt != -1 {
			inactive = c.Now - consumer.ActiveAt
		}
		c.Out.Map(4)
		c.Out.BulkString("name")
		c.Out.Bulk(consumer.Name())
		c.infoInt("pending", int64(consumer.PendingCount()))
		c.infoInt("idle", max(c.Now-consumer.SeenAt, 0))
		c.infoInt("inactive", inactive)
	}
	return nil
}

// XINFO HELP
func cmdXInfoHelp(c *Ctx) error {
	c.Help(
		"CONSUMERS <key> <groupname>",
		"    Show consumers of <groupname>.",
		"GROUPS <key>",
		"    Show the stream consumer groups.",
		"STREAM <key> [FULL [COUNT <count>]",
		"    Show information about the stream.",
	)
	return nil
}

package server

import (
	"maps"
	"slices"

	"github.com/vedette-ha/vedette/internal/glob"
	"github.com/vedette-ha/vedette/internal/resp"
	"github.com/vedette-ha/vedette/server/command"
)

// subscribers are the sessions of one channel or pattern.
type subscribers map[*session]struct{}

// pubsub is who listens to what. Delivery appends to each session's output: a
// publisher never waits, a slow subscriber meets its output limit.
type pubsub struct {
	channels map[string]subscribers
	shards   map[string]subscribers
	patterns map[string]subscribers
	order    []string // the patterns, in the order they were first asked for
}

func newPubsub() pubsub {
	return pubsub{
		channels: make(map[string]subscribers),
		shards:   make(map[string]subscribers),
		patterns: make(map[string]subscribers),
	}
}

// subscriptions are what one session listens to. The zero value listens to nothing.
type subscriptions struct {
	channels, patterns, shards map[string]struct{}
}

// count is the number a RESP2 session's mode depends on.
func (u *subscriptions) count() int { return len(u.channels) + len(u.patterns) + len(u.shards) }

// kind is one of the three ways to subscribe.
type kind struct {
	subscribe, unsubscribe string // the first word of the replies
	message                string
	table                  func(*pubsub) map[string]subscribers
	own                    func(*subscriptions) *map[string]struct{}
	total                  func(*subscriptions) int // the number in the replies
}

func channelKind() kind {
	return kind{"subscribe", "unsubscribe", "message",
		func(p *pubsub) map[string]subscribers { return p.channels },
		func(u *subscriptions) *map[string]struct{} { return &u.channels },
		func(u *subscriptions) int { return len(u.channels) + len(u.patterns) }}
}

func patternKind() kind {
	return kind{"psubscribe", "punsubscribe", "pmessage",
		func(p *pubsub) map[string]subscribers { return p.patterns },
		func(u *subscriptions) *map[string]struct{} { return &u.patterns },
		func(u *subscriptions) int { return len(u.channels) + len(u.patterns) }}
}

func shardKind() kind {
	return kind{"ssubscribe", "sunsubscribe", "smessage",
		func(p *pubsub) map[string]subscribers { return p.shards },
		func(u *subscriptions) *map[string]struct{} { return &u.shards },
		func(u *subscriptions) int { return len(u.shards) }}
}

// pubsubCommands: https://redis.io/docs/latest/commands/?group=pubsub
func (s *Server) pubsubCommands() []command.Row {
	subscribe := func(k kind) func(*command.Ctx) error {
		return func(c *command.Ctx) error { return s.cmdSubscribe(c, k) }
	}
	unsubscribe := func(k kind) func(*command.Ctx) error {
		return func(c *command.Ctx) error { return s.cmdUnsubscribe(c, k) }
	}
	return []command.Row{
		{Name: "SUBSCRIBE", Run: subscribe(channelKind())},
		{Name: "PSUBSCRIBE", Run: subscribe(patternKind())},
		{Name: "SSUBSCRIBE", Run: subscribe(shardKind())},
		{Name: "UNSUBSCRIBE", Run: unsubscribe(channelKind())},
		{Name: "PUNSUBSCRIBE", Run: unsubscribe(patternKind())},
		{Name: "SUNSUBSCRIBE", Run: unsubscribe(shardKind())},
		{Name: "PUBLISH", Run: s.cmdPublish},
		{Name: "SPUBLISH", Run: s.cmdSPublish},
		{Name: "PUBSUB CHANNELS", Run: func(c *command.Ctx) error { return listChannels(c, s.pubsub.channels) }},
		{Name: "PUBSUB SHARDCHANNELS", Run: func(c *command.Ctx) error { return listChannels(c, s.pubsub.shards) }},
		{Name: "PUBSUB NUMSUB", Run: func(c *command.Ctx) error { return countSubscribers(c, s.pubsub.channels) }},
		{Name: "PUBSUB SHARDNUMSUB", Run: func(c *command.Ctx) error { return countSubscribers(c, s.pubsub.shards) }},
		{Name: "PUBSUB NUMPAT", Run: func(c *command.Ctx) error {
			c.Out.Int(int64(len(s.pubsub.patterns)))
			return nil
		}},
		{Name: "PUBSUB HELP", Run: cmdPubsubHelp},
	}
}

// SUBSCRIBE channel [channel ...], and PSUBSCRIBE and SSUBSCRIBE alike
func (s *Server) cmdSubscribe(c *command.Ctx, k kind) error {
	ss := sessionOf(c)
	if ss.deniesBlocking() || ss.inExec && k.subscribe == "ssubscribe" {
		return resp.Errorf("ERR %s isn't allowed for a DENY BLOCKING client", c.Cmd.Name)
	}
	for _, arg := range c.Args[1:] {
		s.subscribe(ss, k, string(arg))
		writeSubscription(c.Out, k.subscribe, arg, k.total(&ss.subs))
	}
	ss.updateClass()
	return nil
}

// deniesBlocking is for sessions without a connection, which must be answered at once.
func (c *session) deniesBlocking() bool { return c.conn == nil }

func (s *Server) subscribe(ss *session, k kind, name string) {
	own := k.own(&ss.subs)
	if *own == nil {
		*own = make(map[string]struct{})
	}
	if _, already := (*own)[name]; already {
		return
	}
	(*own)[name] = struct{}{}
	table := k.table(&s.pubsub)
	if table[name] == nil {
		table[name] = make(subscribers)
		if k.subscribe == "psubscribe" {
			s.pubsub.order = append(s.pubsub.order, name)
		}
	}
	table[name][ss] = struct{}{}
}

// UNSUBSCRIBE [channel [channel ...]], and PUNSUBSCRIBE and SUNSUBSCRIBE alike
func (s *Server) cmdUnsubscribe(c *command.Ctx, k kind) error {
	ss := sessionOf(c)
	names := make([]string, 0, len(c.Args))
	for _, arg := range c.Args[1:] {
		names = append(names, string(arg))
	}
	if len(c.Args) == 1 {
		names = slices.Collect(maps.Keys(*k.own(&ss.subs)))
	}
	if len(names) == 0 {
		writeSubscription(c.Out, k.unsubscribe, nil, k.total(&ss.subs))
	}
	for _, name := range names {
		s.unsubscribe(ss, k, name)
		writeSubscription(c.Out, k.unsubscribe, []byte(name), k.total(&ss.subs))
	}
	ss.updateClass()
	return nil
}

func (s *Server) unsubscribe(ss *session, k kind, name string) {
	own := *k.own(&ss.subs)
	if _, there := own[name]; !there {
		return
	}
	delete(own, name)
	table := k.table(&s.pubsub)
	delete(table[name], ss)
	if len(table[name]) > 0 {
		return
	}
	delete(table, name)
	if i := slices.Index(s.pubsub.order, name); i >= 0 && k.subscribe == "psubscribe" {
		s.pubsub.order = slices.Delete(s.pubsub.order, i, i+1)
	}
}

// unsubscribeAll ends all of a session's subscriptions without a word to it.
func (s *Server) unsubscribeAll(ss *session) {
	for _, k := range []kind{channelKind(), patternKind(), shardKind()} {
		for name := range *k.own(&ss.subs) {
			s.unsubscribe(ss, k, name)
		}
	}
	ss.updateClass()
}

// updateClass moves a session between the normal and the Pub/Sub output limits.
func (c *session) updateClass() {
	switch {
	case c.class == classNormal && c.subs.count() > 0:
		c.class = classPubSub
	case c.class == classPubSub && c.subs.count() == 0:
		c.class = classNormal
	}
}

// writeSubscription writes one confirmation; a nil name is null.
func writeSubscription(o *resp.Writer, word string, name []byte, total int) {
	o.Push(3)
	o.BulkString(word)
	if name == nil {
		o.Null()
	} else {
		o.Bulk(name)
	}
	o.Int(int64(total))
}

// PUBLISH channel message
func (s *Server) cmdPublish(c *command.Ctx) error {
	n := s.publish(c.Args[1], c.Args[2])
	c.Effect(c.Args...)
	c.Out.Int(int64(n))
	return nil
}

// SPUBLISH shardchannel message
func (s *Server) cmdSPublish(c *command.Ctx) error {
	n := s.deliver(s.pubsub.shards[string(c.Args[1])], "smessage", nil, c.Args[1], c.Args[2])
	c.Effect(c.Args...)
	c.Out.Int(int64(n))
	return nil
}

// publish delivers a message to a channel's and to matching patterns' subscribers
// and returns how many deliveries that were.
func (s *Server) publish(channel, message []byte) int {
	n := s.deliver(s.pubsub.channels[string(channel)], "message", nil, channel, message)
	for _, p := range s.pubsub.order {
		if pattern := []byte(p); glob.Match(pattern, channel) {
			n += s.deliver(s.pubsub.patterns[p], "pmessage", pattern, channel, message)
		}
	}
	return n
}

// pushTo is where a push to a session is written; pushed follows. While a command of
// that same session runs, the push waits behind its reply, which it must not split.
func (s *Server) pushTo(ss *session) *resp.Writer {
	if ss == s.running {
		s.asideOut = resp.Writer{Buf: ss.aside, RESP3: ss.out.RESP3}
		return &s.asideOut
	}
	ss.borrowOutput()
	return &ss.out
}

// pushed keeps what was written to o, and dooms a session that does not read.
func (s *Server) pushed(ss *session, o *resp.Writer) {
	if ss == s.running {
		ss.aside = o.Buf
		return
	}
	ss.queueOutput()
	ss.checkHardLimit()
}

func (s *Server) deliver(to subscribers, word string, pattern, channel, message []byte) int {
	for ss := range to {
		if ss.doomed || ss.closeAfter {
			continue
		}
		o := s.pushTo(ss)
		if pattern == nil {
			o.Push(3)
			o.BulkString(word)
		} else {
			o.Push(4)
			o.BulkString(word)
			o.Bulk(pattern)
		}
		o.Bulk(channel)
		o.Bulk(message)
		s.pushed(ss, o)
	}
	return len(to)
}

// PUBSUB CHANNELS [pattern], and SHARDCHANNELS alike
func listChannels(c *command.Ctx, table map[string]subscribers) error {
	if len(c.Args) > 3 {
		return resp.Errorf("ERR unknown subcommand or wrong number of arguments for '%s'. Try PUBSUB HELP.", c.Args[1])
	}
	var names []string
	for name := range table {
		if len(c.Args) == 2 || glob.Match(c.Args[2], []byte(name)) {
			names = append(names, name)
		}
	}
	c.Out.Array(len(names))
	for _, name := range names {
		c.Out.BulkString(name)
	}
	return nil
}

// PUBSUB NUMSUB [channel [channel ...]], and SHARDNUMSUB alike
func countSubscribers(c *command.Ctx, table map[string]subscribers) error {
	c.Out.Array(2 * (len(c.Args) - 2))
	for _, name := range c.Args[2:] {
		c.Out.Bulk(name)
		c.Out.Int(int64(len(table[string(name)])))
	}
	return nil
}

// PUBSUB HELP
func cmdPubsubHelp(c *command.Ctx) error {
	c.Help(
		"CHANNELS [<pattern>]",
		"    Return the currently active channels matching a <pattern> (default: '*').",
		"NUMPAT",
		"    Return number of subscriptions to patterns.",
		"NUMSUB [<channel> ...]",
		"    Return the number of subscribers for the specified channels, excluding",
		"    pattern subscriptions(default: no channels).",
		"SHARDCHANNELS [<pattern>]",
		"    Return the currently active shard level channels matching a <pattern> (default: '*').",
		"SHARDNUMSUB [<shardchannel> ...]",
		"    Return the number of subscribers for the specified shard level channel(s)",
	)
	return nil
}

package command

import (
	"strconv"

	"github.com/vedette-ha/vedette/internal/resp"
	"github.com/vedette-ha/vedette/server/keyspace/stream"
)

// streamGroupCommands are those of consumer groups.
func streamGroupCommands() []Row {
	return []Row{
		{Name: "XGROUP CREATE", Run: cmdXGroupCreate},
		{Name: "XGROUP SETID", Run: cmdXGroupSetID},
		{Name: "XGROUP DESTROY", Run: cmdXGroupDestroy},
		{Name: "XGROUP CREATECONSUMER", Run: cmdXGroupCreateConsumer},
		{Name: "XGROUP DELCONSUMER", Run: cmdXGroupDelConsumer},
		{Name: "XGROUP HELP", Run: cmdXGroupHelp},
		{Name: "XREAD", Run: cmdXRead},
		{Name: "XREADGROUP", Run: cmdXReadGroup},
		{Name: "XACK", Run: cmdXAck},
		{Name: "XPENDING", Run: cmdXPending},
		{Name: "XCLAIM", Run: cmdXClaim},
		{Name: "XAUTOCLAIM", Run: cmdXAutoClaim},
	}
}

var (
	errGroupKey    = resp.NewError("ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to use the MKSTREAM option to create an empty stream automatically.")
	errBusyGroup   = resp.NewError("BUSYGROUP Consumer Group name already exists")
	errEntriesRead = resp.NewError("ERR value for ENTRIESREAD must be positive or -1")
)

func errNoGroup(name, key []byte) error {
	return resp.Errorf("NOGROUP No such consumer group '%s' for key name '%s'", name, key)
}

func errNoKeyOrGroup(key, name []byte) error {
	return resp.Errorf("NOGROUP No such key '%s' or consumer group '%s'", key, name)
}

// errSubcommand is what Redis answers a container's subcommand that it cannot read.
func (c *Ctx) errSubcommand() error {
	return resp.Errorf("ERR unknown subcommand or wrong number of arguments for '%.128s'. Try %s HELP.",
		c.Args[1], c.Cmd.Parent.Name)
}

// groupOptions are those of XGROUP CREATE and SETID.
type groupOptions struct {
	mkstream bool
	read     int64
}

func (c *Ctx) parseGroupOptions(create bool) (o groupOptions, err error) {
	o.read = stream.ReadUnknown
	for args := c.Args[5:]; len(args) > 0; {
		switch {
		case create && fold(args[0], "MKSTREAM"):
			o.mkstream = true
			args = args[1:]
		case fold(args[0], "ENTRIESREAD") && len(args) > 1:
			n, ok := resp.ParseInt(args[1])
			if !ok {
				return o, resp.ErrNotInteger
			}
			if n < 0 && n != stream.ReadUnknown {
				return o, errEntriesRead
			}
			o.read = n
			args = args[2:]
		default:
			return o, c.errSubcommand()
		}
	}
	return o, nil
}

// XGROUP CREATE key group id | $ [MKSTREAM] [ENTRIESREAD n]
func cmdXGroupCreate(c *Ctx) error {
	key := c.Args[2]
	o, err := c.parseGroupOptions(true)
	if err != nil {
		return err
	}
	s, err := c.editStream(key)
	if err != nil {
		return err
	}
	if s == nil && !o.mkstream {
		return errGroupKey
	}
	if len(c.Args) > 8 {
		return c.errSubcommand()
	}
	var id stream.ID
	if !isWord(c.Args[4], '$') {
		if id, err = parseID(c.Args[4], 0); err != nil {
			return err
		}
	} else if s != nil {
		id = s.LastID()
	}
	if s == nil {
		s = stream.New()
		if err := c.StoreObject(key, s); err != nil {
			return err
		}
		c.Host.Touch(c.DBIndex, key)
	}
	if s.CreateGroup(c.Args[3], id, o.read) == nil {
		return errBusyGroup
	}
	c.streamChanged("xgroup-create", key)
	c.Out.Status("OK")
	return nil
}

// editGroup is the stream and the group that XGROUP names, to be changed. Only the
// group may be nil.
func (c *Ctx) editGroup() (*stream.Stream, *stream.Group, error) {
	s, err := c.editStream(c.Args[2])
	if err != nil {
		return nil, nil, err
	}
	if s == nil {
		return nil, nil, errGroupKey
	}
	return s, s.EditGroup(c.Args[3]), nil
}

// XGROUP SETID key group id | $ [ENTRIESREAD n]
func cmdXGroupSetID(c *Ctx) error {
	o, err := c.parseGroupOptions(false)
	if err != nil {
		return err
	}
	s, g, err := c.editGroup()
	if err != nil {
		return err
	}
	if g == nil {
		return errNoGroup(c.Args[3], c.Args[2])
	}
	if n := len(c.Args); n != 5 && n != 7 {
		return c.errSubcommand()
	}
	id := s.LastID()
	if !isWord(c.Args[4], '$') {
		if id, err = parseAnyID(c.Args[4], 0); err != nil {
			return err
		}
	}
	g.LastID, g.EntriesRead = id, o.read
	c.streamChanged("xgroup-setid", c.Args[2])
	c.Out.Status("OK")
	return nil
}

// XGROUP DESTROY key group
func cmdXGroupDestroy(c *Ctx) error {
	s, g, err := c.editGroup()
	if err != nil {
		return err
	}
	if g == nil {
		c.Out.Int(0)
		return nil
	}
	s.DestroyGroup(c.Args[3])
	c.streamChanged("xgroup-destroy", c.Args[2])
	c.Host.Ready(c.DBIndex, c.Args[2]) // who waits for what is new for the group is to hear of it
	c.Out.Int(1)
	return nil
}

// XGROUP CREATECONSUMER key group consumer
func cmdXGroupCreateConsumer(c *Ctx) error {
	_, g, err := c.editGroup()
	if err != nil {
		return err
	}
	if g == nil {
		return errNoGroup(c.Args[3], c.Args[2])
	}
	if g.CreateConsumer(c.Args[4], c.Now) == nil {
		c.Out.Int(0)
		return nil
	}
	c.streamChanged("xgroup-createconsumer", c.Args[2])
	c.Out.Int(1)
	return nil
}

// seenConsumer is the consumer of a group who is acting, to be changed; he is
// created if need be.
func (c *Ctx) seenConsumer(key []byte, g *stream.Group, name []byte) (consumer *stream.Consumer, isNew bool) {
	consumer = g.EditConsumer(name)
	if consumer == nil {
		isNew = true
		consumer = g.CreateConsumer(name, c.Now)
		c.streamChanged("xgroup-createconsumer", key)
	}
	consumer.SeenAt = c.Now
	return consumer, isNew
}

// consumerEffect propagates a consumer whom nothing else tells of.
func (c *Ctx) consumerEffect(key []byte, g *stream.Group, name []byte) {
	c.Effect(wordXGROUP, wordCREATECONSUMER, key, g.Name(), name)
}

// XGROUP DELCONSUMER key group consumer
func cmdXGroupDelConsumer(c *Ctx) error {
	_, g, err := c.editGroup()
	if err != nil {
		return err
	}
	if g == nil {
		return errNoGroup(c.Args[3], c.Args[2])
	}
	pending := 0
	if g.Consumer(c.Args[4]) != nil {
		pending = g.DeleteConsumer(c.Args[4])
		c.streamChanged("xgroup-delconsumer", c.Args[2])
	}
	c.Out.Int(int64(pending))
	return nil
}

// XACK key group id [id …]
func cmdXAck(c *Ctx) error {
	s, err := c.editReadStream(c.Args[1])
	if err != nil {
		return err
	}
	var g *stream.Group
	if s != nil {
		g = s.EditGroup(c.Args[2])
	}
	if g == nil {
		c.Out.Int(0)
		return nil
	}
	ids, err := c.parseIDs(c.Args[3:])
	if err != nil {
		return err
	}
	n := 0
	for _, id := range ids {
		if g.Ack(id) {
			n++
		}
	}
	c.AddDirty(n)
	c.Out.Int(int64(n))
	return nil
}

// The words of effects.
var (
	wordEqual          = []byte("=")
	wordXCLAIM         = []byte("XCLAIM")
	wordXGROUP         = []byte("XGROUP")
	wordSETID          = []byte("SETID")
	wordCREATECONSUMER = []byte("CREATECONSUMER")
	wordENTRIESREAD    = []byte("ENTRIESREAD")
	wordZero           = []byte("0")
	wordTIME           = []byte("TIME")
	wordRETRYCOUNT     = []byte("RETRYCOUNT")
	wordFORCE          = []byte("FORCE")
	wordJUSTID         = []byte("JUSTID")
	wordLASTID         = []byte("LASTID")
)

// groupIDEffect propagates how far a group has read.
func (c *Ctx) groupIDEffect(key []byte, g *stream.Group) {
	b := g.LastID.Append(c.Scratch[:0])
	n := len(b)
	b = strconv.AppendInt(b, g.EntriesRead, 10)
	c.Scratch = b
	words := append(c.claimWords[:0], wordXGROUP, wordSETID, key, g.Name(), b[:n], wordENTRIESREAD, b[n:])
	c.Effect(words...)
}

// claimEffect propagates who has an entry pending, in a form that does the same
// however often it is done. arg is the id as it was given; nil if it was not.
func (c *Ctx) claimEffect(key []byte, g *stream.Group, id stream.ID, arg []byte, p stream.Pending) {
	b := id.Append(c.Scratch[:0])
	idEnd := len(b)
	b = strconv.AppendInt(b, p.DeliveredAt, 10)
	timeEnd := len(b)
	b = strconv.AppendUint(b, p.Deliveries, 10)
	countEnd := len(b)
	b = g.LastID.Append(b)
	c.Scratch = b
	if arg == nil {
		arg = b[:idEnd]
	}
	c.claimWords = [14][]byte{wordXCLAIM, key, g.Name(), g.Holder(p).Name(), wordZero, arg,
		wordTIME, b[idEnd:timeEnd], wordRETRYCOUNT, b[timeEnd:countEnd],
		wordFORCE, wordJUSTID, wordLASTID, b[countEnd:]}
	c.Effect(c.claimWords[:]...)
}

// XGROUP HELP
func cmdXGroupHelp(c *Ctx) error {
	c.Help(
		"CREATE <key> <groupname> <id|$> [option]",
		"    Create a new consumer group. Options are:",
		"    * MKSTREAM",
		"      Create the empty stream if it does not exist.",
		"    * ENTRIESREAD entries_read",
		"      Set the group's entries_read counter (internal use).",
		"CREATECONSUMER <key> <groupname> <consumer>",
		"    Create a new consumer in the specified group.",
		"DELCONSUMER <key> <groupname> <consumer>",
		"    Remove the specified consumer.",
		"DESTROY <key> <groupname>",
		"    Remove the specified group.",
		"SETID <key> <groupname> <id|$> [ENTRIESREAD entries_read]",
		"    Set the current group ID and entries_read counter.",
	)
	return nil
}

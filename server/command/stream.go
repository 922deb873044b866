package command

import (
	"slices"
	"strconv"

	"github.com/vedette-ha/vedette/internal/resp"
	"github.com/vedette-ha/vedette/server/keyspace"
	"github.com/vedette-ha/vedette/server/keyspace/stream"
)

// StreamCommands: https://redis.io/docs/latest/commands/?group=stream
func StreamCommands() []Row {
	return slices.Concat(streamGroupCommands(), streamInfoCommands(), []Row{
		{Name: "XADD", Run: cmdXAdd},
		{Name: "XLEN", Run: cmdXLen},
		{Name: "XDEL", Run: cmdXDel},
		{Name: "XTRIM", Run: cmdXTrim},
		{Name: "XSETID", Run: cmdXSetID},
		{Name: "XRANGE", Run: func(c *Ctx) error { return cmdXRange(c, false) }},
		{Name: "XREVRANGE", Run: func(c *Ctx) error { return cmdXRange(c, true) }},
	})
}

// readStream is the stream at key for a command that reads it; nil without one.
func (c *Ctx) readStream(key []byte) (*stream.Stream, error) {
	e, ok, err := c.ReadKind(key, keyspace.Stream)
	if !ok {
		return nil, err
	}
	return e.Object().(*stream.Stream), nil
}

// editStream is the stream at key to be changed; nil without one.
func (c *Ctx) editStream(key []byte) (*stream.Stream, error) {
	e, there := c.Find(key)
	return c.editStreamOf(e, there)
}

// editReadStream is editStream for commands that count as readers, though they
// change what is known of the readers.
func (c *Ctx) editReadStream(key []byte) (*stream.Stream, error) {
	e, there := c.Read(key)
	return c.editStreamOf(e, there)
}

// editStreamOf is the stream in e, which was just found if there, to be changed.
func (c *Ctx) editStreamOf(e keyspace.Entry, there bool) (*stream.Stream, error) {
	if !there {
		return nil, nil
	}
	if e.Kind() != keyspace.Stream {
		return nil, resp.ErrWrongType
	}
	o, _ := e.MutableObject()
	return o.(*stream.Stream), nil
}

// streamChanged tells of a change that those who watch the key do not mind.
func (c *Ctx) streamChanged(event string, key []byte) {
	c.AddDirty(1)
	c.Host.Notify(Stream, event, key, c.DBIndex)
}

var (
	errZeroID    = resp.NewError("ERR The ID specified in XADD must be greater than 0-0")
	errExhausted = resp.NewError("ERR The stream has exhausted the last possible ID, unable to add more items")
	errSmallID   = resp.NewError("ERR The ID specified in XADD is equal or smaller than the target stream top item")
	errTooBig    = resp.NewError("ERR Elements are too large to be stored")
)

// XADD key [NOMKSTREAM] [MAXLEN | MINID [= | ~] threshold [LIMIT n]] * | id field value …
func cmdXAdd(c *Ctx) error {
	o, err := c.parseAddOptions(true)
	if err != nil {
		return err
	}
	key := c.Args[1]
	if n := len(c.Args) - o.idAt - 1; n < 2 || n%2 != 0 {
		return resp.Errorf("ERR wrong number of arguments for 'xadd' command")
	}
	if o.idGiven && !o.autoSeq && o.id.IsZero() {
		return errZeroID
	}
	s, err := c.editStream(key)
	if err != nil {
		return err
	}
	isNew := s == nil
	if isNew && o.noCreate {
		c.Out.Null()
		return nil
	}
	if isNew {
		s = stream.New()
	}
	id, err := o.newID(s, c.Now)
	if err != nil {
		return err
	}
	limits := stream.Limits{NodeBytes: c.Opt.StreamNodeMaxBytes, NodeEntries: c.Opt.StreamNodeEntries}
	if s.Add(c.Streams, limits, id, c.Args[o.idAt+1:]) != nil {
		return errTooBig
	}
	if isNew {
		if err := c.StoreObject(key, s); err != nil {
			return err
		}
	}
	c.Changed(Stream, "xadd", key)
	if o.trims && s.Trim(c.Streams, o.trim) > 0 {
		c.Host.Notify(Stream, "xtrim", key, c.DBIndex)
	}
	c.addEffect(s, id, &o)
	c.replyID(id)
	return nil
}

// newID is the id of an entry to be added.
func (o *addOptions) newID(s *stream.Stream, now int64) (stream.ID, error) {
	last := s.LastID()
	next, ok := last.Next()
	if !ok {
		return next, errExhausted
	}
	id := o.id
	switch {
	case !o.idGiven && uint64(now) > last.MS:
		return stream.ID{MS: uint64(now)}, nil
	case !o.idGiven:
		return next, nil
	case o.autoSeq && id.MS == last.MS:
		id = next
		if id.MS != last.MS {
			return id, errSmallID
		}
	}
	if !last.Less(id) {
		return id, errSmallID
	}
	return id, nil
}

// addEffect propagates XADD with the id it found and with the trim that it did.
func (c *Ctx) addEffect(s *stream.Stream, id stream.ID, o *addOptions) {
	if o.idGiven && !o.autoSeq && !o.trim.Approx {
		return
	}
	b := id.Append(c.Scratch[:0])
	n := len(b)
	c.Scratch = o.appendThreshold(b, s)
	given := c.Args[o.idAt]
	c.Args[o.idAt] = c.Scratch[:n]
	c.trimEffect(o, c.Scratch[n:])
	c.Args[o.idAt] = given
}

// appendThreshold appends that of an exact trim that would have had the same outcome.
func (o *addOptions) appendThreshold(dst []byte, s *stream.Stream) []byte {
	if o.trim.ByID {
		return s.FirstStored().Append(dst)
	}
	return strconv.AppendInt(dst, int64(s.Len()), 10)
}

// trimEffect propagates the command with an exact trim for an approximate one.
func (c *Ctx) trimEffect(o *addOptions, threshold []byte) {
	if !o.trim.Approx {
		c.Effect(c.Args...)
		return
	}
	sign, given := c.Args[o.trimAt-1], c.Args[o.trimAt]
	c.Args[o.trimAt-1], c.Args[o.trimAt] = wordEqual, threshold
	c.Effect(c.Args...)
	c.Args[o.trimAt-1], c.Args[o.trimAt] = sign, given
}

// XLEN key
func cmdXLen(c *Ctx) error {
	s, err := c.readStream(c.Args[1])
	if err != nil {
		return err
	}
	n := 0
	if s != nil {
		n = s.Len()
	}
	c.Out.Int(int64(n))
	return nil
}

// XDEL key id [id …]
func cmdXDel(c *Ctx) error {
	key := c.Args[1]
	s, err := c.editStream(key)
	if err != nil {
		return err
	}
	if s == nil {
		c.Out.Int(0)
		return nil
	}
	ids, err := c.parseIDs(c.Args[2:])
	if err != nil {
		return err
	}
	n := s.Delete(c.Streams, ids)
	if n > 0 {
		c.Changed(Stream, "xdel", key)
		c.AddDirty(n - 1)
	}
	c.Out.Int(int64(n))
	return nil
}

// parseIDs reads ids into memory that is lent like c.Scratch.
func (c *Ctx) parseIDs(args [][]byte) ([]stream.ID, error) {
	ids := c.lendIDs(len(args))
	for i, arg := range args {
		var err error
		if ids[i], err = parseID(arg, 0); err != nil {
			return nil, err
		}
	}
	return ids, nil
}

// lendIDs returns memory for n ids, good until the command ends.
func (c *Ctx) lendIDs(n int) []stream.ID {
	const kept = 64
	if n > kept {
		return make([]stream.ID, n)
	}
	if cap(c.ids) < n {
		c.ids = make([]stream.ID, n)
	}
	return c.ids[:n]
}

// XTRIM key MAXLEN | MINID [= | ~] threshold [LIMIT n]
func cmdXTrim(c *Ctx) error {
	o, err := c.parseAddOptions(false)
	if err != nil {
		return err
	}
	key := c.Args[1]
	s, err := c.editStream(key)
	if err != nil {
		return err
	}
	n := 0
	if s != nil {
		n = s.Trim(c.Streams, o.trim)
	}
	if n > 0 {
		c.Changed(Stream, "xtrim", key)
		c.AddDirty(n - 1)
		if o.trim.Approx {
			c.Scratch = o.appendThreshold(c.Scratch[:0], s)
			c.trimEffect(&o, c.Scratch)
		}
	}
	c.Out.Int(int64(n))
	return nil
}

var (
	errSetAdded      = resp.NewError("ERR entries_added must be positive")
	errSetDeleted    = resp.NewError("ERR The ID specified in XSETID is smaller than the provided max_deleted_entry_id")
	errSetBelow      = resp.NewError("ERR The ID specified in XSETID is smaller than current max_deleted_entry_id")
	errSetTop        = resp.NewError("ERR The ID specified in XSETID is smaller than the target stream top item")
	errSetAddedBelow = resp.NewError("ERR The entries_added specified in XSETID is smaller than the target stream length")
)

// XSETID key last-id [ENTRIESADDED n] [MAXDELETEDID id]
func cmdXSetID(c *Ctx) error {
	key := c.Args[1]
	id, err := parseID(c.Args[2], 0)
	if err != nil {
		return err
	}
	added, maxDeleted, err := parseSetID(c.Args[3:], id)
	if err != nil {
		return err
	}
	s, err := c.editStream(key)
	if err != nil {
		return err
	}
	if s == nil {
		return resp.ErrNoSuchKey
	}
	if id.Less(s.MaxDeletedID()) {
		return errSetBelow
	}
	if top, any := s.LastValid(c.Streams); any && id.Less(top) {
		return errSetTop
	}
	if added != nil && s.Len() > 0 && uint64(s.Len()) > *added {
		return errSetAddedBelow
	}
	s.SetIDs(id, added, maxDeleted)
	c.Changed(Stream, "xsetid", key)
	c.Out.Status("OK")
	return nil
}

// parseSetID reads the options of XSETID; nil is what is not given.
func parseSetID(args [][]byte, id stream.ID) (added *uint64, maxDeleted *stream.ID, err error) {
	for ; len(args) >= 2; args = args[2:] {
		switch {
		case fold(args[0], "ENTRIESADDED"):
			n, ok := resp.ParseInt(args[1])
			if !ok {
				return nil, nil, resp.ErrNotInteger
			}
			if n < 0 {
				return nil, nil, errSetAdded
			}
			u := uint64(n)
			added = &u
		case fold(args[0], "MAXDELETEDID"):
			d, err := parseID(args[1], 0)
			if err != nil {
				return nil, nil, err
			}
			if id.Less(d) {
				return nil, nil, errSetDeleted
			}
			maxDeleted = &d
			if d.IsZero() {
				maxDeleted = nil
			}
		default:
			return nil, nil, resp.ErrSyntax
		}
	}
	if len(args) > 0 {
		return nil, nil, resp.ErrSyntax
	}
	return added, maxDeleted, nil
}

package replication

import (
	"slices"
	"strconv"
)

// Stream is the history of one server's writes: the newest part of it as bytes,
// and the ids it goes by. It keeps at least the newest BacklogSize bytes, and more
// while a cursor still needs them. It belongs to the loop's goroutine.
//
// A stream is inactive until something needs it (a replica, the append-only file,
// being a replica); an inactive stream drops what is appended and its offset
// stands still, so check Active before encoding an effect.
type Stream struct {
	ring    ring
	size    int64 // repl-backlog-size
	active  bool
	cursors []*Cursor

	id      ReplID
	id2     ReplID // the history before the last promotion; "" when none
	id2End  Offset // id2 is ours up to here
	framing Offset // the last bytes that carry no write begin here; see quietFrom
	framed  bool   // the end of the stream is framing
	db      int    // database of the last SELECT in the stream; -1 unknown

	newID func() ReplID
}

// NewStream returns an inactive, empty stream with a fresh id. backlogSize is in
// bytes; newID draws ids (NewReplID outside tests).
func NewStream(backlogSize int64, newID func() ReplID) *Stream {
	return &Stream{size: backlogSize, id: newID(), newID: newID, db: -1}
}

// ID is master_replid; ID2 is master_replid2, empty when there is none.
func (s *Stream) ID() ReplID  { return s.id }
func (s *Stream) ID2() ReplID { return s.id2 }

// Offset is master_repl_offset: the number of bytes ever written.
func (s *Stream) Offset() Offset { return s.ring.end }

// Active reports whether appended bytes are kept.
func (s *Stream) Active() bool { return s.active }

// Start is the oldest position a cursor can still be opened at.
func (s *Stream) Start() Offset { return s.ring.first }

// Size is repl-backlog-size; Memory what the history takes now, both in bytes.
func (s *Stream) Size() int64   { return s.size }
func (s *Stream) Memory() int64 { return s.ring.memory() }

// DB is the database the stream has selected, -1 when the next effect will be
// preceded by a SELECT (repl-stream-db in a snapshot).
func (s *Stream) DB() int { return s.db }

// Activate starts keeping history, from the current offset on. Nothing happens
// when it is already active.
func (s *Stream) Activate() {
	if !s.active {
		s.active = true
		s.ring.reset(s.ring.end)
	}
}

// Deactivate drops the history; the offset stays. It panics while a cursor is open.
func (s *Stream) Deactivate() {
	if len(s.cursors) > 0 {
		panic("replication: history dropped under an open cursor")
	}
	s.active = false
	s.ring.spare = nil
	s.ring.reset(s.ring.end)
}

// Append adds bytes as they are: effects already framed, or our own master's
// stream. p is copied.
func (s *Stream) Append(p []byte) {
	if !s.active || len(p) == 0 {
		return
	}
	s.framed = false
	s.add(p)
}

// AppendEffect adds the encoded effect p of a write in database db, with a SELECT
// before it when the stream is in another one.
func (s *Stream) AppendEffect(db int, p []byte) {
	if !s.active {
		return
	}
	if db != s.db {
		var b [48]byte
		s.Append(appendSelect(b[:0], db))
		s.db = db
	}
	s.Append(p)
}

// SetDB notes the database selected in bytes that were appended as they are; -1
// makes the next effect select.
func (s *Stream) SetDB(db int) { s.db = db }

// appendFraming adds bytes that change no data: PING and GETACK.
func (s *Stream) appendFraming(p string) {
	if !s.active {
		return
	}
	if !s.framed {
		s.framed, s.framing = true, s.ring.end
	}
	s.add([]byte(p))
}

// quietFrom is the offset from which on the stream holds no write: a replica that
// has acknowledged it has all the data.
func (s *Stream) quietFrom() Offset {
	if s.framed {
		return s.framing
	}
	return s.ring.end
}

func (s *Stream) add(p []byte) {
	if s.ring.append(p) {
		s.trim()
	}
}

// trim gives back the blocks that neither the backlog nor a cursor needs.
func (s *Stream) trim() {
	keep := s.ring.end - Offset(s.size)
	for _, c := range s.cursors {
		keep = min(keep, c.pos)
	}
	s.ring.trim(keep)
}

// Resize sets repl-backlog-size, in bytes. Surplus history is dropped now; a larger
// size fills up with what comes.
func (s *Stream) Resize(size int64) {
	s.size = size
	s.trim()
}

// Adopt makes this the stream of a master after a full synchronization: its id, its
// offset, no history yet and no second id. It panics while a cursor is open.
func (s *Stream) Adopt(id ReplID, at Offset) {
	if len(s.cursors) > 0 {
		panic("replication: stream adopted under an open cursor")
	}
	s.id, s.id2, s.id2End = id, "", 0
	s.active, s.framed, s.db = true, false, -1
	s.ring.reset(at)
}

// Restore continues the history a snapshot on disk was part of. A replica goes on
// under the same id; a master offers it to its replicas as the second id.
func (s *Stream) Restore(id ReplID, at Offset, asMaster bool) {
	own := s.id
	s.Adopt(id, at)
	if asMaster {
		s.id, s.id2, s.id2End = own, id, at
	}
}

// Shift begins a new history at the current offset, as a promotion does: the id so
// far becomes the second one, and replicas of it may continue up to here.
func (s *Stream) Shift() {
	s.follow(s.newID())
	s.db = -1
}

// follow continues under id; the id so far becomes the second one.
func (s *Stream) follow(id ReplID) {
	s.id, s.id2, s.id2End = id, s.id, s.ring.end
}

// Renew begins a history that shares nothing with the one before.
func (s *Stream) Renew() { s.id, s.id2, s.id2End = s.newID(), "", 0 }

// secondOffset is second_repl_offset: the first byte that is not in ID2's history.
func (s *Stream) secondOffset() int64 {
	if s.id2 == "" {
		return -1
	}
	return int64(s.id2End) + 1
}

// Cursor is one consumer's place in a stream. The stream keeps everything from it on.
type Cursor struct {
	s   *Stream
	pos Offset
}

// Open returns a cursor at position from; false when that is no longer, or not yet,
// in the history or the stream is inactive. Close it when done.
func (s *Stream) Open(from Offset) (*Cursor, bool) {
	if !s.active || from < s.ring.first || from > s.ring.end {
		return nil, false
	}
	c := &Cursor{s: s, pos: from}
	s.cursors = append(s.cursors, c)
	return c, true
}

// Next returns the bytes that follow, at most a block; empty at the end. They are
// valid until the next change to the stream.
func (c *Cursor) Next() []byte { return c.s.ring.at(c.pos) }

// Advance moves past n bytes.
func (c *Cursor) Advance(n int) {
	c.pos += Offset(n)
	if c.pos > c.s.ring.end {
		panic("replication: cursor moved past the end of the stream")
	}
	if c.pos-c.s.ring.first >= blockSize {
		c.s.trim()
	}
}

// Pos is the position of the next byte; Lag the number of bytes still to come.
func (c *Cursor) Pos() Offset { return c.pos }
func (c *Cursor) Lag() int64  { return int64(c.s.ring.end - c.pos) }

// Close gives up the place. A closed cursor must not be used.
func (c *Cursor) Close() {
	i := slices.Index(c.s.cursors, c)
	if i < 0 {
		panic("replication: cursor closed twice")
	}
	c.s.cursors = slices.Delete(c.s.cursors, i, i+1)
	c.s.trim()
}

const (
	pingFrame   = "*1\r\n$4\r\nPING\r\n"
	getAckFrame = "*3\r\n$8\r\nREPLCONF\r\n$6\r\nGETACK\r\n$1\r\n*\r\n"
)

func appendSelect(b []byte, db int) []byte {
	n := strconv.Itoa(db)
	b = append(b, "*2\r\n$6\r\nSELECT\r\n$"...)
	b = strconv.AppendInt(b, int64(len(n)), 10)
	b = append(b, "\r\n"...)
	b = append(b, n...)
	return append(b, "\r\n"...)
}

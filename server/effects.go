package server

import (
	"strconv"

	"github.com/vedette-ha/vedette/internal/resp"
)

// effects collects what the command (or transaction) that runs wants propagated.
// It leaves the server in one piece: alone as it is, several within MULTI and EXEC,
// so that a replica never shows half of them.
type effects struct {
	depth int    // calls that are running: EXEC holds those of its commands
	count int    // effects collected
	buf   []byte // their encoding, SELECTs included
	db    int    // the database the buffer's last command runs in; -1 unknown
}

func (e *effects) enter() { e.depth++ }
func (e *effects) leave() { e.depth-- }

// The framing of the stream.
var (
	streamMulti = []byte("*1\r\n$5\r\nMULTI\r\n")
	streamExec  = []byte("*1\r\n$4\r\nEXEC\r\n")
)

// Effect implements command.Host. Nothing is encoded while nobody would read it;
// a replica hands on its master's bytes instead of its own.
func (s *Server) Effect(db int, args ...[]byte) {
	if !s.feeding() {
		return
	}
	e := &s.effects
	if e.count == 0 {
		e.db = s.repl.Stream().DB()
	}
	if e.db != db {
		e.buf = appendSelect(e.buf, db)
		e.db = db
	}
	e.buf = resp.AppendCommand(e.buf, args...)
	e.count++
}

// feeding reports whether this server's own writes go anywhere.
func (s *Server) feeding() bool { return s.repl.Stream().Active() && !s.isReplica() }

// flushEffects hands what was collected to the stream, once no command runs, and
// reports whether there was anything.
func (s *Server) flushEffects() bool {
	e := &s.effects
	if e.count == 0 || e.depth > 0 {
		return false
	}
	stream := s.repl.Stream()
	if e.count > 1 {
		stream.Append(streamMulti)
	}
	stream.Append(e.buf)
	if e.count > 1 {
		stream.Append(streamExec)
	}
	stream.SetDB(e.db)
	s.wakeReplicas()
	e.count = 0
	e.buf = e.buf[:0]
	if cap(e.buf) > 1<<20 {
		e.buf = nil
	}
	return true
}

func appendSelect(b []byte, db int) []byte {
	return resp.AppendCommand(b, []byte("SELECT"), strconv.AppendInt(nil, int64(db), 10))
}

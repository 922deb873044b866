package server

import (
	"strings"

	"github.com/vedette-ha/vedette/internal/resp"
	"github.com/vedette-ha/vedette/server/command"
)

// killFilter is what CLIENT KILL's options ask for. Empty fields match all.
type killFilter struct {
	addr, laddr, user, typ string
	id                     uint64
	skipMe                 bool
}

func (f *killFilter) match(x *session) bool {
	return (f.addr == "" || x.addr() == f.addr) &&
		(f.laddr == "" || x.conn != nil && x.localAddr() == f.laddr) &&
		(f.typ == "" || x.typeName() == f.typ) &&
		(f.id == 0 || x.id == f.id) &&
		(f.user == "" || f.user == "default")
}

// CLIENT KILL addr | [ID id] [TYPE type] [USER name] [ADDR addr] [LADDR addr] [SKIPME yes|no]
func (s *Server) cmdClientKill(c *command.Ctx) error {
	if len(c.Args) == 3 {
		n := s.kill(&killFilter{addr: string(c.Args[2])}, sessionOf(c))
		if n == 0 {
			return resp.Errorf("ERR No such client")
		}
		c.Out.Status("OK")
		return nil
	}
	f, err := parseKillFilter(c.Args[2:])
	if err != nil {
		return err
	}
	c.Out.Int(int64(s.kill(f, sessionOf(c))))
	return nil
}

func parseKillFilter(args [][]byte) (*killFilter, error) {
	f := &killFilter{skipMe: true}
	for ; len(args) > 0; args = args[2:] {
		if len(args) < 2 {
			return nil, resp.ErrSyntax
		}
		if err := f.set(args[0], args[1]); err != nil {
			return nil, err
		}
	}
	return f, nil
}

func (f *killFilter) set(option, value []byte) error {
	switch strings.ToUpper(string(option)) {
	case "ID":
		id, ok := resp.ParseInt(value)
		if !ok || id < 1 {
			return resp.Errorf("ERR client-id should be greater than 0")
		}
		f.id = uint64(id)
	case "TYPE":
		name, ok := normalType(value)
		if !ok {
			return resp.Errorf("ERR Unknown client type '%s'", value)
		}
		f.typ = name
	case "ADDR":
		f.addr = string(value)
	case "LADDR":
		f.laddr = string(value)
	case "USER":
		if string(value) != "default" {
			return resp.Errorf("ERR No such user '%s'", value)
		}
		f.user = string(value)
	case "SKIPME":
		if !equalFold(value, "yes") && !equalFold(value, "no") {
			return resp.ErrSyntax
		}
		f.skipMe = equalFold(value, "yes")
	default:
		return resp.ErrSyntax
	}
	return nil
}

// kill ends the sessions that match; the caller's own once its reply is written.
func (s *Server) kill(f *killFilter, me *session) (n int) {
	s.eachSession(func(x *session) {
		if !f.match(x) || x == me && f.skipMe {
			return
		}
		n++
		if x == me {
			x.closeAfter = true
			return
		}
		x.close()
	})
	return n
}

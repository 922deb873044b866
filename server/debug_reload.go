package server

import (
	"github.com/vedette-ha/vedette/internal/resp"
	"github.com/vedette-ha/vedette/server/command"
)

// DEBUG RELOAD [MERGE] [NOFLUSH] [NOSAVE]
func (s *Server) cmdDebugReload(c *command.Ctx) error {
	save, flush := true, true
	// With replicas, what has expired is loaded, too: when it goes they are told.
	o := loadOptions{path: s.rdbPath(), keepExpired: s.isReplica() || s.feeding()}
	for _, a := range c.Args[2:] {
		switch {
		case equalFold(a, "MERGE"):
			o.merge = true
		case equalFold(a, "NOFLUSH"):
			flush = false
		case equalFold(a, "NOSAVE"):
			save = false
		default:
			return resp.Errorf("ERR DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE options.")
		}
	}
	if s.snap.saving() {
		s.snap.job.abort()
	}
	if save && s.saveNow() != nil {
		return resp.Errorf("ERR")
	}
	if flush {
		s.dropData()
	}
	if _, err := s.loadNow(o); err != nil {
		s.log.Warn().Msg(err.Error())
		return resp.Errorf("ERR Error trying to load the RDB dump, check server logs.")
	}
	s.log.Warn().Msg("DB reloaded by DEBUG RELOAD")
	c.Out.Status("OK")
	return nil
}

package server

import (
	"errors"
	"io/fs"
	"os"

	"github.com/vedette-ha/vedette/replication"
)

// maxCollectedDels bounds what is kept of DELs while loading, in bytes.
const maxCollectedDels = 64 << 20

var errFatalLoad = errors.New("Fatal error loading the DB, check server logs. Exiting.") //nolint:staticcheck // Redis's log line

// loadAtStart loads the data set from its file, if there is one, and calls ready
// when it is there. Clients are answered meanwhile, as far as that goes. A file that
// cannot be loaded ends the server, and is left as it is.
func (s *Server) loadAtStart(ready func()) {
	o := loadOptions{path: s.rdbPath(), keepExpired: !s.cfg.ReplicaOf.IsZero()}
	if !o.keepExpired {
		o.collectDels = int(min(s.cfg.ReplBacklogSize, maxCollectedDels))
	}
	if _, err := os.Stat(o.path); errors.Is(err, fs.ErrNotExist) {
		ready()
		return
	}
	if o.keepExpired { // not a master even for the time of loading
		s.repl.FollowAfterLoad(s.cfg.ReplicaOf.Host, s.cfg.ReplicaOf.Port)
	}
	s.load(o, func(l loaded, err error) {
		if err != nil {
			s.log.Error().Msg(err.Error())
			s.stopErr = errFatalLoad
			s.stopped = true
			return
		}
		s.log.Info().Msgf("DB loaded from disk: %.3f seconds", l.took.Seconds())
		s.restoreHistory(&l)
		ready()
	})
}

// restoreHistory lets replication go on where the snapshot says it was: a replica
// asks its master for what follows, and a master takes back replicas that were there.
func (s *Server) restoreHistory(l *loaded) {
	asMaster := s.cfg.ReplicaOf.IsZero()
	if l.replID == "" || l.replOffset < 0 || asMaster && l.expired > len(l.dels) {
		return
	}
	stream := s.repl.Stream()
	stream.Restore(replication.ReplID(l.replID), replication.Offset(l.replOffset), asMaster)
	if !asMaster {
		stream.SetDB(l.streamDB)
		s.masterDB = l.streamDB
		s.restoredHistory = true
		return
	}
	for _, e := range l.dels { // replicas hold what expired while we were away
		s.Effect(e.db, s.expireWord(), e.key)
		s.flushEffects()
	}
}

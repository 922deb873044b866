package server

import (
	"os"

	"github.com/vedette-ha/vedette/replication"
	"github.com/vedette-ha/vedette/server/persist"
)

// syncSource makes the snapshots of full synchronizations: replication.Source.
type syncSource struct{ *Server }

// SyncBusy reports whether a snapshot is under way that a synchronization could not
// share any more.
func (s syncSource) SyncBusy() bool {
	j := s.snap.job
	return j != nil && (j.sync != nil || !j.open())
}

// StartSync begins a snapshot of the data as it is now, or shares the one that began
// in this turn.
func (s syncSource) StartSync(sy *replication.Sync) error {
	if sy.NoData {
		s.syncWithoutData(sy)
		return nil
	}
	j := s.snap.job
	if j == nil {
		var err error
		if j, err = s.beginSnapshot(); err != nil {
			return err
		}
		j.forSync = true
		if sy.Target == replication.ToFile {
			s.stats.rdbSaves++
			s.log.Info().Msgf("Background saving started by pid %d", os.Getpid())
		} else {
			s.log.Info().Msgf("Background RDB transfer started by pid %d", os.Getpid())
		}
	}
	j.sync = sy
	if sy.Target == replication.ToFile {
		j.path = s.rdbPath()
	}
	return nil
}

// dropUnwantedSnapshot gives up a file that was begun for replicas which are gone, and
// that save points do not ask for either.
func (s *Server) dropUnwantedSnapshot() {
	j := s.snap.job
	if j == nil || !j.forSync || j.sync == nil || j.sync.Target != replication.ToFile || len(s.cfg.SavePoints) > 0 {
		return
	}
	for _, r := range s.repl.Replicas() {
		if r.State() <= replication.WaitEnd {
			return
		}
	}
	s.log.Info().Msg("No replica is left that waits for the snapshot: it is given up")
	j.giveUp()
}

// syncWithoutData sends a snapshot that holds no key.
func (s *Server) syncWithoutData(sy *replication.Sync) {
	enc := persist.NewEncoder(persist.Header{Aux: s.snapshotAux(sy)}, s.encoderOptions(nil))
	enc.Finish()
	s.bg.Go(func() { sy.Transfer.Finish(enc.Run(s.bgCtx, sy.Transfer)) })
}

// syncEnded passes on how the snapshot for replicas ended; file is what they are to
// be sent, nil when they got the bytes as they were made.
func (s *Server) syncEnded(sy *replication.Sync, file *os.File, err error) {
	switch {
	case sy.Target == replication.ToSockets:
		// the Transfer has told the Node
	case err != nil:
		s.repl.SyncFailed(sy, err)
	default:
		s.sendFile(sy, file)
	}
	s.actReplication()
}

// sendFile sends a finished file to the replicas that still wait for it.
func (s *Server) sendFile(sy *replication.Sync, file *os.File) {
	info, err := file.Stat()
	if err != nil {
		file.Close()
		s.repl.SyncFailed(sy, err)
		return
	}
	if !s.repl.SyncFile(sy, info.Size()) {
		file.Close()
		return
	}
	s.bg.Go(func() {
		defer file.Close()
		sy.Transfer.CopyFrom(s.bgCtx, file)
	})
}

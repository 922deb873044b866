package server

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/vedette-ha/vedette/internal/resp"
	"github.com/vedette-ha/vedette/server/command"
	"github.com/vedette-ha/vedette/server/keyspace"
	"github.com/vedette-ha/vedette/server/persist"
)

// saves is what SAVE, BGSAVE and the save points remember.
type saves struct {
	lastSave  int64 // Unix s of the last success, or of the start
	lastTry   int64 // Unix s of the last background save
	lastTook  int64 // s the last background snapshot took; -1 none yet
	failed    bool  // the last save
	stops     bool  // failed, and stop-writes-on-bgsave-error applies; see refreshSaves
	scheduled bool  // a background save waits for its turn

	loadedKeys, loadExpired int // by the last load
}

// saveRetrySeconds is how long after a failure the save points try again.
const saveRetrySeconds = 5

var errSaving = resp.Errorf("ERR Background save already in progress")

// persistenceCommands: https://redis.io/docs/latest/commands/?group=server
func (s *Server) persistenceCommands() []command.Row {
	return []command.Row{
		{Name: "SAVE", Run: s.cmdSave},
		{Name: "BGSAVE", Run: s.cmdBGSave},
		{Name: "LASTSAVE", Run: s.cmdLastSave},
		{Name: "SHUTDOWN", Run: s.cmdShutdown},
	}
}

func (s *Server) initPersistence() {
	s.save = saves{lastSave: s.startedUnix / 1000, lastTook: -1}
}

// failedAndStops reports whether writes are refused because saving fails.
func (s *saves) failedAndStops() bool { return s.stops }

// refreshSaves follows a save's outcome or a change of the configuration.
func (s *Server) refreshSaves() {
	s.save.stops = s.save.failed && s.cfg.StopWritesOnBGSaveError && len(s.cfg.SavePoints) > 0
	s.refreshPlain()
}

// SAVE
func (s *Server) cmdSave(c *command.Ctx) error {
	if s.snap.saving() {
		return errSaving
	}
	s.stats.rdbSaves++
	if err := s.saveNow(); err != nil {
		return resp.Errorf("ERR")
	}
	c.Out.Status("OK")
	return nil
}

// BGSAVE [SCHEDULE]
func (s *Server) cmdBGSave(c *command.Ctx) error {
	if len(c.Args) > 2 || len(c.Args) == 2 && !equalFold(c.Args[1], "SCHEDULE") {
		return resp.ErrSyntax
	}
	switch {
	case s.snap.saving():
		return errSaving
	case sessionOf(c).inExec:
		s.save.scheduled = true
		c.Out.Status("Background saving scheduled")
		return nil
	}
	if err := s.startSave(); err != nil {
		return resp.Errorf("ERR")
	}
	c.Out.Status("Background saving started")
	return nil
}

// LASTSAVE
func (s *Server) cmdLastSave(c *command.Ctx) error {
	c.Out.Int(s.save.lastSave)
	return nil
}

// startSave begins a save in the background.
func (s *Server) startSave() error {
	s.save.scheduled = false
	s.stats.rdbSaves++
	s.save.lastTry = s.turnWall / 1000
	j, err := s.beginSnapshot()
	if err != nil {
		s.log.Warn().Msgf("Can't save in background: %v", err)
		s.save.failed = true
		s.refreshSaves()
		return err
	}
	j.path = s.rdbPath()
	s.log.Info().Msgf("Background saving started by pid %d", os.Getpid())
	return nil
}

// saved notes how a background save ended.
func (s *Server) saved(j *snapshotJob, err error) {
	switch {
	case err == nil:
		s.log.Info().Msg("Background saving terminated with success")
		s.dirty -= j.dirty
		s.save.lastSave = s.turnWall / 1000
		s.save.failed = false
	case errors.Is(err, persist.ErrAborted), errors.Is(err, context.Canceled):
		s.log.Warn().Msg("Background saving aborted")
	default:
		s.log.Warn().Msgf("Background saving error: %v", err)
		s.save.failed = true
	}
	s.refreshSaves()
}

// saveCron starts the saves that are due: scheduled ones, and by the save points.
func (s *Server) saveCron() {
	if s.snap.saving() || s.loading != nil {
		return
	}
	now := s.turnWall / 1000
	if s.save.failed && now-s.save.lastTry <= saveRetrySeconds {
		return
	}
	for _, p := range s.cfg.SavePoints {
		if s.dirty >= p.Changes && now-s.save.lastSave > int64(p.Seconds) {
			s.log.Info().Msgf("%d changes in %d seconds. Saving...", p.Changes, p.Seconds)
			_ = s.startSave() // has logged why
			return
		}
	}
	if s.save.scheduled {
		_ = s.startSave()
	}
}

// saveAfterFlush writes the now empty data set, where save points are configured. A
// snapshot of what was there before would bring it back, so a save under way is given
// up; replicas keep theirs, as the flush follows in the stream.
func (s *Server) saveAfterFlush() {
	if j := s.snap.job; j != nil && j.path != "" && j.sync == nil {
		j.giveUp()
	}
	if len(s.cfg.SavePoints) > 0 {
		s.save.scheduled = true
		s.after(0, s.saveScheduled)
	}
}

// saveScheduled starts the scheduled save, or leaves it to saveCron while there is
// another snapshot.
func (s *Server) saveScheduled() {
	if s.save.scheduled && !s.snap.saving() && s.loading == nil {
		_ = s.startSave()
	}
}

// saveNow writes the file and returns when that is done: the server stands still.
// No other snapshot may be under way.
func (s *Server) saveNow() error {
	err := s.writeNow()
	if err != nil {
		s.log.Warn().Msgf("Error saving DB on disk: %v", err)
		return err
	}
	s.log.Info().Msg("DB saved on disk")
	s.dirty = 0
	s.save.lastSave = s.turnWall / 1000
	s.save.failed = false
	s.refreshSaves()
	return nil
}

func (s *Server) writeNow() error {
	w := syncWriter{policy: s.cfg.MaxMemoryPolicy}
	walk, err := s.space.BeginSnapshot(w.record)
	if err != nil {
		return fmt.Errorf("begin a snapshot: %w", err)
	}
	defer walk.Abort()
	h := persist.Header{Aux: s.snapshotAux(nil), Sizes: sizesOf(walk)}
	w.encoder = persist.NewEncoder(h, s.encoderOptions(nil))
	w.batch = w.encoder.Batch()
	done := make(chan error, 1)
	path, o, slow := s.rdbPath(), s.fileOptions(), s.saveDelay(w.encoder)
	s.bg.Go(func() { done <- saveFile(s.bgCtx, path, o, w.encoder, slow) })
	walk.Step(nil)
	w.send()
	w.encoder.Finish()
	return <-done
}

// syncWriter hands records to an encoder and waits for it.
type syncWriter struct {
	encoder *persist.Encoder
	batch   *persist.Batch
	policy  MaxMemoryPolicy
	err     error // the encoder takes no more
}

func (w *syncWriter) record(r keyspace.Record) {
	if w.err != nil {
		return
	}
	addRecord(w.batch, &r, w.policy)
	if w.batch.Full() {
		w.send()
	}
}

func (w *syncWriter) send() {
	if w.err == nil {
		w.err = w.encoder.SendWait(w.batch)
		w.batch = w.encoder.Batch()
	}
}

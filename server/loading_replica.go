package server

import (
	"context"
	"errors"

	"github.com/vedette-ha/vedette/internal/rdb"
	"github.com/vedette-ha/vedette/server/codec"
	"github.com/vedette-ha/vedette/server/persist"
)

// verifySnapshot reads a received snapshot as loading will, before anything is
// dropped for it. It runs on an attempt's goroutine.
func (s *Server) verifySnapshot(ctx context.Context, path string) error {
	databases := s.space.Databases() // fixed for the server's life
	limits := codec.Limits{HashMaxEntries: 512, HashMaxValue: 64, ListMaxSize: -2, SetMaxIntset: 512,
		SetMaxEntries: 512, SetMaxValue: 64, ZSetMaxEntries: 512, ZSetMaxValue: 64} // any: whether it can be read is the same
	return persist.Load(path, rdb.ReaderOptions{}, func(ev rdb.Event) error {
		switch ev := ev.(type) {
		case *rdb.Record:
			if err := loadable(ev, databases); err != nil {
				return err
			}
			if _, err := codec.Read(&ev.Value, &limits); err != nil && !errors.Is(err, codec.ErrEmpty) {
				return unreadable(ev, err)
			}
		case *rdb.Function:
			return errFunctions
		}
		return ctx.Err()
	})
}

// loadReplica loads a master's snapshot, verified, in the place of the data set, or
// beside it with repl-diskless-load swapdb, and calls done. After an error the data
// set is empty, or what it was. Clients may read old data of the same history.
func (s *Server) loadReplica(path string, sameHistory bool, done func(error)) {
	beside := s.cfg.ReplDisklessLoad == DisklessLoadSwapDB
	o := loadOptions{path: path, keepExpired: true, beside: beside, serve: beside && sameHistory}
	if !o.beside {
		s.dropData()
	}
	s.load(o, func(l loaded, err error) {
		switch {
		case err == nil:
			s.masterDB = l.streamDB
		case !o.beside:
			s.space.FlushAll(true)
			s.own.keys = nil
		}
		done(err)
	})
}

// dropData empties all databases to make room for another data set.
func (s *Server) dropData() {
	for i := range s.space.Databases() {
		s.touchExisting(i)
	}
	s.space.FlushAll(true)
	s.own.keys = nil
}

package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/vedette-ha/vedette/server/command"
	"github.com/vedette-ha/vedette/server/keyspace"
)

// loading is a data set on its way in, from a snapshot file.
//
// A goroutine decodes the file into batches; the loop inserts them, a slice a turn,
// and answers clients in between: -LOADING for most commands, unless the data set is
// loaded beside one that is still good enough to be read.
type loading struct {
	o       loadOptions
	into    *keyspace.Space
	decoder *decoder
	cur     *loadBatch // being inserted; nil when the decoder is behind
	next    int        // record of cur
	keys    int        // inserted
	began   time.Duration
	started int64 // Unix s
	stop    context.CancelFunc
	done    func(loaded, error)
}

// loadOptions say how a snapshot becomes the data set, or part of it.
type loadOptions struct {
	path        string
	beside      bool // load beside the data set, then put it in its place
	serve       bool // beside: clients are served from the old one meanwhile
	keepExpired bool // a replica's: the master deletes them
	merge       bool // keys that are there already are overwritten
	collectDels int  // keep up to so many bytes of DELs of keys that have expired
}

// loaded is what a snapshot held.
type loaded struct {
	snapshotFacts
	keys, expired int
	dels          []expiredKey // of those expired, if they were to be collected and fit
	took          time.Duration
}

// snapshotFacts is what a snapshot says about itself.
type snapshotFacts struct {
	version    string // redis-ver
	created    int64  // ctime, Unix s; 0 not said
	usedMemory int64  // used-mem, bytes; 0 not said
	replID     string // repl-id; "" not said
	replOffset int64  // repl-offset; -1 not said
	streamDB   int    // repl-stream-db
}

const (
	// loadSlice is how long loading may keep clients waiting in a turn: they are
	// told -LOADING, so a little longer than usual does no harm.
	loadSlice = time.Millisecond
	// loadAskEvery is how many records are inserted between looks at the clock.
	loadAskEvery = 32
)

// busy reports whether there is work for the loop, which then does not sleep.
func (l *loading) busy() bool {
	return l != nil && (l.cur != nil || len(l.decoder.batches) > 0)
}

// refuses reports whether a command that lacks these flags may not run meanwhile.
func (l *loading) refuses(lacks command.Flags) bool {
	if l.o.serve {
		return lacks&command.NoAsyncLoading == 0
	}
	return lacks&command.Loading != 0
}

// load begins to load a snapshot; done is called on the loop when the data set is
// there, or with the reason why not. Unless it is loaded beside, the data set is
// expected to be empty, or to be merged with; after an error it holds a part.
func (s *Server) load(o loadOptions, done func(loaded, error)) {
	s.beginLoading(o, s.poller.Wake, done)
	if !o.beside {
		s.space.SetExpirePolicy(keyspace.ExpireKeep)
	}
	s.refreshPlain()
}

// beginLoading starts the decoder. wake is called when it has something new.
func (s *Server) beginLoading(o loadOptions, wake func(), done func(loaded, error)) *loading {
	if s.loading != nil {
		panic("server: two data sets are loaded at once")
	}
	ctx, stop := context.WithCancel(s.bgCtx)
	l := &loading{o: o, into: s.space, began: s.mono(), started: s.turnWall / 1000, stop: stop, done: done}
	if o.beside {
		l.into = s.space.Beside()
	}
	l.decoder = s.newDecoder(o, wake)
	s.bg.Go(func() { l.decoder.run(ctx) })
	s.loading = l
	return l
}

// stepLoading inserts a slice of what has been decoded.
func (s *Server) stepLoading() {
	l := s.loading
	if l == nil {
		return
	}
	more := s.within(loadSlice)
	for l.cur != nil || l.take() {
		err := l.insert(more)
		if err != nil {
			s.endLoading(err)
			return
		}
		if l.cur != nil {
			return // out of time
		}
	}
}

// take gets the next batch if there is one.
func (l *loading) take() bool {
	select {
	case l.cur = <-l.decoder.batches:
		l.next = 0
		return true
	default:
		return false
	}
}

// insert inserts records of the current batch until it is through, or more returns
// false. io.EOF tells that the snapshot is complete.
func (l *loading) insert(more func() bool) error {
	b := l.cur
	for _, r := range b.sizes {
		l.into.DB(r.DB).Reserve(int(r.Keys), int(r.Volatile))
	}
	b.sizes = b.sizes[:0]
	for l.next < len(b.records) {
		if l.next%loadAskEvery == loadAskEvery-1 && !more() {
			return nil
		}
		if err := l.store(&b.records[l.next]); err != nil {
			return fmt.Errorf("load %s: %w", l.o.path, err)
		}
		l.next++
	}
	l.cur = nil
	err := b.end
	l.decoder.giveBack(b)
	return err
}

// store inserts one key.
func (l *loading) store(r *loadRecord) error {
	db := l.into.DB(r.db)
	o := keyspace.SetOpt{ExpireAt: r.expireAt, Access: r.access()}
	l.keys++
	if l.o.merge {
		return db.Set(r.key, r.value, o)
	}
	added, err := db.Insert(r.key, r.value, o)
	if err == nil && !added {
		err = fmt.Errorf("key %.64q is there twice in database %d", r.key, r.db)
	}
	return err
}

// endLoading ends the loading and tells whoever asked for it. err is io.EOF if all
// is well.
func (s *Server) endLoading(err error) {
	l := s.loading
	l.stop()
	s.loading = nil
	if errors.Is(err, io.EOF) {
		err = nil
	}
	if l.o.beside && err == nil {
		s.replaceData(l.into)
	} else if l.o.beside {
		l.into.Close()
	}
	s.applyRole()
	for i := range s.space.Databases() {
		s.signalAll(i)
	}
	d := l.decoder
	out := loaded{snapshotFacts: d.facts, keys: l.keys, expired: d.expired, dels: d.dels, took: s.mono() - l.began}
	s.save.loadedKeys, s.save.loadExpired = out.keys, out.expired
	if err == nil {
		s.logLoaded(out)
	}
	l.done(out, err)
}

// replaceData puts what was loaded beside in the place of the data set.
func (s *Server) replaceData(with *keyspace.Space) {
	for i := range s.space.Databases() {
		s.touchAll(i, func(key []byte) bool {
			_, there := s.stored(i, key)
			if !there {
				_, there = with.DB(i).Peek(key)
			}
			return there
		})
	}
	s.space.ReplaceAll(with)
}

// logLoaded writes Redis's lines about a snapshot that was loaded.
func (s *Server) logLoaded(l loaded) {
	if l.version != "" {
		s.log.Info().Msgf("Loading RDB produced by version %s", l.version)
	}
	if l.created > 0 {
		s.log.Info().Msgf("RDB age %d seconds", max(s.turnWall/1000-l.created, 0))
	}
	if l.usedMemory > 0 {
		s.log.Info().Msgf("RDB memory usage when created %.2f Mb", float64(l.usedMemory)/(1<<20))
	}
	s.log.Info().Msgf("Done loading RDB, keys loaded: %d, keys expired: %d.", l.keys, l.expired)
}

// loadNow loads a snapshot while the server stands still.
func (s *Server) loadNow(o loadOptions) (out loaded, failed error) {
	policy := s.space.ExpirePolicy()
	s.space.SetExpirePolicy(keyspace.ExpireKeep)
	defer s.space.SetExpirePolicy(policy)
	l := s.beginLoading(o, func() {}, func(l loaded, err error) { out, failed = l, err })
	for {
		l.cur, l.next = <-l.decoder.batches, 0
		if err := l.insert(func() bool { return true }); err != nil {
			s.endLoading(err)
			return out, failed
		}
	}
}

// progress is how far a load has come, for INFO.
type progress struct{ bytes, total int64 }

func (l *loading) progress() progress {
	p := l.decoder.progress.Load()
	if p == nil {
		return progress{}
	}
	return progress{bytes: p.Bytes.Load(), total: p.BytesTotal.Load()}
}

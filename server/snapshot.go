package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/vedette-ha/vedette/internal/rdb"
	"github.com/vedette-ha/vedette/replication"
	"github.com/vedette-ha/vedette/server/codec"
	"github.com/vedette-ha/vedette/server/keyspace"
	"github.com/vedette-ha/vedette/server/persist"
)

// snapshots is the snapshot that is being made, if any: one at a time.
type snapshots struct{ job *snapshotJob }

// snapshotJob is one snapshot, from its begin until its consumers have it.
//
// The loop walks the keyspace in slices and fills batches; a goroutine encodes them
// and feeds the consumers: a file, the replicas of a full synchronization, or both.
// Who comes before the first record has been handed over shares the job
// ([snapshotJob.open]); who comes later waits for the next.
type snapshotJob struct {
	srv     *Server
	began   time.Duration // since the server started
	dirty   int           // Server.dirty as of the begin
	offset  replication.Offset
	path    string            // of the file; "" none
	sync    *replication.Sync // nil: none
	forSync bool              // began for replicas: nobody has asked for the file
	walk    *keyspace.Snapshot
	sizes   []persist.Size
	encoder *persist.Encoder // nil until the job is sealed
	batch   *persist.Batch   // being filled
	walked  bool             // every record has been handed over
	held    bool             // the encoder is behind; it wakes the loop when there is room
	err     error            // why nothing more is handed over
	stop    context.CancelFunc
	ended   chan struct{} // closed when the goroutine has let go of its files
}

const (
	// snapshotSlice is how long the walk may keep clients waiting in a turn.
	snapshotSlice = 100 * time.Microsecond
	// snapshotQueue is how many bytes may wait for the encoder before old values of
	// keys that change go to a file; the walk holds back from half of it on. It is
	// most of what a snapshot takes in memory, and milliseconds of the encoder's time.
	snapshotQueue = 2 << 20
	// fsyncEvery is after how many bytes rdb-save-incremental-fsync flushes a file.
	fsyncEvery = 4 << 20
)

// walking reports whether there is work for the loop, which then does not sleep.
func (s *snapshots) walking() bool {
	return s.job != nil && !s.job.walked && !s.job.held
}

// saving reports whether a snapshot is being made, whoever it is for: INFO's
// rdb_bgsave_in_progress.
func (s *snapshots) saving() bool { return s.job != nil }

// beginSnapshot takes the data as it is now. The caller says who it is for, at the
// latest before the next change to the data.
func (s *Server) beginSnapshot() (*snapshotJob, error) {
	j := &snapshotJob{srv: s, began: s.mono(), dirty: s.dirty, offset: s.repl.Stream().Offset(),
		ended: make(chan struct{})}
	walk, err := s.space.BeginSnapshot(j.record)
	if err != nil {
		return nil, fmt.Errorf("begin a snapshot: %w", err)
	}
	j.walk, j.sizes = walk, sizesOf(walk)
	s.snap.job = j
	return j, nil
}

func sizesOf(walk *keyspace.Snapshot) (sizes []persist.Size) {
	for _, d := range walk.Sizes() {
		sizes = append(sizes, persist.Size{DB: d.DB, Keys: uint64(d.Keys), Volatile: uint64(d.Volatile)})
	}
	return sizes
}

// open reports whether a further consumer would still get the exact state of now.
func (j *snapshotJob) open() bool {
	return j.encoder == nil && j.dirty == j.srv.dirty && j.offset == j.srv.repl.Stream().Offset()
}

// seal fixes who the snapshot is for and starts the goroutine.
func (j *snapshotJob) seal() {
	if j.encoder != nil {
		return
	}
	s := j.srv
	j.encoder = persist.NewEncoder(j.header(), s.encoderOptions(s.poller.Wake))
	ctx, stop := context.WithCancel(s.bgCtx)
	j.stop = stop
	produce := j.producer()
	s.bg.Go(func() {
		defer stop()
		file, err := produce(ctx)
		close(j.ended)
		if !s.post(func() { s.snapshotEnded(j, file, err) }) && file != nil {
			file.Close()
		}
	})
}

// encoderOptions are how the configuration wants snapshots written. Old values of
// keys that change while a consumer is slow go to a file in dir.
func (s *Server) encoderOptions(room func()) persist.EncoderOptions {
	return persist.EncoderOptions{
		RDB:      rdb.Options{Compress: s.cfg.RDBCompression, NoChecksum: !s.cfg.RDBChecksum},
		Soft:     snapshotQueue,
		SpillDir: s.cfg.Dir,
		Room:     room,
	}
}

// header is what the snapshot says before its first key.
func (j *snapshotJob) header() persist.Header {
	return persist.Header{Aux: j.srv.snapshotAux(j.sync), Sizes: j.sizes}
}

// snapshotAux lists the facts about a snapshot that begins now; sync is the full
// synchronization it is for, nil if it is for none. Those about replication are
// there when we have a history that can be continued.
func (s *Server) snapshotAux(sync *replication.Sync) []persist.Aux {
	aux := []persist.Aux{
		{Key: "redis-ver", Value: Version},
		{Key: "redis-bits", Value: strconv.Itoa(strconv.IntSize)},
		{Key: "ctime", Value: strconv.FormatInt(s.turnWall/1000, 10)},
		{Key: "used-mem", Value: strconv.FormatInt(s.measureMemory().used, 10)},
	}
	stream := s.repl.Stream()
	id, offset, db := stream.ID(), stream.Offset(), stream.DB()
	if sync != nil {
		id, offset, db = sync.ReplID, sync.Offset, sync.StreamDB
	}
	if sync != nil || stream.Active() {
		aux = append(aux,
			persist.Aux{Key: "repl-stream-db", Value: strconv.Itoa(max(db, 0))},
			persist.Aux{Key: "repl-id", Value: string(id)},
			persist.Aux{Key: "repl-offset", Value: strconv.FormatInt(int64(offset), 10)})
	}
	return append(aux, persist.Aux{Key: "aof-base", Value: "0"})
}

// record takes one entry: from the walk, or from a write that is about to change it.
func (j *snapshotJob) record(r keyspace.Record) {
	j.seal()
	if j.err != nil {
		return
	}
	if j.batch == nil {
		j.batch = j.encoder.Batch()
	}
	addRecord(j.batch, &r, j.srv.cfg.MaxMemoryPolicy)
	if j.batch.Full() {
		j.send()
	}
}

// addRecord adds an entry to a batch, with the mark of access that the policy keeps.
func addRecord(b *persist.Batch, r *keyspace.Record, policy MaxMemoryPolicy) {
	m := rdb.NoMeta()
	m.ExpireAt = r.ExpireAt
	switch {
	case policy.LFU():
		m.Freq = int(r.Freq)
	case policy.LRU():
		m.IdleSeconds = r.IdleSeconds
	}
	v := keyspace.Value{Kind: r.Kind, Encoding: r.Encoding, Bytes: r.Value, Object: r.Object}
	switch {
	case v.Object != nil:
		b.AddObject(r.DB, m, r.Key, &frozenValue{v}, int(v.Object.MemoryUsage(snapshotSamples)))
	case v.Kind != keyspace.String && r.Keep:
		b.AddObject(r.DB, m, r.Key, &frozenValue{v}, len(v.Bytes))
	case v.Kind != keyspace.String:
		b.AddBlob(r.DB, m, r.Key, v.Kind, v.Encoding, v.Bytes)
	case r.Keep:
		b.AddStringRef(r.DB, m, r.Key, r.Value)
	default:
		b.AddString(r.DB, m, r.Key, r.Value)
	}
}

// snapshotSamples is how many elements are looked at to tell how big a value is.
const snapshotSamples = 3

// frozenValue is a big value on its way to a snapshot: persist.Object.
type frozenValue struct{ v keyspace.Value }

func (f *frozenValue) RDBType(version int) rdb.Type { return codec.Type(f.v, version) }
func (f *frozenValue) WriteRDB(w *rdb.Writer)       { codec.Write(w, f.v) }

func (j *snapshotJob) send() {
	if j.batch != nil && j.err == nil {
		j.err = j.encoder.Send(j.batch)
	}
	j.batch = nil
}

// stepSnapshot walks a slice of the snapshot. It is called at the end of each turn,
// so that whoever asked for one in this turn shares it.
func (s *Server) stepSnapshot() {
	j := s.snap.job
	if j == nil || j.walked {
		return
	}
	j.seal()
	if j.held = j.err == nil && !j.encoder.Ready(); j.held {
		return
	}
	if j.err == nil && !j.walk.Step(s.within(snapshotSlice)) {
		return
	}
	j.send()
	j.endWalk()
}

// endWalk hands nothing more over: every record has been, or the job has failed.
func (j *snapshotJob) endWalk() {
	if j.walked {
		return
	}
	j.walked = true
	j.walk.Abort() // nothing, if it is complete
	if j.err != nil {
		j.encoder.Abort(j.err)
	}
	j.encoder.Finish()
}

// giveUp ends the snapshot early. Its goroutine still has to notice.
func (j *snapshotJob) giveUp() {
	j.seal()
	if j.err == nil {
		j.err = persist.ErrAborted
	}
	j.batch = nil
	j.endWalk()
	j.encoder.Abort(j.err)
	j.stop()
}

// abort gives the snapshot up and, if there is a file, waits until that is gone.
func (j *snapshotJob) abort() {
	j.giveUp()
	if j.path == "" {
		return
	}
	if j.sync != nil {
		j.srv.repl.SyncFailed(j.sync, j.err) // or the goroutine could wait for a slow replica
	}
	<-j.ended
}

// producer is the work of the job's goroutine. What it returns is the open file that
// replicas are to be sent, if that is how they get the snapshot.
func (j *snapshotJob) producer() func(ctx context.Context) (*os.File, error) {
	toSockets, toFile := j.sync, (*replication.Sync)(nil)
	if j.sync != nil && j.sync.Target == replication.ToFile {
		toSockets, toFile = nil, j.sync
	}
	encode := j.encodeTo(toSockets)
	if j.path == "" {
		return func(ctx context.Context) (*os.File, error) { return nil, encode(ctx, nil) }
	}
	path, o, log := j.path, j.srv.fileOptions(), j.srv.log
	enc, remove := j.encoder, j.srv.dropsSyncFiles()
	return func(ctx context.Context) (*os.File, error) {
		err := persist.SaveFile(path, o, func(w io.Writer) error { return encode(ctx, w) })
		if err != nil {
			enc.Abort(err)
			_ = encode(ctx, nil) // replicas hear of it, too, where the file could not be opened
			return nil, err
		}
		log.Info().Msg("DB saved on disk")
		if toFile == nil {
			return nil, nil
		}
		file, err := os.Open(path)
		if err == nil && remove {
			err = os.Remove(path)
		}
		return file, err
	}
}

// saveFile runs enc into a file. If that cannot be opened, enc is over.
func saveFile(ctx context.Context, path string, o persist.FileOptions, enc *persist.Encoder, slow slowdown) error {
	err := persist.SaveFile(path, o, func(w io.Writer) error { return enc.Run(ctx, slow(ctx, w)) })
	if err != nil {
		enc.Abort(err)
	}
	return err
}

// encodeTo returns what encodes the snapshot to a file (nil: none) and to the
// replicas of a full synchronization without one (nil: none). Only its first call
// does anything.
func (j *snapshotJob) encodeTo(sync *replication.Sync) func(ctx context.Context, file io.Writer) error {
	enc, slow := j.encoder, j.srv.saveDelay(j.encoder)
	called := false
	return func(ctx context.Context, file io.Writer) error {
		if called {
			return nil
		}
		called = true
		if sync == nil {
			if file == nil {
				return nil
			}
			return enc.Run(ctx, slow(ctx, file))
		}
		out := io.Writer(sync.Transfer)
		if file != nil {
			out = persist.NewFanout(nil, file, sync.Transfer)
		}
		err := enc.Run(ctx, slow(ctx, out))
		sync.Transfer.Finish(err)
		return err
	}
}

// dropsSyncFiles reports whether a file that was made for replicas alone goes again.
func (s *Server) dropsSyncFiles() bool {
	return s.cfg.RDBDelSyncFiles && len(s.cfg.SavePoints) == 0 && !s.cfg.AppendOnly
}

func (s *Server) fileOptions() persist.FileOptions {
	if s.cfg.RDBIncrementalFsync {
		return persist.FileOptions{FsyncEvery: fsyncEvery}
	}
	return persist.FileOptions{}
}

// snapshotEnded settles a job whose goroutine has ended.
func (s *Server) snapshotEnded(j *snapshotJob, file *os.File, err error) {
	j.err = errors.Join(j.err, err)
	j.endWalk()
	if s.snap.job == j {
		s.snap.job = nil
	}
	if s.stopped { // given up for the final save
		if file != nil {
			file.Close()
		}
		return
	}
	s.save.lastTook = int64((s.mono() - j.began) / time.Second)
	if j.path != "" {
		s.saved(j, err)
	} else if err == nil {
		s.log.Info().Msg("Background RDB transfer terminated with success")
	} else {
		s.log.Warn().Msgf("Background transfer error: %v", err)
	}
	if j.sync != nil {
		s.syncEnded(j.sync, file, err)
	}
}

// rdbPath is where the data set is saved.
func (s *Server) rdbPath() string { return filepath.Join(s.cfg.Dir, s.cfg.DBFilename) }

// slowdown puts a delay in front of a writer.
type slowdown func(ctx context.Context, w io.Writer) io.Writer

// saveDelay slows a snapshot down as rdb-key-save-delay says, a setting for tests.
func (s *Server) saveDelay(enc *persist.Encoder) slowdown {
	delay := keyDelay(s.cfg.RDBKeySaveDelay)
	return func(ctx context.Context, w io.Writer) io.Writer {
		if delay == 0 {
			return w
		}
		return &slowWriter{ctx: ctx, w: w, keys: enc.Progress.Keys.Load, delay: delay}
	}
}

// keyDelay is the time a key takes: usec microseconds, or with a negative figure
// that part of one.
func keyDelay(usec int) time.Duration {
	if usec < 0 {
		return time.Microsecond / time.Duration(-usec)
	}
	return time.Duration(usec) * time.Microsecond
}

// slowWriter waits before each write for as long as the keys since the last one are
// to take.
type slowWriter struct {
	ctx   context.Context
	w     io.Writer
	keys  func() int64
	seen  int64
	delay time.Duration
}

func (w *slowWriter) Write(p []byte) (int, error) {
	n := w.keys()
	t := time.NewTimer(time.Duration(n-w.seen) * w.delay)
	defer t.Stop()
	w.seen = n
	select {
	case <-t.C:
		return w.w.Write(p)
	case <-w.ctx.Done():
		return 0, context.Cause(w.ctx)
	}
}

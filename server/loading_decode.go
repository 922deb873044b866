package server

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/vedette-ha/vedette/internal/rdb"
	"github.com/vedette-ha/vedette/server/codec"
	"github.com/vedette-ha/vedette/server/keyspace"
	"github.com/vedette-ha/vedette/server/persist"
)

const (
	// loadBatchBytes is how many bytes of keys and values a batch holds, big values
	// aside.
	loadBatchBytes = 256 << 10
	// loadBatchRecords is how many keys.
	loadBatchRecords = 4096
	// loadBatches is how many batches may wait for the loop. The decoder stands still
	// when there are more.
	loadBatches = 4
)

// loadBatch is a run of decoded records on its way to the loop.
type loadBatch struct {
	records []loadRecord
	sizes   []dbSize // hints that came with them
	buf     []byte   // backs keys and values; never grows
	big     int      // bytes of values that lie elsewhere
	end     error    // nothing follows: io.EOF at the end of a sound snapshot
}

// loadRecord is a key with its value.
type loadRecord struct {
	db       int
	key      []byte
	value    keyspace.Value
	expireAt int64 // Unix ms, or keyspace.NoExpire
	mark     keyspace.AccessMark
	marked   bool
}

// dbSize is how many keys a database is said to get.
type dbSize struct {
	DB             int
	Keys, Volatile uint64
}

// expiredKey is a key that had expired when it was loaded.
type expiredKey struct {
	db  int
	key []byte
}

// access is the mark the key is stored with; nil a fresh one.
func (r *loadRecord) access() *keyspace.AccessMark {
	if !r.marked {
		return nil
	}
	return &r.mark
}

// decoder turns a snapshot file into batches, on a goroutine of its own. What it
// found is the loop's once the last batch has come.
type decoder struct {
	o         loadOptions
	reader    rdb.ReaderOptions
	databases int
	limits    codec.Limits
	policy    MaxMemoryPolicy
	now       int64 // Unix ms: what expired before it does not get in
	delay     time.Duration
	wake      func()
	batches   chan *loadBatch
	free      chan *loadBatch
	progress  atomic.Pointer[persist.Progress] // nil until the file is open

	usedMemory atomic.Int64 // used-mem, for INFO

	cur     *loadBatch
	db      int // selected
	facts   snapshotFacts
	expired int
	dels    []expiredKey
	delRoom int
}

func (s *Server) newDecoder(o loadOptions, wake func()) *decoder {
	return &decoder{
		o: o,
		reader: rdb.ReaderOptions{SkipChecksum: !s.cfg.RDBChecksum || s.debug.skipChecksums,
			MaxString: max(s.cfg.ProtoMaxBulkLen, rdb.DefaultMaxString)},
		databases: s.space.Databases(),
		limits:    s.valueLimits(),
		policy:    s.cfg.MaxMemoryPolicy,
		now:       s.turnWall,
		delay:     keyDelay(s.cfg.KeyLoadDelay),
		wake:      wake,
		batches:   make(chan *loadBatch, loadBatches),
		free:      make(chan *loadBatch, loadBatches+2),
		facts:     snapshotFacts{replOffset: -1},
		delRoom:   o.collectDels,
	}
}

// run decodes the whole file. The last batch says how that ended, unless ctx did.
func (d *decoder) run(ctx context.Context) {
	d.cur = d.batch()
	err := d.decode(ctx)
	d.cur.end = err
	d.send(ctx)
}

// decode returns io.EOF at the end of a sound snapshot.
func (d *decoder) decode(ctx context.Context) error {
	l, err := persist.Open(d.o.path, d.reader)
	if err != nil {
		return err
	}
	defer l.Close()
	d.progress.Store(&l.Progress)
	pause := pacer{delay: d.delay}
	for {
		ev, err := l.Next()
		if err != nil {
			return err
		}
		switch ev := ev.(type) {
		case *rdb.Aux:
			d.aux(ev)
		case *rdb.SelectDB:
			d.db = ev.DB
		case *rdb.ResizeDB:
			d.resize(ev)
		case *rdb.Function:
			err = errFunctions
		case *rdb.Record:
			err = d.record(ctx, ev)
			pause.after(ctx, d)
		}
		if err == nil {
			err = context.Cause(ctx)
		}
		if err != nil {
			return fmt.Errorf("load %s: %w", d.o.path, err)
		}
	}
}

// aux notes what the snapshot says about itself; unknown facts are for others.
func (d *decoder) aux(a *rdb.Aux) {
	f, value := &d.facts, string(a.Value)
	number := func(otherwise int64) int64 {
		n, err := strconv.ParseInt(value, 10, 64)
		if err != nil {
			return otherwise
		}
		return n
	}
	switch string(a.Key) {
	case "redis-ver":
		f.version = value
	case "ctime":
		f.created = number(0)
	case "used-mem":
		f.usedMemory = number(0)
		d.usedMemory.Store(f.usedMemory)
	case "repl-id":
		if len(value) == replIDLength {
			f.replID = value
		}
	case "repl-offset":
		f.replOffset = number(-1)
	case "repl-stream-db":
		if n := number(0); n >= 0 && n < int64(d.databases) {
			f.streamDB = int(n)
		}
	}
}

// replIDLength is the number of digits of a replication id.
const replIDLength = 40

func (d *decoder) resize(ev *rdb.ResizeDB) {
	const limit = 1 << 32 // more than a database can hold
	if d.db < d.databases {
		d.cur.sizes = append(d.cur.sizes, dbSize{d.db, min(ev.Keys, limit), min(ev.Volatile, limit)})
	}
}

var errFunctions = errors.New("it holds function libraries, which are not supported")

// record puts one key into the batch, unless it has expired.
func (d *decoder) record(ctx context.Context, r *rdb.Record) error {
	if err := loadable(r, d.databases); err != nil {
		return err
	}
	if r.ExpireAt != -1 && r.ExpireAt < d.now && !d.o.keepExpired {
		d.skip(r)
		return nil
	}
	v, err := codec.Read(&r.Value, &d.limits)
	if errors.Is(err, codec.ErrEmpty) {
		return nil
	}
	if err != nil {
		return unreadable(r, err)
	}
	size := len(r.Key)
	if len(v.Bytes) < rdb.OwnedSize {
		size += len(v.Bytes)
	}
	if b := d.cur; len(b.buf)+size > cap(b.buf) && len(b.records) > 0 || len(b.records) == loadBatchRecords ||
		b.big > loadBatchBytes {
		d.send(ctx)
	}
	b := d.cur
	out := loadRecord{db: r.DB, key: b.copy(r.Key), expireAt: keyspace.NoExpire}
	switch out.value = v; {
	case v.Object != nil:
		b.big += int(v.Object.MemoryUsage(snapshotSamples))
	case len(v.Bytes) < rdb.OwnedSize:
		out.value.Bytes = b.copy(v.Bytes)
	default: // ours to keep
		b.big += len(v.Bytes)
	}
	if r.ExpireAt != -1 {
		out.expireAt = max(r.ExpireAt, 1)
	}
	out.mark, out.marked = accessOf(&r.Meta, d.policy)
	b.records = append(b.records, out)
	return nil
}

// accessOf is the mark of access in a snapshot, if it is of the kind that the policy
// keeps.
func accessOf(m *rdb.Meta, policy MaxMemoryPolicy) (keyspace.AccessMark, bool) {
	switch {
	case policy.LFU() && m.Freq >= 0:
		return keyspace.AccessMark{Freq: uint8(m.Freq)}, true
	case policy.LRU() && m.IdleSeconds >= 0:
		return keyspace.AccessMark{IdleSeconds: m.IdleSeconds}, true
	}
	return keyspace.AccessMark{}, false
}

// skip leaves out a key that has expired.
func (d *decoder) skip(r *rdb.Record) {
	d.expired++
	if d.delRoom -= len(r.Key) + delOverhead; d.delRoom < 0 {
		d.dels = nil // too many to tell all, so none
		return
	}
	d.dels = append(d.dels, expiredKey{r.DB, append([]byte(nil), r.Key...)})
}

// delOverhead is what DEL takes in the stream besides the key, in bytes.
const delOverhead = 32

// loadable reports why a key cannot be in our data set.
func loadable(r *rdb.Record, databases int) error {
	if r.DB >= databases {
		return fmt.Errorf("key %.64q is in database %d; there are only %d (see the directive databases)",
			r.Key, r.DB, databases)
	}
	return nil
}

// unreadable says which key has a value that cannot be read.
func unreadable(r *rdb.Record, err error) error {
	return fmt.Errorf("key %.64q in database %d: %w", r.Key, r.DB, err)
}

// copy keeps p in the batch's memory, or in its own if that is too small.
func (b *loadBatch) copy(p []byte) []byte {
	if len(b.buf)+len(p) > cap(b.buf) {
		return append([]byte(nil), p...)
	}
	at := len(b.buf)
	b.buf = append(b.buf, p...)
	return b.buf[at:len(b.buf):len(b.buf)]
}

// send hands the batch over, waiting for room, and begins the next.
func (d *decoder) send(ctx context.Context) {
	select {
	case d.batches <- d.cur:
		d.wake()
	case <-ctx.Done():
	}
	d.cur = d.batch()
}

// batch returns an empty batch.
func (d *decoder) batch() *loadBatch {
	select {
	case b := <-d.free:
		return b
	default:
		return &loadBatch{buf: make([]byte, 0, loadBatchBytes)}
	}
}

// giveBack lets the decoder use a batch again. The loop calls it.
func (d *decoder) giveBack(b *loadBatch) {
	clear(b.records) // big values
	b.records, b.sizes, b.buf, b.big = b.records[:0], b.sizes[:0], b.buf[:0], 0
	select {
	case d.free <- b:
	default:
	}
}

// pacer slows loading down as key-load-delay says, a setting for tests.
type pacer struct {
	delay time.Duration
	owed  time.Duration
}

// after waits for one more key, in steps that a timer can measure. What has been
// decoded is handed over first.
func (p *pacer) after(ctx context.Context, d *decoder) {
	if p.delay == 0 {
		return
	}
	if p.owed += p.delay; p.owed < time.Millisecond {
		return
	}
	d.send(ctx)
	t := time.NewTimer(p.owed)
	defer t.Stop()
	p.owed = 0
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

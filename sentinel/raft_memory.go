package sentinel

import (
	"bytes"
	"fmt"
	"io"
	"sync"
	"syscall"
	"time"

	"github.com/hashicorp/raft"
)

// MemoryDisk stands in for a sentinel's store in simulations. It outlives the
// sentinel that uses it, and forgets at [MemoryDisk.Crash] what had not been
// synced. Safe for concurrent use.
type MemoryDisk struct {
	mu       sync.Mutex // guards what follows; never held while waiting
	durable  *raft.InmemStore
	snapshot *memorySnapshot
	owner    *memoryHandle // who has it open, nil after a crash
	delay    time.Duration
	full     bool
	changed  chan struct{} // closed and replaced when delay changes
}

// NewMemoryDisk is an empty disk.
func NewMemoryDisk() *MemoryDisk {
	return &MemoryDisk{durable: raft.NewInmemStore(), changed: make(chan struct{})}
}

// SetDelay makes each write take so long, those under way included; until then it is
// lost by a crash.
func (d *MemoryDisk) SetDelay(delay time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.delay = delay
	close(d.changed)
	d.changed = make(chan struct{})
}

// SetFull makes each write fail for want of space, or not.
func (d *MemoryDisk) SetFull(full bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.full = full
}

// Crash is the death of whoever has the disk open: writes in progress are lost. The
// dead goes on in the simulation until it is stopped, so its writes still succeed,
// on a disk of its own; its network is to be taken away first.
func (d *MemoryDisk) Crash() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.takeAway()
}

// takeAway separates the disk from whoever has it open. The caller holds mu.
func (d *MemoryDisk) takeAway() {
	if d.owner != nil {
		close(d.owner.dead)
		d.owner = nil
	}
}

// Erase is Crash and the loss of everything on the disk.
func (d *MemoryDisk) Erase() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.takeAway()
	d.durable, d.snapshot = raft.NewInmemStore(), nil
}

// open gives the disk to a sentinel, as openStores does a folder.
func (d *MemoryDisk) open() *stores {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.takeAway()
	h := &memoryHandle{InmemStore: copyStore(d.durable), disk: d, dead: make(chan struct{}), snapshot: d.snapshot}
	d.owner = h
	return &stores{
		logs:          h,
		stable:        h,
		snaps:         memorySnapshots{h},
		dropSnapshots: func() error { return h.saveSnapshot(nil) },
		close:         func() error { return nil },
	}
}

// copyStore copies entries and the values kept in a store.
func copyStore(from *raft.InmemStore) *raft.InmemStore {
	to := raft.NewInmemStore()
	first, _ := from.FirstIndex() // an InmemStore has no other errors than "not found"
	last, _ := from.LastIndex()
	for i := first; i > 0 && i <= last; i++ {
		var e raft.Log
		_ = from.GetLog(i, &e)
		_ = to.StoreLog(&e)
	}
	for _, key := range []string{keyLastVoteCand, storeKey} {
		if v, err := from.Get([]byte(key)); err == nil {
			_ = to.Set([]byte(key), v)
		}
	}
	for _, key := range []string{keyCurrentTerm, keyLastVoteTerm} {
		v, _ := from.GetUint64([]byte(key))
		_ = to.SetUint64([]byte(key), v)
	}
	return to
}

// memoryHandle is a MemoryDisk as one sentinel has it open.
type memoryHandle struct {
	*raft.InmemStore // what this sentinel reads
	disk             *MemoryDisk
	dead             chan struct{}   // closed when the disk is taken away
	snapshot         *memorySnapshot // what this sentinel reads; guarded by disk.mu
}

// write makes a change durable after the disk's delay, unless it has crashed by
// then, and visible to this sentinel.
func (h *memoryHandle) write(change func(s *raft.InmemStore) error) error {
	h.await()
	h.disk.mu.Lock()
	defer h.disk.mu.Unlock()
	if h.disk.owner == h {
		if h.disk.full {
			return syscall.ENOSPC
		}
		if err := change(h.disk.durable); err != nil {
			return err
		}
	}
	return change(h.InmemStore)
}

// await lets a write take its time.
func (h *memoryHandle) await() {
	for begun := time.Now(); ; {
		h.disk.mu.Lock()
		left, changed := h.disk.delay-time.Since(begun), h.disk.changed
		h.disk.mu.Unlock()
		if left <= 0 {
			return
		}
		select {
		case <-time.After(left):
		case <-changed:
		case <-h.dead:
			return
		}
	}
}

func (h *memoryHandle) StoreLog(e *raft.Log) error {
	return h.write(func(s *raft.InmemStore) error { return s.StoreLog(e) })
}

func (h *memoryHandle) StoreLogs(es []*raft.Log) error {
	return h.write(func(s *raft.InmemStore) error { return s.StoreLogs(es) })
}

func (h *memoryHandle) DeleteRange(first, last uint64) error {
	return h.write(func(s *raft.InmemStore) error { return s.DeleteRange(first, last) })
}

func (h *memoryHandle) Set(k, v []byte) error {
	return h.write(func(s *raft.InmemStore) error { return s.Set(k, v) })
}

func (h *memoryHandle) SetUint64(k []byte, v uint64) error {
	return h.write(func(s *raft.InmemStore) error { return s.SetUint64(k, v) })
}

func (h *memoryHandle) saveSnapshot(s *memorySnapshot) error {
	h.disk.mu.Lock()
	defer h.disk.mu.Unlock()
	if h.disk.owner == h {
		if s != nil && h.disk.full {
			return syscall.ENOSPC
		}
		h.disk.snapshot = s
	}
	h.snapshot = s
	return nil
}

// memorySnapshots keeps the newest complete snapshot of a MemoryDisk.
type memorySnapshots struct{ h *memoryHandle }

// memorySnapshot is one snapshot, on its way to the disk or there.
type memorySnapshot struct {
	bytes.Buffer
	h    *memoryHandle
	meta raft.SnapshotMeta
}

func (m memorySnapshots) Create(version raft.SnapshotVersion, index, term uint64,
	conf raft.Configuration, confIndex uint64, _ raft.Transport) (raft.SnapshotSink, error) {
	return &memorySnapshot{h: m.h, meta: raft.SnapshotMeta{
		Version: version, ID: fmt.Sprintf("%d-%d", term, index), Index: index, Term: term,
		Configuration: conf, ConfigurationIndex: confIndex,
	}}, nil
}

func (m memorySnapshots) List() ([]*raft.SnapshotMeta, error) {
	m.h.disk.mu.Lock()
	defer m.h.disk.mu.Unlock()
	if m.h.snapshot == nil {
		return nil, nil
	}
	meta := m.h.snapshot.meta
	return []*raft.SnapshotMeta{&meta}, nil
}

func (m memorySnapshots) Open(id string) (*raft.SnapshotMeta, io.ReadCloser, error) {
	m.h.disk.mu.Lock()
	defer m.h.disk.mu.Unlock()
	s := m.h.snapshot
	if s == nil || s.meta.ID != id {
		return nil, nil, fmt.Errorf("no snapshot %s", id)
	}
	meta := s.meta
	return &meta, io.NopCloser(bytes.NewReader(s.Bytes())), nil
}

func (s *memorySnapshot) ID() string    { return s.meta.ID }
func (s *memorySnapshot) Cancel() error { return nil }

func (s *memorySnapshot) Close() error {
	s.meta.Size = int64(s.Len())
	return s.h.saveSnapshot(s)
}

package sentinel

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/hashicorp/raft"
	boltstore "github.com/hashicorp/raft-boltdb/v2"
	"github.com/rs/zerolog"
	"go.etcd.io/bbolt"
	"golang.org/x/sys/unix"

	"github.com/vedette-ha/vedette/failover"
)

// storeKey is where the stable store keeps the [storeMeta].
const storeKey = "vedette-meta"

// The keys under which the Raft library keeps its term and vote.
const (
	keyCurrentTerm  = "CurrentTerm"
	keyLastVoteTerm = "LastVoteTerm"
	keyLastVoteCand = "LastVoteCand"
)

// snapshotsKept is how many snapshots of the agreed state stay on disk: the
// newest, and one to fall back to.
const snapshotsKept = 2

// storeMeta is what one sentinel remembers for itself, next to Raft's own votes
// and entries. It is written as a whole, durably, before anything it says is
// acted upon.
type storeMeta struct {
	Version     int    `json:"version"`
	MyID        string `json:"myid"`
	Incarnation string `json:"incarnation"` // drawn when the store was created
	Cluster     string `json:"cluster,omitempty"`
	Key         []byte `json:"key,omitempty"`     // proves membership of Cluster
	Founder     string `json:"founder,omitempty"` // myid of who bootstrapped Cluster
	Need        int    `json:"need,omitempty"`    // voters before Cluster may decide
	Ready       bool   `json:"ready,omitempty"`   // Cluster had Need voters once
	Merged      bool   `json:"merged,omitempty"`  // what our file said is in the log

	Promise promise `json:"promise,omitzero"`
	Round   uint64  `json:"round,omitempty"` // our candidacies so far

	// Local is the agreed state of an unformed sentinel.
	Local json.RawMessage `json:"local,omitempty"`
	// LastRead holds the directives of sentinel.conf as last read or written by us,
	// ReadBefore what it said when a rewrite last succeeded, while one has not.
	LastRead   [][]string `json:"lastRead,omitempty"`
	ReadBefore [][]string `json:"readBefore,omitempty"`
	// Peers are the newest addresses by myid, so that peers are found when every
	// data node is down and the file lists none.
	Peers map[string]string `json:"peers,omitempty"`
}

// serverID is the Raft id of this store's owner. A sentinel that lost its store
// has another one and can never vote twice.
func (m *storeMeta) serverID() string { return m.MyID + "-" + m.Incarnation }

// stores is everything a sentinel keeps on disk: Raft's entries, votes and
// snapshots, and its own [storeMeta]. Opening locks it; close releases it.
type stores struct {
	logs   raft.LogStore
	stable raft.StableStore
	snaps  raft.SnapshotStore
	writes writeWatch

	dropSnapshots func() error
	close         func() error
}

// openStores opens or creates <dir>/vedette-sentinel-<port>, mode 0700. It fails
// if another process has it open.
func openStores(dir string, port int, log zerolog.Logger) (*stores, error) {
	path := filepath.Join(dir, fmt.Sprintf("vedette-sentinel-%d", port))
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, fmt.Errorf("create the sentinel's store: %w", err)
	}
	if why := forgetful(path); why != "" {
		log.Warn().Str("path", path).Msg("the sentinel's store is on " + why + ": it may not survive a reboot; set dir")
	}
	lock, err := lockFolder(path)
	if err != nil {
		return nil, err
	}
	s, err := openBolt(path, log)
	if err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	closeBolt := s.close
	s.close = func() error { return errors.Join(closeBolt(), lock.Close()) }
	return s, nil
}

func openBolt(path string, log zerolog.Logger) (*stores, error) {
	db, err := boltstore.New(boltstore.Options{
		Path:        filepath.Join(path, "raft.db"),
		BoltOptions: &bbolt.Options{Timeout: time.Second, FreelistType: bbolt.FreelistMapType},
	})
	if err != nil {
		return nil, fmt.Errorf("open the sentinel's store %s: %w", path, err)
	}
	snaps, err := raft.NewFileSnapshotStoreWithLogger(path, snapshotsKept, raftLogger(log))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open the sentinel's snapshots: %w", err), db.Close())
	}
	return &stores{
		logs:   db,
		stable: db,
		snaps:  snaps,
		// The folder the snapshot store made, and makes again when it is opened.
		dropSnapshots: func() error { return emptyFolder(filepath.Join(path, "snapshots")) },
		close:         db.Close,
	}, nil
}

func emptyFolder(path string) error {
	names, err := os.ReadDir(path)
	for _, n := range names {
		err = errors.Join(err, os.RemoveAll(filepath.Join(path, n.Name())))
	}
	return err
}

// lockFolder makes this process the only one that uses the store.
func lockFolder(path string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(path, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock the sentinel's store: %w", err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("the sentinel's store %s is in use by another process", path)
		}
		return nil, fmt.Errorf("lock the sentinel's store %s: %w", path, err)
	}
	return f, nil
}

// forgetful names the reason why path may be emptied by a reboot, or "".
func forgetful(path string) string {
	abs, err := filepath.Abs(path)
	if err != nil {
		return ""
	}
	if strings.HasPrefix(abs, "/tmp/") || strings.HasPrefix(abs, "/var/tmp/") {
		return "a folder for temporary files"
	}
	if inMemory(abs) {
		return "a file system in memory"
	}
	return ""
}

// readMeta returns what saveMeta last stored, or nil for a new store.
func (s *stores) readMeta() (*storeMeta, error) {
	b, err := s.stable.Get([]byte(storeKey))
	if len(b) == 0 { // both kinds of store answer an unknown key with an error
		if err != nil && err.Error() != boltstore.ErrKeyNotFound.Error() {
			return nil, fmt.Errorf("read the sentinel's store: %w", err)
		}
		return nil, nil
	}
	var m storeMeta
	if err := json.Unmarshal(b, &m); err != nil {
		return nil, fmt.Errorf("read the sentinel's store: %w", err)
	}
	if m.Version != storeVersion {
		return nil, fmt.Errorf("the sentinel's store has version %d, this program knows %d", m.Version, storeVersion)
	}
	return &m, nil
}

// storeVersion changes when an older program could not read a newer store.
const storeVersion = 1

// saveMeta returns once m is durable.
func (s *stores) saveMeta(m *storeMeta) error {
	b, err := json.Marshal(m)
	if err != nil {
		panic("sentinel: store meta: " + err.Error())
	}
	if err := s.writes.once(func() error { return s.stable.Set([]byte(storeKey), b) }); err != nil {
		return fmt.Errorf("%w: %w", errUnwritable, err)
	}
	return nil
}

// errUnwritable says that nothing was stored, and nothing has changed.
var errUnwritable = errors.New("write the sentinel's store")

// forget drops every entry, vote and snapshot of the cluster this store belonged
// to. The caller has recorded in the meta that it left the cluster, so a crash
// half-way is finished by calling it again.
func (s *stores) forget() error {
	first, err1 := s.logs.FirstIndex()
	last, err2 := s.logs.LastIndex()
	if err := errors.Join(err1, err2); err != nil {
		return fmt.Errorf("forget a dissolved cluster: %w", err)
	}
	var err error
	if last > 0 {
		err = s.logs.DeleteRange(first, last)
	}
	for _, key := range []string{keyCurrentTerm, keyLastVoteTerm} {
		err = errors.Join(err, s.stable.SetUint64([]byte(key), 0))
	}
	err = errors.Join(err, s.stable.Set([]byte(keyLastVoteCand), nil), s.dropSnapshots())
	if err != nil {
		return fmt.Errorf("forget a dissolved cluster: %w", err)
	}
	return nil
}

// lastCommand is the index of the newest entry with a command, 0 if there is none
// that a snapshot does not hold already.
func (s *stores) lastCommand() (uint64, error) {
	first, err1 := s.logs.FirstIndex()
	last, err2 := s.logs.LastIndex()
	if err := errors.Join(err1, err2); err != nil {
		return 0, fmt.Errorf("read the sentinel's log: %w", err)
	}
	for i := last; i > 0 && i >= first; i-- {
		var e raft.Log
		if err := s.logs.GetLog(i, &e); err != nil {
			return 0, fmt.Errorf("read the sentinel's log: %w", err)
		}
		if e.Type == raft.LogCommand {
			return i, nil
		}
	}
	return 0, nil
}

// insistentLogs and insistentStable are a store as Raft uses it: what it writes is
// written, or it is being stopped.
type insistentLogs struct {
	raft.LogStore
	insist func(write func() error) error
}

func (l insistentLogs) StoreLog(e *raft.Log) error {
	return l.insist(func() error { return l.LogStore.StoreLog(e) })
}

func (l insistentLogs) StoreLogs(es []*raft.Log) error {
	return l.insist(func() error { return l.LogStore.StoreLogs(es) })
}

func (l insistentLogs) DeleteRange(first, last uint64) error {
	return l.insist(func() error { return l.LogStore.DeleteRange(first, last) })
}

type insistentStable struct {
	raft.StableStore
	insist func(write func() error) error
}

func (s insistentStable) Set(k, v []byte) error {
	return s.insist(func() error { return s.StableStore.Set(k, v) })
}

// SetUint64 answers that a term is stored when it was not and Raft is being stopped: the
// library panics otherwise. It can promise nothing any more in that term: its votes and
// entries are not stored either.
func (s insistentStable) SetUint64(k []byte, v uint64) error {
	err := s.insist(func() error { return s.StableStore.SetUint64(k, v) })
	if string(k) == keyCurrentTerm {
		return nil
	}
	return err
}

// survivor is what a store knows of the cluster it belonged to.
type survivor struct {
	members []member         // of the newest configuration, committed or not
	agreed  *failover.Agreed // with every entry of the log, committed or not
}

// survive reads the newest snapshot and the log behind it.
func (s *stores) survive() (*survivor, error) {
	v := &survivor{agreed: &failover.Agreed{}}
	from, err := s.restoreSnapshot(v)
	if err != nil {
		return nil, err
	}
	last, err := s.logs.LastIndex()
	if err != nil {
		return nil, fmt.Errorf("read the sentinel's log: %w", err)
	}
	for i := from + 1; i <= last; i++ {
		var e raft.Log
		if err := s.logs.GetLog(i, &e); err != nil {
			return nil, fmt.Errorf("read entry %d of the sentinel's log: %w", i, err)
		}
		switch e.Type {
		case raft.LogConfiguration:
			v.members = membersOf(raft.DecodeConfiguration(e.Data))
		case raft.LogCommand:
			if c, err := failover.DecodeCommand(e.Data); err == nil {
				v.agreed.Apply(i, c)
			}
		}
	}
	return v, nil
}

// restoreSnapshot reads the newest snapshot, if there is one, and answers up to which
// entry of the log it reaches.
func (s *stores) restoreSnapshot(v *survivor) (index uint64, err error) {
	list, err := s.snaps.List()
	if err != nil || len(list) == 0 {
		return 0, err
	}
	meta, r, err := s.snaps.Open(list[0].ID)
	if err != nil {
		return 0, fmt.Errorf("open the newest snapshot: %w", err)
	}
	defer r.Close()
	b, err := io.ReadAll(io.LimitReader(r, stateMaxBytes))
	if err != nil {
		return 0, fmt.Errorf("read the newest snapshot: %w", err)
	}
	if v.agreed, err = failover.ReadSnapshot(b); err != nil {
		return 0, err
	}
	v.members = membersOf(meta.Configuration)
	return meta.Index, nil
}

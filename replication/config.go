package replication

import (
	"context"
	"net"
	"time"
)

// Config is the part of the configuration a Node reads; CONFIG SET changes it with
// Node.Configure.
type Config struct {
	BacklogSize int64         // repl-backlog-size, bytes
	BacklogTTL  time.Duration // repl-backlog-ttl; 0 keeps the history for good
	Timeout     time.Duration // repl-timeout
	PingPeriod  time.Duration // repl-ping-replica-period

	Diskless            bool          // repl-diskless-sync
	DisklessDelay       time.Duration // repl-diskless-sync-delay
	DisklessMaxReplicas int           // repl-diskless-sync-max-replicas; 0 waits out the delay
	Output              OutputLimit   // client-output-buffer-limit replica

	MinReplicas int           // min-replicas-to-write
	MaxLag      time.Duration // min-replicas-max-lag

	MasterUser   string // masteruser, masterauth
	MasterAuth   string
	AnnounceIP   string // replica-announce-ip; "" lets the master see for itself
	AnnouncePort int    // replica-announce-port, or else the port we listen on
	Dir          string // where a snapshot is received

	Priority  int // replica-priority, replica-read-only, replica-announced: for INFO
	ReadOnly  bool
	Announced bool
}

// OutputLimit is how far a replica may fall behind: at once (Hard, bytes), or for
// SoftFor in one go (Soft, bytes). 0 is no limit. A limit below the backlog's size
// counts as that size.
type OutputLimit struct {
	Hard, Soft int64
	SoftFor    time.Duration
}

// Source makes the snapshots that full synchronizations send. Both methods are
// called on the loop.
type Source interface {
	// SyncBusy reports whether a snapshot cannot start now because another runs.
	SyncBusy() bool

	// StartSync begins a snapshot of the data set exactly as it is at the call.
	// With s.Target ToSockets its RDB bytes go to s.Transfer, which is finished by
	// the goroutine that writes. With ToFile they go to a file; when that is
	// complete (or failed), the loop calls Node.SyncFile (or Node.SyncFailed). An
	// error means that nothing was started.
	StartSync(s *Sync) error
}

// Options are what a Node needs from its surroundings, fixed for its life.
type Options struct {
	Source Source
	NewID  func() ReplID // nil: NewReplID
	Log    Log           // nil: silent
	Wake   func()        // a Transfer has bytes for its replicas; called from any goroutine
	PID    int           // for the names of temporary files
	// Version is what we tell a master in REPLCONF version; "" says nothing.
	Version string
	// AOFOffset is how much of the stream is safe in our append-only file; false
	// when there is none. nil: never.
	AOFOffset func() (Offset, bool)
	// Dial reaches a master (TLS included, when replication uses it).
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
	// Verify reads a received snapshot from start to end before anything is dropped
	// for it, on the attempt's goroutine; nil checks the checksum alone.
	Verify func(ctx context.Context, path string) error
}

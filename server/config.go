package server

import (
	"github.com/vedette-ha/vedette/internal/acl"
	"github.com/vedette-ha/vedette/internal/conf"
	"github.com/vedette-ha/vedette/server/command"
)

// Config is the configuration: one field a directive that means something here,
// in the unit of redis.conf. It belongs to the loop once the server runs; code
// elsewhere gets copies of what it needs.
//
// Fields are read directly and changed only through [Config.Set] (or by what the
// server itself does to its role). Directives without a field are accepted, kept
// and reported; see [Config.Inert].
type Config struct {
	// Network.
	Bind           []string // as written: "127.0.0.1", "-::1" (may be missing), "*"
	Port           int      // 0: none
	TLSPort        int
	UnixSocket     string
	UnixSocketPerm uint32 // 0: as the umask has it
	ProtectedMode  bool
	TCPBacklog     int
	TCPKeepAlive   int // seconds, 0 off
	Timeout        int // seconds of silence before a client is closed, 0 never
	MaxClients     int
	BindSourceAddr string
	SocketMarkID   uint32

	// Identity of the process.
	Daemonize         bool
	Supervised        Supervised
	PIDFile           string
	LogLevel          LogLevel
	LogFile           string // "" is standard output
	SyslogEnabled     bool
	SyslogIdent       string
	SyslogFacility    string
	AlwaysShowLogo    bool
	SetProcTitle      bool
	ProcTitleTemplate string
	OOMScoreAdj       OOMScoreAdj
	OOMScoreAdjValues [3]int // of a master, of a replica, and one for children, of which there are none
	Dir               string // the working directory; LoadConfig does not enter it
	Databases         int
	Hz                int
	ShutdownTimeout   int // seconds
	ShutdownOnSIGINT  ShutdownOn
	ShutdownOnSIGTERM ShutdownOn

	// Who may do what.
	RequirePass            string
	ACLFile                string
	Users                  []ConfigUser // user lines, in order
	EnableDebugCommand     ProtectedAction
	EnableModuleCommand    ProtectedAction
	EnableProtectedConfigs ProtectedAction
	RenamedCommands        []conf.Directive // rename-command lines, each with two arguments

	// Limits of what a client may send and leave unread.
	ProtoMaxBulkLen          int64
	ClientQueryBufferLimit   int64
	ClientOutputBufferLimits [3]OutputLimit // normal, replica, pubsub
	MaxMemoryClients         int64          // bytes; negative is a percentage of maxmemory

	// Memory and expiry.
	MaxMemory                 uint64 // 0: no limit
	MaxMemoryPolicy           MaxMemoryPolicy
	MaxMemorySamples          int
	MaxMemoryEvictionTenacity int
	LFULogFactor              int
	LFUDecayTime              int // minutes
	ActiveExpireEffort        int // 1–10
	ActiveRehashing           bool
	LazyFreeEviction          bool
	LazyFreeExpire            bool
	LazyFreeServerDel         bool
	LazyFreeUserDel           bool
	LazyFreeUserFlush         bool
	TrackingTableMaxKeys      int64

	// Persistence.
	SavePoints               []SavePoint
	DBFilename               string
	RDBCompression           bool
	RDBChecksum              bool
	RDBIncrementalFsync      bool
	RDBDelSyncFiles          bool
	RDBKeySaveDelay          int // microseconds a key; negative: keys a microsecond
	KeyLoadDelay             int // the same while loading
	LoadingEventsInterval    int64
	StopWritesOnBGSaveError  bool
	SanitizeDumpPayload      SanitizeDump
	AppendOnly               bool
	AppendFilename           string
	AppendDirname            string
	AppendFsync              AppendFsync
	NoAppendFsyncOnRewrite   bool
	AutoAOFRewritePercentage int
	AutoAOFRewriteMinSize    int64
	AOFLoadTruncated         bool
	AOFUseRDBPreamble        bool
	AOFTimestampEnabled      bool
	AOFIncrementalFsync      bool
	AOFDisableAutoGC         bool

	// Replication.
	ReplicaOf                    Endpoint // zero: a master
	MasterUser                   string
	MasterAuth                   string
	ReplTimeout                  int // seconds
	ReplPingPeriod               int // seconds
	ReplBacklogSize              int64
	ReplBacklogTTL               int64 // seconds, 0 forever
	ReplDisableTCPNoDelay        bool
	ReplDisklessSync             bool
	ReplDisklessSyncDelay        int // seconds
	ReplDisklessSyncMaxReplicas  int
	ReplDisklessLoad             ReplDisklessLoad
	ReplicaReadOnly              bool
	ReplicaServeStale            bool
	ReplicaPriority              int
	ReplicaAnnounceIP            string
	ReplicaAnnouncePort          int
	ReplicaAnnounced             bool
	ReplicaIgnoreMaxMemory       bool
	ReplicaLazyFlush             bool
	ReplicaIgnoreDiskWriteErrors bool
	PropagationErrorBehavior     PropagationError
	MinReplicasToWrite           int
	MinReplicasMaxLag            int // seconds

	// Observation.
	NotifyKeyspaceEvents       command.Class
	SlowlogLogSlowerThan       int64 // microseconds, negative off
	SlowlogMaxLen              int64
	LatencyMonitorThreshold    int64 // milliseconds, 0 off
	LatencyTracking            bool
	LatencyTrackingPercentiles []float64
	BusyReplyThreshold         int64 // milliseconds

	// Encodings: up to where a collection stays in its small form.
	HashMaxListpackEntries int64
	HashMaxListpackValue   int64
	ListMaxListpackSize    int
	ListCompressDepth      int
	SetMaxIntsetEntries    int64
	SetMaxListpackEntries  int64
	SetMaxListpackValue    int64
	ZSetMaxListpackEntries int64
	ZSetMaxListpackValue   int64
	HLLSparseMaxBytes      int64
	StreamNodeMaxBytes     int64
	StreamNodeMaxEntries   int64

	// TLS.
	TLS TLSConfig

	rows   []directive           // by name
	byName map[string]*directive // by name and by alias
	hooks  map[string]*hook      // by name
	file   string                // absolute path of the file started from; "" none
	users  *acl.Users            // what the user lines say; nil if there are none
}

// SavePoint asks for a snapshot once Changes keys changed within Seconds.
type SavePoint struct {
	Seconds int64
	Changes int
}

// OutputLimit is the limit of a class in client-output-buffer-limit, in bytes;
// zeros are no limit.
type OutputLimit struct {
	Hard        uint64
	Soft        uint64
	SoftSeconds int64
}

// Endpoint is a host name or address, and a port.
type Endpoint struct {
	Host string
	Port int
}

// IsZero reports that there is none.
func (e Endpoint) IsZero() bool { return e.Host == "" }

// ConfigUser is a `user` line.
type ConfigUser struct {
	Name  string
	Rules []string
}

// TLSConfig is what the tls-… directives say.
type TLSConfig struct {
	CertFile, KeyFile, KeyFilePass                   string
	ClientCertFile, ClientKeyFile, ClientKeyFilePass string
	CACertFile, CACertDir                            string
	DHParamsFile                                     string
	Protocols, Ciphers, CipherSuites                 string
	PreferServerCiphers                              bool
	AuthClients                                      TLSAuthClients
	Replication                                      bool // links to masters use TLS
	SessionCaching                                   bool
	SessionCacheSize                                 int
	SessionCacheTimeout                              int // seconds
}

// Supervised says how to tell a service manager about the start.
type Supervised int

// The values of supervised.
const (
	SupervisedNo Supervised = iota
	SupervisedUpstart
	SupervisedSystemd
	SupervisedAuto
)

// LogLevel is the least important level that is logged.
type LogLevel int

// The values of loglevel.
const (
	LogDebug LogLevel = iota
	LogVerbose
	LogNotice
	LogWarning
	LogNothing
)

// MaxMemoryPolicy says what to evict at maxmemory.
type MaxMemoryPolicy int

// The values of maxmemory-policy.
const (
	NoEviction MaxMemoryPolicy = iota
	VolatileLRU
	VolatileLFU
	VolatileRandom
	VolatileTTL
	AllKeysLRU
	AllKeysLFU
	AllKeysRandom
)

// LFU reports that the policy counts accesses.
func (p MaxMemoryPolicy) LFU() bool { return p == VolatileLFU || p == AllKeysLFU }

// LRU reports that the policy goes by how long ago a key was accessed.
func (p MaxMemoryPolicy) LRU() bool { return p == VolatileLRU || p == AllKeysLRU }

// AppendFsync says when the AOF is made durable.
type AppendFsync int

// The values of appendfsync.
const (
	FsyncNo AppendFsync = iota
	FsyncEverySec
	FsyncAlways
)

// ReplDisklessLoad says how a replica loads a full sync.
type ReplDisklessLoad int

// The values of repl-diskless-load.
const (
	DisklessLoadDisabled ReplDisklessLoad = iota
	DisklessLoadOnEmptyDB
	DisklessLoadSwapDB
)

// SanitizeDump says whose payloads are checked in depth.
type SanitizeDump int

// The values of sanitize-dump-payload.
const (
	SanitizeNo SanitizeDump = iota
	SanitizeYes
	SanitizeClients
)

// ProtectedAction says who may use a dangerous command or directive.
type ProtectedAction int

// The values of enable-debug-command and its like.
const (
	ActionNo ProtectedAction = iota
	ActionYes
	ActionLocal
)

// Allowed reports whether a client may; local is one on loopback or a Unix socket.
func (a ProtectedAction) Allowed(local bool) bool {
	return a == ActionYes || a == ActionLocal && local
}

// TLSAuthClients says whether clients must show a certificate.
type TLSAuthClients int

// The values of tls-auth-clients.
const (
	TLSAuthYes TLSAuthClients = iota
	TLSAuthNo
	TLSAuthOptional
)

// PropagationError says what to do when the master's stream makes no sense here.
type PropagationError int

// The values of propagation-error-behavior.
const (
	PropagationIgnore PropagationError = iota
	PropagationPanic
	PropagationPanicOnReplicas
)

// ShutdownOn is the set of options SHUTDOWN gets for a signal.
type ShutdownOn int

// The values of shutdown-on-sigterm and shutdown-on-sigint; default is none.
const (
	ShutdownSave ShutdownOn = 1 << iota
	ShutdownNoSave
	ShutdownNow
	ShutdownForce
)

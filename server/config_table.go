package server

import (
	"strings"
)

// directive is one row of the table: a name of redis.conf and what it holds.
type directive struct {
	name  string
	alias string // the name it had before, still understood and reported
	flags directiveFlags
	v     value
	def   []string // v.lines() before anything was read
}

type directiveFlags uint16

const (
	immutable   directiveFlags = 1 << iota // not by CONFIG SET
	multiArg                               // several arguments, or one holding them all
	hidden                                 // not in CONFIG GET *
	sensitive                              // its value stays out of logs
	protected                              // CONFIG SET only as enable-protected-configs allows
	denyLoading                            // CONFIG SET not while loading
	debugOnly                              // of interest to those who test Redis itself
	inert                                  // kept and reported, but without meaning here
	alwaysWrite                            // CONFIG REWRITE writes it even when it is the default
)

// directives are all rows, bound to the fields of c, which get their defaults.
func (c *Config) directives() []directive {
	var all []directive
	for _, group := range [][]directive{
		c.networkDirectives(), c.processDirectives(), c.accessDirectives(), c.limitDirectives(),
		c.memoryDirectives(), c.snapshotDirectives(), c.aofDirectives(), c.replicationDirectives(),
		c.observationDirectives(), c.encodingDirectives(), c.tlsDirectives(), c.inertDirectives(),
	} {
		all = append(all, group...)
	}
	return all
}

// minBacklogBytes is the smallest backlog; a smaller wish is raised to it.
const minBacklogBytes = 16 << 10

func (c *Config) networkDirectives() []directive {
	return []directive{
		{name: "bind", v: bindAddrs(&c.Bind), flags: multiArg},
		{name: "bind-source-addr", v: optional(&c.BindSourceAddr)},
		{name: "port", v: number(&c.Port, 6379, 0, maxPort)},
		{name: "tls-port", v: fixed(number(&c.TLSPort, 0, 0, maxPort), errNoTLS), flags: inert},
		{name: "unixsocket", v: optional(&c.UnixSocket), flags: immutable},
		{name: "unixsocketperm", v: fileMode(&c.UnixSocketPerm), flags: immutable},
		{name: "protected-mode", v: boolean(&c.ProtectedMode, true)},
		{name: "tcp-backlog", v: number(&c.TCPBacklog, 511, 0, maxInt), flags: immutable},
		{name: "tcp-keepalive", v: number(&c.TCPKeepAlive, 300, 0, maxInt)},
		{name: "timeout", v: number(&c.Timeout, 0, 0, maxInt)},
		{name: "maxclients", v: number(&c.MaxClients, 10000, 1, maxUint)},
		{name: "socket-mark-id", v: number(&c.SocketMarkID, 0, 0, maxUint), flags: immutable | inert},
	}
}

func (c *Config) processDirectives() []directive {
	return []directive{
		{name: "daemonize", v: boolean(&c.Daemonize, false), flags: immutable},
		{name: "supervised", v: enum(&c.Supervised, SupervisedNo, supervisedNames()...),
			flags: immutable},
		{name: "pidfile", v: optional(&c.PIDFile), flags: immutable},
		{name: "loglevel", v: enum(&c.LogLevel, LogNotice, logLevelNames()...)},
		{name: "logfile", v: text(&c.LogFile, ""), flags: immutable},
		{name: "syslog-enabled", v: boolean(&c.SyslogEnabled, false), flags: immutable},
		{name: "syslog-ident", v: text(&c.SyslogIdent, "redis"), flags: immutable},
		{name: "syslog-facility", v: enum(&c.SyslogFacility, "local0", facilityNames()...),
			flags: immutable},
		{name: "set-proc-title", v: boolean(&c.SetProcTitle, true), flags: immutable},
		{name: "proc-title-template", v: checkedText(&c.ProcTitleTemplate,
			"{title} {listen-addr} {server-mode}", c.validTitle)},
		{name: "oom-score-adj", v: enum(&c.OOMScoreAdj, OOMNo, oomScoreNames()...)},
		{name: "oom-score-adj-values", v: oomScores(&c.OOMScoreAdjValues), flags: multiArg},
		{name: "dir", v: directory(&c.Dir), flags: protected | denyLoading | alwaysWrite},
		{name: "always-show-logo", v: boolean(&c.AlwaysShowLogo, false), flags: immutable},
		{name: "databases", v: number(&c.Databases, 16, 1, maxInt), flags: immutable},
		{name: "hz", v: number(&c.Hz, 10, 0, maxInt).clamped(1, 500)},
		{name: "dynamic-hz", v: boolean(new(bool), true), flags: inert},
		{name: "shutdown-timeout", v: number(&c.ShutdownTimeout, 10, 0, maxInt)},
		{name: "shutdown-on-sigint", v: shutdownOptions(&c.ShutdownOnSIGINT), flags: multiArg},
		{name: "shutdown-on-sigterm", v: shutdownOptions(&c.ShutdownOnSIGTERM), flags: multiArg},
	}
}

func (c *Config) accessDirectives() []directive {
	return []directive{
		{name: "requirepass", v: optional(&c.RequirePass), flags: sensitive},
		{name: "aclfile", v: text(&c.ACLFile, ""), flags: immutable},
		{name: "acllog-max-len", flags: inert, v: number(new(int64), 128, 0, maxLong)},
		{name: "acl-pubsub-default", flags: inert, v: enum(new(string), "resetchannels",
			enumName[string]{"allchannels", "allchannels"},
			enumName[string]{"resetchannels", "resetchannels"})},
		{name: "enable-debug-command", v: enum(&c.EnableDebugCommand, ActionNo, actionNames()...),
			flags: immutable},
		{name: "enable-module-command", v: enum(&c.EnableModuleCommand, ActionNo, actionNames()...),
			flags: immutable},
		{name: "enable-protected-configs",
			v: enum(&c.EnableProtectedConfigs, ActionNo, actionNames()...), flags: immutable},
	}
}

func (c *Config) limitDirectives() []directive {
	return []directive{
		{name: "proto-max-bulk-len", v: bytes(&c.ProtoMaxBulkLen, 512<<20, 1<<20, maxLong),
			flags: debugOnly},
		{name: "client-query-buffer-limit",
			v: bytes(&c.ClientQueryBufferLimit, 1<<30, 1<<20, maxLong), flags: debugOnly},
		{name: "client-output-buffer-limit", v: outputLimits(&c.ClientOutputBufferLimits),
			flags: multiArg},
		{name: "maxmemory-clients", v: bytesOrPercent(&c.MaxMemoryClients, 0, 100)},
	}
}

func (c *Config) memoryDirectives() []directive {
	return []directive{
		{name: "maxmemory", v: bytes(&c.MaxMemory, 0, 0, maxULong)},
		{name: "maxmemory-policy", v: enum(&c.MaxMemoryPolicy, NoEviction, policyNames()...)},
		{name: "maxmemory-samples", v: number(&c.MaxMemorySamples, 5, 1, maxInt)},
		{name: "maxmemory-eviction-tenacity", v: number(&c.MaxMemoryEvictionTenacity, 10, 0, 100)},
		{name: "lfu-log-factor", v: number(&c.LFULogFactor, 10, 0, maxInt)},
		{name: "lfu-decay-time", v: number(&c.LFUDecayTime, 1, 0, maxInt)},
		{name: "active-expire-effort", v: number(&c.ActiveExpireEffort, 1, 1, 10)},
		{name: "activerehashing", v: boolean(&c.ActiveRehashing, true), flags: inert},
		{name: "lazyfree-lazy-eviction", v: boolean(&c.LazyFreeEviction, false), flags: debugOnly},
		{name: "lazyfree-lazy-expire", v: boolean(&c.LazyFreeExpire, false), flags: debugOnly},
		{name: "lazyfree-lazy-server-del", v: boolean(&c.LazyFreeServerDel, false), flags: debugOnly},
		{name: "lazyfree-lazy-user-del", v: boolean(&c.LazyFreeUserDel, false), flags: debugOnly},
		{name: "lazyfree-lazy-user-flush", v: boolean(&c.LazyFreeUserFlush, false), flags: debugOnly},
		{name: "tracking-table-max-keys", v: number(&c.TrackingTableMaxKeys, 1000000, 0, maxLong), flags: inert},
	}
}

func (c *Config) snapshotDirectives() []directive {
	return []directive{
		{name: "save", v: savePoints(&c.SavePoints), flags: multiArg | alwaysWrite},
		{name: "dbfilename", v: checkedText(&c.DBFilename, "dump.rdb",
			notPath("dbfilename can't be a path, just a filename")), flags: protected},
		{name: "rdbcompression", v: boolean(&c.RDBCompression, true)},
		{name: "rdbchecksum", v: boolean(&c.RDBChecksum, true), flags: immutable},
		{name: "rdb-save-incremental-fsync", v: boolean(&c.RDBIncrementalFsync, true)},
		{name: "rdb-del-sync-files", v: boolean(&c.RDBDelSyncFiles, false)},
		{name: "rdb-key-save-delay", v: number(&c.RDBKeySaveDelay, 0, minInt, maxInt), flags: hidden},
		{name: "key-load-delay", v: number(&c.KeyLoadDelay, 0, minInt, maxInt), flags: hidden},
		{name: "loading-process-events-interval-bytes",
			v: number(&c.LoadingEventsInterval, 2<<20, 1024, maxInt), flags: hidden | inert},
		{name: "stop-writes-on-bgsave-error", v: boolean(&c.StopWritesOnBGSaveError, true)},
		{name: "sanitize-dump-payload", v: enum(&c.SanitizeDumpPayload, SanitizeNo,
			enumName[SanitizeDump]{"no", SanitizeNo}, enumName[SanitizeDump]{"yes", SanitizeYes},
			enumName[SanitizeDump]{"clients", SanitizeClients}), flags: debugOnly | inert},
	}
}

func (c *Config) aofDirectives() []directive {
	return allInert([]directive{
		{name: "appendonly", v: boolean(&c.AppendOnly, false), flags: denyLoading},
		{name: "appendfilename", v: checkedText(&c.AppendFilename, "appendonly.aof",
			notPath("appendfilename can't be a path, just a filename")), flags: immutable},
		{name: "appenddirname", v: checkedText(&c.AppendDirname, "appendonlydir",
			notPath("appenddirname can't be a path, just a dirname")), flags: immutable},
		{name: "appendfsync", v: enum(&c.AppendFsync, FsyncEverySec,
			enumName[AppendFsync]{"everysec", FsyncEverySec},
			enumName[AppendFsync]{"always", FsyncAlways}, enumName[AppendFsync]{"no", FsyncNo})},
		{name: "no-appendfsync-on-rewrite", v: boolean(&c.NoAppendFsyncOnRewrite, false)},
		{name: "auto-aof-rewrite-percentage", v: number(&c.AutoAOFRewritePercentage, 100, 0, maxInt)},
		{name: "auto-aof-rewrite-min-size", v: bytes(&c.AutoAOFRewriteMinSize, 64<<20, 0, maxLong)},
		{name: "aof-load-truncated", v: boolean(&c.AOFLoadTruncated, true)},
		{name: "aof-use-rdb-preamble", v: boolean(&c.AOFUseRDBPreamble, true)},
		{name: "aof-timestamp-enabled", v: boolean(&c.AOFTimestampEnabled, false)},
		{name: "aof-rewrite-incremental-fsync", v: boolean(&c.AOFIncrementalFsync, true)},
		{name: "aof-disable-auto-gc", v: boolean(&c.AOFDisableAutoGC, false), flags: hidden},
	})
}

func (c *Config) replicationDirectives() []directive {
	return []directive{
		{name: "replicaof", alias: "slaveof", v: masterAddr(&c.ReplicaOf),
			flags: immutable | multiArg},
		{name: "masteruser", v: optional(&c.MasterUser), flags: sensitive},
		{name: "masterauth", v: optional(&c.MasterAuth), flags: sensitive},
		{name: "repl-timeout", v: number(&c.ReplTimeout, 60, 1, maxInt)},
		{name: "repl-ping-replica-period", alias: "repl-ping-slave-period",
			v: number(&c.ReplPingPeriod, 10, 1, maxInt)},
		{name: "repl-backlog-size",
			v: bytes(&c.ReplBacklogSize, 1<<20, 1, maxLong).clamped(minBacklogBytes, maxLong)},
		{name: "repl-backlog-ttl", v: number(&c.ReplBacklogTTL, 3600, 0, maxLong)},
		{name: "repl-disable-tcp-nodelay", v: boolean(&c.ReplDisableTCPNoDelay, false)},
		{name: "repl-diskless-sync", v: boolean(&c.ReplDisklessSync, true), flags: debugOnly},
		{name: "repl-diskless-sync-delay", v: number(&c.ReplDisklessSyncDelay, 5, 0, maxInt)},
		{name: "repl-diskless-sync-max-replicas",
			v: number(&c.ReplDisklessSyncMaxReplicas, 0, 0, maxInt)},
		{name: "repl-diskless-load", v: enum(&c.ReplDisklessLoad, DisklessLoadDisabled,
			enumName[ReplDisklessLoad]{"disabled", DisklessLoadDisabled},
			enumName[ReplDisklessLoad]{"on-empty-db", DisklessLoadOnEmptyDB},
			enumName[ReplDisklessLoad]{"swapdb", DisklessLoadSwapDB}), flags: denyLoading | debugOnly},
		{name: "replica-read-only", alias: "slave-read-only", v: boolean(&c.ReplicaReadOnly, true),
			flags: debugOnly},
		{name: "replica-serve-stale-data", alias: "slave-serve-stale-data",
			v: boolean(&c.ReplicaServeStale, true)},
		{name: "replica-priority", alias: "slave-priority",
			v: number(&c.ReplicaPriority, 100, 0, maxInt)},
		{name: "replica-announce-ip", alias: "slave-announce-ip", v: optional(&c.ReplicaAnnounceIP)},
		{name: "replica-announce-port", alias: "slave-announce-port",
			v: number(&c.ReplicaAnnouncePort, 0, 0, maxPort)},
		{name: "replica-announced", v: boolean(&c.ReplicaAnnounced, true)},
		{name: "replica-ignore-maxmemory", alias: "slave-ignore-maxmemory",
			v: boolean(&c.ReplicaIgnoreMaxMemory, true)},
		{name: "replica-lazy-flush", alias: "slave-lazy-flush", v: boolean(&c.ReplicaLazyFlush, false), flags: inert},
		{name: "replica-ignore-disk-write-errors", v: boolean(&c.ReplicaIgnoreDiskWriteErrors, false), flags: inert},
		{name: "propagation-error-behavior", v: enum(&c.PropagationErrorBehavior, PropagationIgnore,
			enumName[PropagationError]{"ignore", PropagationIgnore},
			enumName[PropagationError]{"panic", PropagationPanic},
			enumName[PropagationError]{"panic-on-replicas", PropagationPanicOnReplicas}), flags: inert},
		{name: "min-replicas-to-write", alias: "min-slaves-to-write",
			v: number(&c.MinReplicasToWrite, 0, 0, maxInt)},
		{name: "min-replicas-max-lag", alias: "min-slaves-max-lag",
			v: number(&c.MinReplicasMaxLag, 10, 0, maxInt)},
	}
}

func (c *Config) observationDirectives() []directive {
	return []directive{
		{name: "notify-keyspace-events", v: eventClasses(&c.NotifyKeyspaceEvents)},
		{name: "slowlog-log-slower-than", v: number(&c.SlowlogLogSlowerThan, 10000, -1, maxLong)},
		{name: "slowlog-max-len", v: number(&c.SlowlogMaxLen, 128, 0, maxLong)},
		{name: "latency-monitor-threshold", v: number(&c.LatencyMonitorThreshold, 0, 0, maxLong)},
		{name: "latency-tracking", v: boolean(&c.LatencyTracking, true)},
		{name: "latency-tracking-info-percentiles", v: percentiles(&c.LatencyTrackingPercentiles),
			flags: multiArg | alwaysWrite},
		{name: "busy-reply-threshold", alias: "lua-time-limit",
			v: number(&c.BusyReplyThreshold, 5000, 0, maxLong), flags: inert},
	}
}

func (c *Config) encodingDirectives() []directive {
	return []directive{
		{name: "hash-max-listpack-entries", alias: "hash-max-ziplist-entries",
			v: number(&c.HashMaxListpackEntries, 512, 0, maxLong)},
		{name: "hash-max-listpack-value", alias: "hash-max-ziplist-value",
			v: bytes(&c.HashMaxListpackValue, 64, 0, maxLong)},
		{name: "list-max-listpack-size", alias: "list-max-ziplist-size",
			v: number(&c.ListMaxListpackSize, -2, minInt, maxInt)},
		{name: "list-compress-depth", v: number(&c.ListCompressDepth, 0, 0, maxInt),
			flags: debugOnly},
		{name: "set-max-intset-entries", v: number(&c.SetMaxIntsetEntries, 512, 0, maxLong)},
		{name: "set-max-listpack-entries", v: number(&c.SetMaxListpackEntries, 128, 0, maxLong)},
		{name: "set-max-listpack-value", v: bytes(&c.SetMaxListpackValue, 64, 0, maxLong)},
		{name: "zset-max-listpack-entries", alias: "zset-max-ziplist-entries",
			v: number(&c.ZSetMaxListpackEntries, 128, 0, maxLong)},
		{name: "zset-max-listpack-value", alias: "zset-max-ziplist-value",
			v: bytes(&c.ZSetMaxListpackValue, 64, 0, maxLong)},
		{name: "hll-sparse-max-bytes", v: bytes(&c.HLLSparseMaxBytes, 3000, 0, maxLong)},
		{name: "stream-node-max-bytes", v: bytes(&c.StreamNodeMaxBytes, 4096, 0, maxLong)},
		{name: "stream-node-max-entries", v: number(&c.StreamNodeMaxEntries, 100, 0, maxLong)},
	}
}

func (c *Config) tlsDirectives() []directive {
	t := &c.TLS
	return allInert([]directive{
		{name: "tls-cert-file", v: optional(&t.CertFile)},
		{name: "tls-key-file", v: optional(&t.KeyFile)},
		{name: "tls-key-file-pass", v: optional(&t.KeyFilePass), flags: sensitive},
		{name: "tls-client-cert-file", v: optional(&t.ClientCertFile)},
		{name: "tls-client-key-file", v: optional(&t.ClientKeyFile)},
		{name: "tls-client-key-file-pass", v: optional(&t.ClientKeyFilePass), flags: sensitive},
		{name: "tls-ca-cert-file", v: optional(&t.CACertFile)},
		{name: "tls-ca-cert-dir", v: optional(&t.CACertDir)},
		{name: "tls-dh-params-file", v: optional(&t.DHParamsFile)},
		{name: "tls-protocols", v: optional(&t.Protocols)},
		{name: "tls-ciphers", v: optional(&t.Ciphers)},
		{name: "tls-ciphersuites", v: optional(&t.CipherSuites)},
		{name: "tls-prefer-server-ciphers", v: boolean(&t.PreferServerCiphers, false)},
		{name: "tls-auth-clients", v: enum(&t.AuthClients, TLSAuthYes,
			enumName[TLSAuthClients]{"no", TLSAuthNo}, enumName[TLSAuthClients]{"yes", TLSAuthYes},
			enumName[TLSAuthClients]{"optional", TLSAuthOptional})},
		{name: "tls-replication", v: fixed(boolean(&t.Replication, false), errNoTLS)},
		{name: "tls-cluster", v: boolean(new(bool), false), flags: inert},
		{name: "tls-session-caching", v: boolean(&t.SessionCaching, true)},
		{name: "tls-session-cache-size", v: number(&t.SessionCacheSize, 20*1024, 0, maxInt)},
		{name: "tls-session-cache-timeout", v: number(&t.SessionCacheTimeout, 300, 0, maxInt)},
	})
}

// allInert marks rows whose feature is not there yet: they are checked, kept and
// reported, and the start says that they have no effect.
func allInert(rows []directive) []directive {
	for i := range rows {
		rows[i].flags |= inert
	}
	return rows
}

// notPath is the condition that a name has no slash.
func notPath(complaint string) func(string) error {
	return func(s string) error {
		if strings.ContainsRune(s, '/') {
			return configError(complaint)
		}
		return nil
	}
}

func supervisedNames() []enumName[Supervised] {
	return []enumName[Supervised]{{"upstart", SupervisedUpstart}, {"systemd", SupervisedSystemd},
		{"auto", SupervisedAuto}, {"no", SupervisedNo}}
}

func logLevelNames() []enumName[LogLevel] {
	return []enumName[LogLevel]{{"debug", LogDebug}, {"verbose", LogVerbose},
		{"notice", LogNotice}, {"warning", LogWarning}, {"nothing", LogNothing}}
}

func oomScoreNames() []enumName[OOMScoreAdj] {
	return []enumName[OOMScoreAdj]{{"no", OOMNo}, {"yes", OOMRelative}, {"relative", OOMRelative},
		{"absolute", OOMAbsolute}}
}

func facilityNames() []enumName[string] {
	var all []enumName[string]
	for _, n := range []string{"user", "local0", "local1", "local2", "local3", "local4",
		"local5", "local6", "local7"} {
		all = append(all, enumName[string]{n, n})
	}
	return all
}

func actionNames() []enumName[ProtectedAction] {
	return []enumName[ProtectedAction]{{"no", ActionNo}, {"yes", ActionYes}, {"local", ActionLocal}}
}

func policyNames() []enumName[MaxMemoryPolicy] {
	return []enumName[MaxMemoryPolicy]{{"volatile-lru", VolatileLRU}, {"volatile-lfu", VolatileLFU},
		{"volatile-random", VolatileRandom}, {"volatile-ttl", VolatileTTL},
		{"allkeys-lru", AllKeysLRU}, {"allkeys-lfu", AllKeysLFU},
		{"allkeys-random", AllKeysRandom}, {"noeviction", NoEviction}}
}

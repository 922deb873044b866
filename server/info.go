package server

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/vedette-ha/vedette/server/command"
)

// infoSection is one section of INFO. The extra ones are shown only when asked
// for, by name or with "all" or "everything".
type infoSection struct {
	name, title string
	extra       bool
	write       func(s *Server, b []byte) []byte
}

func infoSections() []infoSection {
	return []infoSection{
		{"server", "Server", false, (*Server).infoServer},
		{"clients", "Clients", false, (*Server).infoClients},
		{"memory", "Memory", false, (*Server).infoMemory},
		{"persistence", "Persistence", false, (*Server).infoPersistence},
		{"stats", "Stats", false, (*Server).infoStats},
		{"replication", "Replication", false, (*Server).infoReplication},
		{"cpu", "CPU", false, (*Server).infoCPU},
		{"modules", "Modules", false, func(_ *Server, b []byte) []byte { return b }},
		{"commandstats", "Commandstats", true, (*Server).infoCommandStats},
		{"errorstats", "Errorstats", false, (*Server).infoErrorStats},
		{"latencystats", "Latencystats", true, (*Server).infoLatencyStats},
		{"cluster", "Cluster", false, func(_ *Server, b []byte) []byte { return append(b, "cluster_enabled:0\r\n"...) }},
		{"keyspace", "Keyspace", false, (*Server).infoKeyspace},
	}
}

// INFO [section [section ...]]
func (s *Server) cmdInfo(c *command.Ctx) error {
	c.Out.Verbatim("txt", string(s.info(c.Args[1:])))
	return nil
}

// info is the text of the sections asked for; all usual ones if none are.
func (s *Server) info(asked [][]byte) []byte {
	want := make(map[string]bool)
	for _, a := range asked {
		want[strings.ToLower(string(a))] = true
	}
	var b []byte
	for _, sec := range infoSections() {
		usual := len(want) == 0 || want["default"]
		all := want["everything"] || want["all"]
		if !want[sec.name] && !all && (!usual || sec.extra) {
			continue
		}
		if len(b) > 0 {
			b = append(b, "\r\n"...)
		}
		b = append(b, "# "+sec.title+"\r\n"...)
		b = sec.write(s, b)
	}
	return b
}

// field appends "name:value" lines from pairs.
func fields(b []byte, pairs ...any) []byte {
	for i := 0; i < len(pairs); i += 2 {
		b = fmt.Appendf(b, "%s:%v\r\n", pairs[i], pairs[i+1])
	}
	return b
}

func (s *Server) infoServer(b []byte) []byte {
	up := int64(s.mono() / time.Second)
	exe, _ := os.Executable()
	b = fields(b,
		"redis_version", Version,
		"vedette_version", s.build,
		"redis_git_sha1", "00000000",
		"redis_git_dirty", 0,
		"redis_build_id", "0000000000000000",
		"redis_mode", "standalone",
		"os", s.os,
		"arch_bits", 32<<(^uint(0)>>63),
		"monotonic_clock", "POSIX clock_gettime",
		"multiplexing_api", "epoll",
		"atomicvar_api", "go-atomic",
		"gcc_version", "0.0.0",
		"go_version", strings.TrimPrefix(runtime.Version(), "go"),
		"process_id", os.Getpid(),
		"process_supervised", supervisedWords[s.cfg.Supervised],
		"run_id", s.runID,
		"tcp_port", s.cfg.Port,
		"server_time_usec", time.Now().UnixMicro(),
		"uptime_in_seconds", up,
		"uptime_in_days", up/(24*3600),
		"hz", s.cfg.Hz,
		"configured_hz", s.cfg.Hz,
		"lru_clock", uint32(s.turnWall/1000)&(1<<24-1),
		"executable", exe,
		"config_file", s.cfg.File(),
		"io_threads_active", 0,
	)
	if s.shutdown != nil {
		b = fields(b, "shutdown_in_milliseconds", (s.shutdown.deadline - s.mono()).Milliseconds())
	}
	return s.infoListeners(b)
}

// infoListeners has a line for TCP, of all addresses as they were asked for, and one
// for the Unix socket.
func (s *Server) infoListeners(b []byte) []byte {
	l := &s.listening
	if len(l.tcp) > 0 {
		b = fmt.Appendf(b, "listener0:name=tcp,bind=%s,port=%d\r\n", strings.Join(s.cfg.Bind, ",bind="), s.cfg.Port)
	}
	for i, ln := range l.given {
		host, port := splitAddr(ln.Addr().String())
		b = fmt.Appendf(b, "listener%d:name=tcp,bind=%s,port=%s\r\n", i, host, port)
	}
	if l.unix != nil {
		b = fmt.Appendf(b, "listener1:name=unix,bind=%s\r\n", s.cfg.UnixSocket)
	}
	return b
}

func splitAddr(addr string) (host, port string) {
	i := strings.LastIndexByte(addr, ':')
	if i < 0 {
		return addr, "0"
	}
	return strings.Trim(addr[:i], "[]"), addr[i+1:]
}

// supervisedWords are INFO's words for [Supervised].
var supervisedWords = [...]string{SupervisedNo: "no", SupervisedUpstart: "upstart",
	SupervisedSystemd: "systemd", SupervisedAuto: "no"}

func (s *Server) infoClients(b []byte) []byte {
	var watching, subscribed, connected, timed int
	for _, c := range s.order {
		if c.class == classReplica {
			continue
		}
		connected++
		s.recent.note(c, s.turnWall)
		if c.waits() && c.blocked.timer != nil {
			timed++
		}
		if len(c.watches) > 0 {
			watching++
		}
		if c.class == classPubSub {
			subscribed++
		}
	}
	watchedKeys := 0
	for _, w := range s.watched {
		watchedKeys += len(w)
	}
	maxIn, maxOut := s.recent.most(s.turnWall)
	return fields(b,
		"connected_clients", connected,
		"cluster_connections", 0,
		"maxclients", s.cfg.MaxClients,
		"client_recent_max_input_buffer", maxIn,
		"client_recent_max_output_buffer", maxOut,
		"blocked_clients", s.blockedCount,
		"tracking_clients", 0,
		"pubsub_clients", subscribed,
		"watching_clients", watching,
		"clients_in_timeout_table", timed,
		"total_watched_keys", watchedKeys,
		"total_blocking_keys", s.keyWaits.count(),
		"total_blocking_keys_on_nokey", s.keyWaits.goneKeys,
	)
}

func (s *Server) infoStats(b []byte) []byte {
	t, r := &s.stats, s.repl.Stats()
	exceedsNow, exceeded := s.memoryExceeded()
	kbps := func(v *rate) string { return fmt.Sprintf("%.2f", v.perSecond()/1024) }
	return fields(b,
		"total_connections_received", t.connections,
		"total_commands_processed", t.commands,
		"instantaneous_ops_per_sec", int64(t.ops.perSecond()),
		"total_net_input_bytes", t.netIn,
		"total_net_output_bytes", t.netOut,
		"total_net_repl_input_bytes", t.netReplIn,
		"total_net_repl_output_bytes", t.netReplOut,
		"instantaneous_input_kbps", kbps(&t.in),
		"instantaneous_output_kbps", kbps(&t.out),
		"instantaneous_input_repl_kbps", kbps(&t.replIn),
		"instantaneous_output_repl_kbps", kbps(&t.replOut),
		"rejected_connections", t.rejectedConns,
		"sync_full", r.FullSyncs,
		"sync_partial_ok", r.PartialOK,
		"sync_partial_err", r.PartialFailed,
		"expired_keys", t.expired,
		"expired_stale_perc", fmt.Sprintf("%.2f", t.expiredStalePerc*100),
		"expired_time_cap_reached_count", t.expireCapReached,
		"expire_cycle_cpu_milliseconds", t.expireCycleUsec/1000,
		"evicted_keys", t.evicted,
		"evicted_clients", t.evictedSessions,
		"total_eviction_exceeded_time", exceeded.Milliseconds(),
		"current_eviction_exceeded_time", exceedsNow.Milliseconds(),
		"keyspace_hits", s.lookups.Hits,
		"keyspace_misses", s.lookups.Misses,
		"pubsub_channels", len(s.pubsub.channels),
		"pubsub_patterns", len(s.pubsub.patterns),
		"pubsubshard_channels", len(s.pubsub.shards),
		"latest_fork_usec", 0,
		"total_forks", t.forks,
		"migrate_cached_sockets", 0,
		"slave_expires_tracked_keys", len(s.own.keys),
		"active_defrag_hits", 0,
		"active_defrag_misses", 0,
		"active_defrag_key_hits", 0,
		"active_defrag_key_misses", 0,
		"total_active_defrag_time", 0,
		"current_active_defrag_time", 0,
		"tracking_total_keys", 0,
		"tracking_total_items", 0,
		"tracking_total_prefixes", 0,
		"unexpected_error_replies", t.unexpectedErrors,
		"total_error_replies", t.errors,
		"dump_payload_sanitizations", 0,
		"total_reads_processed", t.reads,
		"total_writes_processed", t.writes,
		"io_threaded_reads_processed", 0,
		"io_threaded_writes_processed", 0,
		"client_query_buffer_limit_disconnections", t.queryLimitDisconnections,
		"client_output_buffer_limit_disconnections", t.outputLimitDisconnections+uint64(r.Overruns),
		"reply_buffer_shrinks", t.replyShrinks,
		"reply_buffer_expands", t.replyExpands,
		"eventloop_cycles", t.turns,
		"eventloop_duration_sum", t.turnTime.Microseconds(),
		"eventloop_duration_cmd_sum", t.commandTime.Microseconds(),
		"instantaneous_eventloop_cycles_per_sec", int64(t.turnRate.perSecond()),
		"instantaneous_eventloop_duration_usec", t.turnUsec(),
		"acl_access_denied_auth", t.authDenied,
		"acl_access_denied_cmd", 0,
		"acl_access_denied_key", 0,
		"acl_access_denied_channel", 0,
	)
}

func (s *Server) infoReplication(b []byte) []byte { return s.repl.AppendInfo(b, time.Now()) }

// eachCommand calls fn for every command and subcommand that has statistics.
func (s *Server) eachCommand(fn func(*command.Command)) {
	for _, cmd := range s.table.All() {
		fn(cmd)
		for _, sub := range cmd.Subs {
			fn(sub)
		}
	}
}

func (s *Server) infoCommandStats(b []byte) []byte {
	s.eachCommand(func(cmd *command.Command) {
		st := &cmd.Stats
		if st.Calls == 0 && st.Rejected == 0 && st.Failed == 0 {
			return
		}
		per := 0.0
		if st.Calls > 0 {
			per = float64(st.Usec) / float64(st.Calls)
		}
		b = fmt.Appendf(b, "cmdstat_%s:calls=%d,usec=%d,usec_per_call=%.2f,rejected_calls=%d,failed_calls=%d\r\n",
			cmd.Full, st.Calls, st.Usec, per, st.Rejected, st.Failed)
	})
	return b
}

func (s *Server) infoErrorStats(b []byte) []byte {
	counts := s.stats.errorCounts()
	var kinds []string
	for k := range counts {
		kinds = append(kinds, k)
	}
	slices.Sort(kinds)
	for _, k := range kinds {
		b = fmt.Appendf(b, "errorstat_%s:count=%d\r\n", k, counts[k])
	}
	return b
}

func (s *Server) infoLatencyStats(b []byte) []byte {
	s.eachCommand(func(cmd *command.Command) {
		if !cmd.Stats.Tracked() {
			return
		}
		b = fmt.Appendf(b, "latency_percentiles_usec_%s:", cmd.Full)
		for i, p := range s.cfg.LatencyTrackingPercentiles {
			if i > 0 {
				b = append(b, ',')
			}
			b = fmt.Appendf(b, "p%v=%.3f", p, float64(cmd.Stats.Percentile(p))/1000)
		}
		b = append(b, "\r\n"...)
	})
	return b
}

func (s *Server) infoKeyspace(b []byte) []byte {
	for i := range s.space.Databases() {
		if db := s.space.DB(i); db.Len() > 0 {
			b = fmt.Appendf(b, "db%d:keys=%d,expires=%d,avg_ttl=%d\r\n", i, db.Len(), db.Volatile(), db.AvgTTL())
		}
	}
	return b
}

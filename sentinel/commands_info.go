package sentinel

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/vedette-ha/vedette/failover"
	"github.com/vedette-ha/vedette/internal/acl"
)

// compatVersion is the version of Redis whose protocol the sentinel port
// follows; clients branch on it.
const compatVersion = "7.2.4"

// portStats counts what happens on the sentinel port.
type portStats struct {
	commands atomic.Int64
	errors   atomic.Int64
	bytesIn  atomic.Int64
	bytesOut atomic.Int64
	reads    atomic.Int64
	writes   atomic.Int64
}

// infoSection is one part of INFO.
type infoSection struct {
	name  string
	write func(*Sentinel, *strings.Builder)
}

// infoSections in the order INFO shows them.
func infoSections() []infoSection {
	return []infoSection{
		{"Server", (*Sentinel).infoServer},
		{"Clients", (*Sentinel).infoClients},
		{"Stats", (*Sentinel).infoStats},
		{"CPU", (*Sentinel).infoCPU},
		{"Sentinel", (*Sentinel).infoSentinel},
		{"Raft", (*Sentinel).infoRaft},
	}
}

// INFO [section ...]
func cmdInfo(_ context.Context, c *session, args [][]byte) error {
	wanted := map[string]bool{}
	all := len(args) == 1
	for _, a := range args[1:] {
		wanted[lowerWord(a)] = true
		all = all || is(a, "all") || is(a, "default") || is(a, "everything")
	}
	var b strings.Builder
	for _, section := range infoSections() {
		if !all && !wanted[strings.ToLower(section.name)] {
			continue
		}
		if b.Len() > 0 {
			b.WriteString("\r\n")
		}
		b.WriteString("# " + section.name + "\r\n")
		section.write(c.s, &b)
	}
	c.w.BulkString(b.String()) // in RESP3, too, unlike a data server
	return nil
}

// field appends one line.
func field(b *strings.Builder, name string, value any) {
	fmt.Fprintf(b, "%s:%v\r\n", name, value)
}

func (s *Sentinel) infoServer(b *strings.Builder) {
	now := time.Now()
	up := int64(now.Sub(s.started).Seconds())
	exe, _ := os.Executable()
	field(b, "redis_version", compatVersion)
	field(b, "redis_git_sha1", "00000000")
	field(b, "redis_git_dirty", 0)
	field(b, "redis_build_id", "0")
	field(b, "vedette_version", s.opts.Version)
	field(b, "redis_mode", "sentinel")
	field(b, "os", osName())
	field(b, "arch_bits", 32<<(^uint(0)>>63))
	field(b, "monotonic_clock", "POSIX clock_gettime")
	field(b, "multiplexing_api", "epoll")
	field(b, "atomicvar_api", "go")
	field(b, "gcc_version", "0.0.0")
	field(b, "process_id", os.Getpid())
	field(b, "process_supervised", "no")
	field(b, "run_id", s.runID)
	field(b, "tcp_port", s.port())
	field(b, "server_time_usec", now.UnixMicro())
	field(b, "uptime_in_seconds", up)
	field(b, "uptime_in_days", up/86400)
	field(b, "hz", 10)
	field(b, "configured_hz", 10)
	field(b, "lru_clock", now.Unix()&(1<<24-1))
	field(b, "executable", exe)
	field(b, "config_file", s.opts.Config.File)
	field(b, "io_threads_active", 0)
	if path := s.opts.Config.UnixSocket; path != "" {
		defer field(b, "listener1", "name=unix,bind="+path)
	}
	field(b, "listener0", fmt.Sprintf("name=tcp,bind=%s,port=%d", strings.Join(s.opts.Config.Bind, ",bind="), s.port()))
}

func (s *Sentinel) infoClients(b *strings.Builder) {
	open, _, _ := s.clients.counts()
	tracked := s.clients.list(func(c *session) bool {
		c.stats.mu.Lock()
		defer c.stats.mu.Unlock()
		return c.stats.tracking.on
	})
	field(b, "connected_clients", open)
	field(b, "cluster_connections", 0)
	field(b, "maxclients", s.clients.max)
	field(b, "client_recent_max_input_buffer", 0)
	field(b, "client_recent_max_output_buffer", 0)
	field(b, "blocked_clients", 0)
	field(b, "tracking_clients", len(tracked))
	field(b, "clients_in_timeout_table", 0)
	field(b, "total_blocking_keys", 0)
	field(b, "total_blocking_keys_on_nokey", 0)
}

func (s *Sentinel) infoStats(b *strings.Builder) {
	_, total, rejected := s.clients.counts()
	field(b, "total_connections_received", total)
	field(b, "total_commands_processed", s.stats.commands.Load())
	field(b, "instantaneous_ops_per_sec", 0)
	field(b, "total_net_input_bytes", s.stats.bytesIn.Load())
	field(b, "total_net_output_bytes", s.stats.bytesOut.Load())
	zeros(b, "total_net_repl_input_bytes", "total_net_repl_output_bytes")
	for _, name := range []string{"input", "output", "input_repl", "output_repl"} {
		field(b, "instantaneous_"+name+"_kbps", "0.00")
	}
	field(b, "rejected_connections", rejected)
	zeros(b, "sync_full", "sync_partial_ok", "sync_partial_err", "expired_keys")
	field(b, "expired_stale_perc", "0.00")
	zeros(b, "expired_time_cap_reached_count", "expire_cycle_cpu_milliseconds", "evicted_keys",
		"evicted_clients", "total_eviction_exceeded_time", "current_eviction_exceeded_time",
		"keyspace_hits", "keyspace_misses")
	channels, patterns := s.hubCounts()
	field(b, "pubsub_channels", channels)
	field(b, "pubsub_patterns", patterns)
	zeros(b, "pubsubshard_channels", "latest_fork_usec", "total_forks", "migrate_cached_sockets",
		"slave_expires_tracked_keys", "active_defrag_hits", "active_defrag_misses",
		"active_defrag_key_hits", "active_defrag_key_misses", "total_active_defrag_time",
		"current_active_defrag_time", "tracking_total_keys", "tracking_total_items",
		"tracking_total_prefixes", "unexpected_error_replies")
	field(b, "total_error_replies", s.stats.errors.Load())
	field(b, "dump_payload_sanitizations", 0)
	field(b, "total_reads_processed", s.stats.reads.Load())
	field(b, "total_writes_processed", s.stats.writes.Load())
	zeros(b, "io_threaded_reads_processed", "io_threaded_writes_processed", "reply_buffer_shrinks",
		"reply_buffer_expands")
	for _, r := range []acl.Reason{acl.DeniedAuth, acl.DeniedCommand, acl.DeniedKey, acl.DeniedChannel} {
		name := r.String()
		if r == acl.DeniedCommand {
			name = "cmd"
		}
		field(b, "acl_access_denied_"+name, s.users.Denials(r))
	}
}

// zeros appends the fields that mean nothing on a sentinel, for those who expect them.
func zeros(b *strings.Builder, names ...string) {
	for _, name := range names {
		field(b, name, 0)
	}
}

func (s *Sentinel) infoCPU(b *strings.Builder) {
	var self, children syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &self)
	_ = syscall.Getrusage(syscall.RUSAGE_CHILDREN, &children)
	seconds := func(t syscall.Timeval) string { return fmt.Sprintf("%d.%06d", t.Sec, t.Usec) }
	field(b, "used_cpu_sys", seconds(self.Stime))
	field(b, "used_cpu_user", seconds(self.Utime))
	field(b, "used_cpu_sys_children", seconds(children.Stime))
	field(b, "used_cpu_user_children", seconds(children.Utime))
	field(b, "used_cpu_sys_main_thread", seconds(self.Stime))
	field(b, "used_cpu_user_main_thread", seconds(self.Utime))
}

// osName is "Linux 6.1.0 x86_64" where the system says so.
func osName() string {
	var u unix.Utsname
	if unix.Uname(&u) != nil {
		return runtime.GOOS + " " + runtime.GOARCH
	}
	return unix.ByteSliceToString(u.Sysname[:]) + " " + unix.ByteSliceToString(u.Release[:]) + " " +
		unix.ByteSliceToString(u.Machine[:])
}

// infoSentinel is the state of the masters as redis_exporter reads it.
func (s *Sentinel) infoSentinel(b *strings.Builder) {
	type line struct {
		name, status, addr string
		slaves, sentinels  int
	}
	var lines []line
	tilt, since, paused := 0, int64(-1), 0
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = s.do(ctx, func(lp *loop) {
		now := time.Now()
		if at, in := lp.m.Tilt(); in {
			tilt, since = 1, int64(now.Sub(at).Seconds())
		}
		for _, name := range lp.m.Names() {
			v, _ := lp.m.Master(now, name)
			paused += b2i(v.Paused)
			lines = append(lines, line{name, masterStatus(v), v.Addr.String(), v.NumSlaves, v.NumOthers + 1})
		}
	})
	field(b, "sentinel_masters", len(lines))
	field(b, "sentinel_tilt", tilt)
	field(b, "sentinel_tilt_since_seconds", since)
	running, queued := s.scripts.counts()
	field(b, "sentinel_running_scripts", running)
	field(b, "sentinel_scripts_queue_length", queued)
	field(b, "sentinel_simulate_failure_flags", s.failures.Load())
	if paused > 0 { // Redis has no such field
		field(b, "sentinel_failovers_paused", paused)
	}
	for i, l := range lines {
		fmt.Fprintf(b, "master%d:name=%s,status=%s,address=%s,slaves=%d,sentinels=%d\r\n",
			i, l.name, l.status, l.addr, l.slaves, l.sentinels)
	}
}

// infoRaft is how this sentinel stands with its peers: its health (raft_state: ok,
// forming, or no-quorum when it is cut off or cannot write its store), whether it belongs to a cluster that may
// decide (raft_formed), who leads it ("" if nobody is known to), and how many
// vote. Redis has no such section.
func (s *Sentinel) infoRaft(b *strings.Builder) {
	st := s.quorum.Status()
	voters := 0
	for _, m := range st.Members {
		voters += b2i(m.Voter)
	}
	field(b, "raft_state", st.health())
	if st.Waits != "" {
		field(b, "raft_waits", st.Waits)
	}
	field(b, "raft_formed", b2i(st.Formed))
	field(b, "raft_cluster", st.Cluster)
	field(b, "raft_leader", st.Leader)
	field(b, "raft_leading", b2i(st.Leading))
	field(b, "raft_term", st.Term)
	field(b, "raft_commit_index", st.Commit)
	field(b, "raft_voters", voters)
	field(b, "raft_members", len(st.Members))
	store := st.Store.Kind
	if store == "" {
		store = "ok"
	}
	field(b, "raft_store", store)
	field(b, "raft_store_error", strings.ReplaceAll(st.Store.Text, "\n", "; "))
}

func masterStatus(v failover.MasterView) string {
	switch {
	case v.ODown:
		return "odown"
	case v.SDown:
		return "sdown"
	}
	return "ok"
}

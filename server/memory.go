package server

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/vedette-ha/vedette/server/keyspace"
)

// memoryUse is where the process's memory is, in bytes.
type memoryUse struct {
	used     int64 // what counts for maxmemory: data, sessions' buffers, replication history
	dataset  int64
	overhead int64 // used that is not keys and values
	heap     heapUse
	chunks   int64 // mapped for the data set outside the heap
	rss      int64
	keyspace keyspace.Stats
}

// heapUse is what the Go runtime has, in bytes.
type heapUse struct {
	objects int64 // live, or garbage that has not been found
	spans   int64 // those, and what is left over between them
	held    int64 // all that it holds from the system, stacks and its own tables included
}

// allocated, active and resident are the figures that Redis has from its allocator:
// what is in use, with what is lost between, with what is held in reserve.
func (m *memoryUse) allocated() int64 {
	return m.keyspace.CellBytes + m.keyspace.TableBytes + m.heap.objects
}
func (m *memoryUse) active() int64   { return max(m.chunks+m.heap.spans, m.allocated()) }
func (m *memoryUse) resident() int64 { return max(min(m.chunks+m.heap.held, m.rss), m.active()) }

// measureMemory adds up what is known. It walks the sessions, not the keys.
func (s *Server) measureMemory() memoryUse {
	ks := s.space.Stats()
	m := memoryUse{dataset: ks.CellBytes + ks.BigBytes + ks.ObjectBytes, rss: residentBytes(), keyspace: ks}
	m.used = s.usedMemory()
	m.chunks = ks.ChunkBytes + ks.TableBytes
	m.heap = measureHeap()
	m.overhead = m.used - m.dataset
	return m
}

// startupBytes stands for the process itself in used_memory: code tables, the
// command table, the loop's buffers.
const startupBytes = 900 << 10

// measureHeap asks the Go runtime what its heap holds.
func measureHeap() heapUse {
	samples := []metrics.Sample{
		{Name: "/memory/classes/heap/objects:bytes"},
		{Name: "/memory/classes/heap/unused:bytes"},
		{Name: "/memory/classes/total:bytes"},
		{Name: "/memory/classes/heap/released:bytes"},
	}
	metrics.Read(samples)
	at := func(i int) int64 { return int64(samples[i].Value.Uint64()) }
	return heapUse{objects: at(0), spans: at(0) + at(1), held: at(2) - at(3)}
}

// usedMemory is what is known to be in use: data, sessions' buffers, replication
// history, and the process itself. It is counted as it changes, so that every command
// may ask.
func (s *Server) usedMemory() int64 {
	return s.space.Used() + s.buffers.total() + s.repl.Stream().Memory() + startupBytes
}

// notCounted is the part of usedMemory that maxmemory does not limit: what replicas
// have yet to read. Evicting keys would make it more, not less.
func (s *Server) notCounted() int64 {
	return s.buffers.replicas + max(s.repl.Stream().Memory()-s.repl.Stream().Size(), 0)
}

// replicationMemory is what the sessions of replicas and the replication history take.
// What is kept beyond repl-backlog-size is there for replicas, if there are any.
func (s *Server) replicationMemory() (replicas, backlog int64) {
	stream := s.repl.Stream()
	beyond := stream.Memory() - stream.Size()
	if beyond <= 0 || len(s.repl.Replicas()) == 0 {
		return s.buffers.replicas, stream.Memory()
	}
	return s.buffers.replicas + beyond, stream.Size()
}

// sampleMemory notes the peak for INFO memory.
func (s *Server) sampleMemory() {
	s.stats.peakMemory = max(s.stats.peakMemory, uint64(s.measureMemory().used))
}

// heapHeadroom is how much garbage may pile up before the collector runs, once the
// heap is larger than it: the data set lies outside the heap, so the heap is small
// and the usual doubling would collect far too often.
const heapHeadroom = 64 << 20

// heapHeadroomMin is the least of it, for a small maxmemory: an eighth of that is
// enough to be off.
const heapHeadroomMin = 8 << 20

func (s *Server) headroom() int64 {
	if limit := s.cfg.MaxMemory; limit > 0 {
		return int64(min(heapHeadroom, max(heapHeadroomMin, limit/8)))
	}
	return heapHeadroom
}

// collector says how the Go heap is collected.
type collector struct {
	percent int         // of [debug.SetGCPercent]
	most    int64       // the most data there has been on the heap since it was last collected for a loss, bytes
	busy    atomic.Bool // something is being done beside the loop
}

// tune takes data, the bytes of the data set that lie on the heap, and live, how much of
// the heap is in use. It returns the percentage of garbage to allow, generous while the
// heap is small, a fixed headroom once it is large; and whether so much data is gone that
// the heap is to be collected now. Otherwise the next collection would find that almost
// nothing is left, and the one after that be due at once: whoever allocates meanwhile has
// to sweep it all, and that is the loop.
func (g *collector) tune(data, live, headroom int64) (percent int, collect bool) {
	g.most = max(g.most, data)
	if collect = g.most-data > max(headroom/4, g.most/4); collect {
		g.most = data
	}
	percent = 400
	if live > headroom/4 {
		percent = max(int(100*headroom/live), 25)
	}
	if d := percent - g.percent; max(d, -d) <= g.percent/8 {
		percent = g.percent // as good: to change it stops everything for a moment
	}
	return percent, collect
}

// tuneCollector is called hz times a second. What it decides is done beside the loop: it
// waits for a collection that is under way.
func (s *Server) tuneCollector() {
	g := &s.collector
	if g.busy.Load() {
		return
	}
	ks, headroom := s.space.Stats(), s.headroom()
	data := ks.BigBytes + ks.ObjectBytes
	live := min(measureHeap().objects, data+data/4+headroom/4) // more than that is garbage
	percent, collect := g.tune(data, live, headroom)
	if percent == g.percent && !collect {
		return
	}
	g.percent = percent
	g.busy.Store(true)
	s.bg.Go(func() {
		defer g.busy.Store(false)
		debug.SetGCPercent(percent)
		if collect {
			runtime.GC()
		}
	})
}

// An idle server gives back what a load left behind: the collector, which runs when
// there is much new garbage, would not come for minutes.
const (
	quietCommands = 10      // in a second: fewer is quiet
	quietSeconds  = 5       // of quiet before
	quietGarbage  = 4 << 20 // held by the heap and not in use: less is not worth it
)

// quiet tells when a server has become idle.
type quiet struct {
	commands uint64 // as of the last second
	seconds  int    // of quiet so far
	tidied   bool   // once in each quiet time
}

// tidyWhenQuiet has the heap collected, beside the loop. The loop calls it every second.
func (s *Server) tidyWhenQuiet() {
	q := &s.quiet
	busy := s.stats.commands-q.commands >= quietCommands
	q.commands = s.stats.commands
	if busy {
		q.seconds, q.tidied = 0, false
		return
	}
	if q.seconds++; q.seconds < quietSeconds || q.tidied {
		return
	}
	q.tidied = true
	if h := measureHeap(); h.held-h.objects > quietGarbage || h.objects > quietGarbage {
		s.bg.Go(debug.FreeOSMemory)
	}
}

func (s *Server) infoMemory(b []byte) []byte {
	m := s.measureMemory()
	s.stats.peakMemory = max(s.stats.peakMemory, uint64(m.used))
	ks, total := m.keyspace, systemBytes()
	ratio := func(a, b int64) string { return fmt.Sprintf("%.2f", float64(a)/float64(max(b, 1))) }
	percent := func(a, b int64) string { return fmt.Sprintf("%.2f%%", float64(a)*100/float64(max(b, 1))) }
	peak := int64(s.stats.peakMemory)
	replicas, backlog := s.replicationMemory()
	allocated, active, resident := m.allocated(), m.active(), m.resident()
	return fields(b,
		"used_memory", m.used, "used_memory_human", human(m.used),
		"used_memory_rss", m.rss, "used_memory_rss_human", human(m.rss),
		"used_memory_peak", peak, "used_memory_peak_human", human(peak),
		"used_memory_peak_perc", percent(m.used, peak),
		"used_memory_overhead", m.overhead,
		"used_memory_startup", startupBytes,
		"used_memory_dataset", m.dataset,
		"used_memory_dataset_perc", percent(m.dataset, m.used-startupBytes),
		"allocator_allocated", allocated, "allocator_active", active, "allocator_resident", resident,
		"total_system_memory", total, "total_system_memory_human", human(total),
		"used_memory_lua", 0, "used_memory_vm_eval", 0, "used_memory_lua_human", "0B",
		"used_memory_scripts_eval", 0, "number_of_cached_scripts", 0, "number_of_functions", 0,
		"number_of_libraries", 0, "used_memory_vm_functions", 0, "used_memory_vm_total", 0,
		"used_memory_vm_total_human", "0B", "used_memory_functions", 0, "used_memory_scripts", 0,
		"used_memory_scripts_human", "0B",
		"maxmemory", s.cfg.MaxMemory, "maxmemory_human", human(int64(s.cfg.MaxMemory)),
		"maxmemory_policy", s.directive("maxmemory-policy"),
		"allocator_frag_ratio", ratio(active, allocated), "allocator_frag_bytes", active-allocated,
		"allocator_rss_ratio", ratio(resident, active), "allocator_rss_bytes", resident-active,
		"rss_overhead_ratio", ratio(m.rss, resident), "rss_overhead_bytes", m.rss-resident,
		"mem_fragmentation_ratio", ratio(m.rss, m.used), "mem_fragmentation_bytes", m.rss-m.used,
		"mem_not_counted_for_evict", s.notCounted(),
		"mem_replication_backlog", backlog,
		"mem_total_replication_buffers", s.repl.Stream().Memory(),
		"mem_clients_slaves", replicas, "mem_clients_normal", s.buffers.clients,
		"mem_cluster_links", 0, "mem_aof_buffer", 0,
		"mem_allocator", "go", "mem_chunk_bytes", ks.ChunkBytes, "mem_chunks", ks.Chunks,
		"mem_chunks_max", ks.ChunksMax, "mem_table_bytes", ks.TableBytes, "mem_big_values_bytes", ks.BigBytes,
		"mem_objects_bytes", ks.ObjectBytes, "mem_heap_live", m.heap.objects, "mem_heap_held", m.heap.held,
		"active_defrag_running", b2i(ks.Compacting),
		"lazyfree_pending_objects", ks.LazyPending, "lazyfreed_objects", ks.LazyFreed-s.stats.lazyFreedBefore,
	)
}

// directive is a directive's value as CONFIG GET shows it.
func (s *Server) directive(name string) string {
	if p := s.cfg.Get(name); len(p) > 0 {
		return p[0].Value
	}
	return ""
}

// human prints bytes as INFO does: 1023B, 1.50K, 2.00M, …
func human(n int64) string {
	if n < 1024 {
		return fmt.Sprintf("%dB", n)
	}
	f, unit := float64(n), ""
	for _, unit = range []string{"K", "M", "G", "T", "P"} {
		if f /= 1024; f < 1024 {
			break
		}
	}
	return fmt.Sprintf("%.2f%s", f, unit)
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

func (s *Server) infoCPU(b []byte) []byte {
	usage := func(who int) (sys, user float64) {
		var ru syscall.Rusage
		if syscall.Getrusage(who, &ru) != nil {
			return 0, 0
		}
		return time.Duration(ru.Stime.Nano()).Seconds(), time.Duration(ru.Utime.Nano()).Seconds()
	}
	sys, user := usage(syscall.RUSAGE_SELF)
	csys, cuser := usage(syscall.RUSAGE_CHILDREN)
	tsys, tuser := usage(rusageThread)
	for _, f := range []struct {
		name string
		v    float64
	}{
		{"used_cpu_sys", sys}, {"used_cpu_user", user},
		{"used_cpu_sys_children", csys}, {"used_cpu_user_children", cuser},
		{"used_cpu_sys_main_thread", tsys}, {"used_cpu_user_main_thread", tuser},
	} {
		b = fmt.Appendf(b, "%s:%.6f\r\n", f.name, f.v)
	}
	return b
}

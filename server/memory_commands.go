package server

import (
	"fmt"
	"runtime/debug"
	"strings"

	"github.com/vedette-ha/vedette/internal/resp"
	"github.com/vedette-ha/vedette/server/command"
)

// memoryCommands: https://redis.io/docs/latest/commands/memory/
func (s *Server) memoryCommands() []command.Row {
	return []command.Row{
		{Name: "MEMORY USAGE", Run: s.cmdMemoryUsage},
		{Name: "MEMORY STATS", Run: s.cmdMemoryStats},
		{Name: "MEMORY DOCTOR", Run: s.cmdMemoryDoctor},
		{Name: "MEMORY PURGE", Run: s.cmdMemoryPurge},
		{Name: "MEMORY MALLOC-STATS", Run: func(c *command.Ctx) error {
			c.Out.Verbatim("txt", string(s.infoMemory(nil)))
			return nil
		}},
		{Name: "MEMORY HELP", Run: cmdMemoryHelp},
	}
}

// MEMORY USAGE key [SAMPLES count]
func (s *Server) cmdMemoryUsage(c *command.Ctx) error {
	samples := int64(5)
	for args := c.Args[3:]; len(args) > 0; args = args[2:] {
		if len(args) < 2 || !equalFold(args[0], "SAMPLES") {
			return resp.ErrSyntax
		}
		var ok bool
		if samples, ok = resp.ParseInt(args[1]); !ok {
			return resp.ErrNotInteger
		}
		if samples < 0 {
			return resp.ErrSyntax
		}
	}
	e, ok := s.stored(c.DBIndex, c.Args[2])
	if !ok {
		c.Out.Null()
		return nil
	}
	c.Out.Int(e.MemoryUsage(int(min(samples, 1<<30))))
	return nil
}

// MEMORY STATS
func (s *Server) cmdMemoryStats(c *command.Ctx) error {
	m := s.measureMemory()
	ks := m.keyspace
	perKey := int64(0)
	if ks.Keys > 0 {
		perKey = (m.used - startupBytes) / int64(ks.Keys)
	}
	o := c.Out
	ints := func(name string, v int64) {
		o.BulkString(name)
		o.Int(v)
	}
	ratio := func(name string, a, b int64) {
		o.BulkString(name)
		o.Double(float64(a) / float64(max(b, 1)))
	}
	var dbs []int
	for i := range s.space.Databases() {
		if s.space.DB(i).Len() > 0 {
			dbs = append(dbs, i)
		}
	}
	replicas, backlog := s.replicationMemory()
	o.Map(27 + len(dbs))
	ints("peak.allocated", int64(s.stats.peakMemory))
	ints("total.allocated", m.used)
	ints("startup.allocated", startupBytes)
	ints("replication.backlog", backlog)
	ints("clients.slaves", replicas)
	ints("clients.normal", s.buffers.clients)
	ints("cluster.links", 0)
	ints("aof.buffer", 0)
	ints("lua.caches", 0)
	ints("functions.caches", 0)
	for _, i := range dbs {
		db := s.space.DB(i)
		o.BulkString(fmt.Sprintf("db.%d", i))
		o.Map(3)
		ints("overhead.hashtable.main", ks.TableBytes*int64(db.Len())/int64(max(ks.Keys+ks.Volatile, 1)))
		ints("overhead.hashtable.expires", ks.TableBytes*int64(db.Volatile())/int64(max(ks.Keys+ks.Volatile, 1)))
		ints("overhead.hashtable.slot-to-keys", 0)
	}
	ints("overhead.total", m.overhead)
	ints("keys.count", int64(ks.Keys))
	ints("keys.bytes-per-key", perKey)
	ints("dataset.bytes", m.dataset)
	ratio("dataset.percentage", 100*m.dataset, m.used-startupBytes)
	ratio("peak.percentage", 100*m.used, int64(s.stats.peakMemory))
	allocated, active, resident := m.allocated(), m.active(), m.resident()
	ints("allocator.allocated", allocated)
	ints("allocator.active", active)
	ints("allocator.resident", resident)
	ratio("allocator-fragmentation.ratio", active, allocated)
	ints("allocator-fragmentation.bytes", active-allocated)
	ratio("allocator-rss.ratio", resident, active)
	ints("allocator-rss.bytes", resident-active)
	ratio("rss-overhead.ratio", m.rss, resident)
	ints("rss-overhead.bytes", m.rss-resident)
	ratio("fragmentation", m.rss, m.used)
	ints("fragmentation.bytes", m.rss-m.used)
	return nil
}

// doctorMin is how much must be in use for MEMORY DOCTOR to say anything.
const doctorMin = 5 << 20

// MEMORY DOCTOR
func (s *Server) cmdMemoryDoctor(c *command.Ctx) error {
	m := s.measureMemory()
	if m.used < doctorMin {
		c.Out.Verbatim("txt", "The data set is too small to say anything useful about its memory.\n")
		return nil
	}
	found := s.diagnose(&m)
	if len(found) == 0 {
		c.Out.Verbatim("txt", "No memory problem was found.\n")
		return nil
	}
	c.Out.Verbatim("txt", strings.Join(found, "\n\n")+"\n")
	return nil
}

// diagnose lists what is out of proportion; the thresholds are Redis's.
func (s *Server) diagnose(m *memoryUse) (found []string) {
	const worthIt = 10 << 20
	exceeds := func(a, b int64, times float64) bool {
		return float64(a) > times*float64(b) && a-b > worthIt
	}
	replicas := int64(0)
	for _, c := range s.order {
		if c.class == classReplica {
			replicas++
		}
	}
	for _, d := range []struct {
		is   bool
		says string
	}{
		{exceeds(int64(s.stats.peakMemory), m.used, 1.5), "Peak memory: the peak was more than 1.5 times what is used now; the process may still hold some of it. MEMORY PURGE gives back what it can."},
		{exceeds(m.rss, m.used, 1.4), "Fragmentation: the process holds more than 1.4 times what is used. Compaction works on it a little at a time; look at mem_chunk_bytes and mem_heap_held in INFO memory."},
		{exceeds(m.active(), m.allocated(), 1.1), "Allocator fragmentation: more than a tenth of the memory for data is lost between values. Compaction works on it a little at a time."},
		{exceeds(m.resident(), m.active(), 1.1), "Reserve: the heap holds more than a tenth beyond what it uses. MEMORY PURGE gives it back."},
		{exceeds(m.rss, m.resident(), 1.1), "Process overhead: more than a tenth of the process is neither data nor heap."},
		{replicas > 0 && s.buffers.replicas/max(replicas, 1) > worthIt, "Big replica buffers: replicas have more than 10 MB each waiting on average. INFO replication shows how far they are behind."},
		{len(s.order) > 0 && s.buffers.clients/int64(max(len(s.order), 1)) > 200<<10, "Big client buffers: clients use more than 200 KB each on average. CLIENT LIST shows qbuf and omem."},
	} {
		if d.is {
			found = append(found, d.says)
		}
	}
	return found
}

// MEMORY PURGE
func (s *Server) cmdMemoryPurge(c *command.Ctx) error {
	s.bg.Go(debug.FreeOSMemory) // a full collection: not on the loop
	c.Out.Status("OK")
	return nil
}

// MEMORY HELP
func cmdMemoryHelp(c *command.Ctx) error {
	c.Help(
		"DOCTOR",
		"    Return memory problems reports.",
		"MALLOC-STATS",
		"    Return internal statistics report from the memory allocator.",
		"PURGE",
		"    Attempt to purge dirty pages for reclamation by the allocator.",
		"STATS",
		"    Return information about the memory usage of the server.",
		"USAGE <key> [SAMPLES <count>]",
		"    Return memory in bytes used by <key> and its value. Nested values are",
		"    sampled up to <count> times (default: 5, 0 means sample all).",
	)
	return nil
}

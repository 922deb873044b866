package keyspace

// Stats are sizes and counters. Bytes are what is held, not what was asked for.
type Stats struct {
	Keys, Volatile int   // in all databases
	Used           int64 // bytes of live cells, tables and big values: what maxmemory looks at
	ChunkBytes     int64 // mapped for cells
	CellBytes      int64 // of those in use
	TableBytes     int64 // buckets, of keys and of the expiry index
	BigBytes       int64 // values on the Go heap, Objects excepted
	ObjectBytes    int64 // Objects, as they measure themselves
	BigValues      int   // number of values on the Go heap, Objects included
	Chunks         int   // mapped
	ChunksMax      int   // of one database
	Rehashing      bool  // a table is growing or shrinking
	Compacting     bool  // a chunk is being emptied
	LazyPending    int64 // keys whose memory waits in the background
	LazyFreed      int64 // keys freed in the background, since the start
	ExpiredTotal   int64 // keys deleted because their time had come, since the start
}

// Stats returns the counters for INFO. It takes time in proportion to the number
// of databases, not of keys.
func (s *Space) Stats() Stats {
	st := Stats{
		ChunksMax:    s.chunks,
		LazyPending:  s.lazy.pending.Load(),
		LazyFreed:    s.lazy.freed.Load(),
		ExpiredTotal: s.env.expired,
	}
	for _, db := range s.dbs {
		st.add(db.ds)
	}
	if s.snapshot != nil {
		s.snapshot.addDetached(&st)
	}
	st.Used = st.CellBytes + st.TableBytes + st.BigBytes + st.ObjectBytes
	return st
}

// Used returns Stats.Used, and little enough of the work that every write may ask
// when there is a maxmemory.
func (s *Space) Used() int64 {
	n := int64(0)
	for _, db := range s.dbs {
		ds := db.ds
		ds.arena.side.measure()
		n += ds.arena.bytes() + ds.keys.bytes() + ds.volatile.bytes()
	}
	if s.snapshot != nil {
		for _, u := range s.snapshot.units {
			if u.detached {
				n += u.ds.arena.bytes()
			}
		}
	}
	return n
}

// bytes is what the entries take, in cells and aside.
func (a *arena) bytes() int64 {
	return int64(a.used)*unitBytes + a.side.bytes + a.side.objects
}

func (st *Stats) add(ds *dataset) {
	a := &ds.arena
	a.side.measure()
	st.Keys += ds.keys.count
	st.Volatile += ds.volatile.count
	st.addArena(a)
	st.TableBytes += ds.keys.bytes() + ds.volatile.bytes()
	st.Rehashing = st.Rehashing || ds.keys.dir != 0 || ds.volatile.dir != 0
	st.Compacting = st.Compacting || a.evacuee.active
}

func (st *Stats) addArena(a *arena) {
	st.Chunks += a.mapped
	st.ChunkBytes += int64(a.mapped) * pageBytes
	st.CellBytes += int64(a.used) * unitBytes
	st.BigBytes += a.side.bytes
	st.ObjectBytes += a.side.objects
	st.BigValues += a.side.live
}

// TableStats tell how full a hash table is.
type TableStats struct {
	Buckets, Places, Elements int
	Depth                     int // buckets in the longest chain there has been
}

// TableStats returns how full the tables of keys and of expiring keys are.
func (db *DB) TableStats() (keys, volatile TableStats) {
	return db.ds.keys.stats(), db.ds.volatile.stats()
}

func (t *table) stats() TableStats {
	n := int(t.buckets())
	return TableStats{Buckets: n, Places: n * bucketSlots, Elements: t.count, Depth: t.depth}
}

package server

import (
	"fmt"
	"time"
)

func (s *Server) infoPersistence(b []byte) []byte {
	inPlace := s.loading != nil && !s.loading.o.serve
	keys, keysTotal, part := s.snap.progress()
	b = fields(b,
		"loading", b2i(inPlace),
		"async_loading", b2i(s.loading != nil && !inPlace),
		"current_cow_peak", 0, // nothing is copied on write
		"current_cow_size", 0,
		"current_cow_size_age", 0,
		"current_fork_perc", fmt.Sprintf("%.2f", part),
		"current_save_keys_processed", keys,
		"current_save_keys_total", keysTotal,
		"rdb_changes_since_last_save", s.dirty,
		"rdb_bgsave_in_progress", b2i(s.snap.saving()),
		"rdb_last_save_time", s.save.lastSave,
		"rdb_last_bgsave_status", status(!s.save.failed),
		"rdb_last_bgsave_time_sec", s.save.lastTook,
		"rdb_current_bgsave_time_sec", s.snap.seconds(s.mono()),
		"rdb_saves", s.stats.rdbSaves,
		"rdb_last_cow_size", 0,
		"rdb_last_load_keys_expired", s.save.loadExpired,
		"rdb_last_load_keys_loaded", s.save.loadedKeys,
		"aof_enabled", 0,
		"aof_rewrite_in_progress", 0,
		"aof_rewrite_scheduled", 0,
		"aof_last_rewrite_time_sec", -1,
		"aof_current_rewrite_time_sec", -1,
		"aof_last_bgrewrite_status", status(true),
		"aof_rewrites", 0,
		"aof_rewrites_consecutive_failures", 0,
		"aof_last_write_status", status(true),
		"aof_last_cow_size", 0,
		"module_fork_in_progress", 0,
		"module_fork_last_cow_size", 0,
	)
	if s.loading != nil {
		b = s.loading.appendInfo(b, s.mono())
	}
	return b
}

// appendInfo adds how far a load has come.
func (l *loading) appendInfo(b []byte, now time.Duration) []byte {
	p := l.progress()
	part, eta := 0.0, int64(1)
	if p.total > 0 {
		part = float64(p.bytes) * 100 / float64(p.total)
	}
	if elapsed := (now - l.began).Seconds(); elapsed >= 1 && p.bytes > 0 {
		eta = int64(elapsed * float64(p.total-p.bytes) / float64(p.bytes))
	}
	return fields(b,
		"loading_start_time", l.started,
		"loading_total_bytes", p.total,
		"loading_rdb_used_mem", l.decoder.usedMemory.Load(),
		"loading_loaded_bytes", p.bytes,
		"loading_loaded_perc", fmt.Sprintf("%.2f", part),
		"loading_eta_seconds", eta,
	)
}

// progress is how many keys of the current snapshot have been written, of how many,
// and that as a percentage.
func (s *snapshots) progress() (keys, total int64, percent float64) {
	if s.job == nil || s.job.encoder == nil {
		return 0, 0, 0
	}
	p := &s.job.encoder.Progress
	keys, total = p.Keys.Load(), p.KeysTotal.Load()
	if total > 0 {
		percent = float64(keys) * 100 / float64(total)
	}
	return keys, total, percent
}

// seconds is how long the current snapshot has taken; -1 if there is none.
func (s *snapshots) seconds(now time.Duration) int64 {
	if s.job == nil {
		return -1
	}
	return int64((now - s.job.began) / time.Second)
}

// status is INFO's word for how something ended.
func status(ok bool) string {
	if ok {
		return "ok"
	}
	return "err"
}

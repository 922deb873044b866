package server

import (
	"crypto/rand"
	"encoding/hex"
	"runtime"

	"golang.org/x/sys/unix"

	"github.com/vedette-ha/vedette/internal/resp"
	"github.com/vedette-ha/vedette/server/codec"
	"github.com/vedette-ha/vedette/server/command"
	"github.com/vedette-ha/vedette/server/keyspace"
)

// keyspaceOptions are how the data set is made at the start.
func (s *Server) keyspaceOptions() keyspace.Options {
	return keyspace.Options{
		Databases: s.cfg.Databases,
		OnExpire:  s.onExpire,
		OnPerishable: func() {
			s.repl.DropWithoutFieldTTL(s.replicationNow()) // they would come to hold something else
		},
		Background: func(work func()) {
			s.bg.Go(work)
		},
	}
}

// onExpire is called just before the data set deletes an expired key.
func (s *Server) onExpire(db int, key []byte) {
	s.stats.expired++
	s.Effect(db, s.expireWord(), key)
	s.touchExpired(db, key)
	s.Notify(command.Expired, "expired", key, db)
	s.flushEffects() // at once, unless a command runs
}

// expireWord is the command that replicas get for a key that has expired.
func (s *Server) expireWord() []byte {
	if s.cfg.LazyFreeExpire {
		return []byte("UNLINK")
	}
	return []byte("DEL")
}

// applyConfig brings everything that is derived from the configuration up to date.
// It is cheap: every CONFIG SET calls it.
func (s *Server) applyConfig() {
	c := s.cfg
	s.limits = resp.DefaultLimits()
	s.limits.BulkMax = c.ProtoMaxBulkLen
	s.limitsNoAuth = s.limits
	s.limitsNoAuth.Unauthenticated = true
	s.notify = c.NotifyKeyspaceEvents
	s.opt = command.Options{
		ProtoMaxBulkLen:   c.ProtoMaxBulkLen,
		LazyUserDel:       c.LazyFreeUserDel,
		LazyUserFlush:     c.LazyFreeUserFlush,
		LazyServerDel:     c.LazyFreeServerDel,
		LazyExpire:        c.LazyFreeExpire,
		SkipChecksums:     s.debug.skipChecksums,
		LFU:               c.MaxMemoryPolicy.LFU(),
		SharedIntegers:    c.MaxMemory == 0 || !c.MaxMemoryPolicy.LFU() && !c.MaxMemoryPolicy.LRU(),
		NotifyNew:         c.NotifyKeyspaceEvents&command.NewKey != 0,
		RDBCompression:    c.RDBCompression,
		HLLSparseMaxBytes: int(c.HLLSparseMaxBytes),
		ListLarge:         s.listLarge,
		Limits:            s.valueLimits(),
	}
	s.space.SetAccess(keyspace.Access{Frequency: c.MaxMemoryPolicy.LFU(),
		LogFactor: c.LFULogFactor, DecayMinutes: c.LFUDecayTime})
	s.source.setSource(c.BindSourceAddr)
	s.repl.Configure(s.replicationConfig())
	s.refreshSaves()
	s.refreshPlain()
}

// valueLimits are the sizes up to which collections are small.
func (s *Server) valueLimits() codec.Limits {
	c := s.cfg
	return codec.Limits{
		HashMaxEntries:     int(c.HashMaxListpackEntries),
		HashMaxValue:       int(c.HashMaxListpackValue),
		ListMaxSize:        c.ListMaxListpackSize,
		ListCompressDepth:  c.ListCompressDepth,
		SetMaxIntset:       int(c.SetMaxIntsetEntries),
		SetMaxEntries:      int(c.SetMaxListpackEntries),
		SetMaxValue:        int(c.SetMaxListpackValue),
		ZSetMaxEntries:     int(c.ZSetMaxListpackEntries),
		ZSetMaxValue:       int(c.ZSetMaxListpackValue),
		StreamNodeMaxBytes: int(c.StreamNodeMaxBytes),
		StreamNodeEntries:  int(c.StreamNodeMaxEntries),
	}
}

// randomHex is n random hexadecimal digits.
func randomHex(n int) string {
	b := make([]byte, (n+1)/2)
	_, _ = rand.Read(b) // never fails: see crypto/rand
	return hex.EncodeToString(b)[:n]
}

// systemName is "Linux 6.1.0 x86_64", for INFO.
func systemName() string {
	var u unix.Utsname
	if unix.Uname(&u) != nil {
		return runtime.GOOS
	}
	return unix.ByteSliceToString(u.Sysname[:]) + " " + unix.ByteSliceToString(u.Release[:]) + " " +
		unix.ByteSliceToString(u.Machine[:])
}

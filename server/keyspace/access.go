package keyspace

import "math/rand/v2"

// An access mark is 24 bits, in the ways of Redis: for LRU the time of the last
// access in seconds, modulo 2^24; for LFU the minute of the last decay, modulo
// 2^16, above a counter that grows with the logarithm of the accesses.
//
// Source: https://redis.io/docs/latest/develop/reference/eviction/

const (
	lruBits     = 24
	lruMask     = 1<<lruBits - 1
	minuteMask  = 1<<16 - 1
	lfuInitial  = 5 // what a new key starts with, so that it is not evicted at once
	lfuSaturate = 255
)

// Access is how accesses are remembered, for eviction and OBJECT. The zero value
// remembers the time of the last one.
type Access struct {
	// Frequency counts accesses (LFU) instead of noting the last one (LRU).
	Frequency bool
	// LogFactor is lfu-log-factor: how slowly the counter saturates.
	LogFactor int
	// DecayMinutes is lfu-decay-time: minutes of rest that cost one count. Zero
	// means that nothing decays.
	DecayMinutes int
}

// env is what the datasets of a Space share.
type env struct {
	now    int64 // Unix milliseconds
	access Access
	policy ExpirePolicy
	rand   *rand.PCG

	expired int64 // keys deleted because their time had come

	onPerishable func() // may be nil
}

func (v *env) minutes() uint32 { return uint32(v.now/60000) & minuteMask }

// newMark is the mark of a key that has just been created.
func (v *env) newMark() uint32 {
	if v.access.Frequency {
		return v.minutes()<<8 | lfuInitial
	}
	return uint32(v.now/1000) & lruMask
}

// touched is the mark of a key that had mark and is being accessed.
func (v *env) touched(mark uint32) uint32 {
	if !v.access.Frequency {
		return uint32(v.now/1000) & lruMask
	}
	return v.minutes()<<8 | uint32(v.count(v.frequency(mark)))
}

// count increments a counter with a probability that falls as it grows.
func (v *env) count(n uint8) uint8 {
	if n == lfuSaturate {
		return n
	}
	above := max(int(n)-lfuInitial, 0)
	odds := 1 / (float64(above*v.access.LogFactor) + 1)
	if float64(v.rand.Uint64()>>11)/(1<<53) < odds {
		n++
	}
	return n
}

// frequency returns the counter of mark, less what it has lost since.
func (v *env) frequency(mark uint32) uint8 {
	n := int(mark & 255)
	if v.access.DecayMinutes > 0 {
		elapsed := int((v.minutes() - mark>>8) & minuteMask)
		n = max(n-elapsed/v.access.DecayMinutes, 0)
	}
	return uint8(n)
}

func (v *env) idleSeconds(mark uint32) int64 {
	return int64((uint32(v.now/1000) - mark) & lruMask)
}

// AccessMark is the access state of a key as RDB files and RESTORE carry it.
type AccessMark struct {
	IdleSeconds int64 // used unless the Space counts frequency
	Freq        uint8 // used if it does
}

// restored is the mark of a key that comes with one.
func (v *env) restored(m AccessMark) uint32 {
	if v.access.Frequency {
		return v.minutes()<<8 | uint32(m.Freq)
	}
	return uint32(v.now/1000-m.IdleSeconds) & lruMask
}

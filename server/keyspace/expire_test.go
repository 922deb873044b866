package keyspace

import (
	"fmt"
	"testing"
)

func TestExpirePolicies(t *testing.T) {
	for _, tc := range []struct {
		policy       ExpirePolicy
		found, stays bool
	}{
		{ExpireDelete, false, false},
		{ExpireHide, false, true},
		{ExpireKeep, true, true},
	} {
		s := newTest(t, Options{})
		s.SetExpirePolicy(tc.policy)
		db := s.DB(0)
		mustSet(t, db, "k", "v", SetOpt{ExpireAt: s.Now() + 10})
		s.SetNow(s.Now() + 10)
		if _, ok := db.Get([]byte("k")); !ok {
			t.Errorf("policy %d: a key dies before the millisecond is over", tc.policy)
		}
		s.SetNow(s.Now() + 1)
		if _, ok := db.Get([]byte("k")); ok != tc.found {
			t.Errorf("policy %d: found %v", tc.policy, ok)
		}
		if stays := db.Len() == 1; stays != tc.stays {
			t.Errorf("policy %d: still there %v", tc.policy, stays)
		}
	}
}

// OnExpire hears of each expired key once, with the database it is in now.
func TestOnExpireIsToldDatabaseAndKey(t *testing.T) {
	var got []string
	s := newTest(t, Options{Databases: 2, OnExpire: func(db int, key []byte) {
		got = append(got, fmt.Sprint(db, string(key)))
	}})
	mustSet(t, s.DB(0), "lazy", "v", SetOpt{ExpireAt: s.Now() + 1})
	mustSet(t, s.DB(0), "active", "v", SetOpt{ExpireAt: s.Now() + 1})
	mustSet(t, s.DB(0), "lives", "v", SetOpt{ExpireAt: s.Now() + 1000})
	s.SwapDB(0, 1)
	s.SetNow(s.Now() + 2)
	s.DB(1).Get([]byte("lazy"))
	s.ActiveExpire(1, nil)
	if want := "[1lazy 1active]"; fmt.Sprint(got) != want {
		t.Errorf("got %v, want %v", got, want)
	}
	if st := s.Stats(); st.ExpiredTotal != 2 || st.Keys != 1 {
		t.Errorf("%+v", st)
	}
}

// The cycle removes what has expired, a little at a time, and then leaves the rest
// in peace; it learns how long keys live.
func TestActiveExpire(t *testing.T) {
	s := newTest(t, Options{Databases: 4})
	const n = 5000
	for i := range n {
		mustSet(t, s.DB(1), fmt.Sprint("dies", i), "v", SetOpt{ExpireAt: s.Now() + 1})
		mustSet(t, s.DB(2), fmt.Sprint("lives", i), "v", SetOpt{ExpireAt: s.Now() + 50_002})
	}
	s.SetNow(s.Now() + 2)
	r := s.ActiveExpire(1, func() bool { return false })
	if !r.TimeUp || r.Expired == 0 || r.Expired > 100 {
		t.Errorf("a cycle without time: %+v", r)
	}
	calls := 0
	for r.TimeUp {
		left := 10
		r = s.ActiveExpire(1, func() bool { left--; return left >= 0 })
		calls++
	}
	if s.DB(1).Len() > n/10 || s.DB(2).Len() != n || calls < 10 {
		t.Errorf("after %d calls %d and %d keys are left", calls, s.DB(1).Len(), s.DB(2).Len())
	}
	if ttl := s.DB(2).AvgTTL(); ttl != 50_000 {
		t.Errorf("AvgTTL = %d", ttl)
	}
}

func TestActiveExpireOnlyOnAMaster(t *testing.T) {
	for _, p := range []ExpirePolicy{ExpireHide, ExpireKeep} {
		s := newTest(t, Options{})
		mustSet(t, s.DB(0), "k", "v", SetOpt{ExpireAt: 1})
		s.SetExpirePolicy(p)
		if r := s.ActiveExpire(10, nil); r != (ExpireResult{}) || s.DB(0).Len() != 1 {
			t.Errorf("policy %d: %+v", p, r)
		}
	}
}

// A replica on which every key has expired still answers RANDOMKEY, as Redis does.
func TestRandomKeyEndsWhenAllAreExpired(t *testing.T) {
	s := newTest(t, Options{})
	for i := range 10 {
		mustSet(t, s.DB(0), fmt.Sprint(i), "v", SetOpt{ExpireAt: 1})
	}
	s.SetExpirePolicy(ExpireHide)
	if _, ok := s.DB(0).RandomKey(); !ok {
		t.Error("hidden keys: none returned")
	}
	s.SetExpirePolicy(ExpireDelete)
	if _, ok := s.DB(0).RandomKey(); ok || s.DB(0).Len() != 0 {
		t.Error("expired keys: one returned or left")
	}
}

func TestIdleTimeAndItsWrap(t *testing.T) {
	s := newTest(t, Options{})
	db := s.DB(0)
	s.SetNow((1<<24 - 5) * 1000) // five seconds before the clock wraps
	mustSet(t, db, "k", "v", SetOpt{})
	s.SetNow((1<<24 + 7) * 1000)
	if e, _ := db.Peek([]byte("k")); e.IdleSeconds() != 12 {
		t.Errorf("idle %d s, want 12", e.IdleSeconds())
	}
	db.Get([]byte("k"))
	if e, _ := db.Peek([]byte("k")); e.IdleSeconds() != 0 {
		t.Errorf("idle %d s after an access", e.IdleSeconds())
	}
	mustSet(t, db, "restored", "v", SetOpt{Access: &AccessMark{IdleSeconds: 100}})
	if e, _ := db.Peek([]byte("restored")); e.IdleSeconds() != 100 {
		t.Errorf("idle %d s, want 100", e.IdleSeconds())
	}
}

// The counter grows with the logarithm of the accesses and decays with time.
func TestFrequency(t *testing.T) {
	s := newTest(t, Options{})
	s.SetAccess(Access{Frequency: true, LogFactor: 10, DecayMinutes: 1})
	db := s.DB(0)
	mustSet(t, db, "k", "v", SetOpt{})
	freq := func() uint8 {
		e, _ := db.Peek([]byte("k"))
		return e.Freq()
	}
	if freq() != lfuInitial {
		t.Errorf("a new key has %d", freq())
	}
	for range 1000 {
		db.Get([]byte("k"))
	}
	hot := freq()
	if hot < 10 || hot > 30 { // the table of Redis's documentation says 18
		t.Errorf("after 1000 accesses: %d", hot)
	}
	mustSet(t, db, "k", "other", SetOpt{})
	if freq() != hot {
		t.Errorf("overwriting changed %d to %d", hot, freq())
	}
	s.SetNow(s.Now() + 3*60_000)
	if freq() != hot-3 {
		t.Errorf("after three minutes: %d, want %d", freq(), hot-3)
	}
	s.SetNow(s.Now() + 300*60_000)
	if freq() != 0 {
		t.Errorf("after five hours: %d", freq())
	}
	mustSet(t, db, "k", "v", SetOpt{Access: &AccessMark{Freq: 200}})
	if freq() != 200 {
		t.Errorf("restored to %d", freq())
	}
}

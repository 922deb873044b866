package failover

import (
	"bytes"
	"fmt"
	"reflect"
	"testing"
	"time"
)

var (
	addr1 = Addr{Host: "10.0.0.1", Port: 6379}
	addr2 = Addr{Host: "10.0.0.2", Port: 6379}
	addr3 = Addr{Host: "10.0.0.3", Port: 6379}
	day   = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
)

// ledger applies commands one after the other.
type ledger struct {
	Agreed
	index uint64
	from  string
	at    time.Time
}

func newLedger() *ledger {
	l := &ledger{from: "s1", at: day}
	l.do(Form{Cluster: "c"})
	l.do(Monitor{Name: "m", Addr: addr1, Settings: DefaultSettings(2)})
	l.do(LearnReplica{Name: "m", Addr: addr2, RunID: "r2"})
	l.do(LearnReplica{Name: "m", Addr: addr3, RunID: "r3"})
	return l
}

func (l *ledger) do(b Body) Result {
	l.index++
	return l.Apply(l.index, Command{From: l.from, At: l.at, Body: b})
}

func (l *ledger) m() *Master { return l.Master("m") }

func (l *ledger) stand() Stand { return l.m().Claim.Stand("m") }

func (l *ledger) claimBy(id string) Result {
	m := l.m()
	return l.do(Claim{Name: "m", Addr: m.Addr, ConfigEpoch: m.ConfigEpoch, Claimant: id})
}

func want(t *testing.T, what string, got Result, reason Reason) {
	t.Helper()
	if got.Reason != reason {
		t.Errorf("%s: %q, want %q", what, got.Reason, reason)
	}
}

// A failover from claim to end, and what each step does to the state.
func TestApplyFailover(t *testing.T) {
	l := newLedger()
	if r := l.claimBy("s1"); !r.OK() || r.Epoch != 1 {
		t.Fatalf("claim: %+v", r)
	}
	want(t, "second claim", l.claimBy("s2"), Claimed)
	want(t, "select", l.do(Select{Stand: l.stand(), Pick: addr2, Candidates: []Candidate{{Addr: addr3, Why: "s_down"}}}), "")
	if m := l.m(); m.Addr != addr1 || m.Claim.Step != StepSelected || m.Claim.Target != addr2 {
		t.Fatalf("after select: %+v %+v", m, m.Claim)
	}
	old := l.stand()
	want(t, "target failed", l.do(TargetFailed{Stand: old, Why: "s_down"}), "")
	want(t, "switch to a failed target", l.do(Switch{Stand: old}), Outdated)
	want(t, "select the failed one", l.do(Select{Stand: l.stand(), Pick: addr2}), BadValue)
	want(t, "select the master", l.do(Select{Stand: l.stand(), Pick: addr1}), BadValue)
	want(t, "select another", l.do(Select{Stand: l.stand(), Pick: addr3}), "")
	before := l.stand()
	want(t, "takeover", l.do(Takeover{Stand: before, To: "s2"}), "")
	want(t, "switch by the one taken over", l.do(Switch{Stand: before}), Outdated)
	want(t, "switch", l.do(Switch{Stand: l.stand()}), "")
	m := l.m()
	if m.Addr != addr3 || m.ConfigEpoch != 1 || m.Claim.Step != StepSwitched || !m.Decided {
		t.Fatalf("after switch: %+v", m)
	}
	if fmt.Sprint(m.Replicas) != fmt.Sprint([]Replica{{addr2, "r2"}, {addr1, ""}}) {
		t.Errorf("replicas %v", m.Replicas)
	}
	want(t, "abort after the switch", l.do(Abort{Stand: l.stand(), Why: "x"}), Outdated)
	want(t, "end", l.do(End{Stand: l.stand()}), "")
	if m := l.m(); m.Claim != nil || len(l.History) != 1 || l.History[0].Outcome != "done" {
		t.Errorf("after end: %+v, history %+v", m, l.History)
	}
	if h := l.History[0]; h.Old != addr1 || h.Target != addr3 || h.Claimant != "s2" || h.Takeovers != 1 {
		t.Errorf("history %+v", h)
	}
}

// Apply rejects whatever names an outdated address, epoch, claimant or step.
func TestApplyRejectsTheOutdated(t *testing.T) {
	type change func(*Stand)
	for _, tt := range []struct {
		name string
		edit change
	}{
		{"epoch", func(s *Stand) { s.Epoch++ }},
		{"claimant", func(s *Stand) { s.Claimant = "s3" }},
		{"step", func(s *Stand) { s.Step = StepSwitched }},
		{"target", func(s *Stand) { s.Target = addr3 }},
	} {
		l := newLedger()
		l.claimBy("s1")
		l.do(Select{Stand: l.stand(), Pick: addr2})
		s := l.stand()
		tt.edit(&s)
		before, _ := l.Snapshot()
		for _, b := range []Body{
			Select{Stand: s, Pick: addr3}, TargetFailed{Stand: s}, Switch{Stand: s, Loss: -1}, End{Stand: s},
			Abort{Stand: s}, Takeover{Stand: s, To: "s2"},
		} {
			want(t, tt.name+" "+b.kind(), l.do(b), Outdated)
		}
		l.Index = l.index - 6
		if after, _ := l.Snapshot(); !bytes.Equal(before, after) {
			t.Errorf("%s: a rejected command changed the state", tt.name)
		}
	}
	l := newLedger()
	want(t, "claim with another address",
		l.do(Claim{Name: "m", Addr: addr2, Claimant: "s1"}), Outdated)
	want(t, "claim in another epoch",
		l.do(Claim{Name: "m", Addr: addr1, ConfigEpoch: 1, Claimant: "s1"}), Outdated)
	want(t, "claim of an unknown master", l.do(Claim{Name: "x", Addr: addr1, Claimant: "s1"}), NoSuchMaster)
}

// While replicas are re-pointed the new master may fail too; an operator has to wait.
func TestApplyClaimSupersedes(t *testing.T) {
	l := newLedger()
	l.claimBy("s1")
	l.do(Select{Stand: l.stand(), Pick: addr2})
	l.do(Switch{Stand: l.stand()})
	m := l.m()
	want(t, "manual", l.do(Claim{Name: "m", Addr: addr2, ConfigEpoch: m.ConfigEpoch, Claimant: "s2", Manual: true}), Claimed)
	want(t, "automatic", l.claimBy("s2"), "")
	if l.m().Claim.Epoch != 2 || l.History[0].Outcome != "superseded" {
		t.Errorf("claim %+v, history %+v", l.m().Claim, l.History)
	}
}

// An identical MONITOR is acknowledged, even if a failover moved the master since.
func TestApplyMonitor(t *testing.T) {
	l := newLedger()
	again := Monitor{Name: "m", Addr: addr1, Settings: DefaultSettings(2)}
	want(t, "again", l.do(again), "")
	l.claimBy("s1")
	l.do(Select{Stand: l.stand(), Pick: addr2})
	l.do(Switch{Stand: l.stand()})
	want(t, "after a switch", l.do(again), "")
	if l.m().Addr != addr2 {
		t.Error("MONITOR moved the master back")
	}
	want(t, "another address", l.do(Monitor{Name: "m", Addr: addr2, Settings: DefaultSettings(2)}), DuplicateMaster)
	want(t, "another quorum", l.do(Monitor{Name: "m", Addr: addr1, Settings: DefaultSettings(3)}), DuplicateMaster)
	want(t, "no quorum", l.do(Monitor{Name: "x", Addr: addr1, Settings: DefaultSettings(0)}), BadValue)
	want(t, "no port", l.do(Monitor{Name: "x", Addr: Addr{Host: "h"}, Settings: DefaultSettings(1)}), BadValue)
	want(t, "bad name", l.do(Monitor{Name: "a b", Addr: addr1, Settings: DefaultSettings(1)}), BadValue)
}

// Scripts REMOVE and MONITOR through one sentinel after the other: for 60 s a REMOVE
// through a sentinel that has not seen the last one does nothing.
func TestApplyRemoveLoop(t *testing.T) {
	l := newLedger()
	via := func(id string, after time.Duration, b Body) Result {
		l.from, l.at = id, day.Add(after)
		return l.do(b)
	}
	remove, monitor := Remove{Name: "m"}, Monitor{Name: "m", Addr: addr2, Settings: DefaultSettings(2)}
	want(t, "first", via("s1", 0, remove), "")
	want(t, "monitor", via("s1", time.Second, monitor), "")
	want(t, "through the second", via("s2", 2*time.Second, remove), "")
	if l.m() == nil {
		t.Fatal("removed by the loop's second turn")
	}
	want(t, "monitor again", via("s2", 3*time.Second, monitor), "")
	want(t, "NOW", via("s3", 4*time.Second, Remove{Name: "m", Now: true}), "")
	if l.m() != nil {
		t.Fatal("not removed by NOW")
	}
	want(t, "once more through the same", via("s3", 5*time.Second, remove), NoSuchMaster)
	via("s1", 6*time.Second, monitor)
	want(t, "a minute later", via("s2", 65*time.Second, remove), "")
	if l.m() != nil {
		t.Error("not removed after the grace period")
	}
	want(t, "unknown", via("s1", time.Hour, Remove{Name: "x"}), NoSuchMaster)
}

// RESET forgets the replicas, but not one that may be a master by now.
func TestApplyReset(t *testing.T) {
	l := newLedger()
	l.claimBy("s1")
	l.do(Select{Stand: l.stand(), Pick: addr2})
	want(t, "reset", l.do(Reset{Name: "m"}), "")
	m := l.m()
	if m.Claim != nil || m.Resets != 1 || len(m.Replicas) != 1 || m.Replicas[0].Addr != addr2 {
		t.Errorf("after reset: %+v", m)
	}
	if l.History[0].Outcome != "aborted: reset" {
		t.Errorf("history %+v", l.History)
	}
}

func TestApplyAdopt(t *testing.T) {
	l := newLedger()
	want(t, "redirect", l.do(Adopt{Name: "m", Old: addr1, Addr: addr2, Why: "redirect"}), "")
	want(t, "outdated", l.do(Adopt{Name: "m", Old: addr1, Addr: addr3, Why: "redirect"}), Outdated)
	want(t, "foreign", l.do(Adopt{Name: "m", Old: addr2, Addr: addr3, ConfigEpoch: 7, Why: "foreign"}), "")
	if m := l.m(); m.Addr != addr3 || m.ConfigEpoch != 7 || l.Epoch != 7 || m.Claim != nil {
		t.Errorf("%+v epoch %d", m, l.Epoch)
	}
	want(t, "older", l.do(Adopt{Name: "m", Old: addr3, Addr: addr1, ConfigEpoch: 6, Why: "foreign"}), Outdated)
	l.claimBy("s1")
	want(t, "during a failover", l.do(Adopt{Name: "m", Old: addr3, Addr: addr1, ConfigEpoch: 9}), Claimed)
}

// The first state of a master is the address with the highest config-epoch.
func TestApplyMerge(t *testing.T) {
	master := func(addr Addr, epoch uint64) Master {
		return Master{Name: "m", Addr: addr, ConfigEpoch: epoch, Settings: DefaultSettings(2)}
	}
	var a Agreed
	a.Apply(1, Command{Body: Form{Cluster: "c", Epoch: 3, Masters: []Master{master(addr1, 2), master(addr2, 3)}}})
	m := a.Master("m")
	if m.Addr != addr2 || m.ConfigEpoch != 3 || m.replica(addr1) == nil {
		t.Errorf("%+v", m)
	}
	a.Apply(2, Command{Body: Merge{Masters: []Master{master(addr1, 2)}}})
	if m := a.Master("m"); m.Addr != addr2 {
		t.Error("a lower config-epoch won")
	}
	a.Apply(3, Command{Body: Merge{Masters: []Master{master(addr3, 4)}}})
	if m := a.Master("m"); m.Addr != addr3 || a.Epoch != 4 {
		t.Errorf("a higher config-epoch lost: %+v epoch %d", m, a.Epoch)
	}
	want(t, "form twice", a.Apply(4, Command{Body: Form{Cluster: "d"}}), AlreadyFormed)
}

// A repeated proposal returns the first result and changes nothing.
func TestApplyRepeat(t *testing.T) {
	l := newLedger()
	c := Command{ID: "x", At: day, Body: Claim{Name: "m", Addr: addr1, Claimant: "s1"}}
	first := l.Apply(10, c)
	l.do(Abort{Stand: l.stand(), Why: "no-good-slave"})
	if again := l.Apply(12, c); again != first || l.m().Claim != nil || l.Epoch != 1 {
		t.Errorf("first %+v, again %+v, epoch %d", first, again, l.Epoch)
	}
	for i := range 2 * answersMax {
		l.Apply(0, Command{ID: fmt.Sprint("n", i), Body: NewEpoch{}})
	}
	if len(l.Answers) != answersMax {
		t.Errorf("%d answers remembered", len(l.Answers))
	}
}

func TestApplyBounds(t *testing.T) {
	l := newLedger()
	for range historyMax + 10 {
		for range 2 { // the second time prolongs the record
			l.claimBy("s1")
			l.do(Abort{Stand: l.stand(), Why: "no-good-slave"})
		}
		l.do(Refuse{Name: "m", Addr: addr1, Why: "paused"})
	}
	if last := l.History[len(l.History)-2]; len(l.History) != historyMax || last.Repeats != 1 {
		t.Errorf("%d records, the last attempt was repeated %d times", len(l.History), last.Repeats)
	}
	for i := range replicasMax + 10 {
		l.do(LearnReplica{Name: "m", Addr: Addr{Host: "h", Port: i + 1}})
	}
	if len(l.m().Replicas) != replicasMax {
		t.Errorf("%d replicas", len(l.m().Replicas))
	}
	for i := range valuesMax + 10 {
		l.do(Put{Key: fmt.Sprint(i), Value: "v"})
	}
	if len(l.Values) != valuesMax {
		t.Errorf("%d values", len(l.Values))
	}
}

func TestApplySet(t *testing.T) {
	l := newLedger()
	r := l.do(Set{Name: "m", Edits: []Edit{
		{"down-after-milliseconds", []string{"500"}},
		{"parallel-syncs", []string{"0"}},
		{"quorum", []string{"3"}},
	}})
	want(t, "set", r, BadValue)
	if s := l.m().Settings; s.DownAfter != 500*time.Millisecond || s.Quorum != 2 {
		t.Errorf("%+v: edits before the bad one stay, later ones do not", s)
	}
	want(t, "unknown command", l.do(Unknown{"future"}), UnknownCommand)
}

// A clone and a decoded snapshot are equal to the original, and independent of it.
func TestCloneAndSnapshot(t *testing.T) {
	l := newLedger()
	l.do(Set{Name: "m", Edits: []Edit{{"rename-command", []string{"CONFIG", "cfg"}}}})
	l.claimBy("s1")
	l.do(Select{Stand: l.stand(), Pick: addr2, Candidates: []Candidate{{Addr: addr3, Why: "s_down"}}})
	l.do(TargetFailed{Stand: l.stand()})
	l.do(Put{Key: "k", Value: "v"})
	l.Apply(99, Command{ID: "x", At: day, From: "s1", Body: Remove{Name: "y"}})
	b, err := l.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	read, err := ReadSnapshot(b)
	if err != nil {
		t.Fatal(err)
	}
	if again, _ := read.Snapshot(); !bytes.Equal(b, again) {
		t.Errorf("snapshot changed:\n%s\n%s", b, again)
	}
	clone := l.Clone()
	l.do(Reset{Name: "m"})
	l.do(Set{Name: "m", Edits: []Edit{{"rename-command", []string{"CONFIG", "other"}}}})
	l.do(Put{Key: "k", Value: "w"})
	if again, _ := clone.Snapshot(); !bytes.Equal(b, again) {
		t.Errorf("the clone changed:\n%s\n%s", b, again)
	}
}

// bodies has one of each kind.
func bodies() []Body {
	s := Stand{Name: "m", Epoch: 3, Claimant: "s1", Step: StepSelected, Target: addr2}
	m := Master{Name: "m", Addr: addr1, Settings: DefaultSettings(2), First: addr1, Replicas: []Replica{{addr2, "r"}}}
	return []Body{
		Form{Cluster: "c", Epoch: 1, Masters: []Master{m}}, Merge{Masters: []Master{m}},
		Monitor{Name: "m", Addr: addr1, Settings: DefaultSettings(2)}, Remove{Name: "m", Now: true},
		Set{Name: "m", Edits: []Edit{{"quorum", []string{"2"}}}}, Reset{Name: "m"},
		Claim{Name: "m", Addr: addr1, ConfigEpoch: 2, Claimant: "s1", Manual: true},
		Select{Stand: s, Pick: addr3, RunID: "r", Candidates: []Candidate{{Addr: addr2, Why: "why"}}},
		TargetFailed{Stand: s, Why: "w"}, Switch{Stand: s, Loss: -1}, End{Stand: s, Timeout: true}, Abort{Stand: s, Why: "w"},
		Takeover{Stand: s, To: "s2"}, Adopt{Name: "m", Old: addr1, Addr: addr2, ConfigEpoch: 4, Why: "foreign", Source: "x"},
		LearnReplica{Name: "m", Addr: addr2, RunID: "r"},
		Learn{Replicas: []LearnReplica{{Name: "m", Addr: addr2, RunID: "r"}}}, NewEpoch{Epoch: 9}, Put{Key: "k", Value: "v"},
	}
}

func TestCommandRoundTrip(t *testing.T) {
	for _, b := range bodies() {
		c := Command{ID: "id", From: "s1", At: day, Body: b}
		enc, err := c.Encode()
		if err != nil {
			t.Fatal(err)
		}
		got, err := DecodeCommand(enc)
		if err != nil || !reflect.DeepEqual(got, c) {
			t.Errorf("%s: %+v, %v; want %+v", b.kind(), got, err, c)
		}
	}
	got, err := DecodeCommand([]byte(`{"v":1,"at":"2026-01-01T00:00:00Z","kind":"future","body":{}}`))
	if _, unknown := got.Body.(Unknown); err != nil || !unknown {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := DecodeCommand([]byte(`{"v":2,"kind":"reset","body":{}}`)); err == nil {
		t.Error("a newer envelope was accepted")
	}
}

// Whatever decodes also applies, encodes again to the same, and leaves a state that
// survives a snapshot.
func FuzzDecodeCommand(f *testing.F) {
	for _, b := range bodies() {
		enc, _ := Command{ID: "id", From: "s1", At: day, Body: b}.Encode()
		f.Add(enc)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := DecodeCommand(b)
		if err != nil {
			return
		}
		enc, err := c.Encode()
		if err != nil {
			return // a time JSON cannot hold
		}
		again, err := DecodeCommand(enc)
		if err != nil || again.Kind() != c.Kind() {
			t.Fatalf("%s became %s: %v", c.Kind(), again.Kind(), err)
		}
		l := newLedger()
		l.Apply(50, c)
		snap, err := l.Snapshot()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := ReadSnapshot(snap); err != nil {
			t.Fatalf("%s: %v", snap, err)
		}
	})
}

package failover

import (
	"slices"
	"strings"
	"time"
)

// Apply changes a by the entry of the log at index (0: not from a log). It is
// deterministic, and rejects by its Result what is outdated or malformed, changing
// nothing but Index.
func (a *Agreed) Apply(index uint64, c Command) Result {
	if index > 0 {
		a.Index = index
	}
	if r, ok := a.answered(c.ID); ok {
		return r
	}
	r := a.apply(c)
	a.remember(c.ID, r)
	return r
}

func (a *Agreed) apply(c Command) Result {
	switch b := c.Body.(type) {
	case Form:
		return a.form(b)
	case Merge:
		return a.merge(b, c.At)
	case Monitor:
		return a.monitor(b)
	case Remove:
		return a.remove(b, c)
	case Set:
		return a.set(b)
	case Reset:
		return a.reset(b, c.At)
	case Claim:
		return a.claim(b, c.At)
	case Select:
		return a.selectTarget(b, c.At)
	case TargetFailed:
		return a.targetFailed(b, c.At)
	case Switch:
		return a.switchMaster(b, c.At)
	case End:
		return a.end(b, c.At)
	case Abort:
		return a.abort(b, c.At)
	case Takeover:
		return a.takeover(b, c.At)
	case Refuse:
		return a.refuse(b, c)
	case Pause:
		return a.pause(b, c)
	case Resume:
		return a.resume(b)
	case Adopt:
		return a.adopt(b, c.At)
	case LearnReplica:
		return a.learnReplica(b)
	case Learn:
		return a.learn(b)
	case NewEpoch:
		return a.newEpoch(b)
	case Put:
		return a.put(b)
	}
	return Result{Reason: UnknownCommand, Text: c.Kind()}
}

func (a *Agreed) answered(id string) (Result, bool) {
	if id == "" {
		return Result{}, false
	}
	for i := len(a.Answers) - 1; i >= 0; i-- { // a repeat follows soon
		if a.Answers[i].ID == id {
			return a.Answers[i].Result, true
		}
	}
	return Result{}, false
}

func (a *Agreed) remember(id string, r Result) {
	if id == "" {
		return
	}
	a.Answers = append(a.Answers, Answered{ID: id, Result: r})
	a.Answers = dropOldest(a.Answers, answersMax)
}

// dropOldest keeps the last limit elements. It moves them to the front now and then,
// not at each call, so that the backing array is not dragged along for ever.
func dropOldest[E any](s []E, limit int) []E {
	if len(s) <= limit {
		return s
	}
	return slices.Delete(s, 0, len(s)-limit)
}

func (a *Agreed) form(b Form) Result {
	if a.Formed() {
		return Result{Reason: AlreadyFormed}
	}
	if b.Cluster == "" {
		return Result{Reason: BadValue, Text: "empty cluster id"}
	}
	a.Cluster = b.Cluster
	a.Epoch = max(a.Epoch, b.Epoch)
	for _, m := range b.Masters {
		a.mergeMaster(m)
	}
	return Result{}
}

func (a *Agreed) merge(b Merge, at time.Time) Result {
	a.Epoch = max(a.Epoch, b.Epoch)
	for _, m := range b.Masters {
		if a.Master(m.Name) == nil && a.tombstone(m.Name, at) != nil {
			continue
		}
		a.mergeMaster(m)
	}
	return Result{}
}

// mergeMaster adds or unites what a file or a joining sentinel knew of a master.
func (a *Agreed) mergeMaster(in Master) {
	if badMonitor(in.Name, in.Addr, &in.Settings) != "" {
		return
	}
	a.Epoch = max(a.Epoch, in.ConfigEpoch)
	m := a.Master(in.Name)
	if m == nil {
		a.addMaster(Master{
			Name: in.Name, Addr: in.Addr, ConfigEpoch: in.ConfigEpoch, Settings: in.Settings.Clone(),
			First: in.First, FirstQuorum: in.FirstQuorum,
		})
		m = a.Master(in.Name)
	}
	if in.ConfigEpoch > m.ConfigEpoch && m.Claim == nil && !m.Decided {
		m.moveTo(in.Addr)
		m.ConfigEpoch = in.ConfigEpoch
	}
	if in.Addr != m.Addr {
		m.addReplica(Replica{Addr: in.Addr})
	}
	for _, r := range in.Replicas {
		m.addReplica(r)
	}
}

func (a *Agreed) addMaster(m Master) {
	if m.First.IsZero() {
		m.First = m.Addr
	}
	if m.FirstQuorum == 0 {
		m.FirstQuorum = m.Settings.Quorum
	}
	i, _ := slices.BinarySearchFunc(a.Masters, m.Name, func(e Master, name string) int {
		return strings.Compare(e.Name, name)
	})
	a.Masters = slices.Insert(a.Masters, i, m)
}

func badMonitor(name string, addr Addr, s *Settings) string {
	switch {
	case name == "" || strings.ContainsAny(name, " \t\r\n,"):
		return "master name"
	case addr.Host == "" || addr.Port < 1 || addr.Port > 65535:
		return "address"
	case s.Quorum < 1:
		return "quorum"
	case s.DownAfter <= 0 || s.FailoverTimeout <= 0 || s.ParallelSyncs < 1:
		return "settings"
	}
	return ""
}

func (a *Agreed) monitor(b Monitor) Result {
	if bad := badMonitor(b.Name, b.Addr, &b.Settings); bad != "" {
		return Result{Reason: BadValue, Text: bad}
	}
	if m := a.Master(b.Name); m != nil {
		if m.First == b.Addr && m.FirstQuorum == b.Settings.Quorum {
			return Result{NoOp: true}
		}
		return Result{Reason: DuplicateMaster}
	}
	a.addMaster(Master{Name: b.Name, Addr: b.Addr, Settings: b.Settings.Clone()})
	return Result{}
}

// tombstone returns the memory of a Remove of that name that still counts at that
// time. Clocks of proposers differ: a time before the Remove counts as the same.
func (a *Agreed) tombstone(name string, at time.Time) *Tombstone {
	for i := range a.Tombstones {
		t := &a.Tombstones[i]
		if t.Name == name && at.Sub(t.At) < removeGrace {
			return t
		}
	}
	return nil
}

func (a *Agreed) remove(b Remove, c Command) Result {
	t := a.tombstone(b.Name, c.At)
	if t != nil && !b.Now && !slices.Contains(t.Via, c.From) {
		t.Via = append(t.Via, c.From)
		return Result{NoOp: true}
	}
	i := slices.IndexFunc(a.Masters, func(m Master) bool { return m.Name == b.Name })
	if i < 0 {
		return Result{Reason: NoSuchMaster}
	}
	if m := &a.Masters[i]; m.Claim != nil {
		a.record(m, "aborted: removed", c.At)
	}
	a.Masters = slices.Delete(a.Masters, i, i+1)
	a.Tombstones = slices.DeleteFunc(a.Tombstones, func(t Tombstone) bool {
		return t.Name == b.Name || c.At.Sub(t.At) >= removeGrace
	})
	a.Tombstones = append(a.Tombstones, Tombstone{Name: b.Name, At: c.At, Via: []string{c.From}})
	a.Tombstones = dropOldest(a.Tombstones, tombstonesMax)
	return Result{}
}

func (a *Agreed) set(b Set) Result {
	m := a.Master(b.Name)
	if m == nil {
		return Result{Reason: NoSuchMaster}
	}
	for _, e := range b.Edits {
		if err := m.Settings.Set(e); err != nil {
			return Result{Reason: BadValue, Text: err.Error()}
		}
	}
	return Result{}
}

func (a *Agreed) reset(b Reset, at time.Time) Result {
	m := a.Master(b.Name)
	if m == nil {
		return Result{Reason: NoSuchMaster}
	}
	m.Replicas, m.Abandoned = nil, nil
	if c := m.Claim; c != nil {
		outcome := "done"
		if c.Step != StepSwitched {
			outcome = "aborted: reset"
			m.abandon(c.Target)
			m.addReplica(Replica{Addr: c.Target}) // it may be a master by now: not to be forgotten
		}
		a.record(m, outcome, at)
	}
	m.Failed = 0
	m.Resets++
	return Result{}
}

func (a *Agreed) learnReplica(b LearnReplica) Result {
	m := a.Master(b.Name)
	switch {
	case m == nil:
		return Result{Reason: NoSuchMaster}
	case b.Addr == m.Addr:
		return Result{Reason: Outdated}
	case b.Addr.Host == "" || b.Addr.Port < 1 || b.Addr.Port > 65535:
		return Result{Reason: BadValue, Text: "address"}
	}
	if r := m.replica(b.Addr); r != nil {
		if b.RunID == "" || r.RunID == b.RunID {
			return Result{NoOp: true}
		}
		r.RunID = b.RunID
		return Result{}
	}
	if !m.addReplica(Replica{Addr: b.Addr, RunID: b.RunID}) {
		return Result{Reason: BadValue, Text: "too many replicas"}
	}
	return Result{}
}

func (a *Agreed) newEpoch(b NewEpoch) Result {
	if b.Epoch <= a.Epoch {
		return Result{NoOp: true}
	}
	a.Epoch = b.Epoch
	return Result{}
}

func (a *Agreed) put(b Put) Result {
	if b.Value == "" {
		delete(a.Values, b.Key)
		return Result{}
	}
	if _, known := a.Values[b.Key]; !known && len(a.Values) >= valuesMax {
		return Result{Reason: BadValue, Text: "too many values"}
	}
	if a.Values == nil {
		a.Values = map[string]string{}
	}
	a.Values[b.Key] = b.Value
	return Result{}
}

// moveTo makes addr the master's address: the old one becomes a replica.
func (m *Master) moveTo(addr Addr) {
	old := m.Addr
	if addr == old {
		return
	}
	m.Addr = addr
	m.Replicas = slices.DeleteFunc(m.Replicas, func(r Replica) bool { return r.Addr == addr })
	m.Abandoned = slices.DeleteFunc(m.Abandoned, func(x Addr) bool { return x == addr })
	m.addReplica(Replica{Addr: old})
}

// addReplica unites r with what is known, and reports whether there was room.
func (m *Master) addReplica(r Replica) bool {
	if r.Addr == m.Addr || r.Addr.IsZero() {
		return false
	}
	if known := m.replica(r.Addr); known != nil {
		if known.RunID == "" {
			known.RunID = r.RunID
		}
		return true
	}
	if len(m.Replicas) >= replicasMax {
		return false
	}
	m.Replicas = append(m.Replicas, r)
	return true
}

func (m *Master) abandon(addr Addr) {
	if addr.IsZero() || slices.Contains(m.Abandoned, addr) {
		return
	}
	m.Abandoned = dropOldest(append(m.Abandoned, addr), abandonedMax)
}

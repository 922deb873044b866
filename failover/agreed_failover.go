package failover

import (
	"slices"
	"strings"
	"time"
)

// attempt returns the master and its claim if s names both as they are.
func (a *Agreed) attempt(s Stand) (*Master, Result) {
	m := a.Master(s.Name)
	if m == nil {
		return nil, Result{Reason: NoSuchMaster}
	}
	if m.Claim == nil || m.Claim.Stand(s.Name) != s {
		return nil, Result{Reason: Outdated}
	}
	return m, Result{}
}

func (a *Agreed) claim(b Claim, at time.Time) Result {
	m := a.Master(b.Name)
	switch {
	case m == nil:
		return Result{Reason: NoSuchMaster}
	case m.Addr != b.Addr || m.ConfigEpoch != b.ConfigEpoch:
		return Result{Reason: Outdated}
	case m.Claim != nil && (m.Claim.Step != StepSwitched || b.Manual):
		return Result{Reason: Claimed}
	case b.Claimant == "":
		return Result{Reason: BadValue, Text: "claimant"}
	}
	if m.Claim != nil { // still re-pointing, and the new master is down already
		a.record(m, "superseded", at)
	}
	a.Epoch++
	a.Records++
	m.Claim = &Attempt{
		ID: a.Records, Claimant: b.Claimant, Epoch: a.Epoch, Old: m.Addr, Manual: b.Manual,
		Coordinated: b.Coordinated, Wanted: b.Wanted, Step: StepClaimed, Started: at, Evidence: b.Evidence,
	}
	m.Claim.note(at, "claimed", b.Claimant, "")
	return Result{Epoch: a.Epoch}
}

func (a *Agreed) selectTarget(b Select, at time.Time) Result {
	m, r := a.attempt(b.Stand)
	if m == nil {
		return r
	}
	c := m.Claim
	switch {
	case c.Step != StepClaimed:
		return Result{Reason: Outdated}
	case b.Pick.IsZero() || b.Pick == m.Addr || slices.Contains(c.Lost, b.Pick):
		return Result{Reason: BadValue, Text: "target"}
	}
	c.Step, c.Target, c.TargetID, c.Selected = StepSelected, b.Pick, b.RunID, at
	c.Candidates = slices.Clone(b.Candidates)
	c.note(at, "selected", c.Claimant, b.Pick.String())
	return Result{}
}

func (a *Agreed) targetFailed(b TargetFailed, at time.Time) Result {
	m, r := a.attempt(b.Stand)
	if m == nil {
		return r
	}
	c := m.Claim
	if c.Step != StepSelected {
		return Result{Reason: Outdated}
	}
	m.abandon(c.Target)
	c.Lost = append(c.Lost, c.Target)
	c.note(at, "target failed", c.Claimant, c.Target.String()+": "+b.Why)
	c.Step, c.Target, c.TargetID = StepClaimed, Addr{}, ""
	return Result{}
}

func (a *Agreed) switchMaster(b Switch, at time.Time) Result {
	m, r := a.attempt(b.Stand)
	if m == nil {
		return r
	}
	c := m.Claim
	if c.Step != StepSelected {
		return Result{Reason: Outdated}
	}
	m.moveTo(c.Target)
	m.ConfigEpoch = c.Epoch
	m.Decided = true
	m.Failed = 0
	m.SwitchedAt = at
	c.Step, c.Switched, c.Loss = StepSwitched, at, b.Loss
	c.note(at, "switched", c.Claimant, c.Target.String())
	a.Decided++
	return Result{}
}

func (a *Agreed) end(b End, at time.Time) Result {
	m, r := a.attempt(b.Stand)
	if m == nil {
		return r
	}
	if m.Claim.Step != StepSwitched {
		return Result{Reason: Outdated}
	}
	outcome := "done"
	if b.Timeout {
		outcome = "timeout"
	}
	a.record(m, outcome, at)
	return Result{}
}

func (a *Agreed) abort(b Abort, at time.Time) Result {
	m, r := a.attempt(b.Stand)
	if m == nil {
		return r
	}
	if m.Claim.Step == StepSwitched {
		return Result{Reason: Outdated}
	}
	m.abandon(m.Claim.Target)
	m.Failed++
	if b.Candidates != nil {
		m.Claim.Candidates = slices.Clone(b.Candidates)
	}
	a.record(m, "aborted: "+b.Why, at)
	return Result{}
}

func (a *Agreed) takeover(b Takeover, at time.Time) Result {
	m, r := a.attempt(b.Stand)
	if m == nil {
		return r
	}
	switch b.To {
	case "":
		return Result{Reason: BadValue, Text: "claimant"}
	case m.Claim.Claimant:
		m.Claim.Restarts++
		m.Claim.note(at, "resumed", b.To, "")
	default:
		m.Claim.Claimant = b.To
		m.Claim.Takeovers++
		m.Claim.note(at, "taken over", b.To, "")
	}
	return Result{}
}

func (a *Agreed) adopt(b Adopt, at time.Time) Result {
	m := a.Master(b.Name)
	switch {
	case m == nil:
		return Result{Reason: NoSuchMaster}
	case m.Addr != b.Old || b.ConfigEpoch < m.ConfigEpoch:
		return Result{Reason: Outdated}
	case b.Addr.Host == "" || b.Addr.Port < 1 || b.Addr.Port > 65535:
		return Result{Reason: BadValue, Text: "address"}
	case m.Claim != nil && m.Claim.Step != StepSwitched:
		return Result{Reason: Claimed}
	case b.Addr == m.Addr && b.ConfigEpoch == m.ConfigEpoch:
		return Result{NoOp: true}
	}
	if m.Claim != nil {
		a.record(m, "superseded", at)
	}
	a.Records++
	m.Claim = &Attempt{
		ID: a.Records, Claimant: b.Source, Epoch: b.ConfigEpoch, Old: m.Addr, Step: StepSwitched, Target: b.Addr,
		Started: at, Switched: at, Evidence: Evidence{MasterOffset: unknownBytes},
	}
	m.moveTo(b.Addr)
	m.ConfigEpoch = b.ConfigEpoch
	a.Epoch = max(a.Epoch, b.ConfigEpoch)
	a.record(m, "adopted: "+b.Why, at)
	return Result{}
}

// record moves the claim of m to the history.
func (a *Agreed) record(m *Master, outcome string, at time.Time) {
	m.Claim.note(at, outcome, m.Claim.Claimant, "")
	a.keep(Record{Name: m.Name, Attempt: *m.Claim, Ended: at, Outcome: outcome})
	m.Claim = nil
}

// keep appends a record. One that came to the same nothing as the one before, as attempts
// do while no replica is left or a script says no, only prolongs that.
func (a *Agreed) keep(r Record) {
	if last := a.lastRecord(r.Name); last != nil && last.saysAll(&r) {
		last.Repeats++
		last.Ended, last.Epoch, last.Claimant, last.Candidates = r.Ended, r.Epoch, r.Claimant, r.Candidates
		return
	}
	a.History = dropOldest(append(a.History, r), historyMax)
}

// saysAll reports whether next is the same again.
func (r *Record) saysAll(next *Record) bool {
	return r.Outcome == next.Outcome && r.Old == next.Old && r.Manual == next.Manual &&
		r.Target.IsZero() && next.Target.IsZero() && !strings.HasPrefix(r.Outcome, "adopted") && r.Takeovers+next.Takeovers == 0
}

// refuse records a failover that was not started.
func (a *Agreed) refuse(b Refuse, c Command) Result {
	m := a.Master(b.Name)
	switch {
	case m == nil:
		return Result{Reason: NoSuchMaster}
	case m.Addr != b.Addr:
		return Result{Reason: Outdated}
	}
	a.Records++
	attempt := Attempt{ID: a.Records, Claimant: c.From, Old: b.Addr, Manual: b.Manual, Started: c.At,
		Evidence: b.Evidence, Candidates: slices.Clone(b.Candidates)}
	attempt.note(c.At, "refused", c.From, b.Why)
	a.keep(Record{Name: m.Name, Attempt: attempt, Ended: c.At, Outcome: "refused: " + b.Why})
	return Result{}
}

// lastRecord returns the newest record of a master, nil if there is none.
func (a *Agreed) lastRecord(name string) *Record {
	for i := len(a.History) - 1; i >= 0; i-- {
		if a.History[i].Name == name {
			return &a.History[i]
		}
	}
	return nil
}

func (a *Agreed) pause(b Pause, c Command) Result {
	m := a.Master(b.Name)
	if m == nil {
		return Result{Reason: NoSuchMaster}
	}
	m.Paused = &Paused{Since: c.At, By: c.From}
	if b.For > 0 {
		m.Paused.Until = c.At.Add(b.For)
	}
	return Result{}
}

func (a *Agreed) resume(b Resume) Result {
	m := a.Master(b.Name)
	if m == nil {
		return Result{Reason: NoSuchMaster}
	}
	m.Paused = nil
	return Result{}
}

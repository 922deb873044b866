package failover

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// Limits of the replicated state. Each is far above real use; beyond it the oldest
// goes.
const (
	historyMax    = 1000 // finished failovers kept
	answersMax    = 1024 // results of proposals remembered for a repeat
	tombstonesMax = 256  // removed names remembered
	valuesMax     = 256  // keys of Put
	replicasMax   = 1024 // replicas of one master
	abandonedMax  = 64   // given-up targets of one master
)

// removeGrace is how long a Remove through another sentinel stays a no-op.
const removeGrace = 60 * time.Second

// Agreed is the state all sentinels of a cluster agree on. Only Apply changes it. Its
// JSON encoding is the snapshot. It is not safe for concurrent use; take a Clone.
type Agreed struct {
	Index   uint64   `json:"index"`             // of the last applied entry of the log
	Cluster string   `json:"cluster,omitempty"` // set by Form
	Epoch   uint64   `json:"epoch"`             // current-epoch: the highest ever seen
	Masters []Master `json:"masters"`           // by name

	History    []Record          `json:"history,omitempty"` // oldest first
	Decided    uint64            `json:"decided,omitempty"` // failovers ever switched
	Records    uint64            `json:"records,omitempty"` // number of the last record begun
	Tombstones []Tombstone       `json:"tombstones,omitempty"`
	Answers    []Answered        `json:"answers,omitempty"` // oldest first
	Values     map[string]string `json:"values,omitempty"`  // of Put
}

// Master is one monitored master.
type Master struct {
	Name        string    `json:"name"`
	Addr        Addr      `json:"addr"` // what clients are told
	ConfigEpoch uint64    `json:"config_epoch"`
	Settings    Settings  `json:"settings"`
	Replicas    []Replica `json:"replicas,omitempty"` // in the order they were learned

	// First is the address and quorum as first given to MONITOR.
	First       Addr `json:"first"`
	FirstQuorum int  `json:"first_quorum"`

	// Claim is the running failover, nil if there is none.
	Claim *Attempt `json:"claim,omitempty"`
	// Decided: this cluster has switched the master itself.
	Decided bool `json:"decided,omitempty"`
	// Failed counts attempts given up since the last switch; retries back off by it.
	Failed int `json:"failed,omitempty"`
	// Abandoned are targets given up that may have become masters nonetheless. They
	// are demoted when seen as such.
	Abandoned []Addr `json:"abandoned,omitempty"`
	// Paused: no automatic failover is started. See Pause.
	Paused *Paused `json:"paused,omitempty"`
	// SwitchedAt is when this cluster last switched the master.
	SwitchedAt time.Time `json:"switched_at,omitzero"`
	// Resets counts Reset commands, so that a machine can tell one happened.
	Resets int `json:"resets,omitempty"`
}

// Paused says that an operator wants no automatic failover for a while.
type Paused struct {
	Since time.Time `json:"since"`
	Until time.Time `json:"until,omitzero"` // zero: until Resume
	By    string    `json:"by"`             // id of the sentinel it came through
}

// inForce reports whether a pause holds at now; p may be nil.
func (p *Paused) inForce(now time.Time) bool {
	return p != nil && (p.Until.IsZero() || now.Before(p.Until))
}

// Replica is a known replica of a master.
type Replica struct {
	Addr  Addr   `json:"addr"`
	RunID string `json:"run_id,omitempty"`
}

// Step is how far a claimed failover has been committed.
type Step string

// The committed steps, in order.
const (
	StepClaimed  Step = "claimed"  // the claimant is to choose a replica
	StepSelected Step = "selected" // the claimant may promote the target
	StepSwitched Step = "switched" // the target is the master; replicas are re-pointed
)

// Attempt is a failover from its claim on.
type Attempt struct {
	ID       uint64 `json:"id,omitempty"` // of the record: each has the next number
	Claimant string `json:"claimant"`     // changes by Takeover
	Epoch    uint64 `json:"epoch"`        // becomes the config-epoch
	Old      Addr   `json:"old"`          // the master to replace
	Manual   bool   `json:"manual,omitempty"`
	// Coordinated: the old master has to stop its writes, or the failover is given up.
	Coordinated bool `json:"coordinated,omitempty"`
	Wanted
	Step      Step      `json:"step"`
	Target    Addr      `json:"target,omitzero"` // zero until selected
	TargetID  string    `json:"target_id,omitempty"`
	Lost      []Addr    `json:"lost,omitempty"` // targets that failed
	Takeovers int       `json:"takeovers,omitempty"`
	Restarts  int       `json:"restarts,omitempty"` // of a claimant, which then went on itself
	Started   time.Time `json:"started"`
	Selected  time.Time `json:"selected,omitzero"`
	Switched  time.Time `json:"switched,omitzero"`

	// For the record; no decision rests on what follows.
	Evidence   Evidence    `json:"evidence,omitzero"`
	Candidates []Candidate `json:"candidates,omitempty"` // as of the last Select or Abort
	Moments    []Moment    `json:"moments,omitempty"`
	// Loss is an estimate of the bytes that were lost; -1 if unknown, zero before the
	// switch.
	Loss int64 `json:"loss,omitempty"`
}

// Wanted is what an operator asks of a manual failover beyond its happening.
type Wanted struct {
	To         Addr          `json:"to,omitzero"`           // this replica and no other
	Timeout    time.Duration `json:"timeout,omitempty"`     // for the target to catch up; 0: the default
	AcceptLoss bool          `json:"accept_loss,omitempty"` // also a replica that was never in sync
}

// Stand returns what a step command has to name.
func (a *Attempt) Stand(name string) Stand {
	return Stand{Name: name, Epoch: a.Epoch, Claimant: a.Claimant, Step: a.Step, Target: a.Target}
}

// Record is a finished failover or change of address.
type Record struct {
	Name string `json:"name"`
	Attempt
	Ended time.Time `json:"ended"`
	// Repeats counts further attempts that came to the same; Ended is that of the last.
	Repeats int    `json:"repeats,omitempty"`
	Outcome string `json:"outcome"` // "done", "timeout", "superseded", "aborted: …", "adopted: …", "refused: …"
}

// Running returns the running failover of m as a record without end. m.Claim is not nil.
func (m *Master) Running() Record {
	return Record{Name: m.Name, Attempt: *m.clone().Claim, Outcome: "running"}
}

// Tombstone remembers a Remove.
type Tombstone struct {
	Name string    `json:"name"`
	At   time.Time `json:"at"`
	Via  []string  `json:"via"` // sentinels that passed the same Remove on
}

// Answered is the remembered result of a proposal.
type Answered struct {
	ID     string `json:"id"`
	Result Result `json:"result"`
}

// Result is what became of a command.
type Result struct {
	Reason Reason `json:"reason,omitempty"` // empty: applied (or an acknowledged no-op)
	Text   string `json:"text,omitempty"`   // detail, for the log
	Epoch  uint64 `json:"epoch,omitempty"`  // of an accepted Claim
	NoOp   bool   `json:"noop,omitempty"`   // accepted, nothing to do
}

// OK reports whether the command was applied or needed no applying.
func (r Result) OK() bool { return r.Reason == "" }

// Reason says why Apply rejected a command.
type Reason string

// The reasons.
const (
	NoSuchMaster    Reason = "no such master"
	DuplicateMaster Reason = "duplicate master" // known with another address or quorum
	Outdated        Reason = "outdated"         // address, epoch, step or claimant has changed
	Claimed         Reason = "claimed"          // a failover of that master is running
	BadValue        Reason = "bad value"        // see Text
	AlreadyFormed   Reason = "already formed"
	UnknownCommand  Reason = "unknown command"
)

// Formed reports whether Form was applied.
func (a *Agreed) Formed() bool { return a.Cluster != "" }

// Master returns the master of that name, nil if there is none. It stays valid until
// the next Apply, and is not to be changed.
func (a *Agreed) Master(name string) *Master {
	for i := range a.Masters {
		if a.Masters[i].Name == name {
			return &a.Masters[i]
		}
	}
	return nil
}

// Clone returns a copy that shares nothing with a.
func (a *Agreed) Clone() *Agreed {
	c := *a
	c.Masters = make([]Master, len(a.Masters))
	for i := range a.Masters {
		c.Masters[i] = a.Masters[i].clone()
	}
	c.History = slices.Clone(a.History) // what records point to never changes
	c.Answers = slices.Clone(a.Answers)
	c.Tombstones = make([]Tombstone, len(a.Tombstones))
	for i, t := range a.Tombstones {
		t.Via = slices.Clone(t.Via)
		c.Tombstones[i] = t
	}
	if a.Values != nil {
		c.Values = make(map[string]string, len(a.Values))
		for k, v := range a.Values {
			c.Values[k] = v
		}
	}
	return &c
}

func (m Master) clone() Master {
	m.Settings = m.Settings.Clone()
	m.Replicas = slices.Clone(m.Replicas)
	m.Abandoned = slices.Clone(m.Abandoned)
	if m.Paused != nil {
		p := *m.Paused
		m.Paused = &p
	}
	if m.Claim != nil {
		c := *m.Claim
		c.Lost = slices.Clone(c.Lost)
		c.Evidence = c.Evidence.clone()
		c.Candidates = slices.Clone(c.Candidates)
		c.Moments = slices.Clone(c.Moments)
		m.Claim = &c
	}
	return m
}

// Snapshot encodes a.
func (a *Agreed) Snapshot() ([]byte, error) { return json.Marshal(a) }

// ReadSnapshot decodes what Snapshot wrote.
func ReadSnapshot(b []byte) (*Agreed, error) {
	var a Agreed
	if err := json.Unmarshal(b, &a); err != nil {
		return nil, fmt.Errorf("decode snapshot: %w", err)
	}
	return &a, nil
}

func (m *Master) replica(addr Addr) *Replica {
	for i := range m.Replicas {
		if m.Replicas[i].Addr == addr {
			return &m.Replicas[i]
		}
	}
	return nil
}

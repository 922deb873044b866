package failover

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// Command is one entry of the log.
type Command struct {
	// ID is unique to the proposal. A repeat returns the first result, so a proposal
	// whose outcome is unknown may be sent again. Empty: never remembered.
	ID string
	// From is the id of the sentinel that proposes.
	From string
	// At is the proposer's wall clock, for the history and the 60 s rule of Remove.
	// No decision about a failover depends on it.
	At   time.Time
	Body Body
}

// Body is what a Command does: one of the structs below.
type Body interface{ kind() string }

// The commands. Each is rejected, changing nothing, if what it names is outdated.
type (
	// Form starts the cluster: the first entry of its log.
	Form struct {
		Cluster string   `json:"cluster"`
		Epoch   uint64   `json:"epoch"`
		Masters []Master `json:"masters"`
	}
	// Merge brings in what a joining sentinel knew. Unknown masters are added, unless
	// removed lately; for a known one the higher config-epoch decides the address, if
	// no failover is running and this cluster has not decided one itself. Replicas
	// are united.
	Merge struct {
		Epoch   uint64   `json:"epoch"`
		Masters []Master `json:"masters"`
	}
	// Monitor adds a master. The same name, address and quorum as first given is an
	// acknowledged no-op, even if a failover moved the master since.
	Monitor struct {
		Name     string   `json:"name"`
		Addr     Addr     `json:"addr"`
		Settings Settings `json:"settings"`
	}
	// Remove forgets a master. Through a sentinel (Command.From) that has not seen
	// the last Remove of that name, up to 60 s later, it is an acknowledged no-op
	// unless Now is set: scripts loop over all sentinels.
	Remove struct {
		Name string `json:"name"`
		Now  bool   `json:"now,omitempty"`
	}
	// Set changes settings. Edits are applied in order up to the first bad one, as
	// Redis does.
	Set struct {
		Name  string `json:"name"`
		Edits []Edit `json:"edits"`
	}
	// Reset forgets the replicas of a master and aborts a failover that has not
	// switched yet.
	Reset struct {
		Name string `json:"name"`
	}
	// Claim asks for the right to fail over.
	Claim struct {
		Name        string `json:"name"`
		Addr        Addr   `json:"addr"`         // the master as the claimant sees it
		ConfigEpoch uint64 `json:"config_epoch"` // likewise
		Claimant    string `json:"claimant"`
		Manual      bool   `json:"manual,omitempty"`
		Coordinated bool   `json:"coordinated,omitempty"` // of a Manual one: never forced
		Wanted
		Evidence Evidence `json:"evidence,omitzero"`
	}
	// Select commits the replica to promote. The claimant may tell it to become
	// master once this is committed, and no other.
	Select struct {
		Stand
		Pick       Addr        `json:"pick"`
		RunID      string      `json:"run_id,omitempty"`
		Candidates []Candidate `json:"candidates,omitempty"`
	}
	// TargetFailed gives the selected replica up. It is excluded from this failover
	// and demoted when seen as a master.
	TargetFailed struct {
		Stand
		Why string `json:"why"`
	}
	// Switch says the target (Stand.Target) is a master now: from here on all sentinels answer its
	// address. Loss is an estimate of the bytes lost, -1 if unknown.
	Switch struct {
		Stand
		Loss int64 `json:"loss,omitempty"`
	}
	// End ends a failover after re-pointing.
	End struct {
		Stand
		Timeout bool `json:"timeout,omitempty"` // failover-timeout cut the re-pointing short
	}
	// Abort gives a failover up before its switch.
	Abort struct {
		Stand
		Why        string      `json:"why"` // completes the event -failover-abort-…
		Candidates []Candidate `json:"candidates,omitempty"`
	}
	// Refuse records that a failover was asked for, or called for by the state of the
	// master, and not started.
	Refuse struct {
		Name     string   `json:"name"`
		Addr     Addr     `json:"addr"`
		Manual   bool     `json:"manual,omitempty"`
		Why      string   `json:"why"`
		Evidence Evidence `json:"evidence,omitzero"`
		// Candidates tells of each replica whether it could have been promoted.
		Candidates []Candidate `json:"candidates,omitempty"`
	}
	// Pause stops automatic failovers of a master For so long, 0 until Resume.
	Pause struct {
		Name string        `json:"name"`
		For  time.Duration `json:"for,omitempty"`
	}
	// Resume ends a Pause.
	Resume struct {
		Name string `json:"name"`
	}
	// Takeover makes another sentinel the claimant, at the committed step, or lets the
	// claimant go on after it restarted.
	Takeover struct {
		Stand
		To string `json:"to"`
	}
	// Adopt changes the address of a master without a failover of ours: Why is
	// "redirect" (the configured address is a replica of Addr), "foreign" (a Redis
	// Sentinel beside us switched) or "operator".
	Adopt struct {
		Name        string `json:"name"`
		Old         Addr   `json:"old"` // must be the current address
		Addr        Addr   `json:"addr"`
		ConfigEpoch uint64 `json:"config_epoch"`
		Why         string `json:"why"`
		Source      string `json:"source,omitempty"` // id of the sentinel it came from
	}
	// LearnReplica adds a replica or its new run id.
	LearnReplica struct {
		Name  string `json:"name"`
		Addr  Addr   `json:"addr"`
		RunID string `json:"run_id,omitempty"`
	}
	// Learn is LearnReplica for many at once.
	Learn struct {
		Replicas []LearnReplica `json:"replicas"`
	}
	// NewEpoch raises the current epoch to one seen elsewhere.
	NewEpoch struct {
		Epoch uint64 `json:"epoch"`
	}
	// Put keeps a value of the caller's under a key; empty deletes. For cluster-wide
	// facts this package has no opinion on.
	Put struct {
		Key   string `json:"key"`
		Value string `json:"value"`
	}
)

// Stand is what a step of a failover names: the failover and how far its proposer
// saw it. Apply rejects it if any of that has changed.
type Stand struct {
	Name     string `json:"name"`
	Epoch    uint64 `json:"epoch"` // of the claim
	Claimant string `json:"claimant"`
	Step     Step   `json:"step"`
	Target   Addr   `json:"target"` // the committed target, zero if none
}

func (Form) kind() string         { return "form" }
func (Merge) kind() string        { return "merge" }
func (Monitor) kind() string      { return "monitor" }
func (Remove) kind() string       { return "remove" }
func (Set) kind() string          { return "set" }
func (Reset) kind() string        { return "reset" }
func (Claim) kind() string        { return "claim" }
func (Select) kind() string       { return "select" }
func (TargetFailed) kind() string { return "target-failed" }
func (Switch) kind() string       { return "switch" }
func (End) kind() string          { return "end" }
func (Abort) kind() string        { return "abort" }
func (Refuse) kind() string       { return "refuse" }
func (Pause) kind() string        { return "pause" }
func (Resume) kind() string       { return "resume" }
func (Takeover) kind() string     { return "takeover" }
func (Adopt) kind() string        { return "adopt" }
func (LearnReplica) kind() string { return "learn-replica" }
func (Learn) kind() string        { return "learn" }
func (NewEpoch) kind() string     { return "new-epoch" }
func (Put) kind() string          { return "put" }

// envelopeVersion is raised when an older reader must not apply what a newer one
// wrote. New kinds do not need it: an unknown kind is rejected by Apply.
const envelopeVersion = 1

type envelope struct {
	Version int             `json:"v"`
	ID      string          `json:"id,omitempty"`
	From    string          `json:"from,omitempty"`
	At      time.Time       `json:"at"`
	Kind    string          `json:"kind"`
	Body    json.RawMessage `json:"body"`
}

// MaxCommandBytes bounds an encoded command: far above a Form of a thousand masters.
const MaxCommandBytes = 16 << 20

// Encode returns the bytes for the log.
func (c Command) Encode() ([]byte, error) {
	body, err := json.Marshal(c.Body)
	if err != nil {
		return nil, fmt.Errorf("encode %s: %w", c.Body.kind(), err)
	}
	return json.Marshal(envelope{
		Version: envelopeVersion, ID: c.ID, From: c.From, At: c.At.UTC().Round(0),
		Kind: c.Body.kind(), Body: body,
	})
}

// Kind returns the word that names the command in the log and in messages.
func (c Command) Kind() string {
	if c.Body == nil {
		return "none"
	}
	return c.Body.kind()
}

// Unknown is a command of a newer version. Apply rejects it.
type Unknown struct{ Name string }

func (u Unknown) kind() string { return u.Name }

// DecodeCommand reads what Encode wrote. A kind it does not know becomes [Unknown]; a
// newer envelope is an error.
func DecodeCommand(b []byte) (Command, error) {
	if len(b) > MaxCommandBytes {
		return Command{}, errors.New("decode command: too long")
	}
	var e envelope
	if err := json.Unmarshal(b, &e); err != nil {
		return Command{}, fmt.Errorf("decode command: %w", err)
	}
	if e.Version != envelopeVersion {
		return Command{}, fmt.Errorf("decode command: version %d, this program knows %d",
			e.Version, envelopeVersion)
	}
	body, err := decodeBody(e.Kind, e.Body)
	if err != nil {
		return Command{}, fmt.Errorf("decode command %s: %w", e.Kind, err)
	}
	return Command{ID: e.ID, From: e.From, At: e.At, Body: body}, nil
}

func decodeBody(kind string, b []byte) (Body, error) {
	switch kind {
	case "form":
		return decodeAs[Form](b)
	case "merge":
		return decodeAs[Merge](b)
	case "monitor":
		return decodeAs[Monitor](b)
	case "remove":
		return decodeAs[Remove](b)
	case "set":
		return decodeAs[Set](b)
	case "reset":
		return decodeAs[Reset](b)
	case "claim":
		return decodeAs[Claim](b)
	case "select":
		return decodeAs[Select](b)
	case "target-failed":
		return decodeAs[TargetFailed](b)
	case "switch":
		return decodeAs[Switch](b)
	case "end":
		return decodeAs[End](b)
	case "abort":
		return decodeAs[Abort](b)
	case "refuse":
		return decodeAs[Refuse](b)
	case "pause":
		return decodeAs[Pause](b)
	case "resume":
		return decodeAs[Resume](b)
	case "takeover":
		return decodeAs[Takeover](b)
	case "adopt":
		return decodeAs[Adopt](b)
	case "learn-replica":
		return decodeAs[LearnReplica](b)
	case "learn":
		return decodeAs[Learn](b)
	case "new-epoch":
		return decodeAs[NewEpoch](b)
	case "put":
		return decodeAs[Put](b)
	}
	return Unknown{Name: kind}, nil
}

func decodeAs[T Body](b []byte) (Body, error) {
	var v T
	if err := json.Unmarshal(b, &v); err != nil {
		return nil, err
	}
	return v, nil
}

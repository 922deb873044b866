package failover

import (
	"slices"
	"time"
)

// What a failover leaves behind: why it began, what its claimant saw, whom it could
// choose from, each step with its time, and how it ended. SENTINEL HISTORY shows it.

const (
	momentsMax   = 64 // of one attempt; more only if targets fail by the dozen
	evidenceMax  = 64 // sentinels and replicas one claim tells of
	unknownBytes = -1
)

// Evidence is what a claimant knew when it asked for the right to fail over.
type Evidence struct {
	// Trouble is what is wrong with the master, as the claimant sees it.
	Trouble Trouble `json:"trouble,omitempty"`
	// DownSince is when the claimant began to hold the master subjectively down.
	DownSince time.Time `json:"down_since,omitzero"`
	// Seen is what each sentinel said, the claimant first.
	Seen []Sighting `json:"seen,omitempty"`
	// Opinions is what the replicas said of their link to the master: a second opinion
	// on whether it is down.
	Opinions []Opinion `json:"opinions,omitempty"`
	// MasterOffset is the last offset the master told, and when; -1 if it never did.
	MasterOffset   int64     `json:"master_offset"`
	MasterOffsetAt time.Time `json:"master_offset_at,omitzero"`
	// Voters are the sentinels whose majority commits the claim.
	Voters []string `json:"voters,omitempty"`
}

// Sighting is a sentinel's last word on whether the master is down.
type Sighting struct {
	Sentinel string    `json:"sentinel"`
	Down     bool      `json:"down"`
	At       time.Time `json:"at"` // when it said so
}

// Opinion is what a replica said last of its link to the master.
type Opinion struct {
	Addr   Addr      `json:"addr"`
	LinkUp bool      `json:"link_up"`
	At     time.Time `json:"at"`
}

// Candidate is a replica as it was when the target was chosen.
type Candidate struct {
	Addr     Addr   `json:"addr"`
	RunID    string `json:"run_id,omitempty"`
	Priority int    `json:"priority"`
	Offset   int64  `json:"offset"`
	// Lag is how many bytes of the master's known stream it lacks; -1 if unknown.
	Lag int64 `json:"lag"`
	// Why it was not eligible, empty if it was.
	Why string `json:"why,omitempty"`
}

// Moment is a step of a failover.
type Moment struct {
	At     time.Time `json:"at"`
	What   string    `json:"what"`
	By     string    `json:"by,omitempty"` // id of the sentinel
	Detail string    `json:"detail,omitempty"`
}

// note appends a step to the record of a running failover.
func (c *Attempt) note(at time.Time, what, by, detail string) {
	if len(c.Moments) < momentsMax {
		c.Moments = append(c.Moments, Moment{At: at, What: what, By: by, Detail: detail})
	}
}

// lossOf estimates what is lost by promoting target: the bytes of the master's stream
// that are known and that it lacks; -1 if nothing is known of the stream.
func (e *Evidence) lossOf(candidates []Candidate, target Addr) int64 {
	i := slices.IndexFunc(candidates, func(c Candidate) bool { return c.Addr == target })
	if i < 0 {
		return unknownBytes
	}
	return candidates[i].Lag
}

func (e Evidence) clone() Evidence {
	e.Seen = slices.Clone(e.Seen)
	e.Opinions = slices.Clone(e.Opinions)
	e.Voters = slices.Clone(e.Voters)
	return e
}

// evidence is what this sentinel knows of the master of w now.
func (m *Machine) evidence(w *watch) Evidence {
	e := Evidence{Trouble: m.trouble(w, w.master), MasterOffset: unknownBytes, Voters: slices.Clone(m.quorum.Voters)}
	if w.master.sdown.down {
		e.DownSince = w.master.sdown.since
	}
	if n := w.master; !n.infoAt.IsZero() && n.info.Role == RoleMaster {
		e.MasterOffset, e.MasterOffsetAt = n.info.MasterOffset, n.infoAt
	}
	e.Seen = append(e.Seen, Sighting{Sentinel: m.id, Down: w.master.sdown.down, At: m.now})
	for _, s := range w.sights {
		if s.saidAt.IsZero() || len(e.Seen) >= evidenceMax {
			continue
		}
		_, down := m.reportsDown(w, s, m.now)
		e.Seen = append(e.Seen, Sighting{Sentinel: s.peer.id, Down: down, At: s.saidAt})
	}
	for _, n := range w.nodes {
		if n.isReplica() && !n.infoAt.IsZero() && len(e.Opinions) < evidenceMax {
			e.Opinions = append(e.Opinions, Opinion{Addr: n.id.Addr, LinkUp: n.info.MasterLinkUp, At: n.infoAt})
		}
	}
	return e
}

// candidates tells of each replica what the choice rests on.
func (m *Machine) candidates(w *watch, c *Attempt) []Candidate {
	known := c.Evidence.MasterOffset
	for _, n := range w.nodes {
		if n.isReplica() && !n.infoAt.IsZero() && !m.strange(w, n) {
			known = max(known, n.info.Offset)
		}
	}
	var out []Candidate
	for _, n := range w.nodes {
		if !n.isReplica() || len(out) >= evidenceMax {
			continue
		}
		one := Candidate{Addr: n.id.Addr, RunID: n.runID, Priority: n.info.Priority, Offset: n.info.Offset,
			Lag: unknownBytes, Why: m.excluded(w, n, c)}
		if !n.infoAt.IsZero() && known >= 0 {
			one.Lag = max(0, known-n.info.Offset)
		}
		out = append(out, one)
	}
	return out
}

package sentinel

import "time"

// The rules by which sentinels that were never told of each other become one
// Raft cluster, as a pure function: formingView in, formingStep out.
//
// An unformed sentinel promises itself to one candidate, the smallest id among
// those it reaches and that reach it. The promise is durable. A candidate that
// holds enough of them bootstraps a cluster of its own and takes the others in.
// What makes this safe is not the promise but the cluster: it may not decide
// anything before it has as many voters as its founder held promises, and a
// sentinel is a member of one cluster only. Promises make it quick: they keep
// several founders from competing for members.

// Waiting times of forming, in hello periods.
const (
	// aloneAfter is how long a sentinel with quorum 1 looks for others before it
	// forms a cluster of its own.
	aloneAfter = 5
	// freshFor is how long an answer to a greeting counts as contact.
	freshFor = 2
	// promiseLapses is how long a candidate may be silent before a promise to it is
	// taken back.
	promiseLapses = 10
)

// promise says whose cluster a sentinel is ready to join. The round makes promises
// that a candidate gave up with its candidacy worthless.
type promise struct {
	Candidate string `json:"candidate,omitempty"` // server id
	Round     uint64 `json:"round,omitempty"`     // of that candidate
}

// formingView is what an unformed sentinel knows.
type formingView struct {
	Self    string // myid
	Server  string // our server id
	Round   uint64 // our candidacies so far
	Promise promise

	Quorum int // the highest of the monitored masters; 0 if there are none
	Expect int // bootstrap-expect, 0 if not set
	Period time.Duration
	// Reaching is how long a data node has answered us, 0 if none does.
	Reaching time.Duration
	// Looking is how long we have been looking for others.
	Looking time.Duration
	Peers   []formingPeer // all known, foreign ones included, sorted by id
}

// formingPeer is another sentinel.
type formingPeer struct {
	ID      string
	Server  string // "" if it never answered
	Fresh   bool   // it answered lately
	Mutual  bool   // fresh, and it reaches us too
	Silent  time.Duration
	Cluster string  // "" while unformed
	Promise promise // to itself if it is a candidate
}

// formingStep is what to do next.
type formingStep struct {
	Promise   promise // as it shall be
	Round     uint64
	Bootstrap bool // found a cluster now
	Need      int  // voters it takes before it may decide
	Held      int  // promises we hold
	Wait      string
}

// decideForming is the whole rule.
func decideForming(v formingView) formingStep {
	s := formingStep{Promise: v.Promise, Round: v.Round, Need: v.need()}
	if p := v.memberAmong(); p != "" {
		s.Wait = "to be taken in by the cluster of " + p
		return s
	}
	s.choose(v)
	if s.Promise.Candidate != v.Server {
		s.Wait = "for the candidate " + s.Promise.Candidate
		return s
	}
	s.Held = v.held(s.Promise)
	switch {
	case v.Quorum == 0:
		s.Wait = "for a master to monitor"
	case len(v.Peers) == 0 && v.Expect <= 1:
		s.Bootstrap = v.Quorum == 1 && v.Reaching >= aloneAfter*v.Period && v.Looking >= aloneAfter*v.Period
		s.Wait = "for other sentinels"
	default:
		s.Bootstrap = s.Held >= s.Need
		s.Wait = "for promises of other sentinels"
	}
	return s
}

// need is how many sentinels make a cluster: the quorum, and a majority of all
// that are known, the dead and the foreign included.
func (v formingView) need() int {
	return max(v.Quorum, (len(v.Peers)+1)/2+1, v.Expect, 1)
}

// memberAmong names a live peer that belongs to a cluster.
func (v formingView) memberAmong() string {
	for _, p := range v.Peers {
		if p.Fresh && p.Cluster != "" {
			return p.ID
		}
	}
	return ""
}

// choose gives, keeps or takes back the promise.
func (s *formingStep) choose(v formingView) {
	best := v.candidate()
	switch {
	case s.Promise.Candidate == v.Server:
		if best != nil { // a smaller id: step back, which voids what we hold
			s.Promise = best.Promise
		}
	case s.Promise.Candidate != "" && !v.lapsed(s.Promise):
	case best != nil:
		s.Promise = best.Promise
	default:
		s.Round++
		s.Promise = promise{v.Server, s.Round}
	}
}

// candidate is the peer with the smallest id that is one, nil if that is us.
func (v formingView) candidate() *formingPeer {
	for i, p := range v.Peers {
		if p.ID > v.Self {
			return nil
		}
		if p.Mutual && p.Promise.Candidate == p.Server {
			return &v.Peers[i]
		}
	}
	return nil
}

// lapsed reports that a promise to somebody else no longer binds us: the candidate
// stepped back, started over, or is gone.
func (v formingView) lapsed(given promise) bool {
	for _, p := range v.Peers {
		if p.Server != given.Candidate {
			continue
		}
		stepped := p.Fresh && p.Promise != given
		return stepped || p.Silent >= promiseLapses*v.Period
	}
	// Not among those known: an incarnation that was replaced, or one we have not
	// heard of since we started.
	return v.Looking >= promiseLapses*v.Period
}

// held counts the promises for our candidacy, our own included.
func (v formingView) held(own promise) int {
	n := 1
	for _, p := range v.Peers {
		if p.Fresh && p.Cluster == "" && p.Promise == own {
			n++
		}
	}
	return n
}

package replication

import (
	"strings"

	"github.com/vedette-ha/vedette/internal/resp"
)

// Request is a replica's SYNC or PSYNC.
type Request struct {
	Old      bool   // SYNC: no offsets, no acknowledgements
	ID       ReplID // history it has; "?" none
	Offset   int64  // first byte it lacks, as on the wire: its own offset plus one
	Failover bool   // our master asks us to take over from it
}

// ParseRequest reads SYNC, or PSYNC replid offset [FAILOVER], from args (the
// command's name first; the number of arguments has been checked).
func ParseRequest(args [][]byte) (Request, error) {
	if strings.EqualFold(string(args[0]), "SYNC") {
		return Request{Old: true}, nil
	}
	offset, ok := resp.ParseInt(args[2])
	if !ok {
		return Request{}, resp.ErrNotInteger
	}
	return Request{
		ID:       ReplID(args[1]),
		Offset:   offset,
		Failover: len(args) > 3 && strings.EqualFold(string(args[3]), "FAILOVER"),
	}, nil
}

// anew reports whether the replica does not even try to continue.
func (q Request) anew() bool { return q.Old || strings.HasPrefix(string(q.ID), "?") }

// Refusal is why a replica cannot simply continue.
type Refusal int

const (
	Continues     Refusal = iota // it can
	NotAsked                     // SYNC, or PSYNC ?
	OtherHistory                 // neither of our ids
	PastSecondID                 // our second id, but beyond where we parted from it
	OutsideBuffer                // our history, but not the part we still (or already) have
)

// Decide tells whether a replica that sent q continues from the stream's history;
// its cursor then opens at q.Offset-1.
func (s *Stream) Decide(q Request) Refusal {
	if q.anew() {
		return NotAsked
	}
	if !strings.EqualFold(string(q.ID), string(s.id)) {
		if s.id2 == "" || !strings.EqualFold(string(q.ID), string(s.id2)) {
			return OtherHistory
		}
		if q.Offset > s.secondOffset() {
			return PastSecondID
		}
	}
	if !s.active || q.Offset < int64(s.ring.first)+1 || q.Offset > int64(s.ring.end)+1 {
		return OutsideBuffer
	}
	return Continues
}

// logRefusal writes down, in Redis's words, why replica name gets a full
// synchronization.
func (n *Node) logRefusal(why Refusal, q Request, name string) {
	switch why {
	case NotAsked:
		if !q.Old {
			n.logf(Notice, "Full resync requested by replica %s", name)
		}
	case OtherHistory:
		n.logf(Notice, "Partial resynchronization not accepted: Replication ID mismatch "+
			"(Replica asked for '%s', my replication IDs are '%s' and '%s')",
			q.ID, n.stream.id, n.stream.id2.orZeros())
	case PastSecondID:
		n.logf(Notice, "Partial resynchronization not accepted: Requested offset for second ID was %d, "+
			"but I can reply up to %d", q.Offset, n.stream.secondOffset())
	case OutsideBuffer:
		n.logf(Notice, "Unable to partial resync with replica %s for lack of backlog "+
			"(Replica request was: %d).", name, q.Offset)
		if q.Offset > int64(n.stream.Offset()) {
			n.logf(Warning, "Warning: replica %s tried to PSYNC with an offset that is greater "+
				"than the master replication offset.", name)
		}
	}
}

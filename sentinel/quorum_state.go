package sentinel

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/rs/zerolog"

	"github.com/vedette-ha/vedette/failover"
)

// replica is the state Raft replicates. All methods are called by one goroutine,
// in the order of the log.
type replica interface {
	// apply is given each committed entry and answers the proposer.
	apply(index uint64, entry []byte) any
	// members is given each committed configuration.
	members(index uint64, ms []member)
	// encode returns the whole state.
	encode() ([]byte, error)
	// decode replaces the whole state by what encode returned, elsewhere or earlier.
	decode(state []byte) error
}

// member is a server of the Raft configuration.
type member struct {
	ID    string // server id, "<myid>-<incarnation>"
	Addr  string // a hint; the newest announced address wins
	Voter bool
}

// agreedReplica is the agreed state behind the log. Until it is released it only
// catches up: after a start with what was in the log then, at forming with what
// the members bring in. From its release on each change is handed out.
type agreedReplica struct {
	log  zerolog.Logger
	hand func(commit) // waits while nobody reads

	mu     sync.Mutex // guards agreed; not held while handing out
	agreed *failover.Agreed
	order  chan struct{} // holds a token unless an entry is being applied and handed out

	moved    atomic.Pointer[chan struct{}] // closed when index moves
	released atomic.Bool
	index    atomic.Uint64 // of the last entry or configuration seen
	formed   atomic.Bool   // agreed.Formed()
	decided  atomic.Bool   // agreed has decided a failover
	switched atomic.Uint64 // the config epochs of all masters together: each new address adds to it
}

func newAgreedReplica(log zerolog.Logger, hand func(commit)) *agreedReplica {
	r := &agreedReplica{log: log, hand: hand, agreed: &failover.Agreed{}, order: make(chan struct{}, 1)}
	r.order <- struct{}{}
	moved := make(chan struct{})
	r.moved.Store(&moved)
	return r
}

// advance says that everything up to index is applied.
func (r *agreedReplica) advance(index uint64) {
	r.index.Store(index)
	moved := make(chan struct{})
	close(*r.moved.Swap(&moved))
}

// await returns when index is applied here, or ctx ends.
func (r *agreedReplica) await(ctx context.Context, index uint64) {
	for {
		moved := *r.moved.Load()
		if r.index.Load() >= index {
			return
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return
		}
	}
}

// apply implements replica. An entry nobody can read is an entry that changes
// nothing, the same for everybody.
func (r *agreedReplica) apply(index uint64, entry []byte) any {
	<-r.order
	defer func() { r.order <- struct{}{} }()
	c, err := failover.DecodeCommand(entry)
	if err != nil {
		r.log.Error().Err(err).Uint64("index", index).Msg("unreadable entry in the log")
		r.advance(index)
		return failover.Result{Reason: failover.UnknownCommand, Text: err.Error()}
	}
	r.mu.Lock()
	result := r.agreed.Apply(index, c)
	r.note()
	r.mu.Unlock()
	if r.released.Load() {
		r.hand(commit{Index: index, Command: c, Result: result})
	}
	r.advance(index)
	return result
}

// note keeps what others read without the lock. The caller holds it.
func (r *agreedReplica) note() {
	r.formed.Store(r.agreed.Formed())
	r.decided.Store(r.agreed.Decided > 0)
	var epochs uint64
	for i := range r.agreed.Masters {
		epochs += r.agreed.Masters[i].ConfigEpoch
	}
	r.switched.Store(epochs)
}

// members implements replica.
func (r *agreedReplica) members(index uint64, _ []member) { r.advance(index) }

// encode implements replica.
func (r *agreedReplica) encode() ([]byte, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.agreed.Snapshot()
}

// decode implements replica.
func (r *agreedReplica) decode(state []byte) error {
	a, err := failover.ReadSnapshot(state)
	if err != nil {
		return err
	}
	<-r.order
	defer func() { r.order <- struct{}{} }()
	r.mu.Lock()
	r.agreed = a
	r.note()
	r.mu.Unlock()
	if r.released.Load() {
		r.hand(commit{Index: a.Index, State: a.Clone()})
	}
	r.advance(a.Index)
	return nil
}

// release hands out the whole state, and each change from then on.
func (r *agreedReplica) release(replayed bool) {
	<-r.order
	defer func() { r.order <- struct{}{} }()
	if r.released.Load() {
		return
	}
	a := r.clone()
	r.released.Store(true)
	r.hand(commit{Index: a.Index, State: a, Replayed: replayed})
}

// clone is a copy of the state.
func (r *agreedReplica) clone() *failover.Agreed {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.agreed.Clone()
}

// highestQuorum is that of the monitored masters, 0 if there are none.
func highestQuorum(a *failover.Agreed) int {
	n := 0
	for i := range a.Masters {
		n = max(n, a.Masters[i].Settings.Quorum)
	}
	return n
}

// masterNames lists the monitored masters.
func masterNames(a *failover.Agreed) []string {
	names := make([]string, 0, len(a.Masters))
	for i := range a.Masters {
		names = append(names, a.Masters[i].Name)
	}
	return names
}

package sentinel

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/rs/zerolog"

	"github.com/vedette-ha/vedette/failover"
)

// Recovery is the way back for a sentinel whose cluster has lost the majority of its
// members for good, so that nothing can be decided any more. It works on the store of a
// sentinel that does not run.
type Recovery struct {
	stores *stores
	meta   *storeMeta
	random io.Reader

	MyID    string
	Cluster string             // the cluster that is lost; empty: it belongs to none
	Members []string           // myids of its members, this one included
	Agreed  *failover.Agreed   // what it knew, including what may not have been committed
	Dropped []failover.Attempt // failovers that were running and are given up
}

// OpenRecovery reads the store a sentinel has in dir for its port. The caller must
// Close it.
func OpenRecovery(dir string, port int) (*Recovery, error) {
	st, err := openStores(dir, port, zerolog.Nop())
	if err != nil {
		return nil, err
	}
	r, err := newRecovery(st)
	if err != nil {
		return nil, errors.Join(err, st.close())
	}
	return r, nil
}

func newRecovery(st *stores) (*Recovery, error) {
	meta, err := st.readMeta()
	if err != nil {
		return nil, err
	}
	if meta == nil {
		return nil, errors.New("the store is empty: no sentinel has run with this dir and port")
	}
	r := &Recovery{stores: st, meta: meta, random: rand.Reader, MyID: meta.MyID, Cluster: meta.Cluster}
	if meta.Cluster == "" {
		return r, nil
	}
	left, err := st.survive()
	if err != nil {
		return nil, err
	}
	for _, m := range left.members {
		r.Members = append(r.Members, myIDOf(m.ID))
	}
	slices.Sort(r.Members)
	r.Agreed = newestOf(left.agreed, meta)
	for i := range r.Agreed.Masters {
		if c := r.Agreed.Masters[i].Claim; c != nil {
			r.Dropped = append(r.Dropped, *c)
			r.Agreed.Masters[i].Claim = nil
		}
	}
	return r, nil
}

// newestOf is the state of the log or, if that was never complete here, the copy this
// sentinel kept for a start without the others.
func newestOf(log *failover.Agreed, meta *storeMeta) *failover.Agreed {
	if log.Formed() {
		return log
	}
	if a, err := failover.ReadSnapshot(meta.Local); len(meta.Local) > 0 && err == nil {
		return a
	}
	return log
}

// Close releases the store.
func (r *Recovery) Close() error { return r.stores.close() }

// Forget makes the sentinel one that belongs to no cluster but keeps what it knew:
// masters, settings, replicas and epochs. With others it will form a new cluster by the
// usual rule: as many as the quorum must meet. If alone is set it will form one by
// itself at its next start, and others join it; then that is to be done on one sentinel
// only.
func (r *Recovery) Forget(alone bool) error {
	if r.Cluster == "" {
		return errors.New("this sentinel belongs to no cluster: there is nothing to recover from")
	}
	incarnation, err1 := randomHex(r.random, 8)
	cluster, err2 := randomHex(r.random, 20)
	key, err3 := randomHex(r.random, 32)
	if err := errors.Join(err1, err2, err3); err != nil {
		return err
	}
	local, err := r.unformed()
	if err != nil {
		return err
	}
	// As in leave, a crash half-way leaves a meta that says the rest is to be
	// forgotten.
	m := *r.meta
	m.Cluster, m.Key, m.Founder, m.Need, m.Ready, m.Merged = "", nil, "", 0, false, false
	m.Promise, m.Incarnation, m.Local, m.Peers = promise{}, "", local, nil
	if err := r.stores.saveMeta(&m); err != nil {
		return err
	}
	if err := r.stores.forget(); err != nil {
		return err
	}
	if m.Incarnation = incarnation; alone {
		m.Cluster, m.Key, m.Founder, m.Need, m.Ready = cluster, []byte(key), m.MyID, 1, true
	}
	return r.stores.saveMeta(&m)
}

// unformed encodes what is known as the state of a sentinel without a cluster.
func (r *Recovery) unformed() (json.RawMessage, error) {
	a := r.Agreed.Clone()
	a.Index, a.Cluster, a.Answers = 0, "", nil
	b, err := a.Snapshot()
	if err != nil {
		return nil, fmt.Errorf("encode the state: %w", err)
	}
	return b, nil
}

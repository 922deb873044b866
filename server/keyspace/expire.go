package keyspace

// ExpirePolicy is how a Space treats keys whose time has come.
type ExpirePolicy uint8

// The policies.
const (
	// ExpireDelete deletes them when they are met: a master.
	ExpireDelete ExpirePolicy = iota
	// ExpireHide reports them missing and leaves them: a replica serving clients.
	// Writing to such a key finds nothing there; Delete does remove it.
	ExpireHide
	// ExpireKeep treats them as still there: a replica applying its master's
	// stream, and loading.
	ExpireKeep
)

// expire deletes the expired entry at place k of b.
func (db *DB) expire(h uint64, b *bucket, k int) {
	if db.space.onExpire != nil {
		db.space.onExpire(db.index, db.ds.arena.key(b.refs[k]))
	}
	db.ds.remove(h, b, k)
	db.space.env.expired++
}

// addExpire gives the entry at place k of b an expiry it did not have. An open
// snapshot must have the entry.
func (ds *dataset) addExpire(h uint64, b *bucket, k int, ms int64) error {
	ct, big := ds.contentOf(ds.arena.cell(b.refs[k]))
	ct.expireAt = ms
	ref, err := ds.build(&ct, big)
	if err != nil {
		return err
	}
	ds.replace(h, b, k, ref)
	return nil
}

// dropExpire takes the expiry of the cell at ref away, in place, and frees what
// is left over.
func (ds *dataset) dropExpire(h uint64, ref uint32) {
	ds.dropVolatile(h, ref)
	c := ds.arena.cell(ref)
	was := c.layout()
	copy(c[offExpire:], c[offExpire+expireBytes:was.size()])
	c[1] &^= hasExpire
	if units := c.layout().units(); units < was.units() {
		ds.arena.release(ref+uint32(units), was.units()-units)
	}
}

// ExpireResult says what a cycle did.
type ExpireResult struct {
	Sampled, Expired int
	TimeUp           bool // stopped because more returned false
}

// The measures of a cycle are Redis's: with more effort more keys are looked at
// in one go, and fewer expired ones among them are put up with.
const (
	expireSample      = 20 // keys looked at in one go
	expireSampleMore  = 5  // and for each effort above 1
	expireStale       = 10 // percent of them expired that are put up with
	expireSparse      = 20 // buckets looked at for each key
	expireTTLMemory   = 50 // goes that make up the mean time to live
	percent           = 100
	expireEffortMost  = 10
	expireEffortLeast = 1
)

// ActiveExpire looks for expired keys and deletes them: in each database some
// keys that have an expiry are sampled, again as long as many of them turn out
// expired. effort is active-expire-effort, 1 to 10. more is asked now and then
// whether there is time left (nil means always). It does nothing unless the
// policy is ExpireDelete. Successive calls go on where the last one stopped.
func (s *Space) ActiveExpire(effort int, more func() bool) ExpireResult {
	var r ExpireResult
	if s.env.policy != ExpireDelete {
		return r
	}
	more = orAlways(more)
	effort = min(max(effort, expireEffortLeast), expireEffortMost) - 1
	for range s.dbs {
		db := s.dbs[s.cycleDB%len(s.dbs)]
		db.expireSome(&r, effort, more)
		if r.TimeUp {
			return r // the same database goes on next time
		}
		s.cycleDB++
	}
	return r
}

// expireSome samples db as long as too many of the sampled keys are expired.
func (db *DB) expireSome(r *ExpireResult, effort int, more func() bool) {
	for db.ds.volatile.count > 0 {
		want := min(expireSample+effort*expireSampleMore, db.ds.volatile.count)
		sampled, expired := db.expireSampled(want)
		r.Sampled += sampled
		r.Expired += expired
		if expired*percent <= sampled*(expireStale-effort) {
			return
		}
		if !more() {
			r.TimeUp = true
			return
		}
	}
	db.ds.ttlMean = 0
}

// expireSampled looks at about n keys from where the last call stopped.
func (db *DB) expireSampled(n int) (sampled, expired int) {
	ds := db.ds
	var ttls, ttlSum int64
	refs := make([]uint32, 0, 2*bucketSlots)
	for left := n * expireSparse; left > 0 && sampled < n && ds.volatile.count > 0; left-- {
		var i uint64
		i, ds.cursor = ds.volatile.next(ds.cursor)
		refs = ds.volatile.refs(refs[:0], i)
		sampled += len(refs)
		for _, ref := range refs {
			if db.expireAt(ref) {
				expired++
				continue
			}
			ttls++
			ttlSum += ds.arena.cell(ref).expireAt() - ds.env.now
		}
	}
	if ttls > 0 {
		ds.noteTTL(ttlSum / ttls)
	}
	return sampled, expired
}

// noteTTL makes mean part of the running mean.
func (ds *dataset) noteTTL(mean int64) {
	if ds.ttlMean == 0 {
		ds.ttlMean = mean
		return
	}
	ds.ttlMean += (mean - ds.ttlMean) / expireTTLMemory
}

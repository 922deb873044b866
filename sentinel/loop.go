package sentinel

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/vedette-ha/vedette/failover"
)

const (
	// eventQueue is how many reports of links may wait for the loop: half a second of
	// a thousand masters. When it is full their readers wait.
	eventQueue = 8192
	// askQueue is how many sessions may wait for an answer from the loop; the
	// others wait to be let in.
	askQueue = 128
	// statusPeriod is how often the loop looks at the state of the cluster when
	// nothing says that it changed: about, on the occasion of a tick if there is one.
	statusPeriod = time.Second
	// lookAgain is the pause before an empty socket is looked into again.
	lookAgain = 20 * time.Millisecond
	// settleRounds bounds how often silence is not judged because bytes wait.
	settleRounds = 10
)

// loop owns the failover machine: it feeds it what happens, one event after the
// other, and does what it asks for. Nothing it calls blocks.
type loop struct {
	s         *Sentinel
	m         *failover.Machine
	ctx       context.Context // of the loop, for what it starts
	links     map[failover.Node]*nodeLinks
	sentinels map[string]*nodeLinks // those of links that go to sentinels, by id
	waiting   map[*link]*owed       // pings without an answer

	store     string                   // what is wrong with the store, as last published
	quorum    failover.Quorum          // as last told to the machine
	peers     map[string]failover.Peer // likewise
	answer    map[uint64]func(string)  // by token: who waits for Answer
	renew     map[uint64]func(bool)    // by token: who waits for AnswerRenew
	renewals  renewals
	token     uint64
	answering int // data nodes whose last PING was answered well

	unmet []KnownSentinel // of sentinel.conf, while the machine does not know them

	todo     []failover.Event // events that wait for the one in hand
	stepping bool
}

// run is the loop. It returns when ctx ends.
func (lp *loop) run(ctx context.Context) error {
	tick := time.NewTimer(0)
	defer tick.Stop()
	lp.step(failover.Tick{At: time.Now()}) // the machine takes up what it was given
	var polled time.Time
	for {
		lp.s.opts.Turn()
		next := polled.Add(statusPeriod * 5 / 4)
		if d := lp.m.NextDeadline(); d.Before(next) {
			next = d
		}
		tick.Reset(time.Until(next))
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case ev := <-lp.s.reports:
			lp.report(ev)
		case c := <-lp.s.quorum.Commits():
			lp.commit(c)
		case ask := <-lp.s.asks:
			lp.takeCommits() // who was told that his change is made finds it made
			ask(lp)
		case <-lp.s.quorum.Changed():
			lp.pollQuorum(time.Now())
		case <-tick.C:
			lp.s.opts.Turn() // for all that is known it was not there while it waited
			lp.attend()
			if now := time.Now(); !now.Before(polled.Add(statusPeriod * 3 / 4)) {
				polled = now
				lp.pollQuorum(now)
			}
			if !time.Now().Before(lp.m.NextDeadline()) {
				lp.settle()
				lp.step(failover.Tick{At: time.Now()})
			}
		}
	}
}

// attend takes the commits and the questions that are there now: while there is always a
// tick due they must not get their turn by chance only.
func (lp *loop) attend() {
	asks := len(lp.s.asks)
	lp.takeCommits()
	for range asks {
		(<-lp.s.asks)(lp)
	}
}

func (lp *loop) takeCommits() {
	for range len(lp.s.quorum.Commits()) {
		lp.commit(<-lp.s.quorum.Commits())
	}
}

// step gives the machine one event and does what it asks for. What doing so brings
// up is given to the machine afterwards.
func (lp *loop) step(ev failover.Event) {
	lp.todo = append(lp.todo, ev)
	if lp.stepping {
		return
	}
	lp.stepping = true
	for len(lp.todo) > 0 {
		ev, lp.todo = lp.todo[0], lp.todo[1:]
		for _, a := range lp.m.Step(ev) {
			lp.act(a)
		}
	}
	lp.stepping = false
}

// settle passes on what has arrived and was not looked at yet, so that silence is
// judged only where there is silence: after a pause of this process replies lie in
// the sockets, and a goroutine has to run to bring them here.
func (lp *loop) settle() {
	lp.drain()
	for range settleRounds {
		if !lp.anyUnread() {
			return
		}
		time.Sleep(time.Millisecond)
		lp.drain()
	}
}

// drain takes the reports that are there now, those included that wait for room in
// the queue. A loop that lags would do nothing else if it waited for the last.
func (lp *loop) drain() {
	for range len(lp.s.reports) + int(lp.s.reporting.Load()) {
		select {
		case ev := <-lp.s.reports:
			lp.report(ev)
		default:
			return
		}
	}
}

// owed is a ping without an answer.
type owed struct {
	overdue time.Time // when its absence begins to matter
	looked  time.Time // when nothing was in the socket
}

// anyUnread says whether a reply that is late may have arrived already. A socket that
// was empty is not looked into again for a moment: many nodes may be silent at once.
func (lp *loop) anyUnread() bool {
	now := time.Now()
	for l, o := range lp.waiting {
		if now.Before(o.overdue) || now.Sub(o.looked) < lookAgain {
			continue
		}
		if l.unread() {
			return true
		}
		o.looked = now
	}
	return false
}

// commit passes a change of the agreed state on.
func (lp *loop) commit(c commit) {
	now := time.Now()
	switch {
	case c.State != nil:
		lp.step(failover.Restored{At: now, State: c.State, Replayed: c.Replayed})
		if c.Replayed {
			lp.step(failover.ReplayDone{At: now})
		}
	case c.Index == 0:
		lp.step(failover.Local{At: now, Command: c.Command})
	default:
		lp.step(failover.Committed{At: now, Index: c.Index, Command: c.Command})
	}
	lp.forgetUnmet(c.Command)
	lp.s.committed(c)
}

// pollQuorum tells the machine what changed in the cluster.
func (lp *loop) pollQuorum(now time.Time) {
	st := lp.s.quorum.Status()
	lp.noteStore(st.Store)
	q := failover.Quorum{At: now, Formed: st.Formed, Behind: st.Behind, Leader: st.Leader}
	for _, m := range st.Members {
		if m.Voter {
			q.Voters = append(q.Voters, m.ID)
		}
	}
	slices.Sort(q.Voters)
	peers := lp.s.quorum.Peers()
	lp.forgetRemoved(peers, now)
	for _, p := range peers {
		peer := failover.Peer{ID: p.ID, Foreign: p.Kind == peerForeign}
		peer.Addr, _ = failover.ParseAddr(p.Addr)
		if !p.Member {
			if lp.s.quorum.forgetAbsent(p.ID) {
				delete(lp.peers, p.ID)
				lp.step(failover.Forget{At: now, ID: p.ID})
				continue
			}
			peer.Masters = []string{}
		}
		if old, known := lp.peers[p.ID]; !known || old.Addr != peer.Addr || old.Foreign != peer.Foreign ||
			(old.Masters == nil) != (peer.Masters == nil) {
			lp.peers[p.ID] = peer
			peer.At = now
			lp.step(peer)
		}
	}
	if q.Formed != lp.quorum.Formed || q.Behind != lp.quorum.Behind || q.Leader != lp.quorum.Leader || !slices.Equal(q.Voters, lp.quorum.Voters) {
		lp.quorum = q
		lp.step(q)
	}
}

// noteStore publishes that our store cannot be written, or can again.
func (lp *loop) noteStore(t storeTrouble) {
	if t.Kind == lp.store {
		return
	}
	if lp.store != "" {
		lp.s.publish(failover.Publish{Level: failover.Warning, Event: "-store-trouble", Payload: "#" + lp.store})
	}
	if t.Kind != "" {
		text := strings.TrimSpace("#" + t.Kind + " " + strings.ReplaceAll(t.Text, "\n", "; "))
		lp.s.publish(failover.Publish{Level: failover.Warning, Event: "+store-trouble", Payload: text})
	}
	lp.store = t.Kind
}

// forgetRemoved tells the machine who was removed from the cluster.
func (lp *loop) forgetRemoved(peers []peerInfo, now time.Time) {
	for _, id := range slices.Sorted(maps.Keys(lp.peers)) {
		if !slices.ContainsFunc(peers, func(p peerInfo) bool { return p.ID == id }) {
			delete(lp.peers, id)
			lp.step(failover.Forget{At: now, ID: id})
		}
	}
}

// stillUnmet are the sentinels sentinel.conf names that the machine has not met since
// the start: their lines stay.
func (lp *loop) stillUnmet() []KnownSentinel {
	lp.unmet = slices.DeleteFunc(lp.unmet, func(k KnownSentinel) bool {
		return lp.m.KnowsSentinel(k.ID) || len(k.Masters) == 0
	})
	return lp.unmet
}

// forgetUnmet follows SENTINEL RESET and REMOVE.
func (lp *loop) forgetUnmet(c failover.Command) {
	name := ""
	switch b := c.Body.(type) {
	case failover.Reset:
		name = b.Name
	case failover.Remove:
		name = b.Name
	}
	for i := range lp.unmet {
		k := &lp.unmet[i]
		k.Masters = slices.DeleteFunc(slices.Clone(k.Masters), func(m string) bool { return m == name })
	}
}

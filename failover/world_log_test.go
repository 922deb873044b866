package failover

import (
	"fmt"
	"slices"
	"time"
)

// The log and what else passes between sentinels.

// electIfNeeded replaces a leader that is gone, 700 ms later.
func (w *world) electIfNeeded() {
	if w.leader >= 0 && w.canLead(w.leader) {
		return
	}
	w.leader = -1
	w.after(700*time.Millisecond, func() {
		if w.leader >= 0 {
			return
		}
		for i := range w.sentinels {
			if w.canLead(i) {
				w.leader = i
				w.printf("%s leads", w.sentinels[i].name)
				break
			}
		}
		for _, s := range w.sentinels {
			w.step(s, w.quorum())
		}
		if w.leader < 0 {
			w.electIfNeeded()
		}
	})
	for _, s := range w.sentinels {
		w.step(s, w.quorum())
	}
}

// yield makes another sentinel than s the leader, if s is.
func (w *world) yield(s *simSentinel, to string) {
	for i, other := range w.sentinels {
		if other.name == to && w.canLead(i) && w.leader >= 0 && w.sentinels[w.leader] == s {
			w.leader = i
			w.printf("%s leads", other.name)
		}
	}
	for _, s := range w.sentinels {
		w.step(s, w.quorum())
	}
}

// canLead reports whether sentinel i can talk to a majority.
func (w *world) canLead(i int) bool {
	s := w.sentinels[i]
	if !s.alive || s.frozen {
		return false
	}
	votes := 0
	for _, p := range w.sentinels {
		if p.alive && !p.frozen && (p == s || w.reachable(s, Node{Sentinel: p.name})) {
			votes++
		}
	}
	return votes > len(w.sentinels)/2
}

func (w *world) propose(s *simSentinel, c Command) {
	if w.verbose {
		w.printf("%s propose %s", s.name, c.Kind())
	}
	b, err := c.Encode()
	if err != nil {
		w.problems = append(w.problems, err.Error())
		return
	}
	w.after(w.delay(2*time.Millisecond), func() {
		ok := w.leader >= 0 && w.canLead(w.leader) &&
			(w.sentinels[w.leader] == s || w.reachable(s, Node{Sentinel: w.sentinels[w.leader].name}))
		if !ok {
			w.after(2*time.Second, func() { w.step(s, ProposalFailed{At: w.now, ID: c.ID}) })
			return
		}
		decoded, err := DecodeCommand(b)
		if err != nil {
			w.problems = append(w.problems, err.Error())
			return
		}
		w.commit(decoded)
	})
}

func (w *world) commit(c Command) {
	w.log = append(w.log, c)
	w.agreed.Apply(uint64(len(w.log)), c)
	for i, s := range w.sentinels {
		d := time.Duration(0)
		if i != w.leader {
			d = w.delay(time.Millisecond)
		}
		w.after(d, func() { w.catchUp(s) })
	}
}

// catchUp delivers the entries a sentinel has not applied, if the leader reaches it.
func (w *world) catchUp(s *simSentinel) {
	if !s.alive || s.frozen {
		return
	}
	if w.leader < 0 || w.sentinels[w.leader] != s && !w.reachable(s, Node{Sentinel: w.sentinels[w.leader].name}) {
		w.after(100*time.Millisecond, func() { w.catchUp(s) })
		return
	}
	for s.applied < len(w.log) {
		c := w.log[s.applied]
		s.applied++
		w.step(s, Committed{At: w.now, Index: uint64(s.applied), Command: c})
		w.check(s)
	}
}

// check holds the invariant: one claimant for a master and epoch unless taken over,
// one address for a config-epoch.
func (w *world) check(s *simSentinel) {
	a := s.m.Agreed()
	for i := range a.Masters {
		m := &a.Masters[i]
		key := fmt.Sprintf("%s %d", m.Name, m.ConfigEpoch)
		if m.ConfigEpoch > 0 {
			if other, ok := w.claims[key]; ok && other != m.Addr.String() {
				w.problems = append(w.problems, fmt.Sprintf("two masters for %s: %s and %s", key, other, m.Addr))
			}
			w.claims[key] = m.Addr.String()
		}
		if c := m.Claim; c != nil && c.Takeovers == 0 {
			key := fmt.Sprintf("claim %s %d", m.Name, c.Epoch)
			if other, ok := w.claims[key]; ok && other != c.Claimant {
				w.problems = append(w.problems, fmt.Sprintf("two claims for %s: %s and %s", key, other, c.Claimant))
			}
			w.claims[key] = c.Claimant
		}
	}
}

func (w *world) report(s *simSentinel, a Report) {
	for _, p := range w.sentinels {
		if p == s || a.To != "" && a.To != p.name {
			continue
		}
		w.request(s, Node{Sentinel: p.name}, func() Event {
			w.step(p, PeerReport{At: w.now, From: s.name, Master: a.Master, Addr: a.Addr, Epoch: a.Epoch, Down: a.Down})
			return nil
		})
	}
}

func (w *world) renew(s *simSentinel, a Renew) {
	sent := w.now
	if a.To == s.name {
		w.after(w.delay(500*time.Microsecond), func() {
			ok := w.leader >= 0 && w.sentinels[w.leader] == s && w.canLead(w.leader)
			w.step(s, Renewed{At: w.now, Sent: sent, Master: a.Master, Epoch: a.Epoch, OK: ok})
		})
		return
	}
	w.request(s, Node{Sentinel: a.To}, func() Event {
		p := w.sentinel(a.To)
		ok := false
		for _, act := range slices.Clone(p.m.Step(RenewRequest{At: w.now, From: s.name, Master: a.Master, Epoch: a.Epoch, Token: 7})) {
			if ans, is := act.(AnswerRenew); is {
				ok = ans.OK
				continue
			}
			w.act(p, act)
		}
		return Renewed{At: w.now, Sent: sent, Master: a.Master, Epoch: a.Epoch, OK: ok}
	})
}

func (w *world) spreadHello(s *simSentinel, a SayHello) {
	i := slices.Index(w.sentinels, s)
	ev := Hello{ID: s.name, Addr: Addr{Host: fmt.Sprintf("10.0.1.%d", i+1), Port: 26379},
		CurrentEpoch: a.CurrentEpoch, Name: a.Master, Master: a.Addr, ConfigEpoch: a.ConfigEpoch}
	for _, p := range w.sentinels {
		if p == s || a.Node.IsSentinel() && a.Node.Sentinel != p.name {
			continue
		}
		if _, up := p.up[a.Node]; !a.Node.IsSentinel() && !up {
			continue
		}
		ev.At = w.now
		w.step(p, ev)
	}
}

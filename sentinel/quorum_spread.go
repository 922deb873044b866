package sentinel

import "sync"

// spreader tells followers of a commit at once, each over a call of its own. A
// follower that is slow gets only the newest news: what it missed in between is
// implied. The zero value with send set works. Safe for concurrent use.
type spreader struct {
	send func(to member, index, term uint64)

	mu     sync.Mutex // guards what follows; not held while sending
	next   map[string]*news
	closed bool
	calls  sync.WaitGroup
}

// news is what one follower is still to be told.
type news struct {
	to          member
	index, term uint64
	fresh       bool // not yet sent
}

// tell starts or extends the calls to these followers. It does not wait.
func (s *spreader) tell(followers []member, index, term uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	for _, f := range followers {
		if n := s.next[f.ID]; n != nil {
			n.to, n.index, n.term, n.fresh = f, max(n.index, index), max(n.term, term), true
			continue
		}
		if s.next == nil {
			s.next = map[string]*news{}
		}
		s.next[f.ID] = &news{f, index, term, true}
		s.calls.Go(func() { s.run(f.ID) })
	}
}

// run sends to one follower until there is nothing fresh for it.
func (s *spreader) run(id string) {
	for {
		s.mu.Lock()
		n := s.next[id]
		if !n.fresh {
			delete(s.next, id)
			s.mu.Unlock()
			return
		}
		n.fresh = false
		to, index, term := n.to, n.index, n.term
		s.mu.Unlock()
		s.send(to, index, term)
	}
}

// close returns when no call is in progress, and none will be.
func (s *spreader) close() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.calls.Wait()
}

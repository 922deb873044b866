package memnet

import "time"

// BufferBytes is how much one direction of a connection holds: what was written
// and not read.
const BufferBytes = 64 << 10

// link is a connection: two ends and what travels between them. All of it is
// guarded by net.mu.
type link struct {
	net  *Network
	ends [2]end
	wake chan struct{} // closed and replaced when an end should look again; nil: nobody waits
}

// end is one end of a link, with the bytes that travel towards it.
type end struct {
	link *link
	peer *end
	host *Host
	port int

	flight  []segment // on the way to this end, in order
	arrived []byte    // received and not read
	bytes   int       // of flight and arrived together
	eof     bool      // the peer writes no more, and all it wrote has arrived
	reset   bool      // the peer, or a fault, has reset the connection
	closed  bool      // by its own program, or its host's death
	wrote   bool      // closed for writing

	readBy, writeBy time.Time // deadlines; zero for none
}

// segment is what travels: bytes, or the end of them.
type segment struct {
	kind segmentKind
	data []byte
	due  time.Time // arrives then, or later if the path is cut
}

type segmentKind int

const (
	dataSegment segmentKind = iota
	finSegment              // no more bytes
	rstSegment              // connection reset
)

// newLink connects two hosts and returns the ends.
func newLink(n *Network, a *Host, aPort int, b *Host, bPort int) (*end, *end) {
	l := &link{net: n}
	l.ends[0] = end{link: l, peer: &l.ends[1], host: a, port: aPort}
	l.ends[1] = end{link: l, peer: &l.ends[0], host: b, port: bPort}
	n.links = append(n.links, l)
	return &l.ends[0], &l.ends[1]
}

// settle lets arrive what is due, at both ends: an arrival may send a reset back.
func (l *link) settle(now time.Time) {
	for l.ends[0].receive(now) || l.ends[1].receive(now) {
		l.notify()
	}
}

// nextDue returns when the next segment arrives, zero if none is on its way.
func (l *link) nextDue() (at time.Time) {
	for i := range l.ends {
		e := &l.ends[i]
		if len(e.flight) == 0 || !l.net.open(e.peer.host, e.host) {
			continue
		}
		if due := e.flight[0].due; at.IsZero() || due.Before(at) {
			at = due
		}
	}
	return at
}

// notify has both ends look again.
func (l *link) notify() {
	if l.wake != nil {
		close(l.wake)
		l.wake = nil
	}
}

func (l *link) waiting() <-chan struct{} {
	if l.wake == nil {
		l.wake = make(chan struct{})
	}
	return l.wake
}

// send puts a segment on its way to the peer. It arrives after those before it.
func (e *end) send(s segment, now time.Time) {
	p := e.peer
	s.due = now.Add(e.link.net.travel(e.host, p.host))
	if n := len(p.flight); n > 0 && s.due.Before(p.flight[n-1].due) {
		s.due = p.flight[n-1].due
	}
	p.flight = append(p.flight, s)
	p.bytes += len(s.data)
}

// receive takes one segment that is due, if the path is open.
func (e *end) receive(now time.Time) bool {
	if len(e.flight) == 0 || now.Before(e.flight[0].due) || !e.link.net.open(e.peer.host, e.host) {
		return false
	}
	s := e.flight[0]
	e.flight[0] = segment{}
	e.flight = e.flight[1:]
	switch {
	case s.kind == rstSegment:
		e.reset = true
	case s.kind == finSegment:
		e.eof = true
	case e.closed || e.reset:
		e.bytes -= len(s.data)
		e.send(segment{kind: rstSegment}, now) // nobody is there
	default:
		e.arrived = append(e.arrived, s.data...)
	}
	return true
}

// shut closes e for its program. The peer is told with a segment of kind last; a
// FIN becomes a reset if bytes are left unread, as in Linux.
func (e *end) shut(last segmentKind) {
	if e.closed {
		return
	}
	now := time.Now()
	if len(e.arrived) > 0 {
		last = rstSegment
	}
	if !e.wrote || last == rstSegment {
		e.send(segment{kind: last}, now)
	}
	e.vanish()
	e.link.settle(now)
}

// vanish closes e without telling the peer.
func (e *end) vanish() {
	e.closed, e.wrote = true, true
	e.bytes -= len(e.arrived)
	e.arrived = nil
	e.link.notify()
	if e.peer.closed {
		e.link.net.forget(e.link)
	}
}

// lose drops what is on its way to e.
func (e *end) lose() {
	for _, s := range e.flight {
		e.bytes -= len(s.data)
	}
	e.flight = nil
}

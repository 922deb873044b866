package dict

import (
	"slices"
	"unsafe"
)

const (
	segmentShift = 8
	segmentPages = 1 << segmentShift
	segmentMask  = segmentPages - 1
)

// segment is some pages, and how many entries each has: all the counts of a large table
// fit into the processor's cache, so that they can be asked for without a wait for memory.
type segment struct {
	pages  []page
	counts []group
}

// spine is a list of pages in segments, with all that is known of who owns them.
// A spine that was never shared owns everything.
type spine struct {
	segments []segment
	shared   bool // there are things that somebody else may have, too
	ownTop   bool // the list of segments is ours. Below: what it says of each
	own      []ownership

	// No group has more than top entries. To know when all of them have less, they are
	// looked at in turn: those before next, and what was put anywhere since, had at most
	// seen.
	top, seen int
	next      uint64
}

// ownership is what of a segment is ours alone, in a spine that was shared.
type ownership struct {
	segment bool
	pages   [segmentPages / 64]uint64
}

func (s *spine) at(i uint64) *page {
	return &s.segments[i>>segmentShift].pages[i&segmentMask]
}

// group returns the counts of pages i*groupPages and following.
func (s *spine) group(i uint64) group {
	i *= groupPages
	return s.segments[i>>segmentShift].counts[i&segmentMask/groupPages]
}

// groups returns how many there are.
func (s *spine) groups() uint64 {
	last := len(s.segments) - 1
	return uint64(last*(segmentPages/groupPages) + len(s.segments[last].counts))
}

// counted notes how many entries page i has now. Its segment is ours.
func (s *spine) counted(i uint64) {
	k := i & segmentMask
	seg := &s.segments[i>>segmentShift]
	g := &seg.counts[k/groupPages]
	g.set(int(k%groupPages), seg.pages[k].count())
	n := g.sum()
	s.top, s.seen = max(s.top, n), max(s.seen, n)
}

// look makes top a little more exact.
func (s *spine) look() {
	if s.next < s.groups() {
		s.seen = max(s.seen, s.group(s.next).sum())
		s.next++
		return
	}
	s.top, s.seen, s.next = s.seen, 0, 0
}

// share forgets what was our own.
func (s *spine) share() {
	s.shared, s.ownTop, s.own = true, false, nil
}

// ownSegment makes the segment of page i fit to be changed, the bytes of its pages
// apart.
func (s *spine) ownSegment(i uint64) {
	if !s.shared {
		return
	}
	if !s.ownTop {
		s.segments = slices.Clone(s.segments)
		s.own = make([]ownership, len(s.segments))
		s.ownTop = true
	}
	if n := i >> segmentShift; !s.own[n].segment {
		s.segments[n] = s.segments[n].clone()
		s.own[n].segment = true
	}
}

func (s segment) clone() segment {
	return segment{slices.Clone(s.pages), slices.Clone(s.counts)}
}

// ownPage returns page i, fit to be changed; [spine.counted] hears of it if the number
// of entries is another then.
func (s *spine) ownPage(i uint64) *page {
	s.ownSegment(i)
	p := s.at(i)
	if s.shared && !s.isOwn(i) {
		*p = p.clone()
		s.setOwn(i)
	}
	return p
}

func (s *spine) isOwn(i uint64) bool {
	k := i & segmentMask
	return s.own[i>>segmentShift].pages[k/64]>>(k%64)&1 != 0
}

func (s *spine) setOwn(i uint64) {
	if s.shared {
		k := i & segmentMask
		s.own[i>>segmentShift].pages[k/64] |= 1 << (k % 64)
	}
}

// set replaces page i by one that is ours.
func (s *spine) set(i uint64, p page) {
	s.ownSegment(i)
	*s.at(i) = p
	s.counted(i)
	s.setOwn(i)
}

// push appends a page that is ours.
func (s *spine) push(p page) {
	last := len(s.segments) - 1
	if last < 0 || len(s.segments[last].pages) == segmentPages {
		s.pushSegment()
		last++
	}
	i := uint64(last<<segmentShift + len(s.segments[last].pages))
	s.ownSegment(i)
	seg := &s.segments[last]
	if len(seg.pages)%groupPages == 0 {
		seg.counts = append(seg.counts, 0)
	}
	seg.pages = append(seg.pages, p)
	s.counted(i)
	s.setOwn(i)
}

func (s *spine) pushSegment() {
	if s.shared {
		if !s.ownTop {
			s.ownSegment(0)
		}
		s.own = append(s.own, ownership{segment: true})
	}
	s.segments = append(s.segments, segment{})
}

// pop removes the last page. The first one stays.
func (s *spine) pop() {
	last := len(s.segments) - 1
	n := len(s.segments[last].pages) - 1
	i := uint64(last<<segmentShift + n)
	s.set(i, page{})
	seg := &s.segments[last]
	seg.pages, seg.counts = seg.pages[:n], seg.counts[:(n+groupPages-1)/groupPages]
	if s.shared {
		k := i & segmentMask
		s.own[last].pages[k/64] &^= 1 << (k % 64)
	}
	if n > 0 {
		if cap(seg.pages) > 4*n {
			*seg = seg.clone()
		}
		return
	}
	*seg = segment{}
	s.segments = s.segments[:last]
	if s.shared {
		s.own = s.own[:last]
	}
}

func (s *spine) bytes() int64 {
	if len(s.segments) == 0 {
		return 0
	}
	full, last := int64(len(s.segments)-1)*segmentPages, &s.segments[len(s.segments)-1]
	return (full+int64(cap(last.pages)))*int64(unsafe.Sizeof(page{})) +
		full + groupPages*int64(cap(last.counts)) +
		int64(cap(s.segments))*int64(unsafe.Sizeof(segment{})) +
		int64(cap(s.own))*int64(unsafe.Sizeof(ownership{}))
}

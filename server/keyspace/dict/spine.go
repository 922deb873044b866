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

// spine is a list of pages in segments, with all that is known of who owns them.
// A spine that was never shared owns everything.
type spine struct {
	segments [][]page
	shared   bool // there are things that somebody else may have, too
	ownTop   bool // the list of segments is ours. Below: what it says of each
	own      []ownership
}

// ownership is what of a segment is ours alone, in a spine that was shared.
type ownership struct {
	segment bool
	pages   [segmentPages / 64]uint64
}

func (s *spine) at(i uint64) *page {
	return &s.segments[i>>segmentShift][i&segmentMask]
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
		s.segments[n] = slices.Clone(s.segments[n])
		s.own[n].segment = true
	}
}

// ownPage returns page i, fit to be changed.
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
	s.setOwn(i)
}

// push appends a page that is ours.
func (s *spine) push(p page) {
	last := len(s.segments) - 1
	if last < 0 || len(s.segments[last]) == segmentPages {
		s.pushSegment()
		last++
	}
	i := uint64(last<<segmentShift + len(s.segments[last]))
	s.ownSegment(i)
	s.segments[last] = append(s.segments[last], p)
	s.setOwn(i)
}

func (s *spine) pushSegment() {
	if s.shared {
		if !s.ownTop {
			s.ownSegment(0)
		}
		s.own = append(s.own, ownership{segment: true})
	}
	s.segments = append(s.segments, nil)
}

// pop removes the last page. The first one stays.
func (s *spine) pop() {
	last := len(s.segments) - 1
	n := len(s.segments[last]) - 1
	i := uint64(last<<segmentShift + n)
	s.set(i, page{})
	s.segments[last] = s.segments[last][:n]
	if s.shared {
		k := i & segmentMask
		s.own[last].pages[k/64] &^= 1 << (k % 64)
	}
	if n > 0 {
		if seg := s.segments[last]; cap(seg) > 4*n {
			s.segments[last] = slices.Clone(seg)
		}
		return
	}
	s.segments[last] = nil
	s.segments = s.segments[:last]
	if s.shared {
		s.own = s.own[:last]
	}
}

func (s *spine) bytes() int64 {
	if len(s.segments) == 0 {
		return 0
	}
	full := int64(len(s.segments)-1) * segmentPages
	pages := full + int64(cap(s.segments[len(s.segments)-1]))
	return pages*int64(unsafe.Sizeof(page{})) + int64(cap(s.segments))*int64(unsafe.Sizeof([]page{})) +
		int64(cap(s.own))*int64(unsafe.Sizeof(ownership{}))
}

package keyspace

import "unsafe"

// pageBytes is the unit in which memory is asked for and given back, for cells
// and for buckets.
//
// Huge pages would save a quarter of the time of a random access among five
// million keys, most of it misses of the TLB. But the kernel zeroes such a page
// whole when it is first touched: 5 to 8 ms on a virtual machine whose memory the
// host has yet to find, against 0.5 ms for the worst insertion without. So they
// are not asked for.
const pageBytes = 1 << 20

// page is a zeroed piece of memory without pointers, outside the Go heap where
// the platform allows: the collector neither scans it nor counts it in its goal.
type page [pageBytes]byte

// asSegment views a page as buckets. This and asPage are all that is unsafe here:
// buckets hold no pointers, and pages are aligned better than they are.
func (p *page) asSegment() *segment { return (*segment)(unsafe.Pointer(p)) }

// asPage is the inverse of asSegment.
func (s *segment) asPage() *page { return (*page)(unsafe.Pointer(s)) }

package keyspace

// bigValue is a key or value that lives on the Go heap.
type bigValue struct {
	bytes  []byte
	object Object
	frozen bool  // someone else may hold bytes[:len]: they are never changed in place
	stale  bool  // the Object may have changed since it was measured
	size   int64 // of the Object, in bytes, as last measured
}

const sideSegment = 1024

// sideTable numbers the big values of a dataset. It grows by segments, so that
// growing never copies.
type sideTable struct {
	segments []*[sideSegment]bigValue
	free     []uint32
	top      uint32 // numbers handed out so far
	live     int
	bytes    int64 // capacity of all bytes held

	objects int64    // bytes of all Objects, as last measured
	stale   []uint32 // numbers of those to be measured again, and of some that are gone
}

const (
	// staleMax is how many Objects may be changed before all are measured, so that
	// one who never asks costs a measurement now and then, and no memory.
	staleMax = 32
	// measureSamples is how many elements of an Object that does not know its size
	// are looked at, as in MEMORY USAGE.
	measureSamples = 5
)

func (t *sideTable) at(n uint32) *bigValue {
	return &t.segments[n/sideSegment][n%sideSegment]
}

// put stores v and returns its number.
func (t *sideTable) put(v bigValue) uint32 {
	n := t.top
	if last := len(t.free) - 1; last >= 0 {
		n = t.free[last]
		t.free = t.free[:last]
	} else {
		if int(n/sideSegment) == len(t.segments) {
			t.segments = append(t.segments, new([sideSegment]bigValue))
		}
		t.top++
	}
	v.stale, v.size = false, 0
	*t.at(n) = v
	t.live++
	t.bytes += int64(cap(v.bytes))
	if v.object != nil {
		t.changes(n)
	}
	return n
}

// take removes value n and returns it.
func (t *sideTable) take(n uint32) bigValue {
	v := *t.at(n)
	*t.at(n) = bigValue{}
	t.free = append(t.free, n)
	t.live--
	t.bytes -= int64(cap(v.bytes))
	t.objects -= v.size
	return v
}

// setBytes replaces the bytes of value n.
func (t *sideTable) setBytes(n uint32, b []byte, frozen bool) {
	v := t.at(n)
	t.bytes += int64(cap(b)) - int64(cap(v.bytes))
	v.bytes, v.frozen = b, frozen
}

// changes says that Object n is about to change.
func (t *sideTable) changes(n uint32) {
	v := t.at(n)
	if v.stale {
		return
	}
	if len(t.stale) == staleMax {
		t.measure()
	}
	v.stale = true
	t.stale = append(t.stale, n)
}

// measure brings objects up to date.
func (t *sideTable) measure() {
	for _, n := range t.stale {
		v := t.at(n)
		if !v.stale {
			continue
		}
		size := v.object.MemoryUsage(measureSamples)
		t.objects += size - v.size
		v.size, v.stale = size, false
	}
	t.stale = t.stale[:0]
}

package stream

import (
	"math"
	"math/bits"
	"strconv"
)

// ID is the id of an entry: a time in Unix milliseconds and a number within it.
type ID struct{ MS, Seq uint64 }

// MaxID is the last possible id; the zero ID is before the first possible one.
var MaxID = ID{math.MaxUint64, math.MaxUint64}

// IDLen is the length of an id as bytes.
const IDLen = 16

// Compare returns -1, 0 or 1 as a comes before, is, or comes after b.
func (a ID) Compare(b ID) int {
	switch {
	case a == b:
		return 0
	case a.Less(b):
		return -1
	}
	return 1
}

// Less reports whether a comes before b.
func (a ID) Less(b ID) bool { return a.MS < b.MS || a.MS == b.MS && a.Seq < b.Seq }

// IsZero reports whether a is 0-0.
func (a ID) IsZero() bool { return a == ID{} }

// Next returns the id that follows; false, and 0-0, if a is the last.
func (a ID) Next() (ID, bool) {
	switch {
	case a.Seq < math.MaxUint64:
		return ID{a.MS, a.Seq + 1}, true
	case a.MS < math.MaxUint64:
		return ID{a.MS + 1, 0}, true
	}
	return ID{}, false
}

// Prev returns the id before a; false, and the last id, if a is 0-0.
func (a ID) Prev() (ID, bool) {
	switch {
	case a.Seq > 0:
		return ID{a.MS, a.Seq - 1}, true
	case a.MS > 0:
		return ID{a.MS - 1, math.MaxUint64}, true
	}
	return MaxID, false
}

// Append appends the id as text, ms-seq.
func (a ID) Append(dst []byte) []byte {
	dst = strconv.AppendUint(dst, a.MS, 10)
	dst = append(dst, '-')
	return strconv.AppendUint(dst, a.Seq, 10)
}

// String returns the id as text, ms-seq.
func (a ID) String() string { return string(a.Append(nil)) }

// sharedBytes is how many bytes a and b have in common at their begin.
func (a ID) sharedBytes(b ID) int {
	if x := a.MS ^ b.MS; x != 0 {
		return bits.LeadingZeros64(x) / 8
	}
	return 8 + bits.LeadingZeros64(a.Seq^b.Seq)/8
}

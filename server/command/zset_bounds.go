package command

import (
	"bytes"
	"math"
	"strconv"

	"github.com/vedette-ha/vedette/internal/resp"
	"github.com/vedette-ha/vedette/server/keyspace/zset"
)

var (
	errBoundNotFloat = resp.Errorf("ERR min or max is not a float")
	errBoundNotLex   = resp.Errorf("ERR min or max not valid string range item")
)

// rangeBy is what the bounds of a range mean.
type rangeBy uint8

const (
	byRank rangeBy = iota
	byScore
	byLex
	byAny // ZRANGE: its options say
)

// bounds are the ends of a range.
type bounds struct {
	by         rangeBy
	start, end int64 // byRank
	min, max   bound
}

// bound is one end of a range of scores or members.
type bound struct {
	score     float64
	member    []byte
	exclusive bool
	infinite  int // of members: -1 is before all, 1 behind all
}

// parseBounds reads the two ends.
func parseBounds(by rangeBy, lo, hi []byte) (b bounds, err error) {
	b.by = by
	switch by {
	case byScore:
		var ok1, ok2 bool
		b.min, ok1 = parseScoreBound(lo)
		b.max, ok2 = parseScoreBound(hi)
		if !ok1 || !ok2 {
			return b, errBoundNotFloat
		}
	case byLex:
		var ok1, ok2 bool
		b.min, ok1 = parseLexBound(lo)
		b.max, ok2 = parseLexBound(hi)
		if !ok1 || !ok2 {
			return b, errBoundNotLex
		}
	default:
		var ok1, ok2 bool
		b.start, ok1 = resp.ParseInt(lo)
		b.end, ok2 = resp.ParseInt(hi)
		if !ok1 || !ok2 {
			return b, resp.ErrNotInteger
		}
	}
	return b, nil
}

func parseScoreBound(arg []byte) (b bound, ok bool) {
	if len(arg) > 0 && arg[0] == '(' {
		b.exclusive = true
		arg = arg[1:]
	}
	b.score, ok = looseFloat(arg)
	return b, ok
}

// looseFloat reads what strtod takes up to a zero byte: also nothing at all, space
// in front, and numbers out of range, which are infinite or zero.
func looseFloat(arg []byte) (float64, bool) {
	if end := bytes.IndexByte(arg, 0); end >= 0 {
		arg = arg[:end]
	}
	if len(arg) == 0 {
		return 0, true
	}
	for len(arg) > 0 && isSpaceByte(arg[0]) {
		arg = arg[1:]
	}
	if f, ok := resp.ParseFloat(arg); ok {
		return f, true
	}
	f, err := strconv.ParseFloat(string(arg), 64)
	if bytes.IndexByte(arg, '_') >= 0 || math.IsNaN(f) {
		return 0, false
	}
	return f, err == nil || math.IsInf(f, 0)
}

func parseLexBound(arg []byte) (b bound, ok bool) {
	if len(arg) == 0 {
		return b, false
	}
	switch arg[0] {
	case '-':
		b.infinite = -1
	case '+':
		b.infinite = 1
	case '(':
		b.member, b.exclusive = arg[1:], true
		return b, true
	case '[':
		b.member = arg[1:]
		return b, true
	default:
		return b, false
	}
	return b, len(arg) == 1 || arg[1] == 0
}

// ranks returns the ranks from lo to hi (exclusive) that lie within the bounds. By
// rank they count from the end if reverse.
func (b *bounds) ranks(v zset.View, reverse bool) (lo, hi int) {
	switch b.by {
	case byScore:
		return v.SeekScore(b.min.score, b.min.exclusive), v.SeekScore(b.max.score, !b.max.exclusive)
	case byLex:
		return b.min.seek(v, b.min.exclusive), b.max.seek(v, !b.max.exclusive)
	}
	lo, hi = within(b.start, b.end, v.Len())
	if reverse {
		n := v.Len()
		lo, hi = n-hi, n-lo
	}
	return lo, hi
}

func (b *bound) seek(v zset.View, after bool) int {
	switch {
	case b.infinite < 0:
		return 0
	case b.infinite > 0:
		return v.Len()
	}
	return v.SeekMember(b.member, after)
}

// within returns the places from lo to hi (exclusive) of n that start and end, both
// inclusive, stand for; negative ones count from the end.
func within(start, end int64, n int) (lo, hi int) {
	size := int64(n)
	if start < 0 {
		start = max(start+size, 0)
	}
	if end < 0 {
		end += size
	}
	if start > end || start >= size {
		return 0, 0
	}
	return int(start), int(min(end, size-1)) + 1
}

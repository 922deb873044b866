package server

import (
	"math/bits"
	"slices"
	"strings"

	"github.com/vedette-ha/vedette/internal/resp"
	"github.com/vedette-ha/vedette/server/command"
)

// The sizes between which the buffers for replies are fitted to what sessions need,
// in bytes.
const (
	replyBufferMin = 1 << 10
	replyBufferMax = 16 << 10
)

const (
	// spareMax is the largest buffer that is kept for the next session, and the most a
	// session gets before it has something to reply.
	spareMax = 1 << 20
	// sparesMost is how much all that are kept may come to.
	sparesMost = 16 << 20
)

// replyPeakPeriod is for how long a session's largest reply is remembered, in ms.
const replyPeakPeriod = 5000

// replyFit is the size of the buffer that a session gets for its replies. Most sessions
// need little, and not for long: they start with the largest size and come down to what
// they use. A new buffer is only as large as the session has needed so far.
type replyFit struct {
	size   int
	peak   int   // the most that was needed lately, up to size; at first size
	need   int   // the same, but at first 0, and up to spareMax
	peakAt int64 // since when that counts, Unix ms; 0: not for long
}

// note keeps how much of its buffer a session has used.
func (f *replyFit) note(n int) {
	f.peak, f.need = max(f.peak, min(n, f.size)), max(f.need, min(n, spareMax))
}

// room is how large a new buffer is made, in bytes.
func (f *replyFit) room() int { return max(replyBufferMin, f.need) }

// fit halves or doubles the size. The result is below zero if the buffer shrinks, above
// it if it grows.
func (f *replyFit) fit() int {
	switch {
	case f.size/2 >= replyBufferMin && f.peak < f.size/2:
		f.size = max(replyBufferMin, f.peak+1)
		return -1
	case f.size < replyBufferMax && f.peak == f.size:
		f.size = min(f.size*2, replyBufferMax)
		return 1
	}
	return 0
}

// fitReplyBuffer is done for each session about once a second.
func (s *Server) fitReplyBuffer(c *session) {
	if s.debug.fixedReplyBuffers {
		return
	}
	switch c.fit.fit() {
	case -1:
		s.stats.replyShrinks++
	case 1:
		s.stats.replyExpands++
	}
	if period := s.debug.replyPeakPeriod; period >= 0 && s.turnWall-c.fit.peakAt > period {
		c.fit.peak, c.fit.peakAt = min(len(c.out.Buf), c.fit.size), s.turnWall
		c.fit.need = c.fit.peak
	}
}

// spareBuffers are emptied buffers for whoever replies next, by size: who needs little
// does not get, and is not counted with, what somebody else needed.
type spareBuffers struct {
	kept  [spareSizes][][]byte
	idle  [spareSizes]int // so many, the first, nobody wanted since they were last trimmed
	bytes int
}

// spareSizes is how many sizes there are: powers of two from replyBufferMin to spareMax.
const spareSizes = 11

// take returns an empty buffer with room for n bytes, up to spareMax.
func (p *spareBuffers) take(n int) []byte {
	i := bits.Len(uint(max(n, replyBufferMin)-1)) - bits.Len(replyBufferMin-1)
	last := len(p.kept[i]) - 1
	if last < 0 {
		return make([]byte, 0, replyBufferMin<<i)
	}
	buf := p.kept[i][last]
	p.kept[i][last] = nil // it is not to be held from here
	p.kept[i] = p.kept[i][:last]
	p.idle[i] = min(p.idle[i], last)
	p.bytes -= cap(buf)
	return buf
}

// put keeps the memory of buf, unless there is enough.
func (p *spareBuffers) put(buf []byte) {
	if n := cap(buf); n < replyBufferMin || n > spareMax || p.bytes+n > sparesMost {
		return
	}
	i := bits.Len(uint(cap(buf))) - bits.Len(replyBufferMin)
	p.kept[i] = append(p.kept[i], buf[:0])
	p.bytes += cap(buf)
}

// trim gives up those that nobody has wanted since it was called last.
func (p *spareBuffers) trim() {
	for i, idle := range p.idle {
		for _, buf := range p.kept[i][:idle] {
			p.bytes -= cap(buf)
		}
		p.kept[i] = slices.Delete(p.kept[i], 0, idle)
		p.idle[i] = len(p.kept[i])
	}
}

// DEBUG REPLYBUFFER PEAK-RESET-TIME NEVER | RESET | milliseconds
// DEBUG REPLYBUFFER RESIZING 0 | 1
func (s *Server) cmdDebugReplyBuffer(c *command.Ctx) error {
	if len(c.Args) != 4 {
		return debugUnknown(c)
	}
	value := c.Args[3]
	switch strings.ToUpper(string(c.Args[2])) {
	case "PEAK-RESET-TIME":
		switch n, ok := resp.ParseInt(value); {
		case equalFold(value, "NEVER"):
			s.debug.replyPeakPeriod = -1
		case equalFold(value, "RESET"):
			s.debug.replyPeakPeriod = replyPeakPeriod
		case ok:
			s.debug.replyPeakPeriod = n
		default:
			return resp.ErrNotInteger
		}
	case "RESIZING":
		s.debug.fixedReplyBuffers = !debugOn(value)
	default:
		return debugUnknown(c)
	}
	c.Out.Status("OK")
	return nil
}

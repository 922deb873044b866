package resp

import (
	"bytes"
	"unsafe"
)

// Parser cuts commands out of a stream: arrays of bulk strings, and inline
// commands. It is resumable: it keeps how far it came as offsets, so the caller
// may move the bytes between calls, and what was scanned is not scanned again (but
// for a second look at the headers of a small command). The zero value is ready for
// use. Not safe for concurrent use.
//
// Limits, error texts and oddities are Redis's: the two bytes behind a bulk are not
// looked at; a NUL byte hides the end of its line, so that the line goes on until
// it is too long. Only the moment differs at which a line of over
// [Limits.InlineMax] bytes is refused: Redis accepts one that one read brought.
type Parser struct {
	args   [][]byte // what Next returns, reused
	spans  []span   // the bulks read so far, as offsets
	inline []byte   // decoded inline arguments

	pos     int // offset of the header or bulk being read
	scanned int // no line end lies between pos and scanned
	left    int // bulks the current array still lacks; 0 between commands
	bulkEnd int // offset behind the pending bulk and its CRLF; 0 while reading a header
}

// span is one argument: buf[from:to].
type span struct{ from, to int }

const (
	// A Parser gives back what it grew beyond these after a big command, so an
	// idle connection costs little.
	keepArgs   = 64
	keepInline = 4 << 10
)

// Next looks at buf, which begins with the first byte not yet consumed.
//
// For a complete command it returns the arguments and the number n of bytes
// consumed. The arguments point into buf or into memory of the Parser; they and
// the slice that holds them are valid until the next call. n > 0 with no
// arguments means bytes to skip (an empty line, "*0", "*-1"). n == 0 without an
// error means the command is incomplete: call again with the same bytes and
// more. An error is a [*ProtocolError], after which the Parser is reset. A call with
// an empty buf between commands lets go of the memory the last arguments point to.
func (p *Parser) Next(buf []byte, lim *Limits) (args [][]byte, n int, err error) {
	if p.left == 0 {
		if len(buf) == 0 {
			p.release()
			return nil, 0, nil
		}
		if buf[0] != '*' {
			return p.nextInline(buf, lim)
		}
		if n := p.whole(buf, lim); n > 0 {
			return p.args, n, nil
		}
		if done, err := p.arrayHeader(buf, lim); done || err != nil {
			return nil, p.skip(), err
		}
	}
	for p.left > 0 {
		if p.bulkEnd == 0 {
			if done, err := p.bulkHeader(buf, lim); !done || err != nil {
				return nil, 0, err
			}
		}
		if len(buf) < p.bulkEnd {
			return nil, 0, nil
		}
		p.spans = append(p.spans, span{p.pos, p.bulkEnd - len("\r\n")})
		p.pos, p.bulkEnd = p.bulkEnd, 0
		p.left--
	}
	return p.take(buf)
}

// Need returns how many bytes buf must hold before the pending bulk is complete,
// so that a caller can size its buffer once for a big one; 0 when unknown.
func (p *Parser) Need() int { return p.bulkEnd }

// Held returns how many bytes a big command takes that has begun, besides its own.
func (p *Parser) Held() int { return max(cap(p.spans)-keepArgs, 0) * int(unsafe.Sizeof(span{})) }

// Reset forgets a command begun and gives back grown memory.
func (p *Parser) Reset() { *p = Parser{} }

// whole parses a command that is complete, small and written as clients write it,
// in half the time. It returns its length and sets args, or returns 0 for the
// resumable way to look at it: a second look at keepArgs headers at most.
func (p *Parser) whole(buf []byte, lim *Limits) (n int) {
	count, pos := shortNumber(buf, 0)
	if count == 0 || count > min(keepArgs, lim.ArrayMax) || lim.Unauthenticated || p.scanned > 0 {
		return 0
	}
	if cap(p.args) < count {
		p.args = make([][]byte, count)
	}
	args := p.args[:count]
	for i := range args {
		if pos >= len(buf) || buf[pos] != '$' {
			return 0
		}
		size, from := shortNumber(buf, pos)
		to := from + size
		pos = to + len("\r\n")
		if from == 0 || int64(size) > lim.BulkMax || pos > len(buf) {
			return 0
		}
		args[i] = buf[from:to:to]
	}
	p.args = args
	return pos
}

// release drops the pointers to the arguments of the last command.
func (p *Parser) release() {
	clear(p.args[:cap(p.args)])
	p.args = p.args[:0]
}

// take returns the finished array's arguments and makes p ready for the next.
func (p *Parser) take(buf []byte) (args [][]byte, n int, err error) {
	args = p.args[:0]
	for _, s := range p.spans {
		args = append(args, buf[s.from:s.to:s.to])
	}
	n = p.pos
	p.args, p.spans, p.pos = args, p.spans[:0], 0
	if len(args) > keepArgs {
		p.args, p.spans = nil, nil
	}
	return args, n, nil
}

// skip ends an array without elements: it returns its length in bytes, 0 if its
// header is not complete.
func (p *Parser) skip() int {
	n := p.pos
	p.pos = 0
	return n
}

// arrayHeader reads "*<n>\r\n". It returns done if there is nothing to read
// behind it: the header is incomplete (pos stays 0) or the array empty.
func (p *Parser) arrayHeader(buf []byte, lim *Limits) (done bool, err error) {
	v, next := shortNumber(buf, 0)
	if next == 0 {
		end, err := p.lineEnd(buf, lim, "too big mbulk count string")
		if end < 0 || err != nil {
			return true, err
		}
		n, ok := ParseInt(buf[1:end])
		if !ok || n > int64(lim.ArrayMax) {
			return true, p.fail("invalid multibulk length")
		}
		v, next = int(max(n, 0)), end+len("\r\n")
	}
	if v > lim.ArrayMax {
		return true, p.fail("invalid multibulk length")
	}
	if v > unauthenticatedArrayMax && lim.Unauthenticated {
		return true, p.fail("unauthenticated multibulk length")
	}
	p.left, p.pos, p.scanned = v, next, 0
	return v == 0, nil
}

// bulkHeader reads "$<n>\r\n" at pos and sets bulkEnd. It returns done == false
// while the line is incomplete.
func (p *Parser) bulkHeader(buf []byte, lim *Limits) (done bool, err error) {
	v, next := shortNumber(buf, p.pos)
	if next == 0 || buf[p.pos] != '$' {
		end, err := p.lineEnd(buf, lim, "too big bulk count string")
		if end < 0 || err != nil {
			return false, err
		}
		if c := buf[p.pos]; c != '$' {
			return false, p.failGot(c)
		}
		n, ok := ParseInt(buf[p.pos+1 : end])
		if !ok || n < 0 || n > lim.BulkMax {
			return false, p.fail("invalid bulk length")
		}
		v, next = int(n), end+len("\r\n")
	}
	if int64(v) > lim.BulkMax {
		return false, p.fail("invalid bulk length")
	}
	if v > unauthenticatedBulkMax && lim.Unauthenticated {
		return false, p.fail("unauthenticated bulk length")
	}
	p.pos, p.bulkEnd, p.scanned = next, next+v+len("\r\n"), 0
	return true, nil
}

// shortNumber is the fast path for a header line at buf[pos:]: a type byte, up to
// nine digits, two bytes of line end. It returns the number and the offset behind
// the line, or next == 0 for whatever is less simple.
func shortNumber(buf []byte, pos int) (v, next int) {
	if pos+3 < len(buf) && buf[pos+2] == '\r' {
		if d := buf[pos+1] - '0'; d <= 9 {
			return int(d), pos + 4
		}
		return 0, 0
	}
	i, end := pos+1, min(len(buf), pos+11)
	for ; i < end; i++ {
		d := buf[i] - '0'
		if d > 9 {
			break
		}
		v = v*10 + int(d)
	}
	digits := i - pos - 1
	if digits < 1 || digits > 9 || i+1 >= len(buf) || buf[i] != '\r' {
		return 0, 0
	}
	if buf[pos+1] == '0' && digits > 1 {
		return 0, 0
	}
	return v, i + 2
}

// lineEnd returns the offset of the '\r' that ends the header line at pos, or -1
// while it or the byte behind it is missing. That byte is not looked at, as in
// Redis.
func (p *Parser) lineEnd(buf []byte, lim *Limits, tooBig string) (int, error) {
	end, found := lineBreak(buf, max(p.pos, p.scanned), '\r')
	size := end - p.pos
	if !found {
		size = len(buf) - p.pos
	}
	if size > lim.InlineMax {
		return -1, p.fail(tooBig)
	}
	if !found || end+1 >= len(buf) {
		p.scanned = end
		return -1, nil
	}
	return end, nil
}

// lineBreak returns the offset of the first c in buf[from:]. If there is none, or a
// NUL byte before it, found is false and end is where to look on when there is more:
// at the end of buf, or at the NUL.
func lineBreak(buf []byte, from int, c byte) (end int, found bool) {
	end = len(buf)
	if i := bytes.IndexByte(buf[from:], c); i >= 0 {
		end, found = from+i, true
	}
	if nul := bytes.IndexByte(buf[from:end], 0); nul >= 0 {
		return from + nul, false
	}
	return end, found
}

func (p *Parser) fail(text string) error {
	p.Reset()
	return protocolError(text)
}

// failGot reports byte c in place of a bulk; line ends would break the reply.
func (p *Parser) failGot(c byte) error {
	if c == '\r' || c == '\n' {
		c = ' '
	}
	return p.fail("expected '$', got '" + string([]byte{c}) + "'")
}

package hll

import "strconv"

const (
	zeroMax   = 64 // registers of the short run of zeros
	valueMax  = 32 // the highest value of a run,
	runMax    = 4  // and the longest
	xzeroFlag = 0x40
	valueFlag = 0x80
)

// run is one opcode of a sparse sketch: so many registers of one value.
type run struct {
	value  uint8 // 0: zeros
	length int   // in registers
	bytes  int   // of the opcode
}

// runAt reads the opcode at b[at:], which is not empty; false if it is cut off.
func runAt(b []byte, at int) (run, bool) {
	op := b[at]
	switch {
	case op&valueFlag != 0:
		return run{value: op>>2&(valueMax-1) + 1, length: int(op&(runMax-1)) + 1, bytes: 1}, true
	case op&xzeroFlag == 0:
		return run{length: int(op) + 1, bytes: 1}, true
	case at+1 == len(b):
		return run{}, false
	}
	return run{length: int(op&^xzeroFlag)<<8 | int(b[at+1]) + 1, bytes: 2}, true
}

// appendZeros appends the opcode for n registers that are zero.
func appendZeros(b []byte, n int) []byte {
	if n <= zeroMax {
		return append(b, byte(n-1))
	}
	return append(b, xzeroFlag|byte((n-1)>>8), byte(n-1))
}

// valueRun is the opcode for n registers of a value.
func valueRun(value uint8, n int) byte {
	return valueFlag | (value-1)<<2 | byte(n-1)
}

// eachRun calls f with every run and the register it begins with, never beyond the
// last register. It returns ErrCorrupt unless there are exactly as many as needed.
func eachRun(b []byte, f func(at int, r run)) error {
	register := 0
	for at := headerBytes; at < len(b); {
		r, ok := runAt(b, at)
		if !ok || register+r.length > Registers {
			return ErrCorrupt
		}
		f(register, r)
		register += r.length
		at += r.bytes
	}
	if register != Registers {
		return ErrCorrupt
	}
	return nil
}

// cursor says where a search begins: at an opcode, the register it begins with, and
// the opcode before it. The zero value is the beginning. Registers that are set in
// ascending order need about one walk for all.
type cursor struct {
	at, before int // offsets; 0: none
	register   int
}

// set is Set for a sparse sketch.
func (c *cursor) set(b []byte, p Place, sparseMax int) (_ []byte, changed bool, err error) {
	if p.Rank > valueMax {
		return promote(b, p)
	}
	at, first, r, err := c.seek(b, p.Register)
	if err != nil {
		return nil, false, err
	}
	if r.value >= p.Rank {
		return b, false, nil
	}
	if r.length == 1 && r.bytes == 1 {
		b[at] = valueRun(p.Rank, 1)
		return c.join(b, at), true, nil
	}
	var buf [5]byte
	ops := split(buf[:0], r, p.Register-first, p.Rank)
	if more := len(ops) - r.bytes; more > 0 && len(b)+more > sparseMax {
		return promote(b, p)
	}
	return c.join(substitute(b, at, r.bytes, ops), at), true, nil
}

// seek returns the opcode that holds a register and the register that begins with
// it. The cursor is left at the opcode before, where there is one.
func (c *cursor) seek(b []byte, register int) (at, first int, r run, err error) {
	if c.at == 0 || register < c.register {
		*c = cursor{at: headerBytes}
	}
	at, first = c.at, c.register
	for last := *c; at < len(b); {
		var ok bool
		if r, ok = runAt(b, at); !ok {
			break
		}
		if register < first+r.length {
			*c = last
			return at, first, r, nil
		}
		if at != last.at {
			last.before = last.at
		}
		last.at, last.register = at, first
		at, first = at+r.bytes, first+r.length
	}
	return 0, 0, run{}, ErrCorrupt
}

// split appends what the opcode r becomes when its n-th register is raised.
func split(ops []byte, r run, n int, rank uint8) []byte {
	part := func(n int) {
		switch {
		case n == 0:
		case r.value == 0:
			ops = appendZeros(ops, n)
		default:
			ops = append(ops, valueRun(r.value, n))
		}
	}
	part(n)
	ops = append(ops, valueRun(rank, 1))
	part(r.length - n - 1)
	return ops
}

// substitute replaces n bytes at an offset.
func substitute(b []byte, at, n int, with []byte) []byte {
	old := len(b)
	if more := len(with) - n; more > 0 {
		b = append(b, with[:more]...) // to make room: overwritten next
		copy(b[at+len(with):], b[at+n:old])
	} else {
		copy(b[at+len(with):], b[at+n:])
		b = b[:old+more]
	}
	copy(b[at:], with)
	return b
}

// joinSpan is how many opcodes are looked at after a change: those it made, and
// their neighbours.
const joinSpan = 5

// join makes neighbouring runs of one value one, from the opcode before the changed
// one on.
func (c *cursor) join(b []byte, changed int) []byte {
	at := c.at
	if at == changed && c.before > 0 {
		at = c.before
		*c = cursor{} // which opcode is before that one is not known
	}
	for n := 0; n < joinSpan && at < len(b); n++ {
		r, ok := runAt(b, at)
		if !ok {
			break
		}
		if r.value > 0 && at+1 < len(b) {
			next, _ := runAt(b, at+1)
			if next.value == r.value && r.length+next.length <= runMax {
				b[at] = valueRun(r.value, r.length+next.length)
				b = append(b[:at+1], b[at+2:]...)
				continue
			}
		}
		at += r.bytes
	}
	return b
}

// promote makes a sketch dense and sets the register that did not fit.
func promote(b []byte, p Place) ([]byte, bool, error) {
	d, err := ToDense(b)
	if err != nil {
		return nil, false, err
	}
	return d, setDense(d, p), nil
}

// Decode appends a sparse sketch's runs as text: z:n and Z:n for zeros in one byte
// and in two, v:value,n for others. Corrupt ones end the text.
func Decode(dst, b []byte) []byte {
	for at := headerBytes; at < len(b); {
		r, ok := runAt(b, at)
		if !ok {
			break
		}
		if at > headerBytes {
			dst = append(dst, ' ')
		}
		switch {
		case r.value > 0:
			dst = append(dst, 'v', ':')
			dst = strconv.AppendInt(dst, int64(r.value), 10)
			dst = append(dst, ',')
		case r.bytes == 1:
			dst = append(dst, 'z', ':')
		default:
			dst = append(dst, 'Z', ':')
		}
		dst = strconv.AppendInt(dst, int64(r.length), 10)
		at += r.bytes
	}
	return dst
}

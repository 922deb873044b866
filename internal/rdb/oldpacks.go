package rdb

import (
	"encoding/binary"
	"errors"

	"github.com/vedette-ha/vedette/internal/listpack"
)

// The packings of Redis before 7.0: read, and turned into listpacks.

var (
	errZiplist = errors.New("a ziplist is corrupt")
	errZipmap  = errors.New("a zipmap is corrupt")
)

// zlValue is an entry of a ziplist: an integer, or a string.
type zlValue struct {
	isInt bool
	n     int64
	s     []byte
}

// zlHeader is the length of a ziplist's header: its size, the offset of the last
// entry (4 bytes each) and the number of entries (2 bytes, 65535: not known).
const zlHeader = 10

// appendZiplist appends the entries of a ziplist to a listpack. Each begins with the
// size of the one before, in one byte or as 254 and four.
func appendZiplist(lp, p []byte) ([]byte, error) {
	if len(p) < zlHeader+1 || uint64(binary.LittleEndian.Uint32(p)) != uint64(len(p)) {
		return nil, errZiplist
	}
	tail := uint64(binary.LittleEndian.Uint32(p[4:]))
	announced := int(binary.LittleEndian.Uint16(p[8:]))
	pos, last, before, n := zlHeader, zlHeader, 0, 0
	for p[pos] != 0xff {
		e, size, ok := zlEntry(p[pos:], before)
		if !ok || pos+size >= len(p) {
			return nil, errZiplist
		}
		if n++; e.isInt {
			lp = listpack.AppendInt(lp, e.n)
		} else {
			lp = listpack.Append(lp, e.s)
		}
		last, before = pos, size
		pos += size
	}
	if pos != len(p)-1 || tail != uint64(last) || announced != 0xffff && announced != n {
		return nil, errZiplist
	}
	return lp, nil
}

// zlEntry parses the entry p begins with; the one before it had before bytes.
func zlEntry(p []byte, before int) (e zlValue, size int, ok bool) {
	head := 1
	prev := uint64(p[0])
	if p[0] == 254 {
		if len(p) < 5 {
			return e, 0, false
		}
		head = 5
		prev = uint64(binary.LittleEndian.Uint32(p[1:]))
	}
	if len(p) <= head || prev != uint64(before) {
		return e, 0, false
	}
	e, size, ok = zlContent(p[head:])
	return e, head + size, ok
}

// zlContent parses an entry from its encoding byte on.
func zlContent(p []byte) (e zlValue, size int, ok bool) {
	b := p[0]
	switch b >> 6 {
	case 0:
		return zlString(p, 1, uint64(b))
	case 1:
		if len(p) < 2 {
			return e, 0, false
		}
		return zlString(p, 2, uint64(b&0x3f)<<8|uint64(p[1]))
	case 2:
		if len(p) < 5 {
			return e, 0, false
		}
		return zlString(p, 5, uint64(binary.BigEndian.Uint32(p[1:])))
	}
	width := 0
	switch b {
	case 0xc0:
		width = 2
	case 0xd0:
		width = 4
	case 0xe0:
		width = 8
	case 0xf0:
		width = 3
	case 0xfe:
		width = 1
	default:
		if b < 0xf1 || b > 0xfd {
			return e, 0, false
		}
		return zlValue{isInt: true, n: int64(b&0x0f) - 1}, 1, true
	}
	if len(p) < 1+width {
		return e, 0, false
	}
	return zlValue{isInt: true, n: littleInt(p[1 : 1+width])}, 1 + width, true
}

func zlString(p []byte, header int, n uint64) (e zlValue, size int, ok bool) {
	if n > uint64(len(p)-header) {
		return e, 0, false
	}
	size = header + int(n)
	return zlValue{s: p[header:size]}, size, true
}

// appendZipmap appends the fields and values of a zipmap to a listpack: a count in
// one byte (254 and more: not known), then each field and value behind its length, a
// value also behind the number of unused bytes that follow it, and 0xff.
func appendZipmap(lp, p []byte) ([]byte, error) {
	if len(p) < 2 {
		return nil, errZipmap
	}
	announced, n := int(p[0]), 0
	rest := p[1:]
	for rest[0] != 0xff {
		field, after, ok := zmString(rest, false)
		if !ok {
			return nil, errZipmap
		}
		value, after, ok := zmString(after, true)
		if !ok {
			return nil, errZipmap
		}
		lp = listpack.Append(listpack.Append(lp, field), value)
		n++
		rest = after
	}
	if len(rest) != 1 || announced < 254 && announced != n {
		return nil, errZipmap
	}
	return lp, nil
}

// zmString parses the string p begins with and returns at least one byte after it.
func zmString(p []byte, isValue bool) (s, after []byte, ok bool) {
	if len(p) == 0 || p[0] > 254 {
		return nil, nil, false
	}
	n, header := uint64(p[0]), 1
	if p[0] == 254 {
		if len(p) < 5 {
			return nil, nil, false
		}
		n, header = uint64(binary.LittleEndian.Uint32(p[1:])), 5
	}
	unused := uint64(0)
	if isValue {
		if len(p) <= header {
			return nil, nil, false
		}
		unused = uint64(p[header])
		header++
	}
	if n+unused >= uint64(len(p)-header) {
		return nil, nil, false
	}
	end := header + int(n)
	return p[header:end:end], p[end+int(unused):], true
}

package listpack

import (
	"encoding/binary"
	"errors"
)

// ErrCorrupt means that bytes are not a listpack.
var ErrCorrupt = errors.New("a listpack is corrupt")

// Validate checks bytes from outside from end to end. What passes is safe for all
// functions here.
func Validate(lp []byte) error {
	if len(lp) < Empty || len(lp) > SizeMax || uint64(binary.LittleEndian.Uint32(lp)) != uint64(len(lp)) {
		return ErrCorrupt
	}
	announced, n, at := int(binary.LittleEndian.Uint16(lp[4:])), 0, header
	for ; lp[at] != end; n++ {
		size, ok := checkedSize(lp[at:])
		if !ok {
			return ErrCorrupt
		}
		if at += size; at >= len(lp) {
			return ErrCorrupt
		}
	}
	if at != len(lp)-1 || announced != countMax && announced != n {
		return ErrCorrupt
	}
	return nil
}

// checkedSize is sizeAt of what may be anything: it looks at no byte that is not
// there, and at the size behind the element.
func checkedSize(p []byte) (int, bool) {
	need := 1 // bytes that say how long it is
	switch b := p[0]; {
	case b >= 0xe0 && b < 0xf0:
		need = 2
	case b == 0xf0:
		need = 5
	case b > 0xf4:
		return 0, false
	}
	if len(p) < need {
		return 0, false
	}
	body := bodySize(p)
	back := backSize(body)
	if body+back > len(p) {
		return 0, false
	}
	var want [5]byte
	putBack(want[:back], body)
	return body + back, string(p[body:body+back]) == string(want[:back])
}

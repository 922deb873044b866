package resp

import (
	"math"
	"strconv"
)

// AppendDouble appends f as Redis 7.2 prints a double in replies: integers up to
// 2^62 in full, else the shortest digits that read back as f, moderate fractions
// written out and the rest in scientific notation; "inf", "-inf", "nan", "-0".
func AppendDouble(dst []byte, f float64) []byte {
	switch {
	case math.IsNaN(f):
		return append(dst, "nan"...)
	case math.IsInf(f, 1):
		return append(dst, "inf"...)
	case math.IsInf(f, -1):
		return append(dst, "-inf"...)
	case f == 0 && math.Signbit(f):
		return append(dst, "-0"...)
	case f == math.Trunc(f) && math.Abs(f) <= 1<<62:
		return strconv.AppendInt(dst, int64(f), 10)
	}
	var scratch [32]byte
	sci := strconv.AppendFloat(scratch[:0], f, 'e', -1, 64)
	if sci[0] == '-' {
		dst, sci = append(dst, '-'), sci[1:]
	}
	var digits [20]byte
	n, exp := splitScientific(digits[:0], sci)
	return appendDigits(dst, digits[:n], exp)
}

// splitScientific takes "d.ddde±xx" apart: it puts the digits into dst and returns
// their number and the exponent of the first.
func splitScientific(dst, sci []byte) (n, exp int) {
	for i, c := range sci {
		if c == 'e' {
			exp, _ = strconv.Atoi(string(sci[i+1:]))
			break
		}
		if c != '.' {
			dst = append(dst, c)
		}
	}
	return len(dst), exp
}

// appendDigits writes 0.d1d2d3… × 10^(exp+1). The choice of notation is that of
// Redis 7.2, which goes by the exponent of the last digit.
func appendDigits(dst, digits []byte, exp int) []byte {
	last := exp - len(digits) + 1
	size := max(exp, -exp)
	switch {
	case last >= 0 && size < len(digits)+7:
		dst = append(dst, digits...)
		return appendZeros(dst, last)
	case last < 0 && (last > -7 || size < 4):
		if exp < 0 {
			dst = append(dst, "0."...)
			dst = appendZeros(dst, -exp-1)
			return append(dst, digits...)
		}
		dst = append(dst, digits[:exp+1]...)
		dst = append(dst, '.')
		return append(dst, digits[exp+1:]...)
	}
	dst = append(dst, digits[0])
	if len(digits) > 1 {
		dst = append(dst, '.')
		dst = append(dst, digits[1:]...)
	}
	dst = append(dst, 'e', "+-"[b2i(exp < 0)])
	return strconv.AppendInt(dst, int64(size), 10)
}

func appendZeros(dst []byte, n int) []byte {
	for range n {
		dst = append(dst, '0')
	}
	return dst
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

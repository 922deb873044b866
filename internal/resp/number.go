package resp

import (
	"math"
	"strconv"
)

// ParseInt reads a 64-bit decimal integer by Redis's rules: an optional minus and
// digits, nothing else; no plus, no space, no leading zero, no "-0".
func ParseInt(b []byte) (int64, bool) {
	neg := len(b) > 0 && b[0] == '-'
	digits := b
	if neg {
		digits = b[1:]
	}
	const longest = len("9223372036854775808")
	if len(digits) == 0 || len(digits) > longest {
		return 0, false
	}
	if digits[0] == '0' {
		return 0, len(b) == 1
	}
	var v uint64
	for _, c := range digits {
		d := c - '0'
		if d > 9 {
			return 0, false
		}
		v = v*10 + uint64(d) // 19 digits fit into 64 bits
	}
	if neg {
		return -int64(v), v <= 1<<63
	}
	return int64(v), v <= math.MaxInt64
}

// ParseFloat reads a float by Redis's rules, which are those of C's strtod
// without white space: decimal or hexadecimal ("0x1.8", "0x1p-2"), "inf",
// "infinity" in any case, with a sign. NaN, an overflow, and a number that
// underflows to zero are refused.
func ParseFloat(b []byte) (float64, bool) {
	if n, ok := fewDigits(b); ok {
		return n, true
	}
	s := string(b)
	if hex, hasExponent, ok := floatForm(s); !ok {
		return 0, false
	} else if hex && !hasExponent {
		s += "p0" // C lets it be left out
	}
	v, err := strconv.ParseFloat(s, 64)
	if err != nil || math.IsNaN(v) {
		return 0, false
	}
	if v == 0 && !zeroMantissa(s) {
		return 0, false
	}
	return v, true
}

// fewDigits reads up to fifteen plain digits: the numbers met most.
func fewDigits(b []byte) (float64, bool) {
	if len(b) == 0 || len(b) > 15 {
		return 0, false
	}
	n := int64(0)
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = 10*n + int64(c-'0')
	}
	return float64(n), true
}

// floatForm tells a hexadecimal number from others, and refuses what Go reads as a
// number but C does not.
func floatForm(s string) (hex, hasExponent, ok bool) {
	i := 0
	if i < len(s) && (s[i] == '+' || s[i] == '-') {
		i++
	}
	hex = len(s)-i >= 2 && s[i] == '0' && s[i+1]|0x20 == 'x'
	for _, c := range []byte(s) {
		if c == '_' {
			return hex, false, false
		}
		hasExponent = hasExponent || c|0x20 == 'p'
	}
	return hex, hasExponent, len(s) > 0
}

// zeroMantissa reports whether a number that reads as zero is written as zero.
func zeroMantissa(s string) bool {
	hex := len(s) > 2 && (s[1]|0x20 == 'x' || s[2]|0x20 == 'x')
	for _, c := range []byte(s) {
		switch {
		case c|0x20 == 'p', c|0x20 == 'e' && !hex:
			return true
		case isHex(c) && c != '0':
			return false
		}
	}
	return true
}

package conf

import (
	"errors"
	"math"
	"strconv"
	"strings"
)

var (
	errNotBool   = errors.New("argument must be 'yes' or 'no'")
	errNotMemory = errors.New("argument must be a memory value")
)

// ParseBool reads yes or no, in any case.
func ParseBool(s string) (bool, error) {
	switch {
	case strings.EqualFold(s, "yes"):
		return true, nil
	case strings.EqualFold(s, "no"):
		return false, nil
	}
	return false, errNotBool
}

// FormatBool is yes or no.
func FormatBool(v bool) string {
	if v {
		return "yes"
	}
	return "no"
}

// ParseMemory reads a number of bytes with an optional unit in any case: b,
// k and kb (1000 and 1024), m and mb, g and gb. No sign, no fraction. No digits
// are 0, and what is above 2^64-1 is 2^64-1, as Redis reads them.
func ParseMemory(s string) (uint64, error) {
	digits := strings.TrimRight(s, "bBkKmMgG")
	unit, ok := memoryUnit(strings.ToLower(s[len(digits):]))
	if !ok {
		return 0, errNotMemory
	}
	if digits == "" {
		return 0, nil
	}
	n, err := strconv.ParseUint(digits, 10, 64)
	switch {
	case errors.Is(err, strconv.ErrRange), err == nil && n > math.MaxUint64/unit:
		return math.MaxUint64, nil
	case err != nil:
		return 0, errNotMemory
	}
	return n * unit, nil
}

func memoryUnit(s string) (bytes uint64, ok bool) {
	switch s {
	case "", "b":
		return 1, true
	case "k":
		return 1000, true
	case "kb":
		return 1 << 10, true
	case "m":
		return 1000 * 1000, true
	case "mb":
		return 1 << 20, true
	case "g":
		return 1000 * 1000 * 1000, true
	case "gb":
		return 1 << 30, true
	}
	return 0, false
}

// ParseMemoryPercent reads a number of bytes as [ParseMemory] does, or a
// percentage such as 5%, which comes back negative (-5), as Redis keeps it.
func ParseMemoryPercent(s string) (int64, error) {
	if p, ok := strings.CutSuffix(s, "%"); ok {
		n, err := strconv.ParseUint(p, 10, 31)
		if err != nil || strconv.FormatUint(n, 10) != p {
			return 0, errNotMemory
		}
		return -int64(n), nil
	}
	n, err := ParseMemory(s)
	if err != nil || n > math.MaxInt64 {
		return 0, errNotMemory
	}
	return int64(n), nil
}

// FormatMemory writes a number of bytes the way a rewritten file shows it:
// with the largest of gb, mb, kb that divides it, and bare otherwise.
func FormatMemory(n uint64) string {
	for _, u := range []struct {
		bytes uint64
		name  string
	}{{1 << 30, "gb"}, {1 << 20, "mb"}, {1 << 10, "kb"}} {
		if n >= u.bytes && n%u.bytes == 0 {
			return strconv.FormatUint(n/u.bytes, 10) + u.name
		}
	}
	return strconv.FormatUint(n, 10)
}

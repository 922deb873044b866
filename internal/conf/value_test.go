package conf

import (
	"math"
	"testing"
)

func TestParseMemory(t *testing.T) {
	tests := []struct {
		in   string
		want uint64
		bad  bool
	}{
		{in: "0"}, {in: "12", want: 12}, {in: "5b", want: 5},
		{in: "1k", want: 1000}, {in: "1kB", want: 1024},
		{in: "2M", want: 2e6}, {in: "2mb", want: 2 << 20},
		{in: "3g", want: 3e9}, {in: "3GB", want: 3 << 30},
		{in: "", want: 0}, {in: "b", want: 0},
		{in: "18446744073709551615", want: math.MaxUint64},
		{in: "99999999999999999999", want: math.MaxUint64},
		{in: "99999999999gb", want: math.MaxUint64},
		{in: "-1", bad: true}, {in: "+1", bad: true}, {in: " 1", bad: true}, {in: "1 ", bad: true},
		{in: "1.5gb", bad: true}, {in: "1bb", bad: true}, {in: "1kk", bad: true},
		{in: "1tb", bad: true}, {in: "x", bad: true}, {in: "0x10", bad: true}, {in: "1_0", bad: true},
	}
	for _, tt := range tests {
		got, err := ParseMemory(tt.in)
		if got != tt.want || (err != nil) != tt.bad {
			t.Errorf("ParseMemory(%q) = %d, %v, want %d, error %v", tt.in, got, err, tt.want, tt.bad)
		}
	}
}

func TestParseMemoryPercent(t *testing.T) {
	tests := []struct {
		in   string
		want int64
		bad  bool
	}{
		{in: "5%", want: -5}, {in: "0%"}, {in: "1kb", want: 1024},
		{in: "05%", bad: true}, {in: "-5%", bad: true}, {in: "5%%", bad: true}, {in: "%", bad: true},
		{in: "-1", bad: true}, {in: "18446744073709551615", bad: true},
	}
	for _, tt := range tests {
		got, err := ParseMemoryPercent(tt.in)
		if got != tt.want || (err != nil) != tt.bad {
			t.Errorf("ParseMemoryPercent(%q) = %d, %v, want %d, error %v",
				tt.in, got, err, tt.want, tt.bad)
		}
	}
}

// What FormatMemory writes reads back as the same number.
func TestFormatMemory(t *testing.T) {
	for n, want := range map[uint64]string{
		0: "0", 1: "1", 1000: "1000", 1024: "1kb", 1536: "1536", 1 << 20: "1mb",
		3 << 30: "3gb", 1<<30 + 1<<20: "1025mb", math.MaxUint64: "18446744073709551615",
	} {
		got := FormatMemory(n)
		if back, err := ParseMemory(got); got != want || err != nil || back != n {
			t.Errorf("FormatMemory(%d) = %s, want %s; reads back as %d, %v", n, got, want, back, err)
		}
	}
}

func TestParseBool(t *testing.T) {
	for in, want := range map[string]bool{"yes": true, "YES": true, "no": false, "No": false} {
		if got, err := ParseBool(in); got != want || err != nil {
			t.Errorf("ParseBool(%q) = %v, %v", in, got, err)
		}
	}
	for _, in := range []string{"", "y", "true", "1", "on"} {
		if _, err := ParseBool(in); err == nil {
			t.Errorf("ParseBool(%q) is accepted", in)
		}
	}
}

func TestNearest(t *testing.T) {
	known := []string{"port", "maxmemory", "maxmemory-policy", "appendonly", "appendfsync", "dir"}
	for typed, want := range map[string]string{
		"maxmemry":         "maxmemory",
		"MAXMEMORY":        "maxmemory",
		"prot":             "port",
		"apendonly":        "appendonly",
		"maxmemory_policy": "maxmemory-policy",
		"dri":              "dir",
		"x":                "",
		"completely-else":  "",
		"":                 "",
	} {
		if got := Nearest(typed, known); got != want {
			t.Errorf("Nearest(%q) = %q, want %q", typed, got, want)
		}
	}
}

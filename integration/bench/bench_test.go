package main

import (
	"bufio"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestQuantile(t *testing.T) {
	for _, tc := range []struct {
		values []float64
		q      float64
		want   float64
	}{
		{[]float64{3, 1, 2}, 0.5, 2},
		{[]float64{1, 2, 3, 4}, 0.5, 2.5},
		{[]float64{1, 2, 3, 4, 5}, 0.25, 2},
		{[]float64{7}, 0.999, 7},
	} {
		if got := quantile(tc.values, tc.q); got != tc.want {
			t.Errorf("quantile(%v, %v) = %v, want %v", tc.values, tc.q, got, tc.want)
		}
	}
	if !math.IsNaN(quantile(nil, 0.5)) {
		t.Error("the median of nothing is a number")
	}
}

func TestParseBenchmarkTakesTheFirstAtOrAboveEachPercentile(t *testing.T) {
	const report = `
Latency by percentile distribution:
0.000% <= 0.050 milliseconds (cumulative count 1)
50.000% <= 0.343 milliseconds (cumulative count 50)
98.438% <= 0.900 milliseconds (cumulative count 98)
99.219% <= 1.100 milliseconds (cumulative count 99)
99.902% <= 2.500 milliseconds (cumulative count 100)
100.000% <= 2.900 milliseconds (cumulative count 100)

Summary:
  throughput summary: 91743.12 requests per second
`
	f, err := parseBenchmark(report)
	if err != nil {
		t.Fatal(err)
	}
	want := figures{"rps": 91743.12, "p50_ms": 0.343, "p99_ms": 1.1, "p999_ms": 2.5}
	for name, want := range want {
		if f[name] != want {
			t.Errorf("%s = %v, want %v", name, f[name], want)
		}
	}
	if _, err := parseBenchmark("Could not connect"); err == nil {
		t.Error("no error for a report without figures")
	}
}

func TestReadSnapshotFindsTheEndOfBothFramings(t *testing.T) {
	mark := strings.Repeat("0123456789", 4)
	for name, tc := range map[string]struct {
		in   string
		want int64
	}{
		"length": {"+FULLRESYNC x 0\r\n$5\r\nREDISrest", 5},
		"mark":   {"+FULLRESYNC x 0\r\n\n\n$EOF:" + mark + "\r\nREDIS00123" + mark + "rest", 10 + 40},
	} {
		n, err := readSnapshot(bufio.NewReader(strings.NewReader(tc.in)))
		if n != tc.want || err != nil {
			t.Errorf("%s: %d, %v, want %d", name, n, err, tc.want)
		}
	}
}

// A journal gives back what was added, also after it was opened again, and pairs what
// belongs together.
func TestJournalGoesOn(t *testing.T) {
	o := &options{out: t.TempDir()}
	for pair := range 2 {
		j, err := openJournal(o, "serving")
		if err != nil {
			t.Fatal(err)
		}
		if j.has("x", ours, pair) {
			t.Errorf("pair %d is there before it was run", pair)
		}
		for side, v := range map[string]float64{ours: 3, theirs: float64(2 - pair)} {
			if err := j.add("x", side, pair, figures{"rps": v}); err != nil {
				t.Fatal(err)
			}
		}
		if err := j.close(); err != nil {
			t.Fatal(err)
		}
	}
	j, err := readJournal(o, "serving")
	if err != nil {
		t.Fatal(err)
	}
	if r := j.ratios("x", "rps"); len(r) != 2 || r[0] != 1.5 || r[1] != 3 || j.pairs("x") != 2 {
		t.Errorf("ratios %v of %d pairs", r, j.pairs("x"))
	}
}

func TestReplaceTableKeepsTheRestOfThePage(t *testing.T) {
	page := filepath.Join(t.TempDir(), "page.md")
	const before = "a\n<!-- bench memory -->\nold\n<!-- end memory -->\nz\n"
	if err := os.WriteFile(page, []byte(before), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := replaceTable(page, "memory", "new\n"); err != nil {
		t.Fatal(err)
	}
	if got, _ := os.ReadFile(page); string(got) != strings.Replace(before, "old", "new", 1) {
		t.Errorf("page is %q", got)
	}
	if err := replaceTable(page, "serving", "new\n"); err == nil {
		t.Error("no error for a page without the markers")
	}
}

func TestOutageIsTheLongestGapThatEndsAfterTheFault(t *testing.T) {
	at := func(ms int) ack { return ack{at: time.UnixMilli(int64(ms))} }
	w := &writer{acks: []ack{at(0), at(500), at(990), at(1300), at(1310)}}
	if d := w.outage(time.UnixMilli(1000)); d != 310*time.Millisecond {
		t.Errorf("outage = %v, want 310ms", d)
	}
}

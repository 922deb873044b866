package conf

import "strings"

// maxTypos is how many letters may differ before a known name is no longer
// worth suggesting.
const maxTypos = 3

// Nearest returns the known name closest to what somebody typed, or "" when
// none is close: at most three edits, and fewer than half of its letters.
// Case does not count. Of several equally close the first one is returned.
func Nearest(typed string, known []string) string {
	typed = strings.ToLower(typed)
	best, bestDist := "", maxTypos+1
	for _, name := range known {
		d := editDistance(typed, strings.ToLower(name), bestDist)
		if d < bestDist && d*2 < max(len(name), 3) {
			best, bestDist = name, d
		}
	}
	return best
}

// editDistance counts the insertions, deletions, replacements and swaps of
// neighbours that turn a into b. A distance of limit or more may be reported
// as any number from limit on.
func editDistance(a, b string, limit int) int {
	if diff := len(a) - len(b); diff >= limit || -diff >= limit {
		return limit
	}
	before, prev := make([]int, len(b)+1), make([]int, len(b)+1)
	row := make([]int, len(b)+1)
	for j := range prev {
		prev[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(prev[j]+1, row[j-1]+1, prev[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, prev, row = prev, row, before
	}
	return prev[len(b)]
}

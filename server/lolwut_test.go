package server

import (
	"math/rand/v2"
	"strings"
	"testing"
)

// Whatever the hills are, the picture has its size, one line as the other, and the
// sentry is on it.
func TestSentryAtNight(t *testing.T) {
	for seed := range uint64(500) {
		art := sentryAtNight(rand.New(rand.NewPCG(seed, 0)))
		lines := strings.Split(strings.TrimSuffix(art, "\n"), "\n")
		if len(lines) != nightHeight || !strings.Contains(art, "(____)'") || !strings.Contains(art, "/|\\_|") {
			t.Fatalf("seed %d:\n%s", seed, art)
		}
		for _, l := range lines {
			if len(l) != nightWidth {
				t.Fatalf("seed %d: a line of %d", seed, len(l))
			}
		}
	}
}

package sim

import (
	"fmt"
	"strings"
	"testing"
)

// classPairs are the kinds of programs that may lose sight of each other.
func classPairs() [][2]string {
	return [][2]string{
		{"m", "replicas"}, {"m", "sentinels"}, {"m", "l"}, {"m", "c"}, {"replicas", "replicas"},
		{"replicas", "sentinels"}, {"nodes", "sentinels"}, {"nodes", "nodes"}, {"sentinels", "sentinels"},
		{"l", "followers"}, {"followers", "followers"}, {"l", "nodes"}, {"c", "nodes"}, {"c", "sentinels"},
	}
}

// Any two kinds of programs are cut off from each other, in both directions and in either
// one; the master dies behind the cut, comes back, and the cut heals.
func TestEveryPartition(t *testing.T) {
	for _, p := range classPairs() {
		for _, cut := range []string{
			fmt.Sprintf("cut %s %s", p[0], p[1]), fmt.Sprintf("oneway %s %s", p[0], p[1]), fmt.Sprintf("oneway %s %s", p[1], p[0]),
		} {
			if p[0] == p[1] && strings.HasPrefix(cut, "oneway") {
				continue // the same as both directions
			}
			dieBehind(t, cut)
		}
	}
}

// Two halves see one host, and not each other.
func TestEveryBridge(t *testing.T) {
	for _, bridge := range hostNames() {
		for _, half := range []string{"n1 s1 c", "n1 s1 s2", "n1 n2 s1", "s1", "n1"} {
			dieBehind(t, "bridge "+bridge+" "+half)
		}
	}
}

// dieBehind is the death of the master behind a cut.
func dieBehind(t *testing.T, cut string) {
	t.Run(cut, func(t *testing.T) {
		t.Parallel()
		script, err := readScript("1s " + cut + "\n3s kill n1\n6s start n1 anew\n8s heal")
		if err != nil {
			t.Fatal(err)
		}
		inCluster(t, 1, func(c *cluster) { c.run(script) })
	})
}

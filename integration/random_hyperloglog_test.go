package integration

import (
	"math/rand/v2"
	"strconv"
	"testing"
)

// hyperLogLogs draws a command on HyperLogLogs. Those it makes have keys of their
// own: Redis reads beyond the end of one that APPEND has spoiled.
func (g *generator) hyperLogLogs() []string {
	key := "h" + strconv.Itoa(g.r.IntN(4))
	switch g.r.IntN(8) {
	case 0, 1, 2:
		return g.pfadd(key, 1+g.r.IntN(30))
	case 3, 4:
		args := []string{"PFCOUNT", key}
		for g.oneIn(3) {
			args = append(args, g.pick(key, "h0", "h1", g.key()))
		}
		return args
	case 5:
		args := []string{"PFMERGE", key}
		for g.oneIn(2) {
			args = append(args, g.pick("h0", "h1", "h2", "h3", g.key()))
		}
		return args
	case 6:
		return []string{"PFDEBUG", g.pick("ENCODING", "DECODE", "ENCODING", "DECODE", "GETREG", "TODENSE", "x"), key}
	}
	return []string{"SET", key, "HYLL\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x80" + g.pick("\x7f\xff", "", "\x7f\xfe\x00", "\x7f\xff\x00")}
}

func (g *generator) pfadd(key string, n int) []string {
	args := []string{"PFADD", key}
	for range n {
		args = append(args, strconv.Itoa(g.r.IntN(50000)))
	}
	return args
}

// HyperLogLogs are strings that clients may read and copy: after the same commands
// each byte must be Redis's, while sketches are sparse, as they become dense, and
// after merges.
func TestHyperLogLogsHaveRedisBytes(t *testing.T) {
	seed := *randomSeed
	if seed == 0 {
		seed = rand.Uint64()%1_000_000 + 1
	}
	t.Logf("-random.seed %d", seed)
	g := &generator{r: rand.New(rand.NewPCG(seed, 0))}
	w := newTwins(t, startVedette(t), startRedis(t), "2")
	same := func(args ...string) {
		t.Helper()
		if a, b := w.do(w.conn("1"), args...); a.raw != b.raw {
			t.Fatalf("%.300q\n  vedette %.500q\n  redis   %.500q", args, a.raw, b.raw)
		}
	}
	for _, limit := range []string{"40", "200", "3000", "3000", "12000"} {
		same("FLUSHALL")
		same("CONFIG", "SET", "hll-sparse-max-bytes", limit)
		for range 400 {
			key := g.pick("a", "b", "c", "d")
			switch g.r.IntN(8) {
			case 0:
				same("PFMERGE", g.pick("m", "m", key), g.pick("a", "b", "c", "d"))
				key = "m"
			case 1:
				same("PFCOUNT", key)
			case 2:
				same("PFCOUNT", key, "a", "m")
			default:
				same(g.pfadd(key, 1+g.r.IntN(1+g.r.IntN(60)))...)
			}
			same("GET", key)
		}
	}
}

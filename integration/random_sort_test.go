package integration

import (
	"math/rand/v2"
	"strconv"
	"testing"
)

// sorts draws a SORT of whatever a key holds, by letters. By numbers TestRandomSorts
// does it: Redis takes an error of strtod for one of SORT, even if another command met
// it. Ties among members of sets are left out: their order is nobody's promise.
func (g *generator) sorts() []string {
	args := []string{g.pick("SORT", "SORT", "SORT_RO"), g.key(), "ALPHA"}
	for g.oneIn(2) {
		args = append(args, g.sortOption()...)
	}
	if args[0] == "SORT" && g.oneIn(4) {
		args = append(args, "STORE", g.key())
		if g.oneIn(3) {
			args = append(args, "BY", "nosort")
		}
	}
	return args
}

func (g *generator) sortOption() []string {
	switch g.r.IntN(5) {
	case 0:
		return []string{g.pick("ASC", "DESC", "desc")}
	case 1:
		return []string{"LIMIT", strconv.Itoa(g.r.IntN(8) - 2), strconv.Itoa(g.r.IntN(12) - 2)}
	}
	return []string{"GET", g.pick("#", "k*", "k*->f1", "*", "w*", "k1", "h*->f", "*->", "w*->f->g")}
}

// TestRandomSorts compares SORT by numbers, with weights and without, of lists, sets
// and sorted sets.
func TestRandomSorts(t *testing.T) {
	seed := *randomSeed
	if seed == 0 {
		seed = rand.Uint64()%1_000_000 + 1
	}
	t.Logf("-random.seed %d", seed)
	g := &generator{r: rand.New(rand.NewPCG(seed, 0))}
	w := newTwins(t, startVedette(t), startRedis(t), "2")
	var last []string
	same := func(args ...string) {
		t.Helper()
		if a, b := w.do(w.conn("1"), args...); a.raw != b.raw {
			t.Fatalf("%.500q after %.500q\n  vedette %.500q\n  redis   %.500q", args, last, a.raw, b.raw)
		}
		last = args
	}
	for range 4000 {
		n := strconv.Itoa(g.r.IntN(40))
		switch g.r.IntN(9) {
		case 0:
			same("RPUSH", g.pick("list", "list2"), n, g.sortable())
		case 1:
			same("SADD", g.pick("set", "ints"), n)
		case 2:
			same("ZADD", "zset", strconv.Itoa(g.r.IntN(5)), n)
		case 3:
			same("SET", "w"+n, g.sortable())
		case 4:
			same("HSET", "h"+n, "f", g.sortable(), "g", g.pick("a", "b", "c"))
		case 5:
			same("DEL", g.pick("w", "h")+n, g.pick("nokey", "nokey", "nokey", "nokey", "list", "set", "zset"))
		default:
			g.sortOnce(same)
		}
	}
}

// sortable is a weight, seldom one that is no number.
func (g *generator) sortable() string {
	switch g.r.IntN(300) {
	case 0:
		return g.pick("x", "1 ", "nan", "1e", "--1")
	case 1, 2, 3:
		return g.pick("inf", "-inf", " 5", "0x10", "1e5", "")
	}
	return g.pick("", "-") + strconv.Itoa(1+g.r.IntN(12)) + g.pick("", "", ".5")
}

func (g *generator) sortOnce(same func(...string)) {
	key := g.pick("list", "list2", "set", "ints", "zset", "nokey")
	args := []string{g.pick("SORT", "SORT_RO"), key}
	ordered := key == "list" || key == "list2" || key == "zset"
	switch g.r.IntN(5) {
	case 0:
		args = append(args, "BY", "w*")
	case 1:
		args = append(args, "BY", "h*->f")
	case 2:
		if ordered {
			args = append(args, "BY", "nosort")
		}
	case 3:
		if key == "list" || key == "list2" {
			args = append(args, "BY", "h*->g", "ALPHA")
			if g.oneIn(2) {
				same(append(args, g.pick("ASC", "DESC"))...)
			}
			return // with LIMIT Redis sorts in an order of its own
		}
	}
	for g.oneIn(2) {
		args = append(args, g.sortOption()...)
	}
	if args[0] == "SORT" && g.oneIn(3) {
		same(append(args, "STORE", "stored")...)
		same("DUMP", "stored")
		return
	}
	same(args...)
}

package integration

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"testing"
)

// streams draws a command of the stream family without consumer groups: what these
// answer depends on the clock, see TestRandomStreamGroups.
func (g *generator) streams() []string { return g.streamCommand(g.key()) }

func (g *generator) streamCommand(key string) []string {
	switch g.r.IntN(12) {
	case 0:
		args := []string{"XDEL", key, g.streamID()}
		for g.oneIn(2) {
			args = append(args, g.streamID())
		}
		return args
	case 1:
		return append([]string{"XTRIM", key}, g.streamTrim()...)
	case 2, 3:
		args := []string{g.pick("XRANGE", "XREVRANGE"), key, g.streamBound(), g.streamBound()}
		if g.oneIn(2) {
			args = append(args, "COUNT", g.pick("0", "1", "2", "7", "100", "-1", "x"))
		}
		return args
	case 4:
		args := []string{"XREAD"}
		if g.oneIn(2) {
			args = append(args, "COUNT", g.pick("1", "3", "0"))
		}
		id := g.streamID()
		if id == "+" { // difference xread-plus
			id = "$"
		}
		return append(args, "STREAMS", key, id)
	case 5:
		return []string{"XLEN", key}
	case 6:
		args := []string{"XSETID", key, "18446744073709551615-18446744073709551615"} // not lower: difference xsetid-max-deleted
		if !g.oneIn(10) {
			args[2] = "x"
		}
		if g.oneIn(2) {
			args = append(args, "ENTRIESADDED", g.pick("0", "5", "50", "1000", "-1", "x"))
		}
		return args
	case 7:
		return []string{"XINFO", "STREAM", key}
	}
	return g.streamAdd(key)
}

func (g *generator) streamAdd(key string) []string {
	args := []string{"XADD", key}
	if g.oneIn(8) {
		args = append(args, "NOMKSTREAM")
	}
	if g.oneIn(5) {
		args = append(args, g.streamTrim()...)
	}
	args = append(args, g.streamID())
	for range 1 + g.r.IntN(3) {
		args = append(args, g.pick("f", "f", "f", "g", "17"), g.value())
	}
	return args
}

func (g *generator) streamTrim() []string {
	threshold := g.pick("0", "1", "3", "8", "20", "x")
	args := []string{"MAXLEN"}
	if g.oneIn(2) {
		args[0], threshold = "MINID", g.streamID()
	}
	if g.oneIn(2) {
		args = append(args, g.pick("=", "~", "~"))
	}
	args = append(args, threshold)
	if g.oneIn(4) {
		args = append(args, "LIMIT", g.pick("0", "1", "5", "100", "-1"))
	}
	return args
}

// streamID is the id of an entry, of few, or a broken one.
func (g *generator) streamID() string {
	switch g.r.IntN(20) {
	case 0:
		return g.pick("0", "-", "+", "x", "$", "0-0", "1-x", "18446744073709551615-18446744073709551615", "-1", "1-2-3", " 5-1")
	case 1:
		return strconv.Itoa(g.r.IntN(40))
	case 2, 3, 4, 5:
		return strconv.Itoa(g.r.IntN(40)) + "-*"
	}
	return fmt.Sprintf("%d-%d", g.r.IntN(40), g.r.IntN(4))
}

func (g *generator) streamBound() string {
	if g.oneIn(3) {
		return g.pick("-", "+")
	}
	if g.oneIn(4) {
		return "(" + g.streamID()
	}
	return g.streamID()
}

// TestRandomStreamGroups compares random commands for consumer groups. The consumers
// are there before they act, since 7.0 creates some later than 7.2, and what depends
// on the clock is left out.
func TestRandomStreamGroups(t *testing.T) {
	seed := *randomSeed
	if seed == 0 {
		seed = rand.Uint64()%1_000_000 + 1
	}
	t.Logf("-random.seed %d", seed)
	g := &generator{r: rand.New(rand.NewPCG(seed, 1))}
	w := newRandomRun(t, startVedette(t), startRedis(t))
	w.do(w.conn("1"), "CONFIG", "SET", "stream-node-max-entries", "5")
	for i := 0; i < *randomCommands/2; i += 10 { // a round is ten commands, and as many looks at what is pending
		key, group := g.pick("s", "t", "u"), g.pick("g", "h")
		w.same(i, "XGROUP", "CREATE", key, group, g.pick("0", "$"), "MKSTREAM")
		for _, c := range []string{"a", "b"} {
			w.same(i, "XGROUP", "CREATECONSUMER", key, group, c)
		}
		for range 5 {
			w.same(i, g.streamCommand(key)...)
		}
		for range 3 {
			w.same(i, g.groupCommand(key, group)...)
		}
		if g.oneIn(50) {
			w.same(i, g.pick("DEL", "DUMP"), g.pick("s", "t", "u"))
		}
		w.samePending(i, key, group)
	}
	w.compareStats(0)
}

func (g *generator) groupCommand(key, group string) []string {
	consumer := g.pick("a", "b")
	idle := g.pick("0", "0", "0", "100000000", "x", "-1")
	switch g.r.IntN(10) {
	case 0:
		args := []string{"XGROUP", "SETID", key, group, g.pick(g.streamID(), "$", "0")}
		if g.oneIn(3) {
			args = append(args, "ENTRIESREAD", g.pick("0", "3", "-1", "-2", "x"))
		}
		return args
	case 1:
		if g.oneIn(10) {
			return []string{"XGROUP", "DESTROY", key, group}
		}
		return []string{"XINFO", "GROUPS", key}
	case 2, 3:
		return []string{"XACK", key, group, g.streamID(), g.streamID(), g.streamID()}
	case 4:
		args := []string{"XCLAIM", key, group, consumer, idle, g.streamID(), g.streamID()}
		for g.oneIn(2) {
			args = append(args, g.pick("FORCE", "JUSTID"))
		}
		if g.oneIn(2) {
			args = append(args, g.pick("RETRYCOUNT", "LASTID", "IDLE", "TIME"), g.pick("3", "7", "x"))
		}
		return args
	case 5:
		args := []string{"XAUTOCLAIM", key, group, consumer, idle, g.streamBound()}
		if g.oneIn(2) {
			args = append(args, "COUNT", g.pick("1", "2", "5", "0"))
		}
		if g.oneIn(2) {
			args = append(args, "JUSTID")
		}
		return args
	case 6:
		return []string{"XREADGROUP", "GROUP", group, consumer, "COUNT", "3", "STREAMS", key, g.streamID()}
	}
	args := []string{"XREADGROUP", "GROUP", group, consumer}
	if g.oneIn(2) {
		args = append(args, "COUNT", g.pick("1", "2", "5"))
	}
	if g.oneIn(4) {
		args = append(args, "NOACK")
	}
	return append(args, "STREAMS", key, ">")
}

// same runs a command on both and compares the replies and the events.
func (w *randomRun) same(i int, args ...string) {
	w.t.Helper()
	a, b := w.do(w.conn("1"), args...)
	if a.raw != b.raw && (args[0] != "DUMP" || len(a.text) != len(b.text)) {
		w.t.Fatalf("round %d: %.500q\n  vedette %.500q\n  redis   %.500q", i, args, a.raw, b.raw)
	}
	w.compareEvents(i, args)
}

// samePending compares what is pending in a group, but for the times.
func (w *randomRun) samePending(i int, key, group string) {
	w.t.Helper()
	w.same(i, "XPENDING", key, group)
	w.same(i, "XINFO", "STREAM", key)
	w.same(i, "DUMP", key)
	a, b := w.do(w.conn("1"), "XPENDING", key, group, "-", "+", "1000")
	if x, y := withoutIdle(a), withoutIdle(b); x != y {
		w.t.Fatalf("round %d: pending\n  vedette %.500q\n  redis   %.500q", i, x, y)
	}
}

func withoutIdle(pending reply) string {
	text := pending.text
	for _, e := range pending.elems {
		text += fmt.Sprintf("%s %s %s\n", e.elems[0].text, e.elems[1].text, e.elems[3].text)
	}
	return text
}

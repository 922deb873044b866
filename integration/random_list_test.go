package integration

import "strconv"

// lists draws a command of the list family. A node has few elements, so that short
// lists have several: see listFill.
func (g *generator) lists() []string {
	switch g.r.IntN(23) {
	case 0, 1, 2, 3:
		return g.withElements(g.pick("LPUSH", "RPUSH"), g.key())
	case 4:
		return g.withElements(g.pick("LPUSHX", "RPUSHX"), g.key())
	case 5, 6:
		args := []string{g.pick("LPOP", "RPOP"), g.key()}
		if g.oneIn(2) {
			args = append(args, g.pick("0", "1", "2", "3", "100", "-1", "x"))
		}
		return args
	case 7, 8:
		return []string{"LRANGE", g.key(), g.index(), g.index()}
	case 9:
		return []string{"LINDEX", g.key(), g.index()}
	case 10, 11:
		return []string{"LINSERT", g.key(), g.pick("BEFORE", "AFTER", "after", "NEAR"), g.element(), g.element()}
	case 12, 13:
		return []string{"LSET", g.key(), g.index(), g.element()}
	case 14:
		return []string{"LREM", g.key(), g.pick("0", "0", "1", "-1", "2", "-2", "x"), g.element()}
	case 15:
		return []string{"LTRIM", g.key(), g.pick("0", "1", "2", "-8", "-4"), g.pick("-1", "-2", "-3", "8", "1")}
	case 16:
		return g.position()
	case 17, 18:
		return []string{"LMOVE", g.key(), g.key(), g.end(), g.end()}
	case 19:
		return []string{"RPOPLPUSH", g.key(), g.key()}
	case 20:
		args := []string{"LMPOP", g.pick("1", "2", "2", "3", "0"), g.key(), g.key(), g.end()}
		if g.oneIn(2) {
			args = append(args, "COUNT", g.pick("1", "2", "10", "0", "x"))
		}
		return args
	case 21:
		return []string{"LLEN", g.key()}
	}
	return []string{"COPY", g.key(), g.key(), "REPLACE"}
}

// listFill is a list-max-listpack-size for a whole run: 7.0's lists keep the one they
// were made with.
func (g *generator) listFill() string { return g.pick("2", "3", "5", "-1", "-2") }

// waiting draws a blocking command whose time is up at once.
func (g *generator) waiting() []string {
	const timeout = "0.001"
	switch g.r.IntN(4) {
	case 0:
		return []string{g.pick("BLPOP", "BRPOP"), g.key(), g.key(), timeout}
	case 1:
		return []string{"BLMPOP", timeout, "2", g.key(), g.key(), g.end(), "COUNT", g.pick("1", "2", "10")}
	case 2:
		return []string{"BLMOVE", g.key(), g.key(), g.end(), g.end(), timeout}
	}
	return []string{"BRPOPLPUSH", g.key(), g.key(), timeout}
}

func (g *generator) position() []string {
	args := []string{"LPOS", g.key(), g.element()}
	for g.oneIn(2) {
		args = append(args, g.pick("RANK", "COUNT", "MAXLEN"), g.pick("0", "1", "2", "-1", "-2", "10", "x"))
	}
	return args
}

func (g *generator) withElements(args ...string) []string {
	for range 1 + g.r.IntN(6) {
		args = append(args, g.element())
	}
	return args
}

func (g *generator) element() string {
	if g.oneIn(4) {
		return g.value()
	}
	return strconv.Itoa(g.r.IntN(10))
}

func (g *generator) index() string {
	return g.pick("0", "1", "2", "3", "7", "-1", "-2", "-5", "100", "-100", "x")
}

func (g *generator) end() string { return g.pick("LEFT", "RIGHT", "left", "UP") }

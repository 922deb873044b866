package integration

import (
	"strconv"
	"strings"
)

// zsets draws a command of the sorted set family. What is popped at random, or how
// fractions without an end are printed, both servers need not agree on.
func (g *generator) zsets() []string {
	switch g.r.IntN(20) {
	case 0, 1, 2, 3:
		return g.zadd()
	case 4:
		return []string{"ZINCRBY", g.key(), g.score(), g.member()}
	case 5:
		return g.withMembers("ZREM", g.key())
	case 6:
		return []string{g.pick("ZSCORE", "ZRANK", "ZREVRANK", "ZMSCORE"), g.key(), g.member()}
	case 7:
		return []string{"ZCARD", g.key()}
	case 8:
		return []string{g.pick("ZCOUNT", "ZREMRANGEBYSCORE"), g.key(), g.scoreBound(), g.scoreBound()}
	case 9:
		return []string{"ZREMRANGEBYRANK", g.key(), g.rank(), g.rank()}
	case 10:
		args := []string{g.pick("ZPOPMIN", "ZPOPMAX"), g.key()}
		if g.oneIn(2) {
			args = append(args, g.pick("0", "1", "2", "3", "1000", "x", "-1"))
		}
		return args
	case 11:
		args := []string{"ZMPOP", g.pick("1", "2", "2", "2", "0", "x"), g.key(), g.key(), g.pick("MIN", "MAX", "x")}
		if g.oneIn(2) {
			args = append(args, "COUNT", g.pick("1", "2", "100", "0"))
		}
		return args
	case 12:
		args := []string{"ZRANDMEMBER", g.key()}
		if g.oneIn(2) {
			args = append(args, g.pick("0", "1", "-1", "3", "-3", "1000", "x"))
			if g.oneIn(2) {
				args = append(args, "WITHSCORES")
			}
		}
		return args
	case 13:
		args := []string{"ZSCAN", g.key(), "0", "COUNT", "1000"}
		if g.oneIn(2) {
			args = append(args, "MATCH", g.pick("*", "1*", "[a-f]", "x"))
		}
		return args
	case 14, 15:
		return g.zcombine()
	case 16:
		if g.oneIn(4) {
			return []string{"CONFIG", "SET", "zset-max-listpack-entries", g.pick("8", "8", "128")}
		}
	}
	return g.zrange()
}

func (g *generator) score() string {
	switch g.r.IntN(12) {
	case 0:
		return g.pick("inf", "-inf", "+inf", "nan", "1e20", "x", "", "1e16", "-4503599627370497", "0x10", "3.0e3")
	case 1, 2, 3:
		return strconv.FormatFloat(float64(g.r.IntN(200)-100)/8, 'f', -1, 64)
	}
	return strconv.Itoa(g.r.IntN(20) - 5)
}

func (g *generator) zadd() []string {
	args := []string{"ZADD", g.key()}
	for g.oneIn(4) {
		args = append(args, g.pick("NX", "XX", "GT", "LT", "CH", "INCR", "ch"))
	}
	for range 1 + g.r.IntN(6) {
		args = append(args, g.score(), g.member())
	}
	return args
}

func (g *generator) rank() string {
	if g.oneIn(20) {
		return g.integer()
	}
	return strconv.Itoa(g.r.IntN(20) - 8)
}

func (g *generator) scoreBound() string {
	switch g.r.IntN(8) {
	case 0, 1:
		return "(" + g.score()
	case 2:
		return g.pick("-inf", "+inf", "inf", "(inf", "(", " 1")
	}
	return g.score()
}

func (g *generator) zrange() []string {
	var args []string
	byScore := false
	switch g.r.IntN(6) {
	case 0:
		byScore = true
		args = []string{g.pick("ZRANGEBYSCORE", "ZREVRANGEBYSCORE"), g.key(), g.scoreBound(), g.scoreBound()}
	case 1:
		byScore = true
		args = []string{"ZRANGE", g.key(), g.scoreBound(), g.scoreBound(), "BYSCORE"}
	case 2:
		byScore = true
		args = []string{"ZRANGESTORE", g.key(), g.key(), g.scoreBound(), g.scoreBound(), "BYSCORE"}
	case 3:
		args = []string{"ZRANGESTORE", g.key(), g.key(), g.rank(), g.rank()}
	case 4:
		args = []string{"ZREVRANGE", g.key(), g.rank(), g.rank()}
	default:
		args = []string{"ZRANGE", g.key(), g.rank(), g.rank()}
	}
	if g.oneIn(3) {
		args = append(args, "WITHSCORES")
	}
	if g.oneIn(3) {
		args = append(args, "REV")
	}
	if byScore && g.oneIn(2) || g.oneIn(20) {
		args = append(args, "LIMIT", g.pick("0", "1", "2", "-1"), g.pick("0", "1", "3", "-1"))
	}
	return args
}

func (g *generator) zcombine() []string {
	name := g.pick("ZUNION", "ZINTER", "ZDIFF", "ZUNIONSTORE", "ZINTERSTORE", "ZDIFFSTORE", "ZINTERCARD")
	args := []string{name}
	if strings.HasSuffix(name, "STORE") {
		args = append(args, g.key())
	}
	n := 1 + g.r.IntN(3)
	args = append(args, strconv.Itoa(n))
	for range n {
		args = append(args, g.key())
	}
	if g.oneIn(3) {
		args = append(args, "WEIGHTS")
		for range n {
			args = append(args, g.score())
		}
	}
	if g.oneIn(3) {
		args = append(args, "AGGREGATE", g.pick("SUM", "MIN", "MAX", "min"))
	}
	if g.oneIn(2) {
		args = append(args, "WITHSCORES")
	}
	return args
}

// alikeZSets compares replies about sorted sets that chance or a table's order has
// a part in.
func alikeZSets(args []string, a, b reply) bool {
	switch strings.ToUpper(args[0]) {
	case "ZSCAN":
		return a.sorted() == b.sorted()
	case "ZRANDMEMBER":
		return len(a.elems) == len(b.elems) && a.null == b.null
	}
	return false
}

package integration

import (
	"strconv"
	"strings"
)

// sets draws a command of the set family. What SPOP takes is chance, hence it takes
// all or nothing here.
func (g *generator) sets() []string {
	switch g.r.IntN(14) {
	case 0, 1, 2:
		return g.withMembers("SADD", g.key())
	case 3:
		return g.withMembers("SREM", g.key())
	case 4:
		return g.withMembers("SMISMEMBER", g.key())
	case 5:
		return []string{"SISMEMBER", g.key(), g.member()}
	case 6:
		return []string{"SMOVE", g.key(), g.key(), g.member()}
	case 7:
		return []string{"SPOP", g.key(), g.pick("0", "1000", "1000", "x", "-1")}
	case 8:
		args := []string{"SRANDMEMBER", g.key()}
		if g.oneIn(2) {
			args = append(args, g.pick("0", "1", "-1", "3", "-3", "1000", "x"))
		}
		return args
	case 9:
		args := []string{"SSCAN", g.key(), "0", "COUNT", "1000"}
		if g.oneIn(2) {
			args = append(args, "MATCH", g.pick("*", "1*", "[a-f]", "x"))
		}
		return args
	case 10:
		args := []string{"SINTERCARD", g.pick("1", "2", "2", "3", "0", "x"), g.key(), g.key()}
		if g.oneIn(2) {
			args = append(args, "LIMIT", g.pick("0", "1", "2", "-1", "x"))
		}
		return args
	case 11:
		return []string{g.pick("SCARD", "SMEMBERS"), g.key()}
	case 12:
		return g.withKeys(g.pick("SINTER", "SUNION", "SDIFF"))
	}
	return g.withKeys(g.pick("SINTERSTORE", "SUNIONSTORE", "SDIFFSTORE"), g.key())
}

// member is one of few, so that sets have some in common.
func (g *generator) member() string {
	switch g.r.IntN(8) {
	case 0:
		return g.value()
	case 1:
		return g.pick("a", "b", "c", "d", "e")
	}
	return strconv.Itoa(g.r.IntN(12) - 2)
}

func (g *generator) withMembers(args ...string) []string {
	for range 1 + g.r.IntN(5) {
		args = append(args, g.member())
	}
	return args
}

func (g *generator) withKeys(args ...string) []string {
	for range 1 + g.r.IntN(3) {
		args = append(args, g.key())
	}
	return args
}

// alikeSets compares replies about sets, whose order is nobody's promise. Redis 7.0
// has no listpacks for them.
func alikeSets(args []string, a, b reply) bool {
	switch strings.ToUpper(args[0]) {
	case "SMEMBERS", "SINTER", "SUNION", "SDIFF", "SPOP", "SSCAN":
		return a.sorted() == b.sorted()
	case "SRANDMEMBER":
		return len(a.elems) == len(b.elems) && a.null == b.null
	}
	return false
}

package integration

import (
	"strconv"
	"strings"
)

// hashes draws a command of the hash family.
func (g *generator) hashes() []string {
	switch g.r.IntN(14) {
	case 0, 1, 2:
		args := []string{g.pick("HSET", "HSET", "HMSET"), g.key()}
		for range 1 + g.r.IntN(4) {
			args = append(args, g.field(), g.value())
		}
		return args
	case 3:
		return []string{"HSETNX", g.key(), g.field(), g.value()}
	case 4:
		return g.withFields("HDEL", g.key())
	case 5:
		return g.withFields("HMGET", g.key())
	case 6, 7:
		return []string{"HINCRBY", g.key(), g.field(), g.integer()}
	case 8:
		return []string{"HINCRBYFLOAT", g.key(), g.field(), g.float()}
	case 9:
		args := []string{"HRANDFIELD", g.key()}
		if g.oneIn(2) {
			args = append(args, g.pick("0", "1", "-1", "3", "-3", "1000", "x"))
			if g.oneIn(2) {
				args = append(args, "WITHVALUES")
			}
		}
		return args
	case 10:
		args := []string{"HSCAN", g.key(), "0", "COUNT", "1000"}
		if g.oneIn(2) {
			args = append(args, "MATCH", g.pick("*", "1*", "f[a-f]", "x"))
		}
		return args
	case 11:
		return []string{g.pick("HLEN", "HGETALL", "HKEYS", "HVALS"), g.key()}
	}
	return []string{g.pick("HGET", "HEXISTS", "HSTRLEN"), g.key(), g.field()}
}

// field is one of few, most of the time.
func (g *generator) field() string {
	if g.oneIn(10) {
		return g.value()
	}
	return g.pick("f", "") + strconv.Itoa(g.r.IntN(12))
}

func (g *generator) withFields(args ...string) []string {
	for range 1 + g.r.IntN(4) {
		args = append(args, g.field())
	}
	return args
}

// alikeHashes compares replies about hashes: the order of fields is nobody's promise,
// and which ones are drawn is chance.
func alikeHashes(args []string, a, b reply) bool {
	switch strings.ToUpper(args[0]) {
	case "HGETALL", "HKEYS", "HVALS", "HSCAN":
		return a.sorted() == b.sorted()
	case "HRANDFIELD":
		return a.kind == b.kind && len(a.elems) == len(b.elems)
	}
	return false
}

package server

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
)

// What a command costs without the socket: sixteen in a packet, on values as
// redis-benchmark makes them and on large ones.
func BenchmarkCommands(b *testing.B) {
	c := direct(b)
	for i := range 20000 {
		c.turn(request("RPUSH", "biglist", fmt.Sprint("element:", i)))
	}
	c.turn(request("RPUSH", "list", "a", "b", "c", "d", "e"))
	c.turn(request("SADD", "set", "element:000000000000"))
	c.turn(request("ZADD", "zset", "0", "element:000000000000"))
	c.turn(request("HSET", "hash", "element:000000000000", "xxx"))
	for i := range 100 {
		n := strconv.Itoa(i)
		c.turn(request("ZADD", "zset100", n, "member:"+n))
		if i < 50 {
			c.turn(request("HSET", "hash50", "field:"+n, "value:"+n))
			c.turn(request("SADD", "set50", "member:"+n))
		}
	}
	for _, bc := range []struct {
		name string
		args []string
	}{
		{"GET_nokey", []string{"GET", "nokey"}},
		{"SET", []string{"SET", "key", "xxx"}},
		{"SADD", []string{"SADD", "set", "element:000000000000"}},
		{"ZADD", []string{"ZADD", "zset", "0", "element:000000000000"}},
		{"HSET", []string{"HSET", "hash", "element:000000000000", "xxx"}},
		{"SPOP_nokey", []string{"SPOP", "nokey"}},
		{"RPOP_nokey", []string{"RPOP", "nokey"}},
		{"LPUSH", []string{"LPUSH", "biglist", "xxx"}},
		{"RPUSH", []string{"RPUSH", "biglist", "xxx"}},
		{"LMOVE_big", []string{"LMOVE", "biglist", "biglist", "LEFT", "RIGHT"}},
		{"LMOVE_small", []string{"LMOVE", "list", "list", "LEFT", "RIGHT"}},
		{"LINDEX", []string{"LINDEX", "biglist", "10000"}},
		{"LRANGE_small", []string{"LRANGE", "list", "0", "-1"}},
		{"LRANGE_100", []string{"LRANGE", "biglist", "0", "99"}},
		{"LRANGE_600", []string{"LRANGE", "biglist", "0", "599"}},
		{"ZRANGE_100", []string{"ZRANGE", "zset100", "0", "99"}},
		{"HGETALL_50", []string{"HGETALL", "hash50"}},
		{"SMEMBERS_50", []string{"SMEMBERS", "set50"}},
		{"XADD", []string{"XADD", "stream", "MAXLEN", "~", "10000", "*", "field", "value"}},
	} {
		b.Run(bc.name, func(b *testing.B) {
			const pipeline = 16
			packet := slices.Repeat(request(bc.args...), pipeline)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if i%pipeline == 0 {
					c.turn(packet)
				}
			}
		})
	}
}

// What commands on random members of a large collection cost: 100 000 of them.
func BenchmarkLargeCollections(b *testing.B) {
	const members, pipeline = 100_000, 16
	for _, bc := range []struct {
		name string
		args func(n, m string) []string
	}{
		{"SADD", func(n, _ string) []string { return []string{"SADD", "set", "member:" + n} }},
		{"SISMEMBER", func(n, _ string) []string { return []string{"SISMEMBER", "set", "member:" + n} }},
		{"HSET", func(n, _ string) []string { return []string{"HSET", "hash", "field:" + n, "value"} }},
		{"HGET", func(n, _ string) []string { return []string{"HGET", "hash", "field:" + n} }},
		{"ZADD", func(n, m string) []string { return []string{"ZADD", "zset", m, "member:" + n} }},
		{"ZSCORE", func(n, _ string) []string { return []string{"ZSCORE", "zset", "member:" + n} }},
		{"ZRANK", func(n, _ string) []string { return []string{"ZRANK", "zset", "member:" + n} }},
		{"LPUSH", func(n, _ string) []string { return []string{"LPUSH", "list", "value:" + n} }},
	} {
		b.Run(bc.name, func(b *testing.B) {
			c := direct(b)
			rng := rand.New(rand.NewPCG(1, 2))
			var packets [][]byte
			for range 2 * members / pipeline {
				var packet []byte
				for range pipeline {
					n, m := fmt.Sprintf("%012d", rng.IntN(members)), fmt.Sprintf("%012d", rng.IntN(members))
					packet = append(packet, request(bc.args(n, m)...)...)
				}
				packets = append(packets, packet)
			}
			for i := range members {
				n := fmt.Sprintf("%012d", i)
				c.turn(request("SADD", "set", "member:"+n))
				c.turn(request("HSET", "hash", "field:"+n, "value"))
				c.turn(request("ZADD", "zset", n, "member:"+n))
			}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if i%pipeline == 0 {
					c.turn(packets[i/pipeline%len(packets)])
				}
			}
		})
	}
}

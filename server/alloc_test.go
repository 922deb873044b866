package server

import (
	"fmt"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"github.com/vedette-ha/vedette/internal/endpoint"
	"github.com/vedette-ha/vedette/internal/resp"
)

// nowhere is a connection that takes all output; nothing else of it is used.
type nowhere struct{ endpoint.Conn }

func (nowhere) Write(p []byte) (int, error) { return len(p), nil }
func (nowhere) RemoteAddr() string          { return "10.0.0.2:1" }
func (nowhere) Unix() bool                  { return false }
func (nowhere) Close()                      {}

// direct is a server without a loop, and a session whose bytes the test provides.
func direct(tb testing.TB) *session {
	cfg := NewConfig()
	cfg.Dir, cfg.SlowlogLogSlowerThan = tb.TempDir(), -1
	s, err := New(Options{Config: cfg, Log: zerolog.Nop(), Virtual: true})
	if err != nil {
		tb.Fatal(err)
	}
	c := s.newSession()
	c.conn = nowhere{}
	s.addSession(c)
	return c
}

// turn is what the loop does with the bytes of one packet.
func (c *session) turn(packet []byte) {
	c.srv.startTurn()
	c.consume(packet)
	c.srv.flushOutputs()
}

// longWord is too long for a small collection.
var longWord = strings.Repeat("long", 30)

// Executing the commands that matter allocates nothing.
func TestNoAllocations(t *testing.T) {
	for _, args := range [][]string{
		{"GET", "key"}, {"GET", "nokey"}, {"SET", "key", "a value of some length"}, {"INCR", "n"}, {"EXISTS", "key"},
		{"PING"}, {"APPEND", "b", "x"}, {"GETRANGE", "key", "0", "3"}, {"STRLEN", "key"}, {"MGET", "key", "n", "nokey"}, {"TTL", "key"},
		{"SADD", "ints", "5"}, {"SADD", "words", "a"}, {"SADD", "long", longWord}, {"SISMEMBER", "ints", "5"}, {"SISMEMBER", "words", "a"},
		{"RPUSH", "list", "a"}, {"LPOP", "list"}, {"LRANGE", "list", "0", "-1"}, {"LINDEX", "list", "1"}, {"LMOVE", "list", "list", "LEFT", "RIGHT"},
		{"RPUSH", "longlist", longWord}, {"RPOP", "longlist"}, {"LRANGE", "longlist", "0", "50"}, {"LINDEX", "longlist", "40"},
		{"LMOVE", "longlist", "longlist", "RIGHT", "LEFT"}, {"LSET", "longlist", "3", longWord},
		{"SISMEMBER", "long", longWord}, {"SREM", "ints", "7"}, {"SMEMBERS", "words"}, {"SRANDMEMBER", "long"}, {"SCARD", "long"}, {"SPOP", "hundreds"}, {"SPOP", "manyints"}, {"SPOP", "manywords"},
		{"HSET", "small", "f", "v"}, {"HSET", "hash", "f", "v"}, {"HGET", "small", "f"}, {"HGET", "hash", "f"}, {"HGETALL", "small"}, {"HGETALL", "hash"},
		{"HINCRBY", "small", "n", "1"}, {"HINCRBY", "hash", "n", "1"}, {"HMGET", "hash", "f", "x"}, {"HRANDFIELD", "small"}, {"HRANDFIELD", "hash"}, {"HLEN", "hash"},
		{"HDEL", "hash", "none"}, {"HEXISTS", "timed", "a"},
	} {
		c := direct(t)
		c.turn(request("SET", "key", "some value"))
		c.turn(request("HSET", "small", "f", "v", "n", "1"))
		c.turn(request("HSET", "hash", "f", longWord, "n", "1"))
		c.turn(request("HSETEX", "timed", "EX", "100", "FIELDS", "1", "a", "1"))
		c.turn(request("SADD", "ints", "5", "6"))
		c.turn(request("SADD", "words", "a", "b"))
		c.turn(request("SADD", "long", longWord))
		for i := range 300 {
			c.turn(request("SADD", "hundreds", fmt.Sprint("word", i)))
			c.turn(request("SADD", "manyints", fmt.Sprint(i*1000)))
		}
		c.turn(request("CONFIG", "SET", "set-max-listpack-entries", "500"))
		for i := range 300 {
			c.turn(request("SADD", "manywords", fmt.Sprint("word", i)))
		}
		c.turn(request("RPUSH", "list", "a", "b", "c"))
		for range 500 {
			c.turn(request("RPUSH", "longlist", longWord))
		}
		packet := request(args...)
		for range 5 {
			c.turn(packet)
		}
		if n := testing.AllocsPerRun(200, func() { c.turn(packet) }); n > 0 {
			t.Errorf("%v: %v allocations", args, n)
		}
	}
}

func request(args ...string) []byte {
	words := make([][]byte, len(args))
	for i, a := range args {
		words[i] = []byte(a)
	}
	return resp.AppendCommand(nil, words...)
}

func BenchmarkTurn(b *testing.B) {
	for _, args := range [][]string{{"PING"}, {"GET", "key:000000000042"}, {"SET", "key:000000000042", "xxx"}} {
		for _, pipeline := range []int{1, 16} {
			b.Run(fmt.Sprintf("%s/%d", args[0], pipeline), func(b *testing.B) {
				c := direct(b)
				var packet []byte
				for range pipeline {
					packet = append(packet, request(args...)...)
				}
				b.ReportAllocs()
				for b.Loop() {
					c.turn(packet)
				}
			})
		}
	}
}

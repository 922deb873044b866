package codec_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/gomodule/redigo/redis"

	"github.com/vedette-ha/vedette/internal/rdb"
	"github.com/vedette-ha/vedette/internal/redistest"
	"github.com/vedette-ha/vedette/server/codec"
	"github.com/vedette-ha/vedette/server/keyspace"
)

func limits() *codec.Limits {
	return &codec.Limits{HashMaxEntries: 512, HashMaxValue: 64, ListMaxSize: -2, SetMaxIntset: 512, SetMaxEntries: 128,
		SetMaxValue: 64, ZSetMaxEntries: 128, ZSetMaxValue: 64, StreamNodeMaxBytes: 4096, StreamNodeEntries: 100}
}

// server is a real redis-server.
type server struct {
	t    *testing.T
	conn redis.Conn
}

func startRedis(t *testing.T, args ...string) *server {
	t.Helper()
	addr := redistest.Start(t, append(args, "--enable-debug-command", "yes")...)
	conn, err := redis.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return &server{t, conn}
}

func (s *server) do(args ...any) any {
	s.t.Helper()
	reply, err := s.conn.Do(args[0].(string), args[1:]...)
	if err != nil {
		s.t.Fatalf("%.300v: %v", args, err)
	}
	return reply
}

func (s *server) str(args ...any) string {
	s.t.Helper()
	text, err := redis.String(s.do(args...), nil)
	if err != nil {
		s.t.Fatal(err)
	}
	return text
}

func (s *server) digest(key string) string {
	s.t.Helper()
	all, err := redis.Strings(s.do("DEBUG", "DIGEST-VALUE", key), nil)
	if err != nil || len(all) != 1 {
		s.t.Fatalf("%q, %v", all, err)
	}
	return all[0]
}

// fill gives the server keys of every kind and encoding.
func fill(s *server) {
	long := strings.Repeat("a longer value ", 20)
	for i, v := range []string{"", "12", "-70000", "hello", long} {
		s.do("SET", fmt.Sprintf("string:%d", i), v)
	}
	s.do("RPUSH", "list", "a", "1", "-5000", long, 1<<40, -1<<20, 300, 1<<30)
	s.do("RPUSH", "list:one", "a")
	s.do("RPUSH", "list:huge", strings.Repeat("x", 100_000), "b", strings.Repeat("y", 9000))
	for i := range 3000 {
		s.do("RPUSH", "list:big", fmt.Sprintf("element %d", i), i*i)
		s.do("SADD", "set:big", fmt.Sprintf("member %d", i))
		s.do("SADD", "set:ints", i)
		s.do("HSET", "hash:big", fmt.Sprintf("field %d", i), i)
		s.do("ZADD", "zset:big", float64(i)/7, fmt.Sprintf("member %d", i))
	}
	s.do("SADD", "set:16", 1, -2, 300)
	s.do("SADD", "set:32", 1, -2, 70000)
	s.do("SADD", "set:64", 1, -2, 1<<40)
	s.do("SADD", "set", "a", "b", "12")
	s.do("HSET", "hash", "a", "1", "b", long[:60], "", "")
	s.do("HSET", "hash:long", "a", long)
	s.do("ZADD", "zset", "1.5", "a", "-inf", "b", "inf", "c", "1e-7", "d", "3", "e", "3", "ee", "-0", "z", "1e300", "h")
	s.do("ZADD", "zset:long", "1.5", long, "0.1", "x", "12345678901234567890", "y")
	for i := range 250 {
		s.do("XADD", "stream", fmt.Sprintf("%d-%d", 1000+i/3, i%3+1), "temperature", i, "unit", "C")
	}
	s.do("XADD", "stream", "5000-0", "other", "fields", "than", "before", "three", "pairs")
	s.do("XDEL", "stream", "1000-1", "1001-2", "5000-0")
	s.do("XGROUP", "CREATE", "stream", "readers", "0")
	s.do("XGROUP", "CREATE", "stream", "idle", "1010-1")
	s.do("XREADGROUP", "GROUP", "readers", "alice", "COUNT", 5, "STREAMS", "stream", ">")
	s.do("XREADGROUP", "GROUP", "readers", "bob", "COUNT", 3, "STREAMS", "stream", ">")
	s.do("XACK", "stream", "readers", "1000-2")
	s.do("XADD", "stream:empty", "7-7", "a", "b")
	s.do("XDEL", "stream:empty", "7-7")
	s.do("SETRANGE", "string:raw", 0, "12")
}

// read turns a DUMP payload into a value of the keyspace.
func read(t *testing.T, payload string, l *codec.Limits) (keyspace.Value, error) {
	t.Helper()
	parsed, err := rdb.ParseDump([]byte(payload))
	if err != nil {
		t.Fatal(err)
	}
	return codec.Read(&parsed, l)
}

// dump is the DUMP payload of a value.
func dump(v keyspace.Value, version int) []byte {
	var body bytes.Buffer
	w := rdb.NewWriter(&body, rdb.Options{Version: version, Compress: true, NoChecksum: true})
	codec.Write(w, v)
	w.Flush()
	return rdb.AppendDumpRaw(nil, codec.Type(v, version), body.Bytes(), version)
}

func digestOf(v keyspace.Value) string {
	var d codec.Digest
	d.MixValue(v, false)
	return fmt.Sprintf("%x", d[:])
}

// What Redis dumps is read as what it is: in the same encoding, with the same digest,
// and our dump of it is Redis's, byte for byte where the order is not that of a table.
func TestRedisDumps(t *testing.T) {
	s := startRedis(t)
	fill(s)
	keys, _ := redis.Strings(s.do("KEYS", "*"), nil)
	for _, key := range keys {
		t.Run(key, func(t *testing.T) { compareDump(t, s, key) })
	}
}

func compareDump(t *testing.T, s *server, key string) {
	theirs := s.str("DUMP", key)
	v, err := read(t, theirs, limits())
	if err != nil {
		t.Fatal(err)
	}
	if want := s.str("TYPE", key); v.Kind.String() != want {
		t.Errorf("%s is a %v, want a %s", key, v.Kind, want)
	}
	encoding := v.Encoding.String()
	if want := s.str("OBJECT", "ENCODING", key); encoding != want && !newer(key, encoding, want) {
		t.Errorf("%s is a %s, want a %s", key, encoding, want)
	}
	if want := s.digest(key); digestOf(v) != want {
		t.Errorf("%s has the digest %s, want %s", key, digestOf(v), want)
	}
	ours := string(dump(v, 10))
	if unordered := encoding == "hashtable" || want(theirs) == rdb.TypeSet; ours != theirs && !unordered {
		t.Errorf("%s: we dump\n%.300x\nwant\n%.300x", key, ours, theirs)
	}
	s.do("RESTORE", key+":back", 0, ours)
	if want := s.digest(key); s.digest(key+":back") != want {
		t.Errorf("%s is not the same after it has been with us", key)
	}
}

func want(payload string) rdb.Type { return rdb.Type(payload[0]) }

// newer reports whether Redis 7.2 has an encoding that 7.0 has not.
func newer(key, encoding, want string) bool {
	return encoding == "listpack" && (strings.HasPrefix(key, "list") && want == "quicklist" ||
		strings.HasPrefix(key, "set") && want == "hashtable") || key == "string:raw"
}

// Whatever the limits of the reader, the value is the same.
func TestLimitsChangeNoValue(t *testing.T) {
	s := startRedis(t)
	fill(s)
	keys, _ := redis.Strings(s.do("KEYS", "*"), nil)
	for _, key := range keys {
		t.Run(key, func(t *testing.T) {
			payload, digest := s.str("DUMP", key), s.digest(key)
			for range 10 {
				l := limits()
				for _, n := range []*int{&l.HashMaxEntries, &l.HashMaxValue, &l.SetMaxIntset, &l.SetMaxEntries, &l.SetMaxValue,
					&l.ZSetMaxEntries, &l.ZSetMaxValue} {
					*n = rand.IntN(4) * rand.IntN(2000)
				}
				l.ListMaxSize = rand.IntN(20) - 5
				v, err := read(t, payload, l)
				if err != nil {
					t.Fatal(err)
				}
				again, err := read(t, string(dump(v, 10+rand.IntN(2))), l)
				if err != nil || digestOf(v) != digest || digestOf(again) != digest {
					t.Errorf("%s, %+v: %v, digest %s, then %s, want %s", key, l, err, digestOf(v), digestOf(again), digest)
				}
			}
		})
	}
}

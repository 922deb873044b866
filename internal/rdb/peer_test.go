package rdb_test

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gomodule/redigo/redis"

	"github.com/vedette-ha/vedette/internal/rdb"
)

// readAll reads a snapshot and returns its keys as "db/name" with a canonical text
// of the value, and the types seen.
func readAll(t *testing.T, p []byte) (keys map[string]string, types map[rdb.Type]bool) {
	t.Helper()
	r := rdb.NewReader(bytes.NewReader(p), rdb.ReaderOptions{Size: int64(len(p))})
	keys, types = make(map[string]string), make(map[rdb.Type]bool)
	for {
		ev, err := r.Next()
		if err == io.EOF {
			return keys, types
		}
		if err != nil {
			t.Fatal(err)
		}
		rec, ok := ev.(*rdb.Record)
		if !ok {
			continue
		}
		text := canonical(rec.Value)
		if rec.ExpireAt != -1 {
			text += fmt.Sprintf(" expires at %d", rec.ExpireAt)
		}
		keys[fmt.Sprintf("%d/%s", rec.DB, rec.Key)] = text
		types[rec.Value.Type] = true
	}
}

// canonical is a text that is equal for equal values: what has no order is sorted.
func canonical(v rdb.Value) string {
	switch v.Kind {
	case rdb.KindString:
		return fmt.Sprintf("string %q", v.String)
	case rdb.KindStream:
		return "stream " + canonicalStream(v.Stream)
	}
	v = flat(v)
	var parts []string
	for i := 0; i < len(v.Elements); i++ {
		s := fmt.Sprintf("%q", v.Elements[i])
		if v.Kind == rdb.KindHash {
			i++
			s += fmt.Sprintf("=%q", v.Elements[i])
		}
		if v.Kind == rdb.KindZSet {
			s += fmt.Sprintf("=%v", v.Scores[i])
		}
		parts = append(parts, s)
	}
	if v.Kind != rdb.KindList {
		slices.Sort(parts)
	}
	return v.Kind.String() + " " + strings.Join(parts, " ")
}

func canonicalStream(s *rdb.Stream) string {
	c := *s
	c.Groups = slices.Clone(s.Groups)
	slices.SortFunc(c.Groups, func(a, b rdb.StreamGroup) int { return cmp.Compare(string(a.Name), string(b.Name)) })
	for i := range c.Groups {
		g := &c.Groups[i]
		g.Consumers = slices.Clone(g.Consumers)
		for j := range g.Consumers {
			g.Consumers[j].ActiveAt = 0 // not in what Redis 7.0 stores
		}
	}
	entries := entriesOf(s)
	c.Nodes = nil
	return fmt.Sprint(entries, c)
}

// fill gives a server keys of every kind, small and big, in two databases.
func fill(s *redisServer) {
	long := strings.Repeat("a longer value ", 20)
	s.do("SELECT", 0)
	for i, v := range []string{"", "12", "-70000", "hello", long, strings.Repeat("\x01", 100_000)} {
		s.do("SET", fmt.Sprintf("string:%d", i), v)
	}
	s.do("SET", "expiring", "x", "PXAT", 4102444800123)
	s.do("SET", long, "a key of its own")
	s.do("RPUSH", "list", "a", "1", "-5000", long, 1<<40, -1<<20, 300, 1<<30)
	for i := range 3000 {
		s.do("RPUSH", "biglist", fmt.Sprintf("element %d", i), i*i)
		s.do("SADD", "bigset", fmt.Sprintf("member %d", i))
		s.do("HSET", "bighash", fmt.Sprintf("field %d", i), i)
		s.do("ZADD", "bigzset", float64(i)/7, fmt.Sprintf("member %d", i))
	}
	s.do("SADD", "ints16", 1, -2, 300)
	s.do("SADD", "ints32", 1, -2, 70000)
	s.do("SADD", "ints64", 1, -2, 1<<40)
	s.do("SADD", "set", "a", "b", "12")
	s.do("HSET", "hash", "a", "1", "b", long[:60], "", "")
	s.do("ZADD", "zset", "1.5", "a", "-inf", "b", "inf", "c", "1e-7", "d", "3", "e")
	s.do("SELECT", 9)
	fillStreams(s)
}

func fillStreams(s *redisServer) {
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
	s.do("XADD", "emptied", "7-7", "a", "b")
	s.do("XDEL", "emptied", "7-7")
}

// Everything redis-server stores is read: here checked by what redis-server has to
// say about the same keys after it has read what we made of them.
func TestPeersReadEachOther(t *testing.T) {
	for _, compress := range []string{"yes", "no"} {
		t.Run("rdbcompression "+compress, func(t *testing.T) {
			s := startRedis(t, t.TempDir(), "--rdbcompression", compress)
			fill(s)
			theirs, err := os.ReadFile(s.save())
			if err != nil {
				t.Fatal(err)
			}
			want, types := readAll(t, theirs)
			for _, typ := range []rdb.Type{0, 2, 4, 5, 11, 16, 17, 18, 19} {
				if !types[typ] {
					t.Errorf("no value of type %d was read", typ)
				}
			}
			dir := t.TempDir()
			ours := filepath.Join(dir, "dump.rdb")
			rewrite(t, theirs, ours, rdb.Options{Compress: compress == "yes"})
			checkRDB(t, ours)
			back := startRedis(t, dir)
			compareServers(t, s, back)
			again, err := os.ReadFile(back.save())
			if err != nil {
				t.Fatal(err)
			}
			got, _ := readAll(t, again)
			compareKeys(t, got, want)
		})
	}
}

// rewrite reads a snapshot and writes all its keys to path.
func rewrite(t *testing.T, snapshot []byte, path string, o rdb.Options) {
	t.Helper()
	var out bytes.Buffer
	w := rdb.NewWriter(&out, o)
	w.Header()
	w.Aux("redis-ver", "7.2.0")
	r := rdb.NewReader(bytes.NewReader(snapshot), rdb.ReaderOptions{})
	for {
		ev, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		switch ev := ev.(type) {
		case *rdb.SelectDB:
			w.SelectDB(ev.DB)
		case *rdb.ResizeDB:
			w.ResizeDB(ev.Keys, ev.Volatile)
		case *rdb.Record:
			w.Key(ev.Meta, ev.Key, ev.Value)
		case *rdb.Function:
			w.Function(ev.Code)
		}
	}
	if err := w.End(); err != nil {
		t.Fatal(err)
	}
	if w.Written() != int64(out.Len()) {
		t.Errorf("Written is %d, %d bytes were", w.Written(), out.Len())
	}
	if err := os.WriteFile(path, out.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

func checkRDB(t *testing.T, path string) {
	t.Helper()
	tool, err := exec.LookPath("redis-check-rdb")
	if err != nil {
		return
	}
	if out, err := exec.Command(tool, path).CombinedOutput(); err != nil {
		t.Errorf("redis-check-rdb: %v\n%s", err, out)
	}
}

// compareServers asks both servers for everything they hold.
func compareServers(t *testing.T, a, b *redisServer) {
	t.Helper()
	for _, db := range []int{0, 9} {
		a.do("SELECT", db)
		b.do("SELECT", db)
		if x, y := a.do("DBSIZE"), b.do("DBSIZE"); x != y {
			t.Errorf("database %d: %v keys became %v", db, x, y)
		}
		names, _ := redis.Strings(a.do("KEYS", "*"), nil)
		for _, name := range names {
			x, y := ask(a, name), ask(b, name)
			if x != y {
				t.Errorf("%.40q: %.300s\nbecame: %.300s", name, x, y)
			}
		}
	}
}

// ask returns the whole value of a key as the server tells it.
func ask(s *redisServer, key string) string {
	kind, _ := redis.String(s.do("TYPE", key), nil)
	queries := map[string][]any{
		"string": {"GET", key}, "list": {"LRANGE", key, 0, -1}, "set": {"SMEMBERS", key},
		"zset": {"ZRANGE", key, 0, -1, "WITHSCORES"}, "hash": {"HGETALL", key}, "stream": {"XRANGE", key, "-", "+"},
	}
	reply := s.do(queries[kind]...)
	if kind == "set" || kind == "hash" {
		return sortedReply(kind, reply.([]any)) + fmt.Sprint(s.do("PEXPIRETIME", key))
	}
	text := fmt.Sprintf("%s %q %v", kind, reply, s.do("PEXPIRETIME", key))
	if kind == "stream" {
		text += fmt.Sprintf("%q", s.do("XINFO", "GROUPS", key))
		text += fmt.Sprintf("%q", s.do("XINFO", "STREAM", key)) + pendingOf(s, key)
	}
	return stripVolatile(text)
}

func sortedReply(kind string, reply []any) string {
	per := 1
	if kind == "hash" {
		per = 2
	}
	var parts []string
	for c := range slices.Chunk(reply, per) {
		parts = append(parts, fmt.Sprintf("%q", c))
	}
	slices.Sort(parts)
	return kind + strings.Join(parts, " ")
}

func pendingOf(s *redisServer, key string) (text string) {
	for _, g := range []string{"readers", "idle"} {
		if reply, err := s.conn.Do("XPENDING", key, g, "-", "+", 100); err == nil {
			for _, p := range reply.([]any) {
				p := p.([]any)
				text += fmt.Sprintf("%q %q %v", p[0], p[1], p[3]) // p[2] is how long ago
			}
		}
	}
	return text
}

// stripVolatile takes out of XINFO STREAM how the nodes lie in memory.
func stripVolatile(text string) string {
	for _, word := range []string{"radix-tree-keys", "radix-tree-nodes"} {
		if i := strings.Index(text, word); i >= 0 {
			end := i + strings.Index(text[i:], "]")
			if j := strings.Index(text[i+len(word)+2:], `"`); j >= 0 {
				end = min(end, i+len(word)+2+j)
			}
			text = text[:i] + text[end:]
		}
	}
	return text
}

func compareKeys(t *testing.T, got, want map[string]string) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%d keys, want %d", len(got), len(want))
	}
	for k, w := range want {
		if got[k] != w {
			t.Errorf("%.40q: %.300s\nwant %.300s", k, got[k], w)
		}
	}
}

// What the policies of maxmemory know of a key comes along.
func TestReadIdleAndFreq(t *testing.T) {
	tests := []struct {
		policy string
		check  func(rdb.Meta) bool
	}{
		{"noeviction", func(m rdb.Meta) bool { return m.IdleSeconds == -1 && m.Freq == -1 }},
		{"allkeys-lru", func(m rdb.Meta) bool { return m.IdleSeconds == 300 && m.Freq == -1 }},
		{"allkeys-lfu", func(m rdb.Meta) bool { return m.IdleSeconds == -1 && m.Freq == 77 }},
	}
	for _, tt := range tests {
		t.Run(tt.policy, func(t *testing.T) {
			s := startRedis(t, t.TempDir(), "--maxmemory-policy", tt.policy)
			s.do("SET", "k", "v")
			payload, _ := redis.String(s.do("DUMP", "k"), nil)
			switch tt.policy {
			case "allkeys-lru":
				s.do("RESTORE", "k", 0, payload, "REPLACE", "IDLETIME", 300)
			case "allkeys-lfu":
				s.do("RESTORE", "k", 0, payload, "REPLACE", "FREQ", 77)
			}
			f, err := os.Open(s.save())
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			r := rdb.NewReader(f, rdb.ReaderOptions{})
			for {
				ev, err := r.Next()
				if err != nil {
					t.Fatal(err)
				}
				if rec, ok := ev.(*rdb.Record); ok {
					if !tt.check(rec.Meta) {
						t.Errorf("%+v", rec.Meta)
					}
					break
				}
			}
		})
	}
}

// Function libraries are events, and come back in what we write.
func TestFunctionsSurvive(t *testing.T) {
	s := startRedis(t, t.TempDir())
	const code = "#!lua name=lib\nredis.register_function('f', function() return 'from f' end)"
	s.do("FUNCTION", "LOAD", code)
	theirs, err := os.ReadFile(s.save())
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	rewrite(t, theirs, filepath.Join(dir, "dump.rdb"), rdb.Options{Compress: true})
	back := startRedis(t, dir)
	if got, _ := redis.String(back.do("FCALL", "f", 0), nil); got != "from f" {
		t.Errorf("the function answers %q", got)
	}
}

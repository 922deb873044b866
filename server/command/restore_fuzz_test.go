package command

import (
	"bytes"
	"strings"
	"testing"

	"github.com/vedette-ha/vedette/internal/rdb"
	"github.com/vedette-ha/vedette/internal/resp"
	"github.com/vedette-ha/vedette/server/codec"
	"github.com/vedette-ha/vedette/server/keyspace"
)

// valueWorld runs commands of all families on a keyspace of its own.
type valueWorld struct {
	t     testing.TB
	table *Table
	ctx   Ctx
}

func newValueWorld(t testing.TB) *valueWorld {
	space := keyspace.New(keyspace.Options{Databases: 1})
	w := &valueWorld{t: t, table: NewTable(StringCommands(), BitmapCommands(), HashCommands(), StreamCommands(),
		HyperLogLogCommands(), GenericCommands(), SortCommands(), SetCommands(), ZSetCommands(), ListCommands(),
		GeoCommands())}
	o := &Options{ProtoMaxBulkLen: 1 << 20, RDBCompression: true, HLLSparseMaxBytes: 3000, Limits: codec.Limits{
		HashMaxEntries: 8, HashMaxValue: 20, ListMaxSize: -2, SetMaxIntset: 8, SetMaxEntries: 8, SetMaxValue: 20,
		ZSetMaxEntries: 8, ZSetMaxValue: 20, StreamNodeMaxBytes: 4096, StreamNodeEntries: 10}}
	w.ctx = Ctx{Out: &resp.Writer{}, DB: space.DB(0), Space: space, Host: w, Opt: o, Lookups: &Lookups{}, Now: 1e12}
	return w
}

func (*valueWorld) Touch(int, []byte)                 {}
func (*valueWorld) Notify(Class, string, []byte, int) {}
func (*valueWorld) Effect(int, ...[]byte)             {}
func (*valueWorld) Ready(int, []byte)                 {}
func (*valueWorld) Block(*Ctx, *Wait) bool            { return false }

// do runs a command and returns the reply; "" for a command that is not there.
func (w *valueWorld) do(args ...[]byte) string {
	cmd := w.table.Lookup(args[0])
	if cmd != nil && len(args) > 1 && cmd.Sub(args[1]) != nil {
		cmd = cmd.Sub(args[1])
	}
	if cmd == nil || cmd.Run == nil || !cmd.ArityOK(len(args)) {
		return ""
	}
	w.ctx.Out.Buf = w.ctx.Out.Buf[:0]
	w.ctx.Begin(cmd, args)
	if err := cmd.Run(&w.ctx); err != nil {
		return "-" + err.Error()
	}
	return string(w.ctx.Out.Buf)
}

func (w *valueWorld) run(line string) string {
	return w.do(bytes.Fields([]byte(line))...)
}

func (w *valueWorld) digest(key string) (d codec.Digest) {
	if e, ok := w.ctx.DB.Peek([]byte(key)); ok {
		d.MixValue(e.Value(), false)
	}
	return d
}

// looks are commands that read a value every way there is, and some that change it.
const looks = `TYPE k
OBJECT ENCODING k
OBJECT IDLETIME k
STRLEN k
GETRANGE k 0 -1
BITCOUNT k
LRANGE k 0 -1
LLEN k
LINDEX k 0
LINDEX k -1
LPOS k a COUNT 0 RANK -1
HGETALL k
HLEN k
HKEYS k
HVALS k
HSCAN k 0 COUNT 10000
HGET k a
HSTRLEN k a
HRANDFIELD k 5 WITHVALUES
HRANDFIELD k -5
HEXISTS k a
HTTL k FIELDS 1 a
SMEMBERS k
SCARD k
SISMEMBER k a
SISMEMBER k 1
SRANDMEMBER k 5
SRANDMEMBER k -5
SSCAN k 0 COUNT 10000
SINTER k k
SDIFF k k
SUNION k k
ZRANGE k 0 -1 WITHSCORES
ZRANGE k -inf +inf BYSCORE
ZRANGE k - + BYLEX
ZREVRANGE k 0 -1
ZCARD k
ZCOUNT k -inf +inf
ZLEXCOUNT k - +
ZSCORE k a
ZRANK k a
ZSCAN k 0 COUNT 10000
ZRANDMEMBER k 5
ZRANDMEMBER k -5 WITHSCORES
ZUNION 2 k k
XLEN k
XRANGE k - +
XREVRANGE k + -
XRANGE k 1 5-5
XINFO STREAM k
XINFO STREAM k FULL COUNT 0
XINFO GROUPS k
XINFO CONSUMERS k g
XPENDING k g
XPENDING k g - + 100
SORT k ALPHA
GEOSEARCH k FROMLONLAT 1 1 BYRADIUS 30000 km
GEOHASH k a
GEOPOS k a
DUMP k`

const changes = `PFCOUNT k
APPEND k x
RPUSH k x 1
LPUSH k x 2
LSET k 0 y
LINSERT k BEFORE x z
LREM k 0 x
LPOP k
RPOP k
HSET k new 1 a b
HDEL k a
HINCRBY k new 1
SADD k 5 x
SREM k a 1
SPOP k
ZADD k 1 x 2 y
ZINCRBY k 5 x
ZREM k a
ZPOPMIN k
ZPOPMAX k
XADD k MAXLEN 5 * f v
XDEL k 1-1
XREADGROUP GROUP g c COUNT 3 STREAMS k >
XAUTOCLAIM k g d 0 0
XACK k g 1-1
XGROUP DELCONSUMER k g c
XTRIM k MAXLEN 1
COPY k k2
RENAME k2 k3`

// seedPayloads are dumps of values of every kind and encoding.
func seedPayloads(w *valueWorld) (payloads [][]byte) {
	for _, lines := range []string{
		"SET k 12", "SET k hello", "RPUSH k a 1 b", "RPUSH k a b c d e f g h i j", "RPUSH k " + strings.Repeat("element ", 1500),
		"HSET k a 1 b 2", "HSET k a a-long-value-that-does-not-fit", "HSET k a 1 b 2 c 3\nHPEXPIRE k 100000 FIELDS 1 a",
		"SADD k 1 2 3", "SADD k a b c", "SADD k 1 70000 -5000000000", "SADD k a b c d e f g h i j k",
		"ZADD k 1 a 2 b 2.5 c", "ZADD k 1 a 2 b 2.5 c -inf d inf e 1 f 1 g 1 h 1 i", "PFADD k a b c",
		"XADD k 1-1 a b\nXADD k 1-2 a b\nXADD k 2-2 c d\nXDEL k 1-2\nXGROUP CREATE k g 0\nXREADGROUP GROUP g c COUNT 1 STREAMS k >",
	} {
		w.run("DEL k")
		for line := range strings.Lines(lines) {
			w.run(line)
		}
		if e, ok := w.ctx.DB.Peek([]byte("k")); ok {
			payloads = append(payloads, DumpOf(e.Value(), false))
		}
	}
	w.run("DEL k")
	return payloads
}

// Any bytes RESTORE takes are refused, or become a value that every command survives
// and that is the same when it has been dumped and restored again.
func FuzzRestore(f *testing.F) {
	w := newValueWorld(f)
	for _, p := range seedPayloads(w) {
		f.Add(p[0], p[1:len(p)-10])
	}
	for _, old := range []struct{ t, body string }{
		{"\x01", "\x02\x01a\xc0\xfb"}, {"\x03", "\x02\x01a\x031.5\x01b\xfe"}, {"\x04", "\x01\x01a\x01b"},
		{"\x09", "\x0c\x02\x01a\x02\x03bc---\x00\x01\x00d\xff"}, {"\x0a", "\x0d\x0d\x00\x00\x00\x0a\x00\x00\x00\x01\x00\x00\xf4\xff"},
		{"\x0e", "\x01\x0d\x0d\x00\x00\x00\x0a\x00\x00\x00\x01\x00\x00\xf4\xff"}, {"\x12", "\x01\x01\x05plain"},
	} {
		f.Add(old.t[0], []byte(old.body))
	}
	f.Fuzz(func(t *testing.T, typ byte, body []byte) {
		if len(body) > 1<<16 {
			t.Skip()
		}
		w.ctx.Space.FlushAll(false)
		payload := rdb.AppendDumpRaw(nil, rdb.Type(typ), body, dumpVersion)
		reply := w.do([]byte("RESTORE"), []byte("k"), []byte("0"), payload)
		if reply == "-ERR Bad data format" {
			return
		}
		if reply != "+OK\r\n" {
			t.Fatalf("RESTORE answers %q", reply)
		}
		want := w.digest("k")
		for line := range strings.Lines(looks) {
			w.run(line)
		}
		e, ok := w.ctx.DB.Peek([]byte("k"))
		if !ok || e.Kind() == keyspace.Hash && rdb.Type(typ) >= rdb.TypeHashMetadataPre {
			return // its fields may have expired
		}
		if got := w.digest("k"); got != want {
			t.Fatal("reading has changed the value")
		}
		if reply := w.do([]byte("RESTORE"), []byte("k2"), []byte("0"), DumpOf(e.Value(), true)); reply != "+OK\r\n" {
			t.Fatalf("restoring what was dumped answers %q", reply)
		}
		if got := w.digest("k2"); got != want {
			t.Fatal("another value came back")
		}
		for line := range strings.Lines(changes) {
			w.run(line)
		}
	})
}

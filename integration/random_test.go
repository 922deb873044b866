package integration

import (
	"flag"
	"math/rand/v2"
	"slices"
	"sort"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

var (
	randomSeed     = flag.Uint64("random.seed", 1, "seed of the random commands; 0 draws one")
	randomCommands = flag.Int("random.commands", 100_000, "how many random commands to compare; 0 goes on until something differs or -timeout ends it")
)

// TestRandomCommands sends random commands over several connections to us and to
// redis-server and compares every reply, every keyspace event, and from time to time
// every key, the statistics and the number of changes. The seed is printed:
//
//	go test ./integration -run TestRandomCommands -random.seed 17
func TestRandomCommands(t *testing.T) {
	seed := *randomSeed
	if seed == 0 {
		seed = rand.Uint64()%1_000_000 + 1
	}
	t.Logf("-random.seed %d", seed)
	ours, theirs := startVedette(t), startRedis(t)
	g := &generator{r: rand.New(rand.NewPCG(seed, 0))}
	w := newRandomRun(t, ours, theirs)
	w.do(w.conn("setup"), "CONFIG", "SET", "list-max-listpack-size", g.listFill(), "list-compress-depth", g.pick("0", "0", "1", "2"))
	for i := 0; i < *randomCommands || *randomCommands == 0; i++ {
		name := strconv.Itoa(1 + g.r.IntN(randomConns))
		args := g.command()
		a, b := w.do(w.conn(name), args...)
		if !w.alike(args, a, b) {
			w.explain(a)
			t.Fatalf("command %d, connection %s: %.500q\n  vedette %.500q\n  redis   %.500q", i, name, args, a.raw, b.raw)
		}
		w.compareEvents(i, args)
		if i%2000 == 1999 {
			w.compareData(i)
			w.compareStats(i)
		}
	}
}

// randomConns is how many connections send commands; one more listens.
const randomConns = 3

type randomRun struct {
	*twins
}

const listenerConn = "listener"

func newRandomRun(t *testing.T, ours, theirs *process) *randomRun {
	w := &randomRun{twins: newTwins(t, ours, theirs, "2")}
	for _, args := range [][]string{
		{"DEBUG", "SET-ACTIVE-EXPIRE", "0"}, // only what commands find expires: both alike
		{"CONFIG", "SET", "notify-keyspace-events", "KEAmn"},
		{"CONFIG", "SET", "set-max-intset-entries", "6"},
		{"CONFIG", "RESETSTAT"},
	} {
		if a, b := w.do(w.conn("setup"), args...); a.kind != '+' || b.kind != '+' {
			t.Fatalf("%v: %q, %q", args, a.raw, b.raw)
		}
	}
	w.do(w.conn(listenerConn), "PSUBSCRIBE", "*")
	w.proto = "3"
	w.conn("1")
	w.proto = "2"
	return w
}

// explain shows what our server is doing if it did not answer.
func (w *randomRun) explain(a reply) {
	if !strings.HasPrefix(a.raw, "nothing") {
		return
	}
	p := w.procs[0]
	p.signal(syscall.SIGQUIT)
	select {
	case <-p.done:
	case <-time.After(5 * time.Second):
	}
	w.t.Logf("%.30000s", p.out)
}

// alike compares replies; those that depend on the clock may differ a little.
func (w *randomRun) alike(args []string, a, b reply) bool {
	if a.raw == b.raw {
		return true
	}
	if len(args) == 0 || a.kind != b.kind {
		return false
	}
	switch strings.ToUpper(args[0]) {
	case "KEYS", "SCAN":
		return a.sorted() == b.sorted()
	case "TTL", "PTTL", "EXPIRETIME", "PEXPIRETIME":
		return near(a.text, b.text)
	case "EXEC":
		return len(a.elems) == len(b.elems) // its commands' replies: see compareData
	case "OBJECT":
		return a.kind == ':' || newerEncoding(a.text, b.text)
	case "DUMP":
		return alikeDumps(a, b)
	case "GEODIST", "GEOSEARCH", "GEORADIUS", "GEORADIUS_RO", "GEORADIUSBYMEMBER", "GEORADIUSBYMEMBER_RO":
		return alikeDistances(a, b)
	}
	return alikeSets(args, a, b) || alikeZSets(args, a, b) || alikeHashes(args, a, b)
}

// newerEncoding reports whether Redis 7.2 has encoding a where 7.0 has b: small lists
// and sets are listpacks; what is made by a command goes by the number of its words,
// those that come twice included.
func newerEncoding(a, b string) bool {
	switch a {
	case "listpack":
		return b == "quicklist" || b == "hashtable"
	case "skiplist", "hashtable":
		return b == "listpack" || b == "intset"
	}
	return false
}

// alikeDumps compares DUMP payloads where Redis's own have no one form: tables are in
// any order, lists are cut into nodes elsewhere (difference list-nodes), streams hold
// times, and encodings differ as newerEncoding says.
func alikeDumps(a, b reply) bool {
	if a.null || b.null {
		return false
	}
	const set, zset, hash, intset, packedHash, packedZSet, list, stream = 2, 5, 4, 11, 16, 17, 18, 19
	switch x, y := a.text[0], b.text[0]; {
	case x == list, x == stream:
		return x == y
	case x == set && y == intset, x == zset && y == packedZSet, x == hash && y == packedHash:
		return true
	case x == set, x == hash:
		return x == y && len(a.text) == len(b.text)
	}
	return false
}

// near reports whether two numbers differ by what passes between two servers.
func near(a, b string) bool {
	x, err1 := strconv.ParseInt(a, 10, 64)
	y, err2 := strconv.ParseInt(b, 10, 64)
	return err1 == nil && err2 == nil && (x < 0) == (y < 0) && max(x-y, y-x) <= 3000
}

func (w *randomRun) compareEvents(i int, args []string) {
	w.t.Helper()
	a, b := w.drain(w.conn(listenerConn))
	if a.raw == b.raw {
		return
	}
	x, y := strings.Split(a.raw, "pmessage"), strings.Split(b.raw, "pmessage")
	sort.Strings(x) // commands that find several expired keys have an order of their own
	sort.Strings(y)
	if slices.Equal(x, y) {
		return
	}
	for n := range x {
		if n >= len(y) || x[n] != y[n] {
			w.t.Fatalf("command %d: %.300q: event\n  vedette %.300q\n  redis   %.300q", i, args, x[n], y[min(n, len(y)-1):][0])
		}
	}
	w.t.Fatalf("command %d: %.300q: redis has more events: %q", i, args, y[len(x):])
}

// compareData compares every key of the databases in use.
func (w *randomRun) compareData(i int) {
	w.t.Helper()
	p := w.conn("setup")
	for db := range randomDBs {
		w.do(p, "SELECT", strconv.Itoa(db))
		a, b := w.do(p, "KEYS", "*")
		if a.sorted() != b.sorted() {
			w.t.Fatalf("command %d: keys of database %d\n  vedette %q\n  redis   %q", i, db, a.sorted(), b.sorted())
		}
		keys := a.strings()
		sort.Strings(keys)
		for _, key := range keys {
			w.compareKey(i, p, key)
		}
	}
}

func (w *randomRun) compareKey(i int, p *pair, key string) {
	w.t.Helper()
	for _, args := range [][]string{{"TYPE", key}, {"OBJECT", "ENCODING", key}, {"DUMP", key}, {"DEBUG", "DIGEST-VALUE", key}, {"PEXPIRETIME", key}} {
		a, b := w.do(p, args...)
		if a.raw != b.raw && !w.alike(args, a, b) {
			w.t.Fatalf("command %d: %q\n  vedette %.300q\n  redis   %.300q", i, args, a.raw, b.raw)
		}
	}
}

// compareStats compares the counters that the commands moved.
func (w *randomRun) compareStats(i int) {
	w.t.Helper()
	p := w.conn("setup")
	a, b := w.do(p, "INFO", "everything")
	x, y := infoFields(a.text), infoFields(b.text)
	for name, want := range y {
		got := x[name]
		switch {
		case name == "rdb_changes_since_last_save", name == "expired_keys", name == "keyspace_hits",
			name == "keyspace_misses", name == "total_error_replies", name == "unexpected_error_replies",
			strings.HasPrefix(name, "errorstat_"):
		case strings.HasPrefix(name, "cmdstat_"):
			got, want = withoutTimes(got), withoutTimes(want)
		default:
			continue
		}
		if got != want {
			w.t.Errorf("command %d: INFO %s\n  vedette %s\n  redis   %s", i, name, got, want)
		}
	}
}

func infoFields(text string) map[string]string {
	fields := make(map[string]string)
	for line := range strings.Lines(text) {
		if name, v, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			fields[name] = v
		}
	}
	return fields
}

// withoutTimes cuts the times out of a line of commandstats.
func withoutTimes(stat string) string {
	var kept []string
	for f := range strings.SplitSeq(stat, ",") {
		if !strings.HasPrefix(f, "usec") {
			kept = append(kept, f)
		}
	}
	return strings.Join(kept, ",")
}

// randomDBs is how many databases the generator uses.
const randomDBs = 2

// generator draws commands of all families. Equal seeds give equal commands.
type generator struct{ r *rand.Rand }

func (g *generator) pick(words ...string) string { return words[g.r.IntN(len(words))] }

func (g *generator) oneIn(n int) bool { return g.r.IntN(n) == 0 }

func (g *generator) key() string {
	if g.oneIn(100) {
		return g.pick("", "k\x00\r\n\xff", "*", strings.Repeat("long", 30))
	}
	return "k" + strconv.Itoa(g.r.IntN(12))
}

func (g *generator) integer() string {
	switch g.r.IntN(12) {
	case 0:
		return g.pick("9223372036854775807", "-9223372036854775808", "9223372036854775808", "4294967296", "-0", "007", "+5", "0x10", "1e3", "", " 1", "1 ")
	case 1:
		return strconv.FormatInt(int64(g.r.Uint64()), 10)
	}
	return strconv.Itoa(g.r.IntN(400) - 100)
}

func (g *generator) float() string {
	switch g.r.IntN(6) {
	case 0:
		return g.pick("inf", "-inf", "nan", "1e300", "1e-300", "0x1p3", "1e", ".", "-.5", "5.", "1e17", "123456789.123456789", "3.0e3", "+1")
	case 1:
		return strconv.FormatFloat(g.r.NormFloat64()*100, 'g', 1+g.r.IntN(17), 64)
	}
	return strconv.FormatFloat(float64(g.r.IntN(2000)-1000)/100, 'f', -1, 64)
}

func (g *generator) value() string {
	switch g.r.IntN(10) {
	case 0, 1, 2:
		return g.integer()
	case 3:
		return g.float()
	case 4:
		b := make([]byte, g.r.IntN(60))
		for i := range b {
			b[i] = byte(g.r.Uint32())
		}
		return string(b)
	case 5:
		return strings.Repeat(g.pick("a", "ab", "abc ", "\x00"), g.r.IntN(60))
	case 6:
		if g.oneIn(20) {
			return strings.Repeat(g.pick("0123456789", "xyz"), g.r.IntN(8000))
		}
		return ""
	}
	return g.pick("v", "hello", "world", "foo bar", "x", "ohmytext", "mynewtext")
}

// later is a time in the far future or the past, in seconds or ms, absolute.
func (g *generator) later(ms bool) string {
	if g.oneIn(8) {
		return g.pick("1", "0", "-1", "abc", "9223372036854775807", "9223372036854775", "100")
	}
	v := 4102444800 + int64(g.r.IntN(1000000))
	if ms {
		v = v*1000 + int64(g.r.IntN(1000))
	}
	return strconv.FormatInt(v, 10)
}

// soon is a time from now: long enough for both servers to agree on what is over.
func (g *generator) soon(ms bool) string {
	if g.oneIn(8) {
		return g.pick("0", "-1", "abc", "9223372036854775807", "9223372036854775", "-9223372036854775808")
	}
	v := 5000 + int64(g.r.IntN(100_000_000))
	if ms {
		v = v*1000 + int64(g.r.IntN(1000))
	}
	return strconv.FormatInt(v, 10)
}

// expiry is one of the options of SET and GETEX.
func (g *generator) expiry() []string {
	switch g.r.IntN(4) {
	case 0:
		return []string{g.pick("EX", "ex"), g.soon(false)}
	case 1:
		return []string{"PX", g.soon(true)}
	case 2:
		return []string{"EXAT", g.later(false)}
	}
	return []string{"PXAT", g.later(true)}
}

// command draws one command, now and then a broken one.
func (g *generator) command() []string {
	families := g.families()
	args := families[g.r.IntN(len(families))]()
	switch {
	case args[0] == "BITCOUNT", args[0] == "BITPOS": // difference bit-arguments
	case args[0] == "SPOP": // without a count it is chance
	case args[0] == "ZRANK", args[0] == "ZREVRANK": // difference zrank-withscore
	case args[0] == "XREAD": // difference unbalanced-streams
	case g.oneIn(60) && len(args) > 1:
		args = args[:len(args)-1]
	case g.oneIn(60):
		args = append(args, g.pick("NX", "GET", "BOGUS", "1", "EX", "PERSIST", "REPLACE"))
	case g.oneIn(40):
		args[0] = strings.ToLower(args[0])
	}
	return args
}

func (g *generator) families() []func() []string {
	return []func() []string{g.set, g.strings, g.numbers, g.expire, g.keys, g.get, g.several, g.transactions, g.other,
		g.lists, g.waiting, g.bitmaps, g.hyperLogLogs, g.sorts, g.sets, g.zsets, g.geo, g.streams, g.hashes}
}

func (g *generator) set() []string {
	args := []string{"SET", g.key(), g.value()}
	if g.oneIn(2) {
		args = append(args, g.expiry()...)
	}
	for g.oneIn(3) {
		args = append(args, g.pick("NX", "XX", "GET", "KEEPTTL", "get", "nx"))
	}
	if g.oneIn(5) {
		switch g.r.IntN(3) {
		case 0:
			return []string{"SETEX", g.key(), g.soon(false), g.value()}
		case 1:
			return []string{"PSETEX", g.key(), g.soon(true), g.value()}
		}
		return []string{"SETNX", g.key(), g.value()}
	}
	return args
}

func (g *generator) strings() []string {
	switch g.r.IntN(6) {
	case 0:
		return []string{"APPEND", g.key(), g.value()}
	case 1:
		return []string{"SETRANGE", g.key(), strconv.Itoa(g.r.IntN(100)), g.value()}
	case 2:
		return []string{g.pick("GETRANGE", "SUBSTR"), g.key(), g.integer(), g.integer()}
	case 3:
		return []string{"STRLEN", g.key()}
	case 4:
		return []string{"GETSET", g.key(), g.value()}
	}
	args := []string{"LCS", g.key(), g.key()}
	for g.oneIn(2) {
		args = append(args, g.pick("LEN", "IDX", "WITHMATCHLEN"))
	}
	if g.oneIn(3) {
		args = append(args, "MINMATCHLEN", g.integer())
	}
	return args
}

func (g *generator) numbers() []string {
	switch g.r.IntN(5) {
	case 0:
		return []string{"INCR", g.key()}
	case 1:
		return []string{"DECR", g.key()}
	case 2:
		return []string{"INCRBY", g.key(), g.integer()}
	case 3:
		return []string{"DECRBY", g.key(), g.integer()}
	}
	return []string{"INCRBYFLOAT", g.key(), g.float()}
}

func (g *generator) expire() []string {
	var args []string
	switch g.r.IntN(6) {
	case 0:
		args = []string{"EXPIRE", g.key(), g.soon(false)}
	case 1:
		args = []string{"PEXPIRE", g.key(), g.soon(true)}
	case 2:
		args = []string{"EXPIREAT", g.key(), g.later(false)}
	case 3:
		args = []string{"PEXPIREAT", g.key(), g.later(true)}
	case 4:
		return []string{"PERSIST", g.key()}
	default:
		return []string{g.pick("TTL", "PTTL", "EXPIRETIME", "PEXPIRETIME"), g.key()}
	}
	for g.oneIn(3) {
		args = append(args, g.pick("NX", "XX", "GT", "LT"))
	}
	return args
}

func (g *generator) keys() []string {
	switch g.r.IntN(8) {
	case 0:
		return []string{g.pick("DEL", "UNLINK"), g.key(), g.key()}
	case 1:
		return []string{"RENAME", g.key(), g.key()}
	case 2:
		return []string{"RENAMENX", g.key(), g.key()}
	case 3:
		return []string{"MOVE", g.key(), g.pick("0", "1", "1", "99")}
	case 4:
		args := []string{"COPY", g.key(), g.key()}
		if g.oneIn(2) {
			args = append(args, "DB", g.pick("0", "1", "x"))
		}
		if g.oneIn(2) {
			args = append(args, "REPLACE")
		}
		return args
	case 5:
		return []string{"KEYS", g.pick("*", "k?", "k[1-3]", "k1*", "nothing", "k[^5]")}
	case 6:
		args := []string{"SCAN", "0", "COUNT", "1000"}
		if g.oneIn(2) {
			args = append(args, "MATCH", g.pick("*", "k1?", "[", "k\\1"))
		}
		if g.oneIn(3) {
			args = append(args, "TYPE", g.pick("string", "list", "STRING", "bogus"))
		}
		return args
	}
	return []string{g.pick("EXISTS", "TOUCH"), g.key(), g.key(), g.key()}
}

func (g *generator) get() []string {
	switch g.r.IntN(5) {
	case 0:
		return []string{"GETDEL", g.key()}
	case 1:
		args := []string{"GETEX", g.key()}
		if g.oneIn(2) {
			return append(args, "PERSIST")
		}
		return append(args, g.expiry()...)
	case 2:
		return []string{"TYPE", g.key()}
	}
	return []string{"GET", g.key()}
}

func (g *generator) several() []string {
	args := []string{g.pick("MSET", "MSETNX", "MGET")}
	for range 1 + g.r.IntN(4) {
		args = append(args, g.key())
		if args[0] != "MGET" {
			args = append(args, g.value())
		}
	}
	return args
}

func (g *generator) transactions() []string {
	switch g.r.IntN(9) {
	case 0, 1:
		return []string{"MULTI"}
	case 2, 3, 4, 5:
		return []string{"EXEC"}
	case 6:
		return []string{"DISCARD"}
	case 7:
		return []string{"UNWATCH"}
	}
	return []string{"WATCH", g.key(), g.key()}
}

func (g *generator) other() []string {
	switch g.r.IntN(16) {
	case 0:
		return []string{"SELECT", g.pick("0", "0", "1", "99", "x")}
	case 1:
		return []string{"DBSIZE"}
	case 2:
		return []string{"OBJECT", g.pick("ENCODING", "IDLETIME", "REFCOUNT", "FREQ"), g.key()}
	case 3:
		return []string{"DUMP", g.key()}
	case 4:
		args := []string{"RESTORE", g.key(), g.soon(true), "\x00\x03abd\n\x005!\xdf\xe7:\x89ox"}
		for g.oneIn(2) {
			args = append(args, g.pick("REPLACE", "REPLACE", "ABSTTL"))
		}
		return args
	case 5:
		return []string{"PUBLISH", g.pick("a", "b"), g.value()}
	case 6:
		return []string{"ECHO", g.value()}
	case 7:
		return []string{"PING"}
	case 8:
		if g.oneIn(10) {
			return []string{g.pick("FLUSHDB", "FLUSHALL")}
		}
		return []string{"SWAPDB", g.pick("0", "1"), g.pick("0", "1", "99")}
	case 9:
		return []string{"COMMAND", "GETKEYS", "MSET", "a", "b", "c"}
	case 10:
		return []string{g.pick("NOSUCH", "CONFIG", "CLIENT", "OBJECT"), g.value(), g.value()}
	case 11:
		return []string{"CLIENT", "NO-EVICT", g.pick("on", "off", "x")}
	case 12:
		return []string{"CLIENT", "SETNAME", g.pick("a", "b c", "")}
	case 13:
		return []string{"PUBSUB", g.pick("CHANNELS", "NUMPAT", "NUMSUB", "SHARDCHANNELS", "X")}
	case 14:
		return []string{"MEMORY", g.pick("USAGE", "X"), "no such key"}
	}
	return []string{"DEBUG", g.pick("SLEEP", "X"), "0"}
}

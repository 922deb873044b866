package server

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"testing"
	"time"
)

// Under virtual time the clock stands at this, in ms.
const bubbleStart = "946684800000"

// follow makes the wire a replica's, one like us unless it says otherwise of itself,
// and returns once the stream begins.
func (w *wire) follow(about ...string) {
	w.t.Helper()
	if len(about) == 0 {
		about = []string{"capa", "field-ttl"}
	}
	w.says("REPLCONF listening-port 1 capa eof capa psync2 " + strings.Join(about, " ") + "\r\n")
	w.hears("+OK\r\n")
	w.says("PSYNC ? -1\r\n")
	if line := w.line(); !strings.HasPrefix(line, "+FULLRESYNC ") {
		w.t.Fatalf("PSYNC: %q", line)
	}
	head := w.line()
	for head == "" {
		head = w.line()
	}
	if mark, ok := strings.CutPrefix(head, "$EOF:"); ok {
		w.until(mark)
	} else {
		n, _ := strconv.Atoi(head[1:])
		_, _ = io.CopyN(io.Discard, w.br, int64(n))
	}
	w.says("REPLCONF ACK 0\r\n")
}

func (w *wire) line() string {
	w.t.Helper()
	_ = w.conn.SetReadDeadline(time.Now().Add(time.Minute))
	s, err := w.br.ReadString('\n')
	if err != nil {
		w.t.Fatalf("%q: %v", s, err)
	}
	return strings.TrimRight(s, "\r\n")
}

// until skips everything up to and including mark.
func (w *wire) until(mark string) {
	w.t.Helper()
	seen := ""
	for !strings.HasSuffix(seen, mark) {
		b, err := w.br.ReadByte()
		if err != nil {
			w.t.Fatal(err)
		}
		if seen += string([]byte{b}); len(seen) > len(mark) {
			seen = seen[1:]
		}
	}
}

// next is the next command of the stream, its words separated by spaces.
func (w *wire) next() string {
	w.t.Helper()
	head := w.line()
	n, err := strconv.Atoi(strings.TrimPrefix(head, "*"))
	if err != nil {
		w.t.Fatalf("no command: %q", head)
	}
	var words []string
	for range n {
		size, _ := strconv.Atoi(strings.TrimPrefix(w.line(), "$"))
		b := make([]byte, size+2)
		if _, err := io.ReadFull(w.br, b); err != nil {
			w.t.Fatal(err)
		}
		words = append(words, string(b[:size]))
	}
	return strings.Join(words, " ")
}

// While writes are paused the stream stands still: what expires looks gone, and goes
// when the pause ends.
func TestNothingExpiresWhilePaused(t *testing.T) {
	hostile(t, unchanged, func(t *testing.T, v *virtual) {
		replica, client := v.wire(), v.wire()
		replica.follow()
		client.says("SET k v PX 50\r\nSET l v PX 50\r\nCLIENT PAUSE 2000 WRITE\r\n")
		client.hears("+OK\r\n+OK\r\n+OK\r\n")
		for _, want := range []string{"SELECT 0", "SET k v PXAT 946684800050", "SET l v PXAT 946684800050"} {
			if got := replica.next(); got != want {
				t.Errorf("told %q, want %q", got, want)
			}
		}
		time.Sleep(time.Second)
		client.says("GET k\r\nEXISTS l\r\nDBSIZE\r\n")
		client.hears("$-1\r\n:0\r\n:2\r\n")
		pausedUntil := time.Now().Add(time.Second)
		for range 2 {
			if got := replica.next(); !strings.HasPrefix(got, "DEL ") {
				t.Errorf("told %q", got)
			}
		}
		if time.Now().Before(pausedUntil) {
			t.Errorf("%v before the pause ended", time.Until(pausedUntil))
		}
		client.says("DBSIZE\r\n")
		client.hears(":0\r\n")
	})
}

// What a replica is told of each command that changes data: absolute times instead of
// relative ones, results instead of what depends on the moment, nothing of what
// changed nothing, and several effects of one command as one transaction.
func TestEffects(t *testing.T) {
	const far = "4102444800000"
	dump := `"\x00\x03abd\n\x005!\xdf\xe7:\x89ox"`
	raw := "\x00\x03abd\n\x005!\xdf\xe7:\x89ox"
	// setup | command -> stream
	tests := []struct{ setup, do, want string }{
		{"", "SET k v", "SET k v"},
		{"", "set k v", "set k v"},
		{"", "SET k v EX 100", "SET k v PXAT 946684900000"},
		{"", "SET k v PX 1500", "SET k v PXAT 946684801500"},
		{"", "SET k v EXAT 4102444800", "SET k v PXAT " + far},
		{"", "SET k v PXAT " + far, "SET k v PXAT " + far},
		{"SET k a", "SET k v NX", ""},
		{"", "SET k v XX", ""},
		{"", "SET k v NX", "SET k v NX"},
		{"SET k a", "SET k v XX KEEPTTL", "SET k v XX KEEPTTL"},
		{"SET k a", "SET k v GET", "SET k v"},
		{"SET k a EX 10", "SET k v KEEPTTL GET", "SET k v KEEPTTL"},
		{"SET k a", "set k v get xx GET", "set k v xx"},
		{"", "SETNX k v", "SETNX k v"},
		{"SET k a", "SETNX k v", ""},
		{"", "SETEX k 100 v", "SET k v PXAT 946684900000"},
		{"", "PSETEX k 100 v", "SET k v PXAT 946684800100"},
		{"", "GETSET k v", "SET k v"},
		{"SET k a", "GETDEL k", "DEL k"},
		{"", "GETDEL k", ""},
		{"SET k a", "GETEX k", ""},
		{"SET k a", "GETEX k EX 100", "PEXPIREAT k 946684900000"},
		{"SET k a EX 10", "GETEX k PERSIST", "PERSIST k"},
		{"SET k a", "GETEX k PERSIST", ""},
		{"SET k a", "GETEX k PXAT 1", "DEL k"},
		{"", "MSET a 1 b 2", "MSET a 1 b 2"},
		{"", "MSETNX a 1 b 2", "MSETNX a 1 b 2"},
		{"SET a 1", "MSETNX a 1 b 2", ""},
		{"", "APPEND k x", "APPEND k x"},
		{"", "SETRANGE k 5 x", "SETRANGE k 5 x"},
		{"", "SETRANGE k 5 \"\"", ""},
		{"", "INCR n", "INCR n"},
		{"", "DECRBY n 5", "DECRBY n 5"},
		{"SET n 1", "INCRBYFLOAT n 0.5", "SET n 1.5 KEEPTTL"},
		{"SET s x", "INCR s", ""},
		{"SET k a", "EXPIRE k 100", "PEXPIREAT k 946684900000"},
		{"SET k a", "PEXPIRE k 100 NX", "PEXPIREAT k 946684800100 NX"},
		{"SET k a", "EXPIREAT k 4102444800 XX", ""},
		{"SET k a", "EXPIRE k -1", "DEL k"},
		{"SET k a", "PEXPIREAT k 1", "DEL k"},
		{"SET k a EX 10", "PERSIST k", "PERSIST k"},
		{"SET k a", "PERSIST k", ""},
		{"SET k a", "DEL k nokey", "DEL k nokey"},
		{"", "DEL nokey", ""},
		{"SET k a", "UNLINK k", "UNLINK k"},
		{"SET k a", "RENAME k l", "RENAME k l"},
		{"SET k a", "RENAME k k", ""},
		{"SET k a", "RENAMENX k l", "RENAMENX k l"},
		{"SET k a", "MOVE k 1", "MOVE k 1"},
		{"SET k a", "COPY k l", "COPY k l"},
		{"SET k a;SET l b", "COPY k l", ""},
		{"SET k a", "TOUCH k", ""},
		{"", "RESTORE k 0 " + dump, "RESTORE k 0 " + raw},
		{"", "RESTORE k 1000 " + dump, "RESTORE k 946684801000 " + raw + " ABSTTL"},
		{"", "RESTORE k " + far + " " + dump + " ABSTTL", "RESTORE k " + far + " " + raw + " ABSTTL"},
		{"SET k a", "RESTORE k 1 " + dump + " ABSTTL REPLACE", "DEL k"},
		{"", "FLUSHDB", "FLUSHDB"},
		{"SET k a", "FLUSHALL ASYNC", "FLUSHALL ASYNC"},
		{"", "SWAPDB 0 1", "SWAPDB 0 1"},
		{"", "FUNCTION FLUSH ASYNC", "FUNCTION FLUSH ASYNC"},
		{"", "SCRIPT FLUSH", ""},
		{"", "PUBLISH a b", "PUBLISH a b"},
		{"", "SPUBLISH a b", "SPUBLISH a b"},
		{"", "GET nokey", ""},
		{"", "HSET h f v g w", "HSET h f v g w"},
		{"HSET h f v", "HSETNX h f v", ""},
		{"HSET h f v", "HDEL h f g", "HDEL h f g"},
		{"HSET h f v", "HDEL h g", ""},
		{"", "HINCRBY h n 5", "HINCRBY h n 5"},
		{"", "HINCRBYFLOAT h n 0.5", "HSET h n 0.5"},
		{"HSET h n 1;HPEXPIREAT h " + far + " FIELDS 1 n", "HINCRBYFLOAT h n 0.5", "MULTI;HSET h n 1.5;HPEXPIREAT h " + far + " FIELDS 1 n;EXEC"},
		{"HSET h f v g w", "HEXPIRE h 100 FIELDS 3 f g none", "HPEXPIREAT h 946684900000 FIELDS 2 f g"},
		{"HSET h f v", "HEXPIRE h 100 XX FIELDS 1 f", ""},
		{"HSET h f v g w", "HPEXPIRE h 0 FIELDS 1 f", "HDEL h f"},
		{"HSET h f v;HEXPIRE h 100 FIELDS 1 f", "HPERSIST h FIELDS 1 f", "HPERSIST h FIELDS 1 f"},
		{"HSET h f v", "HPERSIST h FIELDS 1 f", ""},
		{"HSET h f v", "HGETDEL h FIELDS 2 f g", "HDEL h f g"},
		{"HSET h f v", "HGETDEL h FIELDS 1 g", ""},
		{"HSET h f v", "HGETEX h FIELDS 1 f", ""},
		{"HSET h f v", "HGETEX h PX 100 FIELDS 2 f g", "HPEXPIREAT h 946684800100 FIELDS 1 f"},
		{"HSET h f v", "HGETEX h PX 0 FIELDS 1 f", "HDEL h f"},
		{"HSET h f v;HEXPIRE h 100 FIELDS 1 f", "HGETEX h PERSIST FIELDS 1 f", "HPERSIST h FIELDS 1 f"},
		{"", "HSETEX h FIELDS 1 f v", "HSET h f v"},
		{"", "HSETEX h EX 100 FIELDS 2 f v g w", "MULTI;HSET h f v g w;HPEXPIREAT h 946684900000 FIELDS 2 f g;EXEC"},
		{"HSETEX h EX 100 FIELDS 1 f v", "HSETEX h KEEPTTL FIELDS 2 f x g w", "MULTI;HSET h f x g w;HPEXPIREAT h 946684900000 FIELDS 1 f;EXEC"},
		{"HSET h f v g w", "HSETEX h PXAT 1 FIELDS 1 f w", "HDEL h f"},
		{"", "HSETEX h PXAT 1 FIELDS 1 f w", "HDEL h f"},
		{"HSET h f v", "HSETEX h FNX FIELDS 1 f w", ""},
		{"", "ZADD z 1 a 2 b", "ZADD z 1 a 2 b"},
		{"ZADD z 1 a", "ZADD z 1 a", ""},
		{"ZADD z 1 a", "ZADD z GT CH 0 a", ""},
		{"ZADD z 1 a", "ZADD z INCR 1 a", "ZADD z INCR 1 a"},
		{"ZADD z 1 a", "ZINCRBY z 1.5 a", "ZINCRBY z 1.5 a"},
		{"ZADD z 1 a", "ZINCRBY z 0 a", ""},
		{"ZADD z 1 a", "ZREM z a b", "ZREM z a b"},
		{"ZADD z 1 a", "ZREM z b", ""},
		{"ZADD z 1 a 2 b", "ZREMRANGEBYSCORE z 1 1", "ZREMRANGEBYSCORE z 1 1"},
		{"ZADD z 1 a 2 b", "ZPOPMIN z", "ZPOPMIN z"},
		{"ZADD z 1 a 2 b", "ZPOPMAX z 5", "ZPOPMAX z 5"},
		{"ZADD z 1 a 2 b", "ZMPOP 2 y z MAX COUNT 5", "ZPOPMAX z 2"},
		{"ZADD z 1 a 2 b", "BZPOPMIN y z 0", "ZPOPMIN z"},
		{"ZADD z 1 a 2 b", "BZMPOP 0 2 y z MIN", "ZPOPMIN z 1"},
		{"ZADD z 1 a 2 b", "ZRANGESTORE y z 0 0", "ZRANGESTORE y z 0 0"},
		{"ZADD z 1 a", "ZRANGESTORE y x 0 0", ""},
		{"ZADD z 1 a", "ZUNIONSTORE y 1 z", "ZUNIONSTORE y 1 z"},
		{"ZADD z 1 a", "ZUNION 1 z", ""},
		{"", "GEOADD g 13.361389 38.115556 Palermo", "zadd g 3479099956230698 Palermo"},
		{"", "GEOADD g NX CH 13.361389 38.115556 Palermo", "zadd g NX CH 3479099956230698 Palermo"},
		{"GEOADD g 13.361389 38.115556 Palermo", "GEOADD g 13.361389 38.115556 Palermo", ""},
		{"GEOADD g 1 1 a", "GEORADIUS g 1 1 10 km STORE h", "GEORADIUS g 1 1 10 km STORE h"},
		{"GEOADD g 1 1 a", "GEORADIUS g 1 1 10 km", ""},
		{"GEOADD g 1 1 a", "GEOSEARCHSTORE h g FROMMEMBER a BYRADIUS 1 km", "GEOSEARCHSTORE h g FROMMEMBER a BYRADIUS 1 km"},
		{"", "SETBIT k 7 1", "SETBIT k 7 1"},
		{"SETBIT k 7 1", "SETBIT k 7 1", ""},
		{"", "SETBIT k 7 0", "SETBIT k 7 0"}, // it is longer now
		{"SET k a", "BITFIELD k GET u8 0", ""},
		{"SET k a", "BITFIELD k SET u8 0 97", ""},
		{"SET k a", "BITFIELD k INCRBY u8 0 1 GET u8 0", "BITFIELD k INCRBY u8 0 1 GET u8 0"},
		{"SET k a", "BITFIELD k OVERFLOW FAIL SET u4 0 99", ""},
		{"SET k a", "BITFIELD k OVERFLOW FAIL SET u4 80 99", "BITFIELD k OVERFLOW FAIL SET u4 80 99"},
		{"SET k a", "BITOP NOT l k", "BITOP NOT l k"},
		{"SET l a", "BITOP OR l nokey", "BITOP OR l nokey"},
		{"", "BITOP OR l nokey", ""},
		{"", "PFADD h a", "PFADD h a"},
		{"PFADD h a", "PFADD h a", ""},
		{"", "PFADD h", "PFADD h"},
		{"PFADD h a", "PFCOUNT h", "PFCOUNT h"},
		{"PFADD h a;PFCOUNT h", "PFCOUNT h", ""},
		{"PFADD h a", "PFCOUNT h h", ""},
		{"PFADD h a", "PFMERGE i h", "PFMERGE i h"},
		{"PFADD h a", "PFDEBUG TODENSE h", "PFDEBUG TODENSE h"},
		{"PFADD h a", "PFDEBUG ENCODING h", ""},
		{"RPUSH l 2 1", "SORT l", ""},
		{"RPUSH l 2 1", "SORT l DESC STORE m", "SORT l DESC STORE m"},
		{"RPUSH m 1", "SORT l STORE m", "SORT l STORE m"},
		{"", "SORT l STORE m", ""},
		{"", "XADD s 1-1 f v", "XADD s 1-1 f v"},
		{"", "XADD s * f v", "XADD s 946684800000-0 f v"},
		{"XADD s 1-1 f v", "XADD s 1-* f v", "XADD s 1-2 f v"},
		{"XADD s 1-1 f v", "XADD s MAXLEN ~ 1 LIMIT 5 * f v", "XADD s MAXLEN = 2 LIMIT 5 946684800000-0 f v"},
		{"XADD s 1-1 f v", "XADD s MINID ~ 1-1 1-2 f v", "XADD s MINID = 1-1 1-2 f v"},
		{"", "XADD s NOMKSTREAM * f v", ""},
		{"XADD s 1-1 f v", "XDEL s 1-1 1-2", "XDEL s 1-1 1-2"},
		{"XADD s 1-1 f v", "XTRIM s MAXLEN ~ 0", "XTRIM s MAXLEN = 0"},
		{"XADD s 1-1 f v", "XTRIM s MINID ~ 1-1", ""},
		{"", "XGROUP CREATE s g $ MKSTREAM", "XGROUP CREATE s g $ MKSTREAM"},
		{"XADD s 1-1 f v;XGROUP CREATE s g 0", "XREADGROUP GROUP g c STREAMS s >",
			"MULTI;XCLAIM s g c 0 1-1 TIME 946684800000 RETRYCOUNT 1 FORCE JUSTID LASTID 1-1;XGROUP SETID s g 1-1 ENTRIESREAD 1;EXEC"},
		{"XADD s 1-1 f v;XGROUP CREATE s g 0", "XREADGROUP GROUP g c NOACK STREAMS s >",
			"MULTI;XGROUP CREATECONSUMER s g c;XGROUP SETID s g 1-1 ENTRIESREAD 1;EXEC"},
		{"XGROUP CREATE s g 0 MKSTREAM", "XREADGROUP GROUP g c STREAMS s >", "XGROUP CREATECONSUMER s g c"},
		{"XADD s 1-1 f v;XGROUP CREATE s g 0;XREADGROUP GROUP g c STREAMS s >", "XREADGROUP GROUP g c STREAMS s 0", ""},
		{"XADD s 1-1 f v;XGROUP CREATE s g 0;XREADGROUP GROUP g c STREAMS s >", "XACK s g 1-1", "XACK s g 1-1"},
		{"XADD s 1-1 f v;XGROUP CREATE s g 0;XREADGROUP GROUP g c STREAMS s >", "XCLAIM s g d 0 1-1 IDLE 1000",
			"XCLAIM s g d 0 1-1 TIME 946684799000 RETRYCOUNT 2 FORCE JUSTID LASTID 1-1"},
		{"XADD s 1-1 f v;XGROUP CREATE s g 0;XREADGROUP GROUP g c STREAMS s >;XDEL s 1-1", "XAUTOCLAIM s g d 0 0",
			"MULTI;XCLAIM s g c 0 1-1 TIME 946684800000 RETRYCOUNT 1 FORCE JUSTID LASTID 1-1;XGROUP CREATECONSUMER s g d;EXEC"},
		{"XGROUP CREATE s g 0 MKSTREAM;XGROUP CREATECONSUMER s g c", "XCLAIM s g c 0 1-1 LASTID 5-5", "XGROUP SETID s g 5-5 ENTRIESREAD -1"},
		// a key whose time has come goes before the command that finds it
		{"DEBUG SET-ACTIVE-EXPIRE 0;SET k v PXAT 1", "GET k", "DEL k"},
		{"DEBUG SET-ACTIVE-EXPIRE 0;SET k v PXAT 1;DEBUG RELOAD", "GET k", "DEL k"},
		{"DEBUG SET-ACTIVE-EXPIRE 0;SET k v PXAT 1", "INCR k", "MULTI;DEL k;INCR k;EXEC"},
		{"DEBUG SET-ACTIVE-EXPIRE 0;SET k v PXAT 1", "SET k v NX", "MULTI;DEL k;SET k v NX;EXEC"},
		{"DEBUG SET-ACTIVE-EXPIRE 0;SET k v PXAT 1", "EXISTS k", "DEL k"},
		// transactions
		{"", "MULTI;SET a 1;INCR a;EXEC", "MULTI;SET a 1;INCR a;EXEC"},
		{"", "MULTI;SET a 1;GET a;EXEC", "SET a 1"},
		{"", "MULTI;GET a;EXEC", ""},
		{"", "MULTI;SET a 1;INCR nosuch x;EXEC", ""},
		{"SET s x", "MULTI;SET a 1;INCR s;SET b 2;EXEC", "MULTI;SET a 1;SET b 2;EXEC"},
		{"", "MULTI;SELECT 1;SET a 1;SELECT 0;SET a 2;EXEC", "MULTI;SELECT 1;SET a 1;SELECT 0;SET a 2;EXEC"},
		{"", "MULTI;SET a 1 EX 10;EXEC", "SET a 1 PXAT 946684810000"},
		{"", "MULTI;SET a 1;DISCARD", ""},
		{"", "SELECT 1;SET a 1;SELECT 0;SET a 2", "SELECT 1;SET a 1;SELECT 0;SET a 2"},
	}
	hostile(t, func(c *Config) { c.EnableDebugCommand = ActionYes }, func(t *testing.T, v *virtual) {
		replica, client := v.wire(), v.wire()
		replica.follow()
		n := 0
		run := func(lines string) {
			for line := range strings.SplitSeq(lines, ";") {
				if line != "" {
					client.says(line + "\r\n")
				}
			}
		}
		effects := func() string {
			n++
			mark := fmt.Sprintf("PUBLISH mark %d", n)
			run(mark)
			var all []string
			for cmd := replica.next(); cmd != mark; cmd = replica.next() {
				all = append(all, cmd)
			}
			return strings.Join(all, ";")
		}
		go func() { _, _ = io.Copy(io.Discard, client.br) }()
		run("SET first 1")
		effects() // with its SELECT
		for _, tc := range tests {
			run("FLUSHALL;" + tc.setup)
			effects()
			run(tc.do)
			if got := effects(); got != tc.want {
				t.Errorf("%s; %s\n  told %q\n  want %q", tc.setup, tc.do, got, tc.want)
			}
		}
		if now := strconv.FormatInt(time.Now().UnixMilli(), 10); now != bubbleStart {
			t.Errorf("the clock moved to %s", now)
		}
	})
}

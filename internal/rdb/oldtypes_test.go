package rdb_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/gomodule/redigo/redis"

	"github.com/vedette-ha/vedette/internal/listpack"
	"github.com/vedette-ha/vedette/internal/rdb"
)

// ziplist makes one of content encoded by the caller.
func ziplist(entries ...string) []byte {
	p := make([]byte, 10)
	tail, before := 10, 0
	for _, e := range entries {
		tail = len(p)
		if before < 254 {
			p = append(p, byte(before))
		} else {
			p = binary.LittleEndian.AppendUint32(append(p, 254), uint32(before))
		}
		p = append(p, e...)
		before = len(p) - tail
	}
	p = append(p, 0xff)
	binary.LittleEndian.PutUint32(p, uint32(len(p)))
	binary.LittleEndian.PutUint32(p[4:], uint32(tail))
	binary.LittleEndian.PutUint16(p[8:], uint16(len(entries)))
	return p
}

// zlText is a short string as a ziplist has it.
func zlText(s string) string { return string(rune(len(s))) + s }

// listpack makes one of strings.
func packOf(elements ...string) []byte {
	lp := listpack.New()
	for _, e := range elements {
		lp = listpack.Append(lp, []byte(e))
	}
	return lp
}

func intset(width int, members ...int64) []byte {
	p := binary.LittleEndian.AppendUint32(nil, uint32(width))
	p = binary.LittleEndian.AppendUint32(p, uint32(len(members)))
	for _, m := range members {
		p = append(p, binary.LittleEndian.AppendUint64(nil, uint64(m))[:width]...)
	}
	return p
}

func text(s string) []byte { return rdb.AppendPlain(nil, []byte(s)) }

func blob(p []byte) []byte { return rdb.AppendPlain(nil, p) }

func join(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

func count(n int) []byte { return rdb.AppendLen(nil, uint64(n)) }

// oldValue is a value laid out as some version of Redis did, and what it means.
type oldValue struct {
	name string
	t    rdb.Type
	body []byte
	want string
	not7 bool // Redis 7.0 cannot read it: written by a later version
}

func oldValues() []oldValue {
	s63, s64 := strings.Repeat("s", 63), strings.Repeat("m", 64)
	long := strings.Repeat("L", 20000)
	return []oldValue{
		{name: "list", t: rdb.TypeList, body: join(count(2), text("a"), []byte{0xc0, 0xfb}), want: `list "a" "-5"`},
		{name: "zset with text scores", t: rdb.TypeZSet,
			body: join(count(4), text("a"), []byte("\x031.5"), text("b"), []byte{254}, text("c"), []byte{255}, text("d"), []byte("\x0217")),
			want: `zset "a"=1.5 "b"=+Inf "c"=-Inf "d"=17`},
		{name: "zipmap", t: rdb.TypeHashZipmap,
			body: blob([]byte("\x02\x01a\x02\x03bc---\x00\x01\x00d\xff")), want: `hash ""="d" "a"="bc"`},
		{name: "zipmap with a long value", t: rdb.TypeHashZipmap,
			body: blob(join([]byte("\x01\x01a\xfe\x20\x4e\x00\x00\x00"), []byte(long), []byte("\xff"))),
			want: fmt.Sprintf(`hash "a"=%q`, long)},
		{name: "ziplist of integers", t: rdb.TypeListZiplist,
			body: blob(ziplist("\xf1", "\xfd", "\xfe\x80", "\xc0\xff\x7f", "\xf0\xff\xff\x7f", "\xd0\x00\x00\x00\x80", "\xe0\x00\x00\x00\x00\x00\x00\x00\x80")),
			want: `list "0" "12" "-128" "32767" "8388607" "-2147483648" "-9223372036854775808"`},
		{name: "ziplist of strings", t: rdb.TypeListZiplist,
			body: blob(ziplist("\x00", zlText(s63), "\x40\x40"+s64, "\x80\x00\x00\x4e\x20"+long, zlText("x"))),
			want: fmt.Sprintf(`list "" %q %q %q "x"`, s63, s64, long)},
		{name: "zset ziplist", t: rdb.TypeZSetZiplist,
			body: blob(ziplist(zlText("a"), zlText("1.5"), zlText("b"), "\xf4", zlText("c"), zlText("inf"))),
			want: `zset "a"=1.5 "b"=3 "c"=+Inf`},
		{name: "hash ziplist", t: rdb.TypeHashZiplist,
			body: blob(ziplist(zlText("a"), zlText("1"), zlText("b"), "\xf4")), want: `hash "a"="1" "b"="3"`},
		{name: "quicklist", t: rdb.TypeListQuicklist,
			body: join(count(2), blob(ziplist(zlText("a"))), blob(ziplist("\xf4", zlText("c")))), want: `list "a" "3" "c"`},
		{name: "quicklist with a plain node", t: rdb.TypeListQuicklist2,
			body: join(count(2), count(1), text("plain"), count(2), blob(packOf("b", "-4096", "4095", "4096", "-8388608"))),
			want: `list "plain" "b" "-4096" "4095" "4096" "-8388608"`},
		{name: "intset of 16 bits", t: rdb.TypeSetIntset, body: blob(intset(2, -300, 5, 300)), want: `set "-300" "300" "5"`},
		{name: "intset of 64 bits", t: rdb.TypeSetIntset, body: blob(intset(8, math.MinInt64, 5)), want: `set "-9223372036854775808" "5"`},
		{name: "hash listpack", t: rdb.TypeHashListpack,
			body: blob(packOf("a", s64, "127", "128")), want: fmt.Sprintf(`hash "127"="128" "a"=%q`, s64)},
		{name: "zset listpack", t: rdb.TypeZSetListpack,
			body: blob(packOf("a", "-inf", "b", "2.5", "c", "3")), want: `zset "a"=-Inf "b"=2.5 "c"=3`},
		{name: "set listpack", t: rdb.TypeSetListpack,
			body: blob(packOf("a", "70000", long, "-2147483649")), want: fmt.Sprintf(`set "-2147483649" "70000" %q "a"`, long), not7: true},
	}
}

// Each layout is read as what it means, by us and by redis-server.
func TestOldLayouts(t *testing.T) {
	for _, v := range oldValues() {
		t.Run(v.name, func(t *testing.T) {
			got, err := rdb.ParseDump(rdb.AppendDumpRaw(nil, v.t, v.body, 10))
			if err != nil {
				t.Fatal(err)
			}
			if text := canonical(got); text != v.want {
				t.Errorf("%.300s\nwant %.300s", text, v.want)
			}
		})
	}
	t.Run("redis-server agrees", func(t *testing.T) {
		s := startRedis(t, t.TempDir(), "--sanitize-dump-payload", "yes")
		for _, v := range oldValues() {
			if v.not7 {
				continue
			}
			raw := rdb.AppendDumpRaw(nil, v.t, v.body, 10)
			parsed, err := rdb.ParseDump(raw)
			if err != nil {
				t.Fatal(err)
			}
			plain := (&rdb.Appender{}).AppendDump(nil, parsed, 10)
			s.do("RESTORE", v.name, 0, string(raw), "REPLACE")
			theirs := ask(s, v.name)
			s.do("RESTORE", v.name, 0, string(plain), "REPLACE")
			if ours := ask(s, v.name); ours != theirs {
				t.Errorf("%s: %.300s\nwe read: %.300s", v.name, theirs, ours)
			}
		}
	})
}

// Every packing cut short, lengthened or with a byte changed is refused or still
// read as something sound; it never panics. Cut anywhere, it is refused.
func TestDamagedLayouts(t *testing.T) {
	for _, v := range oldValues() {
		if len(v.body) > 2000 {
			continue
		}
		for i := range v.body {
			if _, err := rdb.ParseDump(rdb.AppendDumpRaw(nil, v.t, v.body[:i], 10)); err == nil {
				t.Errorf("%s, cut at %d: no error", v.name, i)
			}
			for _, flip := range []byte{1, 2, 4, 8, 16, 32, 64, 128, 255} {
				body := bytes.Clone(v.body)
				body[i] ^= flip
				if got, err := rdb.ParseDump(rdb.AppendDumpRaw(nil, v.t, body, 10)); err == nil {
					checkSound(t, got)
				}
			}
		}
	}
}

// checkSound fails if the fields of a value contradict each other.
func checkSound(t *testing.T, v rdb.Value) {
	t.Helper()
	v = flat(v)
	if v.Kind == rdb.KindHash && len(v.Elements)%2 != 0 {
		t.Error("a hash with an odd number of elements")
	}
	if v.Kind == rdb.KindZSet && len(v.Elements) != len(v.Scores) {
		t.Errorf("%d members have %d scores", len(v.Elements), len(v.Scores))
	}
	for _, s := range v.Scores {
		if math.IsNaN(s) {
			t.Error("a score that is not a number")
		}
	}
	if v.Kind == rdb.KindStream && v.Stream.Length != uint64(len(entriesOf(v.Stream))) {
		t.Error("a stream of the wrong length")
	}
}

// The size behind an element grows at the same borders as in Redis, which reads
// lists we pack.
func TestListpackBorders(t *testing.T) {
	s := startRedis(t, t.TempDir(), "--sanitize-dump-payload", "yes")
	var want []string
	for _, n := range []int{0, 1, 62, 63, 64, 125, 126, 127, 128, 4095, 4096, 16377, 16378, 16379, 16380, 16384} {
		want = append(want, strings.Repeat("x", n))
	}
	for _, n := range []int64{-1, 127, 128, -4096, -4097, 4095, 4096, 1 << 15, -1<<15 - 1, 1<<23 - 1, 1 << 23, 1 << 31, math.MinInt64} {
		want = append(want, fmt.Sprint(n))
	}
	packed := blob(packOf(want...))
	s.do("RESTORE", "k", 0, string(rdb.AppendDumpRaw(nil, rdb.TypeListQuicklist2, join(count(1), count(2), packed), 10)))
	got, err := redis.Strings(s.do("LRANGE", "k", 0, -1), nil)
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%v: %.200q", err, got)
	}
}

// Streams of all versions of the layout.
func TestStreamLayouts(t *testing.T) {
	id := func(ms, seq uint64) []byte {
		return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, ms), seq)
	}
	le := func(n uint64) []byte { return binary.LittleEndian.AppendUint64(nil, n) }
	// Master entry with fields a and b; a valid entry with the same fields, a deleted
	// one, and one with a field of its own and an id before the node's in seq.
	node := packOf("2", "1", "2", "a", "b", "0",
		"2", "0", "0", "1", "2", "5",
		"3", "0", "1", "3", "4", "5",
		"0", "5", "-1", "1", "c", "9", "6")
	head := join(count(1), blob(id(100, 1)), blob(node), count(2), count(105), count(7))
	more := join(count(100), count(1), count(100), count(2), count(3))
	group := join(count(1), text("g"), count(100), count(1))
	pending := join(count(1), id(100, 1), le(777), count(2))
	consumer := join(count(1), text("c"), le(888))
	own := join(count(1), id(100, 1))
	entries := `{{100 1} [[97] [49] [98] [50]]} {{105 0} [[99] [57]]}`
	tests := []struct {
		t    rdb.Type
		body []byte
		want []string
	}{
		{rdb.TypeStreamListpacks, join(head, group, pending, consumer, own), []string{entries, "ms=888/888", "read -1", "added 2", "first 100-1"}},
		{rdb.TypeStreamListpacks2, join(head, more, group, count(1), pending, consumer, own), []string{entries, "ms=888/888", "read 1", "added 3", "first 100-1"}},
		{rdb.TypeStreamListpacks3, join(head, more, group, count(1), pending, consumer, le(999), own), []string{entries, "ms=888/999", "read 1", "added 3"}},
	}
	for _, tt := range tests {
		v, err := rdb.ParseDump(rdb.AppendDumpRaw(nil, tt.t, tt.body, 11))
		if err != nil {
			t.Errorf("type %d: %v", tt.t, err)
			continue
		}
		s := v.Stream
		c := s.Groups[0].Consumers[0]
		got := fmt.Sprintf("%v ms=%d/%d read %d added %d first %d-%d",
			entriesOf(s), c.SeenAt, c.ActiveAt, s.Groups[0].EntriesRead, s.EntriesAdded, s.FirstID.MS, s.FirstID.Seq)
		for _, w := range tt.want {
			if !strings.Contains(got, w) {
				t.Errorf("type %d: %s\nwant %s", tt.t, got, w)
			}
		}
		again, err := rdb.ParseDump((&rdb.Appender{}).AppendDump(nil, v, 11))
		if err != nil || fmt.Sprint(again.Stream) != fmt.Sprint(v.Stream) {
			t.Errorf("type %d came back as %v, %v", tt.t, again.Stream, err)
		}
		for cut := range tt.body {
			if _, err := rdb.ParseDump(rdb.AppendDumpRaw(nil, tt.t, tt.body[:cut], 11)); err == nil {
				t.Errorf("type %d, cut at %d: no error", tt.t, cut)
			}
		}
	}
}

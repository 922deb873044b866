package integration

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/vedette-ha/vedette/internal/listpack"
	"github.com/vedette-ha/vedette/internal/rdb"
)

// ziplist packs short strings and small numbers (below 13) as Redis did before 7.0.
func ziplist(entries ...any) []byte {
	p, tail, before := make([]byte, 10), 10, 0
	for _, e := range entries {
		tail = len(p)
		p = append(p, byte(before))
		switch e := e.(type) {
		case int:
			p = append(p, 0xf1+byte(e))
		case string:
			p = append(append(p, byte(len(e))), e...)
		}
		before = len(p) - tail
	}
	p = append(p, 0xff)
	binary.LittleEndian.PutUint32(p, uint32(len(p)))
	binary.LittleEndian.PutUint32(p[4:], uint32(tail))
	binary.LittleEndian.PutUint16(p[8:], uint16(len(entries)))
	return p
}

// oldStream is the layout of a stream of Redis 5: two entries, one deleted, a group
// with a consumer who has one of them.
func oldStream() []byte {
	id := binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, 100), 1)
	lp := listpack.New()
	for _, e := range []string{"2", "1", "2", "a", "b", "0", "2", "0", "0", "1", "2", "5", "3", "0", "1", "3", "4", "5",
		"0", "5", "-1", "1", "c", "9", "6"} {
		lp = listpack.Append(lp, []byte(e))
	}
	when := binary.LittleEndian.AppendUint64(nil, 777)
	text := func(s string) []byte { return rdb.AppendPlain(nil, []byte(s)) }
	number := func(n uint64) []byte { return rdb.AppendLen(nil, n) }
	return bytes.Join([][]byte{
		number(1), rdb.AppendPlain(nil, id), rdb.AppendPlain(nil, lp), number(2), number(105), number(7),
		number(1), text("group"), number(100), number(1),
		number(1), id, when, number(2),
		number(1), text("consumer"), when, number(1), id,
	}, nil)
}

// A file of layouts that only older versions of Redis wrote is read as Redis 7.0
// reads it.
func TestOldFileIsRead(t *testing.T) {
	var out bytes.Buffer
	w := rdb.NewWriter(&out, rdb.Options{Version: 9})
	w.Header()
	w.SelectDB(0)
	packed := func(p []byte) []byte { return rdb.AppendPlain(nil, p) }
	nodes := func(all ...[]byte) []byte {
		p := rdb.AppendLen(nil, uint64(len(all)))
		for _, n := range all {
			p = append(p, packed(n)...)
		}
		return p
	}
	for _, v := range []struct {
		key  string
		t    rdb.Type
		body []byte
	}{
		{"list", rdb.TypeList, []byte("\x03\x01a\xc0\xfb\x01a")},
		{"set", rdb.TypeSet, []byte("\x02\x01a\xc0\x05")},
		{"set of integers", rdb.TypeSet, []byte("\x03\xc0\x07\xc0\xfb\xc1\x00\x40")},
		{"zset", rdb.TypeZSet, []byte("\x04\x01a\x031.5\x01b\xfe\x01c\xff\x01d\x0217")},
		{"hash", rdb.TypeHash, []byte("\x02\x01a\x01b\x01c\xc0\x01")},
		{"zipmap", rdb.TypeHashZipmap, packed([]byte("\x02\x01a\x02\x03bc---\x00\x01\x00d\xff"))},
		{"list ziplist", rdb.TypeListZiplist, packed(ziplist("a", 3, "", 12, "hello"))},
		{"zset ziplist", rdb.TypeZSetZiplist, packed(ziplist("a", "1.5", "b", 3, "c", "inf"))},
		{"hash ziplist", rdb.TypeHashZiplist, packed(ziplist("a", "1", "b", 3))},
		{"quicklist", rdb.TypeListQuicklist, nodes(ziplist("a", 1), ziplist(2, "c"), ziplist("d"))},
		{"quicklist of one", rdb.TypeListQuicklist, nodes(ziplist("a", 1))},
		{"stream", rdb.TypeStreamListpacks, oldStream()},
	} {
		w.RawKey(rdb.NoMeta(), v.t, []byte(v.key), v.body)
	}
	if err := w.End(); err != nil {
		t.Fatal(err)
	}
	starts := everyStart()
	var all [2][]string
	for i, name := range []string{"vedette", "redis"} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "dump.rdb"), out.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		p := dial(t, starts[name](t, "--dir", dir))
		all[i] = digests(p)
		for _, key := range p.do("KEYS", "*").strings() {
			if enc := p.do("OBJECT", "ENCODING", key).text; enc != "quicklist" { // listpack, in 7.2
				all[i] = append(all[i], key+" "+enc)
			}
		}
		all[i] = append(all[i], p.do("XINFO", "GROUPS", "stream").sorted(), p.do("XPENDING", "stream", "group").raw)
		slices.Sort(all[i])
	}
	for _, line := range all[1] {
		if !slices.Contains(all[0], line) && line != "set hashtable" {
			t.Errorf("redis has %q\n%q", line, all[0])
		}
	}
}

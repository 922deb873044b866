package command

import (
	"bytes"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/vedette-ha/vedette/internal/resp"
	"github.com/vedette-ha/vedette/server/codec"
	"github.com/vedette-ha/vedette/server/keyspace"
)

// hashWorld runs commands of the hash family against a data set. What they propagate
// is applied to a second one, the replica, and what they publish is noted.
type hashWorld struct {
	Host    // the rest is not called
	t       rapid.TB
	table   *Table
	ctx     Ctx
	scratch []byte
	replica *hashWorld
	events  []string
}

func newHashWorld(t rapid.TB, o *Options) *hashWorld {
	space := keyspace.New(keyspace.Options{Databases: 1})
	w := &hashWorld{t: t, table: NewTable(HashCommands(), GenericCommands())}
	w.ctx = Ctx{Out: &resp.Writer{}, DB: space.DB(0), Space: space, Host: w, Opt: o, Lookups: &Lookups{}}
	w.setNow(1_000_000)
	return w
}

// withReplica gives w a replica, which shows what is expired as a master would.
func (w *hashWorld) withReplica(o *Options) *hashWorld {
	w.replica = newHashWorld(w.t, o)
	w.replica.ctx.Space.SetExpirePolicy(keyspace.ExpireHide)
	return w
}

func (w *hashWorld) setNow(ms int64) {
	w.ctx.Now = ms
	w.ctx.Space.SetNow(ms)
	if w.replica != nil {
		w.replica.setNow(ms)
	}
}

func (w *hashWorld) Touch(int, []byte) {}

func (w *hashWorld) Notify(_ Class, event string, key []byte, _ int) {
	w.events = append(w.events, event+" "+string(key))
}

func (w *hashWorld) Effect(_ int, args ...[]byte) {
	if w.replica == nil {
		return
	}
	own := make([][]byte, len(args))
	for i, a := range args {
		own[i] = bytes.Clone(a)
	}
	w.replica.ctx.Space.SetExpirePolicy(keyspace.ExpireKeep)
	w.replica.do(own...)
	w.replica.ctx.Space.SetExpirePolicy(keyspace.ExpireHide)
}

func (w *hashWorld) do(args ...[]byte) string {
	w.t.Helper()
	cmd := w.table.Lookup(args[0])
	if cmd == nil || !cmd.ArityOK(len(args)) {
		w.t.Fatalf("%q cannot be run", args)
	}
	w.ctx.Out.Buf = w.ctx.Out.Buf[:0]
	w.ctx.Begin(cmd, args)
	w.ctx.Scratch = w.scratch[:0]
	err := cmd.Run(&w.ctx)
	w.scratch = w.ctx.Scratch
	if err != nil {
		if len(w.ctx.Out.Buf) > 0 {
			w.t.Fatalf("%q: a reply and an error", args)
		}
		return "-" + err.Error()
	}
	if w.replica != nil && w.ctx.Dirty() > 0 && w.ctx.Effects() == 0 {
		w.Effect(0, args...)
	}
	return string(w.ctx.Out.Buf)
}

func (w *hashWorld) run(line string) string {
	w.t.Helper()
	var args [][]byte
	for word := range strings.FieldsSeq(line) {
		args = append(args, []byte(word))
	}
	return w.do(args...)
}

// short is a reply without what is the same in all: "[1 x nil]".
func short(reply string) string {
	var out []string
	lines := strings.Split(strings.TrimSuffix(reply, "\r\n"), "\r\n")
	for i := 0; i < len(lines); i++ {
		switch line := lines[i]; {
		case line == "$-1" || line == "_":
			out = append(out, "nil")
		case line[0] == '$':
			i++
			out = append(out, lines[i])
		case line[0] == ':':
			out = append(out, line[1:])
		case line[0] == '-' || line[0] == '+':
			out = append(out, line)
		}
	}
	return strings.Join(out, " ")
}

func hashOptions() *Options {
	return &Options{Limits: codec.Limits{HashMaxEntries: 8, HashMaxValue: 10}, ProtoMaxBulkLen: math.MaxInt32}
}

// twinHash is a hash as simple as can be.
type twinHash map[string]twinField

type twinField struct {
	val string
	at  int64 // 0: never
}

// hashMachine draws commands and says what they must reply and leave behind.
type hashMachine struct {
	w    *hashWorld
	t    *rapid.T
	twin map[string]twinHash
}

func (m *hashMachine) key() string { return rapid.SampledFrom([]string{"h", "i"}).Draw(m.t, "key") }
func (m *hashMachine) field() string {
	return fmt.Sprint("f", rapid.IntRange(0, 11).Draw(m.t, "field"))
}

func (m *hashMachine) val() string {
	return rapid.SampledFrom([]string{"1", "-5", "abc", "", "a long value beyond the limit"}).Draw(m.t, "val")
}

// at returns the live fields of a hash; expired ones are gone.
func (m *hashMachine) at(key string) twinHash {
	for f, v := range m.twin[key] {
		if v.at != 0 && v.at < m.w.ctx.Now {
			delete(m.twin[key], f)
		}
	}
	if m.twin[key] == nil {
		m.twin[key] = twinHash{}
	}
	return m.twin[key]
}

func (m *hashMachine) expect(line, want string) {
	m.t.Helper()
	if got := short(m.w.run(line)); got != want {
		m.t.Fatalf("%s: %q, want %q", line, got, want)
	}
}

func (m *hashMachine) hset() {
	key, f, val := m.key(), m.field(), "v"+m.val()
	h := m.at(key)
	want := "1"
	if _, ok := h[f]; ok {
		want = "0"
	}
	h[f] = twinField{val: strings.ReplaceAll(val, " ", "_")}
	m.expect(fmt.Sprintf("HSET %s %s %s", key, f, h[f].val), want)
}

func (m *hashMachine) hincrby() {
	key, f := m.key(), "n"
	h := m.at(key)
	old, _ := strconv.Atoi(h[f].val)
	h[f] = twinField{val: strconv.Itoa(old + 7), at: h[f].at}
	m.expect(fmt.Sprintf("HINCRBY %s %s 7", key, f), h[f].val)
}

func (m *hashMachine) hdel() {
	key, f, g := m.key(), m.field(), m.field()
	h := m.at(key)
	n := 0
	for _, f := range []string{f, g} {
		if _, ok := h[f]; ok {
			delete(h, f)
			n++
		}
	}
	m.expect(fmt.Sprintf("HDEL %s %s %s", key, f, g), strconv.Itoa(n))
}

func (m *hashMachine) hexpire() {
	key, f := m.key(), rapid.SampledFrom([]string{m.field(), "n"}).Draw(m.t, "which")
	ms := rapid.Int64Range(0, 100).Draw(m.t, "ms")
	h := m.at(key)
	v, ok := h[f]
	want := "1"
	switch {
	case !ok:
		want = "-2"
	case ms == 0:
		want = "2"
		delete(h, f)
	default:
		h[f] = twinField{v.val, m.w.ctx.Now + ms}
	}
	m.expect(fmt.Sprintf("HPEXPIRE %s %d FIELDS 1 %s", key, ms, f), want)
}

func (m *hashMachine) hpersist() {
	key, f := m.key(), m.field()
	h := m.at(key)
	v, ok := h[f]
	want := "1"
	switch {
	case !ok:
		want = "-2"
	case v.at == 0:
		want = "-1"
	default:
		h[f] = twinField{val: v.val}
	}
	m.expect(fmt.Sprintf("HPERSIST %s FIELDS 1 %s", key, f), want)
}

func (m *hashMachine) hsetex() {
	key, f := m.key(), m.field()
	h := m.at(key)
	option := rapid.SampledFrom([]string{"", "KEEPTTL", "PX 50", "PX 0", "FNX", "FXX EX 1"}).Draw(m.t, "option")
	want := "1"
	old, there := h[f]
	switch {
	case option == "FNX" && there, option == "FXX EX 1" && !there:
		want = "0"
	case option == "KEEPTTL":
		h[f] = twinField{"x", old.at}
	case option == "PX 50":
		h[f] = twinField{"x", m.w.ctx.Now + 50}
	case option == "FXX EX 1":
		h[f] = twinField{"x", m.w.ctx.Now + 1000}
	case option == "PX 0":
		delete(h, f)
	default:
		h[f] = twinField{val: "x"}
	}
	m.expect(fmt.Sprintf("HSETEX %s %s FIELDS 1 %s x", key, option, f), want)
}

func (m *hashMachine) hgetdel() {
	key, f := m.key(), m.field()
	h := m.at(key)
	want := "nil"
	if v, ok := h[f]; ok {
		want = v.val
		delete(h, f)
	}
	m.expect(fmt.Sprintf("HGETDEL %s FIELDS 1 %s", key, f), want)
}

func (m *hashMachine) hgetex() {
	key, f := m.key(), m.field()
	h := m.at(key)
	option := rapid.SampledFrom([]string{"", "PERSIST", "PX 50", "PX 0"}).Draw(m.t, "option")
	v, ok := h[f]
	if !ok {
		m.expect(fmt.Sprintf("HGETEX %s %s FIELDS 1 %s", key, option, f), "nil")
		return
	}
	switch option {
	case "PERSIST":
		h[f] = twinField{val: v.val}
	case "PX 50":
		h[f] = twinField{v.val, m.w.ctx.Now + 50}
	case "PX 0":
		delete(h, f)
	}
	m.expect(fmt.Sprintf("HGETEX %s %s FIELDS 1 %s", key, option, f), v.val)
}

func (m *hashMachine) read() {
	key, f := m.key(), m.field()
	h := m.at(key)
	v, ok := h[f]
	val, exists, ttl := "nil", "0", "-2"
	if ok {
		val, exists, ttl = v.val, "1", "-1"
		if v.at != 0 {
			ttl = strconv.FormatInt(v.at-m.w.ctx.Now, 10)
		}
	}
	m.expect("HGET "+key+" "+f, val)
	m.expect("HMGET "+key+" "+f+" nofield", val+" nil")
	m.expect("HEXISTS "+key+" "+f, exists)
	m.expect("HPTTL "+key+" FIELDS 1 "+f, ttl)
	m.expect("HSTRLEN "+key+" "+f, strconv.Itoa(len(v.val)))
	m.expect("HLEN "+key, strconv.Itoa(len(h)))
}

func (m *hashMachine) random() {
	key := m.key()
	h := m.at(key)
	n := rapid.IntRange(-20, 20).Draw(m.t, "count")
	words := strings.Fields(short(m.w.run(fmt.Sprintf("HRANDFIELD %s %d WITHVALUES", key, n))))
	want := min(n, len(h))
	if n < 0 && len(h) > 0 {
		want = -n
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(words); i += 2 {
		if v, ok := h[words[i]]; !ok || v.val != words[i+1] || n > 0 && seen[words[i]] {
			m.t.Fatalf("HRANDFIELD %d: %q", n, words)
		}
		seen[words[i]] = true
	}
	if len(words) != 2*max(want, 0) {
		m.t.Fatalf("HRANDFIELD %d of %d: %d fields", n, len(h), len(words)/2)
	}
}

func (m *hashMachine) copyKey() {
	m.twin["i"] = maps.Clone(m.at("h"))
	m.w.run("DEL i")
	m.w.run("COPY h i")
}

func (m *hashMachine) dumpAndRestore() {
	if m.twin["i"] = maps.Clone(m.at("h")); len(m.twin["i"]) == 0 {
		m.w.run("DEL i")
		return
	}
	m.w.run("HLEN h") // deletes what has expired
	m.w.run("DUMP h")
	payload := bytes.SplitN(bytes.Clone(m.w.ctx.Out.Buf), []byte("\r\n"), 2)[1]
	payload = payload[:len(payload)-2]
	if got := m.w.do([]byte("RESTORE"), []byte("i"), []byte("0"), payload, []byte("REPLACE")); got != "+OK\r\n" {
		m.t.Fatalf("RESTORE: %q", got)
	}
}

// reap is what the expire cycle does.
func (m *hashMachine) reap() {
	due, _ := m.w.ctx.DB.Perished(nil, 100)
	for _, key := range due {
		ReapHash(m.w, m.w.ctx.DB, key, m.w.ctx.Now, 3)
	}
}

// check compares everything, on the replica, too.
func (m *hashMachine) check(*rapid.T) {
	for _, key := range []string{"h", "i"} {
		h := m.at(key)
		for _, w := range []*hashWorld{m.w, m.w.replica} {
			all := strings.Fields(strings.ReplaceAll(short(w.run("HGETALL "+key)), "  ", " _ "))
			got := twinHash{}
			for i := 0; i+1 < len(all); i += 2 {
				at, _ := strconv.ParseInt(short(w.run("HPEXPIRETIME "+key+" FIELDS 1 "+all[i])), 10, 64)
				got[all[i]] = twinField{all[i+1], max(at, 0)}
			}
			if !maps.Equal(got, h) {
				m.t.Fatalf("%s has %v, want %v", key, got, h)
			}
		}
		if exists := short(m.w.run("EXISTS " + key)); exists != strconv.Itoa(min(len(h), 1)) {
			m.t.Fatalf("EXISTS %s: %s with %d fields", key, exists, len(h))
		}
		m.checkForm(key, len(h))
	}
}

// checkForm holds a hash against the limits of its encoding.
func (m *hashMachine) checkForm(key string, n int) {
	e, ok := m.w.ctx.DB.Peek([]byte(key))
	if !ok {
		return
	}
	if enc := e.Encoding(); enc != keyspace.Hashtable && n > m.w.ctx.Opt.HashMaxEntries {
		m.t.Fatalf("%s: %v with %d fields", key, enc, n)
	}
	if (e.Object() == nil) != (e.Encoding() == keyspace.Listpack) {
		m.t.Fatalf("%s: %v", key, e.Encoding())
	}
}

// The commands do what a map of maps would do, fields expire to the millisecond, and
// a replica that is told the effects has the same.
func TestHashesEqualTheirTwin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := hashOptions()
		m := &hashMachine{w: newHashWorld(t, o).withReplica(o), t: t, twin: map[string]twinHash{}}
		actions := map[string]func(*rapid.T){"": func(rt *rapid.T) { m.t = rt; m.check(rt) }}
		for name, f := range map[string]func(){
			"hset": m.hset, "hset again": m.hset, "hset more": m.hset, "hincrby": m.hincrby, "hdel": m.hdel,
			"hexpire": m.hexpire, "hexpire again": m.hexpire, "hpersist": m.hpersist, "hsetex": m.hsetex,
			"hgetdel": m.hgetdel, "hgetex": m.hgetex, "read": m.read, "random": m.random, "copy": m.copyKey,
			"dump": m.dumpAndRestore, "reap": m.reap,
			"wait": func() { m.w.setNow(m.w.ctx.Now + rapid.Int64Range(1, 60).Draw(m.t, "ms")) },
		} {
			actions[name] = func(rt *rapid.T) { m.t, m.w.t, m.w.replica.t = rt, rt, rt; f() }
		}
		t.Repeat(actions)
	})
}

// HSCAN of a big hash passes every field that is there all the time.
func TestHScanMissesNothing(t *testing.T) {
	w := newHashWorld(t, hashOptions())
	for i := range 2000 {
		w.run(fmt.Sprintf("HSET h stay%d %d", i, i))
	}
	seen := map[string]bool{}
	cursor := "0"
	for round := 0; ; round++ {
		words := strings.Fields(short(w.run("HSCAN h " + cursor + " COUNT 7 NOVALUES MATCH stay*")))
		cursor = words[0]
		for _, f := range words[1:] {
			seen[f] = true
		}
		if cursor == "0" {
			break
		}
		for i := range 20 {
			w.run(fmt.Sprintf("HSET h more%d x", round*20+i))
		}
		if round%3 == 0 {
			for i := range 60 {
				w.run(fmt.Sprintf("HDEL h more%d", round*20-i))
			}
		}
	}
	for i := range 2000 {
		if !seen[fmt.Sprint("stay", i)] {
			t.Fatalf("stay%d was not visited", i)
		}
	}
}

// The replies of the commands Redis has from 7.4 and 8.0 on, for one hash with the
// fields a (expires in 10 s) and b. No server of that age is at hand to compare with.
func TestFieldExpiryReplies(t *testing.T) {
	const missing = "-ERR Mandatory argument FIELDS is missing or not at the right position"
	const mismatch = "-ERR The `numfields` parameter must match the number of arguments"
	const notPositive = "-ERR Number of fields must be a positive integer"
	tests := []struct{ do, want string }{
		{"HTTL h FIELDS 3 a b c", "10 -1 -2"},
		{"HPTTL h FIELDS 1 a", "10000"},
		{"HEXPIRETIME h FIELDS 2 a b", "1010 -1"},
		{"HPEXPIRETIME h FIELDS 1 a", "1010000"},
		{"HTTL none FIELDS 2 a b", "-2 -2"},
		{"HTTL h FIELD 1 a", missing},
		{"HTTL h FIELDS 0 a", notPositive},
		{"HTTL h FIELDS x a", notPositive},
		{"HTTL h FIELDS 2 a", mismatch},
		{"HTTL h FIELDS 1 a b", mismatch},
		{"HTTL s FIELDS 1 a", "-" + resp.ErrWrongType.Error()},
		{"HPERSIST h FIELDS 3 a b c", "1 -1 -2"},
		{"HPERSIST none FIELDS 1 a", "-2"},
		{"HEXPIRE h 20 FIELDS 3 a b c", "1 1 -2"},
		{"HEXPIRE h 20 NX FIELDS 2 a b", "0 1"},
		{"HEXPIRE h 20 xx FIELDS 2 a b", "1 0"},
		{"HEXPIRE h 20 GT FIELDS 2 a b", "1 0"},
		{"HEXPIRE h 10 GT FIELDS 1 a", "0"},
		{"HEXPIRE h 20 LT FIELDS 2 a b", "0 1"},
		{"HEXPIRE h 5 LT FIELDS 1 a", "1"},
		{"HEXPIRE h 0 FIELDS 2 a c", "2 -2"},
		{"HEXPIREAT h 1 FIELDS 2 a b", "2 2"},
		{"HPEXPIREAT h 5000000 FIELDS 1 a", "1"},
		{"HEXPIRE none 20 FIELDS 2 a b", "-2 -2"},
		{"HEXPIRE h x FIELDS 1 a", "-ERR value is not an integer or out of range"},
		{"HEXPIRE h -1 FIELDS 1 a", "-ERR invalid expire time, must be >= 0"},
		{"HEXPIRE h 70368744178 FIELDS 1 a", "-ERR invalid expire time in 'hexpire' command"},
		{"HPEXPIREAT h 70368744177664 FIELDS 1 a", "-ERR invalid expire time in 'hpexpireat' command"},
		{"HEXPIRE h 10 NX XX FIELDS 1 a", missing},
		{"HEXPIRE h 10 ZZ FIELDS 1 a", missing},
		{"HEXPIRE h 10 FIELDS 0 a", "-ERR Parameter `numFields` should be greater than 0"},
		{"HEXPIRE h 10 FIELDS 2 a", mismatch},
		{"HEXPIRE s 10 FIELDS 1 a", "-" + resp.ErrWrongType.Error()},
		{"HGETDEL h FIELDS 3 a c b", "1 nil 2"},
		{"HGETDEL h FIELDS 2 a a", "1 nil"},
		{"HGETDEL none FIELDS 1 a", "nil"},
		{"HGETDEL h FIELDS 2 a", mismatch},
		{"HGETDEL h x 1 a", missing},
		{"HGETEX h FIELDS 2 a c", "1 nil"},
		{"HGETEX h EX 5 FIELDS 1 b", "2"},
		{"HGETEX none PERSIST FIELDS 1 b", "nil"},
		{"HGETEX h EX 5 PX 5 FIELDS 1 b", "-ERR Only one of EX, PX, EXAT, PXAT or PERSIST arguments can be specified"},
		{"HGETEX h KEEPTTL FIELDS 1 b", "-ERR unknown argument: KEEPTTL"},
		{"HGETEX h EX -5 FIELDS 1 b", "-ERR invalid expire time, must be >= 0"},
		{"HGETEX h FIELDS 0 b", "-ERR invalid number of fields"},
		{"HSETEX h FIELDS 2 a 5 c 6", "1"},
		{"HSETEX h FNX FIELDS 2 a 5 c 6", "0"},
		{"HSETEX h FXX FIELDS 2 a 5 c 6", "0"},
		{"HSETEX h fxx px 100 FIELDS 2 a 5 b 6", "1"},
		{"HSETEX h FXX FNX FIELDS 1 a 1", "-ERR Only one of FXX or FNX arguments can be specified"},
		{"HSETEX h EX 1 KEEPTTL FIELDS 1 a 1", "-ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified"},
		{"HSETEX h FIELDS 2 a 1", "-ERR wrong number of arguments for 'hsetex' command"},
		{"HSETEX h EX 1 FNX a 1", "-ERR unknown argument: a"},
	}
	for _, tc := range tests {
		w := newHashWorld(t, hashOptions())
		w.run("HSET h a 1 b 2")
		w.run("HEXPIRE h 10 FIELDS 1 a")
		w.ctx.DB.SetString([]byte("s"), nil, keyspace.Raw, keyspace.SetOpt{})
		if got := short(w.run(tc.do)); got != tc.want {
			t.Errorf("%s: %q, want %q", tc.do, got, tc.want)
		}
	}
}

// What a client can see of a field that expires: OBJECT ENCODING, the events, and
// the key gone with its last field.
func TestFieldExpiryEvents(t *testing.T) {
	w := newHashWorld(t, hashOptions())
	steps := []struct{ do, want, events string }{
		{"HSET h a 1 b 2 c 3", "3", "hset h"},
		{"HPEXPIRE h 10 FIELDS 2 a none", "1 -2", "hexpire h"},
		{"HPERSIST h FIELDS 1 a", "1", "hpersist h"},
		{"HPEXPIRE h 10 FIELDS 2 a b", "1 1", "hexpire h"},
		{"HGET h a", "1", ""},
		{"wait 10", "", ""},
		{"HGET h a", "1", ""},
		{"wait 1", "", ""},
		{"HGET h a", "nil", "hexpired h"},
		{"HLEN h", "1", ""},
		{"HPEXPIRE h 0 FIELDS 1 c", "2", "hdel h,del h"},
		{"HSETEX h PX 5 FIELDS 1 a 1", "1", "hset h,hexpire h"},
		{"HGETEX h PX 9 FIELDS 1 a", "1", "hexpire h"},
		{"HSETEX h PX 0 FIELDS 1 z 1", "1", "hset h,hdel h"},
		{"HSETEX h EXAT 1 FIELDS 1 a 1", "1", "hset h,hdel h,del h"},
		{"HSETEX h EX 0 FIELDS 2 a 1 a 2", "1", "hset h,hdel h,del h"},
		{"HSETEX h PX 5 FIELDS 1 a 1", "1", "hset h,hexpire h"},
		{"wait 10", "", ""},
		{"HGETALL h", "", "hexpired h,del h"},
		{"HGETALL h", "", ""},
	}
	for _, s := range steps {
		w.events = nil
		if ms, ok := strings.CutPrefix(s.do, "wait "); ok {
			n, _ := strconv.ParseInt(ms, 10, 64)
			w.setNow(w.ctx.Now + n)
			continue
		}
		got := short(w.run(s.do))
		w.events = slices.DeleteFunc(w.events, func(e string) bool { return strings.HasPrefix(e, "keymiss") })
		if events := strings.Join(w.events, ","); got != s.want || events != s.events {
			t.Errorf("%s: %q, %q; want %q, %q", s.do, got, events, s.want, s.events)
		}
	}
}

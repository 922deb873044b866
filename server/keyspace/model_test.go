package keyspace

import (
	"bytes"
	"fmt"
	"maps"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// machine drives a Space and its twin, and a snapshot with the state it must show.
type machine struct {
	t  *rapid.T
	s  *Space
	tw *twin

	snapshot *Snapshot
	begun    []map[string]twinValue // the twin when the snapshot began
	begunAt  int64
	records  []map[string]twinValue
	kept     map[string][]byte // values marked Keep, and what they were
	keptWas  map[string]string
}

func newMachine(t *rapid.T) *machine {
	policy := rapid.SampledFrom([]ExpirePolicy{ExpireDelete, ExpireHide, ExpireKeep}).Draw(t, "policy")
	m := &machine{t: t, s: New(Options{Databases: 3, Seed: 1})}
	m.tw = &twin{now: 1_000_000, policy: policy}
	for range 3 {
		m.tw.dbs = append(m.tw.dbs, map[string]twinValue{})
	}
	m.s.SetNow(m.tw.now)
	m.s.SetExpirePolicy(policy)
	return m
}

func (m *machine) db() int { return rapid.IntRange(0, 2).Draw(m.t, "db") }

func (m *machine) key() string {
	k := rapid.IntRange(0, 30).Draw(m.t, "key")
	if k == 0 {
		return strings.Repeat("long", 5000)
	}
	return fmt.Sprint("key", k)
}

var sizes = []int{0, 1, 10, 44, 45, 120, 127, 128, 129, 1000, 2040, 2100, 16000, 32700, 32760, 33000, 70000}

func (m *machine) val() string {
	n := rapid.SampledFrom(sizes).Draw(m.t, "size")
	return strings.Repeat(rapid.SampledFrom([]string{"a", "7", "z"}).Draw(m.t, "fill"), n)
}

func (m *machine) time() int64 { return m.tw.now + int64(rapid.IntRange(-50, 500).Draw(m.t, "ttl")) }

func (m *machine) ok(err error) {
	if err != nil {
		m.t.Fatalf("unexpected error: %v", err)
	}
}

func (m *machine) same(what string, got, want any) {
	if got != want {
		m.t.Fatalf("%s: got %.80v, want %.80v", what, fmt.Sprint(got), fmt.Sprint(want))
	}
}

func (m *machine) set() {
	d, key, val := m.db(), m.key(), m.val()
	var o SetOpt
	v := twinValue{val: val, enc: EncodingOf([]byte(val)), expireAt: NoExpire}
	switch rapid.IntRange(0, 2).Draw(m.t, "expiry") {
	case 1:
		o.ExpireAt = m.time()
		v.expireAt = o.ExpireAt
	case 2:
		o.KeepTTL = true
		if old, ok := m.tw.get(d, key); ok {
			v.expireAt = old.expireAt
		}
	}
	m.ok(m.s.DB(d).SetString([]byte(key), []byte(val), v.enc, o))
	m.tw.dbs[d][key] = v
}

func (m *machine) add() {
	d, key, val := m.db(), m.key(), m.val()
	added, err := m.s.DB(d).Insert([]byte(key), Value{Kind: String, Bytes: []byte(val)}, SetOpt{})
	m.ok(err)
	_, there := m.tw.dbs[d][key]
	if m.tw.policy == ExpireDelete {
		_, there = m.tw.get(d, key)
	}
	m.same("Add", added, !there)
	if added {
		m.tw.dbs[d][key] = twinValue{val: val, enc: Raw, expireAt: NoExpire}
	}
}

func (m *machine) setObject() {
	d, key, val := m.db(), m.key(), m.val()
	m.ok(m.s.DB(d).SetObject([]byte(key), &text{val}, SetOpt{}))
	m.tw.dbs[d][key] = twinValue{val: val, enc: Hashtable, expireAt: NoExpire, object: true}
}

func (m *machine) changeObject() {
	d, key := m.db(), m.key()
	obj, ok := m.s.DB(d).MutableObject([]byte(key))
	v, there := m.tw.get(d, key)
	m.same("MutableObject", ok, there && v.object)
	if ok {
		obj.(*text).s += "+"
		v.val += "+"
		m.tw.dbs[d][key] = v
	}
}

func (m *machine) get() {
	d, key := m.db(), m.key()
	e, ok := m.s.DB(d).Get([]byte(key))
	v, there := m.tw.get(d, key)
	m.same("Get", ok, there)
	if ok {
		m.sameEntry(e, key, v)
	}
}

func (m *machine) sameEntry(e Entry, key string, v twinValue) {
	s, obj := textOf(e.Bytes(), e.Object())
	m.same("Key", string(e.Key()), key)
	m.same("value", twinValue{s, e.Encoding(), e.ExpireAt(), obj}, v)
}

func (m *machine) delete() {
	d, key := m.db(), m.key()
	got := m.s.DB(d).Unlink([]byte(key))
	_, want := m.tw.dbs[d][key]
	if m.tw.policy == ExpireDelete {
		_, want = m.tw.get(d, key)
	}
	m.same("Delete", got, want)
	delete(m.tw.dbs[d], key)
}

func (m *machine) append() {
	d, key, val := m.db(), m.key(), m.val()
	v, there := m.tw.get(d, key)
	if v.object || len(v.val) > 300_000 {
		return
	}
	arg := []byte(val)
	if e, ok := m.s.DB(d).Peek([]byte(key)); ok && rapid.Bool().Draw(m.t, "itself") {
		arg, val = e.Bytes(), v.val
	}
	n, err := m.s.DB(d).Append([]byte(key), arg)
	m.ok(err)
	if !there {
		v = twinValue{enc: EncodingOf([]byte(val)), expireAt: NoExpire}
	} else {
		v.enc = Raw
	}
	v.val += val
	m.same("Append", n, len(v.val))
	m.tw.dbs[d][key] = v
}

func (m *machine) update() {
	d, key := m.db(), m.key()
	v, there := m.tw.get(d, key)
	if v.object {
		return
	}
	n := rapid.SampledFrom(sizes).Draw(m.t, "size")
	b, ok, err := m.s.DB(d).Update([]byte(key), n, Raw)
	m.ok(err)
	m.same("Update", ok, there)
	if !ok {
		return
	}
	keep := min(n, len(v.val))
	v.enc, v.val = Raw, v.val[:keep]+strings.Repeat("\x00", n-keep)
	m.same("Update returns", string(b), v.val)
	if n > 0 {
		b[n/2] = 'u'
		v.val = v.val[:n/2] + "u" + v.val[n/2+1:]
	}
	m.tw.dbs[d][key] = v
}

func (m *machine) setExpire() {
	d, key, at := m.db(), m.key(), m.time()
	ok, err := m.s.DB(d).SetExpire([]byte(key), at)
	m.ok(err)
	v, there := m.tw.get(d, key)
	m.same("SetExpire", ok, there)
	if ok {
		v.expireAt = at
		m.tw.dbs[d][key] = v
	}
}

func (m *machine) persist() {
	d, key := m.db(), m.key()
	v, there := m.tw.get(d, key)
	m.same("Persist", m.s.DB(d).Persist([]byte(key)), there && v.expireAt != NoExpire)
	if there {
		v.expireAt = NoExpire
		m.tw.dbs[d][key] = v
	}
}

func (m *machine) rename() {
	d, from, to := m.db(), m.key(), m.key()
	ok, err := m.s.DB(d).Rename([]byte(from), []byte(to))
	m.ok(err)
	v, there := m.tw.get(d, from)
	m.same("Rename", ok, there)
	if ok {
		delete(m.tw.dbs[d], from)
		m.tw.dbs[d][to] = v
	}
}

func (m *machine) move() {
	from, to, key := m.db(), m.db(), m.key()
	ok, err := m.s.DB(from).Move([]byte(key), m.s.DB(to))
	m.ok(err)
	v, there := m.tw.get(from, key)
	_, taken := m.tw.get(to, key)
	m.same("Move", ok, there && !taken && from != to)
	if ok {
		delete(m.tw.dbs[from], key)
		m.tw.dbs[to][key] = v
	}
}

func (m *machine) copy() {
	from, to, key, as := m.db(), m.db(), m.key(), m.key()
	ok, err := m.s.DB(from).Copy([]byte(key), m.s.DB(to), []byte(as))
	m.ok(err)
	v, there := m.tw.get(from, key)
	m.same("Copy", ok, there)
	if ok {
		m.tw.dbs[to][as] = v
	}
}

// bulk makes the tables grow, and chunks.
func (m *machine) bulk() {
	d := m.db()
	size := rapid.SampledFrom([]int{5, 200, 20000}).Draw(m.t, "size")
	val := bytes.Repeat([]byte("b"), size)
	for i := range 300 {
		key := fmt.Sprint("bulk", i)
		o := SetOpt{ExpireAt: m.tw.now + int64(i)}
		m.ok(m.s.DB(d).SetString([]byte(key), val, Raw, o))
		m.tw.dbs[d][key] = twinValue{val: string(val), enc: Raw, expireAt: o.ExpireAt}
	}
}

func (m *machine) bulkDelete() {
	d := m.db()
	step := rapid.IntRange(1, 5).Draw(m.t, "step")
	for i := 0; i < 300; i += step {
		key := fmt.Sprint("bulk", i)
		m.s.DB(d).Delete([]byte(key))
		delete(m.tw.dbs[d], key)
	}
}

func (m *machine) swap() {
	i, j := m.db(), m.db()
	m.s.SwapDB(i, j)
	m.tw.dbs[i], m.tw.dbs[j] = m.tw.dbs[j], m.tw.dbs[i]
}

func (m *machine) flush() {
	d := m.db()
	m.s.Flush(d, rapid.Bool().Draw(m.t, "async"))
	m.tw.dbs[d] = map[string]twinValue{}
}

func (m *machine) replaceAll() {
	if !rapid.Bool().Draw(m.t, "really") {
		return
	}
	other := m.s.Beside()
	for d := range m.tw.dbs {
		m.tw.dbs[d] = map[string]twinValue{}
		val := strings.Repeat("r", 40000)
		other.DB(d).Reserve(1, 0)
		_, err := other.DB(d).Insert([]byte("key1"), Value{Kind: String, Bytes: []byte(val)}, SetOpt{ExpireAt: 1})
		m.ok(err)
		m.tw.dbs[d]["key1"] = twinValue{val: val, enc: Raw, expireAt: 1}
	}
	m.s.ReplaceAll(other)
	other.Close()
}

func (m *machine) advance() {
	m.tw.now += int64(rapid.IntRange(0, 300).Draw(m.t, "ms"))
	m.s.SetNow(m.tw.now)
}

// some returns a more that stops after a drawn number of questions.
func (m *machine) some() func() bool {
	n := rapid.IntRange(0, 20).Draw(m.t, "budget")
	return func() bool { n--; return n >= 0 }
}

func (m *machine) maintain() { m.s.Maintain(m.some()) }

func (m *machine) activeExpire() {
	r := m.s.ActiveExpire(rapid.IntRange(1, 10).Draw(m.t, "effort"), m.some())
	if m.tw.policy != ExpireDelete {
		m.same("keys expired without the right to", r.Expired, 0)
	}
}

func (m *machine) scan() {
	d := m.db()
	seen := map[string]bool{}
	for cursor, first := uint64(0), true; first || cursor != 0; first = false {
		cursor = m.s.DB(d).Scan(cursor, 10, func(e Entry) { seen[string(e.Key())] = true })
	}
	m.sameKeys("Scan", d, seen)
	clear(seen)
	m.s.DB(d).Each(func(e Entry) bool { seen[string(e.Key())] = true; return true })
	m.sameKeys("Each", d, seen)
}

func (m *machine) sameKeys(what string, d int, got map[string]bool) {
	want := map[string]bool{}
	for key := range m.tw.dbs[d] {
		if _, ok := m.tw.get(d, key); ok {
			want[key] = true
		}
	}
	if !maps.Equal(got, want) {
		m.t.Fatalf("%s: %d keys, want %d", what, len(got), len(want))
	}
}

func (m *machine) random() {
	d := m.db()
	e, ok := m.s.DB(d).RandomKey()
	if !ok {
		m.sameKeys("RandomKey finds none", d, map[string]bool{})
		return
	}
	m.sameEntry(e, string(e.Key()), m.tw.dbs[d][string(e.Key())])
}

func (m *machine) begin() {
	if m.snapshot != nil {
		return
	}
	m.begun, m.begunAt = m.tw.clone(), m.tw.now
	m.records = []map[string]twinValue{{}, {}, {}}
	m.kept, m.keptWas = map[string][]byte{}, map[string]string{}
	sn, err := m.s.BeginSnapshot(m.sink)
	m.ok(err)
	m.snapshot = sn
}

func (m *machine) sink(r Record) {
	key := string(r.Key)
	if _, twice := m.records[r.DB][key]; twice {
		m.t.Fatalf("%.20q is recorded twice", key)
	}
	s, obj := textOf(r.Value, r.Object)
	m.records[r.DB][key] = twinValue{s, r.Encoding, r.ExpireAt, obj}
	if r.Keep {
		id := fmt.Sprint(r.DB, key)
		m.kept[id], m.keptWas[id] = r.Value, s
	}
}

func (m *machine) step() {
	if m.snapshot == nil || !m.snapshot.Step(m.some()) {
		return
	}
	m.snapshot = nil
	m.verify()
}

// verify holds the records against the state at the start. Keys that had expired
// then may or may not have been there.
func (m *machine) verify() {
	for d := range m.records {
		for key, v := range m.records[d] {
			m.same("recorded "+key, v, m.begun[d][key])
		}
		for key, v := range m.begun[d] {
			_, ok := m.records[d][key]
			gone := m.tw.policy == ExpireDelete && v.expireAt > 0 && m.begunAt > v.expireAt
			if !ok && !gone {
				m.t.Fatalf("%.20q of db %d is not recorded", key, d)
			}
		}
	}
	for id, b := range m.kept {
		m.same("kept "+id, string(b), m.keptWas[id])
	}
}

func (m *machine) abort() {
	if m.snapshot != nil && rapid.IntRange(0, 3).Draw(m.t, "really") == 0 {
		m.snapshot.Abort()
		m.snapshot = nil
	}
}

func (m *machine) invariant(*rapid.T) {
	m.ok(m.s.check())
	m.same("Used", m.s.Used(), m.s.Stats().Used)
	for d, db := range m.tw.dbs {
		n := m.s.DB(d).Len()
		ghosts := 0
		for _, v := range db {
			if m.tw.policy == ExpireDelete && m.tw.expired(v) {
				ghosts++
			}
		}
		if n > len(db) || n < len(db)-ghosts {
			m.t.Fatalf("db %d: Len = %d, want %d less up to %d", d, n, len(db), ghosts)
		}
	}
}

// A Space does what a map would do, and a snapshot shows the state it began with,
// whatever happens meanwhile.
func TestSpaceEqualsItsTwin(t *testing.T) { rapid.Check(t, spaceEqualsItsTwin) }

// FuzzSpace is the same, led by coverage.
func FuzzSpace(f *testing.F) {
	f.Add([]byte("seed"))
	f.Add(bytes.Repeat([]byte{1, 2, 3, 250}, 200))
	f.Fuzz(rapid.MakeFuzz(spaceEqualsItsTwin))
}

func spaceEqualsItsTwin(t *rapid.T) {
	m := newMachine(t)
	defer m.s.Close()
	actions := map[string]func(*rapid.T){"": m.invariant}
	for name, f := range map[string]func(){
		"set": m.set, "set again": m.set, "add": m.add, "get": m.get, "delete": m.delete,
		"set object": m.setObject, "change object": m.changeObject, "append": m.append,
		"append again": m.append, "update": m.update, "set expire": m.setExpire,
		"persist": m.persist, "rename": m.rename, "move": m.move, "copy": m.copy,
		"bulk": m.bulk, "bulk delete": m.bulkDelete, "swap": m.swap, "flush": m.flush,
		"replace all": m.replaceAll, "advance": m.advance, "maintain": m.maintain,
		"active expire": m.activeExpire, "scan": m.scan, "random": m.random,
		"begin": m.begin, "step": m.step, "step again": m.step, "abort": m.abort,
	} {
		actions[name] = func(rt *rapid.T) { m.t = rt; f() }
	}
	t.Repeat(actions)
	for m.snapshot != nil {
		m.step()
	}
}

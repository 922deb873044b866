package command

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"sort"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/vedette-ha/vedette/internal/resp"
	"github.com/vedette-ha/vedette/server/codec"
	"github.com/vedette-ha/vedette/server/keyspace"
)

// setTwin is what sets of a data set must hold.
type setTwin map[string]map[string]bool

// setWorld runs commands of the set family against a data set, and applies what they
// propagate to a second one.
type setWorld struct {
	Host    // the rest is not called
	t       rapid.TB
	table   *Table
	ctx     Ctx
	replica *setWorld
	scratch []byte
}

func newSetWorld(t rapid.TB, o *Options) *setWorld {
	space := keyspace.New(keyspace.Options{Databases: 1})
	w := &setWorld{t: t, table: NewTable(SetCommands(), GenericCommands())}
	w.ctx = Ctx{Out: &resp.Writer{}, DB: space.DB(0), Space: space, Host: w, Opt: o, Lookups: &Lookups{}}
	return w
}

func (w *setWorld) Touch(int, []byte)                 {}
func (w *setWorld) Notify(Class, string, []byte, int) {}

func (w *setWorld) Effect(_ int, args ...[]byte) {
	if w.replica == nil {
		return
	}
	if len(args) > membersPerSRem+2 {
		w.t.Fatalf("an effect of %d words", len(args))
	}
	own := make([][]byte, len(args))
	for i, a := range args {
		own[i] = bytes.Clone(a)
	}
	w.replica.do(own...)
}

// do runs a command and returns the reply.
func (w *setWorld) do(args ...[]byte) string {
	w.t.Helper()
	cmd := w.table.Lookup(args[0])
	if cmd == nil || !cmd.ArityOK(len(args)) {
		w.t.Fatalf("%q cannot be run", args)
	}
	w.ctx.Out.Buf = w.ctx.Out.Buf[:0]
	w.ctx.Begin(cmd, args)
	w.ctx.Scratch = w.scratch[:0]
	if err := cmd.Run(&w.ctx); err != nil {
		return "-" + err.Error()
	}
	w.scratch = w.ctx.Scratch
	if w.replica != nil && w.ctx.Dirty() > 0 && w.ctx.Effects() == 0 {
		w.Effect(0, args...)
	}
	return string(w.ctx.Out.Buf)
}

func (w *setWorld) run(line string) string {
	w.t.Helper()
	var args [][]byte
	for _, word := range strings.Fields(line) {
		args = append(args, []byte(word))
	}
	return w.do(args...)
}

// members reads the elements of a reply, sorted.
func members(reply string) []string {
	lines := strings.Split(reply, "\r\n")
	var out []string
	for i := 1; i+1 < len(lines); i += 2 {
		out = append(out, lines[i+1])
	}
	sort.Strings(out)
	return out
}

func (w *setWorld) compare(twin setTwin) {
	w.t.Helper()
	if w.ctx.DB.Len() != len(twin) {
		w.t.Fatalf("%d keys, want %d", w.ctx.DB.Len(), len(twin))
	}
	for key, want := range twin {
		got := members(w.run("SMEMBERS " + key))
		if !slices.Equal(got, sortedMembers(want)) {
			w.t.Fatalf("%s has %q, want %q", key, got, sortedMembers(want))
		}
		w.checkForm(key)
	}
}

func sortedMembers(set map[string]bool) []string {
	var out []string
	for m := range set {
		out = append(out, m)
	}
	sort.Strings(out)
	return out
}

// checkForm: no small form beyond its limits.
func (w *setWorld) checkForm(key string) {
	e, _ := w.ctx.DB.Peek([]byte(key))
	v, o := setOf(e, true), w.ctx.Opt
	switch v.enc {
	case keyspace.Intset:
		if v.len() > o.SetMaxIntset {
			w.t.Fatalf("%s: an intset of %d", key, v.len())
		}
	case keyspace.Listpack:
		if v.len() > o.SetMaxEntries {
			w.t.Fatalf("%s: a listpack of %d", key, v.len())
		}
		v.each(func(m member) bool {
			if m.Len() > o.SetMaxValue {
				w.t.Fatalf("%s: a listpack with %q", key, m.Append(nil))
			}
			return true
		})
	}
}

func (w *setWorld) encoding(key string) string {
	e, _ := w.ctx.DB.Peek([]byte(key))
	return e.Encoding().String()
}

func smallSets() *Options {
	return &Options{Limits: codec.Limits{SetMaxIntset: 5, SetMaxEntries: 7, SetMaxValue: 6}}
}

func setMember() *rapid.Generator[string] {
	return rapid.OneOf(
		rapid.Map(rapid.IntRange(-3, 9), strconv.Itoa),
		rapid.SampledFrom([]string{"a", "b", "c", "d", "e", "f", "07", "+1", "-0", "longer-than-six", "1234567", "70000",
			"9223372036854775807", "-9223372036854775808", "9223372036854775808"}),
	)
}

// Random commands give what they give to a map of maps, and the effects make the same
// of a replica.
func TestSetsAgreeWithATwin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newSetWorld(t, smallSets())
		w.replica = newSetWorld(t, smallSets())
		twin := setTwin{}
		key := rapid.SampledFrom([]string{"p", "q", "r"})
		for range rapid.IntRange(1, 40).Draw(t, "commands") {
			k1, k2, k3 := key.Draw(t, "key"), key.Draw(t, "key"), key.Draw(t, "key")
			ms := rapid.SliceOfN(setMember(), 1, 8).Draw(t, "members")
			switch rapid.IntRange(0, 9).Draw(t, "command") {
			case 0, 1, 2, 3:
				twin.expect(w, twin.add(k1, ms), "SADD "+k1+" "+strings.Join(ms, " "))
			case 4:
				twin.expect(w, twin.remove(k1, ms), "SREM "+k1+" "+strings.Join(ms, " "))
			case 5:
				twin.expect(w, twin.move(k1, k2, ms[0]), "SMOVE "+k1+" "+k2+" "+ms[0])
			case 6:
				twin.pop(w, k1, rapid.IntRange(0, 12).Draw(t, "count"))
			case 7:
				twin.combine(w, "SINTERSTORE", k1, k2, k3, func(a, b bool) bool { return a && b })
			case 8:
				twin.combine(w, "SUNIONSTORE", k1, k2, k3, func(a, b bool) bool { return a || b })
			default:
				twin.combine(w, "SDIFFSTORE", k1, k2, k3, func(a, b bool) bool { return a && !b })
			}
			w.compare(twin)
			twin.look(w, k1, k2, ms)
		}
		w.replica.compare(twin)
	})
}

func (s setTwin) expect(w *setWorld, want int, line string) {
	w.t.Helper()
	if got := w.run(line); got != fmt.Sprintf(":%d\r\n", want) {
		w.t.Fatalf("%s: %q, want %d", line, got, want)
	}
}

func (s setTwin) add(key string, ms []string) (n int) {
	if s[key] == nil {
		s[key] = map[string]bool{}
	}
	for _, m := range ms {
		if !s[key][m] {
			s[key][m] = true
			n++
		}
	}
	return n
}

func (s setTwin) remove(key string, ms []string) (n int) {
	for _, m := range ms {
		if s[key][m] {
			delete(s[key], m)
			n++
		}
	}
	if len(s[key]) == 0 {
		delete(s, key)
	}
	return n
}

func (s setTwin) move(from, to, m string) int {
	if !s[from][m] {
		return 0
	}
	if from != to {
		s.remove(from, []string{m})
		s.add(to, []string{m})
	}
	return 1
}

// pop takes over what SPOP has chosen, if it was there.
func (s setTwin) pop(w *setWorld, key string, n int) {
	w.t.Helper()
	size := len(s[key])
	popped := members(w.run(fmt.Sprintf("SPOP %s %d", key, n)))
	if len(popped) != min(n, size) || s.remove(key, popped) != len(popped) {
		w.t.Fatalf("SPOP %d of %d members: %q", n, size, popped)
	}
}

func (s setTwin) combine(w *setWorld, cmd, dst, a, b string, in func(a, b bool) bool) {
	w.t.Helper()
	result := map[string]bool{}
	for _, key := range []string{a, b} {
		for m := range s[key] {
			if in(s[a][m], s[b][m]) {
				result[m] = true
			}
		}
	}
	line := cmd[:len(cmd)-len("STORE")] + " " + a + " " + b
	if got := members(w.run(line)); !slices.Equal(got, sortedMembers(result)) {
		w.t.Fatalf("%s: %q, want %q", line, got, sortedMembers(result))
	}
	if cmd == "SINTERSTORE" {
		s.expect(w, len(result), "SINTERCARD 2 "+a+" "+b)
		s.expect(w, min(2, len(result)), "SINTERCARD 2 "+a+" "+b+" LIMIT 2")
	}
	s[dst] = result
	if len(result) == 0 {
		delete(s, dst)
	}
	s.expect(w, len(result), cmd+" "+dst+" "+a+" "+b)
}

// look tries the commands that only read.
func (s setTwin) look(w *setWorld, key, other string, ms []string) {
	w.t.Helper()
	s.expect(w, len(s[key]), "SCARD "+key)
	for _, m := range ms {
		s.expect(w, int(truth(s[key][m])), "SISMEMBER "+key+" "+m)
	}
	_, rest, _ := strings.Cut(w.run("SSCAN "+key+" 0 COUNT 1000"), "0\r\n")
	if got := members(rest); !slices.Equal(got, sortedMembers(s[key])) {
		w.t.Fatalf("SSCAN %s: %q, want %q", key, got, sortedMembers(s[key]))
	}
	for _, n := range []int{3, -3} {
		got := members(w.run(fmt.Sprintf("SRANDMEMBER %s %d", key, n)))
		want := 3
		if n > 0 || len(s[key]) == 0 {
			want = min(n, len(s[key]))
			if n < 0 {
				want = 0
			}
		}
		if len(got) != want || n > 0 && len(slices.Compact(slices.Clone(got))) != want {
			w.t.Fatalf("SRANDMEMBER %d of %d: %q", n, len(s[key]), got)
		}
		for _, m := range got {
			if !s[key][m] {
				w.t.Fatalf("SRANDMEMBER: %q is no member", m)
			}
		}
	}
	union := map[string]bool{}
	for _, m := range append(sortedMembers(s[key]), sortedMembers(s[other])...) {
		union[m] = true
	}
	for _, line := range []string{"SUNION " + key + " " + other, "SUNION p q r " + key + " " + other} {
		if len(strings.Fields(line)) > 3 {
			for _, k := range []string{"p", "q", "r"} {
				for m := range s[k] {
					union[m] = true
				}
			}
		}
		if got := members(w.run(line)); !slices.Equal(got, sortedMembers(union)) {
			w.t.Fatalf("%s: %q, want %q", line, got, sortedMembers(union))
		}
	}
}

// Both algorithms of a difference give the same.
func TestSubtractionAlgorithmsAgree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newSetWorld(t, smallSets())
		twin := setTwin{}
		line := "SDIFF"
		for i := range rapid.IntRange(1, 6).Draw(t, "sets") {
			key := "k" + strconv.Itoa(i)
			line += " " + key
			if ms := rapid.SliceOfN(setMember(), 0, 20).Draw(t, "members"); len(ms) > 0 {
				twin.expect(w, twin.add(key, ms), "SADD "+key+" "+strings.Join(ms, " "))
			}
		}
		sets, _, _ := w.ctx.readSets(bytes.Fields([]byte(line))[1:])
		var byLooking []string
		taken := w.ctx.emptyIntset()
		taken.takeAway(w.ctx.Opt, sets)
		subtract(sets, func(m member) { byLooking = append(byLooking, string(m.Append(nil))) })
		var byTaking []string
		taken.each(func(m member) bool {
			byTaking = append(byTaking, string(m.Append(nil)))
			return true
		})
		sort.Strings(byLooking)
		sort.Strings(byTaking)
		if !slices.Equal(byLooking, byTaking) || !slices.Equal(byLooking, members(w.run(line))) {
			t.Fatalf("%s: %q, %q", line, byLooking, byTaking)
		}
	})
}

// Every member is drawn about as often as any other, whatever the form of the set.
func TestRandomMembersAreFair(t *testing.T) {
	const size, rounds = 40, 4000
	for name, o := range map[string]*Options{
		"intset":    {Limits: codec.Limits{SetMaxIntset: 100}},
		"listpack":  {Limits: codec.Limits{SetMaxEntries: 100, SetMaxValue: 100}},
		"hashtable": {},
	} {
		w := newSetWorld(t, o)
		add := "SADD s"
		for i := range size {
			add += " " + strconv.Itoa(i)
		}
		for draw, each := range map[string]float64{
			"SRANDMEMBER s": 1, "SRANDMEMBER s -5": 5, "SRANDMEMBER s 5": 5, "SRANDMEMBER s 30": 30, "SPOP s": 1,
			"SPOP s 4": 4, "SPOP s 36": 36,
		} {
			seen := map[string]int{}
			for range rounds {
				w.run(add)
				reply := w.run(draw)
				if reply[0] == '$' {
					reply = "*1\r\n" + reply
				}
				for _, m := range members(reply) {
					seen[m]++
				}
			}
			p := each / size
			if draw == "SRANDMEMBER s -5" {
				p = 5.0 / size // binomial with 5 rounds as many; close enough
			}
			mean, sigma := rounds*p, math.Sqrt(rounds*max(p*(1-p), p/4))
			for i := range size {
				if n := float64(seen[strconv.Itoa(i)]); math.Abs(n-mean) > 6*sigma {
					t.Errorf("%s, %s: %d came %v times of %v", name, draw, i, n, mean)
				}
			}
		}
	}
}

// A snapshot shows big sets as they were when it began, whatever happens to them.
func TestSnapshotsOfSetsStayAsTheyWere(t *testing.T) {
	w := newSetWorld(t, &Options{})
	for i := range 300 {
		w.run(fmt.Sprintf("SADD s m%d", i))
	}
	var frozen []keyspace.Object
	sn, err := w.ctx.Space.BeginSnapshot(func(r keyspace.Record) { frozen = append(frozen, r.Object) })
	if err != nil {
		t.Fatal(err)
	}
	w.run("SPOP s 290")
	w.run("SADD s x y")
	sn.Step(nil)
	if len(frozen) != 1 || frozen[0].Len() != 300 || w.run("SCARD s") != ":12\r\n" {
		t.Errorf("%d records, the first of %d members", len(frozen), frozen[0].Len())
	}
}

// SADD converts before it adds when there is too much to add, as 7.2 does: even if
// all of it is one member.
func TestManyArgumentsConvertEarly(t *testing.T) {
	w := newSetWorld(t, smallSets())
	for line, want := range map[string]string{
		"a 1 1 1 1 1":             "intset",
		"b 1 1 1 1 1 1":           "listpack",
		"c 1 1 1 1 1 1 1 1":       "hashtable",
		"d x x x x x x x":         "listpack",
		"e x x x x x x x x":       "hashtable",
		"f x 1 longer-than-six":   "hashtable",
		"g 1 2 3 4 5 x":           "listpack",
		"h 1 12345678 x":          "hashtable",
		"i 1 2 longer-than-seven": "hashtable",
	} {
		key := line[:1]
		w.run("SADD " + line)
		if got := w.encoding(key); got != want {
			t.Errorf("SADD %s: %s, want %s", line, got, want)
		}
	}
	w.run("SADD d x x x x x x x x")
	if got := w.encoding("d"); got != "hashtable" {
		t.Errorf("nothing new in many arguments: %s", got)
	}
}

// A count that asks for more than a reply may hold is refused.
func TestRepeatedMembersAreBounded(t *testing.T) {
	w := newSetWorld(t, smallSets())
	w.table = NewTable(SetCommands(), GenericCommands(), HashCommands())
	w.run("SADD s a")
	w.run("HSET h f v")
	for _, line := range []string{"SRANDMEMBER s -9223372036854775807", "HRANDFIELD h -9223372036854775807"} {
		if got := w.run(line); !strings.HasPrefix(got, "-ERR value is out of range") {
			t.Errorf("%s: %.100q", line, got)
		}
	}
}

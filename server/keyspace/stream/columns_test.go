package stream

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/vedette-ha/vedette/internal/listpack"
	"pgregory.net/rapid"
)

// nodeOf makes a node of entries that all have those fields.
func nodeOf(first ID, fields []string, rows int, id func(i int) ID, value func(i, col int) []byte) []byte {
	pairs := make([][]byte, 2*len(fields))
	for col, f := range fields {
		pairs[2*col] = []byte(f)
	}
	var lp []byte
	for i := range rows {
		for col := range fields {
			pairs[2*col+1] = value(i, col)
		}
		if i == 0 {
			lp = newNode(pairs)
		}
		lp = appendEntry(lp, first, id(i), pairs)
	}
	return lp
}

// values are what a column may hold.
var values = map[string]func(t *rapid.T) []byte{
	"small": func(t *rapid.T) []byte { return strconv.AppendInt(nil, rapid.Int64Range(-300, 300).Draw(t, "n"), 10) },
	"any":   func(t *rapid.T) []byte { return strconv.AppendInt(nil, rapid.Int64().Draw(t, "n"), 10) },
	"cents": func(t *rapid.T) []byte {
		return strconv.AppendFloat(nil, float64(rapid.IntRange(-9999, 9999).Draw(t, "n"))/100, 'f', 2, 64)
	},
	"float": func(t *rapid.T) []byte {
		n := rapid.Float64Range(-1e6, 1e6).Draw(t, "n")
		return strconv.AppendFloat(nil, n, 'f', rapid.IntRange(-1, 6).Draw(t, "decimals"), 64)
	},
	"word": func(t *rapid.T) []byte {
		return []byte(rapid.SampledFrom([]string{"debug", "info", "", "7", "warning"}).Draw(t, "s"))
	},
	"text": func(t *rapid.T) []byte { return rapid.SliceOfN(rapid.Byte(), 0, 80).Draw(t, "s") },
	"odd": func(t *rapid.T) []byte {
		return []byte(rapid.SampledFrom([]string{"-0.0", "0.0", "-0.5", "00.5", "0", "1.", ".5", "-.5", "-", ".", "+1.5", "1e5",
			"1.2.3", "99999999999999999.9", "999999999999999999.9", "-99999999999999999.9", "0.0000000000000001",
			"0.00000000000000001", "9223372036854775807", "9223372036854775808", "-9223372036854775808"}).Draw(t, "s"))
	},
}

// Nodes whose entries have the same fields come back from columns as they were,
// whatever the values.
func TestColumnsComeBack(t *testing.T) {
	var p Packer
	kinds := []string{"small", "any", "cents", "float", "word", "text", "odd"}
	rapid.Check(t, func(t *rapid.T) {
		fields := rapid.SliceOfN(rapid.SampledFrom([]string{"level", "17", "", "temperature"}), 1, 5).Draw(t, "fields")
		columns := rapid.SliceOfN(rapid.SampledFrom(kinds), len(fields), len(fields)).Draw(t, "columns")
		id := ID{rapid.Uint64().Draw(t, "ms"), rapid.Uint64().Draw(t, "seq")}
		first := id
		stepMS := rapid.Uint64Range(0, 20).Draw(t, "step ms")
		stepSeq := rapid.Uint64Range(0, 2).Draw(t, "step seq")
		lp := nodeOf(first, fields, rapid.IntRange(columnsMin, 120).Draw(t, "rows"), func(i int) ID {
			if i == 0 {
				return id
			}
			if by := rapid.Uint64Range(0, stepMS).Draw(t, "by"); by > 0 {
				id = ID{id.MS + by, rapid.SampledFrom([]uint64{0, 0, 0, 1, 1 << 63}).Draw(t, "seq")}
			} else {
				id.Seq += 1 + stepSeq
			}
			return id
		}, func(_, col int) []byte { return values[columns[col]](t) })
		out, ok := p.columns.pack(&p.lzf, []byte("before"), lp)
		if !ok {
			t.Fatalf("no columns were made of %q", lp)
		}
		back := p.columns.unpack([]byte("before"), out[len("before"):])
		if !bytes.Equal(back, append([]byte("before"), lp...)) {
			t.Fatalf("%q\ncame back as\n%q", lp, back)
		}
		packed := out[len("before"):]
		if n, id := rowsOf(packed), p.columns.firstID(packed, first); n != masterOf(lp).valid || id != first {
			t.Fatalf("%d entries, the first is %v", n, id)
		}
	})
}

// Whatever passes for a node comes back as it was.
func FuzzNodesComeBack(f *testing.F) {
	f.Add(sensors(20))
	f.Add(orders(12))
	f.Add(wide(sensors(10)))
	f.Fuzz(func(t *testing.T, lp []byte) {
		if _, _, err := checkNode(lp, ID{}); err != nil {
			return
		}
		var p Packer
		form, out := p.smaller(lp, len(lp))
		if form == asListpack {
			return
		}
		n := node{lp: bytes.Clone(out), plain: uint32(len(lp)), form: form}
		if back := p.read(&n); !bytes.Equal(back, lp) {
			t.Fatalf("form %d: %q came back as %q", form, lp, back)
		}
		if n := p.entries(&n); n != masterOf(lp).valid {
			t.Fatalf("%d entries", n)
		}
	})
}

// sensors is a node as an application that measures things makes it.
func sensors(rows int) []byte {
	rng := rand.New(rand.NewPCG(1, 2))
	id := ID{MS: 1_700_000_000_000}
	first := id
	return nodeOf(first, []string{"sensor", "temperature"}, rows, func(i int) ID {
		if i > 0 {
			id.MS += 5 + rng.Uint64N(10)
		}
		return id
	}, func(_, col int) []byte {
		if col == 0 {
			return strconv.AppendInt(nil, rng.Int64N(10_000), 10)
		}
		return strconv.AppendFloat(nil, float64(rng.IntN(1000))/10, 'f', 1, 64)
	})
}

// orders is a node with texts.
func orders(rows int) []byte {
	rng := rand.New(rand.NewPCG(1, 2))
	first := ID{MS: 1_700_000_000_000}
	return nodeOf(first, []string{"event", "user", "payload"}, rows, func(i int) ID { return ID{first.MS + uint64(i/10), uint64(i % 10)} },
		func(i, col int) []byte {
			switch col {
			case 0:
				return []byte([]string{"created", "paid", "shipped"}[rng.IntN(3)])
			case 1:
				return fmt.Appendf(nil, "user:%06d", rng.IntN(1e6))
			}
			return fmt.Appendf(nil, `{"order":%d,"amount":%d.%02d,"currency":"EUR"}`, 70_000+i, rng.IntN(500), rng.IntN(100))
		})
}

// What nodes take, as columns and by LZF alone.
func TestSizeOfColumns(t *testing.T) {
	var p Packer
	for _, c := range []struct {
		name string
		lp   []byte
		most float64 // of what LZF makes of it
	}{
		{"sensors", sensors(100), 0.35},
		{"orders", orders(60), 0.85},
	} {
		compressed, _ := p.lzf.Append(nil, c.lp, len(c.lp))
		columns, ok := p.columns.pack(&p.lzf, nil, c.lp)
		t.Logf("%s: %d bytes, %d by LZF, %d as columns", c.name, len(c.lp), len(compressed), len(columns))
		if !ok || float64(len(columns)) > c.most*float64(len(compressed)) {
			t.Errorf("%s: %d bytes as columns, %d by LZF", c.name, len(columns), len(compressed))
		}
	}
}

// What is no table, or written in another way than ours, is kept as it is or by LZF.
func TestNoColumns(t *testing.T) {
	var p Packer
	first := ID{MS: 1}
	words := func(i, _ int) []byte { return []byte(strings.Repeat("word", i%3)) }
	id := func(i int) ID { return ID{1, uint64(i)} }
	table := nodeOf(first, []string{"f"}, 50, id, words)
	deleted := bytes.Clone(table)
	m := masterOf(deleted)
	deleted = listpack.ReplaceInt(deleted, listpack.Next(deleted, m.end), flagSameFields|flagDeleted)
	for name, lp := range map[string][]byte{
		"other fields":   appendEntry(bytes.Clone(table), first, id(50), [][]byte{[]byte("g"), nil}),
		"deleted":        setCounts(deleted, m.valid-1, 1),
		"few entries":    nodeOf(first, []string{"f"}, columnsMin-1, id, func(int, int) []byte { return bytes.Repeat([]byte("w"), 60) }),
		"other integers": wide(table),
	} {
		if _, _, err := checkNode(lp, first); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		form, out := p.smaller(lp, len(lp))
		if form != asLZF {
			t.Errorf("%s: form %d", name, form)
		}
		n := node{lp: bytes.Clone(out), plain: uint32(len(lp)), form: form}
		if back := p.read(&n); !bytes.Equal(back, lp) {
			t.Errorf("%s: %q came back as %q", name, lp, back)
		}
	}
}

// wide writes the number of deleted entries, 0, with two bytes where one would do.
func wide(lp []byte) []byte {
	at := listpack.Next(lp, listpack.First(lp))
	out := append(bytes.Clone(lp[:at]), 0xc0, 0, 2)
	out = append(out, lp[at+2:]...)
	out[0], out[1] = byte(len(out)), byte(len(out)>>8)
	return out
}

// A stream that is trimmed to whole nodes is not unpacked for it.
func TestTrimmedWithoutUnpacking(t *testing.T) {
	var p Packer
	s := New()
	for i := range uint64(1000) {
		if err := s.Add(&p, Limits{NodeEntries: 100}, ID{i, 1}, [][]byte{[]byte("field"), []byte("1")}); err != nil {
			t.Fatal(err)
		}
	}
	if n := s.Trim(&p, Trim{MaxLen: 550, Approx: true}); n != 400 || s.FirstID() != (ID{400, 1}) || p.from != nil {
		t.Errorf("%d entries trimmed, the first is %v, unpacked: %t", n, s.FirstID(), p.from != nil)
	}
}

func BenchmarkColumns(b *testing.B) {
	for name, lp := range map[string][]byte{"sensors": sensors(100), "orders": orders(60)} {
		var p Packer
		b.Run(name+"/pack", func(b *testing.B) {
			for b.Loop() {
				p.smaller(lp, len(lp))
			}
		})
		b.Run(name+"/unpack", func(b *testing.B) {
			out, _ := p.columns.pack(&p.lzf, nil, lp)
			for b.Loop() {
				p.proof = p.columns.unpack(p.proof[:0], out)
			}
		})
		b.Run(name+"/lzf", func(b *testing.B) {
			for b.Loop() {
				p.out, _ = p.lzf.Append(p.out[:0], lp, len(lp))
			}
		})
		b.Run(name+"/unlzf", func(b *testing.B) {
			out, _ := p.lzf.Append(nil, lp, len(lp))
			n := node{lp: out, plain: uint32(len(lp)), form: asLZF}
			for b.Loop() {
				p.proof = p.unpack(p.proof[:0], &n)
			}
		})
	}
}

package resp

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
)

// parseAll feeds the parser everything at once and renders what it makes of it:
// commands in brackets, "skip" for what it skips, the error.
func parseAll(in []byte, lim Limits) string {
	return parseCut(in, lim, func(have int) int { return len(in) })
}

// parseCut feeds it in pieces: more(n) is how many bytes there are once n were not
// enough. Each time the bytes are elsewhere in memory, and the old ones gone.
func parseCut(in []byte, lim Limits, more func(have int) int) string {
	var p Parser
	var out strings.Builder
	have := 0
	for {
		buf := bytes.Clone(in[:have])
		args, n, err := p.Next(buf, &lim)
		switch {
		case err != nil:
			return out.String() + "error: " + err.Error()
		case n > 0 && len(args) == 0:
			out.WriteString("skip ")
		case n > 0:
			fmt.Fprintf(&out, "%q ", args)
		case have == len(in):
			return out.String() + fmt.Sprintf("+%d", len(in))
		default:
			need := p.Need()
			have = min(max(more(have), have+1), len(in))
			if need > 0 && have < need && have < len(in) {
				// The parser must be content to be asked early, too.
				if _, n, err := p.Next(in[:have], &lim); n != 0 || err != nil {
					return "complete before Need()"
				}
			}
			clear(buf)
			continue
		}
		in, have = in[n:], have-n
	}
}

func TestParser(t *testing.T) {
	long := strings.Repeat("x", 100)
	for _, tc := range []struct{ in, want string }{
		{"*1\r\n$4\r\nPING\r\n", `["PING"] +0`},
		{"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$0\r\n\r\n*1\r\n$4\r\nPING\r\n", `["SET" "k" ""] ["PING"] +0`},
		{"*2\r\n$4\r\nECHO\r\n$4\r\n\r\n\x00$\r\n", `["ECHO" "\r\n\x00$"] +0`},
		{"*1\r\n$4\r\nPINGxy*0\r\n", `["PING"] skip +0`}, // the bytes behind a bulk are not looked at
		{"*1\rx$4\rxPINGxx", `["PING"] +0`},              // nor the one behind a '\r'
		{"*0\r\n*-1\r\n*-100\r\n\r\n\nPING\r\n", `skip skip skip skip skip ["PING"] +0`},
		{"*2\r\n$4\r\nECHO\r\n$5\r\nab", `+20`},
		{"*1\r\n$4", `+6`},
		{"*", `+1`},
		{"*\r\n", "error: Protocol error: invalid multibulk length"},
		{"*x\r\n", "error: Protocol error: invalid multibulk length"},
		{"*+1\r\n", "error: Protocol error: invalid multibulk length"},
		{"*01\r\n", "error: Protocol error: invalid multibulk length"},
		{"*1 \r\n", "error: Protocol error: invalid multibulk length"},
		{"*2147483648\r\n", "error: Protocol error: invalid multibulk length"},
		{"*9223372036854775808\r\n", "error: Protocol error: invalid multibulk length"},
		{"*1\r\n$-1\r\n", "error: Protocol error: invalid bulk length"},
		{"*1\r\n$+4\r\nPING\r\n", "error: Protocol error: invalid bulk length"},
		{"*1\r\n$9223372036854775807\r\n", "error: Protocol error: invalid bulk length"},
		{"*1\r\n$536870913\r\n", "error: Protocol error: invalid bulk length"},
		{"*1\r\n$536870912\r\n", "+16"},
		{"*1\r\n:4\r\nPING\r\n", "error: Protocol error: expected '$', got ':'"},
		{"*1\r\nPING", "+8"}, // the line's end decides
		{"*1\r\n\r\n", "error: Protocol error: expected '$', got ' '"},
		{"PING\r\n*1\r\n*\r\n", `["PING"] error: Protocol error: expected '$', got '*'`},
		{"*" + strings.Repeat("1", 65537), "error: Protocol error: too big mbulk count string"},
		{"*" + strings.Repeat("1", 65535), "+65536"},
		{"*1\r\n$" + strings.Repeat("1", 65537), "error: Protocol error: too big bulk count string"},
		{strings.Repeat("a", 65537), "error: Protocol error: too big inline request"},
		{strings.Repeat("a", 65537) + "\n", "error: Protocol error: too big inline request"},
		{strings.Repeat("a", 65536), "+65536"},
		{"set  key\tvalue\v\r\n", `["set" "key" "value\v"] +0`},
		{" \t\v\f x\r\n", `["x"] +0`},
		{"a\rb\n", `["a" "b"] +0`},
		{"a \x00 b\n", "+6"}, // a NUL hides the line's end
		{"*\x001\r\n", "+5"},
		{`echo "\x41\x4g\n\r\t\b\a\q\"\\"` + "\n", `["echo" "Ax4g\n\r\t\b\aq\"\\"] +0`},
		{`echo 'a\'b\n"'` + "\n", `["echo" "a'b\\n\""] +0`},
		{`ec"ho" pre'fix'` + "\n", `["echo" "prefix"] +0`},
		{`echo ""` + " ''\n", `["echo" "" ""] +0`},
		{`echo "a"b` + "\n", "error: Protocol error: unbalanced quotes in request"},
		{`echo "a` + "\n", "error: Protocol error: unbalanced quotes in request"},
		{`echo 'a` + "\n", "error: Protocol error: unbalanced quotes in request"},
		{`echo "a\` + "\n", "error: Protocol error: unbalanced quotes in request"},
		{`echo 'a\` + "\n", "error: Protocol error: unbalanced quotes in request"},
		{"a\x00b\n" + strings.Repeat("c\n", 32768), "error: Protocol error: too big inline request"},
		{`echo ` + long + `"` + long + `" ` + long + "\n", fmt.Sprintf("[\"echo\" %q %q] +0", long+long, long)},
	} {
		if got := parseAll([]byte(tc.in), DefaultLimits()); got != tc.want {
			t.Errorf("%.80q\n got %.200s\nwant %.200s", tc.in, got, tc.want)
		}
		if len(tc.in) > 1000 {
			continue
		}
		bytewise := parseCut([]byte(tc.in), DefaultLimits(), func(have int) int { return have + 1 })
		if bytewise != tc.want {
			t.Errorf("%.80q byte by byte\n got %.200s\nwant %.200s", tc.in, bytewise, tc.want)
		}
	}
}

func TestParserUnauthenticated(t *testing.T) {
	lim := DefaultLimits()
	lim.Unauthenticated = true
	for _, tc := range []struct{ in, want string }{
		{"*10\r\n", "+5"},
		{"*11\r\n", "error: Protocol error: unauthenticated multibulk length"},
		{"*1\r\n$16384\r\n", "+12"},
		{"*1\r\n$16385\r\n", "error: Protocol error: unauthenticated bulk length"},
	} {
		if got := parseAll([]byte(tc.in), lim); got != tc.want {
			t.Errorf("%q: %s, want %s", tc.in, got, tc.want)
		}
	}
}

// Need tells the size of the buffer a big bulk takes, before its bytes are there.
func TestParserNeed(t *testing.T) {
	var p Parser
	lim := DefaultLimits()
	in := []byte("*2\r\n$4\r\nECHO\r\n$1000000\r\nabc")
	if _, n, err := p.Next(in, &lim); n != 0 || err != nil {
		t.Fatal(n, err)
	}
	want := len("*2\r\n$4\r\nECHO\r\n$1000000\r\n") + 1000000 + 2
	if got := p.Need(); got != want {
		t.Errorf("Need = %d, want %d", got, want)
	}
	in = append(in, make([]byte, want-len(in))...)
	args, n, err := p.Next(in, &lim)
	if len(args) != 2 || n != want || err != nil || p.Need() != 0 {
		t.Error(len(args), n, err, p.Need())
	}
}

// A command with many arguments does not leave its memory behind.
func TestParserShrinks(t *testing.T) {
	var p Parser
	lim := DefaultLimits()
	for _, in := range []string{
		"*1000\r\n" + strings.Repeat("$1\r\nx\r\n", 1000),
		strings.Repeat("x ", 1000) + "\n",
		`"` + strings.Repeat("x", 20000) + "\"\n",
		"PING\n",
	} {
		if args, _, err := p.Next([]byte(in), &lim); len(args) == 0 || err != nil {
			t.Fatal(len(args), err)
		}
	}
	if cap(p.args) > keepArgs || cap(p.spans) > keepArgs || cap(p.inline) > keepInline {
		t.Errorf("keeps %d args, %d spans, %d bytes", cap(p.args), cap(p.spans), cap(p.inline))
	}
}

// Between commands the parser does not hold on to a caller's big buffer.
func TestParserLetsGo(t *testing.T) {
	var p Parser
	lim := DefaultLimits()
	p.Next(AppendCommandString(nil, "SET", "k", "v"), &lim)
	p.Next([]byte("PING\n"), &lim)
	p.Next(nil, &lim)
	for _, a := range p.args[:cap(p.args)] {
		if a != nil {
			t.Errorf("holds %q", a)
		}
	}
}

// In whatever pieces the bytes come, the commands are the same, and the same as a
// slow parser written for clarity finds.
func FuzzParser(f *testing.F) {
	for _, seed := range []string{
		"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$5\r\nvalue\r\nPING\r\n",
		"*0\r\n*-1\r\n\r\nPING \"a\\x41\" 'b'\r\n*1\r\n$4\r\nPING\r\n",
		"*2\r\n$4\r\nECHO\r\n$-1\r\n", "*1\r\n:1\r\n", "*12\r\n$1\r\na\r\n", "*1\r\n$20000\r\n",
		"a\"b\\\"c\"\n", "'\\''\n", "*1\rxx$\r\n", "*\x00\r\n", strings.Repeat("a", 300) + "\n",
	} {
		f.Add([]byte(seed), uint64(3), false)
		f.Add([]byte(seed), uint64(0x9e3779b97f4a7c15), true)
	}
	f.Fuzz(func(t *testing.T, in []byte, cuts uint64, unauthenticated bool) {
		lim := Limits{BulkMax: 1 << 20, ArrayMax: 1000, InlineMax: 200, Unauthenticated: unauthenticated}
		whole := parseAll(in, lim)
		cut := parseCut(in, lim, func(have int) int {
			cuts = cuts*6364136223846793005 + 1442695040888963407
			return have + 1 + int(cuts>>60)
		})
		if whole != cut {
			t.Errorf("%q\nwhole: %s\n  cut: %s", in, whole, cut)
		}
		if twin := twinParse(in, lim); whole != twin {
			t.Errorf("%q\nparser: %s\n  twin: %s", in, whole, twin)
		}
	})
}

// twinParse does what parseAll does, each step the obvious way.
func twinParse(in []byte, lim Limits) string {
	out := ""
	for {
		args, n, err := twinCommand(in, lim)
		switch {
		case err != nil:
			return out + "error: " + err.Error()
		case n == 0:
			return out + fmt.Sprintf("+%d", len(in))
		case len(args) == 0:
			out += "skip "
		default:
			out += fmt.Sprintf("%q ", args)
		}
		in = in[n:]
	}
}

var errTwinIncomplete = errors.New("incomplete")

func twinCommand(in []byte, lim Limits) (args []string, n int, err error) {
	if len(in) > 0 && in[0] != '*' {
		return twinInline(in, lim)
	}
	count, rest, err := twinNumber(in, lim, "too big mbulk count string", "")
	if err == errTwinIncomplete {
		return nil, 0, nil
	}
	if err != nil {
		return nil, 0, err
	}
	if count == nil || *count > int64(lim.ArrayMax) {
		return nil, 0, protocolError("invalid multibulk length")
	}
	if lim.Unauthenticated && *count > 10 {
		return nil, 0, protocolError("unauthenticated multibulk length")
	}
	for i := int64(0); i < *count; i++ {
		var size *int64
		size, rest, err = twinNumber(rest, lim, "too big bulk count string", "$")
		if err == errTwinIncomplete {
			return nil, 0, nil
		}
		if err != nil {
			return nil, 0, err
		}
		if size == nil || *size < 0 || *size > lim.BulkMax {
			return nil, 0, protocolError("invalid bulk length")
		}
		if lim.Unauthenticated && *size > 16384 {
			return nil, 0, protocolError("unauthenticated bulk length")
		}
		if int64(len(rest)) < *size+2 {
			return nil, 0, nil
		}
		args = append(args, string(rest[:*size]))
		rest = rest[*size+2:]
	}
	return args, len(in) - len(rest), nil
}

// twinNumber reads a header line. The number is nil if it is none.
func twinNumber(in []byte, lim Limits, tooBig, kind string) (*int64, []byte, error) {
	line, rest, found := bytes.Cut(in, []byte("\r"))
	if bytes.IndexByte(line, 0) >= 0 {
		line, found = in, false
	}
	if len(line) > lim.InlineMax {
		return nil, nil, protocolError(tooBig)
	}
	if !found || len(rest) == 0 {
		return nil, nil, errTwinIncomplete
	}
	if kind != "" && in[0] != kind[0] {
		got := strings.ReplaceAll(string(in[:1]), "\r", " ")
		got = strings.ReplaceAll(got, "\n", " ")
		return nil, nil, protocolError("expected '$', got '" + got + "'")
	}
	var v int64
	text := string(line[1:])
	if _, err := fmt.Sscanf(text, "%d", &v); err != nil || fmt.Sprint(v) != text {
		return nil, rest[1:], nil
	}
	return &v, rest[1:], nil
}

func twinInline(in []byte, lim Limits) (args []string, n int, err error) {
	line, _, found := strings.Cut(string(in), "\n")
	if strings.Contains(line, "\x00") {
		line, found = string(in), false
	}
	if len(line) > lim.InlineMax {
		return nil, 0, protocolError("too big inline request")
	}
	if !found {
		return nil, 0, nil
	}
	n = len(line) + 1
	line = strings.TrimSuffix(line, "\r")
	word, inWord, quote := "", false, byte(0)
	for i := 0; i < len(line); i++ {
		c := line[i]
		var v byte
		switch rest := line[i:]; {
		case quote == 0 && !inWord && strings.IndexByte(" \t\n\r\v\f", c) >= 0:
		case quote == 0 && strings.IndexByte(" \t\n\r", c) >= 0:
			args = append(args, word)
			word, inWord = "", false
		case quote == 0 && (c == '"' || c == '\''):
			quote, inWord = c, true
		case quote != 0 && c == quote:
			if i+1 < len(line) && strings.IndexByte(" \t\n\r\v\f", line[i+1]) < 0 {
				return nil, 0, protocolError("unbalanced quotes in request")
			}
			args = append(args, word)
			word, inWord, quote = "", false, 0
		case quote == '\'' && strings.HasPrefix(rest, `\'`):
			word += "'"
			i++
		case quote == '"' && len(rest) >= 4 && rest[:2] == `\x` && strings.Trim(rest[2:4], "0123456789abcdefABCDEF") == "":
			fmt.Sscanf(rest[2:4], "%x", &v)
			word += string([]byte{v})
			i += 3
		case quote == '"' && c == '\\' && len(rest) >= 2:
			if k := strings.IndexByte("nrtba", rest[1]); k >= 0 {
				word += "\n\r\t\b\a"[k : k+1]
			} else {
				word += rest[1:2]
			}
			i++
		default:
			word += string([]byte{c})
			inWord = true
		}
	}
	if quote != 0 {
		return nil, 0, protocolError("unbalanced quotes in request")
	}
	if inWord {
		args = append(args, word)
	}
	return args, n, nil
}

func BenchmarkParserSET(b *testing.B) {
	var p Parser
	lim := DefaultLimits()
	in := []byte("*3\r\n$3\r\nSET\r\n$16\r\nkey:000000012345\r\n$100\r\n" + strings.Repeat("x", 100) + "\r\n")
	b.ReportAllocs()
	for b.Loop() {
		if _, n, err := p.Next(in, &lim); n != len(in) || err != nil {
			b.Fatal(n, err)
		}
	}
}

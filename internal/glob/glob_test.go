package glob

import (
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/vedette-ha/vedette/internal/redistest"
	"github.com/vedette-ha/vedette/internal/resp"
)

func TestMatch(t *testing.T) {
	for _, tc := range []struct {
		pattern, s string
		want, fold bool
	}{
		{"", "", true, true}, {"", "a", false, false}, {"*", "", false, false}, {"**", "", false, false}, {"a*", "a", true, true},
		{"*", "a", true, true}, {"***", "abc", true, true}, {"a*c", "abbc", true, true}, {"a*c", "abb", false, false},
		{"*ab*ab", "aabab", true, true}, {"*ab*ab", "aab", false, false}, {"?", "a", true, true}, {"??", "a", false, false},
		{"*?", "ab", true, true}, {"h[ae]llo", "hello", true, true}, {"h[^e]llo", "hello", false, false}, {"h[^e]llo", "hallo", true, true},
		{"h[a-b]llo", "hbllo", true, true}, {"[z-a]", "m", true, true}, {"[a-]", "]", true, true}, {"[a-]", "b", false, false},
		{"[a-", "-", true, true}, {"[a", "a", true, true}, {"[", "[", false, false}, {"[^", "x", true, true}, {"[]", "]", false, false},
		{"[^]", "x", true, true}, {"[\\]]", "]", true, true}, {"[\\", "\\", true, true}, {"[\\a-c]", "b", false, false},
		{"\\*", "*", true, true}, {"\\*", "a", false, false}, {"\\", "\\", true, true}, {"a\\", "a\\", true, true}, {"*\\", "a\\", true, true},
		{"\\a", "a", true, true}, {"ABC", "abc", false, true}, {"[A-C]", "b", false, true}, {"[\\A]", "a", false, false},
		{"[Z-a]", "b", false, false}, {"[^A]", "a", true, false}, {"\\A", "a", false, true}, {"\xff*", "\xffx", true, true},
		{"a**b", "ab", true, true}, {"a*b*", "ab", true, true},
	} {
		if got := Match(tc.pattern, tc.s); got != tc.want {
			t.Errorf("Match(%q, %q) = %v", tc.pattern, tc.s, got)
		}
		if got := MatchFold([]byte(tc.pattern), tc.s); got != tc.fold {
			t.Errorf("MatchFold(%q, %q) = %v", tc.pattern, tc.s, got)
		}
	}
}

// A pattern made to explode costs no more than both lengths multiplied.
func TestWorkIsBounded(t *testing.T) {
	pattern := strings.Repeat("a*", 10_000) + "b"
	s := strings.Repeat("a", 50_000)
	start := time.Now()
	if Match(pattern, s) {
		t.Error("matches")
	}
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("took %v", took)
	}
}

// twin tries every way a "*" can go.
func twin(p, s string, fold bool) bool {
	if s == "" {
		return strings.Trim(p, "*") == ""
	}
	if p == "" {
		return false
	}
	if p[0] == '*' {
		return twin(p[1:], s, fold) || twin(p, s[1:], fold)
	}
	set, rest := twinElement(p)
	for _, r := range set {
		a, b, c := r.from, r.to, s[0]
		if fold && !r.exact {
			a, b, c = twinLower(a), twinLower(b), twinLower(c)
		}
		if a <= c && c <= b {
			return !set[0].not && twin(rest, s[1:], fold)
		}
	}
	return len(set) > 0 && set[0].not && twin(rest, s[1:], fold)
}

type twinRange struct {
	from, to   byte
	exact, not bool
}

// twinElement reads the first element of p as a set of ranges.
func twinElement(p string) (set []twinRange, rest string) {
	switch {
	case p[0] == '?':
		return []twinRange{{from: 0, to: 255, exact: true}}, p[1:]
	case p[0] == '\\' && len(p) > 1:
		return []twinRange{{from: p[1], to: p[1]}}, p[2:]
	case p[0] != '[':
		return []twinRange{{from: p[0], to: p[0]}}, p[1:]
	}
	p, not := strings.CutPrefix(p[1:], "^")
	if not {
		set = append(set, twinRange{from: 1, to: 0, exact: true, not: true})
	}
	for p != "" && p[0] != ']' {
		switch {
		case p[0] == '\\' && len(p) > 1:
			set = append(set, twinRange{from: p[1], to: p[1], exact: true})
			p = p[2:]
		case len(p) > 2 && p[1] == '-':
			set = append(set, twinRange{from: min(p[0], p[2]), to: max(p[0], p[2])})
			p = p[3:]
		default:
			set = append(set, twinRange{from: p[0], to: p[0]})
			p = p[1:]
		}
	}
	return set, strings.TrimPrefix(p, "]")
}

func twinLower(c byte) byte {
	if c > 127 {
		return c
	}
	return strings.ToLower(string(rune(c)))[0]
}

// Match agrees with a version that tries everything.
func FuzzMatch(f *testing.F) {
	for _, seed := range [][2]string{{"a*b?[c-e]", "axxbyd"}, {"[^a-]", "b"}, {"\\*[\\]]", "*]"}, {"*a*b*c", "xaxbxc"}, {"[A-z]", "Q"}} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, p, s string) {
		if len(p) > 12 || len(s) > 12 {
			return
		}
		for _, fold := range []bool{false, true} {
			want := twin(p, s, fold)
			if s == "" {
				want = p == ""
			}
			if got := match(p, s, fold); got != want {
				t.Errorf("match(%q, %q, fold %v) = %v", p, s, fold, got)
			}
		}
	})
}

// KEYS of redis-server finds what Match matches, CONFIG GET what MatchFold does.
func TestAgreesWithRedis(t *testing.T) {
	addr := redistest.Start(t)
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(20 * time.Second))
	replies := resp.NewReader(c, resp.DefaultReaderLimits())
	do := func(args ...string) resp.Value {
		t.Helper()
		c.Write(resp.AppendCommandString(nil, args...))
		v, err := replies.Read()
		if err != nil || v.Err() != nil {
			t.Fatal(args, err, v.Err())
		}
		return v
	}
	subjects := strings.Split(",a,b,ab,aab,abb,abc,A,B,-,],[,\\,*,?,^,a-c,a],a\\,\xff,hello,Hello,hallo", ",")
	for _, s := range subjects {
		do("SET", s, "")
	}
	for _, p := range patterns() {
		got := make(map[string]bool)
		for _, v := range do("KEYS", p).Array {
			got[v.Text()] = true
		}
		for _, s := range subjects {
			// KEYS takes a lone "*" as "all", before any matching.
			if want := Match(p, s) || p == "*"; got[s] != want {
				t.Errorf("pattern %q, key %q: Redis %v, ours %v", p, s, got[s], want)
			}
		}
	}
	names := do("CONFIG", "GET", "*").Array
	for _, p := range []string{"MAX*", "[M-N]*", "[Z-a]*", "*[^A-Y]", "\\M*", "[\\M]*", "*[S-", "?A*"} {
		got := do("CONFIG", "GET", p).Array
		var want int
		for i := 0; i < len(names); i += 2 {
			if MatchFold(p, names[i].Text()) {
				want += 2
			}
		}
		if len(got) != want {
			t.Errorf("CONFIG GET %q: Redis %d, ours %d", p, len(got)/2, want/2)
		}
	}
}

// patterns returns every pattern of up to three of the elements that matter.
func patterns() (all []string) {
	elements := []string{"", "*", "?", "a", "b", "[a-c]", "[^a]", "[", "]", "[^", "\\", "-", "^", "[a-", "[]", "[\\]]", "\\*"}
	for _, x := range elements {
		for _, y := range elements {
			for _, z := range elements {
				all = append(all, x+y+z)
			}
		}
	}
	return all
}

func BenchmarkMatch(b *testing.B) {
	for _, p := range []string{"key:*", "*", "k?y:[0-9]*5", "other"} {
		b.Run(fmt.Sprintf("%q", p), func(b *testing.B) {
			s := []byte("key:000000012345")
			b.ReportAllocs()
			for b.Loop() {
				Match(p, s)
			}
		})
	}
}

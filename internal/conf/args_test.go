package conf

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

func TestSplitArgs(t *testing.T) {
	tests := []struct {
		line string
		want []string // nil: unbalanced
	}{
		{"", []string{}},
		{" \t ", []string{}},
		{"port 6379", []string{"port", "6379"}},
		{"\tport\t 6379 ", []string{"port", "6379"}},
		{`requirepass "a b"`, []string{"requirepass", "a b"}},
		{`a "\x41\n\r\t\b\a\"\\\q\xZZ"`, []string{"a", "A\n\r\t\b\a\"\\qxZZ"}},
		{`a 'it\'s \n'`, []string{"a", `it's \n`}},
		{`a b"c d"`, []string{"a", "bc d"}},
		{`a b'c d'`, []string{"a", "bc d"}},
		{`save ""`, []string{"save", ""}},
		{"a\x00b", []string{"a"}},
		{`a "b"c`, nil},
		{`a 'b'c`, nil},
		{`a "b`, nil},
		{`a 'b`, nil},
		{`a "b\`, nil},
		{`a "b\"`, nil},
		{`a "\x4"`, []string{"a", "x4"}},
	}
	for _, tt := range tests {
		got, err := SplitArgs(tt.line)
		if tt.want == nil {
			if !errors.Is(err, ErrUnbalanced) {
				t.Errorf("SplitArgs(%q) = %q, %v, want ErrUnbalanced", tt.line, got, err)
			}
			continue
		}
		if err != nil || !slices.Equal(got, tt.want) {
			t.Errorf("SplitArgs(%q) = %q, %v, want %q", tt.line, got, err, tt.want)
		}
	}
}

func TestQuote(t *testing.T) {
	for in, want := range map[string]string{
		"":             `""`,
		"a b":          `"a b"`,
		"\"\\":         `"\"\\"`,
		"\n\r\t\b\a":   `"\n\r\t\b\a"`,
		"\x00\x7f\xff": `"\x00\x7f\xff"`,
	} {
		if got := Quote(in); got != want {
			t.Errorf("Quote(%q) = %s, want %s", in, got, want)
		}
	}
	for in, want := range map[string]string{
		"": `""`, "6379": "6379", "a b": `"a b"`, "it's": `"it's"`, "#x": `"#x"`, "é": `"\xc3\xa9"`,
	} {
		if got := QuoteIfNeeded(in); got != want {
			t.Errorf("QuoteIfNeeded(%q) = %s, want %s", in, got, want)
		}
	}
}

// Whatever SplitArgs makes of a line, quoting the arguments and splitting again
// gives the same arguments; and any bytes survive quoting.
func FuzzQuote(f *testing.F) {
	for _, s := range []string{"port 6379", `a "b\x00" 'c\''`, "\xff\x00", `"`, "a\tb\rc", "# x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, line string) {
		if got, err := SplitArgs(Quote(line) + " " + QuoteIfNeeded(line)); err != nil ||
			!slices.Equal(got, []string{line, line}) {
			t.Fatalf("quoted %q came back as %q, %v", line, got, err)
		}
		args, err := SplitArgs(line)
		if err != nil {
			return
		}
		quoted := make([]string, len(args))
		for i, a := range args {
			quoted[i] = QuoteIfNeeded(a)
		}
		again, err := SplitArgs(strings.Join(quoted, " "))
		if err != nil || !slices.Equal(again, args) {
			t.Fatalf("%q: %q came back as %q, %v", line, args, again, err)
		}
	})
}

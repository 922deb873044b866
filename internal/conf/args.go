package conf

import (
	"errors"
	"strings"
)

// ErrUnbalanced says that a quote was left open, or that something other than
// a blank follows a closing quote.
var ErrUnbalanced = errors.New("unbalanced quotes")

// SplitArgs splits a line into arguments and takes their quotes off. A quoted
// part may start inside an argument (a"b c" is one argument, "ab c"), but must
// end with it. A blank line has no arguments.
//
// The only error is [ErrUnbalanced].
func SplitArgs(line string) ([]string, error) {
	var args []string
	for {
		line = strings.TrimLeft(line, " \t\n\v\f\r")
		if line == "" {
			return args, nil
		}
		arg, rest, err := nextArg(line)
		if err != nil {
			return nil, err
		}
		args, line = append(args, arg), rest
	}
}

// nextArg takes one argument off the front of s, which does not start with a
// blank. A NUL ends the line, as it does for Redis.
func nextArg(s string) (arg, rest string, err error) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch c := s[i]; c {
		case ' ', '\n', '\r', '\t':
			return b.String(), s[i:], nil
		case 0:
			return b.String(), "", nil
		case '"':
			return closeQuote(&b, s[i+1:], unquoteDouble)
		case '\'':
			return closeQuote(&b, s[i+1:], unquoteSingle)
		default:
			b.WriteByte(c)
		}
	}
	return b.String(), "", nil
}

// closeQuote appends the quoted text that s starts with and checks that the
// argument ends there.
func closeQuote(b *strings.Builder, s string,
	unquote func(*strings.Builder, string) (int, bool)) (arg, rest string, err error) {
	n, ok := unquote(b, s)
	if !ok {
		return "", "", ErrUnbalanced
	}
	if n < len(s) && !isBlank(s[n]) && s[n] != 0 {
		return "", "", ErrUnbalanced
	}
	return b.String(), s[n:], nil
}

// unquoteDouble appends what stands before the closing double quote and
// returns the number of bytes read, the quote included.
func unquoteDouble(b *strings.Builder, s string) (int, bool) {
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '"':
			return i + 1, true
		case c == 0:
			return 0, false
		case c != '\\' || i+1 == len(s):
			b.WriteByte(c)
		case s[i+1] == 'x' && i+3 < len(s) && isHex(s[i+2]) && isHex(s[i+3]):
			b.WriteByte(hexValue(s[i+2])<<4 | hexValue(s[i+3]))
			i += 3
		default:
			i++
			b.WriteByte(unescape(s[i]))
		}
	}
	return 0, false
}

// unquoteSingle is unquoteDouble for single quotes, where only \' is special.
func unquoteSingle(b *strings.Builder, s string) (int, bool) {
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '\'':
			return i + 1, true
		case c == 0:
			return 0, false
		case c == '\\' && i+1 < len(s) && s[i+1] == '\'':
			i++
			b.WriteByte('\'')
		default:
			b.WriteByte(c)
		}
	}
	return 0, false
}

// Quote writes arg in double quotes, with escapes for everything that is not
// printable ASCII, so that [SplitArgs] returns it unchanged.
func Quote(arg string) string {
	const hex = "0123456789abcdef"
	b := make([]byte, 0, len(arg)+2)
	b = append(b, '"')
	for i := range len(arg) {
		switch c := arg[i]; c {
		case '\\', '"':
			b = append(b, '\\', c)
		case '\n':
			b = append(b, `\n`...)
		case '\r':
			b = append(b, `\r`...)
		case '\t':
			b = append(b, `\t`...)
		case '\a':
			b = append(b, `\a`...)
		case '\b':
			b = append(b, `\b`...)
		default:
			if c < ' ' || c > '~' {
				b = append(b, '\\', 'x', hex[c>>4], hex[c&15])
				continue
			}
			b = append(b, c)
		}
	}
	return string(append(b, '"'))
}

// QuoteIfNeeded is Quote for an argument that [SplitArgs] would not return
// unchanged when it stands bare, and arg itself otherwise.
func QuoteIfNeeded(arg string) string {
	if arg == "" || arg[0] == '#' {
		return Quote(arg)
	}
	for i := range len(arg) {
		if c := arg[i]; c <= ' ' || c > '~' || c == '"' || c == '\'' || c == '\\' {
			return Quote(arg)
		}
	}
	return arg
}

func isBlank(c byte) bool { return c == ' ' || c >= '\t' && c <= '\r' }

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}

func hexValue(c byte) byte {
	switch {
	case c <= '9':
		return c - '0'
	case c <= 'F':
		return c - 'A' + 10
	}
	return c - 'a' + 10
}

func unescape(c byte) byte {
	switch c {
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	case 'b':
		return '\b'
	case 'a':
		return '\a'
	}
	return c
}

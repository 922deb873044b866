package resp

import "bytes"

// nextInline reads a command typed as a line, as in a telnet session. Words are
// separated by white space and may be quoted; the line ends at "\n" or "\r\n".
func (p *Parser) nextInline(buf []byte, lim *Limits) (args [][]byte, n int, err error) {
	end, found := lineBreak(buf, p.scanned, '\n')
	size := end
	if !found {
		size = len(buf)
	}
	if size > lim.InlineMax {
		return nil, 0, p.fail("too big inline request")
	}
	if !found {
		p.scanned = end
		return nil, 0, nil
	}
	p.scanned = 0
	line := bytes.TrimSuffix(buf[:end], []byte("\r"))
	if !p.splitLine(line) {
		return nil, 0, p.fail("unbalanced quotes in request")
	}
	args = p.args
	if len(args) > keepArgs {
		p.args = nil
	}
	return args, end + 1, nil
}

// splitLine sets p.args to the words of line. It returns false if quotes are
// unbalanced, or a closing quote is not followed by white space.
func (p *Parser) splitLine(line []byte) bool {
	p.args = p.args[:0]
	if p.inline = p.inline[:0]; cap(p.inline) > keepInline {
		p.inline = nil
	}
	for i := 0; ; {
		for i < len(line) && isSpace(line[i]) {
			i++
		}
		if i == len(line) {
			return true
		}
		end := i + wordLen(line[i:])
		if end == len(line) || endsWord(line[end]) {
			p.args = append(p.args, line[i:end:end])
			i = end
			continue
		}
		from := len(p.inline)
		end = p.unquote(line, i)
		if end < 0 {
			return false
		}
		p.args = append(p.args, p.inline[from:len(p.inline):len(p.inline)])
		i = end
	}
}

// unquote appends the word at line[i:] to p.inline, with its quotes removed and
// its escapes decoded, and returns the offset behind it, or -1 if it is malformed.
// Quotes may open in the middle of a word but must close at its end.
func (p *Parser) unquote(line []byte, i int) int {
	for i < len(line) && !endsWord(line[i]) {
		switch line[i] {
		case '"':
			return p.closeQuote(line, p.doubleQuoted(line, i+1))
		case '\'':
			return p.closeQuote(line, p.singleQuoted(line, i+1))
		}
		p.inline = append(p.inline, line[i])
		i++
	}
	return i
}

// closeQuote returns i, the offset behind a closing quote, if the word may end
// there.
func (p *Parser) closeQuote(line []byte, i int) int {
	if i < 0 || i < len(line) && !isSpace(line[i]) {
		return -1
	}
	return i
}

func (p *Parser) doubleQuoted(line []byte, i int) int {
	for i < len(line) {
		switch c := line[i]; {
		case c == '"':
			return i + 1
		case c == '\\' && i+3 < len(line) && line[i+1] == 'x' && isHex(line[i+2]) && isHex(line[i+3]):
			p.inline = append(p.inline, unhex(line[i+2])<<4|unhex(line[i+3]))
			i += 4
		case c == '\\' && i+1 < len(line):
			p.inline = append(p.inline, unescape(line[i+1]))
			i += 2
		default:
			p.inline = append(p.inline, c)
			i++
		}
	}
	return -1
}

// singleQuoted knows one escape, \'.
func (p *Parser) singleQuoted(line []byte, i int) int {
	for i < len(line) {
		switch c := line[i]; {
		case c == '\'':
			return i + 1
		case c == '\\' && i+1 < len(line) && line[i+1] == '\'':
			p.inline = append(p.inline, '\'')
			i += 2
		default:
			p.inline = append(p.inline, c)
			i++
		}
	}
	return -1
}

// wordLen returns the length of the unquoted word that w begins with.
func wordLen(w []byte) int {
	for i, c := range w {
		if endsWord(c) || c == '"' || c == '\'' {
			return i
		}
	}
	return len(w)
}

// endsWord and isSpace differ in \v and \f, which separate words but do not end
// one, as in Redis.
func endsWord(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }

func isSpace(c byte) bool { return endsWord(c) || c == '\v' || c == '\f' }

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}

func unhex(c byte) byte {
	if c <= '9' {
		return c - '0'
	}
	return c&^0x20 - 'A' + 10
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

package integration

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"sort"
	"strconv"
	"strings"
	"testing"
	"time"
)

// peer is a raw RESP connection: requests in, the exact bytes of replies out.
type peer struct {
	t  *testing.T
	c  net.Conn
	br *bufio.Reader
}

func dial(t *testing.T, p *process) *peer {
	t.Helper()
	c, err := net.DialTimeout("tcp", p.addr(), 5*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return &peer{t, c, bufio.NewReader(c)}
}

// send writes one command.
func (p *peer) send(args ...string) {
	p.t.Helper()
	var b bytes.Buffer
	fmt.Fprintf(&b, "*%d\r\n", len(args))
	for _, a := range args {
		fmt.Fprintf(&b, "$%d\r\n%s\r\n", len(a), a)
	}
	_ = p.c.SetWriteDeadline(time.Now().Add(20 * time.Second))
	if _, err := p.c.Write(b.Bytes()); err != nil {
		p.t.Fatalf("send %q: %v", args, err)
	}
}

// do sends one command and returns its reply.
func (p *peer) do(args ...string) reply {
	p.t.Helper()
	p.send(args...)
	r, err := p.read()
	if err != nil {
		p.t.Fatalf("reply to %q: %v", args, err)
	}
	return r
}

// reply is one reply: raw for comparison, and its parts.
type reply struct {
	raw   string
	kind  byte
	text  string // of scalars
	null  bool
	elems []reply
}

// read reads one reply of any type.
func (p *peer) read() (reply, error) {
	_ = p.c.SetReadDeadline(time.Now().Add(20 * time.Second))
	return readReply(p.br)
}

func readReply(br *bufio.Reader) (reply, error) {
	line, err := br.ReadString('\n')
	if err != nil {
		return reply{}, err
	}
	r := reply{raw: line, kind: line[0], text: strings.TrimSuffix(line[1:], "\r\n")}
	n, _ := strconv.Atoi(r.text)
	switch r.kind {
	case '$', '=', '!':
		if n < 0 {
			r.null = true
			return r, nil
		}
		body := make([]byte, n+2)
		if _, err := io.ReadFull(br, body); err != nil {
			return r, err
		}
		r.raw += string(body)
		r.text = string(body[:n])
	case '*', '~', '>', '%', '|':
		if n < 0 {
			r.null = true
			return r, nil
		}
		if r.kind == '%' || r.kind == '|' {
			n *= 2
		}
		for range n {
			e, err := readReply(br)
			if err != nil {
				return r, err
			}
			r.raw += e.raw
			r.elems = append(r.elems, e)
		}
	case '_':
		r.null = true
	}
	return r, nil
}

// sorted is the reply with the elements of its innermost lists in order, for
// replies whose order is nobody's promise.
func (r reply) sorted() string {
	if len(r.elems) == 0 {
		return r.raw
	}
	parts := make([]string, len(r.elems))
	for i, e := range r.elems {
		parts[i] = e.sorted()
	}
	if r.kind == '%' { // pairs stay together
		for i := range len(parts) / 2 {
			parts[i] = parts[2*i] + parts[2*i+1]
		}
		parts = parts[:len(parts)/2]
	}
	sort.Strings(parts)
	return r.raw[:strings.IndexByte(r.raw, '\n')+1] + strings.Join(parts, "")
}

// strings lists the texts of an array's elements.
func (r reply) strings() []string {
	var out []string
	for _, e := range r.elems {
		out = append(out, e.text)
	}
	return out
}

// info is one field of INFO.
func (p *peer) info(section, field string) string {
	p.t.Helper()
	for line := range strings.Lines(p.do("INFO", section).text) {
		if k, v, ok := strings.Cut(strings.TrimSpace(line), ":"); ok && k == field {
			return v
		}
	}
	return ""
}

package integration

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"
)

// twins are two servers, ours and Redis's, that get the same commands over the same
// number of connections.
type twins struct {
	t     *testing.T
	procs [2]*process // ours first
	conns map[string]*pair
	proto string // what new connections speak: "2" or "3"
}

// pair is one connection to each of the twins.
type pair struct {
	peers [2]*peer
	id    [2]string // CLIENT ID
}

func newTwins(t *testing.T, ours, theirs *process, proto string) *twins {
	return &twins{t: t, procs: [2]*process{ours, theirs}, conns: make(map[string]*pair), proto: proto}
}

// conn is the pair of connections of a name; it is opened when first named.
func (w *twins) conn(name string) *pair {
	if p := w.conns[name]; p != nil {
		return p
	}
	p := &pair{}
	for i, proc := range w.procs {
		c := dial(w.t, proc)
		if w.proto == "3" {
			c.do("HELLO", "3")
		}
		p.id[i] = c.do("CLIENT", "ID").text
		p.peers[i] = c
	}
	w.conns[name] = p
	return p
}

// send writes a command to both ends of a pair. {idN} and {addrN} in an argument
// stand for connection N's id and address at each server.
func (w *twins) send(p *pair, args []string) {
	for i, c := range p.peers {
		out := make([]string, len(args))
		for j, a := range args {
			out[j] = w.fill(a, i)
		}
		c.send(out...)
	}
}

// heard waits until both servers have read what was sent, so that what another
// connection sends next comes after it. A server need not read from who is blocked:
// that is not waited for long.
func (w *twins) heard(p *pair) {
	for _, c := range p.peers {
		for end := time.Now().Add(100 * time.Millisecond); unread(c) && time.Now().Before(end); {
			time.Sleep(100 * time.Microsecond)
		}
	}
}

// unread reports whether bytes of ours wait in the server's socket, by the kernel's
// table of them.
func unread(c *peer) bool {
	local, ok := c.c.LocalAddr().(*net.TCPAddr)
	if !ok {
		return false
	}
	remote := c.c.RemoteAddr().(*net.TCPAddr)
	table, err := os.ReadFile("/proc/net/tcp")
	if err != nil {
		return false
	}
	// sl local_address rem_address st tx_queue:rx_queue ...: the server's end of it
	ends := regexp.MustCompile(fmt.Sprintf(`:%04X [0-9A-F]{8}:%04X [0-9A-F]{2} [0-9A-F]{8}:([0-9A-F]{8})`, remote.Port, local.Port))
	m := ends.FindSubmatch(table)
	return m != nil && string(m[1]) != "00000000"
}

var placeholder = regexp.MustCompile(`\{(id|addr|laddr)([0-9]+)\}`)

func (w *twins) fill(arg string, i int) string {
	return placeholder.ReplaceAllStringFunc(arg, func(m string) string {
		f := placeholder.FindStringSubmatch(m)
		p := w.conn(f[2])
		switch f[1] {
		case "id":
			return p.id[i]
		case "addr":
			return p.peers[i].c.LocalAddr().String()
		}
		return p.peers[i].c.RemoteAddr().String()
	})
}

// read reads one reply at both ends; the end of a connection reads as "EOF".
func (w *twins) read(p *pair) (a, b reply) {
	return readOrEOF(p.peers[0]), readOrEOF(p.peers[1])
}

// twinsPatience is how long a reply may take that one of the two does not send.
const twinsPatience = 5 * time.Second

func readOrEOF(p *peer) reply { return readOrEOFWithin(p, twinsPatience) }

func readOrEOFWithin(p *peer, limit time.Duration) reply {
	_ = p.c.SetReadDeadline(time.Now().Add(limit))
	r, err := readReply(p.br)
	if errors.Is(err, io.EOF) || err != nil && strings.Contains(err.Error(), "reset by peer") {
		return reply{raw: "EOF"}
	}
	if err != nil {
		return reply{raw: "nothing: " + err.Error()}
	}
	return r
}

// drain reads what has come before the reply to a PING, as one.
func (w *twins) drain(p *pair) (a, b reply) {
	const mark = "so far"
	w.send(p, []string{"PING", mark})
	var all [2]reply
	for i, c := range p.peers {
		for {
			r := readOrEOF(c)
			all[i].raw += r.raw
			if strings.Contains(r.raw, mark) || !strings.HasPrefix(r.raw, string(r.kind)) || r.kind == 0 {
				break
			}
		}
	}
	return all[0], all[1]
}

// do sends a command to both and returns both replies.
func (w *twins) do(p *pair, args ...string) (a, b reply) {
	w.send(p, args)
	return w.read(p)
}

// closeOthers ends every connection but the first.
func (w *twins) closeOthers() {
	for name, p := range w.conns {
		if name != "1" {
			w.close(name, p)
		}
	}
}

func (w *twins) close(name string, p *pair) {
	for _, c := range p.peers {
		c.c.Close()
	}
	delete(w.conns, name)
}

// knownDifferences are the names in the first column of the table in
// docs/differences-7.0-7.2.md: what a comparison may show.
func knownDifferences(t *testing.T) map[string]bool {
	text, err := os.ReadFile("../docs/differences-7.0-7.2.md")
	if err != nil {
		t.Fatal(err)
	}
	known := make(map[string]bool)
	for _, m := range regexp.MustCompile("(?m)^\\| `([a-z0-9-]+)`").FindAllStringSubmatch(string(text), -1) {
		known[m[1]] = true
	}
	return known
}

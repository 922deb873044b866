package integration

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestReplicationStreams sends random commands to us and to redis-server and compares
// what replicas are told: the commands, their order, where transactions begin and end.
// Times that were relative may differ by what passes between the two.
func TestReplicationStreams(t *testing.T) {
	seed := *randomSeed
	if seed == 0 {
		seed = rand.Uint64()%1_000_000 + 1
	}
	t.Logf("-random.seed %d", seed)
	ours, theirs := startVedette(t, "--repl-diskless-sync-delay", "0"), startRedis(t, "--repl-diskless-sync-delay", "0")
	g := &generator{r: rand.New(rand.NewPCG(seed, 1))}
	w := newRandomRun(t, ours, theirs)
	a, b := followStream(t, ours), followStream(t, theirs)
	var sent []string
	for i := range 4000 {
		name := strconv.Itoa(1 + g.r.IntN(randomConns))
		args := g.command()
		w.do(w.conn(name), args...)
		sent = append(sent, name+"> "+strings.Join(args, " "))
		if i%20 != 0 {
			continue
		}
		mark := "PUBLISH mark " + strconv.Itoa(i)
		w.do(w.conn("setup"), strings.Fields(mark)...)
		told, want := a.upTo(mark), b.upTo(mark)
		if !sameStream(told, want) {
			n := firstDifference(told, want)
			told, want = told[n:], want[n:]
			t.Fatalf("command %d: after\n  %.2000q\n  vedette %.1000q\n  redis   %.1000q", i, sent, told, want)
		}
		sent = nil
	}
}

// stream is a replica's view of a server.
type stream struct {
	t  *testing.T
	br *bufio.Reader
	p  *peer
}

// followStream connects as a replica and skips the data set.
func followStream(t *testing.T, proc *process) *stream {
	t.Helper()
	p := dial(t, proc)
	p.do("REPLCONF", "listening-port", "1", "capa", "eof", "capa", "psync2")
	s := &stream{t, p.br, p}
	p.send("PSYNC", "?", "-1")
	_ = p.c.SetReadDeadline(time.Now().Add(20 * time.Second))
	if line := s.line(); !strings.HasPrefix(line, "+FULLRESYNC") {
		t.Fatalf("PSYNC: %q", line)
	}
	head := s.line()
	if mark, ok := strings.CutPrefix(head, "$EOF:"); ok {
		s.until(mark)
	} else {
		n, _ := strconv.Atoi(head[1:])
		_, _ = io.CopyN(io.Discard, s.br, int64(n))
	}
	control := dial(t, proc)
	eventually(t, 10*time.Second, func() error {
		if state := control.info("replication", "slave0"); !strings.Contains(state, "state=online") {
			return fmt.Errorf("replica: %s", state)
		}
		return nil
	})
	p.send("REPLCONF", "ACK", "0") // Redis begins to send with the first one it hears while online
	return s
}

// line is the next line; empty ones only keep the connection alive.
func (s *stream) line() string {
	s.t.Helper()
	for {
		line, err := s.br.ReadString('\n')
		if err != nil {
			s.t.Fatalf("%q: %v", line, err)
		}
		if line = strings.TrimRight(line, "\r\n"); line != "" {
			return line
		}
	}
}

func (s *stream) until(mark string) {
	s.t.Helper()
	for seen := ""; seen != mark; {
		b, err := s.br.ReadByte()
		if err != nil {
			s.t.Fatal(err)
		}
		if seen += string([]byte{b}); len(seen) > len(mark) {
			seen = seen[1:]
		}
	}
}

// upTo returns the commands before mark, without the stream's own framing.
func (s *stream) upTo(mark string) (cmds [][]string) {
	s.t.Helper()
	_ = s.p.c.SetReadDeadline(time.Now().Add(20 * time.Second))
	for {
		r, err := readReply(s.br)
		if err != nil {
			s.t.Fatal(err)
		}
		words := r.strings()
		switch {
		case strings.Join(words, " ") == mark:
			return cmds
		case len(words) > 0 && (words[0] == "PING" || words[0] == "REPLCONF" || words[0] == "SELECT"):
		case slices.ContainsFunc(words, func(w string) bool { return strings.EqualFold(w, "FAIL") }):
			// a BITFIELD all of whose writes overflowed, but made the string longer: only we tell
		default:
			cmds = append(cmds, words)
		}
	}
}

func sameStream(a, b [][]string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		a[i], b[i] = unconditional(a[i]), unconditional(b[i])
		if len(a[i]) != len(b[i]) {
			return false
		}
		for j := range a[i] {
			if a[i][j] != b[i][j] && a[i][j] != b[i][j]+"-0" && !near(a[i][j], b[i][j]) && !(j == 0 && strings.EqualFold(a[i][j], b[i][j])) {
				return false
			}
		}
	}
	return true
}

// firstDifference is where two streams part.
func firstDifference(a, b [][]string) (i int) {
	for i < min(len(a), len(b)) && sameStream(a[i:i+1], b[i:i+1]) {
		i++
	}
	return i
}

// unconditional drops conditions that held: Redis hands them on, we only the outcome.
func unconditional(cmd []string) []string {
	switch strings.ToUpper(cmd[0]) {
	case "SET", "PEXPIREAT":
		kept := slices.DeleteFunc(slices.Clone(cmd[3:]), func(w string) bool {
			return slices.Contains([]string{"NX", "XX", "GT", "LT", "nx"}, w)
		})
		return append(slices.Clip(cmd[:3]), slices.Compact(kept)...)
	}
	return cmd
}

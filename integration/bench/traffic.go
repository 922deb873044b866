package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strconv"
	"sync"
	"time"
)

// fill is a data set of string keys: `key:000000000000` and so on.
type fill struct {
	keys       int
	valueBytes int
}

// load stores the keys.
func (d fill) load(ctx context.Context, addr string) error {
	return pipelined(ctx, addr, d.keys, func(first int) request {
		value := newValues(d.valueBytes, uint64(first))
		return func(out []byte, i int) []byte { return appendSet(out, i, value.next()) }
	})
}

// request appends command number i to out.
type request func(out []byte, i int) []byte

// pipeBatch is how many commands a connection of pipelined sends before it reads the
// replies.
const pipeBatch = 500

// pipelined sends n commands through four pipelined connections. Each takes a share of
// the numbers, and a request of its own, made with the first of them.
func pipelined(ctx context.Context, addr string, n int, make func(first int) request) error {
	const conns = 4
	errs := [conns]error{}
	var wg sync.WaitGroup
	for i := range conns {
		first, last := n*i/conns, n*(i+1)/conns
		wg.Go(func() { errs[i] = pipelineShare(ctx, addr, first, last, make(first)) })
	}
	wg.Wait()
	return errors.Join(errs[:]...)
}

// pipelineShare sends the commands from first to before last.
func pipelineShare(ctx context.Context, addr string, first, last int, next request) error {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return err
	}
	defer c.Close()
	r := bufio.NewReaderSize(c, 16<<10)
	var out []byte
	for at := first; at < last && ctx.Err() == nil; {
		n := min(pipeBatch, last-at)
		out = out[:0]
		for range n {
			out = next(out, at)
			at++
		}
		if _, err := c.Write(out); err != nil {
			return err
		}
		for range n {
			if err := readReply(r); err != nil {
				return err
			}
		}
	}
	return ctx.Err()
}

// appendWords appends one command.
func appendWords(out []byte, words ...string) []byte {
	out = append(out, '*')
	out = strconv.AppendInt(out, int64(len(words)), 10)
	out = append(out, "\r\n"...)
	for _, w := range words {
		out = append(out, '$')
		out = strconv.AppendInt(out, int64(len(w)), 10)
		out = append(out, "\r\n"...)
		out = append(out, w...)
		out = append(out, "\r\n"...)
	}
	return out
}

// values makes values that do not compress.
type values struct {
	rng *rand.Rand
	buf []byte
}

func newValues(size int, seed uint64) *values {
	return &values{rand.New(rand.NewPCG(seed, 1)), make([]byte, size)}
}

// next is valid until the next call.
func (v *values) next() []byte {
	const letters = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ+-"
	for i := 0; i < len(v.buf); {
		for bits := v.rng.Uint64(); i < len(v.buf) && bits > 0; bits >>= 6 {
			v.buf[i] = letters[bits&63]
			i++
		}
	}
	return v.buf
}

func appendSet(out []byte, key int, value []byte) []byte {
	out = append(out, "*3\r\n$3\r\nSET\r\n"...)
	out = appendKey(out, key)
	out = append(out, '$')
	out = strconv.AppendInt(out, int64(len(value)), 10)
	out = append(out, "\r\n"...)
	out = append(out, value...)
	return append(out, "\r\n"...)
}

func appendGet(out []byte, key int) []byte {
	return appendKey(append(out, "*2\r\n$3\r\nGET\r\n"...), key)
}

// appendKey appends a key of 16 bytes as an argument.
func appendKey(out []byte, key int) []byte {
	out = append(out, "$16\r\nkey:"...)
	for div := 100_000_000_000; div > 0; div /= 10 {
		out = append(out, byte('0'+key/div%10))
	}
	return append(out, "\r\n"...)
}

// readReply reads a status, an integer or a bulk; an error reply is an error.
func readReply(r *bufio.Reader) error {
	line, err := r.ReadSlice('\n')
	if err != nil {
		return err
	}
	switch line[0] {
	case '+', ':':
		return nil
	case '$':
		n, err := strconv.Atoi(string(line[1 : len(line)-2]))
		if err == nil && n >= 0 {
			_, err = r.Discard(n + 2)
		}
		return err
	}
	return fmt.Errorf("reply %q", line)
}

// steady sends requests at a fixed rate whatever the server does, half SET and half
// GET of random keys. A latency counts from the moment the request was due, so that a
// stall is felt by every request it delays.
type steady struct {
	rate int // requests per second
	data fill
	mu   sync.Mutex // guards samples
	// samples are in the order of the replies.
	samples []sample
}

type sample struct {
	due  time.Time
	took time.Duration
}

// steadyConns share the requests.
const steadyConns = 8

// run sends until ctx ends, and returns the first error other than that.
func (s *steady) run(ctx context.Context, addr string) error {
	var wg sync.WaitGroup
	defer wg.Wait()
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var conns [steadyConns]net.Conn
	var due [steadyConns]chan time.Time
	for i := range conns {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			return err
		}
		defer c.Close()
		// Ten seconds of requests may be under way on a connection.
		conns[i], due[i] = c, make(chan time.Time, 10*s.rate/steadyConns)
		wg.Go(func() {
			if err := s.receive(ctx, c, due[i]); err != nil {
				stop(err)
			}
		})
		defer context.AfterFunc(ctx, func() { c.Close() })()
	}
	s.send(ctx, stop, conns[:], due[:])
	if err := context.Cause(ctx); !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// send writes, a millisecond's requests at a time.
func (s *steady) send(ctx context.Context, stop context.CancelCauseFunc, conns []net.Conn, due []chan time.Time) {
	rng := rand.New(rand.NewPCG(1, uint64(time.Now().UnixNano())))
	value := newValues(s.data.valueBytes, 7)
	start, sent := time.Now(), 0
	interval := time.Second / time.Duration(s.rate)
	var out []byte
	for turn := 0; ctx.Err() == nil; turn++ {
		time.Sleep(time.Until(start.Add(time.Duration(sent+1) * interval)))
		i := turn % len(conns)
		out = out[:0]
		for now := time.Now(); ; sent++ {
			at := start.Add(time.Duration(sent) * interval)
			if at.After(now) || len(out) > 16<<10 {
				break
			}
			if key := rng.IntN(s.data.keys); sent%2 == 0 {
				out = appendSet(out, key, value.next())
			} else {
				out = appendGet(out, key)
			}
			select {
			case due[i] <- at:
			case <-ctx.Done():
				return
			}
		}
		if _, err := conns[i].Write(out); err != nil {
			stop(err)
			return
		}
	}
}

// receive reads a connection's replies in the order of its requests.
func (s *steady) receive(ctx context.Context, c net.Conn, due chan time.Time) error {
	r := bufio.NewReaderSize(c, 16<<10)
	for ctx.Err() == nil {
		if err := readReply(r); err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
		at := <-due
		s.mu.Lock()
		s.samples = append(s.samples, sample{at, time.Since(at)})
		s.mu.Unlock()
	}
	return nil
}

// between are the latencies in ms of requests that were due from one time to another.
func (s *steady) between(from, to time.Time) []float64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	var ms []float64
	for _, x := range s.samples {
		if !x.due.Before(from) && x.due.Before(to) {
			ms = append(ms, milliseconds(x.took))
		}
	}
	return ms
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// discardSync takes part in a full synchronization as a replica that throws the data
// away and reads at most bytesPerSecond, 0 for as fast as it comes. It returns how many
// bytes the data set took.
func discardSync(ctx context.Context, addr string, bytesPerSecond int) (int64, error) {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return 0, err
	}
	defer c.Close()
	defer context.AfterFunc(ctx, func() { c.Close() })()
	if bytesPerSecond > 0 {
		// What the kernel takes in ahead is not read by a slow replica.
		_ = c.(*net.TCPConn).SetReadBuffer(64 << 10)
	}
	r := bufio.NewReaderSize(&paced{r: c, perSecond: bytesPerSecond}, 64<<10)
	for _, command := range []string{"REPLCONF listening-port 1\r\n", "REPLCONF capa eof capa psync2\r\n"} {
		if _, err := io.WriteString(c, command); err != nil {
			return 0, err
		}
		if err := readReply(r); err != nil {
			return 0, err
		}
	}
	if _, err := io.WriteString(c, "PSYNC ? -1\r\n"); err != nil {
		return 0, err
	}
	return readSnapshot(r)
}

// readSnapshot reads "+FULLRESYNC …", line feeds of a master that prepares, and the data
// set in one of its two framings.
func readSnapshot(r *bufio.Reader) (int64, error) {
	var line string
	for line = "\n"; line == "\n" || line[0] == '+'; {
		l, err := r.ReadString('\n')
		if err != nil {
			return 0, err
		}
		line = l
	}
	head := line[:len(line)-2]
	if len(head) == len("$EOF:")+40 {
		return skipUntil(r, head[len("$EOF:"):])
	}
	n, err := strconv.ParseInt(head[1:], 10, 64)
	if err != nil {
		return 0, fmt.Errorf("unexpected reply to PSYNC: %q", line)
	}
	return io.CopyN(io.Discard, r, n)
}

// skipUntil reads to the end of the first mark. The mark is random: it does not begin
// with a part of itself.
func skipUntil(r *bufio.Reader, mark string) (int64, error) {
	matched := 0
	for n := int64(1); ; n++ {
		b, err := r.ReadByte()
		if err != nil {
			return 0, err
		}
		switch {
		case b == mark[matched]:
			matched++
		case b == mark[0]:
			matched = 1
		default:
			matched = 0
		}
		if matched == len(mark) {
			return n, nil
		}
	}
}

// paced reads at most perSecond bytes a second, 0 for no limit.
type paced struct {
	r         io.Reader
	perSecond int
	start     time.Time
	read      int
}

func (p *paced) Read(b []byte) (int, error) {
	if p.perSecond == 0 {
		return p.r.Read(b)
	}
	if p.start.IsZero() {
		p.start = time.Now()
	}
	due := p.start.Add(time.Duration(float64(p.read) / float64(p.perSecond) * float64(time.Second)))
	time.Sleep(time.Until(due))
	n, err := p.r.Read(b)
	p.read += n
	return n, err
}

package replication

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/vedette-ha/vedette/internal/rdb"
)

// canned is a connection to a master that says the same whatever it hears.
type canned struct {
	net.Conn // nil: what is not below is not to be called
	in       io.Reader
	out      bytes.Buffer
	closed   bool
}

func (c *canned) Read(p []byte) (int, error)       { return c.in.Read(p) }
func (c *canned) Write(p []byte) (int, error)      { return c.out.Write(p) }
func (c *canned) Close() error                     { c.closed = true; return nil }
func (c *canned) SetDeadline(time.Time) error      { return nil }
func (c *canned) SetWriteDeadline(time.Time) error { return nil }

// try runs an attempt against a canned master.
func try(t testing.TB, in io.Reader, change func(*Attempt)) (o Outcome, c *canned, log *lines, err error) {
	c, log = &canned{in: in}, &lines{}
	a := &Attempt{addr: "10.0.0.1:6379", conf: defaultConfig()}
	a.conf.Dir, a.conf.AnnouncePort = t.TempDir(), 6380
	a.opt = Options{PID: 7, Log: log.add, Dial: func(context.Context, string, string) (net.Conn, error) { return c, nil }}
	if change != nil {
		change(a)
	}
	o, err = a.Run(context.Background())
	left, _ := filepath.Glob(filepath.Join(a.conf.Dir, "*"))
	if (err != nil || o.Full == nil) && len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	if err != nil && !c.closed {
		t.Error("the connection was not closed")
	}
	return o, c, log, err
}

// lines collects a log.
type lines struct {
	mu   sync.Mutex // guards text; held for an append
	text []string
}

func (l *lines) add(_ Level, s string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text = append(l.text, s)
}

func (l *lines) has(s string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Contains(strings.Join(l.text, "\n"), s)
}

// snapshot is a small valid RDB file.
func snapshot(t testing.TB) []byte {
	var b bytes.Buffer
	w := rdb.NewWriter(&b, rdb.Options{})
	w.Header()
	w.Aux("redis-ver", "7.2.0")
	w.SelectDB(0)
	w.StringKey(rdb.Meta{ExpireAt: -1}, []byte("key"), []byte("value"))
	if err := w.End(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

const hello = "+PONG\r\n+OK\r\n+OK\r\n"

var mark = strings.Repeat("m", 40)

func sized(t testing.TB) string {
	s := snapshot(t)
	return fmt.Sprintf("%s+FULLRESYNC %s 42\r\n\n$%d\r\n%s", hello, testID(5), len(s), s)
}

func marked(t testing.TB) string {
	return fmt.Sprintf("%s\n+FULLRESYNC %s 42\r\n$EOF:%s\r\n%s%s", hello, testID(5), mark, snapshot(t), mark)
}

// A snapshot arrives whole in either framing, byte by byte or at once, and what
// follows it belongs to the stream.
func TestReceive(t *testing.T) {
	for name, text := range map[string]string{"sized": sized(t), "marked": marked(t)} {
		for pace, in := range map[string]io.Reader{
			"at once":      strings.NewReader(text + "STREAM"),
			"byte by byte": iotest.OneByteReader(strings.NewReader(text)),
		} {
			o, c, log, err := try(t, in, nil)
			if err != nil || o.Full == nil {
				t.Fatalf("%s %s: %v, %s", name, pace, err, log.text)
			}
			got, err := os.ReadFile(o.Full.Path)
			if err != nil || !bytes.Equal(got, snapshot(t)) || o.Full.Size != int64(len(got)) {
				t.Errorf("%s %s: received %q, %v", name, pace, got, err)
			}
			if o.Full.ReplID != testID(5) || o.Full.Offset != 42 {
				t.Errorf("%s %s: history %s:%d", name, pace, o.Full.ReplID, o.Full.Offset)
			}
			if b := string(o.Full.Conn.Buffered); pace == "at once" && b != "STREAM" {
				t.Errorf("%s: stream begins %q", name, b)
			}
			want := "*1 $4 PING *3 $8 REPLCONF $14 listening-port $4 6380 " +
				"*7 $8 REPLCONF $4 capa $3 eof $4 capa $6 psync2 $4 capa $9 field-ttl *3 $5 PSYNC $1 ? $2 -1"
			if said := strings.Join(strings.Fields(c.out.String()), " "); said != want {
				t.Errorf("%s %s: said %q", name, pace, said)
			}
		}
	}
}

// Cut after any byte, a full synchronization leaves nothing behind.
func TestCutAnywhere(t *testing.T) {
	for name, text := range map[string]string{"sized": sized(t), "marked": marked(t)} {
		for n := range len(text) {
			if _, _, _, err := try(t, strings.NewReader(text[:n]), nil); err == nil {
				t.Fatalf("%s: cut after %d of %d bytes without an error", name, n, len(text))
			}
		}
	}
}

// A flipped bit anywhere in the snapshot is found before anything is dropped.
func TestDamagedSnapshot(t *testing.T) {
	text := sized(t)
	begin := len(text) - len(snapshot(t))
	for i := begin; i < len(text); i++ {
		b := []byte(text)
		b[i] ^= 0x10
		_, _, log, err := try(t, bytes.NewReader(b), nil)
		if err == nil {
			t.Errorf("flip at byte %d was not found", i-begin)
		}
		if !log.has("Failed trying to load the MASTER synchronization DB from disk") {
			t.Errorf("flip at byte %d: %s", i-begin, log.text)
		}
	}
}

// A master that computes no checksum is believed, unless Verify finds fault.
func TestUncheckedSnapshot(t *testing.T) {
	s := snapshot(t)
	clear(s[len(s)-8:])
	text := fmt.Sprintf("%s+FULLRESYNC %s 42\r\n$%d\r\n%s", hello, testID(5), len(s), s)
	if _, _, log, err := try(t, strings.NewReader(text), nil); err != nil {
		t.Error(err, log.text)
	}
	_, _, log, err := try(t, strings.NewReader(text), func(a *Attempt) {
		a.opt.Verify = func(_ context.Context, path string) error {
			if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, s) {
				t.Errorf("verified %q, %v", got, err)
			}
			return errors.New("unknown type 99")
		}
	})
	if err == nil || !log.has("unknown type 99") {
		t.Error(err, log.text)
	}
}

func TestHandshake(t *testing.T) {
	id := string(testID(5))
	continued := func(a *Attempt) { a.replID, a.offset = testID(5), 41 }
	tests := []struct {
		name   string
		master string
		change func(*Attempt)
		log    string // a line that must appear
		said   string // a part of what the attempt must have said
		ok     bool
		newID  ReplID
	}{
		{name: "continue", master: hello + "+CONTINUE\r\n", change: continued, ok: true,
			said: "PSYNC $40 " + id + " $2 42", log: "Trying a partial resynchronization (request " + id + ":42)."},
		{name: "continue under another id", master: hello + "+CONTINUE " + string(testID(6)) + "\r\n",
			change: continued, ok: true, newID: testID(6)},
		{name: "continue under nonsense", master: hello + "+CONTINUE abc\r\n", change: continued, ok: true},
		{name: "newlines before the answer", master: hello + "\n\n\n+CONTINUE\r\n", change: continued, ok: true},
		{name: "PING needs authentication", master: "-NOAUTH Authentication required.\r\n+OK\r\n+OK\r\n+OK\r\n+CONTINUE\r\n",
			change: func(a *Attempt) { a.conf.MasterAuth = "pw" }, ok: true, said: "AUTH $2 pw"},
		{name: "AUTH with a user", master: "+PONG\r\n+OK\r\n+OK\r\n+OK\r\n+CONTINUE\r\n", ok: true, said: "AUTH $1 u $2 pw",
			change: func(a *Attempt) { a.conf.MasterUser, a.conf.MasterAuth = "u", "pw" }},
		{name: "wrong password", master: "+PONG\r\n-WRONGPASS x\r\n+OK\r\n+OK\r\n",
			change: func(a *Attempt) { a.conf.MasterAuth = "pw" }, log: "Unable to AUTH to MASTER: -WRONGPASS x"},
		{name: "announced address and version", master: "+PONG\r\n+OK\r\n+OK\r\n+OK\r\n+OK\r\n+CONTINUE\r\n", ok: true,
			change: func(a *Attempt) { a.conf.AnnounceIP, a.opt.Version = "10.0.0.7", "7.2.4" },
			said:   "ip-address $8 10.0.0.7"},
		{name: "REPLCONF is not understood", master: "+PONG\r\n-ERR a\r\n-ERR b\r\n+CONTINUE\r\n", ok: true,
			log: "(Non critical) Master does not understand REPLCONF capa: -ERR b"},
		{name: "error to PING", master: "-ERR no\r\n", log: "Error reply to PING from master: '-ERR no'"},
		{name: "loading", master: hello + "-LOADING x\r\n",
			log: "Master is currently unable to PSYNC but should be in the future: -LOADING x"},
		{name: "no link", master: hello + "-NOMASTERLINK x\r\n",
			log: "Master is currently unable to PSYNC but should be in the future: -NOMASTERLINK x"},
		{name: "wrong FULLRESYNC", master: hello + "+FULLRESYNC abc\r\n", log: "wrong +FULLRESYNC syntax"},
		{name: "negative offset", master: hello + "+FULLRESYNC " + id + " -5\r\n", log: "wrong +FULLRESYNC syntax"},
		{name: "aborted sync", master: hello + "+FULLRESYNC " + id + " 5\r\n-ERR disk\r\n",
			log: "MASTER aborted replication with an error: ERR disk"},
		{name: "no bulk", master: hello + "+FULLRESYNC " + id + " 5\r\nhello\r\n",
			log: "Bad protocol from MASTER, the first byte is not '$' (we received 'hello')"},
		{name: "negative length", master: hello + "+FULLRESYNC " + id + " 5\r\n$-5\r\n", log: "Full resync from master"},
		{name: "not a snapshot", master: hello + "+FULLRESYNC " + id + " 5\r\n$12\r\nHTTP/1.1 404", log: "not a snapshot"},
		{name: "endless line", master: "+" + strings.Repeat("x", 2*readSize), log: "line of more than 65536 bytes"},
		{name: "take-over refused", master: hello + "-ERR no\r\n", said: "$8 FAILOVER",
			change: func(a *Attempt) { a.failover = true; continued(a) }, log: "Trying a partial"},
		{name: "garbage", master: hello + "what?\r\n", log: "Unexpected reply to PSYNC from master: what?"},
	}
	for _, tt := range tests {
		o, c, log, err := try(t, strings.NewReader(tt.master), tt.change)
		if (err == nil) != tt.ok || tt.ok && (o.Conn == nil || o.NewID != tt.newID) {
			t.Errorf("%s: %v, new id %q", tt.name, err, o.NewID)
		}
		if !log.has(tt.log) {
			t.Errorf("%s: no line %q in %q", tt.name, tt.log, log.text)
		}
		if said := strings.Join(strings.Fields(c.out.String()), " "); !strings.Contains(said, tt.said) {
			t.Errorf("%s: said %q", tt.name, said)
		}
	}
}

// A master without PSYNC is asked with SYNC; its snapshot comes without an offset.
func TestOldMaster(t *testing.T) {
	s := snapshot(t)
	text := fmt.Sprintf("%s-ERR unknown command\r\n$%d\r\n%s", hello, len(s), s)
	o, c, log, err := try(t, strings.NewReader(text), nil)
	if err != nil || o.Full == nil || o.Full.Offset != -1 {
		t.Fatal(err, log.text)
	}
	if !strings.HasSuffix(c.out.String(), "*1\r\n$4\r\nSYNC\r\n") || !log.has("Retrying with SYNC...") {
		t.Errorf("said %q, %s", c.out.String(), log.text)
	}
}

// The end of a hand-over tells apart a refusal, silence, and a target not reached.
func TestTakeOverErrors(t *testing.T) {
	over := func(a *Attempt) { a.failover, a.replID = true, testID(5) }
	_, _, _, err := try(t, strings.NewReader(hello+"-ERR no\r\n"), over)
	if !errors.Is(err, errTakeOverRefused) {
		t.Errorf("refused: %v", err)
	}
	_, _, _, err = try(t, strings.NewReader(hello), over)
	if !errors.Is(err, errTakeOverUnknown) {
		t.Errorf("silent: %v", err)
	}
	_, _, _, err = try(t, strings.NewReader("+PONG\r\n"), over)
	if errors.Is(err, errTakeOverUnknown) || errors.Is(err, errTakeOverRefused) {
		t.Errorf("not asked: %v", err)
	}
}

// Silence ends an attempt after repl-timeout, wherever it is.
func TestSilentMaster(t *testing.T) {
	full := sized(t)
	for _, n := range []int{0, len(hello), len(hello) + 10, len(full) - 20} {
		synctest.Test(t, func(t *testing.T) {
			ours, theirs := net.Pipe()
			go io.Copy(io.Discard, theirs)
			go io.WriteString(theirs, full[:n])
			a := &Attempt{conf: defaultConfig(), opt: Options{
				Dial: func(context.Context, string, string) (net.Conn, error) { return ours, nil },
			}}
			a.conf.Dir = t.TempDir()
			start := time.Now()
			_, err := a.Run(t.Context())
			if d := time.Since(start); err == nil || d != a.conf.Timeout {
				t.Errorf("silent after %d bytes: %v after %v", n, err, d)
			}
			if left, _ := filepath.Glob(a.conf.Dir + "/*"); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
			theirs.Close()
		})
	}
}

// A cancelled attempt ends at once, wherever it is.
func TestCancelledAttempt(t *testing.T) {
	full := sized(t)
	for _, n := range []int{0, len(hello) + 10, len(full) - 20} {
		synctest.Test(t, func(t *testing.T) {
			ours, theirs := net.Pipe()
			go io.Copy(io.Discard, theirs)
			go io.WriteString(theirs, full[:n])
			a := &Attempt{conf: defaultConfig(), opt: Options{
				Dial: func(context.Context, string, string) (net.Conn, error) { return ours, nil },
			}}
			a.conf.Dir = t.TempDir()
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			start := time.Now()
			if _, err := a.Run(ctx); err == nil || time.Since(start) != time.Second {
				t.Errorf("cancelled after %d bytes: %v after %v", n, err, time.Since(start))
			}
			theirs.Close()
		})
	}
}

// A replica that loads sends its master a newline each second.
func TestKeepAlive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		var heard bytes.Buffer
		done := make(chan struct{})
		go func() { defer close(done); io.Copy(&heard, theirs) }()
		ctx, cancel := context.WithTimeout(t.Context(), 3500*time.Millisecond)
		defer cancel()
		(&MasterConn{Conn: ours}).KeepAlive(ctx)
		ours.Close()
		<-done
		if heard.String() != "\n\n\n" {
			t.Errorf("in 3.5 s the master heard %q", heard.String())
		}
	})
}

// Whatever a master says, an attempt ends with an error or with a sound outcome:
// a file whose checksum is right, or a connection to go on with. Nothing is left
// behind otherwise, and no byte after the snapshot is lost.
func FuzzHandshake(f *testing.F) {
	f.Add([]byte(sized(f) + "STREAM"))
	f.Add([]byte(marked(f) + "STREAM"))
	f.Add([]byte(hello + "+CONTINUE " + string(testID(6)) + "\r\nSTREAM"))
	f.Add([]byte(hello + "-ERR\r\n$5\r\nREDIS"))
	f.Fuzz(func(t *testing.T, in []byte) {
		o, _, _, err := try(t, bytes.NewReader(in), nil)
		switch {
		case err != nil:
			return
		case o.Full != nil:
			got, err := os.ReadFile(o.Full.Path)
			if err != nil || int64(len(got)) != o.Full.Size || !bytes.Contains(in, got) {
				t.Fatalf("received %q, %v", got, err)
			}
			if !bytes.HasSuffix(in, o.Full.Conn.Buffered) {
				t.Fatalf("stream begins %q", o.Full.Conn.Buffered)
			}
		case o.Conn == nil:
			t.Fatal("neither an error nor an outcome")
		}
	})
}

package persist

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vedette-ha/vedette/internal/listpack"
	"github.com/vedette-ha/vedette/internal/rdb"
	"github.com/vedette-ha/vedette/server/keyspace"
)

// keysOf reads a snapshot and returns "db/key" to value and expiry.
func keysOf(t *testing.T, p []byte) map[string]string {
	t.Helper()
	keys := make(map[string]string)
	r := rdb.NewReader(bytes.NewReader(p), rdb.ReaderOptions{})
	for {
		ev, err := r.Next()
		if err == io.EOF {
			return keys
		}
		if err != nil {
			t.Fatal(err)
		}
		if rec, ok := ev.(*rdb.Record); ok {
			name := fmt.Sprintf("%d/%s", rec.DB, rec.Key)
			if _, twice := keys[name]; twice {
				t.Errorf("%s comes twice", name)
			}
			keys[name] = fmt.Sprintf("%s %q %v", rec.Value.String, rec.Value.Elements, rec.Meta)
		}
	}
}

// pair is an Object: a list of two.
type pair [2]string

func (p pair) RDBType(int) rdb.Type { return rdb.TypeList }

func (p pair) WriteRDB(w *rdb.Writer) {
	w.PutLen(2)
	w.PutString([]byte(p[0]))
	w.PutString([]byte(p[1]))
}

func testHeader() Header {
	return Header{
		Aux:   []Aux{{"redis-ver", "7.2.0"}, {"repl-offset", "17"}},
		Sizes: []Size{{DB: 0, Keys: 2, Volatile: 1}, {DB: 7, Keys: 2}},
	}
}

// start runs e in a goroutine that writes to w.
func start(ctx context.Context, e *Encoder, w io.Writer) chan error {
	done := make(chan error, 1)
	go func() { done <- e.Run(ctx, w) }()
	return done
}

// All forms of records arrive, whatever the order of their databases.
func TestEncoderWritesSnapshot(t *testing.T) {
	e := NewEncoder(testHeader(), EncoderOptions{RDB: rdb.Options{Compress: true}})
	var out bytes.Buffer
	done := start(t.Context(), e, &out)
	big := bytes.Repeat([]byte("big"), 100_000)
	b := e.Batch()
	b.AddString(7, rdb.NoMeta(), []byte("a"), []byte("1"))
	b.AddString(0, rdb.Meta{ExpireAt: 99, IdleSeconds: 3, Freq: 200}, []byte("b"), nil)
	b.AddStringRef(7, rdb.NoMeta(), []byte("c"), big)
	b.AddObject(0, rdb.Meta{ExpireAt: -5, IdleSeconds: -1, Freq: -1}, []byte("d"), pair{"x", "y"}, 0)
	if b.Records() != 4 || b.Size() < len(big) || !b.Full() {
		t.Errorf("a batch of %d records and %d bytes", b.Records(), b.Size())
	}
	if err := e.Send(b); err != nil {
		t.Fatal(err)
	}
	e.Finish()
	e.Finish()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"7/a": `1 [] {-1 -1 -1}`, "0/b": ` [] {99 3 200}`,
		"7/c": string(big) + ` [] {-1 -1 -1}`, "0/d": ` ["x" "y"] {-5 -1 -1}`,
	}
	if got := keysOf(t, out.Bytes()); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%.300v\nwant %.300v", got, want)
	}
	p := &e.Progress
	if p.Keys.Load() != 4 || p.KeysTotal.Load() != 4 || p.Bytes.Load() != int64(out.Len()) {
		t.Errorf("progress %d of %d keys, %d bytes", p.Keys.Load(), p.KeysTotal.Load(), p.Bytes.Load())
	}
	if err := e.Send(e.Batch()); err == nil {
		t.Error("Send took a batch after the end")
	}
}

// A small collection is copied into the batch, without allocation, and written packed
// or, for version 10, as its members.
func TestBatchOfBlobs(t *testing.T) {
	lp := listpack.Append(listpack.Append(listpack.New(), []byte("a")), []byte("12"))
	for version, want := range map[int]rdb.Type{10: rdb.TypeSet, 11: rdb.TypeSetListpack} {
		b := &Batch{buf: make([]byte, 0, 1<<20)}
		if n := testing.AllocsPerRun(100, func() {
			b.AddBlob(0, rdb.NoMeta(), []byte("s"), keyspace.Set, keyspace.Listpack, lp)
		}); n != 0 {
			t.Errorf("%v allocations", n)
		}
		b.reset()
		b.AddBlob(3, rdb.NoMeta(), []byte("s"), keyspace.Set, keyspace.Listpack, lp)
		b.AddBlob(3, rdb.NoMeta(), []byte("h"), keyspace.Hash, keyspace.Listpack, lp)
		var out bytes.Buffer
		w := rdb.NewWriter(&out, rdb.Options{Version: version})
		w.Header()
		b.writeTo(w)
		if err := w.End(); err != nil {
			t.Fatal(err)
		}
		types := make(map[string]rdb.Type)
		for r := rdb.NewReader(&out, rdb.ReaderOptions{}); ; {
			ev, err := r.Next()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			if rec, ok := ev.(*rdb.Record); ok {
				types[fmt.Sprintf("%d/%s", rec.DB, rec.Key)] = rec.Value.Type
			}
		}
		if types["3/s"] != want || types["3/h"] != rdb.TypeHashListpack {
			t.Errorf("version %d: %v", version, types)
		}
	}
}

// stuckSink takes nothing until it is released.
type stuckSink struct {
	release chan struct{}
	out     bytes.Buffer
}

func (s *stuckSink) Write(p []byte) (int, error) {
	<-s.release
	return s.out.Write(p)
}

// sendKeys sends n batches of one string of size bytes each, named from first on.
func sendKeys(e *Encoder, first, n, size int) error {
	for i := range n {
		b := e.Batch()
		b.AddString(i%3, rdb.NoMeta(), fmt.Appendf(nil, "key%d", first+i), bytes.Repeat([]byte{byte(i), byte(first)}, size/2))
		if err := e.Send(b); err != nil {
			return err
		}
	}
	return nil
}

// A sink that stands still makes the walker hold back, and is over when writers go
// on all the same; nobody waits.
func TestStuckSinkEndsSnapshot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := NewEncoder(Header{}, EncoderOptions{Soft: 1 << 20, Hard: 2 << 20})
		sink := &stuckSink{release: make(chan struct{})}
		done := start(t.Context(), e, sink)
		if !e.Ready() {
			t.Error("not ready at the start")
		}
		if err := sendKeys(e, 0, 10, 100_000); err != nil || e.Ready() {
			t.Errorf("after a megabyte: %v, ready %v", err, e.Ready())
		}
		if err := sendKeys(e, 10, 20, 100_000); !errors.Is(err, ErrOverrun) {
			t.Errorf("after three megabytes: %v", err)
		}
		if err := e.Send(e.Batch()); !errors.Is(err, ErrOverrun) || !e.Ready() {
			t.Errorf("after the end: %v, ready %v", err, e.Ready())
		}
		close(sink.release) // as when the connection is closed
		if err := <-done; !errors.Is(err, ErrOverrun) {
			t.Errorf("Run = %v", err)
		}
	})
}

// What writers add while a sink is slow goes through a file, and all of it arrives.
func TestSlowSinkSpills(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		e := NewEncoder(testHeader(), EncoderOptions{Soft: 100_000, Hard: 400_000, SpillDir: dir})
		sink := &stuckSink{release: make(chan struct{})}
		done := start(t.Context(), e, sink)
		for i := range 30 { // 3 MB, in steps the spiller can follow
			if err := sendKeys(e, 10*i, 10, 10_000); err != nil {
				t.Fatalf("step %d: %v", i, err)
			}
			synctest.Wait()
			if waiting := e.queued.Load(); waiting > 200_000 {
				t.Errorf("%d bytes wait in memory", waiting)
			}
		}
		if names, _ := os.ReadDir(dir); len(names) != 0 {
			t.Errorf("the spill file has a name: %v", names)
		}
		e.Finish()
		close(sink.release)
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		keys := keysOf(t, sink.out.Bytes())
		for i := range 300 {
			name := fmt.Sprintf("%d/key%d", i%10%3, i)
			if len(keys[name]) == 0 {
				t.Errorf("%s is missing", name)
			}
		}
		if len(keys) != 300 || e.Progress.Keys.Load() != 300 {
			t.Errorf("%d keys, progress says %d", len(keys), e.Progress.Keys.Load())
		}
	})
}

// If the spill file cannot be had the snapshot is over.
func TestSpillFileFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := NewEncoder(Header{}, EncoderOptions{Soft: 1 << 10, SpillDir: "/nonexistent/for/vedette"})
		sink := &stuckSink{release: make(chan struct{})}
		done := start(t.Context(), e, sink)
		sendKeys(e, 0, 10, 100_000)
		synctest.Wait()
		close(sink.release)
		if err := <-done; !errors.Is(err, os.ErrNotExist) {
			t.Errorf("Run = %v", err)
		}
	})
}

// A snapshot ends with its context, with Abort, and with the sink, and Send says
// the same as Run.
func TestEncoderEnds(t *testing.T) {
	boom := errors.New("boom")
	tests := []struct {
		name string
		end  func(e *Encoder, cancel context.CancelCauseFunc)
		sink io.Writer
		want error
	}{
		{"cancelled", func(_ *Encoder, cancel context.CancelCauseFunc) { cancel(boom) }, io.Discard, boom},
		{"aborted", func(e *Encoder, _ context.CancelCauseFunc) { e.Abort(nil) }, io.Discard, ErrAborted},
		{"aborted for a reason", func(e *Encoder, _ context.CancelCauseFunc) { e.Abort(boom) }, io.Discard, boom},
		{"the sink fails", func(e *Encoder, _ context.CancelCauseFunc) { sendKeys(e, 0, 3, 100_000) }, NewFanout(nil), ErrNoSink},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancelCause(t.Context())
				defer cancel(nil)
				e := NewEncoder(testHeader(), EncoderOptions{SpillDir: t.TempDir()})
				done := start(ctx, e, tt.sink)
				synctest.Wait()
				tt.end(e, cancel)
				if err := <-done; !errors.Is(err, tt.want) {
					t.Errorf("Run = %v, want %v", err, tt.want)
				}
				if err := e.Send(e.Batch()); !errors.Is(err, tt.want) {
					t.Errorf("Send = %v, want %v", err, tt.want)
				}
			})
		})
	}
}

// slowSink takes a while for each write.
type slowSink struct{ out bytes.Buffer }

func (s *slowSink) Write(p []byte) (int, error) {
	time.Sleep(time.Millisecond)
	return s.out.Write(p)
}

// A walker that held back is told when there is room again.
func TestRoomWakesTheWalker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		room := make(chan struct{}, 1)
		e := NewEncoder(Header{}, EncoderOptions{Soft: 200_000, Room: func() { room <- struct{}{} }})
		var sink slowSink
		done := start(t.Context(), e, &sink)
		for i := range 50 {
			if !e.Ready() {
				<-room
				if !e.Ready() {
					t.Error("told of room that is not there")
				}
			}
			if err := sendKeys(e, i, 1, 50_000); err != nil {
				t.Fatal(err)
			}
		}
		e.Finish()
		if err := <-done; err != nil || len(keysOf(t, sink.out.Bytes())) != 50 {
			t.Errorf("%v, %d keys", err, len(keysOf(t, sink.out.Bytes())))
		}
	})
}

// SAVE waits for the disk and holds little in memory meanwhile.
func TestSendWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := NewEncoder(Header{}, EncoderOptions{Soft: 200_000})
		var sink slowSink
		done := start(t.Context(), e, &sink)
		for i := range 50 {
			b := e.Batch()
			b.AddString(0, rdb.NoMeta(), fmt.Appendf(nil, "k%d", i), []byte(strings.Repeat("v", 50_000)))
			if err := e.SendWait(b); err != nil {
				t.Fatal(err)
			}
			if waiting := e.queued.Load(); waiting > 200_000 {
				t.Errorf("%d bytes wait", waiting)
			}
		}
		e.Finish()
		if err := <-done; err != nil || len(keysOf(t, sink.out.Bytes())) != 50 {
			t.Errorf("%v, %d keys", err, len(keysOf(t, sink.out.Bytes())))
		}
	})
}

// failAfter fails from the n-th write on.
type failAfter struct{ n int }

func (f *failAfter) Write(p []byte) (int, error) {
	if f.n--; f.n < 0 {
		return 0, errors.New("gone")
	}
	return len(p), nil
}

// One sink that fails is left out; the other gets everything.
func TestFanout(t *testing.T) {
	var out bytes.Buffer
	var failed []string
	f := NewFanout(func(i int, err error) { failed = append(failed, fmt.Sprint(i, err)) },
		&failAfter{n: 2}, &out, &failAfter{n: 0})
	for range 4 {
		if n, err := f.Write([]byte("abc")); n != 3 || err != nil {
			t.Errorf("%d, %v", n, err)
		}
	}
	if out.String() != "abcabcabcabc" || fmt.Sprint(failed) != "[2 gone 0 gone]" {
		t.Errorf("%q, failed %v", out.String(), failed)
	}
	none := NewFanout(nil, &failAfter{})
	if _, err := none.Write([]byte("abc")); !errors.Is(err, ErrNoSink) {
		t.Errorf("%v", err)
	}
}

func BenchmarkEncoder(b *testing.B) {
	e := NewEncoder(Header{}, EncoderOptions{RDB: rdb.Options{Compress: true}})
	done := start(b.Context(), e, io.Discard)
	key, value := []byte("key:000000000012"), []byte("00001ef7-value-of-some-32-000001")
	batch := e.Batch()
	b.ReportAllocs()
	for b.Loop() {
		batch.AddString(0, rdb.NoMeta(), key, value)
		if batch.Full() {
			e.SendWait(batch)
			batch = e.Batch()
		}
	}
	e.Finish()
	<-done
}

package replication

import (
	"bytes"
	"fmt"
	"testing"

	"pgregory.net/rapid"
)

// seqIDs draws the ids "000…1", "000…2", … so that tests can name them.
func seqIDs() func() ReplID {
	n := 0
	return func() ReplID { n++; return testID(n) }
}

func testID(n int) ReplID { return ReplID(fmt.Sprintf("%040d", n)) }

// A stream behaves as one endless byte slice of which cursors see every byte in
// order, and keeps what it promises: the backlog and whatever a cursor still needs.
func TestStreamAgainstTwin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.Int64Range(1, 3*blockSize).Draw(t, "size")
		s := NewStream(size, seqIDs())
		s.Activate()
		var twin []byte // every byte ever appended
		type reader struct {
			c   *Cursor
			pos int
		}
		var readers []*reader
		t.Repeat(map[string]func(*rapid.T){
			"append": func(t *rapid.T) {
				n := rapid.IntRange(0, 2*blockSize+10).Draw(t, "n")
				p := bytes.Repeat([]byte{byte(len(twin)), byte(n), 7}, n/3+1)[:n]
				s.Append(p)
				twin = append(twin, p...)
			},
			"open": func(t *rapid.T) {
				pos := rapid.IntRange(0, len(twin)+1).Draw(t, "pos")
				c, ok := s.Open(Offset(pos))
				if want := Offset(pos) >= s.Start() && pos <= len(twin); ok != want {
					t.Fatalf("Open(%d) = %v with history %d to %d", pos, ok, s.Start(), len(twin))
				}
				if ok {
					readers = append(readers, &reader{c, pos})
				}
			},
			"read": func(t *rapid.T) {
				if len(readers) == 0 {
					return
				}
				r := rapid.SampledFrom(readers).Draw(t, "reader")
				p := r.c.Next()
				if !bytes.Equal(p, twin[r.pos:r.pos+len(p)]) {
					t.Fatalf("cursor at %d reads other bytes than were appended", r.pos)
				}
				if len(p) == 0 && r.pos != len(twin) {
					t.Fatalf("cursor at %d of %d reads nothing", r.pos, len(twin))
				}
				n := rapid.IntRange(0, len(p)).Draw(t, "n")
				r.c.Advance(n)
				r.pos += n
			},
			"close": func(t *rapid.T) {
				if len(readers) == 0 {
					return
				}
				i := rapid.IntRange(0, len(readers)-1).Draw(t, "i")
				readers[i].c.Close()
				readers = append(readers[:i], readers[i+1:]...)
			},
			"resize": func(t *rapid.T) {
				size = rapid.Int64Range(1, 3*blockSize).Draw(t, "size")
				s.Resize(size)
			},
			"": func(t *rapid.T) {
				if s.Offset() != Offset(len(twin)) {
					t.Fatalf("offset %d, want %d", s.Offset(), len(twin))
				}
				oldest := len(twin)
				for _, r := range readers {
					if r.c.Pos() != Offset(r.pos) || r.c.Lag() != int64(len(twin)-r.pos) {
						t.Fatalf("cursor at %d with lag %d, want %d", r.c.Pos(), r.c.Lag(), r.pos)
					}
					oldest = min(oldest, r.pos)
				}
				if s.Start() > Offset(oldest) {
					t.Fatalf("history from %d, a cursor is at %d", s.Start(), oldest)
				}
				most := max(int64(len(twin)-oldest), size) + (2+spareBlocks)*blockSize
				if s.Memory() > most {
					t.Fatalf("%d bytes held, at most %d needed", s.Memory(), most)
				}
			},
		})
	})
}

// The newest repl-backlog-size bytes stay available once they have been written.
func TestBacklogKeepsItsSize(t *testing.T) {
	const size = 5 * blockSize / 2
	s := NewStream(size, seqIDs())
	s.Activate()
	p := make([]byte, 1000)
	for s.Offset() < 20*blockSize {
		s.Append(p)
		if have := int64(s.Offset() - s.Start()); have < min(size, int64(s.Offset())) {
			t.Fatalf("at %d only %d bytes of history", s.Offset(), have)
		}
	}
}

func TestInactiveStreamStandsStill(t *testing.T) {
	s := NewStream(1024, seqIDs())
	s.Append([]byte("x"))
	s.AppendEffect(0, []byte("x"))
	if s.Offset() != 0 || s.Active() {
		t.Fatalf("offset %d of an inactive stream", s.Offset())
	}
	if _, ok := s.Open(0); ok {
		t.Fatal("cursor opened on an inactive stream")
	}
}

// An effect is preceded by a SELECT exactly when the stream is in another database.
func TestEffectsSelectTheirDatabase(t *testing.T) {
	s := NewStream(1024, seqIDs())
	s.Activate()
	c, _ := s.Open(0)
	s.AppendEffect(3, []byte("A"))
	s.AppendEffect(3, []byte("B"))
	s.appendFraming(pingFrame)
	s.AppendEffect(0, []byte("C"))
	s.SetDB(-1)
	s.AppendEffect(0, []byte("D"))
	const sel = "*2\r\n$6\r\nSELECT\r\n$1\r\n"
	want := sel + "3\r\nAB" + pingFrame + sel + "0\r\nC" + sel + "0\r\nD"
	if got := string(c.Next()); got != want {
		t.Errorf("stream %q, want %q", got, want)
	}
}

// quietFrom is behind the last byte that carries a write.
func TestQuietFrom(t *testing.T) {
	s := NewStream(1024, seqIDs())
	s.Activate()
	s.Append([]byte("write"))
	s.appendFraming(getAckFrame)
	s.appendFraming(pingFrame)
	if s.quietFrom() != 5 {
		t.Errorf("quiet from %d, want 5", s.quietFrom())
	}
	s.Append([]byte("x"))
	if s.quietFrom() != s.Offset() {
		t.Errorf("quiet from %d, want %d", s.quietFrom(), s.Offset())
	}
}

// A promotion keeps the history under a second id, which ends where it began.
func TestShift(t *testing.T) {
	s := NewStream(1024, seqIDs())
	s.Activate()
	s.Append([]byte("0123456789"))
	s.Shift()
	if s.ID() != testID(2) || s.ID2() != testID(1) || s.secondOffset() != 11 {
		t.Fatalf("ids %s, %s up to %d", s.ID(), s.ID2(), s.secondOffset())
	}
	s.Append([]byte("more"))
	if s.secondOffset() != 11 {
		t.Fatalf("the second id moved to %d", s.secondOffset())
	}
}

func BenchmarkAppendAndRead(b *testing.B) {
	s := NewStream(1<<20, NewReplID)
	s.Activate()
	c, _ := s.Open(0)
	p := make([]byte, 130)
	b.ReportAllocs()
	b.SetBytes(int64(len(p)))
	for b.Loop() {
		s.Append(p)
		c.Advance(len(c.Next()))
	}
}

package codec

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/vedette-ha/vedette/internal/rdb"
	"github.com/vedette-ha/vedette/server/keyspace"
	"github.com/vedette-ha/vedette/server/keyspace/stream"
)

// sampleStream has several nodes, compressed ones among them, and groups.
func sampleStream(t testing.TB, entries int) *stream.Stream {
	var p stream.Packer
	s := stream.New()
	for i := range uint64(entries) {
		pairs := [][]byte{[]byte("field"), fmt.Appendf(nil, "value %d", i)}
		if i%7 == 0 {
			pairs = append(pairs, []byte("other"), nil)
		}
		if err := s.Add(&p, stream.Limits{NodeEntries: 100}, stream.ID{MS: 1 + i/3, Seq: i}, pairs); err != nil {
			t.Fatal(err)
		}
	}
	s.Delete(&p, []stream.ID{{MS: 1, Seq: 1}, {MS: 2, Seq: 4}})
	g := s.CreateGroup([]byte("g"), stream.ID{MS: 3}, 6)
	alice, bob := g.CreateConsumer([]byte("alice"), 1000), g.CreateConsumer([]byte("bob"), 2000)
	g.Deliver(stream.ID{MS: 1}, alice, 1111, 1)
	g.Deliver(stream.ID{MS: 1, Seq: 2}, bob, 2222, 7)
	bob.ActiveAt = 1500
	s.CreateGroup([]byte("empty"), stream.ID{}, stream.ReadUnknown)
	return s
}

func streamPayload(t testing.TB, s *stream.Stream, version int) []byte {
	var body bytes.Buffer
	w := rdb.NewWriter(&body, rdb.Options{Version: version, Compress: true})
	v := keyspace.Value{Kind: keyspace.Stream, Encoding: keyspace.StreamTree, Object: s}
	Write(w, v)
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	return rdb.AppendDumpRaw(nil, Type(v, version), body.Bytes(), version)
}

func streamOf(payload []byte) (*stream.Stream, error) {
	in, err := rdb.ParseDump(payload)
	if err != nil {
		return nil, err
	}
	v, err := Read(&in, &Limits{})
	if err != nil {
		return nil, err
	}
	return v.Object.(*stream.Stream), nil
}

// What is written and read is the same, in the newest format with all of it.
func TestStreamComesBack(t *testing.T) {
	for _, entries := range []int{0, 5, 60, 500} {
		s := sampleStream(t, entries)
		payload := streamPayload(t, s, rdb.VersionNewest)
		back, err := streamOf(payload)
		if err != nil {
			t.Fatalf("%d entries: %v", entries, err)
		}
		if again := streamPayload(t, back, rdb.VersionNewest); !bytes.Equal(again, payload) {
			t.Errorf("%d entries: written again it is\n%q, not\n%q", entries, again, payload)
		}
	}
}

// Redis 7.0 does not know when a consumer was active: then that is when it was seen.
func TestStreamForRedis70(t *testing.T) {
	payload := streamPayload(t, sampleStream(t, 20), 10)
	if payload[0] != byte(rdb.TypeStreamListpacks2) {
		t.Fatalf("type %d", payload[0])
	}
	s, err := streamOf(payload)
	if err != nil {
		t.Fatal(err)
	}
	if bob := s.Group([]byte("g")).Consumer([]byte("bob")); bob.SeenAt != 2000 || bob.ActiveAt != 2000 {
		t.Errorf("seen at %d, active at %d", bob.SeenAt, bob.ActiveAt)
	}
}

// The format of Redis 5 and 6 does not count: what can be told from the ends is.
func TestStreamOfRedis6(t *testing.T) {
	node := "\x10" + "\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x01" +
		"\x1c\x1c\x00\x00\x00\x0a\x00\x01\x01\x00\x01\x01\x01\x81a\x02\x00\x01\x02\x01\x00\x01\x00\x01\x05\x01\x04\x01\xff"
	body := "\x01" + node + "\x01" + "\x01\x01" + "\x02" +
		"\x01g" + "\x01\x01" + "\x00\x00" +
		"\x01h" + "\x00\x00" + "\x00\x00"
	s, err := streamOf(rdb.AppendDumpRaw(nil, rdb.TypeStreamListpacks, []byte(body), 9))
	if err != nil {
		t.Fatal(err)
	}
	id := stream.ID{MS: 1, Seq: 1}
	if want := (stream.Head{Length: 1, LastID: id, FirstID: id, Added: 1}); s.Head() != want {
		t.Errorf("head %+v", s.Head())
	}
	if g, h := s.Groups()[0].EntriesRead, s.Groups()[1].EntriesRead; g != 1 || h != 0 {
		t.Errorf("read %d and %d entries", g, h)
	}
}

// Whatever is taken from outside can be worked with, is written so that it is taken
// again, and then is the same.
func FuzzStream(f *testing.F) {
	for _, n := range []int{0, 3, 40} {
		for _, version := range []int{10, rdb.VersionNewest} {
			p := streamPayload(f, sampleStream(f, n), version)
			f.Add(p[0], p[1:len(p)-10])
		}
	}
	f.Fuzz(func(t *testing.T, typ byte, body []byte) {
		if rdb.Type(typ) != rdb.TypeStreamListpacks {
			typ = byte(rdb.StreamType(10 + int(typ)%2))
		}
		s, err := streamOf(rdb.AppendDumpRaw(nil, rdb.Type(typ), body, rdb.Version))
		if err != nil {
			return
		}
		first := streamPayload(t, s, rdb.VersionNewest)
		back, err := streamOf(first)
		if err != nil {
			t.Fatal(err)
		}
		if second := streamPayload(t, back, rdb.VersionNewest); !bytes.Equal(first, second) {
			t.Fatalf("%q\n%q", first, second)
		}
		workWith(t, s)
	})
}

// workWith does everything to a stream that clients can.
func workWith(t *testing.T, s *stream.Stream) {
	var p stream.Packer
	frozen := s.Freeze().(*stream.Stream)
	var ids []stream.ID
	for it := s.Range(&p, stream.ID{}, stream.MaxID); it.Next(); {
		ids = append(ids, it.ID())
		for range it.Pairs() {
			it.Pair()
		}
	}
	n := 0
	for it := s.RevRange(&p, stream.ID{}, stream.MaxID); it.Next(); n++ {
	}
	if n != len(ids) || s.Len() != n {
		t.Fatalf("%d entries forward, %d backward, %d said", len(ids), n, s.Len())
	}
	s.RadixNodes()
	s.MemoryUsage(0)
	for _, g := range s.Groups() {
		g := s.EditGroup(g.Name())
		s.Lag(g)
		for id, _, more := g.NextPending(stream.ID{}); more; id, _, more = g.NextPending(id) {
			g.Ack(id)
		}
		for c := range g.Consumers() {
			if c.PendingCount() != 0 {
				t.Fatalf("%q has %d entries that its group has not", c.Name(), c.PendingCount())
			}
		}
	}
	if next, ok := s.LastID().Next(); ok {
		if err := s.Add(&p, stream.Limits{NodeEntries: 100}, next, [][]byte{[]byte("a"), []byte("b")}); err != nil {
			t.Fatal(err)
		}
	}
	s.Delete(&p, ids[:len(ids)/2])
	s.Trim(&p, stream.Trim{MaxLen: 1})
	s.Trim(&p, stream.Trim{ByID: true, MinID: stream.MaxID})
	if frozen.Len() != n {
		t.Fatalf("%d entries were frozen, there are %d", n, frozen.Len())
	}
}

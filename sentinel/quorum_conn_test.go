package sentinel

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/vedette-ha/vedette/internal/client"
	"github.com/vedette-ha/vedette/internal/resp"
)

// A Raft stream needs the cluster's key, its id, and the right server at the other
// end; everybody else is refused.
func TestStreamIsForMembers(t *testing.T) {
	simulate(t, 3, 2, func(t *testing.T, b *bench) {
		b.formThree()
		meta := b.nodes[0].q.readMeta()
		to := b.nodes[1].q.readMeta().serverID()
		for _, c := range []struct {
			name string
			edit func(i *introduction, key *[]byte)
			want string // "" is success
		}{
			{"member", func(*introduction, *[]byte) {}, ""},
			{"another cluster", func(i *introduction, _ *[]byte) { i.cluster = "x" }, errStranger.Error()},
			{"another server", func(i *introduction, _ *[]byte) { i.to = i.from }, errStranger.Error()},
			{"another key", func(_ *introduction, k *[]byte) { *k = []byte("guess") }, errWrongProof.Error()},
		} {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			conn, err := client.Dial(ctx, "tcp", b.nodes[1].addr(), client.Options{Dial: b.nodes[0].host.Dial})
			check(t, err)
			i := introduction{cluster: meta.Cluster, from: meta.serverID(), to: to, dialer: "n"}
			key := meta.Key
			c.edit(&i, &key)
			err = proveDialer(ctx, conn, i, key)
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("%s: %v, want %q", c.name, err, c.want)
			}
			cancel()
			conn.Close()
		}
	})
}

// Somebody who knows the ids but not the key does not get a stream, and cannot
// propose.
func TestAcceptorChecksProof(t *testing.T) {
	simulate(t, 3, 2, func(t *testing.T, b *bench) {
		b.formThree()
		meta, leader := b.nodes[0].q.readMeta(), b.leader()
		conn, err := leader.host.Dial(t.Context(), "tcp", leader.addr())
		check(t, err)
		defer conn.Close()
		_, err = conn.Write(resp.AppendCommandString(nil, "SENTINEL", "RAFT", "CONNECT",
			meta.Cluster, meta.serverID(), leader.q.readMeta().serverID(), "nonce"))
		check(t, err)
		r := resp.NewReader(conn, resp.DefaultReaderLimits())
		if v, err := r.Read(); err != nil || len(v.Array) != 2 {
			t.Fatalf("%+v, %v", v, err)
		}
		_, err = io.WriteString(conn, strings.Repeat("0", 64)+"\r\n")
		check(t, err)
		if v, err := r.Read(); err != nil || !strings.Contains(v.Text(), errWrongProof.Error()) {
			t.Errorf("a wrong proof: %+v, %v", v, err)
		}
		var w resp.Writer
		leader.q.HandleCommand(t.Context(), words("PROPOSE", meta.Cluster, leader.q.readMeta().serverID(), "", "{}", "0"), &w)
		if !strings.Contains(string(w.Buf), errWrongProof.Error()) {
			t.Errorf("PROPOSE without the key: %q", w.Buf)
		}
	})
}

func words(ss ...string) [][]byte {
	var bs [][]byte
	for _, s := range ss {
		bs = append(bs, []byte(s))
	}
	return bs
}

// What a peer may send before it gets an answer is bounded, whatever it claims.
func TestStreamReadsAreBounded(t *testing.T) {
	near, far := net.Pipe()
	defer far.Close()
	s := newPeerStream(nil)
	defer s.Close()
	c, err := s.own(near)
	check(t, err)
	c.left = 10
	go func() { _, _ = far.Write(make([]byte, 100)) }()
	n, err := io.ReadFull(c, make([]byte, 50))
	if n != 10 || !errors.Is(err, errRPCTooBig) {
		t.Errorf("read %d bytes, %v", n, err)
	}
}

// Nothing a peer says in SENTINEL RAFT may panic; a greeting that is accepted reads
// back as itself.
func FuzzPeerCommands(f *testing.F) {
	g, err := json.Marshal(greeting{Version: 1, ID: idA, Server: idA + "-x", Addr: "h:1", Reach: []string{idB}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add("HELLO", g)
	f.Add("JOIN", []byte(`{"cluster":"c","key":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=","need":1,"founder":"`+idA+`","server":"x"}`))
	f.Add("CONNECT", []byte("x"))
	q, err := newQuorum(quorumConfig{
		MyID: idB, Stores: NewMemoryDisk().open(), Initial: fileState("m", 2, 0),
		Announce: func() string { return "h:2" }, Options: func() client.Options { return client.Options{} },
	})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, sub string, body []byte) {
		var w resp.Writer
		q.HandleCommand(t.Context(), [][]byte{[]byte(sub), body}, &w)
		if len(w.Buf) == 0 {
			t.Error("no answer")
		}
		g, err := decodeGreeting(body)
		if err != nil {
			return
		}
		again, err := json.Marshal(g)
		if err != nil {
			t.Fatal(err)
		}
		if len(again) > greetingMaxBytes {
			return // escapes take more room than what they stand for
		}
		back, err := decodeGreeting(again)
		if err != nil {
			t.Fatal(err)
		}
		if twice, err := json.Marshal(back); err != nil || string(twice) != string(again) {
			t.Errorf("%s\nread back as %s, %v", again, twice, err)
		}
	})
}

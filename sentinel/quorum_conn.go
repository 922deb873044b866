package sentinel

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/vedette-ha/vedette/internal/client"
	"github.com/vedette-ha/vedette/internal/resp"
)

// The Raft stream starts as a RESP connection:
//
//	SENTINEL RAFT CONNECT <cluster> <from> <to> <nonce>   from and to are server ids
//	:*2 <nonce> <proof>                                    the accepting side's
//	<proof>\r\n                                            the dialling side's, a bare line
//
// and then carries Raft. A proof is an HMAC, under the cluster's key, of everything
// said so far and the role of whoever proves, so neither can be replayed or
// reflected. Nobody who does not belong to the cluster gets through, and a server
// that has another address now is not taken for the one that was there.

// connectTimeout bounds the accepting side's half of the exchange.
const connectTimeout = 2 * time.Second

const nonceBytes = 16

var (
	errStranger   = errors.New("not a member of this sentinel's cluster")
	errWrongProof = errors.New("the cluster's key is not proven")
)

// introduction is what both sides of a connection have said.
type introduction struct {
	cluster, from, to string
	dialer, acceptor  string // nonces
}

// prove is the proof of one side under the cluster's key.
func (i introduction) prove(key []byte, role string) string {
	mac := hmac.New(sha256.New, key)
	for _, s := range []string{"vedette raft 1", role, i.cluster, i.from, i.to, i.dialer, i.acceptor} {
		fmt.Fprintf(mac, "%d:%s,", len(s), s)
	}
	return hex.EncodeToString(mac.Sum(nil))
}

func sameProof(a, b string) bool { return hmac.Equal([]byte(a), []byte(b)) }

// connect opens a Raft stream to the server "id@host:port".
func (q *quorum) connect(ctx context.Context, to string) (net.Conn, error) {
	server, addr := splitTarget(to)
	meta := q.readMeta()
	intro := introduction{cluster: meta.Cluster, from: meta.serverID(), to: server, dialer: q.nonce()}
	conn, err := client.Dial(ctx, "tcp", addr, q.cfg.Options())
	if err != nil {
		return nil, err
	}
	if err := proveDialer(ctx, conn, intro, meta.Key); err != nil {
		conn.Close()
		return nil, fmt.Errorf("raft stream to %s: %w", addr, err)
	}
	return conn.NetConn(), conn.NetConn().SetDeadline(time.Time{})
}

func proveDialer(ctx context.Context, conn *client.Conn, intro introduction, key []byte) error {
	v, err := conn.Do(ctx, "SENTINEL", "RAFT", subConnect, intro.cluster, intro.from, intro.to, intro.dialer)
	if err != nil {
		return err
	}
	if len(v.Array) != 2 {
		return errWrongProof
	}
	intro.acceptor = v.Array[0].Text()
	if !sameProof(v.Array[1].Text(), intro.prove(key, "acceptor")) {
		return errWrongProof
	}
	deadline, _ := ctx.Deadline()
	if err := conn.NetConn().SetWriteDeadline(deadline); err != nil {
		return err
	}
	_, err = io.WriteString(conn.NetConn(), intro.prove(key, "dialer")+"\r\n")
	return err
}

// HandleConn serves SENTINEL RAFT CONNECT: args starts with CONNECT, buffered is
// what the peer sent behind it. It answers, checks the peer's proof and gives the
// connection to Raft, which closes it. The caller has flushed its own output and
// does not use the connection any more, whatever HandleConn returns.
func (q *quorum) HandleConn(conn net.Conn, args [][]byte, buffered []byte) error {
	q.mu.Lock()
	meta, node := q.meta, q.node
	q.mu.Unlock()
	stream, err := q.accept(conn, args, bytes.NewReader(bytes.Clone(buffered)), meta)
	if err == nil && node == nil {
		err = errStranger
	}
	if err != nil {
		var w resp.Writer
		w.Error("ERR " + err.Error())
		_ = conn.SetWriteDeadline(time.Now().Add(time.Second))
		_, _ = conn.Write(w.Buf) // the peer may be gone; so is the connection then
		conn.Close()
		return err
	}
	return node.stream.deliver(stream)
}

// accept does the accepting side's half and returns the stream behind it.
func (q *quorum) accept(conn net.Conn, args [][]byte, buffered *bytes.Reader, meta *storeMeta) (net.Conn, error) {
	if len(args) != 5 {
		return nil, errors.New("wrong number of arguments for 'sentinel|raft|connect' command")
	}
	intro := introduction{
		cluster: string(args[1]), from: string(args[2]), to: string(args[3]),
		dialer: string(args[4]), acceptor: q.nonce(),
	}
	if meta.Cluster == "" || intro.cluster != meta.Cluster || intro.to != meta.serverID() {
		return nil, errStranger
	}
	if err := conn.SetDeadline(time.Now().Add(connectTimeout)); err != nil {
		return nil, err
	}
	var w resp.Writer
	w.Array(2)
	w.BulkString(intro.acceptor)
	w.BulkString(intro.prove(meta.Key, "acceptor"))
	if _, err := conn.Write(w.Buf); err != nil {
		return nil, err
	}
	stream := prefixedConn{conn, io.MultiReader(buffered, conn)}
	want := intro.prove(meta.Key, "dialer")
	got := make([]byte, len(want)+2)
	if _, err := io.ReadFull(stream, got); err != nil {
		return nil, err
	}
	if !sameProof(string(got), want+"\r\n") {
		return nil, errWrongProof
	}
	return stream, conn.SetDeadline(time.Time{})
}

// prefixedConn reads what was buffered before the connection itself.
type prefixedConn struct {
	net.Conn
	r io.Reader
}

func (c prefixedConn) Read(b []byte) (int, error) { return c.r.Read(b) }

// nonce is fresh random text.
func (q *quorum) nonce() string { return q.random(nonceBytes) }

// random is n random bytes in hex.
func (q *quorum) random(n int) string {
	b := make([]byte, n)
	if _, err := io.ReadFull(q.cfg.Random, b); err != nil {
		panic("sentinel: no random numbers: " + err.Error())
	}
	return hex.EncodeToString(b)
}

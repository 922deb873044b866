package replication

import (
	"net"
	"strconv"
	"time"
)

// ReplicaState is how far a replica's synchronization has come.
type ReplicaState int

const (
	WaitStart ReplicaState = iota // waits for a snapshot to begin
	WaitEnd                       // a snapshot for it is being made (or streamed)
	SendBulk                      // the finished file is being sent
	Online                        // gets the stream
)

// String is the state as INFO shows it.
func (s ReplicaState) String() string {
	switch s {
	case WaitStart, WaitEnd:
		return "wait_bgsave"
	case SendBulk:
		return "send_bulk"
	}
	return "online"
}

// Replica is one replica of ours. Whatever phase it is in, its session writes what
// Next returns, and tells with Advance how much of it went out.
type Replica struct {
	// Owner is the session the replica was registered with.
	Owner any

	peer  Peer
	host  string // address the connection comes from, without port
	old   bool   // came with SYNC: knows no offsets and sends no ACK
	state ReplicaState
	since time.Time // entered WaitStart

	pre       []byte          // lines that go out before anything else
	transfer  *transferReader // the snapshot; nil before and after
	sync      *Sync           // the full synchronization it is part of; nil when done
	cursor    *Cursor         // its place in the stream; nil until a snapshot starts
	streaming bool            // bytes of the stream may follow
	wantAck   bool            // after an unsized transfer: stream only when it has acknowledged

	moved     bool      // wrote something since the last tick
	movedAt   time.Time // the tick that saw it last
	ackOffset Offset
	aofOffset Offset // REPLCONF ACK … FACK: what it has in its append-only file
	ackAt     time.Time
	softSince time.Time // continuously above the soft output limit; zero: not
}

// Name is how logs call it; Addr the address and port INFO and FAILOVER know it by.
func (r *Replica) Name() string { return r.peer.name(r.host) }
func (r *Replica) Addr() (ip string, port int) {
	if r.peer.IP != "" {
		return r.peer.IP, r.peer.Port
	}
	return r.host, r.peer.Port
}

// State is how far its synchronization has come.
func (r *Replica) State() ReplicaState { return r.state }

// AckOffset is the newest offset it has acknowledged.
func (r *Replica) AckOffset() Offset { return r.ackOffset }

// Next returns the bytes to write to the replica now; none when there are none yet.
// They are valid until the next call into the Node.
func (r *Replica) Next() []byte {
	switch {
	case len(r.pre) > 0:
		return r.pre
	case r.transfer != nil:
		return r.transfer.next()
	case r.streaming:
		return r.cursor.Next()
	}
	return nil
}

// Advance tells that the first n bytes of what Next returned were written.
func (r *Replica) Advance(n int) {
	if n > 0 {
		r.moved = true
	}
	switch {
	case len(r.pre) > 0:
		r.pre = r.pre[n:]
	case r.transfer != nil:
		r.transfer.advance(n)
	default:
		r.cursor.Advance(n)
	}
}

// Pending is how many bytes of the stream wait for the replica: what counts against
// client-output-buffer-limit and shows as its output buffer.
func (r *Replica) Pending() int64 {
	if r.cursor == nil {
		return int64(len(r.pre))
	}
	return int64(len(r.pre)) + r.cursor.Lag()
}

// is reports whether the replica is known as host:port.
func (r *Replica) is(host string, port int) bool {
	ip, p := r.Addr()
	return ip == host && p == port
}

// release gives back what the replica holds in other structures.
func (r *Replica) release() {
	if r.transfer != nil {
		r.transfer.detach()
		r.transfer = nil
	}
	if r.cursor != nil {
		r.cursor.Close()
		r.cursor = nil
	}
	r.streaming = false
}

// lag is how long ago it acknowledged anything.
func (r *Replica) lag(now time.Time) time.Duration { return now.Sub(r.ackAt) }

// Lag is how long before now the replica last acknowledged anything.
func (r *Replica) Lag(now time.Time) time.Duration { return r.lag(now) }

// hostOf is the address part of host:port, as sessions know their peers.
func hostOf(addr string) string {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return addr
	}
	return host
}

func addrOf(host string, port int) string { return net.JoinHostPort(host, strconv.Itoa(port)) }

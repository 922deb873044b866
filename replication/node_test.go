package replication

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

// world is a Node with everything around it faked: the clock moves when told to, a
// snapshot is whatever the test writes, actions pile up as text.
type world struct {
	*Node
	t     *testing.T
	now   time.Time
	busy  bool
	fail  error
	syncs []*Sync
	log   []string
}

func newWorld(t *testing.T, change func(*Config)) *world {
	w := &world{t: t, now: time.Unix(1_700_000_000, 0)}
	conf := defaultConfig()
	if change != nil {
		change(&conf)
	}
	w.Node = NewNode(conf, Options{
		Source: w,
		NewID:  seqIDs(),
		Log:    func(_ Level, s string) { w.log = append(w.log, s) },
	})
	return w
}

func (w *world) SyncBusy() bool { return w.busy }
func (w *world) StartSync(s *Sync) error {
	if w.fail == nil {
		w.syncs = append(w.syncs, s)
	}
	return w.fail
}

// pass lets d go by, with a tick every 100 ms.
func (w *world) pass(d time.Duration) {
	for end := w.now.Add(d); w.now.Before(end); {
		w.now = w.now.Add(100 * time.Millisecond)
		w.Tick(w.now)
	}
}

// actions are what was decided since the last call.
func (w *world) actions() string {
	var out []string
	for _, a := range w.Take() {
		s := strings.TrimPrefix(fmt.Sprintf("%T", a), "replication.")
		switch a := a.(type) {
		case CloseReplica:
			s += " " + a.Replica.Name()
		case SendAck:
			s += " " + strings.Join(strings.Fields(strings.ReplaceAll(string(a.Bytes), "\r\n", " ")), " ")
		case Connect:
			s += " " + a.Attempt.addr
		case RoleChanged:
			s += fmt.Sprintf(" %v", a.Master)
		}
		out = append(out, s)
	}
	return strings.Join(out, "; ")
}

func (w *world) wantActions(want string) {
	w.t.Helper()
	if got := w.actions(); got != want {
		w.t.Errorf("decided %q, want %q", got, want)
	}
}

func (w *world) wantLog(want string) {
	w.t.Helper()
	for _, s := range w.log {
		if strings.Contains(s, want) {
			return
		}
	}
	w.t.Errorf("no line %q in\n%s", want, strings.Join(w.log, "\n"))
}

// replica registers a replica that asks with line.
func (w *world) replica(port int, line string, p Peer) *Replica {
	w.t.Helper()
	p.Port = port
	r, err := w.Sync(Caller{Addr: "10.0.0.2:40000"}, p, words(line), w.now)
	if err != nil {
		w.t.Fatalf("%s: %v", line, err)
	}
	w.Turn(w.now)
	return r
}

var modern = Peer{EOF: true, PSYNC2: true}

// drain is everything a replica's session would write now.
func drain(r *Replica) string {
	var b strings.Builder
	for {
		p := r.Next()
		if len(p) == 0 {
			return b.String()
		}
		b.Write(p)
		r.Advance(len(p))
	}
}

// ackAll acknowledges as r's session hears it.
func (w *world) ackTo(r *Replica, at Offset) {
	_, _ = w.Replconf(r, &Peer{}, words(fmt.Sprintf("ACK %d", at)), w.now)
}

// online brings a replica through a diskless synchronization.
func (w *world) online(port int) *Replica {
	w.t.Helper()
	r := w.replica(port, "PSYNC ? -1", modern)
	for r.State() == WaitStart {
		w.pass(100 * time.Millisecond)
	}
	w.syncs[len(w.syncs)-1].Transfer.Finish(nil)
	drain(r)
	w.Turn(w.now)
	w.ackTo(r, w.stream.Offset())
	if r.State() != Online || !r.streaming {
		w.t.Fatalf("replica is %v", r.State())
	}
	return r
}

// The stream goes on exactly where the snapshot was taken, after the replica has
// acknowledged the end of an unsized transfer.
func TestDisklessSync(t *testing.T) {
	w := newWorld(t, nil)
	r := w.replica(6380, "PSYNC ? -1", modern)
	w.wantLog("Replica 10.0.0.2:6380 asks for synchronization")
	w.wantLog("Full resync requested by replica 10.0.0.2:6380")
	w.wantLog("Delay next BGSAVE for diskless SYNC")
	w.pass(4 * time.Second)
	if len(w.syncs) != 0 {
		t.Fatal("the snapshot did not wait for repl-diskless-sync-delay")
	}
	w.stream.AppendEffect(0, []byte("before"))
	w.pass(2 * time.Second)
	if len(w.syncs) != 1 {
		t.Fatal("no snapshot after repl-diskless-sync-delay")
	}
	s := w.syncs[0]
	w.stream.AppendEffect(0, []byte("after"))
	_, _ = s.Transfer.Write([]byte("SNAPSHOT"))
	want := fmt.Sprintf("\n\n\n\n\n+FULLRESYNC %s %d\r\n$EOF:%s\r\nSNAPSHOT", testID(2), s.Offset, s.mark)
	if got := strings.TrimLeft(drain(r), "\n"); got != strings.TrimLeft(want, "\n") {
		t.Fatalf("replica is sent %q, want %q", got, want)
	}
	if r.State().String() != "wait_bgsave" {
		t.Errorf("state %s", r.State())
	}
	s.Transfer.Finish(nil)
	if got := drain(r); got != s.mark {
		t.Fatalf("end of the transfer %q, want %q", got, s.mark)
	}
	w.Turn(w.now)
	if got := drain(r); r.State() != Online || got != "" {
		t.Fatalf("before the ACK: %v, %q", r.State(), got)
	}
	w.ackTo(r, s.Offset)
	if got := drain(r); got != string(appendSelect(nil, 0))+"after" {
		t.Fatalf("stream %q", got)
	}
}

// Replicas that arrive within the delay share one snapshot.
func TestReplicasShareASnapshot(t *testing.T) {
	w := newWorld(t, nil)
	a := w.replica(1, "PSYNC ? -1", modern)
	w.pass(2 * time.Second)
	b := w.replica(2, "PSYNC ? -1", modern)
	w.pass(4 * time.Second)
	if len(w.syncs) != 1 || a.sync != b.sync {
		t.Fatalf("%d snapshots", len(w.syncs))
	}
	c := w.replica(3, "PSYNC ? -1", modern)
	if c.sync != a.sync {
		t.Error("a replica did not join a snapshot that nothing of had gone yet")
	}
	w.wantLog("Waiting for end of BGSAVE for SYNC")
}

func TestEnoughReplicasNeedNoDelay(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.DisklessMaxReplicas = 2 })
	w.replica(1, "PSYNC ? -1", modern)
	w.replica(2, "PSYNC ? -1", modern)
	if len(w.syncs) != 1 {
		t.Errorf("%d snapshots", len(w.syncs))
	}
}

// A file transfer is announced by its length, and the stream follows at once.
func TestSyncByFile(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.Diskless = false })
	r := w.replica(6380, "PSYNC ? -1", modern)
	if len(w.syncs) != 1 || w.syncs[0].Target != ToFile {
		t.Fatal("no snapshot to a file")
	}
	s := w.syncs[0]
	w.pass(2 * time.Second) // the file takes its time, and we are heard meanwhile
	late := w.replica(6381, "PSYNC ? -1", Peer{})
	w.stream.AppendEffect(0, []byte("after"))
	if !w.SyncFile(s, 4) {
		t.Fatal("nobody waits for the file")
	}
	if r.State().String() != "send_bulk" {
		t.Errorf("state %s", r.State())
	}
	s.Transfer.CopyFrom(t.Context(), strings.NewReader("FILE"))
	head := fmt.Sprintf("+FULLRESYNC %s 0\r\n", testID(2))
	if got := drain(r); got != head+"\n\n$4\r\nFILE" {
		t.Errorf("replica is sent %q", got)
	}
	if got := drain(late); got != head+"$4\r\nFILE" {
		t.Errorf("late replica is sent %q", got)
	}
	w.Turn(w.now)
	if got := drain(r); got != string(appendSelect(nil, 0))+"after" {
		t.Errorf("stream %q", got)
	}
	w.wantLog("Synchronization with replica 10.0.0.2:6380 succeeded")
}

// SYNC gets no +FULLRESYNC and needs no delay.
func TestOldSync(t *testing.T) {
	w := newWorld(t, nil)
	r := w.replica(6380, "SYNC", Peer{})
	if len(w.syncs) != 1 || w.syncs[0].Target != ToFile {
		t.Fatal("no snapshot to a file")
	}
	w.SyncFile(w.syncs[0], 4)
	w.syncs[0].Transfer.CopyFrom(t.Context(), strings.NewReader("FILE"))
	if got := drain(r); got != "$4\r\nFILE" {
		t.Errorf("replica is sent %q", got)
	}
	w.Turn(w.now)
	w.pass(2 * time.Minute)
	if len(w.Replicas()) != 1 {
		t.Error("a replica that cannot acknowledge was dropped for not doing so")
	}
}

func TestSnapshotThatCannotStart(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.Diskless = false })
	w.fail = errors.New("no")
	w.replica(6380, "PSYNC ? -1", modern)
	w.wantActions("CloseReplica 10.0.0.2:6380")
	w.wantLog("BGSAVE for replication failed")
}

func TestSnapshotWaitsForAnother(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.Diskless = false })
	w.busy = true
	w.replica(6380, "PSYNC ? -1", modern)
	w.pass(time.Second)
	if len(w.syncs) != 0 {
		t.Fatal("two snapshots at once")
	}
	w.busy = false
	w.pass(time.Second)
	if len(w.syncs) != 1 {
		t.Fatal("the snapshot never started")
	}
}

// A snapshot that breaks off drops its replicas; when all replicas have gone its
// producer is told.
func TestBrokenSnapshot(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.DisklessDelay = 0 })
	w.replica(6380, "PSYNC ? -1", modern)
	w.syncs[0].Transfer.Finish(errors.New("disk on fire"))
	w.Turn(w.now)
	w.wantActions("CloseReplica 10.0.0.2:6380")
	r := w.replica(6381, "PSYNC ? -1", modern)
	w.Disconnected(r, w.now)
	if _, err := w.syncs[1].Transfer.Write([]byte("x")); !errors.Is(err, ErrNoReaders) {
		t.Errorf("write without replicas: %v", err)
	}
}

func TestPartialResync(t *testing.T) {
	w := newWorld(t, nil)
	r := w.online(6380)
	w.stream.AppendEffect(0, []byte("one"))
	drain(r)
	at := w.stream.Offset()
	w.Disconnected(r, w.now)
	w.wantLog("Connection with replica 10.0.0.2:6380 lost.")
	w.stream.AppendEffect(0, []byte("two"))
	line := fmt.Sprintf("PSYNC %s %d", w.stream.ID(), at+1)
	if got := drain(w.replica(6380, line, modern)); got != fmt.Sprintf("+CONTINUE %s\r\ntwo", w.stream.ID()) {
		t.Errorf("replica is sent %q", got)
	}
	if got := drain(w.replica(6380, line, Peer{})); got != "+CONTINUE\r\ntwo" {
		t.Errorf("replica without psync2 is sent %q", got)
	}
	if w.Stats() != (Stats{FullSyncs: 1, PartialOK: 2}) {
		t.Errorf("%+v", w.Stats())
	}
}

func TestAcknowledgements(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.MinReplicas, c.MaxLag = 2, 10*time.Second })
	if w.EnoughReplicas(w.now) {
		t.Error("enough replicas without any")
	}
	a, b := w.online(1), w.online(2)
	w.stream.AppendEffect(0, []byte("write"))
	at := w.stream.Offset()
	w.ackTo(a, at)
	w.ackTo(b, at-1)
	if w.AckedBy(at) != 1 || w.AckedBy(at-1) != 2 {
		t.Errorf("acknowledged by %d and %d", w.AckedBy(at), w.AckedBy(at-1))
	}
	w.ackTo(a, at-3)
	if a.AckOffset() != at {
		t.Error("an acknowledgement was taken back")
	}
	if !w.EnoughReplicas(w.now) {
		t.Error("two good replicas are not enough")
	}
	w.pass(8 * time.Second)
	w.ackTo(a, at)
	w.pass(4 * time.Second)
	if w.GoodReplicas(w.now) != 1 || w.EnoughReplicas(w.now) {
		t.Errorf("%d good replicas", w.GoodReplicas(w.now))
	}
}

// Silence for repl-timeout ends a replica, an empty line keeps it.
func TestSilentReplica(t *testing.T) {
	w := newWorld(t, nil)
	a, b := w.online(1), w.online(2)
	for range 70 {
		drain(a)
		drain(b)
		w.Heard(b, w.now)
		w.pass(time.Second)
	}
	w.wantActions("CloseReplica 10.0.0.2:1")
	w.wantLog("Disconnecting timedout replica (streaming sync): 10.0.0.2:1")
	if len(w.Replicas()) != 1 {
		t.Errorf("%d replicas left", len(w.Replicas()))
	}
}

// A replica that does not read its snapshot is dropped, so that the others and the
// producer can go on; one that waits for a slow producer is not.
func TestStalledTransfer(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.DisklessDelay = 0 })
	r := w.replica(6380, "PSYNC ? -1", modern)
	drain(r)
	w.pass(2 * time.Minute)
	w.wantActions("")
	_, _ = w.syncs[0].Transfer.Write([]byte("bytes"))
	w.pass(2 * time.Minute)
	w.wantActions("CloseReplica 10.0.0.2:6380")
}

func TestOutputLimits(t *testing.T) {
	w := newWorld(t, func(c *Config) {
		c.BacklogSize = 1000
		c.Output = OutputLimit{Hard: 1 << 20, Soft: 500, SoftFor: 5 * time.Second}
	})
	slow, fast := w.online(1), w.online(2)
	w.stream.AppendEffect(0, make([]byte, 900)) // above soft, but within the backlog
	w.pass(10 * time.Second)
	w.wantActions("")
	w.stream.AppendEffect(0, make([]byte, 900))
	w.pass(3 * time.Second)
	drain(fast)
	w.pass(4 * time.Second)
	w.wantActions("CloseReplica 10.0.0.2:1")
	w.stream.AppendEffect(0, make([]byte, 2<<20))
	w.Turn(w.now)
	w.wantActions("CloseReplica 10.0.0.2:2")
	if n := w.Stats().Overruns; n != 2 {
		t.Errorf("%d overruns", n)
	}
	_ = slow
}

func TestPings(t *testing.T) {
	w := newWorld(t, nil)
	r := w.online(1)
	drain(r)
	w.pass(10 * time.Second)
	if got := drain(r); got != pingFrame {
		t.Errorf("in ten seconds %q", got)
	}
}

// The backlog is freed after its time without replicas, and its id retired.
func TestBacklogExpires(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.BacklogTTL = 10 * time.Second })
	r := w.online(1)
	w.Disconnected(r, w.now)
	id := w.stream.ID()
	w.pass(9 * time.Second)
	if !w.stream.Active() {
		t.Fatal("freed too early")
	}
	w.pass(4 * time.Second)
	if w.stream.Active() || w.stream.ID() == id {
		t.Fatal("not freed, or under the old id")
	}
	w.wantLog("Replication backlog freed after 10 seconds without connected replicas.")
}

func TestRefusedSyncs(t *testing.T) {
	tests := []struct {
		name, line, want string
		peer             Peer
		pending          bool
		replica          bool
	}{
		{name: "takeover of a master", line: "PSYNC x 1 FAILOVER", want: "ERR PSYNC FAILOVER can't be sent to a master."},
		{name: "takeover of another history", line: "PSYNC x 1 FAILOVER", replica: true,
			want: "ERR PSYNC FAILOVER replid must match my replid."},
		{name: "link down", line: "PSYNC ? -1", replica: true,
			want: "NOMASTERLINK Can't SYNC while not connected with my master"},
		{name: "unsent replies", line: "PSYNC ? -1", pending: true,
			want: "ERR SYNC and PSYNC are invalid with pending output"},
		{name: "filter without eof", line: "PSYNC ? -1", peer: Peer{NoData: true},
			want: "ERR Filtered replica requires EOF capability"},
		{name: "wrong offset", line: "PSYNC ? x", want: "ERR value is not an integer or out of range"},
	}
	for _, tt := range tests {
		w := newWorld(t, nil)
		if tt.replica {
			_, _ = w.Replicaof(words("10.0.0.1 6379"), false, "", w.now)
		}
		r, err := w.Sync(Caller{Addr: "10.0.0.2:1", Pending: tt.pending}, tt.peer, words(tt.line), w.now)
		if r != nil || err == nil || err.Error() != tt.want {
			t.Errorf("%s: %v, want %s", tt.name, err, tt.want)
		}
	}
}

// defaultConfig is redis.conf without a line about replication.
func defaultConfig() Config {
	return Config{
		BacklogSize: 1 << 20, BacklogTTL: time.Hour,
		Timeout: 60 * time.Second, PingPeriod: 10 * time.Second,
		Diskless: true, DisklessDelay: 5 * time.Second,
		Output: OutputLimit{Hard: 256 << 20, Soft: 64 << 20, SoftFor: time.Minute},
		MaxLag: 10 * time.Second, AnnouncePort: 6379, Dir: ".",
		Priority: 100, ReadOnly: true, Announced: true,
	}
}

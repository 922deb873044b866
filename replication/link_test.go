package replication

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// attempt is the attempt that was asked for last.
func (w *world) attempt() *Attempt {
	w.t.Helper()
	if w.link.attempt == nil {
		w.t.Fatal("no attempt is running")
	}
	return w.link.attempt
}

func masterConn() *MasterConn {
	c, _ := net.Pipe()
	return &MasterConn{Conn: c}
}

// fullSync is what an attempt brings home from a master at offset at.
func (w *world) fullSync(id ReplID, at Offset) *FullSync {
	path := filepath.Join(w.t.TempDir(), "temp.rdb")
	if err := os.WriteFile(path, []byte("REDIS"), 0o600); err != nil {
		w.t.Fatal(err)
	}
	return &FullSync{Conn: masterConn(), ReplID: id, Offset: at, Path: path}
}

// follows makes w a connected replica of 10.0.0.1:6379 with history id at offset at.
func (w *world) follows(id ReplID, at Offset) {
	w.t.Helper()
	if s, err := w.Replicaof(words("10.0.0.1 6379"), false, "me", w.now); s != "OK" || err != nil {
		w.t.Fatal(s, err)
	}
	f := w.fullSync(id, at)
	w.Attempted(w.attempt(), Outcome{Full: f}, nil, w.now)
	w.Loaded(f, nil, w.now)
	w.Take()
	if w.LinkState() != LinkConnected || w.stream.ID() != id || w.stream.Offset() != at {
		w.t.Fatalf("%v %s:%d", w.LinkState(), w.stream.ID(), w.stream.Offset())
	}
}

// A master that becomes a replica asks to continue its own history.
func TestMasterBecomesReplica(t *testing.T) {
	w := newWorld(t, nil)
	w.online(1)
	w.stream.AppendEffect(0, []byte("write"))
	if _, err := w.Replicaof(words("10.0.0.1 6379"), false, "me", w.now); err != nil {
		t.Fatal(err)
	}
	w.wantActions("RoleChanged false; Connect 10.0.0.1:6379")
	a := w.attempt()
	if a.replID != w.stream.ID() || a.offset != w.stream.Offset() {
		t.Errorf("asks for %s:%d", a.replID, a.offset)
	}
	w.wantLog("Before turning into a replica, using my own master parameters to synthesize a cached master")
	w.wantLog("REPLICAOF 10.0.0.1:6379 enabled (user request from 'me')")
}

// Started with replicaof and an empty data set, a server has nothing to continue.
func TestReplicaFromTheStart(t *testing.T) {
	w := newWorld(t, nil)
	w.FollowAtStart("10.0.0.1", 6379, false, w.now)
	if a := w.attempt(); a.replID != "" {
		t.Errorf("asks for %s:%d", a.replID, a.offset)
	}
}

// A full synchronization replaces id and offset, and ends the replicas of the old
// history before the data set is touched.
func TestFullSyncReplacesHistory(t *testing.T) {
	w := newWorld(t, nil)
	w.online(1)
	_, _ = w.Replicaof(words("10.0.0.1 6379"), false, "me", w.now)
	w.Take()
	if len(w.Replicas()) != 1 {
		t.Fatal("the replica was dropped before it was known that its history ends")
	}
	f := w.fullSync(testID(77), 1000)
	w.Attempted(w.attempt(), Outcome{Full: f}, nil, w.now)
	w.wantActions("CloseReplica 10.0.0.2:1; Load")
	w.Loaded(f, nil, w.now)
	w.wantActions("OpenMaster; SendAck *3 $8 REPLCONF $3 ACK $4 1000")
	if w.stream.ID() != testID(77) || w.stream.Offset() != 1000 || w.stream.ID2() != "" {
		t.Errorf("history %s:%d, %s", w.stream.ID(), w.stream.Offset(), w.stream.ID2())
	}
}

// A failed load leaves no id under which anybody could take the remains for data.
func TestFailedLoad(t *testing.T) {
	w := newWorld(t, nil)
	_, _ = w.Replicaof(words("10.0.0.1 6379"), false, "me", w.now)
	id := w.stream.ID()
	f := w.fullSync(testID(77), 1000)
	w.Attempted(w.attempt(), Outcome{Full: f}, nil, w.now)
	w.Loaded(f, errors.New("truncated"), w.now)
	w.wantLog("Failed trying to load the MASTER synchronization DB from disk: truncated")
	if w.stream.ID() == id || w.LinkState() != LinkConnect {
		t.Errorf("%s, %v", w.stream.ID(), w.LinkState())
	}
	w.pass(2 * time.Second)
	if a := w.attempt(); a.replID != "" {
		t.Errorf("asks to continue %s:%d", a.replID, a.offset)
	}
}

// After a cut the replica asks for the first byte that was not applied, at once and
// then every second.
func TestReconnect(t *testing.T) {
	w := newWorld(t, nil)
	w.follows(testID(77), 1000)
	w.Received(30, w.now)
	w.Applied([]byte("0123456789"), 0)
	if w.stream.Offset() != 1010 || w.link.readOffset != 1030 {
		t.Fatalf("applied %d, read %d", w.stream.Offset(), w.link.readOffset)
	}
	w.MasterLost(false, w.now)
	w.wantActions("Connect 10.0.0.1:6379")
	for range 3 {
		a := w.attempt()
		if a.replID != testID(77) || a.offset != 1010 {
			t.Fatalf("asks for %s:%d", a.replID, a.offset)
		}
		w.Attempted(a, Outcome{}, errors.New("refused"), w.now)
		w.wantActions("")
		w.pass(2 * time.Second)
		w.wantActions("Connect 10.0.0.1:6379")
	}
	w.Attempted(w.attempt(), Outcome{Conn: masterConn()}, nil, w.now)
	w.wantActions("OpenMaster; SendAck *3 $8 REPLCONF $3 ACK $4 1010")
	if w.link.readOffset != 1010 {
		t.Errorf("read offset %d", w.link.readOffset)
	}
}

// When the master's bytes made no sense, nothing is continued.
func TestDesyncForgetsTheHistory(t *testing.T) {
	w := newWorld(t, nil)
	w.follows(testID(77), 1000)
	w.MasterLost(true, w.now)
	if a := w.attempt(); a.replID != "" {
		t.Errorf("asks to continue %s:%d", a.replID, a.offset)
	}
}

// The master's new id becomes ours, the old one stays valid up to here, and our
// replicas are told by having to ask again.
func TestContinueUnderNewID(t *testing.T) {
	w := newWorld(t, nil)
	w.follows(testID(77), 1000)
	w.replica(1, fmt.Sprintf("PSYNC %s 1001", testID(77)), modern)
	w.MasterLost(false, w.now)
	w.Take()
	w.Attempted(w.attempt(), Outcome{Conn: masterConn(), NewID: testID(78)}, nil, w.now)
	w.wantActions("CloseReplica 10.0.0.2:1; OpenMaster; SendAck *3 $8 REPLCONF $3 ACK $4 1000")
	if w.stream.ID() != testID(78) || w.stream.ID2() != testID(77) || w.stream.secondOffset() != 1001 {
		t.Errorf("ids %s, %s up to %d", w.stream.ID(), w.stream.ID2(), w.stream.secondOffset())
	}
	w.replica(1, fmt.Sprintf("PSYNC %s 1001", testID(77)), modern)
	if w.Stats().PartialOK != 2 {
		t.Errorf("%+v", w.Stats())
	}
}

func TestPromotion(t *testing.T) {
	w := newWorld(t, nil)
	w.follows(testID(77), 1000)
	w.replica(1, fmt.Sprintf("PSYNC %s 1001", testID(77)), modern)
	if s, err := w.Replicaof(words("NO ONE"), false, "me", w.now); s != "OK" || err != nil {
		t.Fatal(s, err)
	}
	w.wantActions("CloseMaster; CloseReplica 10.0.0.2:1; RoleChanged true")
	w.wantLog(fmt.Sprintf("Setting secondary replication ID to %s, valid up to offset: 1001. New replication ID is %s",
		testID(77), w.stream.ID()))
	w.wantLog("MASTER MODE enabled (user request from 'me')")
	if !w.IsMaster() || w.stream.ID() == testID(77) {
		t.Error("still a replica, or under the old id")
	}
	if s, err := w.Replicaof(words("no one"), false, "me", w.now); s != "OK" || err != nil {
		t.Error(s, err)
	}
	w.wantActions("")
}

func TestReplicaofErrors(t *testing.T) {
	tests := []struct {
		line      string
		byReplica bool
		want      string
	}{
		{"10.0.0.1 x", false, "ERR Invalid master port"},
		{"10.0.0.1 99999", false, "ERR Invalid master port"},
		{"no two", false, "ERR Invalid master port"},
		{"10.0.0.1 6379", true, "ERR Command is not valid when client is a replica."},
	}
	for _, tt := range tests {
		w := newWorld(t, nil)
		if _, err := w.Replicaof(words(tt.line), tt.byReplica, "", w.now); err == nil || err.Error() != tt.want {
			t.Errorf("%s: %v", tt.line, err)
		}
	}
	w := newWorld(t, nil)
	w.follows(testID(77), 1000)
	s, err := w.Replicaof(words("10.0.0.1 6379"), false, "", w.now)
	if s != "OK Already connected to specified master" || err != nil {
		t.Error(s, err)
	}
	w.wantActions("")
}

// A cancelled attempt's outcome is thrown away: connection, file and all.
func TestLateOutcome(t *testing.T) {
	w := newWorld(t, nil)
	_, _ = w.Replicaof(words("10.0.0.1 6379"), false, "", w.now)
	old := w.attempt()
	w.Take()
	_, _ = w.Replicaof(words("10.0.0.9 6379"), false, "", w.now)
	w.wantActions("Cancel; Connect 10.0.0.9:6379")
	f := w.fullSync(testID(77), 5)
	w.Attempted(old, Outcome{Full: f}, nil, w.now)
	w.wantActions("")
	if _, err := os.Stat(f.Path); !os.IsNotExist(err) {
		t.Errorf("the file is still there: %v", err)
	}
}

// Acknowledgements go out every second; a silent master is given up after
// repl-timeout.
func TestAckAndTimeout(t *testing.T) {
	w := newWorld(t, nil)
	w.follows(testID(77), 1000)
	w.pass(3 * time.Second)
	if got := w.actions(); strings.Count(got, "SendAck") != 9+3 {
		t.Errorf("in three seconds without a byte: %s", got)
	}
	w.Received(14, w.now)
	w.pass(3 * time.Second)
	if got := w.actions(); strings.Count(got, "SendAck") != 3 {
		t.Errorf("in three seconds: %s", got)
	}
	w.pass(58 * time.Second)
	if got := w.actions(); !strings.HasSuffix(got, "CloseMaster; Connect 10.0.0.1:6379") {
		t.Errorf("after repl-timeout: %s", got)
	}
	w.wantLog("MASTER timeout: no data nor PING received...")
}

func TestGetAckIsAnsweredAtOnce(t *testing.T) {
	w := newWorld(t, nil)
	w.opt.AOFOffset = func() (Offset, bool) { return 990, true }
	w.follows(testID(77), 1000)
	if ok, err := w.Replconf(nil, &Peer{}, words("GETACK *"), w.now); ok || err != nil {
		t.Error(ok, err)
	}
	w.wantActions("SendAck *5 $8 REPLCONF $3 ACK $4 1000 $4 FACK $3 990")
}

// A replica neither pings nor asks for acknowledgements: its stream is its master's.
func TestReplicaAddsNothingToTheStream(t *testing.T) {
	w := newWorld(t, nil)
	w.follows(testID(77), 1000)
	w.replica(1, fmt.Sprintf("PSYNC %s 1001", testID(77)), modern)
	w.RequestAcks()
	w.pass(30 * time.Second)
	if w.stream.Offset() != 1000 {
		t.Errorf("offset %d", w.stream.Offset())
	}
}

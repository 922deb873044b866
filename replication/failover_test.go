package replication

import (
	"errors"
	"fmt"
	"testing"
	"time"
)

func TestParseFailover(t *testing.T) {
	tests := []struct {
		line string
		want FailoverRequest
		err  string
	}{
		{"", FailoverRequest{}, ""},
		{"ABORT", FailoverRequest{Abort: true}, ""},
		{"TO h 1 FORCE TIMEOUT 5", FailoverRequest{Host: "h", Port: 1, Force: true, Timeout: 5 * time.Millisecond}, ""},
		{"timeout 9223372036854775807", FailoverRequest{Timeout: maxFailoverMs * time.Millisecond}, ""},
		{"ABORT x", FailoverRequest{}, "ERR syntax error"},
		{"TO h", FailoverRequest{}, "ERR syntax error"},
		{"TO h x", FailoverRequest{}, "ERR value is not an integer or out of range"},
		{"TO h 1 TO h 2", FailoverRequest{}, "ERR syntax error"},
		{"TIMEOUT 0", FailoverRequest{}, "ERR FAILOVER timeout must be greater than 0"},
		{"TIMEOUT x", FailoverRequest{}, "ERR value is not an integer or out of range"},
		{"TIMEOUT 5 TIMEOUT 5", FailoverRequest{}, "ERR syntax error"},
		{"FORCE FORCE", FailoverRequest{}, "ERR syntax error"},
	}
	for _, tt := range tests {
		got, err := ParseFailover(words(tt.line))
		text := ""
		if err != nil {
			text, got = err.Error(), FailoverRequest{}
		}
		if got != tt.want || text != tt.err {
			t.Errorf("%q: %+v, %q", tt.line, got, text)
		}
	}
}

func (w *world) failOver(line string) string {
	if err := w.Failover(words(line), w.now); err != nil {
		return err.Error()
	}
	return "OK"
}

func TestFailoverRefused(t *testing.T) {
	w := newWorld(t, nil)
	want := func(line, text string) {
		t.Helper()
		if got := w.failOver(line); got != text {
			t.Errorf("FAILOVER %s: %s, want %s", line, got, text)
		}
	}
	want("", "ERR FAILOVER requires connected replicas.")
	want("ABORT", "ERR No failover in progress.")
	w.replica(1, "PSYNC ? -1", modern)
	want("TO 10.0.0.2 9", "ERR FAILOVER target HOST and PORT is not a replica.")
	want("TO 10.0.0.2 1", "ERR FAILOVER target replica is not online.")
	want("FORCE", "ERR FAILOVER with force option requires both a timeout and target HOST and IP.")
	want("TO 10.0.0.2 1 FORCE", "ERR FAILOVER with force option requires both a timeout and target HOST and IP.")
	w.online(2)
	want("", "OK")
	want("", "ERR FAILOVER already in progress.")
	if _, err := w.Replicaof(words("10.0.0.1 1"), false, "", w.now); err == nil ||
		err.Error() != "ERR REPLICAOF not allowed while failing over." {
		t.Errorf("REPLICAOF: %v", err)
	}
	if _, err := w.Sync(Caller{Addr: "10.0.0.2:1"}, modern, words("PSYNC ? -1"), w.now); err != errSyncFailingOver {
		t.Errorf("PSYNC: %v", err)
	}
	r := newWorld(t, nil)
	r.follows(testID(77), 10)
	if got := r.failOver(""); got != "ERR FAILOVER is not valid when server is a replica." {
		t.Error(got)
	}
}

// Writes stop, the target catches up, is asked to take over, and we follow it.
func TestFailover(t *testing.T) {
	w := newWorld(t, nil)
	a, b := w.online(1), w.online(2)
	w.stream.AppendEffect(0, []byte("write"))
	at := w.stream.Offset()
	if got := w.failOver("TO 10.0.0.2 2"); got != "OK" {
		t.Fatal(got)
	}
	w.wantActions("PauseWrites")
	w.ackTo(a, at) // not the target
	w.ackTo(b, at-1)
	w.pass(20 * time.Second)
	w.wantActions("")
	if w.FailoverState().String() != "waiting-for-sync" {
		t.Errorf("state %s", w.FailoverState())
	}
	w.ackTo(b, at)
	w.Turn(w.now)
	w.wantActions("RoleChanged false; Connect 10.0.0.2:2")
	w.wantLog("FAILOVER requested to 10.0.0.2:2.")
	w.wantLog("Failover target 10.0.0.2:2 is synced, failing over.")
	if w.FailoverState().String() != "failover-in-progress" {
		t.Errorf("state %s", w.FailoverState())
	}
	x := w.attempt()
	if !x.failover || x.replID != w.stream.ID() || x.offset != w.stream.Offset() {
		t.Errorf("asks %v %s:%d", x.failover, x.replID, x.offset)
	}
	x.accepted = true
	w.Attempted(x, Outcome{Conn: masterConn(), NewID: testID(50)}, nil, w.now)
	w.wantActions(fmt.Sprintf("ResumeWrites; CloseReplica 10.0.0.2:1; CloseReplica 10.0.0.2:2; "+
		"OpenMaster; SendAck *3 $8 REPLCONF $3 ACK $2 %d", w.stream.Offset()))
	if w.FailoverState() != NoFailover {
		t.Errorf("state %s", w.FailoverState())
	}
}

func TestFailoverToAnyReplica(t *testing.T) {
	w := newWorld(t, nil)
	a, b := w.online(1), w.online(2)
	w.stream.AppendEffect(0, []byte("write"))
	w.failOver("")
	w.ackTo(a, w.stream.quietFrom()-1)
	w.ackTo(b, w.stream.quietFrom())
	w.Turn(w.now)
	w.wantActions("PauseWrites; RoleChanged false; Connect 10.0.0.2:2")
	w.wantLog("FAILOVER requested to any replica.")
}

func TestFailoverTimesOut(t *testing.T) {
	w := newWorld(t, nil)
	w.online(1)
	w.stream.AppendEffect(0, []byte("write"))
	w.failOver("TIMEOUT 1000")
	w.pass(2 * time.Second)
	w.wantActions("PauseWrites; ResumeWrites")
	w.wantLog("FAILOVER to any replica aborted: Replica never caught up before timeout")

	w.failOver("TO 10.0.0.2 1 FORCE TIMEOUT 1000")
	w.pass(2 * time.Second)
	w.wantActions("PauseWrites; RoleChanged false; Connect 10.0.0.2:1")
	w.wantLog("FAILOVER to 10.0.0.2:1 time out exceeded, failing over.")
}

func TestFailoverAborted(t *testing.T) {
	w := newWorld(t, nil)
	w.online(1)
	w.stream.AppendEffect(0, []byte("write"))
	w.failOver("")
	if got := w.failOver("ABORT"); got != "OK" {
		t.Error(got)
	}
	w.wantActions("PauseWrites; ResumeWrites")
	w.wantLog("FAILOVER to any replica aborted: Failover manually aborted")
}

// What the target answers decides who is master; no answer decides nothing.
func TestHandOverOutcomes(t *testing.T) {
	refused := fmt.Errorf("%w: -ERR no", errTakeOverRefused)
	unknown := fmt.Errorf("%w: EOF", errTakeOverUnknown)
	already := fmt.Errorf("%w: -ERR PSYNC FAILOVER can't be sent to a master.", errTakeOverRefused)
	tests := []struct {
		name   string
		errs   []error
		master bool
		state  FailoverState
	}{
		{"refused", []error{refused}, true, NoFailover},
		{"was a master all the time", []error{already}, true, NoFailover},
		{"not reached", []error{errors.New("refused")}, true, NoFailover},
		{"no answer", []error{unknown}, false, FailoverInProgress},
		{"no answer, then refused", []error{unknown, refused}, true, NoFailover},
		{"no answer, then not reached", []error{unknown, errors.New("refused")}, false, FailoverInProgress},
		{"no answer, but it obeyed", []error{unknown, already}, false, NoFailover},
	}
	for _, tt := range tests {
		w := newWorld(t, nil)
		w.online(1)
		w.failOver("")
		w.Turn(w.now)
		for _, err := range tt.errs {
			x := w.attempt()
			if !x.failover {
				t.Errorf("%s: a plain attempt during the hand-over", tt.name)
			}
			w.Attempted(x, Outcome{}, err, w.now)
			w.pass(2 * time.Second)
		}
		if w.IsMaster() != tt.master || w.FailoverState() != tt.state {
			t.Errorf("%s: master %v, %s", tt.name, w.IsMaster(), w.FailoverState())
		}
		if !tt.master && tt.state == NoFailover && w.attempt().failover {
			t.Errorf("%s: still asks to take over", tt.name)
		}
	}
}

// The target takes over on PSYNC … FAILOVER and continues the same history.
func TestTakeOver(t *testing.T) {
	w := newWorld(t, nil)
	w.follows(testID(77), 1000)
	line := fmt.Sprintf("PSYNC %s 1001 FAILOVER", testID(77))
	r, err := w.Sync(Caller{Addr: "10.0.0.1:1", Info: "id=3"}, Peer{PSYNC2: true, Port: 6379}, words(line), w.now)
	if err != nil {
		t.Fatal(err)
	}
	w.wantActions("CloseMaster; RoleChanged true")
	w.wantLog(fmt.Sprintf("Failover request received for replid %s.", testID(77)))
	w.wantLog("MASTER MODE enabled (failover request from 'id=3')")
	if got := drain(r); got != fmt.Sprintf("+CONTINUE %s\r\n", w.stream.ID()) || w.stream.ID() == testID(77) {
		t.Errorf("the old master is sent %q", got)
	}
}

//go:build !nodemo

package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

func TestDemoOptions(t *testing.T) {
	for _, tt := range []struct{ args, want string }{
		{"vedette demo now", "vedette: demo takes no arguments, only options; \"now\" is neither (see vedette demo --help)"},
		{"vedette demo --down-after 5ms", "vedette: --down-after must be at least 100ms"},
		{"vedette demo --down-after soon", `vedette: invalid value "soon" for flag -down-after: parse error (see vedette demo --help)`},
		{"vedette demo --binary-data no-such-program",
			`vedette: --binary-data: exec: "no-such-program": executable file not found in $PATH`},
	} {
		status, out, errs := run(t, strings.Fields(tt.args)...)
		if status != 1 || out != "" || strings.TrimSpace(errs) != tt.want {
			t.Errorf("%s: %d, %s\n got %s\nwant %s", tt.args, status, out, errs, tt.want)
		}
	}
	status, out, _ := run(t, "vedette", "demo", "--help")
	for _, want := range []string{"kill -9", "SIGSTOP", "SENTINEL FAILOVER", "+switch-master", "--json", "exit status"} {
		if status != 0 || !strings.Contains(out, want) {
			t.Errorf("vedette demo --help does not speak of %q", want)
		}
	}
	for line := range strings.Lines(out) {
		if len(line) > plainWidth+1 && !strings.Contains(line, "vedette demo - ") {
			t.Errorf("%d columns: %s", len(line)-1, line)
		}
	}
}

// nodeNames is what a demo's addresses and ids are called.
func nodeNames(s string) string {
	names := map[string]string{"127.0.0.1:7001": "data-1", "127.0.0.1:7002": "data-2", "abc": "sentinel-2"}
	if n, ok := names[s]; ok {
		return n
	}
	return s
}

func TestSentinelEventsInWords(t *testing.T) {
	const master, slave = "master demo 127.0.0.1 7001", "slave 127.0.0.1:7002 127.0.0.1 7002 @ demo 127.0.0.1 7001"
	for _, tt := range []struct {
		channel, payload, text string
		shown                  bool
	}{
		{"+sdown", master, "data-1", true},
		{"+sdown", slave, "data-2", false},
		{"-sdown", master, "data-1", true},
		{"+odown", master + " #quorum 2/2", "data-1, 2/2", true},
		{"+vote-for-leader", "abc 7", "for sentinel-2, epoch 7", true},
		{"+elected-leader", master, "conducts the failover of data-1", true},
		{"+promoted-slave", slave, "data-2", true},
		{"+switch-master", "demo 127.0.0.1 7001 127.0.0.1 7002", "data-1 -> data-2", true},
		{"+switch-master", "demo 127.0.0.1 7001", "", false},
		{"+vote-for-leader", "", "", false},
		{"+tilt", "#tilt mode entered", "", true},
		{"-failover-abort-no-good-slave", master, "data-1", true},
		{"+new-epoch", "7", "", false},
		{"+failover-state-wait-promotion", slave, "data-2", false},
		{"__sentinel__:hello", "a,b", "", false},
	} {
		e, ok := sentinelEvent(tt.channel, tt.payload, nodeNames)
		if e.Text != tt.text || ok != tt.shown || ok && e.What != tt.channel {
			t.Errorf("%s %s = %+v, %v", tt.channel, tt.payload, e, ok)
		}
	}
}

// eventsAt are events at milliseconds after zero.
func eventsAt(zero time.Time, lines ...string) (events []demoEvent) {
	for _, line := range lines {
		f := strings.SplitN(line, "|", 4)
		var at int
		fmt.Sscan(f[0], &at)
		events = append(events, demoEvent{At: zero.Add(time.Duration(at) * time.Millisecond), Who: f[1], What: f[2], Text: f[3]})
	}
	return events
}

func killEvents(zero time.Time) []demoEvent {
	return eventsAt(zero,
		"0|data-1|SIGKILL|",
		"1005|sentinel-2|+sdown|data-1",
		"1006|sentinel-1|+sdown|data-1",
		"1010|sentinel-2|+elected-leader|conducts the failover of data-1",
		"1020|sentinel-2|+promoted-slave|data-2",
		"1030|sentinel-1|+switch-master|data-1 -> data-2",
		"1031|sentinel-2|answers|data-3", // not the new master
		"1032|sentinel-2|answers|data-2",
		"1033|sentinel-1|answers|data-2",
		"1034|sentinel-2|+switch-master|data-1 -> data-2",
		"1035|sentinel-3|+switch-master|data-1 -> data-2",
		"1036|sentinel-3|answers|data-2",
		"1099|sentinel-3|answers|data-2",
		"2000|data-1|started|",
		"2060|data-1|is a replica|of data-2",
		"2070|data-1|in sync|with data-2",
	)
}

func TestFiguresOfAFault(t *testing.T) {
	zero := time.Unix(1000, 0)
	events := killEvents(zero)
	r := newFaultResult(demoFaults()[0], "data-1", "data-2", events, zero, zero.Add(2*time.Second))
	got := fmt.Sprint(r.Detection, r.Agreement, r.Promotion, r.Switch, r.Answers, r.Outage, r.Replica, r.InSync, r.published, r.switches)
	if want := "1005 1010 1020 1030 1036 - 60 70 3 3"; got != want {
		t.Errorf("figures %s, want %s", got, want)
	}
	if len(r.Timeline) != len(events) || r.Timeline[1].MS.String() != "1005" {
		t.Errorf("timeline: %+v", r.Timeline)
	}
	f := figuresOf(events[:9], zero, "data-2")
	if f.Answers >= 0 || f.published != 1 {
		t.Errorf("before the last sentinel answers: %+v", f)
	}
}

func TestMillis(t *testing.T) {
	for _, tt := range []struct {
		d          time.Duration
		text, json string
	}{
		{-1, "-", "null"}, {0, "0.0", "0.0"}, {1234 * time.Microsecond, "1.2", "1.2"},
		{9960 * time.Microsecond, "10", "10.0"}, {1500 * time.Millisecond, "1500", "1500.0"},
	} {
		j, err := json.Marshal(ms(tt.d))
		if got := ms(tt.d).String(); got != tt.text || string(j) != tt.json || err != nil {
			t.Errorf("%d: %s %s %v", tt.d, got, j, err)
		}
	}
}

func acksAt(zero time.Time, node string, at ...int) (acks []demoAck) {
	for i, k := range at {
		acks = append(acks, demoAck{Seq: i + 1, At: zero.Add(time.Duration(k) * time.Millisecond), Node: node})
	}
	return acks
}

func TestLongestGap(t *testing.T) {
	zero := time.Unix(1000, 0)
	at := func(ms int) time.Time { return zero.Add(time.Duration(ms) * time.Millisecond) }
	acks := acksAt(zero, "data-1", 0, 900, 998, 999, 2040, 2042, 2100, 9000)
	for _, tt := range []struct {
		name     string
		acks     []demoAck
		from, to int
		want     int
	}{
		{"around the fault", acks, 1000, 2050, 1041},
		{"earlier and later gaps do not count", acks, 1000, 2041, 1041},
		{"a gap that is still open at the recovery", acks, 1000, 2100, 6900},
		{"no fault", acks, 2041, 2042, 58},
		{"nothing after", acks, 9001, 9999, 0},
		{"nothing at all", nil, 0, 9999, 0},
	} {
		if got := longestGap(tt.acks, at(tt.from), at(tt.to)); got != time.Duration(tt.want)*time.Millisecond {
			t.Errorf("%s: %v, want %d ms", tt.name, got, tt.want)
		}
	}
}

// What was acknowledged before the mark must be on the new master, and so must what it
// acknowledged itself; only the old one's last instant may be missing.
func TestWhatIsOwed(t *testing.T) {
	l := &demoLedger{writer: "writer-1"}
	for _, a := range acksAt(time.Unix(0, 0), "data-1", 1, 2) {
		l.acknowledge(a)
	}
	m := markOf([]*demoLedger{l})
	l.acknowledge(demoAck{Seq: 3, Node: "data-1"})
	l.acknowledge(demoAck{Seq: 4, Node: "data-2"})
	var owed []bool
	for i, a := range l.copy(l.len()) {
		owed = append(owed, m.owed(0, i, a, "data-2"))
	}
	if fmt.Sprint(owed) != "[true true false true]" || m.total() != 2 {
		t.Errorf("owed %v of mark %v", owed, m)
	}
	if l.lose(2); !l.copy(3)[2].Lost {
		t.Error("a loss is not remembered")
	}
}

func TestDataState(t *testing.T) {
	master := parseDataState("# Replication\r\nrole:master\r\nconnected_slaves:2\r\nmaster_repl_offset:70\r\n")
	if want := (dataState{master: true, offset: "70", replicas: "2"}); master != want {
		t.Errorf("master: %+v", master)
	}
	replica := parseDataState("role:slave\r\nmaster_host:127.0.0.1\r\nmaster_port:7001\r\n" +
		"master_link_status:up\r\nslave_repl_offset:69\r\nconnected_slaves:0\r\nmaster_repl_offset:70\r\n")
	if want := (dataState{follows: "127.0.0.1:7001", linkUp: true, offset: "69", replicas: "0"}); replica != want {
		t.Errorf("replica: %+v", replica)
	}
}

func TestFreePortsAreFreeAndDifferent(t *testing.T) {
	ports, err := freePorts(6)
	if err != nil {
		t.Fatal(err)
	}
	low, high := portRange()
	seen := map[int]bool{}
	for _, p := range ports {
		if seen[p] || p < low || p >= high {
			t.Errorf("port %d of %v, range %d to %d", p, ports, low, high)
		}
		seen[p] = true
		ln, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", p))
		if err != nil {
			t.Errorf("port %d: %v", p, err)
			continue
		}
		ln.Close()
	}
}

// sampleResult is a demo that went well, except for what change does to it.
func sampleResult(change func(*demoResult)) *demoResult {
	zero := time.Unix(1000, 0)
	r := newDemoResult(demoOptions{downAfter: time.Second})
	for _, f := range demoFaults() {
		fr := newFaultResult(f, "data-1", "data-2", killEvents(zero), zero, zero.Add(2*time.Second))
		fr.Outage, fr.Check, fr.State = ms(1041*time.Millisecond), demoCheck{Checked: 1234567}, "data-2 master, 2 replicas"
		r.Faults = append(r.Faults, fr)
	}
	r.Final = demoFinal{Master: "data-2", Replicas: []string{"data-1", "data-3"}, Offset: "4711",
		SentinelsAgree: true, Acknowledged: 1234567}
	change(&r)
	return &r
}

func TestJudgement(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*demoResult)
		err    error
		want   string // of the problems; "" means all is well
	}{
		{"all well", func(*demoResult) {}, nil, ""},
		{"losses of the last instant", func(r *demoResult) { r.Faults[0].Check.Late = 3 }, nil, ""},
		{"a loss", func(r *demoResult) { r.Faults[1].Check.Lost = 3 }, nil,
			"SIGSTOP of the master: 3 acknowledged writes lost that must be there"},
		{"a loss at the end", func(r *demoResult) { r.Final.Lost = 1 }, nil, "1 acknowledged writes are missing at the end"},
		{"a second failover", func(r *demoResult) { r.Faults[0].switches = 6 }, nil,
			"kill -9 of the master: the sentinels published 6 switches, not one each"},
		{"an error", func(*demoResult) {}, errors.New("data-2 has ended"), "data-2 has ended"},
	} {
		r := sampleResult(tt.change)
		r.finish(tt.err, time.Second)
		if got := strings.Join(r.Problems, "; "); got != tt.want || r.OK != (tt.want == "") {
			t.Errorf("%s: ok %v, %s", tt.name, r.OK, got)
		}
	}
}

func TestStatus(t *testing.T) {
	for _, tt := range []struct {
		err  error
		want int
	}{
		{nil, 0}, {errors.New("x"), 1}, {Signal{Signal: syscall.SIGINT}, 130},
		{fmt.Errorf("kill -9: %w", Signal{Signal: syscall.SIGTERM}), 143},
	} {
		d := &demo{result: *sampleResult(func(*demoResult) {})}
		if d.result.finish(tt.err, 0); d.status(tt.err) != tt.want {
			t.Errorf("%v: %d, want %d", tt.err, d.status(tt.err), tt.want)
		}
	}
}

func TestReportFitsItsTerminal(t *testing.T) {
	r := sampleResult(func(r *demoResult) { r.Faults[0].Check.Late = 2 })
	r.finish(nil, 12340*time.Millisecond)
	for _, width := range []int{80, 140} {
		lines := reportLines(r, width, false)
		for _, line := range lines {
			if len([]rune(line)) > width-1 && width == 80 && !strings.Contains(line, "last instant") {
				t.Errorf("%d columns at width %d: %q", len(line), width, line)
			}
		}
		text := strings.Join(lines, "\n")
		for _, want := range []string{"SIGSTOP", "1041", "1 234 567", "one master, data-2", "12.3 s", "2 writes of the last instant"} {
			if !strings.Contains(text, want) {
				t.Errorf("width %d: no %q in\n%s", width, want, text)
			}
		}
		if wide := strings.Contains(text, "data-2 master, 2 replicas"); wide != (width == 140) {
			t.Errorf("width %d: state in full: %v", width, wide)
		}
	}
}

func TestResultAsJSON(t *testing.T) {
	r := sampleResult(func(r *demoResult) { r.Faults[2].Detection = noMillis })
	r.finish(nil, time.Second)
	var b bytes.Buffer
	if err := r.writeJSON(&b); err != nil {
		t.Fatal(err)
	}
	var got struct {
		OK     bool
		Faults []struct {
			Detection *float64 `json:"detection_ms"`
			Writes    struct{ Checked int }
		}
	}
	if err := json.Unmarshal(b.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if !got.OK || len(got.Faults) != 3 || *got.Faults[0].Detection != 1005 ||
		got.Faults[2].Detection != nil || got.Faults[0].Writes.Checked != 1234567 {
		t.Errorf("%s", &b)
	}
}

// Events of several connections come in slightly out of order and are shown in order.
func TestScreenPutsEventsInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b bytes.Buffer
		s := newDemoScreen(&b, demoOptions{}, func(error) {})
		zero := time.Now()
		s.zero(zero)
		ctx, stop := context.WithCancel(t.Context())
		go s.live(ctx)
		for _, e := range eventsAt(zero, "9|sentinel-1|+sdown|data-1", "7|sentinel-2|+sdown|data-1", "30|writer-1|writes again|to data-2") {
			s.timeline.add(e)
		}
		time.Sleep(time.Second)
		stop()
		s.print([]string{"end"})
		synctest.Wait()
		want := "     7.0 ms  sentinel-2  +sdown              data-1\n" +
			"     9.0 ms  sentinel-1  +sdown              data-1\n" +
			"      30 ms  writer-1    writes again        to data-2\nend\n"
		if b.String() != want {
			t.Errorf("got\n%swant\n%s", &b, want)
		}
	})
}

// brokenPipe is a reader that has gone.
type brokenPipe struct{}

func (brokenPipe) Write([]byte) (int, error) { return 0, syscall.EPIPE }

func TestNobodyWatches(t *testing.T) {
	var told []error
	s := newDemoScreen(brokenPipe{}, demoOptions{}, func(err error) { told = append(told, err) })
	s.print([]string{"one"})
	s.print([]string{"two"})
	if len(told) != 1 || !errors.Is(told[0], syscall.EPIPE) {
		t.Fatalf("told %v", told)
	}
	var r demoResult
	if r.finish(told[0], 0); r.OK || !r.Interrupted {
		t.Errorf("%+v", r)
	}
}

// What breaks beside the demo ends it, so that its processes are ended, too.
func TestPanicEndsTheDemoInOrder(t *testing.T) {
	for name, work := range map[string]func() error{
		"an error": func() error { return errors.New("an error") },
		"a panic":  func() error { panic("a panic") },
	} {
		ctx, cancel := context.WithCancelCause(t.Context())
		d := &demo{}
		d.beside(&d.crew, cancel, work)
		d.crew.Wait()
		if err := context.Cause(ctx); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestPaint(t *testing.T) {
	e := demoEvent{At: time.Unix(1, 0), Who: "data-1", What: "SIGKILL"}
	if got := eventLine(e, time.Unix(0, 0), true); got != "    1000 ms  \x1b[33mdata-1    \x1b[0m  \x1b[1;31mSIGKILL           \x1b[0m" {
		t.Errorf("%q", got)
	}
	if got := eventLine(e, time.Unix(0, 0), false); got != "    1000 ms  data-1      SIGKILL" {
		t.Errorf("%q", got)
	}
}

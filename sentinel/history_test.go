package sentinel

import (
	"context"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vedette-ha/vedette/failover"
)

// After a failover every sentinel has the same record of it: who saw what, whom there
// was to choose from, each step, and what was lost.
func TestHistoryIsTheSameEverywhere(t *testing.T) {
	inWorld(t, func(w *world) {
		time.Sleep(5 * time.Second)
		w.set.nodes[0].kill()
		w.await(5*time.Second, "the end", func() bool { return w.count("+failover-end master") == 1 })
		time.Sleep(time.Second)
		first := ""
		for _, x := range w.sens {
			text, err := x.do("SENTINEL HISTORY m")
			if err != nil {
				t.Fatal(err)
			}
			if first == "" {
				first = text
			}
			if text != first {
				t.Errorf("s%d says %s\nnot %s", x.n, text, first)
			}
		}
		for _, want := range []string{"automatic", "done", "10.0.1.1:6379", "refused", "claimed", "selected", "switched", "candidates", "lost-bytes"} {
			if !strings.Contains(first, want) {
				t.Errorf("the record does not tell of %q: %s", want, first)
			}
		}
		if _, err := w.sens[0].do("SENTINEL HISTORY nosuch"); err == nil || !strings.Contains(err.Error(), "No such master") {
			t.Errorf("of no master: %v", err)
		}
		if text, _ := w.sens[1].do("SENTINEL WHY m"); !strings.Contains(text, "It answers") || !strings.Contains(text, "10.0.1.1:6379 to") {
			t.Errorf("WHY: %s", text)
		}
	})
}

// PAUSE through one sentinel holds everywhere, is seen everywhere, and ends by itself.
func TestPauseHoldsEverywhere(t *testing.T) {
	inWorld(t, func(w *world) {
		if text, err := w.sens[2].do("SENTINEL PAUSE m FOR 20"); err != nil || !strings.Contains(text, "OK") {
			t.Fatal(text, err)
		}
		time.Sleep(time.Second)
		for _, x := range w.sens {
			if flags := x.master()["flags"]; flags != "master,failover_paused" {
				t.Errorf("s%d: flags %q", x.n, flags)
			}
		}
		w.set.nodes[0].kill()
		time.Sleep(10 * time.Second)
		if n := w.count("+switch-master"); n != 0 {
			t.Errorf("%d switches while paused", n)
		}
		if n := w.count("-failover-refused"); n != 3 {
			t.Errorf("%d sentinels say it was refused", n)
		}
		w.await(15*time.Second, "a switch when the pause is over", func() bool { return w.agree("10.0.1.1") })
	})
}

// Every sentinel shows a pause, and how long it still is, wherever it shows a master;
// when it is over, by time or by RESUME, nothing is left of it.
func TestPauseIsShown(t *testing.T) {
	inWorld(t, func(w *world) {
		left := regexp.MustCompile(`\$"failover-paused-for" \$"(-?\d+)"`)
		shown := func(least, most int) {
			t.Helper()
			for _, x := range w.sens {
				for _, cmd := range []string{"SENTINEL MASTER m", "SENTINEL MASTERS"} {
					text, err := x.do(cmd)
					if err != nil || !strings.Contains(text, `$"master,failover_paused"`) {
						t.Errorf("s%d: %s: %s, %v", x.n, cmd, text, err)
					}
					if f := left.FindStringSubmatch(text); f == nil || atoi(f[1]) < least || atoi(f[1]) > most {
						t.Errorf("s%d: %s: %q, want %d to %d ms", x.n, cmd, f, least, most)
					}
				}
				if text, err := x.do("INFO sentinel"); err != nil || !strings.Contains(text, `sentinel_failovers_paused:1\r\n`) {
					t.Errorf("s%d: INFO: %s, %v", x.n, text, err)
				}
			}
		}
		gone := func(ends int) {
			t.Helper()
			for _, x := range w.sens {
				for _, cmd := range []string{"SENTINEL MASTER m", "SENTINEL MASTERS", "INFO sentinel"} {
					if text, err := x.do(cmd); err != nil || strings.Contains(text, "paused") {
						t.Errorf("s%d: %s: %s, %v", x.n, cmd, text, err)
					}
				}
			}
			if n := w.count("-failover-paused master m 10.0.1.1 6379"); n != 3*ends {
				t.Errorf("%d times -failover-paused, want %d", n, 3*ends)
			}
		}
		tell := func(x *worldSentinel, cmd string) {
			t.Helper()
			if text, err := x.do(cmd); err != nil || text != `+"OK"` {
				t.Errorf("%s: %s, %v", cmd, text, err)
			}
			time.Sleep(time.Second)
		}
		tell(w.sens[0], "SENTINEL PAUSE m FOR 20")
		shown(18_000, 19_000)
		time.Sleep(15 * time.Second)
		shown(3_000, 4_000)
		w.sens[2].kill()
		w.sens[2].start()
		w.await(3*time.Second, "the pause after a restart", func() bool {
			return w.sens[2].master()["flags"] == "master,failover_paused"
		})
		time.Sleep(5 * time.Second)
		gone(1)
		tell(w.sens[1], "SENTINEL PAUSE m")
		shown(-1, -1)
		tell(w.sens[2], "SENTINEL PAUSE m FOR 60")
		shown(58_000, 59_000)
		tell(w.sens[0], "SENTINEL RESUME m")
		gone(2)
		if n := w.count("+failover-paused"); n != 9 {
			t.Errorf("%d times +failover-paused, want 9", n)
		}
	})
}

// EVENTS goes on where a client left off, waits for what comes, and says when some are
// gone.
func TestEventsWithoutGaps(t *testing.T) {
	var j journal
	now := time.UnixMilli(1_800_000_000_000)
	if events, lost, more := j.since(0, 10); len(events) != 0 || lost || more == nil {
		t.Fatalf("of an empty journal: %v %v", events, lost)
	}
	for i := range journalMax + 5 {
		j.add(now, failover.Publish{Event: "+e", Payload: strings.Repeat("x", i%3)})
	}
	events, lost, _ := j.since(0, 2)
	if len(events) != 2 || lost || events[1].id != events[0].id+1 || events[0].id != now.UnixMicro()+5 {
		t.Errorf("from the begin: %v, lost %v", events, lost)
	}
	if events, lost, _ = j.since(now.UnixMicro()+1, 1); !lost || len(events) != 1 {
		t.Errorf("after what is gone: %v, lost %v", events, lost)
	}
	if events, lost, _ = j.since(now.UnixMicro()+4, 1); lost || len(events) != 1 {
		t.Errorf("after the last that is gone: %v, lost %v", events, lost)
	}
	_, _, more := j.since(j.newest(), 1)
	select {
	case <-more:
		t.Error("woken by nothing")
	default:
	}
	j.add(now, failover.Publish{Event: "+last"})
	<-more
	if events, _, _ = j.since(j.newest()-1, 5); len(events) != 1 || events[0].name != "+last" {
		t.Errorf("the newest: %v", events)
	}
}

// A client that blocks in EVENTS is answered at the next event, and no longer than it
// asked for.
func TestEventsBlock(t *testing.T) {
	inWorld(t, func(w *world) {
		start := time.Now()
		if text, _ := w.sens[0].do("SENTINEL EVENTS SINCE $ BLOCK 500"); time.Since(start) < 500*time.Millisecond {
			t.Errorf("answered after %v: %s", time.Since(start), text)
		}
		var asked sync.WaitGroup
		asked.Go(func() {
			text, err := w.sens[0].do("SENTINEL EVENTS SINCE $ BLOCK 0")
			if err != nil || !strings.Contains(text, "+set") {
				t.Errorf("%s, %v", text, err)
			}
		})
		time.Sleep(10 * time.Second)
		if _, err := w.sens[1].do("SENTINEL SET m failover-min-interval 1000"); err != nil {
			t.Error(err)
		}
		asked.Wait()
		if took := time.Since(start); took > 12*time.Second {
			t.Errorf("answered after %v", took)
		}
	})
}

// A sentinel that is cut off says so, and under strict-discovery names no master.
func TestStrictDiscovery(t *testing.T) {
	inWorld(t, func(w *world) {
		x := w.sens[0]
		x.s.mu.Lock()
		x.s.config.StrictDiscovery = true
		x.s.mu.Unlock()
		ask := func() string {
			text, err := x.do("SENTINEL GET-MASTER-ADDR-BY-NAME m")
			if err != nil {
				return err.Error()
			}
			return text
		}
		if text := ask(); !strings.Contains(text, "10.0.1.1") {
			t.Errorf("in the quorum: %s", text)
		}
		for _, y := range w.sens[1:] {
			w.net.Cut(x.host.IP(), y.host.IP())
		}
		time.Sleep(6 * time.Second)
		if text := ask(); !strings.Contains(text, "NOQUORUM") {
			t.Errorf("cut off: %s", text)
		}
		if flags := x.master()["flags"]; flags != "master,no_quorum" {
			t.Errorf("flags %q", flags)
		}
		if text, _ := x.do("INFO raft"); !strings.Contains(text, "raft_state:no-quorum") {
			t.Errorf("INFO: %s", text)
		}
		if text, _ := x.do("SENTINEL WHY m"); !strings.Contains(text, "No majority of the 3 voting sentinels can be reached") {
			t.Errorf("WHY: %s", text)
		}
		for _, y := range w.sens[1:] {
			w.net.Heal(x.host.IP(), y.host.IP())
		}
		w.await(20*time.Second, "quorum again", func() bool { return strings.Contains(ask(), "10.0.1.1") })
		w.await(2*time.Second, "its announcement", func() bool { return w.count("s0 -no-quorum") == 1 })
		if n := w.count("+no-quorum"); n != 1 {
			t.Errorf("%d times +no-quorum", n)
		}
	})
}

// A sentinel that has been restarted is cut off until it has heard from its cluster: its
// file, and its copy of what was agreed, may be old.
func TestCutOffSinceTheStart(t *testing.T) {
	inWorld(t, func(w *world) {
		for _, y := range w.sens {
			y.kill()
		}
		x := w.sens[0]
		x.start()
		x.s.mu.Lock()
		x.s.config.StrictDiscovery = true
		x.s.mu.Unlock()
		time.Sleep(100 * time.Millisecond)
		if text, err := x.do("SENTINEL GET-MASTER-ADDR-BY-NAME m"); err == nil || !strings.Contains(err.Error(), "NOQUORUM") {
			t.Errorf("%s, %v", text, err)
		}
		if text, _ := x.do("INFO raft"); !strings.Contains(text, "raft_state:no-quorum") {
			t.Errorf("INFO: %s", text)
		}
		time.Sleep(3 * time.Second)
		if flags := x.master()["flags"]; flags != "master,no_quorum" {
			t.Errorf("flags %q", flags)
		}
		w.sens[1].start()
		w.await(20*time.Second, "quorum again", func() bool {
			text, err := x.do("SENTINEL GET-MASTER-ADDR-BY-NAME m")
			return err == nil && strings.Contains(text, "10.0.1.1") && x.master()["flags"] == "master"
		})
	})
}

// The pre-failover script's answer decides; what cannot be run, or hangs, is no veto.
func TestPreFailoverScript(t *testing.T) {
	for _, c := range []struct {
		name string
		p    func() scriptProcess
		want failover.CheckDone
	}{
		{"consents", func() scriptProcess { return endedScript{} }, failover.CheckDone{Allowed: true}},
		{"refuses", func() scriptProcess { return endedScript{scriptExit{code: 3}} }, failover.CheckDone{Text: "exit status 3"}},
		{"is killed", func() scriptProcess { return endedScript{scriptExit{signal: 9}} }, failover.CheckDone{Text: "ended by signal 9"}},
		{"hangs", func() scriptProcess { return &hangingScript{stop: make(chan struct{})} }, failover.CheckDone{Allowed: true}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				got := make(chan failover.CheckDone, 1)
				askScript(context.Background(), c.p(), func(allowed bool, text string) {
					got <- failover.CheckDone{Allowed: allowed, Text: text}
				})
				if answer := <-got; answer != c.want {
					t.Errorf("%+v, want %+v", answer, c.want)
				}
			})
		})
	}
}

type endedScript struct{ exit scriptExit }

func (endedScript) pid() int           { return 1 }
func (endedScript) kill()              {}
func (s endedScript) wait() scriptExit { return s.exit }

type hangingScript struct{ stop chan struct{} }

func (*hangingScript) pid() int { return 1 }
func (s *hangingScript) kill()  { close(s.stop) }
func (s *hangingScript) wait() scriptExit {
	<-s.stop
	return scriptExit{signal: 9}
}

package integration

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// demoOutcome is the part of `vedette demo --json` that is held here.
type demoOutcome struct {
	OK       bool
	Problems []string
	Seconds  float64
	Folder   string
	Faults   []struct {
		Fault              string
		Detection          *float64 `json:"detection_ms"`
		Agreement          *float64 `json:"agreement_ms"`
		Switch             *float64 `json:"switch_ms"`
		Answers            *float64 `json:"answers_ms"`
		Outage             *float64 `json:"outage_ms"`
		Replica            *float64 `json:"replica_ms"`
		AcknowledgedBefore int      `json:"acknowledged_before"`
		Writes             struct {
			Checked, Lost int
			Late          int `json:"lost_after_mark"`
		}
		Timeline []struct{ Who, What string }
	}
	Final struct {
		Master         string
		Replicas       []string
		Offset         string
		SentinelsAgree bool `json:"sentinels_agree"`
		Acknowledged   int
	}
}

// demoLimit is how long the demo may take: it promises less than a minute.
const demoLimit = time.Minute

// The demo is the shortest true account of what the project does: it must succeed, and
// leave nothing behind.
func TestDemo(t *testing.T) {
	oneCluster.Lock()
	defer oneCluster.Unlock()
	tmp := t.TempDir()
	cmd := exec.Command(vedette, "demo", "--json", "--down-after", "3s")
	cmd.Env = append(os.Environ(), "TMPDIR="+tmp)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	began := time.Now()
	err := cmd.Run()
	if took := time.Since(began); took > demoLimit {
		t.Errorf("took %v", took)
	}
	if err != nil {
		t.Fatalf("vedette demo: %v\n%s%s", err, &out, &errs)
	}
	var got demoOutcome
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		t.Fatalf("%v in\n%s", err, &out)
	}
	if !got.OK || len(got.Problems) > 0 || got.Folder != "" || len(got.Faults) != 3 {
		t.Fatalf("%s", &out)
	}
	checkDemoFaults(t, got)
	if f := got.Final; f.Master == "" || len(f.Replicas) != 2 || f.Offset == "" || !f.SentinelsAgree || f.Acknowledged == 0 {
		t.Errorf("final state: %+v", f)
	}
	if left, _ := filepath.Glob(filepath.Join(tmp, "*")); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
	if left := processesMentioning(tmp); len(left) > 0 {
		t.Errorf("still running: %q", left)
	}
}

func checkDemoFaults(t *testing.T, got demoOutcome) {
	t.Helper()
	checked := 0
	for i, f := range got.Faults {
		if want := []string{"kill", "freeze", "manual"}[i]; f.Fault != want {
			t.Errorf("fault %d is %q, not %q", i, f.Fault, want)
		}
		for name, figure := range map[string]*float64{"agreement": f.Agreement, "switch": f.Switch,
			"answers": f.Answers, "outage": f.Outage, "replica": f.Replica} {
			if figure == nil {
				t.Errorf("%s: no figure for %s", f.Fault, name)
			}
		}
		if (f.Detection == nil) != (f.Fault == "manual") {
			t.Errorf("%s: detection %v", f.Fault, f.Detection)
		}
		if f.Writes.Lost > 0 || f.Writes.Checked < f.AcknowledgedBefore || f.Writes.Checked <= checked {
			t.Errorf("%s: %+v of %d before", f.Fault, f.Writes, f.AcknowledgedBefore)
		}
		checked = f.Writes.Checked
		seen := map[string]bool{}
		for _, e := range f.Timeline {
			seen[e.What] = true
		}
		for _, want := range []string{"+vote-for-leader", "+elected-leader", "+promoted-slave", "+switch-master", "writes again"} {
			if !seen[want] {
				t.Errorf("%s: no %s on the timeline", f.Fault, want)
			}
		}
	}
}

// processesMentioning lists the command lines and the directories of processes of
// which one contains text.
func processesMentioning(text string) (lines []string) {
	procs, _ := filepath.Glob("/proc/[0-9]*")
	for _, proc := range procs {
		b, _ := os.ReadFile(proc + "/cmdline")
		dir, _ := os.Readlink(proc + "/cwd")
		if line := dir + " " + strings.ReplaceAll(string(b), "\x00", " "); strings.Contains(line, text) {
			lines = append(lines, line)
		}
	}
	return lines
}

package integration

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// DEBUG RESTART saves and starts the process again, CRASH-AND-RECOVER has what was saved
// last; the others end it with the stacks in its log.
func TestDebugCrashes(t *testing.T) {
	p := startVedette(t, "--save", "3600 1000")
	gone := func(args ...string) {
		t.Helper()
		if r, err := ask(p, args...); err == nil {
			t.Fatalf("%q is answered: %q", args, r.raw)
		}
	}
	holdsA := func() {
		t.Helper()
		p.waitReady()
		if r, err := ask(p, "MGET", "a", "b"); err != nil || r.raw != "*2\r\n$1\r\n1\r\n$-1\r\n" {
			t.Errorf("%q, %v, want a and not b", r.raw, err)
		}
		if r, err := ask(p, "INFO", "server"); err != nil || !strings.Contains(r.text, fmt.Sprintf("process_id:%d\r\n", p.cmd.Process.Pid)) {
			t.Errorf("another process, or none: %v", err)
		}
	}
	if _, err := ask(p, "SET", "a", "1"); err != nil {
		t.Fatal(err)
	}
	gone("DEBUG", "RESTART")
	holdsA()
	if _, err := ask(p, "SET", "b", "2"); err != nil {
		t.Fatal(err)
	}
	gone("DEBUG", "CRASH-AND-RECOVER", "10")
	holdsA()
	for _, how := range []string{"SEGFAULT", "PANIC", "ASSERT", "OOM"} {
		p := startVedette(t)
		if r, err := ask(p, "DEBUG", how); err == nil {
			t.Fatalf("DEBUG %s is answered: %q", how, r.raw)
		}
		select {
		case <-p.done:
		case <-time.After(patience):
			t.Fatalf("it survives DEBUG %s", how)
		}
		if p.cmd.ProcessState.Success() || !strings.Contains(p.out.String(), "goroutine ") {
			t.Errorf("after DEBUG %s: %v, and in the log\n%s", how, p.cmd.ProcessState, p.out)
		}
	}
}

package sentinel

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vedette-ha/vedette/failover"
)

// scriptBench is a queue of scripts in virtual time whose processes are made up.
type scriptBench struct {
	q *scripts

	mu     sync.Mutex // guards what follows
	begun  []*fakeScript
	events []string
}

// fakeScript is a process that ends when the test says so, or is killed.
type fakeScript struct {
	id   int
	argv []string
	at   time.Time
	end  chan scriptExit
}

func (p *fakeScript) pid() int         { return p.id }
func (p *fakeScript) kill()            { p.end <- scriptExit{signal: int(syscall.SIGKILL)} }
func (p *fakeScript) wait() scriptExit { return <-p.end }

func (b *scriptBench) start(argv []string) (scriptProcess, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch argv[0] {
	case "/missing":
		return nil, syscall.ENOENT
	case "/crowded":
		return nil, syscall.EAGAIN
	}
	p := &fakeScript{len(b.begun) + 1, argv, time.Now(), make(chan scriptExit, 1)}
	b.begun = append(b.begun, p)
	return p, nil
}

func (b *scriptBench) publish(p failover.Publish) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.events = append(b.events, p.Event+" "+p.Payload)
}

func (b *scriptBench) count() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.begun)
}

func withScripts(t *testing.T, f func(b *scriptBench)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b := &scriptBench{}
		b.q = &scripts{
			start: b.start, publish: b.publish, wake: make(chan struct{}, 1),
			limits: func() (time.Duration, time.Duration) { return time.Minute, 30 * time.Second },
		}
		ctx, stop := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() { b.q.run(ctx) })
		f(b)
		stop()
		wg.Wait()
	})
}

func (b *scriptBench) wants(t *testing.T, events ...string) {
	t.Helper()
	synctest.Wait()
	b.mu.Lock()
	defer b.mu.Unlock()
	if !slices.Equal(b.events, events) {
		t.Errorf("events %q\nwant   %q", b.events, events)
	}
	b.events = nil
}

// At most sixteen run at once, the others wait in their order; beyond 256 the oldest
// that waits is dropped.
func TestScriptsQueue(t *testing.T) {
	withScripts(t, func(b *scriptBench) {
		for i := range 16 {
			b.q.add("/s", []string{strconv.Itoa(i)})
		}
		synctest.Wait()
		for i := 16; i < 300; i++ {
			b.q.add("/s", []string{strconv.Itoa(i)})
		}
		synctest.Wait()
		if running, queued := b.q.counts(); running != 16 || queued != 256 {
			t.Errorf("%d run of %d", running, queued)
		}
		list := b.q.pending()
		if first, next := list[0], list[16]; !first.running || first.pid != 1 || first.retries != 1 ||
			next.running || next.argv[1] != "60" {
			t.Errorf("first %+v, next %+v", first, next)
		}
		b.begun[0].end <- scriptExit{}
		synctest.Wait()
		if p := b.begun[16]; p.argv[1] != "60" {
			t.Errorf("next to run is %q", p.argv)
		}
		for len(b.q.pending()) > 0 {
			for _, p := range b.begun {
				select {
				case p.end <- scriptExit{}:
				default:
				}
			}
			synctest.Wait()
		}
	})
}

// Exit status 1 and the end by a signal mean another attempt, each twice as late as the
// one before, ten in all; 2 and more do not.
func TestScriptsAreRetried(t *testing.T) {
	withScripts(t, func(b *scriptBench) {
		b.q.add("/s", []string{"a", "b c"})
		var pauses []time.Duration
		last := time.Now()
		for i := range mostScriptRetries {
			for b.count() <= i {
				time.Sleep(200 * time.Millisecond)
				synctest.Wait()
			}
			pauses = append(pauses, b.begun[i].at.Sub(last).Round(time.Second))
			last = b.begun[i].at
			b.begun[i].end <- scriptExit{code: 1}
			synctest.Wait()
		}
		want := []time.Duration{0}
		for d := 30 * time.Second; len(want) < mostScriptRetries; d *= 2 {
			want = append(want, d)
		}
		if !slices.Equal(pauses, want) {
			t.Errorf("pauses %v, want %v", pauses, want)
		}
		if got := b.events[len(b.events)-1]; got != "-script-error /s 0 1" {
			t.Errorf("last event %q", got)
		}
		b.events = nil
		b.q.add("/s", nil)
		synctest.Wait()
		b.begun[mostScriptRetries].end <- scriptExit{code: 2}
		b.wants(t, "+script-child 11", "-script-child 11 2 0", "-script-error /s 0 2")
		b.q.add("/missing", nil)
		b.q.add("/crowded", nil)
		b.wants(t, "-script-error /missing 0 2", "-script-error /crowded 99 0")
	})
}

// A script that takes longer than a minute is killed, which counts as a signal.
func TestScriptTakesTooLong(t *testing.T) {
	withScripts(t, func(b *scriptBench) {
		b.q.add("/s", nil)
		time.Sleep(59 * time.Second)
		b.wants(t, "+script-child 1")
		time.Sleep(2 * time.Second)
		b.wants(t, "-script-timeout /s 1", "-script-child 1 0 9")
		if p := b.q.pending(); len(p) != 1 || p[0].running || p[0].time > 30*time.Second || p[0].retries != 1 {
			t.Errorf("pending %+v", p)
		}
		time.Sleep(30 * time.Second)
		b.wants(t, "+script-child 2")
		b.begun[1].end <- scriptExit{}
		b.wants(t, "-script-child 2 0 0")
	})
}

// A real process gets its arguments one by one, and its end is told apart. A name without
// a slash is a file in the working directory, not a program of PATH.
func TestRealScript(t *testing.T) {
	dir := t.TempDir()
	path, out := filepath.Join(dir, "script"), filepath.Join(dir, "out")
	text := "#!/bin/sh\nfor a; do echo \"[$a]\" >> " + out + "; done\n[ \"$1\" = kill ] && kill -9 $$\nexit 3\n"
	if err := os.WriteFile(path, []byte(text), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Chdir(dir)
	for _, c := range []struct {
		path, first string
		want        scriptExit
	}{
		{path, "+sdown", scriptExit{code: 3}},
		{path, "kill", scriptExit{signal: 9}},
		{"script", "+odown", scriptExit{code: 3}},
	} {
		p, err := startScript([]string{c.path, c.first, "master m 1.2.3.4 5"})
		if err != nil {
			t.Fatal(err)
		}
		if got := p.wait(); got != c.want {
			t.Errorf("%s %s ended with %+v, want %+v", c.path, c.first, got, c.want)
		}
	}
	b, err := os.ReadFile(out)
	if err != nil || strings.Count(string(b), "[master m 1.2.3.4 5]\n") != 3 {
		t.Errorf("arguments %q, %v", b, err)
	}
}

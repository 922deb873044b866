package sentinel

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/vedette-ha/vedette/failover"
)

// Bounds of scripts, as in Redis.
const (
	mostScripts        = 256 // queued; beyond that the oldest that waits is dropped
	mostRunningScripts = 16
	mostScriptRetries  = 10
)

// What became of a script that could not even be started.
const (
	noProcess    = 99 // the "signal" of -script-error when there was no process
	notAProgram  = 2  // the exit status of a process that could not become the program
	tryAgainLate = 1  // the exit status that asks for another attempt
)

// scriptExit is how a script ended.
type scriptExit struct{ code, signal int }

// scriptProcess is a script that runs.
type scriptProcess interface {
	pid() int
	kill()
	wait() scriptExit // blocks
}

// script is one call of a notification or reconfiguration script.
type script struct {
	argv    []string
	process scriptProcess // nil: it waits
	since   time.Time     // running: when it began; waiting: when it may begin, zero: at once
	retries int
	killed  bool // it took too long
}

// scripts runs the scripts of events one after the other, beside the loop. Safe for
// concurrent use.
type scripts struct {
	start   func(argv []string) (scriptProcess, error)
	limits  func() (longest, retryDelay time.Duration)
	publish func(failover.Publish)
	wake    chan struct{} // holds a token when run has something to look at

	mu      sync.Mutex // guards what follows; never held while starting or publishing
	queue   []*script  // in the order they came
	running int
}

// add queues a call.
func (q *scripts) add(path string, args []string) {
	q.mu.Lock()
	q.queue = append(q.queue, &script{argv: append([]string{path}, args...)})
	if len(q.queue) > mostScripts {
		i := slices.IndexFunc(q.queue, func(s *script) bool { return s.process == nil })
		q.queue = slices.Delete(q.queue, i, i+1)
	}
	q.mu.Unlock()
	signal(q.wake)
}

// run starts what is due and ends what takes too long, until ctx ends. Scripts that
// run then go on: what they tell the world is as true without us.
func (q *scripts) run(ctx context.Context) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		q.startDue()
		q.killLate()
		timer.Reset(q.pause())
		select {
		case <-ctx.Done():
			return
		case <-q.wake:
		case <-timer.C:
		}
	}
}

// startDue starts waiting scripts in their order, as many as may run.
func (q *scripts) startDue() {
	for {
		s := q.next()
		if s == nil {
			return
		}
		p, err := q.start(s.argv)
		if err != nil {
			q.failed(s, err)
			continue
		}
		q.mu.Lock()
		s.process = p
		q.mu.Unlock()
		q.publish(failover.Publish{Level: failover.Debug, Event: "+script-child", Payload: strconv.Itoa(p.pid())})
		go func() { // ends with the process
			exit := p.wait()
			q.ended(s, p.pid(), exit)
			signal(q.wake)
		}()
	}
}

// starting holds the place of a process that is being started.
type starting struct{}

func (starting) pid() int         { return 0 }
func (starting) kill()            {}
func (starting) wait() scriptExit { return scriptExit{} }

// next takes the first script that may run now.
func (q *scripts) next() *script {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := time.Now()
	for _, s := range q.queue {
		if q.running >= mostRunningScripts {
			return nil
		}
		if s.process == nil && !s.since.After(now) {
			s.process, s.since, s.killed = starting{}, now, false
			s.retries++
			q.running++
			return s
		}
	}
	return nil
}

// failed gives a script up that has no process: it cannot be executed, or there are
// no processes left.
func (q *scripts) failed(s *script, err error) {
	exit := scriptExit{code: notAProgram}
	if errors.Is(err, syscall.EAGAIN) || errors.Is(err, syscall.ENOMEM) {
		exit = scriptExit{signal: noProcess}
	}
	q.mu.Lock()
	q.running--
	q.drop(s)
	q.mu.Unlock()
	q.scriptError(s, exit)
}

// drop takes s out of the queue; the lock is held.
func (q *scripts) drop(s *script) {
	q.queue = slices.DeleteFunc(q.queue, func(x *script) bool { return x == s })
}

// ended sees to a script whose process is gone: exit status 1 and the end by a signal
// mean another attempt, each later than the one before.
func (q *scripts) ended(s *script, pid int, exit scriptExit) {
	q.publish(failover.Publish{Level: failover.Debug, Event: "-script-child",
		Payload: strconv.Itoa(pid) + " " + strconv.Itoa(exit.code) + " " + strconv.Itoa(exit.signal)})
	_, delay := q.limits()
	again := (exit.signal != 0 || exit.code == tryAgainLate) && s.retries != mostScriptRetries
	q.mu.Lock()
	q.running--
	if again {
		s.process, s.since = nil, time.Now().Add(delay<<(s.retries-1))
	} else {
		q.drop(s)
	}
	q.mu.Unlock()
	if !again && exit != (scriptExit{}) {
		q.scriptError(s, exit)
	}
}

func (q *scripts) scriptError(s *script, exit scriptExit) {
	q.publish(failover.Publish{Level: failover.Warning, Event: "-script-error",
		Payload: s.argv[0] + " " + strconv.Itoa(exit.signal) + " " + strconv.Itoa(exit.code)})
}

// killLate ends the scripts that have run for longer than they may.
func (q *scripts) killLate() {
	longest, _ := q.limits()
	type lateScript struct {
		path    string
		process scriptProcess
	}
	var late []lateScript
	q.mu.Lock()
	for _, s := range q.queue {
		if s.process != nil && !s.killed && time.Since(s.since) > longest {
			s.killed = true
			late = append(late, lateScript{s.argv[0], s.process})
		}
	}
	q.mu.Unlock()
	for _, l := range late {
		q.publish(failover.Publish{Level: failover.Warning, Event: "-script-timeout",
			Payload: l.path + " " + strconv.Itoa(l.process.pid())})
		l.process.kill()
	}
}

// pause is how long nothing is due, unless a script is queued or ends.
func (q *scripts) pause() time.Duration {
	longest, _ := q.limits()
	q.mu.Lock()
	defer q.mu.Unlock()
	pause := time.Minute
	for _, s := range q.queue {
		switch {
		case s.process == nil && q.running < mostRunningScripts:
			pause = min(pause, time.Until(s.since))
		case s.process != nil && !s.killed:
			pause = min(pause, time.Until(s.since.Add(longest+time.Millisecond)))
		}
	}
	return max(pause, 0)
}

// counts is what INFO shows.
func (q *scripts) counts() (running, queued int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.running, len(q.queue)
}

// pending is what SENTINEL PENDING-SCRIPTS shows.
func (q *scripts) pending() []pendingScript {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := time.Now()
	list := make([]pendingScript, 0, len(q.queue))
	for _, s := range q.queue {
		p := pendingScript{argv: s.argv, retries: s.retries, running: s.process != nil}
		if p.running {
			p.pid, p.time = s.process.pid(), now.Sub(s.since)
		} else if !s.since.IsZero() {
			p.time = max(s.since.Sub(now), 0)
		}
		list = append(list, p)
	}
	return list
}

// pendingScript is one entry of the queue.
type pendingScript struct {
	argv    []string
	running bool
	pid     int
	time    time.Duration // that it has run, or that it still waits
	retries int
}

// executable says whether path is a program that we may run.
func executable(path string) bool {
	fi, err := os.Stat(path)
	return err == nil && !fi.IsDir() && unix.Access(path, unix.X_OK) == nil
}

// MissingScript is a line of sentinel.conf whose script cannot be run here.
type MissingScript struct {
	Directive []string // option, master, path
	Err       error
}

// checkMissing refuses scripts that somebody wrote into the file and that are missing.
// What stands there since we read or wrote the file last may come from another sentinel,
// which has the script: no reason for this one to stay away.
func (s *Sentinel) checkMissing(scripts []MissingScript, known [][]string) error {
	for _, m := range scripts {
		if !slices.ContainsFunc(known, func(d []string) bool { return slices.Equal(d, m.Directive) }) {
			return m.Err
		}
		s.log.Warn().Err(m.Err).Msg("a script cannot be run on this machine")
	}
	return nil
}

// startScript runs a program with our standard output and errors. A name without a slash
// is a file in dir, too: PATH, where exec.Command would look, may have another one.
func startScript(argv []string) (scriptProcess, error) {
	cmd := &exec.Cmd{Path: argv[0], Args: argv, Stdout: os.Stdout, Stderr: os.Stderr}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	return runningScript{cmd}, nil
}

// checkTime is how long a pre-failover script may take: one that hangs stops no
// failover.
const checkTime = 5 * time.Second

// runCheck asks the pre-failover script. What cannot be run is no veto; it is logged.
func (lp *loop) runCheck(a failover.RunCheck) {
	done := failover.CheckDone{Token: a.Token, Allowed: true}
	if !lp.s.background(lp.ctx, func(ctx context.Context) {
		p, err := lp.s.scripts.start(append([]string{a.Path}, a.Args...))
		if err != nil {
			lp.s.log.Error().Err(err).Str("master", a.Master).Msg("pre-failover-script cannot be run, the failover goes on")
		} else {
			askScript(ctx, p, func(allowed bool, text string) { done.Allowed, done.Text = allowed, text })
		}
		_ = lp.s.do(ctx, func(lp *loop) {
			done.At = time.Now()
			lp.step(done)
		})
	}) {
		done.At = time.Now()
		lp.step(done)
	}
}

// askScript waits for a script that was started, as long as it may take, and calls
// answer once: with false and the reason for a veto.
func askScript(ctx context.Context, p scriptProcess, answer func(allowed bool, text string)) {
	ctx, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	stop := context.AfterFunc(ctx, p.kill)
	exit := p.wait()
	switch {
	case !stop(), exit == scriptExit{}: // it took too long, or consents
		answer(true, "")
	case exit.signal != 0:
		answer(false, "ended by signal "+strconv.Itoa(exit.signal))
	default:
		answer(false, "exit status "+strconv.Itoa(exit.code))
	}
}

type runningScript struct{ cmd *exec.Cmd }

func (r runningScript) pid() int { return r.cmd.Process.Pid }

func (r runningScript) kill() { _ = r.cmd.Process.Kill() }

func (r runningScript) wait() scriptExit {
	_ = r.cmd.Wait()
	ws, ok := r.cmd.ProcessState.Sys().(syscall.WaitStatus)
	switch {
	case !ok:
		return scriptExit{code: r.cmd.ProcessState.ExitCode()}
	case ws.Signaled():
		return scriptExit{signal: int(ws.Signal())}
	}
	return scriptExit{code: ws.ExitStatus()}
}

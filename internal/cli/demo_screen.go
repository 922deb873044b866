//go:build !nodemo

package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

const (
	plainWidth = 80 // of what is no terminal
	// Events come from several connections and are put in order before they are shown:
	// each is held back for as long as an earlier one may take to come in.
	showEvery = 40 * time.Millisecond
	holdBack  = 40 * time.Millisecond
)

// errNobodyWatches ends a demo whose output has been closed.
var errNobodyWatches = errors.New("the output cannot be written to")

// demoScreen shows the demo as it happens. Safe for concurrent use.
type demoScreen struct {
	timeline *demoTimeline
	out      io.Writer
	file     *os.File // out as a terminal, or nil
	paint    painter
	failed   func(error) // told once when out cannot be written to

	mu       sync.Mutex // guards the rest, and the order of what is written
	began    time.Time  // zero of the timeline
	shown    int        // events taken from the timeline
	held     []demoEvent
	transit  string // the progress line on the terminal
	redrawn  time.Time
	finished bool
}

// newDemoScreen shows nothing if only JSON is wanted. broken is called if std cannot
// be written to any more.
func newDemoScreen(out io.Writer, o demoOptions, broken context.CancelCauseFunc) *demoScreen {
	s := &demoScreen{timeline: &demoTimeline{}, out: out, began: time.Now(), failed: broken}
	if o.json {
		s.out = io.Discard
		return s
	}
	if isTerminal(out) {
		s.file = out.(*os.File)
		s.paint = painter(!o.noColor && os.Getenv("TERM") != "dumb")
	}
	return s
}

// width is the number of columns.
func (s *demoScreen) width() int {
	if s.file == nil {
		return plainWidth
	}
	ws, err := unix.IoctlGetWinsize(int(s.file.Fd()), unix.TIOCGWINSZ)
	if err != nil || ws.Col == 0 {
		return plainWidth
	}
	return int(ws.Col)
}

// print prints lines, after all events that have come in.
func (s *demoScreen) print(lines []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.flush(time.Now())
	s.write(lines)
}

// write replaces the progress line with lines. s.mu is held.
func (s *demoScreen) write(lines []string) {
	if len(lines) == 0 {
		return
	}
	text := strings.Join(lines, "\n") + "\n"
	if s.transit != "" {
		text = clearLine + text
		s.transit = ""
	}
	s.put(text)
}

func (s *demoScreen) put(text string) {
	if _, err := io.WriteString(s.out, text); err != nil && s.failed != nil {
		s.failed(fmt.Errorf("%w: %w", errNobodyWatches, err))
		s.failed = nil
	}
}

// clearLine goes to the first column and clears the line.
const clearLine = "\r\x1b[K"

// progressEvery is the shortest time between two states of the progress line.
const progressEvery = 100 * time.Millisecond

// progress shows what the demo is waiting for, on a terminal.
func (s *demoScreen) progress(what string) {
	if s.file == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if now := time.Now(); !s.finished && (s.transit == "" || now.Sub(s.redrawn) >= progressEvery) {
		s.redrawn = now
		line := []rune("  … " + what)
		line = line[:min(len(line), s.width()-1)]
		s.transit = string(line)
		s.put(clearLine + s.paint.dim(s.transit))
	}
}

// live shows events as they come in, until ctx ends.
func (s *demoScreen) live(ctx context.Context) {
	tick := time.NewTicker(showEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			s.mu.Lock()
			s.flush(now.Add(-holdBack))
			s.mu.Unlock()
		}
	}
}

// flush shows the events before a time, in order. s.mu is held.
func (s *demoScreen) flush(before time.Time) {
	news := s.timeline.from(s.shown)
	s.shown += len(news)
	s.held = append(s.held, news...)
	slices.SortStableFunc(s.held, func(a, b demoEvent) int { return a.At.Compare(b.At) })
	n := 0
	for n < len(s.held) && s.held[n].At.Before(before) {
		n++
	}
	var lines []string
	for _, e := range s.held[:n] {
		lines = append(lines, eventLine(e, s.began, s.paint))
	}
	s.held = slices.Delete(s.held, 0, n)
	s.write(lines)
}

// zero begins a new count of milliseconds.
func (s *demoScreen) zero(at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.flush(at)
	s.began = at
}

// close shows what is left and takes the progress line away.
func (s *demoScreen) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.flush(time.Now())
	s.finished = true
	if s.transit != "" {
		s.put(clearLine)
		s.transit = ""
	}
}

// eventLine is one line of the timeline.
func eventLine(e demoEvent, zero time.Time, p painter) string {
	ahead := fmt.Sprintf("%8s ms  ", ms(max(e.At.Sub(zero), 0)))
	who, what := fmt.Sprintf("%-10s", e.Who), fmt.Sprintf("%-18s", e.What)
	switch {
	case strings.HasPrefix(e.Who, "sentinel"):
		who = p.cyan(who)
	case strings.HasPrefix(e.Who, "writer"):
		who = p.green(who)
	default:
		who = p.yellow(who)
	}
	switch e.What {
	case "+switch-master", "+elected-leader", whatWrites, whatInSync:
		what = p.bold(what)
	case "SIGKILL", "SIGSTOP", whatFailover:
		what = p.red(what)
	case "+vote-for-leader", whatAnswers:
		what = p.dim(what)
	}
	return strings.TrimRight(ahead+who+"  "+what+"  "+e.Text, " ")
}

// painter adds colours if it is true.
type painter bool

func (p painter) in(code, text string) string {
	if !p {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

func (p painter) bold(text string) string   { return p.in("1", text) }
func (p painter) dim(text string) string    { return p.in("2", text) }
func (p painter) red(text string) string    { return p.in("1;31", text) }
func (p painter) green(text string) string  { return p.in("32", text) }
func (p painter) yellow(text string) string { return p.in("33", text) }
func (p painter) cyan(text string) string   { return p.in("36", text) }

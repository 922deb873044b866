package integration

import (
	"bufio"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestRecipes types what the pages of docs/recipes show into redis-cli and compares
// what comes back, on this server and on redis-server.
func TestRecipes(t *testing.T) {
	cli := need(t, "redis-cli")
	pages, err := filepath.Glob("../docs/recipes/*.md")
	if err != nil || len(pages) < 2 {
		t.Fatalf("%d pages: %v", len(pages), err)
	}
	for name, server := range map[string]*process{"vedette": startVedette(t), "redis": startRedis(t)} {
		for _, page := range pages {
			t.Run(name+"/"+strings.TrimSuffix(filepath.Base(page), ".md"), func(t *testing.T) {
				runRecipe(t, cli, server, page)
			})
		}
	}
}

// codeBlock is a fenced block of a page: "redis" is typed, "text" comes back, for the
// terminal whose name follows.
type codeBlock struct {
	line     int // in the page
	typed    bool
	terminal string
	lines    []string
}

func readCodeBlocks(t *testing.T, page string) (blocks []codeBlock) {
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	var b *codeBlock
	for i, line := range strings.Split(string(text), "\n") {
		info, fence := strings.CutPrefix(line, "```")
		switch {
		case fence && b == nil:
			kind, terminal, _ := strings.Cut(info, " ")
			if kind != "redis" && kind != "text" {
				t.Fatalf("%s:%d: a block of kind %q", page, i+1, kind)
			}
			b = &codeBlock{line: i + 1, typed: kind == "redis", terminal: terminal}
		case fence:
			blocks = append(blocks, *b)
			b = nil
		case b != nil:
			b.lines = append(b.lines, line)
		}
	}
	return blocks
}

func runRecipe(t *testing.T, cli string, server *process, page string) {
	control := dial(t, server)
	control.do("FLUSHALL")
	terminals := map[string]*terminal{}
	blocks := readCodeBlocks(t, page)
	for i, b := range blocks {
		term := terminals[b.terminal]
		if term == nil {
			term = openTerminal(t, cli, server)
			terminals[b.terminal] = term
		}
		if b.typed {
			term.enter(b.lines)
			if i+1 < len(blocks) && blocks[i+1].terminal != b.terminal {
				waitBlocked(control)
			}
			continue
		}
		for i, want := range b.lines {
			got := term.read()
			if !alikeLines(got, want) {
				t.Fatalf("%s:%d: redis-cli prints\n  %s\nand the page says\n  %s", page, b.line+1+i, got, want)
			}
		}
	}
	for name, term := range terminals {
		if rest := term.end(); rest != "" {
			t.Errorf("%s, %q: redis-cli prints more than the page: %s", page, name, rest)
		}
	}
}

// waitBlocked waits until a client waits in a blocking command.
func waitBlocked(p *peer) {
	p.t.Helper()
	for deadline := time.Now().Add(10 * time.Second); p.info("clients", "blocked_clients") == "0"; {
		if time.Now().After(deadline) {
			p.t.Fatal("nobody is blocked")
		}
		time.Sleep(5 * time.Millisecond)
	}
}

var (
	longNumber  = regexp.MustCompile(`\d{10,}`) // times and ids made of them
	shortNumber = regexp.MustCompile(`^\(integer\) (\d+)$`)
)

// alikeLines compares what is printed, but for what depends on the time of day, and a
// second that has gone by.
func alikeLines(got, want string) bool {
	if longNumber.ReplaceAllString(got, "N") == longNumber.ReplaceAllString(want, "N") {
		return true
	}
	a, b := shortNumber.FindStringSubmatch(got), shortNumber.FindStringSubmatch(want)
	if a == nil || b == nil {
		return false
	}
	x, _ := strconv.Atoi(a[1])
	y, _ := strconv.Atoi(b[1])
	const longest = 10 // seconds: only times to live are as large
	return y > 2*longest && x <= y && y-x < longest
}

// terminal is a redis-cli that somebody types into.
type terminal struct {
	t       *testing.T
	in      io.WriteCloser
	lines   chan string // closed at the end
	listens bool        // SUBSCRIBE was the last
}

func openTerminal(t *testing.T, cli string, server *process) *terminal {
	cmd := exec.Command(cli, "--no-raw", "-p", strconv.Itoa(server.port))
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	term := &terminal{t: t, in: in, lines: make(chan string, 1000)}
	go func() {
		defer close(term.lines)
		for sc := bufio.NewScanner(out); sc.Scan(); {
			if !tookTime.MatchString(sc.Text()) && sc.Text() != "" {
				term.lines <- sc.Text()
			}
		}
	}()
	return term
}

// tookTime is what redis-cli adds after a command that took long.
var tookTime = regexp.MustCompile(`^\([0-9.]+s\)$`)

// enter types lines.
func (m *terminal) enter(lines []string) {
	m.t.Helper()
	if _, err := io.WriteString(m.in, strings.Join(lines, "\n")+"\n"); err != nil {
		m.t.Fatal(err)
	}
}

// read returns the next line that is printed, or "" at the end.
func (m *terminal) read() string {
	m.t.Helper()
	select {
	case line := <-m.lines:
		m.listens = m.listens || strings.HasPrefix(line, "Reading messages")
		return line
	case <-time.After(20 * time.Second):
		m.t.Fatal("redis-cli prints nothing")
		return ""
	}
}

// end closes the terminal and returns what else was printed. One that listens to
// messages does not end by itself.
func (m *terminal) end() string {
	m.t.Helper()
	m.in.Close()
	if m.listens {
		return ""
	}
	return m.read()
}

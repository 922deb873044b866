// Command bench measures vedette against redis-server and Redis Sentinel on one
// machine, interleaved: every pair runs both sides one after the other, and what
// counts is the median of the pairs' ratios.
//
//	go run ./integration/bench [flags] [PART ...]
//
// The parts are serving, types, memory, typememory, stalls, snapshot, fullsync and
// failover; without one, all run. Each run's figures are appended to a file per part in the folder of -out as
// soon as they are known, and a call goes on where the last one was stopped; -fresh
// begins anew. `bench report` prints the tables of what is there, and -write puts
// them between the markers of a Markdown page.
//
// It is a program and not a test, because it takes minutes to hours, judges nothing,
// and its results are kept.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"
)

// options are what the command line says.
type options struct {
	pairs   int
	quick   bool // sizes for developing the harness; the figures mean nothing
	fresh   bool
	vedette string
	redis   string
	out     string // folder of the results
	page    string // Markdown page whose tables are replaced
	only    string // regular expression on the names of cases
}

// part is one group of measurements.
type part struct {
	name  string
	title string
	cases func(*options) []measured // in the order of the table
	// run measures what the journal lacks.
	run    func(context.Context, *bench) error
	report func(*table, *journal, []measured)
}

// measured is one line of a part's table.
type measured struct {
	name  string // also the key in the journal
	title string
}

// parts in the order they run.
func parts() []part {
	return []part{servingPart(), typesPart(), memoryPart(), typeMemoryPart(), stallsPart(), snapshotPart(), fullSyncPart(),
		failoverPart(), sentinelsPart()}
}

func main() {
	redis.SetLogger(silent{})
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	o := &options{}
	fs := flag.NewFlagSet("bench", flag.ExitOnError)
	fs.IntVar(&o.pairs, "pairs", 15, "interleaved pairs of each case")
	fs.BoolVar(&o.quick, "quick", false, "small sizes, to try the harness; the figures mean nothing")
	fs.BoolVar(&o.fresh, "fresh", false, "forget what earlier calls measured")
	fs.StringVar(&o.vedette, "vedette", "./vedette", "the binary to measure")
	fs.StringVar(&o.redis, "redis", "redis-server", "what to measure it against")
	fs.StringVar(&o.out, "out", "bin/bench", "folder for the results")
	fs.StringVar(&o.page, "write", "", "Markdown page whose tables to replace")
	fs.StringVar(&o.only, "only", "", "run only the cases that match this regular expression")
	if err := fs.Parse(args); err != nil {
		return err
	}
	chosen, reportOnly, err := choose(fs.Args())
	if err != nil {
		return err
	}
	if o.quick {
		o.out += "-quick"
	}
	if !reportOnly {
		if err := measure(ctx, o, chosen); err != nil {
			return err
		}
	}
	return report(o, chosen)
}

// choose resolves the names on the command line.
func choose(names []string) (chosen []part, reportOnly bool, err error) {
	all := parts()
	for _, name := range names {
		i := slices.IndexFunc(all, func(p part) bool { return p.name == name })
		switch {
		case name == "report":
			reportOnly = true
		case i < 0:
			return nil, false, fmt.Errorf("there is no part %q", name)
		default:
			chosen = append(chosen, all[i])
		}
	}
	if len(chosen) == 0 {
		chosen = all
	}
	return chosen, reportOnly, nil
}

// bench is what a part needs to run.
type bench struct {
	*options
	journal *journal
	cases   []measured
	dir     string // for the data of the servers
}

func measure(ctx context.Context, o *options, chosen []part) error {
	for _, bin := range []*string{&o.vedette, &o.redis} {
		path, err := exec.LookPath(*bin)
		if err != nil {
			return err
		}
		if *bin, err = filepath.Abs(path); err != nil {
			return err
		}
	}
	only, err := regexp.Compile(o.only)
	if err != nil {
		return err
	}
	for _, p := range chosen {
		if err := measurePart(ctx, o, p, only); err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
	}
	return nil
}

func measurePart(ctx context.Context, o *options, p part, only *regexp.Regexp) error {
	j, err := openJournal(o, p.name)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "vedette-bench")
	if err != nil {
		return err
	}
	b := &bench{options: o, journal: j, dir: dir}
	for _, c := range p.cases(o) {
		if only.MatchString(c.name) {
			b.cases = append(b.cases, c)
		}
	}
	start := time.Now()
	fmt.Fprintf(os.Stderr, "# %s\n", p.name)
	err = p.run(ctx, b)
	fmt.Fprintf(os.Stderr, "# %s took %v\n", p.name, time.Since(start).Round(time.Second))
	return errors.Join(err, j.close(), os.RemoveAll(dir))
}

// wants is the cases of which this pair's run is still to be made.
func (b *bench) wants(pair int, side string) []measured {
	var todo []measured
	for _, c := range b.cases {
		if !b.journal.has(c.name, side, pair) {
			todo = append(todo, c)
		}
	}
	return todo
}

// report prints the chosen parts' tables, and writes them into the page.
func report(o *options, chosen []part) error {
	for _, p := range chosen {
		j, err := readJournal(o, p.name)
		if err != nil {
			return err
		}
		t := &table{}
		p.report(t, j, p.cases(o))
		text := t.markdown()
		fmt.Printf("## %s\n\n%s\n", p.title, text)
		if o.page != "" && len(t.rows) > 0 {
			if err := replaceTable(o.page, p.name, text); err != nil {
				return err
			}
		}
	}
	return nil
}

// replaceTable puts text between the part's two markers in a Markdown page.
func replaceTable(page, name, text string) error {
	b, err := os.ReadFile(page)
	if err != nil {
		return err
	}
	begin, end := "<!-- bench "+name+" -->", "<!-- end "+name+" -->"
	before, rest, ok1 := strings.Cut(string(b), begin)
	_, after, ok2 := strings.Cut(rest, end)
	if !ok1 || !ok2 {
		return fmt.Errorf("%s has no %q … %q", page, begin, end)
	}
	return os.WriteFile(page, []byte(before+begin+"\n"+text+end+after), 0o644)
}

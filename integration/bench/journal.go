package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// The two sides of a pair.
const (
	ours   = "vedette"
	theirs = "redis"
)

// figures are what one run measured, by name; the unit ends the name.
type figures map[string]float64

// entry is one line of a journal.
type entry struct {
	Case    string  `json:"case"`
	Side    string  `json:"side"`
	Pair    int     `json:"pair"`
	Figures figures `json:"figures"`
}

// journal keeps the results of a part, so that a long part may be stopped and gone
// on with, and tables be made without measuring again.
type journal struct {
	f       *os.File
	entries []entry
}

func journalPath(o *options, part string) string {
	return filepath.Join(o.out, part+".jsonl")
}

// openJournal reads what there is and appends to it from now on.
func openJournal(o *options, part string) (*journal, error) {
	if err := os.MkdirAll(o.out, 0o755); err != nil {
		return nil, err
	}
	if o.fresh {
		if err := os.Remove(journalPath(o, part)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	j, err := readJournal(o, part)
	if err != nil {
		return nil, err
	}
	j.f, err = os.OpenFile(journalPath(o, part), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	return j, err
}

// readJournal reads what there is; a journal that is not there is empty.
func readJournal(o *options, part string) (*journal, error) {
	f, err := os.Open(journalPath(o, part))
	if errors.Is(err, fs.ErrNotExist) {
		return &journal{}, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	j := &journal{}
	for dec := json.NewDecoder(f); ; {
		var e entry
		if err := dec.Decode(&e); errors.Is(err, io.EOF) {
			return j, nil
		} else if err != nil {
			return nil, fmt.Errorf("%s: %w", f.Name(), err)
		}
		j.entries = append(j.entries, e)
	}
}

func (j *journal) close() error { return j.f.Close() }

func (j *journal) has(name, side string, pair int) bool {
	for _, e := range j.entries {
		if e.Case == name && e.Side == side && e.Pair == pair {
			return true
		}
	}
	return false
}

// add keeps a run's figures and shows them.
func (j *journal) add(name, side string, pair int, f figures) error {
	e := entry{Case: name, Side: side, Pair: pair, Figures: f}
	line, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if _, err := j.f.Write(append(line, '\n')); err != nil {
		return err
	}
	j.entries = append(j.entries, e)
	fmt.Fprintf(os.Stderr, "%s\n", line)
	return nil
}

// values are one figure of a case on one side, in the order of the pairs.
func (j *journal) values(name, side, figure string) []float64 {
	var vs []float64
	for _, e := range j.entries {
		if v, ok := e.Figures[figure]; ok && e.Case == name && e.Side == side {
			vs = append(vs, v)
		}
	}
	return vs
}

// ratios are ours over theirs, for the pairs both sides of which have been run.
func (j *journal) ratios(name, figure string) []float64 {
	redis := map[int]float64{}
	for _, e := range j.entries {
		if v, ok := e.Figures[figure]; ok && e.Case == name && e.Side == theirs && v != 0 {
			redis[e.Pair] = v
		}
	}
	var rs []float64
	for _, e := range j.entries {
		v, ok := e.Figures[figure]
		if r, both := redis[e.Pair]; ok && both && e.Case == name && e.Side == ours {
			rs = append(rs, v/r)
		}
	}
	return rs
}

// pairs is how many runs of ours there are of a case.
func (j *journal) pairs(name string) int {
	n := 0
	for _, e := range j.entries {
		if e.Case == name && e.Side == ours {
			n++
		}
	}
	return n
}

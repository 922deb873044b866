package conf

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Limits on what is read: far above any real file, low enough that a wrong
// path (a data file, a device) or a file that includes itself ends with an error.
const (
	MaxFileBytes    = 16 << 20
	MaxLineBytes    = 1 << 20
	MaxIncludeDepth = 16
	maxIncludeFiles = 1024 // in all, so that files including each other cannot fan out
)

// Pos is where a directive stands.
type Pos struct {
	File string // as it was opened, or a description such as "command line"
	Line int    // from 1
}

func (p Pos) String() string { return fmt.Sprintf("%s:%d", p.File, p.Line) }

// Directive is one line of a file that is neither blank nor a comment.
type Directive struct {
	Pos  Pos
	Name string   // in lower case
	Args []string // without their quotes
	Text string   // the line as written, without surrounding blanks
}

// Error is a line that cannot be used, with its position.
type Error struct {
	Pos  Pos
	Text string // the line
	Err  error
}

func (e *Error) Error() string { return e.Pos.String() + ": " + e.Err.Error() }

func (e *Error) Unwrap() error { return e.Err }

// Errorf makes the error of this directive.
func (d Directive) Errorf(format string, args ...any) *Error {
	return &Error{Pos: d.Pos, Text: d.Text, Err: fmt.Errorf(format, args...)}
}

var (
	errUnbalancedLine = errors.New("Unbalanced quotes in configuration line") //nolint:staticcheck // Redis says so
	errLineTooLong    = fmt.Errorf("line longer than %d bytes", MaxLineBytes)
	errFileTooLong    = fmt.Errorf("file larger than %d bytes", MaxFileBytes)
	errTooDeep        = fmt.Errorf("more than %d levels of include", MaxIncludeDepth)
	errTooManyFiles   = fmt.Errorf("more than %d included files", maxIncludeFiles)
)

// Load reads the file at path and those it includes. An include stands for the
// directives of its file at its place; its path is relative to the working
// directory, as in Redis, and may be a pattern, which may match nothing.
//
// So may path be one. An unusable line is an [*Error]; a file that cannot be read is an
// error of package os for the first file and an [*Error] for an included one.
func Load(path string) ([]Directive, error) {
	paths, err := matching(path)
	if err != nil {
		return nil, err
	}
	var p parser
	for _, path := range paths {
		text, err := readFile(path)
		if err != nil {
			return nil, err
		}
		if err := p.parse(path, text, 0); err != nil {
			return nil, err
		}
	}
	return p.out, nil
}

// matching are the files a path stands for: itself, or what matches it as a pattern.
func matching(path string) ([]string, error) {
	if !strings.ContainsAny(path, "*?[") {
		return []string{path}, nil
	}
	matches, err := filepath.Glob(path)
	slices.Sort(matches)
	return matches, err
}

// LoadReader is [Load] for a configuration that is no file, such as standard
// input; name stands for it in positions.
func LoadReader(name string, r io.Reader) ([]Directive, error) {
	text, err := readAll(r)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	return Parse(name, text)
}

// Parse is [Load] for text already read; file stands for it in positions.
func Parse(file, text string) ([]Directive, error) {
	var p parser
	if err := p.parse(file, text, 0); err != nil {
		return nil, err
	}
	return p.out, nil
}

type parser struct {
	out      []Directive
	included int
}

func (p *parser) parse(file, text string, depth int) error {
	line := 0
	for raw := range strings.SplitSeq(text, "\n") {
		line++
		d, ok, err := parseLine(raw, Pos{file, line})
		if err != nil {
			return err
		}
		switch {
		case !ok:
		case d.Name == "include" && len(d.Args) == 1:
			if err := p.include(d, depth+1); err != nil {
				return err
			}
		default:
			p.out = append(p.out, d)
		}
	}
	return nil
}

// parseLine reads one line; ok is false for a blank one or a comment.
func parseLine(raw string, pos Pos) (d Directive, ok bool, err error) {
	text := strings.Trim(raw, " \t\r\n")
	if text == "" || text[0] == '#' {
		return d, false, nil
	}
	d = Directive{Pos: pos, Text: text}
	if len(text) > MaxLineBytes {
		d.Text = text[:80] + "…"
		return d, false, d.Errorf("%w", errLineTooLong)
	}
	args, err := SplitArgs(text)
	if err != nil {
		return d, false, d.Errorf("%w", errUnbalancedLine)
	}
	if len(args) == 0 {
		return d, false, nil
	}
	d.Name, d.Args = strings.ToLower(args[0]), args[1:]
	return d, true, nil
}

func (p *parser) include(d Directive, depth int) error {
	if depth > MaxIncludeDepth {
		return d.Errorf("%w", errTooDeep)
	}
	paths, err := matching(d.Args[0])
	if err != nil {
		return d.Errorf("include %s: %w", d.Args[0], err)
	}
	for _, path := range paths {
		if p.included++; p.included > maxIncludeFiles {
			return d.Errorf("%w", errTooManyFiles)
		}
		text, err := readFile(path)
		if err != nil {
			return d.Errorf("include: %w", err)
		}
		if err := p.parse(path, text, depth); err != nil {
			return err
		}
	}
	return nil
}

func readFile(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	text, err := readAll(f)
	if errors.Is(err, errFileTooLong) {
		return "", fmt.Errorf("read %s: %w", path, err)
	}
	return text, err
}

func readAll(r io.Reader) (string, error) {
	b, err := io.ReadAll(io.LimitReader(r, MaxFileBytes+1))
	if err != nil {
		return "", err
	}
	if len(b) > MaxFileBytes {
		return "", errFileTooLong
	}
	return string(b), nil
}

package conf

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	got, err := Parse("f", "\n# port 1\r\n  # x\r\n PORT 6379\r\nsave \"\"\nrequirepass 'a b' # c")
	want := []Directive{
		{Pos{"f", 4}, "port", []string{"6379"}, "PORT 6379"},
		{Pos{"f", 5}, "save", []string{""}, `save ""`},
		{Pos{"f", 6}, "requirepass", []string{"a b", "#", "c"}, "requirepass 'a b' # c"},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v\nwant %+v", got, err, want)
	}
}

func TestParseErrorsNameTheLine(t *testing.T) {
	for text, want := range map[string]string{
		"port 1\na \"b":                          `f:2: Unbalanced quotes in configuration line`,
		"a " + strings.Repeat("x", MaxLineBytes): "f:1: line longer than 1048576 bytes",
		"\n\ninclude /nonexistent/x":             "f:3: include: open /nonexistent/x: no such file or directory",
		"include [":                              "", // a pattern that is malformed
	} {
		_, err := Parse("f", text)
		var e *Error
		if !errors.As(err, &e) || want != "" && err.Error() != want {
			t.Errorf("Parse(%.40q): %v, want %s", text, err, want)
		}
	}
}

func TestInclude(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("main.conf", "a 1\ninclude "+dir+"/one.conf\ninclude "+dir+"/d*.inc\ninclude "+dir+
		"/none*.inc\nz 1\n")
	write("one.conf", "b 1\n")
	write("d2.inc", "d 2\n")
	write("d1.inc", "\nd 1\n")
	got, err := Load(filepath.Join(dir, "main.conf"))
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, d := range got {
		lines = append(lines, fmt.Sprintf("%s:%d %s %s",
			filepath.Base(d.Pos.File), d.Pos.Line, d.Name, d.Args[0]))
	}
	want := "main.conf:1 a 1, one.conf:1 b 1, d1.inc:2 d 1, d2.inc:1 d 2, main.conf:5 z 1"
	if s := strings.Join(lines, ", "); s != want {
		t.Errorf("got  %s\nwant %s", s, want)
	}
	got, err = Load(dir + "/d*.inc")
	if err != nil || len(got) != 2 || got[0].Pos.File != dir+"/d1.inc" || got[1].Pos.File != dir+"/d2.inc" {
		t.Errorf("a pattern is %v, %v", got, err)
	}
}

// Files that include themselves end with an error and not with the stack.
func TestIncludeIsBounded(t *testing.T) {
	dir := t.TempDir()
	self := filepath.Join(dir, "self.conf")
	line := "include " + self + "\n"
	for text, want := range map[string]error{
		line:                     errTooDeep,
		strings.Repeat(line, 50): errTooDeep,
	} {
		if err := os.WriteFile(self, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Load(self); !errors.Is(err, want) {
			t.Errorf("Load = %v, want %v", err, want)
		}
	}
	wide := filepath.Join(dir, "wide.conf")
	leaf := filepath.Join(dir, "leaf.conf")
	_ = os.WriteFile(leaf, nil, 0o600)
	_ = os.WriteFile(wide, []byte(strings.Repeat("include "+leaf+"\n", maxIncludeFiles+1)), 0o600)
	if _, err := Load(wide); !errors.Is(err, errTooManyFiles) {
		t.Errorf("Load = %v, want %v", err, errTooManyFiles)
	}
}

func TestLoadReportsAMissingFile(t *testing.T) {
	if _, err := Load(filepath.Join(t.TempDir(), "x")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Load = %v, want fs.ErrNotExist", err)
	}
}

func TestLoadRefusesWhatNeverEnds(t *testing.T) {
	if _, err := Load("/dev/zero"); !errors.Is(err, errFileTooLong) {
		t.Errorf("Load(/dev/zero) = %v, want %v", err, errFileTooLong)
	}
}

// Every directive of a text can be written back from its name and arguments so
// that it parses to itself again.
func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"port 6379\n# c\nsave 900 1 300 10\n", "a \"b\\x00\" 'c'\r\n", "include x\n", "\x00\n\"",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if strings.Contains(strings.ToLower(text), "include") {
			return // it would read files
		}
		got, err := Parse("f", text)
		if err != nil {
			return
		}
		var b strings.Builder
		for _, d := range got {
			b.WriteString(Quote(d.Name))
			for _, a := range d.Args {
				b.WriteString(" " + Quote(a))
			}
			b.WriteByte('\n')
		}
		again, err := Parse("f", b.String())
		if err != nil || len(again) != len(got) {
			t.Fatalf("%q: %d directives came back as %d, %v", text, len(got), len(again), err)
		}
		for i := range got {
			if again[i].Name != got[i].Name || !reflect.DeepEqual(again[i].Args, got[i].Args) {
				t.Fatalf("%q: %+v came back as %+v", text, got[i], again[i])
			}
		}
	})
}

package server

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/rs/zerolog"
)

var update = flag.Bool("update", false, "write the lists of docs/protocol.md")

// docs/protocol.md lists every command and directive with its state.
func TestProtocolDocumentIsTrue(t *testing.T) {
	const path = "../docs/protocol.md"
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	want := section(t, string(b), "commands", commandList(t))
	want = section(t, want, "directives", directiveList())
	if want == string(b) {
		return
	}
	if !*update {
		t.Fatalf("%s is out of date; run: go test ./server -run Protocol -args -update", path)
	}
	if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
		t.Fatal(err)
	}
}

// section replaces what stands between the markers of a name.
func section(t *testing.T, doc, name, body string) string {
	t.Helper()
	begin, end := "<!-- begin "+name+" -->\n", "<!-- end "+name+" -->"
	i, j := strings.Index(doc, begin), strings.Index(doc, end)
	if i < 0 || j < i {
		t.Fatalf("no markers for %s", name)
	}
	return doc[:i+len(begin)] + body + doc[j:]
}

// commandList is a table with a row a group: what is there, what is not.
func commandList(t *testing.T) string {
	s, err := New(Options{Config: NewConfig(), Log: zerolog.Nop(), Virtual: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.end()
	b, err := os.ReadFile("command/commands.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	done, missing := make(map[string][]string), make(map[string][]string)
	var groups []string
	for line := range strings.Lines(string(b)) {
		var d struct{ Name, Group string }
		if err := json.Unmarshal([]byte(line), &d); err != nil {
			t.Fatal(err)
		}
		if !slices.Contains(groups, d.Group) {
			groups = append(groups, d.Group)
		}
		if s.named([]byte(strings.ReplaceAll(d.Name, " ", "|"))) != nil {
			done[d.Group] = append(done[d.Group], d.Name)
		} else {
			missing[d.Group] = append(missing[d.Group], d.Name)
		}
	}
	slices.Sort(groups)
	var out strings.Builder
	out.WriteString("| group | done | missing |\n| --- | --- | --- |\n")
	for _, g := range groups {
		fmt.Fprintf(&out, "| %s | %s | %s |\n", g, strings.Join(done[g], ", "), strings.Join(missing[g], ", "))
	}
	return out.String()
}

func directiveList() string {
	var effective, inert []string
	for _, d := range Directives() {
		if d.Inert {
			inert = append(inert, "`"+d.Name+"`")
		} else {
			effective = append(effective, "`"+d.Name+"`")
		}
	}
	slices.Sort(effective)
	slices.Sort(inert)
	return "With effect: " + strings.Join(effective, ", ") + ".\n\n" +
		"Kept and reported, without meaning here: " + strings.Join(inert, ", ") + ".\n"
}

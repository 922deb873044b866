package main

import (
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/vedette-ha/vedette"

// pkg is what `go list` says of one package. Imports leaves tests out, Doc is the first
// sentence of its comment.
type pkg struct {
	ImportPath string
	Dir        string
	Doc        string
	GoFiles    []string
	Imports    []string
}

func listPackages(t *testing.T) []pkg {
	t.Helper()
	out, err := exec.Command("go", "list", "-pgo=off", "-json=ImportPath,Dir,Doc,GoFiles,Imports", "./...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var pkgs []pkg
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return pkgs
		} else if err != nil {
			t.Fatal(err)
		}
		pkgs = append(pkgs, p)
	}
}

// own lists which packages of the module each may import; "x/" stands for all below
// x. A package that is not named here, below a name with a slash at its end or
// otherwise, fails the test: say where it belongs.
func own() map[string][]string {
	return map[string][]string{
		"":                       {"internal/cli", "internal/proctitle"},
		"internal/cli":           {"server", "sentinel", "internal/"},
		"server":                 {"server/", "replication", "internal/"},
		"server/command":         {"server/codec", "server/keyspace", "server/keyspace/", "internal/"},
		"server/keyspace":        {"server/keyspace/dict"},
		"server/keyspace/dict":   {},
		"server/keyspace/set":    {"server/keyspace", "server/keyspace/dict"},
		"server/keyspace/list":   {"server/keyspace", "internal/listpack", "internal/lzf"},
		"server/keyspace/zset":   {"server/keyspace", "internal/listpack", "internal/resp"},
		"server/keyspace/hash":   {"server/keyspace", "server/keyspace/dict", "internal/listpack"},
		"server/keyspace/stream": {"server/keyspace", "internal/bitpack", "internal/listpack", "internal/lzf"},
		"server/codec":           {"server/keyspace", "server/keyspace/", "internal/"},
		"server/persist":         {"server/codec", "server/keyspace", "internal/rdb"},
		"replication":            {"internal/client", "internal/errno", "internal/resp", "internal/rdb"},
		"failover":               {},
		"sentinel":               {"failover", "internal/"},
		"integration":            {"internal/"},
		"internal/acl":           {"internal/conf", "internal/glob", "internal/resp"},
		"internal/bitpack":       {},
		"internal/client":        {"internal/resp"},
		"internal/commanddocs":   {"internal/resp"},
		"internal/conf":          {},
		"internal/endpoint":      {},
		"internal/events":        {"internal/glob"},
		"internal/glob":          {},
		"internal/geohash":       {},
		"internal/hll":           {},
		"internal/intset":        {},
		"internal/errno":         {},
		"internal/listpack":      {},
		"internal/lzf":           {},
		"internal/memnet":        {},
		"internal/proctitle":     {},
		"internal/rdb":           {"internal/intset", "internal/listpack", "internal/lzf"},
		"internal/resp":          {},
		"internal/redistest":     {},                                  // tests only
		"integration/sim":        {"server", "sentinel", "internal/"}, // tests only
		"integration/bench":      {"internal/"},
	}
}

// Every package says what it is for, and has its place in the tree of the documentation.
func TestPackagesAreIntroduced(t *testing.T) {
	doc, err := os.ReadFile("docs/architecture.md")
	if err != nil {
		t.Fatal(err)
	}
	_, tree, _ := strings.Cut(string(doc), "```\n")
	tree, _, _ = strings.Cut(tree, "```")
	for _, p := range listPackages(t) {
		if p.Doc == "" && len(p.GoFiles) > 0 {
			t.Errorf("%s has no comment", p.ImportPath)
		}
		if inside, _ := strings.CutPrefix(p.ImportPath, module); inside != "" && !strings.Contains(tree, path.Base(inside)+"/") {
			t.Errorf("%s is not in the tree of docs/architecture.md", p.ImportPath)
		}
	}
}

// The pages that documents link to, and the source files they name, are there.
func TestDocumentsNameWhatIsThere(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)#]+)[^)]*\)`)
	source := regexp.MustCompile("`([a-z_/]+\\.go)`")
	files := allFiles(t)
	for _, page := range files {
		if path.Ext(page) != ".md" {
			continue
		}
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range link.FindAllStringSubmatch(string(text), -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			if _, err := os.Stat(path.Join(path.Dir(page), m[1])); err != nil {
				t.Errorf("%s: %v", page, err)
			}
		}
		for _, m := range source.FindAllStringSubmatch(string(text), -1) {
			// A page may leave the package to the reader.
			if !slices.ContainsFunc(files, func(f string) bool { return strings.HasSuffix("/"+f, "/"+m[1]) }) {
				t.Errorf("%s names %s, which is nowhere", page, m[1])
			}
		}
	}
}

func allFiles(t *testing.T) []string {
	t.Helper()
	var files []string
	err := fs.WalkDir(os.DirFS("."), ".", func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			files = append(files, name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// Who may import whom: docs/architecture.md.
func TestImportRules(t *testing.T) {
	rules := own()
	for _, p := range listPackages(t) {
		name := strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, module), "/")
		allowed, known := rules[name]
		if !known {
			t.Errorf("package %q has no rule in layout_test.go", name)
			continue
		}
		for _, imp := range p.Imports {
			if !strings.HasPrefix(imp, module) {
				continue
			}
			imp = strings.TrimPrefix(imp, module+"/")
			if !slices.ContainsFunc(allowed, func(a string) bool {
				return imp == a || strings.HasSuffix(a, "/") && strings.HasPrefix(imp, a)
			}) {
				t.Errorf("%s imports %s", name, imp)
			}
		}
	}
}

// One door for each dependency: the packages that may import it.
func TestDependencyDoors(t *testing.T) {
	doors := map[string][]string{
		"github.com/tidwall/redcon":        {"internal/endpoint"},
		"github.com/urfave/cli":            {"internal/cli"},
		"github.com/hashicorp/raft":        {"sentinel"},
		"github.com/hashicorp/raft-boltdb": {"sentinel"},
		"go.etcd.io/bbolt":                 {"sentinel"},
		"github.com/redis/go-redis":        {"internal/cli", "integration/bench"},
	}
	for _, p := range listPackages(t) {
		name := strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, module), "/")
		for _, imp := range p.Imports {
			for dep, allowed := range doors {
				if strings.HasPrefix(imp+"/", dep+"/") && !slices.Contains(allowed, name) {
					t.Errorf("%s imports %s", name, imp)
				}
			}
		}
	}
}

// The decisions are pure: no clock to read, no I/O, no goroutines' tools.
func TestFailoverIsPure(t *testing.T) {
	pure := []string{"bytes", "cmp", "container/heap", "encoding/json", "errors", "fmt", "maps", "math", "slices", "sort", "strconv", "strings", "time"}
	for _, p := range listPackages(t) {
		if p.ImportPath != module+"/failover" {
			continue
		}
		for _, imp := range p.Imports {
			if !slices.Contains(pure, imp) {
				t.Errorf("failover imports %s", imp)
			}
		}
	}
}

// Raft and bolt are known to three files of package sentinel.
func TestRaftFiles(t *testing.T) {
	out, _ := exec.Command("grep", "-lE", `"(github.com/hashicorp/raft|github.com/hashicorp/raft-boltdb|go.etcd.io/bbolt)`, "-r", "--include=*.go", "sentinel").Output()
	var files []string
	for _, f := range strings.Fields(string(out)) {
		if !strings.HasSuffix(f, "_test.go") {
			files = append(files, path.Base(f))
		}
	}
	if len(files) > 3 {
		t.Errorf("raft or bolt is imported by %v", files)
	}
}

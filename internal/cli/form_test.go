package cli

import (
	"slices"
	"strings"
	"testing"

	"github.com/vedette-ha/vedette/internal/conf"
)

func TestParseInvocation(t *testing.T) {
	tests := []struct {
		args []string
		want invocation
	}{
		{nil, invocation{}},
		{[]string{"redis.conf"}, invocation{file: "redis.conf"}},
		{[]string{"redis.conf", "--port", "1"}, invocation{file: "redis.conf", options: `port "1"`}},
		{[]string{"--port", "1", "--hz", "2"}, invocation{options: "port \"1\"\nhz \"2\""}},
		{[]string{"--save", "900", "1", "300", "10"}, invocation{options: `save "900" "1" "300" "10"`}},
		{[]string{"--save 900 1"}, invocation{options: `save 900 1`}},
		{[]string{"--save", ""}, invocation{options: `save ""`}},
		{[]string{"--save"}, invocation{options: `save ""`}},
		{[]string{"--save", "--port", "1"}, invocation{options: "save \"\"\nport \"1\""}},
		{[]string{"--requirepass", "--x", "--port", "1"}, invocation{options: "requirepass \"--x\"\nport \"1\""}},
		{[]string{"--appendonly", "yes", "--"}, invocation{options: "appendonly \"yes\"\n"}},
		{[]string{"--", "port", "1"}, invocation{options: ` "port" "1"`}},
		{[]string{"s.conf", "--sentinel"}, invocation{file: "s.conf"}},
		{[]string{"s.conf", "--sentinel", "--port", "1"}, invocation{file: "s.conf", options: `port "1"`}},
		{[]string{"-"}, invocation{stdin: true}},
		{[]string{"-", "--port", "1"}, invocation{stdin: true, options: `port "1"`}},
		{[]string{"--port", "1", "-"}, invocation{stdin: true, options: `port "1"`}},
		{[]string{"f", "-"}, invocation{file: "f", stdin: true}},
		{[]string{"f", "-", "--port", "1"}, invocation{file: "f", options: " \"-\"\nport \"1\""}},
		{[]string{"-x"}, invocation{options: ` "-x"`}},
	}
	for _, tt := range tests {
		got := parseInvocation(tt.args)
		got.options, tt.want.options = noEdges(got.options), noEdges(tt.want.options)
		if got != tt.want {
			t.Errorf("%q\n got %+v\nwant %+v", tt.args, got, tt.want)
		}
	}
}

// noEdges takes blanks off the ends of lines: they mean nothing.
func noEdges(s string) string {
	lines := strings.Split(s, "\n")
	for i := range lines {
		lines[i] = strings.TrimSpace(lines[i])
	}
	return strings.Join(lines, "\n")
}

func TestRedisForm(t *testing.T) {
	subcommands := []string{"server", "ping"}
	tests := []struct {
		args     string
		ok       bool
		sentinel bool
	}{
		{"vedette", false, false},
		{"vedette server --port 1", false, false},
		{"vedette ping", false, false},
		{"vedette --help", false, false},
		{"vedette -v", false, false},
		{"vedette sevrer", false, false},
		{"vedette --port 1", true, false},
		{"vedette -", true, false},
		{"vedette nosuch.conf", true, false},
		{"vedette /etc/redis/sentinel.conf --sentinel", true, true},
		{"vedette form_test.go", true, false},
		{"redis-server", true, false},
		{"/usr/bin/redis-server server", true, false},
		{"redis-server s.conf --sentinel --port 1", true, true},
		{"/usr/bin/redis-sentinel s.conf", true, true},
	}
	for _, tt := range tests {
		inv, ok := redisForm(strings.Fields(tt.args), subcommands)
		if ok != tt.ok || ok && ((inv.role == sentinelNode) != tt.sentinel || !inv.asRedis) {
			t.Errorf("%s: %+v, %v", tt.args, inv, ok)
		}
	}
}

func TestDirectivesOfAnInvocation(t *testing.T) {
	inv := parseInvocation([]string{"--port", "1", "-"})
	ds, err := inv.directives(strings.NewReader("# c\nhz 5\nport 2\n"))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, d := range ds {
		got = append(got, d.Pos.String()+" "+d.Name+" "+d.Args[0])
	}
	want := []string{"standard input:2 hz 5", "standard input:3 port 2", "the command line:1 port 1"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// Whatever is given as the value of a directive arrives unchanged.
func FuzzOptionValue(f *testing.F) {
	for _, s := range []string{"", "a b", "--x", "-", "\"'\\\n\x00", "ü"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, val string) {
		inv := parseInvocation([]string{"--requirepass", val, "--port", "1"})
		ds, err := inv.directives(nil)
		if err != nil || len(ds) != 2 || !slices.Equal(ds[0].Args, []string{val}) ||
			ds[1].Name != "port" {
			t.Fatalf("%q became %+v, %v", val, ds, err)
		}
		// Any arguments at all can be read or are an error, never a panic.
		_, _ = conf.Parse("", parseInvocation([]string{val, "--" + val, val}).options)
	})
}

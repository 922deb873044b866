package sentinel

import (
	"os"
	"strings"
	"testing"

	"github.com/vedette-ha/vedette/internal/conf"
)

// The example file is the manual: it names every directive, knows no other, and is
// itself a file that a sentinel starts from.
func TestExampleFileCoversEveryDirective(t *testing.T) {
	b, err := os.ReadFile("../sentinel.conf.example")
	if err != nil {
		t.Fatal(err)
	}
	documented := make(map[string]bool)
	for line := range strings.Lines(string(b)) {
		f := strings.Fields(strings.TrimLeft(line, "# "))
		if len(f) > 1 && f[0] == "sentinel" {
			documented[f[1]] = true
		}
	}
	for _, name := range []string{
		"port", "bind", "protected-mode", "requirepass", "user", "aclfile", "acllog-max-len", "acl-pubsub-default",
		"maxclients", "unixsocket", "timeout", "rename-command", "dir", "logfile", "loglevel", "pidfile", "daemonize",
	} {
		if !strings.Contains(string(b), "\n# "+name+" ") {
			t.Errorf("%s is not in sentinel.conf.example", name)
		}
	}
	for _, row := range sentinelDirectives() {
		if !documented[row.name] && row.name != "known-slave" {
			t.Errorf("sentinel %s is not in sentinel.conf.example", row.name)
		}
	}
	directives, err := conf.Parse("sentinel.conf.example", string(b))
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range directives {
		if d.Name != "sentinel" {
			continue
		}
		if _, err := confRow(d); err != nil {
			t.Error(err)
		}
	}
}

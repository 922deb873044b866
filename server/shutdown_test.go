package server

import (
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vedette-ha/vedette/internal/rdb"
)

// A server that ends while it loads must not save what it has so far.
func TestShutdownWhileLoadingKeepsFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "dump.rdb")
	writeRDB(t, path, func(w *rdb.Writer) {
		w.SelectDB(0)
		for i := range 1000 {
			w.StringKey(rdb.NoMeta(), fmt.Appendf(nil, "key%d", i), []byte("value"))
		}
	})
	before, _ := os.ReadFile(path)
	n := ours(t, func(c *Config) {
		c.Dir, c.KeyLoadDelay, c.SavePoints = dir, 10_000, []SavePoint{{1, 1}}
	})
	n.want("GET key1", "LOADING Redis is loading the dataset in memory")
	n.ends("SHUTDOWN SAVE")
	if after, _ := os.ReadFile(path); !slices.Equal(before, after) {
		t.Error("the file was changed")
	}
}

// ends sends a command that ends the server: the connection closes without a reply.
func (n *node) ends(line string) {
	n.t.Helper()
	conn, err := net.Dial("tcp", n.addr)
	if err != nil {
		n.t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "%s\r\nSET after shutdown\r\n", line)
	_ = conn.SetReadDeadline(time.Now().Add(patience))
	if got, err := io.ReadAll(conn); err != nil && !isReset(err) || len(got) > 0 {
		n.t.Errorf("%s: %q, %v", line, got, err)
	}
}

func isReset(err error) bool { return strings.Contains(err.Error(), "reset") }

// SHUTDOWN saves as it is told, or else as the save points say.
func TestShutdownSaves(t *testing.T) {
	tests := []struct {
		line   string
		points bool
		saves  bool
	}{
		{"SHUTDOWN", false, false},
		{"SHUTDOWN", true, true},
		{"SHUTDOWN NOSAVE", true, false},
		{"SHUTDOWN SAVE", false, true},
		{"shutdown now save force", false, true},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprintf("%s/%v", tt.line, tt.points), func(t *testing.T) {
			n := ours(t, func(c *Config) {
				if tt.points {
					c.SavePoints = []SavePoint{{3600, 100}}
				}
			})
			n.want("SET before shutdown", "OK")
			n.ends(tt.line)
			_, err := os.Stat(filepath.Join(n.dir, "dump.rdb"))
			if (err == nil) != tt.saves {
				t.Fatalf("file: %v", err)
			}
			if !tt.saves {
				return
			}
			if got := contentsOf(t, filepath.Join(n.dir, "dump.rdb")); len(got) != 1 || got["0/before"] != "shutdown" {
				t.Errorf("saved %v", got)
			}
		})
	}
}

// A final save that fails keeps the server up, unless it is forced.
func TestShutdownFails(t *testing.T) {
	n := ours(t, func(c *Config) { c.SavePoints = []SavePoint{{3600, 1}} })
	if err := os.Mkdir(filepath.Join(n.dir, "dump.rdb"), 0o755); err != nil {
		t.Fatal(err)
	}
	n.want("SET a 1", "OK")
	n.want("SHUTDOWN", "ERR Errors trying to SHUTDOWN. Check logs.")
	n.want("SAVE", "ERR")
	n.want("GET a", "1")
	n.want("SHUTDOWN ABORT", "ERR No shutdown in progress.")
	n.ends("SHUTDOWN FORCE")
	if names := listing(t, n.dir); names != "dump.rdb" {
		t.Errorf("left over: %s", names)
	}
}

func listing(t *testing.T, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return strings.Join(names, " ")
}

// A save that is under way when the server ends leaves nothing behind.
func TestShutdownAbortsSave(t *testing.T) {
	n := ours(t, func(c *Config) { c.RDBKeySaveDelay = 60_000_000 })
	n.want("SET a 1", "OK")
	n.want("BGSAVE", "Background saving started")
	n.want("BGSAVE", "ERR Background save already in progress")
	n.want("BGSAVE SCHEDULE", "ERR Background save already in progress")
	n.want("SAVE", "ERR Background save already in progress")
	n.ends("SHUTDOWN NOSAVE")
	if names := listing(t, n.dir); names != "" {
		t.Errorf("left over: %s", names)
	}
}

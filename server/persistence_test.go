package server

import (
	stdbytes "bytes" // the name is taken in this package
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/vedette-ha/vedette/internal/rdb"
	"github.com/vedette-ha/vedette/internal/resp"
	"github.com/vedette-ha/vedette/server/persist"
)

// contentsOf reads a snapshot file: "db/key" to value.
func contentsOf(t *testing.T, path string) map[string]string {
	t.Helper()
	keys := make(map[string]string)
	err := persist.Load(path, rdb.ReaderOptions{}, func(ev rdb.Event) error {
		if r, ok := ev.(*rdb.Record); ok {
			keys[fmt.Sprintf("%d/%s", r.DB, r.Key)] = string(r.Value.String)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

// writeRDB makes a snapshot file by hand.
func writeRDB(t *testing.T, path string, fill func(w *rdb.Writer)) {
	t.Helper()
	var b stdbytes.Buffer
	w := rdb.NewWriter(&b, rdb.Options{})
	w.Header()
	fill(w)
	if err := w.End(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

// pipeline sends commands at once, so that they run in one turn or nearly so, and
// waits for their replies.
func (n *node) pipeline(cmds ...string) {
	n.t.Helper()
	conn, err := net.Dial("tcp", n.addr)
	if err != nil {
		n.t.Fatal(err)
	}
	defer conn.Close()
	var out []byte
	for _, line := range append(cmds, "ECHO through") {
		out = resp.AppendCommandString(out, strings.Fields(line)...)
	}
	_ = conn.SetDeadline(time.Now().Add(patience))
	go conn.Write(out)
	var got []byte
	for buf := make([]byte, 1<<16); !stdbytes.HasSuffix(got, []byte("through\r\n")); {
		c, err := conn.Read(buf)
		if err != nil {
			n.t.Fatal(err)
		}
		got = append(got, buf[:c]...)
	}
}

// saved waits until no snapshot is being made.
func (n *node) saved() {
	n.t.Helper()
	eventually(n.t, "the save has ended", func() bool { return n.info("rdb_bgsave_in_progress") == "0" })
}

// The file holds exactly what was there when BGSAVE ran, whatever is written, deleted
// or flushed while it is made.
func TestSnapshotIsExact(t *testing.T) {
	n := ours(t, func(c *Config) { c.RDBKeySaveDelay = 5 })
	const keys = 9000
	want := make(map[string]string)
	var fill, change []string
	for i := range keys {
		db := i % 3
		fill = append(fill, fmt.Sprintf("SELECT %d", db), fmt.Sprintf("SET k%d old%d", i, i))
		want[fmt.Sprintf("%d/k%d", db, i)] = fmt.Sprintf("old%d", i)
		switch i % 5 {
		case 0:
			change = append(change, fmt.Sprintf("SELECT %d", db), fmt.Sprintf("SET k%d changed", i))
		case 1:
			change = append(change, fmt.Sprintf("SELECT %d", db), fmt.Sprintf("DEL k%d", i))
		case 2:
			change = append(change, fmt.Sprintf("SELECT %d", db), fmt.Sprintf("PEXPIRE k%d 1", i))
		case 3:
			change = append(change, fmt.Sprintf("APPEND new%d x", i))
		}
	}
	big := strings.Repeat("b", 100<<10)
	fill = append(fill, "SELECT 4", "SET big "+big)
	want["4/big"] = big
	change = append(change, "SWAPDB 0 1", "SELECT 2", "FLUSHDB", "SELECT 4", "APPEND big more", "SELECT 1", "FLUSHDB")
	n.pipeline(fill...)
	n.pipeline(append([]string{"BGSAVE"}, change...)...)
	if n.info("rdb_bgsave_in_progress") != "1" {
		t.Error("the save was over before the changes: nothing was tested")
	}
	n.saved()
	n.want("LASTSAVE", n.info("rdb_last_save_time"))
	got := contentsOf(t, filepath.Join(n.dir, "dump.rdb"))
	if len(got) != len(want) {
		t.Errorf("%d keys saved, want %d", len(got), len(want))
	}
	wrong := 0
	for k, v := range want {
		if got[k] != v {
			wrong++
		}
	}
	if wrong > 0 {
		t.Errorf("%d keys are not what they were", wrong)
	}
}

// What is saved comes back; what has expired meanwhile does not.
func TestSaveAndLoad(t *testing.T) {
	dir := t.TempDir()
	n := ours(t, func(c *Config) { c.Dir, c.SavePoints = dir, []SavePoint{{3600, 1}} })
	n.want("SET a 1", "OK")
	n.want("SET later x PXAT 99999999999999", "OK")
	n.want("SET soon x PX 1", "OK")
	n.want("SELECT 9", "OK")
	n.want("SET c 0000000000000000000000000000000000000000000000000000000000000000000000000", "OK")
	n.want("SAVE", "OK")
	if got := n.info("rdb_changes_since_last_save"); got != "0" {
		t.Errorf("changes: %s", got)
	}
	m := ours(t, func(c *Config) { c.Dir, c.EnableDebugCommand = dir, ActionYes })
	eventually(t, "it is loaded", func() bool { return m.info("loading") == "0" })
	m.want("GET a", "1")
	m.want("OBJECT ENCODING a", "int")
	m.want("PEXPIRETIME later", "99999999999999")
	m.want("EXISTS soon", "0")
	m.want("DBSIZE", "2")
	m.want("SELECT 9", "OK")
	m.want("STRLEN c", "73")
	if k, e := m.info("rdb_last_load_keys_loaded"), m.info("rdb_last_load_keys_expired"); k != "3" || e != "1" {
		t.Errorf("%s keys loaded, %s expired", k, e)
	}
	m.want("DEBUG RELOAD", "OK")
	m.want("STRLEN c", "73")
	m.want("SET c new", "OK")
	m.want("DEBUG RELOAD NOSAVE", "OK")
	m.want("STRLEN c", "73")
	m.want("SET c new", "OK")
	m.want("DEBUG RELOAD NOSAVE NOFLUSH MERGE", "OK")
	m.want("STRLEN c", "73")
	m.want("DEBUG RELOAD BOGUS", "ERR DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE options.")
}

// A file that is not sound, or holds what cannot be held here, ends the start, and is
// left as it is.
func TestBadFileIsRefused(t *testing.T) {
	good := filepath.Join(t.TempDir(), "good.rdb")
	writeRDB(t, good, func(w *rdb.Writer) {
		w.SelectDB(0)
		for i := range 100 {
			w.StringKey(rdb.NoMeta(), fmt.Appendf(nil, "key%d", i), []byte("some value"))
		}
	})
	sound, err := os.ReadFile(good)
	if err != nil {
		t.Fatal(err)
	}
	made := func(fill func(w *rdb.Writer)) []byte {
		writeRDB(t, good, fill)
		b, _ := os.ReadFile(good)
		return b
	}
	flipped := stdbytes.Clone(sound)
	flipped[len(flipped)/2] ^= 1
	tests := []struct {
		name     string
		contents []byte
		why      string // in the log
	}{
		{"cut short", sound[:len(sound)/2], "at offset"},
		{"a bit flipped", flipped, "at offset"},
		{"empty", nil, "at offset 0: Unexpected EOF reading RDB file"},
		{"a version to come", []byte("REDIS0099"), "Can't handle RDB format version"},
		{"a hash with a field twice", made(func(w *rdb.Writer) {
			w.SelectDB(3)
			elements := [][]byte{[]byte("x"), []byte("1"), []byte("x"), []byte("2")}
			w.Key(rdb.NoMeta(), []byte("myhash"), rdb.Value{Kind: rdb.KindHash, Type: rdb.TypeHash, Elements: elements})
		}), `key \"myhash\" in database 3: it holds an element twice`},
		{"a database too many", made(func(w *rdb.Writer) {
			w.SelectDB(16)
			w.StringKey(rdb.NoMeta(), []byte("k"), []byte("v"))
		}), "there are only 16"},
		{"a key twice", made(func(w *rdb.Writer) {
			w.SelectDB(0)
			w.StringKey(rdb.NoMeta(), []byte("k"), []byte("v"))
			w.StringKey(rdb.NoMeta(), []byte("k"), []byte("w"))
		}), "twice"},
		{"a function", made(func(w *rdb.Writer) { w.Function([]byte("#!lua name=x")) }), "function"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cfg := NewConfig()
			cfg.Dir, cfg.Port = t.TempDir(), 0
			path := filepath.Join(cfg.Dir, cfg.DBFilename)
			if err := os.WriteFile(path, tt.contents, 0o644); err != nil {
				t.Fatal(err)
			}
			var log stdbytes.Buffer
			ready := false
			s, err := New(Options{Config: cfg, Log: zerolog.New(&log), Listeners: []net.Listener{}, Ready: func() { ready = true }})
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Run(t.Context()); !errors.Is(err, errFatalLoad) || ready {
				t.Errorf("Run = %v, ready %v", err, ready)
			}
			if !strings.Contains(log.String(), tt.why) {
				t.Errorf("the log does not say %q:\n%s", tt.why, log.String())
			}
			if after, _ := os.ReadFile(path); !stdbytes.Equal(after, tt.contents) {
				t.Error("the file was changed")
			}
		})
	}
}

// While the data set is loaded, clients are told so, and what may run runs.
func TestLoading(t *testing.T) {
	dir := t.TempDir()
	writeRDB(t, filepath.Join(dir, "dump.rdb"), func(w *rdb.Writer) {
		w.Aux("used-mem", "12345")
		w.SelectDB(0)
		w.ResizeDB(900, 0)
		for i := range 900 {
			w.StringKey(rdb.NoMeta(), fmt.Appendf(nil, "key%d", i), []byte("value"))
		}
	})
	n := ours(t, func(c *Config) { c.Dir, c.KeyLoadDelay = dir, 1_000 })
	const loading = "LOADING Redis is loading the dataset in memory"
	n.want("GET key1", loading)
	n.want("PING", loading)
	n.want("SET x y", loading)
	n.want("BGSAVE", loading)
	n.want("REPLICAOF no one", loading)
	n.want("MULTI", "OK")
	n.want("DISCARD", "OK")
	eventually(t, "keys arrive", func() bool { return n.info("loading_rdb_used_mem") == "12345" })
	for field, want := range map[string]string{"loading": "1", "async_loading": "0"} {
		if got := n.info(field); got != want {
			t.Errorf("%s = %q, want %q", field, got, want)
		}
	}
	for _, field := range []string{"loading_start_time", "loading_total_bytes", "loading_loaded_bytes", "loading_loaded_perc", "loading_eta_seconds"} {
		if got := n.info(field); got == "" || got == "0" {
			t.Errorf("%s = %q", field, got)
		}
	}
	eventually(t, "it is loaded", func() bool { return n.info("loading") == "0" })
	n.want("DBSIZE", "900")
	n.want("PING", "PONG")
	if n.info("loading_start_time") != "" {
		t.Error("loading fields without loading")
	}
}

// With repl-diskless-load swapdb a replica keeps its old data until the new is complete,
// and answers from it if it is an earlier state of the new.
func TestLoadBeside(t *testing.T) {
	master := ours(t, func(c *Config) { c.ReplBacklogSize = minBacklogBytes })
	for i := range 400 {
		master.want(fmt.Sprintf("SET key%d value", i), "OK")
	}
	replica := ours(t, func(c *Config) { c.ReplDisklessLoad, c.KeyLoadDelay = DisklessLoadSwapDB, 1000 })
	replica.want("SET old data", "OK")
	watcher := connectNode(t, replica.addr, "")
	watcher.want("WATCH key1", "OK")
	host, port, _ := net.SplitHostPort(master.addr)
	replica.want("REPLICAOF "+host+" "+port, "OK")
	eventually(t, "it loads", func() bool { return replica.info("loading") == "1" })
	if got := replica.info("async_loading"); got != "0" {
		t.Errorf("async_loading:%s", got)
	}
	replica.want("GET old", "LOADING Redis is loading the dataset in memory")
	replica.inStep(master)
	replica.want("EXISTS old", "0")
	replica.want("DBSIZE", "400")
	watcher.want("MULTI", "OK")
	watcher.want("PING", "QUEUED")
	watcher.want("EXEC", "(nil)")

	replica.want("REPLICAOF 127.0.0.1 1", "OK") // nobody there
	master.want("SET key0 "+strings.Repeat("v", 100_000), "OK")
	replica.want("REPLICAOF "+host+" "+port, "OK")
	eventually(t, "it loads beside", func() bool { return replica.info("async_loading") == "1" })
	if got := replica.info("loading"); got != "0" {
		t.Errorf("loading:%s", got)
	}
	replica.want("GET key0", "value")
	replica.want("PING", "PONG")
	replica.want("SAVE", "LOADING Redis is loading the dataset in memory")
	replica.inStep(master)
	replica.want("STRLEN key0", "100000")
}

// rdb-del-sync-files leaves no file behind that was made for a replica alone.
func TestSyncFileIsDropped(t *testing.T) {
	for _, drop := range []bool{false, true} {
		t.Run(fmt.Sprint(drop), func(t *testing.T) {
			master := ours(t, func(c *Config) { c.ReplDisklessSync, c.RDBDelSyncFiles = false, drop })
			master.want("SET a 1", "OK")
			replica := ours(t, nil)
			replica.follow(master)
			replica.want("GET a", "1")
			_, err := os.Stat(filepath.Join(master.dir, "dump.rdb"))
			if gone := err != nil; gone != drop {
				t.Errorf("the master's file: %v", err)
			}
		})
	}
}

// A file that is made for replicas alone is given up when the last of them is gone, unless
// there are save points.
func TestSnapshotNobodyWaitsFor(t *testing.T) {
	for _, points := range [][]SavePoint{nil, {{3600, 1000}}} {
		t.Run(fmt.Sprint(points), func(t *testing.T) {
			master := ours(t, func(c *Config) {
				c.ReplDisklessSync, c.RDBKeySaveDelay, c.SavePoints = false, 30_000, points
			})
			for i := range 20 {
				master.want(fmt.Sprintf("SET key%d value", i), "OK")
			}
			replica := ours(t, nil)
			host, port, _ := net.SplitHostPort(master.addr)
			replica.want("REPLICAOF "+host+" "+port, "OK")
			eventually(t, "the snapshot begins", func() bool { return master.info("rdb_bgsave_in_progress") == "1" })
			replica.want("REPLICAOF NO ONE", "OK")
			eventually(t, "the replica is gone", func() bool { return master.info("connected_slaves") == "0" })
			eventually(t, "the snapshot ends", func() bool { return master.info("rdb_bgsave_in_progress") == "0" })
			_, err := os.Stat(filepath.Join(master.dir, "dump.rdb"))
			if there := err == nil; there != (points != nil) {
				t.Errorf("the file is there: %v", there)
			}
			if got := master.info("rdb_last_bgsave_status"); got != "ok" {
				t.Errorf("rdb_last_bgsave_status:%s", got)
			}
		})
	}
}

// A failed save refuses writes, and PING with them, until one succeeds.
func TestFailedSaveStopsWrites(t *testing.T) {
	n := ours(t, func(c *Config) { c.SavePoints = []SavePoint{{3600, 1}} })
	path := filepath.Join(n.dir, "dump.rdb")
	if err := os.Mkdir(path, 0o755); err != nil {
		t.Fatal(err)
	}
	n.want("SET a 1", "OK")
	n.want("BGSAVE", "Background saving started")
	n.saved()
	if got := n.info("rdb_last_bgsave_status"); got != "err" {
		t.Errorf("status %s", got)
	}
	for _, line := range []string{"SET a 2", "PING"} {
		if got := n.do(line); !strings.HasPrefix(got, "MISCONF ") {
			t.Errorf("%s: %s", line, got)
		}
	}
	n.want("GET a", "1")
	n.want("CONFIG SET stop-writes-on-bgsave-error no", "OK")
	n.want("SET a 2", "OK")
	n.want("CONFIG SET stop-writes-on-bgsave-error yes", "OK")
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	n.want("BGSAVE", "Background saving started")
	n.saved()
	n.want("SET a 3", "OK")
}

// FLUSHALL gives up a save of what is gone, and saves the empty data set where save
// points are set.
func TestFlushAllSaves(t *testing.T) {
	for _, points := range []bool{false, true} {
		t.Run(fmt.Sprintf("save points %v", points), func(t *testing.T) {
			n := ours(t, func(c *Config) {
				c.RDBKeySaveDelay = 60_000_000
				if points {
					c.SavePoints = []SavePoint{{3600, 1000}}
				}
			})
			n.want("SET a 1", "OK")
			n.want("BGSAVE", "Background saving started")
			n.want("FLUSHALL", "OK")
			want := ""
			if points {
				want = "dump.rdb"
			}
			eventually(t, "the save is over", func() bool {
				return n.info("rdb_bgsave_in_progress") == "0" && listing(t, n.dir) == want
			})
			if got := n.info("rdb_last_bgsave_status"); got != "ok" {
				t.Errorf("status %s", got)
			}
			if points && len(contentsOf(t, filepath.Join(n.dir, "dump.rdb"))) > 0 {
				t.Error("what was flushed was saved")
			}
		})
	}
}

// A replica that comes in the turn of a BGSAVE shares its snapshot: both get the same
// bytes.
func TestSharedSnapshot(t *testing.T) {
	n := ours(t, func(c *Config) { c.ReplDisklessSync = true })
	for i := range 100 {
		n.want(fmt.Sprintf("SET key%d value", i), "OK")
	}
	conn, err := net.Dial("tcp", n.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_, _ = io.WriteString(conn, "CLIENT REPLY OFF\r\nREPLCONF capa eof capa psync2\r\nBGSAVE\r\nPSYNC ? -1\r\n")
	_ = conn.SetReadDeadline(time.Now().Add(patience))
	var got []byte
	var mark []byte
	for buf := make([]byte, 4096); mark == nil || stdbytes.Count(got, mark) < 2; {
		c, err := conn.Read(buf)
		if err != nil {
			t.Fatalf("%v after %q", err, got)
		}
		got = append(got, buf[:c]...)
		if at := stdbytes.Index(got, []byte("$EOF:")); at >= 0 && len(got) > at+47 {
			mark = got[at+5 : at+45]
		}
	}
	start := stdbytes.Index(got, []byte("REDIS0"))
	end := stdbytes.LastIndex(got, mark)
	n.saved()
	file, err := os.ReadFile(filepath.Join(n.dir, "dump.rdb"))
	if err != nil || !stdbytes.Equal(file, got[start:end]) {
		t.Errorf("%v: %d bytes saved, %d sent", err, len(file), end-start)
	}
	if !stdbytes.Contains(file, []byte("repl-id")) {
		t.Error("the file does not tell the replication id")
	}
}

// A replica's restart goes on from its file with a partial resynchronization, and a
// master's restart takes its replicas back.
func TestRestartContinuesHistory(t *testing.T) {
	dir := t.TempDir()
	master := ours(t, nil)
	host, port, _ := net.SplitHostPort(master.addr)
	start := func(c *Config) {
		c.Dir = dir
		c.ReplicaOf = Endpoint{Host: host, Port: atoi(port)}
	}
	replica := ours(t, start)
	replica.inStep(master)
	master.want("SET a 1 PX 1", "OK")
	master.want("SET b 2", "OK")
	replica.inStep(master)
	replica.ends("SHUTDOWN SAVE")
	master.want("SET c 3", "OK")
	again := ours(t, start)
	again.inStep(master)
	again.want("GET c", "3")
	again.want("EXISTS a", "0")
	if f, p := master.info("sync_full"), master.info("sync_partial_ok"); f != "1" || p != "1" {
		t.Errorf("%s full and %s partial synchronizations", f, p)
	}
}

// A master that comes back takes its replicas on from where they are, and has them
// delete what expired while it was away.
func TestRestartedMasterContinues(t *testing.T) {
	dir := t.TempDir()
	master := ours(t, func(c *Config) { c.Dir = dir })
	replica := ours(t, nil)
	replica.follow(master)
	master.want("SET stays 1", "OK")
	master.want("SET soon 1 PX 300", "OK")
	replica.inStep(master)
	master.ends("SHUTDOWN SAVE NOW")
	eventually(t, "the key has expired", func() bool { return replica.do("EXISTS soon") == "0" })
	replica.want("DBSIZE", "2")
	again := ours(t, func(c *Config) { c.Dir = dir })
	replica.follow(again)
	eventually(t, "the key is deleted", func() bool { return replica.do("DBSIZE") == "1" })
	if f, p := again.info("sync_full"), again.info("sync_partial_ok"); f != "0" || p != "1" {
		t.Errorf("%s full and %s partial synchronizations", f, p)
	}
}

func atoi(s string) (n int) {
	_, _ = fmt.Sscan(s, &n)
	return n
}

package integration

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// fillStrings gives a server strings of all kinds, in two databases, with and without
// a time to live.
func fillStrings(p *peer) {
	p.do("MSET", "int", "12345", "small", "hello", "empty", "", "binary", "\x00\xff\r\n",
		"long", strings.Repeat("compressible ", 4000), "negative", "-99")
	p.do("SET", "ttl", "x", "PXAT", "99999999999999")
	p.do("SET", "bits", "\x80\x00")
	p.do("APPEND", "raw", "appended")
	for i := range 500 {
		p.do("SET", fmt.Sprintf("key:%d", i), fmt.Sprintf("value:%d", i))
	}
	p.do("SELECT", "7")
	p.do("SET", "other", "database", "PXAT", "99999999999998")
	p.do("SELECT", "0")
}

// sameStrings compares what two servers hold.
func sameStrings(t *testing.T, a, b *peer) {
	t.Helper()
	for _, db := range []string{"0", "7"} {
		a.do("SELECT", db)
		b.do("SELECT", db)
		if na, nb := a.do("DBSIZE").raw, b.do("DBSIZE").raw; na != nb {
			t.Errorf("database %s: %q and %q", db, na, nb)
		}
		for _, key := range a.do("KEYS", "*").strings() {
			for _, cmd := range []string{"GET", "PEXPIRETIME", "DUMP"} {
				if ra, rb := a.do(cmd, key), b.do(cmd, key); ra.raw != rb.raw {
					t.Errorf("%s %q: %q and %q", cmd, key, ra.raw, rb.raw)
				}
			}
			if ea, eb := a.do("OBJECT", "ENCODING", key).raw, b.do("OBJECT", "ENCODING", key).raw; key != "raw" && ea != eb {
				t.Errorf("encoding of %q: %q and %q", key, ea, eb)
			}
		}
	}
}

// Files go both ways between us and Redis, by whichever command they were written.
func TestSnapshotFilesAreInterchangeable(t *testing.T) {
	starts := map[string]func(*testing.T, ...string) *process{"vedette": startVedette, "redis": startRedis}
	for _, way := range [][2]string{{"vedette", "redis"}, {"redis", "vedette"}} {
		for _, how := range []string{"SAVE", "BGSAVE", "SHUTDOWN"} {
			t.Run(fmt.Sprintf("%s to %s by %s", way[0], way[1], how), func(t *testing.T) {
				from := starts[way[0]](t)
				p := dial(t, from)
				fillStrings(p)
				file := filepath.Join(from.dir, "dump.rdb")
				switch how {
				case "SHUTDOWN":
					p.send("SHUTDOWN", "SAVE")
					<-from.done
				default:
					p.do(how)
					saved(t, p)
				}
				checkRDB(t, file)
				to := starts[way[1]](t, "--dir", filepath.Dir(file))
				reference := starts[way[0]](t, "--dir", filepath.Dir(file))
				sameStrings(t, dial(t, reference), dial(t, to))
			})
		}
	}
}

// saved waits for the end of a background save.
func saved(t *testing.T, p *peer) {
	t.Helper()
	eventually(t, 10*time.Second, func() error {
		if p.info("persistence", "rdb_bgsave_in_progress") != "0" {
			return fmt.Errorf("the save is not over")
		}
		return nil
	})
	if got := p.info("persistence", "rdb_last_bgsave_status"); got != "ok" {
		t.Errorf("rdb_last_bgsave_status:%s", got)
	}
}

// checkRDB lets Redis's own tool judge a file, where it is installed.
func checkRDB(t *testing.T, path string) {
	t.Helper()
	tool, err := exec.LookPath("redis-check-rdb")
	if err != nil {
		return
	}
	if out, err := exec.Command(tool, path).CombinedOutput(); err != nil || !bytes.Contains(out, []byte("RDB looks OK")) {
		t.Errorf("redis-check-rdb: %v\n%s", err, out)
	}
}

// A kill in the middle of a save leaves the file of the save before, whole.
func TestKillDuringSaveKeepsOldFile(t *testing.T) {
	s := startVedette(t)
	p := dial(t, s)
	fillStrings(p)
	p.do("SAVE")
	path := filepath.Join(s.dir, "dump.rdb")
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	p.do("SET", "after", "the save")
	p.do("CONFIG", "SET", "rdb-key-save-delay", "1000000")
	if got := p.do("BGSAVE").text; got != "Background saving started" {
		t.Fatal(got)
	}
	eventually(t, 10*time.Second, func() error {
		_, err := os.Stat(filepath.Join(s.dir, fmt.Sprintf("temp-%d.rdb", s.cmd.Process.Pid)))
		return err
	})
	s.kill()
	if after, err := os.ReadFile(path); err != nil || !bytes.Equal(before, after) {
		t.Fatalf("the file has changed: %v", err)
	}
	s.start()
	s.waitReady()
	q := dial(t, s)
	if q.do("GET", "key:499").text != "value:499" || !q.do("GET", "after").null {
		t.Error("not the data of the finished save")
	}
}

// A damaged file ends the start with a status and words that say where it is damaged.
func TestDamagedFileEndsTheStart(t *testing.T) {
	s := startVedette(t)
	p := dial(t, s)
	fillStrings(p)
	p.do("SAVE")
	s.kill()
	path := filepath.Join(s.dir, "dump.rdb")
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, file[:len(file)-20], 0o644); err != nil {
		t.Fatal(err)
	}
	s.start()
	<-s.done
	if code := s.cmd.ProcessState.ExitCode(); code != 1 {
		t.Errorf("exit status %d", code)
	}
	for _, want := range []string{path, "at offset", "Unexpected EOF reading RDB file", "Fatal error loading the DB, check server logs. Exiting."} {
		if !strings.Contains(s.out.String(), want) {
			t.Errorf("the log does not say %q:\n%s", want, s.out)
		}
	}
	if after, _ := os.ReadFile(path); !bytes.Equal(after, file[:len(file)-20]) {
		t.Error("the file was changed")
	}
}

// SIGTERM saves where save points are set; the log says what scripts wait for.
func TestSignalSaves(t *testing.T) {
	s := startVedette(t, "--save", "3600 1")
	p := dial(t, s)
	p.do("SET", "a", "1")
	if code := s.stop(); code != 0 {
		t.Errorf("exit status %d", code)
	}
	for _, want := range []string{"Received SIGTERM scheduling shutdown...", "User requested shutdown...",
		"Saving the final RDB snapshot before exiting.", "DB saved on disk", "Redis is now ready to exit, bye bye..."} {
		if !strings.Contains(s.out.String(), want) {
			t.Errorf("the log does not say %q:\n%s", want, s.out)
		}
	}
	s.start()
	s.waitReady()
	if got := dial(t, s).do("GET", "a").text; got != "1" {
		t.Errorf("a = %q", got)
	}
}

// A signal whose save fails leaves the server up.
func TestSignalWithFailingSave(t *testing.T) {
	s := startVedette(t, "--save", "3600 1")
	p := dial(t, s)
	p.do("SET", "a", "1")
	if err := os.Mkdir(filepath.Join(s.dir, "dump.rdb"), 0o755); err != nil {
		t.Fatal(err)
	}
	s.signal(syscall.SIGTERM)
	eventually(t, 10*time.Second, func() error {
		if !strings.Contains(s.out.String(), "Error trying to save the DB, can't exit.") {
			return fmt.Errorf("the log does not say that saving failed:\n%s", s.out)
		}
		return nil
	})
	if got := p.do("GET", "a").text; got != "1" {
		t.Errorf("a = %q", got)
	}
}

// infoNames lists the fields of a section in order.
func infoNames(p *peer, section string) (names []string) {
	for line := range strings.Lines(p.do("INFO", section).text) {
		if name, _, ok := strings.Cut(line, ":"); ok {
			names = append(names, name)
		}
	}
	return names
}

// INFO persistence has Redis's fields in Redis's order, also while loading.
func TestInfoPersistenceFields(t *testing.T) {
	a, b := startVedette(t), startRedis(t)
	pa, pb := dial(t, a), dial(t, b)
	if x, y := infoNames(pa, "persistence"), infoNames(pb, "persistence"); fmt.Sprint(x) != fmt.Sprint(y) {
		t.Errorf("vedette %v\nredis   %v", x, y)
	}
	for _, p := range []*process{a, b} {
		c := dial(t, p)
		for i := range 5000 {
			c.do("SET", fmt.Sprint(i), strings.Repeat("x", 1000)+fmt.Sprint(i))
		}
		c.do("CONFIG", "SET", "rdbcompression", "no")
		c.do("SAVE")
		p.kill()
		p.args = append(p.args, "--key-load-delay", "300", "--loading-process-events-interval-bytes", "1024")
		p.start()
	}
	loading := func(p *process) (names []string) {
		eventually(t, 10*time.Second, func() error {
			conn, err := net.DialTimeout("tcp", p.addr(), time.Second)
			if err != nil {
				return err
			}
			defer conn.Close()
			c := &peer{t, conn, bufio.NewReader(conn)}
			if c.info("persistence", "loading") != "1" {
				return fmt.Errorf("it is not loading")
			}
			names = infoNames(c, "persistence")
			return nil
		})
		return names
	}
	if x, y := loading(a), loading(b); fmt.Sprint(x) != fmt.Sprint(y) {
		t.Errorf("loading: vedette %v\nredis   %v", x, y)
	}
}

// Replies while saving fails are Redis's: to writes, to PING, in transactions, to SAVE
// and SHUTDOWN.
func TestFailingSaveIsAnsweredAsRedisDoes(t *testing.T) {
	var transcripts []string
	for _, start := range []func(*testing.T, ...string) *process{startVedette, startRedis} {
		s := start(t, "--save", "3600 1", "--dbfilename", "taken")
		if err := os.MkdirAll(filepath.Join(s.dir, "taken", "full"), 0o755); err != nil {
			t.Fatal(err)
		}
		p := dial(t, s)
		var b strings.Builder
		do := func(line string) { fmt.Fprintf(&b, "%s: %q\n", line, p.do(strings.Fields(line)...).raw) }
		do("SET a 1")
		do("BGSAVE")
		eventually(t, 10*time.Second, func() error {
			if p.info("persistence", "rdb_last_bgsave_status") != "err" {
				return fmt.Errorf("the save has not failed")
			}
			return nil
		})
		for _, line := range []string{"SET a 2", "PING", "GET a", "ECHO x", "MULTI", "GET a", "EXEC",
			"MULTI", "SET a 3", "GET a", "EXEC", "PUBLISH c m", "SAVE", "DEBUG RELOAD", "SHUTDOWN", "SHUTDOWN NOW",
			"SHUTDOWN SAVE", "SHUTDOWN ABORT", "FLUSHALL", "CONFIG SET stop-writes-on-bgsave-error no", "SET a 4", "PING", "GET a"} {
			do(line)
		}
		p.send("SHUTDOWN", "FORCE")
		<-s.done
		fmt.Fprintf(&b, "exit status %d\n", s.cmd.ProcessState.ExitCode())
		transcripts = append(transcripts, b.String())
	}
	if transcripts[0] != transcripts[1] {
		t.Errorf("vedette:\n%s\nredis:\n%s", transcripts[0], transcripts[1])
	}
}

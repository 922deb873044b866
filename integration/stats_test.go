package integration

import (
	"fmt"
	"net"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// CLIENT LIST has Redis's fields in Redis's order, and then those of 7.2; what does not
// depend on addresses, buffers and time has the same value.
func TestClientListFields(t *testing.T) {
	w := newTwins(t, startVedette(t), startRedis(t), "3")
	p := w.conn("1")
	for _, args := range [][]string{{"SELECT", "3"}, {"CLIENT", "SETNAME", "me"}, {"WATCH", "k"}, {"SUBSCRIBE", "a"}, {"PSUBSCRIBE", "b*"}, {"SSUBSCRIBE", "c"}, {"CLIENT", "NO-EVICT", "on"}, {"MULTI"}, {"GET", "k"}} {
		w.do(p, args...)
	}
	x := w.conn("2")
	for _, args := range [][]string{{"CLIENT", "LIST", "ID", "{id1}"}, {"CLIENT", "LIST", "TYPE", "pubsub"}, {"CLIENT", "INFO"}} {
		w.send(x, args)
		a, b := w.read(x)
		ours, theirs := clientFields(a.text), clientFields(b.text)
		var names []string
		for _, f := range theirs {
			names = append(names, f[0])
		}
		var got []string
		for _, f := range ours {
			if slices.Contains(names, f[0]) {
				got = append(got, f[0])
			}
		}
		// 7.2 puts watch behind multi: 7.0 does not have it.
		if !slices.Equal(got, names) {
			t.Errorf("%q\n  vedette %q\n  redis   %q", args, got, names)
		}
		for _, f := range theirs {
			switch f[0] {
			case "name", "flags", "db", "sub", "psub", "ssub", "multi", "events", "cmd", "user", "redir", "resp", "idle":
				if i := slices.IndexFunc(ours, func(o [2]string) bool { return o[0] == f[0] }); i < 0 || ours[i][1] != f[1] {
					t.Errorf("%q: %s=%s missing in %q", args, f[0], f[1], a.text)
				}
			}
		}
	}
}

func clientFields(line string) (fields [][2]string) {
	for f := range strings.FieldsSeq(line) {
		name, v, _ := strings.Cut(f, "=")
		fields = append(fields, [2]string{name, v})
	}
	return fields
}

// The slow log has the same entries as Redis's, with what is long cut off alike.
func TestSlowlogEntries(t *testing.T) {
	w := newTwins(t, startVedette(t, "--slowlog-log-slower-than", "0"), startRedis(t, "--slowlog-log-slower-than", "0"), "2")
	p := w.conn("1")
	many := append([]string{"DEL"}, slices.Repeat([]string{"k"}, 50)...)
	for _, args := range [][]string{{"CLIENT", "SETNAME", "me"}, {"SLOWLOG", "RESET"}, {"SET", "k", strings.Repeat("v", 200)}, many, {"nosuch"}, {"GET"},
		{"AUTH", "x"}, {"MULTI"}, {"INCR", "n"}, {"EXEC"}, {"CONFIG", "GET", "port"}, {"SLOWLOG", "LEN"}} {
		a, b := w.do(p, args...)
		if args[0] == "SLOWLOG" && a.raw != b.raw {
			t.Errorf("%q: %q, Redis %q", args, a.raw, b.raw)
		}
	}
	a, b := w.do(p, "SLOWLOG", "GET", "-1")
	if len(a.elems) != len(b.elems) {
		t.Fatalf("%d entries, Redis has %d:\n%q\n%q", len(a.elems), len(b.elems), a.raw, b.raw)
	}
	for i := range a.elems {
		x, y := a.elems[i].elems, b.elems[i].elems
		if x[0].raw != y[0].raw || x[3].raw != y[3].raw || x[5].raw != y[5].raw || !strings.HasPrefix(x[4].text, "127.0.0.1:") {
			t.Errorf("entry %d\n  vedette %q\n  redis   %q", i, a.elems[i].raw, b.elems[i].raw)
		}
	}
}

// Counters count and CONFIG RESETSTAT clears them, as in Redis.
func TestResetStat(t *testing.T) {
	w := newTwins(t, startVedette(t), startRedis(t), "2")
	p := w.conn("1")
	for range 3 {
		for _, args := range [][]string{{"SET", "k", "v"}, {"GET", "k"}, {"GET", "nokey"}, {"INCR", "k"}, {"GET"}, {"CONFIG", "GET", "port"}, {"EVALX"}} {
			w.do(p, args...)
		}
	}
	compare := func(what string) {
		t.Helper()
		for _, args := range [][]string{{"LATENCY", "HISTOGRAM", "set"}, {"LATENCY", "HISTOGRAM", "nosuch"}} {
			a, b := w.do(p, args...)
			if x, y := shape(a), shape(b); x != y {
				t.Errorf("%s: %q: %s, Redis %s", what, args, x, y)
			}
		}
		a, b := w.do(p, "INFO", "everything")
		x, y := infoFields(a.text), infoFields(b.text)
		for name, want := range y {
			stat := strings.HasPrefix(name, "cmdstat_") || strings.HasPrefix(name, "errorstat_")
			switch {
			case strings.HasPrefix(name, "latency_percentiles"):
				if percents(x[name]) != percents(want) {
					t.Errorf("%s: %s:%s, Redis %s", what, name, x[name], want)
				}
			case stat || slices.Contains([]string{"total_error_replies", "keyspace_hits", "keyspace_misses", "total_connections_received", "expired_keys", "rejected_connections"}, name):
				if withoutTimes(x[name]) != withoutTimes(want) {
					t.Errorf("%s: %s:%s, Redis %s", what, name, x[name], want)
				}
			}
		}
		for name := range x {
			if _, ok := y[name]; !ok && strings.HasPrefix(name, "cmdstat_") {
				t.Errorf("%s: %s:%s, Redis has none", what, name, x[name])
			}
		}
	}
	compare("counted")
	w.do(p, "CONFIG", "RESETSTAT")
	compare("cleared")
}

// shape is a histogram's calls, and that there are buckets.
func shape(r reply) string {
	if len(r.elems) < 2 {
		return r.raw
	}
	return r.elems[0].text + " " + r.elems[1].elems[1].text
}

var percentValue = regexp.MustCompile(`=[0-9.]+`)

func percents(s string) string { return percentValue.ReplaceAllString(s, "") }

// Ten thousand clients are served, those that wait included.
func TestManyConnections(t *testing.T) {
	want := 10_000
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil || limit.Cur < uint64(want)+500 {
		t.Skipf("no %d descriptors: %d", want, limit.Cur)
	}
	p := startVedette(t, "--maxclients", fmt.Sprint(want+10))
	conns := make([]net.Conn, 0, want)
	t.Cleanup(func() {
		for _, c := range conns {
			c.Close()
		}
	})
	for i := range want {
		c, err := net.DialTimeout("tcp", p.addr(), 10*time.Second)
		if err != nil {
			t.Fatalf("connection %d: %v", i, err)
		}
		conns = append(conns, c)
		if i%4 == 0 {
			_, _ = c.Write([]byte("*2\r\n$3\r\nGET\r\n$3\r\nab"))
		} else {
			_, _ = c.Write([]byte("SUBSCRIBE all\r\n"))
		}
	}
	c := dial(t, p)
	eventually(t, 20*time.Second, func() error {
		if r := c.do("PUBLISH", "all", "x"); r.text != fmt.Sprint(want*3/4) {
			return fmt.Errorf("%s receivers", r.text)
		}
		return nil
	})
	for i, conn := range conns {
		if i%4 == 0 {
			_, _ = conn.Write([]byte("c\r\n"))
			_ = conn.SetReadDeadline(time.Now().Add(20 * time.Second))
			var b [5]byte
			if n, err := conn.Read(b[:]); string(b[:n]) != "$-1\r\n" {
				t.Fatalf("connection %d: %q, %v", i, b[:n], err)
			}
		}
		conn.Close()
	}
	conns = nil
	eventually(t, 20*time.Second, func() error {
		if n := c.info("clients", "connected_clients"); n != "1" {
			return fmt.Errorf("%s clients", n)
		}
		return nil
	})
	if r := c.do("PUBLISH", "all", "x"); r.text != "0" {
		t.Errorf("%s receivers are left", r.text)
	}
}

var monitorStamp = regexp.MustCompile(`\+[0-9]+\.[0-9]{6} \[([0-9]+) [^]]*\]`)

// MONITOR shows the same lines as Redis's, in the same order and without passwords;
// who monitors has no business with keys.
func TestMonitorLines(t *testing.T) {
	w := newTwins(t, startVedette(t), startRedis(t), "2")
	m, p := w.conn("monitor"), w.conn("1")
	w.do(m, "MONITOR")
	for _, args := range [][]string{{"SET", "k", "a\x00\"\r\n"}, {"GET"}, {"nosuch"}, {"SELECT", "3"}, {"MULTI"}, {"GET", "k"}, {"INCR", "n"}, {"EXEC"},
		{"MULTI"}, {"INCR", "n"}, {"DISCARD"}, {"AUTH", "secret"}, {"HELLO", "2", "AUTH", "default", "secret", "SETNAME", "x"}, {"HELLO", "2", "SETNAME", "x"},
		{"CONFIG", "SET", "masterauth", "secret"}, {"CLIENT", "LIST"}, {"PUBLISH", "a", "b"}, {"INCR", "k"}, {"RESET"}} {
		w.do(p, args...)
	}
	a, b := w.drain(m)
	w.read(m) // the line of the drain's own PING
	x, y := monitorStamp.ReplaceAllString(a.raw, "[$1]"), monitorStamp.ReplaceAllString(b.raw, "[$1]")
	if x != y {
		t.Errorf("\n  vedette %q\n  redis   %q", x, y)
	}
	for _, args := range [][]string{{"GET", "k"}, {"SET", "k", "v"}, {"PUBLISH", "a", "b"}, {"RESET"}, {"GET", "k"}} {
		if a, b := w.do(m, args...); a.raw != b.raw {
			t.Errorf("a monitor's %q: %q, Redis %q", args, a.raw, b.raw)
		}
	}
}

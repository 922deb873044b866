package cli

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"
)

func TestRedisLines(t *testing.T) {
	var out bytes.Buffer
	w := newRedisLines(&out, 42)
	w.now = func() time.Time { return time.Date(2026, 11, 3, 15, 4, 5, 6e6, time.UTC) }
	log := zerolog.New(w)
	log.Info().Msg("starting")
	w.setRole('M')
	log.Trace().Msg("debug")
	log.Debug().Msg("verbose")
	log.Info().Str("master", "m").Int("epoch", 7).Str("why", "a b").Bool("ok", true).Msg("notice")
	log.Warn().Err(errors.New("disk full")).Msg("warning")
	log.Error().Strs("list", []string{"a", "b"}).Msg("two\nlines")
	log.Log().Msg("no level")
	log.Warn().Str("payload", "master m 10.0.0.1 6379").Str("by", "x").Msg("+sdown")
	want := `42:C 03 Nov 2026 15:04:05.006 * starting
42:M 03 Nov 2026 15:04:05.006 . debug
42:M 03 Nov 2026 15:04:05.006 - verbose
42:M 03 Nov 2026 15:04:05.006 * notice master=m epoch=7 why="a b" ok=true
42:M 03 Nov 2026 15:04:05.006 # warning error="disk full"
42:M 03 Nov 2026 15:04:05.006 # two\nlines list=["a","b"]
42:M 03 Nov 2026 15:04:05.006 # no level
42:M 03 Nov 2026 15:04:05.006 # +sdown master m 10.0.0.1 6379 by=x
`
	if got := out.String(); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

// A system without a log of its own, as in most containers, keeps nobody from starting.
func TestSyslogMayBeMissing(t *testing.T) {
	var out bytes.Buffer
	l, err := newLogging(logSettings{level: "notice", syslog: true, ident: "vedette-test", facility: "local7"}, false, &out)
	if err != nil {
		t.Fatal(err)
	}
	l.Info().Msg("Server initialized")
	if !strings.Contains(out.String(), "Server initialized") {
		t.Errorf("logged %q", out.String())
	}
}

// Whatever a message or a field holds, one event is one line.
func FuzzRedisLines(f *testing.F) {
	f.Add("message", "value")
	f.Add("two\r\nlines", "\x00\xff{\"")
	f.Fuzz(func(t *testing.T, msg, val string) {
		var out bytes.Buffer
		log := zerolog.New(newRedisLines(&out, 1))
		log.Info().Str("field", val).Msg(msg)
		_, _ = newRedisLines(&out, 1).Write([]byte(strings.ReplaceAll(msg, "\n", " ")))
		if n := strings.Count(out.String(), "\n"); n != 2 {
			t.Fatalf("%q, %q made %d lines: %q", msg, val, n, out.String())
		}
	})
}

func TestLevelFilter(t *testing.T) {
	for name, want := range map[string]string{
		"debug": "trace debug info warn", "verbose": "debug info warn", "notice": "info warn",
		"warning": "warn", "nothing": "",
	} {
		var out bytes.Buffer
		l, err := newLogging(logSettings{level: "notice"}, false, &out)
		if err != nil {
			t.Fatal(err)
		}
		l.level.set(name) // while it is in use
		l.Trace().Msg("")
		l.Debug().Msg("")
		l.Info().Msg("")
		l.Warn().Msg("")
		var got []string
		for line := range strings.Lines(out.String()) {
			_, rest, _ := strings.Cut(line, `"level":"`)
			level, _, _ := strings.Cut(rest, `"`)
			got = append(got, level)
		}
		if s := strings.Join(got, " "); s != want {
			t.Errorf("loglevel %s lets %q through, want %q", name, s, want)
		}
	}
}

// A log file that was moved away is made anew with the next line.
func TestLogFileMayBeRotated(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	l, err := newLogging(logSettings{level: "notice", file: path}, true, nil)
	if err != nil {
		t.Fatal(err)
	}
	l.Info().Msg("one")
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	l.Info().Msg("two")
	for file, want := range map[string]string{path + ".1": "one", path: "two"} {
		b, err := os.ReadFile(file)
		if err != nil || !strings.HasSuffix(string(b), "* "+want+"\n") {
			t.Errorf("%s holds %q, %v", file, b, err)
		}
	}
}

func TestLogFileMustBeWritable(t *testing.T) {
	_, err := newLogging(logSettings{file: filepath.Join(t.TempDir(), "no", "log")}, true, nil)
	if err == nil || !strings.HasPrefix(err.Error(), "Can't open the log file: ") {
		t.Errorf("newLogging = %v", err)
	}
}

package cli

import (
	"fmt"
	"io"
	"log/syslog"
	"os"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"
)

// logSettings are the directives about logging, of either role.
type logSettings struct {
	level    string // loglevel
	file     string // logfile, absolute; "" is standard output
	syslog   bool
	ident    string
	facility string
}

// logging is the logger of a process and what may change while it runs.
type logging struct {
	zerolog.Logger
	level *levelFilter
	lines *redisLines // nil unless in Redis's shape
}

// newLogging makes the logger: lines as Redis writes them when standing in for
// it, otherwise coloured text on a terminal and JSON elsewhere.
func newLogging(s logSettings, asRedis bool, stdout io.Writer) (*logging, error) {
	out := stdout
	if s.file != "" {
		f := appendedFile{s.file}
		if err := f.check(); err != nil {
			return nil, err
		}
		out = f
	}
	l := &logging{level: &levelFilter{}}
	l.level.set(s.level)
	var w io.Writer
	switch {
	case asRedis:
		l.lines = newRedisLines(out, os.Getpid())
		w = l.lines
	case isTerminal(out):
		w = zerolog.ConsoleWriter{Out: out, TimeFormat: "15:04:05.000"}
	default:
		w = out
	}
	var noSyslog error
	if s.syslog {
		var sw io.Writer
		if sw, noSyslog = newSyslog(s); noSyslog == nil {
			w = zerolog.MultiLevelWriter(w, sw)
		}
	}
	log := zerolog.New(w).Level(zerolog.TraceLevel).Sample(l.level)
	if !asRedis {
		log = log.Hook(timestamp{})
	}
	if noSyslog != nil {
		log.Warn().Err(noSyslog).Msg("Nothing goes to the system's log")
	}
	l.Logger = log
	return l, nil
}

// timestamp adds the time, to the millisecond, to JSON events.
type timestamp struct{}

// Run implements [zerolog.Hook].
func (timestamp) Run(e *zerolog.Event, _ zerolog.Level, _ string) {
	e.Str(zerolog.TimestampFieldName, time.Now().Format("2006-01-02T15:04:05.000Z07:00"))
}

// levelFilter lets events of a level and above through. It may be changed while
// others log.
type levelFilter struct{ min atomic.Int32 }

// Sample implements [zerolog.Sampler].
func (f *levelFilter) Sample(level zerolog.Level) bool { return int32(level) >= f.min.Load() }

// set takes a value of loglevel. Redis's four levels are zerolog's trace, debug,
// info and warn.
func (f *levelFilter) set(name string) {
	level := zerolog.InfoLevel
	switch name {
	case "debug":
		level = zerolog.TraceLevel
	case "verbose":
		level = zerolog.DebugLevel
	case "warning":
		level = zerolog.WarnLevel
	case "nothing":
		level = zerolog.Disabled
	}
	f.min.Store(int32(level))
}

// appendedFile is a log file opened anew for each line, as Redis does, so that
// it may be moved away at any time. A line that cannot be written is lost.
type appendedFile struct{ path string }

func (f appendedFile) open() (*os.File, error) {
	return os.OpenFile(f.path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
}

// check reports whether the file can be written to.
func (f appendedFile) check() error {
	file, err := f.open()
	if err != nil {
		return redisError("Can't open the log file: " + reason(err))
	}
	return file.Close()
}

// Write appends one line.
func (f appendedFile) Write(line []byte) (int, error) {
	file, err := f.open()
	if err != nil {
		return 0, err
	}
	defer file.Close()
	return file.Write(line)
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	st, err := f.Stat()
	return err == nil && st.Mode()&os.ModeCharDevice != 0
}

// syslogWriter sends events to the system's log as plain text.
type syslogWriter struct{ w *syslog.Writer }

func newSyslog(s logSettings) (io.Writer, error) {
	w, err := syslog.New(facility(s.facility)|syslog.LOG_NOTICE, s.ident)
	if err != nil {
		return nil, fmt.Errorf("open syslog: %w", err)
	}
	return syslogWriter{w}, nil
}

func facility(name string) syslog.Priority {
	if name == "user" {
		return syslog.LOG_USER
	}
	var n int
	if _, err := fmt.Sscanf(name, "local%d", &n); err != nil {
		return syslog.LOG_LOCAL0
	}
	return syslog.LOG_LOCAL0 + syslog.Priority(n)<<3
}

// Write logs an event without a level.
func (s syslogWriter) Write(event []byte) (int, error) {
	return s.WriteLevel(zerolog.NoLevel, event)
}

// WriteLevel logs an event at the priority that fits its level.
func (s syslogWriter) WriteLevel(level zerolog.Level, event []byte) (int, error) {
	text := string(appendPlain(nil, event))
	var err error
	switch {
	case level <= zerolog.DebugLevel:
		err = s.w.Debug(text)
	case level == zerolog.InfoLevel:
		err = s.w.Notice(text)
	default:
		err = s.w.Warning(text)
	}
	return len(event), err
}

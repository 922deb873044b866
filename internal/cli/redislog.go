package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"
)

// redisLines turns log events into lines of Redis's shape:
//
//	4711:M 23 Nov 2026 15:04:05.123 * message field=value
//
// Safe for concurrent use.
type redisLines struct {
	mu   sync.Mutex // guards out; held while one line is written
	out  io.Writer
	pid  int
	now  func() time.Time
	role atomic.Int32 // 'M' master, 'S' replica, 'X' sentinel, 'C' still starting
}

func newRedisLines(out io.Writer, pid int) *redisLines {
	l := &redisLines{out: out, pid: pid, now: time.Now}
	l.setRole('C')
	return l
}

func (l *redisLines) setRole(c rune) { l.role.Store(c) }

// Write takes an event without a level, which counts as a warning.
func (l *redisLines) Write(event []byte) (int, error) {
	return l.WriteLevel(zerolog.NoLevel, event)
}

// WriteLevel writes one event, as zerolog encodes it, as one line.
func (l *redisLines) WriteLevel(level zerolog.Level, event []byte) (int, error) {
	line := fmt.Appendf(nil, "%d:%c %s %c ", l.pid, l.role.Load(),
		l.now().Format("02 Jan 2006 15:04:05.000"), levelSign(level))
	line = append(appendPlain(line, event), '\n')
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, err := l.out.Write(line); err != nil {
		return 0, err
	}
	return len(event), nil
}

// raw writes text as it is.
func (l *redisLines) raw(text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	_, _ = io.WriteString(l.out, text) // a log that cannot be written is lost
}

// levelSign is Redis's: . debug, - verbose, * notice, # warning.
func levelSign(level zerolog.Level) byte {
	switch level {
	case zerolog.TraceLevel:
		return '.'
	case zerolog.DebugLevel:
		return '-'
	case zerolog.InfoLevel:
		return '*'
	}
	return '#'
}

// payloadField holds what follows the name of a Sentinel event. It is shown bare,
// as Redis has it: "+sdown master mymaster 127.0.0.1 6379".
const payloadField = "payload"

// appendPlain appends the message of an event and then its fields, in their
// order, as key=value. What is no event is appended as it is.
func appendPlain(dst, event []byte) []byte {
	dec := json.NewDecoder(bytes.NewReader(event))
	dec.UseNumber()
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return append(dst, bytes.TrimSpace(event)...)
	}
	var message, payload, fields string
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			break
		}
		var raw json.RawMessage
		if err := dec.Decode(&raw); err != nil {
			break
		}
		switch name := key.(string); name {
		case zerolog.LevelFieldName, zerolog.TimestampFieldName:
		case zerolog.MessageFieldName:
			message = plainValue(raw)
		case payloadField:
			payload = " " + plainValue(raw)
		default:
			fields += " " + name + "=" + plainField(raw)
		}
	}
	return append(append(dst, oneLine(message+payload)...), fields...)
}

// plainValue is a string without its quotes, and anything else as JSON has it.
func plainValue(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return s
	}
	return string(raw)
}

// plainField is plainValue, but quoted if it has blanks or more.
func plainField(raw json.RawMessage) string {
	s := plainValue(raw)
	if s == "" || strings.ContainsAny(s, " \"\\\t\r\n") {
		return string(raw)
	}
	return s
}

// oneLine keeps a message from looking like several.
func oneLine(s string) string {
	return strings.NewReplacer("\r", `\r`, "\n", `\n`).Replace(s)
}

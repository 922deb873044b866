package replication

import "fmt"

// Level is how much a log line matters, in Redis's words.
type Level int

const (
	Debug Level = iota
	Verbose
	Notice
	Warning
)

// Log takes one line in Redis's wording: operators and scripts wait for these
// texts. It is called from the loop and from attempts, so it must be safe for
// concurrent use.
type Log func(level Level, text string)

func (l Log) printf(level Level, format string, args ...any) {
	if l != nil {
		l(level, fmt.Sprintf(format, args...))
	}
}

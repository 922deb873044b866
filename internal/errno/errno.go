// Package errno has the texts that the C library gives errors of the system, as Redis
// shows them in replies and in its log.
package errno

import (
	"errors"
	"strings"
	"syscall"
)

// Text is that of the C library for an error of the system, such as "Connection
// refused"; ok is false if err is none.
func Text(err error) (text string, ok bool) {
	var no syscall.Errno
	if !errors.As(err, &no) {
		return "", false
	}
	s := no.Error()
	return strings.ToUpper(s[:1]) + s[1:], true
}

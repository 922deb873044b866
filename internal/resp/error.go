package resp

import (
	"bytes"
	"fmt"
	"strings"
)

// Error is an error whose text goes to the client byte for byte, prefix included:
// "ERR syntax error", "WRONGTYPE …".
type Error struct {
	text string
}

// NewError returns an error with a fixed text, which begins with its prefix.
func NewError(text string) *Error { return &Error{text} }

// Errorf formats an error for the client; the text begins with its prefix. What is
// quoted ends before a NUL, where C sees its end.
func Errorf(format string, args ...any) *Error {
	for i, arg := range args {
		switch arg := arg.(type) {
		case []byte:
			args[i], _, _ = bytes.Cut(arg, []byte{0})
		case string:
			args[i], _, _ = strings.Cut(arg, "\x00")
		}
	}
	return &Error{fmt.Sprintf(format, args...)}
}

func (e *Error) Error() string { return e.text }

// Prefix returns the error's first word, by which clients tell kinds of errors.
func (e *Error) Prefix() string {
	prefix, _, _ := strings.Cut(e.text, " ")
	return prefix
}

// The errors many commands share. The texts are Redis's.
var (
	ErrWrongType       = NewError("WRONGTYPE Operation against a key holding the wrong kind of value")
	ErrSyntax          = NewError("ERR syntax error")
	ErrNotInteger      = NewError("ERR value is not an integer or out of range")
	ErrNotFloat        = NewError("ERR value is not a valid float")
	ErrNoSuchKey       = NewError("ERR no such key")
	ErrOutOfRange      = NewError("ERR value is out of range")
	ErrIndexOutOfRange = NewError("ERR index out of range")
	ErrSameObject      = NewError("ERR source and destination objects are the same")
	ErrBusyKey         = NewError("BUSYKEY Target key name already exists.")
	ErrNoAuth          = NewError("NOAUTH Authentication required.")
	ErrLoading         = NewError("LOADING Redis is loading the dataset in memory")
	ErrMasterDown      = NewError("MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.")
	ErrReadOnly        = NewError("READONLY You can't write against a read only replica.")
	ErrNoReplicas      = NewError("NOREPLICAS Not enough good replicas to write.")
	ErrExecAbort       = NewError("EXECABORT Transaction discarded because of previous errors.")
	ErrOOM             = NewError("OOM command not allowed when used memory > 'maxmemory'.")
	ErrBGSave          = NewError("MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk. Commands that may modify the data set are disabled, because this instance is configured to report errors during writes if RDB snapshotting fails (stop-writes-on-bgsave-error option). Please check the Redis logs for details about the RDB error.")
	ErrInternal        = NewError("ERR internal error")
)

package resp

import (
	"bytes"
	"time"
)

// IsHTTP reports whether a word that is no command is the start of a request a browser
// sends, or of one of its headers: a web page may have made it send commands in the body.
func IsHTTP(word []byte) bool {
	return bytes.EqualFold(word, []byte("POST")) || bytes.EqualFold(word, []byte("Host:"))
}

// HTTPWarning is what the log says then, as Redis words it; %s is the client's address.
const HTTPWarning = "Possible SECURITY ATTACK detected. It looks like somebody is sending POST or Host: commands to Redis. " +
	"This is likely due to an attacker attempting to use Cross Protocol Scripting to compromise your Redis instance. " +
	"Connection from %s aborted."

// HTTPWarningPeriod is the least time between two such lines.
const HTTPWarningPeriod = time.Minute

package replication

import (
	"crypto/rand"
	"encoding/hex"
)

// ReplID names a history of writes: 40 hexadecimal digits. Two servers with the
// same ReplID and the same Offset hold the same data.
type ReplID string

// Offset is a position in a history: the number of bytes before it.
type Offset int64

// replIDLen is the number of digits of a ReplID.
const replIDLen = 40

// noReplID is what INFO and PSYNC logs show where there is no id.
const noReplID ReplID = "0000000000000000000000000000000000000000"

// NewReplID draws a random id.
func NewReplID() ReplID {
	var b [replIDLen / 2]byte
	_, _ = rand.Read(b[:]) // never fails: crypto/rand ends the process instead
	return ReplID(hex.EncodeToString(b[:]))
}

// orZeros is the id, or 40 zeros when there is none.
func (id ReplID) orZeros() ReplID {
	if id == "" {
		return noReplID
	}
	return id
}

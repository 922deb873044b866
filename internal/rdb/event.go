package rdb

import "fmt"

// Event is one thing a Reader found: *Aux, *SelectDB, *ResizeDB, *Function or
// *Record. The event and the memory it refers to belong to the Reader and are
// good until its next call of Next, except where a field says otherwise.
type Event interface{ event() }

// Aux is a fact about the whole snapshot, such as redis-ver or repl-offset.
// Unknown ones are to be ignored.
type Aux struct{ Key, Value []byte }

// SelectDB says which database the following records are in. Records say it too.
type SelectDB struct{ DB int }

// ResizeDB is a hint how many keys the selected database will hold, and how many
// of them expire. It is a hint: nothing may be allocated on its word alone
// without a bound.
type ResizeDB struct{ Keys, Volatile uint64 }

// Function is the source of a function library.
type Function struct{ Code []byte }

// Record is a key with its value.
type Record struct {
	DB  int
	Key []byte
	Meta

	// Value's String or Blob belongs to the receiver, who may keep it, when it is
	// at least OwnedSize long; so do the Nodes and the Stream. A shorter String or
	// Blob, and the Elements, are good until the next call of Next.
	Value Value
}

// OwnedSize is the length in bytes from which a string or a blob is handed over
// rather than lent.
const OwnedSize = 32 << 10

func (*Aux) event()      {}
func (*SelectDB) event() {}
func (*ResizeDB) event() {}
func (*Function) event() {}
func (*Record) event()   {}

// Error says at which byte of the snapshot what is wrong.
type Error struct {
	Offset int64  // bytes from the start at which the offending element begins
	Reason string // in words, for the operator
	Err    error  // the reading error behind it, io.ErrUnexpectedEOF if cut short; nil for bad contents
}

func (e *Error) Error() string {
	return fmt.Sprintf("rdb: at offset %d: %s", e.Offset, e.Reason)
}

// Unwrap returns the reading error behind e, or nil.
func (e *Error) Unwrap() error { return e.Err }

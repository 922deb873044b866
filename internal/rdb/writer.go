package rdb

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
)

// Options say how a snapshot is written. The zero value writes Version, without
// compression, with a checksum.
type Options struct {
	Version    int  // of the format, 0: Version; at most VersionNewest
	Compress   bool // strings, as rdbcompression has it
	NoChecksum bool // write zero in its place, as `rdbchecksum no` has it
}

// writerBuffer is how many bytes a Writer collects before it writes. A longer
// string is written from where it lies.
const writerBuffer = 64 << 10

// Writer writes a snapshot, or parts of one. Errors stick: after the first,
// calls do nothing, and Err, Flush and End return it. One goroutine may use it at
// a time.
type Writer struct {
	w       io.Writer
	o       Options
	a       Appender
	buf     []byte
	crc     uint64
	written int64 // bytes given to w
	db      int   // selected; -1: none yet
	err     error
}

// NewWriter returns a Writer to w. Nothing is written before the first call.
func NewWriter(w io.Writer, o Options) *Writer {
	if o.Version == 0 {
		o.Version = Version
	}
	if o.Version < 1 || o.Version > VersionNewest {
		panic(fmt.Sprintf("rdb: no version %d to write", o.Version))
	}
	return &Writer{
		w: w, o: o, db: -1,
		a:   Appender{Compress: o.Compress},
		buf: make([]byte, 0, writerBuffer+512),
	}
}

// Version returns the version being written. A value chooses its layout by it.
func (w *Writer) Version() int { return w.o.Version }

// Written returns how many bytes have been written, the buffered ones included.
func (w *Writer) Written() int64 { return w.written + int64(len(w.buf)) }

// Err returns the first error.
func (w *Writer) Err() error { return w.err }

// Header writes the magic and the version.
func (w *Writer) Header() {
	w.buf = fmt.Appendf(w.buf, "%s%04d", magic, w.o.Version)
}

// Aux writes a fact about the whole snapshot.
func (w *Writer) Aux(key, value string) {
	w.buf = append(w.buf, opAux)
	w.PutString([]byte(key))
	w.PutString([]byte(value))
}

// SelectDB says which database the following keys are in. It writes nothing if
// that is so already.
func (w *Writer) SelectDB(db int) {
	if w.db == db {
		return
	}
	w.db = db
	w.buf = AppendLen(append(w.buf, opSelectDB), uint64(db))
	w.spill()
}

// ResizeDB writes how many keys the selected database will hold, and how many of
// them expire.
func (w *Writer) ResizeDB(keys, volatile uint64) {
	w.buf = AppendLen(append(w.buf, opResizeDB), keys)
	w.buf = AppendLen(w.buf, volatile)
}

// Function writes the source of a function library.
func (w *Writer) Function(code []byte) {
	w.buf = append(w.buf, opFunction)
	w.PutString(code)
}

// StringKey writes a key that holds a string.
func (w *Writer) StringKey(m Meta, key, value []byte) {
	w.BeginKey(m, TypeString, key)
	w.PutString(value)
}

// Key writes a key with a value as it was read, with the type Type.In says.
func (w *Writer) Key(m Meta, key []byte, v Value) {
	w.BeginKey(m, v.Type.In(w.o.Version), key)
	w.PutValue(v)
}

// RawKey writes a key whose value's layout, as t has it, is body.
func (w *Writer) RawKey(m Meta, t Type, key, body []byte) {
	w.BeginKey(m, t, key)
	w.PutBytes(body)
}

// BeginKey writes everything of a key that comes before its value. The caller
// goes on with the value's layout, as t has it, through the Put methods.
func (w *Writer) BeginKey(m Meta, t Type, key []byte) {
	if m.ExpireAt != -1 {
		w.buf = AppendExpire(w.buf, m.ExpireAt)
	}
	if m.IdleSeconds >= 0 {
		w.buf = AppendLen(append(w.buf, opIdle), uint64(m.IdleSeconds))
	}
	if m.Freq >= 0 {
		w.buf = append(w.buf, opFreq, byte(m.Freq))
	}
	w.buf = append(w.buf, byte(t))
	w.PutString(key)
}

// PutLen writes a length.
func (w *Writer) PutLen(n uint64) {
	w.buf = AppendLen(w.buf, n)
	w.spill()
}

// PutString writes a string in the shortest form the options allow.
func (w *Writer) PutString(s []byte) {
	if len(s) < writerBuffer {
		w.buf = w.a.AppendString(w.buf, s)
		w.spill()
		return
	}
	if z, ok := w.a.compress(s); ok {
		w.buf = appendLZFHeader(w.buf, len(z), len(s))
		w.PutBytes(z)
		return
	}
	w.PutLen(uint64(len(s)))
	w.PutBytes(s)
}

// PutCompressed writes a string of size bytes, more than 20, of which z is the
// compressed form, at least four bytes shorter. It returns false, and writes
// nothing, if the options do not have strings compressed.
func (w *Writer) PutCompressed(z []byte, size int) bool {
	if !w.o.Compress {
		return false
	}
	w.buf = appendLZFHeader(w.buf, len(z), size)
	w.PutBytes(z)
	return true
}

// PutScore writes a score of a sorted set as eight bytes.
func (w *Writer) PutScore(score float64) {
	w.buf = binary.LittleEndian.AppendUint64(w.buf, math.Float64bits(score))
	w.spill()
}

// PutBytes writes p as it is, without a length.
func (w *Writer) PutBytes(p []byte) {
	if len(w.buf)+len(p) < writerBuffer {
		w.buf = append(w.buf, p...)
		return
	}
	w.flush()
	w.emit(p)
}

// Flush hands everything written so far to the stream.
func (w *Writer) Flush() error {
	w.flush()
	return w.err
}

// End writes the end of the snapshot with its checksum, and flushes.
func (w *Writer) End() error {
	w.buf = append(w.buf, opEOF)
	w.flush()
	if w.o.Version >= 5 {
		sum := w.crc
		if w.o.NoChecksum {
			sum = 0
		}
		w.buf = binary.LittleEndian.AppendUint64(w.buf, sum)
	}
	return w.Flush()
}

// spill flushes when the buffer is full.
func (w *Writer) spill() {
	if len(w.buf) >= writerBuffer {
		w.flush()
	}
}

func (w *Writer) flush() {
	w.emit(w.buf)
	w.buf = w.buf[:0]
}

// emit gives p to the stream and counts it into the checksum.
func (w *Writer) emit(p []byte) {
	if w.err != nil || len(p) == 0 {
		return
	}
	if !w.o.NoChecksum {
		w.crc = CRC64(w.crc, p)
	}
	n, err := w.w.Write(p)
	w.written += int64(n)
	w.err = err
}

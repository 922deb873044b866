package persist

import (
	"encoding/binary"

	"github.com/vedette-ha/vedette/internal/rdb"
	"github.com/vedette-ha/vedette/server/codec"
	"github.com/vedette-ha/vedette/server/keyspace"
)

// BatchBytes is how many bytes a batch holds before it should be sent. A single
// record may make it larger.
const BatchBytes = 64 << 10

// Object is a value that is not bytes: it writes its own layout. Both methods
// are called on the encoder's goroutine while the loop goes on, so they may only
// look at memory that no longer changes.
type Object interface {
	// RDBType is the type whose layout WriteRDB writes in that version.
	RDBType(version int) rdb.Type

	// WriteRDB writes the value through w's Put methods. Errors stick to w.
	WriteRDB(w *rdb.Writer)
}

// Batch is a run of snapshot records, copied to one piece of memory that is used
// again; only values added by reference stay where they are. One goroutine at a
// time may use it.
type Batch struct {
	buf     []byte // records, one after the other; see add
	strings [][]byte
	objects []Object
	records int
	kept    int // bytes kept alive outside buf
}

// The forms a record has in a batch: how its value is given.
const (
	valueInline = iota // after the key
	valueString        // the next of strings
	valueObject        // the next of objects
	valueBlob          // kind and encoding, then inline
)

// AddString adds a key with a string. Key and value are copied.
func (b *Batch) AddString(db int, m rdb.Meta, key, value []byte) {
	b.add(valueInline, db, m, key)
	b.buf = binary.AppendUvarint(b.buf, uint64(len(value)))
	b.buf = append(b.buf, value...)
}

// AddBlob adds a key with a small collection, which is copied.
func (b *Batch) AddBlob(db int, m rdb.Meta, key []byte, k keyspace.Kind, e keyspace.Encoding, blob []byte) {
	b.add(valueBlob, db, m, key)
	b.buf = append(b.buf, byte(k), byte(e))
	b.buf = binary.AppendUvarint(b.buf, uint64(len(blob)))
	b.buf = append(b.buf, blob...)
}

// AddStringRef adds a key with a string that stays where it is: nobody may change
// it until the batch has been written. For values too big to copy.
func (b *Batch) AddStringRef(db int, m rdb.Meta, key, value []byte) {
	b.add(valueString, db, m, key)
	b.strings = append(b.strings, value)
	b.kept += min(len(value), keptMax)
}

// AddObject adds a key with a value that writes itself. size is about how many
// bytes of memory o keeps alive, or could.
func (b *Batch) AddObject(db int, m rdb.Meta, key []byte, o Object, size int) {
	b.add(valueObject, db, m, key)
	b.objects = append(b.objects, o)
	b.kept += min(size, keptMax)
}

// keptMax is what a single value counts for at most: a huge one must not make what
// follows it look like too much.
const keptMax = 1 << 20

// add appends what all records begin with: form, database, meta, key.
func (b *Batch) add(form byte, db int, m rdb.Meta, key []byte) {
	b.records++
	b.buf = append(b.buf, form)
	b.buf = binary.AppendUvarint(b.buf, uint64(db))
	b.buf = binary.AppendVarint(b.buf, m.ExpireAt)
	b.buf = binary.AppendVarint(b.buf, m.IdleSeconds)
	b.buf = binary.AppendVarint(b.buf, int64(m.Freq))
	b.buf = binary.AppendUvarint(b.buf, uint64(len(key)))
	b.buf = append(b.buf, key...)
}

// Records is how many records were added.
func (b *Batch) Records() int { return b.records }

// Size is about how many bytes the batch keeps from being freed.
func (b *Batch) Size() int { return len(b.buf) + b.kept }

// Full reports whether the batch should be sent before more is added.
func (b *Batch) Full() bool { return b.Size() >= BatchBytes }

// reset empties the batch for its next use. Memory one huge record left behind is
// not kept.
func (b *Batch) reset() {
	if cap(b.buf) > 4*BatchBytes {
		b.buf = nil
	}
	b.buf = b.buf[:0]
	clear(b.strings)
	clear(b.objects)
	b.strings, b.objects = b.strings[:0], b.objects[:0]
	b.records, b.kept = 0, 0
}

// writeTo writes all records. Errors stick to w.
func (b *Batch) writeTo(w *rdb.Writer) {
	in := batchReader{rest: b.buf}
	strings, objects := b.strings, b.objects
	for len(in.rest) > 0 && w.Err() == nil {
		form := in.rest[0]
		in.rest = in.rest[1:]
		w.SelectDB(int(in.uvarint()))
		m := rdb.Meta{ExpireAt: in.varint(), IdleSeconds: in.varint(), Freq: int(in.varint())}
		key := in.bytes()
		switch form {
		case valueInline:
			w.StringKey(m, key, in.bytes())
		case valueString:
			w.StringKey(m, key, strings[0])
			strings = strings[1:]
		case valueObject:
			w.BeginKey(m, objects[0].RDBType(w.Version()), key)
			objects[0].WriteRDB(w)
			objects = objects[1:]
		case valueBlob:
			v := keyspace.Value{Kind: keyspace.Kind(in.rest[0]), Encoding: keyspace.Encoding(in.rest[1])}
			in.rest = in.rest[2:]
			v.Bytes = in.bytes()
			w.BeginKey(m, codec.Type(v, w.Version()), key)
			codec.Write(w, v)
		}
	}
}

// batchReader takes a batch apart. What it reads was written by Batch: it panics
// on anything else.
type batchReader struct{ rest []byte }

func (r *batchReader) uvarint() uint64 {
	v, n := binary.Uvarint(r.rest)
	r.rest = r.rest[n:]
	return v
}

func (r *batchReader) varint() int64 {
	v, n := binary.Varint(r.rest)
	r.rest = r.rest[n:]
	return v
}

func (r *batchReader) bytes() []byte {
	n := r.uvarint()
	p := r.rest[:n]
	r.rest = r.rest[n:]
	return p
}

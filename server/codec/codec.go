package codec

import (
	"errors"

	"github.com/vedette-ha/vedette/internal/rdb"
	"github.com/vedette-ha/vedette/server/keyspace"
)

// Limits are the sizes up to which collections stay packed, from the configuration
// directives of the same names.
type Limits struct {
	HashMaxEntries     int // pairs
	HashMaxValue       int // bytes of a field or a value
	ListMaxSize        int // list-max-listpack-size: elements, or -1 to -5
	ListCompressDepth  int
	SetMaxIntset       int // members
	SetMaxEntries      int // members
	SetMaxValue        int // bytes
	ZSetMaxEntries     int // members
	ZSetMaxValue       int // bytes
	StreamNodeMaxBytes int
	StreamNodeEntries  int
}

var (
	// ErrEmpty means a collection without elements: in a snapshot such a key is
	// passed over, in a DUMP payload it is bad data.
	ErrEmpty = errors.New("it is empty")

	errTwice = errors.New("it holds an element twice")
)

// Type returns the type whose layout Write writes in a version of RDB.
func Type(v keyspace.Value, version int) rdb.Type {
	switch v.Kind {
	case keyspace.List:
		return rdb.TypeListQuicklist2
	case keyspace.Hash:
		return hashType(v)
	case keyspace.Set:
		return setType(v, version)
	case keyspace.ZSet:
		return zsetType(v)
	case keyspace.Stream:
		return rdb.StreamType(version)
	}
	return rdb.TypeString
}

// Write writes the layout of v. Errors stick to w. If v has an Object, it must not
// change meanwhile.
func Write(w *rdb.Writer, v keyspace.Value) {
	switch v.Kind {
	case keyspace.List:
		writeList(w, v)
	case keyspace.Hash:
		writeHash(w, v)
	case keyspace.Set:
		writeSet(w, v)
	case keyspace.ZSet:
		writeZSet(w, v)
	case keyspace.Stream:
		writeStream(w, v.Object)
	default:
		w.PutString(v.Bytes)
	}
}

// Read returns the value that was read as v. Its Bytes are v's, or its own.
func Read(v *rdb.Value, l *Limits) (keyspace.Value, error) {
	switch v.Kind {
	case rdb.KindList:
		return readList(v, l)
	case rdb.KindHash:
		return readHash(v, l)
	case rdb.KindSet:
		return readSet(v, l)
	case rdb.KindZSet:
		return readZSet(v, l)
	case rdb.KindStream:
		return readStream(v)
	}
	s := v.String
	return keyspace.Value{Kind: keyspace.String, Encoding: keyspace.EncodingOf(s), Bytes: s}, nil
}

// packed is a small collection.
func packed(k keyspace.Kind, blob []byte) keyspace.Value {
	return keyspace.Value{Kind: k, Encoding: keyspace.Listpack, Bytes: blob}
}

// big is a collection that has a structure of its own, or why there is none.
func big(o keyspace.Object, err error) (keyspace.Value, error) {
	if err != nil {
		return keyspace.Value{}, err
	}
	return keyspace.Value{Kind: o.Kind(), Encoding: o.Encoding(), Object: o}, nil
}

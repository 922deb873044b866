// Package codec says how values of every kind lie in RDB: in snapshots, in what
// DUMP returns and in full synchronizations.
//
// There are two ways. [Type] and [Write] lay a value of the keyspace out:
//
//	w.BeginKey(meta, codec.Type(v, w.Version()), key)
//	codec.Write(w, v)
//
// [Read] turns what [rdb.Reader] or [rdb.ParseDump] found into a value that the
// keyspace stores with DB.Set or DB.Insert. Values take the encoding Redis gives
// them when it loads: packed ones stay packed while the thresholds in [Limits] allow.
//
// Both are called on any goroutine: Write on the snapshot encoder's, with a frozen
// Object; Read on the decoder's, before the loop gets the value. So they look at
// nothing but their arguments. What Read returns shares memory with the rdb.Value:
// Bytes may be its Blob, and an Object may keep its Nodes and its Stream, but nothing
// keeps Elements, nor a Blob: those may be lent.
//
// One file a kind. In each, the functions below the line "the structure" know the
// Object of big values; all others work on packed bytes.
//
//	kind    packed as                   Object  laid out as
//	string  bytes                       –       0
//	list    listpack (Redis 7.2)        list    18
//	hash    listpack                    hash    16, Object: 4
//	set     intset, listpack            set     11, 20 (version 10: 2), Object: 2
//	zset    listpack                    zset    17, Object: 5
//	stream  –                           stream  21 (version 10: 19)
//
// A value that is empty is no value: Read refuses it with [ErrEmpty]. A value with
// an element twice is refused, too.
package codec

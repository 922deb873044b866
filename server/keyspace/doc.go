// Package keyspace holds the data set: numbered databases of keys with values,
// times to live and the clocks of eviction, and a snapshot of it all taken
// without a fork.
//
// It is owned by one goroutine, the server's loop: nothing here locks, and
// nothing is safe for concurrent use. It starts no goroutine, opens no file,
// knows no RESP, and reads no clock: the owner says what time it is with
// [Space.SetNow], once per event. Work that takes time (the snapshot walk, the
// expire cycle, rehashing, compaction) is done in slices; each takes a function
// that says whether there is time for more.
//
//	s := keyspace.New(keyspace.Options{Databases: 16})
//	s.SetNow(time.Now().UnixMilli())
//	db := s.DB(0)
//	err := db.SetString(key, val, keyspace.EncodingOf(val), keyspace.SetOpt{})
//	if e, ok := db.Get(key); ok {
//		reply(e.Bytes()) // aliases the data set: use it before the next change
//	}
//
// # What aliases what
//
// An [Entry], and every []byte got from one, points into the data set. It is
// good until the next call that may change the Space; a Get in a Space that
// deletes expired keys is such a call. Keys and values passed in are copied.
// A value passed in may alias the data set (as in COPY), the old value of the
// same key included.
//
// # Layout
//
// A database is a dataset: a table of 64-byte buckets holding 32-bit
// references, and an arena of 1 MiB chunks holding the entries themselves
// (header, key, value in one cell). Neither contains a pointer and both lie
// outside the collector's heap. Values that would need more than 32 KiB, and
// typed values too big to be one blob, live on the Go heap behind a side table.
// A dataset is self-contained, so SWAPDB exchanges two pointers, and FLUSHDB
// puts an empty dataset in the place of the old.
//
// The table grows by linear hashing: bucket i of n splits into i and n+i, in
// place, a few buckets with each insertion, so there is never a second table and
// never a long pause.
//
// Read on in this order: cell.go (an entry in bytes), arena.go (where cells
// live), table.go (how they are found), db.go and write.go (the operations),
// expire.go, snapshot.go.
package keyspace

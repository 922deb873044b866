// Package rdb reads and writes the RDB format: snapshot files, the payload of a
// full sync, and what DUMP returns.
//
// It knows the format and nothing of a keyspace. A [Writer] turns calls into
// bytes, a [Reader] turns bytes into events. Both work on any stream: a file, a
// socket, a buffer.
//
//	w := rdb.NewWriter(f, rdb.Options{Version: rdb.Version, Compress: true})
//	w.Header()
//	w.Aux("redis-ver", "7.2.5")
//	w.SelectDB(0)
//	w.StringKey(rdb.NoMeta(), []byte("greeting"), []byte("hello"))
//	err := w.End() // the first error of any call above, or of the last write
//
//	r := rdb.NewReader(f, rdb.ReaderOptions{})
//	for {
//		ev, err := r.Next()
//		if err == io.EOF {
//			break // complete, and the checksum is right
//		}
//		if err != nil {
//			return err // *rdb.Error: where and why
//		}
//		if rec, ok := ev.(*rdb.Record); ok {
//			use(rec.DB, rec.Key, rec.Value)
//		}
//	}
//
// Reading covers every file Redis 2.6 to 7.2 writes, with all encodings of all
// data types; what later versions or modules add is refused with its name.
// Nothing read is trusted: no length makes the reader allocate much more than
// has arrived, and every compact encoding is checked before it is used.
//
// Source: https://rdb.fnordig.de/file_format.html and the Redis documentation of
// DUMP and RESTORE; what they leave open was learned from files Redis wrote.
package rdb

// Package persist puts snapshots on disk and reads them back. It knows files, the
// RDB format and bytes on their way; it does not know the keyspace: records come
// in as bytes and go out as events.
//
// A snapshot is written by two goroutines. The server's loop walks the keyspace
// and fills batches; the goroutine that runs the [Encoder] turns them into RDB and
// writes them to a file, to replicas, or to both:
//
//	enc := persist.NewEncoder(header, persist.EncoderOptions{RDB: options})
//	go func() {
//		err := persist.SaveFile(path, persist.FileOptions{FsyncEvery: 4 << 20}, func(w io.Writer) error {
//			return enc.Run(ctx, w)
//		})
//		inbox <- saved{err} // however it ended
//	}()
//
//	// on the loop, between events:
//	for enc.Ready() && more {
//		b := enc.Batch()
//		more = walk(func(r record) { b.AddString(r.db, r.meta, r.key, r.value) }, b.Full)
//		if err := enc.Send(b); err != nil {
//			// the snapshot is over; saved{err} says why
//		}
//	}
//	enc.Finish()
//
// The loop never waits: [Encoder.Send] takes a batch or ends the snapshot, and
// [Encoder.Ready] tells the walker when to hold back. SAVE, which is meant to stop
// the server, uses [Encoder.SendWait].
//
// A file comes to its name only when it is complete and on disk ([SaveFile]).
// [Open] reads one event by event, in slices if the caller likes, and tells a
// missing file from a bad one.
package persist

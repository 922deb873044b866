// Package replication is both sides of PSYNC: it knows bytes and offsets, not
// commands, and it decides; it does not act.
//
// A [Node] is one server's part in replication. It holds
//
//   - the [Stream]: the history of writes as bytes, with the ids and offsets that
//     name it. Every consumer (a replica, the append-only file) is a [Cursor];
//   - the table of our replicas, each a [Replica]: what is to be written to its
//     connection next, whatever phase it is in;
//   - the link to our master, when there is one;
//   - the coordinated FAILOVER, when one runs.
//
// A Node belongs to one goroutine (the server's loop). It takes no lock, reads no
// clock and opens no socket: what happened goes in through its methods, together
// with the time, and what is to be done comes out of [Node.Take] as [Action]s.
//
// What may block runs on other goroutines, and has types of its own: an [Attempt]
// is one try to reach the master, from dialling to a verified snapshot on disk; a
// [Transfer] carries a snapshot's bytes from the goroutine that encodes them to
// the replicas that share it. Only these two and [Source] implementations are used
// from more than one goroutine.
//
// An offset counts bytes of the stream. On the wire and in second_repl_offset the
// offset of a byte is one more than the number of bytes before it; inside this
// package an [Offset] is always the number of bytes before.
//
// Source: https://redis.io/docs/latest/operate/oss_and_stack/management/replication/
package replication

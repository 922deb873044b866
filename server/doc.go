// Package server is the data server: one goroutine, the loop, that owns every
// session, every key and every counter.
//
// A turn of the loop (loop.go) waits for ready connections, reads and executes
// what they sent, runs what other goroutines posted to the inbox, runs due timers
// and writes each socket once. Command code therefore takes no lock, and a
// transaction is atomic because nothing else runs. Whatever is slow (files, fsync,
// DNS, handshakes, big frees) happens on another goroutine and comes back through
// [Server.post].
//
// Reading order: server.go (what there is), session.go (a client), loop.go (a
// turn), dispatch.go (what is checked before a command runs), effects.go (how a
// write leaves the server), then one file a command family.
package server

// Package memnet is an in-memory network for tests: hosts with addresses, and
// between them streams that behave like TCP where programs can tell.
//
// A [Network] has hosts, named by IP address. [Host.Listen] and [Host.Dial] give
// net.Listener and net.Conn with working deadlines. Buffers are bounded, so that a
// writer waits when its peer does not read. Faults are methods: a host that is
// killed or vanishes, a cut between two hosts or in one direction only, delay, a
// host that is frozen as by SIGSTOP. Bytes caught by a cut wait and arrive when it
// has healed, as TCP would retransmit them, unless the connection was reset.
//
// Everything waits on channels and timers only, so a network can live in a
// testing/synctest bubble, in which the same calls give the same course of events.
// For tests; not for production use.
package memnet

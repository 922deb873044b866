// Package integration tests the built binary as its users meet it: over RESP and
// through signals, beside Redis's own programs and unmodified client libraries.
//
// It holds tests only. What it shares: harness_test.go starts and stops processes
// on free loopback ports, peer_test.go speaks raw RESP to them. Every test starts
// what it needs itself; what needs a program that is not installed is skipped, and
// the last test line names what was left out.
package integration

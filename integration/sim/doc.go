// Package sim runs whole deployments in virtual time: three data servers, three
// sentinels and clients, all of them the real programs, on a network in memory that
// cuts, delays, freezes and kills what a script says. An hour of their life takes
// seconds.
//
// It holds tests only, and talks to the programs as anybody does, over RESP.
// scenarios_test.go has the stories told by hand; seeds_test.go draws faults at
// random and checks what must hold whatever happens:
//
//   - no config-epoch ever has two masters, in whatever a sentinel answers;
//   - what every replica had acknowledged is never lost;
//   - once the faults are over there is, within a minute, one master that all
//     sentinels name, the others follow it, hold the same data, and writes work;
//   - no goroutine is left.
//
// A run that fails prints its faults as a script that can be run again:
//
//	make nightly SEEDS=10000
//	go test ./integration/sim -run TestSeeds -args -seed 17
//	go test ./integration/sim -run TestScript -args -script faults.txt
//
// Equal scripts give equal faults at equal times; how goroutines interleave between
// two instants is left to the runtime, so that a rare failure may take several runs.
package sim

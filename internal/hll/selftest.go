package hll

import (
	"encoding/binary"
	"fmt"
	"math"
)

const (
	// selfTestElements is as many as take some milliseconds: who runs a self test on
	// a server that serves does not want it to stop for long.
	selfTestElements = 100_000
	// standardError is what a sketch of so many registers has: 1.04/√16384.
	standardError = 0.0081
	// selfTestErrors is how many standard errors are put up with.
	selfTestErrors = 4
)

// SelfTest checks that registers keep what is written to them, and that sketches
// estimate as well as they should, sparse and dense. It takes some milliseconds.
func SelfTest() error {
	if err := testRegisters(); err != nil {
		return err
	}
	return testEstimates()
}

func testRegisters() error {
	d, err := ToDense(New())
	if err != nil {
		return err
	}
	var twin Union
	seed := uint64(1)
	for range 10 * Registers {
		seed = seed*6364136223846793005 + 1442695040888963407
		p := Place{int(seed >> 50), uint8(seed >> 20 & registerMax)}
		setDense(d, p)
		twin[p.Register] = max(twin[p.Register], p.Rank)
	}
	for i, want := range twin {
		if got := denseRegister(d, i); got != want {
			return fmt.Errorf("register %d should be %d but is %d", i, want, got)
		}
	}
	return nil
}

func testEstimates() error {
	const sparseMax = 3000
	var u Union
	s, check := New(), uint64(1)
	for n := uint64(1); n <= selfTestElements; n++ {
		var element [8]byte
		binary.LittleEndian.PutUint64(element[:], n)
		p := PlaceOf(element[:])
		u[p.Register] = max(u[p.Register], p.Rank)
		var err error
		if s, _, err = Set(s, p, sparseMax); err != nil {
			return err
		}
		if n != check {
			continue
		}
		check *= 10
		got, err := Count(s)
		if err != nil || got != u.Count() {
			return fmt.Errorf("the same registers give %d and %d", got, u.Count())
		}
		if off := math.Abs(float64(got) - float64(n)); off > math.Ceil(selfTestErrors*standardError*float64(n)) {
			return fmt.Errorf("%d elements are estimated %.0f off", n, off)
		}
	}
	return nil
}

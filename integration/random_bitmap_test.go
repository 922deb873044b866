package integration

import "strconv"

// bitmaps draws a command on bits.
func (g *generator) bitmaps() []string {
	switch g.r.IntN(8) {
	case 0, 1:
		return []string{"SETBIT", g.key(), g.bitOffset(), g.pick("0", "1", "1", "1", "2")}
	case 2:
		return []string{"GETBIT", g.key(), g.bitOffset()}
	case 3:
		return append([]string{"BITCOUNT", g.key()}, g.bitRange()...)
	case 4:
		args := append([]string{"BITPOS", g.key(), g.pick("0", "1", "0", "1", "x")}, g.bitRange()...)
		if g.oneIn(4) {
			args = args[:min(len(args), 4)]
		}
		return args
	case 5:
		args := []string{"BITOP", g.pick("AND", "OR", "XOR", "NOT", "and"), g.key(), g.key()}
		for args[1] != "NOT" && g.oneIn(2) {
			args = append(args, g.key())
		}
		return args
	}
	args := []string{g.pick("BITFIELD", "BITFIELD", "BITFIELD", "BITFIELD_RO"), g.key()}
	for range g.r.IntN(5) {
		args = append(args, g.bitFieldOp()...)
	}
	return args
}

func (g *generator) bitOffset() string {
	if g.oneIn(20) {
		return g.pick("-1", "x", "4294967296", "4294967295000", "20000", "")
	}
	return strconv.Itoa(g.r.IntN(700))
}

// bitRange is a valid one: before 7.2 what is wrong with it is not said of keys that
// are missing.
func (g *generator) bitRange() []string {
	if g.oneIn(3) {
		return nil
	}
	args := []string{strconv.Itoa(g.r.IntN(120) - 40)}
	args = append(args, strconv.Itoa(g.r.IntN(240)-80))
	if g.oneIn(2) {
		args = append(args, g.pick("BIT", "BIT", "BYTE", "bit"))
	}
	return args
}

func (g *generator) bitFieldOp() []string {
	width := 1 + g.r.IntN(63)
	if g.oneIn(3) {
		width = g.r.IntN(10)
	}
	field := g.pick("u", "i") + strconv.Itoa(width)
	if g.oneIn(20) {
		field = g.pick("i64", "u64", "i65", "x")
	}
	at := g.bitOffset()
	if g.oneIn(3) {
		at = "#" + strconv.Itoa(g.r.IntN(20))
	}
	switch g.r.IntN(4) {
	case 0:
		return []string{"GET", field, at}
	case 1:
		return []string{"SET", field, at, g.integer()}
	case 2:
		return []string{"OVERFLOW", g.pick("WRAP", "SAT", "FAIL", "fail", "sat", "sat")}
	}
	return []string{"INCRBY", field, at, g.integer()}
}

package server

import "testing"

// What is done to streams all the time allocates nothing, but for a node now and then.
func TestNoAllocationsOfStreams(t *testing.T) {
	for _, args := range [][]string{
		{"XADD", "s", "*", "f", "some value"}, {"XADD", "s", "MAXLEN", "~", "500", "*", "f", "v"}, {"XADD", "s", "MAXLEN", "50", "*", "f", "v"},
		{"XLEN", "s"}, {"XRANGE", "s", "-", "+", "COUNT", "10"}, {"XREVRANGE", "s", "+", "-", "COUNT", "10"},
		{"XREAD", "COUNT", "10", "STREAMS", "s", "0"}, {"XREAD", "STREAMS", "s", "$"},
		{"XREADGROUP", "GROUP", "g", "c", "COUNT", "5", "STREAMS", "s", "0"}, {"XREADGROUP", "GROUP", "g", "c", "STREAMS", "none", ">"},
		{"XREADGROUP", "GROUP", "g", "c", "COUNT", "1", "STREAMS", "s", ">"},
		{"XACK", "s", "g", "1-1"}, {"XPENDING", "s", "g"}, {"XPENDING", "s", "g", "-", "+", "10"}, {"XDEL", "s", "1-1"},
		{"XAUTOCLAIM", "s", "g", "c", "0", "0", "COUNT", "5"},
	} {
		c := direct(t)
		c.turn(request("XGROUP", "CREATE", "s", "g", "0", "MKSTREAM"))
		c.turn(request("XGROUP", "CREATE", "none", "g", "0", "MKSTREAM"))
		for range 300 {
			c.turn(request("XADD", "s", "*", "f", "some value"))
		}
		c.turn(request("XREADGROUP", "GROUP", "g", "c", "COUNT", "50", "STREAMS", "s", ">"))
		packet := request(args...)
		for range 5 {
			c.turn(packet)
		}
		if n := testing.AllocsPerRun(200, func() { c.turn(packet) }); n > 0 {
			t.Errorf("%v: %v allocations", args, n)
		}
	}
}

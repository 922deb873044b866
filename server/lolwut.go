package server

import (
	stdbytes "bytes"
	"math/rand/v2"

	"github.com/vedette-ha/vedette/internal/resp"
	"github.com/vedette-ha/vedette/server/command"
)

// LOLWUT [VERSION version]
func (s *Server) cmdLolwut(c *command.Ctx) error {
	if len(c.Args) >= 3 && equalFold(c.Args[1], "VERSION") {
		if _, ok := resp.ParseInt(c.Args[2]); !ok {
			return resp.ErrNotInteger
		}
	}
	rnd := rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64()))
	c.Out.Verbatim("txt", sentryAtNight(rnd)+"\nRedis ver. "+Version+"\n")
	return nil
}

const (
	nightWidth  = 66
	nightHeight = 18
)

// rider is a vedette: a mounted sentry. Dots are see-through.
var rider = [...]string{
	"....o......",
	".../|\\_|...",
	".~_/_\\_^^..",
	"..(____)'..",
	"..//..\\\\...",
}

// sentryAtNight draws hills, never twice the same, under the stars, and on the
// highest of them a sentry.
func sentryAtNight(rnd *rand.Rand) string {
	night := make([][]byte, nightHeight)
	for y := range night {
		night[y] = stdbytes.Repeat([]byte{' '}, nightWidth)
		for range rnd.IntN(3) {
			night[y][rnd.IntN(nightWidth)] = ".*+'"[rnd.IntN(4)]
		}
	}
	ground := hills(rnd)
	top := 8
	for x := range nightWidth {
		if x > 6 && x < nightWidth-8 && ground[x] < ground[top] {
			top = x
		}
		for y := ground[x]; y < nightHeight; y++ {
			night[y][x] = "\"^.,:;"[min(y-ground[x], 5)]
		}
	}
	for y, line := range rider {
		for x, ch := range []byte(line) {
			if at := ground[top] - len(rider) + y; ch != '.' && at >= 0 {
				night[at][top-5+x] = ch
			}
		}
	}
	return string(stdbytes.Join(night, []byte{'\n'})) + "\n"
}

// hills are the heights of the ground, from the top, column by column.
func hills(rnd *rand.Rand) (ground [nightWidth]int) {
	height, slope := 11+rnd.IntN(4), 0
	for x := range ground {
		if rnd.IntN(4) == 0 {
			slope = rnd.IntN(3) - 1
		}
		if rnd.IntN(2) == 0 {
			height = min(max(height+slope, 7), nightHeight-2)
		}
		ground[x] = height
	}
	return ground
}

//go:build race

package sim

import "time"

// starvedFor is how long processes starve.
const starvedFor = 5 * time.Minute

// seedsByDefault is how many seeds fit into half a minute: a seed takes
// about 1.7 s of them under the race detector.
const seedsByDefault = 12

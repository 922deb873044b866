//go:build !race

package sim

import "time"

// starvedFor is how long processes starve: an hour takes about half a minute.
const starvedFor = time.Hour

// seedsByDefault is how many seeds run with all other tests: each takes about 0.25 s of
// a core. `make nightly` runs twenty times as many.
const seedsByDefault = 500

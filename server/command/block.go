package command

import (
	"math"
	"math/big"
	"time"

	"github.com/vedette-ha/vedette/internal/resp"
	"github.com/vedette-ha/vedette/server/keyspace"
)

// Wait is what a blocking command waits for: that one of Keys, in the selected
// database, holds a value of Kind that was created or added to.
type Wait struct {
	Kind    keyspace.Kind
	Keys    [][]byte
	Timeout time.Duration // zero: for ever

	// OrGone also ends the wait when a key is deleted, or gets a value of another
	// kind (XREADGROUP, whose group is gone then).
	OrGone bool

	// Args is the command to run when a key is ready, where it is not the one
	// received (XREAD, for which $ is the last entry at the time it blocks).
	Args [][]byte
}

// Block makes the session wait, and reports true: the handler returns without a
// reply, and the command runs again, from its start, when one of the keys is ready.
// It then serves itself, or blocks again, which keeps its place in time: the timeout
// counts from the first call. When the time is up the server replies with a null
// array. What w holds is copied.
//
// Within a transaction and wherever else nobody can wait it reports false: the
// handler then replies what stands for nothing.
//
// Of several sessions that wait for a key, the one that has waited longest runs
// first. They run when the command that made the key ready, or the transaction, is
// through, each as a command of its own: its effects follow those of the push.
func (c *Ctx) Block(w Wait) bool { return c.Host.Block(c, &w) }

// The errors of timeouts.
var (
	errTimeoutNotFloat = resp.Errorf("ERR timeout is not a float or out of range")
	errTimeoutNotInt   = resp.Errorf("ERR timeout is not an integer or out of range")
	errTimeoutNegative = resp.Errorf("ERR timeout is negative")
	errTimeoutRange    = resp.Errorf("ERR timeout is out of range")
)

// timeoutMax is a hundred years, and longer timeouts are taken as that: it keeps
// them within what a Duration can hold.
const timeoutMax = 100 * 365 * 24 * time.Hour

// TimeoutSeconds reads a timeout in seconds, fractions of a millisecond rounded up;
// zero means for ever.
func (c *Ctx) TimeoutSeconds(arg []byte) (time.Duration, error) {
	if n, ok := resp.ParseInt(arg); ok && -1<<32 < n && n < 1<<32 {
		return c.timeout(n * 1000)
	}
	f, inf, ok := parseLongDouble(arg)
	switch {
	case !ok:
		return 0, errTimeoutNotFloat
	case inf > 0:
		return 0, errTimeoutRange
	case inf < 0:
		return 0, errTimeoutNegative
	}
	f.Mul(f, big.NewFloat(1000))
	if f.Cmp(big.NewFloat(math.MaxInt64)) > 0 {
		return 0, errTimeoutRange
	}
	ms, accuracy := f.Int64()
	if accuracy == big.Below {
		ms++
	}
	return c.timeout(ms)
}

// TimeoutMillis reads a timeout in whole milliseconds; zero means for ever.
func (c *Ctx) TimeoutMillis(arg []byte) (time.Duration, error) {
	ms, ok := resp.ParseInt(arg)
	if !ok {
		return 0, errTimeoutNotInt
	}
	return c.timeout(ms)
}

func (c *Ctx) timeout(ms int64) (time.Duration, error) {
	switch {
	case ms < 0:
		return 0, errTimeoutNegative
	case ms > math.MaxInt64-c.Now:
		return 0, errTimeoutRange
	case ms > timeoutMax.Milliseconds():
		return timeoutMax, nil
	}
	return time.Duration(ms) * time.Millisecond, nil
}

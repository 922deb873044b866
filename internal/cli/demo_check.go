//go:build !nodemo

package cli

import (
	"context"
	"errors"
	"fmt"
)

// checkBatch is how many keys are looked up with one command.
const checkBatch = 500

// demoCheck is the outcome of looking up what was acknowledged.
type demoCheck struct {
	Checked int `json:"checked"` // keys looked up: all that were acknowledged by then
	Lost    int `json:"lost"`    // missing, or with another value, that must be there
	// Late were acknowledged by the old master in the instants after the mark, and are
	// missing.
	Late int `json:"lost_after_mark"`
}

// check looks up on a node all writes that were acknowledged by now, except for those
// an earlier check has reported.
func (d *demo) check(ctx context.Context, n *demoNode, mark demoMark) (c demoCheck, err error) {
	now := markOf(d.ledgers())
	for i, l := range d.ledgers() {
		acks := l.copy(now[i])
		for from := 0; from < len(acks); from += checkBatch {
			d.screen.progress(fmt.Sprintf("looking up the writes of %s on %s … %d", l.writer, n.Name, from))
			to := min(from+checkBatch, len(acks))
			missing, err := d.missing(ctx, n, l, acks[from:to])
			if err != nil {
				return c, err
			}
			c.Checked += to - from
			for _, k := range missing {
				l.lose(from + k)
				if mark.owed(i, from+k, acks[from+k], n.Name) {
					c.Lost++
				} else {
					c.Late++
				}
			}
		}
	}
	return c, nil
}

// missing returns the indexes of the acks whose keys do not hold what was written. It
// leaves out those known as lost.
func (d *demo) missing(ctx context.Context, n *demoNode, l *demoLedger, acks []demoAck) (lost []int, err error) {
	args := make([]any, 0, len(acks)+1)
	args = append(args, "MGET")
	for _, a := range acks {
		args = append(args, l.key(a.Seq))
	}
	v, err := d.askers.of(n).ask(ctx, args...)
	if err != nil {
		return nil, fmt.Errorf("look up keys on %s: %w", n.Name, err)
	}
	if len(v.Array) != len(acks) {
		return nil, fmt.Errorf("%s answers %d of %d keys", n.Name, len(v.Array), len(acks))
	}
	for i, a := range acks {
		if !a.Lost && v.Array[i].Text() != l.value(a.Seq) {
			lost = append(lost, i)
		}
	}
	return lost, nil
}

// conclude ends the writing and judges what is left.
func (d *demo) conclude(ctx context.Context) error {
	d.stop()
	d.writing.Wait()
	master, err := d.master(ctx)
	if err != nil {
		return err
	}
	if err := d.untilWhole(ctx, master); err != nil {
		return err
	}
	f := &d.result.Final
	err = d.until(ctx, settleLimit, "all have the same offset", func(ctx context.Context) error {
		f.Offset, err = d.sameOffset(ctx, master)
		return err
	})
	if err != nil {
		return err
	}
	f.Master, f.SentinelsAgree = master.Name, true // untilWhole and sameOffset say so
	all := markOf(d.ledgers())
	for _, n := range d.set.data {
		c, err := d.check(ctx, n, all)
		if err != nil {
			return err
		}
		if n == master {
			f.Acknowledged = c.Checked
		} else {
			f.Replicas = append(f.Replicas, n.Name)
		}
		f.Lost += c.Lost
	}
	for _, l := range d.ledgers() {
		f.Failed += l.failures()
	}
	return nil
}

// sameOffset returns the offset of the master if both replicas are at it. The
// sentinels' hellos move it now and then.
func (d *demo) sameOffset(ctx context.Context, master *demoNode) (string, error) {
	before, err := d.askers.of(master).dataState(ctx)
	if err != nil {
		return "", err
	}
	for _, n := range d.set.others(master) {
		s, err := d.askers.of(n).dataState(ctx)
		if err != nil {
			return "", err
		}
		if s.offset != before.offset {
			return "", fmt.Errorf("%s is at %s, %s at %s", n.Name, s.offset, master.Name, before.offset)
		}
	}
	after, err := d.askers.of(master).dataState(ctx)
	switch {
	case err != nil:
		return "", err
	case after.offset != before.offset:
		return "", errors.New("the offset moves")
	case after.replicas != fmt.Sprint(demoData-1):
		return "", fmt.Errorf("%s has %s replicas", master.Name, after.replicas)
	}
	return after.offset, nil
}

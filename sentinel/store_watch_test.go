package sentinel

import (
	"errors"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// A leader whose disk is full hands over, says so, answers what it knows, and is as
// before when there is room again: nothing it could not write is decided behind its back.
func TestFullDiskHandsOver(t *testing.T) {
	simulate(t, 3, 2, func(t *testing.T, b *bench) {
		b.formThree()
		old := b.leader()
		old.disk.SetFull(true)
		go func() { _, _ = old.monitor("a write that fails") }()
		others := slices.DeleteFunc(slices.Clone(b.nodes), func(n *benchNode) bool { return n == old })
		b.await(4*time.Second, "led by another one", func() bool {
			return slices.ContainsFunc(others, func(n *benchNode) bool { return n.q.Status().Leading })
		})
		if r, err := others[0].monitor("meanwhile"); err != nil || !r.OK() {
			t.Errorf("the others decide: %+v, %v", r, err)
		}
		time.Sleep(10 * time.Second)
		st := old.q.Status()
		if st.Leading || st.Store.Kind != storeFailing || !strings.Contains(st.Store.Text, "no space left") || st.health() != healthNoQuorum {
			t.Errorf("the full one says %+v, %s", st, st.health())
		}
		if names := old.names(); !slices.Contains(names, "m") || slices.Contains(names, "meanwhile") {
			t.Errorf("the full one knows %v", names)
		}
		old.disk.SetFull(false)
		b.await(12*time.Second, "caught up", func() bool {
			return slices.Contains(old.names(), "meanwhile") && old.q.Status().health() == healthOK
		})
		if r, err := old.monitor("again"); err != nil || !r.OK() {
			t.Errorf("with room again: %+v, %v", r, err)
		}
	})
}

// Without room anywhere nothing is decided and everything goes on: elections, which
// store a term, included.
func TestAllDisksFull(t *testing.T) {
	simulate(t, 3, 2, func(t *testing.T, b *bench) {
		b.formThree()
		for _, n := range b.nodes {
			n.disk.SetFull(true)
		}
		begun := time.Now()
		if r, err := b.nodes[0].monitor("refused"); !errors.Is(err, errNoQuorum) || time.Since(begun) > 2*time.Second {
			t.Errorf("without room: %+v, %v after %v", r, err, time.Since(begun))
		}
		time.Sleep(time.Minute)
		for _, n := range b.nodes {
			if st := n.q.Status(); !st.Formed || !slices.Contains(n.names(), "m") {
				t.Errorf("%d: %+v, %v", n.n, st, n.names())
			}
		}
		for _, n := range b.nodes {
			n.disk.SetFull(false)
		}
		b.await(15*time.Second, "a decision", func() bool {
			r, err := b.nodes[0].monitor("granted")
			return err == nil && r.OK()
		})
	})
}

// A sentinel that is to end does, though it cannot write.
func TestEndWithFullDisk(t *testing.T) {
	simulate(t, 3, 2, func(t *testing.T, b *bench) {
		b.formThree()
		n := b.leader()
		n.disk.SetFull(true)
		go func() { _, _ = n.monitor("a write that fails") }()
		time.Sleep(3 * time.Second)
		begun := time.Now()
		n.life.end()
		n.stop()
		<-n.done
		if took := time.Since(begun); took > 5*time.Second {
			t.Errorf("it took %v", took)
		}
	})
}

// A sentinel without peers says what its disk says, and lives.
func TestFullDiskUnformed(t *testing.T) {
	simulate(t, 1, 2, func(t *testing.T, b *bench) {
		n := b.nodes[0]
		n.start()
		n.disk.SetFull(true)
		if _, err := n.monitor("refused"); !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("MONITOR = %v", err)
		}
		time.Sleep(time.Minute)
		if st := n.q.Status(); st.Store.Kind != storeFailing {
			t.Errorf("%+v", st)
		}
		n.disk.SetFull(false)
		if r, err := n.monitor("granted"); err != nil || !r.OK() {
			t.Errorf("MONITOR = %+v, %v", r, err)
		}
		if st := n.q.Status(); st.Store.Kind != "" {
			t.Errorf("%+v", st)
		}
	})
}

// A write that is over does not hide one that still hangs.
func TestStalledWriteIsSeen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var w writeWatch
		release := make(chan struct{})
		go func() { _ = w.once(func() error { <-release; return nil }) }()
		synctest.Wait()
		time.Sleep(time.Second)
		_ = w.once(func() error { return nil })
		if d := w.stalled(); d != time.Second {
			t.Errorf("stalled for %v, want 1s", d)
		}
		close(release)
		synctest.Wait()
		if d := w.stalled(); d != 0 {
			t.Errorf("stalled for %v, want 0", d)
		}
	})
}

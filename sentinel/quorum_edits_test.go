package sentinel

import (
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/vedette-ha/vedette/failover"
)

// An edit of sentinel.conf that cannot be agreed on yet stays in the file when that is
// rewritten, also if the sentinel ends before there is a majority.
func TestEditWithoutMajorityStays(t *testing.T) {
	inWorld(t, func(w *world) {
		s := w.sens[0]
		file := 0 // parallel-syncs in it
		s.rewrite = func(st State) error {
			file = st.Agreed.Master("m").Settings.ParallelSyncs
			return nil
		}
		s.tune = func(c *Config) { c.Initial.Masters[0].Settings.ParallelSyncs = max(file, 1) }
		s.kill()
		s.start()
		w.await(10*time.Second, "a rewrite", func() bool { return file == 1 })
		for _, other := range w.sens {
			other.kill()
		}
		file = 5
		for range 2 {
			s.start()
			time.Sleep(3 * time.Second)
			if got, err := s.do("SENTINEL FLUSHCONFIG"); err != nil || file != 5 {
				t.Fatalf("FLUSHCONFIG: %s, %v; parallel-syncs %d in the file", got, err, file)
			}
			s.kill()
		}
		for _, each := range w.sens {
			each.start()
		}
		w.await(20*time.Second, "all to follow the edit", func() bool {
			return w.sens[2].master()["parallel-syncs"] == "5" && s.master()["parallel-syncs"] == "5" && file == 5
		})
	})
}

// What counts as an edit of a file, after rewrites of it.
func TestEditsAfterRewrites(t *testing.T) {
	lines := func(quorum int) [][]string { return directivesOf(fileState("m", quorum, 0)) }
	for _, c := range []struct {
		name    string
		written []int // what the quorum was in rewrites that succeeded, negative: that failed
		file    int   // what it is at the next start; it was 2 at the first
		edits   int
	}{
		{"nothing happened", nil, 2, 0},
		{"a rewrite", []int{3}, 3, 0},
		{"a rewrite, and its opposite by hand", []int{3}, 2, 1},
		{"a rewrite that failed", []int{-3}, 2, 0},
		{"several that failed", []int{-3, -4}, 2, 0},
		{"one that failed, one that did not", []int{-3, 4}, 4, 0},
		{"one that did not, one that failed", []int{3, -4}, 3, 0},
		{"one that failed, but its disk did not", []int{-3}, 3, 0},
		{"an edit after one that failed", []int{-3}, 5, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			disk := NewMemoryDisk()
			open := func(quorum int) *quorum {
				q, err := newQuorum(quorumConfig{MyID: idA, Stores: disk.open(), Initial: fileState("m", quorum, 0), Log: zerolog.Nop()})
				if err != nil {
					t.Fatal(err)
				}
				return q
			}
			q := open(2)
			errs := []error{q.fileFollowed(lines(2))}
			for _, quorum := range c.written {
				errs = append(errs, q.SaveDirectives(lines(max(quorum, -quorum))))
				if quorum > 0 {
					errs = append(errs, q.FileWritten())
				}
			}
			for _, err := range append(errs, q.cfg.Stores.close()) {
				if err != nil {
					t.Fatal(err)
				}
			}
			if edits := open(c.file).Edits(); len(edits) != c.edits {
				t.Errorf("edits: %+v", edits)
			}
		})
	}
}

// A file that could not be rewritten since its edit was followed is no edit again.
func TestFollowedEditInOldFile(t *testing.T) {
	disk := NewMemoryDisk()
	open := func(file *failover.Agreed) *quorum {
		q, err := newQuorum(quorumConfig{MyID: idA, Stores: disk.open(), Initial: file, Log: zerolog.Nop()})
		if err != nil {
			t.Fatal(err)
		}
		return q
	}
	lines := func(quorum int) [][]string { return directivesOf(fileState("m", quorum, 0)) }
	q := open(fileState("m", 2, 0))
	for _, err := range []error{q.fileFollowed(lines(2)), q.cfg.Stores.close()} {
		if err != nil {
			t.Fatal(err)
		}
	}
	q = open(fileState("m", 3, 0))
	for _, err := range []error{ // the rewrites fail
		q.SaveDirectives(lines(3)), q.fileFollowed(lines(3)), q.SaveDirectives(lines(4)), q.cfg.Stores.close(),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if edits := open(fileState("m", 3, 0)).Edits(); len(edits) != 0 {
		t.Errorf("edits: %+v", edits)
	}
}

package sentinel

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/vedette-ha/vedette/failover"
)

// findEdits is what an operator changed in the file since we read or wrote it last. A
// file that is empty all of a sudden was truncated or mixed up more likely than emptied:
// one such file must not make all sentinels forget everything.
func (q *quorum) findEdits() []failover.Command {
	m, now, at := q.readMeta(), directivesOf(q.cfg.Initial), time.Now()
	if len(now) == 0 && len(m.LastRead) > 0 {
		q.log.Error().Msg("sentinel.conf names no master any more: nothing is removed, SENTINEL REMOVE does that")
		return nil
	}
	var edits []failover.Command
	if m.LastRead != nil && !sameLines(m.LastRead, now) && !sameLines(m.ReadBefore, now) {
		edits = fileEdits(m.LastRead, now, q.cfg.Initial, at)
	}
	edits = append(edits, newerInFile(q.cfg.Initial, q.localState(), at)...)
	for i := range edits {
		edits[i].ID = q.random(12)
	}
	return edits
}

// Edits are the operator's changes that are not agreed on yet: without a majority that
// takes as long as there is none, and until then the file is to keep them.
func (q *quorum) Edits() []failover.Command {
	q.mu.Lock()
	defer q.mu.Unlock()
	return slices.Clone(q.edits)
}

// proposeEdits makes the operator's changes a change for all.
func (q *quorum) proposeEdits(ctx context.Context) {
	now := directivesOf(q.cfg.Initial)
	edits := q.Edits()
	for _, c := range edits {
		if !q.proposeEdit(ctx, c) {
			return
		}
		q.mu.Lock()
		q.edits = q.edits[1:]
		q.mu.Unlock()
	}
	if len(now) == 0 && len(q.foundRead) > 0 {
		return
	}
	if err := q.fileFollowed(now); err != nil && ctx.Err() == nil {
		q.log.Error().Err(err).Msg("remember the directives of sentinel.conf")
	}
	if len(edits) > 0 && q.cfg.EditsDone != nil {
		q.cfg.EditsDone()
	}
}

// fileFollowed remembers that the file we started from has nothing new any more.
func (q *quorum) fileFollowed(now [][]string) error {
	return q.changeDirectives(func(m *storeMeta) {
		switch {
		case sameLines(m.LastRead, q.foundRead):
			m.LastRead, m.ReadBefore = now, nil
		case m.ReadBefore != nil: // it could not be written since
			m.ReadBefore = now
		}
	})
}

// SaveDirectives is to be called before sentinel.conf is rewritten, with the
// [directivesOf] of what is agreed, and FileWritten when that is done.
func (q *quorum) SaveDirectives(lines [][]string) error {
	return q.changeDirectives(func(m *storeMeta) {
		if sameLines(m.LastRead, lines) {
			return
		}
		if m.ReadBefore == nil { // else no rewrite has succeeded since
			if m.ReadBefore = m.LastRead; m.ReadBefore == nil {
				m.ReadBefore = directivesOf(q.cfg.Initial)
			}
		}
		m.LastRead = lines
	})
}

// FileWritten says that sentinel.conf was rewritten: what it was before is an edit again.
func (q *quorum) FileWritten() error {
	return q.changeDirectives(func(m *storeMeta) { m.ReadBefore = nil })
}

// changeDirectives stores what edit makes of LastRead and ReadBefore, if that is anything.
func (q *quorum) changeDirectives(edit func(m *storeMeta)) error {
	if !q.lock() {
		return errStopping
	}
	defer q.unlock()
	was := q.readMeta()
	next := *was
	if edit(&next); sameLines(was.LastRead, next.LastRead) && sameLines(was.ReadBefore, next.ReadBefore) {
		return nil
	}
	return q.change(func(m *storeMeta) error {
		m.LastRead, m.ReadBefore = next.LastRead, next.ReadBefore
		return nil
	})
}

func sameLines(a, b [][]string) bool {
	return slices.EqualFunc(a, b, func(x, y []string) bool { return slices.Equal(x, y) })
}

// proposeEdit proposes until there is a result; false: ctx has ended.
func (q *quorum) proposeEdit(ctx context.Context, c failover.Command) bool {
	for {
		r, err := q.Propose(ctx, c)
		switch {
		case err == nil && r.OK():
			q.log.Info().Str("change", c.Kind()).Str("master", c.Master()).Msg("sentinel.conf was edited: all sentinels follow")
			return true
		case err == nil:
			q.log.Warn().Str("change", c.Kind()).Str("master", c.Master()).Str("reason", string(r.Reason)).
				Msg("sentinel.conf was edited, but not so that it can be followed")
			return true
		case ctx.Err() != nil || errors.Is(err, errStopping):
			return false
		}
		select {
		case <-time.After(q.cfg.HelloPeriod):
		case <-ctx.Done():
			return false
		}
	}
}

package stream

// What a group has read is counted: EntriesRead is how many entries were ever added
// up to its LastID. The counter is not always known; these are Redis's rules for
// when it is.
//
// Source: https://redis.io/docs/latest/commands/xinfo-groups/

// Lag returns how many entries a group has yet to read; false if that is not known.
func (s *Stream) Lag(g *Group) (int64, bool) {
	switch {
	case s.added == 0:
		return 0, true
	case g.EntriesRead != ReadUnknown && !s.deletedFrom(g.LastID):
		return int64(s.added) - g.EntriesRead, true
	}
	read := s.readUpTo(g.LastID)
	if read == ReadUnknown {
		return 0, false
	}
	return int64(s.added) - read, true
}

// Advance makes id, after g.LastID, the last one delivered to g.
func (s *Stream) Advance(g *Group, id ID) {
	switch {
	case g.EntriesRead != ReadUnknown && !s.deletedFrom(id):
		g.EntriesRead++
	case s.added > 0:
		g.EntriesRead = s.readUpTo(id)
	}
	g.LastID = id
}

// deletedFrom reports whether an entry from id on was deleted from within.
func (s *Stream) deletedFrom(id ID) bool {
	return s.length > 0 && !s.maxDeleted.IsZero() && !s.maxDeleted.Less(s.first) && !s.maxDeleted.Less(id)
}

// readUpTo returns how many entries were ever added up to id, if that can be told
// from the ends of the stream, else ReadUnknown.
func (s *Stream) readUpTo(id ID) int64 {
	switch {
	case s.added == 0:
		return 0
	case s.length == 0 && !s.last.Less(id), id == s.last:
		return int64(s.added)
	case s.last.Less(id):
		return ReadUnknown
	case !s.maxDeleted.IsZero() && !s.maxDeleted.Less(s.first):
		return ReadUnknown // there may be gaps
	case id.Less(s.first):
		return int64(s.added - s.length)
	case id == s.first:
		return int64(s.added - s.length + 1)
	}
	return ReadUnknown
}

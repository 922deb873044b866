package replication

import (
	"strings"
	"testing"
)

func TestDecide(t *testing.T) {
	s := NewStream(1024, seqIDs())
	s.Activate()
	s.Append([]byte(strings.Repeat("x", 100)))
	s.Shift() // id …1 up to 100, then …2
	s.Append([]byte(strings.Repeat("x", 50)))
	id, id2 := testID(2), testID(1)
	tests := []struct {
		name string
		req  Request
		want Refusal
	}{
		{"SYNC", Request{Old: true}, NotAsked},
		{"nothing to continue", Request{ID: "?", Offset: -1}, NotAsked},
		{"unknown history", Request{ID: testID(9), Offset: 10}, OtherHistory},
		{"the zeros of INFO are no id", Request{ID: noReplID, Offset: 1}, OtherHistory},
		{"from the first byte", Request{ID: id, Offset: 1}, Continues},
		{"nothing missing", Request{ID: id, Offset: 151}, Continues},
		{"ids are compared without case", Request{ID: ReplID(strings.ToUpper(string(id))), Offset: 151}, Continues},
		{"ahead of us", Request{ID: id, Offset: 152}, OutsideBuffer},
		{"before the history", Request{ID: id, Offset: 0}, OutsideBuffer},
		{"second id, at its end", Request{ID: id2, Offset: 101}, Continues},
		{"second id, inside", Request{ID: id2, Offset: 42}, Continues},
		{"second id, past its end", Request{ID: id2, Offset: 102}, PastSecondID},
	}
	for _, tt := range tests {
		if got := s.Decide(tt.req); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
	s.Deactivate()
	if got := s.Decide(Request{ID: id, Offset: 151}); got != OutsideBuffer {
		t.Errorf("without history: %v, want %v", got, OutsideBuffer)
	}
}

// The second id of a stream that has none must not match the request's empty one.
func TestDecideWithoutSecondID(t *testing.T) {
	s := NewStream(1024, seqIDs())
	s.Activate()
	if got := s.Decide(Request{ID: "", Offset: 1}); got != OtherHistory {
		t.Errorf("empty id: %v, want %v", got, OtherHistory)
	}
}

func TestParseRequest(t *testing.T) {
	tests := []struct {
		line string
		want Request
		err  bool
	}{
		{"SYNC", Request{Old: true}, false},
		{"psync ? -1", Request{ID: "?", Offset: -1}, false},
		{"PSYNC abc 12", Request{ID: "abc", Offset: 12}, false},
		{"PSYNC abc 12 FAILOVER", Request{ID: "abc", Offset: 12, Failover: true}, false},
		{"PSYNC abc 12 other", Request{ID: "abc", Offset: 12}, false},
		{"PSYNC abc 1x", Request{}, true},
	}
	for _, tt := range tests {
		got, err := ParseRequest(words(tt.line))
		if (err != nil) != tt.err || got != tt.want {
			t.Errorf("%s: %+v, %v", tt.line, got, err)
		}
	}
}

// words splits a line into a command's arguments.
func words(line string) (args [][]byte) {
	for _, w := range strings.Fields(line) {
		args = append(args, []byte(w))
	}
	return args
}

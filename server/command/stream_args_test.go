package command

import (
	"testing"

	"github.com/vedette-ha/vedette/server/keyspace/stream"
)

// Ids are read as Redis reads them: plain integers, or else what strtoull takes.
func TestParseID(t *testing.T) {
	const most = 1<<64 - 1
	tests := []struct {
		arg  string
		want stream.ID
		ok   bool
	}{
		{"1-2", stream.ID{MS: 1, Seq: 2}, true},
		{"0-0", stream.ID{}, true},
		{"5", stream.ID{MS: 5, Seq: 9}, true},
		{"18446744073709551615-18446744073709551615", stream.MaxID, true},
		{"18446744073709551616-0", stream.ID{}, false},
		{"1-18446744073709551616", stream.ID{}, false},
		{"007-008", stream.ID{MS: 7, Seq: 8}, true},
		{" 7- 8", stream.ID{MS: 7, Seq: 8}, true},
		{"+7-+8", stream.ID{MS: 7, Seq: 8}, true},
		{"1--2", stream.ID{}, false},
		{"1--0", stream.ID{MS: 1}, true},
		{"1--02", stream.ID{MS: 1, Seq: most - 1}, true},
		{"1-2\x00junk", stream.ID{MS: 1, Seq: 2}, true},
		{"-1", stream.ID{}, false},
		{"1-", stream.ID{}, false},
		{"", stream.ID{}, false},
		{"-", stream.ID{}, false},
		{"+", stream.ID{}, false},
		{"1-*", stream.ID{}, false},
		{"*", stream.ID{}, false},
		{"1-2 ", stream.ID{}, false},
		{"0x10-1", stream.ID{}, false},
	}
	for _, test := range tests {
		id, err := parseID([]byte(test.arg), 9)
		if (err == nil) != test.ok || test.ok && id != test.want {
			t.Errorf("%q: %v, %v", test.arg, id, err)
		}
	}
}

// Whatever is taken for an id is one that its text gives again.
func FuzzParseID(f *testing.F) {
	for _, s := range []string{"1-2", "5", " 7--0", "18446744073709551615-3", "-", "1-*"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, arg []byte) {
		id, _, err := parseNewID(arg, 0)
		if err != nil {
			return
		}
		again, err := parseID(id.Append(nil), 7)
		if err != nil || again != id {
			t.Fatalf("%q is %v, which is %v, %v", arg, id, again, err)
		}
	})
}

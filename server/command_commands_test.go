package server

import "testing"

// Every command says in one sentence what it does, for redis-cli's help.
func TestSummaries(t *testing.T) {
	s := direct(t).srv
	for _, cmd := range s.table.All() {
		if cmd.Doc.Summary == "" {
			t.Errorf("%s has no summary", cmd.Name)
		}
		for _, sub := range cmd.Subs {
			if sub.Doc.Summary == "" {
				t.Errorf("%s has no summary", sub.Name)
			}
		}
	}
}

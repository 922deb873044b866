package sentinel

import "testing"

// Every command says what it does, and commands.jsonl describes nothing else.
func TestCommandDocs(t *testing.T) {
	more := parseArgumentDocs()
	table := newTable(connectionCommands(), clientCommands(), pubsubCommands(), serverCommands(), sentinelCommands(), aclCommands())
	for i := range table.rows {
		for _, row := range append([]command{table.rows[i]}, table.rows[i].subs...) {
			d := more[row.full]
			delete(more, row.full)
			if row.group == "" || row.since == "" || row.about == "" && (d == nil || d.Summary == "") {
				t.Errorf("%s lacks its group, its version or a summary", row.full)
			}
			if d != nil && row.about != "" && d.Summary != "" {
				t.Errorf("%s has two summaries", row.full)
			}
		}
	}
	for name := range more {
		t.Errorf("commands.jsonl has %s, which is no command", name)
	}
}

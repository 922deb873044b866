package sentinel

import (
	"bytes"
	"cmp"
	"context"
	_ "embed"
	"encoding/json"
	"fmt"

	"github.com/vedette-ha/vedette/internal/commanddocs"
)

// argumentDocs has a line for each row that has more to tell than the row itself.
//
//go:embed commands.jsonl
var argumentDocs []byte

// argumentDoc is a line of commands.jsonl.
type argumentDoc struct {
	Name            string          `json:"name"`    // "sentinel|set"
	Summary         string          `json:"summary"` // of rows without one
	Complexity      string          `json:"complexity"`
	Arguments       json.RawMessage `json:"arguments"`
	DeprecatedSince string          `json:"deprecated_since"`
	ReplacedBy      string          `json:"replaced_by"`
}

// parseArgumentDocs reads commands.jsonl; it panics if that is not in order.
func parseArgumentDocs() map[string]*argumentDoc {
	docs := make(map[string]*argumentDoc)
	for line := range bytes.Lines(argumentDocs) {
		d := &argumentDoc{}
		if err := json.Unmarshal(line, d); err != nil {
			panic(fmt.Sprintf("sentinel: commands.jsonl: %v", err))
		}
		docs[d.Name] = d
	}
	return docs
}

// COMMAND DOCS [name ...]: unknown names are left out.
func commandDocs(_ context.Context, c *session, args [][]byte) error {
	rows := c.s.table.rows
	if len(args) > 2 {
		rows = nil
	}
	for _, a := range args[2:] {
		if row := c.s.table.find(a); row != nil {
			rows = append(rows, *row)
		}
	}
	commanddocs.Write(&c.w, docsOf(rows, parseArgumentDocs()))
	return nil
}

func docsOf(rows []command, more map[string]*argumentDoc) []commanddocs.Doc {
	docs := make([]commanddocs.Doc, len(rows))
	for i := range rows {
		row := &rows[i]
		docs[i] = commanddocs.Doc{Name: row.full, Summary: row.about, Since: row.since, Group: row.group, Subs: docsOf(row.subs, more)}
		if d := more[row.full]; d != nil {
			docs[i].Summary = cmp.Or(row.about, d.Summary)
			docs[i].Complexity, docs[i].Arguments = d.Complexity, d.Arguments
			docs[i].DeprecatedSince, docs[i].ReplacedBy = d.DeprecatedSince, d.ReplacedBy
		}
	}
	return docs
}
